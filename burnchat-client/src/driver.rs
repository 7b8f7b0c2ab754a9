//! The task behind a room: keeps it connected, and its time.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use burnchat_core::ids::RoomId;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::backoff::Backoff;
use crate::relay::{Relay, Socket};
use crate::rng;
use crate::shared::{Shared, Turn};

/// How long the relay has to answer the frame a connection begins with, ms.
const ANSWER_MILLIS: u64 = 10_000;
/// A relay counts down every 10 s (spec section 12.1). A connection that is silent for longer than this, ms, is dead.
const SILENCE_MILLIS: u64 = 25_000;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Drives a room, from its first connection on, until it is over.
pub(crate) async fn drive(shared: Arc<Shared>, relay: Relay, room_id: RoomId, socket: Socket) {
    // Whatever stops this task ends the room, and says so to who waits for events.
    let done = Done(shared);
    let shared = &*done.0;
    let mut backoff = Backoff::default();
    let mut next = Some(socket);
    while let Some(socket) = next {
        online(shared, socket, &mut backoff).await;
        next = offline(shared, &relay, room_id, &mut backoff).await;
    }
}

struct Done(Arc<Shared>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// Tries to connect until it succeeds. None when the room is over.
async fn offline(
    shared: &Shared,
    relay: &Relay,
    room_id: RoomId,
    backoff: &mut Backoff,
) -> Option<Socket> {
    let try_on = async {
        loop {
            tokio::time::sleep(backoff.next(&mut rng())).await;
            if let Ok(socket) = relay.open(room_id).await {
                return socket;
            }
        }
    };
    if !shared.wants_connection().await {
        return None;
    }
    tokio::select! {
        socket = try_on => Some(socket),
        () = shared.over() => None,
    }
}

/// Carries frames until the connection breaks or is closed.
async fn online(shared: &Shared, socket: Socket, backoff: &mut Backoff) {
    let (mut sink, mut stream) = socket.split();
    let opened = shared.connected();
    let mut heard = opened;
    let mut unflushed = false;
    loop {
        let (wait, write, read) = match shared.turn() {
            Turn::Close(frames, code) => {
                // Nothing more may be delivered from this connection: what still comes in is dropped.
                let farewell = async {
                    let _ = say_farewell(&mut sink, frames, code).await;
                    while let Some(Ok(_)) = stream.next().await {}
                };
                let was_over = shared.is_over();
                tokio::select! {
                    _ = timeout(FAREWELL, farewell) => {}
                    // Joining afresh takes its time too, and the room may burn in it.
                    () = shared.over(), if !was_over => {}
                }
                return;
            }
            Turn::Wait {
                now,
                wait,
                write,
                read,
                held_up,
                settled,
            } => {
                if held_up {
                    heard = now;
                }
                if settled {
                    backoff.reset();
                }
                if is_dead(now, opened, heard, settled) {
                    break;
                }
                (wait, write, read)
            }
        };
        tokio::select! {
            moved = poll_fn(|cx| if write {
                sink.poll_ready_unpin(cx)
            } else {
                sink.poll_flush_unpin(cx)
            }), if write || unflushed => {
                let frame = if write { shared.next_frame() } else { None };
                unflushed = frame.is_some();
                let sent = moved.and_then(|()| match frame {
                    Some(frame) => sink.start_send_unpin(message(&frame)),
                    None => Ok(()),
                });
                if sent.is_err() {
                    break;
                }
            }
            message = stream.next(), if read => match message {
                Some(Ok(Message::Text(frame))) => heard = shared.frame(frame.as_bytes()),
                Some(Ok(Message::Binary(_))) => shared.not_a_frame(),
                // A ping is a sign of life; tungstenite has answered it.
                Some(Ok(_)) => heard = shared.now(),
                Some(Err(_)) | None => break,
            },
            () = shared.application() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    shared.disconnected();
}

fn is_dead(now: Timestamp, opened: Timestamp, heard: Timestamp, settled: bool) -> bool {
    now.millis_since(heard) >= SILENCE_MILLIS
        || (!settled && now.millis_since(opened) >= ANSWER_MILLIS)
}

async fn say_farewell(
    sink: &mut futures_util::stream::SplitSink<Socket, Message>,
    frames: impl IntoIterator<Item = EncodedFrame>,
    code: u16,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for frame in frames {
        sink.feed(message(&frame)).await?;
    }
    let close = CloseFrame {
        code: code.into(),
        reason: Default::default(),
    };
    sink.send(Message::Close(Some(close))).await
}

fn message(frame: &EncodedFrame) -> Message {
    Message::text(frame.as_str())
}
