//! TLS with an authority of the sink's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails a test")]

mod support;

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use pyroscope_sink::{Sink, SinkError};
use support::{options, post, pprof, sink};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

async fn connect(sink: &Sink, name: &str, protocol: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    sink.write_ca_pem(file.path()).unwrap();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file.path()).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(sink.addr()).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_served_over_http_1_and_2() {
    let sink = Sink::start(options().tls()).await.unwrap();
    assert_eq!(sink.url(), format!("https://{}", sink.addr()));
    let uri = format!("{}/ingest?format=pprof&name=orders", sink.url());

    let stream = TokioIo::new(connect(&sink, "localhost", b"http/1.1").await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(sender.send_request(post(&uri, &[], pprof())).await.unwrap().status(), 200);

    let stream = TokioIo::new(connect(&sink, "127.0.0.1", b"h2").await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let answer = sender.send_request(post(&uri, &[], pprof())).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap();

    let versions: Vec<_> = sink.arrivals().iter().map(|arrival| arrival.request.version).collect();
    assert_eq!(versions, [http::Version::HTTP_11, http::Version::HTTP_2]);
    assert_eq!(sink.series()[0].profiles, 2);
    assert_eq!(sink.connections(), 2);
}

#[tokio::test]
async fn the_certificate_is_for_this_machine_alone() {
    let sink = Sink::start(options().tls()).await.unwrap();
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert!(connect(&sink, name, b"http/1.1").await.is_ok(), "{name}");
    }
    assert!(connect(&sink, "example.com", b"http/1.1").await.is_err());
}

#[tokio::test]
async fn a_sink_without_tls_has_no_authority_to_write() {
    let sink = sink().await;
    assert_eq!(sink.ca_pem(), None);
    assert!(matches!(sink.write_ca_pem("unused.pem"), Err(SinkError::NoAuthority)));
}
