//! Requests, problems and origins (section 13.4).

use serde_json::json;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::http::Answer;
use crate::relay::room::PLAIN;
use crate::relay::stage::{Cx, base64, random};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "http/13.4/problems",
            ["13.4/problem", "15/status"],
            problems
        ),
        crate::case!(
            "http/13.4/problems-name-nobody",
            ["13.4/names-nobody"],
            problems_name_nobody
        ),
        crate::case!("http/13.4/headers", ["13.4/headers"], headers),
        crate::case!(
            "http/13.4/unknown-path",
            ["13.4/unknown-path"],
            unknown_path
        ),
        crate::case!(
            "http/13.4/unknown-method",
            ["13.4/unknown-method"],
            unknown_method
        ),
        crate::case!("http/13.4/head", ["13.4/head"], head),
        crate::case!("http/13.4/retry-after", ["13.4/retry-after"], retry_after),
        crate::case!("http/13.4/page", ["13.4/page"], page),
        crate::case!(
            "http/13.4/body-in-time",
            ["13.4/body-in-time"],
            body_in_time,
            slow
        ),
        crate::case!("http/13.4/origin-refused", ["13.4/origin"], origin_refused),
        crate::case!(
            "http/13.4/origin-of-its-own",
            ["13.4/own-origin"],
            origin_of_its_own
        ),
        crate::case!("http/13.4/origin-null", ["13.4/null-origin"], origin_null),
        crate::case!(
            "http/13.4/origin-of-a-websocket",
            ["13.4/origin"],
            origin_of_a_websocket
        ),
        crate::case!("http/13.4/origin-allowed", ["13.4/cors"], origin_allowed),
    ]
}

async fn problems(cx: &Cx) -> Outcome {
    let nowhere = format!("/api/rooms/{}", base64(&random::<16>()));
    let wrong = cx.plan(PLAIN)?.with("capacity", 1).ask(cx).await?;
    let missing = cx.ask("GET", nowhere).send().await?;
    let broken = cx.ask("POST", "/api/rooms").body("{").send().await?;
    for (answer, code) in [
        (wrong, "bad_request"),
        (missing, "room_not_found"),
        (broken, "malformed_frame"),
    ] {
        let status = answer.status;
        let problem = answer.expect_problem(code)?;
        ensure_eq(
            "`status` of the problem",
            problem["status"].clone(),
            json!(status),
        )?;
        let kind = problem["type"].as_str().unwrap_or_default();
        ensure(
            kind == format!(
                "https://github.com/burnchat/burnchat/blob/main/spec/burnchat-1.md#{code}"
            ),
            "`type` to lead to the code in the spec",
            kind,
        )?;
        let title = problem["title"].as_str().unwrap_or_default();
        ensure(!title.is_empty(), "a `title`", "none")?;
    }
    Ok(())
}

async fn problems_name_nobody(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let asked = cx
        .ask("DELETE", room.path())
        .header("Burnchat-Creator", base64(&random::<32>()));
    let answers = [
        room.look(cx, &base64(&random::<16>())).await?,
        asked.send().await?,
    ];
    for answer in answers {
        let body = answer.body.clone();
        let problem = answer.expect_problem("room_not_found")?;
        ensure(problem.get("instance").is_none(), "no `instance`", &body)?;
        ensure(
            !body.contains(&room.0.name),
            "a problem that names no room",
            &body,
        )?;
    }
    Ok(())
}

async fn headers(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let page = cx.ask("GET", format!("/r/{}", room.0.name)).send().await?;
    let answers = [
        cx.plan(PLAIN)?.ask(cx).await?,
        room.look(cx, &room.0.ticket).await?,
        room.look(cx, "").await?,
        cx.ask("GET", "/api/nothing").send().await?,
        cx.ask("POST", "/api/rooms").body("{").send().await?,
        page,
    ];
    for answer in &answers {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            let what = format!("`{name}` of an answer with status {}", answer.status);
            ensure_eq(&what, answer.header(name), value)?;
        }
    }
    Ok(())
}

