//! How the extension proves who it is.

use std::ffi::OsStr;
use std::path::PathBuf;

use http::HeaderValue;
use zeroize::Zeroizing;

use super::reader::Reader;
use super::variable::{self as var, Variable};
use super::warning::{Instead, ShownValue, ValueFault, Warning};
use crate::secret::arn::SecretArn;
use crate::secret::{Place, Reference, Secret, Source};

/// How requests to the remote are authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// They are not.
    #[default]
    None,
    /// They should be, but what is set can't be used: nothing may be sent without credentials.
    Unusable,
    /// With a secret.
    Secret(Authentication, Source),
}

/// What becomes of a secret in the `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// It is the token of `Bearer`.
    Bearer,
    /// It is the password of `Basic` (RFC 7617), which may be empty.
    Basic {
        /// The user's name.
        user: Secret,
    },
}

/// The variables that a secret can be set with.
struct Variables {
    plain: &'static Variable,
    file: &'static Variable,
    arn: &'static Variable,
}

/// A variable whose value names no place that a secret can be in.
struct Misplaced {
    variable: &'static Variable,
    value: String,
    fault: ValueFault,
}

const TOKEN: Variables =
    Variables { plain: &var::AUTH_TOKEN, file: &var::AUTH_TOKEN_FILE, arn: &var::AUTH_TOKEN_ARN };

const PASSWORD: Variables = Variables {
    plain: &var::BASIC_AUTH_PASSWORD,
    file: &var::BASIC_AUTH_PASSWORD_FILE,
    arn: &var::BASIC_AUTH_PASSWORD_ARN,
};

// === impl Credentials ===

impl Credentials {
    /// The token, else user and password, else those in the remote's address.
    pub(super) fn read(reader: &mut Reader<'_>, userinfo: Option<&Self>) -> Self {
        let mut misplaced = Vec::new();
        let token = TOKEN.read(reader, &mut misplaced, |token| HeaderValue::from_str(token).is_ok());
        let basic = basic(reader, &mut misplaced);
        let credentials = token
            .map(|token| Self::Secret(Authentication::Bearer, token))
            .or(basic)
            .or_else(|| userinfo.cloned())
            .unwrap_or(if misplaced.is_empty() { Self::None } else { Self::Unusable });
        let instead = if credentials == Self::Unusable { Instead::NothingIsSent } else { Instead::NotUsed };
        for misplaced in misplaced {
            reader.warn(misplaced.warning(instead));
        }
        credentials
    }

    /// A user and a password.
    pub(super) fn basic(user: Secret, password: Secret) -> Self {
        Self::Secret(Authentication::Basic { user }, Source::Plain(password))
    }

    /// Whether AWS is to be asked for a secret.
    pub(super) const fn are_at_aws(&self) -> bool {
        matches!(self, Self::Secret(_, Source::Kept(Reference { place: Place::Aws(_), .. })))
    }

    /// The value of the `Authorization` header, as far as it follows from the variables alone.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        match self {
            Self::Secret(authentication, Source::Plain(secret)) => authentication.header(secret),
            _ => None,
        }
    }
}

// === impl Authentication ===

impl Authentication {
    /// The value of the `Authorization` header with `secret`, marked as sensitive; its memory is wiped when it is dropped.
    ///
    /// None for a bearer token that no header can hold.
    #[must_use]
    pub fn header(&self, secret: &Secret) -> Option<HeaderValue> {
        let text = match self {
            Self::Bearer => Zeroizing::new(format!("Bearer {}", secret.expose())),
            Self::Basic { user } => {
                let pair = Zeroizing::new(format!("{}:{}", user.expose(), secret.expose()));
                let encoded = Zeroizing::new(base64(pair.as_bytes()));
                Zeroizing::new(format!("Basic {}", *encoded))
            }
        };
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from_owner(text)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

// === impl Variables ===

impl Variables {
    /// Where the secret is: at AWS, else in a file, else in the variable itself, where `fits` takes it.
    fn read(
        &self,
        reader: &mut Reader<'_>,
        misplaced: &mut Vec<Misplaced>,
        fits: impl Fn(&str) -> bool,
    ) -> Option<Source> {
        let all = [self.arn, self.file, self.plain];
        let set: Vec<_> = all.into_iter().filter(|variable| reader.raw(variable.name).is_some()).collect();
        let arn = kept(reader, self.arn, misplaced, |value| {
            let text = value.to_str().ok_or(ValueFault::NotUtf8)?;
            SecretArn::parse(text).map(Place::Aws).map_err(ValueFault::Arn)
        });
        let file = kept(reader, self.file, misplaced, |value| {
            let path = PathBuf::from(value);
            if path.is_absolute() { Ok(Place::File(path)) } else { Err(ValueFault::NotAbsolute) }
        });
        let plain = reader.text(self.plain).filter(|text| {
            let fits = fits(text);
            if !fits {
                reader.invalid(self.plain, text, ValueFault::NotAHeaderValue);
            }
            fits
        });
        let plain = plain.map(|text| (self.plain.name, Source::Plain(Secret::new(text))));
        let (used, source) = arn.or(file).or(plain)?;
        let ignored: Vec<_> = set.iter().map(|variable| variable.name).filter(|name| *name != used).collect();
        if !ignored.is_empty() {
            reader.warn(Warning::SecretContradiction { used, ignored });
        }
        Some(source)
    }

    fn is_set(&self, reader: &Reader<'_>) -> bool {
        [self.plain, self.file, self.arn].iter().any(|variable| reader.raw(variable.name).is_some())
    }
}

fn kept(
    reader: &Reader<'_>,
    variable: &'static Variable,
    misplaced: &mut Vec<Misplaced>,
    parse: impl Fn(&OsStr) -> Result<Place, ValueFault>,
) -> Option<(&'static str, Source)> {
    let value = reader.raw(variable.name)?;
    match parse(&value) {
        Ok(place) => Some((variable.name, Source::Kept(Reference { variable: variable.name, place }))),
        Err(fault) => {
            misplaced.push(Misplaced { variable, value: value.to_string_lossy().into_owned(), fault });
            None
        }
    }
}

fn basic(reader: &mut Reader<'_>, misplaced: &mut Vec<Misplaced>) -> Option<Credentials> {
    let user = reader.text(&var::BASIC_AUTH_USER);
    let password = PASSWORD.read(reader, misplaced, |_| true);
    let (set, missing) = match (user, password) {
        (Some(user), Some(password)) => {
            let user = Secret::new(user);
            return Some(Credentials::Secret(Authentication::Basic { user }, password));
        }
        (Some(_), None) if !PASSWORD.is_set(reader) => {
            (var::BASIC_AUTH_USER.name, var::BASIC_AUTH_PASSWORD.name)
        }
        (None, Some(Source::Plain(_))) => (var::BASIC_AUTH_PASSWORD.name, var::BASIC_AUTH_USER.name),
        (None, Some(Source::Kept(kept))) => (kept.variable, var::BASIC_AUTH_USER.name),
        (_, None) => return None,
    };
    reader.warn(Warning::HalfBasicAuth { set, missing });
    None
}

// === impl Misplaced ===

impl Misplaced {
    fn warning(self, instead: Instead) -> Warning {
        let Self { variable, value, fault } = self;
        // People put the secret itself here.
        let shown = value.starts_with("arn:");
        Warning::Invalid {
            variable: variable.name,
            value: if shown { ShownValue::of(&value) } else { ShownValue::hidden() },
            fault,
            instead,
            write: variable.write,
        }
    }
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
