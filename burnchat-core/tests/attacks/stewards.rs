//! Who makes the session key, and what if that is the attacker.

use burnchat_core::client::{Event, RoomSettings, Unreadable};
use burnchat_core::crypto::SessionKey;
use burnchat_core::error::Code;
use burnchat_core::wire::{ClientFrame, VersionOnly};

use super::hostile::{sent_by, sent_to};
use super::puppet::{Puppet, without_the_secret};
use crate::harness::World;

/// Nobody's client answers `key_wanted` any more, as far as the relay can see.
fn swallow_key_frames(world: &mut World) {
    world.tamper_up(|_, frame| {
        let key_frame = frame.contains("\"type\":\"session_key\"");
        (!key_frame).then(|| frame.to_owned()).into_iter().collect()
    });
}

fn is_keyed(world: &World, node: usize) -> bool {
    let client = &world.nodes[node].client;
    client.epoch().map(|(_, id)| id) == client.head()
}

#[test]
fn a_steward_that_hands_out_two_keys_is_found_out_and_asked_last() {
    let mut world = World::new(600);
    let room = world.create_plain();
    // Mallory was here first, so she is asked first.
    let mut mallory = Puppet::join(&mut world, &room.link, "mallory");
    let ana = world.join_as_creator(&room, "ana");
    let ben = world.join(&room, "ben");
    world.run_for(100);
    let mut dave = Puppet::join(&mut world, &room.link, "dave");
    world.run_for(350);
    mallory.catch_up(&world);
    assert_eq!(mallory.asked, [4]);

    let (one, other) = (
        SessionKey::random(&mut world.rng),
        SessionKey::random(&mut world.rng),
    );
    let mut offer = mallory.offer(&one);
    for victim in [world.id(ben), dave.id()] {
        let wrap = mallory.wrap(&victim, &other);
        *offer
            .wraps
            .iter_mut()
            .find(|wrap| wrap.id == victim)
            .unwrap() = wrap;
    }
    mallory.say(&mut world, &ClientFrame::SessionKey(Box::new(offer)));
    dave.catch_up(&world);
    let given = dave
        .unwrap_unchecked(dave.key_frames.last().unwrap())
        .unwrap();
    assert!(
        given.as_secret().ct_eq(other.as_secret()),
        "the other key does arrive"
    );
    assert!(!dave.is_keyed(), "and is not what the frame commits to");

    world.run_for(100);
    let about = mallory.id();
    assert!(world.has_event(ben, |event| matches!(
        event,
        Event::Fault { error, about: Some(steward) } if error.code() == Code::BadWrap && *steward == about
    )));
    assert!(!world.has_fault(ana, Code::BadWrap));
    assert_eq!(sent_by(&world, ben, "need_key").len(), 1);

    world.run_for(1_000);
    assert!(
        is_keyed(&world, ana) && is_keyed(&world, ben),
        "somebody else has made a key"
    );
    let cleo = world.join(&room, "cleo");
    world.run_for(1_000);
    assert!(is_keyed(&world, cleo));
    mallory.catch_up(&world);
    assert_eq!(
        mallory.asked,
        [4],
        "Mallory is not asked again while others are there"
    );
    world.send(ana, "one key for all");
    world.run_for(1_000);
    assert_eq!(world.texts(ben), ["one key for all"]);
}

