//! `cargo xtask interop secrets`: the extension reads its token from an AWS that `moto` plays, and follows a rotation.
//!
//! moto checks the signature of each request with AWS's own SDK for Python, the session token, and what the role may do.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lambda_sandbox::{Sandbox, ShutdownReason};
use pyroscope_sink::{Answer, Behaviour, Options, Reaction, Sink};
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::cargo::Build;
use crate::environment::{self, keep_log};
use crate::error::Error;
use crate::load;
use crate::load::order::{Order, Then};
use crate::port;
use crate::workshop::Workshop;

/// How long moto may take to start, and a profile to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

const HINT: &str = "install Python 3.10 or later with venv (Debian: python3-venv)";

const RUN: &str = "secrets at AWS";

/// A moto server, which is killed when it is dropped.
struct Moto {
    _server: Child,
    endpoint: String,
    interpreter: PathBuf,
    folder: PathBuf,
}

/// What is kept there, and whose keys open it.
#[derive(Deserialize)]
struct Kept {
    secret: String,
    parameter: String,
    keeper: Keys,
    function: Keys,
}

#[derive(Clone, Deserialize)]
struct Keys {
    id: String,
    secret: String,
    #[serde(default)]
    token: String,
}

/// A remote that takes one token at a time.
struct Remote {
    sink: Sink,
    token: Arc<Mutex<String>>,
}

/// What the environments have in common.
struct Ground<'run> {
    extension: PathBuf,
    folder: &'run Path,
    moto: Moto,
    kept: Kept,
}

/// Runs it in a folder of its own under `interop`.
pub(super) async fn run(build: &Build, interop: &Path) -> Result<(), Error> {
    let workshop = Workshop::open(interop, "moto", &["keep.py", "requirements.txt"])?;
    let interpreter = workshop.virtual_environment(HINT).await?;
    let moto = Moto::start(interpreter, workshop.folder.clone()).await?;
    let kept = moto.prepare("token-0").await?;
    let extension = environment::install(&build.extension()?, &workshop.folder)?;
    let ground = Ground { extension, folder: &workshop.folder, moto, kept };

    let of_secret = format!("{}#token", ground.kept.secret);
    let of_parameter = ground.kept.parameter.clone();
    let mut wrong = Vec::new();
    for (number, arn) in [of_secret.as_str(), &of_parameter].into_iter().enumerate() {
        println!("\n{arn}: read, and followed through a rotation");
        wrong.extend(ground.rotate(arn, number * 2).await?);
    }
    println!("\n{of_secret}: with keys that are not the role's");
    wrong.extend(ground.refuse(&of_secret).await?);
    if wrong.is_empty() {
        println!("\nAll is well: secrets were read, signed for, rotated, and refused where they had to be.");
        return Ok(());
    }
    let log = Some(ground.folder.join("log.txt"));
    Err(Error::Wrong { run: RUN, wrong, log })
}

// === impl Moto ===

impl Moto {
    async fn start(interpreter: PathBuf, folder: PathBuf) -> Result<Self, Error> {
        let port = port::any()?;
        let program = interpreter.with_file_name("moto_server");
        let server = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let server = server.map_err(missing(&program))?;
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if since.elapsed() > PATIENCE {
                return Err(Error::part("moto", &"it does not listen"));
            }
            sleep(Duration::from_millis(50)).await;
        }
        let endpoint = format!("http://127.0.0.1:{port}");
        Ok(Self { _server: server, endpoint, interpreter, folder })
    }

    async fn prepare(&self, token: &str) -> Result<Kept, Error> {
        let printed = self.keep("prepare", token, None).await?;
        serde_json::from_slice(&printed).map_err(|source| Error::Unreadable { of: "keep.py", source })
    }

    async fn keep(&self, command: &str, token: &str, keys: Option<&Keys>) -> Result<Vec<u8>, Error> {
        let mut keeping = Command::new(&self.interpreter);
        keeping.args(["keep.py", command, &self.endpoint, token]).current_dir(&self.folder);
        if let Some(keys) = keys {
            keeping.env("AWS_ACCESS_KEY_ID", &keys.id).env("AWS_SECRET_ACCESS_KEY", &keys.secret);
        }
        let output = keeping.stderr(Stdio::inherit()).output().await;
        let output = output.map_err(missing(&self.interpreter))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(Error::Failed { command: format!("keep.py {command}"), status: output.status })
    }
}

fn missing(program: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let program = program.display().to_string();
    move |source| Error::Missing { program, hint: HINT, source }
}

// === impl Remote ===

impl Remote {
    async fn taking(token: &str) -> Result<Self, Error> {
        let token = Arc::new(Mutex::new(token.to_owned()));
        let current = Arc::clone(&token);
        let behaviour = Behaviour::normal().when(move |incoming| {
            let expected = format!("Bearer {}", current.lock().unwrap_or_else(PoisonError::into_inner));
            let knows = incoming.header("authorization") == expected;
            (!knows).then(|| Reaction::Answer(Answer::code(401)))
        });
        let sink = Sink::start(Options::default().behaviour(behaviour)).await;
        Ok(Self { sink: sink.map_err(|source| Error::part("the server", &source))?, token })
    }

