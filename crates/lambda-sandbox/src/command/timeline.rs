//! Events as lines for people.

use std::time::Duration;

use lambda_sandbox::{Event, InitReport, Invocation, Record, ShutdownReport};

/// A line of the timeline.
#[derive(Debug)]
pub(super) struct Line {
    /// When, and what kind of event; or whose output.
    pub(super) head: String,
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// The output of this process.
    Process(String),
    /// Something along the way.
    Phase,
    /// What an invocation came to.
    Result,
    /// Something went wrong.
    Failure,
}

/// One event as one line (or a few), `None` where another event says it better.
pub(super) fn line(record: &Record) -> Option<Line> {
    let (what, text) = match &record.event {
        Event::Log(line) => {
            return Some(Line {
                head: format!("{:>12} [{}] ", "", line.process),
                text: line.text.clone(),
                tone: Tone::Process(line.process.clone()),
            });
        }
        Event::InitStarted { generation: 1 } => ("init", "starts".to_owned()),
        Event::InitStarted { generation } => ("init", format!("starts again ({generation})")),
        Event::ExtensionStarted { name, pid } => ("extension", format!("{name} started, process {pid}")),
        Event::ExtensionRegistered { name, events } => (
            "extension",
            format!(
                "{name} registered for {}",
                if events.is_empty() { "nothing".to_owned() } else { events.join(", ") }
            ),
        ),
        Event::TelemetrySubscribed { name, types } => {
            ("telemetry", format!("{name} subscribed to {}", types.join(", ")))
        }
        Event::RuntimeStarted { pid } => ("runtime", format!("started, process {pid}")),
        Event::FirstNext { name } => ("ready", name.clone()),
        Event::InitDone(report) => ("init", init(report)),
        Event::RestoreDone { duration } => ("restore", format!("done in {} ms", millis(*duration))),
        Event::InitFailed { error } => ("init", format!("failed: {error}")),
        Event::ConnectionsCut(cut) if cut.is_empty() => return None,
        Event::ConnectionsCut(cut) => ("network", cut.to_string()),
        Event::RemoteListening { url } => {
            ("remote", format!("{url} takes profiles and shows them in a browser"))
        }
        Event::Upload(upload) => ("upload", upload.to_string()),
        Event::CpuShare(share) => ("cpu", share.to_string()),
        Event::Listening { address } => (
            "endpoint",
            format!(
                "http://{address}; try: curl -d '{{}}' http://{address}/2015-03-31/functions/function/invocations"
            ),
        ),
        Event::InvocationDone(invocation) => ("invocation", invocation_line(invocation)),
        Event::Fault(fault) => ("fault", fault.to_string()),
        Event::ProcessExited { name, exit } => ("exit", format!("{name}: {exit}")),
        Event::ShutdownStarted { reason, .. } => ("shutdown", format!("starts, reason {}", reason.as_str())),
        Event::ShutdownDone(report) => ("shutdown", shutdown(report)),
        _ => return None,
    };
    let tone = match &record.event {
        Event::InvocationDone(invocation) if invocation.is_ok() => Tone::Result,
        Event::ConnectionsCut(cut) if !cut.is_complete() => Tone::Failure,
        Event::Upload(upload) if !upload.is_accepted() => Tone::Failure,
        Event::InvocationDone(_) | Event::Fault(_) | Event::InitFailed { .. } => Tone::Failure,
        _ => Tone::Phase,
    };
    Some(Line { head: format!("{:>9} ms {what:<10} ", millis(record.since_start)), text, tone })
}

fn init(report: &InitReport) -> String {
    let extensions = report.extensions.iter().map(|extension| {
        let (registered, ready) = (millis(extension.registered), millis(extension.first_next));
        format!("; {} registered after {registered} ms, ready after {ready} ms", extension.name)
    });
    let extensions: Vec<String> = extensions.collect();
    format!(
        "done in {} ms: runtime {} ms{}",
        millis(report.total),
        millis(report.runtime),
        extensions.concat()
    )
}

fn invocation_line(invocation: &Invocation) -> String {
    let answer = match (&invocation.response, &invocation.function_error) {
        (Some(response), _) => format!("{} bytes", response.len()),
        (None, Some(error)) => format!("error {} {}", error.error_type, error.body),
        (None, None) => "no response".to_owned(),
    };
    let extensions = invocation.extensions.iter().map(|extension| match extension.after_response {
        Some(after) => format!("; {} +{} ms", extension.name, millis(after)),
        None => format!("; {} did not come back", extension.name),
    });
    let extensions: Vec<String> = extensions.collect();
    let (handler, after) = (millis(invocation.handler), millis(invocation.after_response));
    format!(
        "{}: {answer} after {handler} ms, {after} ms more until all were ready{}",
        invocation.request_id,
        extensions.concat()
    )
}

fn shutdown(report: &ShutdownReport) -> String {
    let processes = report.processes.iter().map(|process| {
        let exit = process.exit.map_or_else(|| "still there".to_owned(), |exit| exit.to_string());
        let killed = if process.killed { ", killed" } else { "" };
        format!("; {} after {} ms ({exit}{killed})", process.name, millis(process.after))
    });
    let processes: Vec<String> = processes.collect();
    format!("done in {} ms{}", millis(report.total), processes.concat())
}

fn millis(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}
