//! More connections than a test can look at one by one.

use std::net::SocketAddr;

use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::wire::RelayFrame;
use burnchat_relay::Limits;
use futures_util::SinkExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::in_time;
use super::wire::{Came, Wire};

/// A well-formed id of no room.
pub(crate) const NOWHERE: RoomId = RoomId([0; 16]);

/// So many connections, 64 at a time, that begin and end in five ways, in turn.
pub(crate) async fn come_and_go(relay: SocketAddr, count: usize) {
    let mut tasks = JoinSet::new();
    for number in 0..count {
        if tasks.len() >= 64 {
            in_time(tasks.join_next()).await.unwrap().unwrap();
        }
        tasks.spawn(async move {
            let abort = |stream: &TcpStream| stream.set_zero_linger().unwrap();
            match number % 5 {
                0 => drop(TcpStream::connect(relay).await.unwrap()),
                1 => {
                    let mut stream = TcpStream::connect(relay).await.unwrap();
                    stream.write_all(b"GET /api/rooms/AAAA").await.unwrap();
                    abort(&stream);
                }
                2 => abort(Wire::open(relay, NOWHERE).await.0.get_ref()),
                3 => {
                    let mut wire = Wire::open(relay, NOWHERE).await;
                    wire.send(r#"{"type":"dance"}"#).await;
                    wire.expect_refusal(Code::UnknownType).await;
                }
                _ => {
                    let mut wire = Wire::open(relay, NOWHERE).await;
                    wire.send_bytes(&[0x81, 0xfe, 0x40]).await;
                }
            }
        });
    }
    in_time(tasks.join_all()).await;
}

/// Waits until this peer may have all its connections at once: none is counted that is no more.
pub(crate) async fn until_all_are_gone(relay: SocketAddr) {
    in_time(async { while !all_are_gone(relay).await {} }).await;
}

async fn all_are_gone(relay: SocketAddr) -> bool {
    let mut wires = Vec::new();
    for _ in 0..Limits::default().connections_of_peer {
        wires.push(Wire::open(relay, NOWHERE).await);
    }
    let mut gone = true;
    for wire in &mut wires {
        // Who is one too many has been told already and is closed.
        let _ = wire.0.send(Message::text(r#"{"type":"dance"}"#)).await;
        match wire.receive().await {
            Came::Frame(RelayFrame::Error(error)) => gone &= error.code == Code::UnknownType,
            came => panic!("not an error: {came:?}"),
        }
    }
    gone
}
