//! Values as Go writes them, since the settings of the Go extension must go on working.

use std::time::Duration;

use super::warning::ValueFault;

/// The largest magnitude that a Go duration can have, in ns.
const MAX_MAGNITUDE: u64 = 1 << 63;

/// Reads a boolean as Go's `strconv.ParseBool` does.
pub fn parse_bool(text: &str) -> Result<bool, ValueFault> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(ValueFault::NotABoolean),
    }
}

/// Reads a duration as Go's `time.ParseDuration` does: numbers with units, such as `1m30s`, `1.5h` or `-500ms`.
///
/// In ns; may be negative.
pub fn parse_duration(text: &str) -> Result<i64, ValueFault> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(ValueFault::NotADuration);
    }
    let mut magnitude: u64 = 0;
    while !rest.is_empty() {
        let part;
        (part, rest) = first_part(rest)?;
        magnitude =
            magnitude.checked_add(part).filter(|sum| *sum <= MAX_MAGNITUDE).ok_or(ValueFault::TooLarge)?;
    }
    if negative {
        0i64.checked_sub_unsigned(magnitude).ok_or(ValueFault::TooLarge)
    } else {
        i64::try_from(magnitude).map_err(|_| ValueFault::TooLarge)
    }
}

/// A duration that has to be longer than nothing.
pub(super) fn positive_duration(text: &str) -> Result<Duration, ValueFault> {
    match u64::try_from(parse_duration(text)?) {
        Ok(nanos) if nanos > 0 => Ok(Duration::from_nanos(nanos)),
        _ => Err(ValueFault::NotPositive),
    }
}

/// Reads a number of bytes: `1048576`, `512KiB`, `16MiB`, `1GiB`.
pub(super) fn parse_bytes(text: &str) -> Result<u64, ValueFault> {
    let (number, unit) = split_where(text, |byte| !byte.is_ascii_digit());
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(ValueFault::NotBytes),
    };
    if number.is_empty() {
        return Err(ValueFault::NotBytes);
    }
    // All digits, so only the size can be wrong.
    let number: u64 = number.parse().map_err(|_| ValueFault::TooLarge)?;
    number.checked_mul(factor).ok_or(ValueFault::TooLarge)
}

/// Takes one number with its unit, such as the `1m` of `1m30s`; gives ns and the rest.
fn first_part(text: &str) -> Result<(u64, &str), ValueFault> {
    let (whole, rest) = split_where(text, |byte| !byte.is_ascii_digit());
    let (fraction, rest) =
        rest.strip_prefix('.').map_or(("", rest), |rest| split_where(rest, |byte| !byte.is_ascii_digit()));
    if whole.is_empty() && fraction.is_empty() {
        return Err(ValueFault::NotADuration);
    }
    let (unit, rest) = split_where(rest, |byte| byte == b'.' || byte.is_ascii_digit());
    let unit: u64 = match unit {
        "" => return Err(ValueFault::NoUnit),
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(ValueFault::UnknownUnit),
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| ValueFault::TooLarge)? };
    let nanos = whole
        .checked_mul(unit)
        .and_then(|nanos| nanos.checked_add(fraction_of(fraction, unit)))
        .filter(|nanos| *nanos <= MAX_MAGNITUDE)
        .ok_or(ValueFault::TooLarge)?;
    Ok((nanos, rest))
}

/// That part of a unit which the digits after the point stand for, as exact as Go has it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go counts in floating point here, and 0.3333333333333333333h must be 20 minutes in both"
)]
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut number: i64 = 0;
    let mut scale: f64 = 1.0;
    for digit in digits.bytes() {
        // Digits that don't fit change nothing that could be told from nothing.
        let digit = i64::from(digit.wrapping_sub(b'0'));
        let Some(longer) = number.checked_mul(10).and_then(|number| number.checked_add(digit)) else { break };
        number = longer;
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u64
}

/// Splits before the first byte that `ends` holds of, which must start a character.
fn split_where(text: &str, ends: impl Fn(u8) -> bool) -> (&str, &str) {
    let at = text.bytes().position(ends).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}
