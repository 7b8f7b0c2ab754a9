//! What is counted over all workers of a relay (spec section 16).
//!
//! A hub counts for itself, and a relay has several: a peer must not have the limit as often as there are workers. So
//! rooms and connections are counted here before a hub is asked. This is locked when one comes or goes, never for a
//! frame.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burnchat_core::error::Code;
use burnchat_core::relay::PeerKey;

use crate::Config;

pub(crate) struct Totals {
    counts: Mutex<Counts>,
    rooms: Most,
    connections: Most,
    kept_bytes: AtomicUsize,
    most_kept_bytes: usize,
}

/// How many there may be.
struct Most {
    of_relay: usize,
    of_peer: usize,
}

#[derive(Default)]
struct Counts {
    rooms: usize,
    connections: usize,
    /// Those who have none of either are not in it.
    of_peers: HashMap<PeerKey, OfPeer>,
}

#[derive(Default)]
struct OfPeer {
    rooms: usize,
    connections: usize,
}

/// One of the connections there may be, until it is dropped.
pub(crate) struct ConnectionClaim {
    totals: Arc<Totals>,
    peer: PeerKey,
}

impl Totals {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let limits = &config.limits;
        Arc::new(Self {
            counts: Mutex::default(),
            rooms: Most {
                of_relay: limits.rooms,
                of_peer: limits.rooms_of_peer,
            },
            connections: Most {
                of_relay: limits.connections,
                of_peer: limits.connections_of_peer,
            },
            kept_bytes: AtomicUsize::new(0),
            most_kept_bytes: config.kept_bytes,
        })
    }

    /// Counts a connection.
    ///
    /// # Errors
    /// `too_many_connections`.
    pub(crate) fn claim_connection(
        self: &Arc<Self>,
        peer: PeerKey,
    ) -> Result<ConnectionClaim, Code> {
        let mut counts = self.lock();
        let of_peer = counts
            .of_peers
            .get(&peer)
            .map_or(0, |peer| peer.connections);
        if self.connections.are(counts.connections, of_peer) {
            return Err(Code::TooManyConnections);
        }
        counts.connections += 1;
        counts.of_peers.entry(peer).or_default().connections += 1;
        Ok(ConnectionClaim {
            totals: Arc::clone(self),
            peer,
        })
    }

    /// Counts a room, until [`release_room`](Self::release_room).
    ///
    /// # Errors
    /// `too_many_rooms`; also where three quarters of the memory for rooms are used up, so that the rooms there are
    /// can go on.
    pub(crate) fn claim_room(&self, peer: PeerKey) -> Result<(), Code> {
        let mut counts = self.lock();
        let of_peer = counts.of_peers.get(&peer).map_or(0, |peer| peer.rooms);
        let kept = self.kept_bytes.load(Ordering::Relaxed);
        let memory_is_scarce = kept >= self.most_kept_bytes / 4 * 3;
        if memory_is_scarce || self.rooms.are(counts.rooms, of_peer) {
            return Err(Code::TooManyRooms);
        }
        counts.rooms += 1;
        counts.of_peers.entry(peer).or_default().rooms += 1;
        Ok(())
    }

    /// Counts a room that another relay has let in, however many there are.
    pub(crate) fn adopt_room(&self, peer: PeerKey) {
        let mut counts = self.lock();
        counts.rooms += 1;
        counts.of_peers.entry(peer).or_default().rooms += 1;
    }

    pub(crate) fn release_room(&self, peer: PeerKey) {
        let mut counts = self.lock();
        counts.rooms = counts.rooms.saturating_sub(1);
        counts.release(peer, |of_peer| &mut of_peer.rooms);
    }

    /// The rooms of a worker take `now` bytes and took `before`. Says whether that is all there may be.
    pub(crate) fn keep(&self, before: usize, now: usize) -> bool {
        if before != now {
            // Around zero and back: the sum of all workers is never below it.
            let change = now.wrapping_sub(before);
            self.kept_bytes.fetch_add(change, Ordering::Relaxed);
        }
        self.kept_bytes.load(Ordering::Relaxed) >= self.most_kept_bytes
    }

    /// Nothing in here is left half done by a panic.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionClaim {
    fn drop(&mut self) {
        let mut counts = self.totals.lock();
        counts.connections = counts.connections.saturating_sub(1);
        counts.release(self.peer, |of_peer| &mut of_peer.connections);
    }
}

impl Counts {
    fn release(&mut self, peer: PeerKey, which: impl FnOnce(&mut OfPeer) -> &mut usize) {
        if let Some(of_peer) = self.of_peers.get_mut(&peer) {
            let count = which(of_peer);
            *count = count.saturating_sub(1);
            if of_peer.rooms == 0 && of_peer.connections == 0 {
                self.of_peers.remove(&peer);
            }
        }
    }
}

impl Most {
    fn are(&self, of_relay: usize, of_peer: usize) -> bool {
        of_relay >= self.of_relay || of_peer >= self.of_peer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PeerKey = PeerKey([1; 16]);
    const BOB: PeerKey = PeerKey([2; 16]);

    fn totals(change: impl FnOnce(&mut Config)) -> Arc<Totals> {
        let mut config = Config::default();
        change(&mut config);
        Totals::new(&config)
    }

    #[test]
    fn what_one_peer_has_used_up_is_left_to_others() {
        let totals = totals(|config| {
            config.limits.rooms_of_peer = 1;
            config.limits.connections_of_peer = 1;
        });
        let _connection = totals.claim_connection(ANN).ok().unwrap();
        totals.claim_room(ANN).unwrap();
        let again = totals.claim_connection(ANN).err();
        assert_eq!(again, Some(Code::TooManyConnections));
        assert_eq!(totals.claim_room(ANN), Err(Code::TooManyRooms));
        assert!(totals.claim_connection(BOB).is_ok());
        assert_eq!(totals.claim_room(BOB), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_claimed_again_and_nobody_is_remembered() {
        let totals = totals(|config| {
            config.limits.rooms = 1;
            config.limits.connections = 1;
        });
        for _ in 0..3 {
            let connection = totals.claim_connection(ANN).ok().unwrap();
            totals.claim_room(ANN).unwrap();
            assert!(totals.claim_connection(BOB).is_err());
            assert!(totals.claim_room(BOB).is_err());
            drop(connection);
            totals.release_room(ANN);
        }
        assert!(totals.lock().of_peers.is_empty());
    }

    #[test]
    fn new_rooms_are_refused_before_memory_is_full() {
        let totals = totals(|config| config.kept_bytes = 1_000);
        assert!(!totals.keep(0, 700));
        assert_eq!(totals.claim_room(ANN), Ok(()));
        // Another worker.
        assert!(!totals.keep(0, 50));
        assert_eq!(totals.claim_room(ANN), Err(Code::TooManyRooms));
        assert!(totals.keep(50, 300));
        assert!(!totals.keep(700, 0));
        assert_eq!(totals.claim_room(ANN), Ok(()));
    }
}
