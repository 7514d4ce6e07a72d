//! A remote that is far away: a TCP relay that holds back every byte for as long as light would.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

const CHUNK: usize = 64 * 1024;

/// A way to a server that takes a while in each direction. Its connections end with it.
#[derive(Debug)]
pub(crate) struct Distance {
    pub(crate) address: SocketAddr,
    accepting: AbortHandle,
}

// === impl Distance ===

impl Distance {
    /// A way to `server`, there and back in `round_trip`; for ever where there is none.
    pub(crate) async fn to(server: SocketAddr, round_trip: Option<Duration>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(carry(stream, server, round_trip));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, accepting: accepting.abort_handle() })
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(near: TcpStream, server: SocketAddr, round_trip: Option<Duration>) -> io::Result<()> {
    let Some(round_trip) = round_trip else {
        let _open = near;
        return std::future::pending().await;
    };
    let far = TcpStream::connect(server).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    // The kernel here has answered the client's SYN at once: the first bytes pay for that round trip.
    let there = pump(near_read, far_write, round_trip / 2, round_trip);
    let back = pump(far_read, near_write, round_trip / 2, Duration::ZERO);
    tokio::try_join!(there, back).map(drop)
}

/// Carries bytes over, each of them `delay` late, and nothing before `first` has passed, too.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
    first: Duration,
) -> io::Result<()> {
    let opened = Instant::now() + first;
    let (under_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        loop {
            let mut chunk = vec![0; CHUNK];
            let length = from.read(&mut chunk).await?;
            chunk.truncate(length);
            let due = Instant::now().max(opened) + delay;
            // An empty chunk is the end, and takes its time, too.
            if under_way.send((due, chunk)).is_err() || length == 0 {
                return Ok::<_, io::Error>(());
            }
        }
    };
    let writing = async move {
        while let Some((due, chunk)) = arriving.recv().await {
            sleep_until(due).await;
            if chunk.is_empty() {
                break;
            }
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(reading, writing).map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::Distance;

    #[tokio::test]
    async fn an_exchange_takes_a_round_trip_and_the_first_one_takes_two() {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let round_trip = Duration::from_millis(40);
        let distance = Distance::to(server.local_addr().unwrap(), Some(round_trip)).await.unwrap();
        let echo = tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut byte = [0];
            while stream.read(&mut byte).await.unwrap() > 0 {
                stream.write_all(&byte).await.unwrap();
            }
        });
        let mut stream = TcpStream::connect(distance.address).await.unwrap();
        for at_least in [2, 1, 1] {
            let since = Instant::now();
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            assert!(since.elapsed() >= round_trip * at_least, "{:?}", since.elapsed());
        }
        drop(stream);
        echo.await.unwrap();
    }
}
