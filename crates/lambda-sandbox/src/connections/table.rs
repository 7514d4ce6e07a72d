//! The kernel's table of TCP sockets, and which of them are the sandbox's.
//!
//! It is read in the sandbox's own network namespace: a process that has gone into another keeps its connections.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Connection;

const LISTEN: &str = "0A";

/// A line of `/proc/net/tcp` or `/proc/net/tcp6`.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    listens: bool,
    /// 0 where no process holds it: not accepted yet, or closed already.
    inode: u64,
}

/// All sockets of this machine, with the names of the processes that hold them where these are the sandbox's.
pub(super) struct Table<'a> {
    sockets: Vec<Socket>,
    owners: &'a HashMap<u64, String>,
}

/// The sockets that the processes of these groups hold, by inode, with the group's name.
pub(super) fn owners(groups: &HashMap<u32, String>) -> HashMap<u64, String> {
    let mut owners = HashMap::new();
    for pid in processes() {
        if let Some(name) = group_of(pid).and_then(|group| groups.get(&group)) {
            owners.extend(inodes_of(pid).into_iter().map(|inode| (inode, name.clone())));
        }
    }
    owners
}

/// The sockets that a process holds; none where it has gone meanwhile.
pub(super) fn inodes_of(pid: u32) -> HashSet<u64> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links.filter_map(|link| inode(link.to_str()?)).collect()
}

/// All TCP sockets that somebody holds.
pub(super) fn inodes() -> io::Result<Vec<u64>> {
    Ok(sockets()?.into_iter().map(|socket| socket.inode).collect())
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// The process group: the third field after the name, which may itself hold spaces and parentheses.
fn group_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// The inode in `socket:[123]`.
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn sockets() -> io::Result<Vec<Socket>> {
    let text = fs::read_to_string("/proc/self/net/tcp")?;
    // A kernel without version 6 has no such file.
    let text6 = fs::read_to_string("/proc/self/net/tcp6").unwrap_or_default();
    Ok(text.lines().chain(text6.lines()).filter_map(socket).collect())
}

/// `sl local remote state queues timer retransmits uid timeout inode …`; the header is none.
fn socket(line: &str) -> Option<Socket> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, remote) = (address(fields.next()?)?, address(fields.next()?)?);
    let listens = fields.next()? == LISTEN;
    Some(Socket { local, remote, listens, inode: fields.nth(5)?.parse().ok()? })
}

/// `0100007F:0FC8`: words of 32 bits as this machine holds them, and the port. A version 4 address in a socket of
/// version 6 is given as what it is.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |range| Some(u32::from_str_radix(ip.get(range)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0..8)?)),
        32 => {
            let words = [word(0..8)?, word(8..16)?, word(16..24)?, word(24..32)?];
            let octets: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::from(Ipv6Addr::from(octets)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

// === impl Table ===

impl<'a> Table<'a> {
    pub(super) fn read(owners: &'a HashMap<u64, String>) -> io::Result<Self> {
        Ok(Self { sockets: sockets()?, owners })
    }

    /// The sandbox's connections, by inode, whose other end is outside it. `platform` are the sockets of this process, which
    /// may have called a listener of the sandbox's: that is the platform's call.
    pub(super) fn that_lead_out(&self, api: SocketAddr, platform: &HashSet<u64>) -> Vec<(u64, Connection)> {
        let by_ends: HashMap<_, _> =
            self.sockets.iter().map(|socket| ((socket.local, socket.remote), socket.inode)).collect();
        let connections = self.sockets.iter().filter(|socket| !socket.listens).filter_map(|socket| {
            let process = self.owners.get(&socket.inode)?.clone();
            let other = by_ends.get(&(socket.remote, socket.local)).copied();
            let stays = socket.remote == api
                || other.is_some_and(|other| match other {
                    0 => self.listens_at(socket.remote),
                    other if platform.contains(&other) => self.listens_at(socket.local),
                    other => self.owners.contains_key(&other),
                });
            let connection = Connection { process, local: socket.local, remote: socket.remote };
            (!stays).then_some((socket.inode, connection))
        });
        connections.collect()
    }

    /// Whether one of the sandbox's processes takes connections there.
    fn listens_at(&self, address: SocketAddr) -> bool {
        let mut own = self.sockets.iter().filter(|s| s.listens && self.owners.contains_key(&s.inode));
        own.any(|socket| {
            let ip = socket.local.ip();
            socket.local.port() == address.port() && (ip.is_unspecified() || ip == address.ip())
        })
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    fn line(local: &str, remote: &str, state: &str, inode: u64) -> String {
        format!(
            " 0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1 0000 20 4 30 10 -1"
        )
    }

    #[test]
    fn addresses_are_read_in_both_versions() {
        assert_eq!(address("0100007F:0FC8"), Some("127.0.0.1:4040".parse().unwrap()));
        let loopback = address("00000000000000000000000001000000:0FC8");
        assert_eq!(loopback, Some("[::1]:4040".parse().unwrap()));
        let mapped = address("0000000000000000FFFF00000100007F:0FC8");
        assert_eq!(mapped, Some("127.0.0.1:4040".parse().unwrap()));
        assert_eq!((address("local_address"), address("01:02")), (None, None));
        assert_eq!(socket("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when"), None);
    }

    #[test]
    fn what_leads_to_the_apis_to_a_neighbour_or_comes_from_the_platform_stays() {
        // Ports: relay 4040 (0FC8), api 9001 (2329), remote 443 (01BB), telemetry listener 4323 (10E3).
        let any = "00000000:0000";
        let own = |port: &str| format!("0100007F:{port}");
        let lines = [
            line(&own("0FC8"), any, LISTEN, 1),
            line(&own("10E3"), any, LISTEN, 2),
            // The SDK and the relay, accepted; another, not yet.
            line(&own("C001"), &own("0FC8"), "01", 3),
            line(&own("0FC8"), &own("C001"), "01", 4),
            line(&own("C002"), &own("0FC8"), "01", 5),
            line(&own("0FC8"), &own("C002"), "01", 0),
            // To the API, and from the platform's delivery.
            line(&own("C003"), &own("2329"), "01", 6),
            line(&own("10E3"), &own("C004"), "01", 7),
            line(&own("C004"), &own("10E3"), "01", 100),
            // To the remote, to a server of the platform's own process that is none of its APIs, from a stranger.
            line(&own("C005"), "010200C0:01BB", "01", 8),
            line(&own("C006"), &own("01BB"), "01", 9),
            line(&own("01BB"), &own("C006"), "01", 101),
            line(&own("0FC8"), &own("C007"), "01", 10),
            line(&own("C007"), &own("0FC8"), "01", 200),
        ];
        let owners = (1..=10).map(|inode| (inode, "alpha".to_owned())).collect();
        let table =
            Table { sockets: lines.iter().filter_map(|line| socket(line)).collect(), owners: &owners };
        assert_eq!(table.sockets.len(), lines.len());
        let out = table.that_lead_out("127.0.0.1:9001".parse().unwrap(), &HashSet::from([100, 101]));
        let inodes: Vec<u64> = out.iter().map(|(inode, _)| *inode).collect();
        assert_eq!(inodes, [8, 9, 10]);
    }
}
