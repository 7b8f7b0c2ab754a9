//! The core's client over a WebSocket, or over whatever else carries frames.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use burnchat_core::client::{Client, Event, JoinOptions, Output};
use burnchat_core::crypto::{Name, Secret};
use burnchat_core::ids::{MessageId, RoomId};
use burnchat_core::link::Link;
use burnchat_core::wire::BurnReason;

use super::wire::{Came, Wire};
use super::{Room, in_time, now, rng};

/// Who uses a WebSocket.
pub(crate) type Participant = Person<Wire>;

/// What carries a client's frames.
pub(crate) trait Transport: Sized {
    /// With a kernel buffer for what comes in of about this size.
    async fn open_with(relay: SocketAddr, room: RoomId, buffer: Option<u32>) -> Self;
    async fn put(&mut self, frame: &str);
    /// The next frame, if the connection does not end. Cancel safe.
    async fn take(&mut self) -> Option<String>;
    /// Expects the end of the room, and then that of the connection. What comes before is passed over.
    async fn expect_burn(&mut self, reason: BurnReason);
    /// A connection for the same person, after this one has broken.
    async fn opened_anew(&mut self, relay: SocketAddr, room: RoomId) -> Self {
        Self::open_with(relay, room, None).await
    }
    /// What is shown to be let in, besides frames.
    fn shown(&self) -> Option<&str> {
        None
    }
}

pub(crate) struct Person<W> {
    pub(crate) client: Client,
    pub(crate) wire: W,
    relay: SocketAddr,
    room: RoomId,
    events: VecDeque<Event>,
    /// Every frame that went either way.
    pub(crate) seen: Vec<String>,
}

impl<W: Transport> Person<W> {
    /// Joins as the creator.
    pub(crate) async fn create(room: &Room, name: &str) -> Self {
        let token = Secret::copy_of(room.created.creator_token.as_bytes());
        let options = JoinOptions {
            name: Some(Name::new(name).unwrap()),
            creator_token: Some(token),
            ..JoinOptions::default()
        };
        Self::enter(room, room.link(), options, None).await
    }

    /// Joins by the link.
    pub(crate) async fn join(room: &Room, name: &str) -> Self {
        Self::join_with(room, name, None).await
    }

    /// Joins with a kernel buffer for what comes in of about this size.
    pub(crate) async fn join_with(room: &Room, name: &str, buffer: Option<u32>) -> Self {
        let options = JoinOptions {
            name: Some(Name::new(name).unwrap()),
            ..JoinOptions::default()
        };
        Self::enter(room, room.link(), options, buffer).await
    }

    async fn enter(room: &Room, link: Link, options: JoinOptions, buffer: Option<u32>) -> Self {
        let room_id = link.room_id();
        let mut participant = Self {
            client: Client::new(link, options, &mut rng()),
            wire: W::open_with(room.relay, room_id, buffer).await,
            relay: room.relay,
            room: room_id,
            events: VecDeque::new(),
            seen: Vec::new(),
        };
        participant
            .client
            .handle_connected(now(), &mut rng())
            .unwrap();
        participant
            .until(|event| matches!(event, Event::Joined { .. }))
            .await;
        participant
    }

    /// The frames the client has to send.
    pub(crate) fn letters(&mut self) -> Vec<String> {
        letters(&mut self.client)
    }

    /// Connects anew, after the connection broke.
    pub(crate) async fn reconnect(&mut self) {
        self.client.handle_disconnected(now());
        self.wire = self.wire.opened_anew(self.relay, self.room).await;
        self.client.handle_connected(now(), &mut rng()).unwrap();
    }

    pub(crate) async fn send(&mut self, text: &str) -> MessageId {
        let id = self.client.send_text(now(), text, 0, &mut rng()).unwrap();
        self.carry_out().await;
        id
    }

    /// Goes on until this happens.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        in_time(async {
            loop {
                self.carry_out().await;
                while let Some(event) = self.events.pop_front() {
                    if wanted(&event) {
                        return event;
                    }
                    assert!(!matches!(event, Event::Ended(_)), "{event:?}");
                }
                self.step().await;
            }
        })
        .await
    }

    /// Until the newest epoch has this many verified participants.
    pub(crate) async fn until_keyed_with(&mut self, others: usize) {
        let there = |me: &Self| me.client.participants().len() == others + 1;
        loop {
            let version = self.client.roster_version();
            let keyed = self.client.epoch().map(|(version, _)| version);
            if there(self) && keyed == version {
                return;
            }
            self.until(|event| {
                matches!(
                    event,
                    Event::Keyed { .. }
                        | Event::ParticipantJoined { .. }
                        | Event::ParticipantLeft { .. }
                )
            })
            .await;
        }
    }

    pub(crate) async fn until_message(&mut self) -> String {
        match self.until(|event| matches!(event, Event::Message(_))).await {
            Event::Message(message) => message.text.as_str().to_owned(),
            _ => unreachable!(),
        }
    }

    /// Waits for a frame, or until the client wants to be woken.
    async fn step(&mut self) {
        let due = self.client.poll_timeout();
        let left = due.map_or(u64::MAX, |due| due.millis_since(now()));
        let left = Duration::from_millis(left.min(60_000));
        match tokio::time::timeout(left, self.wire.take()).await {
            Ok(Some(frame)) => {
                self.seen.push(frame.clone());
                // What it says against a frame it says as an event, too.
                let _ = self
                    .client
                    .handle_frame(now(), frame.as_bytes(), &mut rng());
            }
            Ok(None) => panic!("the connection ended"),
            Err(_) => self.client.handle_timeout(now(), &mut rng()),
        }
    }

    /// Does what the client wants done.
    pub(crate) async fn carry_out(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Send(frame) => {
                    self.seen.push(frame.as_str().to_owned());
                    in_time(self.wire.put(frame.as_str())).await;
                }
                Output::Event(event) => self.events.push_back(event),
                _ => {}
            }
        }
    }
}

/// A join that is ready to be sent, for when many are to come at once.
pub(crate) struct Knock {
    relay: SocketAddr,
    room: RoomId,
    pub(crate) join: String,
}

impl Knock {
    pub(crate) fn prepare(room: &Room) -> Self {
        let mut client = Client::new(room.link(), JoinOptions::default(), &mut rng());
        client.handle_connected(now(), &mut rng()).unwrap();
        Self {
            relay: room.relay,
            room: room.link.room_id(),
            join: letters(&mut client).remove(0),
        }
    }

    /// Sends it. The connection, and the answer.
    pub(crate) async fn answered(self) -> (Wire, Came) {
        let mut wire = Wire::open(self.relay, self.room).await;
        wire.send(&self.join).await;
        let came = wire.receive().await;
        (wire, came)
    }
}

fn letters(client: &mut Client) -> Vec<String> {
    std::iter::from_fn(|| client.poll_output())
        .filter_map(|output| match output {
            Output::Send(frame) => Some(frame.as_str().to_owned()),
            _ => None,
        })
        .collect()
}
