//! Frames over plain HTTP (section 13.5).

use std::time::Duration;

use burnchat_core::crypto::participant_id;
use burnchat_core::wire::RelayFrame;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::case::{Case, Outcome, Stop, ensure, ensure_eq, fail};
use crate::relay::Target;
use crate::relay::http::{Answer, Events};
use crate::relay::person::Knock;
use crate::relay::room::Room;
use crate::relay::stage::{Cx, SOON, base64, random};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!("http/13.5/join", ["13.5/join", "13.5/bearer"], join),
        crate::case!("http/13.5/cookie", ["13.5/cookie"], cookie),
        crate::case!("http/13.5/join-refused", ["13.5/join"], join_refused),
        crate::case!("http/13.5/rejoin", ["13.5/rejoin"], rejoin),
        crate::case!(
            "http/13.5/event-stream",
            ["13.5/stream", "13.5/ids", "13.5/first-stream"],
            event_stream
        ),
        crate::case!("http/13.5/frames", ["13.5/frames"], frames),
        crate::case!("http/13.5/resume", ["13.5/resume"], resume),
        crate::case!("http/13.5/displaced", ["13.5/resume"], displaced),
        crate::case!(
            "http/13.5/bad-last-event-id",
            ["13.5/resume"],
            bad_last_event_id
        ),
        crate::case!(
            "http/13.5/second-first-stream",
            ["13.5/first-stream"],
            second_first_stream
        ),
        crate::case!(
            "http/13.5/late-first-stream",
            ["13.5/first-stream", "16/first-frame"],
            late_first_stream,
            slow
        ),
        crate::case!("http/13.5/no-stream", ["13.5/no-stream"], no_stream),
        crate::case!("http/13.5/wrong-token", ["13.5/token"], wrong_token),
        crate::case!("http/13.5/leave", ["13.5/leave"], leave),
        crate::case!(
            "http/13.5/leave-while-away",
            ["13.5/leave-without-stream"],
            leave_while_away
        ),
        crate::case!(
            "http/13.5/leave-refused",
            ["13.5/leave-refused"],
            leave_refused
        ),
        crate::case!(
            "http/13.5/destroyed",
            ["13.5/ends", "12.3/order"],
            destroyed
        ),
        crate::case!("http/13.5/closing-error", ["13.5/ends"], closing_error),
        crate::case!(
            "http/13.5/comments",
            ["13.5/comments"],
            comments,
            Should,
            slow
        ),
        crate::case!(
            "http/13.5/no-sign-of-life",
            ["13.5/no-sign-of-life"],
            no_sign_of_life,
            slow
        ),
    ]
}

/// A seat without a WebSocket.
struct Session {
    room: Room,
    /// `/api/rooms/…/session/…`
    path: String,
    bearer: String,
    id: burnchat_core::ids::ParticipantId,
    joined: Value,
}

/// Skips the rest where the relay has no frames over plain HTTP: it MAY.
pub(super) fn offered(answer: &Answer) -> Outcome {
    let code: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    if answer.status == 404 && code["code"] == "unknown_path" {
        let why = "the relay has no frames over plain HTTP";
        return Err(Stop::NotImplemented(why.to_owned()));
    }
    Ok(())
}

impl Session {
    async fn enter(cx: &Cx, room: &Room) -> Outcome<Self> {
        Self::enter_with(cx, room, room.knock("ann")?, None).await
    }

    async fn enter_with(cx: &Cx, room: &Room, knock: Knock, seat: Option<&Self>) -> Outcome<Self> {
        let path = seat.map_or_else(
            || format!("{}/session", room.path()),
            |seat| seat.path.clone(),
        );
        let mut asked = cx.ask("POST", path).header("Accept-Token", "bearer");
        if let Some(seat) = seat {
            asked = asked.header("Authorization", seat.bearer.clone());
        }
        let answer = asked.body(knock.frame.to_string()).send().await?;
        offered(&answer)?;
        let joined = answer.expect(201)?.json()?;
        ensure_eq(
            "the frame answered",
            joined["type"].clone(),
            json!("joined"),
        )?;
        let id = knock.identity.id();
        let token = joined["seat_token"].as_str().unwrap_or_default();
        Ok(Self {
            path: format!("{}/session/{}", room.path(), id.to_base64()),
            bearer: format!("Bearer {token}"),
            room: room.clone(),
            id,
            joined,
        })
    }

