//! The configuration: every environment variable that the extension reads, and nothing else reads one.
//!
//! # Layout
//! - `variable`: the table that parsing, `--help` and the docs all come from
//! - `warning`: what is said about a value that can't be used
//! - `reader`: looks variables up and collects the warnings
//! - `go_value`: booleans and durations as Go writes them
//! - `remote`: where profiles go
//! - `credentials`: how the extension proves who it is
//! - `aws`: how AWS is asked for secrets
//! - `headers`: extra headers for the remote
//! - `labels`: labels for every profile
//! - `network`: the way to servers: `proxy`, with what `no_proxy` leaves out, and TLS
//! - `flush`: when `/event/next` is held
//! - `logging`: what log lines look like
//! - `platform`: what Lambda itself says
//! - `shown`: what is set, as it may be shown
//! - `help`: `--help`, `--version` and the table for the README
//!
//! A bad value never ends the extension: it would end the function too. It becomes a [`Warning`], and the default
//! stands in for it. The address of the remote is the exception: profiles must not go to a stranger because of a
//! typing error, so a bad one is kept as the error that it is. So is a bad proxy, until it is known whether it matters.

mod aws;
mod credentials;
mod flush;
mod go_value;
mod headers;
mod help;
mod labels;
mod logging;
mod network;
mod no_proxy;
mod platform;
mod proxy;
mod reader;
mod remote;
mod shown;
mod variable;
mod warning;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

pub use self::aws::{AwsConfig, KeySource, Keys};
pub use self::credentials::{Authentication, Credentials};
pub use self::flush::{FlushConfig, FlushStrategy};
pub use self::go_value::{parse_bool, parse_duration};
pub(crate) use self::help::push_wrapped;
pub use self::help::{help_text, markdown_table, version_text};
pub use self::logging::{FieldNames, LogConfig, LogFormat};
pub use self::network::{CertificateFile, Identity, NetworkSettings, TlsSettings};
pub use self::no_proxy::NoProxy;
pub use self::platform::{InitializationType, Platform};
pub use self::proxy::{BadProxy, Proxies, Proxy};
pub use self::remote::{RemoteAddress, RemoteAddressError, RemoteAddressFault, Scheme};
pub use self::shown::{Shown, shown, shown_from_process};
pub use self::variable::{Group, Unset, VARIABLES, Variable};
pub use self::warning::{HeaderFault, Instead, ShownName, ShownValue, ValueFault, Warning};

use self::reader::Reader;
use self::variable as var;
use crate::labels::LabelSet;

/// The most uploads that may be under way at once.
const MAX_WORKERS: usize = 64;
const MIB: usize = 1 << 20;
/// A queue smaller than this could not hold one ordinary profile.
const MIN_QUEUE_BYTES: u64 = 64 << 10;

/// Everything that can be set. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where profiles go, or why that is not known. With an error, profiles are refused and the reason is logged;
    /// there is no falling back to the default address.
    pub remote: Result<RemoteAddress, RemoteAddressError>,
    /// How requests to the remote are authenticated.
    pub credentials: Credentials,
    /// How AWS is asked for a secret, where one is kept there.
    pub aws: Option<AwsConfig>,
    /// The value of `X-Scope-OrgID`, for multi-tenant servers.
    pub tenant_id: Option<HeaderValue>,
    /// Extra headers for every request to the remote, all marked as sensitive. None describes the connection or the
    /// body; `authorization` and `x-scope-orgid` may be among them.
    pub headers: HeaderMap,
    /// Labels for every profile, besides the session id.
    pub labels: LabelSet,
    /// The way to the remote: proxies and TLS.
    pub network: NetworkSettings,
    /// The longest that one attempt at the remote may take.
    pub timeout: Duration,
    /// How many uploads may be under way at once.
    pub workers: NonZeroUsize,
    /// When the next event is not asked for, so that uploads can finish.
    pub flush: FlushConfig,
    /// How many bytes of profiles may wait in memory.
    pub queue_bytes: usize,
    /// Where a shutdown leaves what it could not deliver; none turns the spool off.
    pub spool_dir: Option<PathBuf>,
    /// The port on localhost that profilers post to; 0 takes any free one.
    pub port: u16,
    /// Whether the extension profiles itself.
    pub self_profiling: bool,
    /// Whether to write metrics, in the embedded metric format of CloudWatch.
    pub metrics: bool,
    /// Whether to run without a Lambda: no registration, until a signal comes.
    pub dev_mode: bool,
    /// What log lines look like.
    pub log: LogConfig,
    /// What Lambda says about the function.
    pub platform: Platform,
}

