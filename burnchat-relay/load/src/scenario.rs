//! What is measured.

use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use hdrhistogram::Histogram;

use crate::Result;
use crate::contestant::Contestant;
use crate::report::{Figure, Figures};
use crate::rooms::{self, Desk, Room};
use crate::server::Server;
use crate::swarm::{Came, Swarm};
use crate::traffic::{Load, Traffic};

/// So short a life is allowed (spec section 16).
const SHORTEST_LIFE: Duration = Duration::from_secs(30);
/// How long before the first burn and after the last the load goes on.
const AROUND: Duration = Duration::from_millis(500);
/// After so long without a frame a server counts as idle.
const REST: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One room of 50, everybody sends as fast as it goes
    #[value(name = "fan-out-50")]
    FanOut50,
    /// The same with 1,000 people in four rooms of 250 (a room has at most 256 seats)
    #[value(name = "fan-out-1000")]
    FanOut1000,
    /// 100 messages a second to a room of 50
    #[value(name = "paced-100")]
    Paced100,
    /// 1,000 messages a second to a room of 50
    #[value(name = "paced-1000")]
    Paced1000,
    /// 500 rooms of 2, in each of which everybody sends twice a second
    Pairs,
    /// What a connection costs that says nothing
    Connections,
    /// What a room costs that nobody has joined
    Rooms,
    /// Everybody is told the end: 10,000 people in rooms of 50 to 250, and SIGTERM
    Crowd,
    /// How late rooms of 2 burn while four rooms of 50 send as fast as it goes
    Burns,
}

/// How thorough to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
    pub(crate) connections: usize,
    pub(crate) empty_rooms: usize,
    pub(crate) crowd: usize,
    pub(crate) burning_rooms: usize,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        warm_up: Duration::from_millis(500),
        time: Duration::from_millis(2_500),
        connections: 5_000,
        empty_rooms: 20_000,
        crowd: 10_000,
        burning_rooms: 500,
    };
    /// All of it in about a minute.
    pub(crate) const QUICK: Self = Self {
        warm_up: Duration::from_millis(150),
        time: Duration::from_millis(300),
        connections: 400,
        empty_rooms: 2_000,
        crowd: 500,
        burning_rooms: 100,
    };
}

impl Scenario {
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(crate) fn title(self) -> String {
        let value = self.to_possible_value();
        let help = value.as_ref().and_then(|value| value.get_help());
        help.map_or_else(String::new, ToString::to_string)
    }

    /// Whether a plain broadcast can do it, too.
    pub(crate) fn is_for(self, contestant: Contestant) -> bool {
        match self {
            Self::Rooms | Self::Crowd | Self::Burns => !contestant.is_broadcast(),
            _ => true,
        }
    }

    /// Whether it differs from one time to the next.
    pub(crate) fn is_repeated(self) -> bool {
        self.load().is_some()
    }

    pub(crate) fn run(
        self,
        contestant: Contestant,
        server: &mut Server,
        effort: Effort,
    ) -> Result<Figures> {
        if let Some((sizes, load)) = self.load() {
            return traffic(contestant, server, &sizes, load, effort);
        }
        match self {
            Self::Connections => connections(contestant, server, effort.connections),
            Self::Rooms => empty_rooms(server, effort.empty_rooms),
            Self::Crowd => crowd(server, effort.crowd),
            _ => burns(server, effort.burning_rooms, effort.warm_up),
        }
    }

    fn load(self) -> Option<(Vec<usize>, Load)> {
        Some(match self {
            Self::FanOut50 => (vec![50], Load::Saturated { window: 8 }),
            Self::FanOut1000 => (vec![250; 4], Load::Saturated { window: 2 }),
            Self::Paced100 => (vec![50], Load::Paced { per_second: 100 }),
            Self::Paced1000 => (vec![50], Load::Paced { per_second: 1_000 }),
            Self::Pairs => (vec![2; 500], Load::Paced { per_second: 2_000 }),
            Self::Connections | Self::Rooms | Self::Crowd | Self::Burns => return None,
        })
    }
}

