//! A room goes on at another hub as if nothing had been.

use alloc::vec::Vec;
use alloc::{format, vec};

use super::world::{Copy, START, World, peer};
use crate::crypto::Secret;
use crate::crypto::test_rng::Seeded;
use crate::ids::RoomId;
use crate::relay::{Change, ConnectionId, Disconnect, Hub, Limits, NotACopy, Output, RoomCopy};

const KEY: [u8; 32] = [5; 32];

fn another() -> Hub {
    let mut hub = Hub::with_key(Limits::default(), Secret::copy_of(&KEY));
    hub.keep_elsewhere();
    hub
}

/// A room in the midst of things: somebody has left, somebody is away, a key is asked for, a PIN was guessed.
fn busy_world(history: bool) -> World {
    let mut world = World::kept_elsewhere(Limits::default(), Secret::copy_of(&KEY), |room| {
        room.history = history;
    });
    world.keyed_pair();
    world.join("cleo");
    world.pass(250);
    world.answer("ana");
    for name in ["ana", "ben", "cleo", "ana"] {
        world.say(name);
    }
    world.join("dora");
    world.leave("dora");
    world.lock("ana", true);
    world.extend("ana", 30, 0);
    world.join_with_pin("eve", peer(7), b"AAAAAA");
    world.drop("cleo");
    world.pass(7_000);
    world
}

#[test]
fn everything_goes_on_at_another_hub_where_it_was() {
    for history in [false, true] {
        let mut world = busy_world(history);
        let (now, room) = (world.now, world.room);
        let before = (world.hub.stats(), world.hub.poll_timeout());
        let mut copy = Copy::default();
        copy.bring_up_to_date(&mut world.hub);

        let mut next = another();
        let adopted = copy.adopt_in(&mut next, now, room).unwrap();
        assert_eq!(adopted.owner, peer(0));
        assert_eq!(adopted.connections.len(), 2);
        assert!(next.poll_output().is_none());
        // Greetings and the like stay with the hub that had them.
        let after = (next.stats(), next.poll_timeout());
        assert_eq!(after.0.rooms, before.0.rooms);
        assert_eq!(after.0.participants, before.0.participants);
        assert_eq!(after.1, before.1, "what is due next");

        world.hub = next;
        world.forget_what_was_heard();
        world.resume("cleo");
        assert!(world.hears("cleo").contains(&"resumed".into()));
        world.say("cleo");
        assert!(world.hears("ana").contains(&"cleo#1".into()));
        // The PIN's budget is what it was: three for each peer, one of which is used up.
        world.join_with_pin("eve", peer(7), b"AAAAAA");
        let refused = world.hears("eve");
        assert!(refused.contains(&"error wrong_pin, left 1".into()));
        assert_eq!(world.info().unwrap().seconds_remaining, 600 + 30 - 7);
    }
}

#[test]
fn who_was_away_leaves_in_time_and_who_was_connected_to_what_is_no_more_is_away() {
    let mut world = busy_world(false);
    let mut copy = Copy::default();
    copy.bring_up_to_date(&mut world.hub);
    let mut next = another();
    copy.adopt_in(&mut next, world.now, world.room).unwrap();
    let ben = world.person("ben").connection;
    next.handle_disconnect(world.now, ben, Disconnect::Broken);
    world.hub = next;
    world.drain();
    world.forget_what_was_heard();
    // Cleo has been away for 7 seconds, Ben for none.
    world.pass(22_999);
    assert_eq!(world.hub.stats().participants, 3);
    world.pass(1);
    assert_eq!(world.hub.stats().participants, 2);
    world.resume("ben");
    assert_eq!(world.hub.stats().participants, 2);
}

#[test]
fn a_room_whose_time_was_up_meanwhile_burns_when_it_is_taken_over() {
    let mut world = busy_world(false);
    let mut copy = Copy::default();
    copy.bring_up_to_date(&mut world.hub);
    let mut next = another();
    let late = START.plus_seconds(600 + 30 + 5);
    copy.adopt_in(&mut next, late, world.room).unwrap();
    let mut burned = false;
    while let Some(output) = next.poll_output() {
        burned |= matches!(
            output,
            Output::Burned {
                late_millis: 5_000,
                ..
            }
        );
    }
    assert!(burned);
    assert!(matches!(next.poll_change(), Some(Change::Burned(room)) if room == world.room));
}

