//! The room log and the roster: sections 5.6, 6.1, 6.2, 7.7.

use burnchat_core::crypto::{Identity, RoomKeys};
use burnchat_core::link::Link;
use burnchat_core::wire::ClientFrame;
use serde_json::{Value, json};

use super::super::insider::{Insider, entry_of};
use super::super::room::{Room, flipped, of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "log/6.1/hole",
            ["6.1/client-seq", "7.7/rejoin"],
            a_hole_is_a_fork
        ),
        case!(
            "log/6.1/repeated",
            ["6.1/client-seq"],
            a_repeated_entry_is_a_fork
        ),
        case!(
            "log/7.7/third",
            ["7.7/twice"],
            the_third_fork_in_a_row_ends_it
        ),
        case!(
            "log/7.7/count-starts-anew",
            ["7.7/anew"],
            forks_between_keys_do_not_add_up
        ),
        case!(
            "roster/6.2/version-skipped",
            ["6.2/client-version"],
            a_version_that_does_not_follow_is_a_fork
        ),
        case!(
            "roster/6.2/rekey-version",
            ["6.2/client-version"],
            a_rekey_with_an_old_version_is_a_fork
        ),
        case!(
            "roster/6.2/unknown-leaves",
            ["6.2/impossible"],
            a_departure_of_nobody_is_a_fork
        ),
        case!(
            "roster/6.2/own-departure",
            ["6.2/impossible"],
            ones_own_departure_is_a_fork
        ),
        case!(
            "roster/6.2/unknown-replaced",
            ["6.2/impossible"],
            a_replacement_of_nobody_is_a_fork
        ),
        case!(
            "roster/6.2/replaces",
            ["6.2/client-replaces"],
            a_seat_taken_over_is_one_entry
        ),
        case!(
            "roster/5.6/same-id-joins",
            ["5.6/same-id"],
            an_id_that_is_there_already_is_a_fork
        ),
        case!(
            "roster/5.6/invented-member",
            ["5.6/unverified", "5.6/reported-once", "5.6/no-wrap"],
            an_invented_member_gets_no_key_and_no_name
        ),
        case!(
            "roster/5.6/no-hearing",
            ["5.6/no-hearing"],
            an_invented_member_is_not_heard
        ),
        case!(
            "roster/5.6/not-a-point",
            ["5.6/unverified", "3/points"],
            a_key_that_is_no_point_is_unverified
        ),
        case!(
            "roster/5.6/departed-id",
            ["5.6/departed"],
            an_id_that_has_left_is_not_verified_again
        ),
        case!(
            "roster/5.6/swapped-keys",
            ["5.6/unverified"],
            a_swapped_key_makes_an_entry_unverified
        ),
    ]
}

async fn a_hole_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("message", |_| Vec::new());
    room.say(0, "lost")?;
    room.say(0, "shows the hole")?;
    room.forks().await?;
    room.hear("joined").await?;
    room.keyed().await?;
    room.say(0, "heard again")?;
    room.hear_text("heard again").await?;
    Ok(())
}

async fn a_repeated_entry_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("locked", |frame| vec![frame.clone(), frame]);
    room.act(0, |ana, now| ana.lock(now, true, &mut rng()))?
        .map_err(of_the_suite)?;
    room.forks().await
}

async fn the_third_fork_in_a_row_ends_it(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    // From now on every key frame has another head than it should.
    room.alter(|frame| {
        if frame["type"] == "session_key" {
            vec![flipped(frame, "prev")]
        } else {
            vec![frame]
        }
    });
    room.join("Cleo")?;
    room.hear_error(800).await?;
    room.ends("ended", "failed", 7).await?;
    ensure_eq(
        "fresh joins before it gave up",
        room.subject.count("gap"),
        2,
    )?;
    ensure_eq("joins", room.joins().len(), 3)
}

