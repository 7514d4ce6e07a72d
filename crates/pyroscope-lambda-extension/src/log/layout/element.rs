//! The parts of the time that a Go layout can show.

use time::OffsetDateTime;

/// A part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    /// What an offset of nothing looks like.
    Offset(&'static str),
    /// So many digits, with zeros at the end or without.
    Fraction {
        separator: char,
        digits: usize,
        zeros: bool,
    },
}

/// The elements that are always the same text; one that starts with another's text comes before it.
const ELEMENTS: [(&str, Element); 31] = [
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekday),
    ("MST", Element::ZoneName),
    ("01", Element::ZeroMonth),
    ("002", Element::ZeroYearDay),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::SpaceYearDay),
    ("_2", Element::SpaceDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperPm),
    ("pm", Element::LowerPm),
    ("-070000", Element::Offset("+000000")),
    ("-07:00:00", Element::Offset("+00:00:00")),
    ("-0700", Element::Offset("+0000")),
    ("-07:00", Element::Offset("+00:00")),
    ("-07", Element::Offset("+00")),
    ("Z070000", Element::Offset("Z")),
    ("Z07:00:00", Element::Offset("Z")),
    ("Z0700", Element::Offset("Z")),
    ("Z07:00", Element::Offset("Z")),
    ("Z07", Element::Offset("Z")),
];

// === impl Element ===

impl Element {
    /// The element that the text starts with, and what is behind it.
    pub(super) fn first_in(text: &str) -> Option<(Self, &str)> {
        if text.starts_with("_2006") {
            return None;
        }
        for (word, element) in ELEMENTS {
            if let Some(behind) = text.strip_prefix(word) {
                return Some((element, behind));
            }
        }
        // `Jan` and `Mon` don't count within words such as `Janet` and `Month`.
        for (word, element) in [("Jan", Self::Month), ("Mon", Self::Weekday)] {
            if let Some(behind) = text.strip_prefix(word) {
                let word_goes_on = behind.starts_with(|next: char| next.is_ascii_lowercase());
                return (!word_goes_on).then_some((element, behind));
            }
        }
        Self::fraction_in(text)
    }

    /// `.000`, `,000`, `.999` or `,999` of any length that no other digit follows.
    fn fraction_in(text: &str) -> Option<(Self, &str)> {
        let separator = text.chars().next().filter(|first| matches!(first, '.' | ','))?;
        let run = text.strip_prefix(separator)?;
        let digit = run.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
        let behind = run.trim_start_matches(digit);
        let digits = run.len() - behind.len();
        if behind.starts_with(|next: char| next.is_ascii_digit()) {
            return None;
        }
        Some((Self::Fraction { separator, digits, zeros: digit == '0' }, behind))
    }

    pub(super) fn push(self, out: &mut String, at: OffsetDateTime) {
        let hour12 = match at.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        match self {
            Self::LongMonth => out.push_str(&at.month().to_string()),
            Self::Month => push_three(out, &at.month().to_string()),
            Self::NumMonth => push_number(out, u8::from(at.month()), 0, '0'),
            Self::ZeroMonth => push_number(out, u8::from(at.month()), 2, '0'),
            Self::LongWeekday => out.push_str(&at.weekday().to_string()),
            Self::Weekday => push_three(out, &at.weekday().to_string()),
            Self::Day => push_number(out, at.day(), 0, '0'),
            Self::SpaceDay => push_number(out, at.day(), 2, ' '),
            Self::ZeroDay => push_number(out, at.day(), 2, '0'),
            Self::SpaceYearDay => push_number(out, at.ordinal(), 3, ' '),
            Self::ZeroYearDay => push_number(out, at.ordinal(), 3, '0'),
            Self::Hour => push_number(out, at.hour(), 2, '0'),
            Self::Hour12 => push_number(out, hour12, 0, '0'),
            Self::ZeroHour12 => push_number(out, hour12, 2, '0'),
            Self::Minute => push_number(out, at.minute(), 0, '0'),
            Self::ZeroMinute => push_number(out, at.minute(), 2, '0'),
            Self::Second => push_number(out, at.second(), 0, '0'),
            Self::ZeroSecond => push_number(out, at.second(), 2, '0'),
            Self::LongYear => push_number(out, at.year(), 4, '0'),
            Self::Year => push_number(out, at.year().rem_euclid(100), 2, '0'),
            Self::UpperPm => out.push_str(if at.hour() < 12 { "AM" } else { "PM" }),
            Self::LowerPm => out.push_str(if at.hour() < 12 { "am" } else { "pm" }),
            Self::ZoneName => out.push_str("UTC"),
            Self::Offset(text) => out.push_str(text),
            Self::Fraction { separator, digits, zeros } => push_fraction(out, at, separator, digits, zeros),
        }
    }
}

fn push_three(out: &mut String, word: &str) {
    out.extend(word.chars().take(3));
}

/// Pushes a number of at least so many characters.
fn push_number(out: &mut String, number: impl Into<i32>, width: usize, fill: char) {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    if number < 0 {
        out.push('-');
    }
    out.extend(std::iter::repeat_n(fill, width.saturating_sub(digits.len())));
    out.push_str(&digits);
}

fn push_fraction(out: &mut String, at: OffsetDateTime, separator: char, digits: usize, zeros: bool) {
    let nanos = format!("{:09}", at.nanosecond());
    let mut shown = nanos.get(..digits).unwrap_or(&nanos);
    if !zeros {
        shown = shown.trim_end_matches('0');
        if shown.is_empty() {
            return;
        }
    }
    out.push(separator);
    out.push_str(shown);
}
