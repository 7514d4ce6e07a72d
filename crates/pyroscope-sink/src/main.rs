//! Receives profiles as Pyroscope does and tells what arrived.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use pyroscope_sink::{Arrival, Credentials, FlameGraphError, Forward, Options, Selection, Sink, SinkError};

/// Receives profiles as Pyroscope does and tells what arrived, until Ctrl-C; then the totals.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free port.
    #[arg(long, default_value = "127.0.0.1:4041", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Speak TLS, with a certificate made for this run.
    #[arg(long)]
    tls: bool,
    /// Write the certificate that clients must trust to this file (use it as `SSL_CERT_FILE`).
    #[arg(long, requires = "tls", value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Keep neither bodies nor stacks, only counts: for long runs.
    #[arg(long, conflicts_with = "flame_graph")]
    counts_only: bool,
    /// Send each accepted request on to this server, as it came, and answer with its status.
    #[arg(long, value_name = "URL")]
    forward: Option<Forward>,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
    /// Ask for this user (basic authentication).
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// Ask for this password.
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// Ask for this token (bearer authentication).
    #[arg(long, conflicts_with = "user")]
    token: Option<String>,
    /// Ask for this tenant in X-Scope-OrgID.
    #[arg(long)]
    tenant: Option<String>,
    /// At the end write a flame graph (SVG) of everything to this file.
    #[arg(long, value_name = "FILE")]
    flame_graph: Option<PathBuf>,
}

/// Why the command fails.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sink(#[from] SinkError),
    #[error(transparent)]
    FlameGraph(#[from] FlameGraphError),
    #[error("{path}: cannot write the flame graph: {source}")]
    WriteFlameGraph { path: PathBuf, source: std::io::Error },
    #[error("cannot print or wait for signals: {0}")]
    Io(#[from] std::io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            notice(&format!("pyroscope-sink: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let sink = Sink::start(arguments.options()).await?;
    if let Some(path) = &arguments.ca_out {
        sink.write_ca_pem(path)?;
    }
    notice(&format!("listening at {}; open it in a browser to look; Ctrl-C ends it", sink.url()));

    let mut end = Signals::new()?;
    let mut watch = sink.watch();
    let mut printed = 0;
    loop {
        let new: Vec<_> = watch.borrow_and_update().iter().skip(printed).cloned().collect();
        for arrival in &new {
            print(arrival, arguments.json)?;
        }
        printed += new.len();
        tokio::select! {
            () = end.wait() => break,
            changed = watch.changed() => if changed.is_err() { break },
        }
    }
    conclude(&sink, &arguments)
}

fn print(arrival: &Arrival, json: bool) -> Result<(), Failure> {
    if json { line(&arrival.to_json()) } else { line(arrival) }
}

fn conclude(sink: &Sink, arguments: &Arguments) -> Result<(), Failure> {
    let totals = sink.totals();
    if arguments.json {
        line(&serde_json::json!({ "totals": totals.to_json() }))?;
    } else {
        line(&totals)?;
    }
    if let Some(path) = &arguments.flame_graph {
        let svg = sink.flame_graph(&Selection::all())?;
        std::fs::write(path, svg)
            .map_err(|source| Failure::WriteFlameGraph { path: path.clone(), source })?;
        notice(&format!("flame graph: {}", path.display()));
    }
    Ok(())
}

/// Tells people something. Nobody may be listening any more, which is no reason to fail.
fn notice(text: &str) {
    use std::io::Write;

    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes a line at once: whoever reads a pipe wants each arrival when it comes.
fn line(text: &impl std::fmt::Display) -> Result<(), Failure> {
    use std::io::Write;

    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// The signals that end the command.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

// === impl Arguments ===

impl Arguments {
    fn options(&self) -> Options {
        let mut options = Options::default().listen(self.listen);
        if self.tls {
            options = options.tls();
        }
        if self.counts_only {
            options = options.counts_only();
        }
        if let (Some(user), Some(password)) = (self.user.clone(), self.password.clone()) {
            options = options.credentials(Credentials::Basic { user, password });
        }
        if let Some(forward) = self.forward.clone() {
            options = options.forward(forward);
        }
        if let Some(token) = self.token.clone() {
            options = options.credentials(Credentials::Bearer(token));
        }
        match &self.tenant {
            Some(tenant) => options.tenant(tenant),
            None => options,
        }
    }
}

// === impl Signals ===

impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
