//! A certificate authority and a certificate made for one sink.

use std::{net::IpAddr, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    },
};

use crate::{options::Options, sink::SinkError};

/// What a sink needs to speak TLS.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The authority's certificate: what a client must trust.
    pub(crate) ca_pem: String,
}

// === impl Tls ===

impl Tls {
    /// Makes an authority and a certificate for localhost, `address` and the names in `options`; both live as long as
    /// the sink.
    pub(crate) fn for_address(address: IpAddr, options: &Options) -> Result<Self, SinkError> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "pyroscope-sink authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut names =
            vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), address.to_string()];
        names.extend_from_slice(&options.tls_names);
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "pyroscope-sink");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Some clients ask a certificate which key signed it.
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &authority)?;

        let private_key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| SinkError::PrivateKey)?;
        let provider = Arc::new(ring::default_provider());
        let clients = match &options.client_authority {
            Some(pem) => of_authority(pem, Arc::clone(&provider))?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![certificate.der().clone()], private_key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: authority.pem() })
    }
}

/// Lets only those in whom the authority in `pem` vouches for.
fn of_authority(pem: &str, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, SinkError> {
    let unusable = |error: &dyn std::error::Error| SinkError::ClientAuthority(error.to_string());
    let authority = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| unusable(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(authority)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| unusable(&error))
}
