//! `PushRequest` as JSON: every series gains what it lacks, in front of what it has, and nothing else changes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pyroscope_lambda_extension::labels::LabelSet;
use pyroscope_lambda_extension_fuzz::schema::{JSON, LIMIT};
use pyroscope_lambda_extension_fuzz::{choice, gains, sets};
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = choice(input) else { return };
    let set = sets::chosen(choice);
    gains::json(
        body,
        |body| gains::push_with(&set, body, JSON, None, LIMIT),
        |request| expected(request, &set),
    );
});

/// What the server must read; `None` where the body is not of the schema's shape.
fn expected(mut request: Value, set: &LabelSet) -> Option<Value> {
    let Some(series) = request.as_object_mut()?.get_mut("series").filter(|series| !series.is_null()) else {
        return Some(request);
    };
    for series in series.as_array_mut()? {
        let members = series.as_object_mut()?;
        let mut own = match members.get("labels") {
            None | Some(Value::Null) => Vec::new(),
            Some(labels) => labels.as_array()?.clone(),
        };
        let mut names = Vec::new();
        for pair in &own {
            names.push(match pair.as_object()?.get("name") {
                None | Some(Value::Null) => String::new(),
                Some(name) => name.as_str()?.to_owned(),
            });
        }
        let lacking = sets::lacking_in_push(set, &names);
        if !lacking.is_empty() {
            own.splice(..0, lacking.into_iter().map(|(name, value)| json!({"name": name, "value": value})));
            members.insert("labels".to_owned(), Value::Array(own));
        }
    }
    Some(request)
}
