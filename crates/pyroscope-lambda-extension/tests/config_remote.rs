//! The remote's address is understood, or refused with advice; never guessed.

use std::ffi::OsString;

use http::HeaderValue;
use pyroscope_lambda_extension::config::{Config, Credentials, RemoteAddress, RemoteAddressFault, Scheme};

fn config(address: &str) -> Config {
    Config::from_env(|name| (name == "PYROSCOPE_REMOTE_ADDRESS").then(|| address.into())).0
}

#[test]
fn an_address_is_taken_apart() {
    use Scheme::{Http, Https};
    for (address, scheme, host, port, authority, base_path, shown) in [
        (
            "https://profiles.example.com",
            Https,
            "profiles.example.com",
            443,
            "profiles.example.com",
            "",
            "https://profiles.example.com",
        ),
        ("http://10.0.0.1:4040", Http, "10.0.0.1", 4040, "10.0.0.1:4040", "", "http://10.0.0.1:4040"),
        ("http://pyroscope", Http, "pyroscope", 80, "pyroscope", "", "http://pyroscope"),
        ("http://pyroscope:80/", Http, "pyroscope", 80, "pyroscope", "", "http://pyroscope"),
        ("https://pyroscope:80", Https, "pyroscope", 80, "pyroscope:80", "", "https://pyroscope:80"),
        (
            "HTTPS://Profiles.Example.COM:443",
            Https,
            "profiles.example.com",
            443,
            "profiles.example.com",
            "",
            "https://profiles.example.com",
        ),
        ("https://h/base/path/", Https, "h", 443, "h", "/base/path", "https://h/base/path"),
        ("https://h/Base//", Https, "h", 443, "h", "/Base", "https://h/Base"),
        ("https://h///", Https, "h", 443, "h", "", "https://h"),
        ("http://[::1]:4041/p", Http, "::1", 4041, "[::1]:4041", "/p", "http://[::1]:4041/p"),
        ("https://[2001:DB8::1]", Https, "2001:db8::1", 443, "[2001:db8::1]", "", "https://[2001:db8::1]"),
        (
            "http://my_service.local.",
            Http,
            "my_service.local.",
            80,
            "my_service.local.",
            "",
            "http://my_service.local.",
        ),
        ("http://h:/", Http, "h", 80, "h", "", "http://h"),
        (" \thttps://h:8443\n", Https, "h", 8443, "h:8443", "", "https://h:8443"),
        ("https://user:pass@h/x", Https, "h", 443, "h", "/x", "https://h/x"),
    ] {
        let remote = config(address).remote.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (remote.scheme(), remote.host(), remote.port(), remote.authority(), remote.base_path()),
            (scheme, host, port, authority, base_path),
            "{address:?}"
        );
        assert_eq!(remote.to_string(), shown);
    }
}

#[test]
fn an_address_that_cannot_be_used_is_an_error_and_never_the_default() {
    use RemoteAddressFault::{BadHost, BadPath, BadPort, NoHost, NoScheme, OtherScheme, QueryOrFragment};
    for (address, fault) in [
        ("10.0.0.1:4040", NoScheme),
        ("pyroscope:4040", NoScheme),
        ("profiles.example.com", NoScheme),
        ("localhost", NoScheme),
        ("//h", NoScheme),
        ("://h", NoScheme),
        ("http:/h", NoScheme),
        ("http:", NoScheme),
        ("   ", NoScheme),
        ("ftp://h", OtherScheme),
        ("grpc://h:4040", OtherScheme),
        ("https//h://x", OtherScheme),
        ("http://", NoHost),
        ("http:///path", NoHost),
        ("http://:4040", NoHost),
        ("http://user@", NoHost),
        ("http://a b", BadHost),
        ("http://a,b", BadHost),
        ("http://::1", BadHost),
        ("http://[::1", BadHost),
        ("http://[zz]", BadHost),
        ("http://[fe80::1%eth0]", BadHost),
        ("http://zürich", BadHost),
        ("http://h:0", BadPort),
        ("http://h:65536", BadPort),
        ("http://h:+80", BadPort),
        ("http://h:port", BadPort),
        ("http://h/a b", BadPath),
        ("http://h/?x=1", QueryOrFragment),
        ("http://h?x=1", QueryOrFragment),
        ("http://h/#top", QueryOrFragment),
    ] {
        let error = config(address).remote.expect_err(address);
        assert_eq!(error.fault, fault, "{error}");
    }
}

