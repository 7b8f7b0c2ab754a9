//! What the fuzz targets have in common.

mod insider;
mod relay_room;
mod tape;
mod watched;

pub use insider::Insider;
pub use relay_room::{RelayRoom, hash_of, public_keys};
pub use tape::Tape;
pub use watched::Watched;