    fn take(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until `count` profiles have arrived.
    async fn accepts(&self, count: usize) -> Option<String> {
        let arrived = self.sink.wait_until(|arrivals| arrivals.accepted().count() >= count, PATIENCE).await;
        arrived.is_err().then(|| format!("fewer than {count} profiles arrived: {}", self.sink.totals()))
    }
}

// === impl Ground ===

impl Ground<'_> {
    /// An environment that lives through a change of the token at AWS and at the remote.
    async fn rotate(&self, arn: &str, number: usize) -> Result<Vec<String>, Error> {
        let [old, new] = [number, number + 1].map(|number| format!("token-{number}"));
        self.moto.keep("change", &old, Some(&self.kept.keeper)).await?;
        let remote = Remote::taking(&old).await?;
        let sandbox = self.start(arn, &self.kept.function, &remote).await?;
        let mut wrong = Vec::new();
        for first in 0..2 {
            invoke(&sandbox, first).await?;
        }
        wrong.extend(remote.accepts(2).await);
        self.moto.keep("change", &new, Some(&self.kept.keeper)).await?;
        remote.take(&new);
        for first in 2..4 {
            invoke(&sandbox, first).await?;
        }
        wrong.extend(remote.accepts(4).await);
        let refused = remote.sink.arrivals().rejected().count();
        if !(1..=4).contains(&refused) {
            wrong.push(format!("{refused} requests with the old token were refused"));
        }
        wrong.extend(self.end(&sandbox, &["read again, and it is another now"], &[&old, &new]).await?);
        Ok(wrong)
    }

    /// An environment whose keys AWS does not take.
    async fn refuse(&self, arn: &str) -> Result<Vec<String>, Error> {
        let keys = Keys { secret: "not the role's".to_owned(), ..self.kept.function.clone() };
        let remote = Remote::taking("any").await?;
        let sandbox = self.start(arn, &keys, &remote).await?;
        for first in 0..2 {
            invoke(&sandbox, first).await?;
        }
        let told = ["profiles wait until it can be read", "accepted=2 delivered=0", "lost=2"];
        let mut wrong = self.end(&sandbox, &told, &[&keys.secret]).await?;
        if remote.sink.totals().requests > 0 {
            wrong.push("profiles were sent without credentials".to_owned());
        }
        Ok(wrong)
    }

    async fn start(&self, arn: &str, keys: &Keys, remote: &Remote) -> Result<Sandbox, Error> {
        let ledger = self.folder.join("ledger");
        let _ = std::fs::remove_file(&ledger);
        load::environment::around(&self.extension, port::relay()?, &ledger)?
            .extension_env("PYROSCOPE_REMOTE_ADDRESS", remote.sink.url())
            .extension_env("PYROSCOPE_SPOOL_DIR", "")
            .extension_env("PYROSCOPE_LOG_LEVEL", "trace")
            .extension_env("PYROSCOPE_AUTH_TOKEN_ARN", arn)
            .extension_env("AWS_ENDPOINT_URL", &self.moto.endpoint)
            .extension_env("AWS_ACCESS_KEY_ID", &keys.id)
            .extension_env("AWS_SECRET_ACCESS_KEY", &keys.secret)
            .extension_env("AWS_SESSION_TOKEN", &keys.token)
            .start()
            .await
            .map_err(|source| Error::part("the init phase", &source))
    }

    /// Ends an environment whose log has to have each of `told` and nothing of `hidden`.
    async fn end(&self, sandbox: &Sandbox, told: &[&str], hidden: &[&str]) -> Result<Vec<String>, Error> {
        let shutdown = sandbox.shutdown(ShutdownReason::Spindown).await;
        let lines = sandbox.logs();
        keep_log(&lines, self.folder)?;
        let has = |text: &str| lines.iter().any(|line| line.text.contains(text));
        let mut wrong = Vec::new();
        if !shutdown.is_clean() {
            wrong.push(format!("the end was not clean: {shutdown:?}"));
        }
        wrong.extend(
            told.iter().filter(|text| !has(text)).map(|text| format!("no line of the log has {text:?}")),
        );
        wrong.extend(hidden.iter().filter(|text| has(text)).map(|text| format!("the log shows {text:?}")));
        Ok(wrong)
    }
}

/// One invocation, which posts a profile.
async fn invoke(sandbox: &Sandbox, first: u64) -> Result<(), Error> {
    let order = Order { seed: 1, first, profiles: 1, work_ms: 50, then: Then::Answer };
    let invocation = sandbox.invoke(order.payload()).await;
    let invocation = invocation.map_err(|source| Error::part("an invocation", &source))?;
    invocation.fault.map_or(Ok(()), |fault| Err(Error::part("an invocation", &fault)))
}
