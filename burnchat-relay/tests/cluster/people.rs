//! People with the client that programs use, each behind a balancer of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use burnchat_client::{
    Code, CreatedRoom, EndReason, Error, Event, Events, JoinOptions, Link, Room, RoomSettings,
    Secret, connect, create_room,
};

use tokio::time::{sleep, timeout};

use super::balancer::Balancer;
use super::redis::Redis;
use crate::harness::in_time;
use crate::harness::program::Program;

/// A relay that shares its rooms through this Redis.
pub(crate) async fn relay(redis: &Redis) -> Program {
    relay_with(redis, &[]).await
}

pub(crate) async fn relay_with(redis: &Redis, more: &[&str]) -> Program {
    relay_at(&redis.url(), more).await
}

/// The same through a Redis that is reached another way.
pub(crate) async fn relay_at(url: &str, more: &[&str]) -> Program {
    let usual = ["--listen", "127.0.0.1:0", "--log", "warn", "--cluster", url];
    Program::start(&[&usual, more].concat()).await
}

/// What somebody says, in order.
pub(crate) fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{name} {n}")).collect()
}

/// A room made at one relay.
pub(crate) struct Made {
    pub(crate) link: String,
    at: SocketAddr,
    creator_token: Secret<32>,
}

impl Made {
    pub(crate) async fn at(relay: SocketAddr) -> Self {
        Self::with(relay, RoomSettings::default()).await
    }

    pub(crate) async fn with(relay: SocketAddr, settings: RoomSettings) -> Self {
        let created = in_time(create_room(&format!("http://{relay}"), settings)).await;
        Self::of(relay, &created.unwrap())
    }

    /// The same at a relay that is to find its way back to the others first.
    pub(crate) async fn at_last(relay: SocketAddr) -> Self {
        in_time(async {
            loop {
                let settings = RoomSettings::default();
                match create_room(&format!("http://{relay}"), settings).await {
                    Ok(created) => return Self::of(relay, &created),
                    Err(Error::Refused(refusal)) if refusal.code == Code::RelayEnding => {
                        sleep(Duration::from_millis(20)).await;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
        .await
    }

    fn of(relay: SocketAddr, created: &CreatedRoom) -> Self {
        Self {
            link: created.link.to_url().to_string(),
            at: relay,
            creator_token: Secret::copy_of(created.creator_token.as_bytes()),
        }
    }

    /// The same room by another address.
    pub(crate) fn link_by(&self, address: SocketAddr) -> Link {
        let text = self
            .link
            .replace(&self.at.to_string(), &address.to_string());
        Link::parse(&text).unwrap()
    }
}

pub(crate) struct Guest {
    pub(crate) room: Room,
    events: Events,
    pub(crate) balancer: Arc<Balancer>,
    /// What was said by others, in order.
    pub(crate) heard: Vec<String>,
    pub(crate) accepted: usize,
    pub(crate) ended: Option<EndReason>,
    /// Everything else that happened.
    pub(crate) kept: VecDeque<Event>,
}

impl Guest {
    /// Joins over the first of these relays, and over the others if it must.
    pub(crate) async fn join(made: &Made, relays: &[SocketAddr]) -> Self {
        Self::enter(made, relays, JoinOptions::default()).await
    }

    pub(crate) async fn create(made: &Made, relays: &[SocketAddr]) -> Self {
        let options = JoinOptions {
            creator_token: Some(Secret::copy_of(made.creator_token.as_bytes())),
            ..JoinOptions::default()
        };
        Self::enter(made, relays, options).await
    }

    async fn enter(made: &Made, relays: &[SocketAddr], options: JoinOptions) -> Self {
        Self::enter_by(made, Arc::new(Balancer::to(relays).await), options).await
    }

    /// Joins by a balancer that others use, too.
    pub(crate) async fn join_by(made: &Made, balancer: &Arc<Balancer>) -> Self {
        Self::enter_by(made, Arc::clone(balancer), JoinOptions::default()).await
    }

    async fn enter_by(made: &Made, balancer: Arc<Balancer>, options: JoinOptions) -> Self {
        let link = made.link_by(balancer.address);
        let (room, events) = in_time(connect(link, options)).await.unwrap();
        Self {
            room,
            events,
            balancer,
            heard: Vec::new(),
            accepted: 0,
            ended: None,
            kept: VecDeque::new(),
        }
    }

    /// Says something; it goes out when it can.
    pub(crate) fn say(&self, text: &str) {
        self.room.send(text).unwrap();
    }

    /// Goes on until this is so.
    pub(crate) async fn until(&mut self, so: impl Fn(&Self) -> bool) {
        let happens = async {
            while !so(self) {
                self.next().await;
            }
        };
        if timeout(Duration::from_secs(60), happens).await.is_err() {
            panic!(
                "it should have happened by now: {} heard, {} accepted, {} here, {:?}, {:?}",
                self.heard.len(),
                self.accepted,
                self.room.participants().len(),
                self.ended,
                self.kept,
            );
        }
    }

    pub(crate) async fn until_here_are(&mut self, people: usize) {
        self.until(|guest| {
            guest.room.participants().len() == people && guest.room.epoch().is_some()
        })
        .await;
    }

    /// Takes in what happens next.
    pub(crate) async fn next(&mut self) {
        let Some(event) = self.events.next().await else {
            panic!("there are no events any more");
        };
        match event {
            Event::Message(message) => self.heard.push(message.text.as_str().to_owned()),
            Event::Accepted { .. } => self.accepted += 1,
            Event::Ended(reason) => self.ended = Some(reason),
            other => self.kept.push_back(other),
        }
    }
}
