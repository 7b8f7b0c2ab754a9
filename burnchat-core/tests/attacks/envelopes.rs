//! The relay replays, reorders, drops and re-attributes messages; an insider forges them; a thief takes the keys of the
//! moment.

use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::crypto::{SessionKey, aes256_gcm_seal, labels, sha256};
use burnchat_core::encoding::Fields;
use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, ParticipantId};
use burnchat_core::limits;
use burnchat_core::wire::{Bytes, Ciphertext, ClientFrame, Envelope, LoggedEnvelope, RelayFrame};
use serde_json::json;

use super::hostile::{hold_back_messages, lie, lie_to, newest, sent_by, type_of, value_of};
use super::puppet::{Puppet, plaintext, text_of};
use crate::harness::World;

const ANA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;

fn three(seed: u64) -> World {
    let mut world = World::new(seed);
    world.room_of(RoomSettings::default(), &["ana", "ben", "cleo"]);
    world
}

fn missed(world: &World, node: usize) -> u64 {
    let missed = |event: &Event| match event {
        Event::Missed { count, .. } => *count,
        _ => 0,
    };
    world.nodes[node].events.iter().map(missed).sum()
}

#[test]
fn a_replayed_envelope_is_refused() {
    let mut world = three(200);
    world.send(ANA, "pay ben 10");
    world.run_for(1_000);
    assert_eq!(
        world.texts(BEN),
        ["pay ben 10"],
        "it was good the first time"
    );

    let again = newest(&world, BEN, "message");
    lie_to(&mut world, BEN, move |frame| {
        if type_of(&frame) == "message" {
            vec![again.clone(), frame]
        } else {
            vec![frame]
        }
    });
    world.send(ANA, "and no more");
    world.run_for(1_000);
    assert!(world.has_fault(BEN, Code::Replayed));
    assert_eq!(world.texts(BEN), ["pay ben 10", "and no more"]);
    assert_eq!(missed(&world, BEN), 0);
}

#[test]
fn reordered_envelopes_of_one_sender_are_refused_and_shown() {
    let mut world = three(201);
    let mut first = None;
    lie_to(&mut world, BEN, move |frame| match type_of(&frame) {
        "message" if first.is_none() => {
            first = Some(frame);
            vec![]
        }
        "message" => [Some(frame), first.take()].into_iter().flatten().collect(),
        _ => vec![frame],
    });
    world.send(ANA, "do not");
    world.run_for(1_000);
    world.send(ANA, "open the door");
    world.run_for(1_000);
    assert_eq!(world.texts(CLEO), ["do not", "open the door"]);
    assert_eq!(world.texts(BEN), ["open the door"]);
    assert_eq!(missed(&world, BEN), 1, "he is told that one is missing");
    assert!(
        world.has_fault(BEN, Code::Replayed),
        "and that it comes too late"
    );
}

#[test]
fn a_dropped_envelope_shows_at_the_senders_next() {
    let mut world = three(202);
    let held = hold_back_messages(&mut world, BEN);
    world.send(ANA, "meet at nine, not eight");
    world.run_for(1_000);
    assert_eq!(held.frames.borrow().len(), 1);
    assert_eq!(world.texts(CLEO), ["meet at nine, not eight"]);
    assert_eq!(missed(&world, BEN), 0, "the very last can't show");
    held.stop();
    world.send(ANA, "see you");
    world.run_for(1_000);
    assert_eq!(world.texts(BEN), ["see you"]);
    assert_eq!(missed(&world, BEN), 1);
    assert_eq!(missed(&world, CLEO), 0);
}

#[test]
fn a_drop_at_the_end_of_an_epoch_shows_in_the_next() {
    // Ben has read nothing of Ana's yet, so he has no count of hers; what she sent in the epoch before tells him.
    let mut world = World::new(203);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let held = hold_back_messages(&mut world, BEN);
    world.send(ANA, "never arrives");
    world.run_for(1_000);
    held.stop();
    let cleo = world.join(&room, "cleo");
    world.run_for(1_000);
    world.send(ANA, "in another epoch");
    world.run_for(1_000);
    assert_eq!(world.texts(BEN), ["in another epoch"]);
    assert_eq!(missed(&world, BEN), 1);
    assert_eq!(
        missed(&world, cleo),
        0,
        "what was sent before she came is not missing"
    );

    // From then on he counts.
    held.resume();
    world.send(ANA, "nor this");
    world.send(ANA, "nor that");
    world.run_for(1_000);
    held.stop();
    world.join(&room, "dora");
    world.run_for(1_000);
    world.send(ANA, "in a third");
    world.run_for(1_000);
    assert_eq!(missed(&world, BEN), 3);
    assert_eq!(missed(&world, cleo), 0);
}

