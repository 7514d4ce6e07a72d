//! `cargo xtask chaos`: whether every profile that was acknowledged arrives, whatever happens on the way.
//!
//! # Layout
//! - [`schedule`]: what happens, and when: all of it follows from a seed
//! - [`fault`]: what can be wrong with the remote
//! - [`stage`]: plays a schedule with real processes
//! - [`account`]: what became of every profile

mod account;
mod fault;
mod schedule;
mod stage;

use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use pyroscope_sink::{Options, Sink};

use self::account::Account;
use self::schedule::Schedule;
use self::stage::Stage;
use crate::cargo::{Build, Workspace};
use crate::environment;
use crate::error::Error;
use crate::port;

/// Post profiles through faults, freezes, resets and kills, and account for every one of them
#[derive(Debug, Args)]
pub(crate) struct Chaos {
    /// Where everything that happens follows from; may be repeated, default: any
    #[arg(long)]
    seed: Vec<u64>,
    /// Profiles that are posted in a run
    #[arg(long, default_value_t = 1_000)]
    profiles: u64,
    /// Invocations of a run, over several environments
    #[arg(long, default_value_t = 60)]
    invocations: u64,
    /// Deliver over TLS; else plain with even seeds and TLS with odd ones
    #[arg(long)]
    tls: bool,
    /// Fail on duplicates over a freeze or after an odd answer, too, which a better reading of the answer would avoid
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    build: Build,
}

// === impl Chaos ===

impl Chaos {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let folder = Workspace::locate()?.target.join("chaos");
        let extension = self.build.extension()?;
        let seeds = if self.seed.is_empty() { vec![any_seed()] } else { self.seed.clone() };
        for seed in seeds {
            self.run_one(seed, &extension, &folder.join(seed.to_string())).await?;
        }
        Ok(())
    }

    async fn run_one(&self, seed: u64, extension: &Path, folder: &Path) -> Result<(), Error> {
        let since = Instant::now();
        let tls = self.tls || seed % 2 == 1;
        let Self { profiles, invocations, .. } = *self;
        let over = if tls { " over TLS" } else { "" };
        println!("Seed {seed}: {profiles} profiles in {invocations} invocations{over}");
        let _ = fs::remove_dir_all(folder);
        let extension = environment::install(extension, folder)?;
        let options = if tls { Options::default().tls() } else { Options::default() };
        let sink = Sink::start(options).await.map_err(|source| Error::part("the server", &source))?;
        let stage = Stage::new(seed, sink, extension, folder.to_owned(), port::relay()?);

        let schedule = Schedule::new(seed, profiles, invocations);
        let (evidence, mut wrong) = stage.play(&schedule).await?;
        let mut account = Account::of(&evidence, self.strict);
        let (lives, kills) = (evidence.ends.len(), evidence.ends.iter().filter(|end| end.killed).count());
        println!(
            "  {lives} processes, {kills} of them killed, in {} environments",
            schedule.environments.len() + 1
        );
        print!("{account}");
        println!("  {:.1} s; the log is {}", since.elapsed().as_secs_f64(), Stage::log(folder).display());
        wrong.append(&mut account.wrong);
        if wrong.is_empty() {
            return Ok(());
        }
        wrong.insert(0, format!("to see it again: cargo xtask chaos --seed {seed} --profiles {profiles} --invocations {invocations}"));
        Err(Error::Wrong { run: "the chaos", wrong, log: None })
    }
}

fn any_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since.subsec_nanos()) ^ since.as_secs()
}
