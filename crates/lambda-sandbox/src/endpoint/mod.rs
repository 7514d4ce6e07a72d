//! The Invoke API: how clients reach the function, by Lambda's own paths and headers.
//!
//! - `request`: what a client asks for
//! - `answer`: what it is told
//! - `log`: the log that it may ask to have with the answer

mod answer;
mod log;
mod request;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, Response, Uri};
use axum::routing::post;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::engine::{Answer as Posted, Call, Sandbox};
use crate::error::InvokeError;
use crate::event::Event;
use crate::id;
use crate::report::Invocation;
use answer::Refusal;
use log::Log;
use request::{InvocationType, Request};

/// What every request needs.
struct Endpoint {
    sandbox: Arc<Sandbox>,
    /// One for each invocation that may be under way; closed when no further one begins.
    turns: Semaphore,
    /// Held by every invocation, so that the last one's end is noticed.
    under_way: mpsc::Sender<()>,
}

/// Lets clients invoke the function over HTTP, until `stop` is done; then waits for the invocations that are under way.
///
/// `POST /2015-03-31/functions/{name}/invocations` is Lambda's own Invoke, so that every AWS SDK and
/// `aws lambda invoke --endpoint-url` work. The name is the function's name, its ARN, or `function`, as AWS's runtime
/// interface emulator calls it. Requests beyond the first wait for their turn, as there is one environment; under
/// Managed Instances they run side by side. A client has its response as soon as the runtime has posted it.
///
/// The sandbox is not shut down: that is left to the caller.
pub async fn serve(
    listener: TcpListener,
    sandbox: Arc<Sandbox>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let turns = if sandbox.settings().is_managed() { Semaphore::MAX_PERMITS } else { 1 };
    let (under_way, mut all_done) = mpsc::channel(1);
    let endpoint = Arc::new(Endpoint { sandbox, turns: Semaphore::new(turns), under_way });
    let routes = Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(&endpoint));
    let address = listener.local_addr()?.to_string();
    endpoint.sandbox.journal().emit(Event::Listening { address });
    let closing = Arc::clone(&endpoint);
    let stopped = async move {
        stop.await;
        closing.turns.close();
    };
    axum::serve(listener, routes).with_graceful_shutdown(stopped).await?;
    drop(endpoint);
    // Nothing is ever sent: this waits for the last sender to go.
    let _ = all_done.recv().await;
    Ok(())
}

/// `POST /2015-03-31/functions/{name}/invocations`
async fn invoke(
    State(endpoint): State<Arc<Endpoint>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let id = id::uuid();
    let answered = match Request::read(endpoint.sandbox.settings(), &name, uri.query(), &headers, body) {
        Ok(request) => answer(&endpoint, &id, request).await,
        Err(refusal) => Err(refusal),
    };
    answer::with_id(answered.unwrap_or_else(Refusal::into_answer), &id)
}

async fn answer(endpoint: &Arc<Endpoint>, id: &str, request: Request) -> Result<Response<Body>, Refusal> {
    let settings = endpoint.sandbox.settings();
    if request.invocation_type == InvocationType::DryRun {
        return Ok(answer::nothing_done(&settings.function_version));
    }
    let log = request.tail.then(|| Log::new(&endpoint.sandbox));
    let (sender, answered) = oneshot::channel();
    let call = Call {
        payload: request.payload,
        request_id: Some(id.to_owned()),
        trace: request.trace,
        client_context: request.client_context,
        answered: Some(sender),
        ..Call::default()
    };
    // A task of its own: the function goes on where the client does not wait.
    let under_way = Arc::clone(endpoint);
    let token = endpoint.under_way.clone();
    let invocation = tokio::spawn(async move {
        let _token = token;
        in_turn(&under_way, call).await
    });
    if request.invocation_type == InvocationType::Event {
        return Ok(answer::queued());
    }
    // The log ends with the report, which there is at the end of the invocation.
    if log.is_none()
        && let Ok(posted) = answered.await
    {
        return Ok(answer::posted(&settings.function_version, posted));
    }
    let invocation = invocation.await.unwrap_or(Err(InvokeError::Ended))?;
    let text = match log {
        Some(log) => Some(log.of(&invocation, &endpoint.sandbox).await),
        None => None,
    };
    let posted = match (invocation.response, invocation.function_error) {
        (Some(response), _) => Some(Posted::Response(response.into())),
        (None, Some(error)) => Some(Posted::Error(error)),
        (None, None) => None,
    };
    let answer = match (posted, invocation.fault) {
        (Some(posted), _) => answer::posted(&settings.function_version, posted),
        (None, Some(fault)) => answer::failed(&settings.function_version, id, &fault),
        (None, None) => return Err(InvokeError::Ended.into()),
    };
    Ok(answer::with_log(answer, text.as_deref()))
}

/// Waits until no other invocation is under way. The sandbox would queue them too, but would not let those go that wait
/// when it is to end.
async fn in_turn(endpoint: &Endpoint, call: Call) -> Result<Invocation, InvokeError> {
    let _turn = endpoint.turns.acquire().await.map_err(|_| InvokeError::Ended)?;
    endpoint.sandbox.call(call).await
}
