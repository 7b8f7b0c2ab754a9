//! The relay gets between people: other keys in the roster, other wraps in the key frame.

use burnchat_core::client::{EndReason, Event, RoomSettings};
use burnchat_core::crypto::{
    Identity, KemPublicKey, KeyEncryptionKey, RoomKeys, Secret, SessionKey, VerificationCode,
    VerificationEntry, epoch_id, sha256, sign_key_frame, verify_key_frame,
};
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::RosterHash;
use burnchat_core::link::Link;
use burnchat_core::wire::{Bytes, RosterEntry};
use serde_json::Value;

use super::hostile::{entry_listed, lie, lie_to, sent_by, type_of};
use super::puppet::{Puppet, entry_of, without_the_secret};
use crate::harness::World;

/// The relay puts keys of its own into every entry that is not the receiver's own.
fn swap_keys(frame: &mut Value, relay: &RosterEntry) {
    let swap = |entry: &mut Value| {
        let relay = serde_json::to_value(relay).unwrap();
        for member in ["kem_pub", "sig_pub", "sealed_name", "join_proof"] {
            entry[member] = relay[member].clone();
        }
    };
    match type_of(frame) {
        "joined" => {
            let entries = frame["participants"].as_array_mut().unwrap();
            let others = entries.len() - 1;
            entries.iter_mut().take(others).for_each(swap);
        }
        "participant_joined" => swap(&mut frame["participant"]),
        _ => {}
    }
}

#[test]
fn a_relay_that_swaps_keys_in_the_roster_reads_nothing_and_shows_in_the_codes() {
    without_the_link_nobody_believes_it();
    with_the_link_it_reads_and_no_code_agrees();
}

fn without_the_link_nobody_believes_it() {
    let mut world = World::new(100);
    let room = world.create_plain();
    let ana = world.join_as_creator(&room, "ana");
    world.run_for(1_000);

    // The relay has seen the ticket, and guesses the secret.
    let blind = Link::parse(&without_the_secret(&room.link)).unwrap();
    let relay = Identity::generate(&mut world.rng).unwrap();
    let entry = entry_of(&mut world, &RoomKeys::derive(&blind), &relay, "ben");
    lie(&mut world, move |_, mut frame| {
        swap_keys(&mut frame, &entry);
        vec![frame]
    });
    let ben = world.join(&room, "ben");
    world.run_for(5_000);

    assert_eq!(
        world.ended(ben),
        Some(EndReason::Failed(Error::new(Code::BadLink)))
    );
    assert!(world.has_fault(ana, Code::UnverifiedParticipant));
    assert!(world.has_event(ana, |event| matches!(
        event,
        Event::ParticipantJoined(shown) if !shown.is_verified() && shown.id == relay.id()
    )));
    assert!(
        sent_by(&world, ana, "session_key").is_empty(),
        "nothing is wrapped for the relay"
    );
}

fn with_the_link_it_reads_and_no_code_agrees() {
    // Two rooms of one link: Ana's, in which the relay plays Ben, and Ben's, in which it plays Ana.
    let (mut anas, mut bens) = (World::new(101), World::new(102));
    let (request, link) = anas.plan(RoomSettings::default());
    let room = anas.host(&request, &link);
    let other_room = bens.host(&request, &link);
    let ana = anas.join_as_creator(&room, "ana");
    let false_ana = bens.join_as_creator(&other_room, "ana");
    anas.run_for(500);
    bens.run_for(500);
    let false_ben = anas.join(&room, "ben");
    let ben = bens.join(&room, "ben");
    anas.run_for(2_000);
    bens.run_for(2_000);

    anas.send(ana, "the key is under the mat");
    anas.run_for(1_000);
    let overheard = anas.texts(false_ben).concat();
    assert_eq!(overheard, "the key is under the mat", "it reads");
    bens.send(false_ana, &overheard);
    bens.run_for(1_000);
    assert_eq!(bens.texts(ben), ["the key is under the mat"]);
    assert!(bens.nodes[ben].texts[0].label.starts_with("ana·1·"));
    assert!(!anas.has_fault(ana, Code::UnverifiedParticipant));

    let hers = anas.nodes[ana].client.verification().unwrap();
    let his = bens.nodes[ben].client.verification().unwrap();
    assert_ne!(hers.short_code(), his.short_code());
    assert_ne!(hers.emoji(), his.emoji());
    assert_ne!(hers.safety_number(), his.safety_number());
}

