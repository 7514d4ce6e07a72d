//! One of the programs, started as an extension.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::contender::Contender;
use super::platform::Platform;
use super::process::{self, Memory};
use crate::error::Error;

/// Lambda's limit of the init phase.
const INIT: Duration = Duration::from_secs(10);

/// How long a program may take to exit after SHUTDOWN; Lambda gives 2 s.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// What every launch of the bench has in common.
pub(super) struct Launch {
    pub(super) platform: Platform,
    /// Where the relay listens, on localhost.
    pub(super) relay_port: u16,
    /// The folder for the programs' logs.
    pub(super) logs: PathBuf,
}

/// One cold start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// From before the process is spawned until its first `/event/next` is here.
    pub(super) took: Duration,
    /// Memory at that time.
    pub(super) memory: Memory,
}

/// An extension that is waiting for its first event. Killed when dropped.
pub(super) struct Running<'bench> {
    pub(super) start: Start,
    child: Child,
    contender: &'bench Contender,
    launch: &'bench Launch,
}

// === impl Launch ===

impl Launch {
    /// Starts the program, notes how that went, and shuts it down.
    pub(super) fn cold_start(&self, contender: &Contender) -> Result<Start, Error> {
        // Port 9 discards: nothing is uploaded here.
        let running = self.spawn(contender, SocketAddr::from(([127, 0, 0, 1], 9)))?;
        let start = running.start;
        running.stop()?;
        Ok(start)
    }

    /// Starts the program and waits for its first `/event/next`. Profiles go to `remote`.
    pub(super) fn spawn<'bench>(
        &'bench self,
        contender: &'bench Contender,
        remote: SocketAddr,
    ) -> Result<Running<'bench>, Error> {
        let binary = contender.binary.display();
        let log = self.log(contender);
        let log = File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
        let mut command = Command::new(&contender.binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.platform.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_REGION", "eu-central-1")
            .env("PYROSCOPE_PORT", self.relay_port.to_string())
            .env("PYROSCOPE_SPOOL_DIR", "")
            .env("PYROSCOPE_REMOTE_ADDRESS", format!("http://{remote}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(Error::io("share a log file"))?)
            .stderr(log);

        let spawned = Instant::now();
        let mut child = command.spawn().map_err(Error::io(format!("run {binary}")))?;
        let polled = self.platform.next_poll(INIT);
        let memory = process::memory(child.id());
        if let (Ok(polled), Ok(memory)) = (polled, memory) {
            let start = Start { took: polled.duration_since(spawned), memory };
            return Ok(Running { start, child, contender, launch: self });
        }
        let _ = child.kill();
        let status = child.wait().map(|status| status.to_string()).unwrap_or_default();
        Err(self.unfit(contender, &format!("asked for no event within {INIT:?} ({status})")))
    }

    fn log(&self, contender: &Contender) -> PathBuf {
        let file = contender.binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.logs.join(file + ".log")
    }

    fn unfit(&self, contender: &Contender, what: &str) -> Error {
        let log = self.log(contender);
        Error::unfit(&contender.binary, format!("{what}; its log is {}", log.display()))
    }
}

// === impl Running ===

impl Running<'_> {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SHUTDOWN, and waits for the program's own exit.
    pub(super) fn stop(mut self) -> Result<(), Error> {
        self.launch.platform.shut_down();
        let status = self.wait(SHUTDOWN).map_err(Error::io("wait for a program"))?;
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.launch.unfit(self.contender, &format!("{status} after SHUTDOWN"))),
            None => Err(self
                .launch
                .unfit(self.contender, &format!("did not exit within {SHUTDOWN:?} of SHUTDOWN"))),
        }
    }

    fn wait(&mut self, at_most: Duration) -> std::io::Result<Option<ExitStatus>> {
        let since = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || since.elapsed() > at_most {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Both fail when it has exited, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
