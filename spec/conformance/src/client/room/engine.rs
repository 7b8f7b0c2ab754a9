//! What makes a room go: frames from one to the other, and time.

use std::time::Duration;

use burnchat_core::client::{Output, Status};
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Disconnect, Output as HubOutput, PeerKey, Refusal};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use burnchat_core::wire::http::{CreateRoom, Problem};
use serde_json::Value;
use tokio::time::Instant;

use super::{Room, rng};
use crate::case::{Outcome, fail};
use crate::client::network::{Arrival, Order};
use crate::client::subject::Told;

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

impl Room {
    /// Does the next thing that happens; whether it did before this time.
    pub(super) async fn pump(&mut self, until: Instant) -> bool {
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
    pub(super) fn number(&mut self, frame: &mut Value) {
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

    pub(super) fn order(&self, order: Order) {
        if let Some(orders) = self
            .connection
            .and_then(|connection| self.sockets.get(&connection))
        {
            let _ = orders.send(order);
        }
    }

    pub(super) fn missed<V>(&self, what: &str, patience: Duration) -> Outcome<V> {
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
