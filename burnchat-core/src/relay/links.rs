//! The connections, their budgets, and what is to be sent to them.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec;
use alloc::vec::Vec;

use super::kept_id::KeptId;
use super::quota::Quota;
use super::seats::JoinNumber;
use super::{CloseCode, ConnectionId, Limits, Output, PeerKey};
use crate::error::{Code, Effect};
use crate::time::Timestamp;
use crate::wire::{BurnReason, EncodedFrame, ErrorFrame, RelayFrame};

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Connection {
    pub(super) peer: PeerKey,
    pub(super) room: KeptId,
    pub(super) stage: Stage,
    quota: Quota,
    /// When its last frame came.
    heard: Timestamp,
    /// Where it is among those who may fall idle.
    looked_at: Option<Timestamp>,
    /// In a row, for coming too fast.
    refused: u32,
}

/// How many outputs there is room for when none waits.
const IDLE_OUTPUTS: usize = 256;

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) enum Stage {
    /// Its `join` or `resume` has not come, and must have by then.
    Greeting(Timestamp),
    /// It has the seat of this participant.
    Seated(JoinNumber),
}

impl Connection {
    fn new(peer: PeerKey, room: KeptId, stage: Stage, now: Timestamp) -> Self {
        Self {
            peer,
            room,
            stage,
            quota: Quota::default(),
            heard: now,
            looked_at: None,
            refused: 0,
        }
    }

    /// When its last frame came.
    pub(super) fn heard(&self) -> Timestamp {
        self.heard
    }

    /// Counts a frame that has come.
    ///
    /// # Errors
    /// The ms after which it can be sent again.
    pub(super) fn pace(&mut self, now: Timestamp, limits: &Limits, len: usize) -> Result<(), u64> {
        self.heard = now;
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
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Links {
    connections: BTreeMap<ConnectionId, Connection>,
    peers: PeerCounts,
    /// Those with a seat, by when they may have sent nothing for too long.
    idle: BTreeSet<(Timestamp, ConnectionId)>,
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
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(), Code> {
        if self.connections.len() >= limits.connections
            || self.peers.of(peer) >= limits.connections_of_peer
        {
            return Err(Code::TooManyConnections);
        }
        self.peers.add(peer);
        let stage = Stage::Greeting(now.plus_millis(limits.handshake_millis));
        let link = Connection::new(peer, room, stage, now);
        self.connections.insert(connection, link);
        Ok(())
    }

    /// Takes in a connection that another hub has let in.
    pub(super) fn adopt(
        &mut self,
        connection: ConnectionId,
        peer: PeerKey,
        room: KeptId,
        heard: Timestamp,
    ) {
        self.peers.add(peer);
        let link = Connection::new(peer, room, Stage::Greeting(heard), heard);
        self.connections.insert(connection, link);
    }

    pub(super) fn seat(
        &mut self,
        connection: ConnectionId,
        number: JoinNumber,
        now: Timestamp,
        limits: &Limits,
    ) {
        if let Some(link) = self.connections.get_mut(&connection) {
            link.stage = Stage::Seated(number);
            if let Some(patience) = patience(connection, limits) {
                let at = now.plus_millis(patience);
                link.looked_at = Some(at);
                self.idle.insert((at, connection));
            }
        }
    }

    /// A connection that has sent nothing for too long. Only when its time has come it is looked at: a frame costs no
    /// more than a note of when it came.
    pub(super) fn next_idle(&mut self, now: Timestamp, limits: &Limits) -> Option<ConnectionId> {
        while let Some((at, connection)) = self.idle.first().copied()
            && at <= now
        {
            self.idle.pop_first();
            let link = self.connections.get_mut(&connection)?;
            let again = link.heard.plus_millis(patience(connection, limits)?);
            if again <= now {
                link.looked_at = None;
                return Some(connection);
            }
            link.looked_at = Some(again);
            self.idle.insert((again, connection));
        }
        None
    }

    /// When the first of them is to be looked at.
    pub(super) fn next_look(&self) -> Option<Timestamp> {
        self.idle.first().map(|(at, _)| *at)
    }

    /// Forgets a connection that has ended.
    pub(super) fn forget(&mut self, connection: ConnectionId) -> Option<Connection> {
        let forgotten = self.connections.remove(&connection)?;
        if let Some(at) = forgotten.looked_at {
            self.idle.remove(&(at, connection));
        }
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
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
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

/// How long this connection may send nothing, ms.
fn patience(ConnectionId(number): ConnectionId, limits: &Limits) -> Option<u64> {
    let eighth = limits.idle_millis / 8;
    let later = eighth.saturating_mul(number % 64) / 64;
    (limits.idle_millis > 0).then(|| limits.idle_millis.saturating_add(later))
}
