//! Which way to a server: pure.

use std::sync::Arc;

use http::header::PROXY_AUTHORIZATION;
use http::uri::{self, Authority, PathAndQuery};
use http::{HeaderValue, Request, Uri};

use crate::config::{Proxy, RemoteAddress, Scheme};

/// The way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// No proxy.
    Direct,
    /// Through a proxy that sees nothing but bytes: for TLS, which is between the server and us (RFC 9110, section 9.3.6).
    Tunnel(Box<Proxy>),
    /// Through a proxy that reads each request and makes it in our place (RFC 9112, section 3.2.2).
    Forward(Arc<Forwarding>),
}

/// What a request has on it for a proxy that forwards it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forwarding {
    proxy: Proxy,
    /// The server's.
    authority: Option<Authority>,
    authorization: Option<HeaderValue>,
}

// === impl Route ===

impl Route {
    /// The way to the server at `address` where `proxy`, if any, is to be used for it.
    pub(super) fn choose(address: &RemoteAddress, proxy: Option<&Proxy>) -> Self {
        match (proxy, address.scheme()) {
            (None, _) => Self::Direct,
            (Some(proxy), Scheme::Https) => Self::Tunnel(Box::new(proxy.clone())),
            (Some(proxy), Scheme::Http) => Self::Forward(Arc::new(Forwarding {
                proxy: proxy.clone(),
                authority: Authority::try_from(address.authority()).ok(),
                authorization: proxy.authorization(),
            })),
        }
    }

    pub(super) fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Direct => None,
            Self::Tunnel(proxy) => Some(proxy),
            Self::Forward(forwarding) => Some(&forwarding.proxy),
        }
    }

    pub(super) fn forwarding(&self) -> Option<&Arc<Forwarding>> {
        match self {
            Self::Direct | Self::Tunnel(_) => None,
            Self::Forward(forwarding) => Some(forwarding),
        }
    }
}

// === impl Forwarding ===

impl Forwarding {
    pub(super) const fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Makes a request for the server one for the proxy: with the whole URL, and with the proxy's credentials.
    pub(super) fn address<B>(&self, request: &mut Request<B>) {
        let path = request.uri().path_and_query().cloned();
        let mut parts = uri::Parts::default();
        parts.scheme = Some(uri::Scheme::HTTP);
        parts.authority.clone_from(&self.authority);
        parts.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
        if let Ok(whole) = Uri::from_parts(parts) {
            *request.uri_mut() = whole;
        }
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Proxies};

    fn proxies(set: &[(&str, &str)]) -> Proxies {
        let value = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
        Config::from_env(value).0.network.proxies
    }

    fn route(address: &str, set: &[(&str, &str)]) -> Route {
        let address = RemoteAddress::parse(address).unwrap();
        Route::choose(&address, proxies(set).proxy_for(&address).unwrap())
    }

    #[test]
    fn tls_goes_through_a_tunnel_plain_http_is_forwarded_and_what_needs_no_proxy_goes_directly() {
        let both = [("HTTPS_PROXY", "http://secure:1"), ("HTTP_PROXY", "plain:2")];
        let except = [both[0], both[1], ("NO_PROXY", "example.com")];
        for (address, set, expected) in [
            ("https://example.com", &both[..], "tunnel http://secure:1 (HTTPS_PROXY)"),
            ("http://example.com", &both, "forward http://plain:2 (HTTP_PROXY)"),
            ("https://example.com", &both[1..], "direct"),
            ("http://example.com", &both[..1], "direct"),
            ("https://example.com", &[], "direct"),
            ("https://example.com", &except, "direct"),
            ("https://localhost", &both, "direct"),
            ("http://169.254.169.254", &both, "direct"),
        ] {
            let shown = match route(address, set) {
                Route::Direct => "direct".to_owned(),
                Route::Tunnel(proxy) => format!("tunnel {proxy}"),
                Route::Forward(forwarding) => format!("forward {}", forwarding.proxy),
            };
            assert_eq!(shown, expected, "{address} with {set:?}");
        }
    }

    #[test]
    fn a_request_that_is_forwarded_names_the_server_and_shows_the_credentials_of_the_proxy() {
        for (address, proxy, target, authorization) in [
            (
                "http://h:4040/base",
                "http://u:p%40ss@proxy:1",
                "http://h:4040/ingest?name=a",
                "Basic dTpwQHNz",
            ),
            ("http://h", "proxy:1", "http://h/ingest?name=a", ""),
            ("http://[fd00::1]:80", "proxy:1", "http://[fd00::1]/ingest?name=a", ""),
        ] {
            let Route::Forward(forwarding) = route(address, &[("HTTP_PROXY", proxy)]) else {
                panic!("{address} is not forwarded");
            };
            let mut request = Request::get("/ingest?name=a").body(()).unwrap();
            forwarding.address(&mut request);
            assert_eq!(request.uri().to_string(), target);
            let sent = request.headers().get(PROXY_AUTHORIZATION).map_or("", |value| value.to_str().unwrap());
            assert_eq!(sent, authorization);
        }
    }
}
