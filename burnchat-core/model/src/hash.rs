//! Hashing that is the same in every run, and 128 bits wide where a hash stands for what was hashed.

#![expect(
    clippy::disallowed_types,
    reason = "maps whose order nobody looks at, and whose hashes are not seeded"
)]

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// Stands for what was hashed. Among a hundred million states the odds that two share one are below 1 in 10^22.
pub(crate) type Digest = u128;

pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;
pub(crate) type Set<K> = HashSet<K, BuildHasherDefault<DefaultHasher>>;

pub(crate) fn digest(of: &(impl Hash + ?Sized)) -> Digest {
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        of.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    (half(1) << 64) | half(2)
}
