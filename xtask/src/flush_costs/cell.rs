//! One line of the table: a strategy, a handler and a remote.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use lambda_sandbox::{Invocation, Sandbox, ShutdownReason};
use pyroscope_sink::{Options, Sink};

use crate::distance::Distance;
use crate::environment::EXTENSION;
use crate::error::Error;
use crate::load::order::{Order, Then};
use crate::load::profile::NUMBER;
use crate::load::{self};

/// Invocations that post a profile.
const POSTING: u64 = 8;

/// Invocations that post none, for what is late.
const LATER: u64 = 8;

/// How long the environment is frozen after each.
const FROZEN: Duration = Duration::from_millis(50);

/// The function's timeout: what `invoke` goes by.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Where the remote is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remote {
    /// There and back in so many milliseconds, over TLS.
    Away(u64),
    /// It refuses connections.
    Down,
    /// It accepts connections and says nothing.
    Silent,
}

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) strategy: &'static str,
    pub(super) handler_ms: u64,
    pub(super) remote: Remote,
}

/// What it came to.
#[derive(Debug, Default)]
pub(super) struct Cost {
    /// Added after the response, of each invocation, in ascending order.
    pub(super) added: Vec<Duration>,
    pub(super) posted: u64,
    /// For each profile that arrived before the shutdown: how many invocations it took, its own included.
    pub(super) within: Vec<usize>,
}

/// What all cells have in common.
pub(super) struct Ground {
    pub(super) extension: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) port: u16,
}

// === impl Remote ===

impl Remote {
    pub(super) fn text(self) -> String {
        match self {
            Self::Away(ms) => format!("{ms} ms away"),
            Self::Down => "down, refuses".to_owned(),
            Self::Silent => "down, silent".to_owned(),
        }
    }
}

// === impl Cell ===

impl Cell {
    pub(super) async fn measure(self, ground: &Ground) -> Result<Cost, Error> {
        let server = |source| Error::part("the server", &source);
        let sink = Sink::start(Options::default().tls()).await.map_err(server)?;
        let round_trip = match self.remote {
            Remote::Away(ms) => Some(Duration::from_millis(ms)),
            Remote::Down | Remote::Silent => None,
        };
        let distance = Distance::to(sink.addr(), round_trip).await.map_err(Error::io("listen"))?;
        let address = match self.remote {
            Remote::Down => {
                sink.refuse_connections().await;
                sink.addr()
            }
            Remote::Away(_) | Remote::Silent => distance.address,
        };
        let sandbox = self.start(ground, &sink, address).await?;
        let invocations = self.invoke(&sandbox, &sink).await;
        let cost = invocations.map(|invocations| Cost::of(&invocations, &sink));
        sandbox.shutdown(ShutdownReason::Spindown).await;
        cost
    }

    async fn start(self, ground: &Ground, sink: &Sink, address: SocketAddr) -> Result<Sandbox, Error> {
        let authority = ground.folder.join("authority.pem");
        sink.write_ca_pem(&authority).map_err(|source| Error::part("the server", &source))?;
        let ledger = ground.folder.join("ledger");
        let _ = fs::remove_file(&ledger);
        load::environment::around(&ground.extension, ground.port, &ledger)?
            .extension_env("PYROSCOPE_REMOTE_ADDRESS", format!("https://{address}"))
            .extension_env("SSL_CERT_FILE", authority)
            .extension_env("PYROSCOPE_SPOOL_DIR", "")
            .extension_env("PYROSCOPE_FLUSH_STRATEGY", self.strategy)
            .timeout(TIMEOUT)
            .start()
            .await
            .map_err(|source| Error::part("the init phase", &source))
    }

    async fn invoke(self, sandbox: &Sandbox, sink: &Sink) -> Result<Vec<Invocation>, Error> {
        let mut invocations = Vec::new();
        for number in 0..POSTING + LATER {
            let profiles = u64::from(number < POSTING);
            if profiles == 0 && (self.remote == Remote::Down || sink.totals().accepted as u64 >= POSTING) {
                break;
            }
            let order =
                Order { seed: 1, first: number, profiles, work_ms: self.handler_ms, then: Then::Answer };
            let invocation = sandbox.invoke(order.payload()).await;
            let invocation = invocation.map_err(|source| Error::part("an invocation", &source))?;
            if let Some(fault) = &invocation.fault {
                return Err(Error::part("an invocation", fault));
            }
            invocations.push(invocation);
            tokio::time::sleep(FROZEN).await;
        }
        Ok(invocations)
    }
}

// === impl Cost ===

impl Cost {
    fn of(invocations: &[Invocation], sink: &Sink) -> Self {
        let ours = |invocation: &Invocation| {
            let extension = invocation.extensions.iter().find(|extension| extension.name == EXTENSION);
            extension.and_then(|extension| extension.after_response).unwrap_or(invocation.after_response)
        };
        let mut added: Vec<_> = invocations.iter().map(ours).collect();
        added.sort_unstable();
        let mut within = Vec::new();
        for arrival in sink.arrivals().iter().filter(|arrival| arrival.stored) {
            let at = arrival.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            // The profile's number is that of the invocation that posted it.
            if let Ok(number) = arrival.request.header(NUMBER).parse::<usize>() {
                let begun = invocations.iter().filter(|one| u128::from(one.started_ms) <= at).count();
                within.push(begun.saturating_sub(number));
            }
        }
        Self { added, posted: POSTING, within }
    }

    pub(super) fn median(&self) -> Duration {
        self.added.get(self.added.len() / 2).copied().unwrap_or_default()
    }

    pub(super) fn most(&self) -> Duration {
        self.added.last().copied().unwrap_or_default()
    }

    /// How many invocations the slowest profile took.
    pub(super) fn slowest(&self) -> Option<usize> {
        self.within.iter().max().copied()
    }
}
