//! The relay that has all the rooms is killed, and the other goes on with them.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::fleet::{Fleet, talk};
use crate::Result;
use crate::message::{Arrived, Reader, Writer};
use crate::options::How;
use crate::report::{Figure, Figures, Report, Section};
use crate::rooms::{self, Room};
use crate::rounds::{Progress, interleave, rows};
use crate::scenario::millis_at;
use crate::swarm::{Came, Swarm};

/// A room that has not gone on after so long never will.
const LOST_AFTER: Duration = Duration::from_secs(60);

pub(crate) fn take_over(how: &How, rooms: &[usize], kept: u64) -> Result<bool> {
    let counts = match rooms {
        [] => &[10, 100, 1_000],
        asked_for => asked_for,
    };
    let names: Vec<String> = counts
        .iter()
        .map(|count| format!("{count} rooms"))
        .collect();
    let progress = Progress::new(counts.len() as u64 * u64::from(how.rounds()));
    let runs = interleave("take-over", &names, how.rounds(), &progress, |number| {
        let count = counts.get(number).ok_or("nothing")?;
        let fleet = Fleet::sharing(&how.relay, 2)?;
        measure(fleet, *count, kept)
    });
    let mut report = Report::new(how);
    let section = Section {
        name: "take-over".to_owned(),
        title: format!("From the owner's end to the first message in each room of 2, {kept} kept"),
        compares: false,
        rows: rows(&names, runs),
    };
    report.add(section, &progress)?;
    progress.finish();
    report.end(|_| true)
}

/// In each room one is connected to the owner and one to the successor, who says something as soon as the owner is dead.
fn measure(mut fleet: Fleet, count: usize, kept: u64) -> Result<Figures> {
    let (owner, successor) = (fleet.address(0)?, fleet.address(1)?);
    let mut swarm = Swarm::new(owner)?;
    let at = |_: usize, place: usize| if place == 0 { owner } else { successor };
    let rooms = rooms::fill(&mut swarm, at, &vec![2; count], 3_600)?;
    talk(&mut swarm, &rooms, kept)?;

    fleet.relays.remove(0).kill()?;
    let died = swarm.now();
    let before = fleet.meters()?;
    say_once(&mut swarm, &rooms)?;
    let pauses = heard(&mut swarm, count, died)?;
    let after = fleet.meters()?;

    let (successors, redis) = after.cpu_since(&before);
    Ok(vec![
        (Figure::FirstAfter, pauses.min() as f64 / 1e6),
        (Figure::MedianAfter, millis_at(&pauses, 0.5)),
        (Figure::LastAfter, pauses.max() as f64 / 1e6),
        (Figure::SuccessorCpu, successors / 1e3),
        (Figure::RedisCpu, redis / 1e3),
        (Figure::SuccessorCpuPerRoom, successors / count as f64),
        (Figure::RedisCpuPerRoom, redis / count as f64),
    ])
}

fn say_once(swarm: &mut Swarm, rooms: &[Room]) -> Result<()> {
    let writer = Writer::new(false);
    let mut text = Vec::new();
    for (number, room) in rooms.iter().enumerate() {
        let living = room.people.last().ok_or("an empty room")?;
        text.clear();
        writer.write(&mut text, &room.epoch, 0, number);
        swarm.send(*living, &text);
    }
    Ok(())
}

/// How long after that each room's message came back to who said it.
fn heard(swarm: &mut Swarm, count: usize, died: Duration) -> Result<Histogram<u64>> {
    let reader = Reader::new();
    let mut pauses = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
    let mut wrong = None;
    while pauses.len() < count as u64 {
        // Those who were connected to the owner have lost their connection.
        swarm.poll(Duration::from_millis(50), |_, now, came| match came {
            Came::Text(text) => match reader.read(text) {
                Arrived::Message(_) => {
                    let pause = now.saturating_sub(died).as_nanos();
                    pauses.saturating_record(u64::try_from(pause).unwrap_or(u64::MAX));
                }
                Arrived::Error => wrong = Some(String::from_utf8_lossy(text).into_owned()),
                Arrived::Other => {}
            },
            Came::Close(code) => wrong = Some(format!("somebody was closed with {code}")),
            Came::Open | Came::End => {}
        })?;
        if let Some(wrong) = wrong.take() {
            return Err(wrong.into());
        }
        if swarm.now().saturating_sub(died) > LOST_AFTER {
            let lost = count as u64 - pauses.len();
            return Err(format!("{lost} of {count} rooms have not gone on").into());
        }
    }
    Ok(pauses)
}
