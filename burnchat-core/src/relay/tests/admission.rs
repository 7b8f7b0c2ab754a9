//! Creating and joining (spec sections 11.1 and 11.2).

use super::world::{World, peer};
use crate::crypto::Secret;
use crate::error::Code;
use crate::link::room_id_of_seed;
use crate::relay::Limits;
use crate::wire::Bytes;

const REFUSED: &str = "closed 1008";

#[test]
fn people_join_with_the_ticket_and_see_each_other() {
    let mut world = World::new();
    world.join("ana");
    world.join("ben");
    assert_eq!(world.hears("ana"), ["joined as Member: ana", "+ben"]);
    assert_eq!(world.hears("ben"), ["joined as Member: ana ben"]);
    let info = world.info().unwrap();
    assert_eq!((info.participants, info.seconds_remaining), (2, 600));
    let stats = world.hub.stats();
    assert_eq!(
        (stats.rooms, stats.connections, stats.participants),
        (1, 2, 2)
    );
}

#[test]
fn without_ticket_or_token_a_room_and_none_are_the_same() {
    let mut world = World::new();
    let no_room = ["error room_not_found", REFUSED];
    world.join_with("eve", |join, _| {
        join.ticket = Some(Secret::copy_of(&[9; 16]))
    });
    assert_eq!(world.hears("eve"), no_room);
    world.join_with("eve", |join, _| join.ticket = None);
    assert_eq!(world.hears("eve"), no_room);
    world.join_with("eve", |join, _| {
        join.ticket = None;
        join.creator_token = Some(Secret::copy_of(&[9; 32]));
        join.seat_token = Some(Secret::copy_of(&[9; 32]));
    });
    assert_eq!(world.hears("eve"), no_room);

    let ticket = Secret::copy_of(&[9; 16]);
    let info = world.hub.handle_info(world.now, world.room, &ticket);
    assert_eq!(info.unwrap_err().code, Code::RoomNotFound);
    let token = Secret::copy_of(&[9; 32]);
    let burn = world.hub.handle_burn(world.now, world.room, &token);
    assert_eq!(burn.unwrap_err().code, Code::RoomNotFound);

    world.room.0[0] ^= 1;
    world.join("eve");
    assert_eq!(world.hears("eve"), no_room);
    assert_eq!(world.hub.stats().connections, 0);
}

#[test]
fn the_room_id_comes_from_the_seed_and_is_had_once() {
    let mut world = World::new();
    let request = world.request(1);
    assert_eq!(world.room, room_id_of_seed(&request.id_seed));
    let again = world.create(peer(5), &request);
    assert_eq!(again.unwrap_err().code, Code::RoomExists);
}

#[test]
fn what_is_asked_of_a_room_has_bounds() {
    let mut world = World::new();
    let hour = 60;
    let minute_of_end = u32::try_from(world.now.0 / 60_000 + 10).unwrap();
    for (ttl, not_after, capacity, fits) in [
        (30, minute_of_end, 2, true),
        (29, minute_of_end, 2, false),
        (600, minute_of_end, 256, true),
        (600, minute_of_end, 257, false),
        (600, minute_of_end, 1, false),
        (600, minute_of_end - 1, 50, false),
        (600, minute_of_end + 24 * hour, 50, true),
        (600, minute_of_end + 24 * hour + 1, 50, false),
        (259_200, minute_of_end - 10 + 72 * hour, 50, true),
        (259_201, minute_of_end - 9 + 72 * hour, 50, false),
    ] {
        let mut request = world.request(2);
        request.ttl_seconds = ttl;
        request.not_after = not_after;
        request.capacity = capacity;
        let created = world.create(peer(2), &request);
        let outcome = created.map_err(|refusal| refusal.code);
        match outcome {
            Ok(created) => {
                assert!(fits, "{ttl} {not_after} {capacity}");
                let token = created.creator_token;
                world
                    .hub
                    .handle_burn(world.now, created.room_id, &token)
                    .unwrap();
            }
            Err(code) => {
                assert_eq!(
                    (fits, code),
                    (false, Code::BadRequest),
                    "{ttl} {not_after} {capacity}"
                );
            }
        }
    }
}

