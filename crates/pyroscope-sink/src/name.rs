//! The `name` parameter of `/ingest`: `app{key=value,…}`.

use std::collections::BTreeMap;

/// The label under which a parsed name keeps the application's name.
pub(crate) const METRIC_NAME: &str = "__name__";

/// Why the server rejects a `name`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing stands before the first brace.
    #[error("name: the application name is empty; send name=app or name=app{{key=value}}")]
    EmptyApp,
    /// The application name has a character outside `[A-Za-z0-9_./-]`.
    #[error(
        "name: application name {app:?} has the character {character:?}; only A-Z a-z 0-9 _ . / - are allowed"
    )]
    App {
        /// The name as sent, trimmed.
        app: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// A label has a value and no name.
    #[error("name: a label of {app:?} has no name; write key=value")]
    EmptyKey {
        /// The application.
        app: String,
    },
    /// A label's name has a character outside `[A-Za-z0-9_.]`.
    #[error("name: label name {key:?} has the character {character:?}; only A-Z a-z 0-9 _ . are allowed")]
    Key {
        /// The label's name as sent, trimmed.
        key: String,
        /// The first character that is not allowed.
        character: char,
    },
}

/// Where the parser stands.
enum Position {
    App,
    Key,
    Value,
}

/// Parses a `name` to labels, as the server does: the application's name is the label `__name__`, unless the name sets that label itself.
///
/// A label that no `,` or `}` ends is dropped, and everything after a `}` that follows no value is ignored.
pub fn parse(name: &str) -> Result<BTreeMap<String, String>, NameError> {
    let mut labels = BTreeMap::new();
    let mut position = Position::App;
    let mut app = String::new();
    let (mut key, mut value) = (String::new(), String::new());

    // The server's parser reads one brace more than there is, so that a bare name ends, too.
    for character in name.chars().chain(['{']) {
        match (&position, character) {
            (Position::App, '{') => {
                app = checked_app(&app)?;
                labels.insert(METRIC_NAME.to_owned(), app.clone());
                position = Position::Key;
            }
            (Position::App, _) => app.push(character),
            (Position::Key, '}') => break,
            (Position::Key, '=') => position = Position::Value,
            (Position::Key, _) => key.push(character),
            (Position::Value, ',' | '}') => {
                labels.insert(checked_key(&key, &app)?, value.trim().to_owned());
                key.clear();
                value.clear();
                position = Position::Key;
            }
            (Position::Value, _) => value.push(character),
        }
    }
    Ok(labels)
}

fn checked_app(app: &str) -> Result<String, NameError> {
    let app = app.trim().to_owned();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    match app.chars().find(|c| !allowed(c)) {
        Some(character) => Err(NameError::App { app, character }),
        None if app.is_empty() => Err(NameError::EmptyApp),
        None => Ok(app),
    }
}

fn checked_key(key: &str, app: &str) -> Result<String, NameError> {
    let key = key.trim().to_owned();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    match key.chars().find(|c| !allowed(c)) {
        Some(character) => Err(NameError::Key { key, character }),
        None if key.is_empty() => Err(NameError::EmptyKey { app: app.to_owned() }),
        None => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        name: String,
        labels: Option<BTreeMap<String, String>>,
    }

    #[test]
    fn every_name_is_read_as_the_server_reads_it() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../tests/vectors/ingest-names.json")).unwrap();
        assert_eq!(vectors.len(), 300);
        for vector in vectors {
            assert_eq!(parse(&vector.name).ok(), vector.labels, "{:?}", vector.name);
        }
    }
}
