//! What is set and what that means.

use http::header::AUTHORIZATION;

use super::Settings;
use super::step::{Finding, Step};
use crate::config::{Authentication, Config, Credentials, FlushStrategy};

/// How requests are authenticated where they are not.
pub(super) const NO_CREDENTIALS: &str = "none";

/// What the settings mean, as pairs of a word and what is to be said about it.
pub(super) fn meaning(config: &Config) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Ok(address) = &config.remote {
        lines.push(("profiles go to", address.to_string()));
    }
    lines.push(("credentials", authentication(config).to_owned()));
    // A tenant is a name, not a secret, but headers are.
    let tenant = config.tenant_id.as_ref().and_then(|tenant| tenant.to_str().ok());
    lines.push(("tenant", tenant.unwrap_or("none").to_owned()));
    lines.push(("uploads", format!("{} at once, {:?} each", config.workers, config.timeout)));
    let wait = match (config.flush.strategy, config.flush.budget) {
        (FlushStrategy::Background, _) => "never".to_owned(),
        (FlushStrategy::Invoke, _) => "at each invocation, up to its deadline".to_owned(),
        (FlushStrategy::Auto, budget) => format!("at each invocation, {budget:?} at most"),
        (FlushStrategy::End, budget) => format!("after each answer, {budget:?} at most"),
    };
    lines.push(("waits for them", wait));
    lines.push(("memory", format!("{} KiB of profiles", config.queue_bytes / 1024)));
    let spool = config.spool_dir.as_ref().map_or("nowhere".to_owned(), |dir| dir.display().to_string());
    lines.push(("left at the end", spool));
    lines.push(("profilers send to", format!("http://localhost:{}", config.port)));
    lines
}

/// Whether they can be used at all.
pub(super) fn step(Settings { config, warnings, .. }: &Settings) -> Step {
    let finding = match (&config.remote, warnings.len()) {
        (Err(error), _) => Finding::Failed { found: error.to_string(), said: None, cure: None },
        (Ok(_), 0) => Finding::Fine("all can be used".to_owned()),
        (Ok(_), 1) => Finding::Doubtful("one warning, above".to_owned()),
        (Ok(_), more) => Finding::Doubtful(format!("{more} warnings, above")),
    };
    Step::derived(Step::SETTINGS, finding)
}

/// How requests are authenticated.
pub(super) fn authentication(config: &Config) -> &'static str {
    if config.headers.contains_key(AUTHORIZATION) {
        return "those in PYROSCOPE_HTTP_HEADERS";
    }
    match config.credentials {
        Credentials::None => NO_CREDENTIALS,
        Credentials::Unusable => "what is set can't be used",
        Credentials::Secret(Authentication::Bearer, _) => "a bearer token",
        Credentials::Secret(Authentication::Basic { .. }, _) => "user and password",
    }
}
