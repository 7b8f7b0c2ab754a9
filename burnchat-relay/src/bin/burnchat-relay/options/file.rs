//! The configuration file: the same options, under the same names, with the same values.
//!
//! A file is turned into the arguments that would have said the same, and these are put before those of the command
//! line, so that the latter win. So there is one list of options, one reader for each value, and one error text.

use std::ffi::OsString;
use std::fmt::Write;

use clap::{Arg, ArgMatches, Command};
use toml::{Table, Value};

/// Reads a file's text into arguments.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn arguments(text: &str, command: &Command) -> Result<Vec<OsString>, String> {
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let mut arguments = Vec::with_capacity(table.len());
    for (key, value) in &table {
        if !names(command).any(|name| name == key) {
            return Err(format!("there is no option {key}"));
        }
        if value.as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        let value = written(value)
            .ok_or_else(|| format!("{key} is not a single value or a list of them"))?;
        arguments.push(format!("--{key}={value}").into());
    }
    Ok(arguments)
}

/// What is in force, as a file that says the same.
pub(super) fn print(command: &Command, matches: &ArgMatches) -> String {
    let mut text = String::new();
    for argument in command
        .get_arguments()
        .filter(|argument| stands_in_a_file(argument))
    {
        let Some(name) = argument.get_long() else {
            continue;
        };
        let help = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let values = matches
            .get_raw(argument.get_id().as_str())
            .unwrap_or_default();
        let values: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        let is_list = argument.get_value_delimiter().is_some();
        let value = match values.as_slice() {
            [value] if !is_list => Some(literal(value)),
            values if is_list => Some(format!(
                "[{}]",
                values
                    .iter()
                    .map(|value| literal(value))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
            _ => None,
        };
        // What is not set has no value to write down.
        let _ = match value {
            Some(value) => writeln!(text, "# {help}\n{name} = {value}"),
            None => writeln!(text, "# {help}\n# {name} ="),
        };
    }
    text
}

/// The names a file may use.
pub(super) fn names(command: &Command) -> impl Iterator<Item = &str> {
    let arguments = command.get_arguments();
    arguments
        .filter(|argument| stands_in_a_file(argument))
        .filter_map(Arg::get_long)
}

/// Whether an option is one of the relay, and not one of this one call.
fn stands_in_a_file(argument: &Arg) -> bool {
    !matches!(
        argument.get_id().as_str(),
        "config" | "print_config" | "help" | "version"
    )
}

/// A value as it would be written on the command line.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(yes) => Some(yes.to_string()),
        Value::Array(values) => {
            let values: Option<Vec<_>> = values.iter().map(written).collect();
            values.map(|values| values.join(","))
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}

/// A value of the command line as it would be written in a file.
fn literal(text: &str) -> String {
    if text.parse::<i64>().is_ok() || text.parse::<bool>().is_ok() {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
