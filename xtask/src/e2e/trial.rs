//! One life of a function under its SDK, and whether what arrived is what had to.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyroscope_sink::{Arrivals, Merged, Sink};

use super::account::Account;
use super::jfr;
use super::server;
use super::subject::{Format, Subject};
use crate::demo::wrong_with;
use crate::environment::{Environment, Life, WORK_MS};
use crate::error::Error;
use crate::expected;

/// What is beside the function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial<'run> {
    pub(super) subject: &'run Subject,
    /// The extension, where there is to be one.
    pub(super) extension: Option<&'run Path>,
    /// Other extensions.
    pub(super) others: &'run [PathBuf],
    /// Variables of the function.
    pub(super) variables: &'run [(String, String)],
    /// How long the function is invoked.
    pub(super) busy: Duration,
    pub(super) folder: &'run Path,
}

/// What a run showed.
#[derive(Debug, Default)]
struct Findings {
    /// From the start of the function's runtime until it asked for the first invocation.
    init: Duration,
    invocations: usize,
    uploads: usize,
    bytes: usize,
    /// From the first invocation to the first upload that arrived.
    first: Option<Duration>,
    /// Uploads that arrived after the environment began to end.
    at_the_end: usize,
    /// How much of the work is in the profiles, in percent.
    profiled: Option<i64>,
}

// === impl Trial ===

impl Trial<'_> {
    /// Runs it; a line about what it showed, where nothing is wrong.
    pub(super) async fn run(&self) -> Result<String, Error> {
        let remote = server::start().await?;
        let mut variables = server::variables(&remote);
        variables.extend(self.variables.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let environment = Environment {
            extension: self.extension,
            others: self.others,
            function: &self.subject.function,
            variables,
            busy: self.busy,
            folder: self.folder,
        };
        let life = environment.live().await?;
        let mut wrong = wrong_with(&life);
        let (init, invocations) = (life.init.runtime, life.invocations.len());
        let mut findings = Findings { init, invocations, ..Findings::default() };
        if self.extension.is_some() {
            let arrivals = remote.arrivals();
            wrong.extend(self.wrong(&arrivals, &life));
            let merged = self.merge(&remote, &arrivals).await?;
            if wrong.is_empty() {
                wrong.extend(self.subject.expected.wrong_work(&merged));
            }
            findings.look_at(&arrivals, &life);
            findings.profiled = self.profiled(&merged, findings.invocations);
        }
        if wrong.is_empty() {
            Ok(findings.to_string())
        } else {
            Err(Error::Wrong { run: self.subject.expected.app, wrong, log: Some(life.log) })
        }
    }

    /// What is wrong with what arrived, but for what the profiles tell.
    fn wrong(&self, arrivals: &Arrivals, life: &Life) -> Vec<String> {
        let mut wrong = self.subject.expected.wrong_series(arrivals);
        match Account::find(&life.lines) {
            Some(account) => wrong.extend(account.wrong(arrivals.totals().accepted)),
            None => wrong.push("the extension did not log how the profiles ended".to_owned()),
        }
        let sessions = expected::sessions(arrivals);
        if sessions.len() > 1 && !self.subject.expected.app.ends_with("/go") {
            wrong.push(format!("one environment has several session ids: {sessions:?}"));
        }
        wrong
    }

    async fn merge(&self, remote: &Sink, arrivals: &Arrivals) -> Result<Merged, Error> {
        match self.subject.format {
            Format::Decoded => Ok(remote.merged(&self.subject.expected.selection())),
            Format::Jfr => jfr::merge(arrivals, self.folder).await,
        }
    }

    /// How much of the work is in the profiles, where they tell it as time.
    fn profiled(&self, merged: &Merged, invocations: usize) -> Option<i64> {
        let unit = merged.sample_type.as_ref().map(|sample_type| sample_type.unit.as_str());
        let millis = match unit {
            Some("nanoseconds") => self.subject.expected.cost(merged) / 1_000_000,
            // The SDK for Java samples every 10 ms.
            None => self.subject.expected.cost(merged) * 10,
            Some(_) => return None,
        };
        let worked = i64::from(WORK_MS) * i64::try_from(invocations).ok()?;
        millis.checked_mul(100)?.checked_div(worked)
    }
}

// === impl Findings ===

impl Findings {
    fn look_at(&mut self, arrivals: &Arrivals, life: &Life) {
        let began =
            life.invocations.first().map(|first| UNIX_EPOCH + Duration::from_millis(first.started_ms));
        let first = arrivals.accepted().map(|arrival| arrival.at).min();
        self.first = began.zip(first).map(|(began, first)| since(began, first));
        self.at_the_end = arrivals.accepted().filter(|arrival| arrival.at > life.ended).count();
        let totals = arrivals.totals();
        self.uploads = totals.accepted;
        self.bytes = totals.body_bytes;
    }
}

/// Zero where it was before.
fn since(earlier: SystemTime, later: SystemTime) -> Duration {
    later.duration_since(earlier).unwrap_or_default()
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ready in {} ms, {} invocations", self.init.as_millis(), self.invocations)?;
        if self.uploads > 0 {
            write!(f, ", {} uploads of {} bytes in all", self.uploads, self.bytes)?;
        }
        if let Some(first) = self.first {
            write!(f, ", the first after {:.1} s, {} at the end", first.as_secs_f64(), self.at_the_end)?;
        }
        if let Some(profiled) = self.profiled {
            write!(f, "; {profiled}% of the time of the work is in them")?;
        }
        Ok(())
    }
}
