//! The programs that are measured.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::cargo::Workspace;
use crate::error::Error;

/// A program that registers as an extension.
#[derive(Debug)]
pub(super) struct Contender {
    /// What the table calls it.
    pub(super) name: String,
    /// Its file.
    pub(super) binary: PathBuf,
    /// Whether it relays profiles.
    pub(super) relays: bool,
    /// Whether it is this project's, and so held to the budgets.
    pub(super) ours: bool,
}

// === impl Contender ===

impl Contender {
    pub(super) fn this(binary: PathBuf) -> Self {
        Self { name: "this extension".to_owned(), binary, relays: true, ours: true }
    }

    pub(super) fn peer(binary: PathBuf) -> Self {
        Self { name: binary.display().to_string(), binary, relays: true, ours: false }
    }
}

/// Compiles the floor program. `None`, and a message, where there is no C compiler or no static libc.
pub(super) fn floor(workspace: &Workspace) -> Result<Option<Contender>, Error> {
    let folder = workspace.target.join("bench");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let binary = folder.join("floor");
    let compiled = Command::new("cc")
        .args(["-static", "-O2", "-D_GNU_SOURCE", "-o"])
        .arg(&binary)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/floor.c"))
        .output();
    match compiled {
        Ok(output) if output.status.success() => {
            Ok(Some(Contender { name: "floor".to_owned(), binary, relays: false, ours: false }))
        }
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
