//! The Extensions API, version 2020-01-01.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::answer::{NOT_ALLOWED, accepted, forbidden, json_answer, text};
use crate::engine::{Environment, Extension, ExtensionEvent, ExtensionState, Shared};
use crate::error::Fault;
use crate::event::Event;
use crate::id;
use crate::settings::Settings;

const NAME: &str = "Lambda-Extension-Name";
const IDENTIFIER: &str = "Lambda-Extension-Identifier";
/// In lower case, as names that are made at compile time have to be.
const IDENTIFIER_ANSWER: &str = "lambda-extension-identifier";
const EVENT_IDENTIFIER: &str = "lambda-extension-event-identifier";
const ERROR_TYPE: &str = "Lambda-Extension-Function-Error-Type";
const FEATURES: &str = "Lambda-Extension-Accept-Feature";
/// External and internal ones together.
const MAX_EXTENSIONS: usize = 10;

type Answer = Response<Body>;
type Call = State<Arc<Shared>>;

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
    #[serde(default, rename = "configurationKeys")]
    configuration_keys: Vec<String>,
}

/// `POST /extension/register`
pub(super) async fn register(State(shared): Call, headers: HeaderMap, body: Bytes) -> Answer {
    let name = text(&headers, NAME);
    if name.is_empty() {
        return forbidden("Extension.InvalidExtensionName", "Empty extension name");
    }
    let registration: Registration = match serde_json::from_slice(&body) {
        Ok(registration) => registration,
        Err(error) => return forbidden("InvalidRequestFormat", error.to_string()),
    };
    if !registration.configuration_keys.is_empty() {
        let message = "configurationKeys are deprecated; use environment variables instead";
        return forbidden("InvalidRequestFormat", message);
    }
    let id =
        match shared.update(|environment| enter(environment, &shared.settings, name, &registration.events)) {
            Ok(id) => id,
            Err(answer) => return *answer,
        };
    shared.journal.emit(Event::ExtensionRegistered { name: name.to_owned(), events: registration.events });

    let settings = &shared.settings;
    let mut body = json!({
        "functionName": settings.function_name,
        "functionVersion": settings.function_version,
        "handler": settings.handler,
    });
    if let Some(object) = body.as_object_mut()
        && text(&headers, FEATURES).split(',').any(|feature| feature.trim() == "accountId")
    {
        object.insert("accountId".to_owned(), json!(settings.account_id));
    }
    with_header(json_answer(StatusCode::OK, &body), IDENTIFIER_ANSWER, &id)
}

/// Registers an extension, or tells why not. An unknown name is an internal extension: one in the runtime's process.
fn enter(
    environment: &mut Environment,
    settings: &Settings,
    name: &str,
    events: &[String],
) -> Result<String, Box<Answer>> {
    let known = environment.extensions.iter().position(|extension| extension.name == name);
    let external =
        known.is_some_and(|index| environment.extensions.get(index).is_some_and(|e| e.process.is_some()));
    for event in events {
        let refusal = match event.as_str() {
            "INVOKE" if settings.is_managed() => "ErrorInvalidEventType",
            "SHUTDOWN" if !external => "ShutdownEventNotSupportedForInternalExtension",
            "INVOKE" | "SHUTDOWN" => continue,
            _ => "ErrorInvalidEventType",
        };
        return Err(Box::new(forbidden("Extension.InvalidEventType", format!("{event}: {refusal}"))));
    }
    if !external {
        if environment.registration_closed() || environment.shutting_down {
            let message = "Extension registration closed already";
            return Err(Box::new(forbidden("Extension.RegistrationClosed", message)));
        }
        if known.is_some() {
            let message = "Extension with this name already registered";
            return Err(Box::new(forbidden("Extension.InvalidExtensionState", message)));
        }
        if environment.extensions.len() >= MAX_EXTENSIONS {
            let message = format!("Extension limit ({MAX_EXTENSIONS}) reached");
            return Err(Box::new(forbidden("Extension.TooManyExtensions", message)));
        }
        environment.extensions.push(Extension::new(name.to_owned(), id::uuid(), None));
    }
    let index = known.unwrap_or(environment.extensions.len().saturating_sub(1));
    let Some(extension) = environment.extensions.get_mut(index) else {
        return Err(Box::new(forbidden("Extension.InvalidExtensionName", "Unknown extension")));
    };
    if extension.state != ExtensionState::Started {
        return Err(Box::new(wrong_state(extension, name, ExtensionState::Registered)));
    }
    extension.state = ExtensionState::Registered;
    extension.registered_at = Some(Instant::now());
    extension.invoke = events.iter().any(|event| event == "INVOKE");
    extension.shutdown = events.iter().any(|event| event == "SHUTDOWN");
    Ok(extension.id.clone())
}

