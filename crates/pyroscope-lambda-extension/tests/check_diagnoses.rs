//! `check` says what is wrong with each of many broken set-ups. What it says is stored in `tests/check`; to write that anew:
//! `UPDATE_CHECK=1 cargo test --test check_diagnoses`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use pyroscope_sink::{Behaviour, Clock, Credentials, Options, Reaction, SessionId};
use support::extension::PROGRAM;
use support::http::{Answering, Blackhole};
use support::proxy::{Proxy, ProxyAnswer};
use support::tls::Certified;
use support::{PATIENCE, free_port, sink, sink_that, sink_with};
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, empty};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

/// What a check ended with, and what it wrote to standard error.
struct Checked {
    code: Option<i32>,
    errors: String,
}

/// Checks in an environment of `set` alone, and compares what it says with `tests/check/NAME.txt`.
async fn check(name: &str, arguments: &[&str], set: &[(&str, &str)]) -> Checked {
    let mut command = Command::new(PROGRAM);
    command.env_clear().envs(set.iter().copied()).arg("check").args(arguments);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, output).await.expect("it ends").unwrap();
    let mut said = masked(&String::from_utf8(output.stdout).unwrap());
    let is_temporary = |value: &str| value.starts_with(std::env::temp_dir().to_str().unwrap());
    for (name, value) in set.iter().filter(|(_, value)| is_temporary(value)) {
        said = said.replace(value, &format!("({name})"));
    }
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check").join(name).with_extension("txt");
    if std::env::var_os("UPDATE_CHECK").is_some() {
        std::fs::write(&stored, &said).unwrap();
    }
    let expected = std::fs::read_to_string(&stored).unwrap_or_default();
    assert_eq!(said, expected, "see the top of this file for how to write {} anew", stored.display());
    Checked { code: output.status.code(), errors: String::from_utf8(output.stderr).unwrap() }
}

/// Without what differs from one time to the next: the version, times, ports and other long numbers. Columns stay.
fn masked(text: &str) -> String {
    let text = text.replacen(env!("CARGO_PKG_VERSION"), "VERSION", 1);
    let mut masked = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|char: char| char.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (number, after) =
            from.split_at(from.find(|char: char| !char.is_ascii_digit()).unwrap_or(from.len()));
        masked.push_str(before);
        if after.starts_with(" ms") && before.ends_with("  ") {
            masked.extend(std::iter::repeat_n(' ', number.len() - 1)); // it is aligned to the right
            masked.push('N');
        } else if number.len() >= 5 {
            masked.push('N');
        } else {
            masked.push_str(number);
        }
        rest = after;
    }
    masked + rest
}

/// Checks a remote with one variable more, which fails and says nothing else.
async fn fails(name: &str, remote: &str, set: &[(&str, &str)]) {
    let set = [&[("PYROSCOPE_REMOTE_ADDRESS", remote)], set].concat();
    let checked = check(name, &[], &set).await;
    assert_eq!((checked.code, checked.errors.as_str()), (Some(1), ""));
}

/// A remote that answers everything so.
async fn answering(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    format!("http://{}", Answering::start(answer).await.address)
}

/// A server that says this to whatever comes first.
async fn blunt(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.read_u8().await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = copy(&mut stream, &mut empty()).await; // a reset would overtake the answer
        }
    });
    address
}

#[tokio::test]
async fn where_all_is_well_one_tiny_profile_arrives() {
    let credentials = Credentials::Basic { user: "us".to_owned(), password: "s3cret".to_owned() };
    let sink = sink_with(Options::default().tls().credentials(credentials).tenant("team-a")).await;
    let directory = tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    sink.write_ca_pem(&file).unwrap();
    let file = file.to_str().unwrap();
    let set = [
        ("PYROSCOPE_REMOTE_ADDRESS", sink.url()),
        ("PYROSCOPE_BASIC_AUTH_USER", "us".to_owned()),
        ("PYROSCOPE_BASIC_AUTH_PASSWORD", "s3cret".to_owned()),
        ("PYROSCOPE_TENANT_ID", "team-a".to_owned()),
        ("PYROSCOPE_SPOOL_DIR", String::new()),
        ("SSL_CERT_FILE", file.to_owned()),
    ];
    let set: Vec<_> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let checked = check("well", &[], &set).await;
    assert_eq!((checked.code, checked.errors.as_str()), (Some(0), ""));

    let arrivals = sink.arrivals();
    assert_eq!((arrivals.len(), arrivals.accepted().count()), (2, 1));
    assert_eq!(sink.connections(), 1, "the second request goes over the first one's connection");
    let series = &arrivals.accepted().next().unwrap().series[0];
    assert_eq!(series.app, "pyroscope-lambda-extension");
    assert_eq!(series.labels["check"], "true");
    assert_eq!(series.session_id(), SessionId::Absent);
    let profile = &series.profiles[0];
    assert_eq!(profile.samples.len(), 1);
}

