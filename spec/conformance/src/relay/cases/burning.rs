//! The burn (section 12.3).

use burnchat_core::error::Code;
use burnchat_core::wire::{BurnReason, RelayFrame};
use serde_json::json;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::person::envelope_in;
use crate::relay::room::HISTORY;
use crate::relay::stage::Cx;
use crate::relay::wire::{Came, Wire};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "burn/12.3/everyone-is-told-first",
            ["12.3/order", "13.1/close-codes"],
            everyone_is_told_first
        ),
        crate::case!(
            "burn/12.3/by-request",
            ["13.4/delete", "12.3/order"],
            by_request
        ),
        crate::case!("burn/12.3/no-trace", ["12.3/no-trace"], no_trace),
        crate::case!(
            "burn/12.3/the-id-is-free-again",
            ["12.3/no-trace"],
            the_id_is_free_again
        ),
        crate::case!(
            "burn/12.3/stranger-is-told-nothing",
            ["12.3/not-joined"],
            stranger_is_told_nothing
        ),
        crate::case!(
            "burn/12.3/nothing-after-it",
            ["12.3/order"],
            nothing_after_it
        ),
    ]
}

async fn everyone_is_told_first(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut others = Vec::new();
    for who in ["ben", "cem", "dan"] {
        others.push(room.join(cx, who).await?);
    }
    // One is away: it can't be told, and must not keep anything alive.
    others[2].wire.cut();
    ann.send(&json!({"type": "burn"})).await;
    for person in &mut others[..2] {
        person.expect_burn(BurnReason::Burned).await?;
    }
    ann.expect_burn(BurnReason::Burned).await?;
    others[2]
        .resume_refused(cx, others[2].view.seq, Code::RoomNotFound)
        .await
}

async fn by_request(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    room.burn(cx).await?;
    ann.expect_burn(BurnReason::Burned).await
}

async fn no_trace(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ann.send(&json!({"type": "kick", "id": ben.id().to_base64()}))
        .await;
    ann.settle().await?;
    room.burn(cx).await?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("room_not_found")?;
    room.knock("cem")?.refused(cx, Code::RoomNotFound).await?;
    room.creator_knock("ann")?
        .refused(cx, Code::RoomNotFound)
        .await?;
    room.knock("ann")?
        .with_seat(&ann.seat_token)
        .refused(cx, Code::RoomNotFound)
        .await?;
    // Also for the one that was kicked, whose token would have said so.
    room.knock("ben")?
        .with_seat(&ben.seat_token)
        .refused(cx, Code::RoomNotFound)
        .await?;
    for person in [&ann, &ben] {
        person
            .resume_refused(cx, person.view.seq, Code::RoomNotFound)
            .await?;
    }
    let pin = room.0.pin.clone();
    room.knock("ann")?
        .with("pin", pin)
        .refused(cx, Code::RoomNotFound)
        .await
        .map(drop)
}

async fn the_id_is_free_again(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = room.join_as_creator(cx, "ann").await?;
    room.burn(cx).await?;
    let mut plan = cx.plan(crate::relay::room::PLAIN)?;
    plan.request = room.0.request.clone();
    let again = plan.ask(cx).await?.expect(201)?.json()?;
    ensure_eq(
        "the room id",
        again["room_id"].clone(),
        room.0.answer["room_id"].clone(),
    )?;
    // A new room, that knows nothing of the old one.
    let first = room.join(cx, "ben").await?;
    ensure_eq("`seq` of the first join", first.joined.seq, 1)?;
    room.knock("ann")?
        .with_seat(&ann.seat_token)
        .refused(cx, Code::RoomNotFound)
        .await?;
    let token = again["creator_token"].as_str().unwrap_or_default();
    let asked = cx
        .ask("DELETE", room.path())
        .header("Burnchat-Creator", token);
    asked.send().await?.expect(204).map(drop)
}

async fn stranger_is_told_nothing(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut stranger = Wire::open(cx, "stranger", &room.0.name).await?;
    ann.send(&json!({"type": "burn"})).await;
    ann.expect_burn(BurnReason::Burned).await?;
    // Its connection is as before: it is told what all are told who ask for a room that never was.
    stranger
        .send(&room.knock("stranger")?.frame.to_string())
        .await;
    stranger.expect_refusal(Code::RoomNotFound).await.map(drop)
}

async fn nothing_after_it(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let epoch = ben.epoch()?;
    ann.send(&json!({"type": "burn"})).await;
    for n in 0..20 {
        ben.send_envelope(&envelope_in(epoch, n, 80)).await;
    }
    // What came before the burn is in the log; after `destroyed` comes the close, and then nothing.
    ben.expect_burn(BurnReason::Burned).await?;
    match ben.wire.receive().await? {
        Came::End => {}
        came => ensure(false, "nothing after the close", format!("{came:?}"))?,
    }
    let destroyed = |frame: &RelayFrame| matches!(frame, RelayFrame::Destroyed(_));
    let told = ann
        .until("`destroyed`", |frame| destroyed(frame).then_some(()))
        .await;
    told?;
    ann.wire.expect_close(1000).await
}
