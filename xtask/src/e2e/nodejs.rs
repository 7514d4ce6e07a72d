//! Node.js: the runtime client, part of it in C++ and built here, and the SDK, from npm's registry and a lock file.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::subject::{Format, LABELS, Subject};
use crate::environment::Function;
use crate::error::Error;
use crate::expected::Expected;
use crate::step::Step;
use crate::workshop::Workshop;

const HINT: &str = "install Node.js 18 or later with npm; its runtime client needs a C++ compiler, make, cmake, autoconf, \
                    automake, libtool and python3, too (Debian: libnode-dev, where node is Debian's)";

/// Installs what is pinned, where it isn't yet.
pub(super) async fn prepare(e2e: &Path) -> Result<Subject, Error> {
    let workshop = Workshop::open(e2e, "nodejs", &["package.json", "package-lock.json", "orders.mjs"])?;
    let mut ci = Step::new("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"], HINT);
    if let Some(headers) = headers().await {
        ci = ci.variable("npm_config_nodedir", headers);
    }
    workshop.install_once("package-lock.json", vec![ci]).await?;
    let client = workshop.folder.join("node_modules/aws-lambda-ric/bin/index.mjs");
    Ok(Subject {
        function: Function {
            bootstrap: "node".into(),
            args: vec![client.into(), "orders.takeOrder".into()],
            task_root: Some(workshop.folder),
            handler: Some("orders.takeOrder"),
        },
        expected: Expected {
            app: "orders/nodejs",
            labels: LABELS,
            sample_type: "cpu",
            work: ["priceBasket", "renderReceipt", "checkStock"],
        },
        format: Format::Decoded,
    })
}

/// Where this machine has the headers of its Node.js, which are downloaded otherwise.
async fn headers() -> Option<PathBuf> {
    let output = Command::new("node").args(["--print", "process.execPath"]).output().await.ok()?;
    let node = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let prefix = node.parent()?.parent()?;
    prefix.join("include/node/node_version.h").exists().then(|| prefix.to_owned())
}
