//! What links a static binary, for either processor on either: zig, a C compiler with musl in it, under `cargo-zigbuild`.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::venv::Venv;

/// Pinned, since another version would link other bytes.
const PACKAGES: &[&str] = &["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// Where zig is, or will be.
#[derive(Debug)]
pub(super) struct Linker(pub(super) Venv);

// === impl Linker ===

impl Linker {
    /// The one under cargo's target directory.
    pub(super) fn under(target: &Path) -> Self {
        Self(Venv::under(target, "zig", PACKAGES))
    }

    /// The program that stands in for cargo.
    pub(super) fn cargo_zigbuild(&self) -> PathBuf {
        self.0.program("cargo-zigbuild")
    }

    /// A `PATH` on which `cargo-zigbuild` finds its zig first.
    pub(super) fn path(&self) -> Result<OsString, Error> {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = [self.0.programs()].into_iter().chain(env::split_paths(&inherited));
        env::join_paths(folders).map_err(|error| {
            Error::part("the linker", &format!("{error}; choose a CARGO_TARGET_DIR without that character"))
        })
    }
}
