//! Rooms over plain HTTP (spec section 13.5), over real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::crypto::Secret;
use burnchat_core::error::Code;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::wire::{BurnReason, ClientFrame, Departure, RelayFrame};
use burnchat_relay::{Config, Relay};

use crate::harness::http::{Answer, request};
use crate::harness::participant::{Knock, Participant, Person, Transport};
use crate::harness::session::Session;
use crate::harness::wire::{Came, Wire};
use crate::harness::{Room, TestRelay, in_time, now, rng};

type HttpParticipant = Person<Session>;

/// A creator with a WebSocket and a guest without, who have a key.
async fn mixed(room: &Room) -> (Participant, HttpParticipant) {
    let mut ann = Participant::create(room, "ann").await;
    let mut bob = HttpParticipant::join(room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    (ann, bob)
}

/// A session before its `join`, and the frame.
async fn about_to_join(room: &Room) -> (Session, String) {
    let session = Session::open_with(room.relay, room.link.room_id(), None).await;
    (session, Knock::prepare(room).join)
}

/// A session that has joined and has no event stream yet.
async fn joined(room: &Room) -> (Session, u64) {
    let (mut session, join) = about_to_join(room).await;
    let answer = session.enter(&join, &[("Accept-Token", "bearer")]).await;
    (session, joined_in(&answer).seq)
}

fn joined_in(answer: &Answer) -> Box<burnchat_core::wire::Joined> {
    match RelayFrame::parse(answer.body.as_bytes()) {
        Ok(Some(RelayFrame::Joined(joined))) => joined,
        came => panic!("not joined: {came:?}"),
    }
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn who_has_only_http_talks_with_who_has_a_websocket() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = mixed(&room).await;
    assert_eq!(ann.client.head(), bob.client.head());
    let id = bob.send("hello").await;
    assert_eq!(ann.until_message().await, "hello");
    bob.until(|event| matches!(event, Event::Accepted { id: accepted } if *accepted == id))
        .await;
    ann.send("hello yourself").await;
    assert_eq!(bob.until_message().await, "hello yourself");
    assert_eq!(relay.relay.stats().await.connections, 2);
}

#[tokio::test]
async fn a_room_lives_and_burns_over_http_alone() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut ann = HttpParticipant::create(&room, "ann").await;
    let mut bob = HttpParticipant::join(&room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    ann.send("for a while").await;
    assert_eq!(bob.until_message().await, "for a while");

    ann.client.burn(now(), &mut rng()).unwrap();
    ann.carry_out().await;
    ann.wire.expect_burn(BurnReason::Burned).await;
    bob.wire.expect_burn(BurnReason::Burned).await;
    assert_eq!(relay.relay.stats().await.rooms, 0);

    let again = bob.wire.listen(Some(1)).await.unwrap_err();
    assert_eq!(again.refusal(), refusal(404, "room_not_found"));
    let frame = bob.wire.hand_in(r#"{"type":"burn"}"#).await;
    assert_eq!(frame.refusal(), refusal(409, "unexpected_frame"));
}

#[tokio::test]
async fn when_what_serves_it_ends_a_session_has_ended() {
    let relay = Relay::start(Config::default());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let service = relay
        .router()
        .into_make_service_with_connect_info::<SocketAddr>();
    // An application serves it, and stops while the relay goes on.
    let application = tokio::runtime::Runtime::new().unwrap();
    application.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, service).await
    });
    let room = Room::create(address).await;
    let (_waits, _) = joined(&room).await;
    let mut bob = HttpParticipant::join(&room, "bob").await;
    assert_eq!(relay.stats().await.connections, 2);
    application.shutdown_background();
    assert!(in_time(bob.wire.take()).await.is_none());
    in_time(async {
        while relay.stats().await.connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(relay.stats().await.participants, 2);
}

#[tokio::test]
async fn whose_stream_breaks_goes_on_after_the_last_event() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = mixed(&room).await;
    // A stream that breaks, and one that is displaced by the next.
    for breaks in [true, false] {
        let old = bob.wire.events.take();
        let old = old.filter(|_| !breaks);
        ann.send("are you there?").await;
        // It is in the log, whichever of the two the relay hears first from here on.
        ann.until(|event| matches!(event, Event::Accepted { .. }))
            .await;
        bob.reconnect().await;
        bob.until(|event| matches!(event, Event::Reconnecting))
            .await;
        assert_eq!(bob.until_message().await, "are you there?");
        bob.until(|event| matches!(event, Event::Resumed)).await;
        if let Some(mut old) = old {
            let mut last = None;
            while let Some(event) = in_time(old.next()).await {
                last = event.frame.or(last);
            }
            assert_eq!(
                last.as_deref(),
                Some(r#"{"type":"error","code":"displaced"}"#)
            );
        }
        bob.send("I am").await;
        assert_eq!(ann.until_message().await, "I am");
    }
    assert_eq!(ann.client.participants().len(), 2);
}

#[tokio::test]
async fn who_is_kicked_is_told_and_stays_out() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = mixed(&room).await;
    let whom = bob.client.id().unwrap();
    ann.client.kick(now(), whom, true, &mut rng()).unwrap();
    ann.carry_out().await;
    bob.wire.expect_refusal(Code::Kicked).await;
    let again = bob.wire.listen(Some(1)).await.unwrap_err();
    assert_eq!(again.refusal(), refusal(403, "kicked"));
    ann.until(|event| matches!(event, Event::ParticipantLeft { .. }))
        .await;
}

