//! The program under a great many faults, and what is left of them in its memory.
//!
//! With `BURNCHAT_FAULTS=full` these are as many as an operator would worry about: 100,000 connections, an hour of
//! rooms. Without, a few of each, so that they run with all other tests; the bounds are the same.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "what is not as it should be ends the test, in what its functions share, too"
)]

#[cfg(test)]
mod harness;

use std::fmt::Write;
use std::net::SocketAddr;

use burnchat_client::{EndReason, JoinOptions, Secret, connect, create_room};
use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::error::Code;
use burnchat_core::wire::BurnReason;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use self::harness::many::{NOWHERE, come_and_go, until_all_are_gone};
use self::harness::participant::{Participant, Person};
use self::harness::program::Program;
use self::harness::session::Session;
use self::harness::wire::Wire;
use self::harness::{Room, in_time};

const MIB: u64 = 1 << 20;

fn how_many(few: usize, full: usize) -> usize {
    match std::env::var("BURNCHAT_FAULTS").as_deref() {
        Ok("full") => full,
        _ => few,
    }
}

/// Rooms that live at the same time.
const AT_ONCE: usize = 4;

async fn program() -> Program {
    Program::start(&["--listen", "127.0.0.1:0", "--log", "error"]).await
}

#[tokio::test]
async fn connections_that_come_and_go_leave_nothing_behind() {
    let relay = program().await;
    // What is needed once is needed after these.
    come_and_go(relay.address, 1_000).await;
    until_all_are_gone(relay.address).await;
    let memory = relay.memory();

    let count = how_many(4_000, 100_000);
    come_and_go(relay.address, count).await;
    until_all_are_gone(relay.address).await;
    let grown = relay.memory().saturating_sub(memory);
    println!("{count} connections: {memory} bytes before, {grown} more after");
    assert!(grown < 2 * MIB, "{grown} bytes more than {memory}");

    let room = Room::create(relay.address).await;
    Participant::create(&room, "ann").await;
}

#[tokio::test]
async fn frames_of_sixteen_mebibytes_are_never_held() {
    let relay = program().await;
    send_too_much(relay.address).await;
    let memory = relay.memory();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        tasks.spawn(send_too_much(relay.address));
    }
    let mut most = 0;
    while let Some(done) = in_time(tasks.join_next()).await {
        done.unwrap();
        most = most.max(relay.memory());
    }
    let grown = most.saturating_sub(memory);
    assert!(grown < 4 * MIB, "{grown} bytes more than {memory}");
}

