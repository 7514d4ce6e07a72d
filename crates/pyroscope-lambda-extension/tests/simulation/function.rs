//! The function, and the SDK in it that posts its profiles.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::time::sleep;
use turmoil::net::TcpStream;

use crate::journal::{Event, Profile};
use crate::world::World;

/// Where the extension listens.
pub(crate) const PORT: u16 = 4_040;

/// How many digits of a body are its profile's number.
const DIGITS: usize = 8;

/// One invocation, as the function sees it.
#[derive(Debug)]
pub(crate) struct Run {
    /// The profiles that it posts before it answers, and their size in bytes.
    pub(crate) profiles: Vec<(Profile, usize)>,
    /// How long it runs before it posts them.
    pub(crate) before: Duration,
    /// How long it runs after that.
    pub(crate) after: Duration,
    /// Told when the function has answered.
    pub(crate) done: oneshot::Sender<()>,
}

/// The function in its environment.
#[derive(Debug)]
pub(crate) struct Function {
    world: Arc<World>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// A profile like no other.
pub(crate) fn body(profile: Profile, size: usize) -> Bytes {
    let mut body = format!("{profile:0DIGITS$}").into_bytes();
    body.extend(profile.to_le_bytes().into_iter().cycle().take(size.saturating_sub(DIGITS)));
    body.into()
}

/// The number of the profile that has this body.
pub(crate) fn number_of(body: &[u8]) -> Profile {
    let digits = std::str::from_utf8(&body[..DIGITS]).expect("a body begins with digits");
    digits.parse().expect("a body begins with its number")
}

// === impl Function ===

impl Function {
    pub(crate) const fn new(world: Arc<World>) -> Self {
        Self { world, connection: None }
    }

    pub(crate) async fn run(&mut self, Run { profiles, before, after, done }: Run) {
        sleep(before).await;
        for (profile, size) in profiles {
            match self.post(body(profile, size)).await {
                Ok(StatusCode::OK) => self.world.tell(Event::Acknowledged(profile)),
                Ok(_) | Err(_) => self.world.tell(Event::NotTaken(profile)),
            }
        }
        sleep(after).await;
        self.world.tell(Event::Responded);
        done.send(()).expect("the platform waits for the function");
    }

    async fn post(&mut self, body: Bytes) -> turmoil::Result<StatusCode> {
        let request = Request::post("/ingest?name=app").header("host", "localhost").body(Full::new(body))?;
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => {
                let stream = TcpStream::connect(("127.0.0.1", PORT)).await?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::task::spawn_local(connection);
                sender
            }
        };
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        self.connection = Some(connection);
        Ok(status)
    }
}