fn traffic(
    contestant: Contestant,
    server: &Server,
    sizes: &[usize],
    load: Load,
    effort: Effort,
) -> Result<Figures> {
    let mut swarm = Swarm::new(server.address)?;
    let rooms = contestant.fill(server, &mut swarm, sizes)?;
    let mut traffic = Traffic::new(&mut swarm, &rooms, contestant.is_broadcast())?;
    let measured = traffic.run(load, effort.warm_up, effort.time, || Ok(server.cpu()?))?;
    let cpu = measured.after.saturating_sub(measured.before);
    Ok(vec![
        (
            Figure::DeliveriesPerSecond,
            measured.deliveries_per_second(),
        ),
        (Figure::DelayMedian, millis_at(&measured.delays, 0.5)),
        (Figure::Delay99, millis_at(&measured.delays, 0.99)),
        (Figure::Delay999, millis_at(&measured.delays, 0.999)),
        (
            Figure::CpuPerDelivery,
            micros(cpu) / measured.deliveries as f64,
        ),
    ])
}

fn connections(contestant: Contestant, server: &Server, count: usize) -> Result<Figures> {
    let mut swarm = Swarm::new(server.address)?;
    // What a server needs once is not counted.
    contestant.fill(server, &mut swarm, &[50; 4])?;
    rest(&mut swarm, REST)?;
    let before = server.memory()?;
    let sizes = vec![50; count / 50];
    contestant.fill(server, &mut swarm, &sizes)?;
    rest(&mut swarm, REST)?;
    let grown = server.memory()?.saturating_sub(before);
    Ok(vec![(
        Figure::KibPerConnection,
        grown as f64 / 1_024.0 / (sizes.len() * 50) as f64,
    )])
}

fn empty_rooms(server: &Server, count: usize) -> Result<Figures> {
    let mut desk = Desk::open(server.address)?;
    for _ in 0..count / 10 {
        desk.create_empty()?;
    }
    let before = server.memory()?;
    let begun = Instant::now();
    for _ in 0..count {
        desk.create_empty()?;
    }
    let took = begun.elapsed();
    let grown = server.memory()?.saturating_sub(before);
    Ok(vec![
        (Figure::BytesPerRoom, grown as f64 / count as f64),
        (Figure::RoomsPerSecond, count as f64 / took.as_secs_f64()),
    ])
}

fn crowd(server: &mut Server, people: usize) -> Result<Figures> {
    let mut swarm = Swarm::new(server.address)?;
    let before = server.memory()?;
    let sizes = sizes_of_crowd(people);
    let rooms = rooms::fill(&mut swarm, |_, _| server.address, &sizes, 3_600)?;
    rest(&mut swarm, REST)?;
    let grown = server.memory()?.saturating_sub(before);

    server.terminate()?;
    let ends = ends(&mut swarm, &rooms, Duration::from_secs(30))?;
    let first = ends.iter().min().copied().unwrap_or_default();
    let last = ends.iter().max().copied().unwrap_or_default();
    if !server.has_ended_well()? {
        return Err("the relay did not end in time and with exit code 0".into());
    }
    Ok(vec![
        (Figure::People, people as f64),
        (
            Figure::KibPerConnection,
            grown as f64 / 1_024.0 / people as f64,
        ),
        (
            Figure::SpreadOfTheEnd,
            (last.saturating_sub(first)).as_secs_f64() * 1_000.0,
        ),
    ])
}

/// Rooms of 50, 100, 150, 200 and 250, in turn.
fn sizes_of_crowd(people: usize) -> Vec<usize> {
    let mut left = people;
    let mut sizes = Vec::new();
    for size in [50, 100, 150, 200, 250].iter().cycle() {
        let size = left.min(*size);
        if size == 0 {
            break;
        }
        sizes.push(size);
        left -= size;
    }
    sizes
}

