//! The tar format, as much as an image takes: the same files give the same bytes.
//!
//! Format: POSIX.1-1988 (`ustar`). No owner, no time: whoever packs, whenever.

const BLOCK: usize = 512;

/// How many zero bytes end an archive.
const END: usize = 2 * BLOCK;

/// An archive that grows.
#[derive(Debug, Default)]
pub(super) struct Tape(Vec<u8>);

/// The kinds of entries.
const FILE: u8 = b'0';
const FOLDER: u8 = b'5';

// === impl Tape ===

impl Tape {
    /// A folder; `path` ends with `/`.
    pub(super) fn folder(mut self, path: &str) -> Self {
        self.0.extend(header(path, 0o755, 0, FOLDER));
        self
    }

    /// A file with these permissions. `path` has 100 bytes at most.
    pub(super) fn file(mut self, path: &str, mode: u64, content: &[u8]) -> Self {
        self.0.extend(header(path, mode, content.len(), FILE));
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + END, 0);
        self.0
    }
}

fn header(path: &str, mode: u64, size: usize, kind: u8) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in header.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(0, path.as_bytes());
    put(100, format!("{mode:07o}").as_bytes());
    // The owner's and the group's number, the size, the time.
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, b"00000000000");
    // The checksum counts as spaces in itself.
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    for (to, from) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *to = from;
    }
    header
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::Tape;

    fn tape() -> Vec<u8> {
        Tape::default().folder("opt/").file("opt/program", 0o755, b"content").finish()
    }

    #[test]
    fn an_archive_is_whole_blocks() {
        assert_eq!(tape().len(), 512 * 5);
        assert_eq!(&tape()[1024..1031], b"content");
    }

    #[test]
    fn tar_reads_it_where_there_is_a_tar() {
        let tar = Command::new("tar").arg("-tvf-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut tar) = tar else { return };
        tar.stdin.take().unwrap().write_all(&tape()).unwrap();
        let listing = tar.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&listing.stdout).into_owned();

        assert!(listing.status.success(), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("drwxr-xr-x") && lines[0].ends_with("opt/"), "{text}");
        assert!(lines[1].starts_with("-rwxr-xr-x") && lines[1].ends_with("opt/program"), "{text}");
    }
}
