//! Merged stacks as text, as a flame graph, and as a table of functions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
    sync::Arc,
};

use inferno::flamegraph;

use crate::selection::Merged;

/// Why there is no flame graph.
#[derive(Debug, thiserror::Error)]
pub enum FlameGraphError {
    /// No stack was selected.
    #[error("{title}: no stacks to draw; look at the labels and sample types of what arrived")]
    Empty {
        /// The selection.
        title: String,
    },
    /// The flame graph can't be drawn.
    #[error("{title}: cannot draw: {source}")]
    Draw {
        /// The selection.
        title: String,
        /// What the drawing library says.
        source: std::io::Error,
    },
}

/// What one function cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hot {
    /// The function.
    pub function: Arc<str>,
    /// What it cost itself.
    pub own: i64,
    /// What it cost with all that it called.
    pub total: i64,
}

/// The functions that cost most, by their own values; displays as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// The unit of the values, such as `nanoseconds`.
    pub unit: String,
    /// The sum of all values.
    pub sum: i64,
    /// The functions, the costliest first.
    pub functions: Vec<Hot>,
}

// === impl Merged ===

impl Merged {
    /// Lines of `root;…;leaf value`, sorted.
    #[must_use]
    pub fn folded(&self) -> String {
        let mut text = String::new();
        for (stack, value) in &self.stacks {
            let frames: Vec<_> = stack.iter().map(|frame| foldable(frame)).collect();
            // Writing to a string can't fail.
            let _ = writeln!(text, "{} {value}", frames.join(";"));
        }
        text
    }

    /// A flame graph, as SVG.
    pub fn flame_graph(&self) -> Result<String, FlameGraphError> {
        if self.stacks.is_empty() {
            return Err(FlameGraphError::Empty { title: self.title.clone() });
        }
        let mut options = flamegraph::Options::default();
        options.title.clone_from(&self.title);
        self.unit().clone_into(&mut options.count_name);
        // The same profile gives the same picture.
        options.deterministic = true;
        let mut svg = Vec::new();
        flamegraph::from_lines(&mut options, self.folded().lines(), &mut svg)
            .map_err(|source| FlameGraphError::Draw { title: self.title.clone(), source })?;
        Ok(String::from_utf8_lossy(&svg).into_owned())
    }

    /// The functions that cost most, by their own values; at most `most` of them.
    #[must_use]
    pub fn top(&self, most: usize) -> Top {
        let mut costs: BTreeMap<&Arc<str>, (i64, i64)> = BTreeMap::new();
        let mut sum: i64 = 0;
        for (stack, value) in &self.stacks {
            sum = sum.saturating_add(*value);
            if let Some(leaf) = stack.last() {
                let (own, _) = costs.entry(leaf).or_default();
                *own = own.saturating_add(*value);
            }
            // A recursive function is on the stack once for its total.
            for function in stack.iter().collect::<BTreeSet<_>>() {
                let (_, total) = costs.entry(function).or_default();
                *total = total.saturating_add(*value);
            }
        }
        let mut functions: Vec<_> = costs
            .into_iter()
            .map(|(function, (own, total))| Hot { function: Arc::clone(function), own, total })
            .collect();
        functions.sort_by_key(|hot| (std::cmp::Reverse(hot.own), std::cmp::Reverse(hot.total)));
        functions.truncate(most);
        Top { unit: self.unit().to_owned(), sum, functions }
    }

    fn unit(&self) -> &str {
        self.sample_type.as_ref().map_or("samples", |sample_type| sample_type.unit.as_str())
    }
}

/// A frame as folded stacks can hold it: they know no escaping.
fn foldable(frame: &str) -> String {
    frame
        .chars()
        .map(|c| {
            if c == ';' {
                ':'
            } else if c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect()
}

// === impl Top ===

impl fmt::Display for Top {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>16} {:>6}  {:>16} {:>6}  function ({})", "own", "", "total", "", self.unit)?;
        for Hot { function, own, total } in &self.functions {
            let (own_share, total_share) = (percent(*own, self.sum), percent(*total, self.sum));
            writeln!(f, "{own:>16} {own_share:>6}  {total:>16} {total_share:>6}  {function}")?;
        }
        Ok(())
    }
}

fn percent(part: i64, whole: i64) -> String {
    let permille = i128::from(part) * 1000 / i128::from(whole.max(1));
    format!("{}.{}%", permille / 10, permille % 10)
}
