//! Where profiles go: `PYROSCOPE_REMOTE_ADDRESS`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::uri::{Authority, PathAndQuery};

use super::credentials::Credentials;
use super::reader::Reader;
use super::variable::{self as var};
use crate::secret::Secret;

/// A Pyroscope server: scheme, host, port and base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteAddress {
    scheme: Scheme,
    host: String,
    port: u16,
    authority: String,
    base_path: String,
    userinfo: Option<Credentials>,
}

/// How to talk to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// An address that can't be used. Nothing is sent: the default address would be a stranger's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PYROSCOPE_REMOTE_ADDRESS={address:?}: {fault}; no profiles are sent ({advice})")]
pub struct RemoteAddressError {
    /// The address, without user, password and query.
    pub address: String,
    /// What is wrong with it.
    pub fault: RemoteAddressFault,
    /// What to write.
    advice: String,
}

/// What is wrong with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's message says what it is")]
pub enum RemoteAddressFault {
    #[error("not UTF-8")]
    NotUtf8,
    #[error("no scheme")]
    NoScheme,
    #[error("neither http nor https")]
    OtherScheme,
    #[error("no host")]
    NoHost,
    #[error("not a host")]
    BadHost,
    #[error("not a port")]
    BadPort,
    #[error("not a path")]
    BadPath,
    #[error("must not have a query or a fragment")]
    QueryOrFragment,
    #[error("the extension itself takes profiles there")]
    Itself,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<RemoteAddress, RemoteAddressError> {
    match reader.raw(var::REMOTE_ADDRESS.name).map(std::ffi::OsString::into_string) {
        None => RemoteAddress::parse(var::REMOTE_ADDRESS.unset.text()),
        Some(Ok(text)) => RemoteAddress::parse(&text),
        Some(Err(value)) => {
            Err(RemoteAddressError::new(&value.to_string_lossy(), RemoteAddressFault::NotUtf8))
        }
    }
}

// === impl RemoteAddress ===

impl RemoteAddress {
    /// Reads `scheme://[user[:password]@]host[:port][/base/path]`. White space around it and slashes at its end
    /// are left out.
    ///
    /// # Errors
    /// For anything else, such as an address without a scheme.
    pub fn parse(text: &str) -> Result<Self, RemoteAddressError> {
        let text = text.trim();
        Self::parse_parts(text).map_err(|fault| RemoteAddressError::new(text, fault))
    }

    pub(super) fn parse_parts(text: &str) -> Result<Self, RemoteAddressFault> {
        let (scheme, rest) = text.split_once("://").ok_or(RemoteAddressFault::NoScheme)?;
        let scheme = Scheme::parse(scheme)?;
        if rest.contains(['?', '#']) {
            return Err(RemoteAddressFault::QueryOrFragment);
        }
        let (authority, path) =
            rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
        let (userinfo, host_and_port) = match authority.rsplit_once('@') {
            Some((userinfo, rest)) => (Some(credentials(userinfo)), rest),
            None => (None, authority),
        };
        let (host, port) = split_port(host_and_port)?;
        let host = checked_host(host)?;
        let port = port.unwrap_or(scheme.default_port());
        let base_path = path.trim_end_matches('/');
        let plain = base_path.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || (!base_path.is_empty() && PathAndQuery::try_from(base_path).is_err()) {
            return Err(RemoteAddressFault::BadPath);
        }
        let mut shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        if port != scheme.default_port() {
            shown = format!("{shown}:{port}");
        }
        Ok(Self { scheme, host, port, authority: shown, base_path: base_path.to_owned(), userinfo })
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host to connect to and to find in a certificate: a name or an address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, which is the scheme's own where none was written.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header: brackets around an IPv6 address, the port only where it isn't the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What comes before the path of each request: empty, or `/some/path` without a slash at its end.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Refuses the address under which the extension itself takes profiles: each of them would come back for ever.
    pub(super) fn unless_own(self, port: u16) -> Result<Self, RemoteAddressError> {
        let is_own = |address: IpAddr| {
            address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST || address.is_unspecified()
        };
        let own_host = self.host == "localhost" || self.host.parse().is_ok_and(is_own);
        if own_host && self.port == port {
            return Err(RemoteAddressError::new(&self.to_string(), RemoteAddressFault::Itself));
        }
        Ok(self)
    }

    /// User and password in the address.
    pub(super) const fn userinfo(&self) -> Option<&Credentials> {
        self.userinfo.as_ref()
    }
}

impl fmt::Display for RemoteAddress {
    /// The address without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base_path)
    }
}

// === impl Scheme ===

impl Scheme {
    /// The port where none is written.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn parse(text: &str) -> Result<Self, RemoteAddressFault> {
        [Self::Http, Self::Https].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.as_str())).ok_or(
            if text.is_empty() { RemoteAddressFault::NoScheme } else { RemoteAddressFault::OtherScheme },
        )
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl RemoteAddressError ===

impl RemoteAddressError {
    fn new(text: &str, fault: RemoteAddressFault) -> Self {
        let address = without_secrets(text);
        let advice = if fault == RemoteAddressFault::NoScheme {
            let rest = address.trim_start_matches([':', '/']);
            format!("write http://{rest} or https://{rest}")
        } else {
            format!("write {}", var::REMOTE_ADDRESS.write)
        };
        Self { address, fault, advice }
    }
}

/// Hides what stands before an `@`, or behind a `?` or `#`: people put passwords there. Where it can't be told which of them
/// comes first, for a password may have any of them in it, nothing is shown but the scheme.
pub(super) fn without_secrets(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['@', '?', '#']) => (scheme, rest),
        _ => ("", text),
    };
    let shown = match rest.rsplit_once('@') {
        Some((before, _)) if before.contains(['?', '#']) => "…".to_owned(),
        Some((_, host)) => format!("…@{}", without_query(host)),
        None => without_query(rest),
    };
    let separator = if rest.len() < text.len() { "://" } else { "" };
    format!("{scheme}{separator}{shown}")
}

fn without_query(text: &str) -> String {
    text.split_once(['?', '#']).map_or_else(|| text.to_owned(), |(before, _)| format!("{before}?…"))
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), RemoteAddressFault> {
    let (host, port) = match text.rsplit_once(':') {
        // Within the brackets the last colon belongs to the address.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => return Ok((text, None)),
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if digits && port != 0 => Ok((host, Some(port))),
        _ => Err(RemoteAddressFault::BadPort),
    }
}

/// The host in lower case and without brackets.
fn checked_host(host: &str) -> Result<String, RemoteAddressFault> {
    if host.is_empty() {
        return Err(RemoteAddressFault::NoHost);
    }
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| RemoteAddressFault::BadHost)?;
        return Ok(address.to_string());
    }
    let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if named && Authority::try_from(host).is_ok() {
        Ok(host.to_ascii_lowercase())
    } else {
        Err(RemoteAddressFault::BadHost)
    }
}

fn credentials(userinfo: &str) -> Credentials {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    Credentials::basic(Secret::new(percent_decoded(user)), Secret::new(percent_decoded(password)))
}

/// Decodes `%41` to `A`; what is no such thing stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let decoded = behind.split_first_chunk().filter(|_| byte == b'%').and_then(
            |(digits, behind): (&[u8; 2], _)| {
                let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
                Some((u8::try_from(high? * 16 + low?).ok()?, behind))
            },
        );
        let taken;
        (taken, rest) = decoded.unwrap_or((byte, behind));
        bytes.push(taken);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
