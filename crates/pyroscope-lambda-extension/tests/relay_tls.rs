//! TLS to the remote: which certificates are trusted, and what is said of those that are not.

mod support;

use pyroscope_sink::{Options, Sink};
use support::{Extension, PATIENCE, accepted, sink_with};
use tempfile::tempdir;
use tokio::time::{Duration, sleep, timeout};

async fn tls_sink() -> Sink {
    sink_with(Options::default().tls()).await
}

#[tokio::test]
async fn a_certificate_of_an_authority_in_ssl_cert_file_is_trusted_and_the_connection_kept() {
    let (sink, directory) = (tls_sink().await, tempdir().unwrap());
    let file = directory.path().join("ca.pem");
    sink.write_ca_pem(&file).unwrap();
    let extension = Extension::of(&sink.url())
        .set("SSL_CERT_FILE", file.to_str().unwrap())
        .set("PYROSCOPE_NUM_WORKERS", "1")
        .dev()
        .await;
    for number in 1..=3 {
        extension.profile("secret").await;
        accepted(&sink, number).await;
    }
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_and_the_log_says_why_without_end() {
    let sink = tls_sink().await;
    let extension = Extension::of(&sink.url()).dev().await;
    extension.profile("secret").await;
    let failure = extension.logs("not delivered yet").await;
    assert!(failure.contains("certificate") && failure.contains("PYROSCOPE_TLS_CA_FILE"), "{failure}");
    // Tries go on, lines don't: there is one at most in the first second, and then one a second.
    let tries = async {
        while sink.connections() < 5 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, tries).await.unwrap();
    let lines = extension.lines("not delivered yet").len();
    assert!(lines < 4, "{lines} lines: {:#?}", extension.log());
    assert_eq!(sink.totals().requests, 0);
}

#[tokio::test]
async fn a_bad_ssl_cert_file_is_told_once_with_its_path_and_fault() {
    let directory = tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let missing = directory.path().join("missing.pem").to_str().unwrap().to_owned();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (path, fault) in [
        (missing, "No such file"),
        (file("empty.pem", ""), "no certificate in PEM form"),
        (file("text.pem", "not a certificate\n"), "no certificate in PEM form"),
        (file("broken.pem", broken), "1 of its certificates can't be used, 0 can"),
    ] {
        let sink = tls_sink().await;
        let extension = Extension::of(&sink.url()).set("SSL_CERT_FILE", &path).dev().await;
        extension.profile("secret").await;
        extension.profile("secret").await;
        extension.logs("not delivered yet").await;
        let lines = extension.lines("the built-in certificate authorities are trusted");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(&path) && lines[0].contains(fault), "{}", lines[0]);
    }
}

#[tokio::test]
async fn plain_http_to_a_tls_port_and_tls_to_a_plain_one_are_failures_and_no_more() {
    let (tls, plain) = (tls_sink().await, support::sink().await);
    for (url, told) in [
        (tls.url().replace("https", "http"), "not delivered yet"),
        (plain.url().replace("http", "https"), "not delivered yet"),
    ] {
        let extension = Extension::of(&url).dev().await;
        extension.profile("lost").await;
        extension.logs(told).await;
        extension.profile("next").await;
    }
}
