//! What one request tells of the connection, TLS, the server, the credentials and the clock: pure.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::profile::SERVICE;
use super::settings::{NO_CREDENTIALS, authentication};
use super::step::{Finding, Step};
use crate::config::{Config, Credentials, RemoteAddress, Scheme};
use crate::connection::progress::{Progress, Stage};
use crate::remote::Answer;
use crate::remote::fault::{Fault, Skew};
use crate::remote::outcome::Cause;

/// A clock that differs by less is good enough for anything.
const EXACT: Duration = Duration::from_secs(60);
/// Profiles that are older are refused.
const WINDOW_BEHIND: Duration = Duration::from_secs(3600);
/// Profiles that are further ahead are refused.
const WINDOW_AHEAD: Duration = Duration::from_secs(600);

/// How a push of nothing went.
pub(super) struct Attempt {
    pub(super) started: Instant,
    pub(super) ended: Instant,
    /// Our clock when the answer was there.
    pub(super) now: SystemTime,
    pub(super) progress: Progress,
    pub(super) answer: Result<Answer, Cause>,
}

// === impl Attempt ===

impl Attempt {
    /// The steps from the connection to the clock.
    pub(super) fn steps(&self, address: &RemoteAddress, config: &Config) -> Vec<Step> {
        let connected = self.progress.connected().unwrap_or(self.ended);
        let secured = self.progress.secured().unwrap_or(self.ended);
        let connection = connected.saturating_duration_since(self.started);
        let tls = secured.saturating_duration_since(connected);
        let exchange = self.ended.saturating_duration_since(secured);
        let skipped = |name| Step::derived(name, Finding::Skipped("not tried"));
        let mut steps = Vec::new();

        let failed_at = self.answer.as_ref().err().map(|_| self.progress.stage());
        if failed_at == Some(Stage::Dialling) {
            steps.push(Step::timed(Step::CONNECTION, connection, self.failure()));
        } else {
            let there = format!("{} port {}", address.host(), address.port());
            steps.push(Step::timed(Step::CONNECTION, connection, Finding::Fine(there)));
        }

        steps.push(match (failed_at, address.scheme()) {
            (Some(Stage::Dialling), _) => skipped(Step::TLS),
            (Some(Stage::Securing), _) => Step::timed(Step::TLS, tls, self.failure()),
            (_, Scheme::Https) if config.network.tls.insecure => {
                let found = "not verified: PYROSCOPE_TLS_INSECURE_SKIP_VERIFY is set".to_owned();
                Step::timed(Step::TLS, tls, Finding::Doubtful(found))
            }
            (_, Scheme::Https) => {
                Step::timed(Step::TLS, tls, Finding::Fine("the certificate is trusted".to_owned()))
            }
            (_, Scheme::Http) => Step::derived(Step::TLS, in_the_clear(config)),
        });

        match (failed_at, &self.answer) {
            (Some(Stage::Dialling | Stage::Securing), _) | (None, Err(_)) => {
                steps.extend([Step::SERVER, Step::CREDENTIALS, Step::CLOCK].map(skipped));
            }
            (Some(Stage::Asking), _) => {
                steps.push(Step::timed(Step::SERVER, exchange, self.failure()));
                steps.extend([Step::CREDENTIALS, Step::CLOCK].map(skipped));
            }
            (None, Ok(answer)) => {
                let [server, credentials] = judged(answer, self.now, config);
                steps.push(Step::timed(Step::SERVER, exchange, server));
                steps.push(Step::derived(Step::CREDENTIALS, credentials));
                steps.push(Step::derived(Step::CLOCK, clock(Skew::of(&answer.headers, self.now))));
            }
        }
        steps
    }

    fn failure(&self) -> Finding {
        match &self.answer {
            Err(cause) => Finding::of_fault(Fault::of_cause(cause), cause.to_string()),
            Ok(_) => Finding::Skipped("not tried"),
        }
    }
}

