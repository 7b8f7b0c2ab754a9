//! A WebSocket as it comes, for tests of what exactly goes over it.

use std::net::SocketAddr;

use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::wire::{BurnReason, RelayFrame};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::in_time;
use super::participant::Transport;

pub(crate) struct Wire(pub(crate) WebSocketStream<TcpStream>);

impl Transport for Wire {
    async fn open_with(relay: SocketAddr, room: RoomId, buffer: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = in_time(socket.connect(relay)).await.unwrap();
        let (socket, answer) = in_time(client_async(upgrade(relay, room), stream))
            .await
            .unwrap();
        assert_eq!(answer.headers()["sec-websocket-protocol"], "burnchat.v1");
        assert!(!answer.headers().contains_key("sec-websocket-extensions"));
        Self(socket)
    }

    async fn put(&mut self, frame: &str) {
        self.send(frame).await;
    }

    async fn take(&mut self) -> Option<String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    async fn expect_burn(&mut self, reason: BurnReason) {
        Self::expect_burn(self, reason).await;
    }
}

/// What came.
#[derive(Debug)]
pub(crate) enum Came {
    Frame(RelayFrame),
    Ping,
    Close(u16),
    /// The connection is no more.
    End,
}

fn upgrade(relay: SocketAddr, room: RoomId) -> Request {
    let url = format!("ws://{relay}/api/rooms/{}/ws", room.to_base64());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert(
        "sec-websocket-protocol",
        HeaderValue::from_static("burnchat.v1"),
    );
    request
}

impl Wire {
    /// A WebSocket, or the status with which it was refused.
    pub(crate) async fn try_open(relay: SocketAddr, room: RoomId) -> Result<Self, u16> {
        let stream = in_time(TcpStream::connect(relay)).await.unwrap();
        match in_time(client_async(upgrade(relay, room), stream)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("neither opened nor refused: {error}"),
        }
    }

    pub(crate) async fn open(relay: SocketAddr, room: RoomId) -> Self {
        Self::open_with(relay, room, None).await
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, bytes: &'static [u8]) {
        let message = Message::Binary(Bytes::from_static(bytes));
        self.0.send(message).await.unwrap();
    }

    /// Bytes as they are, whatever they mean.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        use tokio::io::AsyncWriteExt;
        in_time(self.0.get_mut().write_all(bytes)).await.unwrap();
    }

    /// Takes what comes, and answers nothing, not even pings.
    pub(crate) async fn until_it_ends(&mut self) {
        use tokio::io::AsyncReadExt;
        let stream = self.0.get_mut();
        in_time(async { while stream.read(&mut [0; 4_096]).await.unwrap_or(0) > 0 {} }).await;
    }

    pub(crate) async fn close(&mut self, code: u16) {
        let close = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::default(),
        };
        self.0.send(Message::Close(Some(close))).await.unwrap();
    }

    /// The next thing, pings included. Who does not call it does not answer pings.
    pub(crate) async fn next(&mut self) -> Came {
        loop {
            return match in_time(self.0.next()).await {
                Some(Ok(Message::Text(text))) => {
                    Came::Frame(RelayFrame::parse(text.as_bytes()).unwrap().unwrap())
                }
                Some(Ok(Message::Ping(_))) => Came::Ping,
                Some(Ok(Message::Close(close))) => {
                    // The answer to it; who began does not matter any more.
                    let _ = self.0.flush().await;
                    Came::Close(close.unwrap().code.into())
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Came::End,
            };
        }
    }

    /// The next frame or close.
    pub(crate) async fn receive(&mut self) -> Came {
        loop {
            match self.next().await {
                Came::Ping => {}
                came => return came,
            }
        }
    }

    /// Expects a refusal that closes.
    pub(crate) async fn expect_refusal(&mut self, code: Code) {
        match self.receive().await {
            Came::Frame(RelayFrame::Error(error)) => assert_eq!(error.code, code),
            came => panic!("not an error: {came:?}"),
        }
        self.expect_close(1008).await;
    }

    pub(crate) async fn expect_close(&mut self, code: u16) {
        match self.receive().await {
            Came::Close(with) => assert_eq!(with, code),
            came => panic!("not a close: {came:?}"),
        }
    }

    /// Expects a close; what comes before is passed over.
    pub(crate) async fn expect_close_after_frames(&mut self, code: u16) {
        loop {
            match self.receive().await {
                Came::Frame(_) => {}
                Came::Close(with) => return assert_eq!(with, code),
                came => panic!("not a close: {came:?}"),
            }
        }
    }

    /// Expects the end of the room: `destroyed`, then the close, with nothing between. What comes before is passed over.
    pub(crate) async fn expect_burn(&mut self, reason: BurnReason) {
        loop {
            match self.receive().await {
                Came::Frame(RelayFrame::Destroyed(destroyed)) => {
                    assert_eq!(destroyed.reason, reason);
                    return self.expect_close(1000).await;
                }
                Came::Frame(_) => {}
                came => panic!("not destroyed: {came:?}"),
            }
        }
    }
}
