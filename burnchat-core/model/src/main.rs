//! `burnchat-model`: explores every interleaving of a small room, and says what it found.

use std::process::ExitCode;

#[cfg(not(burnchat_sim))]
fn main() -> ExitCode {
    use std::io::Write as _;

    let _ = writeln!(
        std::io::stderr(),
        "burnchat-model: built without the stand-in primitives, which the machines must be copied with. Run:\n\
         RUSTFLAGS='--cfg burnchat_sim' cargo run --release --target-dir target/sim -p burnchat-model -- …"
    );
    ExitCode::from(2)
}

#[cfg(burnchat_sim)]
fn main() -> ExitCode {
    command::main()
}

#[cfg(burnchat_sim)]
mod command;
