//! The servers, and what is tried with them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use pyroscope_sink::{Options, Sink};

use super::certificates::{Certificates, Key};
use super::server::{Nginx, Server, Setting};
use super::trial::{Trial, Variables};
use crate::error::Error;

/// The remote's name, which squid alone knows: whatever arrives under it came through squid.
const NAME: &str = "pyroscope.test";

/// As they stand in a URL.
const TINYPROXY_USER: &str = "tiny:t1ny";
const SQUID_USER: &str = "squ%69d:p%40ss%3Aw%2Frd";

/// Two receivers and everything that stands before them.
pub(super) struct Scene {
    plain: Sink,
    secure: Sink,
    squid: Server,
    /// It sends everything on to squid.
    tinyproxy: Server,
    nginx: Nginx,
    certificates: Certificates,
    /// The authority of the secure receiver.
    authority: PathBuf,
    _open: OpenFolder,
}

/// A folder that everybody may enter: squid gives up the rights of root, and a checkout may be private.
struct OpenFolder(PathBuf);

// === impl OpenFolder ===

impl OpenFolder {
    fn create() -> Result<Self, Error> {
        let folder = env::temp_dir().join(format!("interop-networks-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for OpenFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

// === impl Scene ===

impl Scene {
    /// Starts everything.
    pub(super) async fn set(folder: &Path) -> Result<Self, Error> {
        let (plain, secure) =
            (sink(Options::default()).await?, sink(Options::default().tls_name(NAME)).await?);
        let authority = folder.join("sink.pem");
        secure.write_ca_pem(&authority).map_err(|error| Error::part("the sink", &error))?;
        let certificates = Certificates::issue(folder, NAME).await?;
        let open = OpenFolder::create()?;
        let setting = Setting { folder: &open.0, name: NAME };
        let squid = Server::squid(&setting, &[SQUID_USER, TINYPROXY_USER]).await?;
        let tinyproxy = Server::tinyproxy(&setting, TINYPROXY_USER, &squid).await?;
        let nginx = Nginx::start(&setting, &certificates, plain.addr()).await?;
        Ok(Self { plain, secure, squid, tinyproxy, nginx, certificates, authority, _open: open })
    }

    /// To a receiver whose name needs a proxy.
    pub(super) fn through_proxies(&self) -> Vec<Trial<'_>> {
        let (squid, tinyproxy) = (&self.squid, &self.tinyproxy);
        let https = format!("https://{NAME}:{}", self.secure.addr().port());
        let http = format!("http://{NAME}:{}", self.plain.addr().port());
        let (connect, post) =
            (format!("CONNECT {NAME}:{}", self.secure.addr().port()), format!("POST {http}/"));
        let tunnel = |title, proxy: &Server, user| {
            Trial::new(title, &https, &self.secure)
                .set(&[("PYROSCOPE_TLS_CA_FILE", self.authority.display().to_string())])
                .set(&proxies(proxy, user))
        };
        let forward =
            |title, proxy: &Server, user| Trial::new(title, &http, &self.plain).set(&proxies(proxy, user));
        let refused = |proxy: &Server| format!("127.0.0.1:{} (HTTPS_PROXY) answered 40", proxy.port);
        vec![
            tunnel("a tunnel through squid", squid, SQUID_USER).by_way_of(squid, &connect),
            forward("forwarded by squid", squid, SQUID_USER).by_way_of(squid, &post),
            tunnel("a tunnel through tinyproxy, and squid behind it", tinyproxy, TINYPROXY_USER)
                .by_way_of(tinyproxy, &connect)
                .by_way_of(squid, &connect),
            forward("forwarded by tinyproxy, and squid behind it", tinyproxy, TINYPROXY_USER)
                .by_way_of(tinyproxy, &post)
                .by_way_of(squid, &post),
            tunnel("a wrong password for a tunnel through squid", squid, "squid:wr0ng").told(refused(squid)),
            forward("a wrong password for squid to forward", squid, "squid:wr0ng")
                .told("answered 407".to_owned()),
            tunnel("a wrong password for a tunnel through tinyproxy", tinyproxy, "tiny:wr0ng")
                .told(refused(tinyproxy)),
        ]
    }

    /// To nginx, which has a private authority, and closes a connection after each second request.
    pub(super) fn to_fronts(&self) -> Vec<Trial<'_>> {
        let Self { nginx, plain, squid, .. } = self;
        let trusting = [("PYROSCOPE_TLS_CA_FILE", self.certificates.authority.display().to_string())];
        let trial = |title, address: &str| Trial::new(title, address, plain).set(&trusting);
        let (by_name, strict) = (
            format!("https://localhost:{}", nginx.port),
            format!("https://127.0.0.1:{}", nginx.demanding_port),
        );
        let mut trials = vec![
            trial("nginx with a private authority", &by_name)
                .set(&proxies(squid, SQUID_USER)) // which is not for this machine
                .by_way_of(&nginx.server, " 200 client=NONE resumed=r"),
        ];
        if nginx.has_ipv6 {
            let address = format!("https://[::1]:{}", nginx.port);
            trials.push(
                trial("nginx at an IPv6 address", &address).by_way_of(&nginx.server, " 200 client=NONE"),
            );
        }
        for key in &self.certificates.keys {
            trials.push(
                trial(key.form, &strict)
                    .set(&showing(key))
                    .by_way_of(&nginx.server, " 200 client=SUCCESS resumed=r"),
            );
        }
        trials.push(
            trial("no client certificate where nginx demands one", &strict)
                .told("No required SSL certificate was sent".to_owned()),
        );
        let far = format!("https://{NAME}:{}", nginx.demanding_port);
        trials.extend(self.certificates.keys.first().map(|key| {
            trial("nginx that demands a client certificate, through squid", &far)
                .set(&showing(key))
                .set(&proxies(squid, SQUID_USER))
                .by_way_of(squid, &format!("CONNECT {NAME}:{}", nginx.demanding_port))
                .by_way_of(&nginx.server, " 200 client=SUCCESS")
        }));
        trials
    }
}

async fn sink(options: Options) -> Result<Sink, Error> {
    Sink::start(options).await.map_err(|error| Error::part("the sink", &error))
}

/// Both variables: what must not go through a proxy would show in its log.
fn proxies(server: &Server, user: &str) -> Variables {
    let proxy = format!("http://{user}@127.0.0.1:{}", server.port);
    vec![("HTTPS_PROXY", proxy.clone()), ("HTTP_PROXY", proxy)]
}

fn showing(key: &Key) -> Variables {
    vec![
        ("PYROSCOPE_TLS_CERT_FILE", key.certificate.display().to_string()),
        ("PYROSCOPE_TLS_KEY_FILE", key.path.display().to_string()),
    ]
}
