//! A Node.js function by AWS CDK.

use super::tools::{self, NODE};
use super::{LAYER, Place, outcome, template};
use crate::error::Error;
use crate::step::Step;

const FILES: [&str; 7] = [
    "app.ts",
    "cdk.json",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "function/orders.mjs",
    "function/package.json",
];

const TEMPLATE: &str = "cdk.out/Orders.template.json";

pub(super) async fn check(place: &Place) -> Result<(), Error> {
    let workshop = place.workshop("cdk", &FILES)?;
    workshop.install_once("package-lock.json", vec![tools::npm_ci()]).await?;
    workshop.run(Step::new("node", &["--check", "function/orders.mjs"], NODE)).await?;
    workshop.run(Step::new(workshop.folder.join("node_modules/.bin/tsc"), &[], NODE)).await?;
    let synth = ["synth", "--quiet", "--no-notices", "--no-version-reporting", "--context", LAYER];
    workshop.run(Step::new(workshop.folder.join("node_modules/.bin/cdk"), &synth, NODE)).await?;
    // CDK says twice what depends on what.
    workshop.run(place.tools.cfn_lint(TEMPLATE).arg("--ignore-checks").arg("W3005")).await?;
    outcome(template::wrong(&template::read(&workshop.folder.join(TEMPLATE))?))
}
