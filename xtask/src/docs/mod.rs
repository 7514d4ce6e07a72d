//! `cargo xtask docs`: the documentation as a site, and whether it holds together.
//!
//! # Layout
//! - [`page`]: what is in a page of Markdown: headings, links, code blocks
//! - [`links`]: whether every link leads somewhere
//! - [`code`]: whether every code block is of the language that it says
//! - [`book`]: the site

mod book;
mod code;
mod links;
mod page;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cargo::Workspace;
use crate::error::Error;
use book::Book;
use page::Page;

/// The checkout.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Build the documentation as a site, and check its links and its code blocks
#[derive(Debug, Args)]
pub(crate) struct Docs {
    /// Install mdBook under `target/tools` where it is missing, as is done where CI=true
    #[arg(long)]
    install: bool,
}

// === impl Docs ===

impl Docs {
    pub(crate) async fn run(&self) -> Result<(), Error> {
        let target = Workspace::locate()?.target;
        let pages = pages(Path::new(ROOT))?;
        let mut wrong = links::wrong(&pages, Path::new(ROOT));
        let checked = code::check(&pages, &target.join("docs"))?;
        wrong.extend(checked.wrong);
        if !wrong.is_empty() {
            return Err(Error::Wrong { run: "the documentation", wrong, log: None });
        }
        println!("{} pages, every link leads somewhere", pages.len());
        for (language, blocks) in &checked.blocks {
            println!("  {blocks} blocks of {language} can be read");
        }
        for (language, why) in &checked.skipped {
            println!("  {language} is NOT checked: {why}");
        }
        let book = Book::under(&target);
        if self.install || std::env::var_os("CI").is_some_and(|ci| ci == "true") {
            book.install().await?;
        }
        let index = book.build(Path::new(ROOT))?;
        println!("The site begins at {}", index.display());
        Ok(())
    }
}

/// Every page of the project: those of the site, and those that only the repository shows.
fn pages(root: &Path) -> Result<Vec<Page>, Error> {
    let mut pages = Vec::new();
    for folder in [".", "docs", "docs/sdks", "examples"] {
        let folder = root.join(folder);
        let entries = std::fs::read_dir(&folder).map_err(Error::io(format!("read {}", folder.display())))?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
            let text =
                std::fs::read_to_string(file).map_err(Error::io(format!("read {}", file.display())))?;
            pages.push(Page::parse(file.clone(), &text));
        }
    }
    Ok(pages)
}
