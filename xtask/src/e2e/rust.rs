//! Rust: the sample function of the demo.

use std::fs;
use std::path::Path;

use super::subject::{Format, Subject};
use crate::cargo::SAMPLE_FUNCTION;
use crate::demo::ORDER_SERVICE;
use crate::environment::Function;
use crate::error::Error;

/// Builds it.
pub(super) fn prepare(e2e: &Path) -> Result<Subject, Error> {
    let folder = e2e.join("rust");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    Ok(Subject {
        function: Function::program(SAMPLE_FUNCTION.build()?),
        expected: ORDER_SERVICE,
        format: Format::Decoded,
    })
}
