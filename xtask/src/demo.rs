//! `cargo xtask demo`: the main job, end to end, on this machine.
//!
//! A real function with the real SDK runs beside the release build of the extension, in a Lambda environment that freezes them
//! as Lambda does. What arrives at the server is shown, drawn as a flame graph, and checked.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use pyroscope_sink::{MergedSeries, Options, SessionId, Sink};

use crate::cargo::{Build, SAMPLE_FUNCTION, Workspace};
use crate::environment::{Environment, Function, Life};
use crate::error::Error;
use crate::expected::Expected;
use crate::table::Table;

/// What the sample function is.
pub(crate) const ORDER_SERVICE: Expected = Expected {
    app: "order-service",
    labels: &[("region", "eu-central-1"), ("team", "checkout")],
    sample_type: "cpu",
    work: ["price_basket", "render_receipt", "check_stock"],
};

/// How many functions the table of the hottest has.
const HOTTEST: usize = 8;

/// Run a profiled function under the extension and show its flame graph
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How long to invoke the function
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Show in a browser what arrives, as it arrives; the page stays until Ctrl-C
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    build: Build,
}

// === impl Demo ===

impl Demo {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let folder = Workspace::locate()?.target.join("demo");
        fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
        let extension = self.build.extension()?;
        let function = Function::program(SAMPLE_FUNCTION.build()?);
        let sink =
            Sink::start(Options::default()).await.map_err(|source| Error::part("the server", &source))?;
        println!("The remote Pyroscope is a receiver at {}; its page shows what arrives", sink.url());
        if self.open {
            open(&sink.url());
        }

        let environment = Environment {
            extension: Some(&extension),
            others: &[],
            function: &function,
            variables: vec![("PYROSCOPE_REMOTE_ADDRESS", sink.url())],
            busy: Duration::from_secs(self.seconds),
            folder: &folder,
        };
        let life = environment.live().await?;
        show_series(&sink.series());
        let graph = folder.join("flamegraph.svg");
        let mut wrong = draw(&sink, &graph)?;
        wrong.extend(wrong_with(&life));
        wrong.extend(ORDER_SERVICE.wrong(&sink.arrivals()));
        let done = if wrong.is_empty() {
            let invocations = life.invocations.len();
            println!("\nLog of the extension and the function: {}", life.log.display());
            println!("Flame graph: {}", graph.display());
            println!("\nAll is well: {invocations} invocations, {}.", sink.totals());
            Ok(())
        } else {
            Err(Error::Wrong { run: "the demo", wrong, log: Some(life.log) })
        };
        if self.open {
            if let Err(wrong) = &done {
                eprintln!("\nerror: {wrong}");
            }
            println!("\nThe page stays at {} until Ctrl-C.", sink.url());
            tokio::signal::ctrl_c().await.map_err(Error::io("wait for Ctrl-C"))?;
        }
        done
    }
}

/// What is wrong with how the environment ended, each as a sentence.
pub(crate) fn wrong_with(life: &Life) -> Vec<String> {
    let mut wrong = Vec::new();
    if life.invocations.is_empty() {
        wrong.push("the function was never invoked".to_owned());
    }
    if !life.shutdown.is_clean() {
        let ends: Vec<String> = life
            .shutdown
            .processes
            .iter()
            .map(|process| {
                let exit = process.exit.map_or("still there".to_owned(), |exit| exit.to_string());
                format!("{}: {exit}", process.name)
            })
            .collect();
        wrong.push(format!("the extension did not exit with 0 at SHUTDOWN ({})", ends.join(", ")));
    }
    wrong
}

/// Opens the page in the browser that is set as default, if there is one; its address has been told.
fn open(url: &str) {
    // Linux and the BSDs have the one, macOS the other.
    for opener in ["xdg-open", "open"] {
        let started = Command::new(opener)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if started.is_ok() {
            return;
        }
    }
    println!("No browser can be opened from here: open {url} in one");
}

fn show_series(all: &[MergedSeries]) {
    println!("\nWhat arrived");
    let mut table = Table::new(["series", "profiles", "samples", "bytes", "type and total"]);
    for series in all {
        let values: Vec<String> =
            series.values.iter().map(|(kind, total)| format!("{kind} {total}")).collect();
        table.row([
            series.app.clone(),
            series.profiles.to_string(),
            series.samples.to_string(),
            series.uncompressed_bytes.to_string(),
            values.join(", "),
        ]);
    }
    print!("{table}");
    for series in all {
        println!("\nLabels of {}", series.app);
        for (name, value) in &series.labels {
            println!("  {name} = {value}");
        }
        for session in &series.sessions {
            match session {
                SessionId::Valid(id) => println!("  __session_id__ = {id}"),
                SessionId::Malformed(id) => println!("  __session_id__ = {id} (malformed)"),
                SessionId::Absent => println!("  __session_id__ is missing"),
            }
        }
    }
}

/// Draws the flame graph, and says what is wrong with it.
fn draw(sink: &Sink, graph: &Path) -> Result<Vec<String>, Error> {
    let merged = sink.merged(&ORDER_SERVICE.selection());
    print!("\nThe hottest functions\n{}", merged.top(HOTTEST));
    let svg = match merged.flame_graph() {
        Ok(svg) => svg,
        Err(error) => return Ok(vec![error.to_string()]),
    };
    fs::write(graph, &svg).map_err(Error::io(format!("write {}", graph.display())))?;
    let unread = ORDER_SERVICE.work.into_iter().filter(|function| !svg.contains(function));
    Ok(unread.map(|function| format!("{function} cannot be read in the flame graph")).collect())
}
