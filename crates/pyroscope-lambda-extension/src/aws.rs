//! Secrets Manager and the Parameter Store of AWS, as far as one secret is read from them.
//!
//! # Layout
//! - `call`: what is asked and what the answer means: pure
//! - `signature`: AWS's own signature of a request
//! - `container`: keys that Lambda hands out
//! - `exchange`: one request over a connection of its own
//! - `json`: values of JSON objects, wiped when they are dropped
//!
//! A connection is made for each secret and closed behind it: the next secret is an hour away.

mod call;
mod container;
mod exchange;
mod json;
mod signature;

use std::sync::Arc;

use self::exchange::exchange;
use crate::clock::Clock;
use crate::config::{AwsConfig, KeySource, Keys, NetworkSettings, Proxies, RemoteAddress};
use crate::connection::Connector;
use crate::net::Dial;
use crate::secret::Secret;
use crate::secret::arn::SecretArn;
use crate::secret::fault::Fault;

/// The way to AWS.
#[derive(Debug)]
pub struct Client {
    network: Arc<dyn Dial>,
    settings: NetworkSettings,
    config: AwsConfig,
    clock: Clock,
}

// === impl Client ===

impl Client {
    /// A client that reaches AWS over `network`, by the proxies and the authorities of `settings`.
    #[must_use]
    pub fn new(network: Arc<dyn Dial>, settings: &NetworkSettings, config: AwsConfig, clock: Clock) -> Self {
        Self { network, settings: settings.for_other_servers(), config, clock }
    }

    /// Reads the secret that `arn` names, decrypted.
    ///
    /// The caller bounds the time that it may take.
    ///
    /// # Errors
    /// Where AWS can't be reached or refuses, or what is kept there is no such secret.
    pub async fn read(&self, arn: &SecretArn) -> Result<Secret, Fault> {
        let keys = self.keys().await?;
        let stated = self.config.endpoint(arn.service()).cloned();
        let address = stated.map_or_else(|| RemoteAddress::parse(&arn.endpoint()), Ok);
        let address = address.map_err(Fault::request)?;
        let request = call::request(arn, &address, &keys, self.clock.now().wall)?;
        let answer = exchange(&self.connector(&address, self.settings.proxies.clone())?, request).await?;
        call::secret(arn, &answer)
    }

    /// The keys are asked for anew each time: those that Lambda hands out expire, and none from before a snapshot may serve
    /// behind it.
    async fn keys(&self) -> Result<Keys, Fault> {
        match &self.config.keys {
            KeySource::None => Err(Fault::NoKeys),
            KeySource::Stated(keys) => Ok(keys.clone()),
            KeySource::Container { address, token } => {
                let request = container::request(address, token.as_ref())?;
                container::keys(&exchange(&self.connector(address, Proxies::default())?, request).await?)
            }
        }
    }

    fn connector(&self, address: &RemoteAddress, proxies: Proxies) -> Result<Connector, Fault> {
        let settings = NetworkSettings { proxies, ..self.settings.clone() };
        Connector::try_new(Arc::clone(&self.network), address, &settings).map_err(Fault::request)
    }
}
