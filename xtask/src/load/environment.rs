//! An environment around the load.

use std::path::Path;

use lambda_sandbox::{Builder, Sandbox};

use super::{COMMAND, LEDGER, RELAY};
use crate::error::Error;

/// A sandbox in which the load posts to the extension on `port`, and writes down in `ledger` what it was answered.
pub(crate) fn around(extension: &Path, port: u16, ledger: &Path) -> Result<Builder, Error> {
    Ok(without_extension(port, ledger)?.extension(extension))
}

/// The same, with nobody on `port` as yet.
pub(crate) fn without_extension(port: u16, ledger: &Path) -> Result<Builder, Error> {
    let program = std::env::current_exe().map_err(Error::io("find this program's own file"))?;
    Ok(Sandbox::builder(program)
        .arg(COMMAND)
        .runtime_env(RELAY, format!("127.0.0.1:{port}"))
        .runtime_env(LEDGER, ledger)
        .extension_env("PYROSCOPE_PORT", port.to_string()))
}
