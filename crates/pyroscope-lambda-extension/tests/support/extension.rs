//! The program itself, as a process.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::http::{Connection, Message};
use super::{PATIENCE, Platform, free_port};

/// The built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_pyroscope-lambda-extension");

/// How the program is to be started.
#[derive(Debug)]
pub struct Setup {
    command: Command,
    port: u16,
}

/// A running program. It is killed when it is dropped.
#[derive(Debug)]
pub struct Extension {
    /// The port that it should take profiles on.
    pub port: u16,
    child: Child,
    log: watch::Receiver<Vec<String>>,
}

// === impl Setup ===

impl Setup {
    /// Sets a variable.
    pub fn set(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The port that it will be started with.
    pub fn its_port(&self) -> u16 {
        self.port
    }

    /// Starts it as it is set up.
    pub fn start(mut self) -> Extension {
        self.command.env("PYROSCOPE_PORT", self.port.to_string());
        let mut child = self.command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|log: &mut Vec<String>| log.push(line));
            }
        });
        Extension { port: self.port, child, log }
    }

    /// Starts it without a Lambda and waits until it takes profiles.
    pub async fn dev(self) -> Extension {
        let extension = self.set("PYROSCOPE_DEV_MODE", "true").start();
        extension.listens().await;
        extension
    }

    /// Starts it on `platform` and waits until it asks for its first event.
    pub async fn on(self, platform: &Platform) -> Extension {
        let extension = self.set("AWS_LAMBDA_RUNTIME_API", platform.address.to_string()).start();
        platform.asked(1).await;
        extension
    }
}

// === impl Extension ===

impl Extension {
    /// The program with nothing in its environment but the address of the remote.
    pub fn of(remote: &str) -> Setup {
        Self::of_program(Path::new(PROGRAM), remote)
    }

    /// The same under the path of another file.
    pub fn of_program(program: &Path, remote: &str) -> Setup {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PYROSCOPE_REMOTE_ADDRESS", remote)
            .env("PYROSCOPE_SPOOL_DIR", "")
            .env("PYROSCOPE_LOG_LEVEL", "trace")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Setup { command, port: free_port() }
    }

    /// Waits until it takes profiles.
    pub async fn listens(&self) {
        let connected = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, connected).await.unwrap_or_else(|_| panic!("nobody listens: {:#?}", self.log()));
    }

    /// A connection of an SDK.
    pub async fn sdk(&self) -> Connection {
        Connection::open(("127.0.0.1", self.port)).await
    }

    /// Posts over a connection of its own.
    pub async fn post(&self, target: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Message {
        self.sdk().await.post(target, headers, body.as_ref()).await
    }

    /// Posts a small profile of the application `app`, which is to be taken.
    pub async fn profile(&self, app: &str) {
        let answer = self.post(&format!("/ingest?name={app}"), &[], "main;work 1").await;
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// The lines so far that contain `text`.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.log().into_iter().filter(|line| line.contains(text)).collect()
    }

    /// Waits for a line that contains `text`.
    pub async fn logs(&self, text: &str) -> String {
        let mut log = self.log.clone();
        let has = |log: &Vec<String>| log.iter().any(|line| line.contains(text));
        let found = timeout(PATIENCE, log.wait_for(has)).await.is_ok_and(|log| log.is_ok());
        assert!(found, "no line with {text:?}: {:#?}", self.log());
        self.lines(text).remove(0)
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id().try_into().unwrap()), signal).unwrap();
    }

    /// The CPU time that it has used.
    pub fn cpu_time(&self) -> Duration {
        let stat =
            std::fs::read_to_string(Path::new("/proc").join(self.id().to_string()).join("stat")).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The memory that it takes, in bytes.
    pub fn resident(&self) -> u64 {
        lambda_sandbox::rss_bytes(self.id()).unwrap().current
    }

    /// The most memory that it has taken so far, in bytes.
    pub fn most_resident(&self) -> u64 {
        lambda_sandbox::rss_bytes(self.id()).unwrap().peak
    }

    /// Waits for its end, and for all that it logged.
    pub async fn ends(&mut self) -> ExitStatus {
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("it goes on: {:#?}", self.log())).unwrap();
        // The sender is gone once the last line has been read.
        while self.log.changed().await.is_ok() {}
        status
    }
}
