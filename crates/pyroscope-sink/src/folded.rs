//! Folded stacks: lines of `root;…;leaf count`.

use crate::{
    inflate::{InflateError, inflate_if_gzip},
    pprof::demangled,
    series::{Format, Profile, Sample, SampleType},
};

/// Why folded stacks are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldedError {
    /// Compressed, and not to be uncompressed within the limit.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// A line doesn't end with a space and a count.
    #[error("folded: line {line} ({text:?}) ends with no count; write a;b;c 12")]
    NoCount {
        /// The line's number, from 1.
        line: usize,
        /// The start of the line.
        text: String,
    },
}

/// Decodes folded stacks, gzip or plain; all of them count samples.
pub(crate) fn decode(bytes: &[u8], limit: usize) -> Result<Profile, FoldedError> {
    let plain = inflate_if_gzip(bytes, limit)?;
    let text = String::from_utf8_lossy(&plain);
    let samples = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            sample(line).ok_or_else(|| FoldedError::NoCount {
                line: index + 1,
                text: line.chars().take(80).collect(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Profile {
        sample_types: vec![SampleType::new("samples", "count")],
        samples,
        ..Profile::opaque(Format::Folded, plain.len())
    })
}

fn sample(line: &str) -> Option<Sample> {
    let (stack, count) = line.trim_end().rsplit_once(' ')?;
    let values = vec![i64::from(count.parse::<u32>().ok()?)];
    Some(Sample { stack: stack.split(';').map(demangled).collect(), values })
}
