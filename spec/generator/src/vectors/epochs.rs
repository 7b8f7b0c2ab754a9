//! Session keys on their way (spec sections 7.2 and 9.2).

use burnchat_core::{
    crypto::{
        KemPublicKey, KeyEncryptionKey, Secret, SessionKey, aes256_kw_wrap, epoch_id, hkdf_sha256,
        labels,
    },
    encoding::Fields,
    ids::{EpochId, RosterHash},
    wire::Role,
};

use super::roster;
use crate::{
    cast::{Person, Room, altered},
    file::{Case, File, Group},
    json::hex,
    named::named,
};

pub(super) fn file() -> File {
    File::new(
        "epochs",
        "sections 7.2, 7.4 and 9.2",
        "Key-encryption keys and wraps, key frames, and the way back in history rooms.",
    )
    .group(wraps())
    .group(key_frames())
    .group(backs())
}

/// The roster the key frames are for.
pub(super) fn roster_of(room: &Room, steward: &Person, recipient: &Person) -> RosterHash {
    roster::hash(
        room,
        2,
        &[
            (*steward.kem_pub(), *steward.sig_pub(), Role::Creator),
            (*recipient.kem_pub(), *recipient.sig_pub(), Role::Member),
        ],
    )
}

fn wraps() -> Group {
    let room = Room::new("room", false);
    let (ana, ben, cleo) = (Person::new("ana"), Person::new("ben"), Person::new("cleo"));
    let roster_hash = roster_of(&room, &ana, &ben);
    let key: [u8; 32] = named("session key 1");
    let shared = |from: &Person, to: &Person| {
        let peer = KemPublicKey::from_sec1(to.kem_pub()).unwrap();
        from.identity.kem().agree(&peer).unwrap()
    };
    let info = |roster_hash: &RosterHash, steward: &Person, recipient: &Person| {
        Fields::bytes(labels::KEK)
            .put(roster_hash.as_bytes())
            .put(steward.id().as_bytes())
            .put(recipient.id().as_bytes())
            .finish()
    };
    let wrap = |room: &Room, roster_hash: &RosterHash, steward: &Person, recipient: &Person| {
        let shared = shared(steward, recipient);
        KeyEncryptionKey::derive(
            room.keys().wrap_key(),
            roster_hash,
            &shared,
            &steward.id(),
            &recipient.id(),
        )
        .wrap(&SessionKey::from_secret(Secret::copy_of(&key)))
    };
    let put = |case: Case, roster_hash: &RosterHash, steward: &Person, recipient: &Person| {
        case.put("roster_hash", hex(roster_hash.as_bytes()))
            .put("steward_kem_scalar", hex(steward.kem_scalar))
            .put("steward_kem_pub", hex(steward.kem_pub()))
            .put("steward_id", hex(steward.id().as_bytes()))
            .put("recipient_kem_scalar", hex(recipient.kem_scalar))
            .put("recipient_kem_pub", hex(recipient.kem_pub()))
            .put("recipient_id", hex(recipient.id().as_bytes()))
    };
    let valid = |id: &str, comment: &str, steward: &Person, recipient: &Person| {
        let shared = shared(steward, recipient);
        let kek = hkdf_sha256(
            room.keys().wrap_key().as_bytes(),
            shared.as_bytes(),
            &info(&roster_hash, steward, recipient),
        );
        put(Case::valid(id, comment), &roster_hash, steward, recipient)
            .put("shared", hex(shared.as_bytes()))
            .put("kek", hex(kek.as_bytes()))
            .put("session_key", hex(key))
            .put(
                "wrapped",
                hex(wrap(&room, &roster_hash, steward, recipient)),
            )
    };
    let wrapped = wrap(&room, &roster_hash, &ana, &ben);
    let invalid = |id: &str, reason: &str, wrapped: &[u8]| {
        let case = Case::invalid(id, "ben does not unwrap it", reason);
        put(case, &roster_hash, &ana, &ben).put("wrapped", hex(wrapped))
    };
    let other_roster = RosterHash(altered(roster_hash.as_bytes(), 0));
    let mut other_secret = Room::new("room", false);
    other_secret.secret = named("room: another secret");
    let other_room = Room::new("another room", false);
    Group::new(
        "wraps",
        "`wrapped` is the session key the steward wraps for the recipient, for the roster of `roster_hash`",
    )
    .given("wrap_key", hex(room.keys().wrap_key().as_bytes()))
    .case(valid("ana-ben", "from ana to ben", &ana, &ben))
    .case(valid("ben-ana", "the other way round the KEK is another", &ben, &ana))
    .case(valid("ana-cleo", "and for each recipient", &ana, &cleo))
    .case(invalid("other-direction", "wrapped by ben for ana", &wrap(&room, &roster_hash, &ben, &ana)))
    .case(invalid("other-recipient", "wrapped for cleo", &wrap(&room, &roster_hash, &ana, &cleo)))
    .case(invalid("other-steward", "wrapped by cleo", &wrap(&room, &roster_hash, &cleo, &ben)))
    .case(invalid("other-roster", "wrapped for another roster", &wrap(&room, &other_roster, &ana, &ben)))
    .case(invalid("other-room", "wrapped in another room", &wrap(&other_room, &roster_hash, &ana, &ben)))
    .case(invalid("other-secret", "wrapped by who has another link's secret for the same room", &wrap(&other_secret, &roster_hash, &ana, &ben)))
    .case(invalid("altered", "altered", &altered(&wrapped, 20)))
}

