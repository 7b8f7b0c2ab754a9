//! Seat tokens and the creator token (sections 11.3 and 14.2).

use burnchat_core::error::Code;
use burnchat_core::wire::{Departure, RelayFrame, Role};
use serde_json::json;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::stage::{Cx, SOON, base64, random};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "tokens/11.3/take-over",
            ["11.3/takes-over", "6.2/replaces", "11.3/displaced"],
            take_over
        ),
        crate::case!(
            "tokens/11.3/keeps-the-role",
            ["11.3/keeps-role"],
            keeps_the_role
        ),
        crate::case!(
            "tokens/11.3/seat-that-left",
            ["11.3/takes-over"],
            seat_that_left
        ),
        crate::case!(
            "tokens/11.3/first-token-still-leads-there",
            ["11.3/lasts"],
            first_token_still_leads_there
        ),
        crate::case!(
            "tokens/11.3/kick-voids",
            ["11.3/kick-voids", "11.2/kicked-token"],
            kick_voids
        ),
        crate::case!(
            "tokens/11.3/new-ticket-voids-seats-that-left",
            ["11.3/ticket-voids", "11.2/voided-token"],
            new_ticket_voids
        ),
        crate::case!(
            "tokens/11.3/creator-token-takes-its-seat-over",
            ["11.3/creator-token"],
            creator_token_takes_over
        ),
        crate::case!(
            "tokens/11.3/kicked-creator-token",
            ["11.3/creator-token-kick"],
            kicked_creator_token
        ),
        crate::case!(
            "tokens/11.3/other-rooms-token",
            ["11.2/room-exists-and-shown"],
            other_rooms_token
        ),
    ]
}

async fn take_over(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let version = ann.view.version;
    let knock = room.knock("ben again")?.with_seat(&ben.seat_token);
    let new = knock.enter(cx).await?;
    ensure_eq(
        "one version for the replacement",
        new.joined.version,
        version + 1,
    )?;
    let entry = ann.until_joined(new.id()).await?;
    ensure_eq("`replaces`", entry.replaces, Some(ben.id()))?;
    ensure_eq("the new one's number", entry.participant.number, 3)?;
    ensure_eq("people on the roster", ann.view.roster.len(), 2)?;
    ensure(
        !ann.view.is_here(ben.id()),
        "the replaced entry to be gone",
        "it is there",
    )?;
    ben.expect_closed(Code::Displaced).await?;
    ben.resume_refused(cx, ben.view.seq, Code::Displaced).await
}

async fn keeps_the_role(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let pin = room.0.pin.clone();
    let ann = room.knock("ann")?.with("pin", pin).enter(cx).await?;
    ensure_eq("the role by the PIN", ann.joined.role, Role::Creator)?;
    let again = room
        .knock("ann again")?
        .with_seat(&ann.seat_token)
        .enter(cx)
        .await?;
    ensure_eq(
        "the role by the seat token",
        again.joined.role,
        Role::Creator,
    )?;
    let ben = room.join(cx, "ben").await?;
    let again = room
        .knock("ben again")?
        .with_seat(&ben.seat_token)
        .enter(cx)
        .await?;
    ensure_eq(
        "the role by the seat token",
        again.joined.role,
        Role::Member,
    )
}

async fn seat_that_left(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    let (id, token) = (ben.id(), ben.seat_token.clone());
    ben.wire.close(1000).await;
    ensure_eq(
        "the reason",
        ann.until_left(SOON, id).await?,
        Departure::Left,
    )?;
    let again = room.knock("ben again")?.with_seat(&token).enter(cx).await?;
    let entry = ann.until_joined(again.id()).await?;
    ensure_eq(
        "`replaces`, where nobody was left to replace",
        entry.replaces,
        None,
    )
}

async fn first_token_still_leads_there(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let first = room.join(cx, "ben").await?;
    let second = room
        .knock("ben again")?
        .with_seat(&first.seat_token)
        .enter(cx)
        .await?;
    let third = room
        .knock("ben for good")?
        .with_seat(&first.seat_token)
        .enter(cx)
        .await?;
    let entry = ann.until_joined(third.id()).await?;
    ensure_eq("`replaces`", entry.replaces, Some(second.id()))?;
    ensure_eq("people on the roster", ann.view.roster.len(), 2)
}

