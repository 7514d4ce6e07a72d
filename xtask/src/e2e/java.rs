//! Java: the runtime client and the SDK, from Maven Central.

use std::path::Path;

use super::subject::{Format, LABELS, Subject};
use crate::environment::Function;
use crate::error::Error;
use crate::expected::Expected;
use crate::step::Step;
use crate::workshop::Workshop;

const HINT: &str = "install a JDK 17 or later and Maven (Debian: openjdk-17-jdk-headless, maven)";

const SOURCES: [&str; 2] = ["src/main/java/orders/Orders.java", "src/main/java/orders/Uploads.java"];

/// Compiles the function and puts what it needs beside it.
pub(super) async fn prepare(e2e: &Path) -> Result<Subject, Error> {
    let [orders, uploads] = SOURCES;
    let workshop = Workshop::open(e2e, "java", &["pom.xml", orders, uploads])?;
    // A repository of its own, so that nothing depends on what else was built on this machine.
    let maven = || {
        let goals = ["--quiet", "--batch-mode", "-Dmaven.repo.local=repository"];
        Step::new("mvn", &goals, HINT)
    };
    workshop.install_once("pom.xml", vec![maven().arg("dependency:copy-dependencies")]).await?;
    let compile =
        Step::new("javac", &["--release", "17", "-d", "classes", "-cp", "target/dependency/*"], HINT);
    workshop.run(compile.arg(orders).arg(uploads)).await?;
    let class_path = ["classes", "target/dependency/*"].map(|part| workshop.folder.join(part));
    let [classes, dependencies] = class_path.map(|part| part.display().to_string());
    let handler = "orders.Orders::handleRequest";
    let args = [
        // As on Lambda: a function lives too short for the better compiler to pay.
        "-XX:+TieredCompilation",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        &format!("{classes}:{dependencies}"),
        "com.amazonaws.services.lambda.runtime.api.client.AWSLambda",
        handler,
    ];
    Ok(Subject {
        function: Function {
            bootstrap: "java".into(),
            args: args.map(Into::into).into(),
            task_root: Some(workshop.folder),
            handler: Some(handler),
        },
        expected: Expected {
            app: "orders/java",
            labels: LABELS,
            sample_type: "samples",
            work: ["orders.Orders.priceBasket", "orders.Orders.renderReceipt", "orders.Orders.checkStock"],
        },
        format: Format::Jfr,
    })
}
