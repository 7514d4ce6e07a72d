//! What became of profiles, as metrics of CloudWatch: lines in the embedded metric format. Pure.
//!
//! Follows the specification of the format at
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! On Lambda a line on standard output is all it takes.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use crate::backlog::Counts;
use crate::clock::{Moment, milliseconds};

/// The namespace that the metrics appear in.
pub const NAMESPACE: &str = "PyroscopeLambdaExtension";

/// The one dimension. Not more: CloudWatch charges for every combination that it has seen.
pub const DIMENSION: &str = "FunctionName";

/// The shortest time between two lines.
pub const INTERVAL: Duration = Duration::from_secs(60);

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// How uploads ended.
    pub counts: Counts,
    /// How long the next event was held for uploads.
    pub held: Duration,
}

/// The metrics of one environment. Each line tells what has happened since the one before, so that sums are right.
#[derive(Debug)]
pub struct Metrics {
    /// The function's name, quoted as JSON; none where it is not known.
    function: Option<String>,
    told: Reading,
    told_at: Moment,
}

// === impl Metrics ===

impl Metrics {
    /// Metrics of `function` from `now` on.
    #[must_use]
    pub fn new(function: Option<&str>, now: Moment) -> Self {
        let function = function.and_then(|function| serde_json::to_string(function).ok());
        Self { function, told: Reading::default(), told_at: now }
    }

    /// A line, if it is time for one and something has happened. `queue_bytes` wait in memory.
    pub fn in_passing(&mut self, reading: Reading, queue_bytes: usize, now: Moment) -> Option<String> {
        if now.since(&self.told_at) < INTERVAL {
            return None;
        }
        self.last(reading, queue_bytes, now)
    }

    /// A line, if something has happened: there is no later.
    pub fn last(&mut self, reading: Reading, queue_bytes: usize, now: Moment) -> Option<String> {
        if reading == self.told {
            return None;
        }
        let line = self.line(&values(&reading, &self.told, queue_bytes), now);
        (self.told, self.told_at) = (reading, now);
        Some(line)
    }

    fn line(&self, values: &[(&str, &str, u64)], now: Moment) -> String {
        let timestamp = milliseconds(now.wall.duration_since(UNIX_EPOCH).unwrap_or_default());
        let mut line = format!(
            r#"{{"_aws":{{"Timestamp":{timestamp},"CloudWatchMetrics":[{{"Namespace":"{NAMESPACE}","Dimensions":[["#
        );
        if self.function.is_some() {
            let _ = write!(line, "\"{DIMENSION}\"");
        }
        line.push_str(r#"]],"Metrics":["#);
        for (at, (name, unit, _)) in values.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(line, r#"{comma}{{"Name":"{name}","Unit":"{unit}"}}"#);
        }
        line.push_str("]}]}");
        if let Some(function) = &self.function {
            let _ = write!(line, ",\"{DIMENSION}\":{function}");
        }
        for (name, _, value) in values {
            let _ = write!(line, ",\"{name}\":{value}");
        }
        line.push_str("}\n");
        line
    }
}

/// Names, units and values.
fn values(reading: &Reading, told: &Reading, queue_bytes: usize) -> [(&'static str, &'static str, u64); 12] {
    let Counts {
        accepted,
        recovered,
        delivered,
        refused,
        expired,
        evicted,
        spooled,
        lost,
        retried,
        delivered_bytes,
    } = reading.counts;
    let before = told.counts;
    let held = reading.held.saturating_sub(told.held);
    [
        ("ProfilesAccepted", "Count", accepted - before.accepted),
        ("ProfilesRecovered", "Count", recovered - before.recovered),
        ("ProfilesDelivered", "Count", delivered - before.delivered),
        ("ProfilesRefused", "Count", refused - before.refused),
        ("ProfilesExpired", "Count", expired - before.expired),
        ("ProfilesEvicted", "Count", evicted - before.evicted),
        ("ProfilesSpooled", "Count", spooled - before.spooled),
        ("ProfilesLost", "Count", lost - before.lost),
        ("UploadsRetried", "Count", retried - before.retried),
        ("BytesDelivered", "Bytes", delivered_bytes - before.delivered_bytes),
        ("QueueBytes", "Bytes", queue_bytes as u64),
        ("TimeHeld", "Milliseconds", milliseconds(held)),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::time::Instant;

    use super::*;

    fn at(second: u64) -> Moment {
        let (instant, second) = (Instant::now(), Duration::from_secs(second));
        Moment { instant: instant + second, wall: UNIX_EPOCH + second }
    }

    fn delivered(delivered: u64) -> Reading {
        Reading {
            counts: Counts { accepted: delivered, delivered, ..Counts::default() },
            ..Reading::default()
        }
    }

    #[test]
    fn a_line_comes_when_something_has_happened_but_not_more_than_once_a_minute() {
        let mut metrics = Metrics::new(Some("orders"), at(0));
        for (second, reading, told) in [
            (30, delivered(1), false),
            (60, delivered(1), true),
            (119, delivered(5), false),
            (120, delivered(5), true),
            (500, delivered(5), false),
            (501, Reading { held: Duration::from_millis(3), ..delivered(5) }, true),
        ] {
            assert_eq!(metrics.in_passing(reading, 0, at(second)).is_some(), told, "{second}");
        }
        assert_eq!(
            metrics.last(Reading { held: Duration::from_millis(3), ..delivered(5) }, 0, at(502)),
            None
        );
        assert!(metrics.last(delivered(6), 0, at(502)).is_some());
    }

    #[test]
    fn each_line_tells_what_has_happened_since_the_one_before() {
        let mut metrics = Metrics::new(Some("orders"), at(0));
        let mut lines = Vec::new();
        for count in [2, 5, 6] {
            let reading = Reading { held: Duration::from_millis(count * 10), ..delivered(count) };
            let line = metrics.last(reading, 700, at(count)).unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            let names = ["ProfilesDelivered", "QueueBytes", "TimeHeld", "ProfilesLost"];
            lines.push(names.map(|name| line[name].as_u64().unwrap()));
        }
        assert_eq!(lines, [[2, 700, 20, 0], [3, 700, 30, 0], [1, 700, 10, 0]]);
    }

    #[test]
    fn a_function_without_a_name_has_no_dimension_and_an_odd_name_is_quoted() {
        for (name, dimensions, value) in
            [(None, json!([[]]), Value::Null), (Some("a\"b"), json!([["FunctionName"]]), json!("a\"b"))]
        {
            let line = Metrics::new(name, at(0)).last(delivered(1), 0, at(1)).unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], dimensions);
            assert_eq!(line["FunctionName"], value);
            assert_eq!(line["_aws"]["Timestamp"], 1000);
        }
    }
}
