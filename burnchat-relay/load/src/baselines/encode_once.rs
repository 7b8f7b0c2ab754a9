//! What one writes when it has to be fast: each frame is encoded once, its bytes are shared, and whatever waits for a
//! reader goes out in one write. fastwebsockets reads and encodes.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocketError, WebSocketRead};
use tokio::io::{AsyncWriteExt, sink};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// Frames that are put together at most.
const TOGETHER: usize = 256;

type Room = Arc<Mutex<Vec<UnboundedSender<Bytes>>>>;
type Rooms = Arc<Mutex<HashMap<String, Room>>>;

pub(super) async fn serve(listener: TcpListener) -> io::Result<()> {
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(enter(stream, Arc::clone(&rooms)));
    }
}

async fn enter(stream: TcpStream, rooms: Rooms) {
    let _ = stream.set_nodelay(true);
    let (sender, receiver) = unbounded_channel();
    let mut room = Room::default();
    // Who is told that it is in hears everything from then on.
    #[expect(clippy::result_large_err, reason = "the handshake's own type")]
    let upgrade = |request: &Request, response: Response| {
        let path = request.uri().path().to_owned();
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        room = Arc::clone(rooms.entry(path).or_default());
        locked(&room).push(sender);
        Ok(response)
    };
    let Ok(socket) = accept_hdr_async(stream, upgrade).await else {
        return;
    };
    let (read, write) = socket.into_inner().into_split();
    let (read, _) = fastwebsockets::after_handshake_split(read, sink(), Role::Server);
    tokio::select! {
        () = listen(write, receiver) => {}
        () = speak(read, &room) => {}
    }
}

async fn listen(mut write: OwnedWriteHalf, mut receiver: UnboundedReceiver<Bytes>) {
    let (mut batch, mut together) = (Vec::new(), Vec::new());
    while receiver.recv_many(&mut batch, TOGETHER).await > 0 {
        together.clear();
        for frame in batch.drain(..) {
            together.extend_from_slice(&frame);
        }
        if write.write_all(&together).await.is_err() {
            return;
        }
    }
}

async fn speak(mut read: WebSocketRead<OwnedReadHalf>, room: &Room) {
    let mut answer = |_: Frame<'_>| async { Ok::<_, WebSocketError>(()) };
    while let Ok(frame) = read.read_frame(&mut answer).await {
        match frame.opcode {
            OpCode::Text => {
                let mut encoded = Vec::with_capacity(frame.payload.len() + 10);
                Frame::text(Payload::Borrowed(&frame.payload)).write(&mut encoded);
                let encoded = Bytes::from(encoded);
                locked(room).retain(|member| member.send(encoded.clone()).is_ok());
            }
            OpCode::Close => return,
            _ => {}
        }
    }
}

fn locked(room: &Room) -> std::sync::MutexGuard<'_, Vec<UnboundedSender<Bytes>>> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}
