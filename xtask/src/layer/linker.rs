//! What links a static binary, for either processor on either: zig, a C compiler with musl in it, under `cargo-zigbuild`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::step::Step;
use crate::error::Error;

/// Pinned, since another version would link other bytes.
const PACKAGES: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// How long PyPI may take for 90 MB.
const LIMIT: Duration = Duration::from_secs(600);

/// Where zig is, or will be.
#[derive(Debug)]
pub(super) struct Linker {
    /// A virtual environment of Python.
    folder: PathBuf,
}

// === impl Linker ===

impl Linker {
    /// The one under cargo's target directory.
    pub(super) fn under(target: &Path) -> Self {
        Self { folder: target.join("tools").join("zig") }
    }

    /// The commands that install it; none where it is.
    pub(super) fn missing(&self) -> Vec<Step> {
        if fs::read_to_string(self.note()).is_ok_and(|installed| installed == PACKAGES.join(" ")) {
            return Vec::new();
        }
        let pip = self.folder.join("bin").join("pip");
        let folder = self.folder.as_os_str();
        let mut install = vec![
            pip.as_os_str(),
            "install".as_ref(),
            "--quiet".as_ref(),
            "--disable-pip-version-check".as_ref(),
        ];
        install.extend(PACKAGES.iter().map(AsRef::<std::ffi::OsStr>::as_ref));
        vec![
            Step::new(["python3".as_ref(), "-m".as_ref(), "venv".as_ref(), "--clear".as_ref(), folder]),
            Step::new(install),
        ]
    }

    pub(super) async fn install(&self) -> Result<(), Error> {
        for step in self.missing() {
            step.run(LIMIT).await?;
        }
        let note = self.note();
        fs::write(&note, PACKAGES.join(" ")).map_err(Error::io(format!("write {}", note.display())))
    }

    /// The program that stands in for cargo.
    pub(super) fn cargo_zigbuild(&self) -> PathBuf {
        self.folder.join("bin").join("cargo-zigbuild")
    }

    /// A `PATH` on which `cargo-zigbuild` finds its zig first.
    pub(super) fn path(&self) -> Result<OsString, Error> {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = [self.folder.join("bin")].into_iter().chain(env::split_paths(&inherited));
        env::join_paths(folders).map_err(|error| {
            Error::part("the linker", &format!("{error}; choose a CARGO_TARGET_DIR without that character"))
        })
    }

    /// Says what was installed, once it is whole.
    fn note(&self) -> PathBuf {
        self.folder.join("installed")
    }
}
