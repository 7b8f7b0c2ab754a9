//! `relay_load`: what a relay costs, beside plain broadcasts of the same frames on the same machine in the same run.
//!
//! The server under test is a process of its own, so that its CPU time and memory are told apart from the load's. The
//! load comes from this process: one thread, all sockets, frames counted and not decoded. For Burnchat people join with
//! real keys, a real client of the core makes each room's key frame, and every check of the relay is on; only its rates
//! are raised.
//!
//! Its commands measure several relays that share their rooms through Redis, Redis alone, and one build of the relay
//! beside another.

mod against;
mod baselines;
mod cluster;
mod contestant;
mod message;
mod options;
mod report;
mod rooms;
mod rounds;
mod scenario;
mod server;
mod swarm;
mod traffic;
mod websocket;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::contestant::Contestant;
use crate::options::{Command, Options};
use crate::report::{Report, Section};
use crate::rounds::{Progress, interleave, rows};
use crate::scenario::Scenario;

/// Why something could not be measured, for people to read.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.command {
        Some(Command::Serve { which }) => baselines::serve(*which).map(|()| true),
        Some(Command::Cluster {
            how,
            scenario,
            relays,
            nodes,
        }) => cluster::sharing(how, scenario, relays, *nodes),
        Some(Command::TakeOver { how, rooms, kept }) => cluster::take_over(how, rooms, *kept),
        Some(Command::Kept {
            how,
            rooms,
            people,
            kept,
        }) => cluster::kept(how, *rooms, *people, *kept),
        Some(Command::Bus { how, members }) => cluster::bus(how, *members),
        Some(Command::Against {
            how,
            other,
            scenario,
        }) => against::measure(how, other, scenario),
        None => measure(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "relay_load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what is asked for. False if the relay failed at any of it.
fn measure(options: &Options) -> Result<bool> {
    let scenarios = chosen(&options.scenario, Scenario::value_variants());
    let contestants = chosen(&options.server, &Contestant::ALL);
    let mut effort = options.how.effort();
    if let Some(people) = options.people {
        (effort.connections, effort.crowd) = (people, people);
    }

    let plan: Vec<_> = scenarios
        .iter()
        .map(|scenario| {
            let them = contestants
                .iter()
                .copied()
                .filter(|contestant| scenario.is_for(*contestant));
            let rounds = if scenario.is_repeated() {
                options.how.rounds()
            } else {
                1
            };
            (*scenario, them.collect::<Vec<_>>(), rounds)
        })
        .filter(|(_, contestants, _)| !contestants.is_empty())
        .collect();
    let steps = plan
        .iter()
        .map(|(_, contestants, rounds)| contestants.len() as u64 * u64::from(*rounds));
    let progress = Progress::new(steps.sum());

    let mut report = Report::new(&options.how);
    for (scenario, contestants, rounds) in plan {
        let names: Vec<String> = contestants
            .iter()
            .map(|one| one.name().to_owned())
            .collect();
        let name = scenario.name();
        let runs = interleave(&name, &names, rounds, &progress, |number| {
            let contestant = contestants.get(number).ok_or("nobody")?;
            let mut server = contestant.start(&options.how.relay)?;
            scenario.run(*contestant, &mut server, effort)
        });
        let section = Section {
            name,
            title: scenario.title(),
            compares: true,
            rows: rows(&names, runs),
        };
        report.add(section, &progress)?;
    }
    progress.finish();
    report.end(|row| row.name == Contestant::Burnchat.name())
}

pub(crate) fn chosen<T: Copy + PartialEq>(asked_for: &[T], all: &[T]) -> Vec<T> {
    let wanted = |one: &T| asked_for.is_empty() || asked_for.contains(one);
    all.iter().copied().filter(wanted).collect()
}