async fn kick_voids(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let first = room.join(cx, "ben").await?;
    let mut ben = room
        .knock("ben again")?
        .with_seat(&first.seat_token)
        .enter(cx)
        .await?;
    // By the id of one who has been replaced: whoever took the seat over is meant.
    ann.send(&json!({"type": "kick", "id": first.id().to_base64()}))
        .await;
    ensure_eq(
        "the reason",
        ann.until_left(SOON, ben.id()).await?,
        Departure::Kicked,
    )?;
    ben.expect_closed(Code::Kicked).await?;
    for token in [&first.seat_token, &ben.seat_token] {
        room.knock("ben")?
            .with_seat(token)
            .refused(cx, Code::Kicked)
            .await?;
    }
    ben.resume_refused(cx, ben.view.seq, Code::Kicked).await?;
    // The link was not renewed: by itself it still admits.
    room.join(cx, "ben as a stranger").await.map(drop)
}

async fn new_ticket_voids(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let [mut gone, here] = [room.join(cx, "ben").await?, room.join(cx, "cem").await?];
    let (id, token) = (gone.id(), gone.seat_token.clone());
    gone.wire.close(1000).await;
    ann.until_left(SOON, id).await?;
    let hash = base64(&random::<32>());
    ann.send(&json!({"type": "renew", "ticket_hash": hash}))
        .await;
    ann.settle().await?;
    room.knock("ben")?
        .with_seat(&token)
        .refused(cx, Code::LinkExpired)
        .await?;
    // Of those who are there it voids nothing.
    room.knock("cem again")?
        .with_seat(&here.seat_token)
        .enter(cx)
        .await
        .map(drop)
}

async fn creator_token_takes_over(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut first = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    let mut second = room.join_as_creator(cx, "ann again").await?;
    let entry = ben.until_joined(second.id()).await?;
    ensure_eq("`replaces`", entry.replaces, Some(first.id()))?;
    ensure_eq("the role", entry.participant.role, Role::Creator)?;
    first.expect_closed(Code::Displaced).await?;
    // Takes up again one that has left.
    let id = second.id();
    second.wire.close(1000).await;
    ben.until_left(SOON, id).await?;
    let third = room.join_as_creator(cx, "ann at last").await?;
    let entry = ben.until_joined(third.id()).await?;
    ensure_eq(
        "`replaces`, where nobody was left to replace",
        entry.replaces,
        None,
    )
}

async fn kicked_creator_token(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let pin = room.0.pin.clone();
    let mut ben = room.knock("ben")?.with("pin", pin).enter(cx).await?;
    ben.send(&json!({"type": "kick", "id": ann.id().to_base64()}))
        .await;
    ann.expect_closed(Code::Kicked).await?;
    room.creator_knock("ann")?.refused(cx, Code::Kicked).await?;
    let token = room.0.creator_token.clone();
    // Beside a ticket that is right it does no harm, and is worth nothing.
    let again = room
        .knock("ann")?
        .with("creator_token", token)
        .enter(cx)
        .await?;
    ensure_eq("the role", again.joined.role, Role::Member)?;
    ben.until("`participant_joined`", |frame| {
        matches!(frame, RelayFrame::ParticipantJoined(_)).then_some(())
    })
    .await
}

async fn other_rooms_token(cx: &Cx) -> Outcome {
    let [room, other] = [cx.room().await?, cx.room().await?];
    let ben = room.join(cx, "ben").await?;
    other
        .knock("ben")?
        .with_seat(&ben.seat_token)
        .refused(cx, Code::RoomNotFound)
        .await?;
    let token = room.0.creator_token.clone();
    let knock = other.creator_knock("ann")?.with("creator_token", token);
    knock.refused(cx, Code::RoomNotFound).await.map(drop)
}