#[test]
fn a_key_frame_of_somebody_not_asked_is_not_logged() {
    let mut world = World::new(601);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let mut mallory = Puppet::join(&mut world, &room.link, "mallory");
    world.run_for(1_000);
    mallory.catch_up(&world);
    let frames = |world: &World| sent_to(world, 0, "session_key").len();
    let key = SessionKey::random(&mut world.rng);
    let offer = |world: &mut World, mallory: &mut Puppet| {
        mallory.catch_up(world);
        let frame = ClientFrame::SessionKey(Box::new(mallory.offer(&key)));
        mallory.say(world, &frame);
        frame
    };
    let before = frames(&world);

    // For a version that is keyed already, unasked.
    offer(&mut world, &mut mallory);
    assert_eq!(frames(&world), before);

    // For the next one, before anyone is asked, and while another is.
    swallow_key_frames(&mut world);
    world.join(&room, "cleo");
    world.run_for(150);
    offer(&mut world, &mut mallory);
    assert_eq!(mallory.version, 4);
    assert_eq!(frames(&world), before, "too early");
    world.run_for(500);
    offer(&mut world, &mut mallory);
    assert_eq!(frames(&world), before, "another was asked");

    // Once she is asked, the same frame is good, once.
    world.run_for(5_000);
    mallory.catch_up(&world);
    assert_eq!(mallory.asked, [4]);
    let good = offer(&mut world, &mut mallory);
    assert_eq!(frames(&world), before + 1);
    mallory.say(&mut world, &good);
    offer(&mut world, &mut mallory);
    assert_eq!(
        frames(&world),
        before + 1,
        "and no second for the same version"
    );
    world.run_for(1_000);
    assert!((0..3).all(|node| is_keyed(&world, node)));
}

#[test]
fn an_unverified_steward_keys_nobody() {
    for holds_the_link in [false, true] {
        let mut world = World::new(602);
        let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
        let link = if holds_the_link {
            room.link.clone()
        } else {
            without_the_secret(&room.link)
        };
        // The relay has everyone else's key frames fail, until it can ask its own.
        swallow_key_frames(&mut world);
        let mut steward = Puppet::join(&mut world, &link, "cleo");
        world.run_for(5_000);
        steward.catch_up(&world);
        assert_eq!(steward.asked, [3]);
        let key = SessionKey::random(&mut world.rng);
        let offer = steward.offer(&key);
        steward.say(&mut world, &ClientFrame::SessionKey(Box::new(offer)));
        steward.catch_up(&world);
        assert!(steward.is_keyed(), "the relay has logged it");
        world.run_for(100);

        // It speaks in the epoch it has made.
        let spoken = steward.envelope(&mut world, 0, 1, "trust me");
        steward.say(&mut world, &ClientFrame::Message(spoken));
        world.run_for(100);

        for node in 0..2 {
            assert_eq!(is_keyed(&world, node), holds_the_link);
            assert_eq!(world.has_fault(node, Code::BadWrap), !holds_the_link);
            assert_eq!(world.texts(node).contains(&"trust me"), holds_the_link);
            let noticed = |event: &Event| matches!(event, Event::Unreadable { .. });
            assert!(
                !world.has_event(node, noticed),
                "one that is not verified is not even heard"
            );
        }
        world.stop_tampering();
        world.run_for(10_000);
        world.send(0, "a good key");
        world.run_for(1_000);
        let newest = world.texts(1).pop();
        assert_eq!(newest, Some("a good key"), "an honest one is asked next");
        steward.catch_up(&world);
        let heard = steward
            .messages
            .iter()
            .filter(|logged| logged.sender != steward.id())
            .any(|logged| steward.read(logged).is_some());
        assert_eq!(heard, holds_the_link);
    }
}

