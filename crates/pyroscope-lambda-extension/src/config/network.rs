//! The way to servers: proxies and TLS.

use std::path::PathBuf;

use super::proxy::Proxies;
use super::reader::Reader;
use super::variable as var;
use super::warning::Warning;

/// How servers are reached.
#[derive(Clone, Debug, Default)]
pub struct NetworkSettings {
    /// Which of them through a proxy.
    pub proxies: Proxies,
    /// How they prove who they are, and how the extension does.
    pub tls: TlsSettings,
}

/// Whom to trust, and what to show. The files are read when the first connection is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM files with certificates that are trusted besides the compiled-in ones.
    pub authorities: Vec<CertificateFile>,
    /// What the extension shows to a server that asks for a certificate.
    pub identity: Option<Identity>,
    /// Whether the server's certificate is not looked at.
    pub insecure: bool,
}

/// A file with the variable that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    /// The variable's name.
    pub variable: &'static str,
    /// The file's path, which is absolute.
    pub path: PathBuf,
}

/// A client's certificate and its private key. They may be in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, with those that lead from it to its authority.
    pub certificate: CertificateFile,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: CertificateFile,
}

// === impl NetworkSettings ===

impl NetworkSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { proxies: Proxies::read(reader), tls: TlsSettings::read(reader) }
    }

    /// The settings for servers that are not the remote, such as those of AWS: the same proxies and authorities, but
    /// neither the remote's client certificate nor its lack of checks.
    #[must_use]
    pub fn for_other_servers(&self) -> Self {
        let tls = TlsSettings { identity: None, insecure: false, ..self.tls.clone() };
        Self { proxies: self.proxies.clone(), tls }
    }
}

// === impl TlsSettings ===

impl TlsSettings {
    fn read(reader: &mut Reader<'_>) -> Self {
        let mut file = |variable: &'static var::Variable| {
            reader.path(variable).map(|path| CertificateFile { variable: variable.name, path })
        };
        let authorities =
            [&var::SSL_CERT_FILE, &var::TLS_CA_FILE].into_iter().filter_map(&mut file).collect();
        let (certificate, key) = (file(&var::TLS_CERT_FILE), file(&var::TLS_KEY_FILE));
        let identity = certificate.clone().or(key.clone()).zip(key.or(certificate));
        let insecure = reader.value(&var::TLS_INSECURE_SKIP_VERIFY, super::parse_bool).unwrap_or_default();
        if insecure {
            reader.warn(Warning::Insecure);
        }
        Self {
            authorities,
            identity: identity.map(|(certificate, key)| Identity { certificate, key }),
            insecure,
        }
    }
}
