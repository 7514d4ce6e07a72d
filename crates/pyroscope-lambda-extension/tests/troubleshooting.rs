//! The docs have the table of faults that the program has. To write it into them anew:
//! `UPDATE_HELP=1 cargo test --test troubleshooting`.

use std::path::Path;

use pyroscope_lambda_extension::remote::fault::Fault;

const BEGIN: &str = "<!-- faults: written by `UPDATE_HELP=1 cargo test --test troubleshooting` -->\n";
const END: &str = "<!-- end of faults -->";

fn table() -> String {
    let rows = Fault::ALL.iter().map(|fault| [fault.found(), fault.sign(), fault.cure()].map(str::to_owned));
    let head = ["what is said", "what it is told by", "what to do"].map(str::to_owned);
    let rows = [head, ["---"; 3].map(str::to_owned)].into_iter().chain(rows);
    rows.map(|cells| format!("| {} |\n", cells.join(" | "))).collect::<Vec<_>>().concat()
}

#[test]
fn the_docs_have_every_fault_with_its_cure() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/troubleshooting.md");
    let docs = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = docs.split_once(BEGIN).expect("the docs mark where the table begins");
    let (stored, after) = rest.split_once(END).expect("the docs mark where the table ends");
    let expected = format!("\n{}\n", table());
    if std::env::var_os("UPDATE_HELP").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert_eq!(stored, expected, "see the top of this file for how to write the table anew");
    }
}

#[test]
fn what_is_said_is_said_of_one_fault_alone_and_fits_into_a_cell() {
    let mut said: Vec<_> = Fault::ALL.iter().map(|fault| fault.found()).collect();
    said.sort_unstable();
    said.dedup();
    assert_eq!(said.len(), Fault::ALL.len());
    for fault in Fault::ALL {
        for text in [fault.found(), fault.sign(), fault.cure()] {
            assert!(!text.is_empty() && !text.contains(['|', '\n']) && !text.ends_with('.'), "{text}");
        }
    }
}

#[test]
fn a_fault_reads_as_what_was_found_and_what_to_do() {
    assert_eq!(
        Fault::NoTenant.to_string(),
        "the remote has many tenants and was told none: set PYROSCOPE_TENANT_ID"
    );
}
