//! The way to the remote.

use super::credentials::Secret;
use super::reader::Reader;
use super::variable::{self as var, Variable};

/// Proxies, as they were set: an address may hold a password, so each is a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyConfig {
    /// For remotes with `https`.
    pub https: Option<Secret>,
    /// For remotes with `http`.
    pub http: Option<Secret>,
    /// Hosts, domains and networks that are reached directly, with commas between them.
    pub no_proxy: Option<String>,
}

// === impl ProxyConfig ===

impl ProxyConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            https: either_case(reader, &var::HTTPS_PROXY).map(Secret::new),
            http: either_case(reader, &var::HTTP_PROXY).map(Secret::new),
            no_proxy: either_case(reader, &var::NO_PROXY),
        }
    }
}

/// These names are in use in both cases; capitals win, as in Go.
fn either_case(reader: &mut Reader<'_>, variable: &'static Variable) -> Option<String> {
    reader
        .text(variable)
        .or_else(|| reader.text_as(variable, &variable.name.to_ascii_lowercase()))
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}