#[tokio::test]
async fn who_leaves_is_gone_at_once() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = mixed(&room).await;
    assert_eq!(bob.wire.leave().await.status, 204);
    let left = ann
        .until(|event| matches!(event, Event::ParticipantLeft { .. }))
        .await;
    assert!(
        matches!(
            left,
            Event::ParticipantLeft {
                reason: Some(Departure::Left),
                ..
            }
        ),
        "{left:?}"
    );
    // The stream says that it is over, and ends.
    bob.wire.expect_refusal(Code::Displaced).await;
    // Who did not hear the answer may ask again.
    assert_eq!(bob.wire.leave().await.status, 204);
    assert_eq!(relay.relay.stats().await.participants, 1);
}

#[tokio::test]
async fn who_has_lost_the_stream_can_leave_and_is_gone_at_once() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = mixed(&room).await;
    drop(bob.wire.events.take());
    in_time(async { while relay.relay.stats().await.connections > 1 {} }).await;
    assert_eq!(relay.relay.stats().await.participants, 2);

    assert_eq!(bob.wire.leave().await.status, 204);
    assert_eq!(relay.relay.stats().await.participants, 1);
    let left = ann
        .until(|event| matches!(event, Event::ParticipantLeft { .. }))
        .await;
    let reason = match left {
        Event::ParticipantLeft { reason, .. } => reason,
        event => panic!("{event:?}"),
    };
    assert_eq!(reason, Some(Departure::Left));
}

#[tokio::test]
async fn who_never_came_for_the_stream_can_leave_too() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (session, _) = joined(&room).await;
    assert_eq!(session.leave().await.status, 204);
    let stats = relay.relay.stats().await;
    assert_eq!((stats.participants, stats.connections), (0, 0));
}

