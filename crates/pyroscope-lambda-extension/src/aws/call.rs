//! What is asked of AWS, and what the answer means: pure.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, Request};
use http_body_util::Full;
use serde_json::json;

use super::exchange::Answer;
use super::json::Object;
use super::signature;
use crate::config::{Keys, RemoteAddress};
use crate::secret::Secret;
use crate::secret::arn::{SecretArn, Service};
use crate::secret::fault::Fault;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// How much of AWS's words goes into a log line, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Asks the service at `address` for what `arn` names: `GetSecretValue` or `GetParameter`.
pub(super) fn request(
    arn: &SecretArn,
    address: &RemoteAddress,
    keys: &Keys,
    now: SystemTime,
) -> Result<Request<Full<Bytes>>, Fault> {
    let (target, body) = match arn.service() {
        Service::SecretsManager => ("secretsmanager.GetSecretValue", json!({ "SecretId": arn.name() })),
        Service::ParameterStore => {
            ("AmazonSSM.GetParameter", json!({ "Name": arn.name(), "WithDecryption": true }))
        }
    };
    let body = body.to_string();
    let mut request = Request::post(format!("{}/", address.base_path()))
        .header(HOST, address.authority())
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header(TARGET, target)
        .body(Full::default())
        .map_err(Fault::request)?;
    signature::add(&mut request, body.as_bytes(), keys, arn.region(), arn.service().id(), now)?;
    *request.body_mut() = Full::from(body);
    Ok(request)
}

/// The secret in the answer.
pub(super) fn secret(arn: &SecretArn, answer: &Answer) -> Result<Secret, Fault> {
    let object = Object::parse(&answer.body);
    if !answer.status.is_success() {
        return Err(fault(arn, answer, object));
    }
    let mut object = object.ok_or(Fault::NoSecretInAnswer)?;
    let kept = match arn.service() {
        Service::SecretsManager => {
            if object.has("SecretBinary") {
                return Err(Fault::Binary);
            }
            object.secret("SecretString")
        }
        Service::ParameterStore => {
            object.object("Parameter").and_then(|mut parameter| parameter.secret("Value"))
        }
    };
    let kept = kept.ok_or(Fault::NoSecretInAnswer)?;
    let Some(key) = arn.key() else { return Ok(kept) };
    let mut object =
        Object::parse(kept.expose().as_bytes()).ok_or_else(|| Fault::NotAnObject { key: key.to_owned() })?;
    object.secret(key).ok_or_else(|| Fault::NoSuchKey { key: key.to_owned() })
}

