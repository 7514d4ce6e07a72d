//! The log of the process. This file holds one test, since there is one such log.

use pyroscope_lambda_extension::config::{Config, LogConfig};
use pyroscope_lambda_extension::log;
use tracing::Level;

#[test]
fn the_first_configuration_counts_and_a_second_one_is_no_failure() {
    let config = Config::default().log;
    log::init(&LogConfig { level: Level::WARN, ..config.clone() });
    log::init(&LogConfig { level: Level::TRACE, ..config });
    assert!(tracing::enabled!(target: "pyroscope_lambda_extension", Level::WARN));
    assert!(!tracing::enabled!(target: "pyroscope_lambda_extension", Level::INFO));
}
