//! The programs that are measured.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use super::nginx;
use crate::cargo::Workspace;
use crate::error::Error;
use crate::layer::elf;

/// What the floor program is called.
pub(super) const FLOOR: &str = "floor";

/// A program that is measured.
#[derive(Debug)]
pub(super) struct Contender {
    /// What the tables call it.
    pub(super) name: String,
    /// Its file.
    pub(super) binary: PathBuf,
    pub(super) kind: Kind,
    /// Whether it needs no dynamic loader.
    pub(super) is_static: bool,
}

/// What a program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It registers as an extension and does nothing else.
    Floor,
    /// This project's extension, and so held to the budgets.
    Ours,
    /// Another extension that relays profiles.
    Peer,
    /// A reverse proxy: it relays, and knows nothing of Lambda.
    Proxy,
}

/// Another extension, as it is named on the command line: `FILE`, or `NAME=FILE`.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    name: String,
    binary: PathBuf,
}

// === impl Contender ===

impl Contender {
    fn new(name: impl Into<String>, binary: PathBuf, kind: Kind) -> Result<Self, Error> {
        let content = fs::read(&binary).map_err(Error::io(format!("read {}", binary.display())))?;
        Ok(Self { name: name.into(), binary, kind, is_static: elf::is_static(&content) })
    }

    pub(super) fn this(binary: PathBuf) -> Result<Self, Error> {
        let this = Self::new("", binary, Kind::Ours)?;
        let name = if this.is_static { "this extension, static" } else { "this extension, dynamic" };
        Ok(Self { name: name.to_owned(), ..this })
    }

    pub(super) fn peer(peer: &Peer) -> Result<Self, Error> {
        Self::new(peer.name.clone(), peer.binary.clone(), Kind::Peer)
    }

    /// A reverse proxy, where this machine has one.
    pub(super) fn proxy() -> Result<Option<Self>, Error> {
        let Some(binary) = nginx::find() else {
            eprintln!("No nginx, and so no proxy beside the extensions: apt-get install nginx-light");
            return Ok(None);
        };
        Self::new("nginx", binary, Kind::Proxy).map(Some)
    }

    /// Whether it speaks the Extensions API.
    pub(super) fn registers(&self) -> bool {
        self.kind != Kind::Proxy
    }

    /// Whether it takes profiles.
    pub(super) fn relays(&self) -> bool {
        self.kind != Kind::Floor
    }

    /// Whether it answers before the remote has, and so keeps what is on its way.
    pub(super) fn queues(&self) -> bool {
        matches!(self.kind, Kind::Ours | Kind::Peer)
    }
}

// === impl Peer ===

impl FromStr for Peer {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once('=') {
            Some((name, binary)) => Self { name: name.to_owned(), binary: binary.into() },
            None => Self { name: text.to_owned(), binary: text.into() },
        })
    }
}

/// Compiles the floor program. `None`, and a message, where there is no C compiler or no static libc.
pub(super) fn floor(workspace: &Workspace) -> Result<Option<Contender>, Error> {
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let binary = folder.join(FLOOR);
    let compiled = Command::new("cc")
        .args(["-static", "-O2", "-D_GNU_SOURCE", "-o"])
        .arg(&binary)
        .arg(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/floor.c")))
        .output();
    match compiled {
        Ok(output) if output.status.success() => Contender::new(FLOOR, binary, Kind::Floor).map(Some),
        Ok(output) => {
            eprintln!(
                "No floor program, and so no ratios: cc cannot link it statically (is libc's static library installed?)"
            );
            eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
            Ok(None)
        }
        Err(error) => {
            eprintln!("No floor program, and so no ratios: cannot run cc ({error}); install a C compiler");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn a_peer_may_have_a_name_of_its_own() {
        for (text, name, binary) in [("a/b", "a/b", "a/b"), ("theirs=a/b", "theirs", "a/b")] {
            let peer: Peer = text.parse().unwrap();
            assert_eq!((peer.name.as_str(), peer.binary.to_str().unwrap()), (name, binary));
        }
    }
}
