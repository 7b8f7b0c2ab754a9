//! Joining: sections 5.1 to 5.4, 5.6, 6.2, 11.2 to 11.4.

use burnchat_core::client::Event;
use burnchat_core::crypto::{Identity, PublicIdentity, RoomKeys, open_name};
use burnchat_core::link::Link;
use burnchat_core::relay::Limits;
use burnchat_core::wire::{ClientFrame, Role};
use serde_json::json;

use super::super::insider::entry_of;
use super::super::room::{LinkChange, Room, Terms, changed_link, flipped, of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "admission/5.3/join-frame",
            [
                "5.3/proof",
                "5.4/sealed",
                "5.2/id",
                "13.2/client-join",
                "11.2/client-ticket"
            ],
            a_join_shows_a_proof_and_a_sealed_name
        ),
        case!(
            "admission/5.2/new-keys",
            ["5.2/new-keys"],
            every_join_has_new_keys
        ),
        case!(
            "admission/5.6/wrong-secret",
            ["5.6/bad-link"],
            who_finds_nobody_with_the_secret_leaves
        ),
        case!(
            "admission/5.6/strangers-later",
            ["5.6/bad-link-later"],
            two_strangers_later_end_one_who_met_nobody
        ),
        case!(
            "admission/5.6/not-ended-by-strangers",
            ["5.6/not-ended"],
            strangers_do_not_end_one_who_has_met_somebody
        ),
        case!(
            "admission/11.4/pin",
            ["11.4/client-creator", "11.2/client-pin"],
            a_pin_makes_a_creator
        ),
        case!(
            "admission/11.4/wrong-pin",
            ["15/ends-refused"],
            a_wrong_pin_is_told
        ),
        case!(
            "admission/11.2/room-full",
            ["15/ends-refused"],
            a_full_room_refuses
        ),
        case!(
            "admission/11.2/room-locked",
            ["15/ends-refused"],
            a_locked_room_refuses
        ),
        case!(
            "admission/11.2/no-such-room",
            ["15/ends-refused"],
            no_room_is_told
        ),
        case!(
            "admission/6.2/own-entry-last",
            ["6.2/own-entry"],
            a_joined_without_ones_own_entry_is_a_fork
        ),
        case!(
            "admission/6.2/own-name",
            ["6.2/own-entry"],
            a_joined_with_another_name_for_oneself_is_a_fork
        ),
        case!(
            "admission/6.2/own-proof",
            ["6.2/own-entry"],
            a_joined_with_another_proof_for_oneself_is_a_fork
        ),
        case!(
            "admission/6.2/role",
            ["6.2/own-entry"],
            a_joined_with_another_role_is_a_fork
        ),
        case!(
            "admission/6.2/same-id-twice",
            ["5.6/same-id"],
            a_roster_that_lists_an_id_twice_is_a_fork
        ),
        case!(
            "admission/14.1/unexpected-before-joined",
            ["14.1/refused"],
            what_comes_before_joined_is_refused
        ),
        case!(
            "admission/11.2/lost-answer",
            ["11.2/room-full-patience"],
            a_lost_answer_is_a_reason_for_patience,
            slow
        ),
    ]
}

async fn a_join_shows_a_proof_and_a_sealed_name(context: &Context<Target>) -> Outcome {
    let room = super::two(context).await?;
    let Some(frame) = room.joins().first().map(|frame| frame.to_string()) else {
        return fail("a join", "none");
    };
    let Ok(ClientFrame::Join(join)) = ClientFrame::parse(frame.as_bytes()) else {
        return fail("a join that parses", frame);
    };
    let link = Link::parse(&room.link).map_err(of_the_suite)?;
    let keys = RoomKeys::derive(&link);
    let proof = keys.join_proof(&join.kem_pub.0, &join.sig_pub.0, &join.sealed_name.0);
    ensure(
        proof == join.join_proof.0,
        "the join proof of 5.3",
        "another",
    )?;
    let public = PublicIdentity::from_sec1(&join.kem_pub.0, &join.sig_pub.0);
    let Ok(public) = public else {
        return fail("two points on P-256", "something else");
    };
    let name = open_name(&keys, &public, &join.sealed_name.0);
    ensure(
        name.is_ok_and(|name| name.as_str() == "Ben"),
        "the sealed name Ben",
        "another, or none that opens",
    )?;
    ensure_eq("the id", room.subject_id()?, public.id().to_base64())?;
    let ticket = join
        .ticket
        .as_ref()
        .is_some_and(|shown| shown.ct_eq(link.ticket().as_secret()));
    ensure(ticket, "the ticket of the link", "another, or none")?;
    ensure(
        join.pin.is_none() && join.creator_token.is_none() && join.seat_token.is_none(),
        "nothing else shown",
        "a PIN or token",
    )
}

