//! Connections that do what they should not, over real sockets.

use std::time::Duration;

use burnchat_core::client::Event;
use burnchat_core::error::Code;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::wire::{BurnReason, RelayFrame};
use burnchat_relay::Rate;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::many::NOWHERE;
use crate::harness::participant::Participant;
use crate::harness::wire::{Came, Wire};
use crate::harness::{Room, TestRelay, in_time, now, rng};

/// The size of a kernel buffer that fills soon.
const SMALL: u32 = 16_384;

#[tokio::test]
async fn who_says_nothing_is_closed_in_time() {
    let relay = TestRelay::with(|config| config.limits.handshake_millis = 50).await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    wire.expect_refusal(Code::HandshakeTimeout).await;
}

#[tokio::test]
async fn a_room_that_is_none_is_told_to_a_join_only() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    let resume = format!(
        r#"{{"type":"resume","seat_token":"{}","seq":0}}"#,
        "A".repeat(43)
    );
    wire.send(&resume).await;
    wire.expect_refusal(Code::RoomNotFound).await;
}

#[tokio::test]
async fn what_is_no_frame_is_refused_and_closed() {
    let relay = TestRelay::start().await;
    for (text, code) in [
        ("", Code::MalformedFrame),
        ("{}", Code::MalformedFrame),
        (r#"{"type":"dance"}"#, Code::UnknownType),
        (r#"{"type":"burn"}"#, Code::UnexpectedFrame),
    ] {
        let mut wire = Wire::open(relay.address, NOWHERE).await;
        wire.send(text).await;
        wire.expect_refusal(code).await;
    }
}

#[tokio::test]
async fn a_binary_message_is_malformed() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    wire.send_binary(br#"{"type":"burn"}"#).await;
    wire.expect_refusal(Code::MalformedFrame).await;
}

#[tokio::test]
async fn a_text_that_is_not_utf_8_is_malformed() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    // A final text frame of one byte, masked with zeros.
    let frame = [0x81, 0x81, 0, 0, 0, 0, 0xff];
    wire.0.get_mut().write_all(&frame).await.unwrap();
    wire.expect_refusal(Code::MalformedFrame).await;
}

#[tokio::test]
async fn a_frame_of_the_limit_is_looked_at_and_one_byte_more_is_not() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    wire.send(&" ".repeat(CLIENT_FRAME_BYTES)).await;
    wire.expect_refusal(Code::MalformedFrame).await;

    let mut wire = Wire::open(relay.address, NOWHERE).await;
    wire.send(&" ".repeat(CLIENT_FRAME_BYTES + 1)).await;
    wire.expect_refusal(Code::FrameTooLarge).await;
}

#[tokio::test]
async fn a_message_in_pieces_has_the_same_limit() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    // Pieces of 16 KiB, none of them the last, masked with zeros.
    let mut piece = vec![0x01, 0xfe, 0x40, 0x00, 0, 0, 0, 0];
    piece.extend([b' '; 0x4000]);
    for _ in 0..5 {
        wire.0.get_mut().write_all(&piece).await.unwrap();
        piece[0] = 0x00;
    }
    wire.expect_refusal(Code::FrameTooLarge).await;
}

#[tokio::test]
async fn a_frame_that_announces_megabytes_is_refused_before_they_come() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    let head = [0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    wire.0.get_mut().write_all(&head).await.unwrap();
    wire.expect_refusal(Code::FrameTooLarge).await;
}

#[tokio::test]
async fn a_seated_client_that_sends_nonsense_keeps_its_seat() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = Participant::join(&room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    bob.wire.send_binary(b"\0").await;
    bob.wire.expect_refusal(Code::MalformedFrame).await;
    bob.reconnect().await;
    bob.until(|event| matches!(event, Event::Resumed)).await;
}

/// A relay that notices soon who does not read, and lets the others be fast.
async fn relay_with_short_queues(backlog_bytes: usize) -> TestRelay {
    TestRelay::with_small_buffers(SMALL, |config| {
        config.backlog_bytes = backlog_bytes;
        let limits = &mut config.limits;
        limits.kept_bytes = 100_000;
        limits.history_bytes = 0;
        limits.history_changes = 16;
        limits.kept_millis = 1_000;
        limits.connection_bytes = Rate::new(100_000_000, 100_000_000);
        limits.room_bytes = Rate::new(100_000_000, 100_000_000);
    })
    .await
}

