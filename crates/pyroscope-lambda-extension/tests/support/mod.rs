//! What the tests of the whole program share.
//!
//! # Layout
//! - `extension`: the program itself, as a process
//! - `platform`: an Extensions API that answers as it is told
//! - `aws`: a stand-in for Secrets Manager and the Parameter Store
//! - `embedded_metrics`: what a line of CloudWatch's embedded metric format must be
//! - `http`: requests and answers over bare sockets
//! - `profiles`: what an SDK sends
//! - `proxy`: an HTTP proxy that sends everything to one server
//! - `certificates`: an authority and what it vouches for
//! - `tls`: certificates of every kind
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "each test file uses its part; a test may panic"
)]

pub mod aws;
pub mod certificates;
pub mod embedded_metrics;
pub mod extension;
pub mod http;
pub mod platform;
pub mod profiles;
pub mod proxy;
pub mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use pyroscope_sink::{Arrivals, Behaviour, Options, Sink};
use tokio::net::TcpSocket;

pub use self::aws::Aws;
pub use self::extension::Extension;
pub use self::http::Connection;
pub use self::platform::{Platform, Reply};
pub use self::proxy::{Proxy, ProxyAnswer};

/// How long anything may take before a test gives up on it. Nothing waits this long where all is well.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A Pyroscope server.
pub async fn sink() -> Sink {
    sink_with(Options::default()).await
}

/// A Pyroscope server that misbehaves.
pub async fn sink_that(behaves: Behaviour) -> Sink {
    sink_with(Options::default().behaviour(behaves)).await
}

pub async fn sink_with(options: Options) -> Sink {
    Sink::start(options).await.unwrap()
}

/// Waits until `count` requests have come, whatever became of them.
pub async fn requests(sink: &Sink, count: usize) -> Arrivals {
    sink.wait_until(|arrivals| arrivals.len() >= count, PATIENCE).await.unwrap()
}

/// Waits until `count` requests have been answered with a 2xx.
pub async fn accepted(sink: &Sink, count: usize) -> Arrivals {
    sink.wait_until(|arrivals| arrivals.accepted().count() >= count, PATIENCE).await.unwrap()
}

/// A port that nobody listens on, on either loopback address.
///
/// It is below those that the system hands out for port 0 and for outgoing connections, and each test program starts
/// to look in a place of its own, so that nobody takes it before the extension does. It is bound but not listened on: a process
/// that another test forks at this moment has the socket, too, until it becomes another program, and would be connected to in
/// the extension's place.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let own = u16::try_from(std::process::id() % 200).unwrap();
        let port = 12_000 + own * 100 + NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        let free = |socket: std::io::Result<TcpSocket>, host: IpAddr| {
            let bound = socket.and_then(|socket| {
                socket.set_reuseaddr(true)?;
                socket.bind((host, port).into())
            });
            bound.err().is_none_or(|error| error.kind() != std::io::ErrorKind::AddrInUse)
        };
        if free(TcpSocket::new_v4(), Ipv4Addr::LOCALHOST.into())
            && free(TcpSocket::new_v6(), Ipv6Addr::LOCALHOST.into())
        {
            return port;
        }
    }
}