/// `GET /extension/event/next`
pub(super) async fn next(State(shared): Call, headers: HeaderMap) -> Answer {
    let id = match identifier(&headers) {
        Ok(id) => id,
        Err(answer) => return *answer,
    };
    let (name, first) = match shared.update(|environment| wait(environment, id)) {
        Ok(waiting) => waiting,
        Err(answer) => return *answer,
    };
    if first {
        shared.journal.emit(Event::FirstNext { name });
    }
    let event = shared
        .until(|environment| {
            let Some(extension) = environment.extension_mut(id) else {
                return Some(None);
            };
            let event = extension.pending.pop_front()?;
            extension.state = ExtensionState::Running;
            Some(Some(event))
        })
        .await;
    match event {
        Some(event) => event_answer(event),
        None => unknown(id),
    }
}

/// Puts an extension into the state of waiting; says its name and whether it is its first time.
fn wait(environment: &mut Environment, id: &str) -> Result<(String, bool), Box<Answer>> {
    let Some(extension) = environment.extension_mut(id) else {
        return Err(Box::new(unknown(id)));
    };
    if !matches!(extension.state, ExtensionState::Registered | ExtensionState::Running) {
        return Err(Box::new(wrong_state(extension, id, ExtensionState::Ready)));
    }
    let now = Instant::now();
    let first = extension.first_next_at.is_none();
    extension.state = ExtensionState::Ready;
    extension.first_next_at.get_or_insert(now);
    extension.ready_at = Some(now);
    Ok((extension.name.clone(), first))
}

fn event_answer(event: ExtensionEvent) -> Answer {
    let mut response = Response::new(Body::from(event.body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(event.content_type));
    with_header(response, EVENT_IDENTIFIER, &id::uuid())
}

/// `POST /extension/init/error`
pub(super) async fn init_error(State(shared): Call, headers: HeaderMap, body: Bytes) -> Answer {
    report(&shared, &headers, &body, ExtensionState::InitError)
}

/// `POST /extension/exit/error`
pub(super) async fn exit_error(State(shared): Call, headers: HeaderMap, body: Bytes) -> Answer {
    report(&shared, &headers, &body, ExtensionState::ExitError)
}

fn report(shared: &Shared, headers: &HeaderMap, body: &Bytes, state: ExtensionState) -> Answer {
    let id = match identifier(headers) {
        Ok(id) => id,
        Err(answer) => return *answer,
    };
    let error_type = text(headers, ERROR_TYPE);
    if error_type.is_empty() {
        return forbidden("Extension.MissingHeader", format!("{ERROR_TYPE} not found"));
    }
    let init = state == ExtensionState::InitError;
    shared.update(|environment| {
        let Some(extension) = environment.extension_mut(id) else {
            return forbidden("Extension.UnknownExtensionIdentifier", format!("Unknown {IDENTIFIER}"));
        };
        let allowed = match extension.state {
            // Only the first error counts; others are taken and forgotten.
            current if current == state => return accepted(),
            ExtensionState::Registered => true,
            ExtensionState::Ready | ExtensionState::Running => !init,
            _ => false,
        };
        if !allowed {
            return wrong_state(extension, id, state);
        }
        extension.state = state;
        let name = extension.name.clone();
        // A shutdown is under way anyhow: what goes wrong in it is no fault of the environment's.
        if !environment.shutting_down && environment.fault.is_none() {
            let body = String::from_utf8_lossy(body).into_owned();
            let error_type = error_type.to_owned();
            environment.fault = Some(Fault::ExtensionError { name, init, error_type, body });
        }
        accepted()
    })
}

/// The identifier of the caller, where it has the right form.
pub(super) fn identifier(headers: &HeaderMap) -> Result<&str, Box<Answer>> {
    let id = text(headers, IDENTIFIER);
    if id.is_empty() {
        let message = "Missing Lambda-Extension-Identifier header";
        return Err(Box::new(forbidden("Extension.MissingExtensionIdentifier", message)));
    }
    if !id::is_uuid(id) {
        let message = "Invalid Lambda-Extension-Identifier";
        return Err(Box::new(forbidden("Extension.InvalidExtensionIdentifier", message)));
    }
    Ok(id)
}

pub(super) fn unknown(id: &str) -> Answer {
    forbidden("Extension.UnknownExtensionIdentifier", format!("Unknown extension {id}"))
}

fn wrong_state(extension: &Extension, who: &str, wanted: ExtensionState) -> Answer {
    let (from, to) = (extension.state.name(), wanted.name());
    let message =
        format!("State transition from {from} to {to} failed for extension {who}. Error: {NOT_ALLOWED}");
    forbidden("Extension.InvalidExtensionState", message)
}

fn with_header(mut response: Answer, name: &'static str, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}
