//! A series never gains more labels than the server takes, on every wire format; a second pass finds nothing to do.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod labels_support;

use bytes::Bytes;
use labels_support::push::{PushRequest, RawProfileSeries, pair};
use labels_support::{JSON, LIMIT, PROTO, gunzip, gzip, otlp as schema, session};
use proptest::prelude::*;
use prost::Message;
use pyroscope_lambda_extension::labels::{Edited, LabelSet, ingest, otlp, push};

/// What the server takes in a series, its own included.
const MOST: usize = 30;

/// Three labels that the relay is to put on, the session id in front.
fn labels() -> LabelSet {
    session().with("team", "a").unwrap().with("env.name", "prod").unwrap()
}

/// A request of one series in each wire format.
#[derive(Clone, Copy, Debug)]
enum Wire {
    Ingest,
    Push,
    PushJson,
    PushGzip,
    Otlp,
    OtlpJson,
}

const ALL: [Wire; 6] = [Wire::Ingest, Wire::Push, Wire::PushJson, Wire::PushGzip, Wire::Otlp, Wire::OtlpJson];

impl Wire {
    /// How many labels the server adds to those that the SDK sends.
    fn added_by_server(self, own: &[String]) -> usize {
        match self {
            Self::Ingest | Self::Otlp | Self::OtlpJson => 4,
            _ => usize::from(own.iter().all(|name| name != "service_name")),
        }
    }

