//! Making rooms, and what a relay tells of them (sections 4, 11.1 and 13.4).

use burnchat_core::client::RoomSettings;
use burnchat_core::error::Code;
use burnchat_core::wire::WhoMayBurn;
use serde_json::{Value, json};

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::room::PLAIN;
use crate::relay::stage::{Cx, base64, now, random};
use crate::relay::wire::Wire;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!("rooms/4/id-from-seed", ["4/room-id"], id_from_seed),
        crate::case!(
            "rooms/4/wrong-ticket-tells-nothing",
            ["4/no-right-ticket", "12.3/no-trace"],
            wrong_ticket_tells_nothing
        ),
        crate::case!(
            "rooms/4/replaced-ticket",
            ["4/replaced-ticket"],
            replaced_ticket
        ),
        crate::case!(
            "rooms/11.1/answer",
            ["11.1/answer", "11.1/pin", "13.4/create"],
            answer
        ),
        crate::case!("rooms/11.1/defaults", ["11.1/defaults"], defaults),
        crate::case!(
            "rooms/11.1/out-of-range",
            ["11.1/ranges", "16/life", "16/capacity"],
            out_of_range
        ),
        crate::case!(
            "rooms/11.1/extremes",
            ["11.1/ranges", "16/life", "16/capacity"],
            extremes
        ),
        crate::case!(
            "rooms/11.1/not-after",
            ["11.1/not-after", "16/not-after"],
            not_after
        ),
        crate::case!(
            "rooms/11.1/malformed",
            ["11.1/members", "13.4/bodies"],
            malformed
        ),
        crate::case!("rooms/11.1/taken-id", ["11.1/room-exists"], taken_id),
        crate::case!("rooms/11.1/pins-differ", ["11.1/pin"], pins_differ),
        crate::case!("rooms/13.4/look", ["13.4/look"], look),
        crate::case!(
            "rooms/13.4/look-malformed",
            ["13.4/ill-formed-is-not-found"],
            look_malformed
        ),
        crate::case!("rooms/13.4/delete", ["13.4/delete"], delete),
    ]
}

async fn id_from_seed(cx: &Cx) -> Outcome {
    // The suite derives the id from the seed by itself, and `make` compares.
    cx.room().await.map(drop)
}

async fn answer(cx: &Cx) -> Outcome {
    let answer = cx.plan(PLAIN)?.ask(cx).await?.expect(201)?.json()?;
    let token = answer["creator_token"].as_str().unwrap_or_default();
    ensure_eq("the length of a creator token as text", token.len(), 43)?;
    let pin = answer["pin"].as_str().unwrap_or_default();
    let symbols = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    ensure(
        pin.len() == 6 && pin.chars().all(|symbol| symbols.contains(symbol)),
        "a PIN of six symbols of the symbol alphabet",
        pin,
    )?;
    ensure_eq(
        "`seconds_remaining`",
        answer["seconds_remaining"].clone(),
        json!(600),
    )
}

async fn defaults(cx: &Cx) -> Outcome {
    let plan = cx
        .plan(PLAIN)?
        .with("capacity", Value::Null)
        .with("history", Value::Null)
        .with("burn", Value::Null);
    let room = plan.make(cx).await?;
    let told = room.look(cx, &room.0.ticket).await?.expect(200)?.json()?;
    ensure_eq("`capacity`", told["capacity"].clone(), json!(50))?;
    ensure_eq("`history`", told["history"].clone(), json!(false))?;
    ensure_eq("`burn`", told["burn"].clone(), json!("creator"))
}

async fn out_of_range(cx: &Cx) -> Outcome {
    for (member, values) in [("ttl_seconds", [29, 259_201, 0]), ("capacity", [1, 257, 0])] {
        for value in values {
            let plan = cx.plan(PLAIN)?.with(member, value);
            // Far enough that only the value itself is wrong.
            let minutes = (now().0 / 60_000) + u64::try_from(value).unwrap_or(0) / 60 + 10;
            let plan = if member == "ttl_seconds" {
                plan.with("not_after", minutes)
            } else {
                plan
            };
            plan.ask(cx).await?.expect_problem("bad_request")?;
        }
    }
    Ok(())
}

async fn extremes(cx: &Cx) -> Outcome {
    for (ttl_seconds, capacity) in [(30, 2), (259_200, 256)] {
        let settings = RoomSettings {
            ttl_seconds,
            capacity,
            ..PLAIN
        };
        let room = cx.room_with(settings).await?;
        let told = room.look(cx, &room.0.ticket).await?.expect(200)?.json()?;
        ensure_eq("`capacity`", told["capacity"].clone(), json!(capacity))?;
    }
    Ok(())
}

async fn not_after(cx: &Cx) -> Outcome {
    let minutes_now = now().0 / 60_000;
    for wrong in [minutes_now + 5, minutes_now + 10 + 24 * 60 + 3] {
        let plan = cx.plan(PLAIN)?.with("not_after", wrong);
        plan.ask(cx).await?.expect_problem("bad_request")?;
    }
    for right in [minutes_now + 13, minutes_now + 24 * 60 + 8] {
        let plan = cx.plan(PLAIN)?.with("not_after", right);
        plan.make(cx).await?;
    }
    Ok(())
}

