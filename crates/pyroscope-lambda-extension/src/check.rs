//! `check`: tries the way to the remote as uploads take it, step by step, and says what is wrong and what to do about it.
//!
//! It needs no Lambda: it runs on a laptop, in a function's image, and in CI.
//!
//! # Layout
//! - `options`: what may stand behind `check`
//! - `settings`: what is set and what that means
//! - `step`: what was tried and what was found: values
//! - `attempt`: what one request tells of the connection, TLS, the server, the credentials and the clock: pure
//! - `profile`: the two requests, of which only the second leaves something on the server
//! - `text`: how all that looks

mod attempt;
mod options;
mod profile;
mod settings;
mod step;
mod text;

use std::io::Write;
use std::sync::Arc;

use tokio::time::{Instant, timeout};

use self::attempt::Attempt;
pub use self::options::{BadUsage, Options};
pub use self::profile::SERVICE;
use self::step::{Finding, Step, Summary};
use crate::clock::Clock;
use crate::config::{Config, RemoteAddress, Shown, Warning};
use crate::net::{self, Dial};
use crate::remote::Remote;
use crate::remote::fault::Fault;
use crate::remote::progress::Progress;

/// What there is to be said about the settings.
#[derive(Debug)]
pub struct Settings {
    /// The variables that are set.
    pub set: Vec<Shown>,
    /// What they mean.
    pub config: Config,
    /// What is wrong with them.
    pub warnings: Vec<Warning>,
}

/// A check under way: writes each step as it ends.
struct Check<'out> {
    out: &'out mut dyn Write,
    summary: Summary,
}

/// Checks the way to the remote over `network`, and writes to `out` what it does and finds. Says whether profiles can arrive.
///
/// Where the text can't be written, the answer is all there is.
pub async fn run(
    settings: &Settings,
    options: Options,
    network: Arc<dyn Dial>,
    clock: Clock,
    out: &mut dyn Write,
) -> bool {
    let mut check = Check { out, summary: Summary::default() };
    check.write(&text::head(settings));
    check.steps(settings, options, network, clock).await;
    let Check { summary, .. } = check;
    let _ = out.write_all(text::tail(&summary, options.dry_run).as_bytes());
    summary.failed == 0
}

// === impl Check ===

impl Check<'_> {
    async fn steps(&mut self, settings: &Settings, options: Options, network: Arc<dyn Dial>, clock: Clock) {
        let config = &settings.config;
        self.tell(&settings::step(settings));
        let Ok(address) = &config.remote else { return self.skip(&Step::AFTER_SETTINGS) };
        if !self.tell(&name(address, config).await) {
            return self.skip(&Step::AFTER_NAME);
        }
        let remote = Remote::new(network, address, config, clock);
        let progress = Progress::default();
        let started = Instant::now();
        let answer = remote.ask(&profile::none(clock.now().wall), &progress).await;
        let attempt = Attempt { started, ended: Instant::now(), now: clock.now().wall, progress, answer };
        let mut well = true;
        for step in attempt.steps(address, config) {
            well &= self.tell(&step);
        }
        if !well {
            return self.skip(&[Step::PROFILE]);
        }
        if options.dry_run {
            self.tell(&Step::derived(Step::PROFILE, Finding::Skipped("--dry-run")));
            return;
        }
        let started = Instant::now();
        let answer = remote.ask(&profile::tiny(clock.now().wall), &Progress::default()).await;
        let took = started.elapsed();
        self.tell(&Step::timed(Step::PROFILE, took, attempt::profile(answer, clock.now().wall)));
    }

    /// Writes a step down. Says whether the way goes on after it.
    fn tell(&mut self, step: &Step) -> bool {
        self.write(&text::step(step));
        self.summary.add(step);
        step.goes_on()
    }

    fn skip(&mut self, names: &[&'static str]) {
        for name in names {
            self.tell(&Step::derived(name, Finding::Skipped("not tried")));
        }
    }

    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
    }
}

/// Looks the remote's name up, as the connection will do again.
async fn name(address: &RemoteAddress, config: &Config) -> Step {
    let started = Instant::now();
    let found = timeout(config.timeout, net::resolve(address.host(), address.port())).await;
    let finding = match found {
        Ok(Ok(found)) => {
            let host = address.host();
            let found: Vec<_> = found.iter().map(|found| found.ip().to_string()).collect();
            let named = found.iter().any(|found| found == host);
            Finding::Fine(if named {
                format!("{host} is an address")
            } else {
                format!("{host} is {}", found.join(", "))
            })
        }
        Ok(Err(error)) => Finding::of_fault(Fault::of_dialling(&error), error.to_string()),
        Err(_) => Finding::of_fault(Fault::NoNameServer, format!("no answer within {:?}", config.timeout)),
    };
    Step::timed(Step::NAME, started.elapsed(), finding)
}
