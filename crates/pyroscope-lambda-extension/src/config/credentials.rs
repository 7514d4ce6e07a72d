//! How the extension proves who it is.

use std::fmt;

use http::HeaderValue;

use super::reader::Reader;
use super::variable as var;
use super::warning::{ValueFault, Warning};

/// Text that must never be shown: its `Debug` is `…`, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// How requests to the remote are authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// They are not.
    #[default]
    None,
    /// `Authorization: Bearer`.
    Bearer(Secret),
    /// `Authorization: Basic` (RFC 7617).
    Basic {
        /// The user's name.
        user: Secret,
        /// The user's password, which may be empty.
        password: Secret,
    },
}

// === impl Secret ===

impl Secret {
    /// Takes a text out of sight.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

// === impl Credentials ===

impl Credentials {
    /// The token, else user and password, else those in the remote's address.
    pub(super) fn read(reader: &mut Reader<'_>, userinfo: Option<&Self>) -> Self {
        let token = reader.text(&var::AUTH_TOKEN).filter(|token| {
            let fits = HeaderValue::from_str(token).is_ok();
            if !fits {
                reader.invalid(&var::AUTH_TOKEN, token, ValueFault::NotAHeaderValue);
            }
            fits
        });
        let user = reader.text(&var::BASIC_AUTH_USER);
        let password = reader.text(&var::BASIC_AUTH_PASSWORD);
        let basic = match (user, password) {
            (Some(user), Some(password)) => {
                Some(Self::Basic { user: Secret(user), password: Secret(password) })
            }
            (Some(_), None) => half(reader, var::BASIC_AUTH_USER.name, var::BASIC_AUTH_PASSWORD.name),
            (None, Some(_)) => half(reader, var::BASIC_AUTH_PASSWORD.name, var::BASIC_AUTH_USER.name),
            (None, None) => None,
        };
        token
            .map(|token| Self::Bearer(Secret(token)))
            .or(basic)
            .or_else(|| userinfo.cloned())
            .unwrap_or_default()
    }

    /// The value of the `Authorization` header, marked as sensitive.
    ///
    /// None without credentials, and for a bearer token that no header can hold.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::None => return None,
            Self::Bearer(token) => format!("Bearer {}", token.0),
            Self::Basic { user, password } => {
                format!("Basic {}", base64(format!("{}:{}", user.0, password.0).as_bytes()))
            }
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

fn half(reader: &mut Reader<'_>, set: &'static str, missing: &'static str) -> Option<Credentials> {
    reader.warn(Warning::HalfBasicAuth { set, missing });
    None
}

/// Base64 with the standard alphabet and padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            text.push(if at <= chunk.len() { base64_char(group >> shift & 63) } else { '=' });
        }
    }
    text
}

fn base64_char(sextet: u32) -> char {
    let (from, first) = match sextet {
        0..26 => ('A', 0),
        26..52 => ('a', 26),
        52..62 => ('0', 52),
        62 => return '+',
        _ => return '/',
    };
    char::from_u32(u32::from(from) + sextet - first).unwrap_or('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("~~~???", "fn5+Pz8/"),
            ("zuß:ä§", "enXDnzrDpMKn"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded, "{plain:?}");
        }
    }
}
