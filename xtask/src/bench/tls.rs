//! An authority and a certificate for the remote server.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::NoServerSessionStorage;

use crate::error::Error;

/// Whether a client may go on with a session that it had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sessions {
    /// As real servers let it.
    Resumed,
    /// Every handshake is a full one.
    Forgotten,
}

/// A server's configuration, and the file with the authority that vouches for it: ECDSA, as most servers have it.
pub(super) fn server(sessions: Sessions, folder: &Path) -> Result<(Arc<ServerConfig>, PathBuf), Error> {
    let (mut config, authority) = certified().map_err(|what| Error::part("a certificate", &what))?;
    if sessions == Sessions::Forgotten {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    let file = folder.join("authority.pem");
    fs::write(&file, authority).map_err(Error::io(format!("write {}", file.display())))?;
    Ok((Arc::new(config), file))
}

/// The configuration, and the authority in PEM form.
fn certified() -> Result<(ServerConfig, String), Box<dyn std::error::Error>> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, "bench authority");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    leaf.distinguished_name.push(DnType::CommonName, "bench");
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &authority)?;

    let private_key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private_key)?;
    Ok((config, authority.pem()))
}
