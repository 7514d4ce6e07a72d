//! A program under an SDK: what to run, and what has to arrive of it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::error::Error;
use crate::expected::Expected;

/// How long a program may take beside its work: to load, and for its last upload.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder with the programs' sources.
pub(super) const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e");

/// A program that is ready to run.
#[derive(Debug)]
pub(super) struct Script {
    /// What messages call it.
    pub(super) name: &'static str,
    /// The interpreter.
    pub(super) interpreter: PathBuf,
    /// The program.
    pub(super) program: PathBuf,
    /// What has to arrive of it.
    pub(super) expected: Expected,
    /// Where its log goes.
    pub(super) folder: PathBuf,
}

// === impl Script ===

impl Script {
    /// Runs it against the relay at `server`, to its end.
    pub(super) async fn run(&self, server: &str, work: Duration) -> Result<(), Error> {
        println!("  works for {work:?} under its SDK");
        let log = self.folder.join("program.log");
        let file = File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
        let mut program = Command::new(&self.interpreter);
        program
            .arg(&self.program)
            .env("PYROSCOPE_SERVER_ADDRESS", server)
            .env("WORK_SECONDS", work.as_secs().to_string())
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(Error::io("share a log file"))?)
            .stderr(file)
            .kill_on_drop(true);
        // A proxy of this machine is not for localhost.
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            program.env_remove(proxy);
        }
        let failed = |what: String| Error::Part {
            part: self.name,
            what,
            log: fs::read_to_string(&log).unwrap_or_default(),
        };
        match timeout(work + PATIENCE, program.status()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(failed(status.to_string())),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("it did not end within {:?}", work + PATIENCE))),
        }
    }
}

/// Runs an installer, whose output goes to the terminal. `hint` says how to get the program.
pub(super) async fn install<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: &[A],
    folder: &Path,
    hint: &'static str,
) -> Result<(), Error> {
    let program = program.as_ref();
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let shown: Vec<_> = [program].iter().chain(&arguments).map(|word| word.to_string_lossy()).collect();
    let shown = shown.join(" ");
    println!("  {shown}");
    let status = Command::new(program).args(&arguments).current_dir(folder).status().await;
    let status = status.map_err(|source| Error::Missing {
        program: program.to_string_lossy().into_owned(),
        hint,
        source,
    })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { command: shown, status }) }
}
