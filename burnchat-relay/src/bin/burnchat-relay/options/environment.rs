//! The environment: the same options once more, `BURNCHAT_RELAY_ROOMS` for `--rooms`.
//!
//! As with the file, a variable is turned into the argument that would have said the same. It is put after those of the
//! file and before those of the command line.

use std::ffi::OsString;

use clap::Command;

use super::file;

/// What the variables' names begin with.
const PREFIX: &str = "BURNCHAT_RELAY_";

/// The variables that are set, each with the argument it stands for.
pub(super) fn arguments(
    variable: impl Fn(&str) -> Option<OsString>,
    command: &Command,
) -> Vec<(String, OsString)> {
    file::names(command)
        .filter_map(|option| {
            let name = format!("{PREFIX}{}", option.to_uppercase().replace('-', "_"));
            let mut argument = OsString::from(format!("--{option}="));
            argument.push(variable(&name)?);
            Some((name, argument))
        })
        .collect()
}