/// Three in a room; the last of them has a small buffer for what comes in.
async fn three_in(room: &Room) -> (Participant, Participant, Participant) {
    let mut ann = Participant::create(room, "ann").await;
    let mut bob = Participant::join(room, "bob").await;
    let mut eve = Participant::join_with(room, "eve", Some(SMALL)).await;
    tokio::join!(
        ann.until_keyed_with(2),
        bob.until_keyed_with(2),
        eve.until_keyed_with(2)
    );
    (ann, bob, eve)
}

/// One speaks at length to another.
async fn talk(from: &mut Participant, to: &mut Participant, times: usize) {
    let long = "-".repeat(30_000);
    for _ in 0..times {
        from.send(&long).await;
        let (_, heard) = tokio::join!(
            from.until(|event| matches!(event, Event::Accepted { .. })),
            to.until_message()
        );
        assert_eq!(heard, long);
    }
}

#[tokio::test]
async fn a_slow_reader_is_dropped_and_nobody_waits_for_it() {
    let relay = relay_with_short_queues(100_000).await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob, mut eve) = three_in(&room).await;

    // Eve reads no more, and everybody else goes on as if nothing was.
    talk(&mut ann, &mut bob, 100).await;
    assert_eq!(ann.client.participants().len(), 3);
    assert_eq!(relay.relay.stats().await.connections, 2);

    // What had been on its way arrives, and then the reason.
    eve.wire.expect_close_after_frames(1013).await;
}