async fn every_join_has_new_keys(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.invite().await?;
    room.command(json!({"cmd": "leave"})).await;
    room.ends("ended", "left", 0).await?;
    room.subject.lines.clear();
    room.subject.read = 0;
    room.invite().await?;
    let joins = room.joins();
    let [first, second] = joins.as_slice() else {
        return fail("two joins", joins.len().to_string());
    };
    for member in ["kem_pub", "sig_pub", "sealed_name"] {
        ensure(
            first[member] != second[member],
            format!("another {member}"),
            "the same",
        )?;
    }
    ensure(first["kem_pub"] != first["sig_pub"], "two key pairs", "one")
}

async fn who_finds_nobody_with_the_secret_leaves(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    let change = LinkChange {
        secret: Some([7; 16]),
        ..LinkChange::default()
    };
    let link = changed_link(&room.link, &change)?;
    room.start(&["join", &link])?;
    room.hear_error(907).await?;
    room.ends("ended", "bad_link", 3).await?;
    ensure_eq(
        "how often it said `joined`",
        room.subject.count("joined"),
        0,
    )
}

/// An entry that anybody could make who lacks the secret.
fn stranger() -> Outcome<serde_json::Value> {
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let public = me.public();
    let entry = burnchat_core::wire::RosterEntry {
        kem_pub: burnchat_core::wire::Bytes(*public.kem().as_bytes()),
        sig_pub: burnchat_core::wire::Bytes(*public.verifying().as_bytes()),
        sealed_name: burnchat_core::wire::Bytes([1; 157]),
        join_proof: burnchat_core::wire::Bytes([2; 32]),
        role: Role::Member,
        number: 9,
    };
    serde_json::to_value(entry).map_err(of_the_suite)
}

async fn two_strangers_later_end_one_who_met_nobody(context: &Context<Target>) -> Outcome {
    let mut room = super::alone(context, &[]).await?;
    room.slip_in(
        json!({"type": "participant_joined", "seq": 0, "version": 2, "participant": stranger()?}),
    );
    room.hear("participant_joined").await?;
    room.catch_up().await?;
    ensure(
        room.subject.exited.is_none(),
        "one stranger not to be enough",
        "the end",
    )?;
    room.slip_in(
        json!({"type": "participant_joined", "seq": 0, "version": 3, "participant": stranger()?}),
    );
    room.hear_error(907).await?;
    room.ends("ended", "bad_link", 3).await
}

async fn strangers_do_not_end_one_who_has_met_somebody(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    for version in [3, 4, 5] {
        room.slip_in(json!({"type": "participant_joined", "seq": 0, "version": version, "participant": stranger()?}));
        room.hear("participant_joined").await?;
    }
    room.catch_up().await?;
    ensure(room.subject.exited.is_none(), "that it stays", "the end")
}

async fn a_pin_makes_a_creator(context: &Context<Target>) -> Outcome {
    let room = super::two_creators(context).await?;
    let shown = room
        .joins()
        .first()
        .and_then(|join| join["pin"].as_str().map(str::to_owned));
    ensure_eq("the PIN shown", shown, Some(room.pin.clone()))?;
    let joined = room.subject.last("joined").cloned().unwrap_or_default();
    ensure_eq("the role", joined["role"].as_str(), Some("creator"))?;
    let as_seen = room.friends.first().is_some_and(|ana| {
        ana.events.iter().any(
            |event| matches!(event, Event::ParticipantJoined(who) if who.role == Role::Creator),
        )
    });
    ensure(as_seen, "a creator on the others' rosters", "a member")
}

async fn a_wrong_pin_is_told(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    let link = room.link.clone();
    let wrong = if room.pin.starts_with('A') {
        "BBBBBB"
    } else {
        "AAAAAA"
    };
    room.start(&["join", &link, "--pin", wrong])?;
    let error = room.hear_error(204).await?;
    ensure_eq("attempts_left", error["attempts_left"].as_u64(), Some(2))?;
    room.ends("ended", "refused", 4).await
}

