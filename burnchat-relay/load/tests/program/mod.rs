//! The program, and the relay it measures.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Lets it measure, and reads what it found.
pub(crate) fn measure(arguments: &[&str]) -> Value {
    let output = relay_load()
        .arg("--json")
        .arg("--relay")
        .arg(relay())
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn relay_load() -> Command {
    Command::new(env!("CARGO_BIN_EXE_relay_load"))
}

/// The relay's program. `cargo test --workspace` has built it already; otherwise it is built here.
fn relay() -> PathBuf {
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
