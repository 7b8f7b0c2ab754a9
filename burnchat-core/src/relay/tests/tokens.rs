//! Seat tokens, the creator token, kicks and new tickets (spec sections 11.3 and 11.5).

use super::world::{World, peer};
use crate::crypto::Secret;
use crate::error::Code;

const REFUSED: &str = "closed 1008";

#[test]
fn a_reloaded_page_takes_its_seat_over_in_one_entry() {
    let mut world = World::new();
    world.keyed_pair();
    world.rejoin("ben again", "ben");
    assert_eq!(world.hears("ben"), ["error displaced", REFUSED]);
    assert_eq!(world.hears("ana"), ["+ben again for ben", "wanted 3"]);
    assert_eq!(
        world.hears("ben again"),
        ["joined as Member: ana ben again"]
    );
    assert_eq!(world.hub.stats().participants, 2);
}

#[test]
fn the_creators_token_makes_creators_and_has_one_seat() {
    let mut world = World::new();
    world.join_creator("ana");
    world.join_creator("ana again");
    assert_eq!(
        world.hears("ana"),
        ["joined as Creator: ana", "error displaced", REFUSED]
    );
    assert_eq!(world.hears("ana again"), ["joined as Creator: ana again"]);
    world.leave("ana again");
    world.join_creator("ana thrice");
    assert_eq!(world.hears("ana thrice"), ["joined as Creator: ana thrice"]);
}

#[test]
fn a_seat_keeps_its_role() {
    let mut world = World::new();
    world.join_creator("ana");
    world.leave("ana");
    world.rejoin("ana again", "ana");
    assert_eq!(world.hears("ana again"), ["joined as Creator: ana again"]);
}

#[test]
fn who_is_away_can_leave_at_once_by_the_token_and_again_without_harm() {
    let mut world = World::new();
    world.keyed_pair();
    world.drop("ben");
    assert_eq!(world.leave_by_token("ben"), Ok(()));
    assert_eq!(world.hears("ana"), ["-ben left"]);
    assert_eq!(world.hub.stats().participants, 1);
    assert_eq!(world.leave_by_token("ben"), Ok(()));
    world.pass(30_000);
    assert!(world.hears_besides_ticks("ana").is_empty());
    // The seat is as good as one whose connection was closed.
    world.resume("ben");
    assert_eq!(world.hears("ben"), ["error gap", REFUSED]);
    world.rejoin("ben again", "ben");
    assert_eq!(world.hears("ana"), ["+ben again"]);
}

#[test]
fn who_leaves_by_the_token_leaves_on_every_connection() {
    let mut world = World::new();
    world.keyed_pair();
    assert_eq!(world.leave_by_token("ben"), Ok(()));
    assert_eq!(world.hears("ben"), ["error displaced", REFUSED]);
    assert_eq!(world.hears("ana"), ["-ben left"]);
    assert_eq!(world.hub.stats().connections, 1);
}

#[test]
fn nobody_leaves_for_somebody_else() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.rejoin("ben again", "ben");
    world.kick("ana", "cleo", None);
    assert_eq!(world.leave_by_token("ben"), Err(Code::Displaced.into()));
    assert_eq!(world.leave_by_token("cleo"), Err(Code::Kicked.into()));
    world.person_mut("cleo").seat_token = Some(Secret::copy_of(&[1; 32]));
    let nobodys = world.leave_by_token("cleo");
    assert_eq!(nobodys, Err(Code::RoomNotFound.into()));
    assert_eq!(world.hub.stats().participants, 2);
    world.burn("ana");
    let burned = world.leave_by_token("ben again");
    assert_eq!(burned, Err(Code::RoomNotFound.into()));
}

#[test]
fn an_old_token_leads_to_whoever_sits_there_now() {
    let mut world = World::new();
    world.keyed_pair();
    world.rejoin("ben 2", "ben");
    world.leave("ben 2");
    world.rejoin("ben 3", "ben 2");
    world.rejoin("ben 4", "ben");
    assert_eq!(
        world.hears("ben 3"),
        ["joined as Member: ana ben 3", "error displaced", REFUSED]
    );
    assert_eq!(world.hears("ben 4")[0], "joined as Member: ana ben 4");
}

#[test]
fn a_kick_reaches_whoever_has_the_seat_now() {
    let mut world = World::new();
    world.keyed_pair();
    world.rejoin("ben 2", "ben");
    world.rejoin("ben 3", "ben 2");
    world.forget_what_was_heard();
    world.kick("ana", "ben", Some(9));
    assert_eq!(world.hears("ana"), ["-ben 3 kicked", "renewed"]);
    assert_eq!(world.hears("ben 3"), ["error kicked", REFUSED]);
    for token in ["ben", "ben 2", "ben 3"] {
        world.rejoin("ben 4", token);
        assert_eq!(world.hears("ben 4"), ["error kicked", REFUSED]);
    }
    world.join("ben 4");
    assert_eq!(world.hears("ben 4"), ["error link_expired", REFUSED]);
}

#[test]
fn a_kick_of_one_who_has_left_voids_its_token() {
    let mut world = World::new();
    world.keyed_pair();
    world.leave("ben");
    world.forget_what_was_heard();
    world.kick("ana", "ben", None);
    assert!(world.hears("ana").is_empty());
    world.rejoin("ben 2", "ben");
    assert_eq!(world.hears("ben 2"), ["error kicked", REFUSED]);
    // The link still goes: the kick did not renew it.
    world.join("ben 2");
    assert_eq!(world.hears("ben 2"), ["joined as Member: ana ben 2"]);
}

