//! Media types and encodings; from a body to its edited copy.

use bytes::Bytes;

use super::edit::Edit;
use super::gzip;
use super::protobuf::Malformed;
use super::set::LeftOut;

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edited<T> {
    /// It with the labels that it lacked; `None` where there is nothing to change.
    pub changed: Option<T>,
    /// Labels for which some series of it has no room.
    pub left_out: LeftOut,
}

/// Why a body can't be edited. Forward it as it arrived.
#[derive(Debug, thiserror::Error)]
pub enum Untouched {
    /// The media type is neither protobuf nor JSON.
    #[error("content type {0:?} is neither protobuf nor JSON")]
    MediaType(String),
    /// The encoding is neither gzip nor none.
    #[error("content encoding {0:?} is neither gzip nor identity")]
    Encoding(String),
    /// The body would take more memory than the relay spends on one.
    #[error("the body is over {limit} bytes without compression or with its labels")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body is a gzip bomb, or might be.
    #[error("the body is over {limit} times as large without compression")]
    Ratio {
        /// The limit.
        limit: usize,
    },
    /// The labels would take more memory than the relay spends on them.
    #[error("its labels would take over {limit} bytes")]
    TooMuchAdded {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body says that it is gzip and isn't.
    #[error("the body is no valid gzip")]
    Gzip(#[source] std::io::Error),
    /// The body says that it is protobuf and isn't.
    #[error("the body is no protobuf message: {0}")]
    Protobuf(#[from] Malformed),
    /// The body says that it is JSON and isn't, or not of the shape that its schema gives it.
    #[error("the body is not the JSON that its schema asks for")]
    Json(#[from] serde_json::Error),
}

/// The two formats in which both services take their messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

// === impl Format ===

impl Format {
    /// The format that a `Content-Type` names, whatever its parameters.
    pub(super) fn of(content_type: Option<&str>) -> Result<Self, Untouched> {
        let given = content_type.unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        let is = |known: &str| essence.eq_ignore_ascii_case(known);
        if is("application/proto") || is("application/protobuf") || is("application/x-protobuf") {
            Ok(Self::Protobuf)
        } else if is("application/json") {
            Ok(Self::Json)
        } else {
            Err(Untouched::MediaType(given.to_owned()))
        }
    }
}

/// The body as `plan` edits it, in the encoding in which it came.
pub(super) fn edit(
    body: &Bytes,
    content_encoding: Option<&str>,
    limit: usize,
    plan: impl FnOnce(&mut Edit<'_>) -> Result<(), Untouched>,
) -> Result<Edited<Bytes>, Untouched> {
    let encoding = content_encoding.unwrap_or_default().trim();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        let mut edit = Edit::new(body, limit)?;
        plan(&mut edit)?;
        let changed = (!edit.is_empty()).then(|| edit.copy().into());
        Ok(Edited { changed, left_out: edit.left_out() })
    } else if encoding.eq_ignore_ascii_case("gzip") {
        let inflated = gzip::inflate(body, limit)?;
        let mut edit = Edit::new(&inflated, limit)?;
        plan(&mut edit)?;
        let left_out = edit.left_out();
        if edit.is_empty() {
            return Ok(Edited { changed: None, left_out });
        }
        let packed = gzip::deflate(&edit, body.len()).map_err(Untouched::Gzip)?;
        Ok(Edited { changed: Some(packed.into()), left_out })
    } else {
        Err(Untouched::Encoding(encoding.to_owned()))
    }
}
