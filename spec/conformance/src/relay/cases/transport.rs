//! The WebSocket (section 13.1).

use std::time::Duration;

use burnchat_core::error::Code;
use burnchat_core::wire::RelayFrame;
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::relay::Target;
use crate::relay::http::Ask;
use crate::relay::stage::{Cx, LATE, SOON, base64, random};
use crate::relay::wire::{Came, Wire};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "transport/13.1/subprotocol",
            ["13.1/subprotocol", "2/relay-subprotocol"],
            subprotocol
        ),
        crate::case!(
            "transport/13.1/no-upgrade",
            ["13.1/subprotocol"],
            no_upgrade
        ),
        crate::case!("transport/13.1/any-room-id", ["13.1/any-room"], any_room_id),
        crate::case!(
            "transport/13.1/no-compression",
            ["13.1/no-compression"],
            no_compression
        ),
        crate::case!("transport/13.1/binary", ["13.1/binary"], binary),
        crate::case!("transport/13.1/in-pieces", ["13.1/pieces"], in_pieces),
        crate::case!(
            "transport/13.1/first-frame",
            ["13.1/first-frame", "14.2/greeting"],
            first_frame
        ),
        crate::case!(
            "transport/14.2/second-join",
            ["14.2/second-join"],
            second_join
        ),
        crate::case!(
            "transport/13.1/handshake-timeout",
            ["13.1/handshake-timeout", "16/first-frame"],
            handshake_timeout,
            slow
        ),
        crate::case!("transport/13.1/ping", ["13.1/ping"], ping, Should, slow),
        crate::case!(
            "transport/13.1/no-sign-of-life",
            ["13.1/no-sign-of-life"],
            no_sign_of_life,
            Should,
            slow
        ),
        crate::case!("transport/13.1/pong", ["13.1/pieces"], pong),
        crate::case!(
            "transport/13.1/many-pings",
            ["13.1/control-rate"],
            many_pings
        ),
        crate::case!(
            "transport/13.1/breaks-rfc-6455",
            ["13.1/rfc-6455"],
            breaks_rfc_6455
        ),
        crate::case!(
            "transport/13.1/error-leaves-the-seat-away",
            ["14.2/errors-leave-away", "14.2/closes"],
            error_leaves_the_seat_away
        ),
    ]
}

async fn subprotocol(cx: &Cx) -> Outcome {
    for other in [None, Some("burnchat.v2"), Some("chat")] {
        let asked = match other {
            Some(name) => upgrade(cx).header("Sec-WebSocket-Protocol", name),
            None => upgrade(cx),
        };
        asked.send().await?.expect_problem("bad_request")?;
    }
    // Among others it is found.
    let asked = upgrade(cx).header("Sec-WebSocket-Protocol", "chat, burnchat.v1");
    let answer = asked.send().await?.expect(101)?;
    ensure_eq(
        "the subprotocol",
        answer.header("sec-websocket-protocol"),
        "burnchat.v1",
    )
}

async fn no_upgrade(cx: &Cx) -> Outcome {
    let path = format!("/api/rooms/{}/ws", base64(&random::<16>()));
    cx.ask("GET", path)
        .send()
        .await?
        .expect_problem("bad_request")
        .map(drop)
}

async fn any_room_id(cx: &Cx) -> Outcome {
    Wire::open(cx, "stranger", &base64(&random::<16>())).await?;
    for ill_formed in ["short", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAAA"] {
        let path = format!("/api/rooms/{ill_formed}/ws");
        let asked = upgrade_at(cx, path).header("Sec-WebSocket-Protocol", "burnchat.v1");
        asked.send().await?.expect_problem("room_not_found")?;
    }
    Ok(())
}

async fn no_compression(cx: &Cx) -> Outcome {
    let asked = upgrade(cx)
        .header("Sec-WebSocket-Protocol", "burnchat.v1")
        .header("Sec-WebSocket-Extensions", "permessage-deflate");
    let answer = asked.send().await?.expect(101)?;
    ensure_eq("extensions", answer.header("sec-websocket-extensions"), "")
}

