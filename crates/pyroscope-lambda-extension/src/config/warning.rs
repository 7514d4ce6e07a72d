//! What is said about a value that can't be used.

use std::fmt;

use super::flush::FlushStrategy;
use crate::labels::InvalidLabel;
use crate::secret::arn::ArnFault;

/// How much of a value a warning shows.
const SHOWN_CHARS: usize = 80;

/// A setting that is not used as it was written. Its text never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A value that can't be read.
    #[error("{variable}{value}: {fault}; {instead} (write {write})")]
    Invalid {
        /// The variable's name.
        variable: &'static str,
        /// Its value, where that may be shown.
        value: ShownValue,
        /// What is wrong with it.
        fault: ValueFault,
        /// What holds instead.
        instead: Instead,
        /// What to write.
        write: &'static str,
    },
    /// Half of a user and password.
    #[error(
        "{set} is set but {missing} is not: basic authentication needs both, so neither is used (set both, or neither)"
    )]
    HalfBasicAuth {
        /// The variable that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A secret that is set in more than one way.
    #[error("{} {} set beside {used}; using {used} (unset the rest)", .ignored.join(" and "), are(.ignored))]
    SecretContradiction {
        /// The variable that holds.
        used: &'static str,
        /// Those that don't.
        ignored: Vec<&'static str>,
    },
    /// More workers than are any good.
    #[error(
        "PYROSCOPE_NUM_WORKERS=\"{workers}\": too many; using {limit} (write a number from 1 to {limit})"
    )]
    TooManyWorkers {
        /// As it was set.
        workers: usize,
        /// What is used.
        limit: usize,
    },
    /// Two variables that ask for different strategies.
    #[error(
        "PYROSCOPE_FLUSH_ON_INVOKE=\"{on_invoke}\" contradicts PYROSCOPE_FLUSH_STRATEGY=\"{strategy}\"; using {strategy} (unset PYROSCOPE_FLUSH_ON_INVOKE)"
    )]
    FlushContradiction {
        /// What the older variable says.
        on_invoke: bool,
        /// What the newer one says, and what holds.
        strategy: FlushStrategy,
    },
    /// One of the labels.
    #[error("{variable}: {entry}: {fault}; skipped, the others are used")]
    Label {
        /// The variable that asks for it.
        variable: &'static str,
        /// Its name and value.
        entry: ShownName,
        /// What is wrong with it.
        fault: InvalidLabel,
    },
    /// TLS that protects from nobody.
    #[error(
        "PYROSCOPE_TLS_INSECURE_SKIP_VERIFY=\"true\": the remote's certificate is not checked, so that anybody on the way can read and change profiles and credentials (unset it, and name the certificate's authority in PYROSCOPE_TLS_CA_FILE)"
    )]
    Insecure,
    /// One of the extra headers.
    #[error("PYROSCOPE_HTTP_HEADERS: header {name}: {fault}; skipped, the others are sent")]
    Header {
        /// Its name, where that may be shown; never its value.
        name: ShownName,
        /// What is wrong with it.
        fault: HeaderFault,
    },
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's message says what it is")]
pub enum ValueFault {
    #[error("not UTF-8")]
    NotUtf8,
    #[error("not a boolean")]
    NotABoolean,
    #[error("not a duration")]
    NotADuration,
    #[error("no unit")]
    NoUnit,
    #[error("not a unit of time")]
    UnknownUnit,
    #[error("too large")]
    TooLarge,
    #[error("must be more than zero")]
    NotPositive,
    #[error("must not be negative")]
    Negative,
    #[error("not a whole number")]
    NotAnInteger,
    #[error("not a port")]
    NotAPort,
    #[error("not a number of bytes")]
    NotBytes,
    #[error("too small for a profile")]
    QueueTooSmall,
    #[error("not one of the choices")]
    NotAChoice,
    #[error("not an absolute path")]
    NotAbsolute,
    #[error("holds a line break or another character that no header may have")]
    NotAHeaderValue,
    #[error("holds a control character")]
    ControlCharacter,
    #[error("nothing in it stands for a part of the time")]
    NotATimeLayout,
    #[error("not an http or https URL")]
    NotAUrl,
    #[error("{0}")]
    Arn(ArnFault),
    #[error("not JSON, from line {line}, column {column} on")]
    NotJson { line: usize, column: usize },
    #[error("JSON, but not an object")]
    NotAnObject,
}

/// What is wrong with one of the extra headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant's message says what it is")]
pub enum HeaderFault {
    #[error("not a name that a header can have")]
    Name,
    #[error("its value is not a string (write it in quotes)")]
    NotAString,
    #[error("its value holds a line break or another character that no header may have")]
    Value,
    #[error("it describes the connection or the body, and is set by the extension alone")]
    Reserved,
}

/// What holds in place of a value that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The default.
    Using(&'static str),
    /// Nothing.
    NotUsed,
    /// Nothing, and without it nothing may be sent.
    NothingIsSent,
}

/// A value as a warning shows it: `="…"`, cut where it is long, or nothing where it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownValue(Option<String>);

/// A header's name, or a label, as a warning shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownName(String);

// === impl Instead ===

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Using(what) => write!(f, "using {what}"),
            Self::NotUsed => f.write_str("not used"),
            Self::NothingIsSent => f.write_str("no profiles are sent"),
        }
    }
}

// === impl ShownValue ===

impl ShownValue {
    pub(super) fn of(value: &str) -> Self {
        Self(Some(shortened(value)))
    }

    pub(super) const fn hidden() -> Self {
        Self(None)
    }
}

impl fmt::Display for ShownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |value| write!(f, "={value:?}"))
    }
}

// === impl ShownName ===

impl ShownName {
    pub(super) fn of(name: &str) -> Self {
        Self(shortened(name))
    }
}

impl fmt::Display for ShownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

fn are(names: &[&str]) -> &'static str {
    if names.len() == 1 { "is" } else { "are" }
}

pub(super) fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(SHOWN_CHARS).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}
