//! The program `burnchat-conformance`.

use std::process::ExitCode;

fn main() -> ExitCode {
    burnchat_conformance::cli::main()
}
