//! What people are told. To write `tests/help.txt` and the tables of the README and the site anew:
//! `UPDATE_HELP=1 cargo test --test config_help`.

use std::collections::HashSet;
use std::path::Path;

use pyroscope_lambda_extension::config::{VARIABLES, help_text, markdown_table, version_text};

#[test]
fn the_help_is_what_the_stored_one_says() {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help.txt");
    let help = help_text().replacen(env!("CARGO_PKG_VERSION"), "VERSION", 1);
    if std::env::var_os("UPDATE_HELP").is_some() {
        std::fs::write(&stored, &help).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&stored).unwrap_or_default(),
        help,
        "see the top of this file for how to write {} anew",
        stored.display()
    );
}

#[test]
fn the_help_names_every_variable_in_lines_of_at_most_100_columns() {
    let help = help_text();
    for variable in VARIABLES {
        assert!(help.contains(&format!("\n  {}\n", variable.name)), "{}", variable.name);
    }
    for line in help.lines() {
        assert!(line.chars().count() <= 100, "{line}");
        assert_eq!(line.trim_end(), line, "no space at the end");
    }
    assert!(!help.contains('`'), "Markdown is for the README");
}

#[test]
fn the_table_for_the_readme_has_a_row_of_three_cells_for_every_variable() {
    let table = markdown_table();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), VARIABLES.len());
    for (row, variable) in rows.iter().zip(VARIABLES) {
        assert!(row.starts_with(&format!("| `{}` | ", variable.name)), "{row}");
        assert_eq!(row.replace("\\|", "").matches('|').count(), 4, "{row}");
        assert!(row.ends_with(" |"), "{row}");
    }
    assert_eq!(table.matches("|---|---|---|").count(), 7);
    assert!(table.ends_with('\n') && !table.ends_with("\n\n"));
}

#[test]
fn the_readme_and_the_site_have_the_table_that_the_program_has() {
    const BEGIN: &str = "<!-- variables: written by `UPDATE_HELP=1 cargo test --test config_help` -->\n";
    const END: &str = "<!-- end of variables -->";
    for page in ["README.md", "docs/configuration.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("the page marks where the table begins");
        let (table, after) = rest.split_once(END).expect("the page marks where the table ends");
        let expected = format!("\n{}\n", markdown_table());
        if std::env::var_os("UPDATE_HELP").is_some() {
            std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        } else {
            assert_eq!(table, expected, "{page}: see the top of this file for how to write the table anew");
        }
    }
}

#[test]
fn no_variable_is_in_the_table_twice() {
    let names: HashSet<_> = VARIABLES.iter().map(|variable| variable.name).collect();
    assert_eq!(names.len(), VARIABLES.len());
}

#[test]
fn the_version_tells_what_it_was_built_for() {
    let version = version_text();
    assert!(
        version.starts_with(concat!("pyroscope-lambda-extension ", env!("CARGO_PKG_VERSION"), " (")),
        "{version}"
    );
    assert!(version.contains(std::env::consts::ARCH) && version.ends_with(")\n"), "{version}");
}
