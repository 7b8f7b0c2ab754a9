//! What rooms take that say nothing, and what stays of messages.

use std::time::Duration;

use super::fleet::{Fleet, talk};
use super::sharing::percent;
use crate::Result;
use crate::options::How;
use crate::report::{Figure, Figures, Report, Section};
use crate::rounds::{Progress, interleave, rows};
use crate::scenario::rest;

/// Rooms before those that count: what is needed once is needed by then.
const BEFORE: usize = 50;

pub(crate) fn kept(how: &How, rooms: usize, people: usize, kept: u64) -> Result<bool> {
    let names = ["2 relays, Redis".to_owned()];
    let progress = Progress::new(u64::from(how.rounds()));
    let idle = how.effort().time;
    let runs = interleave("kept", &names, how.rounds(), &progress, |_| {
        measure(
            Fleet::sharing(&how.relay, 2)?,
            &vec![people; rooms],
            kept,
            idle,
        )
    });
    let mut report = Report::new(how);
    let section = Section {
        name: "kept".to_owned(),
        title: format!("{rooms} rooms of {people}, at rest and with {kept} messages kept in each"),
        compares: false,
        rows: self::rows(&names, runs),
    };
    report.add(section, &progress)?;
    progress.finish();
    report.end(|_| true)
}

fn measure(mut fleet: Fleet, sizes: &[usize], kept: u64, idle: Duration) -> Result<Figures> {
    let count = sizes.len();
    let (mut some, _) = fleet.fill(&[2; BEFORE])?;
    rest(&mut some, Duration::from_millis(500))?;
    let before = (fleet.redis()?.memory()?, memory_of_relays(&fleet)?);
    let keys_before = memory_of_keys(&mut fleet)?;

    let empty = fleet.meters()?;
    let (mut swarm, rooms) = fleet.fill(sizes)?;
    let full = fleet.meters()?;
    rest(&mut swarm, Duration::from_millis(500))?;
    let filled = (fleet.redis()?.memory()?, memory_of_relays(&fleet)?);
    let keys = memory_of_keys(&mut fleet)? - keys_before;

    let at_rest = fleet.meters()?;
    rest(&mut swarm, idle)?;
    let later = fleet.meters()?;
    let (relays, redis) = later.cpu_since(&at_rest);
    let done = at_rest.redis.zip(later.redis).map(|(from, to)| {
        let each_second = |count: u64| count as f64 / idle.as_secs_f64();
        (
            each_second(to.scripts - from.scripts),
            each_second(to.bytes - from.bytes),
        )
    });
    let (idle_scripts, idle_bytes) = done.unwrap_or((f64::NAN, f64::NAN));
    let relays = relays / fleet.relays.len() as f64;
    let (relays_to_fill, redis_to_fill) = full.cpu_since(&empty);

    talk(&mut swarm, &rooms, kept)?;
    rest(&mut swarm, Duration::from_millis(500))?;
    let said = fleet.redis()?.memory()?;

    let of_rooms = |bytes: u64| bytes as f64 / count as f64;
    Ok(vec![
        (Figure::RelaysCpuPerRoom, relays_to_fill / count as f64),
        (Figure::RedisCpuPerRoom, redis_to_fill / count as f64),
        (
            Figure::RedisBytesPerRoom,
            of_rooms(filled.0.saturating_sub(before.0)),
        ),
        (Figure::KeysPerRoom, of_rooms(keys)),
        (
            Figure::RelayBytesPerRoom,
            of_rooms(filled.1.saturating_sub(before.1)),
        ),
        (Figure::IdleRedisCpu, percent(redis, idle)),
        (Figure::IdleRelayCpu, percent(relays, idle)),
        (Figure::IdleScripts, idle_scripts),
        (Figure::IdleBytes, idle_bytes),
        (
            Figure::RedisBytesPerEntry,
            of_rooms(said.saturating_sub(filled.0)) / kept as f64,
        ),
    ])
}

fn memory_of_relays(fleet: &Fleet) -> Result<u64> {
    let mut all = 0;
    for relay in &fleet.relays {
        all += relay.memory()?;
    }
    Ok(all)
}

/// What Redis says its keys of rooms take.
fn memory_of_keys(fleet: &mut Fleet) -> Result<u64> {
    let redis = fleet.redis()?;
    let keys: Vec<String> = redis.ask(&["KEYS", "bc:{*"])?;
    let mut all = 0;
    for key in keys {
        all += redis.ask::<u64>(&["MEMORY", "USAGE", &key, "SAMPLES", "0"])?;
    }
    Ok(all)
}
