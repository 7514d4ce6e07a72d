//! `cargo xtask flush-costs`: what each flush strategy adds to an invocation after the function has answered, and how soon
//! profiles arrive under it, a function that is frozen at once included.
//!
//! # Layout
//! - [`cell`]: one line of the table

mod cell;

use std::fs;
use std::time::Duration;

use clap::Args;

use self::cell::{Cell, Cost, Ground, Remote};
use crate::cargo::{Build, Workspace};
use crate::environment;
use crate::error::Error;
use crate::port;

const STRATEGIES: [&str; 4] = ["auto", "invoke", "end", "background"];
const HANDLERS: [u64; 3] = [5, 50, 500];
const REMOTES: [Remote; 5] =
    [Remote::Away(5), Remote::Away(60), Remote::Away(300), Remote::Down, Remote::Silent];

/// `PYROSCOPE_FLUSH_BUDGET`, and what a busy machine may add to it.
const BUDGET: Duration = Duration::from_millis(500 + 60);

/// Under `auto` a profile arrives within so many invocations.
const FEW: usize = 4;

/// Measure what each flush strategy adds to an invocation, and how soon profiles arrive
#[derive(Debug, Args)]
pub(crate) struct FlushCosts {
    /// Only a function of 5 ms under `auto`; fail when it starves the uploads or costs more than the budget
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    build: Build,
}

// === impl FlushCosts ===

impl FlushCosts {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let folder = Workspace::locate()?.target.join("flush-costs");
        let extension = environment::install(&self.build.extension()?, &folder)?;
        fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
        let ground = Ground { extension, folder, port: port::relay()? };
        println!("| strategy | handler | remote | added p50 | added max | delivered | within invocations |");
        println!("|---|--:|---|--:|--:|--:|--:|");
        let mut wrong = Vec::new();
        for cell in self.cells() {
            let cost = cell.measure(&ground).await?;
            println!("{}", line(cell, &cost));
            if self.check {
                wrong.extend(wrong_with(cell, &cost));
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::Wrong { run: "what flushing costs", wrong, log: None })
    }

    fn cells(&self) -> Vec<Cell> {
        let most = if self.check { 1 } else { usize::MAX };
        let mut cells = Vec::new();
        for strategy in STRATEGIES.into_iter().take(most) {
            for handler_ms in HANDLERS.into_iter().take(most) {
                for remote in REMOTES {
                    cells.push(Cell { strategy, handler_ms, remote });
                }
            }
        }
        cells
    }
}

fn line(cell: Cell, cost: &Cost) -> String {
    let ms = |duration: Duration| format!("{:.0} ms", duration.as_secs_f64() * 1e3);
    format!(
        "| `{}` | {} ms | {} | {} | {} | {} of {} | {} |",
        cell.strategy,
        cell.handler_ms,
        cell.remote.text(),
        ms(cost.median()),
        ms(cost.most()),
        cost.within.len(),
        cost.posted,
        cost.slowest().map_or("-".to_owned(), |slowest| slowest.to_string()),
    )
}

/// What must not be, each as a sentence.
fn wrong_with(cell: Cell, cost: &Cost) -> Vec<String> {
    let mut wrong = Vec::new();
    let run = format!("{}, {} ms, {}", cell.strategy, cell.handler_ms, cell.remote.text());
    if cost.most() > BUDGET {
        wrong.push(format!("{run}: {:?} were added after a response", cost.most()));
    }
    let Remote::Away(away) = cell.remote else { return wrong };
    if (cost.within.len() as u64) < cost.posted {
        wrong.push(format!("{run}: {} of {} profiles arrived", cost.within.len(), cost.posted));
    }
    // From further away a first upload alone takes longer than a budget.
    if away <= 60 && cost.slowest().is_some_and(|slowest| slowest > FEW) {
        wrong.push(format!("{run}: a profile took {:?} invocations", cost.slowest()));
    }
    wrong
}
