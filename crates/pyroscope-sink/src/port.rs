//! A port that can be closed for a while without being lost to somebody else.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many connections may wait to be accepted.
const QUEUE: u32 = 1024;

/// The port of a sink.
pub(crate) enum Port {
    Open(TcpListener),
    /// Bound, so that nobody else gets it, and not listened on, so that connections are refused.
    Closed(TcpSocket),
}

// === impl Port ===

impl Port {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        bound(address)?.listen(QUEUE).map(Self::Open)
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Open(listener) => listener.local_addr(),
            Self::Closed(socket) => socket.local_addr(),
        }
    }

    /// The next connection; none ever comes while it is closed.
    pub(crate) async fn accept(&self) -> io::Result<TcpStream> {
        match self {
            Self::Open(listener) => listener.accept().await.map(|(stream, _)| stream),
            Self::Closed(_) => std::future::pending().await,
        }
    }

    /// Opens or closes it; what it is already, it stays.
    pub(crate) fn turn(self, open: bool) -> io::Result<Self> {
        match (self, open) {
            (Self::Closed(socket), true) => socket.listen(QUEUE).map(Self::Open),
            (Self::Open(listener), false) => {
                let address = listener.local_addr()?;
                drop(listener);
                bound(address).map(Self::Closed)
            }
            (as_wanted, _) => Ok(as_wanted),
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of the port's life before may still be open.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
