//! The two HTTP interfaces, on one loopback port.

mod answer;
mod credentials;
mod extensions;
mod runtime;
mod telemetry;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use crate::engine::Shared;

/// The routes of the Runtime API, the Extensions API and the Telemetry API.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(runtime::next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(runtime::response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(runtime::error))
        .route("/2018-06-01/runtime/restore/next", get(runtime::restore_next))
        .route("/2018-06-01/runtime/restore/error", post(runtime::restore_error))
        .route("/2021-04-23/credentials", get(credentials::credentials))
        .route("/2018-06-01/runtime/init/error", post(runtime::init_error))
        .route("/2020-01-01/extension/register", post(extensions::register))
        .route("/2020-01-01/extension/event/next", get(extensions::next))
        .route("/2020-01-01/extension/init/error", post(extensions::init_error))
        .route("/2020-01-01/extension/exit/error", post(extensions::exit_error))
        .route("/2022-07-01/telemetry", put(telemetry::subscribe))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}
