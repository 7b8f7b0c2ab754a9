//! The command line.

use std::net::SocketAddr;
use std::str::FromStr;

use burnchat_relay::{Config, Limits, Rate};
use clap::Parser;
use clap::builder::RangedU64ValueParser;
use tracing_subscriber::filter::LevelFilter;

/// Relays Burnchat rooms: ephemeral chat rooms, encrypted end to end.
///
/// The relay numbers and forwards what people in a room send, counts the room's time down, and burns it. It can read
/// none of it. It stores nothing: rooms live in memory and end with the process. It writes no file, and its log names
/// no room, no person and no address.
#[derive(Debug, Parser)]
#[command(name = "burnchat-relay", version, max_term_width = 100, after_long_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Where to listen for HTTP and WebSocket; port 0 picks a free one
    ///
    /// The first line on standard output says where it really listens: `listening on http://127.0.0.1:8470`. The relay
    /// speaks plain HTTP: to be reached from elsewhere, leave it on a loopback address and put a proxy with TLS in front.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8470")]
    pub(crate) listen: SocketAddr,

    /// How much to log to standard error: off, error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log: LevelFilter,

    /// Leave out the web client: whoever opens the address in a browser gets no page to talk from
    #[cfg(feature = "web")]
    #[arg(long)]
    pub(crate) no_web: bool,

    #[command(flatten)]
    limits: LimitOptions,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitOptions {
    /// Rooms at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().rooms, value_parser = at_least(1))]
    rooms: usize,

    /// Rooms of one peer at once; a peer is an IPv4 address or an IPv6 /64 network
    #[arg(long, value_name = "N", default_value_t = Limits::default().rooms_of_peer, value_parser = at_least(1))]
    rooms_of_peer: usize,

    /// Connections at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections, value_parser = at_least(1))]
    connections: usize,

    /// Connections of one peer at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_of_peer, value_parser = at_least(1))]
    connections_of_peer: usize,

    /// Joins one room sees in its life
    #[arg(long, value_name = "N", default_value_t = Limits::default().joins, value_parser = clap::value_parser!(u64).range(1..))]
    joins: u64,

    /// Time from the connection to its first frame
    #[arg(long, value_name = "MS", default_value_t = Limits::default().handshake_millis, value_parser = clap::value_parser!(u64).range(1..))]
    handshake_millis: u64,

    /// Frames a second from one connection, and how many at once
    #[arg(long, value_name = "RATE:BURST", default_value_t = RateOption(Limits::default().connection_frames))]
    connection_frames: RateOption,

    /// Bytes a second from one connection, and how many at once
    #[arg(long, value_name = "RATE:BURST", default_value_t = RateOption(Limits::default().connection_bytes))]
    connection_bytes: RateOption,

    /// Envelopes a second in one room, and how many at once
    #[arg(long, value_name = "RATE:BURST", default_value_t = RateOption(Limits::default().room_envelopes))]
    room_envelopes: RateOption,

    /// Bytes of them a second in one room, and how many at once
    #[arg(long, value_name = "RATE:BURST", default_value_t = RateOption(Limits::default().room_bytes))]
    room_bytes: RateOption,

    /// Frames refused in a row for coming too fast before the connection is closed
    #[arg(long, value_name = "N", default_value_t = Limits::default().refused_frames)]
    refused_frames: u32,

    /// How long entries are kept for those who lost their connection
    #[arg(long, value_name = "MS", default_value_t = Limits::default().kept_millis, value_parser = clap::value_parser!(u64).range(1..))]
    kept_millis: u64,

    /// Bytes of messages kept for them in one room
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().kept_bytes)]
    kept_bytes: usize,

    /// Bytes of messages kept for newcomers in one room with history
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().history_bytes)]
    history_bytes: usize,

    /// Changes of the roster kept for newcomers in one room with history; after more of them it has none
    #[arg(long, value_name = "N", default_value_t = Limits::default().history_changes)]
    history_changes: usize,

    /// Replaced tickets of one room that are still told from wrong ones
    #[arg(long, value_name = "N", default_value_t = Limits::default().replaced_tickets)]
    replaced_tickets: usize,
}

const AFTER_HELP: &str = "\
Examples:
  burnchat-relay
      For this machine: http://127.0.0.1:8470
  burnchat-relay --listen 127.0.0.1:0 --log warn
      On a free port, and quiet
  burnchat-relay --rooms 10000 --connections 20000
      With less than the defaults, behind a proxy such as Caddy: `reverse_proxy 127.0.0.1:8470`
  burnchat create --relay http://127.0.0.1:8470 --ttl 10m
      Opens a room on it, from another terminal

What it stores:
  Nothing on any disk. In memory, while a room lives: public keys, encrypted names and messages, hashes
  of its ticket and of the tokens and PIN that admit to it. A burn wipes them; ending the relay burns
  all rooms. A peer's address is kept as a hash under a key that is drawn at the start.

How it ends:
  SIGTERM and SIGINT burn all rooms: everybody is told, and the relay ends within seconds. A second
  signal ends it at once.

Exit codes:
  0  asked to end, all rooms burned
  1  could not start
  2  the command line is wrong
  3  a bug: a worker panicked, and its rooms are gone
  130, 143  ended at once by a second SIGINT or SIGTERM";

impl Options {
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        let limits = &mut config.limits;
        let given = &self.limits;
        limits.rooms = given.rooms;
        limits.rooms_of_peer = given.rooms_of_peer;
        limits.connections = given.connections;
        limits.connections_of_peer = given.connections_of_peer;
        limits.joins = given.joins;
        limits.handshake_millis = given.handshake_millis;
        limits.connection_frames = given.connection_frames.0;
        limits.connection_bytes = given.connection_bytes.0;
        limits.room_envelopes = given.room_envelopes.0;
        limits.room_bytes = given.room_bytes.0;
        limits.refused_frames = given.refused_frames;
        limits.kept_millis = given.kept_millis;
        limits.kept_bytes = given.kept_bytes;
        limits.history_bytes = given.history_bytes;
        limits.history_changes = given.history_changes;
        limits.replaced_tickets = given.replaced_tickets;
        config
    }
}

/// A rate as it is written on the command line: `50:200`.
#[derive(Clone, Copy, Debug)]
struct RateOption(Rate);

impl FromStr for RateOption {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "two whole numbers above 0, such as 50:200";
        let (per_second, burst) = text.split_once(':').ok_or(SHAPE)?;
        let number = |text: &str| text.parse().ok().filter(|number| *number > 0).ok_or(SHAPE);
        Ok(Self(Rate::new(number(per_second)?, number(burst)?)))
    }
}

impl std::fmt::Display for RateOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0.per_second, self.0.burst)
    }
}

fn at_least(least: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["burnchat-relay"], arguments].concat())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn without_arguments_the_limits_are_the_specs() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.config().limits, Limits::default());
        assert!(options.listen.ip().is_loopback());
    }

    #[test]
    fn each_limit_can_be_set() {
        let options = parse(&["--rooms", "7", "--connection-frames", "5:9"]).unwrap();
        let limits = options.config().limits;
        assert_eq!(limits.rooms, 7);
        assert_eq!(limits.connection_frames, Rate::new(5, 9));
    }

    #[test]
    fn nonsense_is_refused() {
        for arguments in [
            ["--rooms", "0"],
            ["--rooms", "many"],
            ["--room-bytes", "5"],
            ["--room-bytes", "0:5"],
            ["--listen", "8470"],
        ] {
            assert!(parse(&arguments).is_err(), "{arguments:?}");
        }
    }
}
