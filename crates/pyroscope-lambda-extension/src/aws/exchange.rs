//! One request over a connection of its own.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use zeroize::Zeroizing;

use crate::connection::Connector;
use crate::connection::progress::Progress;
use crate::secret::fault::Fault;

/// Twice what a secret of 64 KiB takes in JSON, in bytes.
const ANSWER_LIMIT: usize = 256 * 1024;

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// There may be a secret in it.
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Sends `request` and reads the whole answer.
pub(super) async fn exchange(connector: &Connector, request: Request<Full<Bytes>>) -> Result<Answer, Fault> {
    let mut connection = connector.connect(&Progress::default()).await.map_err(Fault::Connect)?;
    let response = connection.send(request).await.map_err(Fault::Exchange)?;
    let (head, mut incoming) = response.into_parts();
    // At its full length from the start, as far as it is told: a vector that grows leaves copies behind.
    let length = usize::try_from(incoming.size_hint().lower()).unwrap_or(ANSWER_LIMIT);
    let mut body = Zeroizing::new(Vec::with_capacity(length.min(ANSWER_LIMIT)));
    while let Some(frame) = incoming.frame().await {
        let Ok(chunk) = frame.map_err(|error| Fault::Exchange(error.into()))?.into_data() else { continue };
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(Fault::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: head.status, headers: head.headers, body })
}
