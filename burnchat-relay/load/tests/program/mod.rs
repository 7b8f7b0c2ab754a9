//! The program, and the relay it measures.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Lets it measure, and reads what it found.
pub(crate) fn measure(arguments: &[&str]) -> Value {
    found(relay_load().args(measuring()).args(arguments))
}

/// The same for one of its commands.
pub(crate) fn measure_by(command: &str, arguments: &[&str]) -> Value {
    let quickly = ["--quick", "--millis=100"];
    found(
        relay_load()
            .arg(command)
            .args(measuring())
            .args(quickly)
            .args(arguments),
    )
}

/// Its rows' figures of this name, in order.
pub(crate) fn column(found: &Value, figure: &str) -> Vec<f64> {
    let rows = found["scenarios"][0]["rows"].as_array().unwrap();
    let value = |row: &Value| {
        let value = row["figures"][figure].as_f64();
        value.unwrap_or_else(|| panic!("no {figure}: {row}"))
    };
    rows.iter().map(value).collect()
}

fn measuring() -> [OsString; 3] {
    ["--json".into(), "--relay".into(), relay().into()]
}

fn found(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn relay_load() -> Command {
    Command::new(env!("CARGO_BIN_EXE_relay_load"))
}

/// The relay's program. `cargo test --workspace` has built it already; otherwise it is built here.
pub(crate) fn relay() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_relay_load")).with_file_name("burnchat-relay");
    if !beside.exists() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--package",
                "burnchat-relay",
                "--locked",
                "--quiet",
            ])
            .env("CARGO_TARGET_DIR", beside.ancestors().nth(2).unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
    }
    beside
}
