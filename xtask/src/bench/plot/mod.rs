//! Pictures of the figures: one for each thing to be seen.
//!
//! # Layout
//! - [`scale`]: from values to places, and where an axis has its ticks
//! - [`svg`]: a drawing, readable on light and on dark
//! - [`bars`]: rows of bars, ranges or dots along one axis
//! - [`lines`]: small panels of lines

mod bars;
mod lines;
mod scale;
mod svg;

use std::fs;
use std::path::Path;

use self::bars::{Group, Mark, Row};
use self::lines::{Line, Panel};
use self::scale::Kind;
use super::figures::{Figure, Figures, Metric, Unit};
use super::section::Section;
use super::{drain, growth, memory, relay, start};
use crate::error::Error;

/// Draws what was measured into `folder`.
pub(super) fn draw(figures: &Figures, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let drawings = [
        ("start", starts(figures)),
        ("memory", memory(figures)),
        ("ack", acks(figures)),
        ("cpu", cpu(figures)),
        ("drain", drains(figures)),
        ("growth", growth(figures)),
    ];
    for (name, drawing) in drawings {
        if let Some(drawing) = drawing {
            let file = folder.join(format!("{name}.svg"));
            fs::write(&file, drawing).map_err(Error::io(format!("write {}", file.display())))?;
        }
    }
    Ok(())
}

/// Every start, a dot each.
fn starts(figures: &Figures) -> Option<String> {
    let groups = groups(figures, Section::Start, &[start::FIRST_POLL], |figure| Mark::Dots(&figure.values));
    let title = "Start: from spawn to the first /event/next, in ms (each dot a start, the tick their median)";
    bars::chart(title, Unit::Milliseconds, Kind::Logarithmic, &groups)
}

fn memory(figures: &Figures) -> Option<String> {
    let metrics = [memory::FIRST_POLL, memory::SMALL_PEAK, memory::LARGE_PEAK];
    let by_metric = metrics.into_iter().map(|metric| Group {
        name: metric.name.to_owned(),
        rows: rows(figures.of(Section::Memory).filter(|figure| figure.metric == metric), bar),
    });
    let groups: Vec<Group<'_>> = by_metric.collect();
    bars::chart("Resident memory, in MiB", Unit::Mebibytes, Kind::Linear, &groups)
}

/// From the median to the 99th percentile.
fn acks(figures: &Figures) -> Option<String> {
    let mut groups = Vec::new();
    for setting in
        relay::SETTINGS.iter().map(|setting| setting.name).filter(|name| name.ends_with("kept connection"))
    {
        for (p50, p99, how) in [
            (relay::ALONE_P50, relay::ALONE_P99, "one at a time"),
            (relay::BURST_P50, relay::BURST_P99, "50 at once"),
        ] {
            let of_setting =
                figures.of(Section::Relay).filter(|figure| figure.setting == setting && figure.metric == p50);
            let rows = rows(of_setting, |figure| {
                let high = figures.find(Section::Relay, setting, &figure.contender, p99);
                let low = figure.spread().median;
                Mark::Range(low, high.map_or(low, |high| high.spread().median))
            });
            groups.push(Group { name: format!("{setting}, {how}"), rows });
        }
    }
    let title = "What an SDK waits for its 200, in µs, from p50 to p99";
    bars::chart(title, Unit::Microseconds, Kind::Logarithmic, &groups)
}

fn cpu(figures: &Figures) -> Option<String> {
    let groups = groups(figures, Section::Relay, &[relay::CPU], bar);
    let title = "CPU time for a profile of 20 KB, in µs (the line from p10 to p90)";
    bars::chart(title, Unit::Microseconds, Kind::Linear, &groups)
}

fn drains(figures: &Figures) -> Option<String> {
    let groups = groups(figures, Section::Drain, &[drain::DELIVERED], bar);
    bars::chart("Delivered of 400 profiles in a shutdown of 1.4 s", Unit::Count, Kind::Linear, &groups)
}

