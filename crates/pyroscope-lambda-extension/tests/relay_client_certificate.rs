//! What the extension shows to a remote that asks for a certificate, and what it sends where it has none.

mod support;

use std::path::Path;

use pyroscope_sink::{Options, Sink};
use support::certificates::{Authority, file};
use support::extension::Setup;
use support::{Extension, accepted, sink_with};
use tempfile::tempdir;

/// A remote that lets in those whom `authority` vouches for, and an extension that trusts it.
async fn demanding(authority: &Authority, folder: &Path) -> (Sink, Setup) {
    trusting(sink_with(Options::default().client_authority(authority.pem())).await, folder)
}

fn trusting(sink: Sink, folder: &Path) -> (Sink, Setup) {
    let ca = file(folder, "ca.pem", sink.ca_pem().unwrap_or_default());
    let setup = Extension::of(&sink.url()).set("PYROSCOPE_TLS_CA_FILE", ca).set("PYROSCOPE_NUM_WORKERS", "1");
    (sink, setup)
}

#[tokio::test]
async fn a_certificate_and_its_key_are_shown_whatever_form_the_key_has_and_sessions_are_resumed() {
    let (authority, directory) = (Authority::new(), tempdir().unwrap());
    let (folder, client) = (directory.path(), authority.client());
    let certificate = file(folder, "client.pem", &client.certificate);
    let key = file(folder, "client.key", &client.key);
    let sec1_key = file(folder, "client.ec.key", &client.sec1_key);
    let both = file(folder, "both.pem", &[client.key, client.certificate].concat());
    for (certificate, key) in [(certificate.as_str(), key), (&certificate, sec1_key), (&both, String::new())]
    {
        let (sink, setup) = demanding(&authority, folder).await;
        let extension = setup
            .set("PYROSCOPE_TLS_CERT_FILE", certificate)
            .set("PYROSCOPE_TLS_KEY_FILE", key)
            .set("PYROSCOPE_TIMEOUT", "1s")
            .dev()
            .await;
        extension.profile("app").await;
        accepted(&sink, 1).await;
        assert_eq!((sink.drop_connections(), sink.resumptions()), (1, 0));
        extension.profile("app").await;
        accepted(&sink, 2).await;
        assert_eq!(sink.resumptions(), sink.connections() - 1);
    }
}

#[tokio::test]
async fn a_remote_that_wants_another_certificate_or_one_at_all_is_told_of_with_the_variable() {
    let (authority, directory) = (Authority::new(), tempdir().unwrap());
    let stranger = Authority::new().client();
    let strange = file(directory.path(), "strange.pem", &[stranger.certificate, stranger.key].concat());
    for certificate in [String::new(), strange] {
        let (sink, setup) = demanding(&authority, directory.path()).await;
        let extension = setup.set("PYROSCOPE_TLS_CERT_FILE", certificate).dev().await;
        extension.profile("app").await;
        extension.logs("PYROSCOPE_TLS_CERT_FILE").await;
        assert_eq!(sink.totals().requests, 0);
    }
}

#[tokio::test]
async fn a_bad_certificate_or_key_is_told_with_its_file_and_nothing_is_sent_without_it() {
    let (authority, directory) = (Authority::new(), tempdir().unwrap());
    let (folder, client, other) = (directory.path(), authority.client(), authority.client());
    let good = file(folder, "client.pem", &client.certificate);
    let key = file(folder, "client.key", &client.key);
    let other_key = file(folder, "other.key", &other.key);
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = file(folder, "encrypted.key", encrypted);
    let missing = folder.join("missing.pem").to_str().unwrap().to_owned();
    let (certificates, keys) = ("PYROSCOPE_TLS_CERT_FILE", "PYROSCOPE_TLS_KEY_FILE");
    for (certificate, key, variable, path, fault) in [
        (&missing, &key, certificates, &missing, "No such file"),
        (&key, &key, certificates, &key, "no certificate in PEM form in it"),
        (&good, &missing, keys, &missing, "No such file"),
        (&good, &good, keys, &good, "no private key in PEM form in it"),
        (&good, &encrypted, keys, &encrypted, "its private key is encrypted"),
        (&good, &other_key, keys, &other_key, "its key is not that of the certificate in"),
        (&good, &"/dev/zero".to_owned(), keys, &"/dev/zero".to_owned(), "not a file"),
    ] {
        // It does not even ask for one: an extension that is told to show one shows it or stays away.
        let (sink, setup) = trusting(sink_with(Options::default().tls()).await, folder);
        let extension = setup.set(certificates, certificate).set(keys, key).dev().await;
        extension.profile("app").await;
        let line = extension.logs("not delivered yet").await;
        let told = format!("{variable}={path:?}: {fault}").replace('"', "\\\"");
        assert!(
            line.contains(&told) && line.contains("nothing is sent without the client certificate"),
            "{line}"
        );
        assert_eq!(sink.totals().requests, 0);
    }
}

#[tokio::test]
async fn a_certificate_that_comes_late_is_used_once_it_is_there() {
    let (authority, directory) = (Authority::new(), tempdir().unwrap());
    let (sink, setup) = demanding(&authority, directory.path()).await;
    let late = directory.path().join("late.pem");
    let extension = setup.set("PYROSCOPE_TLS_CERT_FILE", late.to_str().unwrap()).dev().await;
    extension.profile("app").await;
    extension.logs("not delivered yet").await;
    let client = authority.client();
    file(directory.path(), "late.pem", &[client.certificate, client.key].concat());
    accepted(&sink, 1).await;
}

#[tokio::test]
async fn an_unchecked_certificate_is_taken_and_the_log_warns_at_the_start() {
    let sink = sink_with(Options::default().tls()).await;
    let extension = Extension::of(&sink.url()).set("PYROSCOPE_TLS_INSECURE_SKIP_VERIFY", "true").dev().await;
    let warning = extension.logs("PYROSCOPE_TLS_INSECURE_SKIP_VERIFY").await;
    assert!(warning.contains("level=warn") && warning.contains("not checked"), "{warning}");
    extension.profile("app").await;
    accepted(&sink, 1).await;
}
