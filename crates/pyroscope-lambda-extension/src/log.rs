//! Log lines on standard error, as the Go extension's users know them: logrus's text or JSON.
//!
//! # Layout
//! - `logger`: the `tracing` subscriber that writes lines
//! - `line`: one event's message and fields
//! - `text`, `json`: the two shapes of a line
//! - `number`: floating-point numbers as Go writes them
//! - `layout`: timestamps as Go's time layouts describe them
//! - `repeated`: keeps a repeated failure from filling the log

mod json;
mod layout;
mod line;
mod logger;
mod number;
mod repeated;
mod text;

use tracing::Dispatch;

pub use self::layout::Layout;
pub use self::logger::Logger;
pub use self::repeated::Repeated;
use crate::config::LogConfig;

/// Sends every log line of this process to standard error, in the shape that `config` asks for.
///
/// Only the first call counts.
pub fn init(config: &LogConfig) {
    let logger = Logger::new(config, std::io::stderr());
    // It fails where a subscriber is there already, which is then the one to use.
    let _ = tracing::dispatcher::set_global_default(Dispatch::new(logger));
}
