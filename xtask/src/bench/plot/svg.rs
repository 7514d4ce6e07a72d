//! A drawing, readable on light and on dark: it says which colours it has on each.

use std::fmt::Write as _;

/// How wide every drawing is, in pixels.
pub(super) const WIDTH: f64 = 860.0;

/// So many contenders have colours of their own.
const COLOURS: usize = 5;

const STYLE: &str = "
text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.quiet { fill: #59636e; font-size: 12px }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.whisker { stroke: #1f2328; stroke-width: 1.5 }
.fill0 { fill: #818b98 } .fill1 { fill: #0969da } .fill2 { fill: #bc4c00 } .fill3 { fill: #1a7f37 } .fill4 { fill: #8250df }
.line0 { stroke: #818b98 } .line1 { stroke: #0969da } .line2 { stroke: #bc4c00 } .line3 { stroke: #1a7f37 } .line4 { stroke: #8250df }
.line { fill: none; stroke-width: 2 }
.dot { fill-opacity: .45 }
.range { stroke-width: 6; stroke-opacity: .45 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.quiet { fill: #9198a1 }
.grid { stroke: #3d444d }
.whisker { stroke: #f0f6fc }
.fill0 { fill: #9198a1 } .fill1 { fill: #4493f8 } .fill2 { fill: #f0883e } .fill3 { fill: #3fb950 } .fill4 { fill: #ab7df8 }
.line0 { stroke: #9198a1 } .line1 { stroke: #4493f8 } .line2 { stroke: #f0883e } .line3 { stroke: #3fb950 } .line4 { stroke: #ab7df8 }
}
";

/// Where a text stands to its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What is drawn so far.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    body: String,
}

/// The colour of a contender, by its place among all.
#[derive(Debug, Default)]
pub(super) struct Colours {
    names: Vec<String>,
}

// === impl Drawing ===

impl Drawing {
    pub(super) fn text(&mut self, class: &str, anchor: Anchor, (x, y): (f64, f64), text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.add(format_args!(
            r#"<text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{text}</text>"#
        ));
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    pub(super) fn rectangle(&mut self, class: &str, (x, y): (f64, f64), width: f64, height: f64) {
        let width = width.max(1.0);
        self.add(format_args!(
            r#"<rect class="{class}" rx="2" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/>"#
        ));
    }

    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64)) {
        self.add(format_args!(r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#));
    }

    pub(super) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.add(format_args!(r#"<polyline class="{class}" points="{}"/>"#, points.join(" ")));
    }

    /// The whole file.
    pub(super) fn finish(self, title: &str, height: f64) -> String {
        let (title, body) = (escaped(title), self.body);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <text class=\"title\" x=\"8\" y=\"22\">{title}</text>\n{body}</svg>\n"
        )
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = writeln!(self.body, "{element}");
    }
}

// === impl Colours ===

impl Colours {
    /// The number in the classes `fill0` and `line0`: what is on no plot but as a yardstick is grey.
    pub(super) fn of(&mut self, name: &str) -> usize {
        if name == crate::bench::contender::FLOOR {
            return 0;
        }
        let known = self.names.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        1 + place % (COLOURS - 1)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
