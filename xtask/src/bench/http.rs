//! As much of HTTP/1.1 as the bench needs, and as cheap.

use std::io::{self, Read};

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What is read at once.
const CHUNK: usize = 64 * 1024;

/// Reads one request or response, with its body, into `message`. False when the connection ended before.
pub(super) fn read_message(connection: &mut impl Read, message: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = vec![0; CHUNK];
    message.clear();
    while !is_whole(message) {
        match connection.read(&mut chunk)? {
            0 => return Ok(false),
            more => message.extend(chunk.iter().take(more)),
        }
    }
    Ok(true)
}

/// The request line or status line.
pub(super) fn first_line(message: &[u8]) -> String {
    let line = message.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

fn is_whole(message: &[u8]) -> bool {
    let Some(end) = message.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD) else {
        return false;
    };
    let (head, body) = message.split_at(end);
    let head = String::from_utf8_lossy(head);
    if field(&head, "transfer-encoding").is_some() {
        return body.ends_with(LAST_CHUNK);
    }
    let length = field(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    body.len() >= END_OF_HEAD.len() + length
}

fn field<'head>(head: &'head str, wanted: &str) -> Option<&'head str> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::{first_line, is_whole};

    #[test]
    fn a_message_is_whole_when_its_body_is() {
        for (message, whole) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            ("POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\n\r\nab", false),
            ("POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\n\r\nabc", true),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", false),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", true),
        ] {
            assert_eq!(is_whole(message.as_bytes()), whole, "{message:?}");
        }
    }

    #[test]
    fn the_first_line_ends_before_the_fields() {
        assert_eq!(first_line(b"HTTP/1.1 200 OK\r\nDate: x\r\n\r\n"), "HTTP/1.1 200 OK");
    }
}
