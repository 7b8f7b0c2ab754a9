//! Burnchat in a terminal: rooms that burn, from the command line or driven by JSON lines.

mod args;
mod arguments;
mod chat;
mod ending;
mod entry;
mod process;
mod shim;
mod stdin;

use std::process::ExitCode;

use burnchat_client::burnchat_core::crypto::wipe_stack;
use zeroizing_alloc::ZeroAlloc;

use self::args::Task;

/// What is freed is wiped, whoever allocated it.
#[global_allocator]
static WIPING: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    process::harden();
    let args = arguments::read();
    let Task::TakePart(command) = args.task else {
        return ExitCode::from(ending::NOT_IMPLEMENTED);
    };
    // The room is driven by a thread of its own: it burns on time even while this one waits for a slow terminal.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .on_thread_park(wipe_stack)
        .build();
    let ending = match &runtime {
        Ok(runtime) if args.json => runtime.block_on(shim::run(command)),
        Ok(runtime) => runtime.block_on(chat::run(command)),
        Err(_) => ending::Ending::Broken,
    };
    drop(runtime);
    wipe_stack();
    ending.exit_code()
}
