//! When `/event/next` is held.

use std::fmt;
use std::time::Duration;

use super::go_value::{parse_bool, parse_duration};
use super::reader::Reader;
use super::variable as var;
use super::warning::{ValueFault, Warning};

/// When and how long the next event is not asked for, so that uploads can finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushConfig {
    /// When.
    pub strategy: FlushStrategy,
    /// How long at most, for the strategies that it applies to. Zero: not at all.
    pub budget: Duration,
}

/// When the next event is not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlushStrategy {
    /// At each invocation, within the budget, for as long as it helps.
    #[default]
    Auto,
    /// At each invocation, up to its deadline.
    Invoke,
    /// After the function has answered, within the budget.
    End,
    /// Never.
    Background,
}

// === impl FlushConfig ===

impl FlushConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let strategy = reader.set_value(&var::FLUSH_STRATEGY, FlushStrategy::parse);
        let on_invoke = reader.set_value(&var::FLUSH_ON_INVOKE, parse_bool);
        let strategy = match (strategy, on_invoke) {
            (Some(strategy), Some(on_invoke)) if strategy != FlushStrategy::on_invoke(on_invoke) => {
                reader.warn(Warning::FlushContradiction { on_invoke, strategy });
                strategy
            }
            (Some(strategy), _) => strategy,
            (None, Some(on_invoke)) => FlushStrategy::on_invoke(on_invoke),
            (None, None) => FlushStrategy::default(),
        };
        let budget = reader.value(&var::FLUSH_BUDGET, |text| {
            u64::try_from(parse_duration(text)?).map(Duration::from_nanos).map_err(|_| ValueFault::Negative)
        });
        Self { strategy, budget: budget.unwrap_or_default() }
    }
}

// === impl FlushStrategy ===

impl FlushStrategy {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Invoke => "invoke",
            Self::End => "end",
            Self::Background => "background",
        }
    }

    /// What `PYROSCOPE_FLUSH_ON_INVOKE` asks for.
    const fn on_invoke(on_invoke: bool) -> Self {
        if on_invoke { Self::Invoke } else { Self::Background }
    }

    fn parse(text: &str) -> Result<Self, ValueFault> {
        [Self::Auto, Self::Invoke, Self::End, Self::Background]
            .into_iter()
            .find(|strategy| text.eq_ignore_ascii_case(strategy.as_str()))
            .ok_or(ValueFault::NotAChoice)
    }
}

impl fmt::Display for FlushStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