#[tokio::test]
async fn entries_of_the_history_are_nothing_to_go_on_from() {
    let relay = TestRelay::start().await;
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let room = Room::create_with(relay.address, settings).await;
    let mut ann = HttpParticipant::create(&room, "ann").await;
    ann.until_keyed_with(0).await;
    let id = ann.send("long ago").await;
    ann.until(|event| matches!(event, Event::Accepted { id: accepted } if *accepted == id))
        .await;

    let (mut session, seq) = joined(&room).await;
    session.listen(None).await.unwrap();
    let mut events = session.events.take().unwrap();
    assert!(events.head.contains("content-type: text/event-stream\r\n"));
    assert!(events.head.contains("cache-control: no-store\r\n"));
    // Before anything else the place to go on from is set.
    let start = in_time(events.next()).await.unwrap();
    assert_eq!((start.id, start.frame), (Some(seq), None));
    let mut history = 0;
    loop {
        let event = in_time(events.next()).await.unwrap();
        let Some(text) = event.frame else { continue };
        let frame = RelayFrame::parse(text.as_bytes()).unwrap().unwrap();
        if let RelayFrame::HistoryEnd(_) = frame {
            break;
        }
        history += 1;
        assert!(frame.seq().is_none_or(|of_history| of_history < seq));
        assert_eq!(event.id, None);
    }
    assert!(history > 0);

    let (_other, _) = joined(&room).await;
    loop {
        let event = in_time(events.next()).await.unwrap();
        if let Some(id) = event.id {
            assert_eq!(id, seq + 1);
            break;
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_frame_is_said_in_the_stream() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    for (frame, code) in [
        ("nonsense", Code::MalformedFrame),
        (r#"{"type":"dance"}"#, Code::UnknownType),
    ] {
        let mut bob = HttpParticipant::join(&room, "bob").await;
        assert_eq!(bob.wire.hand_in(frame).await.status, 202);
        bob.wire.expect_refusal(code).await;
    }
    let mut bob = HttpParticipant::join(&room, "bob").await;
    assert_eq!(bob.wire.hand_in(r#"{"type":"burn"}"#).await.status, 202);
    loop {
        match bob.wire.receive().await.unwrap() {
            RelayFrame::Error(error) => break assert_eq!(error.code, Code::NotCreator),
            _ => continue,
        }
    }
    // That closed nothing.
    let long = " ".repeat(CLIENT_FRAME_BYTES + 1);
    let answer = bob.wire.hand_in(&long).await;
    assert_eq!(answer.refusal(), refusal(413, "frame_too_large"));
    assert_eq!(bob.wire.hand_in("").await.status, 202);
}

#[tokio::test]
async fn a_join_that_is_refused_is_answered_with_why() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut session, join) = about_to_join(&room).await;
    let ticket = format!(r#""ticket":"{}""#, room.ticket());
    let without = join.replace(&ticket, r#""ticket":null"#);
    assert_ne!(without, join);
    let resume = ClientFrame::Resume(burnchat_core::wire::Resume {
        seat_token: Secret::copy_of(&[0; 32]),
        seq: 1,
    });
    for (body, status, code) in [
        (without.as_str(), 404, "room_not_found"),
        ("{}", 400, "malformed_frame"),
        (r#"{"type":"burn"}"#, 409, "unexpected_frame"),
        (resume.encode().as_str(), 409, "unexpected_frame"),
    ] {
        let answer = session.enter(body, &[]).await;
        assert_eq!(answer.refusal(), refusal(status, code), "{body}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    // Nothing of it is left.
    assert_eq!(relay.relay.stats().await.connections, 0);
    assert_eq!(session.enter(&join, &[]).await.status, 201);
    assert_eq!(
        session.enter(&join, &[]).await.refusal(),
        refusal(409, "id_taken")
    );
}

#[tokio::test]
async fn who_shows_another_token_or_none_is_told_nothing() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut bob = HttpParticipant::join(&room, "bob").await;
    let right = bob.wire.bearer.clone();
    let other = format!("Bearer {}", "A".repeat(43));
    for (shown, frames, events) in [
        ("", "room_not_found", "room_not_found"),
        ("Bearer x", "room_not_found", "room_not_found"),
        (
            &right.replace("Bearer", "Basic"),
            "room_not_found",
            "room_not_found",
        ),
        (&other, "unexpected_frame", "room_not_found"),
    ] {
        bob.wire.bearer = shown.to_owned();
        assert_eq!(bob.wire.hand_in("").await.refusal().1, frames, "{shown}");
        assert_eq!(bob.wire.leave().await.refusal().1, events, "{shown}");
        let mut session = Session::open_with(relay.address, room.link.room_id(), None).await;
        (session.seat, session.bearer) = (bob.wire.seat.clone(), shown.to_owned());
        let refused = session.listen(Some(1)).await.unwrap_err();
        assert_eq!(refused.refusal().1, events, "{shown}");
    }
    bob.wire.bearer = right;
    assert_eq!(bob.wire.hand_in("").await.status, 202);
}

#[tokio::test]
async fn who_does_not_come_for_the_stream_is_away_and_can_resume() {
    let relay = TestRelay::with(|config| config.limits.handshake_millis = 200).await;
    let room = Room::create(relay.address).await;
    let (mut session, seq) = joined(&room).await;
    assert_eq!(session.hand_in("").await.status, 202);
    in_time(async {
        while session.hand_in("").await.status == 202 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let late = session.listen(None).await.unwrap_err();
    assert_eq!(late.refusal(), refusal(410, "gap"));
    let future = session.listen(Some(seq + 1)).await.unwrap_err();
    assert_eq!(future.refusal(), refusal(410, "gap"));
    session.listen(Some(seq)).await.unwrap();
    assert!(matches!(
        session.receive().await,
        Some(RelayFrame::Resumed(_))
    ));
}

#[tokio::test]
async fn a_cookie_holds_the_token_for_one_participant_alone() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut session, join) = about_to_join(&room).await;
    let answer = session.enter(&join, &[]).await;
    // Case matters in what follows.
    let cookie = answer.cookie();
    let (token, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(
        attributes,
        format!("Path={}; HttpOnly; Secure; SameSite=Strict", session.seat)
    );
    assert_eq!(joined_in(&answer).seat_token.as_bytes(), &[0; 32]);
    assert!(
        !answer
            .body
            .contains(token.strip_prefix("burnchat_seat=").unwrap())
    );

    let shown = format!("other=1; {token}");
    let shown = [("Cookie", shown.as_str())];
    session.events = Some(session.open_events(&shown, None).await.unwrap());
    let frames = format!("{}/frames", session.seat);
    assert_eq!(session.post(&frames, "", &shown).await.status, 202);

    // A fresh join with the cookie takes the seat over, and has a cookie of its own.
    let (mut next, join) = about_to_join(&room).await;
    next.path = session.seat.clone();
    let answer = next.enter(&join, &shown).await;
    assert_eq!(answer.status, 201);
    session.expect_refusal(Code::Displaced).await;
    assert_eq!(joined_in(&answer).participants.len(), 1);
    let own = next.seat.rsplit('/').next().unwrap();
    let path = format!(
        "Path=/api/rooms/{}/session/{own};",
        room.link.room_id().to_base64()
    );
    assert!(answer.cookie().contains(&path), "{answer:?}");

    // It is taken back by who leaves.
    let token = answer.cookie();
    let shown = [("Cookie", token.split(';').next().unwrap())];
    let seat = format!("{}/{own}", session.path);
    let answer = request(relay.address, "DELETE", &seat, &shown, b"").await;
    assert_eq!(answer.status, 204);
    let gone = answer.cookie();
    assert!(gone.starts_with("burnchat_seat=; Path="), "{gone}");
    assert!(gone.ends_with("; Max-Age=0"), "{gone}");
}

/// Two rooms, and two tabs in the first of them, all in one browser.
#[tokio::test]
async fn cookies_do_not_meet_wherever_the_relay_is_mounted() {
    // What a proxy takes off, and where the application has put the relay.
    for (outside, mount) in [("", ""), ("/outer", ""), ("", "/chat"), ("/outer", "/chat")] {
        let relay = TestRelay::mounted(mount, |config| config.path_prefix = outside.into()).await;
        let rooms = [
            Room::create(relay.address).await,
            Room::create(relay.address).await,
        ];
        let mut jar = Jar::default();
        let mut sessions = Vec::new();
        for room in [&rooms[0], &rooms[0], &rooms[1]] {
            let (mut session, join) = about_to_join(room).await;
            session.path = format!("{mount}{}", session.path);
            let answer = session.enter(&join, &[]).await;
            assert_eq!(answer.status, 201, "{answer:?}");
            jar.take(answer.cookie());
            sessions.push(session);
        }
        assert_eq!(jar.0.len(), 3, "{jar:?}");
        for session in &sessions {
            let frames = format!("{}/frames", session.seat);
            let shown = jar.shown_to(&format!("{outside}{frames}"));
            let [one] = shown.as_slice() else {
                panic!("{shown:?}");
            };
            let answer = session.post(&frames, "", &[("Cookie", one)]).await;
            // Every one of them is there, and has no event stream yet.
            assert_eq!(answer.status, 202, "{answer:?}");
            assert!(
                jar.shown_to(&format!("{outside}{mount}/api/rooms"))
                    .is_empty()
            );
        }
        // One of them leaves, and the browser forgets this one.
        let path = format!("{outside}{}", sessions[0].seat);
        let shown = jar.shown_to(&path).remove(0);
        let shown = [("Cookie", shown.as_str())];
        let left = request(relay.address, "DELETE", &sessions[0].seat, &shown, b"").await;
        jar.take(left.cookie());
        assert!(jar.shown_to(&path).is_empty());
        assert_eq!(jar.0.len(), 2);
    }
}

/// A browser's cookies, by name and path (RFC 6265 sections 5.3 and 5.4).
#[derive(Debug, Default)]
struct Jar(BTreeMap<(String, String), String>);

impl Jar {
    fn take(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        let attribute = |name| {
            attributes
                .split("; ")
                .find_map(|one| one.strip_prefix(name))
        };
        let path = attribute("Path=").unwrap();
        let key = (name.to_owned(), path.to_owned());
        match attribute("Max-Age=") {
            Some("0") => self.0.remove(&key),
            _ => self.0.insert(key, value.to_owned()),
        };
    }

    fn shown_to(&self, request: &str) -> Vec<String> {
        let matches = |path: &str| {
            let rest = request.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let matching = self.0.iter().filter(|((_, path), _)| matches(path));
        matching
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect()
    }
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_session() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut session, join) = about_to_join(&room).await;
    let evil = [("Origin", "http://evil.example")];
    let answer = session.enter(&join, &evil).await;
    assert_eq!(answer.refusal(), refusal(403, "origin_refused"));
    let own = format!("http://{}", relay.address);
    let answer = session.enter(&join, &[("Origin", &own)]).await;
    assert_eq!(answer.status, 201);
    let token = answer.cookie();
    let shown = ("Cookie", token.split(';').next().unwrap());
    for (method, path) in [
        ("GET", format!("{}/events", session.seat)),
        ("POST", format!("{}/frames", session.seat)),
        ("DELETE", session.seat.clone()),
    ] {
        let answer = request(relay.address, method, &path, &[evil[0], shown], b"").await;
        assert_eq!(answer.refusal(), refusal(403, "origin_refused"));
    }
}

#[tokio::test]
async fn a_stream_lives_as_long_as_its_client_does() {
    let relay = TestRelay::with(|config| {
        config.ping_every = Duration::from_millis(200);
        config.pong_within = Duration::from_millis(100);
    })
    .await;
    let room = Room::create(relay.address).await;
    let (mut session, _) = joined(&room).await;
    session.listen(None).await.unwrap();
    let mut events = session.events.take().unwrap();
    let mut comments = 0;
    while comments < 5 {
        let event = in_time(events.next()).await.unwrap();
        if event.comment {
            comments += 1;
            assert_eq!(session.hand_in("").await.status, 202);
        }
    }
    // From now on it says nothing.
    while in_time(events.next()).await.is_some() {}
    assert_eq!(session.hand_in("").await.status, 409);
}

#[tokio::test]
async fn who_only_gives_signs_of_life_loses_the_stream_in_the_end_and_goes_on_from_there() {
    let relay = TestRelay::with(|config| config.limits.idle_millis = 500).await;
    let room = Room::create(relay.address).await;
    let (mut session, seq) = joined(&room).await;
    session.listen(None).await.unwrap();
    in_time(async {
        while session.hand_in("").await.status == 202 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // The stream ends as one that breaks does: without a word.
    let came = session.receive().await;
    assert!(came.is_none(), "{came:?}");
    session.listen(Some(seq)).await.unwrap();
    let back = session.receive().await;
    assert!(matches!(back, Some(RelayFrame::Resumed(_))), "{back:?}");
}

#[tokio::test]
async fn an_event_stream_is_not_opened_for_a_head() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (session, _) = joined(&room).await;
    let path = format!("{}/events", session.seat);
    let bearer = [("Authorization", session.bearer.as_str())];
    let answer = request(relay.address, "HEAD", &path, &bearer, b"").await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn who_reads_too_slowly_is_given_up_and_nobody_waits() {
    let relay = TestRelay::with_small_buffers(16_384, |config| {
        config.backlog_bytes = 200_000;
        let limits = &mut config.limits;
        limits.connection_frames.burst = 10_000;
        limits.connection_bytes.burst = 100_000_000;
        limits.room_bytes.burst = 100_000_000;
        limits.room_envelopes.burst = 10_000;
    })
    .await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = HttpParticipant::join_with(&room, "bob", Some(16_384)).await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    let long = "-".repeat(30_000);
    for _ in 0..100 {
        let id = ann.send(&long).await;
        ann.until(|event| matches!(event, Event::Accepted { id: accepted } if *accepted == id))
            .await;
    }
    assert_eq!(relay.relay.stats().await.connections, 1);
    assert_eq!(bob.wire.hand_in("").await.refusal().0, 409);
    // What he has not read yet ends in the middle, and he goes on from there.
    let mut last = 0;
    let mut events = bob.wire.events.take().unwrap();
    while let Some(event) = in_time(events.next()).await {
        last = event.id.unwrap_or(last);
    }
    bob.wire.listen(Some(last)).await.unwrap();
    let next = bob.wire.receive().await.unwrap();
    assert_eq!(next.seq(), Some(last + 1));
}

#[tokio::test]
async fn a_relay_that_ends_burns_the_rooms_of_those_without_websockets_too() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob) = mixed(&room).await;
    // One who has no stream keeps nobody waiting.
    let (waiting, join) = (joined(&room).await, about_to_join(&room).await);
    let ended = tokio::spawn({
        let relay = relay.relay.clone();
        async move { relay.shutdown().await }
    });
    bob.wire.expect_burn(BurnReason::Shutdown).await;
    ann.wire.expect_burn(BurnReason::Shutdown).await;
    // Before the time is over that those who are told have.
    let within = Config::default().shutdown_within - Duration::from_secs(1);
    tokio::time::timeout(within, ended).await.unwrap().unwrap();
    let (mut session, join) = join;
    let late = session.enter(&join, &[]).await;
    assert_eq!(late.refusal(), refusal(503, "relay_ending"));
    drop(waiting);
}

#[tokio::test]
async fn a_websocket_and_a_session_take_one_seat_from_each_other() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let (mut session, seq) = joined(&room).await;
    session.listen(None).await.unwrap();
    let mut wire = Wire::open(relay.address, room.link.room_id()).await;
    let token = session.bearer.strip_prefix("Bearer ").unwrap();
    wire.send(&format!(
        r#"{{"type":"resume","seat_token":"{token}","seq":{seq}}}"#
    ))
    .await;
    session.expect_refusal(Code::Displaced).await;
    assert!(matches!(
        wire.receive().await,
        Came::Frame(RelayFrame::Resumed(_))
    ));
    session.listen(Some(seq)).await.unwrap();
    wire.expect_refusal(Code::Displaced).await;
}
