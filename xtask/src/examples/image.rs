//! A Python function that is a container image; and the image that it takes the extension from.

use std::path::Path;

use super::{Place, ROOT};
use crate::error::Error;

pub(super) async fn check(place: &Place) -> Result<(), Error> {
    let workshop = place.workshop("image", &["Dockerfile", "orders.py", "requirements.txt"])?;
    workshop.run(place.tools.python("orders.py")).await?;
    workshop.run(place.tools.hadolint().arg("Dockerfile")).await?;
    workshop.run(place.tools.hadolint().arg(Path::new(ROOT).join("Dockerfile"))).await
}