async fn send_too_much(relay: SocketAddr) {
    let mut wire = Wire::open(relay, NOWHERE).await;
    let length = 16_u64 << 20;
    let mut head = vec![0x81, 0xff];
    head.extend(length.to_be_bytes());
    head.extend([0; 4]);
    wire.send_bytes(&head).await;
    let piece = vec![b' '; 1 << 16];
    let stream = wire.0.get_mut();
    for _ in 0..length >> 16 {
        // It may be closed before all of it is sent.
        if stream.write_all(&piece).await.is_err() {
            return;
        }
    }
    // The refusal, the close, and the end of it.
    let _ = in_time(stream.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn clients_that_ask_and_never_read_cost_little_and_are_let_go() {
    let relay = Program::start(&[
        "--listen",
        "127.0.0.1:0",
        "--log",
        "error",
        "--ping-every-millis",
        "500",
        "--pong-within-millis",
        "500",
    ])
    .await;
    get_and_read(relay.address).await;
    let (memory, sockets) = (relay.memory(), relay.sockets());
    let mut clients = JoinSet::new();
    for _ in 0..64 {
        clients.spawn(ask_and_never_read(relay.address));
    }
    let mut most = 0;
    while let Some(done) = in_time(clients.join_next()).await {
        done.unwrap();
        most = most.max(relay.memory());
    }
    let grown = most.saturating_sub(memory);
    println!("64 clients that never read: {} KiB", grown >> 10);
    assert!(grown < 64 * (256 << 10), "{grown} bytes more than {memory}");
    in_time(async { while relay.sockets() > sockets {} }).await;
}

async fn get_and_read(relay: SocketAddr) {
    let page = harness::http::get(relay, "/", &[]).await;
    assert_eq!(page.status, 200);
}

/// Returns when the relay has had enough.
async fn ask_and_never_read(relay: SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(relay).await.unwrap();
    let requests = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    while stream.write_all(&requests).await.is_ok() {}
}

#[tokio::test]
async fn an_event_stream_that_nobody_reads_is_let_go() {
    let relay = Program::start(&[
        "--listen",
        "127.0.0.1:0",
        "--log",
        "error",
        "--ping-every-millis",
        "2000",
        "--pong-within-millis",
        "1000",
        "--backlog-bytes",
        "200000",
        "--connection-bytes",
        "100000000:100000000",
        "--room-bytes",
        "100000000:100000000",
    ])
    .await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let sockets = relay.sockets();
    let mut bob = Person::<Session>::join_with(&room, "bob", Some(4_096)).await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    assert_eq!(relay.sockets(), sockets + 1);
    // More than the kernel takes for him.
    let long = "-".repeat(30_000);
    for _ in 0..300 {
        ann.send(&long).await;
        ann.until(|event| matches!(event, Event::Accepted { .. }))
            .await;
    }
    in_time(async {
        while relay.sockets() > sockets {
            ann.send("still there").await;
            ann.until(|event| matches!(event, Event::Accepted { .. }))
                .await;
        }
    })
    .await;
    assert!(bob.wire.events.is_some(), "he has not closed it");
}

#[tokio::test]
async fn a_flood_of_pings_in_one_room_leaves_the_others_alone() {
    let relay = program().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = Participant::join(&room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    let mut floods = JoinSet::new();
    for _ in 0..4 {
        let mut wire = Wire::open(relay.address, NOWHERE).await;
        floods.spawn(async move {
            let pings = [0x89, 0x80, 0, 0, 0, 0].repeat(1_000);
            let stream = wire.0.get_mut();
            while stream.write_all(&pings).await.is_ok() {}
        });
    }
    for _ in 0..20 {
        ann.send("hello").await;
        assert_eq!(bob.until_message().await, "hello");
    }
    // Whoever floods is closed.
    in_time(floods.join_all()).await;
}

#[tokio::test]
async fn a_relay_that_is_killed_and_started_again_has_no_room_and_its_people_burn() {
    let relay = program().await;
    let address = relay.address.to_string();
    let base = format!("http://{address}");
    let created = create_room(&base, RoomSettings::default()).await.unwrap();
    let link = created.link.to_url();
    let options = JoinOptions {
        creator_token: Some(Secret::copy_of(created.creator_token.as_bytes())),
        ..JoinOptions::default()
    };
    let (ann, mut of_ann) = connect(created.link, options).await.unwrap();
    let guest = burnchat_client::Link::parse(&link).unwrap();
    let (bob, mut of_bob) = connect(guest, JoinOptions::default()).await.unwrap();
    in_time(async {
        while !matches!(
            of_bob.next().await,
            Some(burnchat_client::Event::Keyed { .. })
        ) {}
    })
    .await;

    relay.kill().await;
    let again = Program::start(&["--listen", &address, "--log", "error"]).await;
    for events in [&mut of_ann, &mut of_bob] {
        let ended = in_time(async {
            loop {
                match events.next().await.expect("it says how it ends") {
                    burnchat_client::Event::Ended(reason) => return reason,
                    _ => continue,
                }
            }
        });
        assert_eq!(ended.await, EndReason::LocalBurn);
    }
    // Nothing of the room is left with them.
    for person in [ann, bob] {
        assert!(person.link().is_none() && person.participants().is_empty());
    }
    // And nothing with the relay: to it the link is as good as any other.
    let stranger = burnchat_client::Link::parse(&link).unwrap();
    let refused = connect(stranger, JoinOptions::default()).await.err();
    assert_eq!(
        refused.and_then(|error| error.code()),
        Some(Code::RoomNotFound)
    );
    drop(again);
}

#[tokio::test]
async fn an_hour_of_rooms_needs_no_more_memory_at_its_end_than_at_its_beginning() {
    let relay = Program::start(&[
        "--listen",
        "127.0.0.1:0",
        "--log",
        "error",
        "--connection-frames",
        "100000:100000",
    ])
    .await;
    // One room a second.
    let tenth = how_many(160, 3_600) / 10;
    let mut curve = vec![relay.memory()];
    for _ in 0..10 {
        for _ in 0..tenth / AT_ONCE {
            join_all((0..AT_ONCE).map(|_| live_and_burn(&relay))).await;
        }
        curve.push(relay.memory());
    }
    let mut text = String::new();
    for bytes in &curve {
        write!(text, " {}", bytes >> 10).unwrap();
    }
    println!("KiB after each tenth of {} rooms:{text}", 10 * tenth);
    // The first fifth is for what is needed once.
    assert!(curve[10] < curve[2] + MIB, "{text}");
}

/// Three people, a few words, the end.
async fn live_and_burn(relay: &Program) {
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = Participant::join(&room, "bob").await;
    let mut eve = Participant::join(&room, "eve").await;
    tokio::join!(
        ann.until_keyed_with(2),
        bob.until_keyed_with(2),
        eve.until_keyed_with(2)
    );
    for _ in 0..3 {
        ann.send("a word").await;
        bob.until_message().await;
        eve.until_message().await;
        eve.send("another").await;
        bob.until_message().await;
    }
    let token = room.creator_token();
    let path = room.path();
    let burned = harness::http::delete(relay.address, &path, &[("Burnchat-Creator", &token)]).await;
    assert_eq!(burned.status, 204);
    bob.wire.expect_burn(BurnReason::Burned).await;
    eve.wire.expect_burn(BurnReason::Burned).await;
}
