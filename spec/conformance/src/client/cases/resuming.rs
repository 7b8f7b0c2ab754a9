//! Away, resume, leave: sections 6.3, 8.4, 13.1.

use std::time::Duration;

use serde_json::json;

use super::super::room::{Room, Terms, of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "log/6.3/resume",
            ["6.3/client-resume", "6.3/replayed-in-order"],
            a_broken_connection_is_resumed
        ),
        case!(
            "log/6.3/resume-loses-nothing",
            ["8.4/after-resume"],
            what_was_in_flight_is_sent_again_the_same_bytes
        ),
        case!(
            "log/6.3/resumed-seq",
            ["6.3/client-resumed-seq"],
            a_resumed_with_another_seq_is_a_fork
        ),
        case!(
            "log/6.3/gap",
            ["6.3/client-gap", "8.4/unknown", "8.4/unsent-after-rejoin"],
            a_gap_is_a_fresh_join
        ),
        case!(
            "log/6.3/gone",
            ["6.3/client-room-not-found"],
            a_room_that_is_gone_burns
        ),
        case!(
            "log/6.3/kicked-while-away",
            ["6.3/client-kicked", "12.4/kicked"],
            one_removed_while_away_is_told
        ),
        case!(
            "log/6.3/displaced",
            ["6.3/client-displaced"],
            a_seat_taken_over_ends_the_older_one
        ),
        case!(
            "log/6.3/leaves-with-1000",
            ["6.3/client-leave"],
            a_client_that_leaves_closes_with_1000
        ),
        case!(
            "log/13.1/silence",
            ["13.1/silence"],
            a_silent_connection_is_taken_for_broken,
            Should,
            slow
        ),
        case!(
            "log/13.1/no-answer",
            ["13.1/no-answer"],
            a_connection_without_an_answer_is_given_up,
            Should,
            slow
        ),
    ]
}

async fn a_broken_connection_is_resumed(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let last = room.last_seq;
    room.cut();
    room.say(0, "one")?;
    room.say(0, "two")?;
    room.hear("reconnecting").await?;
    room.hear_text("one").await?;
    room.hear_text("two").await?;
    room.hear("resumed").await?;
    let resumes = room.sent_of("resume");
    let [resume] = resumes.as_slice() else {
        return fail("one resume", resumes.len().to_string());
    };
    ensure_eq(
        "the seq it resumes from",
        resume["seq"].as_u64(),
        Some(last),
    )?;
    ensure_eq("joins", room.joins().len(), 1)?;
    room.command(json!({"cmd": "send", "text": "still here"}))
        .await;
    room.until("its text at Ana's", |room| {
        room.texts(0).contains(&"still here").then_some(())
    })
    .await
}

async fn what_was_in_flight_is_sent_again_the_same_bytes(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    // Lost on the way up.
    room.swallow_messages();
    for text in ["one", "two"] {
        room.command(json!({"cmd": "send", "text": text})).await;
    }
    room.until("two envelopes", |room| {
        (room.sent_of("message").len() == 2).then_some(())
    })
    .await?;
    room.honest();
    room.cut();
    room.hear("resumed").await?;
    room.hear("accepted").await?;
    room.hear("accepted").await?;
    let sent = room.sent_of("message");
    let (first, again) = sent.split_at(sent.len().min(2));
    ensure(
        first == again,
        "the same two envelopes again",
        format!("{} envelopes, {again:?}", sent.len()),
    )?;
    room.until("both at Ana's", |room| {
        (room.texts(0) == ["one", "two"]).then_some(())
    })
    .await
}

async fn a_resumed_with_another_seq_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("resumed", |mut frame| {
        frame["seq"] = (frame["seq"].as_u64().unwrap_or_default() + 1).into();
        vec![frame]
    });
    room.cut();
    room.forks().await
}

async fn a_gap_is_a_fresh_join(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let before = room.subject_id()?;
    room.swallow_messages();
    room.command(json!({"cmd": "send", "text": "in flight"}))
        .await;
    room.until("an envelope", |room| {
        (room.sent_of("message").len() == 1).then_some(())
    })
    .await?;
    room.let_in(false);
    room.cut();
    room.hear("reconnecting").await?;
    room.command(json!({"cmd": "send", "text": "held"})).await;
    room.hear_where("its own text", |line| {
        line["event"] == "message" && line["text"] == "held"
    })
    .await?;
    // The seat is free again by the time it is back.
    room.skip(31_000);
    room.honest();
    room.let_in(true);
    let unknown = room.hear("unknown").await?;
    ensure_eq("unknown", unknown["text"].as_str(), Some("in flight"))?;
    let unsent = room.hear("unsent").await?;
    ensure_eq("unsent", unsent["text"].as_str(), Some("held"))?;
    let gap = room.hear("gap").await?;
    ensure_eq("the code", gap["code"].as_u64(), Some(208))?;
    let joined = room.hear("joined").await?;
    ensure(joined["id"] != before.as_str(), "a new id", "the old one")?;
    let joins = room.joins();
    let token = joins
        .last()
        .is_some_and(|join| join["seat_token"].is_string());
    ensure(
        joins.len() == 2 && token,
        "a fresh join with the seat token",
        format!("{} joins", joins.len()),
    )?;
    room.keyed().await
}

async fn a_room_that_is_gone_burns(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.let_in(false);
    room.cut();
    room.hear("reconnecting").await?;
    room.burn()?;
    room.let_in(true);
    room.ends("burned", "expired", 0).await
}

async fn one_removed_while_away_is_told(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.let_in(false);
    room.cut();
    room.hear("reconnecting").await?;
    let id = burnchat_core::ids::ParticipantId::from_base64(&room.subject_id()?);
    let id = id.ok_or_else(|| of_the_suite("an id"))?;
    room.act(0, |ana, now| ana.kick(now, id, false, &mut rng()))?
        .map_err(of_the_suite)?;
    room.let_in(true);
    room.hear_error(206).await?;
    room.ends("ended", "kicked", 5).await
}

async fn a_seat_taken_over_ends_the_older_one(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell(&json!({"type": "error", "code": "displaced"}));
    room.hear_error(207).await?;
    room.ends("ended", "refused", 4).await
}

async fn a_client_that_leaves_closes_with_1000(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.command(json!({"cmd": "leave"})).await;
    room.ends("ended", "left", 0).await?;
    room.until("its connection closed", |room| room.closes.first().copied())
        .await?;
    ensure_eq(
        "the close code",
        room.closes.first().copied().flatten(),
        Some(1000),
    )
}

async fn a_silent_connection_is_taken_for_broken(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.fall_silent();
    room.until_within(Duration::from_secs(36), "another connection", |room| {
        (room.opened > 1).then_some(())
    })
    .await
}

async fn a_connection_without_an_answer_is_given_up(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter(|frame| {
        if frame["type"] == "joined" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.until("a join", |room| (!room.joins().is_empty()).then_some(()))
        .await?;
    room.fall_silent();
    room.until_within(
        Duration::from_secs(36),
        "another connection, or the end",
        |room| (room.opened > 1 || room.subject.exited.is_some()).then_some(()),
    )
    .await
}
