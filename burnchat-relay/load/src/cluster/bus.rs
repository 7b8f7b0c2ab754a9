//! Redis alone: the step a relay takes for each message (write it down, tell the other members), by pub/sub and by
//! streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use redis::{Cmd, Connection, Value, cmd, pipe};

use super::redis_server::RedisServer;
use crate::Result;
use crate::options::How;
use crate::report::{Figure, Figures, Report, Section};
use crate::rounds::{Progress, add_times, interleave, rows};
use crate::scenario::{Effort, micros, millis_at};

/// Of a room of 2 as relays write it, in bytes: its state, a message in its log, and what another member is told of it.
const STATE: usize = 320;
const ENTRY: usize = 480;
const NOTE: usize = 560;
const ROOMS: usize = 100;
/// Messages a room keeps.
const LOG: u64 = 64;
/// Steps in one write to Redis, and notes that are on their way.
const TOGETHER: usize = 16;
const ON_THE_WAY: u64 = 512;
/// Steps a second of the paced load.
const PER_SECOND: u32 = 1_000;
/// Entries a reader of a stream takes at once.
const COUNT: usize = 256;
/// The stamp of the last note.
const LAST: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    PubSub,
    ShardedPubSub,
    /// Their reader deletes what it has read.
    Streams,
    /// The oldest is deleted when there are too many.
    BoundedStreams,
}

const WAYS: [(Way, &str); 4] = [
    (Way::PubSub, "PUBLISH"),
    (Way::ShardedPubSub, "SPUBLISH"),
    (Way::Streams, "XADD, XDEL when read"),
    (Way::BoundedStreams, "XADD MAXLEN ~ 1000"),
];

