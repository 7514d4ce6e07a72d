//! Query strings as Go's `net/url` documents it: pairs between `&`, dropped where they hold a `;` or a broken escape.

/// Every pair that Go keeps, decoded, in order.
pub fn pairs(query: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
    kept.filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(key)?, decoded(value)?))
    })
    .collect()
}

/// The value that Go gives for `name`.
pub fn name(query: &str) -> Option<Vec<u8>> {
    pairs(query).into_iter().find(|(key, _)| key == b"name").map(|(_, value)| value)
}

/// Every byte escaped that is no letter or digit.
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            },
        )
        .collect()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let plain = |part: &str| part.replace('+', " ").into_bytes();
    let mut bytes = plain(parts.next()?);
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(plain(part.get(2..)?));
    }
    Some(bytes)
}