async fn unknown_path(cx: &Cx) -> Outcome {
    for path in ["/api", "/api/", "/api/room", "/api/rooms/", "/nothing/here"] {
        cx.ask("GET", path)
            .send()
            .await?
            .expect_problem("unknown_path")?;
    }
    let path = format!("/api/rooms/{}/nothing", base64(&random::<16>()));
    cx.ask("GET", path)
        .send()
        .await?
        .expect_problem("unknown_path")
        .map(drop)
}

async fn unknown_method(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for (method, path) in [
        ("PUT", "/api/rooms".to_owned()),
        ("DELETE", "/api/rooms".to_owned()),
        ("POST", room.path()),
        ("PATCH", room.path()),
        ("POST", format!("{}/ws", room.path())),
    ] {
        cx.ask(method, path)
            .send()
            .await?
            .expect_problem("unknown_method")?;
    }
    room.look(cx, &room.0.ticket).await?.expect(200).map(drop)
}

async fn head(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let ticket = room.0.ticket.clone();
    let asked = cx
        .ask("HEAD", room.path())
        .header("Burnchat-Ticket", ticket);
    let answer = asked.send().await?.expect(200)?;
    ensure_eq("the body", answer.body.as_str(), "")?;
    let answer = cx.ask("HEAD", room.path()).send().await?.expect(404)?;
    ensure_eq("the body", answer.body.as_str(), "")
}

async fn retry_after(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut last = None;
    for _ in 0..4 {
        let pin = if room.0.pin == "AAAAAA" {
            "BBBBBB"
        } else {
            "AAAAAA"
        };
        let knock = room.knock("mallory")?.with("pin", pin);
        let asked = cx.ask("POST", format!("{}/session", room.path()));
        let answer = asked.body(knock.frame.to_string()).send().await?;
        super::sessions::offered(&answer)?;
        last = Some(answer);
    }
    let Some(answer) = last else { return Ok(()) };
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or_default();
    let problem = answer.expect_problem("pin_locked")?;
    let millis = problem["retry_after_ms"].as_u64().unwrap_or_default();
    ensure(
        millis > 0 && seconds == millis.div_ceil(1_000),
        "`Retry-After` to be `retry_after_ms` in seconds, rounded up",
        format!("{seconds} s and {millis} ms"),
    )
}

async fn page(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let alive = cx
        .ask("GET", format!("/r/{}", room.0.name))
        .send()
        .await?
        .expect(200)?;
    let never = cx
        .ask("GET", format!("/r/{}", base64(&random::<16>())))
        .send()
        .await?
        .expect(200)?;
    ensure(
        alive.body == never.body,
        "the same page for every id",
        "different ones",
    )?;
    ensure(
        !alive.body.contains(&room.0.name),
        "a page without the room's id",
        "it is there",
    )
}

async fn body_in_time(cx: &Cx) -> Outcome {
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let limit = Duration::from_millis(cx.target.limits.or("HANDSHAKE_MILLIS", 10_000));
    let target = &cx.target;
    let head = format!(
        "POST {}/api/rooms HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{{",
        target.path, target.authority
    );
    cx.log.sent("http", &head);
    let mut text = Vec::new();
    let exchange = async {
        let mut stream = target.connect(cx.peer(0), None).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.flush().await?;
        stream.take(4_096).read_to_end(&mut text).await.map(drop)
    };
    // Whether it closes the connection after it is its own affair.
    let _ = tokio::time::timeout(limit + Duration::from_secs(5), exchange).await;
    let text = String::from_utf8_lossy(&text).into_owned();
    cx.log.received("http", &text);
    ensure(
        text.starts_with("HTTP/1.1 408") && text.contains("handshake_timeout"),
        "the problem handshake_timeout for a body that does not come",
        text.lines().next().unwrap_or("nothing"),
    )
}

