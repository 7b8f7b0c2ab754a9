//! Keys from the link, identities, join proofs (spec sections 5.1 to 5.3).

use burnchat_core::crypto::{labels, participant_id};

use crate::{
    cast::{Person, Room, altered, room_key},
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

pub(super) fn file() -> File {
    File::new(
        "identity",
        "sections 5.1 to 5.3",
        "The keys that come from a link, participants and their ids, join proofs.",
    )
    .group(room_keys())
    .group(identities())
    .group(join_proofs())
}

fn room_keys() -> Group {
    let case = |id: &str, comment: &str, room: &Room| {
        Case::valid(id, comment)
            .put("link", room.url())
            .put("room_id", hex(room.id().as_bytes()))
            .put("header", hex(room.link().header()))
            .put("secret", hex(room.secret))
            .put("join_key", hex(room_key(room, labels::JOIN).as_bytes()))
            .put("name_key", hex(room_key(room, labels::NAME).as_bytes()))
            .put("wrap_key", hex(room_key(room, labels::WRAP).as_bytes()))
    };
    let room = Room::new("room", false);
    let history = Room::new("room", true);
    let mut later = Room::new("room", false);
    later.not_after += 1;
    let mut renewed = Room::new("room", false);
    renewed.ticket = named("room: ticket 2");
    Group::new("room_keys", "join_key, name_key and wrap_key")
        .case(case("plain", "a room", &room))
        .case(case(
            "history",
            "the flag is in the header: other keys",
            &history,
        ))
        .case(case("later", "so is not_after", &later))
        .case(case(
            "renewed",
            "a new ticket leaves the keys as they are",
            &renewed,
        ))
}

fn identities() -> Group {
    let person = |name: &str| {
        let person = Person::new(name);
        Case::valid(name, "as drawn")
            .put("kem_scalar", hex(person.kem_scalar))
            .put("sig_scalar", hex(person.sig_scalar))
            .put("kem_pub", hex(person.kem_pub()))
            .put("sig_pub", hex(person.sig_pub()))
            .put("participant_id", hex(person.id().as_bytes()))
    };
    let listed = |id: &str, comment: &str, kem_pub: [u8; 65], sig_pub: [u8; 65]| {
        Case::valid(id, comment)
            .put("kem_pub", hex(kem_pub))
            .put("sig_pub", hex(sig_pub))
            .put(
                "participant_id",
                hex(participant_id(&kem_pub, &sig_pub).as_bytes()),
            )
    };
    let ana = Person::new("ana");
    Group::new(
        "identities",
        "participant_id = H(L(\"id\", kem_pub, sig_pub))[..16]",
    )
    .case(person("ana"))
    .case(person("ben"))
    .case(person("cleo"))
    .case(listed(
        "swapped",
        "the order of the keys counts",
        *ana.sig_pub(),
        *ana.kem_pub(),
    ))
    .case(listed(
        "not-points",
        "keys that are no points have an id all the same",
        [0; 65],
        [255; 65],
    ))
}

fn join_proofs() -> Group {
    let room = Room::new("room", false);
    let (ana, ben) = (Person::new("ana"), Person::new("ben"));
    let iv = named("ana: name iv");
    let sealed = ana.sealed_name(&room, "ana", &iv);
    let proof = room
        .keys()
        .join_proof(ana.kem_pub(), ana.sig_pub(), &sealed);
    let put = |case: Case, room: &Room, who: &Person, sealed: &[u8], proof: &[u8]| {
        case.put("link", room.url())
            .put("kem_pub", hex(who.kem_pub()))
            .put("sig_pub", hex(who.sig_pub()))
            .put("sealed_name", hex(sealed))
            .put("join_proof", hex(proof))
    };
    let invalid = |id: &str, reason: &str| Case::invalid(id, "the entry is not verified", reason);
    let mut stranger = Room::new("room", false);
    stranger.secret = named("a guess at the secret");
    let guessed = stranger
        .keys()
        .join_proof(ana.kem_pub(), ana.sig_pub(), &sealed);
    let mut renewed = Room::new("room", false);
    renewed.ticket = named("room: ticket 2");
    Group::new(
        "join_proofs",
        "join_proof = HMAC(join_key, L(\"join\", room_id, kem_pub, sig_pub, H(sealed_name)))",
    )
    .given("name_iv", Json::from(hex(iv)))
    .case(put(
        Case::valid("ana", "right"),
        &room,
        &ana,
        &sealed,
        &proof,
    ))
    .case(put(
        Case::valid("renewed", "right as well under a link with a new ticket"),
        &renewed,
        &ana,
        &sealed,
        &proof,
    ))
    .case(put(
        invalid("altered", "an altered proof"),
        &room,
        &ana,
        &sealed,
        &altered(&proof, 0),
    ))
    .case(put(
        invalid("other-keys", "the proof of other keys"),
        &room,
        &ben,
        &sealed,
        &proof,
    ))
    .case(put(
        invalid("other-name", "the proof of another sealed name"),
        &room,
        &ana,
        &altered(&sealed, 156),
        &proof,
    ))
    .case(put(
        invalid("other-room", "the proof for another room"),
        &Room::new("another room", false),
        &ana,
        &sealed,
        &proof,
    ))
    .case(put(
        invalid("no-secret", "made by a relay that guessed at the secret"),
        &room,
        &ana,
        &sealed,
        &guessed,
    ))
    .case(put(
        invalid("zeros", "no proof at all"),
        &room,
        &ana,
        &sealed,
        &[0; 32],
    ))
}
