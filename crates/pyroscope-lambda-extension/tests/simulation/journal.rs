//! All that happened, in order.

use std::fmt;
use std::time::Duration;

use pyroscope_lambda_extension::backlog::Counts;

use crate::remote::Answer;

/// The number of a profile, in the order in which the function made them.
pub(crate) type Profile = u32;

/// The number of a request that the remote has read whole.
pub(crate) type Arrival = u32;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    /// The SDK has its 200.
    Acknowledged(Profile),
    /// The SDK has anything but a 200.
    NotTaken(Profile),
    /// The extension opens a connection to the remote.
    Dialled,
    /// The remote has read a whole profile.
    Arrived { profile: Profile, arrival: Arrival, answer: Answer },
    /// The extension has read the head of the answer to an arrival.
    Answered(Arrival),
    /// The environment stood still for so long.
    Froze { pause: Duration, monotonic_time_ran: bool },
    /// The function is invoked.
    Invoked,
    /// The function has answered.
    Responded,
    /// The extension asked for its next event, so long after the invocation.
    AskedNext { held: Duration },
    /// The environment is told to end.
    ShutDown,
    /// The extension has ended.
    Ended(Counts),
    /// The script did something to the remote or to the network.
    Script(&'static str),
}

/// An event, and when it was in the world's own time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) at: Duration,
    pub(crate) event: Event,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.3} s  {:?}", self.at.as_secs_f64(), self.event)
    }
}
