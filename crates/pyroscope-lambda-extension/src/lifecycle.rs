//! The one event loop: registers, asks for events, and lets delivery have the time that the flush policy gives it.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::backlog::{Counts, Progress};
use crate::backoff;
use crate::clock::{Clock, Moment, milliseconds};
use crate::config::{Config, FlushConfig, FlushStrategy, InitializationType};
use crate::delivery::Delivery;
use crate::flush::Policy;
use crate::lambda::client::{Client, Error, Interest, Phase, REPORT_TIMEOUT};
use crate::lambda::deadline;
use crate::lambda::event::{Event, Invoke, Shutdown};
use crate::lambda::telemetry::{self, HandlerEnd, Wait};
use crate::metrics::{Metrics, Reading};
use crate::queue::Queue;
use crate::random::Random;
use crate::recovery::Recovery;
use crate::self_profile::SelfProfiler;
use crate::session::{Session, SessionId};
use crate::spool::Spool;

/// How long registration is tried: another extension may proxy the API and not be up yet.
const REGISTER_FOR: Duration = Duration::from_secs(2);

/// The pause after which connections may have died unnoticed.
const CONNECTIONS_SURVIVE: Duration = Duration::from_secs(3);

/// The longest wait between two questions for the next event that were answered with an error.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Self-profiling's last profile takes a while to put together: it must not cost others their delivery.
const WORTH_A_LAST_PROFILE: Duration = Duration::from_millis(500);

/// What is kept back of the time to the shutdown's deadline to exit.
const EXIT_MARGIN: Duration = Duration::from_millis(50);

/// What there is to expect where the shutdown's deadline is unknown: 2 s less what the runtime may have used.
const SHUTDOWN_BUDGET: Duration = Duration::from_millis(1_400);

/// The extension's life on one platform.
#[derive(Debug)]
pub struct Lifecycle {
    queue: Arc<Queue>,
    /// None where there is no remote to deliver to.
    delivery: Option<Arc<Delivery>>,
    session: Arc<Session>,
    self_profiler: Option<Arc<SelfProfiler>>,
    recovery: Recovery,
    clock: Clock,
    random: Arc<dyn Random>,
    flush: FlushConfig,
    policy: Policy,
    /// With the strategy `end`, where the platform has telemetry.
    handler_end: Option<HandlerEnd>,
    initialization: InitializationType,
    /// None where they are not asked for.
    metrics: Option<Metrics>,
    /// How long the next event was held for uploads, in all.
    held: Duration,
    /// Whether an invocation has been seen.
    invoked: bool,
}

/// Why the event loop ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The platform shuts the environment down; the time until it kills the process.
    Shutdown(Duration),
    /// The platform wants the process gone.
    Dismissed,
}

// === impl Lifecycle ===

impl Lifecycle {
    /// How long uploads may still take where a signal ends the process: there is no platform to set a deadline.
    pub const STOP_BUDGET: Duration = Duration::from_secs(10);

    /// How long the process may still take where the platform wants it gone: enough to leave uploads to the next one.
    pub const DISMISSAL_BUDGET: Duration = Duration::from_millis(150);

    /// A life by `config`.
    #[must_use]
    pub fn new(
        config: &Config,
        queue: Arc<Queue>,
        delivery: Option<Arc<Delivery>>,
        session: Arc<Session>,
        self_profiler: Option<Arc<SelfProfiler>>,
        clock: Clock,
        random: Arc<dyn Random>,
    ) -> Self {
        let spool = config.spool_dir.as_deref().map(|dir| Spool::new(dir, Spool::DEFAULT_LIMIT));
        let at_once = config.workers.get();
        let recovery = Recovery::new(spool, Arc::clone(&queue), clock, config.queue_bytes, at_once);
        let mut flush = config.flush;
        if config.platform.initialization == InitializationType::ManagedInstances {
            flush.strategy = FlushStrategy::Background; // nothing freezes there
        }
        let policy = Policy::new(flush);
        let initialization = config.platform.initialization;
        let function = config.platform.function_name.as_deref();
        let metrics = config.metrics.then(|| Metrics::new(function, clock.now()));
        Self {
            queue,
            delivery,
            session,
            self_profiler,
            recovery,
            clock,
            random,
            flush,
            policy,
            handler_end: None,
            initialization,
            metrics,
            held: Duration::ZERO,
            invoked: false,
        }
    }

    /// Waits for a person to end it, where there is no platform: until `stop` resolves.
    pub async fn run_without_platform(&self, stop: impl Future<Output = ()>) {
        self.deliver();
        self.recover();
        stop.await;
    }

