//! Verification codes (spec section 10).

use burnchat_core::{
    crypto::{Secret, VerificationCode, VerificationEntry, participant_id},
    ids::ParticipantId,
};

use crate::{
    cast::{Person, Room},
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

type Listed = ([u8; 65], [u8; 65]);

pub(super) fn file() -> File {
    let room = Room::new("room", false);
    let mut other_secret = Room::new("room", false);
    other_secret.secret = named("another secret");
    let keys = |name: &str| {
        let person = Person::new(name);
        (*person.kem_pub(), *person.sig_pub())
    };
    let (ana, ben, cleo) = (keys("ana"), keys("ben"), keys("cleo"));
    let swapped = keys("ben as a relay would have him");
    let five: Vec<Listed> = ["ana", "ben", "cleo", "dora", "emil"].map(keys).to_vec();
    File::new(
        "verification",
        "section 10",
        "The verification transcript and the forms in which people compare it.",
    )
    .group(
        Group::new(
            "codes",
            "`entries` in join order; the transcript is over them in the order of their ids",
        )
        .given("room_id", hex(room.id().as_bytes()))
        .case(case("two", "two people", &room, &[ana, ben]))
        .case(case(
            "two-reversed",
            "the same whoever came first",
            &room,
            &[ben, ana],
        ))
        .case(case("three", "three people", &room, &[ana, ben, cleo]))
        .case(case("five", "five people", &room, &five))
        .case(case("alone", "nobody else", &room, &[ana]))
        .case(case(
            "keys-swapped",
            "a relay puts its own keys in the place of ben's",
            &room,
            &[ana, swapped],
        ))
        .case(case(
            "other-secret",
            "another link",
            &other_secret,
            &[ana, ben],
        ))
        .case(case(
            "not-points",
            "an entry that is not verified counts as it is listed",
            &room,
            &[ana, ([0; 65], [255; 65]), ben],
        )),
    )
}

fn case(id: &str, comment: &str, room: &Room, entries: &[Listed]) -> Case {
    let code = VerificationCode::new(
        &room.id(),
        &Secret::copy_of(&room.secret),
        entries.iter().map(|(kem_pub, sig_pub)| VerificationEntry {
            id: participant_id(kem_pub, sig_pub),
            kem_pub,
            sig_pub,
        }),
    );
    let mut ids: Vec<ParticipantId> = entries
        .iter()
        .map(|(kem_pub, sig_pub)| participant_id(kem_pub, sig_pub))
        .collect();
    ids.sort();
    let listed = entries.iter().map(|(kem_pub, sig_pub)| {
        Json::object()
            .with("kem_pub", hex(kem_pub))
            .with("sig_pub", hex(sig_pub))
    });
    let emoji = code.emoji();
    Case::valid(id, comment)
        .put("secret", hex(room.secret))
        .put("entries", Json::list(listed))
        .put(
            "sorted_ids",
            Json::list(ids.iter().map(|id| hex(id.as_bytes()))),
        )
        .put("transcript", hex(code.transcript()))
        .put("short_code", code.short_code())
        .put(
            "emoji",
            emoji.map(|emoji| emoji.symbol).iter().collect::<String>(),
        )
        .put("emoji_names", Json::list(emoji.map(|emoji| emoji.name)))
        .put("safety_number", code.safety_number())
        .put("qr_text", code.qr_text())
}
