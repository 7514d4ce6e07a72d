//! What log lines look like.

use tracing::Level;

use super::go_value::parse_bool;
use super::reader::Reader;
use super::variable::{self as var, Unset, Variable};
use super::warning::ValueFault;
use crate::log::Layout;

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// The least important level that is logged.
    pub level: Level,
    /// The shape of a line.
    pub format: LogFormat,
    /// How a timestamp looks; none leaves timestamps out.
    pub timestamp: Option<Layout>,
    /// What the fields of every line are called.
    pub names: FieldNames,
}

/// The shape of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value` pairs.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// What the fields of every line are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldNames {
    /// The timestamp.
    pub time: String,
    /// The level.
    pub level: String,
    /// The message.
    pub msg: String,
    /// Kept free; never written.
    pub logrus_error: String,
    /// Never written: lines don't say which function logged them.
    pub func: String,
    /// Never written: lines don't say which file logged them.
    pub file: String,
}

// === impl LogConfig ===

impl LogConfig {
    /// Warnings and errors alone, for somebody at a terminal.
    #[must_use]
    pub fn of_warnings() -> Self {
        Self { level: Level::WARN, timestamp: None, ..Self::read(&mut Reader::new(&|_| None)) }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let disabled = reader.value(&var::LOG_TIMESTAMP_DISABLE, parse_bool).unwrap_or_default();
        let layout = reader.value(&var::LOG_TIMESTAMP_FORMAT, layout);
        Self {
            level: reader.value(&var::LOG_LEVEL, level).unwrap_or(Level::INFO),
            format: reader.value(&var::LOG_FORMAT, LogFormat::parse).unwrap_or_default(),
            timestamp: layout.filter(|_| !disabled),
            names: FieldNames {
                time: field_name(reader, &var::LOG_TIMESTAMP_FIELD_NAME),
                level: field_name(reader, &var::LOG_LEVEL_FIELD_NAME),
                msg: field_name(reader, &var::LOG_MSG_FIELD_NAME),
                logrus_error: field_name(reader, &var::LOG_LOGRUS_ERROR_FIELD_NAME),
                func: field_name(reader, &var::LOG_FUNC_FIELD_NAME),
                file: field_name(reader, &var::LOG_FILE_FIELD_NAME),
            },
        }
    }
}

// === impl LogFormat ===

impl LogFormat {
    fn parse(text: &str) -> Result<Self, ValueFault> {
        if text.eq_ignore_ascii_case("text") {
            Ok(Self::Text)
        } else if text.eq_ignore_ascii_case("json") {
            Ok(Self::Json)
        } else {
            Err(ValueFault::NotAChoice)
        }
    }
}

/// The levels by the names that the Go extension took; its two worst are errors here.
fn level(text: &str) -> Result<Level, ValueFault> {
    match text.to_ascii_lowercase().as_str() {
        "panic" | "fatal" | "error" => Ok(Level::ERROR),
        "warn" | "warning" => Ok(Level::WARN),
        "info" => Ok(Level::INFO),
        "debug" => Ok(Level::DEBUG),
        "trace" => Ok(Level::TRACE),
        _ => Err(ValueFault::NotAChoice),
    }
}

fn layout(text: &str) -> Result<Layout, ValueFault> {
    let layout = Layout::new(text);
    if layout.shows_time() { Ok(layout) } else { Err(ValueFault::NotATimeLayout) }
}

fn field_name(reader: &mut Reader<'_>, variable: &'static Variable) -> String {
    let default = match variable.unset {
        Unset::Value(name) => name,
        Unset::Means(_) => "",
    };
    let Some(name) = reader.text(variable) else { return default.to_owned() };
    if name.chars().any(char::is_control) {
        reader.invalid(variable, &name, ValueFault::ControlCharacter);
        return default.to_owned();
    }
    name
}
