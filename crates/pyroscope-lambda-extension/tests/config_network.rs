//! Which server is reached through which proxy, and what is said of proxies that can't be used.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail in its helper functions")]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use proptest::prelude::*;
use pyroscope_lambda_extension::config::{Config, NetworkSettings, NoProxy, RemoteAddress, Warning};

fn network(set: &[(&str, &str)]) -> NetworkSettings {
    let value = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
    Config::from_env(value).0.network
}

/// The proxy for a server, or what is said instead.
fn proxy_for(address: &str, set: &[(&str, &str)]) -> String {
    match network(set).proxies.proxy_for(&RemoteAddress::parse(address).unwrap()) {
        Ok(Some(proxy)) => proxy.to_string(),
        Ok(None) => "none".to_owned(),
        Err(bad) => bad.to_string(),
    }
}

#[test]
fn each_scheme_has_its_proxy_in_capital_or_small_letters_and_capital_ones_win() {
    let (secure, plain) = ("https://example.com", "http://example.com");
    for (address, set, expected) in [
        (secure, &[("HTTPS_PROXY", "http://p:1")][..], "http://p:1 (HTTPS_PROXY)"),
        (secure, &[("https_proxy", "http://p:1")], "http://p:1 (https_proxy)"),
        (
            secure,
            &[("https_proxy", "http://small:1"), ("HTTPS_PROXY", "http://p:1")],
            "http://p:1 (HTTPS_PROXY)",
        ),
        (secure, &[("https_proxy", "http://p:1"), ("HTTPS_PROXY", "")], "http://p:1 (https_proxy)"),
        (secure, &[("HTTP_PROXY", "http://p:1")], "none"),
        (plain, &[("HTTP_PROXY", "http://p:1")], "http://p:1 (HTTP_PROXY)"),
        (plain, &[("http_proxy", "http://p:1")], "http://p:1 (http_proxy)"),
        (plain, &[("HTTPS_PROXY", "http://p:1")], "none"),
        (plain, &[("HTTP_PROXY", "http://p:1"), ("no_proxy", "example.com")], "none"),
        (
            plain,
            &[("HTTP_PROXY", "http://p:1"), ("no_proxy", "example.com"), ("NO_PROXY", "x")],
            "http://p:1 (HTTP_PROXY)",
        ),
        (plain, &[("HTTP_PROXY", "p")], "http://p (HTTP_PROXY)"),
        (plain, &[("HTTP_PROXY", "p:80/")], "http://p (HTTP_PROXY)"),
        (plain, &[("HTTP_PROXY", "[::1]:8080")], "http://[::1]:8080 (HTTP_PROXY)"),
        (plain, &[("HTTP_PROXY", "https://p/path")], "https://p (HTTP_PROXY)"),
        (plain, &[("HTTP_PROXY", "")], "none"),
    ] {
        assert_eq!(proxy_for(address, set), expected, "{address} with {set:?}");
    }
}

#[test]
fn this_machine_and_its_link_are_reached_without_a_proxy_whatever_is_set() {
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "169.254.100.1",
        "[fe80::1]",
        "[febf::1]",
    ] {
        let set = [("HTTP_PROXY", "http://p:1"), ("HTTPS_PROXY", "not usable")];
        assert_eq!(proxy_for(&format!("http://{host}:4040"), &set), "none", "{host}");
        assert_eq!(proxy_for(&format!("https://{host}"), &set), "none", "{host}");
    }
    for host in ["10.0.0.1", "169.253.0.1", "[fec0::1]", "localhost.example.com", "local"] {
        assert_ne!(proxy_for(&format!("http://{host}"), &[("HTTP_PROXY", "p:1")]), "none", "{host}");
    }
}