async fn binary(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut wire = Wire::open(cx, "ann", &room.0.name).await?;
    wire.send_binary(room.knock("ann")?.frame.to_string().into_bytes())
        .await;
    wire.expect_refusal(Code::MalformedFrame).await?;
    let mut ann = room.join(cx, "ann").await?;
    ann.wire.send_binary(br#"{"type":"burn"}"#.to_vec()).await;
    ann.expect_closed(Code::MalformedFrame).await
}

async fn in_pieces(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut wire = Wire::open(cx, "ann", &room.0.name).await?;
    let text = room.knock("ann")?.frame.to_string();
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(200).collect();
    for (place, piece) in pieces.iter().enumerate() {
        let opcode = if place == 0 { 1 } else { 0 };
        let last = place + 1 == pieces.len();
        wire.send_bytes(&masked(opcode | if last { 0x80 } else { 0 }, piece))
            .await;
        if !last {
            // A ping between pieces is answered.
            wire.send_bytes(&masked(0x89, b"between")).await;
        }
    }
    match wire.receive().await? {
        Came::Frame(frame, _) if matches!(*frame, RelayFrame::Joined(_)) => Ok(()),
        came => fail("`joined`", format!("{came:?}")),
    }
}

async fn first_frame(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for frame in [
        json!({"type": "burn"}),
        json!({"type": "lock", "locked": true}),
        json!({"type": "need_key", "version": 1}),
        json!({"type": "key_declined", "version": 1}),
        json!({"type": "extend", "seconds": 1, "after": 0}),
    ] {
        let mut wire = Wire::open(cx, "stranger", &room.0.name).await?;
        wire.send(&frame.to_string()).await;
        wire.expect_refusal(Code::UnexpectedFrame).await?;
    }
    room.look(cx, &room.0.ticket).await?.expect(200).map(drop)
}

async fn second_join(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    let again = room.knock("ben")?.frame;
    ann.send(&again).await;
    ann.expect_closed(Code::UnexpectedFrame).await?;
    // Its seat is away.
    ann.resume(cx).await?;
    let frame = json!({"type": "resume", "seat_token": ann.seat_token, "seq": ann.view.seq});
    ann.send(&frame).await;
    ann.expect_closed(Code::UnexpectedFrame).await
}

async fn handshake_timeout(cx: &Cx) -> Outcome {
    let limit = Duration::from_millis(cx.target.limits.or("HANDSHAKE_MILLIS", 10_000));
    // The relay's clock begins when it has taken the connection in.
    let begun = Instant::now();
    let mut wire = Wire::open(cx, "stranger", &base64(&random::<16>())).await?;
    // Pings are no frames.
    wire.send_message(Message::Ping(Bytes::new())).await;
    loop {
        match wire.next(limit + SOON).await? {
            Came::Ping => {}
            Came::Frame(frame, text) => {
                let timed_out = matches!(*frame, RelayFrame::Error(error) if error.code == Code::HandshakeTimeout);
                ensure(timed_out, "the error handshake_timeout", text)?;
                break;
            }
            came => return fail("the error handshake_timeout", format!("{came:?}")),
        }
    }
    let waited = begun.elapsed();
    wire.expect_close(1008).await?;
    ensure(
        waited + Duration::from_millis(200) >= limit && waited <= limit + LATE,
        format!("to be refused after {} ms", limit.as_millis()),
        format!("{} ms", waited.as_millis()),
    )
}

async fn ping(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let left = deadline - Instant::now();
        match ann.wire.next(left).await {
            Ok(Came::Ping) => return Ok(()),
            Ok(Came::Frame(..)) => {}
            _ => return fail("a ping within 30 s", "none"),
        }
    }
}

async fn no_sign_of_life(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    // Who does not read does not answer pings.
    tokio::time::sleep(Duration::from_secs(45)).await;
    ann.wire.expect_an_end(SOON).await?;
    ann.resume(cx).await.map(drop)
}

async fn pong(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    ann.wire
        .send_message(Message::Ping(Bytes::from_static(b"are you there")))
        .await;
    ann.wire.expect_pong(b"are you there").await
}

async fn many_pings(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    for _ in 0..600 {
        ann.wire.send_message(Message::Ping(Bytes::new())).await;
    }
    let code = ann.wire.expect_an_end(SOON).await?;
    ensure_eq("the close code after too many pings", code, Some(1013))?;
    ann.resume(cx).await.map(drop)
}

async fn breaks_rfc_6455(cx: &Cx) -> Outcome {
    let unmasked = {
        let mut bytes = vec![0x81, 2];
        bytes.extend(b"{}");
        bytes
    };
    let long_form = {
        // Two bytes, in the form for up to 65,535.
        let mut bytes = vec![0x81, 0x80 | 126, 0, 2, 0, 0, 0, 0];
        bytes.extend(b"{}");
        bytes
    };
    let long_ping = {
        let mut bytes = vec![0x89, 0x80 | 126, 0, 126, 0, 0, 0, 0];
        bytes.extend([0; 126]);
        bytes
    };
    for (what, bytes) in [
        ("no mask", unmasked),
        ("a reserved bit", masked(0xC1, b"{}")),
        ("a reserved opcode", masked(0x83, b"{}")),
        ("a reserved control opcode", masked(0x8B, b"")),
        ("a length not in its shortest form", long_form),
        ("a piece of no message", masked(0x80, b"{}")),
        ("a control frame in pieces", masked(0x09, b"")),
        ("a control frame above 125 bytes", long_ping),
    ] {
        let mut wire = Wire::open(cx, what, &base64(&random::<16>())).await?;
        wire.send_bytes(&bytes).await;
        match wire.receive().await? {
            Came::Close(1002) => {}
            came => return fail(format!("a close with 1002 for {what}"), format!("{came:?}")),
        }
    }
    Ok(())
}

async fn error_leaves_the_seat_away(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    for (bad, code) in [
        ("{", Code::MalformedFrame),
        (r#"{"type":"dance"}"#, Code::UnknownType),
        (
            r#"{"type":"lock","locked":true,"locked":true}"#,
            Code::DuplicateKey,
        ),
    ] {
        ben.wire.send(bad).await;
        ben.expect_closed(code).await?;
        ben.resume(cx).await?;
    }
    ann.expect_none("departure", |frame| {
        matches!(frame, RelayFrame::ParticipantLeft(_))
    })
    .await?;
    ben.say().await.map(drop)
}

fn upgrade(cx: &Cx) -> Ask<'_> {
    upgrade_at(cx, format!("/api/rooms/{}/ws", base64(&random::<16>())))
}

fn upgrade_at(cx: &Cx, path: String) -> Ask<'_> {
    cx.ask("GET", path)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// A WebSocket frame of up to 65,535 bytes with this first byte, masked with zeros.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match u16::try_from(payload.len()) {
        Ok(len @ 0..126) => bytes.push(0x80 | len.to_be_bytes()[1]),
        Ok(len) => {
            bytes.push(0x80 | 126);
            bytes.extend(len.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