#[test]
fn an_envelope_given_to_another_sender_is_refused() {
    let mut world = three(204);
    let cleos_id = world.id(CLEO).to_base64();
    lie_to(&mut world, BEN, move |mut frame| {
        if type_of(&frame) == "message" {
            frame["sender"] = json!(cleos_id);
        }
        vec![frame]
    });
    world.send(ANA, "I resign");
    world.run_for(1_000);
    assert_eq!(
        world.texts(CLEO),
        ["I resign"],
        "a good envelope where it is Ana's"
    );
    assert!(world.has_fault(BEN, Code::BadEnvelopeSignature));
    assert!(world.texts(BEN).is_empty());
}

#[test]
fn an_envelope_of_an_ended_epoch_is_refused() {
    let mut world = three(205);
    let held = hold_back_messages(&mut world, BEN);
    world.send(ANA, "for the three of us");
    world.run_for(1_000);
    held.stop();
    world.act(CLEO, |client, now, _| client.leave(now));
    world.run_for(2_000);
    assert_eq!(world.nodes[BEN].client.participants().len(), 2);

    let late = held.deliver(&mut world, BEN).unwrap_err();
    assert_eq!(late.code(), Code::EndedEpoch);
    assert!(world.texts(BEN).is_empty());
    world.send(ANA, "for the two of us");
    world.run_for(1_000);
    assert_eq!(world.texts(BEN), ["for the two of us"]);
    assert_eq!(missed(&world, BEN), 1, "that something is missing shows");
}

#[test]
fn what_a_removed_participant_sends_is_refused_by_everyone() {
    let mut world = World::new(206);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let mut mallory = Puppet::join(&mut world, &room.link, "mallory");
    world.run_for(1_000);
    mallory.catch_up(&world);
    let spoken = mallory.envelope(&mut world, 0, 1, "I am in");
    mallory.say(&mut world, &ClientFrame::Message(spoken));
    world.run_for(1_000);
    assert_eq!(world.texts(BEN), ["I am in"]);

    // Her removal is logged, and the next key is not there yet: the epoch she knows is still the newest.
    world.tamper_up(|_, frame| {
        let key_frame = frame.contains("\"type\":\"session_key\"");
        (!key_frame).then(|| frame.to_owned()).into_iter().collect()
    });
    let id = mallory.id();
    world
        .act(ANA, |client, now, rng| client.kick(now, id, true, rng))
        .unwrap();
    world.run_for(1_000);
    assert_eq!(world.nodes[BEN].client.head(), Some(mallory.head));

    // A relay that helps her logs what she goes on sending.
    let liar = lie(&mut world, |_, frame| vec![frame]);
    let still = mallory.envelope(&mut world, 1, 2, "I am still in");
    let logged = value_of(&RelayFrame::Message(LoggedEnvelope::new(0, id, still)));
    for node in [ANA, BEN] {
        let refused = liar.slip_in(&mut world, node, logged.clone()).unwrap_err();
        assert_eq!(refused.code(), Code::NotAParticipant);
        assert!(!world.texts(node).contains(&"I am still in"));
    }
}