#[test]
fn the_last_seat_is_the_creators_until_one_is_there() {
    let mut world = World::with(Limits::default(), |room| room.capacity = 3);
    world.join("ana");
    world.join("ben");
    world.join("cleo");
    assert_eq!(world.hears("cleo"), ["error room_full", REFUSED]);
    world.join_creator("dan");
    assert_eq!(world.hears("dan"), ["joined as Creator: ana ben dan"]);
    world.leave("ben");
    world.join("cleo");
    assert_eq!(world.hears("cleo"), ["joined as Member: ana dan cleo"]);
    world.join("eve");
    assert_eq!(world.hears("eve"), ["error room_full", REFUSED]);
}

#[test]
fn those_away_keep_their_seats() {
    let mut world = World::with(Limits::default(), |room| room.capacity = 2);
    world.join_creator("ana");
    world.join("ben");
    world.drop("ben");
    world.join("cleo");
    assert_eq!(world.hears("cleo"), ["error room_full", REFUSED]);
    world.pass(30_000);
    world.join("cleo");
    assert_eq!(
        world.hears("cleo"),
        ["joined as Creator: ana cleo".replace("Creator", "Member")]
    );
}

#[test]
fn a_locked_room_lets_in_creators_and_those_who_were_in() {
    let mut world = World::new();
    world.join_creator("ana");
    world.join("ben");
    world.lock("ana", true);
    world.leave("ben");
    world.join("cleo");
    assert_eq!(world.hears("cleo"), ["error room_locked", REFUSED]);
    world.rejoin("ben again", "ben");
    assert_eq!(
        world.hears("ben again"),
        ["joined as Member: ana ben again"]
    );
    let pin = world.pin.clone();
    world.join_with_pin("dan", peer(4), &pin);
    assert_eq!(world.hears("dan"), ["joined as Creator: ana ben again dan"]);
}

#[test]
fn an_id_is_used_once() {
    let mut world = World::new();
    world.join("ana");
    world.join("ben");
    world.leave("ben");
    world.hears("ben");
    // The same keys again: the harness keeps a name's identity.
    world.join("ben");
    assert_eq!(world.hears("ben"), ["error id_taken", REFUSED]);
}

#[test]
fn keys_that_are_no_points_are_refused() {
    let mut world = World::new();
    world.join_with("ana", |join, _| join.kem_pub = Bytes([4; 65]));
    assert_eq!(world.hears("ana"), ["error bad_key", REFUSED]);
    world.join_with("ana", |join, _| join.sig_pub.0[0] = 2);
    assert_eq!(world.hears("ana"), ["error bad_key", REFUSED]);
    assert_eq!(world.hub.stats().participants, 0);
}

#[test]
fn a_room_sees_so_many_joins_and_a_few_more_of_creators() {
    let limits = Limits {
        joins: 4,
        ..Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    for name in ["ana", "ben", "cleo", "dan"] {
        world.join(name);
    }
    world.leave("ben");
    world.join("eve");
    assert_eq!(world.hears("eve"), ["error joins_exhausted", REFUSED]);
    world.rejoin("ana again", "ana");
    assert_eq!(world.hears("ana again"), ["error joins_exhausted", REFUSED]);
    world.join_creator("fay");
    assert_eq!(world.hears("fay"), ["joined as Creator: ana cleo dan fay"]);
    world.join_creator("fay again");
    assert_eq!(world.hears("fay again"), ["error joins_exhausted", REFUSED]);
}

#[test]
fn what_is_wrong_first_is_said() {
    // Section 11.2's order: ticket, PIN, keys, lock, seats.
    let mut world = World::with(Limits::default(), |room| room.capacity = 2);
    world.join_creator("ana");
    world.join("ben");
    world.lock("ana", true);
    let steps: [(&str, bool, bool, bool); 5] = [
        ("error room_not_found", false, false, false),
        ("error wrong_pin, left 2", true, false, false),
        ("error bad_key", true, true, false),
        ("error room_full", true, true, true),
        ("error room_locked", true, true, true),
    ];
    for (line, ticket, pin, keys) in steps {
        let locked = line.ends_with("locked");
        world.join_with("eve", |join, world| {
            if !ticket {
                join.ticket = Some(Secret::copy_of(&[9; 16]));
            }
            if !keys {
                join.kem_pub = Bytes([4; 65]);
            }
            if !locked {
                let pin = if pin {
                    world.pin.clone()
                } else {
                    b"WRONG2".to_vec()
                };
                join.pin = Some(crate::wire::PinText(pin.into()));
            }
        });
        assert_eq!(world.hears("eve"), [line, REFUSED]);
    }
}
