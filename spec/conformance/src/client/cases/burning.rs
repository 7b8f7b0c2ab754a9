//! Time, burning and leaving: sections 8.6, 12.2, 12.4.

use std::time::Duration;

use burnchat_core::crypto::ReadMessage;
use burnchat_core::ids::{MessageId, ParticipantId};
use serde_json::json;

use super::super::room::{Room, Terms, of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "burning/12.4/destroyed-expired",
            ["12.4/destroyed"],
            destroyed_as_expired
        ),
        case!(
            "burning/12.4/destroyed-burned",
            ["12.4/destroyed"],
            destroyed_as_burned
        ),
        case!(
            "burning/12.4/destroyed-shutdown",
            ["12.4/destroyed"],
            destroyed_as_shut_down
        ),
        case!(
            "burning/12.4/nothing-after",
            ["12.4/nothing-after"],
            nothing_is_accepted_after_destroyed
        ),
        case!(
            "burning/12.4/before-joined",
            ["12.4/destroyed"],
            a_room_destroyed_before_it_was_joined
        ),
        case!(
            "burning/12.4/own-clock",
            ["12.4/own-clock", "12.2/client-goes-on"],
            a_client_burns_by_its_own_clock
        ),
        case!(
            "burning/12.4/while-away",
            ["12.4/own-clock"],
            a_client_burns_while_it_is_away
        ),
        case!(
            "burning/12.4/countdown-brings-nearer",
            ["12.4/countdown"],
            a_countdown_brings_the_end_nearer
        ),
        case!(
            "burning/12.4/countdown-never-later",
            ["12.4/countdown"],
            a_countdown_never_puts_the_end_off
        ),
        case!(
            "burning/12.4/resumed-brings-nearer",
            ["12.4/countdown"],
            a_resumed_brings_the_end_nearer
        ),
        case!(
            "burning/12.4/extended",
            ["12.4/client-extended"],
            an_extension_puts_the_end_off
        ),
        case!(
            "burning/12.4/countdown-is-the-relays",
            ["12.1/client-shown"],
            countdowns_are_told
        ),
        case!(
            "burning/8.6/reader",
            ["8.6/reader", "8.6/forgotten"],
            a_message_burns_after_it_has_been_read
        ),
        case!(
            "burning/8.6/author",
            ["8.6/author"],
            ones_own_message_burns_after_its_acceptance
        ),
        case!(
            "burning/8.6/not-unread",
            ["8.6/reader"],
            an_unread_message_stays
        ),
        case!(
            "burning/8.6/through-a-fork",
            ["8.6/forgotten"],
            a_message_burns_in_time_whatever_befalls_the_seat
        ),
        case!(
            "burning/8.6/read-means-read",
            ["8.6/read-only"],
            nobody_says_read_but_the_application
        ),
        case!("burning/12.4/left", ["12.4/leave"], leaving_ends_a_client),
        case!(
            "burning/12.4/end-of-input",
            ["12.4/leave"],
            the_end_of_input_is_leaving
        ),
        case!(
            "burning/12.4/kicked",
            ["12.4/kicked"],
            being_removed_ends_a_client
        ),
    ]
}

async fn destroyed(context: &Context<Target>, reason: &str) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell(&json!({"type": "destroyed", "reason": reason}));
    room.ends("burned", reason, 0).await
}

async fn destroyed_as_expired(context: &Context<Target>) -> Outcome {
    destroyed(context, "expired").await
}

async fn destroyed_as_burned(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.act(0, |ana, now| ana.burn(now, &mut rng()))?
        .map_err(of_the_suite)?;
    room.ends("burned", "burned", 0).await
}

async fn destroyed_as_shut_down(context: &Context<Target>) -> Outcome {
    destroyed(context, "shutdown").await
}

async fn nothing_is_accepted_after_destroyed(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.say(0, "before it")?;
    room.hear_text("before it").await?;
    room.lie(|frame| {
        if frame["type"] == "message" {
            vec![json!({"type": "destroyed", "reason": "burned"}), frame]
        } else {
            vec![frame]
        }
    });
    room.say(0, "after it")?;
    room.ends("burned", "burned", 0).await?;
    let shown = room
        .subject
        .lines
        .iter()
        .any(|line| line["text"] == "after it");
    ensure(!shown, "nothing after `destroyed`", "a message")?;
    ensure_eq("fresh joins", room.joins().len(), 1)
}

