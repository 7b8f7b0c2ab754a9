//! What the relay under test has been asked for: limits that differ from the spec's defaults (section 16).
//!
//! Some limits could only be reached in hours, or with so many connections that other cases would feel it. Whoever
//! starts a relay for this suite starts it with lower ones, and tells both by the same environment variables: what
//! [`RECOMMENDED`] says, printed by `burnchat-conformance limits`. A case that needs a limit the suite was not told of
//! is skipped.

use std::fmt::Write as _;
use std::str::FromStr;

use crate::case::{Outcome, Stop};

/// What is asked of a relay for the suite: the option of the reference relay, the value, and what for.
pub const RECOMMENDED: [(&str, &str, &str); 13] = [
    (
        "HANDSHAKE_MILLIS",
        "5000",
        "time to the first frame; from `joined` to the first event stream",
    ),
    (
        "IDLE_MILLIS",
        "40000",
        "from a frame to the next on a connection with a seat",
    ),
    (
        "JOINS",
        "40",
        "joins of a room; for creators a quarter more",
    ),
    (
        "KEPT_BYTES",
        "262144",
        "envelope bytes kept in a room without history",
    ),
    (
        "HISTORY_BYTES",
        "262144",
        "envelope bytes kept in a room with history",
    ),
    (
        "HISTORY_CHANGES",
        "12",
        "entries that change the roster kept in a room with history",
    ),
    ("REPLACED_TICKETS", "4", "tickets replaced and still known"),
    (
        "OPEN_EPOCHS",
        "4",
        "epochs of a room that take envelopes at once",
    ),
    (
        "ASKED_VERSIONS",
        "8",
        "versions asked for since the last keyed one",
    ),
    (
        "ROOM_ENVELOPES",
        "100:400",
        "envelopes of a room, a second and at once",
    ),
    (
        "BACKLOG_BYTES",
        "1048576",
        "bytes that wait for a reader before it is too slow",
    ),
    (
        "ALLOWED_ORIGINS",
        "https://allowed.example",
        "an origin of web pages that may speak to the relay",
    ),
    (
        "TRUSTED_PROXIES",
        "127.3.3.3",
        "a proxy that is believed when it says whom it forwards for",
    ),
];

/// The prefix of the variables.
pub const PREFIX: &str = "BURNCHAT_RELAY_";

/// The limits the suite has been told of.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    told: Vec<(&'static str, String)>,
}

impl Limits {
    /// From the environment.
    #[must_use]
    pub fn of_environment() -> Self {
        let told = RECOMMENDED.iter().filter_map(|(name, _, _)| {
            let value = std::env::var(format!("{PREFIX}{name}")).ok()?;
            Some((*name, value))
        });
        Self {
            told: told.collect(),
        }
    }

    /// What the relay was asked for; a case that needs it is skipped where it was not.
    ///
    /// # Errors
    /// [`Stop::Skipped`].
    pub fn asked<V: FromStr>(&self, name: &str) -> Outcome<V> {
        let told = self.told.iter().find(|(told, _)| *told == name);
        told.and_then(|(_, value)| value.parse().ok())
            .ok_or_else(|| {
                Stop::Skipped(format!(
                    "needs a relay that was started for it: {PREFIX}{name} is not set"
                ))
            })
    }

    /// How many a second, of a limit that has a rate and a burst; or the spec's default.
    #[must_use]
    pub fn rate(&self, name: &str, default: u64) -> u64 {
        let told = self.asked::<String>(name).ok();
        let rate = told.and_then(|told| told.split(':').next()?.parse().ok());
        rate.unwrap_or(default)
    }

    /// The same, or the spec's default.
    #[must_use]
    pub fn or(&self, name: &str, default: u64) -> u64 {
        self.asked(name).unwrap_or(default)
    }
}

/// The variables, as a shell reads them.
#[must_use]
pub fn recommended() -> String {
    let mut text = String::new();
    for (name, value, meaning) in RECOMMENDED {
        let _ = writeln!(text, "{PREFIX}{name}={value} # {meaning}");
    }
    text
}