/// An insider knows every chain, so that what it encrypts in Ana's name decrypts.
#[test]
fn a_participant_cannot_write_in_anothers_name() {
    let mut world = World::new(207);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let mut mallory = Puppet::join(&mut world, &room.link, "mallory");
    world.run_for(1_000);
    mallory.catch_up(&world);
    let (epoch, key) = mallory.newest_key();
    let anas_id = world.id(ANA);
    let as_ana = forge(&mallory, &epoch, &key, &anas_id, 0, &anas_id);
    let logged = LoggedEnvelope::new(1, anas_id, as_ana.clone());
    assert_eq!(
        mallory.read(&logged).as_deref(),
        Some("I quit"),
        "it decrypts as Ana's"
    );

    // Through an honest relay it is Mallory's, whatever is written inside.
    mallory.say(&mut world, &ClientFrame::Message(as_ana));
    world.run_for(1_000);
    assert!(world.has_fault(BEN, Code::BadEnvelopeSignature));
    assert!(world.texts(BEN).is_empty());

    // Signed as her own but encrypted by Ana's chain, it does not decrypt.
    let mixed = forge(&mallory, &epoch, &key, &anas_id, 1, &mallory.id());
    mallory.say(&mut world, &ClientFrame::Message(mixed));
    world.run_for(1_000);
    assert!(world.has_fault(BEN, Code::BadEnvelope));

    // A relay that helps says it is Ana's.
    let liar = lie(&mut world, |_, frame| vec![frame]);
    let slipped = value_of(&RelayFrame::Message(logged));
    let refused = liar.slip_in(&mut world, BEN, slipped).unwrap_err();
    assert_eq!(refused.code(), Code::BadEnvelopeSignature);
    assert!(world.texts(BEN).is_empty());
    world.send(ANA, "I stay");
    world.run_for(1_000);
    assert_eq!(
        world.texts(BEN),
        ["I stay"],
        "and Ana's chain has not moved"
    );
    assert_eq!(missed(&world, BEN), 0);
}

/// "I quit" under the key of message `n` of Ana's, for an envelope whose sender is `claimed`, signed by the forger.
fn forge(
    forger: &Puppet,
    epoch: &EpochId,
    key: &SessionKey,
    ana: &ParticipantId,
    n: u64,
    claimed: &ParticipantId,
) -> Envelope {
    let fields = || {
        Fields::bytes(labels::MSG)
            .put(forger.keys.room_id().as_bytes())
            .put(epoch.as_bytes())
            .put(claimed.as_bytes())
            .put_u64(n)
            .put_u8(0)
    };
    let iv = [9; 12];
    let (message_key, _) = key.chain(epoch, ana).look_ahead(n).unwrap();
    let padded = plaintext(n, n + 1, "I quit");
    let ciphertext =
        aes256_gcm_seal(message_key.as_secret(), &iv, &fields().finish(), padded).unwrap();
    let signed = fields().put(&sha256(&[&iv, &ciphertext])).finish();
    let sig = forger.me.signing().sign(&[&signed]).unwrap();
    Envelope {
        epoch: *epoch,
        n,
        flags: 0,
        iv: Bytes(iv),
        ciphertext: Ciphertext(ciphertext),
        sig: Bytes(*sig.as_bytes()),
    }
}

#[test]
fn a_text_is_not_sent_again_to_someone_who_came_after_it_was_written() {
    let mut world = World::new(208);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    // The relay swallows what Ana writes, lets somebody in, and then says that the epoch had ended.
    let swallow = |world: &mut World| {
        world.tamper_up(|_, frame| {
            let message = frame.contains("\"type\":\"message\"");
            (!message).then(|| frame.to_owned()).into_iter().collect()
        });
    };
    let refuse = |world: &mut World| {
        let swallowed = sent_by(world, ANA, "message").pop().unwrap();
        let refusal = json!({
            "type": "error", "code": "stale_epoch",
            "epoch": swallowed["epoch"], "n": swallowed["n"],
        });
        world.inject(ANA, &refusal.to_string()).unwrap();
    };

    // Among the same people that only costs time: the text is encrypted again in the next epoch.
    swallow(&mut world);
    let harmless = world.send(ANA, "for ben");
    world.run_for(1_000);
    refuse(&mut world);
    world.stop_tampering();
    let complaint =
        json!({"type": "need_key", "version": world.nodes[BEN].client.roster_version()});
    world.inject_to_hub(BEN, complaint.to_string().as_bytes());
    world.run_for(1_000);
    assert_eq!(world.texts(BEN), ["for ben"]);
    assert_eq!(world.nodes[ANA].accepted, [harmless]);

    swallow(&mut world);
    let private = world.send(ANA, "for ben only");
    world.run_for(1_000);
    let dora = world.join(&room, "dora");
    world.run_for(2_000);
    refuse(&mut world);
    world.stop_tampering();
    world.run_for(2_000);
    assert_eq!(world.nodes[ANA].unsent, [private], "it is Ana's to decide");
    assert!(world.texts(dora).is_empty());
    assert!(!world.nodes[ANA].accepted.contains(&private));
    world.send(ANA, "welcome, dora");
    world.run_for(1_000);
    assert_eq!(world.texts(dora), ["welcome, dora"]);
}

