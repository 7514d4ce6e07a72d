//! Timestamps look as Go formats them.

use std::time::{Duration, SystemTime};

use pyroscope_lambda_extension::log::Layout;
use serde_json::Value;

#[test]
fn every_layout_looks_as_go_formats_it() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("go-reference/layouts.json")).unwrap();
    assert!(cases.len() > 300);
    for case in cases {
        let nanos = case["nanos"].as_i64().unwrap();
        let since = Duration::from_nanos(nanos.unsigned_abs());
        let at = if nanos < 0 { SystemTime::UNIX_EPOCH - since } else { SystemTime::UNIX_EPOCH + since };
        let layout = case["layout"].as_str().unwrap();
        assert_eq!(Layout::new(layout).format(at), case["text"].as_str().unwrap(), "{layout:?} of {nanos}");
    }
}

#[test]
fn a_time_that_no_calendar_has_is_shown_as_the_epoch() {
    let far = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1 << 60)).unwrap();
    assert_eq!(Layout::new("2006-01-02").format(far), "1970-01-01");
}

#[test]
fn a_layout_that_shows_nothing_of_the_time_is_known_as_such() {
    for (layout, shows) in [("2006", true), ("15h", true), ("", false), ("%Y-%m-%d", false), ("RFC", false)] {
        assert_eq!(Layout::new(layout).shows_time(), shows, "{layout:?}");
    }
}
