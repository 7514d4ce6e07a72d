//! The end of an environment: the runtime first, then SHUTDOWN to the extensions, then SIGKILL to whoever is left.

use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::sys::signal::Signal;
use serde_json::json;

use super::freeze;
use super::state::{Environment, ExtensionEvent, Shared};
use crate::error::Fault;
use crate::event::{Event, epoch_ms, whole_ms};
use crate::report::{ProcessEnd, ShutdownReport};
use crate::settings::ShutdownReason;

/// How long the end of a killed process is waited for.
const REAP: Duration = Duration::from_secs(5);

/// Which reason extensions are told after a fault.
pub(super) const fn reason_for(fault: &Fault) -> ShutdownReason {
    match fault {
        Fault::Timeout { .. } => ShutdownReason::Timeout,
        _ => ShutdownReason::Failure,
    }
}

/// Ends all processes; what has ended before is only reported.
pub(super) async fn shutdown(shared: &Shared, reason: ShutdownReason) -> ShutdownReport {
    freeze::thaw(shared);
    let limits = shared.settings.limits();
    let started = Instant::now();
    let by = started + limits.shutdown;
    let deadline_ms = epoch_ms().saturating_add(whole_ms(limits.shutdown));
    shared.journal.emit(Event::ShutdownStarted { reason, deadline_ms });

    let graceful = shared.update(|environment| {
        environment.shutting_down = true;
        // Without an extension nobody is asked to leave: Lambda kills the runtime at once.
        let graceful = environment.extensions.iter().any(|extension| extension.process.is_some());
        if let Some(runtime) = &mut environment.runtime.process {
            runtime.signal(if graceful { Signal::SIGTERM } else { Signal::SIGKILL });
        }
        graceful
    });
    if graceful {
        let runtime_ended = |environment: &Environment| {
            environment.runtime.process.as_ref().is_none_or(|process| !process.is_alive())
        };
        if !ended(shared, started + limits.runtime_shutdown, runtime_ended).await {
            shared.update(|environment| {
                environment.runtime.process.iter_mut().for_each(|process| process.signal(Signal::SIGKILL));
            });
        }
        shared.update(|environment| tell(environment, reason, deadline_ms));
    }
    let all_ended = |environment: &Environment| environment.processes().all(|process| !process.is_alive());
    if !ended(shared, by, all_ended).await {
        shared.update(|environment| {
            environment.processes_mut().for_each(|process| process.signal(Signal::SIGKILL));
        });
        ended(shared, Instant::now() + REAP, all_ended).await;
    }

    let report = report(&shared.lock(), reason, started);
    shared.journal.emit(Event::ShutdownDone(report.clone()));
    report
}

/// SHUTDOWN to those who asked for it; the others are killed outright.
fn tell(environment: &mut Environment, reason: ShutdownReason, deadline_ms: u64) {
    let event =
        json!({"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason.as_str()});
    let body = Bytes::from(event.to_string());
    for extension in &mut environment.extensions {
        if extension.shutdown {
            // What it did not fetch of the invocation is void.
            extension.pending.clear();
            extension
                .pending
                .push_back(ExtensionEvent { content_type: "text/plain; charset=utf-8", body: body.clone() });
        } else if let Some(process) = &mut extension.process {
            process.signal(Signal::SIGKILL);
        }
    }
}

/// Waits for a condition until `by`; whether it came true.
async fn ended(shared: &Shared, by: Instant, check: impl Fn(&Environment) -> bool) -> bool {
    let waited = shared.until(|environment| check(environment).then_some(()));
    tokio::time::timeout_at(by.into(), waited).await.is_ok()
}

fn report(environment: &Environment, reason: ShutdownReason, started: Instant) -> ShutdownReport {
    let processes: Vec<ProcessEnd> = environment
        .processes()
        .map(|process| ProcessEnd {
            name: process.name.clone(),
            pid: process.pid,
            exit: process.ended.map(|(exit, _)| exit),
            after: process
                .ended
                .map_or_else(|| started.elapsed(), |(_, at)| at.saturating_duration_since(started)),
            killed: process.killed,
        })
        .collect();
    ShutdownReport { reason, total: started.elapsed(), processes }
}
