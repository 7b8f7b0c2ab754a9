//! `relay_load`: what a relay costs, beside plain broadcasts of the same frames on the same machine in the same run.
//!
//! The server under test is a process of its own, so that its CPU time and memory are told apart from the load's. The
//! load comes from this process: one thread, all sockets, frames counted and not decoded. For Burnchat people join with
//! real keys, a real client of the core makes each room's key frame, and every check of the relay is on; only its rates
//! are raised.

mod baselines;
mod contestant;
mod message;
mod options;
mod report;
mod rooms;
mod scenario;
mod server;
mod swarm;
mod traffic;
mod websocket;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::contestant::Contestant;
use crate::options::{Command, Options};
use crate::report::{Figures, Row, Section, median};
use crate::scenario::{Effort, Scenario};

/// Why something could not be measured, for people to read.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.command {
        Some(Command::Serve { which }) => baselines::serve(which).map(|()| true),
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
    let mut effort = if options.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    if let Some(millis) = options.millis {
        effort.time = Duration::from_millis(millis);
    }
    if let Some(people) = options.people {
        (effort.connections, effort.crowd) = (people, people);
    }
    let rounds = options.rounds.unwrap_or(if options.quick { 1 } else { 3 });

    let plan: Vec<_> = scenarios
        .iter()
        .map(|scenario| {
            let them = contestants
                .iter()
                .copied()
                .filter(|contestant| scenario.is_for(*contestant));
            let rounds = if scenario.is_repeated() { rounds } else { 1 };
            (*scenario, them.collect::<Vec<_>>(), rounds)
        })
        .filter(|(_, contestants, _)| !contestants.is_empty())
        .collect();
    let steps = plan
        .iter()
        .map(|(_, contestants, rounds)| contestants.len() as u64 * u64::from(*rounds));
    let progress = Progress::new(steps.sum());

    let mut sections = Vec::new();
    let mut out = std::io::stdout();
    for (scenario, contestants, rounds) in plan {
        let section = Section {
            scenario,
            rows: run(scenario, &contestants, rounds, effort, options, &progress),
        };
        if !options.json {
            progress.say(|| writeln!(out, "{}", section.table()))?;
        }
        sections.push(section);
    }
    progress.finish();
    if options.json {
        let sections: Vec<_> = sections.iter().map(Section::json).collect();
        writeln!(
            out,
            "{:#}",
            json!({"quick": options.quick, "scenarios": sections})
        )?;
    }
    let ours = Contestant::Burnchat.name();
    let failed = |row: &Row| row.name == ours && row.outcome.is_err();
    Ok(!sections
        .iter()
        .any(|section| section.rows.iter().any(failed)))
}

/// One after the other, and that several times, so that whatever else happens on the machine happens to all of them.
fn run(
    scenario: Scenario,
    contestants: &[Contestant],
    rounds: u32,
    effort: Effort,
    options: &Options,
    progress: &Progress,
) -> Vec<Row> {
    let mut runs: Vec<Result<Vec<Figures>>> = contestants.iter().map(|_| Ok(Vec::new())).collect();
    for round in 0..rounds {
        for (contestant, runs) in contestants.iter().zip(&mut runs) {
            progress.step(&format!(
                "{}, {}, {} of {rounds}",
                scenario.name(),
                contestant.name(),
                round + 1
            ));
            let Ok(earlier) = runs else {
                continue;
            };
            let figures = contestant
                .start(&options.relay)
                .and_then(|mut server| scenario.run(*contestant, &mut server, effort));
            match figures {
                Ok(figures) => earlier.push(figures),
                Err(error) => *runs = Err(error),
            }
        }
    }
    let rows = contestants.iter().zip(runs).map(|(contestant, runs)| Row {
        name: contestant.name(),
        outcome: runs
            .map(|runs| median(&runs))
            .map_err(|error| error.to_string()),
    });
    rows.collect()
}

fn chosen<T: Copy + PartialEq>(asked_for: &[T], all: &[T]) -> Vec<T> {
    let wanted = |one: &T| asked_for.is_empty() || asked_for.contains(one);
    all.iter().copied().filter(wanted).collect()
}

/// How far it is, on standard error: a bar on a terminal, otherwise a line for each step.
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new(steps: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar }
    }

    fn step(&self, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.set_message(what.to_owned());
            }
            None => {
                let _ = writeln!(std::io::stderr(), "{what}");
            }
        }
    }

    /// Lets something else be printed.
    fn say<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
