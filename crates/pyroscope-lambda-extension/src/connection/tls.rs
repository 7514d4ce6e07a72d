//! TLS: rustls with ring, and roots that are compiled in.

mod unchecked;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, ConfigBuilder, RootCertStore, WantsVerifier};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use self::unchecked::Unchecked;
use crate::blocking;
use crate::config::{CertificateFile, Identity, TlsSettings};
use crate::net::BoxStream;

/// TLS, set up at the first connection: before the first poll of `next` nobody should wait for it.
#[derive(Debug)]
pub(super) struct Tls {
    settings: TlsSettings,
    /// For every connection: HTTP/1.1, sessions resumed where the server offers it.
    config: Mutex<Option<Arc<ClientConfig>>>,
    /// Held while files are read: connections that open together read them, and tell what is wrong with them, once.
    reading: Semaphore,
}

/// A file is not all that it should be.
#[derive(Debug, thiserror::Error)]
#[error("{variable}={path:?}: {fault}; {instead}", path = .path.display())]
struct FileError {
    variable: &'static str,
    path: PathBuf,
    fault: String,
    /// What holds instead, and what to do.
    instead: &'static str,
}

const BUILT_IN: &str = "the built-in certificate authorities are trusted";
const NO_IDENTITY: &str = "nothing is sent without the client certificate (write the path of a PEM file)";

// === impl Tls ===

impl Tls {
    pub(super) fn new(settings: &TlsSettings) -> Self {
        Self { settings: settings.clone(), config: Mutex::default(), reading: Semaphore::new(1) }
    }

    /// Puts TLS around `stream`, at whose other end has to be `host`.
    pub(super) async fn connect(&self, host: &str, stream: BoxStream) -> io::Result<BoxStream> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connected = TlsConnector::from(self.config().await?).connect(name, stream).await;
        Ok(Box::new(connected?))
    }

    /// Forgets sessions, and what was read from files.
    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    async fn config(&self) -> io::Result<Arc<ClientConfig>> {
        let _one_at_a_time = self.reading.acquire().await;
        if let Some(config) = &*self.lock() {
            return Ok(Arc::clone(config));
        }
        let settings = self.settings.clone();
        let config = if settings.authorities.is_empty() && settings.identity.is_none() {
            client_config(&settings)?
        } else {
            // A file may be on a network that hangs.
            blocking::run(move || client_config(&settings)).await??
        };
        Ok(Arc::clone(self.lock().get_or_insert(config)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<ClientConfig>>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the files. What is wrong with authorities is logged: to trust fewer than was asked for is safe. Without the
/// identity nothing is to be sent.
///
/// No directory is scanned: that is what makes native roots cost tens of milliseconds.
fn client_config(settings: &TlsSettings) -> io::Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = verifying(builder, settings, provider);
    let Some(Identity { certificate, key }) = &settings.identity else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let chain = certificates(certificate, NO_IDENTITY).map_err(io::Error::other)?;
    let private = private_key(key).map_err(io::Error::other)?;
    let config = builder.with_client_auth_cert(chain, private).map_err(|error| {
        let fault = match error {
            rustls::Error::InconsistentKeys(_) => {
                format!("its key is not that of the certificate in {}", certificate.path.display())
            }
            other => other.to_string(),
        };
        io::Error::other(FileError::new(key, fault, NO_IDENTITY))
    })?;
    Ok(Arc::new(config))
}

type Builder = ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn verifying(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Builder {
    if settings.insecure {
        return builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider)));
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for file in &settings.authorities {
        if let Err(problem) = add_roots(&mut roots, file) {
            tracing::error!("{problem}");
        }
    }
    builder.with_root_certificates(roots)
}

fn add_roots(roots: &mut RootCertStore, file: &CertificateFile) -> Result<(), FileError> {
    match roots.add_parsable_certificates(certificates(file, BUILT_IN)?) {
        (_, 0) => Ok(()),
        (used, unused) => {
            let fault = format!("{unused} of its certificates can't be used, {used} can");
            Err(FileError::new(file, fault, BUILT_IN))
        }
    }
}

fn certificates(
    file: &CertificateFile,
    instead: &'static str,
) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let bytes = read(file, instead)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(FileError::new(file, "no certificate in PEM form in it".to_owned(), instead))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(FileError::new(file, error.to_string(), instead)),
    }
}

fn private_key(file: &CertificateFile) -> Result<PrivateKeyDer<'static>, FileError> {
    let bytes = read(file, NO_IDENTITY)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        let fault = if memchr::memmem::find(&bytes, b"ENCRYPTED").is_some() {
            "its private key is encrypted; `openssl pkey` decrypts it"
        } else {
            "no private key in PEM form in it"
        };
        FileError::new(file, fault.to_owned(), NO_IDENTITY)
    })
}

fn read(file: &CertificateFile, instead: &'static str) -> Result<Vec<u8>, FileError> {
    // Something other than a file, such as a pipe, might not end.
    let is_file = |path: &Path| fs::metadata(path).map(|metadata| metadata.is_file());
    match is_file(&file.path).and_then(|is_file| is_file.then(|| fs::read(&file.path)).transpose()) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(FileError::new(file, "not a file".to_owned(), instead)),
        Err(error) => Err(FileError::new(file, error.to_string(), instead)),
    }
}

// === impl FileError ===

impl FileError {
    fn new(file: &CertificateFile, fault: String, instead: &'static str) -> Self {
        Self { variable: file.variable, path: file.path.clone(), fault, instead }
    }
}

/// Whether `error` is the server's word that it does not take our certificate, or wants one (RFC 8446, section 6.2).
#[must_use]
pub const fn is_about_our_certificate(error: &rustls::Error) -> bool {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, DecryptError, UnknownCA, UnsupportedCertificate,
    };
    matches!(
        error,
        rustls::Error::AlertReceived(
            AccessDenied
                | BadCertificate
                | CertificateExpired
                | CertificateRequired
                | CertificateRevoked
                | CertificateUnknown
                | DecryptError
                | UnknownCA
                | UnsupportedCertificate
        )
    )
}
