//! Small panels of lines: a value over a number that grows tenfold from point to point.

use super::scale::{Kind, Scale, label};
use super::svg::{Anchor, Colours, Drawing, WIDTH};
use crate::bench::figures::Unit;

/// One of them.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) unit: Unit,
    pub(super) lines: Vec<Line>,
}

/// A contender's.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

const COLUMNS: usize = 2;
const TOP: f64 = 36.0;
const LEGEND: f64 = 24.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 24.0;

/// Nothing where there is nothing to draw.
pub(super) fn chart(title: &str, panels: &[Panel]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for line in panels.iter().flat_map(|panel| &panel.lines) {
        if !names.contains(&line.name.as_str()) {
            names.push(&line.name);
        }
    }
    if names.is_empty() {
        return None;
    }
    let mut drawing = Drawing::default();
    let mut colours = Colours::default();
    let mut x = 8.0;
    for name in names {
        drawing.rectangle(&format!("fill{}", colours.of(name)), (x, TOP + 2.0), 12.0, 12.0);
        drawing.text("", Anchor::Start, (x + 18.0, TOP + 13.0), name);
        x += 40.0 + f64::from(u32::try_from(name.chars().count()).unwrap_or_default()) * 7.5;
    }
    let width = WIDTH / 2.0;
    for (number, panel) in panels.iter().enumerate() {
        let column = f64::from(u32::try_from(number % COLUMNS).unwrap_or_default());
        let row = f64::from(u32::try_from(number / COLUMNS).unwrap_or_default());
        panel.draw(&mut drawing, &mut colours, (column * width, TOP + LEGEND + row * HEIGHT), width);
    }
    let rows = f64::from(u32::try_from(panels.len().div_ceil(COLUMNS)).unwrap_or_default());
    Some(drawing.finish(title, TOP + LEGEND + rows * HEIGHT + 8.0))
}

// === impl Panel ===

impl Panel {
    fn draw(&self, drawing: &mut Drawing, colours: &mut Colours, (left, top): (f64, f64), width: f64) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        drawing.text("quiet", Anchor::Start, (left + 8.0, top + 16.0), &self.title);
        let (low, high) = (top + HEIGHT - 26.0, top + 26.0);
        let across =
            Scale::new(Kind::Logarithmic, points().map(|(x, _)| *x), left + LEFT, width - LEFT - RIGHT);
        // Up is less; the values as text take a fifth more than their lines.
        let up = Scale::new(Kind::Linear, points().map(|(_, y)| *y * 1.2), low, high - low);
        for tick in up.ticks() {
            let y = up.place(tick);
            drawing.line("grid", (left + LEFT, y), (left + width - RIGHT, y));
            drawing.text("quiet", Anchor::End, (left + LEFT - 6.0, y + 4.0), &label(tick));
        }
        for tick in across.ticks() {
            drawing.text("quiet", Anchor::Middle, (across.place(tick), low + 18.0), &label(tick));
        }
        for (number, line) in self.lines.iter().enumerate() {
            // Above one line and below the next, so that those of equal lines can be read.
            let off = if number % 2 == 0 { -7.0 } else { 17.0 };
            let colour = colours.of(&line.name);
            let places: Vec<(f64, f64)> =
                line.points.iter().map(|(x, y)| (across.place(*x), up.place(*y))).collect();
            drawing.polyline(&format!("line line{colour}"), &places);
            for ((_, value), place) in line.points.iter().zip(&places) {
                drawing.dot(&format!("fill{colour}"), *place);
                let beside = (place.0, place.1 + off);
                drawing.text("quiet", Anchor::Middle, beside, &self.unit.show(*value));
            }
        }
    }
}
