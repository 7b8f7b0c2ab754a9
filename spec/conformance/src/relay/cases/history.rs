//! What is kept for newcomers (section 9.1).

use burnchat_core::ids::EpochId;
use burnchat_core::wire::{Back, Bytes, RelayFrame};
use serde_json::json;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::person::{Person, envelope_in};
use crate::relay::room::HISTORY;
use crate::relay::stage::{Cx, SOON, random};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!("history/9.1/first-to-come", ["9.1/sent"], first_to_come),
        crate::case!(
            "history/9.1/whole",
            ["9.1/kept", "9.1/sent", "9.1/no-wraps"],
            whole
        ),
        crate::case!(
            "history/9.1/no-control-entries",
            ["9.1/no-control"],
            no_control_entries
        ),
        crate::case!(
            "history/9.1/none-without-the-flag",
            ["9.1/kept", "13.3/frames"],
            none_without_the_flag
        ),
        crate::case!(
            "history/9.1/oldest-dropped",
            ["9.1/limit", "16/history"],
            oldest_dropped
        ),
        crate::case!(
            "history/9.1/rosters-dropped",
            ["9.1/rosters-dropped", "16/history-changes"],
            rosters_dropped
        ),
        crate::case!(
            "history/9.1/after-a-take-over",
            ["9.1/sent"],
            after_a_take_over
        ),
        crate::case!("history/9.2/back", ["9.2/back", "7.3/received"], back),
    ]
}

async fn first_to_come(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let ann = room.join_as_creator(cx, "ann").await?;
    ensure_eq("`history` in `joined`", ann.joined.history, true)?;
    ensure_eq("entries before the first", ann.history.len(), 0)?;
    ensure_eq("`complete`", ann.complete, Some(true))
}

async fn whole(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    ann.say().await?;
    let mut ben = room.join(cx, "ben").await?;
    ann.make_key().await?;
    ann.say().await?;
    ben.until_message_of(ann.id()).await?;
    ben.say().await?;
    ben.wire.close(1000).await;
    ann.until_left(SOON, ben.id()).await?;
    ann.make_key().await?;
    let cem = room.join(cx, "cem").await?;
    ensure_eq("`complete`", cem.complete, Some(true))?;
    let seqs: Vec<_> = cem.history.iter().filter_map(RelayFrame::seq).collect();
    // 1 is ann's join; 2 to 9 are what she has seen since.
    ensure_eq("the numbers of the entries", seqs, (1..=9).collect())?;
    ensure_eq("`seq` of `joined`", cem.joined.seq, 10)?;
    let joined = matches!(cem.history.first(), Some(RelayFrame::ParticipantJoined(_)));
    ensure(
        joined,
        "the first join first",
        format!("{:?}", cem.history.first()),
    )?;
    for (kept, (seq, seen)) in cem.history.iter().skip(1).zip(&ann.view.log) {
        if let RelayFrame::SessionKey(frame) = kept {
            ensure_eq(
                "`wrapped` of a key frame of the history",
                frame.wrapped,
                None,
            )?;
        }
        let mut kept = as_value(kept);
        crate::relay::room::set(&mut kept, "wrapped", serde_json::Value::Null);
        ensure(
            kept == *seen,
            format!("entry {seq} as it was sent before"),
            &kept,
        )?;
    }
    Ok(())
}

async fn no_control_entries(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    ann.send(&json!({"type": "lock", "locked": true})).await;
    ann.send(&json!({"type": "lock", "locked": false})).await;
    ann.send(&json!({"type": "extend", "seconds": 60, "after": 0}))
        .await;
    ann.say().await?;
    let ben = room.join(cx, "ben").await?;
    let types: Vec<_> = ben.history.iter().map(type_of).collect();
    ensure_eq(
        "the history",
        types,
        vec!["participant_joined", "session_key", "message"],
    )?;
    // What holds is in `joined`.
    ensure_eq("`locked`", ben.joined.locked, false)?;
    ensure(ben.joined.last_extended > 0, "`last_extended`", 0)
}

