//! What is added to a handler that computes for 20 ms and posts a profile: the extension shares its CPU.
//!
//! It runs in the sandbox, at full CPU and at the share of a function of 128 MB, beside none, beside the floor and beside each
//! extension. Beside the first two it posts nothing.

use std::fs;
use std::time::{Duration, Instant};

use lambda_sandbox::{CpuShare, Invocation, Sandbox, ShutdownReason};

use super::contender::{Contender, Kind};
use super::figures::{Figures, Metric, Unit};
use super::ground::{Ground, progress};
use super::receiver::{Manner, Receiver, Security};
use super::section::Section;
use super::start::{FULL, LEAST_MB};
use super::tls::Sessions;
use super::units::millis;
use crate::error::Error;
use crate::load::order::{Order, Then};
use crate::load::{self, STEPS, compute};

const HANDLER: Metric = Metric::new("handler", Unit::Milliseconds).compared();
const AFTER: Metric = Metric::new("after the response", Unit::Milliseconds);

const SHARE: &str = "the share of 128 MB";

/// What the handler computes for, where it has a CPU of its own.
const COMPUTES: Duration = Duration::from_millis(20);

/// Between invocations; the sandbox is frozen.
const FROZEN: Duration = Duration::from_millis(20);

/// Invocations that are not counted: they open connections.
const WARM: u64 = 3;

/// At a fourteenth of a CPU everything takes its time.
const TIMEOUT: Duration = Duration::from_secs(10);

const NONE: &str = "no extension";

pub(super) async fn measure(ground: &Ground, figures: &mut Figures) -> Result<(), Error> {
    let steps = calibrate();
    let rounds = ground.effort.rounds.min(5);
    for (setting, limit) in [(FULL, false), (SHARE, true)] {
        for round in 0..rounds {
            progress(&format!("Handler, {setting}"), round + 1, rounds);
            let contenders = [None].into_iter().chain(ground.extensions().map(Some));
            for contender in contenders {
                let name = contender.map_or(NONE, |contender| &contender.name);
                let invocations = invoke(ground, contender, limit, steps).await?;
                if invocations.is_empty() {
                    return Ok(());
                }
                let mut row = figures.row(Section::Handler, setting, name);
                for invocation in invocations {
                    row.add(HANDLER, millis(invocation.handler))
                        .add(AFTER, millis(invocation.after_response));
                }
            }
        }
    }
    Ok(())
}

/// How many steps take as long as the handler is to compute.
fn calibrate() -> u64 {
    const TRIAL: u64 = 100_000;
    let fastest = (0..100).map(|_| {
        let since = Instant::now();
        compute(TRIAL);
        since.elapsed()
    });
    let fastest = fastest.min().unwrap_or_default().as_nanos().max(1);
    u64::try_from(COMPUTES.as_nanos() * u128::from(TRIAL) / fastest).unwrap_or(TRIAL)
}

/// Invokes the function some times. Nothing where this machine can't limit the CPU.
async fn invoke(
    ground: &Ground,
    contender: Option<&Contender>,
    limit: bool,
    steps: u64,
) -> Result<Vec<Invocation>, Error> {
    let receiver = Receiver::start(Manner::Keep, Security::Tls(Sessions::Resumed), &ground.launch.folder)?;
    let sandbox = start(ground, contender, &receiver, limit, steps).await?;
    if let Some(CpuShare::Unlimited { reason }) = sandbox.cpu_share() {
        eprintln!("\nNo handlers at the share of a small function: {reason}");
        return Ok(Vec::new());
    }
    let posts = contender.is_some_and(|contender| contender.kind != Kind::Floor);
    let mut invocations = Vec::new();
    for number in 0..WARM + (ground.effort.rounds as u64 * 2).max(5) {
        let order =
            Order { seed: 1, first: number, profiles: u64::from(posts), work_ms: 0, then: Then::Answer };
        let invocation = sandbox.invoke(order.payload()).await;
        let invocation = invocation.map_err(|source| Error::part("an invocation", &source))?;
        if let Some(fault) = &invocation.fault {
            return Err(Error::part("an invocation", fault));
        }
        if number >= WARM {
            invocations.push(invocation);
        }
        tokio::time::sleep(FROZEN).await;
    }
    sandbox.shutdown(ShutdownReason::Spindown).await;
    Ok(invocations)
}

async fn start(
    ground: &Ground,
    contender: Option<&Contender>,
    receiver: &Receiver,
    limit: bool,
    steps: u64,
) -> Result<Sandbox, Error> {
    let ledger = ground.launch.folder.join("ledger");
    let _ = fs::remove_file(&ledger);
    let mut builder = load::environment::without_extension(ground.launch.relay_port, &ledger)?
        .runtime_env(STEPS, steps.to_string())
        .extension_env("PYROSCOPE_REMOTE_ADDRESS", receiver.remote.url())
        .extension_env("PYROSCOPE_SPOOL_DIR", "")
        .memory_mb(LEAST_MB)
        .limit_cpu(limit)
        .timeout(TIMEOUT);
    if let Some(authority) = &receiver.remote.authority {
        builder = builder.extension_env("SSL_CERT_FILE", authority);
    }
    if let Some(contender) = contender {
        builder = builder.extension(&contender.binary);
    }
    builder.start().await.map_err(|source| Error::part("the init phase", &source))
}
