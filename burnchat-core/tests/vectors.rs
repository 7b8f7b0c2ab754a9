//! The core against the vectors of `spec/vectors/`, read from disk, case by case.
//!
//! How many cases each file has is pinned: a set that shrinks or empties fails.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking, and so may what it calls"
)]

mod vectors {
    mod encoding;
    mod envelopes;
    mod epochs;
    mod frames;
    mod identity;
    mod link;
    mod names;
    mod plaintexts;
    mod primitives;
    mod read;
    mod registry;
    mod roster;
    mod verification;
}
