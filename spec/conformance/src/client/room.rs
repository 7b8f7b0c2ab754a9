//! A room: an honest relay and honest people of burnchat-core, the client under test, and in between whatever a relay
//! that is not honest does.

mod changes;
mod engine;
mod hearing;
mod lying;

use std::collections::BTreeMap;
use std::time::Duration;

use burnchat_core::client::{Client, Event, JoinOptions, RoomSettings, plan_room};
use burnchat_core::crypto::{Name, Secret};
use burnchat_core::ids::ParticipantId;
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Limits, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::RelayFrame;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use self::changes::{LinkChange, changed_link, flipped};
use super::network::{Arrival, Listener, Order};
use super::subject::{Subject, Told};
use super::{Shim, Target};
use crate::case::{Outcome, Stop};
use crate::context::{Context, FrameLog};

/// The longest wait for what should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// The operating system's randomness.
pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Changes what the relay sends to the client under test.
pub(crate) type Tamper = Box<dyn FnMut(Value) -> Vec<Value> + Send>;

/// An honest participant.
pub(crate) struct Friend {
    pub(crate) client: Client,
    connection: Option<u64>,
    pub(crate) events: Vec<Event>,
}

/// One room, with everyone in it.
pub(crate) struct Room {
    pub(crate) shim: Shim,
    pub(crate) log: FrameLog,
    pub(crate) hub: Hub,
    pub(crate) link: String,
    pub(crate) pin: String,
    pub(crate) friends: Vec<Friend>,
    pub(crate) subject: Subject,
    /// What the client under test has sent to the relay, over all connections.
    pub(crate) sent: Vec<Value>,
    /// How its connections have ended: the code that it closed with, if one.
    pub(crate) closes: Vec<Option<u16>>,
    /// How many connections it has opened.
    pub(crate) opened: usize,
    /// The newest of them, while it is open.
    connection: Option<u64>,
    sockets: BTreeMap<u64, mpsc::UnboundedSender<Order>>,
    /// What the relay has told those who are nobody's client.
    pub(crate) strangers: BTreeMap<u64, Vec<String>>,
    tamper: Option<Tamper>,
    /// What becomes of its frames on their way to the relay.
    tamper_up: Option<Tamper>,
    /// The number of the next entry told to the client under test, where the relay counts for itself.
    renumber: Option<u64>,
    /// The last entry told to it.
    pub(crate) last_seq: u64,
    mute: bool,
    /// The honest people make no key frames.
    pub(crate) without_keys: bool,
    listener: Listener,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    told: mpsc::UnboundedReceiver<Told>,
    teller: mpsc::UnboundedSender<Told>,
    begun: (Instant, u64),
    /// How far the clocks of the relay and of the honest people are ahead of wall time, ms.
    ahead: u64,
    next_connection: u64,
}

/// How a room is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) history: bool,
    pub(crate) ttl_seconds: u64,
    pub(crate) anyone_may_burn: bool,
    pub(crate) capacity: u16,
    pub(crate) limits: Limits,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            history: false,
            ttl_seconds: 600,
            anyone_may_burn: false,
            capacity: 50,
            limits: Limits::default(),
        }
    }
}

impl Room {
    /// A room that Ana has made and joined; the client under test is not there yet.
    pub(crate) async fn of_ana(context: &Context<Target>, terms: Terms) -> Outcome<Self> {
        let mut room = Self::empty(context, terms.limits).await?;
        room.make(terms)?;
        Ok(room)
    }

    /// Ana makes a room and joins it.
    pub(crate) fn make(&mut self, terms: Terms) -> Outcome {
        let settings = RoomSettings {
            ttl_seconds: terms.ttl_seconds,
            history: terms.history,
            capacity: terms.capacity,
            burn: if terms.anyone_may_burn {
                burnchat_core::wire::WhoMayBurn::Anyone
            } else {
                burnchat_core::wire::WhoMayBurn::Creator
            },
            ..RoomSettings::default()
        };
        let planned = plan_room(&self.listener.base, settings, self.now(), &mut rng());
        let (request, link) = planned.map_err(of_the_suite)?;
        let (now, peer) = (self.now(), PeerKey([0; 16]));
        let created = self
            .hub
            .handle_create(now, peer, &request, &mut rng())
            .map_err(of_the_suite)?;
        self.link = link.to_url().to_string();
        self.pin = String::from_utf8_lossy(created.pin.0.as_slice()).into_owned();
        let options = JoinOptions {
            name: Name::new("Ana").ok(),
            creator_token: Some(created.creator_token),
            ..JoinOptions::default()
        };
        self.add(link, options);
        Ok(())
    }

    /// A relay without a room.
    pub(crate) async fn empty(context: &Context<Target>, limits: Limits) -> Outcome<Self> {
        Self::listening(&context.target.shim, &context.log, limits, "127.0.0.1:0").await
    }

