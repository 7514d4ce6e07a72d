//! The extension in dev mode: the relay alone, outside a Lambda.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use pyroscope_sink::Sink;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::server;
use crate::error::Error;
use crate::port;

/// How long it may take to listen, or to deliver what it has when it is told to end.
const PATIENCE: Duration = Duration::from_secs(10);

const PART: &str = "the extension in dev mode";

/// The extension, running; killed when dropped.
pub(super) struct Extension {
    child: Child,
    port: u16,
    log: PathBuf,
}

// === impl Extension ===

impl Extension {
    /// Starts it and waits until it listens.
    pub(super) async fn start(binary: &Path, remote: &Sink, folder: &Path) -> Result<Self, Error> {
        let log = folder.join("extension.log");
        let file = File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
        let port = port::relay()?;
        let child = Command::new(binary)
            .env_clear()
            .env("PYROSCOPE_DEV_MODE", "true")
            .env("PYROSCOPE_LOG_LEVEL", "debug")
            .env("PYROSCOPE_PORT", port.to_string())
            .env("PYROSCOPE_SPOOL_DIR", "")
            .envs(server::variables(remote))
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(Error::io("share a log file"))?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io(format!("run {}", binary.display())))?;
        let mut extension = Self { child, port, log };
        extension.wait_until_it_listens().await?;
        Ok(extension)
    }

    async fn wait_until_it_listens(&mut self) -> Result<(), Error> {
        let since = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failed(format!("it ended ({status}) before it listened")));
            }
            if since.elapsed() > PATIENCE {
                return Err(self.failed(format!("it does not listen on port {}", self.port)));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// What an SDK is told.
    pub(super) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Ends it with SIGTERM, which it answers by delivering what it has. Returns its log.
    pub(super) async fn stop(mut self) -> Result<PathBuf, Error> {
        let pid = self.child.id().ok_or_else(|| self.failed("it ended by itself"))?;
        let kill = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
        kill.map_err(Error::io("run kill"))?;
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(self.log),
            Ok(Ok(status)) => Err(self.failed(format!("{status} after SIGTERM"))),
            Ok(Err(source)) => Err(Error::io("wait for the extension")(source)),
            Err(_) => Err(self.failed("it does not end after SIGTERM")),
        }
    }

    fn failed(&self, what: impl Into<String>) -> Error {
        Error::Part { part: PART, what: what.into(), log: fs::read_to_string(&self.log).unwrap_or_default() }
    }
}
