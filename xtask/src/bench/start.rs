//! Cold starts: how long, how many page faults and instructions, at full CPU and at the share of a small function.

use lambda_sandbox::CpuGroup;

use super::contender::Contender;
use super::figures::{Figures, Metric, Unit};
use super::ground::{Ground, progress};
use super::instructions;
use super::launch::{Start, Surroundings};
use super::receiver::Remote;
use super::section::Section;
use super::units::{count, micros, millis};
use crate::error::Error;

pub(super) const FIRST_POLL: Metric = Metric::new("first poll", Unit::Milliseconds).compared();
const CPU: Metric = Metric::new("CPU", Unit::Microseconds);
const FAULTS: Metric = Metric::new("page faults", Unit::Count);
const INSTRUCTIONS: Metric = Metric::new("instructions", Unit::Millions);

/// The settings.
pub(super) const FULL: &str = "all of a CPU";
const SHARE: &str = "the share of 128 MB";

/// The least memory of a function, in MB, and so the least CPU.
pub(super) const LEAST_MB: u32 = 128;

pub(super) fn measure(ground: &Ground, figures: &mut Figures) -> Result<(), Error> {
    let full = Surroundings::with(Remote::nowhere());
    starts(ground, FULL, &full, figures)?;
    match CpuGroup::create(LEAST_MB) {
        Ok(group) => {
            let small = Surroundings { share: Some(&group), ..full };
            starts(ground, SHARE, &small, figures)?;
        }
        Err(why) => eprintln!("No starts at the share of a small function: {why}"),
    }
    count_instructions(ground, figures)
}

fn starts(
    ground: &Ground,
    setting: &str,
    surroundings: &Surroundings<'_>,
    figures: &mut Figures,
) -> Result<(), Error> {
    // The first round warms the page cache up.
    for round in 0..=ground.effort.starts {
        progress(&format!("Cold starts, {setting}"), round, ground.effort.starts);
        for contender in ground.extensions() {
            let start = ground.launch.cold_start(contender, surroundings)?;
            if round > 0 {
                add(setting, contender, start, figures);
            }
        }
    }
    Ok(())
}

fn add(setting: &str, contender: &Contender, start: Start, figures: &mut Figures) {
    let mut row = figures.row(Section::Start, setting, &contender.name);
    row.add(FIRST_POLL, millis(start.took))
        .add(CPU, micros(start.cpu))
        .add(FAULTS, count(start.faults.minor + start.faults.major));
}

/// Once: the count hardly varies.
fn count_instructions(ground: &Ground, figures: &mut Figures) -> Result<(), Error> {
    let Some(counter) = instructions::counter(&ground.launch.folder) else {
        eprintln!("No instructions: neither perf, with counters that this machine has, nor valgrind is here");
        return Ok(());
    };
    for contender in ground.extensions() {
        let surroundings =
            Surroundings { watched_by: counter.command(), ..Surroundings::with(Remote::nowhere()) };
        ground.launch.cold_start(contender, &surroundings)?;
        if let Some(instructions) = counter.counted() {
            let mut row = figures.row(Section::Start, FULL, &contender.name);
            row.add(INSTRUCTIONS, instructions / 1e6);
        }
    }
    Ok(())
}
