//! The SDK for Node.js, installed from a lock file into a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

use super::script::{SOURCES, Script, install};
use crate::error::Error;
use crate::expected::Expected;

const HINT: &str = "install Node.js 20 or later with npm";

/// The program, its manifest, its lock file.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "orders.js"];

/// Installs the pinned SDK, where it isn't yet.
pub(super) async fn prepare(e2e: &Path) -> Result<Script, Error> {
    let sources = Path::new(SOURCES).join("nodejs");
    let folder = e2e.join("nodejs");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    // Beside the program is where Node.js looks for what it imports; the checkout stays as it is.
    for file in FILES {
        let (from, to) = (sources.join(file), folder.join(file));
        fs::copy(&from, &to).map_err(Error::io(format!("copy {}", from.display())))?;
    }
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).map_err(Error::io(format!("read {}", lock.display())))?;
    let installed = folder.join("node_modules/installed-lock.json");
    if fs::read(&installed).ok().as_ref() != Some(&wanted) {
        install("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"], &folder, HINT).await?;
        fs::write(&installed, wanted).map_err(Error::io(format!("write {}", installed.display())))?;
    }
    Ok(Script {
        name: "the script under the SDK for Node.js",
        interpreter: PathBuf::from("node"),
        program: folder.join("orders.js"),
        expected: Expected {
            app: "orders/nodejs",
            labels: &[("region", "local"), ("team", "checkout")],
            sample_type: "cpu",
            work: ["priceBasket", "renderReceipt", "checkStock"],
        },
        folder,
    })
}
