//! TCP connections that lead out of the sandbox, and their end by force.
//!
//! What stays is what Lambda keeps too: connections to the APIs, and those between the sandbox's own processes.
//!
//! - `table`: the kernel's table of sockets, and whose they are

mod table;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde::Serialize;
use thiserror::Error;

use crate::process::Process;
use table::Table;

/// A TCP connection of one of the sandbox's processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Whose: the extension's file name, or `runtime`.
    pub process: String,
    /// The process's end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// What became of the connections that lead out of the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// These were destroyed: both ends get an error.
    pub cut: Vec<Connection>,
    /// These are as they were.
    pub left: Vec<Connection>,
    /// Why they are.
    pub reason: Option<String>,
}

/// Why a connection could not be cut.
#[derive(Debug, Error)]
enum CutError {
    #[error("ss can't be started: {0} (it comes with iproute2)")]
    Start(#[source] io::Error),
    #[error("ss -K: {said} (it takes root, or CAP_NET_ADMIN)")]
    Refused { said: String },
    #[error("ss -K left it open: this kernel can't destroy sockets (INET_DIAG_DESTROY)")]
    LeftOpen,
    #[error("the kernel's table of sockets can't be read: {0}")]
    Table(#[source] io::Error),
}

/// Cuts all connections of these processes that lead out of the sandbox, whose APIs are at `api`.
///
/// It blocks for some milliseconds, for each connection.
pub(crate) fn cut<'a>(processes: impl Iterator<Item = &'a Process>, api: SocketAddr) -> Cut {
    let groups: HashMap<u32, String> = processes
        .filter(|process| process.is_alive())
        .map(|process| (process.pid, process.name.clone()))
        .collect();
    let platform = table::inodes_of(std::process::id());
    let found = match Table::read(&table::owners(&groups)) {
        Ok(table) => table.that_lead_out(api, &platform),
        Err(error) => {
            return Cut { reason: Some(CutError::Table(error).to_string()), ..Cut::default() };
        }
    };
    let mut cut = Cut::default();
    let mut ends = Vec::new();
    for (inode, connection) in found {
        match destroy(&connection) {
            Ok(()) => ends.push((inode, connection)),
            Err(error) => {
                cut.left.push(connection);
                cut.reason = Some(error.to_string());
            }
        }
    }
    // What the tool says depends on its version: the table tells.
    let still = if ends.is_empty() { Vec::new() } else { table::inodes().unwrap_or_default() };
    for (inode, connection) in ends {
        if still.contains(&inode) {
            cut.left.push(connection);
            cut.reason = Some(CutError::LeftOpen.to_string());
        } else {
            cut.cut.push(connection);
        }
    }
    cut
}

fn destroy(connection: &Connection) -> Result<(), CutError> {
    let end = |address: SocketAddr| match address {
        SocketAddr::V4(address) => (address.ip().to_string(), format!(":{}", address.port())),
        SocketAddr::V6(address) => (format!("[{}]", address.ip()), format!(":{}", address.port())),
    };
    let ((source, source_port), (destination, destination_port)) =
        (end(connection.local), end(connection.remote));
    let output = Command::new("ss")
        .args(["-H", "-n", "-K", "-t", "src", &source, "sport", "=", &source_port])
        .args(["dst", &destination, "dport", "=", &destination_port])
        .stdin(Stdio::null())
        .output()
        .map_err(CutError::Start)?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() && said.is_empty() { Ok(()) } else { Err(CutError::Refused { said }) }
}

// === impl Connection ===

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.process, self.remote)
    }
}

// === impl Cut ===

impl Cut {
    /// Whether no connection leads out any more.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.reason.is_none()
    }

    /// Whether there was nothing to cut.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.cut.is_empty() && self.left.is_empty() && self.reason.is_none()
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |connections: &[Connection]| {
            let all: Vec<String> = connections.iter().map(ToString::to_string).collect();
            all.join(", ")
        };
        if self.is_empty() {
            return f.write_str("none led out of the sandbox");
        }
        if !self.cut.is_empty() {
            write!(f, "{} cut: {}", self.cut.len(), list(&self.cut))?;
        }
        if let Some(reason) = &self.reason {
            let separator = if self.cut.is_empty() { "" } else { "; " };
            write!(f, "{separator}{} NOT cut", self.left.len())?;
            let colon = if self.left.is_empty() { "" } else { ": " };
            write!(f, "{colon}{}: {reason}", list(&self.left))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_cut_is_said_with_its_reason() {
        let connection = Connection {
            process: "alpha".to_owned(),
            local: "127.0.0.1:50000".parse().unwrap(),
            remote: "192.0.2.1:443".parse().unwrap(),
        };
        let cut = Cut { cut: vec![connection.clone()], ..Cut::default() };
        assert_eq!(cut.to_string(), "1 cut: alpha to 192.0.2.1:443");
        let reason = Some("no ss".to_owned());
        let left = Cut { left: vec![connection], reason, ..Cut::default() };
        assert_eq!(left.to_string(), "1 NOT cut: alpha to 192.0.2.1:443: no ss");
        assert!(cut.is_complete() && !left.is_complete() && Cut::default().is_empty());
    }
}