/// What an answer to a push of nothing tells of the server, and of the credentials.
fn judged(answer: &Answer, now: SystemTime, config: &Config) -> [Finding; 2] {
    let fault = Fault::of_answer(answer.status, &answer.headers, &answer.body, now);
    let failed = |fault| Finding::of_fault(fault, said(answer));
    match fault {
        None => [Finding::Fine("takes pushes of profiles".to_owned()), accepted(config)],
        // The server's own words, and the code that its protocol has for them: it got as far as to look for a profile.
        Some(Fault::Invalid)
            if ["no profiles received", "\"invalid_argument\""]
                .iter()
                .any(|words| answer.body.contains(words)) =>
        {
            [Finding::Fine("takes pushes of profiles".to_owned()), accepted(config)]
        }
        Some(Fault::Unauthorized) if authentication(config) == NO_CREDENTIALS => [
            Finding::Fine("answers".to_owned()),
            Finding::Failed {
                found: "the remote asks for credentials, and there are none".to_owned(),
                said: Some(said(answer)),
                cure: Some(Fault::Unauthorized.cure()),
            },
        ],
        Some(fault @ (Fault::Unauthorized | Fault::TokenAlone | Fault::Forbidden | Fault::NoTenant)) => {
            [Finding::Fine("answers".to_owned()), failed(fault)]
        }
        Some(fault) => [failed(fault), Finding::Skipped("not tried")],
    }
}

fn accepted(config: &Config) -> Finding {
    Finding::Fine(match authentication(config) {
        NO_CREDENTIALS => "none are asked for".to_owned(),
        words => format!("accepted: {words}"),
    })
}

/// What the answer to a profile tells.
pub(super) fn profile(answer: Result<Answer, Cause>, now: SystemTime) -> Finding {
    match answer {
        Err(cause) => Finding::of_fault(Fault::of_cause(&cause), cause.to_string()),
        Ok(answer) => match Fault::of_answer(answer.status, &answer.headers, &answer.body, now) {
            // This profile is of this moment, if our clock is right.
            Some(Fault::TooOld) => Finding::of_fault(Fault::ClockSkew, said(&answer)),
            None => Finding::Fine(format!("taken: {SERVICE}{{check=\"true\"}}, 1 ms of CPU time")),
            Some(fault) => Finding::of_fault(fault, said(&answer)),
        },
    }
}

fn said(answer: &Answer) -> String {
    let (status, reason) = (answer.status, answer.reason());
    if reason.is_empty() { status.to_string() } else { format!("{status}: {reason}") }
}

fn in_the_clear(config: &Config) -> Finding {
    if matches!(config.credentials, Credentials::None) {
        Finding::Skipped("none: the address says http://")
    } else {
        Finding::Doubtful("none: the address says http://, so the credentials go in the clear".to_owned())
    }
}

fn clock(skew: Option<Skew>) -> Finding {
    let Some(skew) = skew else { return Finding::Skipped("unknown: the answer has no Date") };
    let (limit, direction) = match skew {
        Skew::Behind(_) => (WINDOW_BEHIND, "behind"),
        Skew::Ahead(_) => (WINDOW_AHEAD, "ahead of"),
    };
    let length = skew.length();
    if length < EXACT {
        return Finding::Fine("within a minute of the remote's".to_owned());
    }
    let found = format!("{} min {direction} the remote's", length.as_secs() / 60);
    if length < limit {
        return Finding::Doubtful(found);
    }
    Finding::Failed { found, said: None, cure: Some(Fault::ClockSkew.cure()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_the_server_takes() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        for (skew, judged) in [
            (Skew::Behind(Duration::from_secs(59)), "fine"),
            (Skew::Ahead(Duration::from_secs(59)), "fine"),
            (Skew::Behind(minutes(1)), "doubt: 1 min behind the remote's"),
            (Skew::Behind(minutes(59)), "doubt: 59 min behind the remote's"),
            (Skew::Behind(minutes(60)), "failed: 60 min behind the remote's"),
            (Skew::Ahead(minutes(9)), "doubt: 9 min ahead of the remote's"),
            (Skew::Ahead(minutes(10)), "failed: 10 min ahead of the remote's"),
        ] {
            let found = match clock(Some(skew)) {
                Finding::Fine(_) => "fine".to_owned(),
                Finding::Doubtful(found) => format!("doubt: {found}"),
                Finding::Failed { found, .. } => format!("failed: {found}"),
                Finding::Skipped(why) => format!("skipped: {why}"),
            };
            assert_eq!(found, judged);
        }
        assert!(matches!(clock(None), Finding::Skipped(_)));
    }
}
