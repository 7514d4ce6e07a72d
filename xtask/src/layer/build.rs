//! The build of a static binary: the same source gives the same bytes, in whatever folder.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::architecture::Architecture;
use super::compiler::{Compiler, StandardLibrary};
use super::linker::Linker;
use crate::environment::EXTENSION;
use crate::error::Error;

/// The root of the workspace.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The flags of `.cargo/config.toml`, which those of a build of its own take the place of.
const WORKSPACE_FLAGS: [&str; 2] = ["-C", "force-frame-pointers=yes"];

/// Leaves tables out that no program needs that doesn't unwind. The path is relative to the sources, so that the flags are
/// the same in whatever folder.
const SECTIONS: &str = "link-arg=-Wl,-T,xtask/src/layer/sections.ld";

/// What stands between flags in `CARGO_ENCODED_RUSTFLAGS`, where a space may be part of one.
const SEPARATOR: &str = "\u{1f}";

/// Builds the extension and returns its path. Cargo's own progress and errors go to the terminal.
pub(super) fn build(
    architecture: Architecture,
    compiler: &Compiler,
    linker: &Linker,
    target: &Path,
) -> Result<PathBuf, Error> {
    eprintln!("Building {EXTENSION} for {architecture} with {compiler}");
    let mut command = Command::new(linker.cargo_zigbuild());
    command
        .current_dir(SOURCES)
        .args(["zigbuild", "--locked", "--release", "--package", EXTENSION, "--bin", EXTENSION])
        .args(["--target", architecture.target(), "--target-dir"])
        .arg(target)
        .env("PATH", linker.path()?)
        .env("CARGO", &compiler.cargo)
        .env("RUSTC", &compiler.rustc)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(compiler, target)?)
        // Asked to leave the debug information out, zig leaves the symbol table out, too.
        .env("CARGO_PROFILE_RELEASE_STRIP", "none");
    if let StandardLibrary::Source(_) = compiler.standard_library {
        // The option is for nightly compilers, as far as cargo is concerned.
        command.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
    }
    let status = command.status().map_err(|source| Error::Missing {
        program: linker.cargo_zigbuild().display().to_string(),
        hint: "cargo xtask layer --install gets it",
        source,
    })?;
    if !status.success() {
        return Err(Error::Failed { command: format!("{command:?}"), status });
    }
    Ok(target.join(architecture.target()).join("release").join(EXTENSION))
}

/// Flags for the compiler, among them ones that keep this machine's folders out of the binary.
fn flags(compiler: &Compiler, target: &Path) -> Result<OsString, Error> {
    // Zig has the files that a program starts with; the compiler's own would be there twice.
    let mut flags: Vec<OsString> = WORKSPACE_FLAGS.into_iter().map(OsString::from).collect();
    flags.extend(["-C", "link-self-contained=no", "-C", SECTIONS].map(OsString::from));
    let sources = fs::canonicalize(SOURCES).map_err(Error::io(format!("find {SOURCES}")))?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    // The last one that fits holds, so the target directory, which may be within the sources, comes after them.
    let folders = home.map(|home| (home, "/cargo")).into_iter();
    let folders = folders.chain([(sources, "/source"), (target.to_owned(), "/target")]);
    for (folder, name) in folders {
        flags.push(remap(&folder, name));
    }
    if let StandardLibrary::Source(folder) = &compiler.standard_library {
        flags.push(remap(folder, "/rust"));
    }
    Ok(flags.join(SEPARATOR.as_ref()))
}

fn remap(folder: &Path, name: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(folder);
    flag.push("=");
    flag.push(name);
    flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_build_has_the_flags_of_every_other_build() {
        let config = include_str!("../../../.cargo/config.toml");
        let flags = WORKSPACE_FLAGS.map(|flag| format!("{flag:?}")).join(", ");
        assert!(config.contains(&format!("rustflags = [{flags}]\n")), "{flags} in {config}");
    }
}