async fn forks_between_keys_do_not_add_up(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    for turn in 0..4 {
        room.alter_once("message", |_| Vec::new());
        room.say(0, "lost")?;
        room.say(0, "shows the hole")?;
        room.hear("gap").await?;
        room.honest();
        room.hear("joined").await?;
        room.keyed().await?;
        ensure(
            room.subject.exited.is_none(),
            "that it goes on",
            format!("the end at fork {turn}"),
        )?;
    }
    Ok(())
}

async fn forks_on(context: &Context<Target>, entry: Value) -> Outcome {
    let mut room = super::two(context).await?;
    room.slip_in(entry);
    room.forks().await
}

async fn a_version_that_does_not_follow_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("participant_joined", |mut frame| {
        frame["version"] = (frame["version"].as_u64().unwrap_or_default() + 1).into();
        vec![frame]
    });
    room.join("Cleo")?;
    room.forks().await
}

async fn a_rekey_with_an_old_version_is_a_fork(context: &Context<Target>) -> Outcome {
    forks_on(context, json!({"type": "rekey", "seq": 0, "version": 2})).await
}

async fn a_departure_of_nobody_is_a_fork(context: &Context<Target>) -> Outcome {
    let nobody = "AAAAAAAAAAAAAAAAAAAAAA";
    forks_on(
        context,
        json!({"type": "participant_left", "seq": 0, "version": 3, "id": nobody, "reason": "left"}),
    )
    .await
}

async fn ones_own_departure_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let me = room.subject_id()?;
    room.slip_in(
        json!({"type": "participant_left", "seq": 0, "version": 3, "id": me, "reason": "left"}),
    );
    room.forks().await
}

async fn a_replacement_of_nobody_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("participant_joined", |mut frame| {
        frame["replaces"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
        vec![frame]
    });
    room.join("Cleo")?;
    room.forks().await
}

async fn a_seat_taken_over_is_one_entry(context: &Context<Target>) -> Outcome {
    let mut room = super::three(context).await?;
    let before = room.id_of(1)?;
    // Cleo joins afresh with her token.
    let token = room
        .friends
        .get(1)
        .and_then(|cleo| cleo.client.seat_token());
    let token = token.map(|token| burnchat_core::crypto::Secret::copy_of(token.as_bytes()));
    let link = Link::parse(&room.link).map_err(of_the_suite)?;
    room.take_over(link, token);
    let left = room.hear("participant_left").await?;
    ensure_eq("who left", left["id"].as_str(), Some(before.as_str()))?;
    ensure_eq("why", left["reason"].as_str(), Some("replaced"))?;
    let joined = room.hear("participant_joined").await?;
    ensure_eq(
        "who came",
        joined["id"].as_str(),
        Some(room.id_of(2)?.as_str()),
    )?;
    room.keyed().await
}

async fn an_id_that_is_there_already_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let joined = std::sync::Arc::new(std::sync::Mutex::new(None));
    let seen = joined.clone();
    room.alter(move |frame| {
        if frame["type"] == "participant_joined"
            && let Ok(mut seen) = seen.lock()
        {
            *seen = Some(frame.clone());
        }
        vec![frame]
    });
    room.join("Cleo")?;
    room.keyed().await?;
    let entry = joined.lock().ok().and_then(|seen| seen.clone());
    let Some(mut entry) = entry else {
        return Err(of_the_suite("no entry seen"));
    };
    entry["version"] = 4.into();
    room.slip_in(entry);
    room.forks().await
}

/// Lets the relay list somebody who can prove nothing.
async fn invent(room: &mut Room, change: impl Fn(Value) -> Value) -> Outcome<Identity> {
    let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let entry = serde_json::to_value(entry_of(&keys, &me, "Eve")?).map_err(of_the_suite)?;
    room.slip_in(
        json!({"type": "participant_joined", "seq": 0, "version": 3, "participant": change(entry)}),
    );
    Ok(me)
}

