//! Away, resume, gap and displaced (sections 6.3 and 14.2).

use std::time::Duration;

use burnchat_core::error::Code;
use burnchat_core::wire::{Departure, RelayFrame};
use serde_json::json;
use tokio::time::Instant;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::person::envelope_in;
use crate::relay::stage::{Cx, LATE, SOON, base64, random};
use crate::relay::wire::Wire;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!("log/6.3/resume", ["6.3/resume", "6.3/away"], resume),
        crate::case!(
            "log/6.3/resume-from-before",
            ["6.3/resume"],
            resume_from_before
        ),
        crate::case!(
            "log/6.3/away-gets-its-wrap",
            ["6.3/away"],
            away_gets_its_wrap
        ),
        crate::case!(
            "log/6.3/break-is-not-leaving",
            ["6.3/break", "13.1/close-codes"],
            break_is_not_leaving
        ),
        crate::case!("log/6.3/timeout", ["6.3/timeout", "16/away"], timeout, slow),
        crate::case!(
            "log/6.3/older-connection-is-displaced",
            ["6.3/displaced-connection"],
            older_connection_is_displaced
        ),
        crate::case!(
            "log/6.3/replaced-token-is-displaced",
            ["6.3/displaced-token"],
            replaced_token_is_displaced
        ),
        crate::case!(
            "log/6.3/gap-of-what-was-never-sent",
            ["6.3/gap"],
            gap_of_what_was_never_sent
        ),
        crate::case!(
            "log/6.3/gap-of-one-who-left",
            ["6.3/gap"],
            gap_of_one_who_left
        ),
        crate::case!(
            "log/6.3/gap-of-what-is-gone",
            ["6.3/gap", "6.3/kept", "16/kept"],
            gap_of_what_is_gone
        ),
        crate::case!("log/6.3/unknown-token", ["6.3/refused"], unknown_token),
        crate::case!(
            "log/6.3/asked-again",
            ["6.3/resume", "7.1/resume"],
            asked_again
        ),
        crate::case!(
            "log/6.3/away-for-26-seconds",
            ["6.3/kept", "6.3/away"],
            away_for_long,
            slow
        ),
    ]
}

async fn resume(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let (seq, version) = (ben.view.seq, ben.view.version);
    ben.wire.cut();
    for _ in 0..3 {
        ann.say().await?;
    }
    ann.send(&json!({"type": "lock", "locked": true})).await;
    ann.settle().await?;
    let missed = ben.resume(cx).await?;
    ensure_eq("entries that were missed", missed.len(), 4)?;
    ensure_eq(
        "the first of them",
        missed.first().and_then(RelayFrame::seq),
        Some(seq + 1),
    )?;
    ensure_eq("the roster's version", ben.view.version, version)?;
    ensure(ben.view.is_here(ben.id()), "its seat kept", "it is gone")?;
    // Seat and epoch are as before: it goes on where it was.
    ben.say().await?;
    ann.until_message_of(ben.id()).await.map(drop)
}

async fn resume_from_before(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let seq = ben.view.seq;
    for _ in 0..3 {
        ann.say().await?;
        ben.until_message_of(ann.id()).await?;
    }
    // It had read them, and says that it had not.
    let log = ben.view.log.split_off(ben.view.log.len() - 3);
    let mut wire = ben.resuming(cx, seq).await?;
    for (seq, entry) in log {
        match wire.receive().await? {
            crate::relay::wire::Came::Frame(_, text) => {
                let again: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                ensure(again == entry, format!("entry {seq} as it was"), text)?;
            }
            came => ensure(false, "the entries after `seq`", format!("{came:?}"))?,
        }
    }
    match wire.receive().await? {
        crate::relay::wire::Came::Frame(frame, text) => {
            ensure(matches!(*frame, RelayFrame::Resumed(_)), "`resumed`", text)
        }
        came => ensure(false, "`resumed`", format!("{came:?}")),
    }
}

async fn away_gets_its_wrap(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ben.wire.cut();
    let _cem = room.join(cx, "cem").await?;
    let version = ann.until_asked().await?;
    let offer = ann.offer(version)?;
    let wrap = offer
        .wraps
        .iter()
        .find(|wrap| wrap.id == ben.id())
        .map(|wrap| wrap.wrapped);
    ensure(wrap.is_some(), "ben on the roster while away", "he is not")?;
    ann.send_offer(offer).await;
    ann.until_keyed(version).await?;
    let missed = ben.resume(cx).await?;
    let own = missed.iter().find_map(|frame| match frame {
        RelayFrame::SessionKey(frame) => Some(frame.wrapped),
        _ => None,
    });
    ensure_eq(
        "one's own wrap in the key frame that was missed",
        own,
        Some(wrap),
    )
}

async fn break_is_not_leaving(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    ann.until_joined(ben.id()).await?;
    for code in [4000, 4001, 1002, 1011, 3000] {
        ben.wire.say_close_and_cut(code).await;
        ben.resume(cx).await?;
    }
    ann.expect_none("departure", |frame| {
        matches!(frame, RelayFrame::ParticipantLeft(_))
    })
    .await
}

