//! Connections and what travels on them: they are opened, break with both ends knowing or one of them, and are closed.

use std::rc::Rc;

use burnchat_core::relay::{ConnectionId, Disconnect, PeerKey};
use burnchat_core::wire::ClientFrame;

use crate::insider::INSIDER;
use crate::invariants;
use crate::node::Node;
use crate::observed::Input;
use crate::script::Scene;
use crate::trace::Note;
use crate::world::{Connection, Down, Packet, World};

/// How long an end that has not been told takes to find out that a connection is gone, ms: pings go unanswered.
pub(crate) const UNNOTICED: (u64, u64) = (2_000, 15_000);

/// Whose connection is nobody's.
const NOBODY: usize = usize::MAX - 1;

impl World {
    /// Sends one frame to the relay on a connection that is nobody's.
    pub(crate) fn send_from_nowhere(&mut self, frame: &[u8]) {
        let peer = PeerKey([8; 16]);
        if self.relays.is_some() {
            let connection = self.open(NOBODY, peer);
            return self.came_to_edge(connection, frame.to_vec());
        }
        let connection = ConnectionId(self.next_connection);
        self.next_connection = self.next_connection.saturating_add(1);
        let (now, room) = (self.now, self.room.id);
        self.hub.handle_connect(now, connection, peer, room);
        self.hub
            .handle_frame(now, connection, frame, &mut self.keys);
        self.drain_hub();
    }

    /// The connection of a node breaks. An end that does not know finds out some time later.
    pub(crate) fn cut(&mut self, index: usize, hub_knows: bool, client_knows: bool) {
        let Some(connection) = self.nodes.get(index).and_then(|node| node.connection) else {
            return;
        };
        let later = self.network.between(UNNOTICED.0, UNNOTICED.1);
        let later = self.now.0.saturating_add(later);
        // Nothing passes any more, in either direction.
        self.queue.retain(|_, packet| {
            !matches!(packet, Packet::ToHub { connection: on, .. } | Packet::ToClient { connection: on, .. } if *on == connection)
        });
        self.hostile.dead.insert(connection);
        if hub_knows {
            self.close_hub_side(connection, false);
        } else {
            let clean = false;
            self.push(later, Packet::HubLearnsOfClose { connection, clean });
        }
        if client_knows {
            self.close_client_side(connection);
        } else {
            self.push(later, Packet::ClientLearnsOfClose { connection });
        }
    }

    pub(crate) fn go_online(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        node.online = true;
        if std::mem::take(&mut node.wants_connection) {
            self.schedule_connect(index);
        }
    }

    /// The process of a node dies: nothing more comes from it.
    pub(crate) fn crash(&mut self, index: usize) {
        let hub_knows = self.network.one_in(2);
        if let Some(node) = self.nodes.get_mut(index) {
            node.crashed = true;
        }
        self.cut(index, hub_knows, true);
    }

    /// Whether frames pass between a node and the relay.
    pub(crate) fn is_connected(&self, node: &Node) -> bool {
        node.connection.is_some_and(|connection| {
            !self.hostile.dead.contains(&connection)
                && self
                    .connections
                    .get(&connection)
                    .is_some_and(|both| both.client_open && both.hub_open)
        })
    }

    /// Sends a frame to the relay on the connection of a node.
    pub(crate) fn send_up(&mut self, index: usize, frame: Vec<u8>) {
        let Some(connection) = self.nodes.get(index).and_then(|node| node.connection) else {
            return;
        };
        if self.hostile.dead.contains(&connection) {
            return;
        }
        self.send_up_bytes(connection, frame);
    }

    /// Sends a frame to the relay on this connection.
    pub(crate) fn send_up_on(&mut self, connection: u64, frame: ClientFrame) {
        self.send_up_bytes(connection, frame.encode().as_bytes().to_vec());
    }

