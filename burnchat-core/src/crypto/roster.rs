//! The hash that says who is in the room (spec section 6.2).

use super::{PUBLIC_KEY_LEN, labels};
use crate::{
    encoding::Fields,
    ids::{RoomId, RosterHash},
    wire::Role,
};

/// What of a roster entry enters hashes: its keys as listed, valid or not, and its role.
#[derive(Clone, Copy, Debug)]
pub struct RosterKeys<'a> {
    /// The ECDH public key.
    pub kem_pub: &'a [u8; PUBLIC_KEY_LEN],
    /// The ECDSA public key.
    pub sig_pub: &'a [u8; PUBLIC_KEY_LEN],
    /// The role.
    pub role: Role,
}

/// The hash of a version of the roster: over every entry the relay lists, in join order.
pub fn roster_hash<'a>(
    room_id: &RoomId,
    version: u64,
    entries: impl IntoIterator<Item = RosterKeys<'a>>,
) -> RosterHash {
    let start = Fields::hash(labels::ROSTER)
        .put(room_id.as_bytes())
        .put_u64(version);
    let all = entries.into_iter().fold(start, |fields, entry| {
        fields
            .put(entry.kem_pub)
            .put(entry.sig_pub)
            .put_u8(entry.role.to_byte())
    });
    RosterHash(all.finish())
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const ROOM: RoomId = RoomId([9; 16]);
    const ANA: RosterKeys<'_> = RosterKeys {
        kem_pub: &[1; 65],
        sig_pub: &[2; 65],
        role: Role::Creator,
    };
    const BEN: RosterKeys<'_> = RosterKeys {
        kem_pub: &[3; 65],
        sig_pub: &[4; 65],
        role: Role::Member,
    };

    /// The value was computed apart from this code.
    #[test]
    fn the_roster_hash_is_that_of_the_spec() {
        let room = RoomId(hex!("000102030405060708090a0b0c0d0e0f"));
        assert_eq!(
            roster_hash(&room, 2, [ANA, BEN]).0,
            hex!("82d725da144430a13fdb5e75300ec7e57ac24e6c2514d65031fb14f6ef5ce7f2")
        );
    }

    #[test]
    fn whatever_differs_in_a_roster_shows_in_its_hash() {
        let hash = roster_hash(&ROOM, 2, [ANA, BEN]);
        assert_eq!(hash, roster_hash(&ROOM, 2, [ANA, BEN]));
        let swapped = RosterKeys {
            kem_pub: BEN.sig_pub,
            sig_pub: BEN.kem_pub,
            ..BEN
        };
        let promoted = RosterKeys {
            role: Role::Creator,
            ..BEN
        };
        for other in [
            roster_hash(&RoomId([8; 16]), 2, [ANA, BEN]),
            roster_hash(&ROOM, 3, [ANA, BEN]),
            roster_hash(&ROOM, 2, [BEN, ANA]),
            roster_hash(&ROOM, 2, [ANA]),
            roster_hash(&ROOM, 2, []),
            roster_hash(&ROOM, 2, [ANA, swapped]),
            roster_hash(&ROOM, 2, [ANA, promoted]),
        ] {
            assert_ne!(hash, other);
        }
    }
}
