//! Query strings as the server reads them: Go's `url.ParseQuery`.

use std::borrow::Cow;

/// A value that is still percent-encoded, and the byte of the query string at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'a> {
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// The value that Go's `Query().Get(key)` would give: the first of that key, of the pairs that Go doesn't drop.
///
/// It drops a pair that has a `;` or an escape that is none.
pub(super) fn get<'a>(query: &'a str, key: &str) -> Option<Raw<'a>> {
    let mut at = 0;
    for pair in query.split('&') {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Raw { at: at + (pair.len() - text.len()), text };
        at += pair.len() + 1;
        if !pair.contains(';')
            && decode(name).is_some_and(|name| *name == *key.as_bytes())
            && is_encoded(text)
        {
            return Some(value);
        }
    }
    None
}

/// The bytes that a percent-encoded text stands for, or `None` where an escape is none.
pub(super) fn decode(text: &str) -> Option<Cow<'_, [u8]>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut units = Units(text.as_bytes());
    for (byte, _) in units.by_ref() {
        decoded.push(byte);
    }
    units.0.is_empty().then_some(Cow::Owned(decoded))
}

/// The byte just behind the first place where the text stands for `wanted`, escaped or not.
pub(super) fn behind(text: &str, wanted: u8) -> Option<usize> {
    let mut end = 0;
    for (byte, length) in Units(text.as_bytes()) {
        end += length;
        if byte == wanted {
            return Some(end);
        }
    }
    None
}

/// Appends the text so that it stands for itself wherever a value may stand.
pub(super) fn encode(text: &str, out: &mut String) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].iter().filter_map(|digit| HEX.get(usize::from(*digit))));
        }
    }
}

fn is_encoded(text: &str) -> bool {
    let mut units = Units(text.as_bytes());
    units.by_ref().for_each(drop);
    units.0.is_empty()
}

/// Each byte that an encoded text stands for, with the length of what stands for it. It stops in front of an escape that is none.
struct Units<'a>(&'a [u8]);

// === impl Units ===

impl Iterator for Units<'_> {
    type Item = (u8, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let (byte, length, rest) = match self.0 {
            [b'%', high, low, rest @ ..] => (hex(*high)? << 4 | hex(*low)?, 3, rest),
            [b'%', ..] | [] => return None,
            [b'+', rest @ ..] => (b' ', 1, rest),
            [byte, rest @ ..] => (*byte, 1, rest),
        };
        self.0 = rest;
        Some((byte, length))
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pair_that_go_would_keep_is_found() {
        let table = [
            ("name=a", Some((5, "a"))),
            ("name=a&name=b", Some((5, "a"))),
            ("x=1&name=a&y=2", Some((9, "a"))),
            ("&&name=a", Some((7, "a"))),
            ("n%61me=a", Some((7, "a"))),
            ("name=a;b&name=c", Some((14, "c"))),
            ("name;=a&name=c", Some((13, "c"))),
            ("name=%zz&name=c", Some((14, "c"))),
            ("name=%7&name=c", Some((13, "c"))),
            ("name%=a&name=c", Some((13, "c"))),
            ("name&name=c", Some((4, ""))),
            ("name=a=b", Some((5, "a=b"))),
            ("Name=a", None),
            ("names=a", None),
            ("", None),
            ("&", None),
        ];
        for (query, expected) in table {
            assert_eq!(get(query, "name"), expected.map(|(at, text)| Raw { at, text }), "{query}");
        }
    }

    #[test]
    fn an_encoded_text_decodes_to_itself() {
        let text = "a b&c=d+e%f;{ü}~";
        let mut encoded = String::new();
        encode(text, &mut encoded);
        assert_eq!(encoded, "a%20b%26c%3Dd%2Be%25f%3B%7B%C3%BC%7D~");
        assert_eq!(decode(&encoded).as_deref(), Some(text.as_bytes()));
    }

    #[test]
    fn a_percent_sign_that_is_escaped_opens_nothing() {
        assert_eq!(behind("a%257Bb", b'{'), None);
        assert_eq!(behind("a%257b%7Bb", b'{'), Some(9));
        assert_eq!(behind("a{b%7B", b'{'), Some(2));
    }
}
