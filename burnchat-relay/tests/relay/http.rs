//! Requests, over a real socket.

use burnchat_core::client::RoomSettings;
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::wire::http::{Problem, RoomInfo};

use crate::harness::http::{Answer, delete, from_page, get, post, request};
use crate::harness::{Room, TestRelay};

/// A well-formed id of no room.
const NOWHERE: &str = "/api/rooms/AAAAAAAAAAAAAAAAAAAAAA";

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_room_is_told_of_to_who_shows_its_ticket() {
    let relay = TestRelay::start().await;
    let settings = RoomSettings {
        ttl_seconds: 300,
        capacity: 9,
        history: true,
        ..RoomSettings::default()
    };
    let room = Room::create_with(relay.address, settings).await;
    assert_eq!(room.created.room_id, room.link.room_id());

    let ticket = room.ticket();
    let answer = get(relay.address, &room.path(), &[("Burnchat-Ticket", &ticket)]).await;
    assert_eq!(answer.status, 200);
    let info = RoomInfo::parse(answer.body.as_bytes()).unwrap();
    assert!((290..=300).contains(&info.seconds_remaining));
    assert_eq!((info.participants, info.capacity), (0, 9));
    assert!(info.history && !info.locked);
    assert_eq!(relay.relay.stats().await.rooms, 1);
}

#[tokio::test]
async fn who_shows_no_ticket_or_another_can_not_tell_the_room_from_none() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let path = room.path();
    let other = RoomId([7; 16]).to_base64();
    let ticket = room.ticket();
    let nothing = get(relay.address, NOWHERE, &[("Burnchat-Ticket", &ticket)]).await;
    assert_eq!(nothing.refusal(), refusal(404, "room_not_found"));
    for headers in [
        vec![],
        vec![("Burnchat-Ticket", other.as_str())],
        vec![("Burnchat-Ticket", "nonsense")],
        vec![("Burnchat-Creator", ticket.as_str())],
    ] {
        let answer = get(relay.address, &path, &headers).await;
        assert_eq!(
            (answer.status, &answer.body),
            (nothing.status, &nothing.body)
        );
    }
}

