//! How many instructions a start takes in user space, its registration and its exit included: a figure that no busy machine
//! can spoil. `perf` counts them where the processor's counters can be read, which is seldom so in a virtual machine;
//! elsewhere `valgrind` does, as it simulates them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that counts the instructions of another one.
pub(super) struct Counter {
    command: Vec<String>,
    report: PathBuf,
    count: fn(&str) -> Option<f64>,
}

/// What this machine has.
pub(super) fn counter(folder: &Path) -> Option<Counter> {
    let report = folder.join("instructions.txt");
    let shown = report.display();
    let perf = Counter {
        command: words(&format!("perf stat --field-separator , --event instructions:u --output {shown}")),
        report: report.clone(),
        count: perf_count,
    };
    let valgrind = Counter {
        command: words(&format!(
            "valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file={shown}"
        )),
        report: report.clone(),
        count: valgrind_count,
    };
    [perf, valgrind].into_iter().find(Counter::works)
}

// === impl Counter ===

impl Counter {
    /// What runs the program that is counted.
    pub(super) fn command(&self) -> &[String] {
        &self.command
    }

    /// What it counted the last time.
    pub(super) fn counted(&self) -> Option<f64> {
        (self.count)(&fs::read_to_string(&self.report).ok()?)
    }

    fn works(&self) -> bool {
        let mut words = self.command.iter();
        let Some(program) = words.next() else { return false };
        let ran = Command::new(program).args(words).arg("true").output();
        ran.is_ok_and(|output| output.status.success()) && self.counted().is_some()
    }
}

fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

/// `1234,,instructions:u,…`; `<not supported>` stands for the number where there is none.
fn perf_count(report: &str) -> Option<f64> {
    report.lines().find(|line| line.contains("instructions"))?.split(',').next()?.parse().ok()
}

/// `==7== Collected : 1234`.
fn valgrind_count(report: &str) -> Option<f64> {
    let line = report.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{perf_count, valgrind_count};

    #[test]
    fn a_count_is_read_where_there_is_one() {
        for (report, count) in [
            ("# started\n\n812345,,instructions:u,100,100.00,,\n", Some(812_345.0)),
            ("<not supported>,,instructions:u,0,100.00,,\n", None),
            ("", None),
        ] {
            assert_eq!(perf_count(report), count, "{report}");
        }
        let report = "==7== Callgrind\n==7== \n==7== Events    : Ir\n==7== Collected : 812345\n";
        assert_eq!(valgrind_count(report), Some(812_345.0));
        assert_eq!(valgrind_count("==7== killed\n"), None);
    }
}
