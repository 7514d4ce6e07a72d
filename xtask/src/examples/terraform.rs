//! A Go function by Terraform.

use super::tools::GO;
use super::{Place, hcl, outcome, template};
use crate::error::Error;
use crate::step::Step;

const CONFIGURATION: [&str; 2] = ["main.tf", "variables.tf"];

/// The linter of Terraform's own needs the provider, which its registry alone has: the references are looked at here.
pub(super) async fn check(place: &Place) -> Result<(), Error> {
    let function = ["function/go.mod", "function/go.sum", "function/main.go"];
    let workshop = place.workshop("terraform", &[&CONFIGURATION[..], &function[..]].concat())?;
    let mut files = Vec::new();
    for file in CONFIGURATION {
        let json = format!("{file}.json");
        workshop.run(place.tools.hcl_to_json(file, &json)).await?;
        files.push(template::read(&workshop.folder.join(json))?);
    }
    outcome(hcl::wrong(&files))?;
    let go = ["build", "-C", "function", "-mod=readonly", "-buildvcs=false", "-o", "../build/bootstrap", "."];
    let build = Step::new("go", &go, GO).variable("CGO_ENABLED", "0");
    workshop.run(build.variable("GOOS", "linux").variable("GOARCH", "arm64")).await
}
