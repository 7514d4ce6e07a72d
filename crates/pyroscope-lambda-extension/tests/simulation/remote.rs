//! The Pyroscope server, which answers as it is told.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::sleep;
use turmoil::net::TcpListener;

use crate::dice::Dice;
use crate::function;
use crate::journal::Event;
use crate::world::World;

/// The header in which the remote numbers its answers.
pub(crate) const ARRIVAL: &str = "x-arrival";

/// The port that it listens on.
pub(crate) const PORT: u16 = 4_040;

/// How one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 200.
    Ok,
    /// 200, after a while.
    Late(Duration),
    /// 400: never again.
    Refusal,
    /// 503.
    Unavailable,
    /// 503, and not again before so many seconds.
    RetryAfter(u64),
    /// None, ever.
    Silence,
    /// The profile is taken, and the connection closed without a word.
    Lost,
    /// The connection is closed before the profile is read.
    Unread,
}

/// How requests are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// All in one way.
    Always(Answer),
    /// One of these, as the dice fall.
    Any(&'static [Answer]),
}

/// Answers requests until the machine is turned off.
pub(crate) async fn run(world: Arc<World>) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let world = Arc::clone(&world);
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| respond(&world, request));
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn respond(world: &World, request: Request<Incoming>) -> io::Result<Response<Empty<Bytes>>> {
    let closed = || io::Error::other("the remote closes the connection");
    let answer = world.answer();
    if answer == Answer::Unread {
        return Err(closed());
    }
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let profile = function::number_of(&body);
    assert_eq!(body, function::body(profile, body.len()), "a profile arrives as it was posted");
    let arrival = world.next_arrival();
    world.tell(Event::Arrived { profile, arrival, answer });
    let response = Response::builder().header(ARRIVAL, arrival);
    let response = match answer {
        Answer::Ok => response,
        Answer::Late(wait) => {
            sleep(wait).await;
            response
        }
        Answer::Refusal => response.status(StatusCode::BAD_REQUEST),
        Answer::Unavailable => response.status(StatusCode::SERVICE_UNAVAILABLE),
        Answer::RetryAfter(seconds) => {
            response.status(StatusCode::SERVICE_UNAVAILABLE).header(RETRY_AFTER, seconds)
        }
        Answer::Silence => return pending().await,
        Answer::Lost | Answer::Unread => return Err(closed()),
    };
    response.body(Empty::new()).map_err(io::Error::other)
}

// === impl Answer ===

impl Answer {
    /// Whether the profile is taken.
    pub(crate) const fn is_success(self) -> bool {
        matches!(self, Self::Ok | Self::Late(_))
    }
}

// === impl Mood ===

impl Mood {
    /// How the next request is answered.
    pub(crate) fn answer(&self, dice: &mut Dice) -> Answer {
        match self {
            Self::Always(answer) => *answer,
            Self::Any(answers) => dice.one_of(answers),
        }
    }
}
