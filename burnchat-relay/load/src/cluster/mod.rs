//! Several relays that share their rooms through Redis, and what that costs.

mod bus;
mod fleet;
mod kept;
mod redis_server;
mod sharing;
mod take_over;

pub(crate) use self::bus::bus;
pub(crate) use self::kept::kept;
pub(crate) use self::sharing::{Shared, sharing};
pub(crate) use self::take_over::take_over;
