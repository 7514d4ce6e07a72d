//! The log of one invocation, as `X-Amz-Log-Result` has it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::engine::Sandbox;
use crate::event::{Event, Record};
use crate::report::Invocation;

/// How much of the log's end is sent, in bytes before base64.
const TAIL: usize = 4096;
/// A line may still be on its way through a pipe when the invocation has ended: the log is whole once none has come for so long.
const QUIET: Duration = Duration::from_millis(20);
/// A process that is not frozen might write for ever.
const PATIENCE: Duration = Duration::from_millis(200);

/// Listens from before the invocation on.
pub(super) struct Log(mpsc::UnboundedReceiver<Record>);

// === impl Log ===

impl Log {
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        Self(sandbox.events())
    }

    /// The end of the log of this invocation, in base64: the lines of all processes between its start and its report.
    pub(super) async fn of(mut self, invocation: &Invocation, sandbox: &Sandbox) -> String {
        let id = &invocation.request_id;
        let mut started = false;
        let mut lines =
            vec![format!("START RequestId: {id} Version: {}", sandbox.settings().function_version)];
        let by = Instant::now() + PATIENCE;
        while Instant::now() < by
            && let Ok(Some(record)) = timeout(QUIET, self.0.recv()).await
        {
            match record.event {
                Event::InvokeStarted { request_id, .. } if request_id == *id => started = true,
                Event::Log(line) if started => lines.push(line.text),
                _ => {}
            }
        }
        lines.push(format!("END RequestId: {id}"));
        lines.push(report(invocation, sandbox));
        let text = lines.join("\n") + "\n";
        let bytes = text.as_bytes();
        STANDARD.encode(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or(bytes))
    }
}

fn report(invocation: &Invocation, sandbox: &Sandbox) -> String {
    let duration = invocation.billed().as_secs_f64() * 1000.0;
    let (id, memory) = (&invocation.request_id, sandbox.settings().memory_mb);
    let used = sandbox.peak_memory().div_ceil(1024 * 1024);
    format!(
        "REPORT RequestId: {id}\tDuration: {duration:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {memory} MB\tMax Memory Used: {used} MB",
        duration.ceil()
    )
}
