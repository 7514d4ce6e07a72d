//! What is set, as it may be shown.

use std::ffi::OsString;
use std::fmt;

use super::remote::without_secrets;
use super::variable::{VARIABLES, Variable};
use super::warning::shortened;

/// A variable that is set. Its value is shown as far as it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The variable's name.
    pub name: &'static str,
    value: Option<String>,
}

/// The variables that are set in this process's environment, in the order of the table.
#[must_use]
pub fn shown_from_process() -> Vec<Shown> {
    shown(|name| std::env::var_os(name))
}

/// The variables that `env` answers for, in the order of the table.
pub fn shown(env: impl Fn(&str) -> Option<OsString>) -> Vec<Shown> {
    VARIABLES.iter().filter_map(|variable| Some(Shown::of(variable, &env(variable.name)?))).collect()
}

// === impl Shown ===

impl Shown {
    fn of(variable: &Variable, value: &OsString) -> Self {
        let value = value.to_string_lossy();
        // Whatever the variable, an address may come with a password.
        let address = value.contains("://") || value.contains('@');
        let plain = || shortened(&if address { without_secrets(&value) } else { value.to_string() });
        let hidden = variable.secret || is_misplaced(variable.name, &value);
        Self { name: variable.name, value: (value.is_empty() || !hidden).then(plain) }
    }
}

/// Whether the value is no place that a secret can be in: people put the secret itself there.
fn is_misplaced(name: &str, value: &str) -> bool {
    let place = |end| {
        ["PYROSCOPE_AUTH_TOKEN", "PYROSCOPE_BASIC_AUTH_PASSWORD"].map(|secret| format!("{secret}{end}"))
    };
    (place("_FILE").iter().any(|place| place == name) && !value.starts_with('/'))
        || (place("_ARN").iter().any(|place| place == name) && !value.starts_with("arn:"))
}

impl fmt::Display for Shown {
    /// The value: in quotes, or that it is hidden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{value:?}"),
            None => f.write_str("(hidden)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_shown_but_for_its_secrets() {
        let set = [
            ("PYROSCOPE_REMOTE_ADDRESS", "https://user:s3cret@host/?key=s3cret"),
            ("PYROSCOPE_AUTH_TOKEN", "s3cret"),
            ("PYROSCOPE_AUTH_TOKEN_FILE", "s3cret"),
            ("PYROSCOPE_AUTH_TOKEN_ARN", "s3cret"),
            ("PYROSCOPE_BASIC_AUTH_PASSWORD_FILE", "/run/password"),
            ("PYROSCOPE_BASIC_AUTH_PASSWORD_ARN", "arn:aws:ssm:eu-west-1:1:parameter/p"),
            ("PYROSCOPE_BASIC_AUTH_USER", ""),
            ("PYROSCOPE_TENANT_ID", "team \"a\""),
            ("UNRELATED", "s3cret"),
        ];
        let env = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).into());
        let lines: Vec<_> = shown(env).iter().map(|shown| format!("{}={shown}", shown.name)).collect();
        assert_eq!(
            lines,
            [
                r#"PYROSCOPE_REMOTE_ADDRESS="https://…@host/?…""#,
                "PYROSCOPE_AUTH_TOKEN=(hidden)",
                "PYROSCOPE_AUTH_TOKEN_FILE=(hidden)",
                "PYROSCOPE_AUTH_TOKEN_ARN=(hidden)",
                r#"PYROSCOPE_BASIC_AUTH_USER="""#,
                r#"PYROSCOPE_BASIC_AUTH_PASSWORD_FILE="/run/password""#,
                r#"PYROSCOPE_BASIC_AUTH_PASSWORD_ARN="arn:aws:ssm:eu-west-1:1:parameter/p""#,
                r#"PYROSCOPE_TENANT_ID="team \"a\"""#,
            ]
        );
    }
}
