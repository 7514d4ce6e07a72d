//! One invocation: INVOKE to the extensions, the event to the runtime, its response, then everybody back in `next`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::oneshot;

use super::state::{Answer, Environment, ExtensionEvent, InFlight, RuntimeEvent, Shared};
use crate::error::Fault;
use crate::event::{Event, epoch_ms, whole_ms};
use crate::id;
use crate::report::{ExtensionTime, Invocation};

/// An invocation as it is asked for.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) payload: Bytes,
    /// Its id, where the caller has told somebody already.
    pub(crate) request_id: Option<String>,
    /// Instead of the function's own.
    pub(crate) timeout: Option<Duration>,
    /// The client's `X-Amzn-Trace-Id`.
    pub(crate) trace: Option<String>,
    /// The client's context, a JSON text.
    pub(crate) client_context: Option<String>,
    /// Is given the answer as soon as the runtime has posted it, and dropped where there is none.
    pub(crate) answered: Option<oneshot::Sender<Answer>>,
}

/// How an invocation went on after it was sent.
enum Step<T> {
    Done(T),
    Fault(Fault),
}

/// Sends an invocation and waits for its end; freezing and resetting is up to the caller.
pub(super) async fn invoke(shared: &Shared, call: Call) -> Invocation {
    let limit = call.timeout.unwrap_or(shared.settings.timeout);
    let request_id = call.request_id.unwrap_or_else(id::uuid);
    let (sent, started_ms) = (Instant::now(), epoch_ms());
    let deadline_ms = started_ms.saturating_add(whole_ms(limit));
    let by = sent + limit;

    let trace = call.trace.unwrap_or_else(|| id::trace_header(started_ms / 1000));
    shared.journal.emit(Event::InvokeStarted { request_id: request_id.clone(), deadline_ms });
    let event = RuntimeEvent {
        request_id: request_id.clone(),
        deadline_ms,
        arn: shared.settings.arn(),
        trace,
        client_context: call.client_context,
        payload: call.payload,
    };
    let managed = shared.settings.is_managed();
    shared.update(|environment| send(environment, event));

    let answered =
        step(shared, by, limit, |environment| environment.invocation_mut(&request_id)?.answer.clone());
    let (answer, mut fault) = match answered.await {
        Step::Done(answer) => (Some(answer), None),
        Step::Fault(fault) => (None, Some(fault)),
    };
    if let (Some(waiting), Some((answer, _))) = (call.answered, &answer) {
        // A client that has gone does not stop the function.
        let _ = waiting.send(answer.clone());
    }
    let answered_at = answer.as_ref().map_or_else(Instant::now, |(_, at)| *at);
    if fault.is_none()
        && !managed
        && let Step::Fault(late) =
            step(shared, by, limit, |environment| environment.runtime.is_ready().then_some(())).await
    {
        fault = Some(late);
    }
    let (status, bytes) = match (&answer, &fault) {
        (_, Some(Fault::Timeout { .. })) => ("timeout", 0),
        (_, Some(_)) => ("failure", 0),
        (Some((Answer::Response(body), _)), None) => ("success", body.len()),
        (_, None) => ("error", 0),
    };
    let done = Event::RuntimeDone { request_id: request_id.clone(), status, duration: sent.elapsed(), bytes };
    shared.journal.emit(done);
    if fault.is_none() && !managed {
        let back = step(shared, by, limit, |environment| environment.not_back().is_empty().then_some(()));
        if let Step::Fault(late) = back.await {
            fault = Some(late);
        }
    }

    let (extensions, ended_at) = {
        let mut environment = shared.lock();
        environment.invocations.retain(|invocation| invocation.request_id != request_id);
        environment.runtime.queue.retain(|event| event.request_id != request_id);
        // Managed: nothing after the response counts, as the environment goes on anyway.
        let ended_at = match (&fault, managed) {
            (Some(_), _) => Instant::now(),
            (None, true) => answered_at,
            (None, false) => all_back_at(&environment).unwrap_or(answered_at),
        };
        (times(&environment, answered_at), ended_at)
    };
    if let Some(fault) = &fault {
        shared.journal.emit(Event::Fault(fault.clone()));
    }
    let (response, function_error) = match answer {
        Some((Answer::Response(body), _)) => (Some(body.to_vec()), None),
        Some((Answer::Error(error), _)) => (None, Some(error)),
        None => (None, None),
    };
    Invocation {
        request_id,
        init: None,
        started_ms,
        deadline_ms,
        handler: answered_at.saturating_duration_since(sent),
        after_response: ended_at.saturating_duration_since(answered_at),
        extensions,
        response,
        function_error,
        fault,
        reset: None,
    }
}

/// Extensions first, then the runtime; which of them gets its own first is a race, as on Lambda.
fn send(environment: &mut Environment, event: RuntimeEvent) {
    let (kind, value) = ("X-Amzn-Trace-Id", &event.trace);
    let invoke = json!({
        "eventType": "INVOKE",
        "deadlineMs": event.deadline_ms,
        "requestId": event.request_id,
        "invokedFunctionArn": event.arn,
        "tracing": {"type": kind, "value": value},
    });
    let body = Bytes::from(invoke.to_string());
    for extension in environment.extensions.iter_mut().filter(|extension| extension.invoke) {
        extension.pending.push_back(ExtensionEvent { content_type: "application/json", body: body.clone() });
    }
    let request_id = event.request_id.clone();
    environment.invocations.push(InFlight { request_id, fetched: false, answer: None });
    environment.runtime.queue.push_back(event);
}

/// Waits for a condition, a fault or the deadline, whichever comes first.
async fn step<T>(
    shared: &Shared,
    by: Instant,
    limit: Duration,
    mut done: impl FnMut(&mut Environment) -> Option<T>,
) -> Step<T> {
    let waited = shared.until(|environment| {
        // What was finished before a fault stays finished.
        done(environment).map(Step::Done).or_else(|| environment.fault.clone().map(Step::Fault))
    });
    tokio::time::timeout_at(by.into(), waited).await.unwrap_or_else(|_| {
        let waiting_for = shared.lock().not_back();
        Step::Fault(Fault::Timeout { limit, waiting_for })
    })
}

fn all_back_at(environment: &Environment) -> Option<Instant> {
    let extensions = environment.extensions.iter().filter(|extension| extension.invoke);
    extensions.filter_map(|extension| extension.ready_at).chain(environment.runtime.ready_at).max()
}

fn times(environment: &Environment, answered_at: Instant) -> Vec<ExtensionTime> {
    let extensions = environment.extensions.iter().filter(|extension| extension.invoke);
    extensions
        .map(|extension| {
            let back = extension.is_ready().then_some(extension.ready_at).flatten();
            let after: Option<Duration> = back.map(|at| at.saturating_duration_since(answered_at));
            ExtensionTime { name: extension.name.clone(), after_response: after }
        })
        .collect()
}