#[tokio::test]
async fn what_waits_for_a_slow_reader_burns_with_the_room() {
    let relay = relay_with_short_queues(100_000_000).await;
    let room = Room::create(relay.address).await;
    let (mut ann, mut bob, mut eve) = three_in(&room).await;
    talk(&mut ann, &mut bob, 100).await;
    assert_eq!(relay.relay.stats().await.connections, 3);
    ann.client.burn(now(), &mut rng()).unwrap();
    ann.carry_out().await;
    bob.wire.expect_burn(BurnReason::Burned).await;

    let mut heard = 0;
    let reason = loop {
        match eve.wire.receive().await {
            Came::Frame(RelayFrame::Message(_)) => heard += 1,
            Came::Frame(RelayFrame::Destroyed(destroyed)) => break destroyed.reason,
            Came::Frame(_) => {}
            came => panic!("{came:?}"),
        }
    };
    assert_eq!(reason, BurnReason::Burned);
    eve.wire.expect_close(1000).await;
    assert!(heard < 90, "{heard} of 100 messages outlived the burn");
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_away_and_can_resume() {
    let relay = TestRelay::that_pings_often().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    // It is there, and takes what comes, but its WebSocket sleeps.
    ann.wire.until_it_ends().await;
    assert_eq!(relay.relay.stats().await.connections, 0);

    ann.reconnect().await;
    ann.until(|event| matches!(event, Event::Resumed)).await;
}

#[tokio::test]
async fn who_answers_pings_stays() {
    let relay = TestRelay::that_pings_often().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    for _ in 0..4 {
        assert!(matches!(wire.next().await, Came::Ping));
    }
}

#[tokio::test]
async fn who_only_answers_pings_is_away_in_the_end_and_can_resume() {
    let relay = TestRelay::with(|config| {
        config.limits.idle_millis = 500;
        config.ping_every = Duration::from_millis(100);
    })
    .await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    ann.wire.expect_close_after_frames(4002).await;
    assert_eq!(relay.relay.stats().await.participants, 1);
    assert_eq!(relay.relay.metrics().await.drops.idle, 1);
    ann.reconnect().await;
    ann.until(|event| matches!(event, Event::Resumed)).await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    use futures_util::{SinkExt, StreamExt};
    let ping = Message::Ping(b"here?".as_slice().into());
    wire.0.send(ping).await.unwrap();
    let came = in_time(wire.0.next()).await.unwrap().unwrap();
    assert_eq!(came, Message::Pong(b"here?".as_slice().into()));
}

/// A relay that soon has had enough of what comes fast.
async fn impatient_relay() -> TestRelay {
    TestRelay::with(|config| {
        config.limits.connection_frames = Rate::new(1, 5);
        config.limits.refused_frames = 10;
    })
    .await
}

#[tokio::test]
async fn a_flood_of_pings_is_not_answered_and_then_closed() {
    let relay = impatient_relay().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    // Empty, masked with zeros.
    let ping = [0x89, 0x80, 0, 0, 0, 0];
    for _ in 0..20 {
        wire.0.get_mut().write_all(&ping).await.unwrap();
    }
    wire.expect_close(1013).await;
}

#[tokio::test]
async fn a_flood_of_pongs_or_of_pieces_is_closed_too() {
    let relay = impatient_relay().await;
    for opcode in [0x8a, 0x00] {
        let mut wire = Wire::open(relay.address, NOWHERE).await;
        let first_piece = [0x01, 0x80, 0, 0, 0, 0];
        wire.0.get_mut().write_all(&first_piece).await.unwrap();
        for _ in 0..20 {
            let frame = [opcode, 0x80, 0, 0, 0, 0];
            wire.0.get_mut().write_all(&frame).await.unwrap();
        }
        wire.expect_close(1013).await;
    }
}

#[tokio::test]
async fn what_is_not_websocket_is_closed_as_such() {
    let relay = TestRelay::start().await;
    // Without a mask; with a reserved bit; of a reserved kind.
    for frame in [
        [0x81, 0x02, b'{', b'}'].as_slice(),
        &[0xc1, 0x80, 0, 0, 0, 0],
        &[0x83, 0x80, 0, 0, 0, 0],
    ] {
        let mut wire = Wire::open(relay.address, NOWHERE).await;
        wire.0.get_mut().write_all(frame).await.unwrap();
        wire.expect_close(1002).await;
    }
}

#[tokio::test]
async fn a_frame_may_come_a_byte_at_a_time() {
    let relay = TestRelay::start().await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    let text = br#"{"type":"dance"}"#;
    let head = [0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    for byte in head.iter().chain(text) {
        wire.0.get_mut().write_all(&[*byte]).await.unwrap();
    }
    wire.expect_refusal(Code::UnknownType).await;
}

#[tokio::test]
async fn a_peer_has_only_so_many_connections() {
    let relay = TestRelay::with(|config| config.limits.connections_of_peer = 1).await;
    let _first = Wire::open(relay.address, NOWHERE).await;
    let mut second = Wire::open(relay.address, NOWHERE).await;
    second.expect_refusal(Code::TooManyConnections).await;
}

#[tokio::test]
async fn a_shutdown_burns_every_room_and_ends_every_connection() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = Participant::join(&room, "bob").await;
    let other = Room::create(relay.address).await;
    let mut eve = Participant::create(&other, "eve").await;
    let mut nobody = Wire::open(relay.address, NOWHERE).await;
    tokio::join!(
        relay.relay.shutdown(),
        ann.wire.expect_burn(BurnReason::Shutdown),
        bob.wire.expect_burn(BurnReason::Shutdown),
        eve.wire.expect_burn(BurnReason::Shutdown),
        nobody.expect_close(1013),
    );
    assert!(matches!(ann.wire.next().await, Came::End));
}

/// Whoever comes while the relay ends is turned away at the door or told why, and by no means just dropped.
#[tokio::test]
async fn who_comes_during_a_shutdown_is_told_so() {
    let relay = TestRelay::start().await;
    let mut late = JoinSet::new();
    for _ in 0..64 {
        let address = relay.address;
        late.spawn(async move {
            match Wire::try_open(address, NOWHERE).await {
                Ok(mut wire) => wire.expect_close(1013).await,
                Err(status) => assert_eq!(status, 503),
            }
        });
    }
    let everybody = async { while late.join_next().await.transpose().unwrap().is_some() {} };
    tokio::join!(everybody, relay.relay.shutdown());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever_for_who_does_not_listen() {
    let relay = TestRelay::with(|config| {
        config.close_within = Duration::from_secs(3_600);
        config.shutdown_within = Duration::from_millis(50);
    })
    .await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    in_time(relay.relay.shutdown()).await;
    // It was told all the same.
    ann.wire.expect_burn(BurnReason::Shutdown).await;
}