    fn send_up_bytes(&mut self, connection: u64, frame: Vec<u8>) {
        let delay = self.delay(0);
        let now = self.now.0;
        if let Some(state) = self.connections.get_mut(&connection) {
            state.last_up = state.last_up.max(now.saturating_add(delay));
            let at = state.last_up;
            self.push(at, Packet::ToHub { connection, frame });
        }
    }

    /// Sends a frame to a client on the connection it has.
    pub(crate) fn send_down(&mut self, connection: u64, frame: Rc<Down>) {
        let Some(state) = self.connections.get(&connection) else {
            return;
        };
        let slow = self.nodes.get(state.node).map_or(0, |node| node.slow);
        let delay = self.delay(slow);
        let now = self.now.0;
        if let Some(state) = self.connections.get_mut(&connection) {
            state.last_down = state.last_down.max(now.saturating_add(delay));
            let at = state.last_down;
            self.push(at, Packet::ToClient { connection, frame });
        }
    }

    pub(crate) fn connect(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index).filter(|node| !node.crashed) else {
            return;
        };
        if !node.online {
            node.wants_connection = true;
            return;
        }
        if node.connection.is_some() || node.told.ended.is_some() {
            return;
        }
        let peer = node.peer;
        let connection = self.open(index, peer);
        if let Some(node) = self.nodes.get_mut(index) {
            node.connection = Some(connection);
        }
        let outcome = self.act(index, |client, now, rng| client.handle_connected(now, rng));
        if let Some(Err(error)) = outcome {
            invariants::on_error(self, index, error);
        }
    }

    /// Opens a connection to the relay.
    pub(crate) fn open(&mut self, node: usize, peer: PeerKey) -> u64 {
        let connection = self.next_connection;
        self.next_connection = self.next_connection.saturating_add(1);
        let now = self.now;
        self.trace.note(now, Note::Connect, node as u64, &[]);
        let open = Connection {
            node,
            relay: 0,
            client_open: true,
            hub_open: true,
            last_up: now.0,
            last_down: now.0,
        };
        self.connections.insert(connection, open);
        if self.relays.is_some() {
            self.opened(connection, peer);
            return connection;
        }
        self.hub
            .handle_connect(now, ConnectionId(connection), peer, self.room.id);
        self.drain_hub();
        connection
    }

    /// The client closes its connection; the relay hears of it after what was sent before.
    pub(crate) fn hang_up(&mut self, connection: u64, clean: bool) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        state.client_open = false;
        let at = state.last_up.max(self.now.0);
        self.push(at, Packet::HubLearnsOfClose { connection, clean });
    }

    pub(crate) fn close_client_side(&mut self, connection: u64) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        if !std::mem::take(&mut state.client_open) {
            return;
        }
        let index = state.node;
        if index == INSIDER {
            self.insider = None;
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.connection = None;
        }
        self.act(index, |client, now, _| client.handle_disconnected(now));
    }

    pub(crate) fn close_hub_side(&mut self, connection: u64, clean: bool) {
        if self.relays.is_some() {
            return self.went_from_edge(connection, clean);
        }
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        if !std::mem::take(&mut state.hub_open) {
            return;
        }
        self.ledger.disturbed_at = self.now;
        self.of_hub.input = Input::Disconnect;
        let end = match clean {
            true => Disconnect::Clean,
            false => Disconnect::Broken,
        };
        self.hub
            .handle_disconnect(self.now, ConnectionId(connection), end);
        self.drain_hub();
    }

    pub(crate) fn schedule_connect(&mut self, node: usize) {
        // What a driver waits before it tries again, and the way there and back.
        let delay = self.delay(0).saturating_add(self.network.between(10, 500));
        self.push(self.now.0.saturating_add(delay), Packet::Connect { node });
    }

    fn delay(&mut self, more: u64) -> u64 {
        let Scene { delay, jitter, .. } = self.scene;
        let jitter = self.network.between(0, jitter);
        delay.saturating_add(jitter).saturating_add(more)
    }
}
