//! Who is let in (sections 5.2, 11.2 and 16).

use burnchat_core::client::RoomSettings;
use burnchat_core::error::Code;
use burnchat_core::wire::Role;
use serde_json::{Value, json};

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::room::PLAIN;
use crate::relay::stage::{Cx, base64, random};
use crate::relay::view::id_of;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "admission/11.2/joined",
            ["11.2/answer", "6.2/joined", "6.2/number", "13.3/joined"],
            joined
        ),
        crate::case!(
            "admission/11.2/nothing-shown",
            ["11.2/room-exists-and-shown", "4/no-right-ticket"],
            nothing_shown
        ),
        crate::case!(
            "admission/11.2/wrong-beside-right",
            ["11.2/what-counts"],
            wrong_beside_right
        ),
        crate::case!(
            "admission/11.2/creator-token-first",
            ["11.2/what-counts"],
            creator_token_first
        ),
        crate::case!(
            "admission/11.2/pin-before-keys",
            ["11.2/order"],
            pin_before_keys
        ),
        crate::case!(
            "admission/11.2/keys-before-lock",
            ["11.2/order", "11.2/bad-key"],
            keys_before_lock
        ),
        crate::case!(
            "admission/11.2/lock-before-seats",
            ["11.2/order", "11.2/locked"],
            lock_before_seats
        ),
        crate::case!(
            "admission/11.2/bad-key",
            ["11.2/bad-key", "3/relay-checks-points"],
            bad_key
        ),
        crate::case!(
            "admission/5.2/id-taken",
            ["5.2/id-taken", "11.2/id-taken"],
            id_taken
        ),
        crate::case!("admission/5.2/id-that-left", ["5.2/id-taken"], id_that_left),
        crate::case!("admission/11.2/locked", ["11.2/locked"], locked),
        crate::case!(
            "admission/11.2/room-full",
            ["11.2/seat", "11.2/creators-seat"],
            room_full
        ),
        crate::case!(
            "admission/11.2/away-seats-count",
            ["11.2/away-counts"],
            away_seats_count
        ),
        crate::case!(
            "admission/11.2/joins-exhausted",
            ["11.2/joins", "16/joins"],
            joins_exhausted
        ),
    ]
}

async fn joined(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        capacity: 9,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let ann = room.join_as_creator(cx, "ann").await?;
    let ben = room.join(cx, "ben").await?;
    for (person, role, place) in [(&ann, Role::Creator, 1), (&ben, Role::Member, 2)] {
        let joined = &person.joined;
        ensure_eq("`role`", joined.role, role)?;
        ensure_eq("`seq`", joined.seq, place)?;
        ensure_eq("`version`", joined.version, place)?;
        ensure_eq(
            "one's join number",
            joined.participants.last().map(|own| own.number),
            Some(place),
        )?;
        ensure_eq("`head` before any key", joined.head.0, [0; 32])?;
        ensure_eq("`capacity`", joined.capacity, 9)?;
        ensure_eq("`locked`", joined.locked, false)?;
        ensure_eq("`history`", joined.history, false)?;
        ensure_eq("`last_extended`", joined.last_extended, 0)?;
        ensure_eq(
            "`ticket_hash`",
            joined.ticket_hash,
            room.0.link.ticket().hash(),
        )?;
        ensure(
            (590..=600).contains(&joined.seconds_remaining),
            "590 to 600 seconds left",
            joined.seconds_remaining,
        )?;
    }
    let ids: Vec<_> = ben.joined.participants.iter().map(id_of).collect();
    ensure_eq("the roster in join order", ids, vec![ann.id(), ben.id()])?;
    ensure(
        ann.seat_token != ben.seat_token,
        "a seat token for each",
        "one for both",
    )
}

async fn nothing_shown(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    room.knock("ben")?
        .with("ticket", Value::Null)
        .refused(cx, Code::RoomNotFound)
        .await?;
    // A PIN alone entitles to nothing, not even to be told that it is right.
    let pin = room.0.pin.clone();
    let knock = room
        .knock("ben")?
        .with("ticket", Value::Null)
        .with("pin", pin);
    knock.refused(cx, Code::RoomNotFound).await?;
    let token = base64(&random::<32>());
    let knock = room.knock("ben")?.with_seat(&token);
    knock.refused(cx, Code::RoomNotFound).await?;
    let knock = room
        .knock("ben")?
        .with("ticket", Value::Null)
        .with("creator_token", token);
    knock.refused(cx, Code::RoomNotFound).await.map(drop)
}