#[test]
fn a_step_writes_what_it_changed_and_entries_once() {
    let mut world = World::kept_elsewhere(Limits::default(), Secret::copy_of(&KEY), |_| {});
    world.keyed_pair();
    while world.hub.poll_change().is_some() {}
    world.say("ana");
    let Some(Change::Written(write)) = world.hub.poll_change() else {
        panic!("something has changed");
    };
    assert!(write.people.is_none() && write.seats.is_none());
    assert_eq!(write.entries.len(), 1);
    assert!(write.state.len() < 600, "{} bytes", write.state.len());
    assert!(world.hub.poll_change().is_none());
    // What is refused, and a tick of the countdown, change nothing.
    world.send_bytes("ben", br#"{"type":"lock","locked":true}"#);
    world.pass(10_000);
    let ticked = world.hears("ana");
    assert!(ticked.iter().any(|line| line.starts_with("countdown")));
    assert!(!world.hub.has_changes());
}

#[test]
fn what_is_forgotten_here_is_forgotten_there() {
    let mut world = busy_world(false);
    let mut copy = Copy::default();
    copy.bring_up_to_date(&mut world.hub);
    assert!(copy.entries.len() > 8);
    world.pass(19_000);
    // Two minutes later nothing of it is kept but what has come since.
    for _ in 0..6 {
        world.pass(30_000);
        world.say("ana");
        copy.bring_up_to_date(&mut world.hub);
        copy.adopt_in(&mut another(), world.now, world.room)
            .unwrap();
    }
    assert!(copy.entries.len() <= 6, "{}", copy.entries.len());
    world.leave("ana");
    world.leave("ben");
    copy.bring_up_to_date(&mut world.hub);
    assert!(copy.entries.is_empty());
}

#[test]
fn a_burn_is_told_and_a_room_that_is_forgotten_is_not() {
    let mut world = busy_world(false);
    let forgotten = world.hub.handle_forget(world.room).unwrap();
    assert_eq!(forgotten.owner, peer(0));
    assert!(world.hub.poll_change().is_none());
    assert!(world.hub.poll_output().is_none());
    assert_eq!(world.hub.stats().rooms, 0);
    assert_eq!(world.hub.stats().participants, 0);
    assert_eq!(world.hub.stats().kept_bytes, 0);

    let mut world = busy_world(false);
    world.burn("ana");
    assert!(matches!(world.hub.poll_change(), Some(Change::Burned(_))));
    assert!(world.hub.poll_change().is_none());
}

#[test]
fn what_is_not_a_copy_of_the_room_is_refused_and_changes_nothing() {
    let mut world = busy_world(true);
    let mut copy = Copy::default();
    copy.bring_up_to_date(&mut world.hub);
    let (now, room) = (world.now, world.room);
    let refused = |copy: &Copy, room| {
        let mut hub = another();
        let adopted = copy.adopt_in(&mut hub, now, room);
        assert_eq!(adopted.err(), Some(NotACopy));
        assert_eq!(hub.stats(), another().stats());
        assert!(!hub.has_changes());
    };
    refused(&copy, RoomId([9; 16]));
    let mut hub = another();
    copy.adopt_in(&mut hub, now, room).unwrap();
    assert!(copy.adopt_in(&mut hub, now, room).is_err(), "twice");

    let mut other = copy.clone();
    other.state[0] += 1;
    refused(&other, room);
    let mut other = copy.clone();
    other.people.push(0);
    refused(&other, room);
    let mut other = copy.clone();
    let first = *other.entries.keys().next().unwrap();
    other.entries.remove(&first);
    refused(&other, room);
    let mut other = copy.clone();
    let taken = other.entries.remove(&first).unwrap();
    other.entries.insert(first + 1_000, taken);
    refused(&other, room);
    let mut other = copy.clone();
    other.seats.clear();
    refused(&other, room);
}

/// Whatever is written where a copy should be: it is refused, or it is a room that can be gone on with.
#[test]
fn bytes_from_anywhere_never_harm_a_hub() {
    let mut world = busy_world(true);
    let mut copy = Copy::default();
    copy.bring_up_to_date(&mut world.hub);
    let (now, room) = (world.now, world.room);
    let mut rng = Seeded::new(77);
    let mut taken = 0;
    for round in 0..4_000 {
        let mut other = copy.clone();
        let random = Secret::<16>::random(&mut rng);
        let random = random.as_bytes();
        let entry = usize::from(random[1]) % other.entries.len();
        let part = match round % 4 {
            0 => &mut other.people,
            1 => &mut other.seats,
            2 => other.entries.values_mut().nth(entry).unwrap(),
            _ => &mut other.state,
        };
        let at = usize::from(u16::from_be_bytes([random[2], random[3]])) % part.len();
        match random[4] % 4 {
            0 => part[at] ^= 1 << (random[5] % 8),
            1 => part[at] = random[5],
            2 => part.truncate(at),
            _ => {
                part.splice(at..at, random[6..10].iter().copied());
            }
        }
        let mut hub = another();
        if copy_step(&other, &mut hub, now, room, &mut rng).is_ok() {
            taken += 1;
        }
    }
    assert!(taken > 0, "some changes make another room");
}

/// Goes on with what was taken over, as far as it will.
fn copy_step(
    copy: &Copy,
    hub: &mut Hub,
    now: crate::time::Timestamp,
    room: RoomId,
    rng: &mut Seeded,
) -> Result<(), NotACopy> {
    let connections = copy.adopt_in(hub, now, room)?.connections;
    let frames: Vec<&[u8]> = vec![
        br#"{"type":"need_key","version":3}"#,
        br#"{"type":"key_declined","version":5}"#,
        br#"{"type":"lock","locked":false}"#,
        br#"{"type":"extend","seconds":5,"after":14}"#,
    ];
    for connection in connections {
        for frame in &frames {
            hub.handle_frame(now, connection, frame, rng);
        }
    }
    for step in 1..20 {
        hub.handle_timeout(now.plus_millis(step * 7_000));
        while hub.poll_output().is_some() {}
        while hub.poll_change().is_some() {}
    }
    hub.handle_connect(now, ConnectionId(u64::MAX), peer(3), room);
    hub.handle_forget(room);
    hub.handle_shutdown(now);
    Ok(())
}

#[test]
fn a_seat_token_leads_to_its_connection() {
    let world = busy_world(false);
    let (room, token) = (world.room, world.token("ben"));
    let ben = world.person("ben").connection;
    assert_eq!(world.hub.connection_of(room, &token), Some(ben));
    let token = world.token("cleo");
    assert_eq!(world.hub.connection_of(room, &token), None);
    let none = Secret::copy_of(&[1; 32]);
    assert_eq!(world.hub.connection_of(room, &none), None);
    assert_eq!(world.hub.connection_of(RoomId([0; 16]), &token), None);
}

#[test]
fn a_copy_shows_nothing_of_what_is_in_it() {
    let copy = RoomCopy {
        state: &[77; 40],
        people: &[78; 40],
        seats: &[79; 40],
        entries: &[(80, &[81; 40])],
    };
    assert_eq!(format!("{copy:?}"), "RoomCopy(1 entries)");
}
