//! What a line of CloudWatch's embedded metric format must be, after its specification:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use serde_json::{Map, Value};

/// The units of CloudWatch's `MetricDatum`.
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Fails where `line` breaks a rule.
pub fn check(line: &Value) {
    let aws = members(&line["_aws"], &["Timestamp", "CloudWatchMetrics"], &[]);
    assert!(aws["Timestamp"].as_u64().is_some_and(|ms| ms > 1_000_000_000_000), "{aws:?}");
    let directives = aws["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        let directive = members(directive, &["Namespace", "Dimensions", "Metrics"], &[]);
        text(&directive["Namespace"], 255);
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty(), "no set of dimensions");
        for set in sets {
            let set = set.as_array().unwrap();
            assert!(set.len() <= 30, "{set:?}");
            for dimension in set {
                text(&line[text(dimension, 250)], 1024);
            }
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()), "{}", metrics.len());
        for metric in metrics {
            let metric = members(metric, &["Name"], &["Unit", "StorageResolution"]);
            let name = text(&metric["Name"], 1024);
            assert!(line[name].is_number(), "{name}: {}", line[name]);
            let unit = metric.get("Unit").map_or("None", |unit| unit.as_str().unwrap());
            assert!(UNITS.contains(&unit), "{unit}");
        }
    }
}

/// An object that has all these members, and of others only some.
fn members<'a>(value: &'a Value, all: &[&str], some: &[&str]) -> &'a Map<String, Value> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    assert!(all.iter().all(|name| object.contains_key(*name)), "{value}");
    let known = |name: &str| all.contains(&name) || some.contains(&name);
    assert!(object.keys().all(|name| known(name)), "{value}");
    object
}

fn text(value: &Value, longest: usize) -> &str {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    assert!((1..=longest).contains(&text.chars().count()), "{text}");
    text
}
