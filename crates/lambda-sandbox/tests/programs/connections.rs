//! Connections that stay open: to somebody outside, and from the runtime to an extension.
#![allow(dead_code, reason = "each program uses its own part")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// Opens a connection, and says when it ends.
pub(crate) fn hold(address: &str) {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    std::thread::spawn(move || {
        let end = stream.read(&mut [0]);
        println!("connection ended {:?}", end.map_err(|error| error.kind()));
    });
}

/// Listens, writes to `file` where, and sends everything back.
pub(crate) fn relay(file: &str) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::fs::write(file, address.to_string()).expect("the file can be written");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut byte = [0];
            while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
        }
    });
}

/// A connection to the relay whose address is in `file`.
pub(crate) fn to_relay(file: &str) -> TcpStream {
    let address = std::fs::read_to_string(file).expect("the relay has written it");
    TcpStream::connect(address).expect("the relay listens")
}

/// Whether a byte comes back.
pub(crate) fn ask(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.write_all(b"?")?;
    stream.read_exact(&mut [0])
}
