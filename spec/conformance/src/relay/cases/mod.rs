//! The cases, by what they are about.

mod admission;
mod asking;
mod burning;
mod commands;
mod countdown;
mod creating;
mod envelopes;
mod frames;
mod history;
mod keys;
mod limits;
mod log;
mod pin;
mod requests;
mod returning;
mod sessions;
mod tokens;
mod transport;

use std::sync::LazyLock;

use super::Target;
use crate::case::Case;

/// All of them, in the order of a report.
#[must_use]
pub fn all() -> &'static [Case<Target>] {
    static ALL: LazyLock<Vec<Case<Target>>> = LazyLock::new(|| {
        [
            creating::cases(),
            admission::cases(),
            tokens::cases(),
            pin::cases(),
            log::cases(),
            returning::cases(),
            asking::cases(),
            keys::cases(),
            envelopes::cases(),
            history::cases(),
            commands::cases(),
            countdown::cases(),
            burning::cases(),
            transport::cases(),
            frames::cases(),
            requests::cases(),
            sessions::cases(),
            limits::cases(),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
    &ALL
}
