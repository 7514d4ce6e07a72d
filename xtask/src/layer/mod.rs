//! `cargo xtask layer`: the extension as a Lambda layer, from a static binary, the same bytes from the same source.
//!
//! # Layout
//! - [`architecture`]: the processors of Lambda
//! - [`files`]: what is left, and where
//! - [`tools`]: what builds a layer
//! - [`compiler`]: a compiler with a standard library for musl
//! - [`linker`]: zig, which links for either processor on either
//! - [`build`]: the build of a static binary
//! - [`strip`](mod@strip): takes the debug information out of it
//! - [`elf`]: whether a binary is one
//! - [`archive`]: the zip, and its checksum
//! - [`image`]: the container image
//! - [`tape`]: the tar format, which images are made of
//! - [`sbom`]: which crates are in the binary
//! - [`budget`]: what a layer may weigh
//! - [`trial`]: a short life of a built binary

pub(crate) mod architecture;
pub(crate) mod archive;
mod budget;
mod build;
mod compiler;
pub(crate) mod elf;
pub(crate) mod files;
mod image;
mod linker;
mod sbom;
mod strip;
mod tape;
mod tools;
mod trial;

use std::env;
use std::path::Path;

use clap::Args;

use crate::cargo::Workspace;
use crate::error::Error;
use architecture::Architecture;
use budget::Sizes;
use files::Files;
use linker::Linker;
use tools::Tools;

/// Pack the extension as Lambda layers: a zip for each architecture, from a static binary, and a container image of both
#[derive(Debug, Args)]
pub(crate) struct Layer {
    /// Only this architecture; may be repeated [default: both]
    #[arg(long, value_enum)]
    arch: Vec<Architecture>,
    /// Install what the build needs and this machine lacks, as is done where CI=true
    #[arg(long)]
    install: bool,
    /// Take the binaries that an earlier run left, and build none
    #[arg(long, conflicts_with = "again")]
    built: bool,
    #[command(flatten)]
    checks: Checks,
}

/// What is looked at beside the packing.
#[derive(Debug, Args)]
struct Checks {
    /// Fail when a layer exceeds its budget, or a second packing has other bytes
    #[arg(long)]
    check: bool,
    /// Run each binary in a sandbox, that of the other processor under QEMU, and check what arrives
    #[arg(long = "try")]
    trial: bool,
    /// Build everything once more, from nothing, and fail where the bytes differ
    #[arg(long)]
    again: bool,
}

// === impl Layer ===

impl Layer {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let target = Workspace::locate()?.target;
        let files = Files::under(&target);
        let tools = if self.built { None } else { Some(self.tools(&target).await?) };
        let sizes = self.make(tools.as_ref(), &target, &files)?;
        print!("\n{}", budget::table(&sizes));
        if self.checks.check {
            self.pack_again(&files)?;
            budget::check(&sizes)?;
        }
        if self.checks.again && tools.is_some() {
            // Another folder, too: nothing of it may get into a binary.
            let folder = target.join("layer-again");
            if folder.exists() {
                std::fs::remove_dir_all(&folder)
                    .map_err(Error::io(format!("remove {}", folder.display())))?;
            }
            let second = Files::under(&folder);
            self.make(tools.as_ref(), &folder, &second)?;
            self.compare(&files, &second)?;
        }
        if self.checks.trial {
            for architecture in self.architectures() {
                let folder = target.join("layer-trial").join(architecture.platform());
                let what = trial::run(*architecture, &files.binary(*architecture), &folder).await?;
                println!("{architecture}: {what}");
            }
        }
        Ok(())
    }

    /// What builds layers, installed where it may be.
    async fn tools(&self, target: &Path) -> Result<Tools, Error> {
        let linker = Linker::under(target);
        if self.install || env::var_os("CI").is_some_and(|ci| ci == "true") {
            Tools::install(self.architectures(), &linker).await?;
        }
        Tools::find(self.architectures(), linker)
    }

    fn architectures(&self) -> &[Architecture] {
        if self.arch.is_empty() { &Architecture::ALL } else { &self.arch }
    }

    /// Builds everything, unless there are no tools, and packs it.
    fn make(&self, tools: Option<&Tools>, target: &Path, files: &Files) -> Result<Vec<Sizes>, Error> {
        let mut sizes = Vec::new();
        let mut binaries = Vec::new();
        if let Some(tools) = tools {
            for (architecture, compiler) in self.architectures().iter().zip(&tools.compilers) {
                let built = build::build(*architecture, compiler, &tools.linker, target)?;
                tools.strip.strip(&built, &files.binary(*architecture))?;
            }
        }
        for architecture in self.architectures() {
            let binary = files::read(&files.binary(*architecture))?;
            sizes.push(pack(*architecture, &binary, files)?);
            binaries.push((*architecture, binary));
        }
        if self.arch.is_empty() {
            let image = image::pack(&binaries).map_err(Error::io("pack the image"))?;
            files::write(&files.image(), &image)?;
            println!("{}", files.image().display());
        }
        Ok(sizes)
    }

    /// Packs what was built once more, and compares it with the files.
    fn pack_again(&self, files: &Files) -> Result<(), Error> {
        let mut wrong = Vec::new();
        for architecture in self.architectures() {
            let binary = files::read(&files.binary(*architecture))?;
            let again = archive::pack(&binary).map_err(Error::io("pack a layer"))?;
            if again != files::read(&files.zip(*architecture))? {
                wrong.push(format!("a second packing for {architecture} has other bytes"));
            }
        }
        differences(wrong)
    }

    fn compare(&self, first: &Files, second: &Files) -> Result<(), Error> {
        let mut wrong = Vec::new();
        for architecture in self.architectures() {
            if files::read(&first.zip(*architecture))? == files::read(&second.zip(*architecture))? {
                println!("{architecture}: a second build, in another folder, has the same bytes");
            } else {
                wrong.push(format!("a second build for {architecture} has other bytes"));
            }
        }
        differences(wrong)
    }
}

fn differences(wrong: Vec<String>) -> Result<(), Error> {
    if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong { run: "the layers", wrong, log: None }) }
}

/// Writes the zip, its checksum and its bill of materials.
fn pack(architecture: Architecture, binary: &[u8], files: &Files) -> Result<Sizes, Error> {
    if let Some(what) = elf::unfit(binary, architecture) {
        return Err(Error::unfit(&files.binary(architecture), what));
    }
    let name = files::zip(architecture);
    let zip = archive::pack(binary).map_err(Error::io(format!("pack {name}")))?;
    files::write(&files.zip(architecture), &zip)?;
    files::write(&files.checksum(architecture), archive::checksum(&zip, &name).as_bytes())?;
    files::write(&files.bill(architecture), sbom::write(architecture)?.as_bytes())?;
    println!("{}", files.zip(architecture).display());
    Ok(Sizes { architecture, binary: binary.len(), zip: zip.len() })
}
