//! Rates and numbers (spec section 16).

use alloc::format;
use alloc::vec::Vec;

use super::world::{World, envelope, peer};
use crate::error::Code;
use crate::relay::{Limits, Rate, Refusal};
use crate::wire::http::Problem;
use crate::wire::{ClientFrame, ErrorFrame};

#[test]
fn frames_that_come_too_fast_are_refused_and_the_rest_goes_on() {
    let limits = Limits {
        connection_frames: Rate::new(50, 4),
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    world.pass(1_000);
    world.forget_what_was_heard();
    let epoch = world.person("ben").head;
    for n in 0..6 {
        world.say_n("ben", epoch, n);
    }
    let refused = [
        "error rate_limited, retry 20 #4",
        "error rate_limited, retry 20 #5",
    ];
    assert_eq!(
        world.hears("ben"),
        [&["ben#0", "ben#1", "ben#2", "ben#3"], &refused[..]].concat()
    );
    world.pass(20);
    world.say_n("ben", epoch, 4);
    assert_eq!(world.hears("ben"), ["ben#4"]);
    world.lock("ben", true);
    assert_eq!(world.hears("ben"), ["error rate_limited, retry 20"]);
}

#[test]
fn bytes_count_as_well() {
    let mut world = World::new();
    world.keyed_pair();
    let epoch = world.person("ben").head;
    for n in 0..9 {
        let frame = ClientFrame::Message(envelope(epoch, n, 45_000));
        world.send("ben", &frame);
    }
    let heard = world.hears("ben");
    let taken = heard
        .iter()
        .take_while(|line| line.starts_with("ben#"))
        .count();
    assert_eq!(taken, 8, "half a megabyte of 60 kB each");
    assert!(heard[8].starts_with("error rate_limited, retry "));
}

#[test]
fn a_room_takes_so_much_from_all_together() {
    let limits = Limits {
        room_envelopes: Rate::new(10, 3),
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    world.say("ana");
    world.lock("ana", true);
    world.say("ben");
    world.say("ben");
    world.say("ben");
    assert_eq!(
        world.hears("ben"),
        [
            "ana#0",
            "locked true",
            "ben#0",
            "ben#1",
            "error rate_limited, retry 100 #2"
        ]
    );
    world.pass(100);
    let epoch = world.person("ben").head;
    world.say_n("ben", epoch, 1);
    assert_eq!(world.hears("ana").last().unwrap(), "ben#1");
}

#[test]
fn who_does_not_slow_down_is_closed_and_can_resume() {
    let limits = Limits {
        connection_frames: Rate::new(1, 1),
        refused_frames: 3,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    let epoch = world.person("ben").head;
    for _ in 0..4 {
        world.say_n("ben", epoch, 0);
    }
    let refused = "error rate_limited, retry 750 #0";
    assert_eq!(
        world.hears("ben"),
        [refused, refused, refused, "closed 1013"]
    );
    assert_eq!(world.hub.stats().participants, 2);
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["resumed"]);
}

#[test]
fn refusals_count_only_in_a_row() {
    let limits = Limits {
        connection_frames: Rate::new(10, 1),
        refused_frames: 2,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    world.pass(1_000);
    let epoch = world.person("ben").head;
    for n in 0..10 {
        for _ in 0..3 {
            world.say_n("ben", epoch, n);
        }
        world.pass(100);
    }
    assert!(
        !world
            .hears("ben")
            .iter()
            .any(|line| line.starts_with("closed"))
    );
}

#[test]
fn a_peer_has_so_many_rooms_at_once() {
    let limits = Limits {
        rooms_of_peer: 2,
        rooms: 4,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    let made: Vec<_> = (2..8)
        .map(|seed| {
            let request = world.request(seed);
            world
                .create(peer(seed / 5), &request)
                .map_err(|refusal| refusal.code)
        })
        .collect();
    // One of peer 0 is there already.
    let outcomes: Vec<_> = made
        .iter()
        .map(|made| made.as_ref().err().copied())
        .collect();
    let full = Some(Code::TooManyRooms);
    assert_eq!(outcomes, [None, full, full, None, None, full]);
    let first = made[0].as_ref().unwrap();
    world
        .hub
        .handle_burn(world.now, first.room_id, &first.creator_token)
        .unwrap();
    let request = world.request(8);
    assert!(world.create(peer(0), &request).is_ok());
}

#[test]
fn a_peer_has_so_many_connections_at_once() {
    let limits = Limits {
        connections_of_peer: 2,
        connections: 3,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.connect_from("ana", peer(1));
    world.connect_from("ben", peer(1));
    world.connect_from("cleo", peer(1));
    assert_eq!(
        world.hears("cleo"),
        ["error too_many_connections", "closed 1008"]
    );
    world.connect_from("dan", peer(2));
    world.connect_from("eve", peer(3));
    assert_eq!(
        world.hears("eve"),
        ["error too_many_connections", "closed 1008"]
    );
    world.drop("ana");
    world.connect_from("fay", peer(1));
    assert!(world.hears("fay").is_empty());
}

#[test]
fn a_peer_joins_only_so_fast_and_the_others_do_not_notice() {
    let limits = Limits {
        joins_of_peer: Rate::new(2, 3),
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.join_creator("ana");
    // In whatever way they fail.
    world.join_with_pin("eve", peer(1), b"WRONG2");
    world.join("ben");
    world.join("cleo");
    assert_eq!(world.hears("cleo"), ["error rate_limited, retry 500"]);
    world.join_from("dora", peer(2), |_, _| {});
    assert!(world.hears("dora")[0].starts_with("joined"));
    // Who is in time can try again on the same connection, and what was is forgotten.
    world.pass(500);
    world.join("cleo");
    assert!(world.hears("cleo")[0].starts_with("joined"));
    world.pass(1_500);
    for name in ["emil", "finn", "gil"] {
        world.join(name);
        assert!(world.hears(name)[0].starts_with("joined"), "{name}");
    }
}

#[test]
fn a_refusal_says_over_http_what_it_says_on_a_connection() {
    let refusal = Refusal {
        code: Code::WrongPin,
        retry_after_ms: Some(7),
        attempts_left: Some(2),
    };
    let problem = Problem::from(refusal);
    let frame = ErrorFrame::from(refusal);
    assert_eq!(
        (problem.code.as_str(), frame.code),
        ("wrong_pin", Code::WrongPin)
    );
    assert_eq!(
        (problem.retry_after_ms, frame.retry_after_ms),
        (Some(7), Some(7))
    );
    assert_eq!(
        (problem.attempts_left, frame.attempts_left),
        (Some(2), Some(2))
    );
    assert_eq!(format!("{refusal}"), format!("{}", Code::WrongPin));
}
