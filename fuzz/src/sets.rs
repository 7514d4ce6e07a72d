//! Labels to add, and which of them something lacks.

use pyroscope_lambda_extension::labels::LabelSet;

use crate::schema;

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
        2 => more(&[("service_name", "mine"), ("a.b", "x"), ("a", "y")]),
        _ => LabelSet::default(),
    }
}

/// The labels of a set that something with these names lacks.
pub fn lacking<'set>(set: &'set LabelSet, names: &[impl AsRef<str>]) -> Vec<(&'set str, &'set str)> {
    // The server takes `a.b` and `a_b` for one.
    let same = |one: &str, other: &str| one.replace('.', "_") == other.replace('.', "_");
    set.iter().filter(|(name, _)| !names.iter().any(|has| same(has.as_ref(), name))).collect()
}
