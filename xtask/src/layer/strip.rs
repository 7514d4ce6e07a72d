//! Takes the debug information out of a binary and leaves the symbol table in.
//!
//! Debug information comes with the C library and with rustup's standard library. Zig can't be asked to leave out the one
//! without the other, so that an LLVM does it: the one of the toolchain, or the system's.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::compiler;
use crate::error::Error;
use crate::step::{self, Step};

const HINT: &str = "rustup's toolchains have a rust-objcopy, and Debian's package llvm an llvm-objcopy";

/// Where the dynamic loader looks for a toolchain's LLVM.
const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// LLVM's objcopy, which knows every processor.
#[derive(Debug)]
pub(super) struct Strip {
    program: OsString,
    /// The folder of the toolchain's libraries.
    libraries: Option<PathBuf>,
}

// === impl Strip ===

impl Strip {
    /// One of this machine.
    pub(super) fn find() -> Option<Self> {
        let toolchains = compiler::sysroots().into_iter().filter_map(|sysroot| {
            let program = rust_objcopy(&sysroot)?;
            Some(Self { program: program.into(), libraries: Some(sysroot.join("lib")) })
        });
        let system = Self { program: "llvm-objcopy".into(), libraries: None };
        toolchains.chain([system]).find(Self::works)
    }

    /// Writes `binary` without its debug information to `stripped`.
    pub(super) fn strip(&self, binary: &Path, stripped: &Path) -> Result<(), Error> {
        if let Some(folder) = stripped.parent() {
            fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
        }
        let mut command = self.command();
        command.arg("--strip-debug").arg(binary).arg(stripped);
        let status = command.status().map_err(|source| Error::Missing {
            program: self.program.display().to_string(),
            hint: HINT,
            source,
        })?;
        if status.success() { Ok(()) } else { Err(Error::Failed { command: format!("{command:?}"), status }) }
    }

    fn works(&self) -> bool {
        let mut command = self.command();
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let inherited = env::var_os(LIBRARIES).unwrap_or_default();
        if let Some(libraries) = &self.libraries {
            let folders = [libraries.clone()].into_iter().chain(env::split_paths(&inherited));
            if let Ok(folders) = env::join_paths(folders) {
                command.env(LIBRARIES, folders);
            }
        }
        command
    }
}

/// Beside the libraries of the processor that the toolchain runs on.
fn rust_objcopy(sysroot: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    folders.flatten().map(|folder| folder.path().join("bin/rust-objcopy")).find(|program| program.is_file())
}

/// The commands that install the system's.
pub(super) fn with_debian() -> Vec<Step> {
    step::from_debian(&["llvm"])
}