async fn a_full_room_refuses(context: &Context<Target>) -> Outcome {
    let terms = Terms {
        capacity: 2,
        ..Terms::default()
    };
    let mut room = Room::of_ana(context, terms).await?;
    room.join("Cleo")?;
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.hear_error(202).await?;
    room.ends("ended", "refused", 4).await
}

async fn a_locked_room_refuses(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.act(0, |ana, now| ana.lock(now, true, &mut rng()))?
        .map_err(of_the_suite)?;
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.hear_error(203).await?;
    room.ends("ended", "refused", 4).await
}

async fn no_room_is_told(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.burn()?;
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.hear_error(200).await?;
    room.ends("ended", "refused", 4).await
}

async fn a_joined_without_ones_own_entry_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.join("Cleo")?;
    room.alter_once("joined", |mut frame| {
        if let Some(all) = frame["participants"].as_array_mut() {
            all.reverse();
        }
        vec![frame]
    });
    rejoins(&mut room).await
}

async fn a_joined_with_another_name_for_oneself_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
    let other = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let other = serde_json::to_value(entry_of(&keys, &other, "Ben")?).map_err(of_the_suite)?;
    room.alter_once("joined", move |mut frame| {
        if let Some(own) = frame["participants"]
            .as_array_mut()
            .and_then(|all| all.last_mut())
        {
            own["sealed_name"] = other["sealed_name"].clone();
        }
        vec![frame]
    });
    rejoins(&mut room).await
}

async fn a_joined_with_another_proof_for_oneself_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |mut frame| {
        if let Some(own) = frame["participants"]
            .as_array_mut()
            .and_then(|all| all.last_mut())
        {
            *own = flipped(own.take(), "join_proof");
        }
        vec![frame]
    });
    rejoins(&mut room).await
}

async fn a_joined_with_another_role_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |mut frame| {
        frame["role"] = "creator".into();
        vec![frame]
    });
    rejoins(&mut room).await
}

async fn a_roster_that_lists_an_id_twice_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |mut frame| {
        if let Some(all) = frame["participants"].as_array_mut()
            && let Some(first) = all.first().cloned()
        {
            all.insert(0, first);
        }
        vec![frame]
    });
    rejoins(&mut room).await
}

/// Joins, and is told something that makes it join afresh; then it has joined.
async fn rejoins(room: &mut Room) -> Outcome {
    let link = room.link.clone();
    room.start(&["join", &link, "--name", "Ben"])?;
    room.hear_where("gap with code 800 (fork)", |line| {
        line["event"] == "gap" && line["code"] == 800
    })
    .await?;
    room.hear("joined").await?;
    ensure_eq(
        "the first close code",
        room.closes.first().copied().flatten(),
        Some(4001),
    )?;
    room.keyed().await
}

async fn what_comes_before_joined_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |frame| {
        vec![json!({"type": "countdown", "seconds_remaining": 9}), frame]
    });
    room.invite().await?;
    room.keyed().await?;
    room.catch_up().await?;
    let left = room
        .subject
        .last("joined")
        .and_then(|line| line["seconds_remaining"].as_u64());
    ensure(
        left.is_some_and(|left| left > 500),
        "the end that `joined` tells",
        format!("{left:?}"),
    )
}

async fn a_lost_answer_is_a_reason_for_patience(context: &Context<Target>) -> Outcome {
    let terms = Terms {
        capacity: 3,
        limits: Limits::default(),
        ..Terms::default()
    };
    let mut room = Room::of_ana(context, terms).await?;
    room.join("Cleo")?;
    // The answer is lost, and the seat is taken that nobody can resume.
    room.alter_once("joined", |_| Vec::new());
    let link = room.link.clone();
    room.start(&["join", &link, "--name", "Ben"])?;
    room.until("a join", |room| (!room.joins().is_empty()).then_some(()))
        .await?;
    room.cut();
    room.until("a second join", |room| {
        (room.joins().len() >= 2).then_some(())
    })
    .await?;
    // It is full. It asks again after 5 s, and by then the seat is free.
    room.skip(31_000);
    room.hear("joined").await?;
    ensure_eq("joins", room.joins().len(), 3)
}
