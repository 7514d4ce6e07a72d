//! The remote that all SDKs' profiles are delivered to: it wants credentials and a tenant, and refuses what comes without.

use pyroscope_sink::{Credentials, Options, Sink};

use crate::error::Error;

const USER: &str = "orders";
const PASSWORD: &str = "not a secret: tests only";
const TENANT: &str = "checkout";

pub(super) async fn start() -> Result<Sink, Error> {
    let credentials = Credentials::Basic { user: USER.to_owned(), password: PASSWORD.to_owned() };
    let options = Options::default().credentials(credentials).tenant(TENANT);
    Sink::start(options).await.map_err(|source| Error::part("the server", &source))
}

/// What a user sets for the extension to deliver here.
pub(super) fn variables<'run>(remote: &Sink) -> Vec<(&'run str, String)> {
    vec![
        ("PYROSCOPE_REMOTE_ADDRESS", remote.url()),
        ("PYROSCOPE_BASIC_AUTH_USER", USER.to_owned()),
        ("PYROSCOPE_BASIC_AUTH_PASSWORD", PASSWORD.to_owned()),
        ("PYROSCOPE_TENANT_ID", TENANT.to_owned()),
    ]
}
