//! Whether what arrived is what was sent, but for the session id that a relay adds.
//!
//! Nothing is decoded that need not be: messages are compared field by field, byte by byte, so that a field that no
//! decoder here knows can't get lost unnoticed.

mod fields;

use bytes::Bytes;
use serde_json::Value;

use self::fields::{Field, Malformed, field, fields, fields_of};
use crate::{
    behaviour::Incoming,
    endpoint::Endpoint,
    inflate::{InflateError, inflate},
    name,
    query::Query,
    series::SESSION_ID,
};

/// The most that a body may come to without compression, in bytes.
const LARGEST: usize = 256 << 20;

/// A request as a client sent it to a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The path.
    pub path: String,
    /// The query, without the question mark.
    pub query: Option<String>,
    /// The header `Content-Type`; empty where there is none.
    pub content_type: String,
    /// The header `Content-Encoding`; empty where there is none.
    pub content_encoding: String,
    /// The body, as sent.
    pub body: Bytes,
}

/// How a request differs from the one that was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Altered {
    /// Another path.
    #[error("the path is {0:?}")]
    Path(String),
    /// A header that tells what the body is.
    #[error("the header {name} is {value:?}")]
    Header {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// Another query, or other labels in it.
    #[error("the query is {0:?}")]
    Query(String),
    /// Other bytes in the body.
    #[error("the body differs: {0}")]
    Body(&'static str),
    /// The body can't be read, so that nothing can be said of it.
    #[error("the body can't be read: {0}")]
    Unreadable(String),
    /// A series without a session id of sixteen hexadecimal digits.
    #[error("a series has no valid session id")]
    NoSession,
}

// === impl Original ===

impl Original {
    /// How `arrived` differs from this request, session ids aside; `None` where it doesn't.
    #[must_use]
    pub fn altered(&self, arrived: &Incoming) -> Option<Altered> {
        self.compare(arrived).err()
    }

    fn compare(&self, arrived: &Incoming) -> Result<(), Altered> {
        if self.path != arrived.path {
            return Err(Altered::Path(arrived.path.clone()));
        }
        for (name, sent) in
            [("content-type", &self.content_type), ("content-encoding", &self.content_encoding)]
        {
            if arrived.header(name) != sent {
                return Err(Altered::Header { name, value: arrived.header(name).to_owned() });
            }
        }
        match Endpoint::at(&self.path) {
            Some(Endpoint::Ingest) => self.compare_ingest(arrived),
            Some(endpoint @ (Endpoint::Push | Endpoint::Otlp)) => {
                if self.query != arrived.query {
                    return Err(Altered::Query(arrived.query.clone().unwrap_or_default()));
                }
                let (sent, got) = (self.inflated(&self.body)?, self.inflated(&arrived.body)?);
                if self.content_type.starts_with("application/json") {
                    compare_json(endpoint, &sent, &got)
                } else if endpoint == Endpoint::Push {
                    compare_push(&sent, &got)
                } else {
                    compare_otlp(&sent, &got)
                }
            }
            None if self.body == arrived.body => Ok(()),
            None => Err(Altered::Body("not the same bytes")),
        }
    }

    fn compare_ingest(&self, arrived: &Incoming) -> Result<(), Altered> {
        let other = || Altered::Query(arrived.query.clone().unwrap_or_default());
        let (sent, got) =
            (self.query.as_deref().unwrap_or_default(), arrived.query.as_deref().unwrap_or_default());
        // Beside the name, pair by pair, as sent.
        let rest = |query| str::split(query, '&').filter(|pair: &&str| !pair.starts_with("name="));
        if !rest(sent).eq(rest(got)) {
            return Err(other());
        }
        let labels = |query| name::parse(Query::parse(query).get("name").unwrap_or_default());
        let (sent, mut got) = (labels(sent).map_err(|_| other())?, labels(got).map_err(|_| other())?);
        let session = got.remove(SESSION_ID).ok_or(Altered::NoSession)?;
        if !is_session(session.as_bytes()) {
            return Err(Altered::NoSession);
        }
        if sent != got {
            return Err(other());
        }
        if self.body == arrived.body { Ok(()) } else { Err(Altered::Body("not the same bytes")) }
    }

    fn inflated(&self, body: &[u8]) -> Result<Vec<u8>, Altered> {
        if self.content_encoding == "gzip" { Ok(inflate(body, LARGEST)?) } else { Ok(body.to_vec()) }
    }
}

/// `PushRequest.series.labels` are the labels; all other fields have to be the same.
fn compare_push(sent: &[u8], got: &[u8]) -> Result<(), Altered> {
    pairwise(&fields(sent)?, &fields(got)?, |sent, got| {
        let ours = |pair: &Field<'_>| Ok::<_, Malformed>(pair.number == 1 && is_label(pair, None)?);
        without(&fields_of(sent)?, fields_of(got)?, ours)
    })
}

/// `ExportProfilesServiceRequest.resource_profiles.resource.attributes` are the labels.
fn compare_otlp(sent: &[u8], got: &[u8]) -> Result<(), Altered> {
    let resource = |profiles: &Field<'_>| -> Result<(Vec<u8>, Vec<Vec<u8>>), Malformed> {
        let (mut resource, mut others) = (Vec::new(), Vec::new());
        for field in fields_of(profiles)? {
            if field.number == 1 {
                resource.extend_from_slice(field.value);
            } else {
                others.push(field.bytes.to_vec());
            }
        }
        Ok((resource, others))
    };
    pairwise(&fields(sent)?, &fields(got)?, |sent, got| {
        let ((sent, sent_others), (got, got_others)) = (resource(sent)?, resource(got)?);
        if sent_others != got_others {
            return Err(Altered::Body("a profile beside its resource"));
        }
        let ours = |pair: &Field<'_>| Ok::<_, Malformed>(pair.number == 1 && is_label(pair, Some(1))?);
        without(&fields(&sent)?, fields(&got)?, ours)
    })
}