/// AWS's JSON protocol: the error's name is in `__type` or in a header, with more around it.
fn fault(arn: &SecretArn, answer: &Answer, object: Option<Object>) -> Fault {
    let mut object = object;
    let mut text = |name| object.as_mut().and_then(|object| object.text(name));
    let header = answer.headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let code = text("__type").or_else(|| header.map(str::to_owned)).unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = if code.is_empty() { answer.status.as_str() } else { code };
    let message = text("message").or_else(|| text("Message"));
    // What is no JSON comes from something on the way, which may say what it is.
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
    let message: String = message.trim().chars().take(LONGEST_MESSAGE).collect();
    Fault::of_answer(arn.service(), arn.name(), answer.status, code, &message)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderMap, StatusCode};
    use zeroize::Zeroizing;

    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pyroscope-AbCdEf";
    const PARAMETER: &str = "arn:aws:ssm:eu-west-1:123456789012:parameter/pyroscope/token";

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    /// What was read, or why nothing was.
    fn read(arn: &str, answer: &Answer) -> String {
        match secret(&SecretArn::parse(arn).unwrap(), answer) {
            Ok(secret) => secret.expose().to_owned(),
            Err(fault) => fault.to_string(),
        }
    }

    /// The signatures are those of botocore, AWS's SDK for Python, with the keys of AWS's own examples.
    #[test]
    fn a_request_is_signed_as_another_sdk_signs_it() {
        let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160); // 2015-08-30T12:36:00Z
        for (arn, address, session_token, path, signed, signature) in [
            (
                SECRET,
                "https://secretsmanager.us-east-1.amazonaws.com",
                None,
                "/",
                "us-east-1/secretsmanager/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target",
                "ccf9587db786cda7cb858b4407f7171a9ba861d6e033e29cd44a6b0a9b6c2f7d",
            ),
            (
                PARAMETER,
                "http://127.0.0.1:5000/base%20path/",
                Some("session/token+="),
                "/base%20path/",
                "eu-west-1/ssm/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
                "7d0e4335a36a07e0e845dcd7e2738ba4e71bea5ded99f68b44a17eb6c3e25ad5",
            ),
        ] {
            let keys = Keys {
                id: "AKIDEXAMPLE".to_owned(),
                secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
                session_token: session_token.map(|token| Secret::new(token.to_owned())),
            };
            let address = RemoteAddress::parse(address).unwrap();
            let request = request(&SecretArn::parse(arn).unwrap(), &address, &keys, now).unwrap();
            assert_eq!(request.uri().path(), path);
            let headers = request.headers();
            assert_eq!(
                headers["authorization"],
                format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/{signed}, Signature={signature}")
            );
            assert_eq!(headers["x-amz-date"], "20150830T123600Z");
            assert_eq!(
                headers.get("x-amz-security-token").map(|value| value.to_str().unwrap()),
                session_token
            );
            assert!(headers["authorization"].is_sensitive());
        }
    }

    #[test]
    fn keys_that_no_header_can_hold_are_a_fault_and_no_more() {
        for text in ["", "\n", "a\0b", "ü", "\u{7f}"] {
            let keys = Keys {
                id: text.to_owned(),
                secret: Secret::new(text.to_owned()),
                session_token: Some(Secret::new(text.to_owned())),
            };
            let arn = SecretArn::parse(SECRET).unwrap();
            let address = RemoteAddress::parse("http://h").unwrap();
            drop(request(&arn, &address, &keys, UNIX_EPOCH));
        }
    }

    #[test]
    fn a_secret_is_all_that_is_kept_or_one_value_of_a_json_object() {
        let object = r#"{"token":"t\"1","n":7,"nested":{"a":"b"}}"#;
        let of_object = json!({ "ARN": SECRET, "SecretString": object }).to_string();
        let parameter = json!({ "Parameter": { "Type": "SecureString", "Value": "p" } }).to_string();
        let in_parameter = json!({ "Parameter": { "Value": object } }).to_string();
        for (arn, body, expected) in [
            (SECRET.to_owned(), r#"{"SecretString":"whole\n"}"#, "whole\n"),
            (SECRET.to_owned(), &of_object, object),
            (format!("{SECRET}#token"), &of_object, "t\"1"),
            (format!("{SECRET}#user"), &of_object, "has no text under the key \"user\""),
            (format!("{SECRET}#n"), &of_object, "has no text under the key \"n\""),
            (format!("{SECRET}#nested"), &of_object, "has no text under the key \"nested\""),
            (format!("{SECRET}#token"), r#"{"SecretString":"plain"}"#, "no JSON object (leave out #token"),
            (SECRET.to_owned(), r#"{"SecretBinary":"AAEC"}"#, "binary"),
            (SECRET.to_owned(), "{}", "no secret in it"),
            (SECRET.to_owned(), "<html>", "no secret in it"),
            (SECRET.to_owned(), "", "no secret in it"),
            (PARAMETER.to_owned(), &parameter, "p"),
            (format!("{PARAMETER}:3#token"), &in_parameter, "t\"1"),
            (PARAMETER.to_owned(), r#"{"Parameter":"x"}"#, "no secret in it"),
        ] {
            let read = read(&arn, &answer(200, body));
            assert!(read == expected || read.contains(expected) && read.len() > 20, "{arn}: {read}");
        }
    }

    #[test]
    fn an_error_is_understood_however_it_is_worded() {
        let denied = "AccessDeniedException: no (allow secretsmanager:GetSecretValue on";
        for (body, header, expected) in [
            (r#"{"__type":"AccessDeniedException","Message":"no"}"#, "", denied),
            (r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}"#, "", denied),
            (r#"{"message":"no"}"#, "AccessDeniedException:http://internal.amazon.com/coral/", denied),
            ("<html>\n", "", "400: <html>"),
            (r#"{"__type":7}"#, "", r#"400: {"__type":7}"#),
            ("", "", "400: "),
        ] {
            let mut answer = answer(400, body);
            if !header.is_empty() {
                answer.headers.insert(ERROR_TYPE, header.parse().unwrap());
            }
            let read = read(SECRET, &answer);
            assert!(read.starts_with(expected), "{read}");
        }
    }

    #[test]
    fn an_error_is_one_short_line_however_long_the_answer() {
        let message = "long ".repeat(10_000);
        let read = read(SECRET, &answer(400, &json!({ "__type": "X", "message": message }).to_string()));
        assert!(read.len() < 400, "{read}");
    }
}
