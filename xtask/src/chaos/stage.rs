//! Plays a schedule: real processes in a sandbox, and a remote that does what the schedule says.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lambda_sandbox::{Fault as SandboxFault, Invocation, Limits, Sandbox, ShutdownReason, ShutdownReport};
use pyroscope_sink::Sink;

use super::account::{Counted, End, Evidence, Stored};
use super::fault::{Fault, Refused};
use super::schedule::{Act, Environment, FULL_QUEUE, Invoke, Schedule};
use crate::environment::EXTENSION;
use crate::error::Error;
use crate::load::ledger::Entries;
use crate::load::order::{Order, Then};
use crate::load::profile::{NUMBER, profile};
use crate::load::{self};

/// How long the last environment waits for the next profile before it takes the rest for lost: longer than any back-off.
const PATIENCE: Duration = Duration::from_secs(11);

/// Between two invocations of the last environment.
const PAUSE: Duration = Duration::from_millis(20);

/// Where a run takes place.
pub(super) struct Stage {
    pub(super) seed: u64,
    pub(super) sink: Sink,
    /// The extension's build, under its own name.
    pub(super) extension: PathBuf,
    /// For the ledger, the spool, the authority's certificate and the log; empty at the start.
    pub(super) folder: PathBuf,
    pub(super) port: u16,
    queue: &'static str,
    refused: Refused,
    ends: Vec<End>,
    frozen: Vec<(SystemTime, SystemTime)>,
    frozen_since: Option<SystemTime>,
    counted: Counted,
    /// What the sandbox saw that must not be.
    wrong: Vec<String>,
}

/// The process of the extension that lives at the moment.
#[derive(Debug, Default)]
struct Life {
    alive: bool,
    killed: bool,
}

// === impl Stage ===

impl Stage {
    pub(super) fn new(seed: u64, sink: Sink, extension: PathBuf, folder: PathBuf, port: u16) -> Self {
        Self {
            seed,
            sink,
            extension,
            folder,
            port,
            queue: "",
            refused: Refused::default(),
            ends: Vec::new(),
            frozen: Vec::new(),
            frozen_since: None,
            counted: Counted::default(),
            wrong: Vec::new(),
        }
    }

    /// Plays it all, and a last environment with a healthy remote; says what is known then, and what went wrong on the way.
    pub(super) async fn play(mut self, schedule: &Schedule) -> Result<(Evidence, Vec<String>), Error> {
        self.queue = schedule.queue;
        for (number, environment) in schedule.environments.iter().enumerate() {
            self.live(number, environment).await?;
        }
        self.finish(schedule.environments.len()).await?;
        let stored = self.stored();
        let evidence = Evidence {
            entries: self.entries()?,
            stored,
            refused: self.refused.numbers(),
            ends: self.ends,
            frozen: self.frozen,
            counted: self.counted,
        };
        Ok((evidence, self.wrong))
    }

    /// The file with all that the processes wrote.
    pub(super) fn log(folder: &Path) -> PathBuf {
        folder.join("log")
    }

    async fn live(&mut self, number: usize, environment: &Environment) -> Result<(), Error> {
        let sandbox = self.start(environment).await?;
        let mut life = Life { alive: true, killed: false };
        self.note(&format!("environment {number}: {environment}"))?;
        for act in &environment.acts {
            self.note(&format!("{act:?}"))?;
            match act {
                Act::Fault(fault) => fault.impose(&self.sink, &self.refused).await,
                Act::DropConnections => drop(self.sink.drop_connections()),
                Act::Gap(gap) => tokio::time::sleep(*gap).await,
                Act::Kill => life.killed |= sandbox.kill(EXTENSION).await,
                Act::Invoke(invoke) => self.invoke(&sandbox, invoke, &mut life).await?,
            }
        }
        self.end(number, &sandbox, life).await
    }

