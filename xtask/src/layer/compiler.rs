//! A compiler with a standard library for musl: ready-made from rustup, or compiled along from its source.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::architecture::Architecture;
use crate::error::Error;
use crate::step::{self, Step, ask};

/// How long rustup's servers may take; where they cannot be reached the first connection hangs.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

const RUSTUP: &str = "see https://rustup.rs";

/// A compiler for one architecture.
#[derive(Debug)]
pub(super) struct Compiler {
    pub(super) rustc: OsString,
    pub(super) cargo: OsString,
    pub(super) standard_library: StandardLibrary,
}

/// Where the standard library for musl comes from.
#[derive(Debug)]
pub(super) enum StandardLibrary {
    /// It is part of the toolchain.
    Ready,
    /// It is compiled along with the extension; this is the folder of its source.
    Source(PathBuf),
}

// === impl Compiler ===

impl Compiler {
    /// A compiler of this machine, if one can build for `architecture`: rather one that has the library ready.
    pub(super) fn find(architecture: Architecture) -> Option<Self> {
        let with = |library: fn(&Path, Architecture) -> Option<StandardLibrary>| {
            candidates().into_iter().find_map(|(rustc, cargo)| {
                let standard_library = library(&sysroot(&rustc)?, architecture)?;
                Some(Self { rustc, cargo, standard_library })
            })
        };
        with(ready).or_else(|| with(source))
    }

    /// Adds the library with rustup; where that can't be had, installs Debian's compiler with the library's source.
    pub(super) async fn install(architecture: Architecture) -> Result<(), Error> {
        if let Err(error) = with_rustup(architecture).run().await {
            eprintln!("  {error}");
            for step in with_debian() {
                step.run().await?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rustc = self.rustc.display();
        match &self.standard_library {
            StandardLibrary::Ready => {
                write!(f, "{rustc} and the standard library that it has for this target")
            }
            StandardLibrary::Source(folder) => {
                write!(f, "{rustc}, with the standard library from its source in {}", folder.display())
            }
        }
    }
}

/// The command that adds the library to the toolchain in use.
pub(super) fn with_rustup(architecture: Architecture) -> Step {
    Step::new("rustup", &["target", "add", architecture.target()], RUSTUP).limit(RUSTUP_LIMIT)
}

/// The commands that install a compiler with the library's source where rustup's servers can't be reached.
pub(super) fn with_debian() -> Vec<Step> {
    step::from_debian(&["rustc-web", "cargo-web", "rust-web-src"])
}

/// The compiler in use, and the one that Debian installs beside it: each with its cargo.
fn candidates() -> [(OsString, OsString); 2] {
    let or = |variable, program: &str| env::var_os(variable).unwrap_or_else(|| program.into());
    [(or("RUSTC", "rustc"), or("CARGO", "cargo")), ("/usr/bin/rustc".into(), "/usr/bin/cargo".into())]
}

/// The folders of the compilers of this machine.
pub(super) fn sysroots() -> Vec<PathBuf> {
    candidates().iter().filter_map(|(rustc, _)| sysroot(rustc)).collect()
}

fn sysroot(rustc: &OsStr) -> Option<PathBuf> {
    ask(rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

fn ready(sysroot: &Path, architecture: Architecture) -> Option<StandardLibrary> {
    let libraries = sysroot.join("lib/rustlib").join(architecture.target()).join("lib");
    libraries.is_dir().then_some(StandardLibrary::Ready)
}

fn source(sysroot: &Path, _: Architecture) -> Option<StandardLibrary> {
    // A link, on Debian: the compiler would record where it leads.
    let folder = fs::canonicalize(sysroot.join("lib/rustlib/src/rust")).ok()?;
    folder.join("library/std").is_dir().then_some(StandardLibrary::Source(folder))
}