#[tokio::test]
async fn a_dry_run_leaves_nothing_on_the_server() {
    let sink = sink().await;
    let checked = check("dry-run", &["--dry-run"], &[("PYROSCOPE_REMOTE_ADDRESS", &sink.url())]).await;
    assert_eq!(checked.code, Some(0));
    let arrivals = sink.arrivals();
    assert_eq!((arrivals.len(), arrivals.accepted().count()), (1, 0));
}

#[tokio::test]
async fn the_way_leads_through_the_proxy_and_with_the_secret_that_uploads_take() {
    let sink = sink_with(Options::default().credentials(Credentials::Bearer("s3cret".to_owned()))).await;
    let proxy = Proxy::to(sink.addr(), ProxyAnswer::Serves).await;
    let directory = tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    let set = [
        ("PYROSCOPE_REMOTE_ADDRESS", "http://pyroscope.example"),
        ("HTTP_PROXY", &proxy.url().replace("://", "://user:s3cret@")),
        ("PYROSCOPE_AUTH_TOKEN_FILE", file.to_str().unwrap()),
    ];
    let checked = check("by-way-of-proxy", &[], &set).await;
    assert_eq!((checked.code, checked.errors.as_str()), (Some(0), ""));
    assert_eq!(sink.arrivals().accepted().count(), 1);
    assert!(!proxy.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_that_can_not_be_used() {
    fails("bad-proxy", "https://pyroscope.example", &[("HTTPS_PROXY", "socks5://user:s3cret@p:1080")]).await;
}

#[tokio::test]
async fn a_secret_that_can_not_be_read() {
    let sink = sink().await;
    let set = [
        ("PYROSCOPE_REMOTE_ADDRESS", sink.url()),
        ("PYROSCOPE_AUTH_TOKEN_FILE", "/nowhere/token".to_owned()),
    ];
    let set: Vec<_> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let checked = check("unreadable-secret", &[], &set).await;
    assert_eq!(checked.code, Some(1));
    assert!(checked.errors.contains("/nowhere/token"), "{}", checked.errors);
    assert_eq!(sink.totals().requests, 0);
}

#[tokio::test]
async fn an_address_without_a_scheme() {
    fails("no-scheme", "profiles.example.com:4040", &[]).await;
}

#[tokio::test]
async fn a_name_that_is_not_known() {
    // No name server is asked about a label that is too long.
    fails("name-unknown", &format!("https://{}.example", "x".repeat(64)), &[]).await;
}

#[tokio::test]
async fn a_port_that_nobody_listens_at() {
    fails("connection-refused", &format!("http://127.0.0.1:{}", free_port()), &[]).await;
}

#[tokio::test]
async fn an_address_that_nothing_answers_at_as_in_a_vpc_without_nat() {
    let silent = Blackhole::start().await;
    let remote = format!("https://{}", silent.address);
    fails("connect-timeout", &remote, &[("PYROSCOPE_TIMEOUT", "300ms")]).await;
}

#[tokio::test]
async fn https_to_a_port_that_speaks_http() {
    let remote = blunt("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    fails("no-tls", &format!("https://{remote}"), &[]).await;
    // This one waits for the end of a line.
    let remote = answering("200 OK", "", "").await.replace("http", "https");
    fails("tls-silence", &remote, &[("PYROSCOPE_TIMEOUT", "300ms")]).await;
}

#[tokio::test]
async fn http_to_a_port_that_speaks_tls() {
    let sink = sink_with(Options::default().tls()).await;
    fails("tls-only", &sink.url().replace("https", "http"), &[]).await;
    let told = answering("400 Bad Request", "", "Client sent an HTTP request to an HTTPS server.\n").await;
    fails("tls-only-told", &told, &[]).await;
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority() {
    let sink = sink_with(Options::default().tls()).await;
    fails("unknown-issuer", &sink.url(), &[]).await;
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let server = Certified::start("profiles.example.com", 2020, 4096).await;
    certificate("wrong-name", &server).await;
}

#[tokio::test]
async fn a_certificate_that_has_expired() {
    let server = Certified::start("127.0.0.1", 2019, 2020).await;
    certificate("expired", &server).await;
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet() {
    let server = Certified::start("127.0.0.1", 4000, 4096).await;
    certificate("not-yet-valid", &server).await;
}

/// Checks with the server's authority trusted.
async fn certificate(name: &str, server: &Certified) {
    let remote = format!("https://{}", server.address);
    fails(name, &remote, &[("SSL_CERT_FILE", &server.authority())]).await;
}

#[tokio::test]
async fn credentials_that_are_wrong() {
    let sink = sink_with(Options::default().credentials(Credentials::Bearer("right".to_owned()))).await;
    fails("unauthorized", &sink.url(), &[("PYROSCOPE_AUTH_TOKEN", "wrong")]).await;
}

#[tokio::test]
async fn half_of_basic_authentication() {
    let credentials = Credentials::Basic { user: "us".to_owned(), password: "s3cret".to_owned() };
    let sink = sink_with(Options::default().credentials(credentials)).await;
    fails("half-basic-auth", &sink.url(), &[("PYROSCOPE_BASIC_AUTH_PASSWORD", "s3cret")]).await;
}

#[tokio::test]
async fn a_token_for_grafana_cloud_without_a_user() {
    let body = r#"{"status":"error","error":"authentication error: legacy auth cannot be upgraded because the host is not found"}"#;
    let remote = answering("401 Unauthorized", "Content-Type: application/json\r\n", body).await;
    fails("token-alone", &remote, &[("PYROSCOPE_AUTH_TOKEN", "glc_x")]).await;
}

#[tokio::test]
async fn credentials_that_may_not_write() {
    let remote = answering("403 Forbidden", "", "").await;
    fails("forbidden", &remote, &[("PYROSCOPE_AUTH_TOKEN", "reader")]).await;
}

#[tokio::test]
async fn no_tenant_for_a_server_that_has_many() {
    let sink = sink_with(Options::default().tenant("team-a")).await;
    fails("no-tenant", &sink.url(), &[]).await;
}

#[tokio::test]
async fn a_wrong_base_path() {
    let sink = sink().await;
    fails("wrong-path", &format!("{}/pyroscope", sink.url()), &[]).await;
}

#[tokio::test]
async fn a_web_page_in_place_of_pyroscope() {
    let page = "<!DOCTYPE html><html><title>Grafana</title></html>";
    let remote = answering("200 OK", "Content-Type: text/html; charset=utf-8\r\n", page).await;
    fails("not-pyroscope", &remote, &[]).await;
}

#[tokio::test]
async fn a_server_that_redirects() {
    let to = "Location: https://profiles.example.com/\r\n";
    fails("redirect", &answering("308 Permanent Redirect", to, "").await, &[]).await;
}

#[tokio::test]
async fn a_limit_that_is_reached() {
    let body =
        r#"{"code":"resource_exhausted","message":"push rate limit (4.0 MiB) exceeded while adding 1 kiB"}"#;
    fails("rate-limited", &answering("429 Too Many Requests", "", body).await, &[]).await;
}

#[tokio::test]
async fn a_server_that_is_down_behind_its_load_balancer() {
    let page = "<html><title>502 Bad Gateway</title></html>";
    fails("unavailable", &answering("502 Bad Gateway", "", page).await, &[]).await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_http() {
    let remote = Answering::start("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned()).await;
    fails("no-http", &format!("http://{}", remote.address), &[]).await;
}

#[tokio::test]
async fn a_server_that_hangs_and_one_that_hangs_up() {
    let hangs = sink_that(Behaviour::normal().always(Reaction::Hang)).await;
    fails("no-answer", &hangs.url(), &[("PYROSCOPE_TIMEOUT", "300ms")]).await;
    let resets = sink_that(Behaviour::normal().always(Reaction::Reset)).await;
    fails("broke-off", &resets.url(), &[]).await;
}

#[tokio::test]
async fn a_clock_that_is_wrong() {
    let headers = "Content-Type: application/json\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let body = r#"{"code":"invalid_argument","message":"no profiles received"}"#;
    fails("clock", &answering("400 Bad Request", headers, body).await, &[]).await;
}

#[tokio::test]
async fn a_profile_that_the_server_finds_too_old() {
    let later = SystemTime::now() + Duration::from_secs(200 * 86_400);
    let sink = sink_with(Options::default().clock(Clock::fixed(later))).await;
    fails("too-old", &sink.url(), &[]).await;
}

#[tokio::test]
async fn a_file_of_certificates_that_is_not_there_is_told_beside_what_comes_of_it() {
    let sink = sink_with(Options::default().tls()).await;
    let set = [("PYROSCOPE_REMOTE_ADDRESS", &*sink.url()), ("SSL_CERT_FILE", "/nowhere/ca.pem")];
    let checked = check("no-certificates", &[], &set).await;
    assert_eq!(checked.code, Some(1));
    assert!(checked.errors.contains("/nowhere/ca.pem") && checked.errors.contains("No such file"));
}

#[tokio::test]
async fn any_other_argument_is_wrong_usage() {
    for arguments in [&["--dry"][..], &["--dry-run", "now"]] {
        let output = Command::new(PROGRAM).env_clear().arg("check").args(arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains("write check or check --dry-run"), "{errors}");
    }
}
