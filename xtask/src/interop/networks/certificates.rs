//! An authority, a server's certificate, and clients' keys in every form: made by OpenSSL, as most people's are.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::error::Error;

/// Files in PEM.
pub(super) struct Certificates {
    pub(super) authority: PathBuf,
    pub(super) server: PathBuf,
    pub(super) server_key: PathBuf,
    pub(super) keys: Vec<Key>,
}

/// A client's key and its certificate.
pub(super) struct Key {
    /// What is tried with it, as a title.
    pub(super) form: &'static str,
    pub(super) path: PathBuf,
    pub(super) certificate: PathBuf,
}

/// How OpenSSL is asked for keys: the form of the file, the algorithm, and the line that such a file begins with.
const FORMS: [(&str, &str, &[&str], &str); 4] = [
    ("an RSA client key in PKCS#1", "rsa", &["rsa", "-traditional"], "-----BEGIN RSA PRIVATE KEY-----"),
    ("an RSA client key in PKCS#8", "rsa", &["pkey"], "-----BEGIN PRIVATE KEY-----"),
    ("an EC client key in SEC1", "ec", &["ec"], "-----BEGIN EC PRIVATE KEY-----"),
    ("an EC client key in PKCS#8", "ec", &["pkey"], "-----BEGIN PRIVATE KEY-----"),
];

// === impl Certificates ===

impl Certificates {
    /// Writes all of them into `folder`; the server's is for `name` and this machine.
    pub(super) async fn issue(folder: &Path, name: &str) -> Result<Self, Error> {
        let file = |name: &str| folder.join(name);
        let (authority, authority_key) = (file("authority.pem"), file("authority.key"));
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let rsa = ["-newkey", "rsa:2048"];
        request(&ec, "the trial's authority", &authority_key, &authority, &[]).await?;

        let issued_by =
            [OsStr::new("-CA"), authority.as_os_str(), OsStr::new("-CAkey"), authority_key.as_os_str()];
        let end = ["-addext", "basicConstraints=critical,CA:FALSE"].map(OsStr::new);
        let names = format!("subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1,IP:::1");
        let (server, server_key) = (file("server.pem"), file("server.key"));
        let names = [OsStr::new("-addext"), OsStr::new(&names)];
        request(&ec, name, &server_key, &server, &[&issued_by[..], &end, &names].concat()).await?;

        let mut keys = Vec::new();
        for (number, (form, algorithm, conversion, begins)) in FORMS.into_iter().enumerate() {
            let (certificate, key) =
                (file(&format!("client{number}.pem")), file(&format!("client{number}.key")));
            let made = file("client.key");
            let algorithm = if algorithm == "rsa" { &rsa[..] } else { &ec };
            request(algorithm, "a function", &made, &certificate, &[&issued_by[..], &end].concat()).await?;
            let files = [OsStr::new("-in"), made.as_os_str(), OsStr::new("-out"), key.as_os_str()];
            openssl(conversion.iter().map(OsStr::new).chain(files)).await?;
            let written = fs::read_to_string(&key).map_err(Error::io(format!("read {}", key.display())))?;
            if !written.contains(begins) {
                return Err(Error::part("openssl", &format!("{} has no {begins}", key.display())));
            }
            keys.push(Key { form, path: key, certificate });
        }
        Ok(Self { authority, server, server_key, keys })
    }
}

/// A certificate for a new key, self-signed unless `more` says otherwise.
async fn request(
    algorithm: &[&str],
    name: &str,
    key: &Path,
    certificate: &Path,
    more: &[&OsStr],
) -> Result<(), Error> {
    let name = format!("/CN={name}");
    let fixed = ["req", "-x509", "-nodes", "-days", "2", "-subj", &name];
    let files = [OsStr::new("-keyout"), key.as_os_str(), OsStr::new("-out"), certificate.as_os_str()];
    let words = fixed.iter().chain(algorithm).map(OsStr::new);
    openssl(words.chain(files).chain(more.iter().copied())).await
}

async fn openssl<'a>(arguments: impl Iterator<Item = &'a OsStr>) -> Result<(), Error> {
    let output = Command::new("openssl").args(arguments).output().await;
    let output = output.map_err(Error::io("run openssl"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::part("openssl", &String::from_utf8_lossy(&output.stderr)))
}