async fn unverified(room: &mut Room) -> Outcome {
    let line = room
        .hear_where("participant_joined without a name", |line| {
            line["event"] == "participant_joined" && line["name"].is_null()
        })
        .await?;
    let label = line["label"].as_str().unwrap_or_default();
    ensure(
        label.starts_with("unverified·"),
        "the label `unverified·…`",
        label,
    )?;
    room.hear_error(900).await?;
    room.catch_up().await?;
    let errors = room
        .subject
        .lines
        .iter()
        .filter(|line| line["event"] == "error" && line["code"] == 900);
    ensure_eq("how often it was reported", errors.count(), 1)
}

async fn an_invented_member_gets_no_key_and_no_name(context: &Context<Target>) -> Outcome {
    let mut room = super::of_subject(context, &[]).await?;
    let eve = invent(&mut room, |entry| flipped(entry, "join_proof")).await?;
    unverified(&mut room).await?;
    // The relay asks the client for a key of that roster.
    let offered = room.sent_of("session_key").len();
    let head = room.friends.first().and_then(|ana| ana.client.head());
    let head = head.map(|head| head.to_base64()).unwrap_or_default();
    room.tell(&json!({"type": "key_wanted", "version": 3, "head": head}));
    let offer = room
        .until("a key frame", |room| {
            let offers = room.sent_of("session_key");
            (offers.len() > offered).then(|| {
                offers
                    .last()
                    .map(|frame| (*frame).clone())
                    .unwrap_or_default()
            })
        })
        .await?;
    let wraps = offer["wraps"].as_array().cloned().unwrap_or_default();
    let eve = eve.id().to_base64();
    ensure(
        wraps.iter().all(|wrap| wrap["id"] != eve.as_str()),
        "no wrap for the unverified entry",
        &offer["wraps"],
    )?;
    ensure_eq("wraps", wraps.len(), 1)
}

async fn an_invented_member_is_not_heard(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    // To everybody else Eve is one of them; the relay shows the client another proof.
    room.alter_once("participant_joined", |mut frame| {
        let entry = frame["participant"].take();
        frame["participant"] = flipped(entry, "join_proof");
        vec![frame]
    });
    let mut eve = Insider::join(&mut room, "Eve")?;
    room.hear_error(900).await?;
    eve.keyed(&mut room).await?;
    room.catch_up().await?;
    let envelope = eve.text(0, 1, "let me in")?;
    eve.say(&mut room, &ClientFrame::Message(envelope));
    room.say(0, "after it")?;
    room.hear_text("after it").await?;
    ensure(
        room.subject
            .lines
            .iter()
            .all(|line| line["text"] != "let me in"),
        "that it is not shown",
        "its text",
    )
}

async fn a_key_that_is_no_point_is_unverified(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    invent(&mut room, |mut entry| {
        // x = y = 1 is not on the curve.
        let mut raw = [0_u8; 65];
        for place in [0, 32, 64] {
            if let Some(byte) = raw.get_mut(place) {
                *byte = if place == 0 { 4 } else { 1 };
            }
        }
        entry["kem_pub"] =
            serde_json::to_value(burnchat_core::wire::Bytes(raw)).unwrap_or_default();
        entry
    })
    .await?;
    unverified(&mut room).await
}

async fn a_swapped_key_makes_an_entry_unverified(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let other = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let kem = burnchat_core::wire::Bytes(*other.public().kem().as_bytes());
    let kem = serde_json::to_value(kem).map_err(of_the_suite)?;
    invent(&mut room, move |mut entry| {
        entry["kem_pub"] = kem.clone();
        entry
    })
    .await?;
    unverified(&mut room).await
}

async fn an_id_that_has_left_is_not_verified_again(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let entry = entry_of(&keys, &me, "Eve")?;
    let eve = Insider::join_as(&mut room, me, &entry)?;
    room.keyed().await?;
    eve.leave(&mut room);
    room.hear("participant_left").await?;
    room.keyed().await?;
    let version = room
        .friends
        .first()
        .and_then(|ana| ana.client.roster_version())
        .unwrap_or_default();
    let entry = serde_json::to_value(entry).map_err(of_the_suite)?;
    room.slip_in(json!({"type": "participant_joined", "seq": 0, "version": version + 1, "participant": entry}));
    unverified(&mut room).await
}
