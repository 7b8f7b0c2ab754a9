//! The program: what it says, how it ends.

#![cfg(unix)]
use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::error::Code;
use burnchat_core::wire::BurnReason;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::http::delete;
use crate::harness::life::{HttpLife, Life};
use crate::harness::markers::Markers;
use crate::harness::participant::{Knock, Participant, Person, Transport};
use crate::harness::program::{Program, run};
use crate::harness::session::Session;
use crate::harness::wire::Came;
use crate::harness::{Room, in_time, now};

#[tokio::test]
async fn asked_to_end_it_burns_every_room_first() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start(&["--listen", "127.0.0.1:0"]).await;
        let room = Room::create(program.address).await;
        let mut ann = Participant::create(&room, "ann").await;
        let mut bob = Participant::join(&room, "bob").await;
        program.signal(signal);
        ann.wire.expect_burn(BurnReason::Shutdown).await;
        bob.wire.expect_burn(BurnReason::Shutdown).await;
        assert!(matches!(ann.wire.next().await, Came::End));
        assert!(matches!(bob.wire.next().await, Came::End));
        assert_eq!(program.exit_code().await, 0);
    }
}

#[tokio::test]
async fn asked_to_end_it_tells_those_without_websockets_and_ends_with_them() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0"]).await;
    let life = HttpLife::live(program.address, RoomSettings::default()).await;
    // One who is away, and one who has not come for the first event stream, keep nobody waiting.
    let away = Room::create(program.address).await;
    let mut eve = Person::<Session>::create(&away, "eve").await;
    drop(eve.wire.events.take());
    let knock = Knock::prepare(&away).join;
    let mut early = Session::open_with(program.address, away.link.room_id(), None).await;
    assert_eq!(early.enter(&knock, &[]).await.status, 201);

    let asked = now();
    program.signal(Signal::TERM);
    life.end(BurnReason::Shutdown).await;
    assert_eq!(program.exit_code().await, 0);
    let took = now().millis_since(asked);
    assert!(took < 5_000, "{took} ms, as if somebody had not been told");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0"]).await;
    let room = Room::create(program.address).await;
    // Ann is not going to confirm that she has heard of the end.
    let _ann = Participant::create(&room, "ann").await;
    program.signal(Signal::TERM);
    program.until_logged("asked to end").await;
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code().await, 143);
}

#[tokio::test]
async fn where_it_can_not_listen_it_does_not_start() {
    let program = Program::start(&["--listen", "127.0.0.1:0"]).await;
    let taken = program.address.to_string();
    let second = run(&["--listen", &taken]).await;
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stdout.is_empty());
}

#[tokio::test]
async fn beyond_this_machine_it_warns_that_it_speaks_plain_http() {
    let mut program = Program::start(&["--listen", "0.0.0.0:0"]).await;
    program.until_logged("plain HTTP").await;
    let mut program = Program::start(&["--listen", "127.0.0.1:0"]).await;
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code().await, 0);
    let log = program.rest_of_log().await;
    assert!(!log.contains("WARN"), "{log}");
}

#[tokio::test]
async fn nothing_in_its_log_tells_of_a_room_or_a_person() {
    for format in ["text", "json"] {
        let mut program = Program::start(&[
            "--listen",
            "127.0.0.1:0",
            "--log",
            "trace",
            "--log-format",
            format,
        ])
        .await;
        let markers = two_lives_with_faults(&program).await;
        program.signal(Signal::TERM);
        let log = program.rest_of_log().await;
        assert_eq!(program.exit_code().await, 0);

        // It does say something, in the form that was asked for.
        assert!(log.contains("a connection ends"), "{log}");
        let is_json = |line: &str| line.starts_with('{') && line.ends_with('}');
        assert_eq!(log.lines().all(is_json), format == "json", "{log}");
        let finder = markers.finder();
        let found: Vec<_> = finder.find(log.as_bytes()).collect();
        assert!(found.is_empty(), "{found:?}: {log}");
        for marker in ["-the-marker", "127.0.0.1", "/api/rooms", "burnchat_seat"] {
            assert!(!log.contains(marker), "{marker}: {log}");
        }
    }
}

/// Rooms with everything that may be worth a word: over WebSockets and without, with faults, refusals and burns.
async fn two_lives_with_faults(program: &Program) -> Markers {
    let relay = program.address;
    let mut life = Life::live(relay, RoomSettings::default()).await;
    let http = HttpLife::live(relay, RoomSettings::default()).await;
    let room = Room::create(relay).await;
    let mut eve = Participant::create(&room, "eve-the-marker").await;

    let mut markers = life.markers();
    markers.extend(http.markers());
    markers.extend(room.markers());
    for wire in [&life.ann.wire, &eve.wire] {
        let address = wire.0.get_ref().local_addr().unwrap();
        markers.add("an address", &address.to_string());
    }
    eve.wire.send_binary(b"\0").await;
    eve.wire.expect_refusal(Code::MalformedFrame).await;
    // No WebSocket at all any more.
    let bob = &mut life.bob;
    bob.wire.send_bytes(&[0x83, 0x80, 0, 0, 0, 0]).await;
    bob.wire.expect_close_after_frames(1002).await;
    bob.reconnect().await;
    bob.until(|event| matches!(event, Event::Resumed)).await;
    let (path, ticket, shown) = (room.path(), room.ticket(), http.ann.wire.credential());
    let refused = http.ann.wire.post(&path, "{", &[shown]).await;
    assert_eq!(refused.status, 405);
    let wrong = delete(relay, &path, &[("Burnchat-Creator", &ticket)]).await;
    assert_eq!(wrong.status, 404);
    life.burn_over_http().await;
    http.burn().await;
    markers
}

#[tokio::test]
async fn who_does_not_finish_the_head_of_a_request_is_closed() {
    let program = Program::start(&["--listen", "127.0.0.1:0", "--handshake-millis", "300"]).await;
    let whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    // Nothing; a piece; a whole one, and then a piece of the next.
    for head in [
        &b""[..],
        b"GET / HTTP/1.1\r\nHo",
        &[whole, &whole[..9]].concat(),
    ] {
        let mut stream = TcpStream::connect(program.address).await.unwrap();
        stream.write_all(head).await.unwrap();
        let mut answer = Vec::new();
        in_time(stream.read_to_end(&mut answer)).await.unwrap();
    }
}

#[tokio::test]
async fn its_help_is_worth_reading() {
    let help = String::from_utf8(run(&["--help"]).await.stdout).unwrap();
    for part in [
        "Examples:",
        "What it stores:",
        "Exit codes:",
        "[default: 127.0.0.1:8470]",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