/// What this does to people who do not check whose key it was is told in
/// [`the_published_fingerprint_is_blind_to_the_key_swap`].
#[test]
fn a_relay_that_wraps_keys_itself_opens_no_epoch() {
    let mut world = World::new(103);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let ben = 1;
    let relay = Identity::generate(&mut world.rng).unwrap();
    let known = SessionKey::random(&mut world.rng);
    let (relay_id, bens_id) = (relay.id(), world.id(ben));
    // It even has the link.
    let keys = RoomKeys::derive(&Link::parse(&room.link).unwrap());
    let listed = entry_listed(&world, 0, &bens_id);
    let bens_kem = KemPublicKey::from_sec1(&listed.kem_pub.0).unwrap();
    let shared = relay.kem().agree(&bens_kem).unwrap();
    lie_to(&mut world, ben, move |mut frame| {
        if type_of(&frame) == "session_key" {
            let hash = hash_in(&frame);
            let kek =
                KeyEncryptionKey::derive(keys.wrap_key(), &hash, &shared, &relay_id, &bens_id);
            frame["wrapped"] = serde_json::to_value(Bytes(kek.wrap(&known))).unwrap();
        }
        vec![frame]
    });

    world.join(&room, "cleo");
    world.run_for(600);
    assert!(world.has_fault(ben, Code::BadWrap));
    let keyed = |event: &Event| matches!(event, Event::Keyed { version: 3, .. });
    assert!(world.has_event(0, keyed) && !world.has_event(ben, keyed));
    assert!(!sent_by(&world, ben, "need_key").is_empty(), "he says so");

    world.stop_tampering();
    world.run_for(10_000);
    world.assert_agreement();
    world.send(0, "after all");
    world.run_for(1_000);
    assert_eq!(world.texts(ben), ["after all"]);
}

#[test]
fn a_relay_that_recorded_everything_and_breaks_the_curve_still_needs_the_link() {
    let mut world = World::new(104);
    let room = world.create_plain();
    let ana = world.join_as_creator(&room, "ana");
    world.run_for(1_000);
    let mut ben = Puppet::join(&mut world, &room.link, "ben");
    world.run_for(1_000);
    ben.catch_up(&world);
    world.send(ana, "recorded today");
    world.run_for(1_000);
    ben.catch_up(&world);
    let recorded = ben.key_frames.last().unwrap().clone();
    assert_eq!(
        ben.read(&ben.messages[0]).as_deref(),
        Some("recorded today")
    );

    // Ben's private key stands for the broken curve; with it the relay has the ECDH secret of every wrap made for him.
    let blind = Link::parse(&without_the_secret(&room.link)).unwrap();
    let with_the_link = std::mem::replace(&mut ben.keys, RoomKeys::derive(&blind));
    assert!(ben.unwrap_unchecked(&recorded).is_none());
    ben.keys = with_the_link;
    assert!(ben.unwrap_unchecked(&recorded).is_some());
}