fn key_frames() -> Group {
    let room = Room::new("room", false);
    let (ana, ben) = (Person::new("ana"), Person::new("ben"));
    let roster_hash = roster_of(&room, &ana, &ben);
    let key: [u8; 32] = named("session key 1");
    let commit = SessionKey::from_secret(Secret::copy_of(&key)).commit(&roster_hash);
    let none = EpochId::NONE;
    let first = epoch_id(&none, &roster_hash, &commit);
    let signed = |room: &Room, epoch: &EpochId| {
        Fields::bytes(labels::KEY)
            .put(room.id().as_bytes())
            .put(epoch.as_bytes())
            .finish()
    };
    let put = |case: Case, prev: &EpochId, commit: &[u8; 32], sig: [u8; 64]| {
        let epoch = epoch_id(prev, &roster_hash, commit);
        case.put("session_key", hex(key))
            .put("prev", hex(prev.as_bytes()))
            .put("commit", hex(commit))
            .put("epoch_id", hex(epoch.as_bytes()))
            .put("signed", hex(signed(&room, &epoch)))
            .put("sig", hex(sig))
    };
    let valid = |id: &str, comment: &str, prev: &EpochId| {
        let epoch = epoch_id(prev, &roster_hash, &commit);
        put(
            Case::valid(id, comment),
            prev,
            &commit,
            ana.sign(&signed(&room, &epoch)),
        )
    };
    let bad_sig = |id: &str, reason: &str, sig: [u8; 64]| {
        put(
            Case::invalid(id, "the signature fails: fork", reason),
            &none,
            &commit,
            sig,
        )
        .put("error", "fork")
    };
    let bad_commit = |id: &str, reason: &str, commit: [u8; 32]| {
        let epoch = epoch_id(&none, &roster_hash, &commit);
        let sig = ana.sign(&signed(&room, &epoch));
        put(
            Case::invalid(id, "the commit does not match: not keyed", reason),
            &none,
            &commit,
            sig,
        )
        .put("error", "bad_wrap")
    };
    let other_roster = RosterHash(altered(roster_hash.as_bytes(), 0));
    let other_key = SessionKey::from_secret(Secret::copy_of(&named("session key 2")));
    let same_key = SessionKey::from_secret(Secret::copy_of(&key));
    Group::new(
        "key_frames",
        "What of a key frame is the same for all: the commit to the session key, the id of the epoch, the steward's \
         signature over `signed`. In the invalid cases `session_key` is what the recipient unwraps.",
    )
    .given("room_id", hex(room.id().as_bytes()))
    .given("steward_sig_scalar", hex(ana.sig_scalar))
    .given("steward_sig_pub", hex(ana.sig_pub()))
    .given("roster_hash", hex(roster_hash.as_bytes()))
    .case(valid("first", "the first of a room: no epoch before", &none))
    .case(valid("second", "after another", &first))
    .case(bad_sig("signed-by-another", "signed by ben", ben.sign(&signed(&room, &first))))
    .case(bad_sig("other-epoch", "signed for another epoch", ana.sign(&signed(&room, &none))))
    .case(bad_sig(
        "other-room",
        "signed in another room",
        ana.sign(&signed(&Room::new("another room", false), &first)),
    ))
    .case(bad_sig("unsigned", "no signature", [0; 64]))
    .case(bad_commit("other-key", "the commit is to another key", other_key.commit(&roster_hash)))
    .case(bad_commit("other-roster", "the commit is for another roster", same_key.commit(&other_roster)))
    .case(bad_commit("altered", "an altered commit", altered(&commit, 31)))
}

fn backs() -> Group {
    let (epoch, older_epoch) = (EpochId(named("epoch 2")), EpochId(named("epoch 1")));
    let (key, older_key): ([u8; 32], [u8; 32]) = (named("session key 2"), named("session key 1"));
    let roster_hash = RosterHash(named("roster hash of epoch 1"));
    let session_key = SessionKey::from_secret(Secret::copy_of(&key));
    let older = SessionKey::from_secret(Secret::copy_of(&older_key));
    let commit = older.commit(&roster_hash);
    let history_key = |epoch: &EpochId| {
        hkdf_sha256(
            epoch.as_bytes(),
            &key,
            &Fields::bytes(labels::HISTORY).finish(),
        )
    };
    let wrapped = session_key.wrap_back(&epoch, &older);
    let put = |case: Case, wrapped: &[u8]| {
        case.put("epoch_id", hex(epoch.as_bytes()))
            .put("session_key", hex(key))
            .put("older_epoch", hex(older_epoch.as_bytes()))
            .put("older_roster_hash", hex(roster_hash.as_bytes()))
            .put("older_commit", hex(commit))
            .put("wrapped", hex(wrapped))
    };
    let invalid = |id: &str, reason: &str, wrapped: &[u8]| {
        put(Case::invalid(id, "the way back ends here", reason), wrapped)
    };
    let elsewhere = session_key.wrap_back(&older_epoch, &older);
    let wrong = Secret::copy_of(&named("session key 3"));
    Group::new(
        "backs",
        "`wrapped` of `back`: from the session key of an epoch to that of an older one, which has to match that \
         epoch's commit",
    )
    .case(
        put(Case::valid("back", "one step back"), &wrapped)
            .put("history_key", hex(history_key(&epoch).as_bytes()))
            .put("older_session_key", hex(older_key)),
    )
    .case(invalid("other-epoch", "wrapped for another epoch", &elsewhere))
    .case(invalid("altered", "altered", &altered(&wrapped, 3)))
    .case(invalid(
        "other-key",
        "unwraps to a key the older epoch's commit does not match",
        &aes256_kw_wrap(&history_key(&epoch), &wrong),
    ))
}
