//! Connections that fail in the ways connections do, and what the others notice of it. `connections.rs` has what a
//! single frame can have wrong with it; `faults_of_many.rs` what many of them do to the program.

use burnchat_core::client::{Event, RoomSettings};
use burnchat_core::error::Code;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::wire::{BurnReason, RelayFrame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::many::NOWHERE;
use crate::harness::participant::{Knock, Participant};
use crate::harness::wire::{Came, Wire};
use crate::harness::{Room, TestRelay, in_time, now, rng};

#[tokio::test]
async fn half_a_first_frame_is_waited_for_no_longer_than_a_whole_one() {
    let relay = TestRelay::with(|config| config.limits.handshake_millis = 100).await;
    let mut wire = Wire::open(relay.address, NOWHERE).await;
    // Announces 100 bytes, and ten of them come.
    wire.send_bytes(&[0x81, 0x80 | 100, 0, 0, 0, 0]).await;
    wire.send_bytes(br#"{"type":"j"#).await;
    wire.expect_refusal(Code::HandshakeTimeout).await;
}

#[tokio::test]
async fn who_falls_silent_in_the_middle_of_a_frame_is_away_and_can_resume() {
    let relay = TestRelay::that_pings_often().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    ann.wire.send_bytes(&[0x81, 0xfe, 0x40]).await;
    // Its socket takes what comes, and nobody is behind it.
    ann.wire.until_it_ends().await;
    assert_eq!(relay.relay.stats().await.connections, 0);

    ann.reconnect().await;
    ann.until(|event| matches!(event, Event::Resumed)).await;
}

#[tokio::test]
async fn people_talk_though_their_bytes_come_one_at_a_time() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = Participant::join(&room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    ann.client
        .send_text(now(), "slowly", 0, &mut rng())
        .unwrap();
    for text in ann.letters() {
        let mut bytes = vec![0x81, 0xfe];
        bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(text.as_bytes());
        for byte in bytes {
            ann.wire.send_bytes(&[byte]).await;
        }
    }
    assert_eq!(bob.until_message().await, "slowly");
}

#[tokio::test]
async fn compression_is_not_agreed_to_and_what_comes_compressed_is_not_inflated() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut stream = TcpStream::connect(relay.address).await.unwrap();
    let upgrade = format!(
        "GET {}/ws HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: burnchat.v1\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
        room.path()
    );
    stream.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(in_time(stream.read_u8()).await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(!answer.contains("extensions"), "{answer}");

    // The bit that says "compressed", and what would be a mebibyte of zeros.
    let bomb = [
        0xc1,
        0x80 | 8,
        0,
        0,
        0,
        0,
        0xec,
        0xc1,
        0x01,
        0x01,
        0,
        0,
        0,
        0x80,
    ];
    stream.write_all(&bomb).await.unwrap();
    let mut said = Vec::new();
    in_time(stream.read_to_end(&mut said)).await.unwrap();
    assert_eq!(
        said,
        [0x88, 2, 0x03, 0xea],
        "a close with 1002, and nothing else"
    );
}

#[tokio::test]
async fn a_frame_of_sixteen_mebibytes_is_refused_and_the_room_goes_on() {
    let relay = TestRelay::start().await;
    let room = Room::create(relay.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let mut bob = Participant::join(&room, "bob").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));

    let length = 16_usize << 20;
    assert!(length > CLIENT_FRAME_BYTES);
    let mut head = vec![0x81, 0xff];
    head.extend((length as u64).to_be_bytes());
    head.extend([0; 4]);
    bob.wire.send_bytes(&head).await;
    // It goes on sending, whether anybody listens or not.
    let (mut read, mut write) = bob.wire.0.get_mut().split();
    let flood = async {
        let piece = vec![b' '; 1 << 16];
        for _ in 0..length >> 16 {
            if write.write_all(&piece).await.is_err() {
                break;
            }
        }
    };
    let mut said = Vec::new();
    let (_, ()) = in_time(async { tokio::join!(read.read_to_end(&mut said), flood) }).await;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("frame_too_large"), "{said}");

    // Bob's seat is kept: nobody has left.
    ann.send("still there?").await;
    bob.reconnect().await;
    assert_eq!(bob.until_message().await, "still there?");
}

#[tokio::test]
async fn of_a_storm_of_joins_exactly_as_many_get_in_as_there_are_seats() {
    let relay = TestRelay::start().await;
    let settings = RoomSettings {
        capacity: 20,
        ..RoomSettings::default()
    };
    let room = Room::create_with(relay.address, settings).await;
    let knocks: Vec<Knock> = (0..60).map(|_| Knock::prepare(&room)).collect();
    let mut storm = JoinSet::new();
    for knock in knocks {
        storm.spawn(knock.answered());
    }
    let (mut inside, mut outside) = (Vec::new(), 0);
    for (wire, came) in in_time(storm.join_all()).await {
        match came {
            Came::Frame(RelayFrame::Joined(_)) => inside.push(wire),
            Came::Frame(RelayFrame::Error(error)) if error.code == Code::RoomFull => outside += 1,
            came => panic!("{came:?}"),
        }
    }
    // One seat is the creator's, and was not there for anybody else.
    assert_eq!((inside.len(), outside), (19, 41));
    let mut ann = Participant::create(&room, "ann").await;
    assert_eq!(ann.client.participants().len(), 20);

    ann.client.burn(now(), &mut rng()).unwrap();
    ann.carry_out().await;
    for mut wire in inside {
        wire.expect_burn(BurnReason::Burned).await;
    }
}
