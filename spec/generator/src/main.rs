//! `cargo run -p burnchat-spec-generator`: are the vectors, transcripts, schemas and the relay's `openapi.json` those
//! that are made here?
//! With `-- --write`: writes them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command has something to say"
)]

use std::{env, io, process::ExitCode};

use burnchat_spec_generator::{differences, spec_folder, write};

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let spec = spec_folder();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--write"] => {
            for name in write(&spec)? {
                println!("{name}");
            }
            Ok(ExitCode::SUCCESS)
        }
        [] => {
            let found = differences(&spec)?;
            for difference in &found {
                println!("{difference}");
            }
            Ok(if found.is_empty() {
                ExitCode::SUCCESS
            } else {
                println!("`-- --write` writes the files anew; look at what changes.");
                ExitCode::FAILURE
            })
        }
        _ => {
            eprintln!("usage: cargo run -p burnchat-spec-generator [-- --write]");
            Ok(ExitCode::from(2))
        }
    }
}
