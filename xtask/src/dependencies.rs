//! `cargo xtask dependencies`: whether what is written down about the product's dependencies is true.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::Args;
use serde::Deserialize;

use crate::cargo;
use crate::error::Error;

const PRODUCT: &str = "pyroscope-lambda-extension";

const PRODUCT_SOURCES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/pyroscope-lambda-extension/src");

/// Where the reason for each dependency is.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dependencies.md");

const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
const FUZZ_LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/Cargo.lock");

/// What stands before and behind the number of crates in the document.
const BEFORE_COUNT: &str = "In all **";
const BEHIND_COUNT: &str = "** crates";

/// Compare the product's dependencies with docs/dependencies.md, and what is fuzzed with what is shipped
#[derive(Debug, Args)]
pub(crate) struct Dependencies {
    /// Write the number of crates into the document instead of comparing it
    #[arg(long)]
    update: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` or `build`; none for what is linked into the binary.
    kind: Option<String>,
}

// === impl Dependencies ===

impl Dependencies {
    pub(crate) fn run(&self) -> Result<(), Error> {
        let mut document = read(DOCUMENT)?;
        let (direct, crates) = (direct()?, crates()?);
        if self.update {
            document = with_count(&document, crates.len());
            fs::write(DOCUMENT, &document).map_err(Error::io(format!("write {DOCUMENT}")))?;
        }
        let mut wrong = wrong_reasons(&document, &direct);
        wrong.extend(unused(&direct, &sources(Path::new(PRODUCT_SOURCES))?));
        wrong.extend(wrong_count(&document, crates.len()));
        wrong.extend(other_versions(&read(LOCK)?, &read(FUZZ_LOCK)?, &crates));
        if !wrong.is_empty() {
            return Err(Error::Wrong { run: "dependencies", wrong, log: None });
        }
        println!(
            "{} direct dependencies, each with its reason; {} crates in all",
            direct.len(),
            crates.len()
        );
        Ok(())
    }
}

/// What the product itself asks for.
fn direct() -> Result<BTreeSet<String>, Error> {
    let answer = cargo::ask(&["metadata", "--no-deps", "--format-version", "1", "--locked"])?;
    let metadata: Metadata =
        serde_json::from_str(&answer).map_err(|source| Error::Unreadable { of: "cargo metadata", source })?;
    let product = metadata.packages.into_iter().filter(|package| package.name == PRODUCT);
    let all = product.flat_map(|package| package.dependencies);
    Ok(all.filter(|dependency| dependency.kind.is_none()).map(|dependency| dependency.name).collect())
}

/// All that the static binary for Lambda is made of, as `name version`, macros that run in the compiler included.
fn crates() -> Result<BTreeSet<String>, Error> {
    let tree = cargo::ask(&[
        "tree",
        "--package",
        PRODUCT,
        "--edges=normal",
        "--target=x86_64-unknown-linux-musl",
        "--prefix=none",
        "--format={p}",
        "--locked",
    ])?;
    // `name v1.2.3`, and more behind it in brackets.
    let crates = tree.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" v")?;
        Some(format!("{name} {}", rest.split(' ').next()?))
    });
    Ok(crates.filter(|named| !named.starts_with(PRODUCT)).collect())
}

/// Dependencies without a row in the document's table, and rows without a dependency.
fn wrong_reasons(document: &str, direct: &BTreeSet<String>) -> Vec<String> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let written: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    let missing =
        direct.difference(&written).map(|name| format!("{name} has no reason in docs/dependencies.md"));
    let gone =
        written.difference(direct).map(|name| format!("{name} is in docs/dependencies.md, but is not used"));
    missing.chain(gone).collect()
}

/// Dependencies that no line of the source names. (A module of the same name hides one.)
fn unused(direct: &BTreeSet<String>, sources: &str) -> Vec<String> {
    let unused = direct.iter().filter(|name| !sources.contains(&format!("{}::", name.replace('-', "_"))));
    unused
        .map(|name| format!("{name} is a dependency that nothing in the product names: leave it out"))
        .collect()
}

/// All of the source below a folder, in one text.
fn sources(folder: &Path) -> Result<String, Error> {
    let listing = fs::read_dir(folder).map_err(Error::io(format!("read {}", folder.display())))?;
    let mut text = String::new();
    for path in listing.filter_map(|entry| Some(entry.ok()?.path())) {
        text += &if path.is_dir() { sources(&path)? } else { read(&path)? };
    }
    Ok(text)
}

fn wrong_count(document: &str, count: usize) -> Option<String> {
    let written = document.split_once(BEFORE_COUNT).and_then(|(_, rest)| rest.split_once(BEHIND_COUNT));
    let written = written.map_or("no number", |(written, _)| written);
    (written != count.to_string()).then(|| {
        format!(
            "{count} crates are in the product, but docs/dependencies.md says {written}; if that is meant, run \
             `cargo xtask dependencies --update` and say in the commit what the new ones are for"
        )
    })
}

fn with_count(document: &str, count: usize) -> String {
    let parts = document.split_once(BEFORE_COUNT).zip(document.split_once(BEHIND_COUNT));
    parts.map_or_else(
        || document.to_owned(),
        |((before, _), (_, behind))| format!("{before}{BEFORE_COUNT}{count}{BEHIND_COUNT}{behind}"),
    )
}

/// Crates of the product that are fuzzed in another version than the one that is shipped.
fn other_versions(lock: &str, fuzz_lock: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let (shipped, fuzzed) = (locked(lock), locked(fuzz_lock));
    let differing = shipped.iter().filter(|named| crates.contains(*named) && !fuzzed.contains(*named));
    // What is for musl alone is in neither of the builds that are fuzzed.
    let differing = differing.filter(|named| fuzzed.iter().any(|other| name(other) == name(named)));
    let differing = differing.map(|named| {
        format!(
            "{named} is not the version in fuzz/Cargo.lock: copy Cargo.lock there and run `cargo xtask fuzz`"
        )
    });
    differing.collect()
}

/// The packages of a lock file as `name version`.
fn locked(lock: &str) -> BTreeSet<String> {
    let field = |package: &str, key: &str| {
        let value = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(value.trim_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    packages
        .filter_map(|package| Some(format!("{} {}", field(package, "name")?, field(package, "version")?)))
        .collect()
}

fn name(named: &str) -> &str {
    named.split(' ').next().unwrap_or_default()
}

fn read(file: impl AsRef<Path>) -> Result<String, Error> {
    let file = file.as_ref();
    fs::read_to_string(file).map_err(Error::io(format!("read {}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "| crate | for |\n|---|---|\n| `bytes` | bodies |\n| `old` | nothing |\n\nIn all **12** crates of others.";

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_dependency_without_a_reason_and_a_reason_without_a_dependency_are_told_of() {
        assert_eq!(wrong_reasons(DOCUMENT, &set(&["bytes", "old"])), Vec::<String>::new());
        assert_eq!(
            wrong_reasons(DOCUMENT, &set(&["bytes", "new"])),
            ["new has no reason in docs/dependencies.md", "old is in docs/dependencies.md, but is not used"]
        );
    }

    #[test]
    fn a_dependency_that_nothing_names_is_told_of() {
        let sources = "use bytes::Bytes;\nstatic A: webpki_roots::Anchor = x;";
        assert_eq!(unused(&set(&["bytes", "webpki-roots"]), sources), Vec::<String>::new());
        assert_eq!(
            unused(&set(&["old"]), sources),
            ["old is a dependency that nothing in the product names: leave it out"]
        );
    }

    #[test]
    fn the_number_of_crates_is_compared_and_can_be_written() {
        assert_eq!(wrong_count(DOCUMENT, 12), None);
        assert!(wrong_count(DOCUMENT, 13).is_some_and(|wrong| wrong.starts_with("13 crates are")));
        assert!(wrong_count("", 13).is_some());
        assert_eq!(wrong_count(&with_count(DOCUMENT, 13), 13), None);
        assert_eq!(with_count(DOCUMENT, 12), DOCUMENT);
    }

    #[test]
    fn a_crate_that_is_fuzzed_in_another_version_is_told_of() {
        let lock = |version: &str| {
            format!(
                "version = 4\n\n[[package]]\nname = \"bytes\"\nversion = \"{version}\"\n\n[[package]]\nname = \"tool\"\nversion = \"{version}\"\n"
            )
        };
        let crates = set(&["bytes 1.0.0", "dlmalloc 1.0.0"]);
        assert_eq!(other_versions(&lock("1.0.0"), &lock("1.0.0"), &crates), Vec::<String>::new());
        let wrong = other_versions(&lock("1.0.0"), &lock("1.0.1"), &crates);
        assert!(
            matches!(&wrong[..], [wrong] if wrong.starts_with("bytes 1.0.0 is not the version")),
            "{wrong:?}"
        );
    }
}
