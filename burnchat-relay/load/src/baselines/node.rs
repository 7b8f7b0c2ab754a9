//! The baseline with no code of ours below it: Node and its package `ws`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Result;

/// The package's major version.
const WS: &str = "ws@8";

/// The command that starts it. What is missing is fetched into a folder beside this program.
///
/// # Errors
/// Why there is none.
pub(crate) fn command() -> Result<Command> {
    let folder = folder()?;
    std::fs::create_dir_all(&folder)?;
    let script = folder.join("broadcast.mjs");
    std::fs::write(&script, include_str!("broadcast.mjs"))?;
    if !folder.join("node_modules/ws").exists() {
        let installed = Command::new("npm")
            .args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                WS,
            ])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("npm does not start: {error}"))?;
        if !installed.success() {
            return Err(format!("`npm install {WS}` fails here").into());
        }
    }
    let mut command = Command::new("node");
    command.arg(script).current_dir(folder);
    Ok(command)
}

fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let beside = program.parent().ok_or("this program is nowhere")?;
    Ok(beside.join("relay_load-node"))
}