async fn origin_refused(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let host = cx.target.authority.clone();
    for origin in [
        "https://evil.example".to_owned(),
        format!("http://{host}.evil.example"),
        format!("http://{host}/path"),
        format!("ftp://{host}"),
        "not an origin".to_owned(),
    ] {
        let plan = cx.plan(PLAIN)?.request.to_string();
        let asked = cx
            .ask("POST", "/api/rooms")
            .header("Origin", origin.clone())
            .body(plan);
        asked.send().await?.expect_problem("origin_refused")?;
        let asked = cx
            .ask("GET", room.path())
            .header("Burnchat-Ticket", &room.0.ticket);
        asked
            .header("Origin", origin.clone())
            .send()
            .await?
            .expect_problem("origin_refused")?;
        let asked = cx
            .ask("DELETE", room.path())
            .header("Burnchat-Creator", &room.0.creator_token);
        asked
            .header("Origin", origin)
            .send()
            .await?
            .expect_problem("origin_refused")?;
    }
    // Two of them are nobody's, even where each is right.
    let own = own_origin(cx);
    let asked = cx
        .ask("GET", room.path())
        .header("Burnchat-Ticket", &room.0.ticket);
    let asked = asked.header("Origin", own.clone()).header("Origin", own);
    asked.send().await?.expect_problem("origin_refused")?;
    room.look(cx, &room.0.ticket).await?.expect(200).map(drop)
}

async fn origin_of_its_own(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let asked = cx
        .ask("GET", room.path())
        .header("Burnchat-Ticket", &room.0.ticket);
    asked
        .header("Origin", own_origin(cx))
        .send()
        .await?
        .expect(200)?;
    if cx.target.is_secure() {
        let origin = format!("http://{}", cx.target.authority);
        let asked = cx
            .ask("GET", room.path())
            .header("Burnchat-Ticket", &room.0.ticket);
        asked
            .header("Origin", origin)
            .send()
            .await?
            .expect_problem("origin_refused")?;
    }
    // Another port is another origin.
    let host = cx.target.authority.split(':').next().unwrap_or_default();
    let asked = cx
        .ask("GET", room.path())
        .header("Burnchat-Ticket", &room.0.ticket);
    let other = asked
        .header("Origin", format!("http://{host}:1"))
        .send()
        .await?;
    other.expect_problem("origin_refused").map(drop)
}

async fn origin_null(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let asked = cx
        .ask("GET", room.path())
        .header("Burnchat-Ticket", &room.0.ticket);
    asked
        .header("Origin", "null")
        .send()
        .await?
        .expect_problem("origin_refused")
        .map(drop)
}

async fn origin_of_a_websocket(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for (origin, right) in [
        ("https://evil.example".to_owned(), false),
        (own_origin(cx), true),
    ] {
        let asked = cx
            .ask("GET", format!("{}/ws", room.path()))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Protocol", "burnchat.v1")
            .header("Origin", origin);
        let answer = asked.send().await?;
        if right {
            answer.expect(101)?;
        } else {
            answer.expect_problem("origin_refused")?;
        }
    }
    Ok(())
}

async fn origin_allowed(cx: &Cx) -> Outcome {
    let allowed: String = cx.target.limits.asked("ALLOWED_ORIGINS")?;
    let room = cx.room().await?;
    let asked = cx
        .ask("GET", room.path())
        .header("Burnchat-Ticket", &room.0.ticket);
    let answer = asked
        .header("Origin", allowed.clone())
        .send()
        .await?
        .expect(200)?;
    ensure_eq(
        "`Access-Control-Allow-Origin`",
        answer.header("access-control-allow-origin"),
        allowed.as_str(),
    )?;
    no_credentials(&answer)?;
    let asked = cx
        .ask("OPTIONS", room.path())
        .header("Origin", allowed.clone())
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "burnchat-ticket");
    let answer = asked.send().await?;
    ensure(
        (200..300).contains(&answer.status),
        "a preflight to be answered",
        answer.status,
    )?;
    ensure_eq(
        "`Access-Control-Allow-Origin` of a preflight",
        answer.header("access-control-allow-origin"),
        allowed.as_str(),
    )?;
    let headers = answer.header("access-control-allow-headers").to_lowercase();
    ensure(
        headers.contains("burnchat-ticket") || headers == "*",
        "the header Burnchat-Ticket to be allowed",
        headers,
    )?;
    no_credentials(&answer)
}

fn no_credentials(answer: &Answer) -> Outcome {
    ensure_eq(
        "`Access-Control-Allow-Credentials`",
        answer.header("access-control-allow-credentials"),
        "",
    )
}

fn own_origin(cx: &Cx) -> String {
    let scheme = if cx.target.is_secure() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}", cx.target.authority)
}
