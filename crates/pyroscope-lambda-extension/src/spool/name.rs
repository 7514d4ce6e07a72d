//! File names: arrival and sequence first, so that their order is the order of the uploads.

use std::fmt;

/// How the name of a whole file ends.
const SUFFIX: &str = ".upload";

/// How the name of a file ends that is still being written.
const PARTIAL: &str = ".partial";

/// The name of an upload's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// When the upload came, in ms since 1970.
    pub(super) arrived_ms: u64,
    /// Its place among those that were stored together.
    pub(super) sequence: u64,
    /// Random, the same for all that were stored together: keeps two processes out of each other's way.
    pub(super) series: u64,
}

/// Whose file it is, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An upload.
    Upload(Name),
    /// An upload that was being written.
    Partial,
    /// Not ours.
    Foreign,
}

// === impl Name ===

impl Name {
    /// The name while the file is being written.
    pub(super) fn partial(&self) -> String {
        format!("{self}{PARTIAL}")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix(SUFFIX)?.splitn(3, '-');
        let arrived_ms = parts.next()?.parse().ok()?;
        let sequence = parts.next()?.parse().ok()?;
        let series = u64::from_str_radix(parts.next()?, 16).ok()?;
        let name = Self { arrived_ms, sequence, series };
        // One spelling a name: the file must be found under it again.
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arrived_ms, sequence, series } = self;
        write!(f, "{arrived_ms:014}-{sequence:06}-{series:016x}{SUFFIX}")
    }
}

// === impl Kind ===

impl Kind {
    pub(super) fn of(file_name: &str) -> Self {
        if let Some(name) = Name::parse(file_name) {
            return Self::Upload(name);
        }
        match file_name.strip_suffix(PARTIAL).and_then(Name::parse) {
            Some(_) => Self::Partial,
            None => Self::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_written(arrived_ms: u64, sequence: u64, series: u64) {
            let name = Name { arrived_ms, sequence, series };
            prop_assert_eq!(Kind::of(&name.to_string()), Kind::Upload(name));
            prop_assert_eq!(Kind::of(&name.partial()), Kind::Partial);
        }

        #[test]
        fn names_sort_as_the_uploads_came(
            one in (0..99_999_999_999_999_u64, 0..999_999_u64, any::<u64>()),
            two in (0..99_999_999_999_999_u64, 0..999_999_u64, any::<u64>()),
        ) {
            let name = |(arrived_ms, sequence, series)| Name { arrived_ms, sequence, series };
            prop_assert_eq!(name(one).to_string().cmp(&name(two).to_string()), name(one).cmp(&name(two)));
        }

        #[test]
        fn any_other_name_is_foreign(text in ".*") {
            prop_assert_eq!(Kind::of(&text), Kind::Foreign);
        }
    }

    #[test]
    fn a_name_has_one_spelling() {
        let name = "01763811818123-000002-00000000000000ff.upload";
        assert!(matches!(Kind::of(name), Kind::Upload(_)));
        for other in [
            "1763811818123-000002-00000000000000ff.upload",
            "+1763811818123-000002-00000000000000ff.upload",
            "01763811818123-000002-00000000000000FF.upload",
            "01763811818123-2-00000000000000ff.upload",
            "01763811818123-000002-00000000000000ff-.upload",
            "01763811818123-000002-00000000000000ff.upload.partial.partial",
            "01763811818123-000002.upload",
            ".upload",
            ".partial",
            "notes.txt",
        ] {
            assert_eq!(Kind::of(other), Kind::Foreign, "{other}");
        }
    }
}