    /// Registers with the platform under `name`, the file name of the running executable.
    ///
    /// # Errors
    /// Where the platform refuses, or can't be reached within two seconds.
    pub async fn register(&self, client: &mut Client, name: &HeaderValue) -> Result<(), Error> {
        let mut interest = match self.initialization {
            InitializationType::ManagedInstances => Interest::ShutdownOnly,
            _ => Interest::Invocations,
        };
        let give_up = Instant::now() + REGISTER_FOR;
        let mut failures = 0;
        loop {
            let answer = timeout_at(give_up, client.register(name, interest)).await;
            let error = match answer.unwrap_or(Err(Error::Silent)) {
                Ok(()) => {
                    if interest == Interest::ShutdownOnly {
                        self.recover(); // there will be no invocation to wait for
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            if error.refuses_invocations() && interest == Interest::Invocations {
                tracing::debug!("the platform does not tell of invocations; registering for SHUTDOWN alone");
                interest = Interest::ShutdownOnly;
                continue;
            }
            failures += 1;
            if !error.is_transient() || Instant::now() >= give_up {
                return Err(error);
            }
            tracing::debug!(%error, "registration failed; trying again");
            sleep(backoff::delay(failures, self.random.bits())).await;
        }
    }

    /// With the strategy `end`: asks the platform to tell when a handler has ended, which is possible only now, after
    /// registration and before the first event. Costs the start of the environment a round trip or two.
    pub async fn subscribe(&mut self, client: &mut Client) {
        if self.flush.strategy != FlushStrategy::End || self.delivery.is_none() {
            return; // without a remote no upload is ever accepted
        }
        self.handler_end = telemetry::subscribe(client).await;
        if self.handler_end.is_none() {
            self.do_without_telemetry();
        }
    }

    fn do_without_telemetry(&mut self) {
        tracing::info!(
            "the platform does not tell when a handler has ended; PYROSCOPE_FLUSH_STRATEGY=end does as `invoke`"
        );
        self.handler_end = None;
        self.flush.strategy = FlushStrategy::Invoke;
        self.policy = Policy::new(self.flush);
    }

    /// Asks for events, one after the other, until the platform says that it is over.
    ///
    /// Nothing else ends it: an answer that makes no sense is logged, and the question asked again.
    pub async fn run(&mut self, client: &mut Client) -> End {
        let mut failures = 0_u32;
        let mut phase = Phase::Init;
        self.deliver();
        loop {
            let asked = self.clock.now();
            match client.next().await {
                Ok(event) => {
                    failures = 0;
                    phase = Phase::Running;
                    match event {
                        Event::Invoke(invoke) => self.invoke(&invoke, asked).await,
                        Event::Shutdown(shutdown) => {
                            self.thaw(asked);
                            return self.shutdown(&shutdown);
                        }
                        Event::Unknown(event_type) => {
                            tracing::debug!(event_type, "unknown event ignored");
                        }
                    }
                }
                Err(error) if error.is_fatal() => {
                    tracing::error!(%error, "the platform wants the extension to end");
                    let report =
                        client.report(phase, "Extension.PlatformError", "the Extensions API answered 500");
                    drop(timeout(REPORT_TIMEOUT, report).await);
                    return End::Dismissed;
                }
                Err(error) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        tracing::error!(%error, failures, "can't get the next event; trying again");
                    }
                    sleep(backoff::delay(failures, self.random.bits()).min(ASK_AGAIN)).await;
                }
            }
        }
    }

    async fn invoke(&mut self, invoke: &Invoke, asked: Moment) {
        let pause = self.thaw(asked);
        if !std::mem::replace(&mut self.invoked, true) {
            self.recover();
        }
        self.tell_metrics(Metrics::in_passing);
        tracing::debug!(request_id = invoke.request_id, pause_ms = milliseconds(pause), "invocation");
        if self.handler_ended(invoke).await {
            self.hold(invoke).await;
        }
    }

    /// The environment runs again after what may have been a freeze. Says how long it was since the event was asked for.
    fn thaw(&self, asked: Moment) -> Duration {
        let pause = self.clock.now().since(&asked);
        if !self.invoked && self.initialization == InitializationType::SnapStart {
            self.leave_snapshot();
        } else if let Some(delivery) = &self.delivery {
            delivery.thaw(pause >= CONNECTIONS_SURVIVE);
        }
        pause
    }

    /// Starts to deliver. Not before the first event is asked for: until then the start of the environment waits for us.
    fn deliver(&self) {
        if let Some(delivery) = &self.delivery {
            tokio::spawn(Arc::clone(delivery).run());
        }
    }

    /// Takes over what an earlier process left behind, if it can be delivered.
    fn recover(&self) {
        if self.delivery.is_some() {
            self.recovery.start();
        }
    }

    /// With the strategy `end`: waits until the handler has ended, so that what it uploads is waited for as well. Says
    /// whether there may be time left to hold in.
    async fn handler_ended(&mut self, invoke: &Invoke) -> bool {
        let Some(handler_end) = &mut self.handler_end else { return true };
        if self.policy.has_given_up(self.queue.counts().delivered) {
            return false; // what the handler uploads would not get through, either
        }
        let left = deadline::remaining(invoke.deadline_ms, self.clock.now().wall);
        match handler_end.wait(&invoke.request_id, left, self.flush.budget).await {
            Wait::Ended => return true,
            Wait::Missed => {}
            Wait::Silence => self.do_without_telemetry(),
        }
        false
    }

    /// What was made during init is in every clone of the snapshot: it must not serve as this one's identity.
    fn leave_snapshot(&self) {
        match SessionId::random() {
            Ok(id) => self.session.renew(id),
            Err(error) => tracing::error!(%error, "no randomness for a new session id"),
        }
        if let Some(delivery) = &self.delivery {
            delivery.leave_snapshot();
        }
    }

    /// Puts off asking for the next event while uploads get through that were accepted before this one.
    async fn hold(&mut self, invoke: &Invoke) {
        if self.delivery.is_none() {
            return;
        }
        let fence = self.queue.fence();
        let left = deadline::remaining(invoke.deadline_ms, self.clock.now().wall);
        let delivered = self.queue.counts().delivered;
        let hold = self.policy.hold(self.queue.progress(fence), left, delivered);
        if hold.is_zero() {
            return;
        }
        let started = Instant::now();
        let progress = timeout(hold, self.queue.settled(fence)).await.unwrap_or(Progress::Pending);
        let waited = started.elapsed();
        self.held += waited;
        self.policy.held(progress, self.queue.counts().delivered);
        tracing::debug!(held_ms = milliseconds(waited), ?progress, "held the next event for uploads");
    }

    /// Writes a line of metrics, if they are asked for and `line` has one. There is nowhere to say that it can't be written.
    fn tell_metrics(&mut self, line: fn(&mut Metrics, Reading, usize, Moment) -> Option<String>) {
        let Some(metrics) = &mut self.metrics else { return };
        let reading = Reading { counts: self.queue.counts(), held: self.held };
        if let Some(line) = line(metrics, reading, self.queue.bytes(), self.clock.now()) {
            let _ = io::stdout().write_all(line.as_bytes());
        }
    }

    fn shutdown(&self, shutdown: &Shutdown) -> End {
        tracing::debug!(reason = shutdown.reason, "shutdown");
        let left = deadline::remaining(shutdown.deadline_ms, self.clock.now().wall);
        End::Shutdown(left.unwrap_or(SHUTDOWN_BUDGET))
    }

    /// Delivers what can be delivered in the time that is `left`, leaves the rest to the next process, and logs in one
    /// line how every upload ended.
    pub async fn end(&mut self, left: Duration) -> Counts {
        let deadline = Instant::now() + left.saturating_sub(EXIT_MARGIN);
        if let Some(self_profiler) = self.self_profiler.as_ref().filter(|_| left > WORTH_A_LAST_PROFILE) {
            self_profiler.flush();
        }
        if let Some(delivery) = &self.delivery {
            delivery.drain(deadline).await;
        }
        self.recovery.leave_behind(deadline);
        let counts = self.queue.counts();
        let Counts { accepted, recovered, delivered, refused, expired, evicted, spooled, lost, .. } = counts;
        let delivered_bytes = counts.delivered_bytes;
        if accepted == 0 && self.invoked && self.delivery.is_some() {
            tracing::info!(
                "no profile came from the function: its profiler must be started outside of the handler, with \
                 http://localhost and the port (PYROSCOPE_PORT, 4040) as the server's address, and live long enough to \
                 send one"
            );
        }
        tracing::info!(
            accepted,
            recovered,
            delivered,
            refused,
            expired,
            evicted,
            spooled,
            lost,
            delivered_bytes,
            "how the profiles ended"
        );
        self.tell_metrics(Metrics::last);
        counts
    }
}
