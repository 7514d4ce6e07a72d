//! Memory: at the first poll, and the most that thousands of profiles take over TLS.

use super::contender::Contender;
use super::figures::{Figures, Metric, Unit};
use super::ground::{Ground, progress};
use super::launch::{Surroundings, size};
use super::profiler::{LARGE, Profiler, SMALL};
use super::receiver::{Manner, Receiver, Remote, Security};
use super::section::Section;
use super::tls::Sessions;
use super::units::mib;
use crate::error::Error;
use crate::layer::archive;

pub(super) const BINARY: Metric = Metric::new("binary", Unit::Mebibytes);
pub(super) const ZIP: Metric = Metric::new("zip", Unit::Mebibytes);
pub(super) const FIRST_POLL: Metric = Metric::new("at first poll", Unit::Mebibytes).compared();
pub(super) const SMALL_PEAK: Metric = Metric::new("most in 3,000 of 20 KB", Unit::Mebibytes).compared();
const SMALL_AFTER: Metric = Metric::new("after them", Unit::Mebibytes);
pub(super) const LARGE_PEAK: Metric = Metric::new("most in 100 of 2 MB", Unit::Mebibytes).compared();
const LARGE_AFTER: Metric = Metric::new("after those", Unit::Mebibytes);

/// A load.
struct Load {
    profiles: usize,
    bytes: usize,
    /// How many may be under way when the next one is posted: no queue builds up, however slow the machine.
    under_way: usize,
    peak: Metric,
    after: Metric,
}

const LOADS: [Load; 2] = [
    Load { profiles: 3_000, bytes: SMALL, under_way: 5, peak: SMALL_PEAK, after: SMALL_AFTER },
    Load { profiles: 100, bytes: LARGE, under_way: 1, peak: LARGE_PEAK, after: LARGE_AFTER },
];

pub(super) fn measure(ground: &Ground, figures: &mut Figures) -> Result<(), Error> {
    for contender in ground.extensions() {
        let mut row = figures.row(Section::Memory, "", &contender.name);
        row.add(BINARY, mib(size(&contender.binary)?)).add(ZIP, mib(zipped(contender)?));
    }
    let rounds = ground.effort.rounds.min(3);
    for round in 0..rounds {
        progress("Memory", round + 1, rounds);
        for contender in &ground.contenders {
            let start = ground.launch.spawn(contender, &Surroundings::with(Remote::nowhere()))?;
            let resident = mib(start.start.memory.resident);
            start.stop()?;
            figures.row(Section::Memory, "", &contender.name).add(FIRST_POLL, resident);
            if contender.relays() {
                for load in &LOADS {
                    load.measure(ground, contender, figures)?;
                }
            }
        }
    }
    Ok(())
}

/// What the program weighs in a layer, in bytes.
fn zipped(contender: &Contender) -> Result<u64, Error> {
    let binary = &contender.binary;
    let content = std::fs::read(binary).map_err(Error::io(format!("read {}", binary.display())))?;
    let zip = archive::pack(&content).map_err(Error::io(format!("pack {}", binary.display())))?;
    Ok(zip.len() as u64)
}

// === impl Load ===

impl Load {
    fn measure(&self, ground: &Ground, contender: &Contender, figures: &mut Figures) -> Result<(), Error> {
        let receiver =
            Receiver::start(Manner::Keep, Security::Tls(Sessions::Resumed), &ground.launch.folder)?;
        let running = ground.launch.spawn(contender, &Surroundings::with(receiver.remote.clone()))?;
        let mut profiler = Profiler::new(ground.launch.relay_port, self.bytes);
        for posted in 1..=self.profiles {
            profiler.post(contender)?;
            receiver.wait_for(posted.saturating_sub(self.under_way));
        }
        receiver.wait_for(self.profiles);
        let memory = running.memory()?;
        running.stop()?;
        let mut row = figures.row(Section::Memory, "", &contender.name);
        row.add(self.peak, mib(memory.peak)).add(self.after, mib(memory.resident));
        Ok(())
    }
}