/// Fields of number 1 are compared by `compare`, one by one; all others have to be the same bytes, in the same order.
fn pairwise(
    sent: &[Field<'_>],
    got: &[Field<'_>],
    compare: impl Fn(&Field<'_>, &Field<'_>) -> Result<(), Altered>,
) -> Result<(), Altered> {
    if sent.len() != got.len() {
        return Err(Altered::Body("another number of fields"));
    }
    for (sent, got) in sent.iter().zip(got) {
        match (sent.number, got.number) {
            (1, 1) => compare(sent, got)?,
            _ if sent.bytes == got.bytes => {}
            _ => return Err(Altered::Body("another field")),
        }
    }
    Ok(())
}

/// Whether `got` is `sent` and one session id.
fn without(
    sent: &[Field<'_>],
    mut got: Vec<Field<'_>>,
    is_session_label: impl Fn(&Field<'_>) -> Result<bool, Malformed>,
) -> Result<(), Altered> {
    let mut sessions = 0;
    let mut broken = None;
    got.retain(|field| match is_session_label(field) {
        Ok(true) => {
            sessions += 1;
            false
        }
        Ok(false) => true,
        Err(error) => {
            broken = Some(error);
            true
        }
    });
    if let Some(error) = broken {
        return Err(error.into());
    }
    if sessions != 1 {
        return Err(Altered::NoSession);
    }
    if sent.iter().map(|field| field.bytes).eq(got.iter().map(|field| field.bytes)) {
        Ok(())
    } else {
        Err(Altered::Body("labels or samples of a series"))
    }
}

/// Whether a pair of a key (field 1) and a value (field 2, or field `within` of it) is a valid session id.
fn is_label(pair: &Field<'_>, within: Option<u64>) -> Result<bool, Malformed> {
    let pair = fields_of(pair)?;
    if field(&pair, 1).is_none_or(|key| key.value != SESSION_ID.as_bytes()) {
        return Ok(false);
    }
    let value = field(&pair, 2).map(|field| field.value).unwrap_or_default();
    match within {
        None => Ok(is_session(value)),
        Some(number) => {
            let value = fields(value)?;
            Ok(field(&value, number).is_some_and(|field| is_session(field.value)))
        }
    }
}

fn is_session(id: &[u8]) -> bool {
    id.len() == 16 && id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn compare_json(endpoint: Endpoint, sent: &[u8], got: &[u8]) -> Result<(), Altered> {
    let parse = |body| serde_json::from_slice::<Value>(body).map_err(|e| Altered::Unreadable(e.to_string()));
    let (sent, mut got) = (parse(sent)?, parse(got)?);
    let (series, labels, name) = match endpoint {
        Endpoint::Push => ("series", "/labels", "name"),
        _ => ("resourceProfiles", "/resource/attributes", "key"),
    };
    for series in got.get_mut(series).and_then(Value::as_array_mut).into_iter().flatten() {
        let labels = series.pointer_mut(labels).and_then(Value::as_array_mut).ok_or(Altered::NoSession)?;
        let before = labels.len();
        labels.retain(|label| label.get(name).and_then(Value::as_str) != Some(SESSION_ID));
        if labels.len() + 1 != before {
            return Err(Altered::NoSession);
        }
    }
    if sent == got { Ok(()) } else { Err(Altered::Body("another JSON")) }
}

// === impl Altered ===

impl From<Malformed> for Altered {
    fn from(error: Malformed) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<InflateError> for Altered {
    fn from(error: InflateError) -> Self {
        Self::Unreadable(error.to_string())
    }
}
