//! Python: the runtime client and the SDK, from the Python Package Index, in a virtual environment.

use std::path::Path;

use super::subject::{Format, LABELS, Subject};
use crate::environment::Function;
use crate::error::Error;
use crate::expected::Expected;
use crate::workshop::Workshop;

const HINT: &str = "install Python 3.10 or later with venv (Debian: python3-venv)";

/// Installs what is pinned, where it isn't yet.
pub(super) async fn prepare(e2e: &Path) -> Result<Subject, Error> {
    let workshop = Workshop::open(e2e, "python", &["orders.py", "requirements.txt"])?;
    let interpreter = workshop.virtual_environment(HINT).await?;
    Ok(Subject {
        function: Function {
            bootstrap: interpreter,
            args: ["-m", "awslambdaric", "orders.take_order"].map(Into::into).into(),
            task_root: Some(workshop.folder),
            handler: Some("orders.take_order"),
        },
        expected: Expected {
            app: "orders/python",
            labels: LABELS,
            sample_type: "cpu",
            work: ["price_basket", "render_receipt", "check_stock"],
        },
        format: Format::Decoded,
    })
}
