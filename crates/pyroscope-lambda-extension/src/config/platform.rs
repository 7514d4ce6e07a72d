//! What Lambda itself says about the function.

use super::reader::Reader;
use super::variable as var;
use super::warning::ValueFault;

/// What Lambda says. Nothing in it is certain: emulators leave much of it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// Where the Extensions API is: `host:port`, or a whole URL from some tools.
    pub runtime_api: Option<String>,
    /// The function's name.
    pub function_name: Option<String>,
    /// The function's version: a number, or `$LATEST`.
    pub function_version: Option<String>,
    /// The region that it runs in.
    pub region: Option<String>,
    /// How the environment was made.
    pub initialization: InitializationType,
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
            function_name: reader.text(&var::FUNCTION_NAME),
            function_version: reader.text(&var::FUNCTION_VERSION),
            region: reader.text(&var::REGION),
            initialization: reader
                .text(&var::INITIALIZATION_TYPE)
                .map_or_else(InitializationType::default, |text| InitializationType::from_word(&text)),
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
        [Self::OnDemand, Self::ProvisionedConcurrency, Self::SnapStart, Self::ManagedInstances]
            .into_iter()
            .find(|initialization| initialization.word() == Some(word))
            .unwrap_or(Self::Other)
    }

    /// Lambda's word for it, if it is known.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::OnDemand => Some("on-demand"),
            Self::ProvisionedConcurrency => Some("provisioned-concurrency"),
            Self::SnapStart => Some("snap-start"),
            Self::ManagedInstances => Some("lambda-managed-instances"),
            Self::Other => None,
        }
    }
}
