//! Burnchat in a terminal: rooms that burn, from the command line or driven by JSON lines.

mod args;
mod chat;
mod ending;
mod entry;
mod process;
mod shim;
mod stdin;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Args, Task};

fn main() -> ExitCode {
    process::harden();
    let args = Args::parse();
    let Task::TakePart(command) = args.task else {
        return ExitCode::from(ending::NOT_IMPLEMENTED);
    };
    // The room is driven by a thread of its own: it burns on time even while this one waits for a slow terminal.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let ending = match &runtime {
        Ok(runtime) if args.json => runtime.block_on(shim::run(command)),
        Ok(runtime) => runtime.block_on(chat::run(command)),
        Err(_) => ending::Ending::Broken,
    };
    ending.exit_code()
}
