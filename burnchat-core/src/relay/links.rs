//! The connections, their budgets, and what is to be sent to them.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use super::kept_id::KeptId;
use super::quota::Quota;
use super::seats::JoinNumber;
use super::{CloseCode, ConnectionId, Limits, Output, PeerKey};
use crate::error::{Code, Effect};
use crate::time::Timestamp;
use crate::wire::{BurnReason, EncodedFrame, ErrorFrame, RelayFrame};

pub(super) struct Connection {
    pub(super) peer: PeerKey,
    pub(super) room: KeptId,
    pub(super) stage: Stage,
    quota: Quota,
    /// In a row, for coming too fast.
    refused: u32,
}

/// How many outputs there is room for when none waits.
const IDLE_OUTPUTS: usize = 256;

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its `join` or `resume` has not come, and must have by then.
    Greeting(Timestamp),
    /// It has the seat of this participant.
    Seated(JoinNumber),
}

impl Connection {
    /// Counts a frame.
    ///
    /// # Errors
    /// The ms after which it can be sent again.
    pub(super) fn pace(&mut self, now: Timestamp, limits: &Limits, len: usize) -> Result<(), u64> {
        let rates = (limits.connection_frames, limits.connection_bytes);
        self.quota.take(now, rates, len)
    }

    /// A frame was refused for coming too fast. Says whether it was one too many in a row.
    pub(super) fn refused_too_often(&mut self, limits: &Limits) -> bool {
        self.refused = self.refused.saturating_add(1);
        self.refused > limits.refused_frames
    }

    /// A frame was not.
    pub(super) fn not_refused(&mut self) {
        self.refused = 0;
    }
}

#[derive(Default)]
pub(super) struct Links {
    connections: BTreeMap<ConnectionId, Connection>,
    peers: PeerCounts,
    outputs: VecDeque<Output>,
}

impl Links {
    /// Takes a connection in.
    ///
    /// # Errors
    /// `too_many_connections`.
    pub(super) fn open(
        &mut self,
        connection: ConnectionId,
        peer: PeerKey,
        room: KeptId,
        greet_by: Timestamp,
        limits: &Limits,
    ) -> Result<(), Code> {
        if self.connections.len() >= limits.connections
            || self.peers.of(peer) >= limits.connections_of_peer
        {
            return Err(Code::TooManyConnections);
        }
        self.peers.add(peer);
        self.connections.insert(
            connection,
            Connection {
                peer,
                room,
                stage: Stage::Greeting(greet_by),
                quota: Quota::default(),
                refused: 0,
            },
        );
        Ok(())
    }

    pub(super) fn seat(&mut self, connection: ConnectionId, number: JoinNumber) {
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.stage = Stage::Seated(number);
        }
    }

    /// Forgets a connection that has ended.
    pub(super) fn forget(&mut self, connection: ConnectionId) -> Option<Connection> {
        let forgotten = self.connections.remove(&connection)?;
        self.peers.remove(forgotten.peer);
        Some(forgotten)
    }

    /// Closes a connection and forgets it.
    pub(super) fn close(&mut self, connection: ConnectionId, code: CloseCode) {
        self.forget(connection);
        self.outputs.push_back(Output::Close { connection, code });
    }

    /// A room has burned: said after everything that was said to those in it.
    pub(super) fn burned(&mut self, owner: PeerKey, reason: BurnReason, late_millis: u64) {
        self.outputs.push_back(Output::Burned {
            owner,
            reason,
            late_millis,
        });
    }

    pub(super) fn send(&mut self, to: Vec<ConnectionId>, frame: EncodedFrame) {
        if !to.is_empty() {
            self.outputs.push_back(Output::Send { to, frame });
        }
    }

    pub(super) fn send_one(&mut self, to: ConnectionId, frame: EncodedFrame) {
        self.send(vec![to], frame);
    }

    /// Sends an error, and closes the connection if it is one that closes. Says whether it was.
    pub(super) fn refuse(&mut self, connection: ConnectionId, error: ErrorFrame) -> bool {
        let closes = error.code.effect() == Effect::Closes;
        self.send_one(connection, RelayFrame::Error(error).encode());
        if closes {
            self.close(connection, CloseCode::Policy);
        }
        closes
    }

    pub(super) fn pop_output(&mut self) -> Option<Output> {
        let next = self.outputs.pop_front();
        // After the end of very many rooms at once, the room all that was said took is given back.
        if next.is_none() && self.outputs.capacity() > IDLE_OUTPUTS {
            self.outputs.shrink_to(IDLE_OUTPUTS);
        }
        next
    }

    pub(super) fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(&connection)
    }

    pub(super) fn get(&self, connection: ConnectionId) -> Option<&Connection> {
        self.connections.get(&connection)
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }
}

/// How many of something each peer has; those who have none are not in it.
#[derive(Default)]
pub(super) struct PeerCounts(BTreeMap<PeerKey, usize>);

impl PeerCounts {
    pub(super) fn add(&mut self, peer: PeerKey) {
        *self.0.entry(peer).or_default() += 1;
    }

    pub(super) fn remove(&mut self, peer: PeerKey) {
        if let Some(count) = self.0.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&peer);
            }
        }
    }

    pub(super) fn of(&self, peer: PeerKey) -> usize {
        self.0.get(&peer).copied().unwrap_or(0)
    }
}
