//! Floating-point numbers as Go writes them.

/// As `fmt.Sprint` does.
pub(super) fn text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = parts(&scientific);
    if number.is_nan() || (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// As `encoding/json` does; what JSON has no number for becomes a string.
pub(super) fn json(number: f64) -> String {
    if !number.is_finite() {
        return format!("\"{}\"", text(number));
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = parts(&scientific);
    if (-6..21).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{}", exponent.unsigned_abs())
}

fn parts(scientific: &str) -> (&str, i32) {
    scientific
        .split_once('e')
        .and_then(|(mantissa, exponent)| Some((mantissa, exponent.parse().ok()?)))
        .unwrap_or((scientific, 0))
}
