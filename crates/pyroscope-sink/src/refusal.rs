//! Why a request is refused.

use crate::{
    check::LabelError, folded::FoldedError, inflate::InflateError, name::NameError, pprof::PprofError,
};

/// Why the server refuses a request. Which status says so depends on the [`Endpoint`](crate::Endpoint).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is served at the path.
    #[error("404 page not found: {0}")]
    UnknownPath(String),
    /// The path takes only POST.
    #[error("method {0} not allowed; send POST")]
    Method(String),
    /// The credentials or the tenant that the sink asks for are missing or wrong.
    #[error("no valid credentials; {0}")]
    Unauthenticated(&'static str),
    /// The sink has a tenant, and the request names none.
    #[error("no org id")]
    NoTenant,
    /// The content type is none that the endpoint reads.
    #[error("unsupported media type {0:?}")]
    MediaType(String),
    /// The content encoding is none that the endpoint reads.
    #[error("unknown compression {0:?}; send gzip or identity")]
    Encoding(String),
    /// The request's body is too large.
    #[error("request body too large (limit: {limit} bytes)")]
    BodyTooLarge {
        /// The most that is allowed.
        limit: usize,
    },
    /// The client went away before it had sent the whole body.
    #[error("failed to read request body: {0}")]
    BodyCut(String),
    /// The body's compression is broken.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// The body isn't the message that it should be.
    #[error("unmarshal message: {0}")]
    Message(String),
    /// The body isn't valid multipart.
    #[error("multipart: {0}")]
    Multipart(String),
    /// A multipart body lacks the part that holds the profile.
    #[error("multipart: there is no part {0:?}")]
    NoPart(&'static str),
    /// The `name` of `/ingest` is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Labels are not as they must be.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// A pprof profile is not one.
    #[error(transparent)]
    Pprof(#[from] PprofError),
    /// Folded stacks are none.
    #[error(transparent)]
    Folded(#[from] FoldedError),
    /// The `sample_type_config` is no JSON.
    #[error("sample_type_config: {0}")]
    SampleTypeConfig(String),
    /// A profile is too large.
    #[error("the profile exceeds the size limit (max_profile_size_byte, limit: {limit})")]
    ProfileTooLarge {
        /// The most that is allowed, in bytes without compression.
        limit: usize,
    },
    /// A profile is too old.
    #[error("profile is outside of ingestion window: {seconds} s old")]
    TooOld {
        /// Its age in seconds.
        seconds: i64,
    },
    /// A profile is too far ahead of the clock.
    #[error("profile is outside of ingestion window: {seconds} s in the future")]
    TooNew {
        /// How far ahead it is, in seconds.
        seconds: i64,
    },
    /// A push carries no profile at all.
    #[error("no profiles received")]
    NoProfiles,
}
