//! The tables: on a terminal, in Markdown, and all figures in JSON.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread;

use serde::Serialize;

use super::figures::{Figure, Figures, Metric, Spread, Unit};
use super::section::Section;
use crate::error::Error;
use crate::table::Table;

/// All that was measured, and where.
#[derive(Debug)]
pub(super) struct Report {
    machine: String,
    figures: Figures,
}

// === impl Report ===

impl Report {
    pub(super) fn new(figures: Figures) -> Self {
        Self { machine: machine(), figures }
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What a terminal shows.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for section in Section::ALL {
            if let Some(table) = table(&self.figures, section) {
                // Writing to a string can't fail.
                let _ = write!(text, "\n{}\n\n{table}", section.title());
            }
        }
        let _ = write!(text, "\nMedians (p10 to p90), all in turn, in one run. {}", self.machine);
        text
    }

    /// Every figure, for other programs.
    pub(super) fn json(&self) -> Result<String, Error> {
        #[derive(Serialize)]
        struct Whole<'report> {
            machine: &'report str,
            figures: &'report [Figure],
        }
        let whole = Whole { machine: &self.machine, figures: self.figures.all() };
        serde_json::to_string_pretty(&whole)
            .map(|json| json + "\n")
            .map_err(|source| Error::Unreadable { of: "the bench", source })
    }

    /// Puts the tables into a file of Markdown, between the marks of the sections that were measured.
    pub(super) fn write_markdown(&self, file: &Path) -> Result<(), Error> {
        let text = fs::read_to_string(file).map_err(Error::io(format!("read {}", file.display())))?;
        let mut written = between(&text, "machine", &format!("{}\n", self.machine));
        for section in Section::ALL {
            if let Some(table) = table(&self.figures, section) {
                written = between(&written, section.name(), &table.markdown());
            }
        }
        fs::write(file, written).map_err(Error::io(format!("write {}", file.display())))
    }
}

/// The rows of a section: each setting and contender, in the order in which they were measured.
fn table(figures: &Figures, section: Section) -> Option<Table> {
    let mut rows: Vec<(&str, &str)> = Vec::new();
    let mut metrics: Vec<Metric> = Vec::new();
    for figure in figures.of(section) {
        let row = (figure.setting.as_str(), figure.contender.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
        if !metrics.contains(&figure.metric) {
            metrics.push(figure.metric);
        }
    }
    // What is measured in turn comes in turn; what is measured in one setting belongs together.
    let settings: Vec<&str> = rows.iter().map(|(setting, _)| *setting).collect();
    rows.sort_by_key(|(setting, _)| settings.iter().position(|known| known == setting));
    let first = rows.first()?.1;
    let has_settings = rows.iter().any(|(setting, _)| !setting.is_empty());
    let several = rows.iter().any(|(_, contender)| *contender != first);

    let mut heading = vec![String::new()];
    heading.extend(has_settings.then(String::new));
    for metric in &metrics {
        heading.push(metric.heading());
        heading.extend((metric.compared && several).then(|| format!("to {}", short(first))));
    }
    let mut table = Table::new(heading);
    for (setting, contender) in rows {
        let mut cells = vec![contender.to_owned()];
        if has_settings {
            cells.insert(0, setting.to_owned());
        }
        for metric in &metrics {
            let figure = figures.find(section, setting, contender, *metric);
            cells.push(figure.map_or("-".to_owned(), |figure| cell(metric.unit, figure.spread())));
            if metric.compared && several {
                let to = figures.find(section, setting, first, *metric);
                cells.push(ratio(figure, to));
            }
        }
        table.row(cells);
    }
    Some(table)
}

/// The name without what comes after a comma.
fn short(name: &str) -> &str {
    name.split(',').next().unwrap_or(name)
}

fn cell(unit: Unit, spread: Spread) -> String {
    let (low, middle, high) = (unit.show(spread.p10), unit.show(spread.median), unit.show(spread.p90));
    if low == high { middle } else { format!("{middle} ({low} to {high})") }
}

fn ratio(figure: Option<&Figure>, to: Option<&Figure>) -> String {
    match (figure, to) {
        (Some(figure), Some(to)) if to.spread().median > 0.0 => {
            format!("{:.2}x", figure.spread().median / to.spread().median)
        }
        _ => "-".to_owned(),
    }
}

/// `text` with what stands between the two marks of `name` replaced; unchanged where it has no such marks.
fn between(text: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- bench: {name} -->\n"), format!("<!-- end of bench: {name} -->"));
    let replaced = text.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some(format!("{before}{begin}{content}{end}{after}"))
    });
    replaced.unwrap_or_else(|| text.to_owned())
}

/// Processor, kernel, and how busy it all was.
fn machine() -> String {
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor of unknown make", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cpus} cores of {model}, Linux {}, a load of {load} at the end.", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::{between, table};
    use crate::bench::figures::{Figures, Metric, Unit};
    use crate::bench::section::Section;

    const TIME: Metric = Metric::new("time", Unit::Milliseconds).compared();
    const FAULTS: Metric = Metric::new("faults", Unit::Count);

    #[test]
    fn a_table_compares_each_row_with_the_first_one_of_its_setting() {
        let mut figures = Figures::default();
        for (setting, contender, time) in
            [("fast", "floor", 2.0), ("slow", "floor", 20.0), ("fast", "ours", 3.0), ("slow", "ours", 25.0)]
        {
            figures.row(Section::Start, setting, contender).add(TIME, time);
        }
        figures.row(Section::Start, "fast", "ours").add(FAULTS, 7.0);

        assert_eq!(
            table(&figures, Section::Start).unwrap().markdown(),
            "|  |  | time ms | to floor | faults |\n|---|--:|--:|--:|--:|\n\
             | fast | floor | 2.00 | 1.00x | - |\n| fast | ours | 3.00 | 1.50x | 7 |\n\
             | slow | floor | 20.00 | 1.00x | - |\n| slow | ours | 25.00 | 1.25x | - |\n"
        );
        assert!(table(&figures, Section::Drain).is_none());
    }

    #[test]
    fn a_cell_tells_how_its_values_are_spread() {
        let mut figures = Figures::default();
        for time in 1..=10 {
            figures.row(Section::Start, "", "ours").add(TIME, f64::from(time));
        }

        let table = table(&figures, Section::Start).unwrap().markdown();
        assert!(table.ends_with("| ours | 5.00 (1.00 to 9.00) |\n"), "{table}");
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = "a\n<!-- bench: start -->\nold\n<!-- end of bench: start -->\nb\n";

        assert_eq!(
            between(text, "start", "new\n"),
            "a\n<!-- bench: start -->\nnew\n<!-- end of bench: start -->\nb\n"
        );
        assert_eq!(between(text, "drain", "new\n"), text);
    }
}
