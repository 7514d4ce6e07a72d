//! The Runtime API, version 2018-06-01.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;

use super::answer::{NOT_ALLOWED, accepted, forbidden, refused, text};
use crate::engine::{Answer as Posted, Environment, RuntimeEvent, Shared};
use crate::error::Fault;
use crate::event::Event;
use crate::process::RUNTIME;
use crate::report::FunctionError;
use crate::settings::InitializationType;

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";
/// 6 MiB and 100 bytes: what Lambda takes as a response.
const MAX_RESPONSE: usize = 6 * 1024 * 1024 + 100;

type Answer = Response<Body>;
type Call = State<Arc<Shared>>;

/// Counts a request of the runtime that waits in `next`, for as long as it waits.
struct Waiting<'a>(&'a Shared);

/// `GET /runtime/invocation/next`
pub(super) async fn next(State(shared): Call) -> Answer {
    let first = shared.update(|environment| {
        // One that serves several invocations at once may well ask for more.
        let busy = environment
            .invocations
            .iter()
            .any(|invocation| invocation.fetched && invocation.answer.is_none());
        if busy && !shared.settings.is_managed() {
            return None;
        }
        let now = Instant::now();
        let first = environment.runtime.first_next_at.is_none();
        environment.runtime.first_next_at.get_or_insert(now);
        environment.runtime.ready_at = Some(now);
        environment.runtime.waiting += 1;
        Some(first)
    });
    let Some(first) = first else {
        return wrong_state("Running", "Ready");
    };
    let _waiting = Waiting(&shared);
    if first {
        shared.journal.emit(Event::FirstNext { name: RUNTIME.to_owned() });
    }
    let event = shared
        .until(|environment| {
            let event = environment.runtime.queue.pop_front()?;
            if let Some(invocation) = environment.invocation_mut(&event.request_id) {
                invocation.fetched = true;
            }
            Some(event)
        })
        .await;
    event_answer(event)
}

fn event_answer(event: RuntimeEvent) -> Answer {
    let mut answer = Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", event.request_id)
        .header("Lambda-Runtime-Deadline-Ms", event.deadline_ms)
        .header("Lambda-Runtime-Invoked-Function-Arn", event.arn)
        .header("Lambda-Runtime-Trace-Id", event.trace);
    if let Some(context) = event.client_context {
        answer = answer.header("Lambda-Runtime-Client-Context", context);
    }
    let answer = answer.body(Body::from(event.payload));
    // A name or region that can't be sent as a header is the only way to get here.
    answer.unwrap_or_else(|error| {
        refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", error.to_string())
    })
}

/// `POST /runtime/invocation/{id}/response`
pub(super) async fn response(State(shared): Call, Path(id): Path<String>, body: Bytes) -> Answer {
    if body.len() > MAX_RESPONSE {
        let error_type = "Function.ResponseSizeTooLarge";
        let message = format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
        let error = FunctionError { error_type: error_type.to_owned(), body: message.clone() };
        let taken = post(&shared, &id, Posted::Error(error), "InvocationResponse");
        if taken.status().is_success() {
            return refused(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message);
        }
        return taken;
    }
    post(&shared, &id, Posted::Response(body), "InvocationResponse")
}

/// `POST /runtime/invocation/{id}/error`
pub(super) async fn error(
    State(shared): Call,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let error_type = text(&headers, ERROR_TYPE).to_owned();
    let error = FunctionError { error_type, body: String::from_utf8_lossy(&body).into_owned() };
    post(&shared, &id, Posted::Error(error), "InvocationErrorResponse")
}

fn post(shared: &Shared, id: &str, posted: Posted, state: &str) -> Answer {
    let (bytes, error) = match &posted {
        Posted::Response(body) => (body.len(), false),
        Posted::Error(error) => (error.body.len(), true),
    };
    let taken = shared.update(|environment: &mut Environment| {
        let Some(invocation) = environment.invocation_mut(id) else {
            return Err(Box::new(refused(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")));
        };
        if invocation.answer.is_some() || !invocation.fetched {
            return Err(Box::new(wrong_state("Ready", state)));
        }
        invocation.answer = Some((posted, Instant::now()));
        Ok(())
    });
    match taken {
        Ok(()) => {
            shared.journal.emit(Event::Response { request_id: id.to_owned(), bytes, error });
            accepted()
        }
        Err(answer) => *answer,
    }
}

/// `POST /runtime/init/error`
pub(super) async fn init_error(State(shared): Call, headers: HeaderMap, body: Bytes) -> Answer {
    shared.update(|environment| {
        if environment.runtime.first_next_at.is_some() {
            return wrong_state("Ready", "InitError");
        }
        let error_type = text(&headers, ERROR_TYPE).to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        environment.fault.get_or_insert(Fault::RuntimeInitError { error_type, body });
        accepted()
    })
}

/// `GET /runtime/restore/next`: a runtime that knows SnapStart waits here for the restore, instead of in `next`.
pub(super) async fn restore_next(State(shared): Call) -> Answer {
    let allowed = shared.update(|environment| {
        let allowed = shared.settings.initialization == InitializationType::SnapStart;
        if allowed {
            environment.runtime.first_next_at.get_or_insert_with(Instant::now);
        }
        allowed
    });
    if !allowed {
        return wrong_state("Started", "RestoreReady");
    }
    shared.journal.emit(Event::FirstNext { name: RUNTIME.to_owned() });
    shared.until(|environment| environment.restored.then_some(())).await;
    Response::new(Body::empty())
}

/// `POST /runtime/restore/error`
pub(super) async fn restore_error(State(shared): Call, headers: HeaderMap, body: Bytes) -> Answer {
    shared.update(|environment| {
        let error_type = text(&headers, ERROR_TYPE).to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        environment.fault.get_or_insert(Fault::RuntimeInitError { error_type, body });
        accepted()
    })
}

fn wrong_state(from: &str, to: &str) -> Answer {
    let message = format!("State transition from {from} to {to} failed for runtime. Error: {NOT_ALLOWED}");
    forbidden("InvalidStateTransition", message)
}

// === impl Waiting ===

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.update(|environment| {
            environment.runtime.waiting = environment.runtime.waiting.saturating_sub(1);
        });
    }
}