async fn malformed(cx: &Cx) -> Outcome {
    let whole = cx.plan(PLAIN)?.request;
    for member in ["id_seed", "ticket_hash", "ttl_seconds", "not_after"] {
        let plan = cx.plan(PLAIN)?.with(member, Value::Null);
        plan.ask(cx).await?.expect_problem("malformed_frame")?;
    }
    for (member, wrong) in [
        ("id_seed", json!("AAAA")),
        ("ticket_hash", json!(7)),
        ("capacity", json!("50")),
        ("history", json!("no")),
        ("burn", json!("nobody")),
        ("ttl_seconds", json!(600.5)),
        ("ttl_seconds", json!(-600)),
    ] {
        let plan = cx.plan(PLAIN)?.with(member, wrong);
        plan.ask(cx).await?.expect_problem("malformed_frame")?;
    }
    let text = whole.to_string();
    let twice = text.replacen('{', "{\"capacity\":50,", 1);
    let asked = cx.ask("POST", "/api/rooms").body(twice);
    asked.send().await?.expect_problem("duplicate_key")?;
    let asked = cx.ask("POST", "/api/rooms").body(&text[..text.len() - 1]);
    asked.send().await?.expect_problem("malformed_frame")?;
    let long = text.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(65_600)), 1);
    let asked = cx.ask("POST", "/api/rooms").body(long);
    asked.send().await?.expect_problem("frame_too_large")?;
    // What nobody knows is ignored.
    let more = text.replacen('{', "{\"colour\":\"red\",", 1);
    let made = cx.ask("POST", "/api/rooms").body(more).send().await?;
    made.expect(201).map(drop)
}

async fn taken_id(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut again = cx.plan(PLAIN)?;
    again.request = room.0.request.clone();
    again.ask(cx).await?.expect_problem("room_exists")?;
    // Nor has the room there changed.
    room.look(cx, &room.0.ticket).await?.expect(200).map(drop)
}

async fn pins_differ(cx: &Cx) -> Outcome {
    let mut pins = Vec::new();
    for _ in 0..4 {
        pins.push(cx.room().await?.0.pin.clone());
    }
    pins.sort();
    pins.dedup();
    // Four of 2^30: two alike by chance once in a hundred million runs.
    ensure_eq("different PINs of four rooms", pins.len(), 4)
}

async fn wrong_ticket_tells_nothing(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let _ann = room.join_as_creator(cx, "ann").await?;
    let wrong = base64(&random::<16>());
    let alive = room.look(cx, &wrong).await?;
    let gone = cx.room().await?;
    gone.burn(cx).await?;
    let burned = gone.look(cx, &gone.0.ticket).await?;
    let never = format!("/api/rooms/{}", base64(&random::<16>()));
    let never = cx
        .ask("GET", never)
        .header("Burnchat-Ticket", &wrong)
        .send()
        .await?;
    for (what, other) in [
        ("of a room that burned", &burned),
        ("of one that never was", &never),
    ] {
        ensure(
            alive.status == other.status && alive.body == other.body,
            "the same answer, byte for byte, of a room that lives",
            format!("{what}: {} {}", other.status, other.body),
        )?;
        let names = |answer: &crate::relay::http::Answer| {
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        ensure_eq("the headers of the answer", names(other), names(&alive))?;
    }
    alive.expect_problem("room_not_found")?;
    // The same over a WebSocket.
    for (room_id, who) in [
        (room.0.name.clone(), "alive"),
        (base64(&random::<16>()), "never"),
    ] {
        let mut wire = Wire::open(cx, who, &room_id).await?;
        let knock = room.knock("mallory")?.with("ticket", wrong.clone());
        wire.send(&knock.frame.to_string()).await;
        let error = wire.expect_refusal(Code::RoomNotFound).await?;
        ensure(
            error.retry_after_ms.is_none() && error.attempts_left.is_none(),
            "nothing but the code",
            format!("{error:?}"),
        )?;
    }
    Ok(())
}

async fn replaced_ticket(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let hash = base64(&random::<32>());
    ann.send(&json!({"type": "renew", "ticket_hash": hash}))
        .await;
    ann.settle().await?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("link_expired")?;
    room.knock("ben")?.refused(cx, Code::LinkExpired).await?;
    // Until the burn.
    room.burn(cx).await?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("room_not_found")
        .map(drop)
}

async fn look(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        capacity: 7,
        history: true,
        burn: WhoMayBurn::Anyone,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.send(&json!({"type": "lock", "locked": true})).await;
    ann.settle().await?;
    let told = room.look(cx, &room.0.ticket).await?.expect(200)?.json()?;
    for (member, expected) in [
        ("participants", json!(1)),
        ("capacity", json!(7)),
        ("locked", json!(true)),
        ("history", json!(true)),
        ("burn", json!("anyone")),
    ] {
        ensure_eq(member, told[member].clone(), expected)?;
    }
    let left = told["seconds_remaining"].as_u64().unwrap_or_default();
    ensure((590..=600).contains(&left), "590 to 600 seconds left", left)
}

async fn look_malformed(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for ticket in ["", "AAAA", "not base64url!"] {
        room.look(cx, ticket)
            .await?
            .expect_problem("room_not_found")?;
    }
    cx.ask("GET", room.path())
        .send()
        .await?
        .expect_problem("room_not_found")?;
    let asked = cx
        .ask("GET", "/api/rooms/short")
        .header("Burnchat-Ticket", &room.0.ticket);
    asked
        .send()
        .await?
        .expect_problem("room_not_found")
        .map(drop)
}

async fn delete(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for wrong in [
        base64(&random::<32>()),
        room.0.ticket.clone(),
        String::new(),
    ] {
        let asked = cx
            .ask("DELETE", room.path())
            .header("Burnchat-Creator", wrong);
        asked.send().await?.expect_problem("room_not_found")?;
    }
    room.look(cx, &room.0.ticket).await?.expect(200)?;
    room.burn(cx).await?;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("room_not_found")?;
    let token = room.0.creator_token.clone();
    let again = cx
        .ask("DELETE", room.path())
        .header("Burnchat-Creator", token);
    again
        .send()
        .await?
        .expect_problem("room_not_found")
        .map(drop)
}
