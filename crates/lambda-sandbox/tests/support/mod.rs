//! What the tests of this crate share.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part; a test may panic")]

#[path = "../programs/http.rs"]
pub(crate) mod http;

use std::future::Future;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lambda_sandbox::{Builder, LogLine, Sandbox};
use tempfile::TempDir;

/// Names for the test extension: its behaviour hangs on the name that it is started under.
pub(crate) struct Extensions {
    directory: TempDir,
}

impl Extensions {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// The test extension under a name of its own.
    pub(crate) fn named(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        symlink(env!("CARGO_BIN_EXE_sandbox-test-extension"), &path).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// A sandbox around the test runtime.
pub(crate) fn sandbox() -> Builder {
    Sandbox::builder(env!("CARGO_BIN_EXE_sandbox-test-runtime")).timeout(Duration::from_secs(10))
}

/// The lines of one process that start with `prefix`, without it.
pub(crate) fn lines(sandbox: &Sandbox, process: &str, prefix: &str) -> Vec<String> {
    let of_process = |line: &LogLine| line.process == process;
    let lines = sandbox.logs();
    lines
        .iter()
        .filter(|line| of_process(line))
        .filter_map(|line| line.text.strip_prefix(prefix))
        .map(str::to_owned)
        .collect()
}

/// The first of these lines, as soon as it is there: what a process writes is read a little later.
pub(crate) async fn line(sandbox: &Sandbox, process: &str, prefix: &str) -> String {
    eventually(prefix, async || lines(sandbox, process, prefix).into_iter().next()).await
}

/// Waits until `value` gives something.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut value: impl FnMut() -> F,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = value().await {
            return value;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The state letter of a process.
pub(crate) fn process_state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// A call to the APIs from outside, without blocking the sandbox's own runtime.
pub(crate) async fn call(
    sandbox: &Sandbox,
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> http::Answer {
    let address = sandbox.address().to_string();
    tokio::task::spawn_blocking(move || http::send(&address, method, path, headers, body).unwrap())
        .await
        .unwrap()
}
