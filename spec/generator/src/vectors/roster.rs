//! The roster hash (spec section 6.2).

use burnchat_core::{
    crypto::{RosterKeys, roster_hash},
    ids::RosterHash,
    wire::Role,
};

use crate::{
    cast::{Person, Room},
    file::{Case, File, Group},
    json::{Json, hex},
};

type Listed = ([u8; 65], [u8; 65], Role);

pub(super) fn file() -> File {
    let room = Room::new("room", false);
    let [ana, ben, cleo] = ["ana", "ben", "cleo"].map(Person::new);
    let (ana, ben, cleo) = (
        (*ana.kem_pub(), *ana.sig_pub(), Role::Creator),
        (*ben.kem_pub(), *ben.sig_pub(), Role::Member),
        (*cleo.kem_pub(), *cleo.sig_pub(), Role::Member),
    );
    let promoted = (ben.0, ben.1, Role::Creator);
    let invalid = ([0; 65], [255; 65], Role::Member);
    let case = |id: &str, comment: &str, version: u64, entries: &[Listed]| {
        Case::valid(id, comment)
            .put("version", version)
            .put("entries", Json::list(entries.iter().map(entry)))
            .put("roster_hash", hex(hash(&room, version, entries).as_bytes()))
    };
    File::new("roster", "section 6.2", "The hash of a roster and its version.").group(
        Group::new(
            "roster_hashes",
            "roster_hash = H(L(\"roster\", room_id, u64(version), kem_pub_1, sig_pub_1, u8(role_1), …)), entries in join \
             order",
        )
        .given("room_id", hex(room.id().as_bytes()))
        .case(case("empty", "version 0 has nobody", 0, &[]))
        .case(case("one", "the creator alone", 1, &[ana]))
        .case(case("two", "and a member", 2, &[ana, ben]))
        .case(case("order", "in another order", 2, &[ben, ana]))
        .case(case("version", "the same people in another version", 3, &[ana, ben]))
        .case(case("role", "in another role", 2, &[ana, promoted]))
        .case(case("three", "three", 4, &[ana, ben, cleo]))
        .case(case("far", "a version that takes more than four bytes", (1 << 53) - 1, &[ana, ben]))
        .case(case(
            "not-points",
            "an entry that is not verified is hashed as it is listed",
            5,
            &[ana, invalid, ben],
        )),
    )
}

/// The hash of a roster.
pub(super) fn hash(room: &Room, version: u64, entries: &[Listed]) -> RosterHash {
    let keys = entries.iter().map(|(kem_pub, sig_pub, role)| RosterKeys {
        kem_pub,
        sig_pub,
        role: *role,
    });
    roster_hash(&room.id(), version, keys)
}

fn entry((kem_pub, sig_pub, role): &Listed) -> Json {
    Json::object()
        .with("kem_pub", hex(kem_pub))
        .with("sig_pub", hex(sig_pub))
        .with("role", role.to_byte())
}
