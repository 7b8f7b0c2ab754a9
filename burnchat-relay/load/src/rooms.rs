//! Rooms with people in them, made as real clients make them.
//!
//! Everybody joins with keys, a sealed name and a join proof of their own. In each room the creator stays a whole client
//! of the core until it has made the key frame for everyone; of the others only the frames are counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use burnchat_core::client::{Client, JoinOptions, Output, RoomSettings, plan_room};
use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use burnchat_core::wire::http::RoomCreated;
use getrandom::SysRng;
use rand_core::{CryptoRng, Rng, UnwrapErr};

use crate::Result;
use crate::message::Writer;
use crate::swarm::{Came, Swarm};

/// Joins that have not been answered yet.
const JOINS_AT_ONCE: usize = 64;
/// Without any progress for so long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// A room everyone has joined.
pub(crate) struct Room {
    /// Connections in the swarm, the creator's first.
    pub(crate) people: Vec<usize>,
    /// In base64url.
    pub(crate) epoch: String,
    /// Just before it was: its life begins no earlier.
    pub(crate) asked_for: Instant,
}

/// A room at the relay nobody has joined.
struct Created {
    link: Link,
    creator_token: Secret<32>,
}

/// Opens rooms at a relay, over one connection.
pub(crate) struct Desk {
    stream: BufReader<TcpStream>,
    base: String,
}

impl Desk {
    pub(crate) fn open(relay: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(relay)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            base: format!("http://{relay}"),
        })
    }

    /// Creates a room nobody will join.
    pub(crate) fn create_empty(&mut self) -> Result<()> {
        self.create(2, 72 * 3_600).map(drop)
    }

    fn create(&mut self, capacity: usize, ttl_seconds: u64) -> Result<Created> {
        let settings = RoomSettings {
            ttl_seconds,
            capacity: u16::try_from(capacity)?,
            ..RoomSettings::default()
        };
        let (request, link) = plan_room(&self.base, settings, now(), &mut rng())?;
        let body = request.encode();
        let request = format!(
            "POST /api/rooms HTTP/1.1\r\nHost: relay\r\nContent-Length: {}\r\n\r\n{}",
            body.as_bytes().len(),
            body.as_str()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let answer = self.read_answer()?;
        let created = RoomCreated::parse(&answer).map_err(|code| format!("no room: {code}"))?;
        Ok(Created {
            link,
            creator_token: created.creator_token,
        })
    }

    fn read_answer(&mut self) -> Result<Vec<u8>> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.trim().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        if !status.starts_with("HTTP/1.1 201") {
            return Err(format!("the relay makes no room: {status}").into());
        }
        Ok(body)
    }
}

/// Makes rooms of these sizes that live for so long, and lets everybody join at the relay that `at` names for the room
/// and the place in it; a room is made where its creator joins. Returns when every room has its key.
pub(crate) fn fill(
    swarm: &mut Swarm,
    at: impl Fn(usize, usize) -> SocketAddr,
    sizes: &[usize],
    ttl_seconds: u64,
) -> Result<Vec<Room>> {
    let mut desks = HashMap::new();
    let mut admission = Admission::default();
    let mut rooms = Vec::with_capacity(sizes.len());
    let mut waiting = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        let relay = at(number, 0);
        let desk = match desks.entry(relay) {
            Entry::Occupied(desk) => desk.into_mut(),
            Entry::Vacant(place) => place.insert(Desk::open(relay)?),
        };
        let asked_for = Instant::now();
        let created = desk.create(*size, ttl_seconds)?;
        let room = created.link.room_id().to_base64();
        let link = created.link.to_url();
        let connection = swarm.connect_to(relay, &room)?;
        admission.knock(connection, parse(&link)?, Some(created.creator_token))?;
        // Whoever comes first is asked for keys first.
        admission.wait(swarm, 0, PATIENCE)?;
        waiting.push((room, link, size - 1));
        rooms.push(Room {
            people: vec![connection],
            epoch: String::new(),
            asked_for,
        });
    }
    let of_rooms = waiting.iter().zip(&mut rooms).enumerate();
    for (number, ((room, link, others), Room { people, .. })) in of_rooms {
        for place in 1..=*others {
            let connection = swarm.connect_to(at(number, place), room)?;
            admission.knock(connection, parse(link)?, None)?;
            people.push(connection);
            admission.wait(swarm, JOINS_AT_ONCE, PATIENCE)?;
        }
    }
    admission.wait(swarm, 0, PATIENCE)?;
    for room in &mut rooms {
        room.epoch = admission.wait_for_key(swarm, room)?;
    }
    Ok(rooms)
}

fn parse(link: &str) -> Result<Link> {
    Link::parse(link).map_err(|code| code.to_string().into())
}