fn burns(server: &Server, count: usize, warm_up: Duration) -> Result<Figures> {
    let mut talking = Swarm::new(server.address)?;
    let loud = rooms::fill(&mut talking, |_, _| server.address, &[50; 4], 3_600)?;
    let mut burning = Swarm::new(server.address)?;
    let begun = burning.now();
    let sizes = vec![2; count];
    let origin = Instant::now();
    let rooms = rooms::fill(
        &mut burning,
        |_, _| server.address,
        &sizes,
        SHORTEST_LIFE.as_secs(),
    )?;
    // They end as they began: one after the other, over so long.
    let over = burning.now() - begun;
    let begin_load = (SHORTEST_LIFE - AROUND - warm_up).saturating_sub(over);
    rest(&mut burning, begin_load)?;

    let lateness = thread::scope(|scope| -> Result<Histogram<u64>> {
        let loud = scope.spawn(|| {
            let mut traffic = Traffic::new(&mut talking, &loud, false)?;
            let load = Load::Saturated { window: 4 };
            let measured = traffic.run(load, warm_up, over + AROUND * 2, || Ok(()))?;
            Ok::<_, crate::Failure>(measured.deliveries_per_second())
        });
        let ends = ends(&mut burning, &rooms, SHORTEST_LIFE + over)?;
        let mut lateness = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
        let people = rooms
            .iter()
            .flat_map(|room| room.people.iter().map(move |_| room));
        for (room, end) in people.zip(ends) {
            let due = begun + room.asked_for.duration_since(origin) + SHORTEST_LIFE;
            lateness.saturating_record(u64::try_from(end.saturating_sub(due).as_nanos())?);
        }
        match loud.join() {
            Ok(loud) => loud.map(|_| lateness),
            Err(_) => Err("the load panicked".into()),
        }
    })?;
    Ok(vec![
        (Figure::Burns, count as f64),
        (Figure::LatenessMedian, millis_at(&lateness, 0.5)),
        (Figure::Lateness99, millis_at(&lateness, 0.99)),
        (Figure::LatenessMost, lateness.max() as f64 / 1e6),
    ])
}

/// When each of the people got `destroyed`, in the order of the rooms. Each must be closed with 1000 after it.
fn ends(swarm: &mut Swarm, rooms: &[Room], at_most: Duration) -> Result<Vec<Duration>> {
    let people: Vec<usize> = rooms.iter().flat_map(|room| room.people.clone()).collect();
    let count = people.iter().max().map_or(0, |most| most + 1);
    let mut told: Vec<Option<Duration>> = vec![None; count];
    let mut closed = 0;
    let mut wrong = None;
    let begun = Instant::now();
    while closed < people.len() {
        swarm.poll(
            Duration::from_millis(50),
            |connection, now, came| match came {
                Came::Text(text) if text.starts_with(br#"{"type":"destroyed""#) => {
                    if let Some(told) = told.get_mut(connection) {
                        *told = Some(now);
                    }
                }
                Came::Close(1000) if told.get(connection).is_some_and(Option::is_some) => {
                    closed += 1
                }
                Came::Close(code) => {
                    wrong = Some(format!("somebody was closed with {code} and not told why"))
                }
                _ => {}
            },
        )?;
        if let Some(wrong) = wrong.take() {
            return Err(wrong.into());
        }
        if begun.elapsed() > at_most {
            return Err(format!(
                "{} of {} were not told the end",
                people.len() - closed,
                people.len()
            )
            .into());
        }
    }
    people
        .iter()
        .map(|connection| told.get(*connection).copied().flatten())
        .map(|told| told.ok_or_else(|| "somebody was not told the end".into()))
        .collect()
}

/// Answers pings and lets everything come to rest.
pub(crate) fn rest(swarm: &mut Swarm, time: Duration) -> Result<()> {
    let until = swarm.now() + time;
    while swarm.now() < until {
        swarm.poll(until.saturating_sub(swarm.now()), |_, _, _| {})?;
    }
    Ok(())
}

/// Not a number where there is none.
pub(crate) fn millis_at(times: &Histogram<u64>, quantile: f64) -> f64 {
    if times.is_empty() {
        return f64::NAN;
    }
    times.value_at_quantile(quantile) as f64 / 1e6
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_as_many_as_it_says() {
        for people in [50, 500, 777, 10_000] {
            let sizes = sizes_of_crowd(people);
            assert_eq!(sizes.iter().sum::<usize>(), people);
            assert!(sizes.iter().all(|size| *size <= 250));
        }
    }
}
