//! Profiles that are all different and the same for the same number: in every format that an SDK sends.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use pyroscope_sink::Original;

use crate::dice::Dice;

/// The header that carries a profile's number from end to end.
pub(crate) const NUMBER: &str = "x-profile-number";

/// How many kinds of requests there are.
const KINDS: u64 = 10;

/// Where the parts of a multipart body meet.
const BOUNDARY: &str = "profile-boundary";

/// Protocol Buffers, as far as profiles need them.
#[derive(Default)]
struct Message(Vec<u8>);

/// Profile `number` of the load with this seed, as an SDK would post it.
pub(crate) fn profile(seed: u64, number: u64) -> Original {
    let mut dice = Dice::new(seed ^ number.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let name = format!("load%7Bprofile%3D{number}%2Cseed%3D{seed}%7D");
    let ingest = |format: &str| Some(format!("name={name}&{format}&spyName=load&sampleRate=100"));
    let prefix = if dice.percent(20) { "/pyroscope" } else { "" };
    let labels = Labels { number, seed };
    let (path, query, content_type, encoding, body) = match number % KINDS {
        0 => ("/ingest", ingest("format=pprof"), "application/octet-stream", "", pprof(&mut dice)),
        1 => ("/ingest", ingest("format=folded"), "text/plain", "", folded(&mut dice)),
        2 => ("/ingest", ingest("from=0"), MULTIPART, "", multipart(&pprof(&mut dice))),
        3 => ("/ingest", ingest("format=jfr"), "application/octet-stream", "", noise(&mut dice)),
        4 => (PUSH, None, "application/proto", "", labels.push(&mut dice)),
        5 => (PUSH, None, "application/proto", "gzip", gzip(&labels.push(&mut dice))),
        6 => (PUSH, None, "application/json", "", labels.push_json(&mut dice)),
        7 => (OTLP, None, "application/x-protobuf", "", labels.otlp(&mut dice)),
        8 => (OTLP, None, "application/x-protobuf", "gzip", gzip(&labels.otlp(&mut dice))),
        _ => (OTLP, None, "application/json", "", labels.otlp_json(&mut dice)),
    };
    let path = if path == "/ingest" { format!("{prefix}{path}") } else { path.to_owned() };
    Original {
        path,
        query,
        content_type: content_type.to_owned(),
        content_encoding: encoding.to_owned(),
        body: body.into(),
    }
}

const PUSH: &str = "/push.v1.PusherService/Push";
const OTLP: &str = "/v1development/profiles";
const MULTIPART: &str = "multipart/form-data; boundary=profile-boundary";

/// What tells one profile from another.
struct Labels {
    number: u64,
    seed: u64,
}

/// Letters, mostly few, sometimes very many.
fn letters(dice: &mut Dice) -> String {
    let length = match dice.within(0..=19) {
        0 => 60_000,
        1..=4 => 20_000,
        _ => dice.within(10..=3_000),
    };
    (0..length).map(|_| char::from(b'a' + dice.roll().to_be_bytes()[0] % 26)).collect()
}

fn noise(dice: &mut Dice) -> Vec<u8> {
    // Not gzip, by its first byte.
    let length = dice.within(100..=30_000);
    [b'F'].into_iter().chain((0..length).map(|_| dice.roll().to_be_bytes()[0])).collect()
}

fn folded(dice: &mut Dice) -> Vec<u8> {
    format!("main;{} {}\n", letters(dice), dice.within(1..=1_000)).into_bytes()
}

/// `main -> hot`, and a comment that makes it what it is.
fn pprof(dice: &mut Dice) -> Vec<u8> {
    let value = dice.within(1..=1_000_000);
    let mut profile = Message::default()
        .message(1, Message::default().int(1, 1).int(2, 2))
        .message(2, Message::default().int(1, 2).int(1, 1).int(2, value))
        .message(4, Message::default().int(1, 1).message(4, Message::default().int(1, 1)))
        .message(4, Message::default().int(1, 2).message(4, Message::default().int(1, 2)))
        .message(5, Message::default().int(1, 1).int(2, 3))
        .message(5, Message::default().int(1, 2).int(2, 4));
    for string in ["", "cpu", "nanoseconds", "main", "hot", &letters(dice)] {
        profile = profile.bytes(6, string.as_bytes());
    }
    profile.int(13, 5).0
}

fn multipart(profile: &[u8]) -> Vec<u8> {
    let part = |name: &str, body: &[u8]| {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        [head.as_bytes(), body, b"\r\n"].concat()
    };
    let config = br#"{"cpu":{"units":"nanoseconds"}}"#;
    let end = format!("--{BOUNDARY}--\r\n").into_bytes();
    [part("profile", profile), part("sample_type_config", config), end].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail; were it to, the receiver would say so.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

/// Base64, as JSON has bytes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit =
                usize::try_from(bits >> (18 - 6 * place) & 63).ok().and_then(|index| DIGITS.get(index));
            text.push(if place <= chunk.len() { char::from(*digit.unwrap_or(&b'=')) } else { '=' });
        }
    }
    text
}

