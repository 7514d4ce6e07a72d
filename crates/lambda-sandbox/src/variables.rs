//! Which environment variables each side sees, as Lambda's developer guide lists them.

use std::ffi::OsString;
use std::path::Path;

use crate::settings::{InitializationType, Settings, Side};

/// What Lambda sets `PATH` to.
const LAMBDA_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/bin";

/// With which the credentials of an environment from a snapshot are asked for.
pub(crate) const CREDENTIALS_TOKEN: &str = "sandbox-token";

/// The variables of one side, in the order in which they are set: a later one replaces an earlier one.
///
/// `api` is the `host:port` of the two APIs, `tmp` the directory that stands for `/tmp`.
pub(crate) fn variables(settings: &Settings, side: Side, api: &str, tmp: &Path) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> = Vec::new();
    let mut set = |name: &str, value: OsString| variables.push((name.into(), value));

    // An interpreter of this machine is seldom where Lambda has its own.
    set("PATH", std::env::var_os("PATH").unwrap_or_else(|| LAMBDA_PATH.into()));
    set("TZ", ":UTC".into());
    set("TMPDIR", tmp.into());
    set("AWS_REGION", settings.region.clone().into());
    set("AWS_DEFAULT_REGION", settings.region.clone().into());
    if settings.initialization == InitializationType::SnapStart {
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{api}/2021-04-23/credentials").into());
        set("AWS_CONTAINER_AUTHORIZATION_TOKEN", CREDENTIALS_TOKEN.into());
    } else {
        set("AWS_ACCESS_KEY_ID", "sandbox".into());
        set("AWS_SECRET_ACCESS_KEY", "sandbox".into());
        set("AWS_SESSION_TOKEN", "sandbox".into());
    }
    set("AWS_LAMBDA_FUNCTION_NAME", settings.function_name.clone().into());
    set("AWS_LAMBDA_FUNCTION_VERSION", settings.function_version.clone().into());
    set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_mb.to_string().into());
    set("AWS_LAMBDA_INITIALIZATION_TYPE", settings.initialization.as_str().into());
    set("AWS_LAMBDA_RUNTIME_API", api.into());

    if side == Side::Runtime {
        set("LANG", "en_US.UTF-8".into());
        set("_HANDLER", settings.handler.clone().into());
        set("LAMBDA_TASK_ROOT", task_root(settings).into());
        set("LAMBDA_RUNTIME_DIR", "/var/runtime".into());
        set("AWS_EXECUTION_ENV", "AWS_Lambda_sandbox".into());
        set("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", settings.function_name).into());
        set("AWS_LAMBDA_LOG_STREAM_NAME", format!("sandbox/[{}]", settings.function_version).into());
        set("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".into());
        if settings.is_managed() {
            set("AWS_LAMBDA_MAX_CONCURRENCY", "16".into());
        }
    }

    for variable in &settings.variables {
        let for_this_side = match variable.side {
            Side::Both => side == Side::Runtime || !variable.name.as_encoded_bytes().starts_with(b"_"),
            one => one == side,
        };
        if for_this_side {
            variables.push((variable.name.clone(), variable.value.clone()));
        }
    }
    variables
}

/// The function's directory: as given, or this process's own.
pub(crate) fn task_root(settings: &Settings) -> std::path::PathBuf {
    settings.task_root.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_else(|| "/".into())
}
