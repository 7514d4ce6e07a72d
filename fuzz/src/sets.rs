//! Labels to add, and which of them something lacks.

use pyroscope_lambda_extension::labels::LabelSet;

use crate::schema;

/// The most labels that the server takes in a series.
const MOST: usize = 30;

/// How many labels the server adds to what comes by `/ingest` or OTLP.
pub const ADDED_BY_SERVER: usize = 4;

/// A set of labels to add.
pub fn chosen(choice: u8) -> LabelSet {
    let more = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .fold(schema::session(), |set, (name, value)| set.with(name, value).expect("a valid label"))
    };
    match choice % 4 {
        0 => more(&[]),
        1 => more(&[("region", "eu-west-1"), ("team", "a \"b\" & ü=%;+")]),
        // Almost as many as a series takes.
        2 => (0..20).fold(more(&[("a.b", "x"), ("a", "y")]), |set, number| {
            set.with(&format!("l{number}"), "v").expect("a valid label")
        }),
        _ => LabelSet::default(),
    }
}

/// The labels of a set that a series with these names lacks, and has room for when `others` labels more come to it.
pub fn lacking<'set>(
    set: &'set LabelSet,
    names: &[impl AsRef<str>],
    others: usize,
) -> Vec<(&'set str, &'set str)> {
    // The server takes `a.b` and `a_b` for one.
    let same = |one: &str, other: &str| one.replace('.', "_") == other.replace('.', "_");
    let lacking = set.iter().filter(|(name, _)| !names.iter().any(|has| same(has.as_ref(), name)));
    lacking.take(MOST.saturating_sub(others)).collect()
}

/// The same for a series of a push, to which the server adds its service's name where it has none.
pub fn lacking_in_push<'set>(set: &'set LabelSet, names: &[impl AsRef<str>]) -> Vec<(&'set str, &'set str)> {
    let has_service = names.iter().any(|name| name.as_ref() == "service_name");
    lacking(set, names, names.len() + usize::from(!has_service))
}
