//! What requests to the remote are authenticated with, asked for at each attempt.
//!
//! # Layout
//! - `cache`: when a secret that is kept elsewhere is read, and how long it serves: pure
//! - `kept`: reads it, in a task of its own
//! - `file`: reads it from a file
//!
//! A secret that is kept in a file or at AWS is read when the first upload is to be sent, never before; read again after an
//! hour, and when the remote does not take it; and forgotten when the environment leaves a snapshot.

mod cache;
mod file;
mod kept;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;

use self::cache::MINUTE;
use self::kept::Kept;
use crate::clock::Clock;
use crate::config::{Config, Credentials};
use crate::net::Dial;
use crate::random::Random;
use crate::secret::Source;

/// Gives what each request is authenticated with.
#[derive(Debug)]
pub struct Provider(Kind);

#[derive(Debug)]
enum Kind {
    /// Always the same, or nothing.
    Stated(Option<HeaderValue>),
    /// What was set can't be used.
    Unusable,
    /// Read from where it is kept.
    Kept(Arc<Kept>),
}

/// There are no credentials to send anything with, and will be none for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unready {
    /// When it is worth asking again.
    pub again_in: Duration,
}

// === impl Provider ===

impl Provider {
    /// Gives the credentials that are configured. Nothing is read yet.
    #[must_use]
    pub fn new(config: &Config, network: Arc<dyn Dial>, clock: Clock, random: Arc<dyn Random>) -> Self {
        Self(match &config.credentials {
            // A header that a user states himself goes on top of all others.
            _ if config.headers.contains_key(AUTHORIZATION) => Kind::Stated(None),
            Credentials::Unusable => Kind::Unusable,
            Credentials::Secret(authentication, Source::Kept(reference)) => {
                let (authentication, reference) = (authentication.clone(), reference.clone());
                Kind::Kept(Arc::new(Kept::new(authentication, reference, config, network, clock, random)))
            }
            stated => Kind::Stated(stated.authorization()),
        })
    }

    /// The value of `Authorization` for the next request; none where no credentials are configured. Waits while it is read,
    /// for a few seconds at most.
    ///
    /// # Errors
    /// Where it can't be read. The reason is logged.
    pub async fn authorization(&self) -> Result<Option<HeaderValue>, Unready> {
        match &self.0 {
            Kind::Stated(value) => Ok(value.clone()),
            Kind::Unusable => Err(Unready { again_in: MINUTE }),
            Kind::Kept(kept) => kept.authorization().await.map(Some),
        }
    }

    /// Says that the remote does not take `value`. Tells whether another may be had by asking again.
    pub fn rejected(&self, value: Option<&HeaderValue>) -> bool {
        match (&self.0, value) {
            (Kind::Kept(kept), Some(value)) => kept.rejected(value),
            _ => false,
        }
    }

    /// The environment runs again. Where it stood still for long, the connection of a read under way may be dead.
    pub fn thaw(&self, connections_may_be_dead: bool) {
        if let Kind::Kept(kept) = &self.0 {
            kept.thaw(connections_may_be_dead);
        }
    }

    /// Forgets what was read: it is in every clone of a snapshot, and may be older than it looks.
    pub fn forget(&self) {
        if let Kind::Kept(kept) = &self.0 {
            kept.forget();
        }
    }
}
