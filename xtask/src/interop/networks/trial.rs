//! One environment, and whether its profiles took the way that they had to.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lambda_sandbox::{Sandbox, ShutdownReason};
use pyroscope_sink::Sink;
use tokio::time::{Instant, sleep};

use super::server::Server;
use crate::error::Error;
use crate::load::{
    self,
    order::{Order, Then},
};

/// Invocations, each of which posts two profiles.
const INVOCATIONS: u64 = 3;
const PROFILES: u64 = 2;

/// How long a server's log may take to be written.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at something.
const PAUSE: Duration = Duration::from_millis(20);

/// Variables of the extension's environment.
pub(super) type Variables = Vec<(&'static str, String)>;

/// What all trials have in common.
pub(super) struct Ground {
    pub(super) extension: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) port: u16,
}

/// A way to a receiver.
pub(super) struct Trial<'scene> {
    title: &'static str,
    remote: String,
    sink: &'scene Sink,
    variables: Variables,
    /// Servers on the way, each with what its log has to have for every profile, or for the connection.
    way: Vec<(&'scene Server, String)>,
    /// What the extension's log says where no profile is to arrive.
    told: Option<String>,
}

// === impl Trial ===

impl<'scene> Trial<'scene> {
    pub(super) fn new(title: &'static str, remote: &str, sink: &'scene Sink) -> Self {
        Self { title, remote: remote.to_owned(), sink, variables: Vec::new(), way: Vec::new(), told: None }
    }

    pub(super) fn set(mut self, variables: &[(&'static str, String)]) -> Self {
        self.variables.extend_from_slice(variables);
        self
    }

    pub(super) fn by_way_of(mut self, server: &'scene Server, logged: &str) -> Self {
        self.way.push((server, logged.to_owned()));
        self
    }

    /// No profile is to arrive, and the extension's log has to say this.
    pub(super) fn told(mut self, text: String) -> Self {
        self.told = Some(text);
        self
    }

    pub(super) const fn title(&self) -> &'static str {
        self.title
    }

    /// Runs an environment from init to shutdown. What was not as it has to be, each as a sentence.
    pub(super) async fn run(&self, ground: &Ground) -> Result<Vec<String>, Error> {
        let accepted_before = self.sink.totals().accepted;
        let logs_before: Vec<_> = self.way.iter().map(|(server, _)| server.log().len()).collect();
        let sandbox = self.start(ground).await?;
        let invoked = self.invoke(&sandbox).await;
        let api = format!(":{}", sandbox.address().port());
        sandbox.shutdown(ShutdownReason::Spindown).await;
        invoked?;

        let mut wrong = Vec::new();
        let accepted = (self.sink.totals().accepted - accepted_before) as u64;
        let wanted = if self.told.is_none() { INVOCATIONS * PROFILES } else { 0 };
        if accepted != wanted {
            wrong.push(format!("{accepted} profiles arrived, not {wanted}"));
        }
        for ((server, logged), before) in self.way.iter().zip(logs_before) {
            let log = log_with(server, before, logged).await;
            if !log.contains(logged.as_str()) {
                wrong.push(format!("the log of {} has no {logged:?}, but {log:?}", server.program));
            }
            if log.contains("/extension/") || log.contains(&api) {
                wrong.push(format!("the Extensions API was asked through {}: {log:?}", server.program));
            }
        }
        let lines: Vec<_> = sandbox.logs().into_iter().map(|line| line.text).collect();
        if let Some(told) = &self.told
            && !lines.iter().any(|line| line.contains(told.as_str()))
        {
            wrong.push(format!("the extension did not say {told:?}, but {lines:#?}"));
        }
        let passwords = ["wr0ng", "p@ss", "p%40ss", "t1ny"];
        if let Some(line) = lines.iter().find(|line| passwords.iter().any(|word| line.contains(word))) {
            wrong.push(format!("a password is in the log: {line}"));
        }
        Ok(wrong)
    }

    async fn start(&self, ground: &Ground) -> Result<Sandbox, Error> {
        let ledger = ground.folder.join("ledger");
        drop(fs::remove_file(&ledger));
        let mut builder = load::environment::around(&ground.extension, ground.port, &ledger)?
            .extension_env("PYROSCOPE_REMOTE_ADDRESS", &self.remote)
            .extension_env("PYROSCOPE_SPOOL_DIR", "")
            .extension_env("PYROSCOPE_NUM_WORKERS", "1");
        for (name, value) in &self.variables {
            builder = builder.extension_env(name, value);
        }
        builder.start().await.map_err(|source| Error::part("the init phase", &source))
    }

    async fn invoke(&self, sandbox: &Sandbox) -> Result<(), Error> {
        for number in 0..INVOCATIONS {
            let first = number * PROFILES;
            let order = Order { seed: 1, first, profiles: PROFILES, work_ms: 100, then: Then::Answer };
            let invocation = sandbox.invoke(order.payload()).await;
            let invocation = invocation.map_err(|source| Error::part("an invocation", &source))?;
            if let Some(fault) = &invocation.fault {
                return Err(Error::part("an invocation", fault));
            }
        }
        Ok(())
    }
}

/// What a server's log has got since it was `before` long, once that has `wanted` in it.
async fn log_with(server: &Server, before: usize, wanted: &str) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let log = server.log().get(before..).unwrap_or_default().to_owned();
        if log.contains(wanted) || Instant::now() > until {
            return log;
        }
        sleep(PAUSE).await;
    }
}
