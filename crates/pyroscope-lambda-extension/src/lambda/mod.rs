//! The Lambda platform, as an external extension meets it: the Extensions API and what its events say.
//!
//! Follows AWS's "Lambda Extensions API" in the Lambda developer guide, API version 2020-01-01, and its "Lambda Telemetry
//! API", version 2022-07-01.

pub mod client;
pub mod deadline;
pub mod event;
pub mod telemetry;