    async fn open(&self, cx: &Cx, after: Option<u64>) -> Outcome<Result<Events, Answer>> {
        let asked = cx.ask("GET", format!("{}/events", self.path));
        let asked = asked.header("Authorization", self.bearer.clone());
        match after {
            Some(seq) => {
                asked
                    .header("Last-Event-ID", seq.to_string())
                    .events()
                    .await
            }
            None => asked.events().await,
        }
    }

    async fn listen(&self, cx: &Cx, after: Option<u64>) -> Outcome<Events> {
        match self.open(cx, after).await? {
            Ok(events) => Ok(events),
            Err(answer) => fail(
                "an event stream",
                format!("{} {}", answer.status, answer.body),
            ),
        }
    }

    async fn post(&self, cx: &Cx, frame: &Value) -> Outcome<Answer> {
        let asked = cx.ask("POST", format!("{}/frames", self.path));
        let asked = asked.header("Authorization", self.bearer.clone());
        asked.body(frame.to_string()).send().await
    }

    async fn leave(&self, cx: &Cx) -> Outcome<Answer> {
        let asked = cx.ask("DELETE", self.path.clone());
        asked
            .header("Authorization", self.bearer.clone())
            .send()
            .await
    }

    fn seq(&self) -> u64 {
        self.joined["seq"].as_u64().unwrap_or_default()
    }
}

async fn join(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    let own = ann.joined["participants"]
        .as_array()
        .and_then(|all| all.last())
        .cloned();
    let own = own.unwrap_or_default();
    let bytes = |member: &str| {
        let text = own[member].as_str().unwrap_or_default();
        let bytes = data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .unwrap_or_default();
        <[u8; 65]>::try_from(bytes).unwrap_or([0; 65])
    };
    ensure_eq(
        "the last entry",
        participant_id(&bytes("kem_pub"), &bytes("sig_pub")),
        ann.id,
    )?;
    ensure(
        ann.bearer.len() == 7 + 43,
        "a seat token of 32 bytes",
        &ann.joined["seat_token"],
    )?;
    ben.until_joined(ann.id).await.map(drop)
}

