//! The command line.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::report::{Counts, Json, Junit, Out, Readable, Reporter, Tap};
use crate::run::{self, Done};
use crate::{client, coverage, hostile, relay, vectors};

/// Does it speak Burnchat? Tests relays and clients, in whatever language they are written, against the spec.
///
/// Each case is named by the section of spec/burnchat-1.md it is about, and gets a verdict: pass, fail, non-strict,
/// not implemented, or skipped with a reason.
#[derive(Debug, Parser)]
#[command(name = "burnchat-conformance", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays clients, good and hostile, against a relay
    Relay(relay::Options),
    /// Plays a relay, good and hostile, against a client
    Client(client::Options),
    /// Puts the test vectors to a shim of pure functions
    Vectors(vectors::Options),
    /// Listens like a relay and attacks whoever joins
    Hostile(hostile::Options),
    /// Prints which requirements of the spec there are, and the cases that show them
    Coverage,
    /// Prints the limits that the cases of `relay` want, as environment variables of the relay
    Limits,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  nothing failed
  1  something failed
  2  the command line is wrong, or the implementation could not be reached";

/// How a suite is run and told of; the same for all suites.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run and report")]
pub struct RunOptions {
    /// Only cases of this section (7.3), or with this in their name; may be given several times
    #[arg(long, visible_alias = "section", value_name = "SECTION|NAME")]
    pub only: Vec<String>,

    /// Only list the cases
    #[arg(long)]
    pub list: bool,

    /// Cases at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: u16,

    /// Run each case so many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,

    /// Show every frame of every case, whole
    #[arg(long)]
    pub frames: bool,

    /// How long a case may take
    #[arg(long, value_name = "SECONDS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..))]
    pub patience: u64,

    /// Write a JSON document to this file, or to standard output in place of the readable report
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,

    /// The same in JUnit XML
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub junit: Option<PathBuf>,

    /// The same in TAP
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub tap: Option<PathBuf>,
}

impl RunOptions {
    /// For [`run::run`].
    #[must_use]
    pub fn run(&self) -> run::Options {
        run::Options {
            only: self.only.clone(),
            jobs: usize::from(self.jobs),
            repeat: self.repeat,
            patience: Duration::from_secs(self.patience),
        }
    }

    /// The reports asked for.
    ///
    /// # Errors
    /// A file that can't be written.
    pub fn reporters(&self, suite: &'static str) -> io::Result<Vec<Box<dyn Reporter>>> {
        let mut reporters: Vec<Box<dyn Reporter>> = Vec::new();
        let files = [&self.json, &self.junit, &self.tap];
        if !files.iter().any(|file| is_standard_output(file.as_ref())) {
            reporters.push(Box::new(Readable::new(Box::new(io::stdout()), self.frames)));
        }
        if let Some(path) = &self.json {
            reporters.push(Box::new(Json::new(open(path)?, suite, self.frames)));
        }
        if let Some(path) = &self.junit {
            reporters.push(Box::new(Junit::new(open(path)?, suite)));
        }
        if let Some(path) = &self.tap {
            reporters.push(Box::new(Tap::new(open(path)?)));
        }
        Ok(reporters)
    }
}

/// Why a suite could not be run.
pub type CannotRun = Box<dyn std::error::Error + Send + Sync>;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ran = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(options.command)),
        Err(error) => Err(error.into()),
    };
    ran.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "burnchat-conformance: {error}");
        ExitCode::from(2)
    })
}

async fn dispatch(command: Command) -> Result<ExitCode, CannotRun> {
    match command {
        Command::Relay(options) => relay::main(options).await,
        Command::Client(options) => client::main(options).await,
        Command::Vectors(options) => vectors::main(options).await,
        Command::Hostile(options) => hostile::main(options).await,
        Command::Coverage => {
            io::stdout().write_all(coverage::table().as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Limits => {
            io::stdout().write_all(relay::limits::recommended().as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The exit code of a suite.
#[must_use]
pub fn exit_code(cases: &[Done]) -> ExitCode {
    ExitCode::from(u8::from(Counts::of(cases).fail > 0))
}

/// Lists names, one a line.
///
/// # Errors
/// Standard output is gone.
pub fn list(
    names: impl Iterator<Item = &'static str>,
    options: &RunOptions,
) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for name in names.filter(|name| run::is_chosen(name, &options.only)) {
        writeln!(out, "{name}")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_standard_output(path: Option<&PathBuf>) -> bool {
    path.is_some_and(|path| path.as_os_str() == "-")
}

fn open(path: &PathBuf) -> io::Result<Out> {
    if is_standard_output(Some(path)) {
        return Ok(Box::new(io::stdout()));
    }
    Ok(Box::new(io::BufWriter::new(File::create(path)?)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }
}
