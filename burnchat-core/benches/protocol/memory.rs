//! What a room costs while nothing happens in it.

use std::fs;

use crate::measure::Report;
use crate::room::Relay;

pub(crate) fn measure(report: &mut Report) {
    let rooms = report.size(100_000);
    let mut relay = Relay::new();
    let Some(before) = resident() else {
        return report.note("Memory: this system does not say.".into());
    };
    for _ in 0..rooms {
        relay.create();
    }
    let grown = resident().unwrap_or(before).saturating_sub(before);
    report.note(format!(
        "Memory of {rooms} rooms nobody has joined: {:.1} MB, {} bytes a room (aim: 100 MB, 1,024 bytes).",
        grown as f64 / 1e6,
        grown / rooms,
    ));
}

/// Bytes of memory this process has, as far as the system tells.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1_024)
}
