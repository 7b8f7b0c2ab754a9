//! Messages on their way, and when they arrive.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Result;
use crate::message::{Arrived, Reader, Writer};
use crate::rooms::Room;
use crate::swarm::{Came, Swarm};

/// At n = 4,096 a relay asks for a new key (spec section 7.6): nobody here gets so far.
const MESSAGES_OF_ONE: u64 = 4_000;
/// A message that has not come for so long after the last one is lost.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// How messages are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// Everybody always has so many on the way.
    Saturated { window: usize },
    /// So many a second from all together, evenly.
    Paced { per_second: u32 },
}

/// What was measured, with what the servers' meters showed before and after it.
pub(crate) struct Measured<M> {
    pub(crate) deliveries: u64,
    pub(crate) messages: u64,
    pub(crate) took: Duration,
    /// From sending to arrival; for a paced load from when it was to be sent.
    pub(crate) delays: Histogram<u64>,
    pub(crate) before: M,
    pub(crate) after: M,
}

impl<M> Measured<M> {
    pub(crate) fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.took.as_secs_f64()
    }
}

pub(crate) struct Traffic<'a> {
    swarm: &'a mut Swarm,
    writer: Writer,
    reader: Reader,
    authors: Vec<Author>,
    /// By connection.
    author_of: Vec<Option<usize>>,
    sent: Vec<Sent>,
    arrivals: u64,
    expected: u64,
    /// Authors who may send again.
    ready: Vec<usize>,
    /// While it is measured: since when.
    measuring: Option<Duration>,
    delays: Histogram<u64>,
    wrong: Option<String>,
    text: Vec<u8>,
}

struct Author {
    connection: usize,
    epoch: String,
    audience: u64,
    n: u64,
}

#[derive(Clone, Copy)]
struct Sent {
    at: Duration,
    author: usize,
}

impl<'a> Traffic<'a> {
    pub(crate) fn new(swarm: &'a mut Swarm, rooms: &[Room], broadcast: bool) -> Result<Self> {
        let mut authors = Vec::new();
        let longest = rooms.iter().map(|room| room.people.len()).max();
        // Neighbours in time are in different rooms.
        for place in 0..longest.unwrap_or_default() {
            for room in rooms {
                if let Some(connection) = room.people.get(place) {
                    authors.push(Author {
                        connection: *connection,
                        epoch: room.epoch.clone(),
                        audience: room.people.len() as u64,
                        n: 0,
                    });
                }
            }
        }
        let connections = authors.iter().map(|author| author.connection + 1).max();
        let mut author_of = vec![None; connections.unwrap_or_default()];
        for (number, author) in authors.iter().enumerate() {
            if let Some(slot) = author_of.get_mut(author.connection) {
                *slot = Some(number);
            }
        }
        Ok(Self {
            swarm,
            writer: Writer::new(broadcast),
            reader: Reader::new(),
            authors,
            author_of,
            sent: Vec::new(),
            arrivals: 0,
            expected: 0,
            ready: Vec::new(),
            measuring: None,
            delays: Histogram::new_with_bounds(1, 60_000_000_000, 3)?,
            wrong: None,
            text: Vec::new(),
        })
    }

    /// Sends for `time`, after a warm-up, and waits until everything has arrived.
    pub(crate) fn run<M>(
        &mut self,
        load: Load,
        warm_up: Duration,
        time: Duration,
        mut meter: impl FnMut() -> Result<M>,
    ) -> Result<Measured<M>> {
        let begun = self.swarm.now();
        let mut pace = Pace::new(load, begun);
        if let Load::Saturated { window } = load {
            for _ in 0..window {
                self.ready.extend(0..self.authors.len());
            }
        }
        self.go_on(load, &mut pace, begun + warm_up)?;

        let before = meter()?;
        let (arrivals_before, sent_before) = (self.arrivals, self.sent.len());
        let since = self.swarm.now();
        self.measuring = Some(since);
        self.go_on(load, &mut pace, since + time)?;
        let took = self.swarm.now().saturating_sub(since);
        let after = meter()?;
        let deliveries = self.arrivals - arrivals_before;
        let messages = (self.sent.len() - sent_before) as u64;

        // What was sent meanwhile counts with its delay, however late it comes.
        self.drain()?;
        self.measuring = None;
        let delays = self.delays.clone();
        self.delays.reset();
        if deliveries == 0 {
            return Err("nothing arrived".into());
        }
        Ok(Measured {
            deliveries,
            messages,
            took,
            delays,
            before,
            after,
        })
    }