#[test]
fn no_proxy_is_read_as_go_reads_it() {
    for (list, host, port, expected) in [
        ("*", "example.com", 80, true),
        ("a.com, * ,b.com", "1.2.3.4", 80, true),
        ("*.com", "com", 80, false),
        ("", "example.com", 80, false),
        (",, ,", "example.com", 80, false),
        // A name stands for itself and all below it, with a dot before it only for those below.
        ("example.com", "example.com", 80, true),
        ("example.com", "a.b.example.com", 443, true),
        ("example.com", "badexample.com", 80, false),
        ("Example.COM", "example.com", 80, true),
        (".example.com", "a.example.com", 80, true),
        (".example.com", "example.com", 80, false),
        ("*.example.com", "a.example.com", 80, true),
        ("*.example.com", "example.com", 80, false),
        ("com", "example.com", 80, true),
        ("ample.com", "example.com", 80, false),
        ("x.com example.com", "example.com", 80, false),
        (" other.com ,\texample.com", "example.com", 80, true),
        // Ports.
        ("example.com:8080", "example.com", 8080, true),
        ("example.com:8080", "a.example.com", 8080, true),
        ("example.com:8080", "example.com", 80, false),
        (".example.com:80", "a.example.com", 80, true),
        ("example.com:", "example.com", 80, true),
        ("example.com:http", "example.com", 80, false),
        (":80", "example.com", 80, false),
        // Addresses.
        ("10.0.0.1", "10.0.0.1", 80, true),
        ("10.0.0.1", "10.0.0.2", 80, false),
        ("10.0.0.1:443", "10.0.0.1", 443, true),
        ("10.0.0.1:443", "10.0.0.1", 80, false),
        ("0.0.0.1", "10.0.0.1", 80, false),
        ("fd00::1", "fd00::1", 80, true),
        ("FD00:0::1", "fd00::1", 80, true),
        ("[fd00::1]", "fd00::1", 80, true),
        ("[fd00::1]:443", "fd00::1", 443, true),
        ("[fd00::1]:443", "fd00::1", 80, false),
        ("::ffff:10.0.0.1", "10.0.0.1", 80, true),
        // Ranges.
        ("10.0.0.0/8", "10.255.0.1", 80, true),
        ("10.0.0.0/8", "11.0.0.1", 80, false),
        ("10.1.2.3/8", "10.9.9.9", 80, true),
        ("10.0.0.1/32", "10.0.0.1", 80, true),
        ("10.0.0.1/32", "10.0.0.2", 80, false),
        ("0.0.0.0/0", "8.8.8.8", 80, true),
        ("0.0.0.0/0", "fd00::1", 80, false),
        ("fd00::/8", "fd12::1", 80, true),
        ("fd00::/8", "fe12::1", 80, false),
        ("::/0", "fd00::1", 80, true),
        ("10.0.0.0/33", "10.0.0.1", 80, false),
        ("10.0.0.0/x", "10.0.0.1", 80, false),
        // Names are not looked up.
        ("10.0.0.0/8", "example.com", 80, false),
        ("127.0.0.1", "localhost", 80, false),
    ] {
        assert_eq!(NoProxy::parse(list).matches(host, port), expected, "{list:?} {host}:{port}");
    }
}

#[test]
fn a_bad_proxy_is_told_without_its_password_where_it_is_needed_and_nothing_goes_past_it() {
    let cure = "nothing is sent to h, since nothing may be meant to go past the proxy \
                (write http://proxy.example.com:3128, or name the server in NO_PROXY)";
    for (value, told) in [
        ("socks5://user:s3cret@p:1080", "\"socks5://…@p:1080\": neither http nor https"),
        ("http://", "\"http://\": no host"),
        ("http://user:s3cret@", "\"http://…@\": no host"),
        ("http://p:99999", "\"http://p:99999\": not a port"),
        ("http://user:s3/cret@p:1", "\"http://…@p:1\": not a port"),
        ("user:s3#cret@p:1", "\"…\": must not have a query or a fragment"),
        ("http://p q:1", "\"http://p q:1\": not a host"),
        ("http://p?a=s3cret", "\"http://p?…\": must not have a query or a fragment"),
    ] {
        let set = [("HTTPS_PROXY", value)];
        assert_eq!(proxy_for("https://h", &set), format!("HTTPS_PROXY={told}; {cure}"));
        assert_eq!(proxy_for("http://h", &set), "none", "it is not for this scheme");
        assert_eq!(proxy_for("https://h", &[set[0], ("NO_PROXY", "h")]), "none");
        assert!(!format!("{:?}", network(&set)).contains("s3cret"), "{value}");
    }
    let (config, warnings) = Config::from_env(|name| {
        (name == "HTTPS_PROXY").then(|| OsString::from_vec(b"http://p\xff".to_vec()))
    });
    assert_eq!(warnings, []);
    let bad = config.network.proxies.proxy_for(&RemoteAddress::parse("https://h").unwrap()).unwrap_err();
    assert!(bad.to_string().contains("not UTF-8"), "{bad}");
}