    /// A remote that works, and invocations until everything is there.
    async fn finish(&mut self, number: usize) -> Result<(), Error> {
        Fault::None.impose(&self.sink, &self.refused).await;
        let environment = Environment {
            strategy: "auto",
            workers: 5,
            attempt: Duration::from_secs(10),
            shutdown: Duration::from_secs(2),
            acts: Vec::new(),
        };
        let sandbox = self.start(&environment).await?;
        let mut life = Life { alive: true, killed: false };
        let invoke = Invoke {
            first: 0,
            profiles: 0,
            work_ms: 5,
            timeout: Duration::from_secs(3),
            then: Then::Answer,
            kill_after: None,
        };
        // What was pushed out of a full queue never comes: with a queue of that size the wait is short.
        let patience = if self.queue == FULL_QUEUE { PATIENCE / 4 } else { PATIENCE };
        let (mut since, mut awaited) = (Instant::now(), self.awaited()?);
        while awaited > 0 && since.elapsed() < patience {
            self.invoke(&sandbox, &invoke, &mut life).await?;
            tokio::time::sleep(PAUSE).await;
            let now = self.awaited()?;
            if now < awaited {
                (since, awaited) = (Instant::now(), now);
            }
        }
        self.end(number, &sandbox, life).await
    }

    async fn start(&self, environment: &Environment) -> Result<Sandbox, Error> {
        let limits = Limits { shutdown: environment.shutdown, ..Limits::default() };
        let mut builder = load::environment::around(&self.extension, self.port, &self.ledger())?
            .limits(limits)
            .extension_env("PYROSCOPE_REMOTE_ADDRESS", self.sink.url())
            .extension_env("PYROSCOPE_SPOOL_DIR", self.spool())
            .extension_env("PYROSCOPE_QUEUE_BYTES", self.queue)
            .extension_env("PYROSCOPE_TIMEOUT", format!("{}ms", environment.attempt.as_millis()))
            .extension_env("PYROSCOPE_NUM_WORKERS", environment.workers.to_string())
            .extension_env("PYROSCOPE_FLUSH_STRATEGY", environment.strategy)
            .extension_env("PYROSCOPE_LOG_LEVEL", "debug");
        if self.sink.ca_pem().is_some() {
            let authority = self.folder.join("authority.pem");
            self.sink.write_ca_pem(&authority).map_err(|source| Error::part("the server", &source))?;
            builder = builder.extension_env("SSL_CERT_FILE", authority);
        }
        builder.start().await.map_err(|source| Error::part("the init phase", &source))
    }

    async fn invoke(&mut self, sandbox: &Sandbox, invoke: &Invoke, life: &mut Life) -> Result<(), Error> {
        let Invoke { first, profiles, work_ms, then, timeout, kill_after } = *invoke;
        let order = Order { seed: self.seed, first, profiles, work_ms, then };
        let kill = async {
            let Some(after) = kill_after else { return false };
            tokio::time::sleep(after).await;
            sandbox.kill(EXTENSION).await
        };
        self.thawed();
        let (invocation, killed) = tokio::join!(sandbox.invoke_within(order.payload(), timeout), kill);
        let invocation = invocation.map_err(|source| Error::part("an invocation", &source))?;
        self.frozen_since = Some(SystemTime::now());
        if invocation.init.is_some() {
            *life = Life { alive: true, killed: false };
        }
        life.killed |= killed;
        self.judge(invoke, &invocation, life);
        if let Some(reset) = &invocation.reset {
            self.ended(reset, life);
        }
        Ok(())
    }

    fn thawed(&mut self) {
        self.frozen.extend(self.frozen_since.take().map(|since| (since, SystemTime::now())));
    }

    /// An invocation may fail as the schedule says, and in no other way.
    fn judge(&mut self, invoke: &Invoke, invocation: &Invocation, life: &Life) {
        let Some(fault) = &invocation.fault else { return };
        let allowed = match fault {
            SandboxFault::Timeout { waiting_for, .. } => !waiting_for.iter().any(|name| name == EXTENSION),
            SandboxFault::RuntimeExit { .. } => invoke.then == Then::Exit,
            SandboxFault::ExtensionCrash { .. } => life.killed,
            _ => false,
        };
        if !allowed {
            self.wrong
                .push(format!("the invocation that posts from profile {} failed: {fault}", invoke.first));
        }
    }

    async fn end(&mut self, number: usize, sandbox: &Sandbox, mut life: Life) -> Result<(), Error> {
        self.thawed();
        let report = sandbox.shutdown(ShutdownReason::Spindown).await;
        if life.alive {
            self.ended(&report, &mut life);
        }
        self.note(&format!("shut down after {:?}", report.total))?;
        let mut text = format!("--- what environment {number} wrote\n");
        for line in sandbox.logs() {
            if line.process == EXTENSION {
                self.counted.add(&line.text);
            }
            let _ = writeln!(text, "{line}");
        }
        self.append(&text)
    }

