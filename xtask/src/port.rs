//! The port of the relay.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use crate::error::Error;

/// The port that every SDK is told, and the only one that other extensions know.
pub(crate) const RELAY: u16 = 4040;

/// [`RELAY`] where it is free on both loopback addresses, else any other.
pub(crate) fn relay() -> Result<u16, Error> {
    if is_free(RELAY) { Ok(RELAY) } else { any() }
}

/// A port that is free just now.
pub(crate) fn any() -> Result<u16, Error> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(free.map_err(Error::io("find a free port"))?.port())
}

/// Whether nobody listens on `port` of the loopback addresses.
pub(crate) fn is_free(port: u16) -> bool {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    loopback.into_iter().all(|address| match TcpListener::bind((address, port)) {
        Ok(_) => true,
        // A machine without IPv6 can't listen on ::1 at all.
        Err(error) => error.kind() == io::ErrorKind::AddrNotAvailable,
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::is_free;

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();

        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
