//! The limits: one line for each, from the command line to the library's configuration.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use burnchat_relay::{Config, Rate};

/// Declares the options of the limits, with the place in [`Config`] that each one sets and takes its default from.
macro_rules! limits {
    ($( $(#[doc = $doc:literal])+ $name:ident ($unit:literal): $kind:ty = $($place:ident).+; )+) => {
        #[derive(Debug, clap::Args)]
        #[command(next_help_heading = "Limits")]
        pub(crate) struct LimitOptions {
            $(
                $(#[doc = $doc])+
                #[arg(long, value_name = $unit, default_value_t = <$kind>::of(Config::default().$($place).+))]
                $name: $kind,
            )+
        }

        impl LimitOptions {
            /// Sets the limits in `config`.
            pub(crate) fn apply(&self, config: &mut Config) {
                $( config.$($place).+ = self.$name.0; )+
            }
        }
    };
}

limits! {
    /// Rooms at once
    rooms ("N"): Positive<usize> = limits.rooms;
    /// Rooms of one peer at once; a peer is an IPv4 address or an IPv6 /64 network
    rooms_of_peer ("N"): Positive<usize> = limits.rooms_of_peer;
    /// Connections at once
    connections ("N"): Positive<usize> = limits.connections;
    /// Connections of one peer at once
    connections_of_peer ("N"): Positive<usize> = limits.connections_of_peer;
    /// Joins one room sees in its life
    joins ("N"): Positive<u64> = limits.joins;
    /// Joins of one peer a second, and how many at once; each worker counts for itself
    joins_of_peer ("RATE:BURST"): Bucket = limits.joins_of_peer;
    /// Time from the connection to its first frame, and for the head of a request and its body
    handshake_millis ("MS"): Positive<u64> = limits.handshake_millis;
    /// Time from a frame to the next on a connection with a seat, pings apart; 0 is for ever
    idle_millis ("MS"): Amount<u64> = limits.idle_millis;
    /// Frames a second from one connection, and how many at once
    connection_frames ("RATE:BURST"): Bucket = limits.connection_frames;
    /// Bytes a second from one connection, and how many at once
    connection_bytes ("RATE:BURST"): Bucket = limits.connection_bytes;
    /// Envelopes a second in one room, and how many at once
    room_envelopes ("RATE:BURST"): Bucket = limits.room_envelopes;
    /// Bytes of them a second in one room, and how many at once
    room_bytes ("RATE:BURST"): Bucket = limits.room_bytes;
    /// Frames refused in a row for coming too fast before the connection is closed
    refused_frames ("N"): Amount<u32> = limits.refused_frames;
    /// How long entries are kept for those who lost their connection
    kept_millis ("MS"): Positive<u64> = limits.kept_millis;
    /// Bytes of messages kept for them in one room
    kept_bytes ("BYTES"): Amount<usize> = limits.kept_bytes;
    /// Bytes of messages kept for newcomers in one room with history
    history_bytes ("BYTES"): Amount<usize> = limits.history_bytes;
    /// Changes of the roster kept for newcomers in one room with history; after more of them it has none
    history_changes ("N"): Amount<usize> = limits.history_changes;
    /// Replaced tickets of one room that are still told from wrong ones
    replaced_tickets ("N"): Amount<usize> = limits.replaced_tickets;
    /// Epochs of one room that take messages at once; after more of them the oldest ends
    open_epochs ("N"): Positive<usize> = limits.open_epochs;
    /// Changes of the roster since the last key for which a key is still taken
    asked_versions ("N"): Positive<usize> = limits.asked_versions;
    /// Workers, each with some of the rooms
    workers ("N"): Positive<usize> = workers;
    /// Bytes of memory for all rooms and what is kept in them; from three quarters of it no new room is made
    kept_bytes_in_all ("BYTES"): Amount<usize> = kept_bytes;
    /// Frames from all connections of one worker that wait to be looked at; beyond it connections are not read
    inbound_frames ("N"): Positive<usize> = inbound_frames;
    /// Bytes that wait for a slow reader, besides a replay; beyond it it is closed, and can resume
    backlog_bytes ("BYTES"): Amount<usize> = backlog_bytes;
    /// The same, in frames
    backlog_frames ("N"): Amount<usize> = backlog_frames;
    /// How often a connection is asked for a sign of life
    ping_every_millis ("MS"): Millis = ping_every;
    /// How long it may take to give one; then it is broken. One that takes nothing of what it is sent for both together is
    /// broken, too
    pong_within_millis ("MS"): Millis = pong_within;
    /// How long a connection may take for its last bytes and its closing handshake
    close_within_millis ("MS"): Millis = close_within;
    /// How long the relay waits at its end for those who are told of it
    shutdown_within_millis ("MS"): Millis = shutdown_within;
}

/// Any whole number.
#[derive(Clone, Copy, Debug)]
struct Amount<T>(T);

/// A whole number above 0.
#[derive(Clone, Copy, Debug)]
struct Positive<T>(T);

/// A time above 0, written in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Millis(Duration);

/// A rate, written as `50:200`.
#[derive(Clone, Copy, Debug)]
struct Bucket(Rate);

/// What each of them has in common: it is made of what stands in the configuration.
macro_rules! made_of {
    ($($kind:ident$(<$t:ident>)?($inner:ty);)+) => {$(
        impl$(<$t>)? $kind$(<$t>)? {
            fn of(inner: $inner) -> Self {
                Self(inner)
            }
        }
    )+};
}

made_of! {
    Amount<T>(T);
    Positive<T>(T);
    Millis(Duration);
    Bucket(Rate);
}

impl<T: FromStr> FromStr for Amount<T> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse();
        number.map(Self).map_err(|_| "a whole number is needed")
    }
}

impl<T: FromStr + Default + PartialOrd> FromStr for Positive<T> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().filter(|number| *number > T::default());
        number.map(Self).ok_or("a whole number above 0 is needed")
    }
}

impl FromStr for Millis {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Positive(millis) = text.parse()?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl FromStr for Bucket {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "two whole numbers above 0 are needed, such as 50:200";
        let (per_second, burst) = text.split_once(':').ok_or(SHAPE)?;
        let number = |text: &str| {
            text.parse()
                .map(|Positive(number)| number)
                .map_err(|_| SHAPE)
        };
        Ok(Self(Rate::new(number(per_second)?, number(burst)?)))
    }
}

impl<T: Display> Display for Amount<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Display> Display for Positive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_millis().fmt(f)
    }
}

impl Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.per_second, self.0.burst)
    }
}
