//! The SDK for Rust: the sample function, in a Lambda environment.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::server;
use crate::cargo::SAMPLE_FUNCTION;
use crate::demo::{ORDER_SERVICE, wrong_with};
use crate::environment::Environment;
use crate::error::Error;

/// Runs the function under the extension and says what arrived.
pub(super) async fn run(extension: &Path, e2e: &Path, busy: Duration) -> Result<String, Error> {
    let folder = e2e.join("rust");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let function = SAMPLE_FUNCTION.build()?;
    let remote = server::start().await?;
    let environment = Environment {
        extension,
        function: &function,
        variables: server::variables(&remote),
        busy,
        folder: &folder,
    };
    let life = environment.live().await?;
    let mut wrong = wrong_with(&life);
    wrong.extend(ORDER_SERVICE.wrong(&remote.arrivals()));
    server::passed(&remote, "the sample function", wrong, life.log)
}
