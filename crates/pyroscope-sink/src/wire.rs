//! What goes over the wire in place of an HTTP server's own bytes.

use std::time::Duration;

use bytes::Bytes;

/// Bytes that are sent as they are, at their own pace, in place of an answer.
///
/// ```
/// use pyroscope_sink::{End, Raw, Reaction};
/// use std::time::Duration;
///
/// // Nobody speaks HTTP here.
/// let garbage = Reaction::Raw(Raw::new().send("\x00\x01garbage\r\n\r\n"));
/// // The profile is stored, and the answer comes a byte at a time.
/// let slow = Raw::new().drip("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Duration::from_millis(5));
/// let slow = Reaction::Raw(slow.stored().answered().end(End::Close));
/// # drop((garbage, slow));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub(crate) stores: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

/// What becomes of the connection when the last byte is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is closed in order (FIN).
    Close,
    /// It is reset (RST).
    Reset,
    /// It stays open, and nothing more comes.
    Hang,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Bytes),
    /// The answer's meaning is out: from here on a client may rely on it.
    Answered,
    /// One byte, then this pause, and so on.
    Drip(Bytes, Duration),
    /// The same byte for as long as the client takes it.
    DripForEver(u8, Duration),
}

// === impl Raw ===

impl Raw {
    /// No bytes yet, a request that is not stored, and an end in order.
    #[must_use]
    pub fn new() -> Self {
        Self { stores: false, steps: Vec::new(), end: End::Close }
    }

    /// Sends these bytes at once.
    #[must_use]
    pub fn send(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends these bytes one at a time, with this pause after each.
    #[must_use]
    pub fn drip(self, bytes: impl Into<Bytes>, pause: Duration) -> Self {
        self.step(Step::Drip(bytes.into(), pause))
    }

    /// Sends this byte again and again, with this pause after each, until the client closes the connection.
    #[must_use]
    pub fn drip_for_ever(self, byte: u8, pause: Duration) -> Self {
        self.step(Step::DripForEver(byte, pause))
    }

    /// Stores what the request holds, as the server would.
    #[must_use]
    pub fn stored(mut self) -> Self {
        self.stores = true;
        self
    }

    /// Whoever has got all bytes up to here has been answered.
    #[must_use]
    pub fn answered(self) -> Self {
        self.step(Step::Answered)
    }

    /// What becomes of the connection afterwards.
    #[must_use]
    pub fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self::new()
    }
}