async fn cookie(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let knock = room.knock("ann")?;
    let asked = cx.ask("POST", format!("{}/session", room.path()));
    let answer = asked.body(knock.frame.to_string()).send().await?;
    offered(&answer)?;
    let answer = answer.expect(201)?;
    let path = format!(
        "{}/session/{}",
        room.path(),
        knock.identity.id().to_base64()
    );
    let cookie = answer.header("set-cookie").to_owned();
    let mut parts = cookie.split(';').map(str::trim);
    let pair = parts.next().unwrap_or_default().to_owned();
    ensure(
        pair.strip_prefix("burnchat_seat=")
            .is_some_and(|token| token.len() == 43),
        "the cookie burnchat_seat with a token of 32 bytes",
        &cookie,
    )?;
    let attributes: Vec<String> = parts.map(str::to_lowercase).collect();
    let full = format!("path={}{path}", cx.target.path).to_lowercase();
    for wanted in [full.as_str(), "httponly", "secure", "samesite=strict"] {
        ensure(
            attributes.iter().any(|attribute| attribute == wanted),
            format!("the attribute {wanted}"),
            &cookie,
        )?;
    }
    let joined = answer.json()?;
    ensure_eq(
        "`seat_token` beside a cookie",
        joined["seat_token"].clone(),
        json!(base64(&[0; 32])),
    )?;
    // It opens the stream and posts frames as the header does.
    let asked = cx
        .ask("GET", format!("{path}/events"))
        .header("Cookie", pair.clone());
    let mut events = match asked.events().await? {
        Ok(events) => events,
        Err(answer) => return fail("an event stream", answer.body),
    };
    let asked = cx
        .ask("POST", format!("{path}/frames"))
        .header("Cookie", pair.clone());
    asked.body(r#"{"type":"burn"}"#).send().await?.expect(202)?;
    let error = events.until("error").await?;
    ensure_eq(
        "the error in the stream",
        error["code"].clone(),
        json!("not_creator"),
    )?;
    let left = cx
        .ask("DELETE", path)
        .header("Cookie", pair)
        .send()
        .await?
        .expect(204)?;
    ensure(
        left.header("set-cookie").starts_with("burnchat_seat="),
        "the cookie taken back",
        left.header("set-cookie"),
    )
}

async fn join_refused(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for (knock, code) in [
        (
            room.knock("ann")?.with("ticket", base64(&random::<16>())),
            "room_not_found",
        ),
        (room.knock("ann")?.with("pin", "AAAAAA"), "wrong_pin"),
    ] {
        let asked = cx.ask("POST", format!("{}/session", room.path()));
        let answer = asked.body(knock.frame.to_string()).send().await?;
        offered(&answer)?;
        let problem = answer.expect_problem(code)?;
        if code == "wrong_pin" {
            ensure_eq(
                "`attempts_left`",
                problem["attempts_left"].clone(),
                json!(2),
            )?;
        }
    }
    let asked = cx.ask("POST", format!("{}/session", room.path()));
    asked
        .body(r#"{"type":"burn"}"#)
        .send()
        .await?
        .expect_problem("unexpected_frame")
        .map(drop)
}

async fn rejoin(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    ben.until_joined(ann.id).await?;
    // The token that the request shows takes the place of the frame's own, which is nothing here.
    let knock = room.knock("ann again")?.with_seat(&base64(&[0; 32]));
    let again = Session::enter_with(cx, &room, knock, Some(&ann)).await?;
    let entry = ben.until_joined(again.id).await?;
    ensure_eq("`replaces`", entry.replaces, Some(ann.id))
}

async fn event_stream(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    // What has happened since `joined` is waiting.
    let cem = room.join(cx, "cem").await?;
    ben.until_joined(cem.id()).await?;
    ben.send(&json!({"type": "lock", "locked": true})).await;
    ben.settle().await?;
    let mut events = ann.listen(cx, None).await?;
    let first = events.next().await?;
    let begins = first
        .as_ref()
        .is_some_and(|event| event.frame.is_none() && event.id == Some(ann.seq().to_string()));
    ensure(
        begins,
        "the `seq` of `joined` as `id`, and no data",
        format!("{first:?}"),
    )?;
    let mut expected = ann.seq();
    while expected < ann.seq() + 2 {
        let Some(event) = events.next().await? else {
            return fail("entries in the stream", "its end");
        };
        let frame: Value = event
            .frame
            .as_deref()
            .and_then(|frame| serde_json::from_str(frame).ok())
            .unwrap_or_default();
        let Some(seq) = frame["seq"].as_u64() else {
            ensure_eq("the `id` of a frame that is no entry", event.id, None)?;
            continue;
        };
        expected += 1;
        ensure_eq("`seq`", seq, expected)?;
        ensure_eq("the `id` of an entry", event.id, Some(seq.to_string()))?;
    }
    Ok(())
}

async fn frames(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    let mut events = ann.listen(cx, None).await?;
    ann.post(cx, &json!({"type": "lock", "locked": true}))
        .await?
        .expect(202)?;
    let error = events.until("error").await?;
    ensure_eq(
        "what the room says, in the stream",
        error["code"].clone(),
        json!("not_creator"),
    )?;
    // An empty body is a sign of life.
    let asked = cx.ask("POST", format!("{}/frames", ann.path));
    asked
        .header("Authorization", ann.bearer.clone())
        .send()
        .await?
        .expect(202)?;
    // So is what is wrong with the frame.
    let dance = json!({"type": "dance"});
    ann.post(cx, &dance).await?.expect(202)?;
    let error = events.until("error").await?;
    ensure_eq("the error", error["code"].clone(), json!("unknown_type"))?;
    events.expect_end().await
}

async fn resume(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    drop(ann.listen(cx, None).await?);
    for locked in [true, false] {
        ben.send(&json!({"type": "lock", "locked": locked})).await;
    }
    ben.settle().await?;
    let mut events = ann.listen(cx, Some(ann.seq())).await?;
    let first = events.next().await?.and_then(|event| event.id);
    ensure_eq("the first `id`", first, Some(ann.seq().to_string()))?;
    for locked in [true, false] {
        let entry = events.until("locked").await?;
        ensure_eq("`locked`", entry["locked"].clone(), json!(locked))?;
    }
    let resumed = events.until("resumed").await?;
    ensure_eq(
        "`seq` of `resumed`",
        resumed["seq"].clone(),
        json!(ann.seq() + 2),
    )
}

async fn displaced(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    let mut first = ann.listen(cx, None).await?;
    let mut second = ann.listen(cx, Some(ann.seq())).await?;
    let error = first.until("error").await?;
    ensure_eq(
        "the error in the older stream",
        error["code"].clone(),
        json!("displaced"),
    )?;
    first.expect_end().await?;
    second.until("resumed").await.map(drop)
}

async fn bad_last_event_id(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    for id in ["x", "-1", "1.5", "9007199254740992"] {
        let asked = cx.ask("GET", format!("{}/events", ann.path));
        let asked = asked
            .header("Authorization", ann.bearer.clone())
            .header("Last-Event-ID", id);
        match asked.events().await? {
            Ok(_) => return fail("bad_request", "an event stream"),
            Err(answer) => answer.expect_problem("bad_request")?,
        };
    }
    // One that is too far: a resume that is refused.
    match ann.open(cx, Some(ann.seq() + 1_000)).await? {
        Ok(_) => fail("gap", "an event stream"),
        Err(answer) => answer.expect_problem("gap").map(drop),
    }
}

async fn second_first_stream(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    drop(ann.listen(cx, None).await?);
    match ann.open(cx, None).await? {
        Ok(_) => fail(
            "gap for a second stream without Last-Event-ID",
            "an event stream",
        ),
        Err(answer) => answer.expect_problem("gap").map(drop),
    }
}

async fn late_first_stream(cx: &Cx) -> Outcome {
    let limit = Duration::from_millis(cx.target.limits.or("HANDSHAKE_MILLIS", 10_000));
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    tokio::time::sleep(limit + Duration::from_secs(1)).await;
    match ann.open(cx, None).await? {
        Ok(_) => fail(
            "gap for a first stream that comes too late",
            "an event stream",
        ),
        Err(answer) => answer.expect_problem("gap").map(drop),
    }?;
    // It is away, and not gone: it resumes.
    ann.listen(cx, Some(ann.seq()))
        .await?
        .until("resumed")
        .await
        .map(drop)
}

async fn no_stream(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    drop(ann.listen(cx, None).await?);
    // The relay learns of it when it next writes; until then the frame is taken.
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let answer = ann
            .post(cx, &json!({"type": "need_key", "version": 1}))
            .await?;
        if answer.status != 202 {
            return answer.expect_problem("unexpected_frame").map(drop);
        }
        ensure(
            Instant::now() < deadline,
            "unexpected_frame without an event stream",
            "202",
        )?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn wrong_token(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    let burn = r#"{"type":"burn"}"#;
    for authorization in [None, Some("Bearer AAAA"), Some("Basic AAAA")] {
        for (method, path, body) in [
            ("POST", format!("{}/frames", ann.path), burn),
            ("GET", format!("{}/events", ann.path), ""),
            ("DELETE", ann.path.clone(), ""),
        ] {
            let asked = cx.ask(method, path).body(body);
            let asked = match authorization {
                Some(value) => asked.header("Authorization", value),
                None => asked,
            };
            asked.send().await?.expect_problem("room_not_found")?;
        }
    }
    // A token of no seat.
    let nobody = format!("Bearer {}", base64(&random::<32>()));
    let asked = cx.ask("POST", format!("{}/frames", ann.path));
    let asked = asked.header("Authorization", nobody.clone()).body(burn);
    asked.send().await?.expect_problem("unexpected_frame")?;
    let asked = cx
        .ask("GET", format!("{}/events", ann.path))
        .header("Last-Event-ID", "1");
    asked
        .header("Authorization", nobody)
        .send()
        .await?
        .expect_problem("room_not_found")
        .map(drop)
}

async fn leave(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    let mut events = ann.listen(cx, None).await?;
    let asked = cx
        .ask("DELETE", ann.path.clone())
        .header("Authorization", ann.bearer.clone());
    asked.send().await?.expect(204)?;
    let reason = ben.until_left(SOON, ann.id).await?;
    ensure_eq("the reason", reason, burnchat_core::wire::Departure::Left)?;
    events.expect_end().await
}

async fn leave_while_away(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    drop(ann.listen(cx, None).await?);
    ann.leave(cx).await?.expect(204)?;
    let reason = ben.until_left(SOON, ann.id).await?;
    ensure_eq("the reason", reason, burnchat_core::wire::Departure::Left)?;
    // One that was not answered is sent again.
    ann.leave(cx).await?.expect(204).map(drop)
}

async fn leave_refused(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    let knock = room.knock("ann again")?.with_seat(&base64(&[0; 32]));
    let again = Session::enter_with(cx, &room, knock, Some(&ann)).await?;
    ann.leave(cx).await?.expect_problem("displaced")?;
    ben.send(&json!({"type": "kick", "id": again.id.to_base64()}))
        .await;
    ben.until_left(SOON, again.id).await?;
    again.leave(cx).await?.expect_problem("kicked")?;
    let nobody = format!("Bearer {}", base64(&random::<32>()));
    let asked = cx
        .ask("DELETE", ann.path.clone())
        .header("Authorization", nobody);
    asked
        .send()
        .await?
        .expect_problem("room_not_found")
        .map(drop)
}

async fn destroyed(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    let mut events = ann.listen(cx, None).await?;
    ben.send(&json!({"type": "burn"})).await;
    let told = events.until("destroyed").await?;
    ensure_eq("the reason", told["reason"].clone(), json!("burned"))?;
    ensure_eq("what comes after `destroyed`", events.next().await?, None)?;
    match ann.open(cx, Some(ann.seq())).await? {
        Ok(_) => fail("room_not_found", "an event stream"),
        Err(answer) => answer.expect_problem("room_not_found").map(drop),
    }
}

async fn closing_error(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    let mut events = ann.listen(cx, None).await?;
    ben.send(&json!({"type": "kick", "id": ann.id.to_base64()}))
        .await;
    let error = events.until("error").await?;
    ensure_eq("the error", error["code"].clone(), json!("kicked"))?;
    events.expect_end().await?;
    drop(ann.room);
    Ok(())
}

async fn comments(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ann = Session::enter(cx, &room).await?;
    let mut events = ann.listen(cx, None).await?;
    let deadline = Instant::now() + Duration::from_secs(28);
    loop {
        // A sign of life of its own, so that it is not taken for broken.
        match events.next_of_any_kind(deadline - Instant::now()).await? {
            Some(event) if event.comment => return Ok(()),
            Some(_) => {}
            None => return fail("a comment within 28 s", "the end of the stream"),
        }
    }
}

async fn no_sign_of_life(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ben = room.join_as_creator(cx, "ben").await?;
    let ann = Session::enter(cx, &room).await?;
    let mut events = ann.listen(cx, None).await?;
    let begun = Instant::now();
    // It reads everything, and posts nothing.
    let patience = Duration::from_secs(75);
    let reading = async {
        while events.next_of_any_kind(patience).await?.is_some() {}
        Ok(())
    };
    tokio::select! {
        ended = reading => ended?,
        _ = ben.listen_for(patience) => return fail("an end of the stream", "none in 75 s"),
    }
    let waited = begun.elapsed();
    ensure(
        waited >= Duration::from_secs(29) && waited <= Duration::from_secs(62),
        "the stream to be taken for broken after 30 to 60 s",
        format!("{:.1} s", waited.as_secs_f64()),
    )?;
    // Broken, and not left.
    let frames = ben.settle().await?;
    ensure(
        !frames
            .iter()
            .any(|frame| matches!(frame, RelayFrame::ParticipantLeft(_))),
        "a seat that is away",
        "one that has left",
    )?;
    ann.listen(cx, Some(ann.seq()))
        .await?
        .until("resumed")
        .await
        .map(drop)
}
