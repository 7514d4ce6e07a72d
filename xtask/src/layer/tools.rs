//! What builds a layer: found on this machine, or installed.

use super::architecture::Architecture;
use super::compiler::{self, Compiler};
use super::linker::Linker;
use super::strip::{self, Strip};
use crate::error::Error;
use crate::step::Step;

/// What builds layers.
#[derive(Debug)]
pub(super) struct Tools {
    /// In the order of the architectures.
    pub(super) compilers: Vec<Compiler>,
    pub(super) linker: Linker,
    pub(super) strip: Strip,
}

// === impl Tools ===

impl Tools {
    /// Those of this machine; where one is missing, the commands that get it.
    pub(super) fn find(architectures: &[Architecture], linker: Linker) -> Result<Self, Error> {
        let mut missing: Vec<String> = shown(&linker.0.missing());
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
    pub(super) async fn install(architectures: &[Architecture], linker: &Linker) -> Result<(), Error> {
        linker.0.install().await?;
        for architecture in architectures {
            if Compiler::find(*architecture).is_none() {
                Compiler::install(*architecture).await?;
            }
        }
        if Strip::find().is_none() {
            for step in strip::with_debian() {
                step.run().await?;
            }
        }
        Ok(())
    }
}

fn shown(steps: &[Step]) -> Vec<String> {
    steps.iter().map(ToString::to_string).collect()
}