    /// A line in the log about what happens now.
    fn note(&self, what: &str) -> Result<(), Error> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.append(&format!("{:.3} {what}\n", at.as_secs_f64()))
    }

    fn append(&self, text: &str) -> Result<(), Error> {
        let log = fs::OpenOptions::new().create(true).append(true).open(Self::log(&self.folder));
        log.and_then(|mut log| log.write_all(text.as_bytes())).map_err(Error::io("write the log"))
    }

    fn ended(&mut self, report: &ShutdownReport, life: &mut Life) {
        life.alive = false;
        self.ends.push(End { at: SystemTime::now(), killed: life.killed });
        let process = report.process(EXTENSION);
        let clean = process.is_some_and(|p| !p.killed && p.exit.is_some_and(|exit| exit.code == Some(0)));
        if !clean && !life.killed {
            let how = process.and_then(|p| p.exit).map_or("still there".to_owned(), |exit| exit.to_string());
            let process = self.ends.len() - 1;
            self.wrong.push(format!("process {process} did not end by itself within its shutdown: {how}"));
        }
    }

    fn spool(&self) -> PathBuf {
        self.folder.join("spool")
    }

    fn ledger(&self) -> PathBuf {
        self.folder.join("ledger")
    }

    fn entries(&self) -> Result<Entries, Error> {
        let text = fs::read_to_string(self.ledger()).map_err(Error::io("read the ledger"))?;
        Ok(Entries::read(&text))
    }

    /// How many acknowledged profiles are still to come.
    fn awaited(&self) -> Result<usize, Error> {
        let mut awaited = self.entries()?.acknowledged;
        let killed = |life: &usize| self.ends.get(*life).is_some_and(|end| end.killed);
        awaited.retain(|_, life| !killed(life));
        for number in self.refused.numbers() {
            awaited.remove(&number);
        }
        for arrival in self.sink.arrivals().iter().filter(|arrival| arrival.stored) {
            if let Ok(number) = arrival.request.header(NUMBER).parse() {
                awaited.remove(&number);
            }
        }
        Ok(awaited.len())
    }

    fn stored(&mut self) -> Vec<Stored> {
        let mut stored = Vec::new();
        for arrival in &self.sink.arrivals() {
            let at = arrival.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            let number = arrival.request.header(NUMBER);
            let (is_stored, lost) = (arrival.stored, arrival.is_answer_lost());
            let status = arrival.status.map(|status| status.as_u16());
            let line = format!(
                "{at:.3} profile {number}: stored {is_stored}, status {status:?}, answer lost {lost}\n"
            );
            // The log is for people; a run does not fail for its sake.
            let _ = self.append(&line);
            if !arrival.stored {
                // What the sink itself finds wrong with a request that came whole is wrong with the request.
                if let Some(refusal) = arrival.refusal.as_ref().filter(|_| arrival.status.is_some()) {
                    self.wrong.push(format!("the server refuses what arrived: {refusal}: {arrival}"));
                }
                continue;
            }
            let Ok(number) = arrival.request.header(NUMBER).parse() else {
                self.wrong.push(format!("something arrived that nobody sent: {arrival}"));
                continue;
            };
            let altered = profile(self.seed, number).altered(&arrival.request);
            stored.push(Stored {
                number,
                at: arrival.at,
                answer_lost: arrival.is_answer_lost(),
                odd_answer: arrival.status.is_none(),
                altered: altered.map(|altered| altered.to_string()),
            });
        }
        stored
    }
}

// === impl Counted ===

impl Counted {
    /// Takes the counts of the line that a process logs at its end.
    fn add(&mut self, line: &str) {
        if !(line.contains(" accepted=") && line.contains(" delivered=")) {
            return;
        }
        for (name, count) in line.split_whitespace().filter_map(|word| word.split_once('=')) {
            let Ok(count) = count.parse::<u64>() else { continue };
            match name {
                "expired" => self.expired += count,
                "evicted" => self.evicted += count,
                "spooled" => self.spooled += count,
                "recovered" => self.recovered += count,
                "lost" => self.lost += count,
                _ => {}
            }
        }
    }
}
