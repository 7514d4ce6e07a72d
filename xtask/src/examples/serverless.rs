//! A Java function by the Serverless Framework.

use super::tools::{self, NODE};
use super::{LAYER, Place, outcome, template};
use crate::error::Error;
use crate::step::Step;

const FILES: [&str; 6] = [
    "serverless.yml",
    "package.json",
    "package-lock.json",
    "pom.xml",
    "src/main/java/orders/Orders.java",
    "src/main/java/orders/Uploads.java",
];

const TEMPLATE: &str = ".serverless/cloudformation-template-update-stack.json";

const JAVA: &str = "install a JDK 17 or later and Maven (Debian: default-jdk-headless, maven)";

pub(super) async fn check(place: &Place) -> Result<(), Error> {
    let workshop = place.workshop("serverless", &FILES)?;
    workshop.install_once("package-lock.json", vec![tools::npm_ci()]).await?;
    // A repository of its own, so that nothing depends on what else was built on this machine.
    let package = ["--quiet", "--batch-mode", "-Dmaven.repo.local=repository", "package"];
    workshop.run(Step::new("mvn", &package, JAVA)).await?;
    // osls is the Serverless Framework 3, maintained; version 4 asks for an account.
    let package =
        Step::new(workshop.folder.join("node_modules/.bin/osls"), &["package", "--param", LAYER], NODE);
    workshop.run(package.variable("HOME", &workshop.folder)).await?;
    workshop.run(place.tools.cfn_lint(TEMPLATE)).await?;
    outcome(template::wrong(&template::read(&workshop.folder.join(TEMPLATE))?))
}
