//! The relay, or an insider with its help, writes the roster.

use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::crypto::{Identity, Name, SecretBytes, aes256_gcm_seal, labels, participant_id};
use burnchat_core::encoding::Fields;
use burnchat_core::error::Code;
use burnchat_core::ids::ParticipantId;
use burnchat_core::relay::Disconnect;
use burnchat_core::wire::{ClientFrame, RosterEntry};
use serde_json::{Value, json};

use super::hostile::{entry_listed, lie, lie_to, sent_by, type_of};
use super::puppet::{Puppet, entry_of, proved, without_the_secret};
use crate::harness::World;

const ANA: usize = 0;
const BEN: usize = 1;

/// Who `node` wrapped its last key for.
fn wrapped_for(world: &World, node: usize) -> Vec<ParticipantId> {
    let frame = sent_by(world, node, "session_key").pop().unwrap();
    let id = |wrap: &Value| ParticipantId::from_base64(wrap["id"].as_str().unwrap()).unwrap();
    frame["wraps"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn a_relay_that_invents_a_member_gets_no_key_and_no_hearing() {
    for holds_the_link in [false, true] {
        let mut world = World::new(500);
        let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
        let link = if holds_the_link {
            room.link.clone()
        } else {
            without_the_secret(&room.link)
        };
        let mut invented = Puppet::join(&mut world, &link, "cleo");
        world.run_for(1_000);
        invented.catch_up(&world);
        let (epoch, key) = match invented.is_keyed() {
            true => invented.newest_key(),
            false => (
                invented.head,
                burnchat_core::crypto::SessionKey::random(&mut world.rng),
            ),
        };
        invented.epochs = vec![(epoch, key)];
        let spoken = invented.envelope(&mut world, 0, 1, "hello, I am cleo");
        invented.say(&mut world, &ClientFrame::Message(spoken));
        world.run_for(1_000);

        // Whoever holds the link is a member like any other; the relay does not.
        let got_a_wrap = invented.key_frames.last().unwrap().wrapped.is_some();
        assert_eq!(got_a_wrap, holds_the_link);
        assert_eq!(
            wrapped_for(&world, ANA).contains(&invented.id()),
            holds_the_link
        );
        for node in [ANA, BEN] {
            assert_eq!(
                world.has_fault(node, Code::UnverifiedParticipant),
                !holds_the_link
            );
            assert_eq!(world.texts(node).len(), usize::from(holds_the_link));
            let label = world.labels(node).pop().unwrap();
            assert_eq!(
                label.starts_with("unverified·3·"),
                !holds_the_link,
                "{label}"
            );
        }
        world.assert_agreement();
        world.send(ANA, "between us");
        world.run_for(1_000);
        invented.catch_up(&world);
        let overheard = invented
            .messages
            .iter()
            .find_map(|logged| (logged.sender == world.id(ANA)).then(|| invented.read(logged)));
        assert_eq!(overheard.unwrap().is_some(), holds_the_link);
    }
}

#[test]
fn a_relay_that_lists_a_departed_id_again_gains_nothing() {
    let mut world = World::new(501);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let cleo = Puppet::join(&mut world, &room.link, "cleo");
    world.run_for(1_000);
    let id = cleo.id();
    let entry = entry_listed(&world, ANA, &id);
    world.disconnect_stranger(cleo.connection, Disconnect::Clean);
    world.run_for(1_000);
    assert_eq!(world.nodes[ANA].client.participants().len(), 2);

    // Her entry is as good as it ever was: only those who saw her leave refuse it.
    assert!(cleo.keys.check_join_proof(
        &entry.kem_pub.0,
        &entry.sig_pub.0,
        &entry.sealed_name.0,
        &entry.join_proof.0
    ));
    let version = world.nodes[ANA].client.roster_version().unwrap() + 1;
    let liar = lie(&mut world, |_, frame| vec![frame]);
    let listed = json!({
        "type": "participant_joined", "seq": 0, "version": version, "participant": entry,
    });
    liar.slip_in(&mut world, ANA, listed).unwrap();
    assert!(world.has_fault(ANA, Code::UnverifiedParticipant));
    let back = world.nodes[ANA].client.participants().pop().unwrap();
    assert_eq!((back.id, back.is_verified()), (id, false));
    assert!(back.label().starts_with("unverified·"));

    let head = world.nodes[ANA].client.head().unwrap();
    let wanted = json!({"type": "key_wanted", "version": version, "head": head});
    world.inject(ANA, &wanted.to_string()).unwrap();
    assert_eq!(
        wrapped_for(&world, ANA),
        [world.id(BEN)],
        "and gets no wrap"
    );
}

#[test]
fn a_fresh_join_forgets_nobody_who_has_left() {
    let mut world = World::new(504);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let cleo = Puppet::join(&mut world, &room.link, "cleo");
    world.run_for(1_000);
    let id = cleo.id();
    let entry = entry_listed(&world, ANA, &id);
    world.disconnect_stranger(cleo.connection, Disconnect::Clean);
    world.run_for(1_000);

    let liar = lie(&mut world, |_, frame| vec![frame]);
    let wrong = json!({"type": "rekey", "seq": 0, "version": 99});
    let refused = liar.slip_in(&mut world, ANA, wrong).unwrap_err();
    assert_eq!(refused.code(), Code::Fork);
    world.run_for(1_000);
    assert_eq!(world.nodes[ANA].ids.len(), 2, "she has joined afresh");

    let version = world.nodes[ANA].client.roster_version().unwrap() + 1;
    let listed = json!({
        "type": "participant_joined", "seq": 0, "version": version, "participant": entry,
    });
    liar.slip_in(&mut world, ANA, listed).unwrap();
    assert!(world.has_fault(ANA, Code::UnverifiedParticipant));
    let back = world.nodes[ANA].client.participants().pop().unwrap();
    assert_eq!((back.id, back.is_verified()), (id, false));

    let other = Identity::generate(&mut world.rng).unwrap();
    let listed = json!({
        "type": "participant_joined", "seq": 0, "version": version + 1,
        "participant": entry_of(&mut world, &cleo.keys, &other, "cleo"),
    });
    liar.slip_in(&mut world, ANA, listed).unwrap();
    let namesake = world.nodes[ANA].client.participants().pop().unwrap();
    assert!(namesake.is_verified() && namesake.name_clash);
}

#[test]
fn an_insider_that_left_does_not_come_back_under_its_id() {
    let mut world = World::new(503);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let cleo = Puppet::join(&mut world, &room.link, "cleo");
    world.run_for(1_000);
    let Puppet { me, connection, .. } = cleo;
    let id = me.id();
    world.disconnect_stranger(connection, Disconnect::Clean);
    world.run_for(1_000);

    let version = world.nodes[ANA].client.roster_version();
    let again = Puppet::join_as(&mut world, &room.link, "cleo", me);
    assert_eq!(again.err(), Some(Code::IdTaken));
    world.run_for(1_000);
    assert_eq!(world.nodes[ANA].client.roster_version(), version);
    assert!(
        world.nodes[ANA]
            .client
            .participants()
            .iter()
            .all(|shown| shown.id != id)
    );

    let other = Identity::generate(&mut world.rng).unwrap();
    assert!(
        Puppet::join_as(&mut world, &room.link, "cleo", other).is_ok(),
        "as somebody else, she may"
    );
}

#[test]
fn an_insider_cannot_rename_another() {
    let mut world = World::new(502);
    let room = world.create_plain();
    world.join_as_creator(&room, "ana");
    world.run_for(500);
    let mallory = Puppet::join(&mut world, &room.link, "mallory");
    world.run_for(1_000);

    // Mallory can seal whatever she likes for Ana's id, and prove it: both keys are everyone's.
    let honest = entry_listed(&world, ANA, &world.id(ANA));
    let renamed = rename(&mallory, &honest, "ana the impostor");
    assert!(mallory.keys.check_join_proof(
        &renamed.kem_pub.0,
        &renamed.sig_pub.0,
        &renamed.sealed_name.0,
        &renamed.join_proof.0
    ));
    // To her own entry that is done as it should be, and is shown.
    let own = mallory.roster.last().unwrap();
    let own_renamed = rename(&mallory, own, "mallory the second");

    let relisted = [renamed, own_renamed];
    lie_to(&mut world, BEN, move |mut frame| {
        if type_of(&frame) == "joined" {
            for (place, entry) in relisted.iter().enumerate() {
                frame["participants"][place] = serde_json::to_value(entry).unwrap();
            }
        }
        vec![frame]
    });
    let ben = world.join(&room, "ben");
    world.run_for(1_000);
    let labels = world.labels(ben);
    let fallback = Name::fallback(&world.id(ANA));
    assert!(labels[0].starts_with(fallback.as_str()), "{labels:?}");
    assert!(labels[1].starts_with("mallory the second·"), "{labels:?}");
    let ana = world.id(ANA);
    assert!(world.has_event(ben, |event| matches!(
        event,
        Event::Fault { error, about } if error.code() == Code::BadName && *about == Some(ana)
    )));
    world.send(ANA, "it is me");
    world.run_for(1_000);
    assert_eq!(
        world.texts(ben),
        ["it is me"],
        "a bad name costs her nothing else"
    );
    world.assert_agreement();
}

/// The entry with a name that `by` sealed and signed.
fn rename(by: &Puppet, entry: &RosterEntry, name: &str) -> RosterEntry {
    let id = participant_id(&entry.kem_pub.0, &entry.sig_pub.0);
    let signed = Fields::bytes(labels::NAME)
        .put(by.keys.room_id().as_bytes())
        .put(id.as_bytes())
        .put(name.as_bytes())
        .finish();
    let sig = by.me.signing().sign(&[&signed]).unwrap();
    let mut plaintext = SecretBytes::copy_of(&[u8::try_from(name.len()).unwrap()]);
    plaintext.extend_from_slice(name.as_bytes());
    plaintext.resize(65, 0);
    plaintext.extend_from_slice(sig.as_bytes());
    let iv = [4; 12];
    let ciphertext = aes256_gcm_seal(by.keys.name_key(), &iv, id.as_bytes(), plaintext).unwrap();
    let sealed: [u8; 157] = [&iv[..], &ciphertext].concat().try_into().unwrap();
    proved(&by.keys, entry, sealed)
}
