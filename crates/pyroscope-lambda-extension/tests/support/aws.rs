//! A stand-in for Secrets Manager and the Parameter Store, and for the keys that Lambda hands out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::PATIENCE;
use super::extension::Setup;
use super::http::Message;

/// A secret of Secrets Manager that the stand-in takes any ARN for.
pub const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pyroscope-AbCdEf";
/// A parameter of the Parameter Store.
pub const PARAMETER: &str = "arn:aws:ssm:eu-west-1:123456789012:parameter/pyroscope/token";

/// The path at which keys are handed out.
const KEYS: &str = "/2021-04-23/credentials";
/// What has to be shown for them.
const KEYS_TOKEN: &str = "s3cret-token-for-keys";

#[derive(Debug)]
pub struct Aws {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    calls: watch::Sender<Vec<Message>>,
    /// What is kept, whatever it is called.
    kept: Mutex<String>,
    /// For the next calls; once it is empty what is kept is handed out.
    answers: Mutex<VecDeque<Reply>>,
}

#[derive(Debug)]
enum Reply {
    Error(u16, &'static str),
    Never,
}

// === impl Aws ===

impl Aws {
    /// One that keeps `secret`.
    pub async fn keeping(secret: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let aws = Self { address, shared: Arc::clone(&shared) };
        aws.keep(secret);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&shared).connection(stream));
            }
        });
        aws
    }

    /// From now on keeps `secret`.
    pub fn keep(&self, secret: &str) {
        secret.clone_into(&mut self.shared.kept.lock().unwrap());
    }

    /// Answers the next call that has no answer yet with an error.
    pub fn refuses(&self, status: u16, body: &'static str) {
        self.shared.answers.lock().unwrap().push_back(Reply::Error(status, body));
    }

    /// Never answers the next call that has no answer yet.
    pub fn hangs(&self) {
        self.shared.answers.lock().unwrap().push_back(Reply::Never);
    }

    /// Sets up an extension to ask here, with keys of its environment.
    pub fn with_keys(&self, setup: Setup) -> Setup {
        self.asked_by(setup)
            .set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .set("AWS_SECRET_ACCESS_KEY", "s3cret-access-key")
            .set("AWS_SESSION_TOKEN", "s3cret-session-token")
    }

    /// Sets up an extension to ask here, with keys that are handed out here, too.
    pub fn with_keys_of_container(&self, setup: Setup) -> Setup {
        self.asked_by(setup)
            .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{}{KEYS}", self.address))
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", KEYS_TOKEN)
    }

    fn asked_by(&self, setup: Setup) -> Setup {
        setup.set("AWS_ENDPOINT_URL", format!("http://{}", self.address))
    }

    /// The calls for a secret so far.
    pub fn calls(&self) -> Vec<Message> {
        secrets(&self.shared.calls.borrow()).cloned().collect()
    }

    /// The calls for keys so far.
    pub fn calls_for_keys(&self) -> usize {
        self.shared.calls.borrow().iter().filter(|call| call.target() == KEYS).count()
    }

    /// Waits for the `count`th call for a secret, and gives it.
    pub async fn called(&self, count: usize) -> Message {
        let mut calls = self.shared.calls.subscribe();
        let enough = |calls: &Vec<Message>| secrets(calls).count() >= count;
        timeout(PATIENCE, calls.wait_for(enough)).await.expect("a call in time").unwrap();
        self.calls().swap_remove(count - 1)
    }
}

fn secrets(calls: &[Message]) -> impl Iterator<Item = &Message> {
    calls.iter().filter(|call| call.target() != KEYS)
}

// === impl Shared ===

impl Shared {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Ok(Some(call)) = Message::read(&mut stream).await {
            let (status, body) = match self.answer(&call) {
                Some(answer) => answer,
                None => std::future::pending().await,
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// The answer to a call; none where there is to be none.
    fn answer(&self, call: &Message) -> Option<(u16, String)> {
        self.calls.send_modify(|calls| calls.push(call.clone()));
        if call.target() == KEYS {
            return Some(keys(call));
        }
        match self.answers.lock().unwrap().pop_front() {
            Some(Reply::Never) => return None,
            Some(Reply::Error(status, body)) => return Some((status, body.to_owned())),
            None => {}
        }
        let kept = self.kept.lock().unwrap();
        Some(match call.header("x-amz-target").as_str() {
            "secretsmanager.GetSecretValue" => (200, json!({ "SecretString": *kept }).to_string()),
            "AmazonSSM.GetParameter" => (200, json!({ "Parameter": { "Value": *kept } }).to_string()),
            _ => (400, json!({ "__type": "UnknownOperationException" }).to_string()),
        })
    }
}

fn keys(call: &Message) -> (u16, String) {
    if call.header("authorization") != KEYS_TOKEN {
        return (404, "{}".to_owned());
    }
    let keys = json!({
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "s3cret-access-key",
        "Token": "s3cret-session-token",
        "Expiration": "2015-08-30T12:36:00Z",
    });
    (200, keys.to_string())
}