async fn a_room_destroyed_before_it_was_joined(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |_| {
        vec![json!({"type": "destroyed", "reason": "expired"})]
    });
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.ends("burned", "expired", 0).await
}

/// A room that the relay says ends in so many seconds; from then on it says nothing.
async fn silent(context: &Context<Target>, seconds: u64) -> Outcome<Room> {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", move |mut frame| {
        frame["seconds_remaining"] = seconds.into();
        vec![frame]
    });
    room.invite().await?;
    room.keyed().await?;
    Ok(room)
}

/// When its process ended, ms after this moment.
async fn burns(room: &mut Room, from: u64, least: u64, most: u64) -> Outcome {
    room.ends_within(Duration::from_millis(most + 3_000), "burned", "expired", 0)
        .await?;
    let waited = room.now().0 - from;
    ensure(
        (least..most).contains(&waited),
        format!("the burn after {least} to {most} ms"),
        format!("after {waited} ms"),
    )
}

async fn a_client_burns_by_its_own_clock(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |mut frame| {
        frame["seconds_remaining"] = 4.into();
        vec![frame]
    });
    room.invite().await?;
    let begun = room.now().0;
    room.fall_silent();
    burns(&mut room, begun, 3_200, 5_500).await
}

async fn a_client_burns_while_it_is_away(context: &Context<Target>) -> Outcome {
    let mut room = silent(context, 5).await?;
    let begun = room.now().0;
    room.let_in(false);
    room.cut();
    burns(&mut room, begun, 2_000, 6_500).await
}

async fn a_countdown_brings_the_end_nearer(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let begun = room.now().0;
    room.tell(&json!({"type": "countdown", "seconds_remaining": 3}));
    room.fall_silent();
    burns(&mut room, begun, 2_700, 4_500).await
}

async fn a_countdown_never_puts_the_end_off(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |mut frame| {
        frame["seconds_remaining"] = 4.into();
        vec![frame]
    });
    room.invite().await?;
    let begun = room.now().0;
    room.tell(&json!({"type": "countdown", "seconds_remaining": 500}));
    room.pass(Duration::from_secs(1)).await;
    room.tell(&json!({"type": "countdown", "seconds_remaining": 400}));
    burns(&mut room, begun, 3_200, 5_500).await
}

async fn a_resumed_brings_the_end_nearer(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("resumed", |mut frame| {
        frame["seconds_remaining"] = 3.into();
        vec![frame]
    });
    room.cut();
    room.hear("resumed").await?;
    let begun = room.now().0;
    room.fall_silent();
    burns(&mut room, begun, 2_500, 4_500).await
}

async fn an_extension_puts_the_end_off(context: &Context<Target>) -> Outcome {
    let mut room = silent(context, 5).await?;
    room.slip_in(json!({"type": "extended", "seq": 0, "seconds_remaining": 600}));
    room.hear("extended").await?;
    room.pass(Duration::from_millis(6_500)).await;
    ensure(
        room.subject.exited.is_none(),
        "that it goes on past the first end",
        "its end",
    )
}

async fn countdowns_are_told(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell(&json!({"type": "countdown", "seconds_remaining": 77}));
    room.hear_where("countdown 77", |line| {
        line["event"] == "countdown" && line["seconds_remaining"] == 77
    })
    .await?;
    Ok(())
}

async fn a_message_burns_after_it_has_been_read(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let id = room.say_burning(0, "for a second", 1_000)?;
    let line = room.hear_text("for a second").await?;
    ensure_eq("burn_after_ms", line["burn_after_ms"].as_u64(), Some(1_000))?;
    room.pass(Duration::from_millis(1_500)).await;
    ensure_eq(
        "message_burned before it was read",
        room.subject.count("message_burned"),
        0,
    )?;
    let ana = room.id_of(0)?;
    let begun = room.now().0;
    room.command(json!({"cmd": "read", "author": ana, "id": id}))
        .await;
    let burned = room.hear("message_burned").await?;
    ensure(
        burned["id"] == id.as_str() && burned["author"] == ana.as_str(),
        "that message",
        &burned,
    )?;
    let waited = room.now().0 - begun;
    ensure(
        (900..2_500).contains(&waited),
        "1,000 ms after it was read",
        format!("{waited} ms"),
    )
}

