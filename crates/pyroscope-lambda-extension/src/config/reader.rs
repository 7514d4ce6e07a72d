//! Looks variables up and collects the warnings.

use std::ffi::OsString;
use std::path::PathBuf;

use super::variable::{Unset, Variable};
use super::warning::{Instead, ShownValue, ValueFault, Warning};

/// The environment, with what had to be said about it.
pub(super) struct Reader<'env> {
    env: &'env dyn Fn(&str) -> Option<OsString>,
    warnings: Vec<Warning>,
}

// === impl Reader ===

impl<'env> Reader<'env> {
    pub(super) fn new(env: &'env dyn Fn(&str) -> Option<OsString>) -> Self {
        Self { env, warnings: Vec::new() }
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.warnings
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// Whether the variable is there and empty.
    pub(super) fn is_set_to_nothing(&self, variable: &Variable) -> bool {
        (self.env)(variable.name).is_some_and(|value| value.is_empty())
    }

    /// The value as it is, unless it is empty.
    pub(super) fn raw(&self, name: &str) -> Option<OsString> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// The value as text, exactly as it was set.
    pub(super) fn text(&mut self, variable: &'static Variable) -> Option<String> {
        self.text_as(variable, variable.name)
    }

    /// The value of a variable that goes by another name as well.
    pub(super) fn text_as(&mut self, variable: &'static Variable, name: &str) -> Option<String> {
        match self.raw(name)?.into_string() {
            Ok(text) => Some(text),
            Err(value) => {
                self.invalid(variable, &value.to_string_lossy(), ValueFault::NotUtf8);
                None
            }
        }
    }

    /// The value as `parse` reads it without the white space around it, or what holds while the variable is unset.
    pub(super) fn value<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl Fn(&str) -> Result<T, ValueFault>,
    ) -> Option<T> {
        self.set_value(variable, &parse).or_else(|| match variable.unset {
            Unset::Value(default) => parse(default).ok(),
            Unset::Means(_) => None,
        })
    }

    /// The same, but nothing while the variable is unset.
    pub(super) fn set_value<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl Fn(&str) -> Result<T, ValueFault>,
    ) -> Option<T> {
        let text = self.text(variable)?;
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.invalid(variable, &text, fault);
                None
            }
        }
    }

    /// An absolute path. It need not be UTF-8: the file system doesn't ask for that.
    pub(super) fn path(&mut self, variable: &'static Variable) -> Option<PathBuf> {
        if let Some(path) = self.raw(variable.name).map(PathBuf::from) {
            if path.is_absolute() {
                return Some(path);
            }
            self.invalid(variable, &path.to_string_lossy(), ValueFault::NotAbsolute);
        }
        match variable.unset {
            Unset::Value(default) => Some(PathBuf::from(default)),
            Unset::Means(_) => None,
        }
    }

    /// Notes a value that can't be used.
    pub(super) fn invalid(&mut self, variable: &'static Variable, value: &str, fault: ValueFault) {
        self.warn(Warning::Invalid {
            variable: variable.name,
            value: if variable.secret { ShownValue::hidden() } else { ShownValue::of(value) },
            fault,
            instead: match variable.unset {
                Unset::Value(default) => Instead::Using(default),
                Unset::Means(_) => Instead::NotUsed,
            },
            write: variable.write,
        });
    }
}
