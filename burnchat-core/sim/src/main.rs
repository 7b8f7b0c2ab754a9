//! `burnchat-sim`: runs rooms from seeds, and says what it found.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;
#[expect(
    clippy::disallowed_types,
    reason = "how many rooms a second; no machine is told this time"
)]
use std::time::Instant;

use burnchat_sim::{
    Coverage, IS_FAST, Outcome, Script, is_repeatable, kept, parse_kept, run, shrink,
};
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
    /// Let so many relays share each room whose relay and people can be trusted; drawn from the seed if not given.
    #[arg(long)]
    relays: Option<usize>,
    /// Fail, too, if something of the spec's tables was not reached.
    #[arg(long)]
    reach_all: bool,
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

fn drawn(options: &Options, seed: u64) -> Script {
    let script = Script::draw(seed, options.people);
    match options.relays {
        Some(count) => script.with_relays(count),
        None => script,
    }
}

/// Runs one seed, with its story.
fn replay(options: &Options, seed: u64) -> io::Result<bool> {
    let mut script = drawn(options, seed);
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
    let mut progress = Progress::default();
    let mut coverage = Coverage::default();
    let (mut rooms, mut events) = (0_u64, 0_u64);
    let mut failed = None;
    loop {
        let elapsed = start.elapsed();
        let (done, of) = match options.minutes {
            Some(minutes) => (elapsed.as_secs(), minutes.saturating_mul(60)),
            None => (rooms, options.seeds),
        };
        if done >= of {
            break;
        }
        progress.show(elapsed, rooms, done, of)?;
        let seed = options.from.saturating_add(rooms);
        let script = drawn(options, seed);
        let outcome = run(&script, false);
        rooms = rooms.saturating_add(1);
        events = events.saturating_add(outcome.events);
        coverage.add(&outcome.coverage);
        if let Some(violation) = outcome.violation {
            failed = Some((script, violation));
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    progress.clear()?;
    let mut out = io::stdout().lock();
    writeln!(out, "{coverage}")?;
    writeln!(
        out,
        "{rooms} rooms, {events} events in {seconds:.1} s with {}: {:.1} rooms a second",
        primitives(),
        rate(rooms, seconds),
    )?;
    let Some((script, violation)) = failed else {
        let all = coverage.missing().next().is_none();
        return Ok(all || !options.reach_all);
    };
    writeln!(out, "seed {}: {violation}", script.seed)?;
    writeln!(out, "making it shorter …")?;
    out.flush()?;
    let short = shrink(&script, violation.rule);
    drop(out);
    tell(script.seed, &run(&short, true))?;
    let given = [("people", options.people), ("relays", options.relays)];
    let given: String = given
        .into_iter()
        .filter_map(|(name, count)| Some(format!(" --{name} {}", count?)))
        .collect();
    let flags = match IS_FAST {
        true => "RUSTFLAGS='--cfg burnchat_sim' ",
        false => "",
    };
    writeln!(
        io::stdout(),
        "replay with: {flags}cargo run --release -p burnchat-sim -- --replay {}{given} --keep {}",
        script.seed,
        kept(&short)
    )?;
    Ok(false)
}

/// What the rooms run with.
fn primitives() -> &'static str {
    match IS_FAST {
        true => "the stand-in for the primitives",
        false => "the real primitives",
    }
}

#[expect(clippy::cast_precision_loss, reason = "to show, not to reckon with")]
fn rate(rooms: u64, seconds: f64) -> f64 {
    rooms as f64 / seconds.max(0.001)
}

/// How far it is: a bar on a terminal, a line now and then elsewhere.
#[derive(Default)]
struct Progress {
    shown: Duration,
}

impl Progress {
    fn show(&mut self, elapsed: Duration, rooms: u64, done: u64, of: u64) -> io::Result<()> {
        const CELLS: u64 = 30;
        let terminal = io::stderr().is_terminal();
        let pause = Duration::from_millis(if terminal { 200 } else { 60_000 });
        if elapsed.saturating_sub(self.shown) < pause {
            return Ok(());
        }
        self.shown = elapsed;
        let full = done.saturating_mul(CELLS).checked_div(of).unwrap_or(0);
        let bar: String = (0..CELLS)
            .map(|cell| if cell < full { '█' } else { '░' })
            .collect();
        let rate = rate(rooms, elapsed.as_secs_f64());
        let (start, end) = if terminal {
            ("\r", "\x1b[K")
        } else {
            ("", "\n")
        };
        write!(
            io::stderr(),
            "{start}{bar} {done} of {of}: {rooms} rooms, {rate:.0} a second, {}{end}",
            primitives()
        )
    }

    fn clear(&self) -> io::Result<()> {
        match io::stderr().is_terminal() {
            true => write!(io::stderr(), "\r\x1b[K"),
            false => Ok(()),
        }
    }
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
