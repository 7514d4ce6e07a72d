//! The CPU share that comes with a function's memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod support;

use std::path::{Path, PathBuf};

use lambda_sandbox::{CpuShare, Sandbox, ShutdownReason};
use support::{eventually, sandbox};

/// The CPU time that a process has used, in hundredths of a second.
fn cpu_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // utime and stime: fields 14 and 15 of the whole line, which begins with the number and the name.
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}

/// The directory of the group of the sandbox's own that its runtime is in.
fn group(sandbox: &Sandbox) -> Option<PathBuf> {
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", sandbox.runtime_pid().unwrap())).unwrap();
    let path = groups
        .lines()
        .find_map(|line| line.contains("lambda-sandbox-").then(|| line.rsplit(':').next().unwrap()))?;
    let path = path.trim_start_matches('/');
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    points.map(|point| Path::new(point).join(path)).find(|path| path.exists())
}

#[tokio::test]
async fn a_function_has_the_share_of_its_memory_after_init_where_this_machine_allows_it() {
    // A tenth of a vCPU.
    let sandbox = sandbox().memory_mb(177).limit_cpu(true).start().await.unwrap();
    match sandbox.cpu_share().unwrap() {
        CpuShare::Limited { vcpus } => assert!((vcpus - 0.1).abs() < 0.001, "{vcpus}"),
        CpuShare::Unlimited { reason } => {
            assert!(!reason.is_empty());
            return;
        }
    }
    let pid = sandbox.runtime_pid().unwrap();
    let before = cpu_time(pid);
    assert!(sandbox.invoke("burn:1000").await.unwrap().is_ok());
    let used = cpu_time(pid) - before;
    assert!(used < 40, "{used} hundredths of a second in one second");

    let group = group(&sandbox).unwrap();
    sandbox.shutdown(ShutdownReason::Spindown).await;
    drop(sandbox);
    eventually("the removal of the group", async || (!group.exists()).then_some(())).await;
}

#[tokio::test]
async fn a_reset_gives_the_new_processes_the_same_share() {
    let sandbox = sandbox().memory_mb(177).limit_cpu(true).start().await.unwrap();
    let Some(first) = group(&sandbox) else { return };
    assert!(sandbox.invoke("exit:1").await.unwrap().fault.is_some());
    assert!(sandbox.invoke("echo").await.unwrap().is_ok());
    assert_eq!(group(&sandbox), Some(first));
}

#[tokio::test]
async fn nothing_is_limited_where_nobody_asked() {
    let sandbox = sandbox().memory_mb(128).start().await.unwrap();
    assert_eq!((sandbox.cpu_share(), group(&sandbox)), (None, None));
}
