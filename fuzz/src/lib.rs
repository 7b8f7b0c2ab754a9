//! What the fuzz targets have in common.

mod insider;
mod relay_room;
mod relay_world;
mod tape;
mod watched;

pub use insider::Insider;
pub use relay_room::{RelayRoom, Seat, hash_of, key_frame_signature, public_keys};
pub use relay_world::{Line, Stage, Told, World};
pub use tape::Tape;
pub use watched::Watched;