#[test]
fn a_key_frame_of_the_relays_own_is_a_fork() {
    let mut world = World::new(105);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let ben = 1;
    let relay = Identity::generate(&mut world.rng).unwrap();
    let known = SessionKey::random(&mut world.rng);
    let head = world.nodes[ben].client.head().unwrap();
    lie_to(&mut world, ben, move |mut frame| {
        if type_of(&frame) == "session_key" {
            let hash = hash_in(&frame);
            let commit = known.commit(&hash);
            let epoch = epoch_id(&head, &hash, &commit);
            // Signed as well as anyone can who does not have the steward's key.
            let sig = sign_key_frame(&relay, &room.id, &epoch).unwrap();
            let key = relay.signing().verifying_key();
            assert!(verify_key_frame(key, &room.id, &epoch, &sig).is_ok());
            frame["commit"] = serde_json::to_value(Bytes(commit)).unwrap();
            frame["sig"] = serde_json::to_value(Bytes(*sig.as_bytes())).unwrap();
        }
        vec![frame]
    });
    let link = room.link.clone();
    world.add(&link, "cleo", Default::default());
    world.run_for(500);
    assert!(world.has_event(ben, |event| matches!(
        event,
        Event::Rejoining { code: Code::Fork }
    )));
    let bad_wrap = world.has_fault(ben, Code::BadWrap);
    assert!(!bad_wrap, "before any wrap is looked at");
}

/// Beside the attacks: what the published Burn Chat shows people to compare is the first six hex digits of a hash over
/// the session key and nothing else.
#[test]
fn the_published_fingerprint_is_blind_to_the_key_swap() {
    let mut world = World::new(104);
    let (_, link) = world.plan(RoomSettings::default());
    let mut identity = || Identity::generate(&mut world.rng).unwrap();
    let (ana, ben, for_ana, for_ben) = (identity(), identity(), identity(), identity());
    let published_fingerprint = |key: &Secret<32>| {
        let [a, b, c, ..] = sha256(&[key.as_bytes()]);
        format!("{a:02x}{b:02x}{c:02x}")
    };
    let wrap = |from: &Identity, to: &Identity, key: &SessionKey| kek(from, to).wrap(key);
    let unwrap =
        |to: &Identity, from: &Identity, wrapped: &[u8; 40]| kek(to, from).unwrap(wrapped).unwrap();

    // Ana, the creator, wraps her key for who the relay says is Ben; the relay opens it and wraps it again for Ben, who
    // takes the relay's other key for Ana's.
    let anas = SessionKey::random(&mut world.rng);
    let to_relay = wrap(&ana, &for_ana, &anas);
    let relays = unwrap(&for_ana, &ana, &to_relay);
    let to_ben = wrap(&for_ben, &ben, &relays);
    let bens = unwrap(&ben, &for_ben, &to_ben);

    assert!(
        relays.as_secret().ct_eq(anas.as_secret()),
        "the relay reads everything"
    );
    assert_eq!(
        published_fingerprint(anas.as_secret()),
        published_fingerprint(bens.as_secret()),
        "and both sides see the same fingerprint"
    );

    // The same swap under this protocol, even with the link in the relay's hands.
    let hers = code(&link, &[&ana, &for_ana]);
    let his = code(&link, &[&for_ben, &ben]);
    assert_ne!(hers.short_code(), his.short_code());
    assert_ne!(hers.emoji(), his.emoji());
    assert_ne!(hers.safety_number(), his.safety_number());
    assert_eq!(
        code(&link, &[&ana, &ben]),
        code(&link, &[&ben, &ana]),
        "without the swap they agree"
    );
}

fn kek(one: &Identity, other: &Identity) -> KeyEncryptionKey {
    // As published: nothing but the two keys goes in.
    let shared = one.kem().agree(other.kem().public_key()).unwrap();
    let nobody = burnchat_core::ids::ParticipantId([0; 16]);
    KeyEncryptionKey::derive(
        &Secret::copy_of(&[0; 32]),
        &RosterHash([0; 32]),
        &shared,
        &nobody,
        &nobody,
    )
}

fn code(link: &Link, roster: &[&Identity]) -> VerificationCode {
    let entries = roster.iter().map(|who| VerificationEntry {
        id: who.id(),
        kem_pub: who.kem().public_key().as_bytes(),
        sig_pub: who.signing().verifying_key().as_bytes(),
    });
    VerificationCode::new(&link.room_id(), link.secret(), entries)
}

fn hash_in(key_frame: &Value) -> RosterHash {
    RosterHash::from_base64(key_frame["roster_hash"].as_str().unwrap()).unwrap()
}
