//! One of the programs, started.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lambda_sandbox::CpuGroup;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::contender::{Contender, Kind};
use super::nginx;
use super::platform::Platform;
use super::process::{self, Faults, Memory};
use super::receiver::Remote;
use crate::error::Error;

/// Lambda's limit of the init phase; a program that is watched by another takes longer.
const INIT: Duration = Duration::from_secs(10);

/// How long a program may take to exit after SHUTDOWN; Lambda gives 2 s.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Between two looks at a process.
const LOOK: Duration = Duration::from_micros(500);

/// What every launch of the bench has in common.
pub(super) struct Launch {
    pub(super) platform: Platform,
    /// Where the relay listens, on localhost.
    pub(super) relay_port: u16,
    /// The folder for the programs' logs.
    pub(super) folder: PathBuf,
}

/// What a program is started with.
#[derive(Debug, Clone)]
pub(super) struct Surroundings<'bench> {
    /// Where profiles go.
    pub(super) remote: Remote,
    /// The function's memory, in MB.
    pub(super) memory_mb: u32,
    /// The CPU share that it has from its first instruction on.
    pub(super) share: Option<&'bench CpuGroup>,
    /// Where a shutdown may leave what it can't deliver.
    pub(super) spool: Option<&'bench Path>,
    /// A program that runs it, and watches.
    pub(super) watched_by: &'bench [String],
}

/// One cold start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// From before the process is spawned until its first `/event/next` is here; for a proxy until it accepts connections.
    pub(super) took: Duration,
    /// Memory at that time.
    pub(super) memory: Memory,
    /// CPU time until then.
    pub(super) cpu: Duration,
    /// Page faults until then.
    pub(super) faults: Faults,
}

/// A program that is waiting for its first event. Killed when dropped.
pub(super) struct Running<'bench> {
    pub(super) start: Start,
    child: Child,
    contender: &'bench Contender,
    launch: &'bench Launch,
}

// === impl Surroundings ===

impl Surroundings<'_> {
    /// A small function, whose profiles go to `remote`.
    pub(super) fn with(remote: Remote) -> Self {
        Self { remote, memory_mb: 128, share: None, spool: None, watched_by: &[] }
    }
}

// === impl Launch ===

impl Launch {
    /// Starts the program, notes how that went, and shuts it down.
    pub(super) fn cold_start(
        &self,
        contender: &Contender,
        surroundings: &Surroundings<'_>,
    ) -> Result<Start, Error> {
        let running = self.spawn(contender, surroundings)?;
        let start = running.start;
        running.stop()?;
        Ok(start)
    }