#[test]
fn a_key_frame_with_a_wrong_hash_head_signature_or_wrap_is_not_logged() {
    let mut world = World::new(603);
    let room = world.create_plain();
    let mut mallory = Puppet::join(&mut world, &room.link, "mallory");
    let ana = world.join_as_creator(&room, "ana");
    world.run_for(450);
    mallory.catch_up(&world);
    let key = SessionKey::random(&mut world.rng);
    let good = mallory.offer(&key);
    type Spoil = fn(&mut burnchat_core::wire::KeyOffer);
    let spoiled: [Spoil; 7] = [
        |offer| offer.roster_hash.0[0] ^= 1,
        |offer| offer.prev.0[0] ^= 1,
        |offer| offer.commit.0[0] ^= 1,
        |offer| offer.sig.0[0] ^= 1,
        |offer| offer.version -= 1,
        |offer| offer.wraps.push(offer.wraps[0].clone()),
        |offer| offer.wraps[0].id.0[0] ^= 1,
    ];
    for spoil in spoiled {
        let mut offer = good.clone();
        spoil(&mut offer);
        mallory.say(&mut world, &ClientFrame::SessionKey(Box::new(offer)));
        assert!(sent_to(&world, ana, "session_key").is_empty());
    }
    mallory.say(&mut world, &ClientFrame::SessionKey(Box::new(good)));
    world.run_for(100);
    assert!(is_keyed(&world, ana));
    assert!(!world.has_fault(ana, Code::BadWrap));
}

#[test]
fn a_steward_that_leaves_somebody_out_is_asked_last() {
    let mut world = World::new(604);
    let room = world.create_plain();
    let mut mallory = Puppet::join(&mut world, &room.link, "mallory");
    let ana = world.join_as_creator(&room, "ana");
    let ben = world.join(&room, "ben");
    world.run_for(450);
    mallory.catch_up(&world);
    assert_eq!(mallory.asked, [3]);
    let key = SessionKey::random(&mut world.rng);
    let mut offer = mallory.offer(&key);
    let out = world.id(ben);
    offer.wraps.retain(|wrap| wrap.id != out);
    mallory.say(&mut world, &ClientFrame::SessionKey(Box::new(offer)));
    world.run_for(50);
    assert!(is_keyed(&world, ana) && !is_keyed(&world, ben));

    // What is said until the next key is lost on Ben, and he is told.
    mallory.catch_up(&world);
    let spoken = mallory.envelope(&mut world, 0, 1, "not for ben");
    mallory.say(&mut world, &ClientFrame::Message(spoken));
    world.run_for(50);
    assert_eq!(world.texts(ana), ["not for ben"]);
    assert!(world.texts(ben).is_empty());
    assert!(world.has_event(ben, |event| matches!(
        event,
        Event::Unreadable { reason: Unreadable::NotKeyedYet, from } if *from == mallory.id()
    )));

    world.run_for(1_000);
    assert!(is_keyed(&world, ana) && is_keyed(&world, ben));
    world.join(&room, "cleo");
    world.run_for(1_000);
    mallory.catch_up(&world);
    assert_eq!(mallory.asked, [3]);
    assert!(mallory.is_keyed(), "she is a member like any other still");
}

#[test]
fn endless_complaints_count_ever_more_rarely() {
    let mut world = World::new(605);
    let room = world.create_plain();
    // Only Ana can be steward whom Mallory complains of: there is nobody else.
    let ana = world.join_as_creator(&room, "ana");
    world.run_for(200);
    let mut mallory = Puppet::join(&mut world, &room.link, "mallory");
    world.run_for(1_000);
    let rekeys = |world: &World| sent_to(world, ana, "rekey").len();
    let mut counted_at = Vec::new();
    let begin = world.now;
    for _ in 0..300 {
        mallory.catch_up(&world);
        let before = rekeys(&world);
        let version = mallory.key_frames.last().unwrap().version;
        mallory.say(&mut world, &ClientFrame::NeedKey(VersionOnly { version }));
        if rekeys(&world) > before {
            counted_at.push(world.now.millis_since(begin));
        }
        world.run_for(1_000);
    }
    assert!(!counted_at.is_empty(), "a complaint does count");
    let pauses: Vec<u64> = counted_at
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert_eq!(pauses, [5_000, 10_000, 20_000, 40_000, 80_000, 80_000]);
    assert!(is_keyed(&world, ana));
    world.send(ana, "on we go");
    world.run_for(1_000);
    assert_eq!(
        world.nodes[ana].accepted.len(),
        1,
        "and nothing is lost by it"
    );
}