// === impl Labels ===

impl Labels {
    fn pairs(&self, service: &'static str) -> [(&'static str, String); 3] {
        [(service, "load".to_owned()), ("profile", self.number.to_string()), ("seed", self.seed.to_string())]
    }

    fn push(&self, dice: &mut Dice) -> Vec<u8> {
        let mut push = Message::default();
        for kind in ["process_cpu", "memory"].iter().take(if dice.percent(30) { 2 } else { 1 }) {
            let label = |name: &str, value: &str| {
                Message::default().bytes(1, name.as_bytes()).bytes(2, value.as_bytes())
            };
            let mut series = Message::default().message(1, label("__name__", kind));
            for (name, value) in self.pairs("service_name") {
                series = series.message(1, label(name, &value));
            }
            let id = format!("{}-{kind}", self.number);
            let sample = Message::default().bytes(1, &pprof(dice)).bytes(2, id.as_bytes());
            push = push.message(1, series.message(2, sample));
        }
        push.0
    }

    fn push_json(&self, dice: &mut Dice) -> Vec<u8> {
        let mut labels = vec![serde_json::json!({"name": "__name__", "value": "process_cpu"})];
        let pairs = self.pairs("service_name");
        labels.extend(pairs.iter().map(|(name, value)| serde_json::json!({"name": name, "value": value})));
        let sample = serde_json::json!({"rawProfile": base64(&pprof(dice)), "ID": self.number.to_string()});
        serde_json::json!({"series": [{"labels": labels, "samples": [sample]}]}).to_string().into_bytes()
    }

    fn otlp(&self, dice: &mut Dice) -> Vec<u8> {
        let mut resource = Message::default();
        for (key, value) in self.pairs("service.name") {
            let value = Message::default().bytes(1, value.as_bytes());
            resource = resource.message(1, Message::default().bytes(1, key.as_bytes()).message(2, value));
        }
        let sample = Message::default().int(1, 1).int(4, dice.within(1..=1_000));
        let profile = Message::default()
            .message(1, Message::default().int(1, 1).int(2, 2))
            .message(2, sample)
            .bytes(6, &self.number.to_be_bytes());
        let mut profiles = Message::default().message(1, resource);
        // A resource of its own may be left out.
        if dice.percent(20) {
            profiles = Message::default();
        }
        let profiles = profiles.message(2, Message::default().message(2, profile));
        let mut dictionary = Message::default()
            .message(2, Message::default())
            .message(2, Message::default().message(3, Message::default().int(1, 1)))
            .message(3, Message::default())
            .message(3, Message::default().int(1, 3));
        for string in ["", "cpu", "nanoseconds", "main", &letters(dice)] {
            dictionary = dictionary.bytes(5, string.as_bytes());
        }
        let dictionary = dictionary.message(7, Message::default()).message(7, Message::default().int(1, 1));
        Message::default().message(1, profiles).message(2, dictionary).0
    }

    fn otlp_json(&self, dice: &mut Dice) -> Vec<u8> {
        let pairs = self.pairs("service.name");
        let attributes: Vec<_> = pairs
            .iter()
            .map(|(key, value)| serde_json::json!({"key": key, "value": {"stringValue": value}}))
            .collect();
        let profile = serde_json::json!({"sampleType": {"typeStrindex": 1}, "comment": letters(dice)});
        serde_json::json!({
            "resourceProfiles": [{
                "resource": {"attributes": attributes},
                "scopeProfiles": [{"profiles": [profile]}],
            }],
            "dictionary": {"stringTable": ["", "cpu"]},
        })
        .to_string()
        .into_bytes()
    }
}

// === impl Message ===

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    fn int(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "a message within another is made for that")]
    fn message(self, field: u64, value: Self) -> Self {
        self.bytes(field, &value.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{KINDS, base64, profile};

    #[test]
    fn profiles_are_all_different_and_the_same_again() {
        let profiles: Vec<_> = (0..3 * KINDS).map(|number| profile(1, number)).collect();
        assert_eq!(profiles, (0..3 * KINDS).map(|number| profile(1, number)).collect::<Vec<_>>());
        let bodies: BTreeSet<_> = profiles.iter().map(|profile| profile.body.clone()).collect();
        assert_eq!(bodies.len(), profiles.len());
        assert_ne!(profile(2, 0).body, profiles[0].body);
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, encoded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }
}
