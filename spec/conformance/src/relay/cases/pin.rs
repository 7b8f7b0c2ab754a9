//! The PIN, and its budgets (sections 11.1, 11.4 and 16).

use burnchat_core::error::Code;
use burnchat_core::wire::{ErrorFrame, Role};

use crate::case::{Case, Outcome, Stop, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::room::Room;
use crate::relay::stage::Cx;
use crate::relay::target::Peer;
use crate::relay::wire::Wire;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!("pin/11.4/admits-creators", ["11.2/pin"], admits_creators),
        crate::case!(
            "pin/11.1/written-loosely",
            ["11.1/pin-text"],
            written_loosely
        ),
        crate::case!(
            "pin/11.4/counts-down",
            ["11.4/attempts-left", "11.2/pin"],
            counts_down
        ),
        crate::case!(
            "pin/11.4/peer-is-locked-out",
            ["11.4/peer", "16/pin"],
            peer_is_locked_out
        ),
        crate::case!("pin/11.4/others-are-not", ["11.4/peer"], others_are_not),
        crate::case!(
            "pin/11.4/room-is-locked-out",
            ["11.4/room", "16/pin"],
            room_is_locked_out
        ),
        crate::case!("pin/11.4/token-goes-first", ["11.2/pin"], token_goes_first),
        crate::case!(
            "pin/13.4/forwarded-is-not-believed",
            ["13.4/peers"],
            forwarded_is_not_believed
        ),
        crate::case!("pin/13.4/trusted-proxy", ["13.4/peers"], trusted_proxy),
    ]
}

async fn admits_creators(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let pin = room.0.pin.clone();
    let ann = room.knock("ann")?.with("pin", pin).enter(cx).await?;
    ensure_eq("the role by the PIN", ann.joined.role, Role::Creator)
}

async fn written_loosely(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let (first, rest) = room.0.pin.split_at(3);
    let loose = format!(" {}-{} ", first.to_lowercase(), rest);
    let ann = room.knock("ann")?.with("pin", loose).enter(cx).await?;
    ensure_eq("the role by the PIN", ann.joined.role, Role::Creator)
}

async fn counts_down(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for left in [2, 1] {
        let error = try_pin(cx, &room, &wrong(&room), cx.peer(0), Code::WrongPin).await?;
        ensure_eq("`attempts_left`", error.attempts_left, Some(left))?;
    }
    // The right one is still taken.
    let pin = room.0.pin.clone();
    room.knock("ann")?
        .with("pin", pin)
        .enter(cx)
        .await
        .map(drop)
}

async fn peer_is_locked_out(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    lock_out(cx, &room, cx.peer(0)).await?;
    let pins = [room.0.pin.clone(), wrong(&room)];
    for pin in pins {
        let error = try_pin(cx, &room, &pin, cx.peer(0), Code::PinLocked).await?;
        ensure(
            error
                .retry_after_ms
                .is_some_and(|ms| (570_000..=600_000).contains(&ms)),
            "`retry_after_ms` until the first failure is 10 minutes old",
            format!("{:?}", error.retry_after_ms),
        )?;
    }
    // Without a PIN the same peer comes in.
    room.join(cx, "ben").await.map(drop)
}

async fn others_are_not(cx: &Cx) -> Outcome {
    cx.needs_many_peers()?;
    let room = cx.room().await?;
    lock_out(cx, &room, cx.peer(0)).await?;
    let wire = Wire::open_from(cx, "ann", &room.0.name, cx.peer(1), None).await?;
    let pin = room.0.pin.clone();
    room.knock("ann")?.with("pin", pin).enter_over(wire).await?;
    // And in another room the same peer has another budget.
    let other = cx.room().await?;
    let pin = other.0.pin.clone();
    other
        .knock("ann")?
        .with("pin", pin)
        .enter(cx)
        .await
        .map(drop)
}

