//! Query strings, decoded as Go's `url.ParseQuery` does: what cannot be decoded is left out.

/// The decoded parameters of a query string, in the order sent.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

// === impl Query ===

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        // A pair with a semicolon is dropped as a whole: Go stopped to take it for a separator.
        let pairs = raw.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
        Self(
            pairs
                .filter_map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    Some((unescape(name)?, unescape(value)?))
                })
                .collect(),
        )
    }

    /// The first value of a parameter; `None` where it is absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// All values of a parameter, in the order sent.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Undoes percent and plus encoding; `None` where a `%` is not followed by two hexadecimal digits.
fn unescape(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hexadecimal(bytes.next()?)? << 4 | hexadecimal(bytes.next()?)?,
            other => other,
        });
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

fn hexadecimal(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_what_cannot_be_is_left_out() {
        let query = Query::parse("name=a%7Bb%3Dc%7D&from=1+2&&bad=%zz&cut=%4&semi=a;b&empty=&name=second");
        assert_eq!(query.get("name"), Some("a{b=c}"));
        assert_eq!(query.get("from"), Some("1 2"));
        assert_eq!(query.all("name").collect::<Vec<_>>(), ["a{b=c}", "second"]);
        for absent in ["bad", "cut", "semi", "empty", "other"] {
            assert_eq!(query.get(absent), None, "{absent}");
        }
    }
}
