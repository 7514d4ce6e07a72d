//! Proxies: `HTTPS_PROXY`, `HTTP_PROXY`, and what is reached without them.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use http::HeaderValue;

use super::no_proxy::NoProxy;
use super::reader::Reader;
use super::remote::{RemoteAddress, RemoteAddressFault, Scheme, without_secrets};
use super::variable as var;

/// Which servers are reached through which proxy, after the rules of Go's `golang.org/x/net/http/httpproxy`.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Result<Proxy, BadProxy>>,
    https: Option<Result<Proxy, BadProxy>>,
    except: NoProxy,
}

/// An HTTP proxy. Neither `Debug` nor `Display` shows its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    address: RemoteAddress,
    variable: &'static str,
}

/// A proxy that can't be used. Nothing is sent past it: it may be there so that nothing goes out without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{variable}={value:?}: {fault}; nothing is sent to {server}, since nothing may be meant to go past the proxy \
     (write http://proxy.example.com:3128, or name the server in NO_PROXY)"
)]
pub struct BadProxy {
    /// The variable's name, as it was found.
    pub variable: &'static str,
    /// Its value, without user and password.
    pub value: String,
    /// What is wrong with it.
    pub fault: RemoteAddressFault,
    /// What can't be reached therefore.
    server: String,
}

// === impl Proxies ===

impl Proxies {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let except = either(reader, [var::NO_PROXY.name, "no_proxy"]);
        let except = except.and_then(|(name, _)| reader.text_as(&var::NO_PROXY, name));
        Self {
            http: Proxy::read(reader, [var::HTTP_PROXY.name, "http_proxy"]),
            https: Proxy::read(reader, [var::HTTPS_PROXY.name, "https_proxy"]),
            except: except.as_deref().map(NoProxy::parse).unwrap_or_default(),
        }
    }

    /// The proxy for the server at `address`; none where it is to be reached directly.
    ///
    /// This machine and its link are never reached through a proxy, whatever is set.
    ///
    /// # Errors
    /// Where the proxy can't be used.
    pub fn proxy_for(&self, address: &RemoteAddress) -> Result<Option<&Proxy>, BadProxy> {
        let proxy = match address.scheme() {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        let Some(proxy) = proxy else { return Ok(None) };
        if is_near(address.host()) || self.except.matches(address.host(), address.port()) {
            return Ok(None);
        }
        match proxy {
            Ok(proxy) => Ok(Some(proxy)),
            Err(bad) => Err(BadProxy { server: address.authority().to_owned(), ..bad.clone() }),
        }
    }
}

/// Whether `host` is this machine or on its link, where Lambda has its own services.
fn is_near(host: &str) -> bool {
    host == "localhost"
        || host.parse().is_ok_and(|address: IpAddr| match address.to_canonical() {
            IpAddr::V4(address) => address.is_loopback() || address.is_link_local(),
            IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
        })
}

/// The first of the names under which a variable is set, and its value.
fn either(reader: &Reader<'_>, names: [&'static str; 2]) -> Option<(&'static str, OsString)> {
    names.into_iter().find_map(|name| Some((name, reader.raw(name)?)))
}

// === impl Proxy ===

impl Proxy {
    fn read(reader: &Reader<'_>, names: [&'static str; 2]) -> Option<Result<Self, BadProxy>> {
        let (variable, value) = either(reader, names)?;
        let shown = value.to_string_lossy();
        let bad = |fault| {
            let value = without_secrets(shown.trim());
            BadProxy { variable, value, fault, server: String::new() }
        };
        let address = value.to_str().ok_or(RemoteAddressFault::NotUtf8).and_then(parse);
        Some(address.map(|address| Self { address, variable }).map_err(bad))
    }

    /// Where it is, and whether it is spoken to over TLS.
    #[must_use]
    pub const fn address(&self) -> &RemoteAddress {
        &self.address
    }

    /// The value of `Proxy-Authorization`, where its address has a user.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        self.address.userinfo()?.authorization()
    }

    /// The variable that names it.
    #[must_use]
    pub const fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for Proxy {
    /// The proxy as a log line names it: without user and password, with its variable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{} ({})", self.address.scheme(), self.address.authority(), self.variable)
    }
}

/// An address like a remote's, but without a scheme it is one over HTTP, and its path means nothing.
fn parse(text: &str) -> Result<RemoteAddress, RemoteAddressFault> {
    let text = text.trim();
    if text.contains("://") {
        RemoteAddress::parse_parts(text)
    } else {
        RemoteAddress::parse_parts(&format!("http://{text}"))
    }
}
