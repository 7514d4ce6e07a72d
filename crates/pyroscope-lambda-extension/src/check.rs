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

use http::HeaderValue;
use tokio::time::{Instant, timeout};

use self::attempt::Attempt;
pub use self::options::{BadUsage, Options};
pub use self::profile::SERVICE;
use self::step::{Finding, Step, Summary};
use crate::clock::Clock;
use crate::config::{Config, Credentials, Proxy, RemoteAddress, Shown, Warning};
use crate::connection::progress::Progress;
use crate::credentials::{Provider, Unready};
use crate::net::{self, Dial};
use crate::random::Random;
use crate::remote::Remote;
use crate::remote::fault::Fault;
use crate::secret::Source;

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
    random: Arc<dyn Random>,
    out: &mut dyn Write,
) -> bool {
    let mut check = Check { out, summary: Summary::default() };
    check.write(&text::head(settings));
    let credentials = Provider::new(&settings.config, Arc::clone(&network), clock, random);
    check.steps(settings, options, network, credentials, clock).await;
    let Check { summary, .. } = check;
    let _ = out.write_all(text::tail(&summary, options.dry_run).as_bytes());
    summary.failed == 0
}

// === impl Check ===

impl Check<'_> {
    async fn steps(
        &mut self,
        settings: &Settings,
        options: Options,
        network: Arc<dyn Dial>,
        credentials: Provider,
        clock: Clock,
    ) {
        let config = &settings.config;
        self.tell(&settings::step(settings));
        let Ok(address) = &config.remote else { return self.skip(&Step::AFTER_SETTINGS) };
        let remote = match Remote::try_new(network, address, config, credentials, clock) {
            Ok(remote) => remote,
            Err(bad_proxy) => {
                let found = bad_proxy.to_string();
                self.tell(&Step::derived(Step::PROXY, Finding::Failed { found, said: None, cure: None }));
                return self.skip(&Step::AFTER_SETTINGS);
            }
        };
        let proxy = remote.proxy();
        if let Some(proxy) = proxy {
            self.tell(&Step::derived(Step::PROXY, Finding::Fine(proxy.to_string())));
        }
        let Ok(authorization) = self.secret(&remote, config).await else {
            return self.skip(&Step::AFTER_SETTINGS);
        };
        // A proxy looks the remote's name up by itself.
        if !self.tell(&name(proxy.map_or(address, Proxy::address), config).await) {
            return self.skip(&Step::AFTER_NAME);
        }
        let progress = Progress::default();
        let started = Instant::now();
        let nothing = profile::none(clock.now().wall);
        let answer = remote.ask(&nothing, authorization.as_ref(), &progress).await;
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
        let tiny = profile::tiny(clock.now().wall);
        let answer = remote.ask(&tiny, authorization.as_ref(), &Progress::default()).await;
        let took = started.elapsed();
        self.tell(&Step::timed(Step::PROFILE, took, attempt::profile(answer, clock.now().wall)));
    }

    /// Reads the secret, where it is kept elsewhere.
    async fn secret(&mut self, remote: &Remote, config: &Config) -> Result<Option<HeaderValue>, Unready> {
        let started = Instant::now();
        let authorization = remote.authorization().await;
        let elsewhere = match &config.credentials {
            Credentials::Secret(_, Source::Kept(reference)) => Some(reference.to_string()),
            _ => None,
        };
        let finding = match (&authorization, elsewhere) {
            (Ok(None), _) | (Ok(_), None) => return authorization,
            (Ok(_), Some(reference)) => Finding::Fine(format!("read from {reference}")),
            (Err(_), _) => Finding::Failed {
                found: "the secret can't be read".to_owned(),
                said: None,
                cure: Some("standard error says why, and what to do"),
            },
        };
        self.tell(&Step::timed(Step::SECRET, started.elapsed(), finding));
        authorization
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
