//! Timestamps as Go's time layouts describe them.

mod element;

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

use self::element::Element;

/// A Go time layout: the reference time, `Mon Jan 2 15:04:05 MST 2006`, as it should look. Times are UTC.
///
/// The elements are those of Go's package `time`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pieces: Vec<Piece>,
}

/// A part of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Element(Element),
}

// === impl Layout ===

impl Layout {
    /// Reads a layout. Every text is one: what is no element stands for itself.
    #[must_use]
    pub fn new(layout: &str) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = layout;
        while let Some(next) = rest.chars().next() {
            if let Some((element, behind)) = Element::first_in(rest) {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Element(element));
                rest = behind;
            } else {
                literal.push(next);
                let mut chars = rest.chars();
                chars.next();
                rest = chars.as_str();
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Self { pieces }
    }

    /// Whether any part of the time shows in it.
    #[must_use]
    pub fn shows_time(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Element(_)))
    }

    /// Writes a time. One beyond the year 9999 is shown as the epoch.
    #[must_use]
    pub fn format(&self, at: SystemTime) -> String {
        let at = utc(at);
        let mut out = String::with_capacity(32);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Element(element) => element.push(&mut out, at),
            }
        }
        out
    }
}

/// The calendar's view; the epoch where the calendar doesn't reach.
fn utc(at: SystemTime) -> OffsetDateTime {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let nanos = match since {
        Ok(after) => nanos(after),
        Err(before) => nanos(before.duration()).map(|nanos| -nanos),
    };
    nanos
        .and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn nanos(duration: Duration) -> Option<i128> {
    i128::try_from(duration.as_nanos()).ok()
}