async fn wrong_beside_right(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let wrong = base64(&random::<32>());
    let knock = room
        .knock("ann")?
        .with("seat_token", wrong.clone())
        .with("creator_token", wrong);
    let ann = knock.enter(cx).await?;
    ensure_eq("the role by the ticket", ann.joined.role, Role::Member)?;
    let knock = room
        .creator_knock("ben")?
        .with("ticket", base64(&random::<16>()));
    let ben = knock.enter(cx).await?;
    ensure_eq(
        "the role by the creator token",
        ben.joined.role,
        Role::Creator,
    )
}

async fn creator_token_first(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ben = room.join(cx, "ben").await?;
    // Right: ben's seat, and the creator token. The latter counts: it is another seat.
    let token = room.0.creator_token.clone();
    let knock = room
        .knock("ann")?
        .with_seat(&ben.seat_token)
        .with("creator_token", token);
    let ann = knock.enter(cx).await?;
    ensure_eq("the role", ann.joined.role, Role::Creator)?;
    ensure_eq("people on the roster", ann.joined.participants.len(), 2)?;
    // The seat token counts before the ticket: no seat is added.
    let knock = room
        .knock("ben again")?
        .with("seat_token", ben.seat_token.clone());
    let again = knock.enter(cx).await?;
    ensure_eq("people on the roster", again.joined.participants.len(), 2)
}

async fn pin_before_keys(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let knock = room
        .knock("ben")?
        .with("pin", "AAAAAA")
        .with("kem_pub", not_a_point());
    knock.refused(cx, Code::WrongPin).await?;
    // And the ticket before the PIN.
    let knock = room
        .knock("ben")?
        .with("pin", "AAAAAA")
        .with("ticket", base64(&random::<16>()));
    knock.refused(cx, Code::RoomNotFound).await.map(drop)
}

async fn keys_before_lock(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.send(&json!({"type": "lock", "locked": true})).await;
    ann.settle().await?;
    let knock = room.knock("ben")?.with("sig_pub", not_a_point());
    knock.refused(cx, Code::BadKey).await?;
    let twin = room.knock("ben")?;
    let (kem, sig) = (ann_key(&ann, "kem_pub"), ann_key(&ann, "sig_pub"));
    let knock = twin.with("kem_pub", kem).with("sig_pub", sig);
    knock.refused(cx, Code::IdTaken).await.map(drop)
}

async fn lock_before_seats(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        capacity: 2,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let _ben = room.join(cx, "ben").await?;
    room.knock("cem")?.refused(cx, Code::RoomFull).await?;
    ann.send(&json!({"type": "lock", "locked": true})).await;
    ann.settle().await?;
    room.knock("cem")?
        .refused(cx, Code::RoomLocked)
        .await
        .map(drop)
}

async fn bad_key(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for member in ["kem_pub", "sig_pub"] {
        let knock = room.knock("ben")?.with(member, not_a_point());
        knock.refused(cx, Code::BadKey).await?;
        // A first byte of a compressed or of a hybrid point before 64 others.
        for first in [2, 3, 6, 0] {
            let knock = room.knock("ben")?;
            let mut bytes = [0; 65];
            let text = knock.frame[member].as_str().unwrap_or_default().as_bytes();
            let _ = data_encoding::BASE64URL_NOPAD.decode_mut(text, &mut bytes);
            bytes[0] = first;
            knock
                .with(member, base64(&bytes))
                .refused(cx, Code::BadKey)
                .await?;
        }
    }
    // Nobody has joined by any of it.
    let ann = room.join_as_creator(cx, "ann").await?;
    ensure_eq("`seq` of the first join", ann.joined.seq, 1)
}

async fn id_taken(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let knock = room.knock("ann")?;
    let again = knock.frame.clone();
    let _ann = knock.enter(cx).await?;
    let mut twin = room.knock("twin")?;
    twin.frame = again;
    twin.refused(cx, Code::IdTaken).await.map(drop)
}