#[test]
fn an_error_says_what_to_write() {
    for (address, message) in [
        (
            "10.0.0.1:4040",
            "PYROSCOPE_REMOTE_ADDRESS=\"10.0.0.1:4040\": no scheme; no profiles are sent (write http://10.0.0.1:4040 or https://10.0.0.1:4040)",
        ),
        (
            "ftp://h",
            "PYROSCOPE_REMOTE_ADDRESS=\"ftp://h\": neither http nor https; no profiles are sent (write https://profiles.example.com or http://10.0.0.1:4040)",
        ),
    ] {
        assert_eq!(config(address).remote.unwrap_err().to_string(), message);
    }
}

#[test]
fn an_unset_or_empty_address_is_the_default() {
    for env in [None, Some("")] {
        let (config, warnings) = Config::from_env(|_| env.map(OsString::from));
        assert_eq!(warnings, []);
        assert_eq!(config.remote.unwrap().to_string(), "https://profiles-prod-001.grafana.net");
    }
}

#[cfg(unix)]
#[test]
fn an_address_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let (config, _) = Config::from_env(|name| {
        (name == "PYROSCOPE_REMOTE_ADDRESS").then(|| OsString::from_vec(b"http://\xff".to_vec()))
    });
    assert_eq!(config.remote.unwrap_err().fault, RemoteAddressFault::NotUtf8);
}

#[test]
fn user_and_password_of_the_address_are_used_where_no_others_are_set() {
    let authorization = |config: &Config| config.credentials.authorization();
    // As Go's client does: percent-decoded, and the password may be missing.
    assert_eq!(
        authorization(&config("https://me:p%40ss%zz@h")),
        Some(HeaderValue::from_static("Basic bWU6cEBzcyV6eg=="))
    );
    assert_eq!(authorization(&config("https://me@h")), Some(HeaderValue::from_static("Basic bWU6")));
    let (with_token, _) = Config::from_env(|name| match name {
        "PYROSCOPE_REMOTE_ADDRESS" => Some("https://me:pass@h".into()),
        "PYROSCOPE_AUTH_TOKEN" => Some("token".into()),
        _ => None,
    });
    assert_eq!(authorization(&with_token), Some(HeaderValue::from_static("Bearer token")));
    assert_eq!(config("https://h").credentials, Credentials::None);
}

#[test]
fn a_password_in_an_address_is_never_shown() {
    for address in [
        "https://me:hunter2@h/x",
        "me:hunter2@h:4040",
        "ftp://hunter2@h",
        "https://me:hun@ter2:hunter2@h:x",
        "http://h/?token=hunter2",
        "http://h/?me=me@hunter2",
        "http://h#hunter2",
        "me:hunter2@http://h",
        "me:hunter2@http://other@h",
        "https://me:hunter2?@h",
        "https://me:hun?hunter2@h",
        "hunter2@h?x://y",
    ] {
        let config = config(address);
        let shown = match &config.remote {
            Ok(remote) => remote.to_string(),
            Err(error) => error.to_string(),
        };
        let debug = format!("{config:?}");
        assert!(!shown.contains("hunter2") && !debug.contains("hunter2"), "{shown}\n{debug}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_what_it_takes_it_takes_again(text in "(https?://)?[-a-zA-Z0-9.:/@%\\[\\]?# ]{0,30}|\\PC{0,20}") {
        if let Ok(remote) = RemoteAddress::parse(&text) {
            let again = RemoteAddress::parse(&remote.to_string()).unwrap();
            proptest::prop_assert_eq!(again.to_string(), remote.to_string());
            proptest::prop_assert_eq!((again.host(), again.port()), (remote.host(), remote.port()));
        }
    }
}
