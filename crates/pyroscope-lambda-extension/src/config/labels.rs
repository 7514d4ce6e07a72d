//! Labels for every profile: `PYROSCOPE_LABELS` and `PYROSCOPE_LAMBDA_LABELS`.

use super::go_value::parse_bool;
use super::platform::Platform;
use super::reader::Reader;
use super::variable as var;
use super::warning::{ShownName, Warning};
use crate::labels::{InvalidLabel, LabelSet};

/// The labels that are given, and behind them, if they are asked for, those that Lambda gives.
pub(super) fn read(reader: &mut Reader<'_>, platform: &Platform) -> LabelSet {
    let mut labels = LabelSet::default();
    let given = reader.text(&var::LABELS).unwrap_or_default();
    for entry in given.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        // No name holds either. Grafana's SDK for .NET reads this variable, too, and wants a colon.
        let (name, value) = entry.split_once(['=', ':']).unwrap_or((entry, ""));
        if let Err(fault) = labels.push(name.trim(), value.trim()) {
            let entry = ShownName::of(entry);
            reader.warn(Warning::Label { variable: var::LABELS.name, entry, fault });
        }
    }
    if reader.value(&var::LAMBDA_LABELS, parse_bool).unwrap_or_default() {
        for (name, value) in of_lambda(platform) {
            match labels.push(name, &value) {
                // A name that was given already keeps its value.
                Ok(()) | Err(InvalidLabel::Repeated) => {}
                Err(fault) => {
                    let entry = ShownName::of(&format!("{name}={value}"));
                    reader.warn(Warning::Label { variable: var::LAMBDA_LABELS.name, entry, fault });
                }
            }
        }
    }
    labels
}

/// What is known of the function, under OpenTelemetry's names with `_` for `.`, as Pyroscope's server stores them.
///
/// OpenTelemetry has no name for the initialization type; that one follows Lambda's own variable.
fn of_lambda(platform: &Platform) -> impl Iterator<Item = (&'static str, String)> {
    let bytes = platform.memory_mib.map(|mib| u64::from(mib) << 20);
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let known = [
        ("faas_name", platform.function_name.clone()),
        ("faas_version", platform.function_version.clone()),
        ("cloud_region", platform.region.clone()),
        ("faas_max_memory", bytes.map(|bytes| bytes.to_string())),
        ("host_arch", Some(arch.to_owned())),
        ("aws_lambda_initialization_type", platform.initialization.word().map(str::to_owned)),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?)))
}
