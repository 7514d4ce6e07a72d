//! Profiles of 20 KB posted to a relay: how long the profiler waits for its 200, and what a profile costs in CPU time.

use std::thread;
use std::time::Duration;

use super::contender::Contender;
use super::figures::{Figures, Metric, Spread, Unit};
use super::ground::{Ground, progress};
use super::launch::{Running, Surroundings};
use super::profiler::{Profiler, SMALL};
use super::receiver::{Manner, Receiver, Security};
use super::section::Section;
use super::tls::Sessions;
use super::units::micros;
use crate::error::Error;

pub(super) const ALONE_P50: Metric = Metric::new("ack p50", Unit::Microseconds).compared();
pub(super) const ALONE_P99: Metric = Metric::new("p99", Unit::Microseconds);
pub(super) const BURST_P50: Metric = Metric::new("in a burst p50", Unit::Microseconds);
pub(super) const BURST_P99: Metric = Metric::new("in a burst p99", Unit::Microseconds);
pub(super) const CPU: Metric = Metric::new("CPU a profile", Unit::Microseconds).compared();
const BURST_CPU: Metric = Metric::new("in a burst", Unit::Microseconds);
const LOST: Metric = Metric::new("lost", Unit::Count);

/// Between two profiles that come alone: nothing is under way when the next one is posted.
const PAUSE: Duration = Duration::from_millis(2);

/// Profiles that are posted one after the other without a pause, so that uploads are under way.
const BURST: usize = 50;

/// A remote.
pub(super) struct Setting {
    pub(super) name: &'static str,
    manner: Manner,
    security: Security,
    post: What,
}

/// What the profiler posts.
#[derive(Clone, Copy)]
enum What {
    /// A profile whose labels are in the query.
    Ingest,
    /// A compressed push, whose labels are in it.
    Push,
}

pub(super) const SETTINGS: [Setting; 6] = [
    Setting {
        name: "HTTP, kept connection",
        manner: Manner::Keep,
        security: Security::Plain,
        post: What::Ingest,
    },
    Setting {
        name: "HTTP, a new one each time",
        manner: Manner::Close,
        security: Security::Plain,
        post: What::Ingest,
    },
    Setting {
        name: "TLS, kept connection",
        manner: Manner::Keep,
        security: Security::Tls(Sessions::Resumed),
        post: What::Ingest,
    },
    Setting {
        name: "TLS, a new one each time, resumed",
        manner: Manner::Close,
        security: Security::Tls(Sessions::Resumed),
        post: What::Ingest,
    },
    Setting {
        name: "TLS, a new one each time, full",
        manner: Manner::Close,
        security: Security::Tls(Sessions::Forgotten),
        post: What::Ingest,
    },
    Setting {
        name: "TLS, kept, a compressed push",
        manner: Manner::Keep,
        security: Security::Tls(Sessions::Resumed),
        post: What::Push,
    },
];

pub(super) fn measure(ground: &Ground, figures: &mut Figures) -> Result<(), Error> {
    let rounds = ground.effort.rounds;
    for setting in &SETTINGS {
        for round in 0..rounds {
            progress(&format!("Relay, {}", setting.name), round + 1, rounds);
            for contender in ground.relays() {
                turn(ground, setting, contender, figures)?;
            }
        }
    }
    Ok(())
}

fn turn(
    ground: &Ground,
    setting: &Setting,
    contender: &Contender,
    figures: &mut Figures,
) -> Result<(), Error> {
    let receiver = Receiver::start(setting.manner, setting.security, &ground.launch.folder)?;
    let running = ground.launch.spawn(contender, &Surroundings::with(receiver.remote.clone()))?;
    let mut post = Post {
        contender,
        running: &running,
        receiver: &receiver,
        profiler: match setting.post {
            What::Ingest => Profiler::new(ground.launch.relay_port, SMALL),
            What::Push => Profiler::pushing(ground.launch.relay_port),
        },
    };
    // The first one sets TLS up, once in the life of an environment.
    post.alone(1)?;
    let alone = post.alone(ground.effort.profiles)?;
    let burst = post.in_bursts(ground.effort.profiles)?;
    let lost = 1 + 2 * ground.effort.profiles - receiver.count();
    running.stop()?;
    figures
        .row(Section::Relay, setting.name, &contender.name)
        .add(ALONE_P50, alone.acks.median)
        .add(ALONE_P99, alone.acks.p99)
        .add(BURST_P50, burst.acks.median)
        .add(BURST_P99, burst.acks.p99)
        .add(CPU, alone.cpu)
        .add(BURST_CPU, burst.cpu)
        .add(LOST, f64::from(u32::try_from(lost).unwrap_or(u32::MAX)));
    Ok(())
}

/// Profiles on their way through one relay.
struct Post<'turn> {
    contender: &'turn Contender,
    running: &'turn Running<'turn>,
    receiver: &'turn Receiver,
    profiler: Profiler,
}

/// What some profiles came to.
struct Cost {
    /// In µs.
    acks: Spread,
    /// In µs a profile.
    cpu: f64,
}

// === impl Post ===

impl Post<'_> {
    /// Each when the one before has arrived.
    fn alone(&mut self, profiles: usize) -> Result<Cost, Error> {
        self.post(profiles, 1)
    }

    /// Many at once: where the relay's queue is full, it is for the relay to say so.
    fn in_bursts(&mut self, profiles: usize) -> Result<Cost, Error> {
        self.post(profiles, BURST)
    }

    fn post(&mut self, profiles: usize, at_once: usize) -> Result<Cost, Error> {
        let before = self.running.cpu()?;
        let mut acks = Vec::with_capacity(profiles);
        while acks.len() < profiles {
            let arrived = self.receiver.count();
            let posted = at_once.min(profiles - acks.len());
            for _ in 0..posted {
                acks.push(micros(self.profiler.post(self.contender)?));
            }
            self.receiver.wait_for(arrived + posted);
            thread::sleep(PAUSE);
        }
        let used = self.running.cpu()?.saturating_sub(before);
        let profiles = f64::from(u32::try_from(profiles).unwrap_or(u32::MAX));
        Ok(Cost { acks: Spread::of(acks), cpu: micros(used) / profiles })
    }
}
