//! The table of variables.

use Group::{Delivery, Extension, Labels, Log, Network, Platform, Remote};
use Unset::{Means, Value};

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The heading that it stands under.
    pub group: Group,
    /// What holds while it is unset.
    pub unset: Unset,
    /// What can be written, for the person who wrote something else.
    pub write: &'static str,
    /// What it is for, in one line.
    pub meaning: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
}

/// What a variable is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The server that receives profiles.
    Remote,
    /// The way to it: proxies and TLS.
    Network,
    /// Labels that profiles get on their way.
    Labels,
    /// How and when profiles are delivered.
    Delivery,
    /// The extension itself.
    Extension,
    /// Log lines.
    Log,
    /// Set by Lambda, not by people.
    Platform,
}

/// What holds while a variable is unset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// The same as this value.
    Value(&'static str),
    /// Something that no value says, in words.
    Means(&'static str),
}

// === impl Group ===

impl Group {
    /// All of them, in the order that people read them.
    pub const ALL: [Self; 7] = [Remote, Network, Labels, Delivery, Extension, Log, Platform];

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Remote => "Where profiles go",
            Network => "Proxies and TLS",
            Labels => "What they are labelled with",
            Delivery => "How they are delivered",
            Extension => "The extension itself",
            Log => "Its log",
            Platform => "Set by Lambda",
        }
    }
}

// === impl Unset ===

impl Unset {
    /// The value or the words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Value(text) | Means(text) => text,
        }
    }
}

/// Declares each variable and puts it into the table, so that none can be forgotten there.
macro_rules! variables {
    ($($id:ident: $group:ident, $name:literal, $unset:expr, $write:literal, $meaning:literal $(, $secret:ident)?;)*) => {
        $(
            #[doc = $meaning]
            pub(super) static $id: Variable = Variable {
                name: $name, group: $group, unset: $unset, write: $write, meaning: $meaning,
                secret: variables!(@secret $($secret)?),
            };
        )*

        /// Every variable that the extension reads, group by group.
        pub static VARIABLES: &[&Variable] = &[$(&$id),*];
    };
    (@secret secret) => { true };
    (@secret) => { false };
}