    /// Starts the program and waits for its first `/event/next`.
    pub(super) fn spawn<'bench>(
        &'bench self,
        contender: &'bench Contender,
        surroundings: &Surroundings<'_>,
    ) -> Result<Running<'bench>, Error> {
        let binary = contender.binary.display();
        let log = self.log(contender);
        let log = File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
        let mut command = self.command(contender, surroundings)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(Error::io("share a log file"))?)
            .stderr(log);
        let mut spawned = Instant::now();
        let mut child = command.spawn().map_err(Error::io(format!("run {binary}")))?;
        if let Some(share) = surroundings.share {
            spawned = go_on_within(share, child.id()).map_err(Error::io("hold a program to a CPU share"))?;
        }
        let ready = self.ready(contender);
        let start = ready.and_then(|ready| Start::observed(child.id(), ready.duration_since(spawned)));
        if let Some(start) = start {
            return Ok(Running { start, child, contender, launch: self });
        }
        let _ = child.kill();
        let status = child.wait().map(|status| status.to_string()).unwrap_or_default();
        Err(self.unfit(contender, &format!("asked for no event within {INIT:?} ({status})")))
    }

    /// When the program was ready.
    fn ready(&self, contender: &Contender) -> Option<Instant> {
        if contender.registers() {
            return self.platform.next_poll(INIT).ok();
        }
        let since = Instant::now();
        while since.elapsed() < INIT {
            if TcpStream::connect(("127.0.0.1", self.relay_port)).is_ok() {
                return Some(Instant::now());
            }
            thread::sleep(LOOK);
        }
        None
    }

    fn command(&self, contender: &Contender, surroundings: &Surroundings<'_>) -> Result<Command, Error> {
        let mut words: Vec<String> = surroundings.watched_by.to_vec();
        if surroundings.share.is_some() {
            // It stops itself before it becomes the program, so that the program has its share from the start.
            words.extend(["/bin/sh", "-c", r#"kill -STOP $$; exec "$0" "$@""#].map(str::to_owned));
        }
        words.push(contender.binary.display().to_string());
        if contender.kind == Kind::Proxy {
            words.extend(nginx::configure(&self.folder, self.relay_port, surroundings)?);
        }
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.platform.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", surroundings.memory_mb.to_string())
            .env("AWS_REGION", "eu-central-1")
            .env("PYROSCOPE_PORT", self.relay_port.to_string())
            .env("PYROSCOPE_SPOOL_DIR", surroundings.spool.unwrap_or(Path::new("")))
            .env("PYROSCOPE_REMOTE_ADDRESS", surroundings.remote.url());
        if let Some(authority) = &surroundings.remote.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        Ok(command)
    }

    fn log(&self, contender: &Contender) -> PathBuf {
        let file = contender.binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.folder.join(file + ".log")
    }

    fn unfit(&self, contender: &Contender, what: &str) -> Error {
        let log = self.log(contender);
        Error::unfit(&contender.binary, format!("{what}; its log is {}", log.display()))
    }
}

/// Waits until the process has stopped itself, gives it its share, and lets it go on: from then on time counts.
fn go_on_within(share: &CpuGroup, pid: u32) -> std::io::Result<Instant> {
    let since = Instant::now();
    while !process::is_stopped(pid)? {
        if since.elapsed() > INIT {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        thread::sleep(LOOK);
    }
    share.add(pid)?;
    share.limit(true)?;
    let pid = Pid::from_raw(i32::try_from(pid).map_err(std::io::Error::other)?);
    let now = Instant::now();
    kill(pid, Signal::SIGCONT)?;
    Ok(now)
}

// === impl Start ===

impl Start {
    fn observed(pid: u32, took: Duration) -> Option<Self> {
        let (memory, cpu) = (process::memory(pid).ok()?, process::cpu(pid).ok()?);
        Some(Self { took, memory, cpu, faults: process::faults(pid).ok()? })
    }
}

// === impl Running ===

impl Running<'_> {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn memory(&self) -> Result<Memory, Error> {
        process::memory(self.pid()).map_err(Error::io("read a program's memory"))
    }

    pub(super) fn cpu(&self) -> Result<Duration, Error> {
        process::cpu(self.pid()).map_err(Error::io("read a program's CPU time"))
    }

    /// Sends INVOKE and waits until the program asks for the next event.
    pub(super) fn invoke(&self) -> Result<(), Error> {
        self.launch.platform.invoke();
        let polled = self.launch.platform.next_poll(INIT);
        polled
            .map(drop)
            .map_err(|_| self.launch.unfit(self.contender, "did not come back from an invocation"))
    }

    /// Sends SHUTDOWN, and waits for the program's own exit. A proxy has no events: it is killed.
    pub(super) fn stop(mut self) -> Result<(), Error> {
        if !self.contender.registers() {
            return Ok(());
        }
        self.launch.platform.shut_down(Duration::ZERO);
        let status = self.wait(SHUTDOWN).map_err(Error::io("wait for a program"))?;
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.launch.unfit(self.contender, &format!("{status} after SHUTDOWN"))),
            None => Err(self
                .launch
                .unfit(self.contender, &format!("did not exit within {SHUTDOWN:?} of SHUTDOWN"))),
        }
    }

    /// Sends SHUTDOWN and kills the program at its deadline, as Lambda does. Returns how long it took to end.
    pub(super) fn shut_down(mut self, within: Duration) -> Result<Duration, Error> {
        let since = Instant::now();
        self.launch.platform.shut_down(within);
        self.wait(within).map_err(Error::io("wait for a program"))?;
        let _ = self.child.kill();
        Ok(since.elapsed())
    }

    fn wait(&mut self, at_most: Duration) -> std::io::Result<Option<ExitStatus>> {
        let since = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || since.elapsed() > at_most {
                return Ok(status);
            }
            thread::sleep(LOOK);
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

/// The size of a file, in bytes.
pub(super) fn size(file: &Path) -> Result<u64, Error> {
    let found = fs::metadata(file).map_err(Error::io(format!("look at {}", file.display())))?;
    Ok(found.len())
}
