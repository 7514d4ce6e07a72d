//! The `tracing` subscriber that writes lines.

use std::borrow::Cow;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::line::{Line, Value};
use super::{json, text};
use crate::config::{LogConfig, LogFormat};

/// What the name of every module of this crate starts with.
const OWN_TARGET: &str = env!("CARGO_CRATE_NAME");

/// A field that each line of the Go extension has; people's filters look for it.
const SERVICE: (&str, &str) = ("svc", "pyroscope-lambda-ext-main");

/// Writes each event as one line, with one write.
///
/// Lines of this crate are written from the configured level up; those of libraries only from warnings up, since what
/// they say in detail may hold a secret. Spans are not shown. A write that fails is forgotten: there is nowhere to
/// say so.
pub struct Logger<W> {
    config: LogConfig,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
    writer: Mutex<W>,
}

// === impl Logger ===

impl<W: Write + Send + 'static> Logger<W> {
    /// Writes lines to `writer`, with the system's time.
    pub fn new(config: &LogConfig, writer: W) -> Self {
        Self { config: config.clone(), clock: Box::new(SystemTime::now), writer: Mutex::new(writer) }
    }

    /// Takes the time for timestamps from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    fn line(&self, event: &Event<'_>) -> String {
        let mut line = Line::of(event);
        line.fields.push((Cow::Borrowed(SERVICE.0), Value::Text(SERVICE.1.to_owned())));
        line.settle(&self.config.names);
        let time = self.config.timestamp.as_ref().map(|layout| layout.format((self.clock)()));
        let level = level_name(*event.metadata().level());
        let mut out = match self.config.format {
            LogFormat::Text => text::line(&self.config.names, time.as_deref(), level, &line),
            LogFormat::Json => json::line(&self.config.names, time.as_deref(), level, &line),
        };
        out.push('\n');
        out
    }
}

impl<W: Write + Send + 'static> Subscriber for Logger<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let least = if metadata.target().starts_with(OWN_TARGET) {
            self.config.level
        } else {
            self.config.level.min(Level::WARN)
        };
        !metadata.is_span() && *metadata.level() <= least
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::from_level(self.config.level))
    }

    fn event(&self, event: &Event<'_>) {
        let line = self.line(event);
        // A panic of another thread amid a write leaves at worst half a line.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writer.write_all(line.as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The level's name in a line.
const fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