/// What a relay's script does: the room's state, an entry of its log, one that is forgotten, and the notes.
const STEP: &str = r"
local is = redis.call('HMGET', KEYS[1], 'o', 'f')
redis.call('HSET', KEYS[1], 's', ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
redis.call('HDEL', KEYS[2], ARGV[5])
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
redis.call('PEXPIREAT', KEYS[2], ARGV[1])
for at = 7, #ARGV do TELL end
return 1";

pub(crate) fn bus(how: &How, members: usize) -> Result<bool> {
    let names: Vec<String> = WAYS.iter().map(|(_, name)| (*name).to_owned()).collect();
    let progress = Progress::new(names.len() as u64 * u64::from(how.rounds()));
    let mut runs = interleave("bus", &names, how.rounds(), &progress, |number| {
        let (way, _) = WAYS.get(number).copied().ok_or("nothing")?;
        measure(way, members, how.effort())
    });
    add_times(&mut runs, Figure::CpuTimes, |figures| {
        crate::report::value(figures, Figure::RedisCpuPerMessage)
    });
    let mut report = Report::new(how);
    let section = Section {
        name: "bus".to_owned(),
        title: format!(
            "A message written down and told to {members} others: as fast as it goes, then {PER_SECOND} a second (p50, p99)"
        ),
        compares: false,
        rows: rows(&names, runs),
    };
    report.add(section, &progress)?;
    progress.finish();
    report.end(|_| true)
}

fn measure(way: Way, members: usize, effort: Effort) -> Result<Figures> {
    let mut redis = RedisServer::start()?;
    let epoch = Instant::now();
    let mut teller = Teller::new(&mut redis, way, members, epoch)?;
    let members = (0..members)
        .map(|number| Member::start(&redis, way, number, epoch))
        .collect::<Result<Vec<_>>>()?;
    let everybody = Everybody(members);

    // Whatever grows once has grown by then.
    teller.saturate(&everybody, effort.warm_up)?;
    let memory = redis.memory()?;
    redis.forget_peak()?;
    let cpu = redis.cpu()?;
    let begun = Instant::now();
    let told = teller.saturate(&everybody, effort.time)?;
    let per_second = told as f64 / begun.elapsed().as_secs_f64();
    let cpu = micros(redis.cpu()?.saturating_sub(cpu)) / told as f64;
    let peak = redis.peak()?.saturating_sub(memory);

    teller.pace(effort.time)?;
    everybody.until_heard(teller.told)?;
    let left = redis.memory()?;
    teller.last()?;
    let mut delays = Histogram::new_with_bounds(1, 60_000_000_000, 3)?;
    for member in everybody.0 {
        let heard = member.thread.join().map_err(|_| "who listens panicked")??;
        delays.add(heard)?;
    }
    Ok(vec![
        (Figure::MessagesPerSecond, per_second),
        (Figure::RedisCpuPerMessage, cpu),
        (Figure::DelayMedian, millis_at(&delays, 0.5)),
        (Figure::Delay99, millis_at(&delays, 0.99)),
        (Figure::KibPeak, peak as f64 / 1_024.0),
        (Figure::KibLeft, left as f64 / 1_024.0),
    ])
}

fn channel(member: usize) -> String {
    format!("bus:{member}")
}

/// Who writes and tells.
struct Teller {
    connection: Connection,
    script: String,
    members: usize,
    epoch: Instant,
    told: u64,
    note: Vec<u8>,
}

impl Teller {
    fn new(redis: &mut RedisServer, way: Way, members: usize, epoch: Instant) -> Result<Self> {
        let tell = match way {
            Way::PubSub => "redis.call('PUBLISH', ARGV[at], ARGV[6])",
            Way::ShardedPubSub => "redis.call('SPUBLISH', ARGV[at], ARGV[6])",
            Way::Streams => "redis.call('XADD', ARGV[at], '*', 'n', ARGV[6])",
            Way::BoundedStreams => {
                "redis.call('XADD', ARGV[at], 'MAXLEN', '~', 1000, '*', 'n', ARGV[6])"
            }
        };
        let script = redis.ask(&["SCRIPT", "LOAD", &STEP.replace("TELL", tell)])?;
        Ok(Self {
            connection: redis.connect()?,
            script,
            members,
            epoch,
            told: 0,
            note: vec![b'n'; NOTE],
        })
    }

    /// One message, in the next room.
    fn step(&mut self, stamp: u64) -> Cmd {
        let (room, seq) = (self.told % ROOMS as u64, self.told / ROOMS as u64);
        if let Some(head) = self.note.first_chunk_mut() {
            *head = stamp.to_le_bytes();
        }
        let mut step = cmd("EVALSHA");
        step.arg(&self.script).arg(2);
        step.arg(format!("room:{{{room}}}:r"));
        step.arg(format!("room:{{{room}}}:l"));
        step.arg(4_000_000_000_000_u64)
            .arg([b's'; STATE].as_slice());
        step.arg(seq).arg([b'e'; ENTRY].as_slice());
        step.arg(seq.saturating_sub(LOG)).arg(&self.note);
        for member in 0..self.members {
            step.arg(channel(member));
        }
        self.told += 1;
        step
    }

    /// As fast as it goes. Says how many there were.
    fn saturate(&mut self, everybody: &Everybody, time: Duration) -> Result<u64> {
        let (begun, before) = (Instant::now(), self.told);
        while begun.elapsed() < time {
            let mut together = pipe();
            for _ in 0..TOGETHER {
                together.add_command(self.step(0)).ignore();
            }
            together.query::<()>(&mut self.connection)?;
            while everybody.heard() + ON_THE_WAY < self.told {
                thread::sleep(Duration::from_micros(50));
                everybody.are_there()?;
            }
        }
        everybody.until_heard(self.told)?;
        Ok(self.told - before)
    }

    /// One at a time, each stamped with when it was due.
    fn pace(&mut self, time: Duration) -> Result<()> {
        let begun = self.epoch.elapsed();
        let mut due = begun;
        while due < begun + time {
            if let Some(early) = due.checked_sub(self.epoch.elapsed()) {
                thread::sleep(early);
            }
            let stamp = u64::try_from(due.as_nanos())?;
            self.step(stamp).exec(&mut self.connection)?;
            due += Duration::from_secs(1) / PER_SECOND;
        }
        Ok(())
    }

    fn last(&mut self) -> Result<()> {
        Ok(self.step(LAST).exec(&mut self.connection)?)
    }
}

/// Who is told.
struct Member {
    heard: Arc<AtomicU64>,
    thread: JoinHandle<Result<Histogram<u64>>>,
}

impl Member {
    fn start(redis: &RedisServer, way: Way, number: usize, epoch: Instant) -> Result<Self> {
        let mut connection = redis.connect()?;
        let channel = channel(number);
        match way {
            Way::PubSub => subscribe(&mut connection, "SUBSCRIBE", &channel)?,
            Way::ShardedPubSub => subscribe(&mut connection, "SSUBSCRIBE", &channel)?,
            Way::Streams | Way::BoundedStreams => {}
        }
        let heard = Arc::new(AtomicU64::new(0));
        let ear = Ear {
            heard: Arc::clone(&heard),
            delays: Histogram::new_with_bounds(1, 60_000_000_000, 3)?,
            epoch,
            ended: false,
        };
        let thread = thread::spawn(move || match way {
            Way::PubSub | Way::ShardedPubSub => ear.listen(&mut connection),
            Way::Streams => ear.read(&mut connection, &channel, true),
            Way::BoundedStreams => ear.read(&mut connection, &channel, false),
        });
        Ok(Self { heard, thread })
    }
}

struct Everybody(Vec<Member>);

impl Everybody {
    /// What all of them have heard.
    fn heard(&self) -> u64 {
        let heard = self.0.iter().map(|one| one.heard.load(Ordering::Relaxed));
        heard.min().unwrap_or(u64::MAX)
    }

    fn are_there(&self) -> Result<()> {
        if self.0.iter().any(|one| one.thread.is_finished()) {
            return Err("somebody does not listen any more".into());
        }
        Ok(())
    }

    fn until_heard(&self, told: u64) -> Result<()> {
        while self.heard() < told {
            self.are_there()?;
            thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }
}

fn subscribe(connection: &mut Connection, how: &str, channel: &str) -> Result<()> {
    connection.send_packed_command(&cmd(how).arg(channel).get_packed_command())?;
    connection.recv_response()?;
    Ok(())
}

struct Ear {
    heard: Arc<AtomicU64>,
    delays: Histogram<u64>,
    epoch: Instant,
    ended: bool,
}

impl Ear {
    fn hear(&mut self, note: &[u8]) -> Result<()> {
        let stamp = note.first_chunk().ok_or("a note without stamp")?;
        match u64::from_le_bytes(*stamp) {
            0 => {}
            LAST => self.ended = true,
            due => {
                let now = u64::try_from(self.epoch.elapsed().as_nanos())?;
                self.delays.saturating_record(now.saturating_sub(due));
            }
        }
        self.heard.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// To what is published.
    fn listen(mut self, connection: &mut Connection) -> Result<Histogram<u64>> {
        while !self.ended {
            match connection.recv_response()? {
                Value::Array(parts) | Value::Push { data: parts, .. } => match parts.last() {
                    Some(Value::BulkString(note)) => self.hear(note)?,
                    _ => return Err("a message without payload".into()),
                },
                _ => return Err("no message".into()),
            }
        }
        Ok(self.delays)
    }

    /// What is added to a stream.
    fn read(
        mut self,
        connection: &mut Connection,
        stream: &str,
        delete: bool,
    ) -> Result<Histogram<u64>> {
        let mut last = b"0".to_vec();
        while !self.ended {
            let mut read = cmd("XREAD");
            read.arg("COUNT").arg(COUNT).arg("BLOCK").arg(500);
            read.arg("STREAMS").arg(stream).arg(&last);
            let entries = entries(read.query(connection)?);
            let mut ids = Vec::with_capacity(entries.len());
            for (id, note) in entries {
                self.hear(&note)?;
                ids.push(id);
            }
            let Some(newest) = ids.last() else { continue };
            last.clone_from(newest);
            if delete {
                cmd("XDEL").arg(stream).arg(&ids).exec(connection)?;
            }
        }
        Ok(self.delays)
    }
}

/// Their names and notes: `[[stream, [[id, [field, note]], …]]]`, or nothing.
fn entries(answer: Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let inner = |value: Option<Value>| match value {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    let of_stream = inner(inner(Some(answer)).pop());
    for entry in inner(of_stream.into_iter().nth(1)) {
        let mut entry = inner(Some(entry)).into_iter();
        if let (Some(Value::BulkString(id)), Some(Value::BulkString(note))) =
            (entry.next(), inner(entry.next()).pop())
        {
            found.push((id, note));
        }
    }
    found
}
