//! Plays a relay, good and hostile, against a client behind the shim of `spec/shim.md`.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value has null where a member is missing, and frames that are changed are objects"
)]

mod cases;
pub(crate) mod insider;
mod network;
pub(crate) mod room;
mod subject;

use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use crate::case::Case;
use crate::cli::{self, CannotRun, RunOptions};
use crate::run;

pub(crate) use subject::command;

/// The client under test.
#[derive(Debug)]
pub struct Target {
    pub(crate) shim: Shim,
}

impl Target {
    /// The client that this command starts: the program and its arguments, separated by spaces.
    #[must_use]
    pub fn new(command: &str) -> Self {
        let command = command.to_owned();
        Self {
            shim: Shim { command },
        }
    }
}

/// How the client under test is started.
#[derive(Clone, Debug)]
pub(crate) struct Shim {
    pub(crate) command: String,
}

/// The command line of `client`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The command that starts the client, its words separated by spaces; `--json` and what follows is added unless it
    /// ends with `--json` itself
    #[arg(long, value_name = "COMMAND")]
    shim: String,

    #[command(flatten)]
    run: RunOptions,
}

/// The suite.
#[must_use]
pub fn cases() -> &'static [Case<Target>] {
    static CASES: LazyLock<Vec<Case<Target>>> = LazyLock::new(cases::all);
    &CASES
}

/// Does what the command line says.
///
/// # Errors
/// It could not be run.
pub async fn main(options: Options) -> Result<ExitCode, CannotRun> {
    if options.run.list {
        let names = cases().iter().map(|case| case.name);
        return Ok(cli::list(names, &options.run)?);
    }
    let shim = options.shim.trim();
    let target = Target::new(shim.strip_suffix(" --json").unwrap_or(shim));
    let mut reporters = options.run.reporters("client")?;
    let done = run::run(
        cases(),
        Arc::new(target),
        &options.run.run(),
        &mut reporters,
    )
    .await;
    Ok(cli::exit_code(&done))
}
