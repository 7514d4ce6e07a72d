//! The table, the JSON file, the budgets.

use std::fmt;
use std::fs;
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::contender::Contender;
use super::figures::Spread;
use super::launch::Start;
use super::relay::Relay;
use crate::error::Error;
use crate::table::Table;

/// The release binary, in bytes.
const BINARY_BUDGET: u64 = 4 * 1024 * 1024;

/// Resident memory at the first `/event/next`, in bytes: of any build, also one that is linked dynamically.
const RESIDENT_BUDGET: f64 = 5.0 * MIB;

const MIB: f64 = 1024.0 * 1024.0;

/// What was measured of one program.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    name: String,
    ours: bool,
    binary_bytes: u64,
    /// Cold starts measured.
    starts: usize,
    /// From spawn to the first `/event/next`, in milliseconds.
    start_ms: Spread,
    /// What that is beyond the floor's in the same round, in milliseconds: what the machine does meanwhile meets both.
    #[serde(skip_serializing_if = "Option::is_none")]
    over_floor_ms: Option<Spread>,
    /// Resident memory at that time, in bytes.
    resident_bytes: Spread,
    /// The most that was resident until then, in bytes.
    peak_bytes: Spread,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<Relay>,
}

/// What was measured in one run.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    cpus: usize,
    programs: Vec<Measured>,
}

// === impl Measured ===

impl Measured {
    /// `floor`: the floor's starts, round by round, where there is a floor program.
    pub(super) fn new(
        contender: &Contender,
        starts: &[Start],
        floor: Option<&[Start]>,
        relay: Option<Relay>,
    ) -> Result<Self, Error> {
        let over = |floor: &[Start]| {
            Spread::of(starts.iter().zip(floor).map(|(start, floor)| ms(start.took) - ms(floor.took)))
        };
        let binary = &contender.binary;
        let file = fs::metadata(binary).map_err(Error::io(format!("look at {}", binary.display())))?;
        Ok(Self {
            name: contender.name.clone(),
            ours: contender.ours,
            binary_bytes: file.len(),
            starts: starts.len(),
            start_ms: Spread::of(starts.iter().map(|start| ms(start.took))),
            over_floor_ms: floor.map(over),
            resident_bytes: Spread::of(starts.iter().map(|start| bytes(start.memory.resident))),
            peak_bytes: Spread::of(starts.iter().map(|start| bytes(start.memory.peak))),
            relay,
        })
    }
}

// === impl Outcome ===

impl Outcome {
    pub(super) fn new(programs: Vec<Measured>) -> Self {
        Self { cpus: thread::available_parallelism().map_or(1, usize::from), programs }
    }

    /// The budgets that this project's binary exceeds, each as a sentence.
    pub(super) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        for program in self.programs.iter().filter(|program| program.ours) {
            if program.binary_bytes > BINARY_BUDGET {
                let (size, budget) = (bytes(program.binary_bytes) / MIB, bytes(BINARY_BUDGET) / MIB);
                missed.push(format!("the binary has {size:.2} MiB, its budget is {budget} MiB"));
            }
            if program.resident_bytes.median > RESIDENT_BUDGET {
                let (resident, budget) = (program.resident_bytes.median / MIB, RESIDENT_BUDGET / MIB);
                missed.push(format!(
                    "{resident:.2} MiB are resident at the first poll, the budget is {budget} MiB"
                ));
            }
        }
        missed
    }

    /// How much longer a start takes than the floor's, as a ratio of medians; the floor comes first, where there is one.
    fn to_floor(&self, program: &Measured) -> String {
        let floor = self.programs.first().filter(|floor| floor.over_floor_ms.is_some());
        floor.map_or("-".to_owned(), |floor| {
            format!("{:.2}x", program.start_ms.median / floor.start_ms.median)
        })
    }

    fn starts(&self) -> Table {
        let mut table = Table::new([
            "Cold start",
            "first poll ms",
            "p10..p90",
            "to floor",
            "over floor ms",
            "RSS MiB",
            "peak MiB",
            "binary MiB",
        ]);
        for program in &self.programs {
            let start = program.start_ms;
            table.row([
                program.name.clone(),
                format!("{:.2}", start.median),
                format!("{:.2}..{:.2}", start.p10, start.p90),
                self.to_floor(program),
                program.over_floor_ms.map_or("-".to_owned(), |over| format!("{:+.2}", over.median)),
                format!("{:.2}", program.resident_bytes.median / MIB),
                format!("{:.2}", program.peak_bytes.median / MIB),
                format!("{:.2}", bytes(program.binary_bytes) / MIB),
            ]);
        }
        table
    }

    fn relays(&self) -> Table {
        let mut table = Table::new([
            "Relay of 20 KB",
            "ack p50 us",
            "ack p99 us",
            "CPU us/profile",
            "delivered",
            "peak MiB",
        ]);
        for program in &self.programs {
            if let Some(relay) = &program.relay {
                table.row([
                    program.name.clone(),
                    format!("{:.0}", relay.ack_us.median),
                    format!("{:.0}", relay.ack_us.p99),
                    format!("{:.0}", relay.cpu_us),
                    format!("{}/{}", relay.delivered, relay.posted),
                    format!("{:.2}", bytes(relay.peak_bytes) / MIB),
                ]);
            }
        }
        table
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starts = self.programs.first().map_or(0, |program| program.starts);
        writeln!(f, "{}\n{}", self.starts(), self.relays())?;
        write!(
            f,
            "Medians of {starts} cold starts, in turn, on {} CPUs; the remote is plain HTTP on localhost.",
            self.cpus
        )
    }
}

/// Exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "no program here has 8 PiB")]
fn bytes(count: u64) -> f64 {
    count as f64
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
