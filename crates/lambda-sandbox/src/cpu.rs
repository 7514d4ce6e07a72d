//! The CPU share that comes with a function's memory, by a control group of the kernel's.
//!
//! On Lambda 1769 MB is one vCPU, and less memory is a part of one. Init is free of that: the limit holds from its end on.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::id;

/// How much memory, in MB, comes with one vCPU.
const MB_PER_VCPU: f64 = 1769.0;
/// The period in which a quota is counted, in µs: as short as Lambda's own, so that a small share stutters as it does there.
const PERIOD: u64 = 20_000;
/// The kernel takes no smaller quota, in µs.
const MIN_QUOTA: u64 = 1000;
/// The kernel needs a moment to notice that the last process of a group has gone.
const REMOVAL_TRIES: u32 = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(2);

/// Whether processes have the CPU share that Lambda would give them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "limit", rename_all = "snake_case")]
pub enum CpuShare {
    /// They have; from the end of init on.
    Limited {
        /// How many vCPUs' time all of them may use together.
        vcpus: f64,
    },
    /// They have all that this machine gives.
    Unlimited {
        /// Why it was not possible.
        reason: String,
    },
}

/// Why there is no [`CpuGroup`].
#[derive(Debug, Error)]
pub enum CpuError {
    /// No control group hands out CPU time.
    #[error(
        "no control group of this machine's hands out CPU time here (neither version 2 with the cpu controller, nor version 1)"
    )]
    NoController,
    /// There is one that does, and nothing may be made in it.
    #[error("{} can't be made or set: {source} (root may, or whoever the group is delegated to: try systemd-run --user --scope -p Delegate=yes)", path.display())]
    Refused {
        /// The group that was to be.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

/// A control group of its own, for a CPU share; it is removed when it is dropped, if its processes have ended.
#[derive(Debug)]
pub struct CpuGroup {
    path: PathBuf,
    version: Version,
    quota: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A group in which one of our own may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parent {
    path: PathBuf,
    version: Version,
}

/// The vCPUs that come with this much memory.
pub(crate) fn vcpus(memory_mb: u32) -> f64 {
    f64::from(memory_mb) / MB_PER_VCPU
}

// === impl CpuGroup ===

impl CpuGroup {
    /// Makes a group for processes of a function with this much memory, in MB; it is not limited yet.
    pub fn create(memory_mb: u32) -> Result<Self, CpuError> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut refused = CpuError::NoController;
        for parent in parents(&mounts, &own) {
            match Self::create_in(&parent, memory_mb) {
                Ok(group) => return Ok(group),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn create_in(parent: &Parent, memory_mb: u32) -> Result<Self, CpuError> {
        let path = parent.path.join(format!("lambda-sandbox-{}", id::uuid()));
        let refused = |source| CpuError::Refused { path: path.clone(), source };
        fs::create_dir(&path).map_err(refused)?;
        let group = Self { path: path.clone(), version: parent.version, quota: quota(memory_mb) };
        if parent.version == Version::Two && !path.join("cpu.max").exists() {
            // The controller is handed down on demand; a group that has processes of its own must not.
            fs::write(parent.path.join("cgroup.subtree_control"), "+cpu").map_err(refused)?;
        }
        // Found out now, rather than at the end of init.
        group.limit(true).and_then(|()| group.limit(false)).map_err(refused)?;
        Ok(group)
    }

    /// Puts a process into the group; what it starts follows.
    pub fn add(&self, pid: u32) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), pid.to_string())
    }

    /// Sets the limit, the share that comes with the memory, or lifts it.
    pub fn limit(&self, on: bool) -> io::Result<()> {
        match (self.version, on) {
            (Version::One, true) => {
                fs::write(self.path.join("cpu.cfs_period_us"), PERIOD.to_string())?;
                fs::write(self.path.join("cpu.cfs_quota_us"), self.quota.to_string())
            }
            (Version::One, false) => fs::write(self.path.join("cpu.cfs_quota_us"), "-1"),
            (Version::Two, true) => fs::write(self.path.join("cpu.max"), format!("{} {PERIOD}", self.quota)),
            (Version::Two, false) => fs::write(self.path.join("cpu.max"), "max"),
        }
    }
}

impl Drop for CpuGroup {
    fn drop(&mut self) {
        for _ in 0..REMOVAL_TRIES {
            match fs::remove_dir(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(REMOVAL_PAUSE);
                }
                _ => return,
            }
        }
    }
}

// === impl CpuShare ===

impl fmt::Display for CpuShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited { vcpus } => write!(f, "{vcpus:.3} vCPU from the end of init on"),
            Self::Unlimited { reason } => write!(f, "not limited: {reason}"),
        }
    }
}

fn quota(memory_mb: u32) -> u64 {
    let quota = u64::from(memory_mb) * PERIOD / 1769;
    quota.max(MIN_QUOTA)
}

/// Where a group may be made, best first: in our own, or beside it, as version 2 allows no group in one that has both
/// processes and controllers.
fn parents(mounts: &str, own: &str) -> Vec<Parent> {
    let mounted = |version: Version| {
        mounts.lines().find_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (point, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
            let found = match version {
                Version::One => kind == "cgroup" && options.split(',').any(|option| option == "cpu"),
                Version::Two => kind == "cgroup2",
            };
            found.then(|| PathBuf::from(point))
        })
    };
    let path = |version: Version| {
        own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let found = match version {
                Version::One => controllers.split(',').any(|controller| controller == "cpu"),
                Version::Two => controllers.is_empty(),
            };
            found.then(|| path.trim_start_matches('/').to_owned())
        })
    };
    let mut parents = Vec::new();
    // A controller is in one version's hands only: where version 1 has it, version 2 has not.
    for version in [Version::One, Version::Two] {
        let Some(point) = mounted(version) else { continue };
        let inside = point.join(path(version).unwrap_or_default());
        let mut candidates = vec![inside.clone()];
        candidates.extend(inside.parent().filter(|beside| beside.starts_with(&point)).map(Path::to_owned));
        candidates.push(point);
        candidates.dedup();
        parents.extend(candidates.into_iter().map(|path| Parent { path, version }));
        if version == Version::One {
            break;
        }
    }
    parents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vcpu_comes_with_1769_megabytes() {
        assert!((vcpus(1769) - 1.0).abs() < f64::EPSILON);
        assert_eq!(quota(1769), 20_000);
        assert_eq!(quota(128), 1447);
        assert_eq!(quota(3538), 40_000);
        assert_eq!(quota(1), 1000, "the kernel takes no less");
    }

    #[test]
    fn version_2_is_tried_inside_and_beside_our_own_group() {
        let mounts = "sysfs /sys sysfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let found = parents(mounts, "0::/user.slice/run.scope\n");
        let paths: Vec<_> = found.iter().map(|parent| parent.path.to_str().unwrap()).collect();
        assert_eq!(
            paths,
            ["/sys/fs/cgroup/user.slice/run.scope", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"]
        );
        assert!(found.iter().all(|parent| parent.version == Version::Two));
    }

    #[test]
    fn version_1_goes_before_a_version_2_that_has_no_cpu_controller() {
        let mounts = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
            cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found = parents(mounts, "3:cpu,cpuacct:/a\n0::/\n");
        assert_eq!(found.first().unwrap().path, Path::new("/sys/fs/cgroup/cpu,cpuacct/a"));
        assert!(found.iter().all(|parent| parent.version == Version::One));
        assert!(parents("", "").is_empty());
    }
}
