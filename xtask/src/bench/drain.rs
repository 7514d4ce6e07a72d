//! How much of a queue is delivered in a shutdown, by the distance of the remote.

use std::fs;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::oneshot;

use super::contender::Contender;
use super::figures::{Figures, Metric, Unit};
use super::ground::{Ground, progress};
use super::launch::Surroundings;
use super::profiler::{Profiler, SMALL};
use super::receiver::{Manner, Receiver, Remote, Security};
use super::section::Section;
use super::tls::Sessions;
use super::units::{count, millis};
use crate::distance::Distance;
use crate::error::Error;

pub(super) const DELIVERED: Metric = Metric::new("delivered of 400", Unit::Count).compared();
pub(super) const LEFT: Metric = Metric::new("left on disk", Unit::Count);
const TOOK: Metric = Metric::new("ended after", Unit::Milliseconds);

/// Profiles that are posted one after the other, right before the shutdown.
const PROFILES: usize = 400;

/// What an extension has at SHUTDOWN.
const WITHIN: Duration = Duration::from_millis(1_400);

/// There and back, in milliseconds.
const ROUND_TRIPS: [u64; 3] = [5, 60, 300];

/// Room for all of the profiles, whatever part of it the queue may take.
const MEMORY_MB: u32 = 1_024;

/// What became of the profiles.
struct Drained {
    delivered: usize,
    /// In the spool, for the next start; other extensions have none.
    left: usize,
    took: Duration,
}

/// A way to a server that takes a while; gone when it is dropped.
struct Far {
    remote: Remote,
    _until: oneshot::Sender<()>,
}

pub(super) fn measure(ground: &Ground, figures: &mut Figures) -> Result<(), Error> {
    let rounds = ground.effort.rounds.min(5);
    for round_trip in ROUND_TRIPS {
        let setting = format!("remote {round_trip} ms away");
        for round in 0..rounds {
            progress(&format!("Shutdown, {setting}"), round + 1, rounds);
            for contender in ground.queues() {
                let drained = drain(ground, contender, Duration::from_millis(round_trip))?;
                figures
                    .row(Section::Drain, &setting, &contender.name)
                    .add(DELIVERED, count(drained.delivered as u64))
                    .add(LEFT, count(drained.left as u64))
                    .add(TOOK, millis(drained.took));
            }
        }
    }
    Ok(())
}

fn drain(ground: &Ground, contender: &Contender, round_trip: Duration) -> Result<Drained, Error> {
    let spool = ground.launch.folder.join("spool");
    let _ = fs::remove_dir_all(&spool);
    let receiver = Receiver::start(Manner::Keep, Security::Tls(Sessions::Resumed), &ground.launch.folder)?;
    let far = Far::from(&receiver.remote, round_trip).map_err(Error::io("put a remote far away"))?;
    let surroundings =
        Surroundings { memory_mb: MEMORY_MB, spool: Some(&spool), ..Surroundings::with(far.remote.clone()) };
    let running = ground.launch.spawn(contender, &surroundings)?;
    let mut profiler = Profiler::new(ground.launch.relay_port, SMALL);
    for _ in 0..PROFILES {
        profiler.post(contender)?;
    }
    let took = running.shut_down(WITHIN)?;
    // What was on its way at the end still arrives.
    thread::sleep(round_trip);
    let left = fs::read_dir(&spool).map_or(0, Iterator::count);
    Ok(Drained { delivered: receiver.count(), left, took })
}

// === impl Far ===

impl Far {
    fn from(remote: &Remote, round_trip: Duration) -> io::Result<Self> {
        let server = remote.address;
        let (until, dropped) = oneshot::channel();
        let (listening, listens) = mpsc::channel();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let distance = Distance::to(server, Some(round_trip)).await;
                let _ = listening.send(distance.as_ref().ok().map(|distance| distance.address));
                let _: Result<(), _> = dropped.await;
            });
        });
        let address = listens.recv().ok().flatten().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Self { remote: Remote { address, ..remote.clone() }, _until: until })
    }
}
