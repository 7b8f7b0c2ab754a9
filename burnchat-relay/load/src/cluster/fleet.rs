//! Relays that share a Redis, or one that has none.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::redis_server::{Meter, RedisServer};
use crate::Result;
use crate::contestant::relay_command;
use crate::message::{Arrived, Reader, Writer};
use crate::rooms::{self, Room};
use crate::scenario::micros;
use crate::server::Server;
use crate::swarm::{Came, Swarm};

/// What was said and has not come for so long is lost.
const LOST_AFTER: Duration = Duration::from_secs(20);

pub(crate) struct Fleet {
    /// They end before their Redis does.
    pub(crate) relays: Vec<Server>,
    pub(crate) redis: Option<RedisServer>,
}

/// What relays and Redis have done since their start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meters {
    pub(crate) relays: Duration,
    pub(crate) redis: Option<Meter>,
}

impl Meters {
    /// What relays and Redis have used since then, in µs of CPU time. Not a number where there is no Redis.
    pub(crate) fn cpu_since(&self, before: &Self) -> (f64, f64) {
        let redis = before.redis.zip(self.redis);
        let redis = redis.map_or(f64::NAN, |(from, to)| {
            micros(to.cpu.saturating_sub(from.cpu))
        });
        (micros(self.relays.saturating_sub(before.relays)), redis)
    }
}

impl Fleet {
    /// One relay, without a Redis.
    pub(crate) fn alone(relay: &Option<PathBuf>) -> Result<Self> {
        Ok(Self {
            relays: vec![Server::start(&mut relay_command(relay)?)?],
            redis: None,
        })
    }

    /// So many, with one.
    pub(crate) fn sharing(relay: &Option<PathBuf>, count: usize) -> Result<Self> {
        Self::sharing_by(relay, count, RedisServer::start()?)
    }

    /// So many, with this one.
    pub(crate) fn sharing_by(
        relay: &Option<PathBuf>,
        count: usize,
        redis: RedisServer,
    ) -> Result<Self> {
        let relays = (0..count).map(|_| {
            let mut command = relay_command(relay)?;
            command.arg("--cluster").arg(redis.url());
            Ok(Server::start(&mut command)?)
        });
        Ok(Self {
            relays: relays.collect::<Result<_>>()?,
            redis: Some(redis),
        })
    }

    pub(crate) fn redis(&mut self) -> Result<&mut RedisServer> {
        self.redis.as_mut().ok_or_else(|| "no Redis".into())
    }

    pub(crate) fn address(&self, number: usize) -> Result<SocketAddr> {
        let relay = self.relays.get(number);
        relay
            .map(|relay| relay.address)
            .ok_or_else(|| "no such relay".into())
    }

    /// The CPU time of all relays.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let mut all = Duration::ZERO;
        for relay in &self.relays {
            all += relay.cpu()?;
        }
        Ok(all)
    }

    pub(crate) fn meters(&mut self) -> Result<Meters> {
        let relays = self.cpu()?;
        let redis = self.redis.as_mut().map(RedisServer::meter).transpose()?;
        Ok(Meters { relays, redis })
    }

    /// Rooms made at one relay after the other, the people of each spread over all of them.
    pub(crate) fn fill(&self, sizes: &[usize]) -> Result<(Swarm, Vec<Room>)> {
        let addresses: Vec<SocketAddr> = self.relays.iter().map(|relay| relay.address).collect();
        let first = self.address(0)?;
        let at = |room: usize, place: usize| {
            let turn = (room + place) % addresses.len();
            addresses.get(turn).copied().unwrap_or(first)
        };
        let mut swarm = Swarm::new(first)?;
        let rooms = rooms::fill(&mut swarm, at, sizes, 3_600)?;
        Ok((swarm, rooms))
    }
}

/// Lets the first in each room say so many things, one after the other, and everybody hear them.
pub(crate) fn talk(swarm: &mut Swarm, rooms: &[Room], messages: u64) -> Result<()> {
    let (writer, reader) = (Writer::new(false), Reader::new());
    let everybody: usize = rooms.iter().map(|room| room.people.len()).sum();
    let mut text = Vec::new();
    for n in 0..messages {
        for room in rooms {
            let first = room.people.first().ok_or("an empty room")?;
            text.clear();
            writer.write(&mut text, &room.epoch, n, 0);
            swarm.send(*first, &text);
        }
        let mut heard = 0;
        let mut wrong = None;
        let begun = Instant::now();
        while heard < everybody {
            swarm.poll(Duration::from_millis(50), |_, _, came| match came {
                Came::Text(text) => match reader.read(text) {
                    Arrived::Message(_) => heard += 1,
                    Arrived::Error => wrong = Some(String::from_utf8_lossy(text).into_owned()),
                    Arrived::Other => {}
                },
                Came::Close(code) => wrong = Some(format!("somebody was closed with {code}")),
                Came::End => wrong = Some("a connection ended".to_owned()),
                Came::Open => {}
            })?;
            if let Some(wrong) = wrong.take() {
                return Err(wrong.into());
            }
            if begun.elapsed() > LOST_AFTER {
                return Err(format!("{} of {everybody} heard nothing", everybody - heard).into());
            }
        }
    }
    Ok(())
}