async fn room_is_locked_out(cx: &Cx) -> Outcome {
    cx.needs_many_peers()?;
    let room = cx.room().await?;
    for peer in 0..6 {
        lock_out(cx, &room, cx.peer(peer)).await?;
    }
    // Eighteen. The smaller of both budgets is what is left.
    let error = try_pin(cx, &room, &wrong(&room), cx.peer(6), Code::WrongPin).await?;
    ensure_eq(
        "`attempts_left` of the room's twenty",
        error.attempts_left,
        Some(1),
    )?;
    try_pin(cx, &room, &wrong(&room), cx.peer(7), Code::WrongPin).await?;
    let error = try_pin(cx, &room, &room.0.pin, cx.peer(8), Code::PinLocked).await?;
    ensure(
        error
            .retry_after_ms
            .is_some_and(|ms| (3_500_000..=3_600_000).contains(&ms)),
        "`retry_after_ms` until the first failure is an hour old",
        format!("{:?}", error.retry_after_ms),
    )?;
    // The creator token does not depend on it.
    room.join_as_creator(cx, "ann").await.map(drop)
}

async fn token_goes_first(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ben = room.join(cx, "ben").await?;
    // A PIN is looked at if no token was given that is right: this one is wrong, and costs nothing.
    for _ in 0..4 {
        let knock = room
            .knock("ben")?
            .with("seat_token", ben.seat_token.clone());
        knock.with("pin", wrong(&room)).enter(cx).await?;
    }
    let pin = room.0.pin.clone();
    room.knock("ann")?
        .with("pin", pin)
        .enter(cx)
        .await
        .map(drop)
}

async fn forwarded_is_not_believed(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for (place, code) in [
        Code::WrongPin,
        Code::WrongPin,
        Code::WrongPin,
        Code::PinLocked,
    ]
    .into_iter()
    .enumerate()
    {
        let peer = format!("192.0.2.{place}");
        join_through(cx, &room, cx.peer(0), &peer)
            .await?
            .expect_problem(code.name())?;
    }
    Ok(())
}

async fn trusted_proxy(cx: &Cx) -> Outcome {
    let proxy: std::net::Ipv4Addr = cx.target.limits.asked("TRUSTED_PROXIES")?;
    cx.needs_many_peers()?;
    let room = cx.room().await?;
    for (peer, code) in [
        ("192.0.2.1", "wrong_pin"),
        ("192.0.2.1", "wrong_pin"),
        ("192.0.2.1", "wrong_pin"),
        ("192.0.2.1", "pin_locked"),
        // Another person behind the same proxy.
        ("192.0.2.2", "wrong_pin"),
        // What somebody wrote there before the proxy did is not believed.
        ("192.0.2.3, 192.0.2.1", "pin_locked"),
    ] {
        join_through(cx, &room, Some(proxy), peer)
            .await?
            .expect_problem(code)?;
    }
    Ok(())
}

/// A join with a wrong PIN over plain HTTP, forwarded for somebody.
async fn join_through(
    cx: &Cx,
    room: &Room,
    from: Peer,
    forwarded: &str,
) -> Outcome<crate::relay::http::Answer> {
    let knock = room.knock("ann")?.with("pin", wrong(room));
    let asked = cx
        .ask("POST", format!("{}/session", room.path()))
        .from(from);
    let asked = asked.header("X-Forwarded-For", forwarded);
    let answer = asked.body(knock.frame.to_string()).send().await?;
    if answer.status == 404 && answer.body.contains("unknown_path") {
        let why = "the relay has no frames over plain HTTP (13.5)";
        return Err(Stop::NotImplemented(why.to_owned()));
    }
    Ok(answer)
}

/// Three wrong PINs from this peer.
async fn lock_out(cx: &Cx, room: &Room, peer: Peer) -> Outcome {
    for _ in 0..3 {
        try_pin(cx, room, &wrong(room), peer, Code::WrongPin).await?;
    }
    Ok(())
}

async fn try_pin(cx: &Cx, room: &Room, pin: &str, peer: Peer, code: Code) -> Outcome<ErrorFrame> {
    let mut wire = Wire::open_from(cx, "mallory", &room.0.name, peer, None).await?;
    let knock = room.knock("mallory")?.with("pin", pin);
    wire.send(&knock.frame.to_string()).await;
    wire.expect_refusal(code).await
}

/// Another PIN than the room's.
fn wrong(room: &Room) -> String {
    let first = if room.0.pin.starts_with('A') {
        'B'
    } else {
        'A'
    };
    room.0
        .pin
        .chars()
        .skip(1)
        .fold(first.to_string(), |pin, c| pin + &c.to_string())
}
