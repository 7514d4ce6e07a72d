//! What a client asks for, checked as Lambda checks it.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::IgnoredAny;

use super::answer::Refusal;
use crate::settings::Settings;

/// The name by which AWS's runtime interface emulator knows every function.
const EMULATOR_NAME: &str = "function";
/// What Lambda takes as an event: 6 MiB where the client waits, 1 MiB where it does not.
const MAX_EVENT: usize = 6 * 1024 * 1024;
const MAX_QUEUED_EVENT: usize = 1024 * 1024;

/// An Invoke that can be carried out.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) invocation_type: InvocationType,
    /// Whether the log's end is wanted with the answer.
    pub(super) tail: bool,
    pub(super) trace: Option<String>,
    pub(super) client_context: Option<String>,
    pub(super) payload: Bytes,
}

/// The header `X-Amz-Invocation-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvocationType {
    /// The client waits for the response.
    RequestResponse,
    /// It does not.
    Event,
    /// Only the request is checked.
    DryRun,
}

// === impl Request ===

impl Request {
    pub(super) fn read(
        settings: &Settings,
        name: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Self, Refusal> {
        check_name(settings, name, query)?;
        let invocation_type = match header(headers, "X-Amz-Invocation-Type").unwrap_or("RequestResponse") {
            "RequestResponse" => InvocationType::RequestResponse,
            "Event" => InvocationType::Event,
            "DryRun" => InvocationType::DryRun,
            other => return Err(Refusal::Parameter { name: "invocationType", value: other.to_owned() }),
        };
        let tail = match header(headers, "X-Amz-Log-Type").unwrap_or("None") {
            "None" => false,
            // Who does not wait is not told.
            "Tail" => invocation_type == InvocationType::RequestResponse,
            other => return Err(Refusal::Parameter { name: "logType", value: other.to_owned() }),
        };
        let limit = if invocation_type == InvocationType::Event { MAX_QUEUED_EVENT } else { MAX_EVENT };
        if body.len() > limit {
            return Err(Refusal::TooLarge { length: body.len(), limit });
        }
        let payload = if body.is_empty() { Bytes::from_static(b"{}") } else { body };
        serde_json::from_slice::<IgnoredAny>(&payload).map_err(Refusal::Body)?;
        let client_context = header(headers, "X-Amz-Client-Context").map(context).transpose()?;
        let trace = header(headers, "X-Amzn-Trace-Id").map(str::to_owned);
        Ok(Self { invocation_type, tail, trace, client_context, payload })
    }
}

/// A name, a partial ARN or an ARN, with or without a qualifier.
fn check_name(settings: &Settings, name: &str, query: Option<&str>) -> Result<(), Refusal> {
    let missing = || Refusal::NoFunction { asked: name.to_owned(), known: settings.function_name.clone() };
    let after_arn = name.rsplit_once(":function:").map_or(name, |(_, rest)| rest);
    let (plain, qualifier) = match after_arn.split_once(':') {
        Some((plain, qualifier)) => (plain, Some(qualifier)),
        None => (after_arn, None),
    };
    if plain != settings.function_name && name != EMULATOR_NAME {
        return Err(missing());
    }
    let in_query = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("Qualifier=")));
    match qualifier.or(in_query) {
        None | Some("$LATEST" | "%24LATEST") => Ok(()),
        Some(version) if version == settings.function_version => Ok(()),
        Some(_) => Err(missing()),
    }
}

/// The client's context comes in base64, and goes on to the runtime as JSON in a header.
fn context(encoded: &str) -> Result<String, Refusal> {
    let text = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let value = text.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    // Written anew, as a header holds no line breaks.
    let text = value.ok_or(Refusal::ClientContext)?.to_string();
    if text.is_ascii() { Ok(text) } else { Err(Refusal::ClientContext) }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}
