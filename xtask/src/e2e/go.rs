//! Go: the runtime client and the SDK, through the module proxy, in one static program.

use std::path::Path;

use super::subject::{Format, LABELS, Subject};
use crate::environment::Function;
use crate::error::Error;
use crate::expected::Expected;
use crate::step::Step;
use crate::workshop::Workshop;

const HINT: &str = "install Go 1.21 or later, which gets the version that go.mod names: https://go.dev/dl";

/// Builds it; Go's own cache knows whether there is anything to do.
pub(super) async fn prepare(e2e: &Path) -> Result<Subject, Error> {
    let workshop = Workshop::open(e2e, "go", &["go.mod", "go.sum", "main.go"])?;
    let build = Step::new("go", &["build", "-mod=readonly", "-buildvcs=false", "-o", "bootstrap", "."], HINT)
        .variable("CGO_ENABLED", "0");
    workshop.run(build).await?;
    Ok(Subject {
        function: Function::program(workshop.folder.join("bootstrap")),
        expected: Expected {
            app: "orders/go",
            labels: LABELS,
            sample_type: "cpu",
            work: ["main.priceBasket", "main.renderReceipt", "main.checkStock"],
        },
        format: Format::Decoded,
    })
}