    /// Sends and receives until this time, or until somebody has said all they can.
    pub(crate) fn go_on(&mut self, load: Load, pace: &mut Pace, until: Duration) -> Result<()> {
        loop {
            let now = self.swarm.now();
            if now >= until {
                return Ok(());
            }
            let mut wait = until - now;
            match load {
                Load::Saturated { .. } => {
                    while let Some(author) = self.ready.pop() {
                        if !self.send(author, now) {
                            return Ok(());
                        }
                    }
                }
                Load::Paced { .. } => {
                    self.ready.clear();
                    while pace.next <= now {
                        if !self.send(pace.author % self.authors.len(), pace.next) {
                            return Ok(());
                        }
                        pace.step();
                    }
                    wait = wait.min(pace.next - now);
                }
            }
            self.step(wait)?;
        }
    }

    fn send(&mut self, number: usize, at: Duration) -> bool {
        let Some(author) = self.authors.get_mut(number) else {
            return false;
        };
        if author.n >= MESSAGES_OF_ONE {
            return false;
        }
        self.text.clear();
        self.writer
            .write(&mut self.text, &author.epoch, author.n, self.sent.len());
        self.swarm.send(author.connection, &self.text);
        author.n += 1;
        self.expected += author.audience;
        self.sent.push(Sent { at, author: number });
        true
    }

    fn step(&mut self, at_most: Duration) -> Result<()> {
        let Self {
            swarm,
            reader,
            author_of,
            sent,
            arrivals,
            ready,
            measuring,
            delays,
            wrong,
            ..
        } = self;
        swarm.poll(at_most, |connection, now, came| match came {
            Came::Text(text) => match reader.read(text) {
                Arrived::Message(stamp) => {
                    let Some(sent) = sent.get(stamp) else {
                        *wrong = Some("a message came that nobody sent".to_owned());
                        return;
                    };
                    *arrivals += 1;
                    if measuring.is_some_and(|since| sent.at >= since) {
                        let delay = now.saturating_sub(sent.at).as_nanos();
                        delays.saturating_record(u64::try_from(delay).unwrap_or(u64::MAX));
                    }
                    if author_of.get(connection).copied().flatten() == Some(sent.author) {
                        ready.push(sent.author);
                    }
                }
                Arrived::Error => *wrong = Some(String::from_utf8_lossy(text).into_owned()),
                Arrived::Other => {}
            },
            Came::Close(code) => *wrong = Some(format!("somebody was closed with {code}")),
            Came::End => *wrong = Some("a connection ended".to_owned()),
            Came::Open => {}
        })?;
        match self.wrong.take() {
            Some(wrong) => Err(wrong.into()),
            None => Ok(()),
        }
    }

    /// Waits for what is under way: every message arrives everywhere, once.
    fn drain(&mut self) -> Result<()> {
        let mut before = self.arrivals;
        let mut begun = Instant::now();
        while self.arrivals < self.expected {
            self.step(Duration::from_millis(50))?;
            if self.arrivals != before {
                before = self.arrivals;
                begun = Instant::now();
            } else if begun.elapsed() > LOST_AFTER {
                let lost = self.expected - self.arrivals;
                return Err(format!("{lost} deliveries of {} were lost", self.expected).into());
            }
        }
        self.ready.clear();
        if self.arrivals > self.expected {
            return Err("something arrived twice".into());
        }
        Ok(())
    }
}

/// When the next message is due.
pub(crate) struct Pace {
    next: Duration,
    every: Duration,
    author: usize,
}

impl Pace {
    pub(crate) fn new(load: Load, begin: Duration) -> Self {
        let every = match load {
            Load::Paced { per_second } => Duration::from_secs(1) / per_second.max(1),
            Load::Saturated { .. } => Duration::MAX,
        };
        Self {
            next: begin,
            every,
            author: 0,
        }
    }

    fn step(&mut self) {
        self.next += self.every;
        self.author += 1;
    }
}
