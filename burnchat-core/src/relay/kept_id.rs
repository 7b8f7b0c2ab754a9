//! A room's id where it is kept for as long as the room, or a connection to it.

use alloc::sync::Arc;
use core::borrow::Borrow;

use zeroize::Zeroize;

use crate::ids::RoomId;

/// A room's id behind a pointer, because a map that lets an entry go leaves its bytes where they were; wiped with the
/// last who holds it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct KeptId(Arc<Wiped>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Wiped(RoomId);

impl KeptId {
    pub(super) fn new(id: RoomId) -> Self {
        Self(Arc::new(Wiped(id)))
    }

    pub(super) fn get(&self) -> RoomId {
        self.0.0
    }
}

/// A map by kept ids can be asked for an id.
impl Borrow<RoomId> for KeptId {
    fn borrow(&self) -> &RoomId {
        &self.0.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.0.zeroize();
    }
}
