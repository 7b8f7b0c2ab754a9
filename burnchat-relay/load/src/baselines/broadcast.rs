//! What one writes first: axum's WebSocket and a `tokio::sync::broadcast` for each room.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::broadcast::{Receiver, Sender, channel};

/// Messages a reader may be behind.
const BEHIND: usize = 4_096;

type Rooms = Arc<Mutex<HashMap<String, Sender<Utf8Bytes>>>>;

pub(super) async fn serve(listener: TcpListener) -> io::Result<()> {
    let app = Router::new()
        .route("/api/rooms/{room}/ws", any(enter))
        .with_state(Rooms::default());
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

async fn enter(
    Path(room): Path<String>,
    State(rooms): State<Rooms>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let sender = {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms
            .entry(room)
            .or_insert_with(|| channel(BEHIND).0)
            .clone()
    };
    // Who is told that it is in hears everything from then on.
    let receiver = sender.subscribe();
    upgrade
        .protocols(["burnchat.v1"])
        .on_upgrade(|socket| talk(socket, sender, receiver))
}

async fn talk(socket: WebSocket, room: Sender<Utf8Bytes>, mut receiver: Receiver<Utf8Bytes>) {
    let (mut sink, mut stream) = socket.split();
    let listen = async {
        while let Ok(text) = receiver.recv().await {
            if sink.send(Message::Text(text)).await.is_err() {
                break;
            }
        }
    };
    let speak = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                let _ = room.send(text);
            }
        }
    };
    tokio::select! {
        () = listen => {}
        () = speak => {}
    }
}