/// Nor if the author takes the newcomer for nobody: the steward, who was shown the true entry, has given it the key.
#[test]
fn a_text_is_not_sent_to_a_newcomer_whom_the_relay_shows_its_author_altered() {
    let mut world = World::new(209);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    world.tamper_up(|_, frame| {
        let message = frame.contains("\"type\":\"message\"");
        (!message).then(|| frame.to_owned()).into_iter().collect()
    });
    let private = world.send(BEN, "for ana only");
    world.run_for(1_000);
    lie_to(&mut world, BEN, |mut frame| {
        if type_of(&frame) == "participant_joined" {
            frame["participant"]["join_proof"] = json!(Bytes([0; 32]));
        }
        vec![frame]
    });
    let dora = world.join(&room, "dora");
    world.run_for(2_000);
    let held = |node: usize, world: &World| world.nodes[node].client.epoch();
    assert_eq!(held(BEN, &world), held(dora, &world), "Ana has keyed both");
    assert!(world.has_fault(BEN, Code::UnverifiedParticipant));

    world.tamper_up(|_, frame| vec![frame.to_owned()]);
    let swallowed = sent_by(&world, BEN, "message").pop().unwrap();
    let refusal = json!({
        "type": "error", "code": "stale_epoch",
        "epoch": swallowed["epoch"], "n": swallowed["n"],
    });
    world.inject(BEN, &refusal.to_string()).unwrap();
    world.run_for(2_000);
    assert!(world.texts(dora).is_empty());
    assert_eq!(world.nodes[BEN].unsent, [private], "it is Ben's to decide");
}

/// What a thief finds in memory after message 5 of an epoch is the chain as it stands then.
#[test]
fn a_key_stolen_after_a_message_opens_no_earlier_one() {
    let mut world = World::new(209);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let mut thief = Puppet::join(&mut world, &room.link, "the thief's victim");
    world.run_for(1_000);
    thief.catch_up(&world);
    for text in ["one", "two", "three", "four", "five", "six"] {
        world.send(ANA, text);
    }
    world.run_for(2_000);
    thief.catch_up(&world);
    let recorded: Vec<Envelope> = thief
        .messages
        .iter()
        .map(|logged| logged.clone().into_envelope())
        .collect();
    assert_eq!(recorded.len(), 6);

    let ana = world.id(ANA);
    let (epoch, key) = thief.newest_key();
    let (_, stolen) = key.chain(&epoch, &ana).look_ahead(4).unwrap();
    drop(key);
    let open = |envelope: &Envelope, n: u64| -> Option<String> {
        let (message_key, _) = stolen.look_ahead(n)?;
        let padded = envelope.open(&room.id, &ana, &message_key).ok()?;
        text_of(envelope.n, &padded)
    };
    assert_eq!(
        open(&recorded[5], 5).as_deref(),
        Some("six"),
        "what comes after, it opens"
    );
    for envelope in &recorded[..5] {
        assert!(
            stolen.look_ahead(envelope.n).is_none(),
            "the chain refuses to go back"
        );
        // Whatever the chain can still become is the key of none of them.
        for n in (5..40).chain([limits::ENVELOPES_PER_EPOCH - 1]) {
            assert_eq!(open(envelope, n), None);
        }
    }
}

#[test]
fn a_message_of_an_epoch_that_has_ended_is_refused() {
    let mut world = World::new(430);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let held = hold_back_messages(&mut world, 1);
    for text in ["one", "two"] {
        world.send(0, text);
    }
    world.run_for(500);
    world.join(&room, "cleo");
    world.run_for(1_000);
    held.deliver(&mut world, 1).unwrap();
    assert_eq!(
        world.texts(1),
        ["one"],
        "an older epoch goes on for half a minute"
    );
    world.run_for(31_000);
    let refused = held.deliver(&mut world, 1).unwrap_err();
    assert_eq!(refused.code(), Code::EndedEpoch);
    assert_eq!(world.texts(1), ["one"]);
}
