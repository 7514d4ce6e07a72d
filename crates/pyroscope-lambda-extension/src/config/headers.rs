//! Extra headers for the remote: `PYROSCOPE_HTTP_HEADERS`.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::reader::Reader;
use super::variable as var;
use super::warning::{HeaderFault, ShownName, ValueFault, Warning};

/// What belongs to the connection or to the body of each upload, and so isn't the user's to set.
const RESERVED: [&str; 14] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn read(reader: &mut Reader<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in reader.value(&var::HTTP_HEADERS, object).unwrap_or_default() {
        match header(&name, value) {
            Ok((name, value)) => drop(headers.insert(name, value)),
            Err(fault) => reader.warn(Warning::Header { name: ShownName::of(&name), fault }),
        }
    }
    headers
}

fn object(text: &str) -> Result<serde_json::Map<String, Value>, ValueFault> {
    // The parser's own message could show a part of the value.
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ValueFault::NotAnObject),
        Err(error) => Err(ValueFault::NotJson { line: error.line(), column: error.column() }),
    }
}

fn header(name: &str, value: Value) -> Result<(HeaderName, HeaderValue), HeaderFault> {
    let name = HeaderName::try_from(name).map_err(|_| HeaderFault::Name)?;
    if RESERVED.contains(&name.as_str()) {
        return Err(HeaderFault::Reserved);
    }
    let text = match value {
        Value::String(text) => text,
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(HeaderFault::NotAString),
    };
    let mut value = HeaderValue::try_from(text).map_err(|_| HeaderFault::Value)?;
    value.set_sensitive(true);
    Ok((name, value))
}
