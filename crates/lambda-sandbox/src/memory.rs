//! How much memory a process holds.

use serde::Serialize;

/// The resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rss {
    /// What is resident now (`VmRSS`).
    pub current: u64,
    /// The most that ever was (`VmHWM`).
    pub peak: u64,
}

/// Reads the resident memory of a process from `/proc/PID/status`; `None` where there is no such process.
#[must_use]
pub fn rss_bytes(pid: u32) -> Option<Rss> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Rss { current: field(&status, "VmRSS:")?, peak: field(&status, "VmHWM:")? })
}

/// The state letter of a process (`R`, `S`, `T`, `Z`, …) from `/proc/PID/stat`.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may itself hold spaces and parentheses: the state follows the last one.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_memory_and_runs() {
        let rss = rss_bytes(std::process::id()).expect("this process exists");
        assert!(rss.current > 100_000, "{rss:?}");
        assert!(rss.peak >= rss.current, "{rss:?}");
        assert!(matches!(state(std::process::id()), Some('R' | 'S')));
    }
}