// === impl Config ===

impl Config {
    /// Reads the configuration through `env`, which answers with a variable's value.
    ///
    /// Never fails: what can't be used is told in the warnings, which are to be logged once. A bad remote address is
    /// in [`Config::remote`], not in the warnings.
    pub fn from_env(env: impl Fn(&str) -> Option<OsString>) -> (Self, Vec<Warning>) {
        let mut reader = Reader::new(&env);
        let config = Self::read(&mut reader);
        (config, reader.into_warnings())
    }

    /// Reads the configuration from this process's environment.
    #[must_use]
    pub fn from_process() -> (Self, Vec<Warning>) {
        Self::from_env(|name| std::env::var_os(name))
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let remote = remote::read(reader);
        let userinfo = remote.as_ref().ok().and_then(RemoteAddress::userinfo);
        let platform = Platform::read(reader);
        let port = reader
            .value(&var::PORT, |text| text.parse().map_err(|_| ValueFault::NotAPort))
            .unwrap_or_default();
        let credentials = Credentials::read(reader, userinfo);
        Self {
            aws: credentials.are_at_aws().then(|| AwsConfig::read(reader)),
            credentials,
            remote: remote.and_then(|remote| remote.unless_own(port)),
            tenant_id: reader.value(&var::TENANT_ID, |text| {
                HeaderValue::from_str(text).map_err(|_| ValueFault::NotAHeaderValue)
            }),
            headers: headers::read(reader),
            labels: labels::read(reader, &platform),
            network: NetworkSettings::read(reader),
            timeout: reader.value(&var::TIMEOUT, go_value::positive_duration).unwrap_or_default(),
            workers: workers(reader),
            flush: FlushConfig::read(reader),
            queue_bytes: queue_bytes(reader, platform.memory_mib),
            spool_dir: spool_dir(reader),
            port,
            self_profiling: reader.value(&var::SELF_PROFILING, parse_bool).unwrap_or_default(),
            metrics: reader.value(&var::METRICS, metrics).unwrap_or_default(),
            dev_mode: reader.value(&var::DEV_MODE, parse_bool).unwrap_or_default(),
            log: LogConfig::read(reader),
            platform,
        }
    }
}

impl Default for Config {
    /// The configuration of an empty environment.
    fn default() -> Self {
        Self::from_env(|_| None).0
    }
}

fn workers(reader: &mut Reader<'_>) -> NonZeroUsize {
    let workers = reader.value(&var::NUM_WORKERS, |text| {
        let number: i64 = text.parse().map_err(|_| ValueFault::NotAnInteger)?;
        if number < 1 {
            return Err(ValueFault::NotPositive);
        }
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    });
    let workers = workers.unwrap_or(1);
    if workers > MAX_WORKERS {
        reader.warn(Warning::TooManyWorkers { workers, limit: MAX_WORKERS });
    }
    NonZeroUsize::new(workers.min(MAX_WORKERS)).unwrap_or(NonZeroUsize::MIN)
}

fn queue_bytes(reader: &mut Reader<'_>, memory_mib: Option<u32>) -> usize {
    let set = reader.value(&var::QUEUE_BYTES, |text| {
        let bytes = go_value::parse_bytes(text)?;
        if bytes < MIN_QUEUE_BYTES {
            return Err(ValueFault::QueueTooSmall);
        }
        usize::try_from(bytes).map_err(|_| ValueFault::TooLarge)
    });
    set.unwrap_or_else(|| default_queue_bytes(memory_mib))
}

/// An eighth of the function's memory, within bounds: enough for an outage of minutes, too little to starve the function.
fn default_queue_bytes(memory_mib: Option<u32>) -> usize {
    let Some(memory_mib) = memory_mib else { return 16 * MIB };
    let memory_mib = usize::try_from(memory_mib).unwrap_or(usize::MAX);
    (memory_mib.saturating_mul(MIB) / 8).clamp(4 * MIB, 64 * MIB)
}

fn metrics(text: &str) -> Result<bool, ValueFault> {
    match text.to_ascii_lowercase().as_str() {
        "emf" => Ok(true),
        "off" => Ok(false),
        _ => Err(ValueFault::NotAChoice),
    }
}

fn spool_dir(reader: &mut Reader<'_>) -> Option<PathBuf> {
    // The one variable whose empty value means something: no spool.
    if reader.is_set_to_nothing(&var::SPOOL_DIR) {
        return None;
    }
    reader.path(&var::SPOOL_DIR)
}