#[tokio::test]
async fn the_creator_token_burns_the_room_and_nothing_else_does() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (path, token) = (room.path(), room.creator_token());
    let other = if token.starts_with('A') { 'B' } else { 'A' };
    let wrong = format!("{other}{}", &token[1..]);
    for shown in [wrong.as_str(), "", "nonsense"] {
        let answer = delete(relay.address, &path, &[("Burnchat-Creator", shown)]).await;
        assert_eq!(answer.refusal(), refusal(404, "room_not_found"));
    }
    let answer = delete(relay.address, &path, &[("Burnchat-Creator", &token)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(relay.relay.stats().await.rooms, 0);

    let ticket = room.ticket();
    let answer = get(relay.address, &path, &[("Burnchat-Ticket", &ticket)]).await;
    assert_eq!(answer.refusal(), refusal(404, "room_not_found"));
}

#[tokio::test]
async fn a_body_that_is_not_a_request_for_a_room_is_refused() {
    let relay = TestRelay::start().await;
    let seed = "A".repeat(43);
    let twice = format!(r#"{{"id_seed":"{seed}","id_seed":"{seed}"}}"#);
    let soon_over =
        format!(r#"{{"id_seed":"{seed}","ticket_hash":"{seed}","ttl_seconds":60,"not_after":1}}"#);
    for (body, code) in [
        (b"".as_slice(), "malformed_frame"),
        (b"[]", "malformed_frame"),
        (b"{}", "malformed_frame"),
        (b"{\"id_seed\":\"\xff\"}", "malformed_frame"),
        (twice.as_bytes(), "duplicate_key"),
        (soon_over.as_bytes(), "bad_request"),
    ] {
        let answer = post(relay.address, "/api/rooms", body).await;
        assert_eq!(answer.refusal(), refusal(400, code));
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let relay = TestRelay::start().await;
    let length = (CLIENT_FRAME_BYTES + 1).to_string();
    let announced = [("Content-Length", length.as_str())];
    let answer = request(relay.address, "POST", "/api/rooms", &announced, b"").await;
    assert_eq!(answer.refusal(), refusal(413, "frame_too_large"));
}

#[tokio::test]
async fn a_body_that_grows_too_long_is_refused() {
    let relay = TestRelay::start().await;
    let mut body = format!("{:x}\r\n", CLIENT_FRAME_BYTES + 1).into_bytes();
    body.extend(vec![b' '; CLIENT_FRAME_BYTES + 1]);
    body.extend(b"\r\n0\r\n\r\n");
    let chunked = [("Transfer-Encoding", "chunked")];
    let answer = request(relay.address, "POST", "/api/rooms", &chunked, &body).await;
    assert_eq!(answer.refusal(), refusal(413, "frame_too_large"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let relay = TestRelay::with(|config| config.limits.handshake_millis = 50).await;
    let announced = [("Content-Length", "300")];
    let answer = request(relay.address, "POST", "/api/rooms", &announced, b"{").await;
    assert_eq!(answer.refusal(), refusal(408, "handshake_timeout"));
}

#[tokio::test]
async fn a_room_id_that_is_none_is_a_room_that_is_none() {
    let relay = TestRelay::start().await;
    for path in [
        "/api/rooms/x",
        "/api/rooms/AAAAAAAAAAAAAAAAAAAAAB",
        "/api/rooms/%ff",
        "/api/rooms/x/ws",
    ] {
        let answer = get(relay.address, path, &[]).await;
        assert_eq!(answer.refusal(), refusal(404, "room_not_found"), "{path}");
    }
}

#[tokio::test]
async fn the_page_of_a_room_is_the_same_for_all_and_inert() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let there = format!("/r/{}", room.link.room_id().to_base64());
    let page = get(relay.address, &there, &[]).await;
    assert_eq!(page.status, 200);
    for path in ["/r/AAAAAAAAAAAAAAAAAAAAAA", "/r/x"] {
        let other = get(relay.address, path, &[]).await;
        assert_eq!(without_date(&other), without_date(&page));
        assert_eq!(other.body, page.body);
    }
    for header in [
        "content-type: text/html; charset=utf-8",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none';",
    ] {
        assert!(page.head.contains(header), "{header}: {}", page.head);
    }
    assert!(!page.head.contains("set-cookie"));
    for active in [
        "<script", "<img", "<link", "<form", "http:", "https:", "url(",
    ] {
        assert!(!page.body.contains(active), "{active}");
    }
}

fn without_date(answer: &Answer) -> Vec<&str> {
    let lines = answer.head.lines();
    lines.filter(|line| !line.starts_with("date:")).collect()
}

#[tokio::test]
async fn a_websocket_needs_an_upgrade_and_our_subprotocol() {
    let relay = TestRelay::start().await;
    let path = format!("{NOWHERE}/ws");
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let with = |protocol| [&upgrade[..], &[("Sec-WebSocket-Protocol", protocol)]].concat();

    let plain = get(relay.address, &path, &[]).await;
    assert_eq!(plain.refusal(), refusal(400, "bad_request"));
    let bare = get(relay.address, &path, &upgrade).await;
    assert_eq!(bare.refusal(), refusal(400, "bad_request"));
    assert!(bare.body.contains("burnchat.v1"), "{}", bare.body);
    let other = get(relay.address, &path, &with("burnchat.v2, chat")).await;
    assert_eq!(other.refusal(), refusal(400, "bad_request"));
}

#[tokio::test]
async fn a_peer_has_only_so_many_rooms_and_relays_know_nothing_of_each_other() {
    let relay = TestRelay::with(|config| config.limits.rooms_of_peer = 1).await;
    let other = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let seed = "B".repeat(42) + "A";
    let not_after = (crate::harness::now().0 / 60_000) + 5;
    let body = format!(
        r#"{{"id_seed":"{seed}","ticket_hash":"{seed}","ttl_seconds":60,"not_after":{not_after}}}"#
    );
    let answer = post(relay.address, "/api/rooms", body.as_bytes()).await;
    assert_eq!(answer.refusal(), refusal(429, "too_many_rooms"));

    let answer = post(other.address, "/api/rooms", body.as_bytes()).await;
    assert_eq!(answer.status, 201);
    let ticket = room.ticket();
    let answer = get(other.address, &room.path(), &[("Burnchat-Ticket", &ticket)]).await;
    assert_eq!(answer.refusal(), refusal(404, "room_not_found"));
}

#[tokio::test]
async fn after_its_shutdown_a_relay_answers_503() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    relay.relay.shutdown().await;
    let ticket = room.ticket();
    let answer = get(relay.address, &room.path(), &[("Burnchat-Ticket", &ticket)]).await;
    assert_eq!(answer.refusal(), refusal(503, "relay_ending"));
    // A second one has nothing to do.
    relay.relay.shutdown().await;
}

#[tokio::test]
async fn a_problem_leads_to_the_registry_and_names_nothing_of_the_request() {
    let relay = TestRelay::start().await;
    let answer = get(relay.address, NOWHERE, &[]).await;
    let (_, id) = NOWHERE.rsplit_once('/').unwrap();
    assert!(!answer.body.contains(id));
    let problem = Problem::parse(answer.body.as_bytes()).unwrap();
    assert_eq!(problem.problem_type, Code::RoomNotFound.problem_type());
    assert_eq!(problem.title, Code::RoomNotFound.meaning());
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_refused_like_anything_else() {
    let relay = TestRelay::start().await;
    for (method, path, allowed) in [
        ("GET", "/api/rooms", "POST"),
        ("PUT", NOWHERE, "GET,HEAD,DELETE"),
        ("OPTIONS", NOWHERE, "GET,HEAD,DELETE"),
        ("POST", "/r/x", "GET,HEAD"),
    ] {
        let answer = request(relay.address, method, path, &[], b"").await;
        assert_eq!(answer.refusal(), refusal(405, "unknown_method"), "{path}");
        assert_eq!(
            answer.header("allow"),
            Some(allowed.to_lowercase().as_str())
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let ticket = room.ticket();
    for (path, headers, status) in [
        (
            room.path(),
            &[("Burnchat-Ticket", ticket.as_str())] as &[_],
            200,
        ),
        (NOWHERE.to_owned(), &[], 404),
        ("/r/x".to_owned(), &[], 200),
    ] {
        let answer = request(relay.address, "HEAD", &path, headers, b"").await;
        assert_eq!((answer.status, answer.body.as_str()), (status, ""));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_refused_like_anything_else() {
    let relay = TestRelay::start().await;
    for path in ["/", "/api", "/api/rooms/", "/r/", "/api/rooms/x/y/z"] {
        let answer = get(relay.address, path, &[]).await;
        assert_eq!(answer.refusal(), refusal(404, "unknown_path"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

/// What a page of this origin is answered: nothing of the room, but whether it may ask.
async fn welcome(relay: &TestRelay, origin: &str, headers: &[(&str, &str)]) -> bool {
    let mut welcome = Vec::new();
    for (method, path) in [
        ("POST", "/api/rooms".to_owned()),
        ("GET", format!("{NOWHERE}/ws")),
        ("DELETE", NOWHERE.to_owned()),
    ] {
        let answer = from_page(relay.address, method, &path, origin, headers).await;
        welcome.push(answer.refusal() != refusal(403, "origin_refused"));
    }
    let first = welcome.first() == Some(&true);
    assert!(welcome.iter().all(|one| *one == first), "{welcome:?}");
    first
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let relay = TestRelay::start().await;
    let address = relay.address;
    assert!(welcome(&relay, &format!("http://{address}"), &[]).await);
    for origin in [
        "null",
        "",
        "http://127.0.0.1",
        "http://evil.example",
        &format!("http://{address}.evil.example"),
        &format!("http://{address}/"),
    ] {
        assert!(!welcome(&relay, origin, &[]).await, "{origin}");
    }
    // Nobody has said that a proxy is to be believed.
    let forwarded = [("X-Forwarded-Host", "evil.example")];
    assert!(!welcome(&relay, "http://evil.example", &forwarded).await);
    let own = format!("http://{address}");
    assert!(!welcome(&relay, &own, &[("Origin", "http://evil.example")]).await);
}

#[tokio::test]
async fn a_page_that_came_through_a_trusted_proxy_is_the_relays_own() {
    let relay = TestRelay::with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let forwarded = [
        ("X-Forwarded-Host", "chat.example"),
        ("X-Forwarded-Proto", "https"),
    ];
    assert!(welcome(&relay, "https://chat.example", &forwarded).await);
    assert!(!welcome(&relay, "http://chat.example", &forwarded).await);
    assert!(!welcome(&relay, "https://evil.example", &forwarded).await);
}

#[tokio::test]
async fn an_allowed_page_is_welcome_and_its_browser_is_told_so() {
    let relay = TestRelay::with(|config| {
        config.allowed_origins = vec!["https://app.example".parse().unwrap()];
    })
    .await;
    assert!(welcome(&relay, "https://app.example", &[]).await);
    assert!(welcome(&relay, &format!("http://{}", relay.address), &[]).await);
    assert!(!welcome(&relay, "https://evil.example", &[]).await);
    assert!(!welcome(&relay, "http://app.example", &[]).await);

    let preflight = [
        ("Access-Control-Request-Method", "DELETE"),
        ("Access-Control-Request-Headers", "burnchat-creator"),
    ];
    for (origin, told) in [
        ("https://app.example", Some("https://app.example")),
        ("https://evil.example", None),
    ] {
        let answer = from_page(relay.address, "OPTIONS", NOWHERE, origin, &preflight).await;
        assert_eq!(answer.header("access-control-allow-origin"), told);
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let answer = from_page(relay.address, "GET", NOWHERE, origin, &[]).await;
        assert_eq!(answer.header("access-control-allow-origin"), told);
    }
}

#[tokio::test]
async fn rooms_are_counted_for_who_asks_and_not_for_the_proxy_between() {
    let make = async |relay: &TestRelay, seed: char, from: &str| {
        let seed = seed.to_string().repeat(42) + "A";
        let not_after = (crate::harness::now().0 / 60_000) + 5;
        let body = format!(
            r#"{{"id_seed":"{seed}","ticket_hash":"{seed}","ttl_seconds":60,"not_after":{not_after}}}"#
        );
        let length = body.len().to_string();
        let headers = [
            ("Content-Length", length.as_str()),
            ("X-Forwarded-For", from),
        ];
        request(
            relay.address,
            "POST",
            "/api/rooms",
            &headers,
            body.as_bytes(),
        )
        .await
        .status
    };
    let relay = TestRelay::with(|config| {
        config.limits.rooms_of_peer = 1;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    assert_eq!(make(&relay, 'B', "203.0.113.9").await, 201);
    assert_eq!(make(&relay, 'C', "198.51.100.7, 203.0.113.9").await, 429);
    assert_eq!(make(&relay, 'D', "203.0.113.10").await, 201);

    let unwitting = TestRelay::with(|config| config.limits.rooms_of_peer = 1).await;
    assert_eq!(make(&unwitting, 'B', "203.0.113.9").await, 201);
    assert_eq!(make(&unwitting, 'C', "203.0.113.10").await, 429);
}