async fn timeout(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    let (id, token, seq) = (ben.id(), ben.seat_token.clone(), ben.view.seq);
    ann.until_joined(id).await?;
    ben.wire.cut();
    let begun = Instant::now();
    let patience = Duration::from_secs(30) + SOON;
    ensure_eq(
        "the reason",
        ann.until_left(patience, id).await?,
        Departure::Timeout,
    )?;
    let waited = begun.elapsed();
    ensure(
        waited >= Duration::from_millis(29_500) && waited <= Duration::from_secs(30) + 2 * LATE,
        "to be away for 30 s",
        format!("{:.1} s", waited.as_secs_f64()),
    )?;
    let mut wire = Wire::open(cx, "ben", &room.0.name).await?;
    let frame = json!({"type": "resume", "seat_token": token, "seq": seq});
    wire.send(&frame.to_string()).await;
    wire.expect_refusal(Code::Gap).await?;
    // With the same token it joins afresh.
    room.knock("ben again")?
        .with_seat(&token)
        .enter(cx)
        .await
        .map(drop)
}

async fn older_connection_is_displaced(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    ann.until_joined(ben.id()).await?;
    let new = ben.resuming(cx, ben.view.seq).await?;
    let mut old = std::mem::replace(&mut ben.wire, new);
    old.expect_refusal(Code::Displaced).await?;
    ben.until_resumed().await?;
    // The seat is nobody's loss.
    ann.expect_none("departure", |frame| {
        matches!(frame, RelayFrame::ParticipantLeft(_))
    })
    .await?;
    ben.settle().await.map(drop)
}

async fn replaced_token_is_displaced(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let ben = room.join(cx, "ben").await?;
    let mut again = room
        .knock("ben again")?
        .with_seat(&ben.seat_token)
        .enter(cx)
        .await?;
    ben.resume_refused(cx, ben.view.seq, Code::Displaced)
        .await?;
    // Whoever sits there stays.
    again.settle().await?;
    ann.settle().await?;
    ensure(
        ann.view.is_here(again.id()),
        "the new one on the roster",
        "it is gone",
    )
}

async fn gap_of_what_was_never_sent(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [ann, ben] = room.with_people(cx, ["ann", "ben"]).await?;
    // Beyond the log, and before its own join.
    ann.resume_refused(cx, ann.view.seq + 1_000, Code::Gap)
        .await?;
    ben.resume_refused(cx, ben.joined.seq - 1, Code::Gap)
        .await?;
    room.knock("ann again")?
        .with_seat(&ann.seat_token)
        .enter(cx)
        .await
        .map(drop)
}

async fn gap_of_one_who_left(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    let (id, token, seq) = (ben.id(), ben.seat_token.clone(), ben.view.seq);
    ben.wire.close(1000).await;
    ann.until_left(SOON, id).await?;
    let frame = json!({"type": "resume", "seat_token": token, "seq": seq}).to_string();
    let mut wire = Wire::open(cx, "ben", &room.0.name).await?;
    wire.send(&frame).await;
    wire.expect_refusal(Code::Gap).await?;
    // Also once a new ticket has voided its token.
    ann.send(&json!({"type": "renew", "ticket_hash": base64(&random::<32>())}))
        .await;
    ann.settle().await?;
    let mut wire = Wire::open(cx, "ben", &room.0.name).await?;
    wire.send(&frame).await;
    wire.expect_refusal(Code::Gap).await.map(drop)
}

async fn gap_of_what_is_gone(cx: &Cx) -> Outcome {
    let kept: usize = cx.target.limits.asked("KEPT_BYTES")?;
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ben.wire.cut();
    let epoch = ann.epoch()?;
    let mut sent = 0;
    for n in 0.. {
        ann.send_envelope(&envelope_in(epoch, n, 45_000)).await;
        ann.until_message_of(ann.id()).await?;
        sent += 45_000;
        if sent > kept + 45_000 {
            break;
        }
    }
    ben.resume_refused(cx, ben.view.seq, Code::Gap).await?;
    // With its seat token it joins afresh.
    room.knock("ben again")?
        .with_seat(&ben.seat_token)
        .enter(cx)
        .await
        .map(drop)
}

async fn unknown_token(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = room.join_as_creator(cx, "ann").await?;
    let frame = json!({"type": "resume", "seat_token": base64(&random::<32>()), "seq": 1});
    let mut wire = Wire::open(cx, "mallory", &room.0.name).await?;
    wire.send(&frame.to_string()).await;
    wire.expect_refusal(Code::RoomNotFound).await?;
    let frame = json!({"type": "resume", "seat_token": ann.seat_token, "seq": 1});
    let mut wire = Wire::open(cx, "ann", &base64(&random::<16>())).await?;
    wire.send(&frame.to_string()).await;
    wire.expect_refusal(Code::RoomNotFound).await.map(drop)
}

async fn asked_again(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    ann.until_asked().await?;
    ann.resume(cx).await?;
    // After `resumed`, which `resume` has read to, it is asked again; and what it makes then counts.
    ann.make_key().await?;
    ben.until_keyed(ann.view.version).await.map(drop)
}

async fn away_for_long(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ben.wire.cut();
    let begun = Instant::now();
    ann.say().await?;
    while begun.elapsed() < Duration::from_secs(26) {
        ann.listen_for(Duration::from_secs(1)).await?;
    }
    ann.say().await?;
    let missed = ben.resume(cx).await?;
    ensure_eq("entries that were missed", missed.len(), 2)?;
    ben.say().await.map(drop)
}
