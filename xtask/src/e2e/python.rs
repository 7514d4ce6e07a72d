//! The SDK for Python, in a virtual environment of its own.

use std::fs;
use std::path::Path;

use super::script::{SOURCES, Script, install};
use crate::error::Error;
use crate::expected::Expected;

const HINT: &str = "install Python 3.10 or later with venv (Debian: python3-venv)";

/// Installs the pinned SDK, where it isn't yet.
pub(super) async fn prepare(e2e: &Path) -> Result<Script, Error> {
    let sources = Path::new(SOURCES).join("python");
    let folder = e2e.join("python");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let venv = folder.join("venv");
    let interpreter = venv.join("bin/python");

    let requirements = sources.join("requirements.txt");
    let wanted = fs::read(&requirements).map_err(Error::io(format!("read {}", requirements.display())))?;
    let installed = venv.join("requirements.txt");
    if fs::read(&installed).ok().as_ref() != Some(&wanted) {
        let venv = venv.as_os_str();
        install("python3", &["-m".as_ref(), "venv".as_ref(), "--clear".as_ref(), venv], &folder, HINT)
            .await?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        let mut pip: Vec<&std::ffi::OsStr> = pip.iter().map(AsRef::as_ref).collect();
        pip.push(requirements.as_os_str());
        install(&interpreter, &pip, &folder, HINT).await?;
        fs::write(&installed, wanted).map_err(Error::io(format!("write {}", installed.display())))?;
    }
    Ok(Script {
        name: "the script under the SDK for Python",
        interpreter,
        program: sources.join("orders.py"),
        expected: Expected {
            app: "orders/python",
            labels: &[("region", "local"), ("team", "checkout")],
            sample_type: "cpu",
            work: ["price_basket", "render_receipt", "check_stock"],
        },
        folder,
    })
}
