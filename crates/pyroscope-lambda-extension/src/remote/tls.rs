//! TLS towards the remote: rustls with ring, and roots that are compiled in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// `SSL_CERT_FILE` is not all that it should be. The built-in certificate authorities are trusted in any case.
#[derive(Debug, thiserror::Error)]
#[error("SSL_CERT_FILE={path:?}: {reason}; the built-in certificate authorities are trusted", path = .path.display())]
pub(super) struct ExtraRootsError {
    path: PathBuf,
    reason: String,
}

/// The configuration of every connection: HTTP/1.1, sessions resumed where the remote offers it.
///
/// The disk is read for `extra_roots` alone, never scanned: that is what makes native roots cost tens of milliseconds.
pub(super) fn client_config(
    extra_roots: Option<&Path>,
) -> (Result<Arc<ClientConfig>, rustls::Error>, Option<ExtraRootsError>) {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let problem = extra_roots.and_then(|path| add_roots(&mut roots, path).err());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|builder| Arc::new(builder.with_root_certificates(roots).with_no_client_auth()));
    (config, problem)
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), ExtraRootsError> {
    let error = |reason| ExtraRootsError { path: path.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|problem| error(problem.to_string()))?;
    match roots.add_parsable_certificates(certificates) {
        (0, 0) => Err(error("no certificate in PEM form in it; it is not used".to_owned())),
        (_, 0) => Ok(()),
        (used, unused) => Err(error(format!("{unused} of its certificates can't be used, {used} can"))),
    }
}
