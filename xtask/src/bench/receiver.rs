//! The remote server, as cheap as it can be: every request is read whole, counted and answered with 200.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::http;

/// A server that takes uploads.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    uploads: Arc<AtomicUsize>,
}

// === impl Receiver ===

impl Receiver {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let uploads = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&uploads);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let counter = Arc::clone(&counter);
                thread::spawn(move || serve(connection, &counter));
            }
        });
        Ok(Self { address, uploads })
    }

    /// Waits until `expected` uploads are here, or none has come for `patience`. Returns how many there are.
    pub(super) fn wait_for(&self, expected: usize, patience: Duration) -> usize {
        let mut last = (self.uploads.load(Ordering::Relaxed), Instant::now());
        while last.0 < expected && last.1.elapsed() < patience {
            thread::sleep(Duration::from_millis(5));
            let uploads = self.uploads.load(Ordering::Relaxed);
            if uploads != last.0 {
                last = (uploads, Instant::now());
            }
        }
        last.0
    }
}

fn serve(mut connection: TcpStream, uploads: &AtomicUsize) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = Vec::new();
    while http::read_message(&mut connection, &mut request)? {
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        uploads.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
