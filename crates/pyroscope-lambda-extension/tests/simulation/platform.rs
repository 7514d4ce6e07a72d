//! The Extensions API of the simulated Lambda.

use std::io;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::{mpsc, oneshot};
use turmoil::net::TcpListener;

/// The port that it listens on.
pub(crate) const PORT: u16 = 9_001;

/// A pending call of `next`: takes the event that answers it.
pub(crate) type Asked = oneshot::Sender<serde_json::Value>;

/// Answers calls; those of `next` go to `asked`.
pub(crate) async fn serve(asked: mpsc::UnboundedSender<Asked>) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let asked = asked.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| respond(&asked, request));
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn respond(
    asked: &mpsc::UnboundedSender<Asked>,
    request: Request<Incoming>,
) -> http::Result<Response<Full<Bytes>>> {
    let response = Response::builder();
    match request.uri().path() {
        "/2020-01-01/extension/register" => {
            response.header("lambda-extension-identifier", "simulated").body(Full::from("{}"))
        }
        "/2020-01-01/extension/event/next" => {
            let (answer, event) = oneshot::channel();
            drop(asked.send(answer)); // at the end of the simulation nobody listens any more
            match event.await {
                Ok(event) => response.body(Full::from(event.to_string())),
                Err(_) => response.status(StatusCode::INTERNAL_SERVER_ERROR).body(Full::default()),
            }
        }
        _ => response.status(StatusCode::NOT_FOUND).body(Full::default()),
    }
}
