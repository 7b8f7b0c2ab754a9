//! `burnchat-sim`: runs rooms from seeds, and says what it found.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
#[expect(
    clippy::disallowed_types,
    reason = "how many rooms a second; no machine is told this time"
)]
use std::time::Instant;

use burnchat_sim::{Coverage, Outcome, Script, is_repeatable, kept, parse_kept, run, shrink};
use clap::Parser;

/// Runs whole rooms under a virtual clock and holds them to the spec after every event.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// How many rooms to run.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Run for so many minutes instead.
    #[arg(long)]
    minutes: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Runs this seed and tells what happens.
    #[arg(long)]
    replay: Option<u64>,
    /// With --replay: the steps to keep, such as 0-3,7.
    #[arg(long, requires = "replay")]
    keep: Option<String>,
    /// The most people in each room; drawn from the seed if not given.
    #[arg(long)]
    people: Option<usize>,
}

fn main() -> ExitCode {
    // A panic of a machine is a finding like others, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    let options = Options::parse();
    if !is_repeatable() {
        let _ = writeln!(
            io::stderr(),
            "burnchat-sim: built with AWS-LC, so the same seed is not quite the same run; build it alone with -p"
        );
    }
    let done = match options.replay {
        Some(seed) => replay(&options, seed),
        None => search(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where standard output is gone, standard error may be, too.
            let _ = writeln!(io::stderr(), "burnchat-sim: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs one seed, with its story.
fn replay(options: &Options, seed: u64) -> io::Result<bool> {
    let mut script = Script::draw(seed, options.people);
    if let Some(keep) = &options.keep {
        let keep = parse_kept(keep)
            .map_err(|part| io::Error::other(format!("--keep: {part} is no step")))?;
        script = script.only(|number| keep.contains(&number));
    }
    let outcome = run(&script, true);
    tell(seed, &outcome)?;
    writeln!(io::stdout(), "trace {}", outcome.trace_hash)?;
    Ok(outcome.violation.is_none())
}

/// Runs seed after seed until one fails.
fn search(options: &Options) -> io::Result<bool> {
    #[expect(clippy::disallowed_types, reason = "as above")]
    let start = Instant::now();
    let terminal = io::stderr().is_terminal();
    let mut coverage = Coverage::default();
    let (mut rooms, mut events) = (0_u64, 0_u64);
    let mut shown = 0;
    let mut failed = None;
    loop {
        let elapsed = start.elapsed().as_secs();
        let over = match options.minutes {
            Some(minutes) => elapsed >= minutes.saturating_mul(60),
            None => rooms >= options.seeds,
        };
        if over {
            break;
        }
        let seed = options.from.saturating_add(rooms);
        let script = Script::draw(seed, options.people);
        let outcome = run(&script, false);
        rooms = rooms.saturating_add(1);
        events = events.saturating_add(outcome.events);
        coverage.add(&outcome.coverage);
        if let Some(violation) = outcome.violation {
            failed = Some((script, violation));
            break;
        }
        if terminal && start.elapsed().as_millis() >= shown {
            shown = start.elapsed().as_millis().saturating_add(200);
            let of = match options.minutes {
                Some(minutes) => format!("{elapsed} of {} s", minutes.saturating_mul(60)),
                None => format!("of {}", options.seeds),
            };
            write!(io::stderr(), "\r{rooms} rooms {of}, {events} events\x1b[K")?;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    if terminal {
        write!(io::stderr(), "\r\x1b[K")?;
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{coverage}")?;
    #[expect(clippy::cast_precision_loss, reason = "to show, not to reckon with")]
    let rate = rooms as f64 / seconds.max(0.001);
    writeln!(
        out,
        "{rooms} rooms, {events} events in {seconds:.1} s: {rate:.1} rooms a second"
    )?;
    let Some((script, violation)) = failed else {
        return Ok(true);
    };
    writeln!(out, "seed {}: {violation}", script.seed)?;
    writeln!(out, "making it shorter …")?;
    out.flush()?;
    let short = shrink(&script, violation.rule);
    drop(out);
    tell(script.seed, &run(&short, true))?;
    let people = match options.people {
        Some(people) => format!(" --people {people}"),
        None => String::new(),
    };
    writeln!(
        io::stdout(),
        "replay with: cargo run --release -p burnchat-sim -- --replay {}{people} --keep {}",
        script.seed,
        kept(&short)
    )?;
    Ok(false)
}

/// The story of a run, and what it came to.
fn tell(seed: u64, outcome: &Outcome) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in &outcome.story {
        writeln!(out, "{line}")?;
    }
    match &outcome.violation {
        Some(violation) => writeln!(out, "seed {seed}: {violation}"),
        None => writeln!(out, "seed {seed}: every rule held"),
    }
}
