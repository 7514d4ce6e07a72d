//! `cargo xtask soak`: whether memory and descriptors stay what they are over many invocations.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use lambda_sandbox::{Sandbox, ShutdownReason, rss_bytes};
use pyroscope_sink::{Answer, Behaviour, Options, Reaction, Sink};

use crate::cargo::{Build, Workspace};
use crate::environment::{self, EXTENSION};
use crate::error::Error;
use crate::load;
use crate::load::order::{Order, Then};
use crate::port;
use crate::table::Table;

/// From here on nothing may grow any more.
const WARM: u64 = 1_000;

/// Once in so many invocations the remote stalls.
const STALLS_EVERY: u64 = 1_000;

/// The same while it gets warm: all that may happen later has happened then.
const WARM_STALLS_EVERY: u64 = 200;

/// For how many invocations it does; longer while it gets warm, so that no later backlog is the largest.
const STALLS_FOR: u64 = 20;
const WARM_STALLS_FOR: u64 = 60;

/// How much more memory may be resident at the end than after the first thousand, in bytes: what the largest backlog of the run
/// holds beside its bodies leaves its mark on the heap, whenever it comes.
const MEMORY_MARGIN: u64 = 2 * 1024 * 1024;

/// How much more may be resident at the end than half way, in bytes: what leaks goes on leaking.
const LEAK_MARGIN: u64 = 1024 * 1024;

/// How many more descriptors may be open at the end.
const DESCRIPTORS_MARGIN: usize = 8;

/// How long what a stall has held up may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

const TIMEOUT: Duration = Duration::from_secs(3);

/// Invoke a function very often, with a remote that stalls now and then, and see what grows
#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How often to invoke the function
    #[arg(long, default_value_t = 100_000)]
    invocations: u64,
    #[command(flatten)]
    build: Build,
}

/// What the extension holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    memory: u64,
    descriptors: usize,
}

struct Run<'run> {
    sink: &'run Sink,
    sandbox: &'run Sandbox,
    /// Profiles that were posted.
    posted: u64,
}

// === impl Soak ===

impl Soak {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let folder = Workspace::locate()?.target.join("soak");
        let extension = environment::install(&self.build.extension()?, &folder)?;
        let ledger = folder.join("ledger");
        let _ = fs::remove_file(&ledger);
        let options = Options::default().counts_only();
        let sink = Sink::start(options).await.map_err(|source| Error::part("the server", &source))?;
        let sandbox = load::environment::around(&extension, port::relay()?, &ledger)?
            .extension_env("PYROSCOPE_REMOTE_ADDRESS", sink.url())
            .extension_env("PYROSCOPE_TIMEOUT", "1s")
            .extension_env("PYROSCOPE_SPOOL_DIR", "")
            // glibc keeps freed memory for later; told to give it back, what is resident is what is held.
            .extension_env("MALLOC_ARENA_MAX", "1")
            .extension_env("MALLOC_TRIM_THRESHOLD_", "65536")
            .extension_env("MALLOC_MMAP_THRESHOLD_", "65536")
            .timeout(TIMEOUT)
            .start()
            .await
            .map_err(|source| Error::part("the init phase", &source))?;
        let mut run = Run { sink: &sink, sandbox: &sandbox, posted: 0 };
        let done = self.soak(&mut run).await;
        let shutdown = sandbox.shutdown(ShutdownReason::Spindown).await;
        let mut wrong = done?;
        if !shutdown.is_clean() {
            wrong.push("the extension did not exit with 0 at SHUTDOWN".to_owned());
        }
        wrong.extend(missing(&sink, &ledger)?);
        if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong { run: "the soak", wrong, log: None }) }
    }

    async fn soak(&self, run: &mut Run<'_>) -> Result<Vec<String>, Error> {
        let since = Instant::now();
        let invocations = self.invocations.max(2 * WARM);
        let every = (invocations / 10).max(WARM);
        let mut table = Table::new(["invocations", "resident KiB", "descriptors", "delivered", "s"]);
        let (mut warm, mut middle, mut last) = (None, None, None);
        for number in 1..=invocations {
            let (every_so_many, for_so_many) = match number {
                ..=WARM => (WARM_STALLS_EVERY, WARM_STALLS_FOR),
                _ => (STALLS_EVERY, STALLS_FOR),
            };
            let turn = number % every_so_many;
            if turn == every_so_many / 2 {
                run.stall(number / every_so_many).await;
            } else if turn == every_so_many / 2 + for_so_many {
                run.recover().await;
            }
            run.invoke(1).await?;
            if number == WARM || number % every == 0 || number == invocations {
                run.settle().await?;
                let held = run.held()?;
                table.row([
                    number.to_string(),
                    (held.memory / 1024).to_string(),
                    held.descriptors.to_string(),
                    run.sink.totals().accepted.to_string(),
                    format!("{:.0}", since.elapsed().as_secs_f64()),
                ]);
                warm.get_or_insert(held);
                if number >= invocations / 2 {
                    middle.get_or_insert(held);
                }
                last = Some(held);
            }
        }
        print!("\n{table}");
        let (Some(warm), Some(middle), Some(last)) = (warm, middle, last) else { return Ok(Vec::new()) };
        let mut wrong = last.wrong_after(warm);
        if invocations >= 10 * WARM {
            wrong.extend(last.leaked_since(middle)); // in a short run chance moves memory more than a leak does
        }
        Ok(wrong)
    }
}

