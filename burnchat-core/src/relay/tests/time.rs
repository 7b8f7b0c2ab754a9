//! Countdown, the end, and clocks (spec sections 12.1 to 12.3).

use alloc::format;
use alloc::vec::Vec;

use super::world::{START, World, peer};
use crate::relay::Limits;
use crate::time::Timestamp;
use crate::wire::http::CreateRoom;

#[test]
fn the_countdown_is_told_every_ten_seconds_and_then_every_second() {
    let mut world = World::with(Limits::default(), |room| room.ttl_seconds = 95);
    world.join("ana");
    world.hears("ana");
    world.pass(96_000);
    let mut expected: Vec<_> = [90, 80, 70]
        .into_iter()
        .chain((1..=60).rev())
        .map(|seconds| format!("countdown {seconds}"))
        .collect();
    expected.extend(["destroyed Expired".into(), "closed 1000".into()]);
    assert_eq!(world.hears("ana"), expected);
    assert_eq!(world.now, START.plus_millis(96_000));
}

#[test]
fn who_comes_between_two_ticks_hears_the_next() {
    let mut world = World::new();
    world.pass(3_217);
    world.join("ana");
    world.pass(100);
    assert_eq!(world.hub.poll_timeout(), Some(START.plus_millis(10_000)));
    world.hears("ana");
    world.pass(6_683);
    assert_eq!(world.hears("ana"), ["countdown 590"]);
}

#[test]
fn a_room_nobody_is_connected_to_sleeps_until_its_end() {
    let mut world = World::new();
    let end = START.plus_seconds(600);
    assert_eq!(world.hub.poll_timeout(), Some(end));
    world.keyed_pair();
    world.leave("ana");
    world.drop("ben");
    let away_for = START.plus_millis(30_250);
    assert_eq!(world.hub.poll_timeout(), Some(away_for));
    world.pass(30_000);
    assert_eq!(world.hub.poll_timeout(), Some(end));
}

#[test]
fn an_extension_moves_the_ticks() {
    let mut world = World::with(Limits::default(), |room| room.ttl_seconds = 30);
    world.join_creator("ana");
    world.extend("ana", 33, 0);
    world.hears("ana");
    world.pass(4_000);
    assert_eq!(world.hears("ana"), ["countdown 60", "countdown 59"]);
}

#[test]
fn a_late_driver_lengthens_nothing() {
    let mut world = World::new();
    world.keyed_pair();
    world.oversleep(600_000);
    world.say("ana");
    assert_eq!(world.hears("ana"), ["destroyed Expired", "closed 1000"]);
    world.join("cleo");
    assert_eq!(world.hears("cleo"), ["error room_not_found", "closed 1008"]);
}

#[test]
fn a_late_driver_gets_one_tick_and_things_in_their_order() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.pass(250);
    world.answer("ana");
    world.drop("ben");
    world.forget_what_was_heard();
    world.oversleep(45_000);
    world.hub.handle_timeout(world.now);
    world.drain();
    assert_eq!(
        world.hears("ana"),
        ["countdown 555", "-ben timeout", "end 2", "wanted 4"]
    );
}

#[test]
fn a_clock_that_steps_back_never_lengthens_a_room() {
    let mut world = World::new();
    world.keyed_pair();
    world.pass(300_000);
    // Back by an hour; five minutes are left all the same.
    world.now = Timestamp(world.now.0 - 3_600_000);
    world.forget_what_was_heard();
    world.say("ana");
    assert_eq!(world.info().unwrap().seconds_remaining, 300);
    world.pass(299_749);
    assert_eq!(world.hub.stats().rooms, 1);
    world.pass(1);
    assert_eq!(world.hub.stats().rooms, 0);
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let mut world = World::new();
    world.connect("ana");
    world.pass(9_999);
    assert!(world.hears("ana").is_empty());
    world.pass(1);
    assert_eq!(
        world.hears("ana"),
        ["error handshake_timeout", "closed 1008"]
    );
    assert_eq!(world.hub.stats().connections, 0);
}

#[test]
fn who_sends_nothing_for_an_hour_is_away_and_can_resume() {
    let mut world = World::with(Limits::default(), for_two_hours);
    world.keyed_pair();
    world.pass(3_000_000);
    world.say("ana");
    // Ben's hour is over, and a little of the eighth more; Ana's began with her message.
    world.pass(620_000);
    let heard = world.hears_besides_ticks("ben");
    assert_eq!(heard, ["ana#0", "closed 4002"]);
    assert_eq!(world.hub.stats().connections, 1);
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["resumed"]);
    assert_eq!(world.hub.stats().connections, 2);
    world.say("ana");
    assert_eq!(world.hears_besides_ticks("ben"), ["ana#1"]);
    assert_eq!(world.hears_besides_ticks("ana"), ["ana#0", "ana#1"]);
}

fn for_two_hours(room: &mut CreateRoom) {
    room.ttl_seconds = 7_200;
    room.not_after += 120;
}

#[test]
fn who_does_not_come_back_from_idling_is_gone_after_half_a_minute() {
    let limits = Limits {
        idle_millis: 8_000,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    for _ in 0..10 {
        world.pass(4_000);
        world.say("ana");
    }
    assert_eq!(
        world.hears_besides_ticks("ben").last().unwrap(),
        "closed 4002"
    );
    let told = world.hears_besides_ticks("ana");
    assert!(told.iter().any(|line| line == "-ben timeout"), "{told:?}");
}

#[test]
fn those_who_came_together_do_not_fall_idle_together() {
    let limits = Limits {
        idle_millis: 512_000,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    for name in ["ana", "ben", "cleo", "dora"] {
        world.join(name);
    }
    world.pass(512_999);
    for left in (0..4).rev() {
        world.pass(1);
        assert_eq!(world.hub.stats().connections, left);
        world.pass(999);
        assert_eq!(world.hub.stats().connections, left);
    }
}

#[test]
fn where_there_is_no_limit_nobody_falls_idle_and_nothing_is_left_of_who_left() {
    let limits = Limits {
        idle_millis: 0,
        ..Limits::default()
    };
    let mut world = World::with(limits, for_two_hours);
    world.keyed_pair();
    world.pass(7_000_000);
    assert_eq!(world.hub.stats().connections, 2);

    let mut world = World::new();
    world.keyed_pair();
    world.leave("ana");
    world.leave("ben");
    assert_eq!(world.hub.poll_timeout(), Some(START.plus_seconds(600)));
}

#[test]
fn a_shutdown_burns_every_room() {
    let mut world = World::new();
    world.keyed_pair();
    for seed in 2..10 {
        let request = world.request(seed);
        world.create(peer(seed), &request).unwrap();
    }
    world.hub.handle_shutdown(world.now);
    world.drain();
    assert_eq!(world.hears("ben"), ["destroyed Shutdown", "closed 1000"]);
    assert_eq!(world.hub.stats(), Default::default());
    assert_eq!(world.hub.poll_timeout(), None);
}

#[test]
fn the_hub_asks_to_be_woken_when_somebody_falls_idle() {
    let limits = Limits {
        idle_millis: 8_000,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    // The second connection: an eighth of the time, times 2 / 64, is added to it.
    let ends = world.now.plus_millis(8_000 - 250 + 31);
    while !world.hears("ben").iter().any(|line| line == "closed 4002") {
        world.now = world.hub.poll_timeout().unwrap();
        assert!(world.now <= ends, "nobody woke the hub");
        world.hub.handle_timeout(world.now);
        world.drain();
    }
    assert_eq!(world.now, ends);
}
