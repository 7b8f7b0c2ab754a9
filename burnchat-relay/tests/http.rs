//! Requests, over a real socket.

#[cfg(test)]
mod harness;

use burnchat_core::client::RoomSettings;
use burnchat_core::ids::RoomId;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::wire::http::RoomInfo;

use self::harness::http::{Answer, delete, get, post, request};
use self::harness::{Room, TestRelay};

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
    let wrong = format!("{}A", &token[..42]);
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
    let not_after = (harness::now().0 / 60_000) + 5;
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
    assert_eq!(answer.status, 503);
    // A second one has nothing to do.
    relay.relay.shutdown().await;
}
