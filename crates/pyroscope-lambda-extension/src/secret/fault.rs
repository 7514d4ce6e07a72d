//! Why a secret can't be read, each with what to do about it.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;

use super::arn::Service;
use crate::connection::ExchangeError;

/// Why a secret can't be read. Its text never holds one.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file can't be read.
    #[error("{0}")]
    File(#[source] io::Error),
    /// What is kept is no text.
    #[error("what is kept there is not UTF-8 text")]
    NotText,
    /// What is kept is longer than any secret.
    #[error("what is kept there is too long for a secret")]
    TooLong,
    /// There is nothing in it.
    #[error("what is kept there is empty (put the secret into it)")]
    Empty,
    /// What is kept can't be a bearer token.
    #[error(
        "what is kept there holds a line break or another character that no header may have (put the token alone into it)"
    )]
    NotAHeaderValue,
    /// It is kept as bytes.
    #[error("what is kept there is binary (store it as text)")]
    Binary,
    /// A key is given, but there are no keys.
    #[error("what is kept there is no JSON object (leave out #{key}, or store an object)")]
    NotAnObject {
        /// The key.
        key: String,
    },
    /// There is no such key.
    #[error(
        "the JSON object that is kept there has no text under the key {key:?} (write #KEY as it is there)"
    )]
    NoSuchKey {
        /// The key.
        key: String,
    },
    /// No answer in time.
    #[error(
        "no answer within {0:?} (a function in a VPC reaches AWS through a VPC endpoint or a NAT gateway)"
    )]
    Silent(Duration),
    /// There is no connection to be had.
    #[error("can't connect: {0}")]
    Connect(#[source] io::Error),
    /// The exchange broke off.
    #[error("the connection broke off: {0}")]
    Exchange(#[source] ExchangeError),
    /// No request can be made of it.
    #[error("no request can be made: {0}")]
    Request(#[source] Box<dyn Error + Send + Sync>),
    /// There is nothing to sign requests with.
    #[error(
        "there are no AWS keys in the environment (Lambda sets AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
    )]
    NoKeys,
    /// The keys are not handed out.
    #[error(
        "the keys of the function's role are not handed out (AWS_CONTAINER_CREDENTIALS_FULL_URI): {status}"
    )]
    KeysRefused {
        /// What was answered.
        status: StatusCode,
    },
    /// There are no keys in what was handed out.
    #[error("AWS_CONTAINER_CREDENTIALS_FULL_URI answered without keys")]
    NoKeysInAnswer,
    /// A permission is missing.
    #[error("{code}: {message} (allow {action} on {resource} to the function's role)")]
    Denied {
        /// AWS's name for what is wrong.
        code: String,
        /// AWS's words for it.
        message: String,
        /// The permission.
        action: &'static str,
        /// What it has to be given for.
        resource: String,
    },
    /// There is no such secret.
    #[error("{code}: {message} (see that the ARN is right, and that what it names is there)")]
    NotFound {
        /// AWS's name for what is wrong.
        code: String,
        /// AWS's words for it.
        message: String,
    },
    /// AWS can't answer now.
    #[error("{code}: {message}")]
    NotNow {
        /// AWS's name for what is wrong.
        code: String,
        /// AWS's words for it.
        message: String,
    },
    /// AWS refuses for another reason.
    #[error("{code}: {message}")]
    Refused {
        /// AWS's name for what is wrong.
        code: String,
        /// AWS's words for it.
        message: String,
    },
    /// The answer makes no sense.
    #[error("the answer of AWS has no secret in it")]
    NoSecretInAnswer,
}

// === impl Fault ===

impl Fault {
    /// For `map_err`.
    pub(crate) fn request(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Request(error.into())
    }