async fn id_that_left(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let _ann = room.join_as_creator(cx, "ann").await?;
    let knock = room.knock("ben")?;
    let again = knock.frame.clone();
    let mut ben = knock.enter(cx).await?;
    let (id, token) = (ben.id(), ben.seat_token.clone());
    ben.wire.close(1000).await;
    room.until_there_are(cx, 1).await?;
    let mut ann = room.join(cx, "cem").await?;
    ensure(
        !ann.view.is_here(id),
        "ben to have left",
        "ben on the roster",
    )?;
    let mut twin = room.knock("twin")?;
    twin.frame = again.clone();
    twin.refused(cx, Code::IdTaken).await?;
    // Not with its old seat token either.
    let mut twin = room.knock("twin")?;
    twin.frame = again;
    twin.with_seat(&token).refused(cx, Code::IdTaken).await?;
    ann.expect_none("join", |frame| frame.seq().is_some()).await
}

async fn locked(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, ben] = room.with_people(cx, ["ann", "ben"]).await?;
    ann.send(&json!({"type": "lock", "locked": true})).await;
    ann.settle().await?;
    room.knock("cem")?.refused(cx, Code::RoomLocked).await?;
    // Creators and seat tokens pass.
    let pin = room.0.pin.clone();
    let dan = room.knock("dan")?.with("pin", pin).enter(cx).await?;
    ensure_eq("the role by the PIN", dan.joined.role, Role::Creator)?;
    ensure_eq("`locked` in `joined`", dan.joined.locked, true)?;
    room.knock("ben again")?
        .with_seat(&ben.seat_token)
        .enter(cx)
        .await?;
    ann.send(&json!({"type": "lock", "locked": false})).await;
    ann.settle().await?;
    room.join(cx, "eve").await.map(drop)
}

async fn room_full(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        capacity: 3,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let _ann = room.join(cx, "ann").await?;
    let ben = room.join(cx, "ben").await?;
    // The third seat is kept for a creator.
    room.knock("cem")?.refused(cx, Code::RoomFull).await?;
    let _dan = room.join_as_creator(cx, "dan").await?;
    room.knock("cem")?.refused(cx, Code::RoomFull).await?;
    // A creator finds no more seats than there are.
    let pin = room.0.pin.clone();
    room.knock("eve")?
        .with("pin", pin)
        .refused(cx, Code::RoomFull)
        .await?;
    // A join that takes over a seat needs none.
    let mut ben = room
        .knock("ben again")?
        .with_seat(&ben.seat_token)
        .enter(cx)
        .await?;
    ben.wire.close(1000).await;
    room.until_there_are(cx, 2).await?;
    room.join(cx, "fay").await.map(drop)
}

async fn away_seats_count(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        capacity: 2,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    ben.wire.say_close_and_cut(4000).await;
    room.knock("cem")?.refused(cx, Code::RoomFull).await?;
    drop(ann);
    Ok(())
}

async fn joins_exhausted(cx: &Cx) -> Outcome {
    let joins: u64 = cx.target.limits.asked("JOINS")?;
    let settings = RoomSettings {
        capacity: 4,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let _ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    for _ in 2..joins {
        let again = room
            .knock("ben")?
            .with_seat(&ben.seat_token)
            .enter(cx)
            .await?;
        ben = again;
    }
    room.knock("cem")?.refused(cx, Code::JoinsExhausted).await?;
    let knock = room.knock("ben")?.with_seat(&ben.seat_token);
    knock.refused(cx, Code::JoinsExhausted).await?;
    // A quarter more for creators.
    for _ in 0..joins / 4 {
        room.creator_knock("ann")?.enter(cx).await?;
    }
    room.creator_knock("ann")?
        .refused(cx, Code::JoinsExhausted)
        .await
        .map(drop)
}

/// 65 bytes that begin as a point does, and are none.
fn not_a_point() -> String {
    let mut bytes = [0xFF; 65];
    bytes[0] = 4;
    base64(&bytes)
}

fn ann_key(ann: &crate::relay::person::Person, member: &str) -> Value {
    let own = ann.joined.participants.last().map(serde_json::to_value);
    own.and_then(Result::ok).unwrap_or_default()[member].clone()
}
