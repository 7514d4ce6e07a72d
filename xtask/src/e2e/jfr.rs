//! Java Flight Recorder's recordings, read with the JDK's own tool.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use flate2::read::GzDecoder;
use pyroscope_sink::{Arrivals, Merged};
use serde::Deserialize;
use tokio::process::Command;

use crate::error::Error;

const TOOL: &str = "jfr";

/// Where a sample of a thread that used the CPU is told.
const SAMPLE: &str = "jdk.ExecutionSample";

#[derive(Debug, Deserialize)]
struct Printed {
    recording: Recording,
}

#[derive(Debug, Deserialize)]
struct Recording {
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    values: Values,
}

#[derive(Debug, Deserialize)]
struct Values {
    #[serde(rename = "stackTrace")]
    stack: Option<Stack>,
}

/// The leaf first.
#[derive(Debug, Deserialize)]
struct Stack {
    frames: Vec<Frame>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    method: Method,
}

#[derive(Debug, Deserialize)]
struct Method {
    #[serde(rename = "type")]
    class: Option<Named>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: Option<String>,
}

/// The stacks of all recordings that arrived, each sample worth 1.
pub(super) async fn merge(arrivals: &Arrivals, folder: &Path) -> Result<Merged, Error> {
    let mut stacks = BTreeMap::new();
    for (number, arrival) in arrivals.accepted().enumerate() {
        let Some(part) = part(&arrival.request.body) else { continue };
        let mut recording = Vec::new();
        GzDecoder::new(part).read_to_end(&mut recording).map_err(Error::io("unpack a recording"))?;
        // One by one: the tool takes the names of one recording for those of the next, where they are in one file.
        let file = folder.join(format!("recording-{number}.jfr"));
        fs::write(&file, recording).map_err(Error::io(format!("write {}", file.display())))?;
        count(print(&file).await?, &mut stacks);
    }
    Ok(Merged { title: SAMPLE.to_owned(), sample_type: None, stacks })
}

async fn print(file: &Path) -> Result<Printed, Error> {
    let mut command = Command::new(TOOL);
    command.args(["print", "--json", "--stack-depth", "64", "--events", SAMPLE]).arg(file);
    command.stderr(Stdio::inherit());
    let output = command.output().await.map_err(|source| Error::Missing {
        program: TOOL.to_owned(),
        hint: "it is part of every JDK",
        source,
    })?;
    if !output.status.success() {
        let command = format!("{TOOL} print {}", file.display());
        return Err(Error::Failed { command, status: output.status });
    }
    serde_json::from_slice(&output.stdout).map_err(|source| Error::Unreadable { of: "jfr print", source })
}

fn count(printed: Printed, stacks: &mut BTreeMap<Vec<Arc<str>>, i64>) {
    for stack in printed.recording.events.into_iter().filter_map(|event| event.values.stack) {
        let frames = stack.frames.into_iter().rev().map(|frame| frame.method.show());
        *stacks.entry(frames.collect()).or_insert(0) += 1;
    }
}

/// The part of the multipart body that is the recording, gzip and what follows it.
fn part(body: &[u8]) -> Option<&[u8]> {
    let after = |bytes: &'_ [u8], mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark);
    let named = body.get(after(body, b"name=\"jfr\"")?..)?;
    named.get(after(named, b"\r\n\r\n")? + 4..)
}

// === impl Method ===

impl Method {
    fn show(self) -> Arc<str> {
        let class = self.class.and_then(|class| class.name).unwrap_or_default();
        format!("{}.{}", class.replace('/', "."), self.name.unwrap_or_default()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{count, part};

    #[test]
    fn the_recording_is_found_among_the_parts() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"jfr\"\r\nContent-Length: 2\r\n\r\n\x1f\x8b\r\n--x--";

        assert_eq!(part(body), Some(&b"\x1f\x8b\r\n--x--"[..]));
        assert_eq!(part(b"--x--"), None);
    }

    #[test]
    fn equal_stacks_are_one_and_begin_with_the_root() {
        let event = r#"{"type":"jdk.ExecutionSample","values":{"stackTrace":{"frames":[
            {"method":{"type":{"name":"orders/Orders"},"name":"price"}},{"method":{"type":null,"name":"main"}}]}}}"#;
        let text = format!(r#"{{"recording":{{"events":[{event},{event}]}}}}"#);

        let mut stacks = BTreeMap::new();

        count(serde_json::from_str(&text).unwrap(), &mut stacks);

        assert_eq!(stacks, BTreeMap::from([(vec![".main".into(), "orders.Orders.price".into()], 2)]));
    }
}
