//! Whether anything grows: with the queue, while a remote says nothing, and with invocations, while it answers.

use std::thread;
use std::time::Duration;

use super::contender::Contender;
use super::figures::{Figures, Metric, Spread, Unit};
use super::ground::{Ground, progress};
use super::launch::{Running, Surroundings};
use super::profiler::{Profiler, SMALL};
use super::receiver::{Manner, Receiver, Security};
use super::section::Section;
use super::units::{mib, micros};
use crate::error::Error;

pub(super) const RESIDENT: Metric = Metric::new("resident", Unit::Mebibytes);
pub(super) const ACK: Metric = Metric::new("ack p50", Unit::Microseconds);
pub(super) const CPU: Metric = Metric::new("CPU a profile", Unit::Microseconds);

/// How many profiles wait.
pub(super) const QUEUES: [usize; 3] = [10, 100, 1_000];

/// After how many invocations, each with a profile.
pub(super) const INVOCATIONS: [usize; 3] = [100, 1_000, 10_000];

/// How many posts or invocations are looked at, at each mark.
const LOOKS: usize = 100;

/// Between two posts.
const PAUSE: Duration = Duration::from_millis(1);

/// Room for all of the profiles, whatever part of it the queue may take.
const MEMORY_MB: u32 = 1_024;

pub(super) fn queue(profiles: usize) -> String {
    format!("{profiles} profiles wait")
}

pub(super) fn invocations(invocations: usize) -> String {
    format!("{invocations} invocations")
}

pub(super) fn measure(ground: &Ground, figures: &mut Figures) -> Result<(), Error> {
    let rounds = ground.effort.rounds.min(3);
    for round in 0..rounds {
        progress("Growth with the queue", round + 1, rounds);
        for profiles in QUEUES {
            for contender in ground.queues() {
                with_queue(ground, contender, profiles, figures)?;
            }
        }
    }
    // A quick look ends where nothing has grown yet.
    let marks = if rounds > 1 { &INVOCATIONS[..] } else { INVOCATIONS.get(..2).unwrap_or_default() };
    for round in 0..rounds {
        progress("Growth with invocations", round + 1, rounds);
        for contender in ground.queues() {
            with_invocations(ground, contender, marks, figures)?;
        }
    }
    Ok(())
}

fn with_queue(
    ground: &Ground,
    contender: &Contender,
    waiting: usize,
    figures: &mut Figures,
) -> Result<(), Error> {
    let receiver = Receiver::start(Manner::Silent, Security::Plain, &ground.launch.folder)?;
    let surroundings = Surroundings { memory_mb: MEMORY_MB, ..Surroundings::with(receiver.remote.clone()) };
    let running = ground.launch.spawn(contender, &surroundings)?;
    let mut profiler = Profiler::new(ground.launch.relay_port, SMALL);
    for _ in 0..waiting {
        profiler.post(contender)?;
    }
    let resident = running.memory()?.resident;
    let look = look(&running, || {
        let ack = profiler.post(contender)?;
        thread::sleep(PAUSE);
        Ok(ack)
    })?;
    look.add(&queue(waiting), contender, resident, figures);
    running.stop()
}

fn with_invocations(
    ground: &Ground,
    contender: &Contender,
    marks: &[usize],
    figures: &mut Figures,
) -> Result<(), Error> {
    let receiver = Receiver::start(Manner::Keep, Security::Plain, &ground.launch.folder)?;
    let running = ground.launch.spawn(contender, &Surroundings::with(receiver.remote.clone()))?;
    let mut profiler = Profiler::new(ground.launch.relay_port, SMALL);
    let mut invoke = || {
        let ack = profiler.post(contender)?;
        running.invoke()?;
        Ok(ack)
    };
    let mut done = 0;
    for mark in marks {
        while done + LOOKS < *mark {
            invoke()?;
            done += 1;
        }
        let look = look(&running, &mut invoke)?;
        done += LOOKS;
        look.add(&invocations(*mark), contender, running.memory()?.resident, figures);
    }
    running.stop()
}

/// What some posts came to.
struct Look {
    acks: Spread,
    cpu: f64,
}

fn look(running: &Running<'_>, mut post: impl FnMut() -> Result<Duration, Error>) -> Result<Look, Error> {
    let before = running.cpu()?;
    let mut acks = Vec::with_capacity(LOOKS);
    for _ in 0..LOOKS {
        acks.push(micros(post()?));
    }
    let used = running.cpu()?.saturating_sub(before);
    let looks = f64::from(u32::try_from(LOOKS).unwrap_or(u32::MAX));
    Ok(Look { acks: Spread::of(acks), cpu: micros(used) / looks })
}

// === impl Look ===

impl Look {
    fn add(&self, setting: &str, contender: &Contender, resident: u64, figures: &mut Figures) {
        figures
            .row(Section::Growth, setting, &contender.name)
            .add(RESIDENT, mib(resident))
            .add(ACK, self.acks.median)
            .add(CPU, self.cpu);
    }
}
