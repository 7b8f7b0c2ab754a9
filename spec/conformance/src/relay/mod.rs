//! Plays clients, good and hostile, against a relay.
//!
//! What a participant sees goes through its `view`, which fails any case in which the log has a hole or contradicts
//! itself. The cases stand in [`cases`], by what they are about.

#![expect(
    clippy::indexing_slicing,
    reason = "a member that a JSON value does not have is null, and a case that panics is one that fails"
)]

mod cases;
mod http;
pub mod limits;
mod person;
mod room;
mod stage;
mod target;
mod view;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

pub use target::Target;

use crate::case::Case;
use crate::cli::{self, CannotRun, RunOptions};
use crate::run;

pub use cases::all as cases;

/// The command line of `relay`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Options {
    /// The relay: wss://chat.example, ws://127.0.0.1:8470; https and http mean the same
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    url: Option<String>,

    /// Trust this root certificate, in PEM, instead of the public ones
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    #[command(flatten)]
    run: RunOptions,
}

const AFTER_HELP: &str = "\
Some cases need a relay with lower limits than the defaults. `burnchat-conformance limits` prints them as
environment variables; set them for the relay and for this program. Without them those cases are skipped:
  set -a; eval \"$(burnchat-conformance limits)\"; set +a
  burnchat-relay & burnchat-conformance relay --url ws://127.0.0.1:8470

Some cases play several peers, and do so against 127.0.0.1 only, where there are addresses enough.";

/// Does what the command line says.
///
/// # Errors
/// The relay cannot be reached.
pub async fn main(options: Options) -> Result<ExitCode, CannotRun> {
    if options.run.list {
        let names = cases().iter().map(|case: &Case<Target>| case.name);
        return Ok(cli::list(names, &options.run)?);
    }
    let url = options.url.unwrap_or_default();
    let target = Arc::new(Target::at(&url, options.ca.as_deref()).await?);
    let mut reporters = options.run.reporters("relay")?;
    let done = run::run(cases(), target, &options.run.run(), &mut reporters).await;
    Ok(cli::exit_code(&done))
}
