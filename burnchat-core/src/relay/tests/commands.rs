//! Lock, extend and burn (spec section 11.5). Kicks and tickets are in `tokens`.

use super::world::{World, peer};
use crate::crypto::Secret;
use crate::error::Code;
use crate::relay::Limits;
use crate::wire::WhoMayBurn;

#[test]
fn a_member_commands_nothing() {
    let mut world = World::new();
    world.keyed_pair();
    world.lock("ben", true);
    world.kick("ben", "ana", None);
    world.renew("ben", 9);
    world.extend("ben", 60, 0);
    world.burn("ben");
    assert_eq!(world.hears("ben"), ["error not_creator"; 5]);
    assert!(world.hears("ana").is_empty());
}

#[test]
fn a_lock_is_told_once() {
    let mut world = World::new();
    world.keyed_pair();
    world.lock("ana", true);
    world.lock("ana", true);
    world.lock("ana", false);
    assert_eq!(world.hears("ben"), ["locked true", "locked false"]);
}

#[test]
fn the_end_moves_up_to_the_hard_end() {
    let mut world = World::with(Limits::default(), |room| room.not_after -= 25);
    world.keyed_pair();
    world.extend("ana", 1_800, 0);
    let first = world.person("ana").seq;
    assert_eq!(world.hears("ana"), ["extended 2400"]);
    world.extend("ana", 1_800, first);
    let second = world.person("ana").seq;
    assert_eq!(world.hears("ana"), ["extended 2700"]);
    world.extend("ana", 1, second);
    assert_eq!(world.hears("ana"), ["error past_not_after"]);
    world.pass(2_699_750);
    assert_eq!(world.hub.stats().rooms, 0);
}

#[test]
fn an_extension_is_made_once_however_often_it_is_sent() {
    let mut world = World::new();
    world.keyed_pair();
    world.extend("ana", 60, 0);
    world.extend("ana", 60, 0);
    assert_eq!(
        world.hears("ana"),
        ["extended 660", "error extend_conflict"]
    );
    let last = world.person("ana").seq;
    world.say("ana");
    world.extend("ana", 60, last);
    assert_eq!(world.hears("ana"), ["ana#0", "extended 720"]);
    for seconds in [0, 1_801] {
        world.extend("ana", seconds, last);
        assert_eq!(world.hears("ana"), ["error bad_request"]);
    }
}

#[test]
fn a_burn_closes_everything_and_leaves_nothing() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    world.join("cleo");
    world.connect("dan");
    world.forget_what_was_heard();
    world.burn("ana");
    let end = ["destroyed Burned", "closed 1000"];
    assert_eq!(world.hears("ana"), end);
    assert_eq!(world.hears("cleo"), end);
    assert_eq!(world.hub.stats().rooms, 0);
    assert_eq!(world.hub.stats().participants, 0);
    // One who had not shown a ticket is told nothing, and then what everybody is told.
    assert!(world.hears("dan").is_empty());
    for came_back in ["ben", "cleo"] {
        world.resume(came_back);
        assert_eq!(
            world.hears(came_back),
            ["error room_not_found", "closed 1008"]
        );
    }
    world.join("eve");
    assert_eq!(world.hears("eve"), ["error room_not_found", "closed 1008"]);
    assert_eq!(world.info().unwrap_err().code, Code::RoomNotFound);
    world.pass(10_000);
    assert_eq!(world.hub.poll_timeout(), None);
}

#[test]
fn anyone_burns_where_the_room_says_so() {
    let mut world = World::with(Limits::default(), |room| room.burn = WhoMayBurn::Anyone);
    world.keyed_pair();
    world.burn("ben");
    assert_eq!(world.hears("ana"), ["destroyed Burned", "closed 1000"]);
}

#[test]
fn the_creator_token_burns_from_outside() {
    let mut world = World::new();
    world.keyed_pair();
    let token = Secret::copy_of(world.creator_token.as_bytes());
    world
        .hub
        .handle_burn(world.now, world.room, &token)
        .unwrap();
    world.drain();
    assert_eq!(world.hears("ben"), ["destroyed Burned", "closed 1000"]);
}

#[test]
fn a_room_is_taken_down_without_anything_shown_and_its_neighbours_stay() {
    let mut world = World::new();
    world.keyed_pair();
    let neighbour = world.request(9);
    world.create(peer(9), &neighbour).unwrap();
    assert!(world.hub.handle_take_down(world.now, world.room));
    world.drain();
    for name in ["ana", "ben"] {
        assert_eq!(
            world.hears(name).last_chunk(),
            Some(&["destroyed Burned".into(), "closed 1000".into()])
        );
    }
    assert_eq!(world.hub.stats().rooms, 1);
    assert_eq!(world.hub.stats().connections, 0);
    assert!(!world.hub.handle_take_down(world.now, world.room));
}
