//! A room's id where it is kept for as long as the room, or a connection to it.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;

use zeroize::Zeroize;

use crate::ids::RoomId;

/// A room's id behind a pointer, because a map that lets an entry go leaves its bytes where they were; wiped with the
/// last who holds it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeptId(Arc<Wiped>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(burnchat_sim, derive(Clone))]
struct Wiped(RoomId);

impl KeptId {
    /// Keeps it.
    #[must_use]
    pub fn new(id: RoomId) -> Self {
        Self(Arc::new(Wiped(id)))
    }

    /// The id.
    #[must_use]
    pub fn get(&self) -> RoomId {
        self.0.0
    }
}

impl fmt::Debug for KeptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptId(..)")
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
