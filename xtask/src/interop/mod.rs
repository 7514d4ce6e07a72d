//! `cargo xtask interop`: the extension with what it meets in the field, each the real thing.
//!
//! # Layout
//! - [`networks`]: proxies, and servers that demand a certificate
//! - [`secrets`]: an AWS that `moto` plays

mod networks;
mod secrets;

use clap::{Args, ValueEnum};

use crate::cargo::{Build, Workspace};
use crate::error::Error;

/// Run the extension with real proxies and servers around it
#[derive(Debug, Args)]
pub(crate) struct Interop {
    /// What to run it with [default: everything]
    #[arg(value_enum)]
    with: Vec<Counterpart>,
    #[command(flatten)]
    build: Build,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Counterpart {
    /// tinyproxy and squid with passwords; nginx with a private authority, and with client certificates
    Networks,
    /// Secrets Manager and the Parameter Store, as moto plays them, with signatures and permissions checked
    Secrets,
}

// === impl Interop ===

impl Interop {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let folder = Workspace::locate()?.target.join("interop");
        let with = if self.with.is_empty() { Counterpart::value_variants() } else { &self.with };
        for counterpart in with {
            match counterpart {
                Counterpart::Networks => networks::run(&self.build, &folder.join("networks")).await?,
                Counterpart::Secrets => secrets::run(&self.build, &folder).await?,
            }
        }
        Ok(())
    }
}