    /// The same, at this address.
    pub(crate) async fn listening(
        shim: &Shim,
        log: &FrameLog,
        limits: Limits,
        address: &str,
    ) -> Outcome<Self> {
        let (send_arrival, arrivals) = mpsc::unbounded_channel();
        let (teller, told) = mpsc::unbounded_channel();
        let listener = Listener::start(address, send_arrival)
            .await
            .map_err(of_the_suite)?;
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Self {
            shim: shim.clone(),
            log: log.clone(),
            hub: Hub::new(limits, &mut rng()),
            link: String::new(),
            pin: String::new(),
            friends: Vec::new(),
            subject: Subject::none(),
            sent: Vec::new(),
            closes: Vec::new(),
            opened: 0,
            connection: None,
            sockets: BTreeMap::new(),
            strangers: BTreeMap::new(),
            tamper: None,
            tamper_up: None,
            renumber: None,
            last_seq: 0,
            mute: false,
            without_keys: false,
            listener,
            arrivals,
            told,
            teller,
            begun: (
                Instant::now(),
                u64::try_from(wall.as_millis()).unwrap_or_default(),
            ),
            ahead: 0,
            // Below are the numbers of the listener's own.
            next_connection: 1 << 32,
        })
    }

    /// What stands before `/r/` in links.
    pub(crate) fn base(&self) -> String {
        self.listener.base.clone()
    }

    // ---- People ----

    /// Somebody honest joins by the room's link. Gives their number.
    pub(crate) fn join(&mut self, name: &str) -> Outcome<usize> {
        let options = JoinOptions {
            name: Name::new(name).ok(),
            ..JoinOptions::default()
        };
        self.join_with(options)
    }

    fn join_with(&mut self, options: JoinOptions) -> Outcome<usize> {
        let link = Link::parse(&self.link).map_err(of_the_suite)?;
        self.add(link, options);
        Ok(self.friends.len() - 1)
    }

    /// Somebody joins by this link, with the token of a seat.
    pub(crate) fn take_over(&mut self, link: Link, seat_token: Option<Secret<32>>) {
        self.add(
            link,
            JoinOptions {
                seat_token,
                ..JoinOptions::default()
            },
        );
    }

    fn add(&mut self, link: Link, options: JoinOptions) {
        self.friends.push(Friend {
            client: Client::new(link, options, &mut rng()),
            connection: None,
            events: Vec::new(),
        });
        self.settle();
    }

    /// Somebody honest says something. Gives the message's id.
    pub(crate) fn say(&mut self, friend: usize, text: &str) -> Outcome<String> {
        self.say_burning(friend, text, 0)
    }

    /// The same, with a time from reading to burning, ms.
    pub(crate) fn say_burning(
        &mut self,
        friend: usize,
        text: &str,
        millis: u32,
    ) -> Outcome<String> {
        let id = self.act(friend, |client, now| {
            client.send_text(now, text, millis, &mut rng())
        })?;
        Ok(id.map_err(of_the_suite)?.to_base64())
    }

    /// Has a friend's machine do something, and carries out what follows.
    pub(crate) fn act<V>(
        &mut self,
        friend: usize,
        act: impl FnOnce(&mut Client, Timestamp) -> V,
    ) -> Outcome<V> {
        let now = self.now();
        let Some(friend) = self.friends.get_mut(friend) else {
            return Err(of_the_suite("no such friend"));
        };
        let value = act(&mut friend.client, now);
        self.settle();
        Ok(value)
    }

    /// A friend's connection breaks and is not opened again.
    pub(crate) fn lose(&mut self, friend: usize) {
        let connection = self
            .friends
            .get_mut(friend)
            .and_then(|friend| friend.connection.take());
        if let Some(connection) = connection {
            let now = self.now();
            self.hub
                .handle_disconnect(now, ConnectionId(connection), Disconnect::Broken);
            self.settle();
        }
    }

    pub(crate) fn id_of(&self, friend: usize) -> Outcome<String> {
        let id = self
            .friends
            .get(friend)
            .and_then(|friend| friend.client.id());
        id.map(|id: ParticipantId| id.to_base64())
            .ok_or_else(|| of_the_suite("a friend has not joined"))
    }

    /// The texts that a friend has read.
    pub(crate) fn texts(&self, friend: usize) -> Vec<&str> {
        let events = self
            .friends
            .get(friend)
            .map(|friend| friend.events.as_slice());
        events
            .unwrap_or_default()
            .iter()
            .filter_map(|event| match event {
                Event::Message(message) => Some(message.text.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// Something the suite itself could not do.
pub(crate) fn of_the_suite(error: impl std::fmt::Display) -> Stop {
    Stop::Fail {
        expected: "the suite to do its part".to_owned(),
        got: error.to_string(),
    }
}

/// A frame of the relay's, read.
pub(crate) fn parsed(frame: &str) -> Option<RelayFrame> {
    RelayFrame::parse(frame.as_bytes()).ok().flatten()
}