    fn request(self, own: &[String]) -> Vec<u8> {
        let json = |key: &str, value: &str| {
            let labels = own.iter().map(|name| format!(r#"{{"{key}":"{name}","value":{value}}}"#));
            labels.collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Ingest => {
                let labels: Vec<_> = own.iter().map(|name| format!("{name}%3Dx")).collect();
                format!("from=1&name=app%7B{}%7D&until=2", labels.join("%2C")).into_bytes()
            }
            Self::Push => {
                let labels = own.iter().map(|name| pair(name, "x")).collect();
                PushRequest { series: vec![RawProfileSeries { labels, ..Default::default() }] }
                    .encode_to_vec()
            }
            Self::PushGzip => gzip(&Self::Push.request(own)).to_vec(),
            Self::PushJson => {
                format!(r#"{{ "series":[{{"labels" : [{}]}}], "x":1.50 }}"#, json("name", r#""x""#))
                    .into_bytes()
            }
            Self::Otlp => {
                let attributes = own.iter().map(|name| schema::attribute(name, "x")).collect();
                let resource = Some(schema::Resource { attributes, dropped_attributes_count: 7 });
                let profiles = schema::ResourceProfiles { resource, ..Default::default() };
                schema::Request { resource_profiles: vec![profiles], dictionary: None }.encode_to_vec()
            }
            Self::OtlpJson => {
                let attributes = json("key", r#"{"stringValue":"x"}"#);
                format!(r#"{{"resourceProfiles":[{{"resource":{{"attributes":[{attributes}]}}}}]}}"#)
                    .into_bytes()
            }
        }
    }

    fn add(self, request: &[u8], labels: &LabelSet) -> Edited<Bytes> {
        let body = Bytes::copy_from_slice(request);
        match self {
            Self::Ingest => {
                let Edited { changed, left_out } = ingest::add(std::str::from_utf8(request).unwrap(), labels);
                Edited { changed: changed.map(Bytes::from), left_out }
            }
            Self::Push => push::add(&body, PROTO, None, labels, LIMIT).unwrap(),
            Self::PushJson => push::add(&body, JSON, None, labels, LIMIT).unwrap(),
            Self::PushGzip => push::add(&body, PROTO, Some("gzip"), labels, LIMIT).unwrap(),
            Self::Otlp => otlp::add(&body, PROTO, None, labels, LIMIT).unwrap(),
            Self::OtlpJson => otlp::add(&body, JSON, None, labels, LIMIT).unwrap(),
        }
    }

    /// Whether `after` is `before`, byte for byte, but for so many labels in front of its own.
    fn differs_by_labels_alone(self, before: &[u8], after: &[u8], gained: usize) -> bool {
        match self {
            Self::Push => {
                let mut request = PushRequest::decode(after).unwrap();
                request.series[0].labels.drain(..gained);
                request.encode_to_vec() == before
            }
            Self::PushGzip => Self::Push.differs_by_labels_alone(&gunzip(before), &gunzip(after), gained),
            Self::Otlp => {
                let mut request = schema::Request::decode(after).unwrap();
                request.resource_profiles[0].resource.as_mut().unwrap().attributes.drain(..gained);
                request.encode_to_vec() == before
            }
            Self::Ingest | Self::PushJson | Self::OtlpJson => {
                let same = |(one, other): &(&u8, &u8)| one == other;
                let front = before.iter().zip(after).take_while(same).count();
                let back = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
                front + back >= before.len() && before.len() <= after.len()
            }
        }
    }

    /// The request without its encoding and, of labels, only their number.
    fn count(self, request: &[u8]) -> usize {
        let text = || String::from_utf8(request.to_vec()).unwrap();
        match self {
            Self::Ingest => text().matches("%3D").count(),
            Self::Push => PushRequest::decode(request).unwrap().series[0].labels.len(),
            Self::PushGzip => Self::Push.count(&gunzip(request)),
            Self::PushJson | Self::OtlpJson => text().matches(r#""value":"#).count(),
            Self::Otlp => {
                let request = schema::Request::decode(request).unwrap();
                request.resource_profiles[0].resource.as_ref().unwrap().attributes.len()
            }
        }
    }
}

fn own(count: usize) -> Vec<String> {
    let mut own: Vec<_> = (0..count).map(|number| format!("own{number}")).collect();
    if let Some(first) = own.first_mut() {
        "service_name".clone_into(first);
    }
    own
}

#[test]
fn the_first_labels_go_in_as_long_as_there_is_room_and_the_others_are_named() {
    let labels = labels();
    for wire in ALL {
        let room = MOST - wire.added_by_server(&own(1));
        for (count, left_out) in [
            (room - 3, &[][..]),
            (room - 2, &["env.name"]),
            (room - 1, &["team", "env.name"]),
            (room, &["__session_id__", "team", "env.name"]),
            (room + 5, &["__session_id__", "team", "env.name"]),
        ] {
            let request = wire.request(&own(count));
            assert_eq!(wire.count(&request), count, "{wire:?}");
            let edited = wire.add(&request, &labels);
            let named: Vec<_> = labels.names_of(edited.left_out).collect();
            assert_eq!(named, left_out, "{wire:?} {count}");
            assert_eq!(edited.left_out.is_empty(), left_out.is_empty());
            let gained = edited.changed.map_or(0, |request| wire.count(&request) - count);
            assert_eq!(gained, labels.iter().count() - left_out.len(), "{wire:?} {count}");
        }
    }
}

#[test]
fn a_label_that_the_sdk_has_takes_no_second_place() {
    for wire in ALL {
        let mut own = own(MOST - 4);
        own[1..4].clone_from_slice(&["__session_id__", "team", "env_name"].map(str::to_owned));
        let edited = wire.add(&wire.request(&own), &labels());
        assert_eq!((edited.changed, edited.left_out.is_empty()), (None, true), "{wire:?}");
    }
}

#[test]
fn one_full_series_does_not_keep_another_from_its_labels() {
    let series = |count| RawProfileSeries {
        labels: own(count).iter().map(|name| pair(name, "x")).collect(),
        ..Default::default()
    };
    let request = PushRequest { series: vec![series(MOST), series(2)] };
    let edited = Wire::Push.add(&request.encode_to_vec(), &labels());
    assert_eq!(labels().names_of(edited.left_out).count(), 3);
    let edited = PushRequest::decode(edited.changed.unwrap()).unwrap();
    assert_eq!(edited.series[0], request.series[0]);
    assert_eq!(edited.series[1].labels.len(), 5);
}

#[test]
fn a_service_that_the_server_will_name_has_its_place_kept() {
    let own: Vec<_> = (0..MOST - 2).map(|number| format!("own{number}")).collect();
    for wire in [Wire::Push, Wire::PushJson, Wire::PushGzip] {
        let edited = wire.add(&wire.request(&own), &labels());
        assert_eq!(wire.count(&edited.changed.unwrap()), MOST - 1, "{wire:?}");
        assert_eq!(labels().names_of(edited.left_out).collect::<Vec<_>>(), ["team", "env.name"]);
    }
}

#[test]
fn labels_do_not_make_a_large_body_of_many_small_series() {
    let labels = session().with("team", &"x".repeat(2000)).unwrap();
    let request = PushRequest { series: vec![RawProfileSeries::default(); 200] }.encode_to_vec();
    let error = push::add(&request.into(), PROTO, None, &labels, LIMIT).unwrap_err();
    assert_eq!(error.to_string(), "its labels would take over 262144 bytes");
}

proptest! {
    #[test]
    fn a_second_pass_changes_nothing_nor_does_the_first_but_for_labels_within_the_limit(
        wire in prop::sample::select(&ALL[..]),
        own in prop::collection::btree_set("service_name|__session_id__|team|env_name|[a-z]{1,3}", 0..35),
        given in prop::collection::vec(("[a-z]{1,3}", "[a-zA-Z0-9:/. -]{0,9}x"), 0..28),
    ) {
        let own: Vec<String> = own.into_iter().collect();
        let mut labels = labels();
        for (name, value) in given {
            // One that comes twice, or is one too many, is not in the set.
            let _ = labels.push(&name, value.trim());
        }
        let request = wire.request(&own);
        let edited = wire.add(&request, &labels);
        let after = edited.changed.as_deref().unwrap_or(&request);
        let again = wire.add(after, &labels);
        prop_assert_eq!(&again.changed, &None);
        prop_assert_eq!(again.left_out, edited.left_out);
        let room = MOST.saturating_sub(wire.added_by_server(&own));
        prop_assert!(wire.count(after) <= room.max(own.len()));
        let gained = wire.count(after) - wire.count(&request);
        prop_assert!(wire.differs_by_labels_alone(&request, after, gained));
    }
}
