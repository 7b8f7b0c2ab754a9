//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::baselines::BuiltIn;
use crate::cluster::Shared;
use crate::contestant::Contestant;
use crate::scenario::{Effort, Scenario};

/// Measures what a Burnchat relay costs, beside plain broadcasts of the same frames on this machine.
///
/// Each server runs as a process of its own: its CPU time and memory are read from /proc. The load comes from this
/// process, which counts frames and decodes none. People join with real keys and join proofs, each room has a real key
/// frame, and all of the relay's checks are on; only its rates, and what one address may have, are raised.
#[derive(Debug, Parser)]
#[command(name = "relay_load", version, max_term_width = 100, after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) how: How,

    /// Only this scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Vec<Scenario>,

    /// Only this server; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Vec<Contestant>,

    /// How many there are in the scenarios `connections` and `crowd`
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(50..100_000))]
    pub(crate) people: Option<usize>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// How everything is measured.
#[derive(Clone, Debug, Args)]
pub(crate) struct How {
    /// Everything, briefly
    #[arg(long)]
    pub(crate) quick: bool,

    /// How often traffic is measured; the table has the medians [default: 3, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..100))]
    rounds: Option<u32>,

    /// How long traffic is measured each time [default: 2500, with --quick 300]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(50..60_000))]
    millis: Option<u64>,

    /// JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,

    /// The relay's program [default: burnchat-relay beside this one]
    #[arg(long, value_name = "PATH")]
    pub(crate) relay: Option<PathBuf>,
}

impl How {
    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    pub(crate) fn effort(&self) -> Effort {
        let mut effort = if self.quick {
            Effort::QUICK
        } else {
            Effort::FULL
        };
        if let Some(millis) = self.millis {
            effort.time = Duration::from_millis(millis);
        }
        effort
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves a baseline
    #[command(hide = true)]
    Serve { which: BuiltIn },

    /// One relay beside several that share their rooms through a Redis of their own, under the same load
    Cluster {
        #[command(flatten)]
        how: How,

        /// Only this scenario; may be given several times
        #[arg(long, value_name = "NAME")]
        scenario: Vec<Shared>,

        /// Only so many relays, beside the one without a cluster; may be given several times [default: 1, 2, 3]
        #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..100))]
        relays: Vec<usize>,

        /// A Redis Cluster of so many nodes beside the one Redis, both reached by ports
        #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..17))]
        nodes: Option<usize>,
    },

    /// How long rooms stand still when their relay is killed, and what it costs to go on with them
    TakeOver {
        #[command(flatten)]
        how: How,

        /// So many rooms of 2; may be given several times [default: 10, 100, 1000]
        #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..100_000))]
        rooms: Vec<usize>,

        /// Messages each has kept
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..4_000))]
        kept: u64,
    },

    /// What rooms cost a relay and its Redis that say nothing, and what a message costs that is kept
    Kept {
        #[command(flatten)]
        how: How,

        /// So many rooms
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..100_000))]
        rooms: usize,

        /// Of so many people
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
        people: usize,

        /// Messages each keeps
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..4_000))]
        kept: u64,
    },

    /// Redis alone: what it costs to write a message down and tell others, by pub/sub and by streams
    Bus {
        #[command(flatten)]
        how: How,

        /// How many others are told
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..50))]
        members: usize,
    },

    /// This relay beside another build of it, without a cluster, under the same load
    Against {
        #[command(flatten)]
        how: How,

        /// The other relay's program
        #[arg(value_name = "PATH")]
        other: PathBuf,

        /// Only this scenario; may be given several times [default: fan-out-50, paced-1000, pairs]
        #[arg(long, value_name = "NAME")]
        scenario: Vec<Scenario>,
    },
}

const AFTER_HELP: &str = "\
Examples:
  cargo build --release -p burnchat-relay -p burnchat-relay-load && target/release/relay_load
      All of it, about seven minutes
  relay_load --quick
      All of it, in about a minute
  relay_load --scenario fan-out-50 --server burnchat --server axum --rounds 5
      One room of 50, the relay beside a plain axum broadcast
  relay_load cluster --rounds 5
      One relay without a cluster beside one, two and three with it
  relay_load cluster --relays 3 --nodes 3
      The same beside three, with one Redis and with a Redis Cluster

What the numbers mean:
  A delivery is one message to one person, the sender too. CPU is the server's, kernel included.
  Times are from sending to arrival on this machine, the load's own delay included. Times, CPU and
  memory depend on the machine: compare within one run, not between runs.

What it needs:
  Linux, a file descriptor for each connection (`ulimit -n`), and for the baseline `node` Node with
  npm, which fetches the package `ws` into a folder beside this program. `cluster`, `take-over`,
  `kept` and `bus` start a redis-server of their own, which keeps nothing on a disk.

Exit codes:
  0  everything was measured; a baseline that can't run here is no failure
  1  the relay failed: a message lost, a connection closed, an end not told";
