//! How AWS is asked for secrets, with the variables that its SDKs go by.

use super::reader::Reader;
use super::remote::{RemoteAddress, without_secrets};
use super::variable::{self as var, Variable};
use super::warning::ValueFault;
use crate::secret::Secret;
use crate::secret::arn::Service;

/// How AWS is asked for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsConfig {
    /// Whose requests they are.
    pub keys: KeySource,
    secrets_manager: Option<RemoteAddress>,
    parameter_store: Option<RemoteAddress>,
}

/// Where the keys come from that requests are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// There are none.
    None,
    /// The environment has them.
    Stated(Keys),
    /// Lambda hands them out: under `SnapStart`, where those of the snapshot would be stale.
    Container {
        /// Where to ask.
        address: RemoteAddress,
        /// What to show for it.
        token: Option<Secret>,
    },
}

/// The keys of a role or of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Which keys they are.
    pub id: String,
    /// What requests are signed with.
    pub secret: Secret,
    /// What temporary keys come with.
    pub session_token: Option<Secret>,
}

// === impl AwsConfig ===

impl AwsConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let any = address(reader, &var::AWS_ENDPOINT_URL);
        let mut own = |variable| address(reader, variable).or_else(|| any.clone());
        let secrets_manager = own(&var::AWS_ENDPOINT_URL_SECRETS_MANAGER);
        let parameter_store = own(&var::AWS_ENDPOINT_URL_SSM);
        Self { keys: KeySource::read(reader), secrets_manager, parameter_store }
    }

    /// Where to ask `service`, if not where it answers for the region.
    #[must_use]
    pub const fn endpoint(&self, service: Service) -> Option<&RemoteAddress> {
        match service {
            Service::SecretsManager => self.secrets_manager.as_ref(),
            Service::ParameterStore => self.parameter_store.as_ref(),
        }
    }
}

// === impl KeySource ===

impl KeySource {
    fn read(reader: &mut Reader<'_>) -> Self {
        let id = reader.text(&var::AWS_ACCESS_KEY_ID);
        let secret = reader.text(&var::AWS_SECRET_ACCESS_KEY).map(Secret::new);
        if let (Some(id), Some(secret)) = (id, secret) {
            let session_token = reader.text(&var::AWS_SESSION_TOKEN).map(Secret::new);
            return Self::Stated(Keys { id, secret, session_token });
        }
        let Some(address) = address(reader, &var::AWS_CONTAINER_CREDENTIALS_FULL_URI) else {
            return Self::None;
        };
        let token = reader.text(&var::AWS_CONTAINER_AUTHORIZATION_TOKEN).map(Secret::new);
        Self::Container { address, token }
    }
}

fn address(reader: &mut Reader<'_>, variable: &'static Variable) -> Option<RemoteAddress> {
    let value = reader.raw(variable.name)?;
    let parsed = match value.to_str() {
        Some(text) => RemoteAddress::parse(text).map_err(|_| ValueFault::NotAUrl),
        None => Err(ValueFault::NotUtf8),
    };
    // People put passwords into addresses of every kind.
    let shown = || without_secrets(value.to_string_lossy().trim());
    parsed.map_err(|fault| reader.invalid(variable, &shown(), fault)).ok()
}
