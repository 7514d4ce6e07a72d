//! What the simulated machines share, and the loop that makes time pass.

use std::cell::Cell;
use std::fmt;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyroscope_lambda_extension::backlog::Counts;
use tokio::sync::mpsc;

use crate::dice::Dice;
use crate::journal::{Arrival, Entry, Event};
use crate::lambda::Lambda;
use crate::remote::{self, Answer, Mood};
use crate::{oracle, platform, sandbox};

/// The machines of a simulation.
pub(crate) const SANDBOX: &str = "sandbox";
pub(crate) const PLATFORM: &str = "platform";
pub(crate) const REMOTE: &str = "remote";

/// When every simulation begins, in epoch milliseconds.
const BEGINNING_MS: u64 = 1_700_000_000_000;

/// What a simulation is like. Everything else follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    /// Variables of the extension's environment beside the addresses.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// How long a packet to or from the remote takes, in milliseconds.
    pub(crate) latency_ms: (u64, u64),
    /// The time in one step of the simulation, which is also the least that a packet takes.
    pub(crate) tick: Duration,
    /// Whether monotonic time runs on in a freeze. Sources disagree on Lambda.
    pub(crate) monotonic_time_runs: bool,
}

/// What the simulated machines share.
pub(crate) struct World {
    pub(crate) settings: Settings,
    /// Time that has been simulated, in microseconds.
    simulated_us: AtomicU64,
    /// Time that passed in freezes, in milliseconds.
    frozen_ms: AtomicU64,
    journal: Mutex<Vec<Entry>>,
    dice: Mutex<Dice>,
    mood: Mutex<Mood>,
    arrivals: AtomicU32,
    connections: AtomicU32,
    /// Connections to the remote with a lower number are dead, and nobody was told.
    lost_below: AtomicU32,
    /// Whether the remote is to be off.
    remote_is_off: AtomicBool,
}

/// How a simulation ended. Prints the seed and the journal if the test that holds it fails.
pub(crate) struct Ended {
    pub(crate) counts: Counts,
    pub(crate) journal: Vec<Entry>,
    _told: Told,
}

thread_local! {
    /// Panics on this thread. Those of spawned tasks would go unnoticed otherwise.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// Tells what happened if it is dropped in a panic.
struct Told(Arc<World>);

/// Runs `script` in a world of its own until it is over and the environment is shut down, then asks the oracle.
pub(crate) fn simulate<F>(settings: Settings, script: F) -> Ended
where
    F: AsyncFnOnce(&mut Lambda) + 'static,
{
    let world = Arc::new(World::new(settings));
    let told = Told(Arc::clone(&world));
    count_panics();
    let Settings { seed, latency_ms, tick, .. } = world.settings;
    let mut simulation = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(tick)
        .simulation_duration(Duration::MAX / 2)
        .min_message_latency(Duration::from_millis(latency_ms.0))
        .max_message_latency(Duration::from_millis(latency_ms.1))
        .ephemeral_ports(1_024..=65_535)
        .build();
    let (work, to_do) = mpsc::unbounded_channel();
    let (asked, asking) = mpsc::unbounded_channel();
    let (ended, end) = mpsc::unbounded_channel();
    let to_do = Mutex::new(Some(to_do));
    let for_remote = Arc::clone(&world);
    simulation.host(REMOTE, move || remote::run(Arc::clone(&for_remote)));
    let for_sandbox = Arc::clone(&world);
    simulation.host(SANDBOX, move || {
        let to_do = to_do.lock().unwrap().take().expect("the sandbox starts once");
        sandbox::run(Arc::clone(&for_sandbox), to_do, ended.clone())
    });
    let mut lambda = Lambda::new(Arc::clone(&world), work, asking, end);
    simulation.client(PLATFORM, async move {
        tokio::task::spawn_local(platform::serve(asked));
        lambda.start().await;
        script(&mut lambda).await;
        lambda.shut_down_if_running().await;
        Ok(())
    });
    simulation.set_link_latency(SANDBOX, PLATFORM, tick);
    let mut remote_is_off = false;
    loop {
        world.simulated_us.store(simulation.elapsed().as_micros() as u64, Ordering::Relaxed);
        if simulation.step().expect("every machine goes on") {
            break;
        }
        let off = world.remote_is_off.load(Ordering::Relaxed);
        if off != remote_is_off {
            if off {
                simulation.crash(REMOTE);
            } else {
                simulation.bounce(REMOTE);
            }
            remote_is_off = off;
        }
    }
    assert_eq!(PANICS.get(), 0, "a task panicked");
    let journal = world.journal().clone();
    let counts = oracle::verify(&journal);
    Ended { counts, journal, _told: told }
}

fn count_panics() {
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            report(info);
        }));
    });
}

// === impl Settings ===

impl Settings {
    /// An ordinary world: 5 to 50 ms to the remote, steps of a millisecond, and a clock that suits the seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            seed,
            variables: &[],
            latency_ms: (5, 50),
            tick: Duration::from_millis(1),
            monotonic_time_runs: seed.is_multiple_of(2),
        }
    }
}

// === impl World ===

impl World {
    fn new(settings: Settings) -> Self {
        Self {
            dice: Mutex::new(Dice::new(!settings.seed)),
            settings,
            simulated_us: AtomicU64::default(),
            frozen_ms: AtomicU64::default(),
            journal: Mutex::default(),
            mood: Mutex::new(Mood::Always(Answer::Ok)),
            arrivals: AtomicU32::default(),
            connections: AtomicU32::default(),
            lost_below: AtomicU32::default(),
            remote_is_off: AtomicBool::default(),
        }
    }

    /// The time since the beginning, freezes included.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_micros(self.simulated_us.load(Ordering::Relaxed))
            + Duration::from_millis(self.frozen_ms.load(Ordering::Relaxed))
    }

    /// The beginning, on the wall clock.
    pub(crate) fn beginning() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(BEGINNING_MS)
    }

    /// A moment on the wall clock, in epoch milliseconds.
    pub(crate) fn epoch_ms(at: Duration) -> u64 {
        BEGINNING_MS + at.as_millis() as u64
    }

    /// The environment has been frozen for so long.
    pub(crate) fn add_frozen(&self, pause: Duration) {
        self.frozen_ms.fetch_add(pause.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn tell(&self, event: Event) {
        let at = self.now();
        self.journal().push(Entry { at, event });
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.journal.lock().unwrap()
    }

    /// How the remote answers from now on.
    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How the remote answers the next request.
    pub(crate) fn answer(&self) -> Answer {
        self.mood.lock().unwrap().answer(&mut self.dice.lock().unwrap())
    }

    /// A throw of the dice.
    pub(crate) fn bits(&self) -> u64 {
        self.dice.lock().unwrap().bits()
    }

    pub(crate) fn next_arrival(&self) -> Arrival {
        self.arrivals.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_connection(&self) -> u32 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// All connections to the remote die, and neither end is told.
    pub(crate) fn lose_connections(&self) {
        self.lost_below.store(self.connections.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(crate) fn is_lost(&self, connection: u32) -> bool {
        connection < self.lost_below.load(Ordering::Relaxed)
    }

    /// Off: its connections close, and nobody answers who asks for a new one.
    pub(crate) fn turn_remote_off(&self, off: bool) {
        self.remote_is_off.store(off, Ordering::Relaxed);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("settings", &self.settings).finish_non_exhaustive()
    }
}

// === impl Told ===

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for entry in self.0.journal().iter() {
                eprintln!("{entry}");
            }
            eprintln!("{:?}", self.0.settings);
        }
    }
}
