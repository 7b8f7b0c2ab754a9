//! One module for each file of vectors.

mod chains;
mod encoding;
mod envelopes;
mod epochs;
mod frames;
mod identity;
mod link;
mod names;
mod plaintexts;
mod primitives;
mod registry;
mod roster;
mod verification;

use crate::file::File;

/// All files of vectors.
#[must_use]
pub(crate) fn files() -> Vec<File> {
    vec![
        encoding::file(),
        primitives::file(),
        link::file(),
        identity::file(),
        names::file(),
        roster::file(),
        epochs::file(),
        chains::file(),
        plaintexts::file(),
        envelopes::file(),
        verification::file(),
        frames::file(),
        registry::errors(),
        registry::limits(),
    ]
}
