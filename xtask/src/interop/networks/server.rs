//! tinyproxy, squid and nginx as processes of our own, on ports of this machine that were free.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::certificates::Certificates;
use crate::error::Error;
use crate::port;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What squid asks whether a password is right, in the places where distributions put it.
const PASSWORD_CHECKS: [&str; 2] = ["/usr/lib/squid/basic_ncsa_auth", "/usr/lib64/squid/basic_ncsa_auth"];

/// Where servers live that are not for everybody's path.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// What all servers are told.
pub(super) struct Setting<'run> {
    /// Where their files go: a folder that every user may enter.
    pub(super) folder: &'run Path,
    /// A name for this machine that squid alone knows.
    pub(super) name: &'run str,
}

/// A process that ends when this is dropped.
pub(super) struct Server {
    pub(super) program: &'static str,
    pub(super) port: u16,
    log: PathBuf,
    _process: Child,
}

/// A TLS front before a receiver.
pub(super) struct Nginx {
    pub(super) server: Server,
    /// Where it closes a connection after each second request.
    pub(super) port: u16,
    /// Where it demands a client certificate.
    pub(super) demanding_port: u16,
    pub(super) has_ipv6: bool,
}

/// Says what is missing, with what gets it.
pub(super) fn all_installed() -> Result<(), Error> {
    let programs =
        [("nginx", "nginx-light"), ("openssl", "openssl"), ("squid", "squid"), ("tinyproxy", "tinyproxy")];
    let missing = programs.into_iter().filter(|(program, _)| find(program).is_none());
    let packages: Vec<_> = missing.map(|(_, package)| package).collect();
    if packages.is_empty() { Ok(()) } else { Err(Error::Packages(packages)) }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

// === impl Server ===

impl Server {
    /// A proxy that knows [`Setting::name`], and wants the password of one of `users`, each as it stands in a URL.
    pub(super) async fn squid(setting: &Setting<'_>, users: &[&str]) -> Result<Self, Error> {
        let (port, folder) = (port::any()?, setting.folder.join("squid"));
        create(&folder)?;
        // Started by root, squid writes as another user.
        let everybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(&folder, everybody).map_err(Error::io(format!("open {}", folder.display())))?;
        let mut passwords = String::new();
        for (name, password) in users.iter().map(|user| decoded(user)) {
            let hash = Command::new("openssl").args(["passwd", "-apr1", &password]).output().await;
            let hash = hash.map_err(Error::io("run openssl"))?.stdout;
            passwords.push_str(&[&name, ":", &String::from_utf8_lossy(&hash)].concat());
        }
        write(&folder.join("passwords"), &passwords)?;
        write(&folder.join("hosts"), &format!("127.0.0.1 {}\n", setting.name))?;
        let check = PASSWORD_CHECKS.into_iter().find(|check| Path::new(check).is_file());
        let check = check.ok_or_else(|| Error::part("squid", &"it comes without basic_ncsa_auth"))?;
        let here = folder.display();
        let config = format!(
            "http_port 127.0.0.1:{port}\n\
             visible_hostname localhost\n\
             hosts_file {here}/hosts\n\
             auth_param basic program {check} {here}/passwords\n\
             auth_param basic children 1\n\
             auth_param basic realm trial\n\
             acl known proxy_auth REQUIRED\n\
             http_access allow known\n\
             http_access deny all\n\
             cache deny all\n\
             pinger_enable off\n\
             access_log stdio:{here}/access.log\n\
             cache_log {here}/cache.log\n\
             coredump_dir {here}\n\
             pid_filename none\n\
             shutdown_lifetime 0 seconds\n"
        );
        let file = folder.join("squid.conf");
        write(&file, &config)?;
        let arguments = ["-N", "-f", &file.display().to_string()].map(str::to_owned);
        Self::start("squid", &arguments, port, &folder, folder.join("access.log")).await
    }

    /// A proxy that wants the password of `user`, and sends everything on to `next` under the same one.
    pub(super) async fn tinyproxy(setting: &Setting<'_>, user: &str, next: &Self) -> Result<Self, Error> {
        let (port, folder) = (port::any()?, setting.folder.join("tinyproxy"));
        create(&folder)?;
        let (name, password) = decoded(user);
        let (log, next_port) = (folder.join("tinyproxy.log"), next.port);
        let config = format!(
            "Port {port}\n\
             Listen 127.0.0.1\n\
             Timeout 60\n\
             LogLevel Connect\n\
             LogFile \"{}\"\n\
             BasicAuth {name} {password}\n\
             Upstream http {name}:{password}@127.0.0.1:{next_port}\n",
            log.display()
        );
        let file = folder.join("tinyproxy.conf");
        write(&file, &config)?;
        let arguments = ["-d", "-c", &file.display().to_string()].map(str::to_owned);
        Self::start("tinyproxy", &arguments, port, &folder, log).await
    }

    async fn start(
        program: &'static str,
        arguments: &[String],
        port: u16,
        folder: &Path,
        log: PathBuf,
    ) -> Result<Self, Error> {
        let output = folder.join("output");
        let create = || fs::File::create(&output).map_err(Error::io(format!("create {}", output.display())));
        let (out, err) = (create()?, create()?);
        let mut command = Command::new(find(program).unwrap_or_else(|| PathBuf::from(program)));
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
        let mut process = command.spawn().map_err(Error::io(format!("start {program}")))?;
        let listens = async {
            loop {
                if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
                    return true;
                }
                if !matches!(process.try_wait(), Ok(None)) {
                    return false;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PATIENCE, listens).await == Ok(true) {
            return Ok(Self { program, port, log, _process: process });
        }
        let log = fs::read_to_string(&output).unwrap_or_default();
        Err(Error::Part { part: program, what: format!("nobody listens on port {port}"), log })
    }

    /// What it has written down of requests.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

// === impl Nginx ===

impl Nginx {
    /// A front before `sink`.
    pub(super) async fn start(
        setting: &Setting<'_>,
        certificates: &Certificates,
        sink: SocketAddr,
    ) -> Result<Self, Error> {
        let (port, demanding_port, folder) = (port::any()?, port::any()?, setting.folder.join("nginx"));
        create(&folder)?;
        let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok();
        let ipv6 = if has_ipv6 { format!("listen [::1]:{port} ssl;") } else { String::new() };
        let here = folder.display();
        let Certificates { authority, server, server_key, .. } = certificates;
        let (authority, server, key) = (authority.display(), server.display(), server_key.display());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/{kind};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off;\n\
             pid {here}/nginx.pid;\n\
             error_log {here}/error.log;\n\
             events {{}}\n\
             http {{\n\
             log_format trial '$request $status client=$ssl_client_verify resumed=$ssl_session_reused';\n\
             access_log {here}/access.log trial;\n\
             {temporary}\
             ssl_certificate {server}; ssl_certificate_key {key};\n\
             ssl_session_cache shared:sessions:1m;\n\
             keepalive_requests 2;\n\
             server {{ listen 127.0.0.1:{port} ssl; {ipv6} location / {{ proxy_pass http://{sink}; }} }}\n\
             server {{ listen 127.0.0.1:{demanding_port} ssl;\n\
             ssl_client_certificate {authority}; ssl_verify_client on;\n\
             location / {{ proxy_pass http://{sink}; }} }}\n\
             }}\n"
        );
        let file = folder.join("nginx.conf");
        write(&file, &config)?;
        let arguments =
            ["-e", &format!("{here}/error.log"), "-p", &here.to_string(), "-c", &file.display().to_string()]
                .map(str::to_owned);
        let server = Server::start("nginx", &arguments, port, &folder, folder.join("access.log")).await?;
        Ok(Self { server, port, demanding_port, has_ipv6 })
    }
}

fn create(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))
}

fn write(file: &Path, text: &str) -> Result<(), Error> {
    fs::write(file, text).map_err(Error::io(format!("write {}", file.display())))
}

/// User and password in clear, of what stands in a URL before the host.
fn decoded(user: &str) -> (String, String) {
    let clear = |text: &str| {
        let mut pieces = text.split('%');
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |clear, piece| {
            let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
            let character = u8::from_str_radix(digits, 16).map_or('%', char::from);
            format!("{clear}{character}{rest}")
        })
    };
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    (clear(name), clear(password))
}