fn growth(figures: &Figures) -> Option<String> {
    let queues = growth::QUEUES.map(|profiles| (profiles, growth::queue(profiles)));
    let invocations = growth::INVOCATIONS.map(|done| (done, growth::invocations(done)));
    let mut panels = Vec::new();
    for metric in [growth::RESIDENT, growth::ACK, growth::CPU] {
        for (marks, of) in [(&queues, "profiles that wait"), (&invocations, "invocations")] {
            let mut lines: Vec<Line> = Vec::new();
            for (at, setting) in marks {
                let figures = figures
                    .of(Section::Growth)
                    .filter(|figure| figure.setting == *setting && figure.metric == metric);
                for figure in figures {
                    let point = (super::units::count(*at as u64), figure.spread().median);
                    match lines.iter_mut().find(|line| line.name == figure.contender) {
                        Some(line) => line.points.push(point),
                        None => lines.push(Line { name: figure.contender.clone(), points: vec![point] }),
                    }
                }
            }
            panels.push(Panel { title: format!("{}, by {of}", metric.heading()), unit: metric.unit, lines });
        }
    }
    lines::chart("Growth: with the queue while a remote says nothing, and with invocations", &panels)
}

/// The figures of some metrics of a section, by their setting.
fn groups<'figures>(
    figures: &'figures Figures,
    section: Section,
    metrics: &[Metric],
    mark: impl Fn(&'figures Figure) -> Mark<'figures>,
) -> Vec<Group<'figures>> {
    let mut groups: Vec<Group<'figures>> = Vec::new();
    for figure in figures.of(section).filter(|figure| metrics.contains(&figure.metric)) {
        let row = row(figure, mark(figure));
        match groups.iter_mut().find(|group| group.name == figure.setting) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { name: figure.setting.clone(), rows: vec![row] }),
        }
    }
    groups
}

fn rows<'figures>(
    figures: impl Iterator<Item = &'figures Figure>,
    mark: impl Fn(&'figures Figure) -> Mark<'figures>,
) -> Vec<Row<'figures>> {
    figures.map(|figure| row(figure, mark(figure))).collect()
}

fn row<'figures>(figure: &Figure, mark: Mark<'figures>) -> Row<'figures> {
    Row { name: figure.contender.clone(), median: figure.spread().median, mark }
}

fn bar(figure: &Figure) -> Mark<'_> {
    let spread = figure.spread();
    Mark::Bar { low: spread.p10, high: spread.p90 }
}

#[cfg(test)]
mod tests {
    use super::draw;
    use crate::bench::figures::Figures;
    use crate::bench::section::Section;
    use crate::bench::{drain, growth, memory, relay, start};

    #[test]
    fn what_was_measured_is_drawn_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut figures = Figures::default();
        for (contender, value) in [("floor", 0.5), ("<ours> & theirs", 0.7), ("nginx", 30.0)] {
            figures.row(Section::Start, start::FULL, contender).add(start::FIRST_POLL, value);
            figures.row(Section::Memory, "", contender).add(memory::FIRST_POLL, value);
            let setting = relay::SETTINGS[0].name;
            figures.row(Section::Relay, setting, contender).add(relay::ALONE_P50, value);
            figures.row(Section::Growth, &growth::queue(10), contender).add(growth::ACK, value);
        }
        draw(&figures, folder.path()).unwrap();

        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["ack.svg", "growth.svg", "memory.svg", "start.svg"]);
        let start = std::fs::read_to_string(folder.path().join("start.svg")).unwrap();
        assert!(start.contains("&lt;ours&gt; &amp; theirs"), "{start}");
        assert!(!start.contains("NaN"), "{start}");

        figures.row(Section::Drain, "remote", "ours").add(drain::DELIVERED, 0.0);
        draw(&figures, folder.path()).unwrap();
        let drain = std::fs::read_to_string(folder.path().join("drain.svg")).unwrap();
        assert!(!drain.contains("NaN"), "{drain}");
    }
}
