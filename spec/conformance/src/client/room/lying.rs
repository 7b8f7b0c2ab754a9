//! What the relay does that an honest one does not, and what befalls connections.

use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Disconnect, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use serde_json::Value;

use super::{Room, of_the_suite, rng};
use crate::case::Outcome;
use crate::client::network::Order;

impl Room {
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

    /// Asks the client for no key. In rooms that the case keys by itself: a client slow enough to be asked would make one
    /// of its own.
    pub(crate) fn never_ask(&mut self) {
        self.alter(|frame| {
            if frame["type"] == "key_wanted" {
                Vec::new()
            } else {
                vec![frame]
            }
        });
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

    /// Takes the client's envelopes and does nothing with them.
    pub(crate) fn swallow_messages(&mut self) {
        self.alter_up(|frame| {
            if frame["type"] == "message" {
                Vec::new()
            } else {
                vec![frame]
            }
        });
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
}
