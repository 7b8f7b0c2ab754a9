//! The relay plays with the room's time.

use burnchat_core::client::{BurnKind, EndReason, Event, RoomSettings, Status};
use burnchat_core::error::{Code, Error};
use serde_json::json;

use super::hostile::{keep_silent, lie};
use crate::harness::World;

const ANA: usize = 0;
const BEN: usize = 1;

fn short(extension_seconds: u64) -> RoomSettings {
    RoomSettings {
        ttl_seconds: 60,
        extension_seconds,
        ..RoomSettings::default()
    }
}

fn assert_nothing_left(world: &World, node: usize) {
    let client = &world.nodes[node].client;
    assert!(client.link().is_none() && client.verification().is_none());
    assert!(client.epoch().is_none() && client.participants().is_empty());
    assert!(client.seat_token().is_none());
}

#[test]
fn clients_burn_by_their_own_clock_when_the_relay_keeps_silent() {
    let mut world = World::new(400);
    world.room_of(short(1_800), &["ana", "ben"]);
    let end = world.nodes[BEN].client.ends_at().unwrap();
    assert_eq!(world.nodes[BEN].client.status(), Status::Joined);
    keep_silent(&mut world);
    world.run_for(end.0 - world.now.0 - 1);
    assert_eq!(world.ended(BEN), None, "alive to the last millisecond");
    world.run_for(1_000);
    for node in [ANA, BEN] {
        assert_eq!(world.ended(node), Some(EndReason::LocalBurn));
        assert_nothing_left(&world, node);
    }
}

#[test]
fn who_wakes_after_the_end_to_a_broken_connection_burns_before_anything_else() {
    let mut world = World::new(412);
    world.room_of(short(1_800), &["ana", "ben"]);
    // The machine sleeps, and the first it hears afterwards is that the connection is gone.
    world.now = world.nodes[BEN].client.ends_at().unwrap();
    world.cut_half_open(BEN);
    assert_eq!(world.ended(BEN), Some(EndReason::LocalBurn));
    assert_nothing_left(&world, BEN);
    assert!(!world.has_event(BEN, |event| matches!(event, Event::Reconnecting)));
}

#[test]
fn no_extension_lasts_past_the_hard_end_in_the_link() {
    let mut world = World::new(401);
    // The relay makes the room for hours, where its creator meant three minutes at most.
    let (mut request, link) = world.plan(short(120));
    request.ttl_seconds = 4 * 3_600;
    request.not_after += 4 * 60;
    let room = world.host(&request, &link);
    world.join_as_creator(&room, "ana");
    world.join(&room, "ben");
    world.run_for(2_000);
    let hard = link.not_after();
    assert!(world.has_event(BEN, |event| matches!(event, Event::Keyed { .. })));
    assert_eq!(world.nodes[BEN].client.ends_at(), Some(hard));

    // An extension that the link allows is believed; one that goes past it, to its end.
    let liar = lie(&mut world, |_, frame| vec![frame]);
    let extended =
        |seconds: u64| json!({"type": "extended", "seq": 0, "seconds_remaining": seconds});
    liar.slip_in(&mut world, BEN, extended(60)).unwrap();
    assert_eq!(
        world.nodes[BEN].client.ends_at(),
        Some(world.now.plus_seconds(60))
    );
    liar.slip_in(&mut world, BEN, extended(86_400)).unwrap();
    assert_eq!(world.nodes[BEN].client.ends_at(), Some(hard));

    world.run_for(hard.0 - world.now.0 - 1);
    assert_eq!(world.ended(BEN), None);
    assert!(world.has_event(BEN, |event| matches!(
        event,
        Event::Countdown {
            seconds_remaining: 14_000..
        }
    )));
    world.run_for(1);
    for node in [ANA, BEN] {
        assert_eq!(world.ended(node), Some(EndReason::LocalBurn));
        assert_nothing_left(&world, node);
    }
    assert_eq!(
        world.hub.stats().rooms,
        1,
        "at the relay the room lives on, for nobody"
    );
}

#[test]
fn a_countdown_only_ever_brings_the_end_nearer() {
    let mut world = World::new(402);
    world.room_of(short(1_800), &["ana", "ben"]);
    let end = world.nodes[BEN].client.ends_at().unwrap();
    let countdown =
        |seconds: u64| json!({"type": "countdown", "seconds_remaining": seconds}).to_string();
    world.inject(BEN, &countdown(3_000)).unwrap();
    assert_eq!(world.nodes[BEN].client.ends_at(), Some(end));
    world.inject(BEN, &countdown(5)).unwrap();
    assert!(world.nodes[BEN].client.ends_at().unwrap() < end);
    world.run_for(5_000);
    assert_eq!(world.ended(BEN), Some(EndReason::LocalBurn));
    assert_eq!(world.ended(ANA), None);
}

#[test]
fn a_relay_that_says_a_finished_room_lives_is_refused() {
    let mut world = World::new(403);
    let room = world.create(short(0));
    world.join_as_creator(&room, "ana");
    let ben = world.join(&room, "ben");
    // By Ben's clock the room's hard end is past.
    world.nodes[ben].clock_offset = 1_000_000;
    world.run_for(1_000);
    assert_eq!(
        world.ended(ben),
        Some(EndReason::Failed(Error::new(Code::ClockSkew)))
    );
    assert_nothing_left(&world, ben);
    assert_eq!(world.ended(ANA), None);
}

#[test]
fn a_burn_reaches_everyone_and_leaves_nothing() {
    let mut world = World::new(405);
    world.room_of(short(1_800), &["ana", "ben"]);
    world.send(ANA, "remember this");
    world.run_for(1_000);
    world
        .act(ANA, |client, now, rng| client.burn(now, rng))
        .unwrap();
    world.run_for(1_000);
    for node in [ANA, BEN] {
        assert_eq!(world.ended(node), Some(EndReason::Burned(BurnKind::Asked)));
        assert_nothing_left(&world, node);
        assert!(matches!(
            world.nodes[node].events.last(),
            Some(Event::Ended(_))
        ));
    }
    // What the relay recorded and delivers now opens nowhere.
    let recorded = world.nodes[BEN].frames.clone();
    for frame in recorded {
        assert_eq!(world.inject(BEN, &frame).unwrap_err().code(), Code::Ended);
    }
    assert_eq!(world.nodes[BEN].texts.len(), 1);
}
