//! The environment with the extension under test, and how it freezes.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use pyroscope_lambda_extension::backlog::Counts;
use pyroscope_lambda_extension::clock::Clock;
use pyroscope_lambda_extension::config::Config;
use pyroscope_lambda_extension::random::Random;
use pyroscope_lambda_extension::{Surroundings, run as run_extension};
use tokio::sync::{mpsc, oneshot};
use turmoil::net::TcpListener;

use crate::function::{self, Function, Run};
use crate::journal::Event;
use crate::network::{Loopback, Network};
use crate::world::{PLATFORM, REMOTE, World};
use crate::{platform, remote};

/// What the platform does to the environment.
#[derive(Debug)]
pub(crate) enum Work {
    Invoke(Run),
    Freeze { pause: Duration, thawed: oneshot::Sender<()> },
}

/// The extension's randomness, from the world's dice.
#[derive(Debug)]
struct Jitter(Arc<World>);

impl Random for Jitter {
    fn bits(&self) -> u64 {
        self.0.bits()
    }
}

/// Runs the extension and the function until the extension ends.
pub(crate) async fn run(
    world: Arc<World>,
    to_do: mpsc::UnboundedReceiver<Work>,
    ended: mpsc::UnboundedSender<Counts>,
) -> turmoil::Result {
    let slept_ms: &AtomicU64 = Box::leak(Box::default());
    let clock = Clock::simulated_over_freezes(World::beginning(), slept_ms);
    tokio::task::spawn_local(work(Arc::clone(&world), to_do, slept_ms, clock));
    let listener = Loopback(TcpListener::bind(("0.0.0.0", function::PORT)).await?);
    let surroundings = Surroundings {
        name: HeaderValue::from_static("pyroscope-lambda-extension"),
        listeners: Ok(vec![listener]),
        network: Arc::new(Network(Arc::clone(&world))),
        clock,
        random: Arc::new(Jitter(Arc::clone(&world))),
    };
    let counts = run_extension(config(&world), surroundings, pending()).await?;
    world.tell(Event::Ended(counts));
    ended.send(counts)?;
    Ok(())
}

fn config(world: &World) -> Config {
    let (config, warnings) = Config::from_env(|name| {
        let variable = world.settings.variables.iter().find(|(variable, _)| *variable == name);
        let value = match name {
            "AWS_LAMBDA_RUNTIME_API" => Some(format!("{PLATFORM}:{}", platform::PORT)),
            "PYROSCOPE_REMOTE_ADDRESS" => Some(format!("http://{REMOTE}:{}", remote::PORT)),
            "PYROSCOPE_SPOOL_DIR" => Some(String::new()), // a disk is not simulated
            _ => variable.map(|(_, value)| (*value).to_owned()),
        };
        value.map(Into::into)
    });
    assert!(warnings.is_empty(), "{warnings:?}");
    config
}

async fn work(
    world: Arc<World>,
    mut to_do: mpsc::UnboundedReceiver<Work>,
    slept_ms: &'static AtomicU64,
    clock: Clock,
) {
    let mut function = Function::new(Arc::clone(&world));
    while let Some(work) = to_do.recv().await {
        match work {
            Work::Invoke(run) => function.run(run).await,
            Work::Freeze { pause, thawed } => {
                freeze(&world, pause, slept_ms, clock).await;
                thawed.send(()).expect("the platform waits for the thaw");
            }
        }
    }
}

/// Time passes, and nothing runs in it: this machine's clocks jump, and timers that are overdue by then fire together.
///
/// Where monotonic time stands still only the wall clock jumps. Packets under way arrive after the thaw.
async fn freeze(world: &World, pause: Duration, slept_ms: &AtomicU64, clock: Clock) {
    let monotonic_time_ran = world.settings.monotonic_time_runs;
    world.add_frozen(pause);
    if monotonic_time_ran {
        // The jump swallows the step of the simulation that it is made in.
        tokio::time::advance(pause + world.settings.tick).await;
    } else {
        slept_ms.fetch_add(pause.as_millis() as u64, Ordering::Relaxed);
    }
    world.tell(Event::Froze { pause, monotonic_time_ran });
    let ahead = clock.now().wall.duration_since(World::beginning()).unwrap().abs_diff(world.now());
    assert!(ahead <= world.settings.tick * 3, "the machine's clock is off by {ahead:?}");
}
