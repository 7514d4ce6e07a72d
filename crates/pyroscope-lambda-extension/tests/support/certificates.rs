//! An authority, and certificates that it vouches for.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

/// An authority for clients.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its private key, as PEM.
pub struct Identity {
    pub certificate: String,
    /// In PKCS#8.
    pub key: String,
    /// The same key in SEC1.
    pub sec1_key: String,
}

// === impl Authority ===

impl Authority {
    pub fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "the tests' authority");
        Self(CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client that it vouches for.
    pub fn client(&self) -> Identity {
        let mut client = CertificateParams::default();
        client.distinguished_name.push(DnType::CommonName, "a function");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = client.signed_by(&key, &self.0).unwrap().pem();
        Identity { certificate, key: key.serialize_pem(), sec1_key: sec1(&key) }
    }
}

/// A key for P-256 in PKCS#8 has the same key in SEC1 inside (RFC 5958, section 2; RFC 5915, section 3).
fn sec1(key: &KeyPair) -> String {
    const BEGIN: [u8; 5] = [0x02, 0x01, 0x01, 0x04, 0x20];
    let outer = key.serialize_der();
    let version = outer.windows(BEGIN.len()).position(|window| window == BEGIN).unwrap();
    pem::encode(&pem::Pem::new("EC PRIVATE KEY", &outer[version - 2..]))
}

/// A server that takes the TLS off what it is sent and hands it on to `server`; its address, and its authority as PEM.
pub async fn tls_front(server: SocketAddr) -> (SocketAddr, String) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], signing_key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let mut far = TcpStream::connect(server).await.unwrap();
                drop(copy_bidirectional(&mut near, &mut far).await);
            });
        }
    });
    (address, cert.pem())
}

/// Writes a file and gives its path.
pub fn file(folder: &Path, name: &str, text: &str) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
