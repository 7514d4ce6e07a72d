//! Which servers are reached without a proxy: `NO_PROXY`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The servers that are reached without a proxy.
///
/// Entries are separated by commas, and each is one of:
/// - `*`: every server
/// - `example.com`: this name and all below it; `.example.com` or `*.example.com`: only those below it
/// - `10.0.0.1`, `fd00::1`: an address; `10.0.0.0/8`, `fd00::/8`: a range of addresses
///
/// All but ranges may have a port, such as `example.com:8080`. Names are not looked up, so that an address never matches
/// a name. These are the rules of Go's `golang.org/x/net/http/httpproxy`; an entry that is none of these matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Everything,
    /// The addresses that have the first `bits` in common with this one.
    Range {
        address: IpAddr,
        bits: u8,
    },
    Address {
        address: IpAddr,
        port: Option<u16>,
    },
    Name {
        /// With a dot before it.
        suffix: String,
        /// Whether the name itself is meant, too.
        itself: bool,
        port: Option<u16>,
    },
}

// === impl NoProxy ===

impl NoProxy {
    /// Reads a list of entries.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let entries = text.split(',').map(|entry| entry.trim().to_ascii_lowercase());
        Self { entries: entries.filter_map(|entry| Entry::parse(&entry)).collect() }
    }

    /// Whether the server at `host` (in small letters; an address without brackets) and `port` is among them.
    #[must_use]
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let address = host.parse().ok().map(|address: IpAddr| address.to_canonical());
        self.entries.iter().any(|entry| entry.matches(host, address, port))
    }
}

// === impl Entry ===

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, bits)) = entry.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits = bits.parse().ok().filter(|bits| *bits <= width(address))?;
            return Some(Self::Range { address, bits });
        }
        let (host, port) = split_port(entry)?;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Self::Address { address: address.to_canonical(), port });
        }
        let name = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        match name.strip_prefix('.') {
            _ if name.is_empty() || name == "." => None,
            Some(_) => Some(Self::Name { suffix: name.to_owned(), itself: false, port }),
            None => Some(Self::Name { suffix: format!(".{name}"), itself: true, port }),
        }
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let fits = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        match self {
            Self::Everything => true,
            Self::Range { address: network, bits } => {
                address.is_some_and(|address| in_range(address, *network, *bits))
            }
            Self::Address { address: wanted, port } => address == Some(*wanted) && fits(port),
            Self::Name { suffix, itself, port } => {
                let named = host.ends_with(suffix) || (*itself && suffix.strip_prefix('.') == Some(host));
                named && fits(port)
            }
        }
    }
}

/// The host without brackets, and the port, where there is one.
fn split_port(entry: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match entry.rsplit_once(':') {
        // An IPv6 address has colons of its own; with a port it stands in brackets.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, if port.is_empty() { None } else { Some(port.parse().ok()?) })
        }
        _ => (entry, None),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Some((bare, port))
}

const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn in_range(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let lost = u32::from(width(network) - bits);
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = Ipv4Addr::to_bits(address) ^ Ipv4Addr::to_bits(network);
            differing.checked_shr(lost).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = Ipv6Addr::to_bits(address) ^ Ipv6Addr::to_bits(network);
            differing.checked_shr(lost).unwrap_or(0) == 0
        }
        _ => false,
    }
}
