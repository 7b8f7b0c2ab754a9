//! A relay that attacks whoever joins it, one scenario for each attack of the threat model.

use std::process::ExitCode;

use crate::cli::{self, CannotRun, RunOptions};

/// The command line of `hostile`.
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    run: RunOptions,
}

/// Does what the command line says.
///
/// # Errors
/// It could not be run.
pub async fn main(options: Options) -> Result<ExitCode, CannotRun> {
    Ok(cli::list(std::iter::empty(), &options.run)?)
}
