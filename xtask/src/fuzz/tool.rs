//! Gets `cargo-fuzz` and builds the targets, which are in the crate `fuzz`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::cargo;
use crate::error::Error;
use crate::step::Step;

/// The version of `cargo-fuzz` that is installed where there is none.
const CARGO_FUZZ: &str = "0.13.2";

const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const HINT: &str = "`cargo install cargo-fuzz` gets it";

/// How long a build may take: everything is compiled anew, to be watched.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// The crate of the targets.
const CRATE: &str = "fuzz";

/// Built targets, and where things of theirs are.
#[derive(Debug)]
pub(super) struct Targets {
    /// The binaries.
    pub(super) binaries: PathBuf,
    /// Corpora, seeds, findings and logs.
    pub(super) folder: PathBuf,
}

/// The names of all targets, in order.
pub(super) fn known_targets() -> Result<Vec<String>, Error> {
    let folder = Path::new(WORKSPACE).join(CRATE).join("fuzz_targets");
    let listing = fs::read_dir(&folder).map_err(Error::io(format!("read {}", folder.display())))?;
    let mut names: Vec<String> = listing
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

// === impl Targets ===

impl Targets {
    /// Builds the targets, all at once where they are more than one.
    pub(super) async fn build(folder: &Path, chosen: &[String], sanitizer: &str) -> Result<Self, Error> {
        let path = install(folder).await?;
        let host = cargo::host()?;
        // Another sanitizer is another build of everything.
        let target_folder = folder.join(sanitizer);
        println!("Building {} fuzz targets", chosen.len());
        let mut build =
            Step::new("cargo-fuzz", &["fuzz", "build", "--fuzz-dir", CRATE, "--target", &host], HINT)
                .arg("--sanitizer")
                .arg(sanitizer)
                .arg("--target-dir")
                .arg(&target_folder)
                .within(WORKSPACE)
                .variable("PATH", path)
                // Sanitizers are options of the compiler that it takes in nightly builds, or when it is told so.
                .variable("RUSTC_BOOTSTRAP", "1")
                .limit(BUILD_LIMIT);
        if let [target] = chosen {
            build = build.arg(target);
        }
        build.run().await?;
        let binaries = target_folder.join(host).join("release");
        Ok(Self { binaries, folder: folder.to_owned() })
    }
}

/// Installs `cargo-fuzz` beside everything else that is built, unless it is there; a `PATH` that has it.
async fn install(folder: &Path) -> Result<OsString, Error> {
    let tools = folder.with_file_name("tools");
    let path = env::var_os("PATH").unwrap_or_default();
    let path =
        env::join_paths([tools.join("bin")].into_iter().chain(env::split_paths(&path))).unwrap_or(path);
    let there = Command::new("cargo-fuzz").args(["fuzz", "--version"]).env("PATH", &path).output().await;
    if !there.is_ok_and(|output| output.status.success()) {
        println!("Installing cargo-fuzz {CARGO_FUZZ} in {}", tools.display());
        let install = ["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--quiet", "--root"];
        Step::new(cargo::program(), &install, HINT).arg(&tools).limit(BUILD_LIMIT).run().await?;
    }
    Ok(path)
}
