//! The remote server, as cheap as it can be: every request is read whole, counted and answered with 200.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::http;
use super::tls::{self, Sessions};
use crate::error::Error;

/// How long the bench waits for the next upload before it takes the rest for lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a server treats what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It answers, and keeps the connection.
    Keep,
    /// It answers, and closes the connection.
    Close,
    /// It reads, and never answers.
    Silent,
}

/// Whether a server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    Plain,
    Tls(Sessions),
}

/// How to get to a server.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) address: SocketAddr,
    /// The file with the authority to trust, where it speaks TLS.
    pub(super) authority: Option<PathBuf>,
}

/// A server that takes uploads.
pub(super) struct Receiver {
    pub(super) remote: Remote,
    uploads: Arc<Uploads>,
}

/// How many uploads have come.
#[derive(Default)]
struct Uploads {
    count: Mutex<usize>,
    more: Condvar,
}

// === impl Remote ===

impl Remote {
    /// Nobody: what is uploaded there is refused.
    pub(super) fn nowhere() -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)), authority: None }
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

// === impl Receiver ===

impl Receiver {
    /// Starts a server; `folder` is for the certificate of its authority.
    pub(super) fn start(manner: Manner, security: Security, folder: &Path) -> Result<Self, Error> {
        let listening = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = listener.local_addr()?;
            io::Result::Ok((listener, address))
        };
        let (listener, address) = listening().map_err(Error::io("start the remote server"))?;
        let (config, authority) = match security {
            Security::Plain => (None, None),
            Security::Tls(sessions) => {
                let (config, authority) = tls::server(sessions, folder)?;
                (Some(config), Some(authority))
            }
        };
        let uploads = Arc::new(Uploads::default());
        let counter = Arc::clone(&uploads);
        // The threads end with their connections, and this one with the bench: it waits, and costs nothing.
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (counter, config) = (Arc::clone(&counter), config.clone());
                thread::spawn(move || serve(connection, config, manner, &counter));
            }
        });
        Ok(Self { remote: Remote { address, authority }, uploads })
    }

    /// How many uploads have come so far.
    pub(super) fn count(&self) -> usize {
        *self.uploads.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `expected` uploads are here, or none has come for a while. Returns how many there are.
    pub(super) fn wait_for(&self, expected: usize) -> usize {
        let mut count = self.uploads.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count < expected {
            let (now, since) = (*count, Instant::now());
            let waited = self.uploads.more.wait_timeout(count, PATIENCE);
            count = waited.unwrap_or_else(PoisonError::into_inner).0;
            if *count == now && since.elapsed() >= PATIENCE {
                break;
            }
        }
        *count
    }
}

// === impl Uploads ===

impl Uploads {
    fn add(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.more.notify_all();
    }
}

fn serve(
    connection: TcpStream,
    config: Option<Arc<ServerConfig>>,
    manner: Manner,
    uploads: &Uploads,
) -> io::Result<()> {
    connection.set_nodelay(true)?;
    match config {
        None => answer(connection, manner, uploads),
        Some(config) => {
            let session = ServerConnection::new(config).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(session, connection);
            let done = answer(&mut stream, manner, uploads);
            stream.conn.send_close_notify();
            // Whoever has gone need not know.
            let _ = stream.flush();
            done
        }
    }
}

fn answer(mut connection: impl Read + Write, manner: Manner, uploads: &Uploads) -> io::Result<()> {
    let mut request = Vec::new();
    while http::read_message(&mut connection, &mut request)? {
        let close = match manner {
            Manner::Keep => "",
            Manner::Close => "Connection: close\r\n",
            Manner::Silent => continue,
        };
        connection.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{close}\r\n").as_bytes())?;
        uploads.add();
        if manner == Manner::Close {
            break;
        }
    }
    Ok(())
}
