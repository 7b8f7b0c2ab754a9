//! Who is measured.

use std::path::PathBuf;
use std::process::Command;

use clap::ValueEnum;

use crate::Result;
use crate::baselines::{BuiltIn, node};
use crate::rooms::{self, Room};
use crate::server::Server;
use crate::swarm::Swarm;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contestant {
    /// The relay, every check on
    Burnchat,
    /// A plain axum broadcast
    Axum,
    /// A fastwebsockets broadcast that encodes once and writes many frames at once
    Fastwebsockets,
    /// A broadcast with Node's `ws`
    Node,
}

/// Rates are raised, and how much one peer may have: everybody comes from this machine. Nothing is switched off.
const RAISED: [&str; 9] = [
    "--connections-of-peer=1000000",
    "--rooms-of-peer=1000000",
    "--connection-frames=4000000000:4000000000",
    "--joins-of-peer=4000000000:4000000000",
    "--connection-bytes=4000000000:4000000000",
    "--room-envelopes=4000000000:4000000000",
    "--room-bytes=4000000000:4000000000",
    "--listen=127.0.0.1:0",
    "--log=error",
];

impl Contestant {
    pub(crate) const ALL: [Self; 4] =
        [Self::Burnchat, Self::Axum, Self::Fastwebsockets, Self::Node];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Burnchat => "burnchat-relay",
            Self::Axum => "axum",
            Self::Fastwebsockets => "fastwebsockets",
            Self::Node => "node ws",
        }
    }

    pub(crate) fn is_broadcast(self) -> bool {
        self != Self::Burnchat
    }

    /// Starts it.
    ///
    /// # Errors
    /// Why it can't be measured here.
    pub(crate) fn start(self, relay: &Option<PathBuf>) -> Result<Server> {
        let mut command = match self {
            Self::Burnchat => relay_command(relay)?,
            Self::Axum => built_in(BuiltIn::Axum)?,
            Self::Fastwebsockets => built_in(BuiltIn::Fastwebsockets)?,
            Self::Node => node::command()?,
        };
        Server::start(&mut command)
            .map_err(|error| format!("{} does not start: {error}", self.name()).into())
    }

    /// Fills rooms of these sizes.
    pub(crate) fn fill(
        self,
        server: &Server,
        swarm: &mut Swarm,
        sizes: &[usize],
    ) -> Result<Vec<Room>> {
        if self.is_broadcast() {
            rooms::gather(swarm, sizes)
        } else {
            rooms::fill(swarm, |_, _| server.address, sizes, 3_600)
        }
    }
}

/// Starts a relay with its rates raised: this program, or the one beside the own.
pub(crate) fn relay_command(relay: &Option<PathBuf>) -> Result<Command> {
    let mut command = Command::new(relay_program(relay)?);
    command.args(RAISED);
    Ok(command)
}

fn relay_program(given: &Option<PathBuf>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let beside = std::env::current_exe()?.with_file_name("burnchat-relay");
    if beside.exists() {
        Ok(beside)
    } else {
        Err("there is no burnchat-relay beside this program: `cargo build --release -p burnchat-relay`, \
             or name one with --relay"
            .into())
    }
}

fn built_in(which: BuiltIn) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let name = which.to_possible_value();
    command
        .arg("serve")
        .args(name.map(|name| name.get_name().to_owned()));
    Ok(command)
}