async fn a_message_burns_in_time_whatever_befalls_the_seat(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let id = room.say_burning(0, "for three seconds", 3_000)?;
    room.hear_text("for three seconds").await?;
    let ana = room.id_of(0)?;
    room.command(json!({"cmd": "read", "author": ana, "id": id}))
        .await;
    let begun = room.now().0;
    room.catch_up().await?;
    // No version lacks a key: it joins afresh.
    let (version, head) = room
        .friends
        .first()
        .and_then(|ana| Some((ana.client.roster_version()?, ana.client.head()?)))
        .ok_or_else(|| of_the_suite("no head"))?;
    let head = head.to_base64();
    room.tell(&json!({"type": "key_wanted", "version": version, "head": head}));
    room.forks().await?;
    let burned = room.hear("message_burned").await?;
    ensure_eq("the id", burned["id"].as_str(), Some(id.as_str()))?;
    let waited = room.now().0 - begun;
    ensure(
        waited < 4_500,
        "3,000 ms after it was read",
        format!("{waited} ms"),
    )
}

async fn ones_own_message_burns_after_its_acceptance(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.command(json!({"cmd": "send", "text": "for a second", "burn_after_ms": 1_000}))
        .await;
    let accepted = room.hear("accepted").await?;
    let begun = room.now().0;
    let burned = room.hear("message_burned").await?;
    ensure_eq("the id", burned["id"].as_str(), accepted["id"].as_str())?;
    let waited = room.now().0 - begun;
    ensure(
        (800..2_500).contains(&waited),
        "1,000 ms after it was accepted",
        format!("{waited} ms"),
    )
}

async fn an_unread_message_stays(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.say_burning(0, "for 100 ms", 100)?;
    room.hear_text("for 100 ms").await?;
    room.pass(Duration::from_millis(1_000)).await;
    ensure_eq("message_burned", room.subject.count("message_burned"), 0)
}

async fn nobody_says_read_but_the_application(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let id = room.say(0, "have you read it?")?;
    room.hear_text("have you read it?").await?;
    room.pass(Duration::from_millis(600)).await;
    ensure_eq("envelopes before `read`", room.sent_of("message").len(), 0)?;
    let ana = room.id_of(0)?;
    room.command(json!({"cmd": "read", "author": ana, "id": id}))
        .await;
    let read = ReadMessage {
        sender: ParticipantId::from_base64(&ana).ok_or_else(|| of_the_suite("an id"))?,
        id: MessageId::from_base64(&id).ok_or_else(|| of_the_suite("an id"))?,
    };
    room.until("that Ana is told", |room| {
        let ana = room.friends.first()?;
        let told = ana.events.iter().any(|event| {
            matches!(event, burnchat_core::client::Event::Read { author, id, .. } if *author == read.sender && *id == read.id)
        });
        told.then_some(())
    })
    .await
}

async fn leaving_ends_a_client(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.command(json!({"cmd": "leave"})).await;
    room.ends("ended", "left", 0).await?;
    let gone = room
        .friends
        .first()
        .map(|ana| ana.client.participants().len());
    ensure_eq("people on Ana's roster", gone, Some(1))
}

async fn the_end_of_input_is_leaving(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.subject.close_stdin();
    room.ends("ended", "left", 0).await?;
    ensure_eq(
        "the close code",
        room.closes.first().copied().flatten(),
        Some(1000),
    )
}

async fn being_removed_ends_a_client(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let me =
        ParticipantId::from_base64(&room.subject_id()?).ok_or_else(|| of_the_suite("an id"))?;
    room.act(0, |ana, now| ana.kick(now, me, true, &mut rng()))?
        .map_err(of_the_suite)?;
    room.hear_error(206).await?;
    room.ends("ended", "kicked", 5).await
}
