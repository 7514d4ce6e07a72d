//! Whether every code block is of the language that it says: the parser of each language reads it. Nothing is run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::page::{Block, Page};
use crate::error::Error;

/// What the parsers said.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// How many blocks of a language were read.
    pub(super) blocks: BTreeMap<String, usize>,
    /// Languages whose parser is not on this machine.
    pub(super) skipped: BTreeMap<String, String>,
    pub(super) wrong: Vec<String>,
}

/// How a language is read.
struct Language {
    /// The words after the fence that mean it.
    names: &'static [&'static str],
    /// What the file is called.
    file: &'static str,
    /// The parser and its arguments, before the file.
    parser: &'static [&'static str],
    /// What may stand around a fragment; a block is fine where one of them makes it whole.
    frames: &'static [(&'static str, &'static str)],
}

const LANGUAGES: &[Language] = &[
    Language { names: &["sh", "bash"], file: "block.sh", parser: &["bash", "-n"], frames: &[("", "")] },
    Language {
        names: &["python"],
        file: "block.py",
        parser: &["python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())"],
        frames: &[("", "")],
    },
    Language { names: &["js"], file: "block.mjs", parser: &["node", "--check"], frames: &[("", "")] },
    Language {
        names: &["go"],
        file: "block.go",
        parser: &["gofmt", "-e"],
        frames: &[("", ""), ("package p\nfunc f() {\n", "}\n")],
    },
    Language {
        names: &["rust"],
        file: "block.rs",
        parser: &["rustfmt", "--edition", "2024", "--emit", "stdout"],
        frames: &[("", ""), ("async fn f() {\n", "}\n")],
    },
    Language {
        names: &["java"],
        file: "Block.java",
        parser: &["javac", "-XDshould-stop.ifNoError=PARSE", "-proc:none"],
        frames: &[("", ""), ("class Block {\n", "}\n")],
    },
    Language {
        names: &["json"],
        file: "block.json",
        parser: &["python3", "-c", "import json, sys; json.load(open(sys.argv[1]))"],
        frames: &[("", "")],
    },
    Language { names: &["ruby"], file: "block.rb", parser: &["ruby", "-c"], frames: &[("", "")] },
];

/// Reads every block of `pages` whose language is known, in `folder`.
pub(super) fn check(pages: &[Page], folder: &Path) -> Result<Checked, Error> {
    fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let mut checked = Checked::default();
    for (page, block) in pages.iter().flat_map(|page| page.blocks.iter().map(move |block| (page, block))) {
        let known = LANGUAGES.iter().find(|language| language.names.contains(&block.language.as_str()));
        let Some(language) = known else { continue };
        match language.fault(block, folder)? {
            Ok(None) => *checked.blocks.entry(block.language.clone()).or_default() += 1,
            Ok(Some(fault)) => {
                let (file, line) = (page.file.display(), block.line);
                checked.wrong.push(format!("{file}:{line}: not {}: {fault}", block.language));
            }
            Err(missing) => drop(checked.skipped.insert(block.language.clone(), missing)),
        }
    }
    Ok(checked)
}

// === impl Language ===

impl Language {
    /// What the parser says against the block, if it does; an error where there is no such parser.
    fn fault(&self, block: &Block, folder: &Path) -> Result<Result<Option<String>, String>, Error> {
        let file = folder.join(self.file);
        let mut said = String::new();
        for (before, after) in self.frames {
            let text = format!("{before}{}{after}", block.text);
            fs::write(&file, text).map_err(Error::io(format!("write {}", file.display())))?;
            let (program, arguments) = self.parser.split_first().unwrap_or((&"false", &[]));
            let output = match Command::new(program).args(arguments).arg(&file).output() {
                Ok(output) => output,
                Err(error) => return Ok(Err(format!("{program}: {error}"))),
            };
            if output.status.success() {
                return Ok(Ok(None));
            }
            String::from_utf8_lossy(&output.stderr).trim().clone_into(&mut said);
        }
        Ok(Ok(Some(said)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_not_of_its_language_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let page = |text: &str| [Page::parse("page.md".into(), text)];
        let fine = check(&page("```sh\nls | wc\n```\n"), folder.path()).unwrap();
        assert_eq!((fine.blocks.get("sh"), fine.wrong.len()), (Some(&1), 0));
        let broken = check(&page("text\n\n```sh\nif then\n```\n"), folder.path()).unwrap();
        assert_eq!(broken.wrong.len(), 1);
        assert!(broken.wrong[0].starts_with("page.md:3: not sh: "), "{:?}", broken.wrong);
        let unknown = check(&page("```text\nif then\n```\n"), folder.path()).unwrap();
        assert!(unknown.blocks.is_empty() && unknown.wrong.is_empty());
    }
}
