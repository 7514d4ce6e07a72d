//! The names of `/ingest` as the server reads them: one character at a time, in one of three states.

/// The labels of a name in their order, the last of each counting, or `None` where the server answers 400.
pub fn labels(name: &str) -> Option<Vec<(String, String)>> {
    enum State {
        Name,
        Key,
        Value,
        Done,
    }
    let mut labels = Vec::new();
    let (mut state, mut text, mut key) = (State::Name, String::new(), String::new());
    // The server puts a brace behind each name, so that one without labels ends as well.
    for character in name.chars().chain(['{']) {
        match (&state, character) {
            (State::Name, '{') => {
                let app = std::mem::take(&mut text);
                labels.push(("__name__".to_owned(), valid(&app, "_./-")?));
                state = State::Key;
            }
            (State::Key, '=') => {
                key = std::mem::take(&mut text);
                state = State::Value;
            }
            (State::Key, '}') => state = State::Done,
            (State::Value, ',' | '}') => {
                let value = std::mem::take(&mut text);
                labels.push((valid(&key, "_.")?, value.trim().to_owned()));
                state = State::Key;
            }
            (State::Done, _) => {}
            _ => text.push(character),
        }
    }
    Some(labels)
}

fn valid(text: &str, punctuation: &str) -> Option<String> {
    let text = text.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || punctuation.contains(c);
    (!text.is_empty() && text.chars().all(allowed)).then(|| text.to_owned())
}