/// Rooms of these sizes at a server where being connected is all there is.
pub(crate) fn gather(swarm: &mut Swarm, sizes: &[usize]) -> Result<Vec<Room>> {
    let mut rooms = Vec::with_capacity(sizes.len());
    let mut opening = 0;
    for size in sizes {
        let mut id = [0; 16];
        rng().fill_bytes(&mut id);
        let id = RoomId(id).to_base64();
        let mut people = Vec::with_capacity(*size);
        for _ in 0..*size {
            people.push(swarm.connect(&id)?);
            opening += 1;
            until_open(swarm, &mut opening, JOINS_AT_ONCE)?;
        }
        rooms.push(Room {
            people,
            epoch: Writer::any_epoch(),
            asked_for: Instant::now(),
        });
    }
    until_open(swarm, &mut opening, 0)?;
    Ok(rooms)
}

/// Goes on until at most `left` of those `opening` are not open.
fn until_open(swarm: &mut Swarm, opening: &mut usize, left: usize) -> Result<()> {
    let begun = Instant::now();
    while *opening > left {
        swarm.poll(Duration::from_millis(50), |_, _, came| {
            if matches!(came, Came::Open) {
                *opening -= 1;
            }
        })?;
        if begun.elapsed() > PATIENCE {
            return Err("connections do not open".into());
        }
    }
    Ok(())
}

/// Joins under way.
#[derive(Default)]
struct Admission {
    /// The `join` of those whose connection is not open yet.
    knocking: HashMap<usize, EncodedFrame>,
    /// Those whose `join` is not answered yet, these included.
    unanswered: usize,
    creators: HashMap<usize, Client>,
    /// Frames to send, as they come up.
    letters: Vec<(usize, EncodedFrame)>,
    refused: Option<String>,
}

impl Admission {
    fn knock(
        &mut self,
        connection: usize,
        link: Link,
        creator_token: Option<Secret<32>>,
    ) -> Result<()> {
        let creates = creator_token.is_some();
        let options = JoinOptions {
            creator_token,
            ..JoinOptions::default()
        };
        let mut client = Client::new(link, options, &mut rng());
        client.handle_connected(now(), &mut rng())?;
        let join = sent(&mut client).next().ok_or("a client did not join")?;
        self.knocking.insert(connection, join);
        self.unanswered += 1;
        if creates {
            self.creators.insert(connection, client);
        }
        Ok(())
    }

    /// Goes on until at most so many joins are unanswered.
    fn wait(&mut self, swarm: &mut Swarm, unanswered: usize, patience: Duration) -> Result<()> {
        let mut before = self.unanswered;
        let mut begun = Instant::now();
        while self.unanswered > unanswered {
            self.step(swarm)?;
            if self.unanswered != before {
                before = self.unanswered;
                begun = Instant::now();
            } else if begun.elapsed() > patience {
                return Err("people who join are not answered".into());
            }
        }
        Ok(())
    }

    /// Goes on until the creator holds a key for everyone. Gives its epoch.
    fn wait_for_key(&mut self, swarm: &mut Swarm, room: &Room) -> Result<String> {
        let begun = Instant::now();
        let creator = room.people.first().ok_or("an empty room")?;
        loop {
            let client = self.creators.get(creator).ok_or("a room without creator")?;
            if let Some((version, epoch)) = client.epoch()
                && version == room.people.len() as u64
            {
                self.creators.remove(creator);
                return Ok(epoch.to_base64());
            }
            if room.people.len() == 1 {
                return Ok(String::new());
            }
            if begun.elapsed() > PATIENCE {
                return Err("a room gets no key".into());
            }
            self.step(swarm)?;
        }
    }

    fn step(&mut self, swarm: &mut Swarm) -> Result<()> {
        swarm.poll(
            Duration::from_millis(50),
            |connection, _, came| match came {
                Came::Open => {
                    if let Some(join) = self.knocking.remove(&connection) {
                        self.letters.push((connection, join));
                    }
                }
                Came::Text(text) => self.read(connection, text),
                Came::Close(code) => self.refused = Some(format!("closed with {code}")),
                Came::End => self.refused = Some("a connection ended".to_owned()),
            },
        )?;
        if let Some(refused) = self.refused.take() {
            return Err(format!("somebody could not join: {refused}").into());
        }
        for (connection, frame) in self.letters.drain(..) {
            swarm.send(connection, frame.as_bytes());
        }
        Ok(swarm.flush()?)
    }

    fn read(&mut self, connection: usize, text: &[u8]) {
        if text.starts_with(br#"{"type":"joined""#) {
            self.unanswered -= 1;
        } else if text.starts_with(br#"{"type":"error""#) {
            self.refused = Some(String::from_utf8_lossy(text).into_owned());
        }
        if let Some(client) = self.creators.get_mut(&connection) {
            if let Err(error) = client.handle_frame(now(), text, &mut rng()) {
                self.refused = Some(error.to_string());
            }
            let letters = sent(client).map(|frame| (connection, frame));
            self.letters.extend(letters);
        }
    }
}

/// What a client has to send; what it has to tell is dropped.
fn sent(client: &mut Client) -> impl Iterator<Item = EncodedFrame> {
    std::iter::from_fn(|| client.poll_output()).filter_map(|output| match output {
        Output::Send(frame) => Some(frame),
        _ => None,
    })
}

fn now() -> Timestamp {
    Timestamp(0)
        + SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
}

pub(crate) fn rng() -> impl CryptoRng {
    UnwrapErr(SysRng)
}
