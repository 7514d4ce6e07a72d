//! `cargo xtask layer`: the extension as a Lambda layer, from a static binary, the same bytes from the same source.
//!
//! # Layout
//! - [`architecture`]: the processors of Lambda
//! - [`compiler`]: a compiler with a standard library for musl
//! - [`linker`]: zig, which links for either processor on either
//! - [`step`]: a command that gets something a build needs
//! - [`build`]: the build of a static binary
//! - [`elf`]: whether a binary is one
//! - [`archive`]: the zip, and its checksum

mod architecture;
mod archive;
mod build;
mod compiler;
mod elf;
mod linker;
mod step;

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

// === impl Layer ===

impl Layer {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let target = Workspace::locate()?.target;
        let architectures = if self.arch.is_empty() { &Architecture::ALL[..] } else { &self.arch };
        let linker = Linker::under(&target);
        let compilers = self.prepare(architectures, &linker).await?;
        let folder = target.join("layer");
        for (architecture, compiler) in architectures.iter().zip(&compilers) {
            let binary = build::build(*architecture, compiler, &linker, &target)?;
            pack(*architecture, &binary, &folder)?;
        }
        Ok(())
    }

    /// A compiler for each architecture, and the linker; or what to run to have them.
    async fn prepare(&self, architectures: &[Architecture], linker: &Linker) -> Result<Vec<Compiler>, Error> {
        if self.install || env::var_os("CI").is_some_and(|ci| ci == "true") {
            if !linker.missing().is_empty() {
                linker.install().await?;
            }
            let mut compilers = Vec::new();
            for architecture in architectures {
                compilers.push(match Compiler::find(*architecture) {
                    Some(compiler) => compiler,
                    None => Compiler::install(*architecture).await?,
                });
            }
            return Ok(compilers);
        }
        let mut missing: Vec<String> = linker.missing().iter().map(ToString::to_string).collect();
        let mut compilers = Vec::new();
        let mut without = Vec::new();
        for architecture in architectures {
            match Compiler::find(*architecture) {
                Some(compiler) => compilers.push(compiler),
                None => without.push(compiler::with_rustup(*architecture).to_string()),
            }
        }
        if !without.is_empty() {
            missing.extend(without);
            let debian: Vec<String> = compiler::with_debian().iter().map(ToString::to_string).collect();
            missing.push(format!("(or on Debian, without rustup's servers: {})", debian.join(" && ")));
        }
        if missing.is_empty() { Ok(compilers) } else { Err(Error::NotInstalled(missing)) }
    }
}

/// Writes the zip and its checksum, and the binary as the Dockerfile looks for it.
fn pack(architecture: Architecture, binary: &Path, folder: &Path) -> Result<(), Error> {
    let content = fs::read(binary).map_err(Error::io(format!("read {}", binary.display())))?;
    if let Some(what) = elf::unfit(&content, architecture) {
        return Err(Error::unfit(binary, what));
    }
    let name = format!("{EXTENSION}-{architecture}.zip");
    let archive = archive::pack(&content).map_err(Error::io(format!("pack {name}")))?;
    write(&folder.join(format!("{name}.sha256")), archive::checksum(&archive, &name).as_bytes())?;
    write(&folder.join(architecture.platform()).join(EXTENSION), &content)?;
    let file = folder.join(&name);
    write(&file, &archive)?;
    println!("{}: {:.2} MiB, its binary {:.2} MiB", file.display(), mib(&archive), mib(&content));
    Ok(())
}

fn write(file: &Path, content: &[u8]) -> Result<(), Error> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
    }
    fs::write(file, content).map_err(Error::io(format!("write {}", file.display())))
}

#[expect(clippy::cast_precision_loss, reason = "a size that is shown with two decimals")]
fn mib(content: &[u8]) -> f64 {
    content.len() as f64 / MIB
}
