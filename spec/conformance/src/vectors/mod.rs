//! The test vectors, put to a shim of pure functions.

use std::process::ExitCode;

use crate::case::Case;
use crate::cli::{self, CannotRun, RunOptions};

/// The implementation under test.
#[derive(Debug)]
pub struct Target {}

/// The command line of `vectors`.
#[derive(Debug, clap::Args)]
pub struct Options {
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
/// It could not be run.
pub async fn main(options: Options) -> Result<ExitCode, CannotRun> {
    Ok(cli::list(std::iter::empty(), &options.run)?)
}
