//! A secret that is kept elsewhere, read in a task of its own: no upload that gives up waiting ends a read that others wait
//! for.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::Unready;
use super::cache::{Cache, Step};
use super::file;
use crate::aws;
use crate::clock::Clock;
use crate::config::{Authentication, Config};
use crate::log::Repeated;
use crate::net::Dial;
use crate::random::Random;
use crate::remote::{OVERSLEPT, THAW_GRACE};
use crate::secret::arn::SecretArn;
use crate::secret::fault::Fault;
use crate::secret::{Place, Reference, Secret};

/// The longest that one read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A secret that is kept elsewhere.
#[derive(Debug)]
pub(super) struct Kept {
    authentication: Authentication,
    reference: Reference,
    aws: Option<aws::Client>,
    state: Mutex<State>,
    /// Marked whenever a read has ended.
    ended: watch::Sender<()>,
    /// Marked when the environment thaws after a pause in which connections may have died.
    thawed: watch::Sender<()>,
    clock: Clock,
    random: Arc<dyn Random>,
}

#[derive(Debug, Default)]
struct State {
    cache: Cache,
    task: Option<AbortHandle>,
    failures: Repeated,
    /// Whether it has been told that the value read before serves on.
    told: bool,
}

// === impl Kept ===

impl Kept {
    pub(super) fn new(
        authentication: Authentication,
        reference: Reference,
        config: &Config,
        network: Arc<dyn Dial>,
        clock: Clock,
        random: Arc<dyn Random>,
    ) -> Self {
        let aws = config.aws.clone();
        let aws = aws.map(|aws| aws::Client::new(network, &config.network, aws, clock));
        let state = Mutex::default();
        let (ended, thawed) = (watch::Sender::new(()), watch::Sender::new(()));
        Self { authentication, reference, aws, state, ended, thawed, clock, random }
    }

    pub(super) async fn authorization(self: &Arc<Self>) -> Result<HeaderValue, Unready> {
        let mut ended = self.ended.subscribe();
        loop {
            ended.mark_unchanged();
            match self.ask() {
                Step::Use(value) => return Ok(value),
                Step::Later(again_in) => return Err(Unready { again_in }),
                // The sender lives in `self`: a change is never an error.
                Step::Wait => drop(ended.changed().await),
            }
        }
    }

    pub(super) fn rejected(&self, value: &HeaderValue) -> bool {
        let again = self.state().cache.rejected(value, self.clock.now());
        if again {
            tracing::debug!(secret = %self.reference, "the remote does not take what was read; reading it again");
        }
        again
    }

    pub(super) fn thaw(&self, connections_may_be_dead: bool) {
        self.state().cache.thaw(self.clock.now());
        if connections_may_be_dead {
            self.thawed.send_replace(());
        }
    }

    pub(super) fn forget(&self) {
        let before = std::mem::take(&mut *self.state());
        if let Some(task) = before.task {
            task.abort();
        }
        self.ended.send_replace(()); // whoever waits has to ask again
    }

    fn ask(self: &Arc<Self>) -> Step {
        let mut state = self.state();
        let (step, start) = state.cache.ask(self.clock.now());
        if start {
            state.task = Some(tokio::spawn(Arc::clone(self).run()).abort_handle());
        }
        step
    }

    async fn run(self: Arc<Self>) {
        let mut thawed = self.thawed.subscribe();
        let result = loop {
            let started = self.clock.now();
            tokio::select! {
                biased; // an answer that has come counts, even where it is time to start anew

                result = timeout(READ_TIMEOUT, self.read()) => match result {
                    Ok(result) => break result,
                    // Where time runs on in a freeze, the timer is overdue at the thaw.
                    Err(_) if self.clock.now().since(&started) > READ_TIMEOUT + OVERSLEPT => {}
                    Err(_) => break Err(self.silence()),
                },
                () = async { drop(thawed.changed().await); sleep(THAW_GRACE).await } => {}
            }
        };
        self.end(result);
        self.ended.send_replace(());
    }

    async fn read(&self) -> Result<HeaderValue, Fault> {
        let secret = match &self.reference.place {
            Place::File(path) => file::read(path).await,
            Place::Aws(arn) => self.ask_aws(arn).await,
        }?;
        if secret.expose().is_empty() {
            return Err(Fault::Empty);
        }
        self.authentication.header(&secret).ok_or(Fault::NotAHeaderValue)
    }

    fn silence(&self) -> Fault {
        match self.reference.place {
            Place::File(_) => Fault::File(io::ErrorKind::TimedOut.into()),
            Place::Aws(_) => Fault::Silent(READ_TIMEOUT),
        }
    }

    async fn ask_aws(&self, arn: &SecretArn) -> Result<Secret, Fault> {
        self.aws.as_ref().ok_or(Fault::NoKeys)?.read(arn).await
    }

    fn end(&self, result: Result<HeaderValue, Fault>) {
        let now = self.clock.now();
        let secret = &self.reference;
        let mut state = self.state();
        match result {
            Ok(value) => {
                let another = state.cache.succeeded(value, now);
                let failed = state.failures.over().is_some() | std::mem::take(&mut state.told);
                if another {
                    tracing::info!("{secret}: read again, and it is another now");
                } else if failed {
                    tracing::info!("{secret}: read");
                } else {
                    tracing::debug!(%secret, "read");
                }
            }
            Err(fault) => {
                // What a file lacks may be there in a moment: another extension may have to write it.
                let lasts = fault.lasts() && matches!(secret.place, Place::Aws(_));
                let serves = state.cache.failed(lasts, now, self.random.bits());
                if serves {
                    if !std::mem::replace(&mut state.told, true) {
                        tracing::warn!("{secret}: {fault}; the value that was read before serves on");
                    }
                } else if let Some(similar) = state.failures.occurred(Instant::now().into_std()) {
                    tracing::error!(similar, "{secret}: {fault}; profiles wait until it can be read");
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
