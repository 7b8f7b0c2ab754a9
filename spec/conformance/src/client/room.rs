//! A room: an honest relay and honest people of burnchat-core, the client under test, and in between whatever a relay
//! that is not honest does.

use std::collections::BTreeMap;
use std::time::Duration;

use burnchat_core::client::{Client, Event, JoinOptions, Output, RoomSettings, Status, plan_room};
use burnchat_core::crypto::{Name, Secret};
use burnchat_core::ids::{ParticipantId, RoomId};
use burnchat_core::link::{Link, Ticket};
use burnchat_core::relay::{
    ConnectionId, Disconnect, Hub, Limits, Output as HubOutput, PeerKey, Refusal,
};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::{CreateRoom, Problem};
use burnchat_core::wire::{EncodedFrame, RelayFrame};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::network::{Arrival, Listener, Order};
use super::subject::{Subject, Told};
use super::{Shim, Target};
use crate::case::{Outcome, Stop, fail};
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

    // ---- The client under test ----

    /// Starts it with these arguments.
    pub(crate) fn start(&mut self, arguments: &[&str]) -> Outcome {
        let mut given = vec!["--json"];
        given.extend(arguments);
        self.log
            .note("subject", &format!("starts: {}", given.join(" ")));
        self.subject = Subject::start(&self.shim.command, &given, self.teller.clone())
            .map_err(|error| of_the_suite(format!("{}: {error}", self.shim.command)))?;
        Ok(())
    }

    /// Starts it with the room's link, as Ben, and waits for it to have joined.
    pub(crate) async fn invite(&mut self) -> Outcome {
        let link = self.link.clone();
        self.start(&["join", &link, "--name", "Ben"])?;
        self.hear("joined").await?;
        Ok(())
    }

    /// The same, as a creator.
    pub(crate) async fn invite_creator(&mut self) -> Outcome {
        let (link, pin) = (self.link.clone(), self.pin.clone());
        self.start(&["join", &link, "--pin", &pin, "--name", "Ben"])?;
        self.hear("joined").await?;
        Ok(())
    }

    /// Writes a command.
    pub(crate) async fn command(&mut self, command: Value) {
        self.line(&command.to_string()).await;
    }

    /// Writes a line.
    pub(crate) async fn line(&mut self, line: &str) {
        self.log.sent("shim", line);
        self.subject.write(format!("{line}\n").as_bytes()).await;
    }

    /// The id of its newest participation.
    pub(crate) fn subject_id(&self) -> Outcome<String> {
        let joined = self.subject.last("joined");
        let id = joined.and_then(|line| line["id"].as_str());
        id.map(str::to_owned)
            .ok_or_else(|| of_the_suite("the client has not joined"))
    }

    /// The client's next line of a kind, of those after the last waited for.
    pub(crate) async fn hear(&mut self, event: &str) -> Outcome<Value> {
        self.hear_where(event, |line| line["event"] == event).await
    }

    /// The client's next `error` with this code.
    pub(crate) async fn hear_error(&mut self, code: u64) -> Outcome<Value> {
        let what = format!("error {code}");
        self.hear_where(&what, |line| {
            line["event"] == "error" && line["code"] == code
        })
        .await
    }

    /// The client's next line that reads somebody's text.
    pub(crate) async fn hear_text(&mut self, text: &str) -> Outcome<Value> {
        let what = format!("the message {text:?}");
        self.hear_where(&what, |line| {
            line["event"] == "message" && line["mine"] == false && line["text"] == text
        })
        .await
    }

    /// The client's next line for which it is so.
    pub(crate) async fn hear_where(
        &mut self,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Outcome<Value> {
        self.hear_within(PATIENCE, what, is_it).await
    }

    /// The same, within another time.
    pub(crate) async fn hear_within(
        &mut self,
        patience: Duration,
        what: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Outcome<Value> {
        let until = Instant::now() + patience;
        loop {
            let subject = &mut self.subject;
            let unread = subject.lines.iter().enumerate().skip(subject.read);
            let found = unread
                .filter(|(_, line)| is_it(line))
                .map(|(place, line)| (place, line.clone()))
                .next();
            if let Some((place, line)) = found {
                subject.read = place + 1;
                return Ok(line);
            }
            if subject.exited.is_some() || !self.pump(until).await {
                self.subject.is_implemented()?;
                return self.missed(what, patience);
            }
        }
    }

    /// Waits until it is so.
    pub(crate) async fn until<V>(
        &mut self,
        what: &str,
        is_so: impl Fn(&Self) -> Option<V>,
    ) -> Outcome<V> {
        self.until_within(PATIENCE, what, is_so).await
    }

    /// The same, within another time.
    pub(crate) async fn until_within<V>(
        &mut self,
        patience: Duration,
        what: &str,
        is_so: impl Fn(&Self) -> Option<V>,
    ) -> Outcome<V> {
        let until = Instant::now() + patience;
        loop {
            self.subject.is_implemented()?;
            if let Some(value) = is_so(self) {
                return Ok(value);
            }
            if !self.pump(until).await {
                return self.missed(what, patience);
            }
        }
    }

    /// Lets time pass.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while self.pump(until).await {}
    }

    /// Until everything that was sent to the client has been worked on: it has answered a command that came after it.
    pub(crate) async fn catch_up(&mut self) -> Outcome {
        // The frames are on their way over one connection and the command over another: a moment between them.
        self.pass(Duration::from_millis(150)).await;
        let before = self.subject.count("participants");
        self.command(serde_json::json!({"cmd": "who"})).await;
        self.until("an answer to `who`", |room| {
            (room.subject.count("participants") > before).then_some(())
        })
        .await
    }

    /// Until the client and everyone honest hold the key of the newest roster.
    pub(crate) async fn keyed(&mut self) -> Outcome {
        self.until("a key for the newest roster", |room| {
            let (version, epoch) = room.friends.iter().find_map(|friend| {
                let head = friend.client.head()?;
                let (version, epoch) = friend.client.epoch()?;
                let newest = friend.client.roster_version()? == version && head == epoch;
                newest.then_some((version, epoch.to_base64()))
            })?;
            let keyed = room.subject.last("keyed")?;
            (keyed["epoch"] == epoch && keyed["version"] == version).then_some(())
        })
        .await
    }

    /// Until it has ended: the last line, and the exit status.
    pub(crate) async fn ended(&mut self) -> Outcome<(Value, i32)> {
        self.ended_within(PATIENCE).await
    }

    /// The same, within another time.
    pub(crate) async fn ended_within(&mut self, patience: Duration) -> Outcome<(Value, i32)> {
        let status = self
            .until_within(patience, "the client to end", |room| room.subject.exited)
            .await?;
        let last = self.subject.lines.last().cloned().unwrap_or_default();
        match status {
            Some(status) => Ok((last, status)),
            None => fail("an exit status", "the end by a signal"),
        }
    }

    /// Ends as it should: the last line's event and reason, and the exit status.
    pub(crate) async fn ends(&mut self, event: &str, reason: &str, status: i32) -> Outcome {
        self.ends_within(PATIENCE, event, reason, status).await
    }

    /// The same, within another time.
    pub(crate) async fn ends_within(
        &mut self,
        patience: Duration,
        event: &str,
        reason: &str,
        status: i32,
    ) -> Outcome {
        let (last, exit) = self.ended_within(patience).await?;
        if last["event"] == event && last["reason"] == reason && exit == status {
            return Ok(());
        }
        fail(
            format!("`{event}` with {reason} as the last line, exit status {status}"),
            format!("{last}, exit status {exit}"),
        )
    }

    /// That it takes this for a fork: it says so, closes with 4001, and joins afresh with its seat token under new keys.
    pub(crate) async fn forks(&mut self) -> Outcome {
        let joins = self.joins().len();
        let closes = self.closes.len();
        self.hear_where("gap with code 800 (fork)", |line| {
            line["event"] == "gap" && line["code"] == 800
        })
        .await?;
        self.until("a fresh join", |room| {
            (room.joins().len() > joins).then_some(())
        })
        .await?;
        self.until("its connection closed with 4001", |room| {
            let mut since = room.closes.iter().skip(closes);
            since.any(|code| *code == Some(4001)).then_some(())
        })
        .await?;
        let joins = self.joins();
        let (Some(first), Some(last)) = (joins.first(), joins.last()) else {
            return Err(of_the_suite("no join"));
        };
        crate::case::ensure(
            last["seat_token"].is_string(),
            "a fresh join with the seat token",
            last,
        )?;
        crate::case::ensure(
            first["kem_pub"] != last["kem_pub"] && first["sig_pub"] != last["sig_pub"],
            "new keys",
            "the old ones",
        )
    }

    /// Its `join` frames.
    pub(crate) fn joins(&self) -> Vec<&Value> {
        self.sent_of("join")
    }

    /// Its frames of a type.
    pub(crate) fn sent_of(&self, kind: &str) -> Vec<&Value> {
        self.sent
            .iter()
            .filter(|frame| frame["type"] == kind)
            .collect()
    }

    /// Moves the client's clock on, if it can be.
    pub(crate) async fn clock(&mut self, millis: u64) -> Outcome {
        let before = self.subject.lines.len();
        self.command(serde_json::json!({"cmd": "clock", "advance_ms": millis}))
            .await;
        self.catch_up().await?;
        let refused = self
            .subject
            .lines
            .iter()
            .skip(before)
            .any(|line| line["event"] == "error" && line["code"] == 102);
        if refused {
            return Err(Stop::NotImplemented("the command `clock`".to_owned()));
        }
        Ok(())
    }

    // ---- What the relay does ----

    /// Changes what is sent to the client from now on. The relay counts entries for itself then, so that what it adds
    /// or leaves out does not show in the numbers.
    pub(crate) fn lie(&mut self, tamper: impl FnMut(Value) -> Vec<Value> + Send + 'static) {
        self.tamper = Some(Box::new(tamper));
        if self.last_seq > 0 {
            self.renumber.get_or_insert(self.last_seq + 1);
        } else {
            self.renumber.get_or_insert(0);
        }
    }

    /// Changes what is sent to the client, numbers and all.
    pub(crate) fn alter(&mut self, tamper: impl FnMut(Value) -> Vec<Value> + Send + 'static) {
        self.tamper = Some(Box::new(tamper));
    }

    /// Changes the first frame of a type, and no other.
    pub(crate) fn alter_once(
        &mut self,
        kind: &'static str,
        mut change: impl FnMut(Value) -> Vec<Value> + Send + 'static,
    ) {
        let mut done = false;
        self.alter(move |frame| {
            if done || frame["type"] != kind {
                return vec![frame];
            }
            done = true;
            change(frame)
        });
    }

    /// Changes what the client sends, before the relay sees it.
    pub(crate) fn alter_up(&mut self, tamper: impl FnMut(Value) -> Vec<Value> + Send + 'static) {
        self.tamper_up = Some(Box::new(tamper));
    }

    /// Is honest again, as far as that goes.
    pub(crate) fn honest(&mut self) {
        self.tamper = None;
        self.tamper_up = None;
    }

    /// Tells the client this frame, as it is.
    pub(crate) fn tell(&mut self, frame: &Value) {
        self.tell_text(&frame.to_string());
    }

    /// Tells the client one more entry, with the next number.
    pub(crate) fn slip_in(&mut self, mut entry: Value) {
        let next = self.last_seq + 1;
        self.renumber.get_or_insert(next);
        self.number(&mut entry);
        self.tell(&entry);
    }

    /// Tells the client this text.
    pub(crate) fn tell_text(&mut self, text: &str) {
        self.log.sent("relay", text);
        self.order(Order::Text(text.to_owned()));
    }

    /// Sends the client something that is not text.
    pub(crate) fn tell_binary(&mut self, bytes: &[u8]) {
        self.log.sent("relay", "(binary)");
        self.order(Order::Binary(bytes.to_vec()));
    }

    /// Breaks the client's connection, as if a cable had been pulled.
    pub(crate) fn cut(&mut self) {
        self.log.note("relay", "cuts the connection");
        self.order(Order::Cut);
        if let Some(connection) = self.connection.take() {
            self.sockets.remove(&connection);
            let now = self.now();
            self.hub
                .handle_disconnect(now, ConnectionId(connection), Disconnect::Broken);
            self.settle();
        }
    }

    /// Whether the client can connect.
    pub(crate) fn let_in(&mut self, open: bool) {
        self.listener.let_in(open);
    }

    /// Says nothing more to the client.
    pub(crate) fn fall_silent(&mut self) {
        self.log.note("relay", "falls silent");
        self.mute = true;
    }

    /// The clocks of the relay and of the honest people go on at once.
    pub(crate) fn skip(&mut self, millis: u64) {
        self.log
            .note("relay", &format!("its clock goes on by {millis} ms"));
        // In steps, so that what is due is done in its order.
        let end = self.ahead + millis;
        while self.ahead < end {
            self.ahead = end.min(self.ahead + 100);
            self.settle();
        }
    }

    /// Burns the room.
    pub(crate) fn burn(&mut self) -> Outcome {
        let link = Link::parse(&self.link).map_err(of_the_suite)?;
        let now = self.now();
        self.hub.handle_take_down(now, link.room_id());
        self.settle();
        Ok(())
    }

    /// A connection of nobody's client.
    pub(crate) fn connect_stranger(&mut self, room: RoomId) -> u64 {
        let connection = self.next_connection;
        self.next_connection += 1;
        self.strangers.insert(connection, Vec::new());
        let now = self.now();
        self.hub
            .handle_connect(now, ConnectionId(connection), PeerKey([7; 16]), room);
        self.settle();
        connection
    }

    /// A frame on it.
    pub(crate) fn send_as_stranger(&mut self, connection: u64, frame: &EncodedFrame) {
        let now = self.now();
        self.hub
            .handle_frame(now, ConnectionId(connection), frame.as_bytes(), &mut rng());
        self.settle();
    }

    /// Its end.
    pub(crate) fn disconnect_stranger(&mut self, connection: u64) {
        let now = self.now();
        self.hub
            .handle_disconnect(now, ConnectionId(connection), Disconnect::Clean);
        self.settle();
    }

    pub(crate) fn now(&self) -> Timestamp {
        let (begun, wall) = self.begun;
        let passed = u64::try_from(begun.elapsed().as_millis()).unwrap_or_default();
        Timestamp(wall + passed + self.ahead)
    }

    // ---- The engine ----

    /// Does the next thing that happens; whether it did before this time.
    async fn pump(&mut self, until: Instant) -> bool {
        self.settle();
        let now = self.now();
        let due = self
            .friends
            .iter()
            .filter_map(|friend| friend.client.poll_timeout());
        let due = due.chain(self.hub.poll_timeout()).min();
        let wait = due.map_or(Duration::MAX, |at| {
            Duration::from_millis(at.0.saturating_sub(now.0))
        });
        let next = Instant::now()
            .checked_add(wait)
            .map_or(until, |next| next.min(until));
        tokio::select! {
            arrival = self.arrivals.recv() => if let Some(arrival) = arrival { self.arrived(arrival) },
            told = self.told.recv() => if let Some(told) = told { self.heard(told) },
            () = tokio::time::sleep_until(next) => {}
        }
        self.settle();
        Instant::now() < until
    }

    fn heard(&mut self, told: Told) {
        match told {
            Told::Line(line) => {
                self.log.received("shim", &line);
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                self.subject.lines.push(value);
            }
            Told::Exited(status) => {
                self.log.note("subject", &format!("has ended: {status:?}"));
                self.subject.exited = Some(status);
            }
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        let now = self.now();
        match arrival {
            Arrival::Create(body, answer) => {
                self.log.received("http", &String::from_utf8_lossy(&body));
                let _ = answer.send(self.create(&body));
            }
            Arrival::Opened(connection, room, orders) => {
                self.log.note("subject", "opens a connection");
                self.opened += 1;
                self.sockets.insert(connection, orders);
                self.connection = Some(connection);
                self.hub
                    .handle_connect(now, ConnectionId(connection), PeerKey([9; 16]), room);
            }
            Arrival::Frame(connection, text) => {
                self.log.received("relay", &text);
                let frame: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
                self.sent.push(frame.clone());
                let frames = match &mut self.tamper_up {
                    Some(tamper) => tamper(frame),
                    None => vec![frame],
                };
                for frame in frames {
                    let text = frame.to_string();
                    self.hub.handle_frame(
                        now,
                        ConnectionId(connection),
                        text.as_bytes(),
                        &mut rng(),
                    );
                }
            }
            Arrival::NotText => self.sent.push(Value::String("(binary)".to_owned())),
            Arrival::Closed(connection, code) => {
                self.log
                    .note("subject", &format!("its connection has ended: {code:?}"));
                self.closes.push(code);
                self.sockets.remove(&connection);
                if self.connection == Some(connection) {
                    self.connection = None;
                }
                let end = match code {
                    Some(1000 | 1001) => Disconnect::Clean,
                    _ => Disconnect::Broken,
                };
                self.hub
                    .handle_disconnect(now, ConnectionId(connection), end);
            }
        }
    }

    fn create(&mut self, body: &[u8]) -> (u16, Vec<u8>) {
        let now = self.now();
        let created = CreateRoom::parse(body)
            .map_err(Refusal::from)
            .and_then(|request| {
                let peer = PeerKey([9; 16]);
                self.hub.handle_create(now, peer, &request, &mut rng())
            });
        match created {
            Ok(created) => (201, created.encode().as_bytes().to_vec()),
            Err(refusal) => {
                let problem = Problem::from(refusal);
                (problem.status, problem.encode().as_bytes().to_vec())
            }
        }
    }

    /// Carries out what the machines say until they fall silent.
    pub(crate) fn settle(&mut self) {
        let now = self.now();
        self.hub.handle_timeout(now);
        for friend in &mut self.friends {
            if friend.client.poll_timeout().is_some_and(|at| at <= now) {
                friend.client.handle_timeout(now, &mut rng());
            }
        }
        loop {
            let mut quiet = true;
            for friend in 0..self.friends.len() {
                while let Some(output) = self
                    .friends
                    .get_mut(friend)
                    .and_then(|friend| friend.client.poll_output())
                {
                    quiet = false;
                    self.carry_out(friend, output, now);
                }
            }
            while let Some(output) = self.hub.poll_output() {
                quiet = false;
                match output {
                    HubOutput::Send { to, frame } => {
                        for ConnectionId(connection) in to {
                            self.deliver(connection, &frame, now);
                        }
                    }
                    HubOutput::Close {
                        connection: ConnectionId(connection),
                        code,
                    } => {
                        self.closed_by_the_relay(connection, code.number(), now);
                    }
                    HubOutput::Burned { .. } => {}
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn carry_out(&mut self, place: usize, output: Output, now: Timestamp) {
        let Some(friend) = self.friends.get_mut(place) else {
            return;
        };
        match output {
            Output::Connect => {
                let Some(room) = friend.client.link().map(Link::room_id) else {
                    return;
                };
                let connection = self.next_connection;
                self.next_connection += 1;
                friend.connection = Some(connection);
                let peer = PeerKey([1; 16]);
                self.hub
                    .handle_connect(now, ConnectionId(connection), peer, room);
                let _ = friend.client.handle_connected(now, &mut rng());
            }
            Output::Send(frame) => {
                let is_key = frame.as_str().contains(r#""type":"session_key""#);
                if let Some(connection) =
                    friend.connection.filter(|_| !(is_key && self.without_keys))
                {
                    let connection = ConnectionId(connection);
                    self.hub
                        .handle_frame(now, connection, frame.as_bytes(), &mut rng());
                }
            }
            Output::Close(code) => {
                if let Some(connection) = friend.connection.take() {
                    let end = match code {
                        1000 | 1001 => Disconnect::Clean,
                        _ => Disconnect::Broken,
                    };
                    self.hub
                        .handle_disconnect(now, ConnectionId(connection), end);
                }
            }
            Output::Event(event) => friend.events.push(event),
            _ => {}
        }
    }

    fn deliver(&mut self, connection: u64, frame: &EncodedFrame, now: Timestamp) {
        if let Some(told) = self.strangers.get_mut(&connection) {
            told.push(frame.as_str().to_owned());
        } else if self.sockets.contains_key(&connection) {
            if self.connection == Some(connection) && !self.mute {
                self.deliver_to_subject(frame);
            }
        } else if let Some(friend) = self
            .friends
            .iter_mut()
            .find(|friend| friend.connection == Some(connection))
        {
            let _ = friend
                .client
                .handle_frame(now, frame.as_bytes(), &mut rng());
        }
    }

    fn deliver_to_subject(&mut self, frame: &EncodedFrame) {
        let Ok(honest) = serde_json::from_str::<Value>(frame.as_str()) else {
            return;
        };
        let frames = match &mut self.tamper {
            Some(tamper) => tamper(honest),
            None => vec![honest],
        };
        for mut frame in frames {
            self.number(&mut frame);
            self.tell(&frame);
        }
    }

    /// Gives an entry its number, where the relay counts for itself, and notes the last one.
    fn number(&mut self, frame: &mut Value) {
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        let is_entry = IS_ENTRY.contains(&kind.as_str());
        let seq = frame["seq"].as_u64();
        match (&mut self.renumber, seq) {
            (Some(next), Some(seq)) if kind == "joined" => *next = seq + 1,
            (Some(next), Some(_)) if is_entry => {
                frame["seq"] = (*next).into();
                *next += 1;
            }
            (Some(next), _) if kind == "resumed" => frame["seq"] = (*next - 1).into(),
            _ => {}
        }
        if (is_entry || kind == "joined")
            && let Some(seq) = frame["seq"].as_u64()
        {
            self.last_seq = seq;
        }
    }

    fn closed_by_the_relay(&mut self, connection: u64, code: u16, now: Timestamp) {
        if let Some(orders) = self.sockets.remove(&connection) {
            if !self.mute {
                let _ = orders.send(Order::Close(code));
            }
            if self.connection == Some(connection) {
                self.connection = None;
            }
        } else if let Some(friend) = self
            .friends
            .iter_mut()
            .find(|friend| friend.connection == Some(connection))
        {
            friend.connection = None;
            if !matches!(friend.client.status(), Status::Ended(_)) {
                friend.client.handle_disconnected(now);
            }
        }
    }

    fn order(&self, order: Order) {
        if let Some(orders) = self
            .connection
            .and_then(|connection| self.sockets.get(&connection))
        {
            let _ = orders.send(order);
        }
    }

    fn missed<V>(&self, what: &str, patience: Duration) -> Outcome<V> {
        let unread = self.subject.lines.iter().skip(self.subject.read);
        let mut lines: Vec<String> = unread
            .filter(|line| line["event"] != "countdown")
            .map(Value::to_string)
            .collect();
        lines.drain(..lines.len().saturating_sub(6));
        let ended = match self.subject.exited {
            Some(status) => format!(" The client has ended, with {status:?}."),
            None => String::new(),
        };
        fail(
            format!("{what}, within {} s", patience.as_secs()),
            format!(
                "nothing of the kind.{ended} Its last lines: {}",
                lines.join(" ")
            ),
        )
    }
}

const IS_ENTRY: [&str; 9] = [
    "participant_joined",
    "participant_left",
    "rekey",
    "session_key",
    "epoch_end",
    "message",
    "locked",
    "extended",
    "renewed",
];

/// Something the suite itself could not do.
pub(crate) fn of_the_suite(error: impl std::fmt::Display) -> Stop {
    Stop::Fail {
        expected: "the suite to do its part".to_owned(),
        got: error.to_string(),
    }
}

/// A link with some of its parts changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkChange {
    pub(crate) secret: Option<[u8; 16]>,
    pub(crate) not_after: Option<u32>,
    pub(crate) history: Option<bool>,
}

/// The same link, but for what is changed.
pub(crate) fn changed_link(text: &str, change: &LinkChange) -> Outcome<String> {
    let link = Link::parse(text).map_err(of_the_suite)?;
    let not_after = u32::try_from(link.not_after().0 / 60_000).map_err(of_the_suite)?;
    let secret = change.secret.unwrap_or(*link.secret().as_bytes());
    let changed = Link::new(
        link.base(),
        link.room_id(),
        change.history.unwrap_or(link.history()),
        change.not_after.unwrap_or(not_after),
        Secret::copy_of(&secret),
        Ticket::copy_of(link.ticket().as_secret().as_bytes()),
    );
    Ok(changed.map_err(of_the_suite)?.to_url().to_string())
}

/// A frame whose base64url member begins with another symbol.
pub(crate) fn flipped(mut frame: Value, member: &str) -> Value {
    if let Some(text) = frame[member].as_str() {
        let other = if text.starts_with('A') { "B" } else { "A" };
        let rest: String = text.chars().skip(1).collect();
        frame[member] = format!("{other}{rest}").into();
    }
    frame
}

/// A frame of the relay's, read.
pub(crate) fn parsed(frame: &str) -> Option<RelayFrame> {
    RelayFrame::parse(frame.as_bytes()).ok().flatten()
}
