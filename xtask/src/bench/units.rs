//! Values as the tables have them.

use std::time::Duration;

const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub(super) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "nothing here is that large")]
pub(super) fn count(count: u64) -> f64 {
    count as f64
}

pub(super) fn mib(bytes: u64) -> f64 {
    count(bytes) / MIB
}
