//! The room log (sections 6.1, 6.2 and 6.4).

use burnchat_core::error::Code;
use burnchat_core::wire::{Departure, RelayFrame};
use futures_util::future::join_all;
use serde_json::json;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::room::key;
use crate::relay::stage::{Cx, SOON, base64, random};
use crate::relay::view::id_of;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "log/6.1/same-for-everyone",
            [
                "6.1/numbered",
                "6.1/everyone",
                "6.2/versions",
                "13.3/frames"
            ],
            same_for_everyone
        ),
        crate::case!(
            "log/6.1/fan-out-in-one-order",
            ["6.1/everyone"],
            fan_out_in_one_order
        ),
        crate::case!(
            "log/6.1/own-departure",
            ["6.1/own-departure"],
            own_departure
        ),
        crate::case!(
            "log/6.2/snapshot",
            ["6.2/joined", "6.2/own-entry-not-sent"],
            snapshot
        ),
        crate::case!("log/6.2/numbers-go-on", ["6.2/number"], numbers_go_on),
        crate::case!(
            "log/6.3/leaves-at-once",
            ["6.3/leaves", "13.1/close-codes"],
            leaves_at_once
        ),
        crate::case!("log/6.3/leave-together", ["6.3/leaves"], leave_together),
        crate::case!(
            "log/6.4/empty-room",
            ["6.4/empty", "6.4/goes-on"],
            empty_room
        ),
        crate::case!(
            "log/6.4/history-is-dropped",
            ["6.4/empty"],
            history_is_dropped
        ),
    ]
}

async fn same_for_everyone(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let from = cem.view.seq;
    ben.say().await?;
    cem.say().await?;
    ann.send(&json!({"type": "lock", "locked": true})).await;
    ann.send(&json!({"type": "lock", "locked": false})).await;
    ann.send(&json!({"type": "extend", "seconds": 60, "after": 0}))
        .await;
    ann.send(&json!({"type": "renew", "ticket_hash": base64(&random::<32>())}))
        .await;
    let dan = room.join_as_creator(cx, "ann again").await;
    dan?.wire.close(1000).await;
    ben.until("`participant_left`", |frame| {
        matches!(frame, RelayFrame::ParticipantLeft(_)).then_some(())
    })
    .await?;
    key(&mut [&mut ben, &mut cem]).await?;
    ben.settle().await?;
    cem.settle().await?;
    let since = |log: &[(u64, serde_json::Value)]| -> Vec<_> {
        log.iter().filter(|(seq, _)| *seq > from).cloned().collect()
    };
    let (theirs, ours) = (since(&ben.view.log), since(&cem.view.log));
    ensure(
        theirs == ours,
        "the same entries for everybody",
        format!("{theirs:?} and {ours:?}"),
    )?;
    let kinds: Vec<_> = ours
        .iter()
        .filter_map(|(_, entry)| entry["type"].as_str())
        .collect();
    ensure_eq(
        "the entries",
        kinds,
        vec![
            "message",
            "message",
            "locked",
            "locked",
            "extended",
            "renewed",
            "participant_joined",
            "participant_left",
            "session_key",
        ],
    )
}

async fn fan_out_in_one_order(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let from = cem.view.seq;
    // All at once: nobody reads before all has been sent.
    for _ in 0..20 {
        ann.speak().await?;
        ben.speak().await?;
        cem.speak().await?;
    }
    let mut logs = Vec::new();
    for person in [&mut ann, &mut ben, &mut cem] {
        while person.view.seq < from + 60 {
            person.next().await?;
        }
        let log = person
            .view
            .log
            .iter()
            .filter(|(seq, _)| *seq > from)
            .cloned();
        logs.push(log.collect::<Vec<_>>());
    }
    ensure(
        logs.iter().all(|log| *log == logs[0]),
        "one order for everybody",
        "different ones",
    )
}

async fn own_departure(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ann.send(&json!({"type": "kick", "id": ben.id().to_base64()}))
        .await;
    // That no entry of it came before is looked at in every view.
    ben.expect_closed(Code::Kicked).await
}