#[test]
fn a_kick_of_the_creators_seat_voids_the_creator_token() {
    let mut world = World::new();
    world.join_creator("ana");
    let pin = world.pin.clone();
    world.join_with_pin("ben", super::world::peer(2), &pin);
    world.kick("ben", "ana", None);
    world.join_creator("ana 2");
    assert_eq!(world.hears("ana 2"), ["error kicked", REFUSED]);
    let token = world.creator_token.as_bytes();
    let token = crate::crypto::Secret::copy_of(token);
    let burn = world.hub.handle_burn(world.now, world.room, &token);
    assert_eq!(burn.unwrap_err().code, Code::RoomNotFound);
}

#[test]
fn nobody_kicks_itself_not_even_under_an_earlier_name() {
    let mut world = World::new();
    world.join_creator("ana");
    world.join("ben");
    world.join_creator("ana 2");
    world.forget_what_was_heard();
    world.kick("ana 2", "ana 2", None);
    world.kick("ana 2", "ana", Some(9));
    assert_eq!(
        world.hears("ana 2"),
        ["error bad_request", "error bad_request"]
    );
    assert_eq!(world.hub.stats().participants, 2);
}

#[test]
fn an_id_never_seen_cannot_be_kicked() {
    let mut world = World::new();
    world.keyed_pair();
    world.connect("cleo");
    world.kick("ana", "cleo", None);
    assert_eq!(world.hears("ana"), ["error unknown_participant"]);
}

#[test]
fn a_new_ticket_expires_the_old_link_and_the_tokens_of_those_who_left() {
    let mut world = World::new();
    world.keyed_pair();
    world.join("cleo");
    world.leave("cleo");
    world.forget_what_was_heard();
    world.renew("ana", 9);
    assert_eq!(world.hears("ben"), ["renewed"]);
    assert_eq!(world.info().unwrap_err().code, Code::LinkExpired);
    world.join("dan");
    assert_eq!(world.hears("dan"), ["error link_expired", REFUSED]);
    world.rejoin("cleo 2", "cleo");
    assert_eq!(world.hears("cleo 2"), ["error link_expired", REFUSED]);
    world.rejoin("ben 2", "ben");
    assert_eq!(world.hears("ben 2")[0], "joined as Member: ana ben 2");
}

#[test]
fn the_creator_token_outlasts_a_new_ticket() {
    let mut world = World::new();
    world.keyed_pair();
    let pin = world.pin.clone();
    world.join_with_pin("cleo", super::world::peer(2), &pin);
    world.leave("ana");
    world.renew("cleo", 9);
    world.rejoin("ana 2", "ana");
    assert_eq!(world.hears("ana 2"), ["error link_expired", REFUSED]);
    world.join_creator("ana 2");
    assert_eq!(world.hears("ana 2"), ["joined as Creator: ben cleo ana 2"]);
}

#[test]
fn a_ticket_is_renewed_once() {
    let mut world = World::new();
    world.keyed_pair();
    world.renew("ana", 9);
    world.renew("ana", 9);
    assert_eq!(world.hears("ana"), ["renewed"]);
    world.renew("ana", 8);
    world.renew("ana", 9);
    assert_eq!(world.hears("ana"), ["renewed", "error bad_request"]);
    // A kick with a ticket that is no longer new does nothing at all.
    world.kick("ana", "ben", Some(9));
    assert_eq!(world.hears("ana"), ["error bad_request"]);
    assert_eq!(world.hub.stats().participants, 2);
    // With the present one, it is a repeated command: the kick counts, the ticket is there already.
    world.kick("ana", "ben", Some(8));
    assert_eq!(world.hears("ana"), ["-ben kicked"]);
}

#[test]
fn replaced_tickets_are_forgotten_in_the_end() {
    let limits = crate::relay::Limits {
        replaced_tickets: 2,
        ..crate::relay::Limits::default()
    };
    let mut world = World::with(limits, |_| {});
    world.keyed_pair();
    world.renew("ana", 9);
    world.renew("ana", 8);
    assert_eq!(world.info().unwrap_err().code, Code::LinkExpired);
    world.renew("ana", 7);
    assert_eq!(world.info().unwrap_err().code, Code::RoomNotFound);
}

#[test]
fn a_token_that_was_kicked_stays_so_whatever_else_is_shown_with_it() {
    let mut world = World::new();
    world.keyed_pair();
    // Ben, with the PIN's right to kick the creator's seat, and Cleo, who has left before the ticket was replaced.
    let pin = world.pin.clone();
    world.join_with_pin("dora", peer(2), &pin);
    world.join("cleo");
    world.leave("cleo");
    world.kick("dora", "ana", Some(9));
    world.join_with("ana 2", |join, world| {
        join.ticket = None;
        join.creator_token = Some(Secret::copy_of(world.creator_token.as_bytes()));
        join.seat_token = Some(world.token("cleo"));
    });
    assert_eq!(world.hears("ana 2"), ["error kicked", "closed 1008"]);
    world.rejoin("cleo 2", "cleo");
    assert_eq!(world.hears("cleo 2"), ["error link_expired", "closed 1008"]);
}
