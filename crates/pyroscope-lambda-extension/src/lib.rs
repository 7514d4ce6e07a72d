//! An AWS Lambda extension that relays profiles to Pyroscope.
//!
//! Profilers in the function post to it on localhost; it answers at once and delivers to a remote Pyroscope, through
//! freezes, outages and shutdowns, without ever being the reason that a function fails.
//!
//! # Layout
//! In the order in which a profile flows:
//! - [`config`]: every environment variable; the only module that reads the environment
//! - [`intake`]: the server on localhost that SDKs take for Pyroscope
//! - [`upload`]: one accepted request, the unit that flows
//! - [`queue`], around [`backlog`], its pure heart: which upload goes next, and when
//! - [`backoff`]: how long to wait before the next try
//! - [`delivery`]: from the queue to the remote, with retries and a drain
//! - [`recovery`]: from the spool into the queue at the start, and back at the end
//! - [`spool`]: what a shutdown could not deliver, on disk for the next start
//! - [`labels`]: adds labels to a profile on every wire format, and touches nothing else
//! - [`session`]: the session id
//! - [`secret`]: text that is never shown, and the places that it may be kept in
//! - [`aws`]: reads a secret from Secrets Manager or the Parameter Store
//! - [`credentials`]: what each request to the remote is authenticated with
//! - [`remote`]: the Pyroscope server: one attempt, and what its answer means
//! - [`connection`]: connections to it: proxies, TLS, and the ones that are kept
//! - [`flush`]: the policy for when the next event is asked for: pure
//! - [`lambda`]: the Extensions API and its events
//! - [`metrics`]: what became of profiles, for CloudWatch: pure
//! - [`lifecycle`]: the one event loop
//! - [`self_profile`]: the extension's own profile, sent through its own queue
//! - [`pprof`]: profiles in pprof's format
//!
//! Beside that flow, for people:
//! - [`check`]: tries the way to the remote and says what is wrong with it
//!
//! What all of them stand on:
//! - [`blocking`]: work that blocks, in a thread of its own
//! - [`clock`]: monotonic and wall-clock time, given by the caller
//! - [`net`]: connections, given by the caller
//! - [`random`]: randomness, given by the caller
//! - [`log`]: text and JSON lines
//!
//! [`run`] puts them together. It is given its listeners, its configuration, its network, its clock and its
//! randomness, so that a whole extension runs in a test.

pub mod aws;
pub mod backlog;
pub mod backoff;
pub mod blocking;
pub mod check;
pub mod clock;
pub mod config;
pub mod connection;
pub mod credentials;
pub mod delivery;
pub mod flush;
pub mod intake;
pub mod labels;
pub mod lambda;
pub mod lifecycle;
pub mod log;
pub mod metrics;
pub mod net;
pub mod pprof;
pub mod queue;
pub mod random;
pub mod recovery;
pub mod remote;
pub mod secret;
pub mod self_profile;
pub mod session;
pub mod spool;
pub mod upload;

use std::io;
use std::sync::Arc;

use http::HeaderValue;

use self::backlog::Counts;
use self::clock::Clock;
use self::config::Config;
use self::credentials::Provider;
use self::delivery::Delivery;
use self::intake::Intake;
use self::lambda::client::Client;
use self::lifecycle::{End, Lifecycle};
use self::net::{Dial, Listen};
use self::queue::Queue;
use self::random::Random;
use self::remote::Remote;
use self::self_profile::SelfProfiler;
use self::session::{Session, SessionId};

/// Why the extension can't do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no Lambda around it.
    #[error(
        "AWS_LAMBDA_RUNTIME_API is not set: this is no Lambda (to run without one, set PYROSCOPE_DEV_MODE=true)"
    )]
    NoLambda,
    /// The Extensions API said no.
    #[error(transparent)]
    Lambda(#[from] lambda::client::Error),
    /// There is no event loop to be had.
    #[error("can't start: {0}")]
    Runtime(#[source] io::Error),
    /// In dev mode: nobody could post to it.
    #[error("can't listen on localhost:{port}: {source} (PYROSCOPE_PORT names another port)")]
    Listen {
        /// The port that was to be listened on.
        port: u16,
        /// Why not.
        source: io::Error,
    },
}

/// What an extension lives in.
#[derive(Debug)]
pub struct Surroundings<L> {
    /// The file name of the executable, which registration asks for.
    pub name: HeaderValue,
    /// Where SDKs are listened to, or why they can't be.
    pub listeners: io::Result<Vec<L>>,
    /// The way to the platform and to the remote.
    pub network: Arc<dyn Dial>,
    /// The time.
    pub clock: Clock,
    /// For the jitter of back-off; session ids come from the operating system.
    pub random: Arc<dyn Random>,
}

/// Runs the extension until the platform shuts it down or `stop` resolves; says how every upload ended.
///
/// In Lambda a port that can't be listened on is logged and lived with: to end would be to fail the function.
///
/// # Errors
/// Where there is no platform to register with, or it refuses.
pub async fn run<L: Listen + 'static>(
    config: Config,
    Surroundings { name, listeners, network, clock, random }: Surroundings<L>,
    stop: impl Future<Output = ()>,
) -> Result<Counts, Error> {
    let queue = Arc::new(Queue::new(config.queue_bytes, config.workers.get(), clock, Arc::clone(&random)));
    let session = Arc::new(Session::new(SessionId::random().unwrap_or(SessionId::from_bits(0))));
    let mut intake = Intake::new(Arc::clone(&queue), clock, config.queue_bytes);
    let remote = match &config.remote {
        Ok(address) => {
            let credentials = Provider::new(&config, Arc::clone(&network), clock, Arc::clone(&random));
            Remote::try_new(Arc::clone(&network), address, &config, credentials, clock)
                .map_err(|bad_proxy| bad_proxy.to_string())
        }
        Err(bad_address) => Err(bad_address.to_string()),
    };
    let delivery = match remote {
        Ok(remote) => {
            let (session, labels) = (Arc::clone(&session), config.labels.clone());
            let delivery =
                Arc::new(Delivery::new(Arc::clone(&queue), remote, session, labels, config.queue_bytes));
            Some(delivery)
        }
        Err(error) => {
            tracing::error!("{error}");
            intake = intake.refusing(error);
            None
        }
    };
    match listeners {
        Ok(listeners) => {
            let intake = Arc::new(intake);
            for listener in listeners {
                tokio::spawn(Arc::clone(&intake).serve(listener));
            }
        }
        Err(source) => {
            let error = Error::Listen { port: config.port, source };
            if config.dev_mode {
                return Err(error);
            }
            tracing::error!("{error}; profiles will not be taken");
        }
    }
    let self_profiling = config.self_profiling && delivery.is_some();
    let self_profiler = if self_profiling { SelfProfiler::start(&queue, clock) } else { None };
    let mut lifecycle = Lifecycle::new(&config, queue, delivery, session, self_profiler, clock, random);
    let left = if config.dev_mode {
        lifecycle.run_without_platform(stop).await;
        Lifecycle::STOP_BUDGET
    } else {
        let runtime_api = config.platform.runtime_api.as_deref().ok_or(Error::NoLambda)?;
        let mut client = Client::try_new(network, runtime_api)?;
        lifecycle.register(&mut client, &name).await?;
        lifecycle.subscribe(&mut client).await;
        tokio::select! {
            end = lifecycle.run(&mut client) => match end {
                End::Shutdown(left) => left,
                End::Dismissed => Lifecycle::DISMISSAL_BUDGET,
            },
            () = stop => Lifecycle::STOP_BUDGET,
        }
    };
    Ok(lifecycle.end(left).await)
}
