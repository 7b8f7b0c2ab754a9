//! Plays clients, good and hostile, against a relay.

use std::process::ExitCode;
use std::sync::Arc;

use crate::case::Case;
use crate::cli::{self, CannotRun, RunOptions};
use crate::run;

/// The relay under test.
#[derive(Debug)]
pub struct Target {
    /// Its address.
    pub url: String,
}

/// The command line of `relay`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The relay: wss://chat.example, ws://127.0.0.1:8470; https and http mean the same
    #[arg(long, value_name = "URL")]
    url: String,

    #[command(flatten)]
    run: RunOptions,
}

static CASES: [Case<Target>; 0] = [];

/// The suite.
#[must_use]
pub fn cases() -> &'static [Case<Target>] {
    &CASES
}

/// Does what the command line says.
///
/// # Errors
/// The relay cannot be reached.
pub async fn main(options: Options) -> Result<ExitCode, CannotRun> {
    if options.run.list {
        return Ok(cli::list(
            cases().iter().map(|case| case.name),
            &options.run,
        )?);
    }
    let target = Arc::new(Target { url: options.url });
    let mut reporters = options.run.reporters("relay")?;
    let done = run::run(cases(), target, &options.run.run(), &mut reporters).await;
    Ok(cli::exit_code(&done))
}
