//! What can be wrong with the remote.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyroscope_sink::{Answer, Behaviour, BodyFault, End, Greeting, Incoming, Loss, Raw, Reaction, Sink};

use crate::dice::Dice;
use crate::load::profile::NUMBER;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What is wrong with the remote, until the next fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// Its answers take so long.
    Slow(Duration),
    /// Nobody listens.
    Refuses,
    /// What happens before a request.
    Greets(Greeting),
    /// Bodies are not read, or not to their end.
    Body(BodyFault),
    /// Each request meets the same trouble.
    Always(Trouble),
    /// Requests meet all kinds of trouble, as the seed says, in so many of a hundred cases.
    Mixed { seed: u64, percent: u64 },
}

/// What can happen to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Hang,
    Reset,
    LoseAnswer(Loss),
    /// Try again, says the remote.
    Transient(u16),
    /// Try again after so many seconds.
    RetryAfter(u8),
    /// `/ingest` wraps what is transient inside.
    TransientInside,
    Unauthorized,
    /// Never, says the remote.
    Final(u16),
    Garbage,
    /// The answer comes a byte at a time, with so many milliseconds after each.
    Drips(u64),
    /// The status comes, and a body that never ends.
    Endless,
    EarlyHints,
    /// The answer is cut off within its status line.
    CutAnswer,
}

/// Which profiles were refused for good, on purpose.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused(Arc<Mutex<BTreeSet<u64>>>);

// === impl Fault ===

impl Fault {
    /// Any fault.
    pub(super) fn any(dice: &mut Dice) -> Self {
        match dice.within(0..=9) {
            // Never as long as an attempt, when nobody could say whether the answer came in time.
            0 => Self::Slow(Duration::from_millis(dice.one_of(&[5, 50, 200, 300, 600], 50))),
            1 => Self::Refuses,
            2 => Self::Greets(
                dice.one_of(&[Greeting::Hang, Greeting::Reset, Greeting::TlsAlert], Greeting::Hang),
            ),
            3 => Self::Body(match dice.within(0..=1) {
                0 => BodyFault::Unread,
                _ => BodyFault::ResetAfter(usize::try_from(dice.within(0..=5_000)).unwrap_or(0)),
            }),
            4..=5 => Self::Always(Trouble::lasting(dice)),
            _ => Self::Mixed { seed: dice.roll(), percent: dice.within(10..=60) },
        }
    }

    /// Makes the remote behave like this.
    pub(super) async fn impose(self, sink: &Sink, refused: &Refused) {
        let refused = refused.clone();
        sink.behave(match self {
            Self::None | Self::Refuses => Behaviour::normal(),
            Self::Slow(latency) => Behaviour::normal().latency(latency),
            Self::Greets(greeting) => Behaviour::normal().greet(greeting),
            Self::Body(fault) => Behaviour::normal().before_body(move |_| Some(fault)),
            Self::Always(trouble) => {
                Behaviour::normal().when(move |request| Some(trouble.reaction(request, &refused)))
            }
            Self::Mixed { seed, percent } => {
                let mut dice = Dice::new(seed);
                Behaviour::normal().when(move |request| {
                    dice.percent(percent).then(|| Trouble::any(&mut dice).reaction(request, &refused))
                })
            }
        });
        if self == Self::Refuses {
            sink.refuse_connections().await;
        } else {
            sink.accept_connections().await;
        }
    }
}

// === impl Trouble ===

impl Trouble {
    fn any(dice: &mut Dice) -> Self {
        match dice.within(0..=24) {
            0 => Self::Final(dice.one_of(&[400, 404, 413, 415, 422], 400)),
            1 => Self::RetryAfter(u8::from(dice.percent(30))),
            2 => Self::Unauthorized,
            3 => Self::Hang,
            _ => Self::lasting(dice),
        }
    }

    /// One that a remote may well have for a while.
    fn lasting(dice: &mut Dice) -> Self {
        match dice.within(0..=11) {
            0 => Self::Hang,
            1..=2 => Self::Reset,
            3 => Self::LoseAnswer(Loss::Reset),
            4 => Self::LoseAnswer(Loss::Hang),
            5..=6 => Self::Transient(dice.one_of(&[408, 425, 429, 499, 500, 502, 503, 504], 503)),
            7 => Self::TransientInside,
            8 => dice.one_of(&[Self::Garbage, Self::CutAnswer], Self::Garbage),
            // In time, or too slowly for a short attempt.
            9 => Self::Drips(dice.one_of(&[2, 2, 2, 40], 2)),
            10 => Self::Endless,
            _ => Self::EarlyHints,
        }
    }

    fn reaction(self, request: &Incoming, refused: &Refused) -> Reaction {
        let pause = Duration::from_millis(2);
        let answer = |code, message: &str| {
            Reaction::Answer(
                Answer::code(code).body("application/json", format!(r#"{{"message":"{message}"}}"#)),
            )
        };
        match self {
            Self::Hang => Reaction::Hang,
            Self::Reset => Reaction::Reset,
            Self::LoseAnswer(loss) => Reaction::LoseAnswer(loss),
            Self::Transient(code) => answer(code, "later"),
            Self::RetryAfter(seconds) => Reaction::Answer(Answer::code(429).retry_after(seconds.to_string())),
            Self::TransientInside => answer(422, "unavailable: no ingester"),
            Self::Unauthorized => answer(401, "who?"),
            Self::Final(code) => {
                refused.add(request);
                answer(code, "invalid_argument: never")
            }
            Self::Garbage => Reaction::Raw(Raw::new().send("\u{1}\u{2} no HTTP at all\r\n\r\n")),
            Self::CutAnswer => Reaction::Raw(Raw::new().send("HTTP/1.1 2").stored().end(End::Close)),
            Self::Drips(pause) => {
                Reaction::Raw(Raw::new().drip(OK, Duration::from_millis(pause)).stored().answered())
            }
            Self::Endless => {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
                Reaction::Raw(Raw::new().send(head).stored().answered().drip_for_ever(b'x', pause))
            }
            Self::EarlyHints => {
                let hints = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
                Reaction::Raw(Raw::new().send(hints).send(OK).stored().answered())
            }
        }
    }
}

// === impl Refused ===

impl Refused {
    fn add(&self, request: &Incoming) {
        if let Ok(number) = request.header(NUMBER).parse() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        }
    }

    /// Their numbers.
    pub(super) fn numbers(&self) -> BTreeSet<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