async fn none_without_the_flag(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, _ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ann.say().await?;
    let mut cem = room.join(cx, "cem").await?;
    ensure_eq("`history`", cem.joined.history, false)?;
    cem.expect_none("history in a room without", |frame| {
        matches!(
            frame,
            RelayFrame::HistoryEnd(_) | RelayFrame::Message(_) | RelayFrame::SessionKey(_)
        )
    })
    .await
}

async fn oldest_dropped(cx: &Cx) -> Outcome {
    let most: u64 = cx.target.limits.asked("HISTORY_BYTES")?;
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    let epoch = ann.epoch()?;
    let envelopes = most / 45_000 + 3;
    for n in 0..envelopes {
        ann.send_envelope(&envelope_in(epoch, n, 45_000)).await;
        ann.until_message_of(ann.id()).await?;
    }
    let ben = room.join(cx, "ben").await?;
    ensure_eq("`complete`", ben.complete, Some(false))?;
    let kept: Vec<u64> = ben
        .history
        .iter()
        .filter_map(|frame| match frame {
            RelayFrame::Message(message) => Some(message.n),
            _ => None,
        })
        .collect();
    ensure(
        !kept.is_empty() && kept.last() == Some(&(envelopes - 1)) && kept.first() != Some(&0),
        "the newest envelopes, and not the oldest",
        format!("n {kept:?} of {envelopes}"),
    )?;
    ensure(
        kept.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "only the oldest dropped",
        format!("n {kept:?}"),
    )?;
    // Rosters and key frames are all there.
    let others = ben
        .history
        .iter()
        .filter(|frame| !matches!(frame, RelayFrame::Message(_)));
    ensure_eq(
        "the rest of the history",
        others.map(type_of).collect(),
        vec!["participant_joined", "session_key"],
    )
}

async fn rosters_dropped(cx: &Cx) -> Outcome {
    let most: u64 = cx.target.limits.asked("HISTORY_CHANGES")?;
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    ann.say().await?;
    for _ in 0..=most / 2 {
        room.join(cx, "other").await?.wire.close(1000).await;
    }
    let ben = room.join(cx, "ben").await?;
    ensure_eq("`complete`", ben.complete, Some(false))?;
    ensure_eq(
        "entries of a history whose rosters are not whole",
        ben.history.len(),
        0,
    )
}

async fn after_a_take_over(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    ann.say().await?;
    let again = room
        .knock("ann again")?
        .with_seat(&ann.seat_token)
        .enter(cx)
        .await?;
    // Whose seat it took over is on the last roster of the history, and not in `joined`: its own entry is not sent.
    ensure_eq("`complete`", again.complete, Some(true))?;
    ensure_eq(
        "the history",
        again.history.iter().map(type_of).collect(),
        vec!["participant_joined", "session_key", "message"],
    )
}

async fn back(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    let older = ann.epoch()?;
    let mut ben = room.join(cx, "ben").await?;
    let version = ann.until_asked().await?;
    let mut offer = ann.offer(version)?;
    offer.back = Some(Back {
        epoch: older,
        wrapped: Bytes(random()),
    });
    let sent = offer.back.clone();
    ann.send_offer(offer).await;
    ensure_eq(
        "`back` for those who are there",
        ben.until_keyed(version).await?.back,
        sent.clone(),
    )?;
    let cem = room.join(cx, "cem").await?;
    ensure_eq(
        "`back` in the history",
        last_key(&cem).and_then(|(_, back)| back),
        sent,
    )
}

fn last_key(person: &Person) -> Option<(EpochId, Option<Back>)> {
    let mut keys = person.history.iter().rev().filter_map(|frame| match frame {
        RelayFrame::SessionKey(frame) => Some((frame.prev, frame.back.clone())),
        _ => None,
    });
    keys.next()
}

fn as_value(frame: &RelayFrame) -> serde_json::Value {
    serde_json::from_slice(frame.encode().as_bytes()).unwrap_or_default()
}

fn type_of(frame: &RelayFrame) -> &'static str {
    match frame {
        RelayFrame::ParticipantJoined(_) => "participant_joined",
        RelayFrame::ParticipantLeft(_) => "participant_left",
        RelayFrame::SessionKey(_) => "session_key",
        RelayFrame::Message(_) => "message",
        _ => "another",
    }
}
