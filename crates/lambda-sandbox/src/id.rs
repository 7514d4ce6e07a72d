//! Random identifiers, in the forms that the platform uses.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random UUID of version 4, in lower case with dashes.
pub(crate) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0x0fff,
        (low >> 48) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// A trace header of X-Ray for a trace that is not sampled.
pub(crate) fn trace_header(epoch_seconds: u64) -> String {
    let (root, parent) = (random(), random());
    format!("Root=1-{epoch_seconds:08x}-{root:016x}{:08x};Parent={parent:016x};Sampled=0", random() >> 32)
}

/// Whether `text` has the form of a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.chars().enumerate().all(|(index, c)| match index {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// The standard library seeds its hashers from the operating system: random enough for identifiers that only have to differ.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_uuids_and_differ() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| uuid()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| is_uuid(id)));
    }
}