/// Profiles that were acknowledged and did not arrive.
fn missing(sink: &Sink, ledger: &Path) -> Result<Option<String>, Error> {
    let text = fs::read_to_string(ledger).map_err(Error::io("read the ledger"))?;
    let mut awaited = load::ledger::Entries::read(&text).acknowledged;
    for arrival in sink.arrivals().iter().filter(|arrival| arrival.stored) {
        if let Ok(number) = arrival.request.header(load::profile::NUMBER).parse() {
            awaited.remove(&number);
        }
    }
    let missing = awaited.len();
    Ok((missing > 0).then(|| format!("{missing} profiles were acknowledged and did not arrive")))
}

// === impl Run ===

impl Run<'_> {
    async fn invoke(&mut self, profiles: u64) -> Result<(), Error> {
        let order = Order { seed: 1, first: self.posted, profiles, work_ms: 0, then: Then::Answer };
        self.posted += profiles;
        let invocation = self.sandbox.invoke(order.payload()).await;
        let invocation = invocation.map_err(|source| Error::part("an invocation", &source))?;
        match invocation.fault {
            None => Ok(()),
            Some(fault) => Err(Error::part("an invocation", &fault)),
        }
    }

    /// All kinds of stalls, in turn.
    async fn stall(&self, turn: u64) {
        match turn % 4 {
            0 => self.sink.behave(Behaviour::normal().always(Reaction::Hang)),
            1 => self.sink.behave(Behaviour::normal().always(Reaction::Answer(Answer::code(503)))),
            2 => self.sink.refuse_connections().await,
            _ => drop(self.sink.drop_connections()),
        }
    }

    async fn recover(&self) {
        self.sink.behave(Behaviour::normal());
        self.sink.accept_connections().await;
    }

    /// Invocations that post nothing, until everything is there that was posted.
    async fn settle(&mut self) -> Result<(), Error> {
        self.recover().await;
        let since = Instant::now();
        while (self.sink.totals().accepted as u64) < self.posted && since.elapsed() < PATIENCE {
            self.invoke(0).await?;
        }
        Ok(())
    }

    fn held(&self) -> Result<Held, Error> {
        let pid = self.sandbox.extension_pid(EXTENSION).unwrap_or(0);
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
            .map_err(Error::io("count the descriptors of the extension"))?
            .count();
        Ok(Held { memory: rss_bytes(pid).map_or(0, |rss| rss.current), descriptors })
    }
}

// === impl Held ===

impl Held {
    fn leaked_since(self, middle: Self) -> Option<String> {
        let (before, after) = (middle.memory / 1024, self.memory / 1024);
        let leaked = self.memory > middle.memory + LEAK_MARGIN;
        leaked.then(|| format!("{after} KiB are resident, {before} KiB half way: it goes on growing"))
    }

    fn wrong_after(self, warm: Self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.memory > warm.memory + MEMORY_MARGIN {
            let (before, after) = (warm.memory / 1024, self.memory / 1024);
            wrong.push(format!("{after} KiB are resident, {before} KiB after the first {WARM} invocations"));
        }
        if self.descriptors > warm.descriptors + DESCRIPTORS_MARGIN {
            let (before, after) = (warm.descriptors, self.descriptors);
            wrong.push(format!("{after} descriptors are open, {before} after the first {WARM} invocations"));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::Held;

    #[test]
    fn what_grows_beyond_its_margin_is_told() {
        let held = |kib: u64, descriptors| Held { memory: kib * 1024, descriptors };
        assert!(held(5_000, 20).wrong_after(held(4_500, 15)).is_empty());
        assert!(held(3_000, 5).wrong_after(held(4_500, 15)).is_empty());
        assert_eq!(held(9_000, 50).wrong_after(held(4_500, 15)).len(), 2);
        assert_eq!(held(5_500, 15).leaked_since(held(4_500, 15)), None);
        assert!(held(5_600, 15).leaked_since(held(4_500, 15)).is_some());
    }
}
