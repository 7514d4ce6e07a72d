//! A Python function by AWS SAM.

use super::Place;
use crate::error::Error;

pub(super) async fn check(place: &Place) -> Result<(), Error> {
    let files = ["template.yaml", "function/orders.py", "function/requirements.txt"];
    let workshop = place.workshop("sam", &files)?;
    workshop.run(place.tools.cfn_lint("template.yaml")).await?;
    workshop.run(place.tools.python("function/orders.py")).await
}
