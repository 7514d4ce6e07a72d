//! The configuration: any environment at all is understood, and no secret is shown.
//!
//! The input is an environment as Linux has it in `/proc`: `NAME=value`, a NUL behind each.
#![no_main]
#![allow(clippy::cast_precision_loss, reason = "the difference is looked at")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Uri};
use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::config::{Config, RemoteAddress, VARIABLES, parse_duration};
use pyroscope_lambda_extension::log::Layout;
use serde_json::Value;

/// Stands in every secret, and nowhere else.
const MARK: &str = "hunter2-hunter2";

/// The variables in whose values people may write a user and a password.
const ADDRESSES: [&str; 8] = [
    "PYROSCOPE_REMOTE_ADDRESS",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SSM",
];

fuzz_target!(|input: &[u8]| {
    if input.windows(7).any(|window| window == b"hunter2") {
        return;
    }
    let mut environment = BTreeMap::new();
    for pair in input.split(|byte| *byte == 0) {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let Ok(name) = str::from_utf8(name) else { continue };
        environment.insert(name.to_owned(), OsStr::from_bytes(value).to_owned());
        // Each value is tried in each form that some value has.
        if let Ok(text) = str::from_utf8(value) {
            duration(text);
            layout(text);
            address(text);
        }
    }
    bounds(&Config::from_env(|name| environment.get(name).cloned()).0);
    for (name, value) in &mut environment {
        *value = marked(name, value);
    }
    let (config, warnings) = Config::from_env(|name| environment.get(name).cloned());
    let mut shown = format!("{config:?} {warnings:?}");
    shown.extend(warnings.iter().map(ToString::to_string));
    match &config.remote {
        Ok(remote) => shown.push_str(&remote.to_string()),
        Err(error) => shown.push_str(&error.to_string()),
    }
    assert!(!shown.contains("hunter2"), "a secret is shown: {shown}");
});

/// The value with a mark in all of it that is secret.
fn marked(name: &str, value: &OsStr) -> OsString {
    let bytes = value.as_bytes();
    let text = value.to_str();
    if let Some(Value::Object(mut headers)) = text.and_then(|text| serde_json::from_str(text).ok())
        && name == "PYROSCOPE_HTTP_HEADERS"
    {
        // Names of headers may be shown, their values may not.
        headers.values_mut().for_each(mark);
        return Value::Object(headers).to_string().into();
    }
    if ADDRESSES.contains(&name) {
        return OsString::from_vec(marked_address(bytes));
    }
    // AWS's id of a key is none, though no warning shows it either.
    let secret = VARIABLES.iter().any(|variable| variable.secret && variable.name == name);
    if secret && name != "AWS_ACCESS_KEY_ID" {
        return OsString::from_vec([bytes, MARK.as_bytes()].concat());
    }
    value.to_owned()
}

/// The address with a mark in user and password, and in what follows the mark of a query or fragment.
fn marked_address(address: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(address).ok();
    // Of one that is taken, the path is shown, which may have an `@` too. A proxy needs no scheme.
    let path = text.and_then(|text| {
        let is_taken = |text: &str| RemoteAddress::parse(text).is_ok();
        let authority = text.find("://").map_or(0, |at| at + 3);
        let taken = is_taken(text) || (authority == 0 && is_taken(&format!("http://{}", text.trim())));
        text[authority..].find('/').filter(|_| taken).map(|at| at + authority)
    });
    let mut marked = address.to_vec();
    if let Some(at) = marked.iter().position(|byte| b"?#".contains(byte)) {
        marked.extend(MARK.bytes());
        let behind = at + 1;
        marked.splice(behind..behind, MARK.bytes());
    }
    let end = path.unwrap_or(marked.len());
    if let Some(at) = marked[..end].iter().rposition(|byte| *byte == b'@') {
        marked.splice(at..at, MARK.bytes());
    }
    marked
}

fn mark(value: &mut Value) {
    match value {
        Value::String(text) => text.push_str(MARK),
        Value::Array(items) => items.iter_mut().for_each(mark),
        Value::Object(members) => members.values_mut().for_each(mark),
        _ => {}
    }
}

/// What holds of every configuration.
fn bounds(config: &Config) {
    assert!(!config.timeout.is_zero());
    assert!(config.workers.get() <= 64);
    assert!(config.queue_bytes >= 64 << 10);
    let authorities = config.network.tls.authorities.iter().map(|file| &file.path);
    assert!(authorities.chain(&config.spool_dir).all(|path| path.is_absolute()));
    let authorization = config.credentials.authorization();
    let secrets = config.headers.values().chain(&authorization);
    assert!(secrets.into_iter().all(HeaderValue::is_sensitive));
    for reserved in ["host", "content-length", "content-type", "transfer-encoding", "connection"] {
        assert!(!config.headers.contains_key(reserved));
    }
    let names = &config.log.names;
    for name in [&names.time, &names.level, &names.msg] {
        assert!(!name.contains(char::is_control));
    }
}

/// A duration is what its parts add up to, each cut to whole ns.
fn duration(text: &str) {
    let Ok(nanos) = parse_duration(text) else { return };
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    assert!(rest.is_ascii() || rest.contains(['µ', 'μ']), "{text:?}");
    let (mut least, mut parts) = (0_f64, 0);
    while !rest.is_empty() && rest != "0" {
        let unit = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).expect("a unit");
        let (number, behind) = rest.split_at(unit);
        let end = behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let nanos = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 6e10,
            "h" => 3.6e12,
            unit => panic!("no unit: {unit:?}"),
        };
        let number: f64 = format!("0{number}").parse().expect("a number");
        least += number * nanos;
        parts += 1;
        rest = behind;
    }
    let (given, sum) = (nanos.unsigned_abs() as f64, least);
    assert_eq!(nanos < 0, negative && nanos != 0, "{text:?}");
    assert!((given - sum).abs() <= f64::from(parts) + sum * 1e-14, "{text:?} is {nanos} ns and not {sum}");
}

/// A layout says of each line what it would say of it alone.
fn layout(text: &str) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_795_341_600_123_456_789);
    let whole = Layout::new(text).format(time);
    let lines: Vec<String> = text.split('\n').map(|line| Layout::new(line).format(time)).collect();
    assert_eq!(whole, lines.join("\n"));
    if !Layout::new(text).shows_time() {
        assert_eq!(whole, text);
    }
}

/// An address that is taken means what it says to others too, and keeps meaning it.
fn address(text: &str) {
    let Ok(address) = RemoteAddress::parse(text) else { return };
    let shown = address.to_string();
    let again = RemoteAddress::parse(&shown).expect("what is shown can be written");
    assert_eq!(again.to_string(), shown);
    assert_eq!(
        (again.host(), again.port(), again.scheme()),
        (address.host(), address.port(), address.scheme())
    );
    assert_eq!(again.base_path(), address.base_path());
    let uri: Uri = format!("{shown}/ingest").parse().expect("a URI");
    let host = uri.host().expect("a host").trim_matches(['[', ']']);
    assert_eq!(host, address.host());
    assert_eq!(uri.port_u16().unwrap_or(address.scheme().default_port()), address.port());
    assert_eq!(uri.path(), format!("{}/ingest", address.base_path()));
    assert_eq!(uri.scheme_str(), Some(address.scheme().as_str()));
    assert!(HeaderValue::from_str(address.authority()).is_ok());
}
