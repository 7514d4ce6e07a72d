//! The bill of materials of a layer: which crates are in its binary, after `CycloneDX` 1.5 (<https://cyclonedx.org>).

use std::collections::BTreeMap;

use serde::Serialize;

use super::architecture::Architecture;
use crate::cargo;
use crate::environment::EXTENSION;
use crate::error::Error;

/// The document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bill {
    bom_format: &'static str,
    spec_version: &'static str,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    component: Component,
}

/// A crate.
#[derive(Debug, Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    id: String,
    name: String,
    version: String,
    licenses: Vec<License>,
    /// Where to find it; none for what isn't on crates.io.
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

#[derive(Debug, Serialize)]
struct License {
    /// In the words of SPDX.
    expression: String,
}

/// The bill for one architecture, as JSON. It has no time and no serial number: the same crates give the same bytes.
pub(super) fn write(architecture: Architecture) -> Result<String, Error> {
    // Crates that only run while something is compiled are left out.
    let edges = "normal,no-proc-macro";
    let tree = cargo::ask(&[
        "tree",
        "--locked",
        "--package",
        EXTENSION,
        "--target",
        architecture.target(),
        "--edges",
        edges,
        "--prefix",
        "none",
        "--no-dedupe",
        "--format",
        "{p}|{l}",
    ])?;
    let bill = bill(&tree).ok_or_else(|| Error::part("cargo tree", &"it does not name the extension"))?;
    let json = serde_json::to_string_pretty(&bill);
    Ok(json.map_err(|source| Error::Unreadable { of: "cargo tree", source })? + "\n")
}

/// From lines such as `hyper v1.12.0|MIT`, the extension's among them.
fn bill(tree: &str) -> Option<Bill> {
    let mut crates: BTreeMap<(String, String), Component> = BTreeMap::new();
    for component in tree.lines().filter_map(component) {
        crates.insert((component.name.clone(), component.version.clone()), component);
    }
    let own = crates.keys().find(|(name, _)| name == EXTENSION)?.clone();
    let component = Component { kind: "application", purl: None, ..crates.remove(&own)? };
    Some(Bill {
        bom_format: "CycloneDX",
        spec_version: "1.5",
        version: 1,
        metadata: Metadata { component },
        components: crates.into_values().collect(),
    })
}

fn component(line: &str) -> Option<Component> {
    let (package, license) = line.split_once('|')?;
    let (name, version) = package.split_once(" v")?;
    // Behind the version stands the folder of a crate of this workspace.
    let version = version.split(' ').next()?;
    let purl = format!("pkg:cargo/{name}@{version}");
    Some(Component {
        kind: "library",
        id: purl.clone(),
        name: name.to_owned(),
        version: version.to_owned(),
        // As it was written before SPDX had a word for it.
        licenses: vec![License { expression: license.replace(" / ", "/").replace('/', " OR ") }],
        purl: Some(purl),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_names_each_crate_once_and_the_extension_as_what_they_make() {
        let tree = "pyroscope-lambda-extension v0.1.0 (/source)|Apache-2.0\nhyper v1.12.0|MIT\n\
                    bytes v1.12.1|MIT\nfnv v1.0.7|Apache-2.0 / MIT\nbytes v1.12.1|MIT\n";
        let bill = bill(tree).unwrap();
        assert_eq!(bill.metadata.component.name, EXTENSION);
        assert_eq!(bill.metadata.component.version, "0.1.0");
        let ids: Vec<_> = bill.components.iter().map(|component| component.id.as_str()).collect();
        assert_eq!(ids, ["pkg:cargo/bytes@1.12.1", "pkg:cargo/fnv@1.0.7", "pkg:cargo/hyper@1.12.0"]);
    }

    #[test]
    fn a_license_is_in_the_words_of_spdx() {
        let license = |line| component(line).unwrap().licenses[0].expression.clone();
        assert_eq!(license("a v1.0.0|MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(license("a v1.0.0|MIT OR Apache-2.0"), "MIT OR Apache-2.0");
    }
}