    /// Whether it will last until somebody does something about it, so that there is no point in asking again soon.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        match self {
            Self::File(_)
            | Self::Silent(_)
            | Self::Connect(_)
            | Self::Exchange(_)
            | Self::KeysRefused { .. }
            | Self::NoKeysInAnswer
            | Self::NotNow { .. }
            | Self::NoSecretInAnswer => false,
            Self::NotText
            | Self::TooLong
            | Self::Empty
            | Self::NotAHeaderValue
            | Self::Binary
            | Self::NotAnObject { .. }
            | Self::NoSuchKey { .. }
            | Self::Request(_)
            | Self::NoKeys
            | Self::Denied { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. } => true,
        }
    }

    /// What it means that `service`, asked for `name`, answered with an error.
    #[must_use]
    pub fn of_answer(service: Service, name: &str, status: StatusCode, code: &str, message: &str) -> Self {
        let denied = matches!(code, "AccessDeniedException" | "AccessDenied");
        let about_key = ["KMS", "kms:", "ciphertext"].iter().any(|word| message.contains(word));
        let not_now = status.is_server_error()
            || status == StatusCode::TOO_MANY_REQUESTS
            || code == "RequestExpired"
            || ["Throttl", "TooManyRequests", "LimitExceeded", "ExpiredToken"]
                .iter()
                .any(|word| code.contains(word));
        let (code, message) = (code.to_owned(), message.to_owned());
        if matches!(code.as_str(), "DecryptionFailure" | "InvalidKeyId") || (denied && about_key) {
            let resource = "the KMS key that encrypts it".to_owned();
            Self::Denied { code, message, action: "kms:Decrypt", resource }
        } else if denied {
            Self::Denied { code, message, action: service.action(), resource: name.to_owned() }
        } else if code.ends_with("NotFound") || code == "ResourceNotFoundException" {
            Self::NotFound { code, message }
        } else if not_now {
            Self::NotNow { code, message }
        } else {
            Self::Refused { code, message }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:1:secret:p";

    #[test]
    fn an_error_of_aws_says_what_to_do_about_it_and_whether_it_lasts() {
        use Service::{ParameterStore, SecretsManager};
        for (service, status, code, message, told, lasts) in [
            (
                SecretsManager,
                400,
                "AccessDeniedException",
                "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: secretsmanager:GetSecretValue",
                "(allow secretsmanager:GetSecretValue on arn:aws:secretsmanager:us-east-1:1:secret:p to the function's role)",
                true,
            ),
            (ParameterStore, 400, "AccessDeniedException", "no", "(allow ssm:GetParameter on arn:", true),
            (
                SecretsManager,
                400,
                "AccessDeniedException",
                "Access to KMS is not allowed",
                "(allow kms:Decrypt on the KMS key that encrypts it to the function's role)",
                true,
            ),
            (
                ParameterStore,
                400,
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist",
                "(allow kms:Decrypt on",
                true,
            ),
            (SecretsManager, 400, "DecryptionFailure", "", "(allow kms:Decrypt on", true),
            (ParameterStore, 400, "InvalidKeyId", "", "(allow kms:Decrypt on", true),
            (
                SecretsManager,
                400,
                "ResourceNotFoundException",
                "can't find it",
                "see that the ARN is right",
                true,
            ),
            (ParameterStore, 400, "ParameterNotFound", "", "see that the ARN is right", true),
            (ParameterStore, 400, "ParameterVersionNotFound", "", "see that the ARN is right", true),
            (
                ParameterStore,
                400,
                "ThrottlingException",
                "Rate exceeded",
                "ThrottlingException: Rate exceeded",
                false,
            ),
            (SecretsManager, 400, "TooManyRequestsException", "", "TooManyRequests", false),
            (SecretsManager, 429, "", "", "", false),
            (SecretsManager, 500, "InternalServiceError", "oops", "InternalServiceError: oops", false),
            (ParameterStore, 503, "ServiceUnavailable", "", "ServiceUnavailable", false),
            (
                SecretsManager,
                400,
                "ExpiredTokenException",
                "expired",
                "ExpiredTokenException: expired",
                false,
            ),
            (SecretsManager, 400, "UnrecognizedClientException", "invalid", "UnrecognizedClient", true),
            (
                SecretsManager,
                400,
                "InvalidRequestException",
                "marked for deletion",
                "marked for deletion",
                true,
            ),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let fault = Fault::of_answer(service, ARN, status, code, message);
            assert!(fault.to_string().contains(told), "{fault}");
            assert_eq!(fault.lasts(), lasts, "{fault}");
        }
    }
}
