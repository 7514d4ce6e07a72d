//! `cargo xtask layer`: the extension as a Lambda layer, from a static binary, the same bytes from the same source.
//!
//! # Layout
//! - [`architecture`]: the processors of Lambda
//! - [`compiler`]: a compiler with a standard library for musl
//! - [`linker`]: zig, which links for either processor on either
//! - [`step`]: a command that gets something a build needs
//! - [`build`]: the build of a static binary
//! - [`strip`](mod@strip): takes the debug information out of it
//! - [`elf`]: whether a binary is one
//! - [`archive`]: the zip, and its checksum
//! - [`sbom`]: which crates are in the binary

mod architecture;
pub(crate) mod archive;
mod build;
mod compiler;
pub(crate) mod elf;
mod linker;
mod sbom;
mod step;
mod strip;

use std::env;
use std::fs;
use std::path::Path;

use clap::Args;

use crate::cargo::Workspace;
use crate::environment::EXTENSION;
use crate::error::Error;
use architecture::Architecture;
use compiler::Compiler;
use linker::Linker;
use step::Step;
use strip::Strip;

/// A megabyte as the budgets and Lambda's console count it.
const MIB: f64 = 1024.0 * 1024.0;

/// Pack the extension as Lambda layers: a zip for each architecture, from a static binary
#[derive(Debug, Args)]
pub(crate) struct Layer {
    /// Only this architecture; may be repeated [default: both]
    #[arg(long, value_enum)]
    arch: Vec<Architecture>,
    /// Install what the build needs and this machine lacks, as is done where CI=true
    #[arg(long)]
    install: bool,
}

/// What builds a layer.
#[derive(Debug)]
struct Tools {
    /// In the order of the architectures.
    compilers: Vec<Compiler>,
    linker: Linker,
    strip: Strip,
}

// === impl Layer ===

impl Layer {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let target = Workspace::locate()?.target;
        let architectures = if self.arch.is_empty() { &Architecture::ALL[..] } else { &self.arch };
        let linker = Linker::under(&target);
        if self.install || env::var_os("CI").is_some_and(|ci| ci == "true") {
            Tools::install(architectures, &linker).await?;
        }
        let tools = Tools::find(architectures, linker)?;
        let folder = target.join("layer");
        for (architecture, compiler) in architectures.iter().zip(&tools.compilers) {
            let built = build::build(*architecture, compiler, &tools.linker, &target)?;
            // Where the Dockerfile looks for it.
            let binary = folder.join(architecture.platform()).join(EXTENSION);
            tools.strip.strip(&built, &binary)?;
            pack(*architecture, &binary, &folder)?;
            let bill = folder.join(format!("{EXTENSION}-{architecture}.cdx.json"));
            write(&bill, sbom::write(*architecture)?.as_bytes())?;
        }
        Ok(())
    }
}

// === impl Tools ===

impl Tools {
    /// Those of this machine; where one is missing, the commands that get it.
    fn find(architectures: &[Architecture], linker: Linker) -> Result<Self, Error> {
        let mut missing: Vec<String> = shown(&linker.missing());
        let mut compilers = Vec::new();
        let mut lacking = false;
        for architecture in architectures {
            if let Some(compiler) = Compiler::find(*architecture) {
                compilers.push(compiler);
            } else {
                missing.push(compiler::with_rustup(*architecture).to_string());
                lacking = true;
            }
        }
        if lacking {
            let debian = shown(&compiler::with_debian()).join(" && ");
            missing.push(format!("(or on Debian, where rustup's servers can't be reached: {debian})"));
        }
        let strip = Strip::find();
        if strip.is_none() {
            missing.extend(shown(&strip::with_debian()));
        }
        match strip {
            Some(strip) if missing.is_empty() => Ok(Self { compilers, linker, strip }),
            _ => Err(Error::NotInstalled(missing)),
        }
    }

    /// Gets what is missing.
    async fn install(architectures: &[Architecture], linker: &Linker) -> Result<(), Error> {
        if !linker.missing().is_empty() {
            linker.install().await?;
        }
        for architecture in architectures {
            if Compiler::find(*architecture).is_none() {
                Compiler::install(*architecture).await?;
            }
        }
        if Strip::find().is_none() {
            for step in strip::with_debian() {
                step.run(step::APT_LIMIT).await?;
            }
        }
        Ok(())
    }
}

fn shown(steps: &[Step]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}

/// Writes the zip and its checksum.
fn pack(architecture: Architecture, binary: &Path, folder: &Path) -> Result<(), Error> {
    let content = fs::read(binary).map_err(Error::io(format!("read {}", binary.display())))?;
    if let Some(what) = elf::unfit(&content, architecture) {
        return Err(Error::unfit(binary, what));
    }
    let name = format!("{EXTENSION}-{architecture}.zip");
    let archive = archive::pack(&content).map_err(Error::io(format!("pack {name}")))?;
    let file = folder.join(&name);
    write(&file, &archive)?;
    write(&folder.join(format!("{name}.sha256")), archive::checksum(&archive, &name).as_bytes())?;
    println!("{}: {:.2} MiB, its binary {:.2} MiB", file.display(), mib(&archive), mib(&content));
    Ok(())
}

fn write(file: &Path, content: &[u8]) -> Result<(), Error> {
    fs::write(file, content).map_err(Error::io(format!("write {}", file.display())))
}

#[expect(clippy::cast_precision_loss, reason = "a size that is shown with two decimals")]
fn mib(content: &[u8]) -> f64 {
    content.len() as f64 / MIB
}