#[test]
fn the_credentials_of_a_proxy_are_percent_decoded_and_never_shown() {
    let network = network(&[("HTTPS_PROXY", "http://us%40er:p%3Ass%25@p:1")]);
    let proxy = network.proxies.proxy_for(&RemoteAddress::parse("https://h").unwrap()).unwrap().unwrap();
    let authorization = proxy.authorization().unwrap();
    assert_eq!(authorization, "Basic dXNAZXI6cDpzcyU=");
    let shown = format!("{authorization:?} {proxy} {network:?}");
    for secret in ["dXNAZXI6cDpzcyU", "p%3A", "p:ss"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn an_unchecked_certificate_is_warned_of_and_never_a_thing_of_other_servers() {
    let set = [
        ("PYROSCOPE_TLS_INSECURE_SKIP_VERIFY", "true"),
        ("PYROSCOPE_TLS_CERT_FILE", "/c.pem"),
        ("PYROSCOPE_TLS_KEY_FILE", "/k.pem"),
        ("PYROSCOPE_TLS_CA_FILE", "/ca.pem"),
        ("HTTPS_PROXY", "http://p:1"),
    ];
    let value = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
    let (Config { network, .. }, warnings) = Config::from_env(value);
    assert!(matches!(warnings.as_slice(), [Warning::Insecure]), "{warnings:?}");
    assert!(warnings.iter().all(|warning| warning.to_string().contains("PYROSCOPE_TLS_CA_FILE")));
    let identity = network.tls.identity.clone().unwrap();
    assert_eq!((identity.certificate.variable, identity.key.variable), (set[1].0, set[2].0));
    assert!(network.tls.insecure);

    let others = network.for_other_servers();
    assert_eq!((others.tls.identity, others.tls.insecure), (None, false));
    assert_eq!(others.tls.authorities, network.tls.authorities);
    let aws = RemoteAddress::parse("https://secretsmanager.eu-west-1.amazonaws.com").unwrap();
    assert!(others.proxies.proxy_for(&aws).unwrap().is_some());
}

proptest! {
    #[test]
    fn any_list_can_be_read_and_a_name_in_it_matches_itself_and_all_below_it(
        before in ".{0,20}", name in "[a-z]{1,8}(\\.[a-z]{1,8}){0,2}", below in "[a-z]{1,8}", port: u16
    ) {
        let list = NoProxy::parse(&format!("{before},{name}"));
        prop_assert!(list.matches(&name, port));
        let (sub, other) = (format!("{below}.{name}"), format!("{below}{name}"));
        prop_assert!(list.matches(&sub, port));
        prop_assert_eq!(NoProxy::parse(&name).matches(&other, port), false);
    }

    #[test]
    fn a_range_matches_the_addresses_that_begin_as_it_does(address: u32, bits in 0_u8..=32, other: u32) {
        let shown = |bits| std::net::Ipv4Addr::from_bits(bits).to_string();
        let list = NoProxy::parse(&format!("{}/{bits}", shown(address)));
        let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
        prop_assert_eq!(list.matches(&shown(other), 80), address & mask == other & mask);
        prop_assert!(list.matches(&shown(address & mask | other & !mask), 80));
    }

    #[test]
    fn no_value_of_a_proxy_shows_what_stands_before_its_last_at_sign(secret in "[^@]{8,20}", rest in "[^@]{0,20}") {
        let value = format!("http://{secret}@{rest}");
        let told = proxy_for("https://h", &[("HTTPS_PROXY", &value)]);
        prop_assert!(!told.contains(&secret) || rest.contains(&secret), "{}", told);
    }
}
