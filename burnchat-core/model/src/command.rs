//! The command line.

use std::io::{self, IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
#[expect(
    clippy::disallowed_types,
    reason = "how long it took; no machine is told this time"
)]
use std::time::Instant;

use burnchat_model::{Counterexample, Explored, Scene, Start, Step, explore, tell};
use clap::{Parser, ValueEnum};

/// Explores every interleaving of a small room with the real machines, and holds each state to the spec.
#[derive(Parser)]
#[command(name = "burnchat-model", version)]
struct Options {
    /// People in the room; the first is its creator.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=3))]
    people: u8,
    /// Most steps from the start.
    #[arg(long, default_value_t = 1_000)]
    depth: usize,
    /// Most things that people, or bad luck, do besides opening the link.
    #[arg(long, default_value_t = 2)]
    deeds: u8,
    /// How many times time passes until the next timer, with nothing under way.
    #[arg(long, default_value_t = 4)]
    waits: u8,
    /// Whether the room keeps its history.
    #[arg(long)]
    history: bool,
    /// Where to begin: with nobody there, or with everybody there and keyed.
    #[arg(long, value_enum, default_value_t = Beginning::Keyed)]
    from: Beginning,
    /// Takes these steps, tells what happens, and explores nothing.
    #[arg(long)]
    replay: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Beginning {
    Empty,
    Keyed,
}

impl Options {
    fn scene(&self) -> Scene {
        Scene {
            people: usize::from(self.people),
            history: self.history,
            deeds: self.deeds,
            waits: self.waits,
        }
    }

    fn start(&self) -> Start {
        match self.from {
            Beginning::Empty => Start::Empty,
            Beginning::Keyed => Start::Keyed,
        }
    }

    /// The command that takes these steps again.
    fn replaying(&self, steps: &[Step]) -> String {
        let steps: Vec<String> = steps.iter().map(Step::to_string).collect();
        let from = match self.from {
            Beginning::Empty => "empty",
            Beginning::Keyed => "keyed",
        };
        let history = if self.history { " --history" } else { "" };
        format!(
            "RUSTFLAGS='--cfg burnchat_sim' cargo run --release --target-dir target/sim -p burnchat-model -- \
             --people {}{history} --from {from} --replay '{}'",
            self.people,
            steps.join(" ")
        )
    }
}

pub(crate) fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.replay {
        Some(steps) => replay(&options, steps),
        None => search(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where standard output is gone, standard error may be, too.
            let _ = writeln!(io::stderr(), "burnchat-model: {error}");
            ExitCode::from(2)
        }
    }
}

fn replay(options: &Options, steps: &str) -> io::Result<bool> {
    let steps = steps
        .split_whitespace()
        .map(|step| step.parse().map_err(io::Error::other))
        .collect::<io::Result<Vec<Step>>>()?;
    story(options, &steps).map(|found| found.is_none())
}

/// Tells a way, and what came of it.
fn story(options: &Options, steps: &[Step]) -> io::Result<Option<Counterexample>> {
    let (story, found) = tell(options.scene(), options.start(), steps).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    for line in story {
        writeln!(out, "{line}")?;
    }
    match &found {
        Some(found) => writeln!(out, "{}", verdict(found))?,
        None => writeln!(out, "every rule held")?,
    }
    Ok(found)
}

fn verdict(found: &Counterexample) -> String {
    let Counterexample { rule, what, .. } = found;
    format!("{rule:?} (section {}): {what}", rule.section())
}

fn search(options: &Options) -> io::Result<bool> {
    #[expect(clippy::disallowed_types, reason = "as above")]
    let start = Instant::now();
    let terminal = io::stderr().is_terminal();
    let progress = |depth: usize, states: usize, waiting: usize| {
        if terminal {
            let seconds = start.elapsed().as_secs();
            let _ = write!(
                io::stderr(),
                "\r{depth} steps, {states} states, {waiting} to go on from, {seconds} s\x1b[K"
            );
        }
    };
    let (scene, from) = (options.scene(), options.start());
    let explored = catch_unwind(AssertUnwindSafe(|| {
        explore(scene, from, options.depth, progress)
    }));
    if terminal {
        write!(io::stderr(), "\r\x1b[K")?;
    }
    let Ok(explored) = explored else {
        writeln!(
            io::stdout(),
            "NoPanic (section 17.1): a machine panicked; see above"
        )?;
        return Ok(false);
    };
    let seconds = start.elapsed().as_secs_f64();
    match explored.map_err(io::Error::other)? {
        Ok(explored) => {
            report(options, &explored, seconds)?;
            Ok(true)
        }
        Err(found) => {
            let told = story(options, &found.steps)?;
            let mut out = io::stdout().lock();
            if told.is_none() {
                // What a state lacks that has come to rest is not to be seen in its last step.
                writeln!(out, "{}", verdict(&found))?;
            }
            writeln!(
                out,
                "{} steps, found in {seconds:.1} s; again with:",
                found.steps.len()
            )?;
            writeln!(out, "{}", options.replaying(&found.steps))?;
            Ok(false)
        }
    }
}

fn report(options: &Options, explored: &Explored, seconds: f64) -> io::Result<()> {
    let Scene {
        people,
        history,
        deeds,
        waits,
    } = options.scene();
    let mut out = io::stdout().lock();
    let start = match options.from {
        Beginning::Empty => "an empty room",
        Beginning::Keyed => "a keyed room",
    };
    let kept = if history { " with history" } else { "" };
    writeln!(
        out,
        "{people} people, {start}{kept}, {deeds} deeds, {waits} waits:"
    )?;
    let whole = if explored.complete {
        "all there is"
    } else {
        "as far as asked"
    };
    writeln!(
        out,
        "  {} states and {} steps between them, {} steps deep ({whole}), in {seconds:.1} s",
        explored.states, explored.transitions, explored.depth
    )?;
    writeln!(
        out,
        "  left alone, every one of them came to rest, the slowest in {} s; {} states were seen on the way",
        explored.longest_rest, explored.calm
    )?;
    writeln!(
        out,
        "  {} states and {} inputs of the relay, {} and {} of clients, {} frames",
        explored.relay.0, explored.relay.1, explored.clients.0, explored.clients.1, explored.frames
    )?;
    writeln!(out, "every rule held")
}
