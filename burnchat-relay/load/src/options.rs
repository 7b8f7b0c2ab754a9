//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::baselines::BuiltIn;
use crate::contestant::Contestant;
use crate::scenario::Scenario;

/// Measures what a Burnchat relay costs, beside plain broadcasts of the same frames on this machine.
///
/// Each server runs as a process of its own: its CPU time and memory are read from /proc. The load comes from this
/// process, which counts frames and decodes none. People join with real keys and join proofs, each room has a real key
/// frame, and all of the relay's checks are on; only its rates, and what one address may have, are raised.
#[derive(Debug, Parser)]
#[command(name = "relay_load", version, max_term_width = 100, after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    /// Everything, briefly: about a minute
    #[arg(long)]
    pub(crate) quick: bool,

    /// Only this scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Vec<Scenario>,

    /// Only this server; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) server: Vec<Contestant>,

    /// How often traffic is measured; the table has the medians [default: 3, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..100))]
    pub(crate) rounds: Option<u32>,

    /// How long traffic is measured each time [default: 2500, with --quick 300]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(50..60_000))]
    pub(crate) millis: Option<u64>,

    /// How many there are in the scenarios `connections` and `crowd`
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(50..100_000))]
    pub(crate) people: Option<usize>,

    /// JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,

    /// The relay's program [default: burnchat-relay beside this one]
    #[arg(long, value_name = "PATH")]
    pub(crate) relay: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves a baseline
    #[command(hide = true)]
    Serve { which: BuiltIn },
}

const AFTER_HELP: &str = "\
Examples:
  cargo build --release -p burnchat-relay -p burnchat-relay-load && target/release/relay_load
      All of it, about seven minutes
  relay_load --quick
      All of it, in about a minute
  relay_load --scenario fan-out-50 --server burnchat --server axum --rounds 5
      One room of 50, the relay beside a plain axum broadcast

What the numbers mean:
  A delivery is one message to one person, the sender too. CPU is the server's, kernel included.
  Times are from sending to arrival on this machine, the load's own delay included. Times, CPU and
  memory depend on the machine: compare within one run, not between runs.

What it needs:
  Linux, a file descriptor for each connection (`ulimit -n`), and for the baseline `node` Node with
  npm, which fetches the package `ws` into a folder beside this program.

Exit codes:
  0  everything was measured; a baseline that can't run here is no failure
  1  the relay failed: a message lost, a connection closed, an end not told";