variables! {
    REMOTE_ADDRESS: Remote, "PYROSCOPE_REMOTE_ADDRESS", Value("https://profiles-prod-001.grafana.net"),
        "https://profiles.example.com or http://10.0.0.1:4040",
        "the Pyroscope server that profiles go to, with its scheme; may have a port and a base path";
    AUTH_TOKEN: Remote, "PYROSCOPE_AUTH_TOKEN", Means("none"),
        "the token alone, on one line",
        "token for `Authorization: Bearer`; wins over basic authentication", secret;
    AUTH_TOKEN_FILE: Remote, "PYROSCOPE_AUTH_TOKEN_FILE", Means("none"),
        "an absolute path",
        "file with the token, in place of `PYROSCOPE_AUTH_TOKEN`; one newline at its end is left out";
    AUTH_TOKEN_ARN: Remote, "PYROSCOPE_AUTH_TOKEN_ARN", Means("none"),
        "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, with #KEY for a value of a JSON object, or arn:aws:ssm:REGION:ACCOUNT:parameter/NAME",
        "ARN of the token in Secrets Manager or the Parameter Store, in place of `PYROSCOPE_AUTH_TOKEN`; with `#key` it is that value of a JSON object";
    BASIC_AUTH_USER: Remote, "PYROSCOPE_BASIC_AUTH_USER", Means("none"),
        "the user's name",
        "user for HTTP basic authentication; on Grafana Cloud the stack's user", secret;
    BASIC_AUTH_PASSWORD: Remote, "PYROSCOPE_BASIC_AUTH_PASSWORD", Means("none"),
        "the password",
        "password for HTTP basic authentication; on Grafana Cloud an API key", secret;
    BASIC_AUTH_PASSWORD_FILE: Remote, "PYROSCOPE_BASIC_AUTH_PASSWORD_FILE", Means("none"),
        "an absolute path",
        "file with the password, in place of `PYROSCOPE_BASIC_AUTH_PASSWORD`; one newline at its end is left out";
    BASIC_AUTH_PASSWORD_ARN: Remote, "PYROSCOPE_BASIC_AUTH_PASSWORD_ARN", Means("none"),
        "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, with #KEY for a value of a JSON object, or arn:aws:ssm:REGION:ACCOUNT:parameter/NAME",
        "ARN of the password in Secrets Manager or the Parameter Store, in place of `PYROSCOPE_BASIC_AUTH_PASSWORD`; with `#key` it is that value of a JSON object";
    TENANT_ID: Remote, "PYROSCOPE_TENANT_ID", Means("none"),
        "a tenant's name in ASCII",
        "tenant, sent as `X-Scope-OrgID`, for multi-tenant servers";
    HTTP_HEADERS: Remote, "PYROSCOPE_HTTP_HEADERS", Value("{}"),
        "a JSON object of strings: {\"X-Header\":\"Value\"}",
        "extra headers for each request, as a JSON object: `{\"X-Header\":\"Value\"}`", secret;

    HTTPS_PROXY: Network, "HTTPS_PROXY", Means("none"),
        "http://proxy.example.com:3128",
        "proxy for an `https` remote: `http://user:password@host:port`, or `https` for TLS to the proxy itself; also read as `https_proxy`", secret;
    HTTP_PROXY: Network, "HTTP_PROXY", Means("none"),
        "http://proxy.example.com:3128",
        "the same for an `http` remote; also read as `http_proxy`", secret;
    NO_PROXY: Network, "NO_PROXY", Means("none"),
        "names, addresses and ranges, separated by commas",
        "what is reached without a proxy: `*`, or names, addresses and ranges, separated by commas; also read as `no_proxy`";
    TLS_CA_FILE: Network, "PYROSCOPE_TLS_CA_FILE", Means("none"),
        "the path of a PEM file",
        "PEM file with certificate authorities that are trusted besides the built-in ones";
    SSL_CERT_FILE: Network, "SSL_CERT_FILE", Means("none"),
        "the path of a PEM file",
        "the same, under the name that other programs read, too";
    TLS_CERT_FILE: Network, "PYROSCOPE_TLS_CERT_FILE", Means("none"),
        "the path of a PEM file",
        "PEM file with the certificate, and its chain, that is shown to a server that asks for one";
    TLS_KEY_FILE: Network, "PYROSCOPE_TLS_KEY_FILE", Means("`PYROSCOPE_TLS_CERT_FILE` has the key, too"),
        "the path of a PEM file",
        "PEM file with its private key: PKCS#8, PKCS#1 or SEC1, not encrypted";
    TLS_INSECURE_SKIP_VERIFY: Network, "PYROSCOPE_TLS_INSECURE_SKIP_VERIFY", Value("false"),
        "true or false",
        "do not check the remote's certificate: anybody on the way can read and change what is sent";
    AWS_ENDPOINT_URL: Network, "AWS_ENDPOINT_URL", Means("AWS's own, by the ARN's region"),
        "https://vpce-1234.example.com",
        "where secrets are asked for, for any service that has no such variable of its own";
    AWS_ENDPOINT_URL_SECRETS_MANAGER: Network, "AWS_ENDPOINT_URL_SECRETS_MANAGER", Means("`AWS_ENDPOINT_URL`"),
        "https://vpce-1234.secretsmanager.us-east-1.vpce.amazonaws.com",
        "where Secrets Manager is asked";
    AWS_ENDPOINT_URL_SSM: Network, "AWS_ENDPOINT_URL_SSM", Means("`AWS_ENDPOINT_URL`"),
        "https://vpce-1234.ssm.us-east-1.vpce.amazonaws.com",
        "where the Parameter Store is asked";

    LABELS: Labels, "PYROSCOPE_LABELS", Means("none"),
        "name=value, with commas between several",
        "labels for every profile that does not have them: `team=a,env=prod`";
    LAMBDA_LABELS: Labels, "PYROSCOPE_LAMBDA_LABELS", Value("false"),
        "true or false",
        "label every profile with the function's name, version, region, memory, architecture and initialization type";

    TIMEOUT: Delivery, "PYROSCOPE_TIMEOUT", Value("10s"),
        "10s, 500ms, 1m30s",
        "the longest that one attempt at the remote may take";
    NUM_WORKERS: Delivery, "PYROSCOPE_NUM_WORKERS", Value("5"),
        "a number from 1 to 64",
        "how many uploads may be under way at once, 64 at most";
    FLUSH_STRATEGY: Delivery, "PYROSCOPE_FLUSH_STRATEGY", Value("auto"),
        "auto, invoke, end or background",
        "when to wait for uploads before the environment may freeze: `auto` (at each invocation, within the budget), `invoke` (at each invocation, up to its deadline), `end` (after the function has answered, within the budget) or `background` (never)";
    FLUSH_ON_INVOKE: Delivery, "PYROSCOPE_FLUSH_ON_INVOKE", Means("`PYROSCOPE_FLUSH_STRATEGY` decides"),
        "true or false",
        "`true` is the strategy `invoke`, `false` is `background`; `PYROSCOPE_FLUSH_STRATEGY` wins over it";
    FLUSH_BUDGET: Delivery, "PYROSCOPE_FLUSH_BUDGET", Value("500ms"),
        "500ms, 2s",
        "the longest that one wait for uploads may take, except with the strategy `invoke`";
    QUEUE_BYTES: Delivery, "PYROSCOPE_QUEUE_BYTES", Means("an eighth of the function's memory, from 4MiB to 64MiB"),
        "a number of bytes from 64KiB, or such as 16MiB",
        "how many bytes of profiles may wait in memory; when it is full the oldest go";
    SPOOL_DIR: Delivery, "PYROSCOPE_SPOOL_DIR", Value("/tmp/pyroscope-lambda-extension"),
        "an absolute path, or nothing to turn it off",
        "where a shutdown leaves what it could not deliver, for the next start; set it to nothing to turn that off";

    PORT: Extension, "PYROSCOPE_PORT", Value("4040"),
        "a number from 1 to 65535",
        "the port on localhost that the profiler in the function sends to";
    SELF_PROFILING: Extension, "PYROSCOPE_SELF_PROFILING", Value("false"),
        "true or false",
        "profile the extension itself";
    METRICS: Extension, "PYROSCOPE_METRICS", Value("off"),
        "off or emf",
        "`emf` writes what became of profiles to the log as metrics of CloudWatch, once a minute at most; `off` does not";
    DEV_MODE: Extension, "PYROSCOPE_DEV_MODE", Value("false"),
        "true or false",
        "run without a Lambda, until a signal comes";

    LOG_LEVEL: Log, "PYROSCOPE_LOG_LEVEL", Value("info"),
        "error, warn, info, debug or trace",
        "how much to log: `error`, `warn`, `info`, `debug` or `trace`";
    LOG_FORMAT: Log, "PYROSCOPE_LOG_FORMAT", Value("text"),
        "text or json",
        "`text` or `json`";
    LOG_TIMESTAMP_FORMAT: Log, "PYROSCOPE_LOG_TIMESTAMP_FORMAT", Value("2006-01-02T15:04:05Z07:00"),
        "how Go's reference time should look, such as 2006-01-02 15:04:05.000",
        "timestamps, as a Go time layout; in UTC";
    LOG_TIMESTAMP_DISABLE: Log, "PYROSCOPE_LOG_TIMESTAMP_DISABLE", Value("false"),
        "true or false",
        "leave timestamps out";
    LOG_TIMESTAMP_FIELD_NAME: Log, "PYROSCOPE_LOG_TIMESTAMP_FIELD_NAME", Value("time"),
        "a name without control characters",
        "what the timestamp's field is called";
    LOG_LEVEL_FIELD_NAME: Log, "PYROSCOPE_LOG_LEVEL_FIELD_NAME", Value("level"),
        "a name without control characters",
        "what the level's field is called";
    LOG_MSG_FIELD_NAME: Log, "PYROSCOPE_LOG_MSG_FIELD_NAME", Value("msg"),
        "a name without control characters",
        "what the message's field is called";
    LOG_LOGRUS_ERROR_FIELD_NAME: Log, "PYROSCOPE_LOG_LOGRUS_ERROR_FIELD_NAME", Value("logrus_error"),
        "a name without control characters",
        "a name that is kept free: another field of this name gets the prefix `fields.`";
    LOG_FUNC_FIELD_NAME: Log, "PYROSCOPE_LOG_FUNC_FIELD_NAME", Value("func"),
        "a name without control characters",
        "accepted for the sake of existing settings; lines do not say which function logged them";
    LOG_FILE_FIELD_NAME: Log, "PYROSCOPE_LOG_FILE_FIELD_NAME", Value("file"),
        "a name without control characters",
        "accepted for the sake of existing settings; lines do not say which file logged them";

    FUNCTION_NAME: Platform, "AWS_LAMBDA_FUNCTION_NAME", Means("unknown"),
        "a function's name",
        "the function's name";
    FUNCTION_VERSION: Platform, "AWS_LAMBDA_FUNCTION_VERSION", Means("unknown"),
        "a number, or $LATEST",
        "the function's version";
    REGION: Platform, "AWS_REGION", Means("unknown"),
        "a region such as eu-west-1",
        "the region that the function runs in";
    RUNTIME_API: Platform, "AWS_LAMBDA_RUNTIME_API", Means("none"),
        "host:port",
        "where the Extensions API is";
    INITIALIZATION_TYPE: Platform, "AWS_LAMBDA_INITIALIZATION_TYPE", Means("unknown"),
        "on-demand, provisioned-concurrency, snap-start or lambda-managed-instances",
        "how the environment was made";
    FUNCTION_MEMORY_SIZE: Platform, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Means("unknown"),
        "a number of MiB",
        "the function's memory in MiB";
    AWS_ACCESS_KEY_ID: Platform, "AWS_ACCESS_KEY_ID", Means("none"),
        "the id of an access key",
        "whose requests for secrets are; read, like those below, only where an ARN is set", secret;
    AWS_SECRET_ACCESS_KEY: Platform, "AWS_SECRET_ACCESS_KEY", Means("none"),
        "the access key itself",
        "what requests for secrets are signed with", secret;
    AWS_SESSION_TOKEN: Platform, "AWS_SESSION_TOKEN", Means("none"),
        "the token that came with the access key",
        "what temporary keys come with", secret;
    AWS_CONTAINER_CREDENTIALS_FULL_URI: Platform, "AWS_CONTAINER_CREDENTIALS_FULL_URI", Means("none"),
        "http://127.0.0.1:9001/path",
        "where the keys are handed out under SnapStart, in place of those above";
    AWS_CONTAINER_AUTHORIZATION_TOKEN: Platform, "AWS_CONTAINER_AUTHORIZATION_TOKEN", Means("none"),
        "the token alone, on one line",
        "what is shown for them", secret;
}