async fn snapshot(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let seen = (ben.view.seq, ben.view.version, ben.view.head);
    let mut cem = room.join(cx, "cem").await?;
    let told = (cem.joined.seq - 1, cem.joined.version - 1, cem.joined.head);
    ensure_eq(
        "`seq`, `version` and `head` just after one's own entry",
        told,
        seen,
    )?;
    let roster: Vec<_> = cem.joined.participants.iter().map(id_of).collect();
    ensure_eq("the roster", roster, vec![ann.id(), ben.id(), cem.id()])?;
    let own = cem.id();
    // The entry that others get, and the joiner does not: `seq` would repeat.
    let entry = ben.until_joined(own).await?;
    ensure_eq("`seq` of the entry", entry.seq, cem.joined.seq)?;
    let in_joined = cem.joined.participants.last().cloned();
    ensure(
        Some(entry.participant) == in_joined,
        "the same entry in both",
        "different ones",
    )?;
    cem.expect_none("entry of its own join", |frame| {
        matches!(frame, RelayFrame::ParticipantJoined(_))
    })
    .await
}

async fn numbers_go_on(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = room.join_as_creator(cx, "ann").await?;
    room.join(cx, "ben").await?.wire.close(1000).await;
    let cem = room.join(cx, "cem").await?;
    let number = cem.joined.participants.last().map(|own| own.number);
    ensure_eq("the number of the third join", number, Some(3))?;
    drop(ann);
    Ok(())
}

async fn leaves_at_once(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    for code in [1000, 1001] {
        let mut ben = room.join(cx, "ben").await?;
        let id = ben.id();
        ben.wire.close(code).await;
        ensure_eq(
            "the reason",
            ann.until_left(SOON, id).await?,
            Departure::Left,
        )?;
    }
    Ok(())
}

/// What the relay has to say of one of them comes to others who have gone, too, and is no reason to take those for broken.
async fn leave_together(cx: &Cx) -> Outcome {
    const TOGETHER: usize = 24;
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut others = Vec::new();
    for _ in 0..TOGETHER {
        others.push(room.join(cx, "ben").await?);
    }
    join_all(others.iter_mut().map(|ben| ben.wire.say_close(1000))).await;
    let mut reasons = Vec::new();
    ann.until("a `participant_left` for each", |frame| {
        if let RelayFrame::ParticipantLeft(left) = frame {
            reasons.push(left.reason);
        }
        (reasons.len() == TOGETHER).then_some(())
    })
    .await?;
    ensure_eq("the reasons", reasons, vec![Departure::Left; TOGETHER])
}

async fn empty_room(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let (version, head, id) = (ben.view.version, ben.view.head, ben.id());
    ensure(head.0 != [0; 32], "a head after a key", "32 zero bytes")?;
    let (entry, token) = (
        ben.joined.participants.last().cloned(),
        ben.seat_token.clone(),
    );
    let seq = ben.view.seq;
    ann.wire.close(1000).await;
    ben.wire.close(1000).await;
    room.until_there_are(cx, 0).await?;
    let cem = room.join(cx, "cem").await?;
    ensure_eq(
        "`head` after the room was empty",
        cem.joined.head.0,
        [0; 32],
    )?;
    ensure_eq("`version`", cem.joined.version, version + 3)?;
    ensure_eq("`seq`", cem.joined.seq, seq + 3)?;
    ensure_eq("people on the roster", cem.joined.participants.len(), 1)?;
    // An id that has left stays out, and its token still leads to a seat.
    let again = entry
        .map(serde_json::to_value)
        .and_then(Result::ok)
        .unwrap_or_default();
    let mut knock = room.knock("ben")?.with_seat(&token);
    for member in ["kem_pub", "sig_pub"] {
        knock = knock.with(member, again[member].clone());
    }
    knock.refused(cx, Code::IdTaken).await?;
    let ben = room.knock("ben again")?.with_seat(&token).enter(cx).await?;
    ensure(ben.id() != id, "a new id", "the old one")
}

async fn history_is_dropped(cx: &Cx) -> Outcome {
    let room = cx.room_with(crate::relay::room::HISTORY).await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ann.say().await?;
    ann.wire.close(1000).await;
    ben.wire.close(1000).await;
    room.until_there_are(cx, 0).await?;
    let cem = room.join(cx, "cem").await?;
    ensure(
        !cem.history
            .iter()
            .any(|frame| matches!(frame, RelayFrame::Message(_) | RelayFrame::SessionKey(_))),
        "no envelope and no key frame of before the room was empty",
        format!("{} entries", cem.history.len()),
    )
}
