//! Rows of bars, ranges or dots along one axis.

use super::scale::{Kind, Scale, label};
use super::svg::{Anchor, Colours, Drawing, WIDTH};
use crate::bench::figures::Unit;

/// Rows that belong together.
#[derive(Debug)]
pub(super) struct Group<'figures> {
    pub(super) name: String,
    pub(super) rows: Vec<Row<'figures>>,
}

/// A contender's.
#[derive(Debug)]
pub(super) struct Row<'figures> {
    pub(super) name: String,
    pub(super) median: f64,
    pub(super) mark: Mark<'figures>,
}

/// What is drawn.
#[derive(Debug)]
pub(super) enum Mark<'figures> {
    /// A bar to the median, and a line from one to the other.
    Bar { low: f64, high: f64 },
    /// A thick line from one to the other.
    Range(f64, f64),
    /// A dot each, and a tick at the median.
    Dots(&'figures [f64]),
}

const LEFT: f64 = 210.0;
/// For the values as text.
const RIGHT: f64 = 120.0;
const TOP: f64 = 36.0;
const ROW: f64 = 22.0;
const HEADING: f64 = 26.0;
const AXIS: f64 = 30.0;

/// Nothing where there is nothing to draw.
pub(super) fn chart(title: &str, unit: Unit, kind: Kind, groups: &[Group<'_>]) -> Option<String> {
    let rows = || groups.iter().flat_map(|group| &group.rows);
    rows().next()?;
    let values: Vec<f64> = rows().flat_map(Row::values).collect();
    let scale = Scale::new(kind, values.iter().copied(), LEFT, WIDTH - LEFT - RIGHT);
    let headings = groups.iter().map(Group::heading_height).sum::<f64>();
    let count = u32::try_from(rows().count()).unwrap_or(u32::MAX);
    let bottom = TOP + headings + f64::from(count) * ROW;

    let mut drawing = Drawing::default();
    for tick in scale.ticks() {
        let x = scale.place(tick);
        drawing.line("grid", (x, TOP), (x, bottom));
        drawing.text("quiet", Anchor::Middle, (x, bottom + 18.0), &label(tick));
    }
    let mut colours = Colours::default();
    let mut y = TOP;
    for group in groups.iter().filter(|group| !group.rows.is_empty()) {
        if !group.name.is_empty() {
            drawing.text("quiet", Anchor::Start, (8.0, y + 18.0), &group.name);
        }
        y += group.heading_height();
        for row in &group.rows {
            row.draw(&mut drawing, &scale, unit, colours.of(&row.name), y);
            y += ROW;
        }
    }
    Some(drawing.finish(title, bottom + AXIS))
}

// === impl Group ===

impl Group<'_> {
    fn heading_height(&self) -> f64 {
        if self.name.is_empty() || self.rows.is_empty() { 0.0 } else { HEADING }
    }
}

// === impl Row ===

impl Row<'_> {
    fn values(&self) -> Vec<f64> {
        match self.mark {
            Mark::Bar { low, high } | Mark::Range(low, high) => vec![low, self.median, high],
            Mark::Dots(values) => values.to_vec(),
        }
    }

    fn draw(&self, drawing: &mut Drawing, scale: &Scale, unit: Unit, colour: usize, y: f64) {
        let middle = y + ROW / 2.0;
        drawing.text("", Anchor::End, (LEFT - 8.0, middle + 4.0), &self.name);
        let median = scale.place(self.median);
        let (fill, line) = (format!("fill{colour}"), format!("line{colour}"));
        let shown = match self.mark {
            Mark::Bar { low, high } => {
                drawing.rectangle(&fill, (LEFT, y + 4.0), median - LEFT, ROW - 8.0);
                drawing.line("whisker", (scale.place(low), middle), (scale.place(high), middle));
                unit.show(self.median)
            }
            Mark::Range(low, high) => {
                let (from, to) = (scale.place(low), scale.place(high));
                drawing.line(&format!("range {line}"), (from, middle), (to, middle));
                drawing.dot(&fill, (from, middle));
                drawing.line("whisker", (to, y + 5.0), (to, y + ROW - 5.0));
                format!("{} to {}", unit.show(low), unit.show(high))
            }
            Mark::Dots(values) => {
                for (number, value) in values.iter().enumerate() {
                    // Off the middle by a few pixels, so that dots of one value are seen to be many.
                    let off = f64::from(u32::try_from(number * 7 % 9).unwrap_or_default()) - 4.0;
                    drawing.dot(&format!("dot {fill}"), (scale.place(*value), middle + off));
                }
                drawing.line("whisker", (median, y + 2.0), (median, y + ROW - 2.0));
                unit.show(self.median)
            }
        };
        drawing.text("quiet", Anchor::End, (WIDTH - 8.0, middle + 4.0), &shown);
    }
}
