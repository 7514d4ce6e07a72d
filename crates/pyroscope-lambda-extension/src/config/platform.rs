//! What Lambda itself says about the function.

use super::reader::Reader;
use super::variable as var;
use super::warning::ValueFault;

/// What Lambda says. Nothing in it is certain: emulators leave much of it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// Where the Extensions API is: `host:port`, or a whole URL from some tools.
    pub runtime_api: Option<String>,
    /// How the environment was made.
    pub initialization: InitializationType,
    /// The function's name.
    pub function_name: Option<String>,
    /// The function's memory in MiB.
    pub memory_mib: Option<u32>,
}

/// How an execution environment was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitializationType {
    /// For an invocation that was waiting.
    OnDemand,
    /// Ahead of invocations.
    ProvisionedConcurrency,
    /// To be kept as a snapshot and cloned.
    SnapStart,
    /// On an instance of the customer's: many invocations at once, no freeze.
    ManagedInstances,
    /// Unset, or a word that is not known.
    #[default]
    Other,
}

// === impl Platform ===

impl Platform {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            runtime_api: reader.text(&var::RUNTIME_API),
            initialization: reader
                .text(&var::INITIALIZATION_TYPE)
                .map_or_else(InitializationType::default, |text| InitializationType::from_word(&text)),
            function_name: reader.text(&var::FUNCTION_NAME),
            memory_mib: reader
                .value(&var::FUNCTION_MEMORY_SIZE, |text| text.parse().map_err(|_| ValueFault::NotAnInteger)),
        }
    }
}

// === impl InitializationType ===

impl InitializationType {
    /// Reads Lambda's word for it.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "on-demand" => Self::OnDemand,
            "provisioned-concurrency" => Self::ProvisionedConcurrency,
            "snap-start" => Self::SnapStart,
            "lambda-managed-instances" => Self::ManagedInstances,
            _ => Self::Other,
        }
    }
}
