//! A WebSocket as it comes (section 13.1).

use std::time::Duration;

use burnchat_core::error::Code;
use burnchat_core::wire::RelayFrame;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::stage::{Cx, SOON};
use super::target::{Peer, Stream};
use crate::case::{Outcome, ensure_eq, fail};
use crate::context::FrameLog;

/// One connection.
pub(super) struct Wire {
    pub(super) who: String,
    log: FrameLog,
    /// None once it has been given up.
    socket: Option<WebSocketStream<Stream>>,
}

/// What came.
#[derive(Debug)]
pub(super) enum Came {
    /// A frame, with its text.
    Frame(Box<RelayFrame>, String),
    /// A ping.
    Ping,
    /// A close with this code; 1005 if it had none.
    Close(u16),
    /// The connection is no more.
    End,
}

impl Wire {
    /// Opens the WebSocket of a room.
    pub(super) async fn open(cx: &Cx, who: &str, room_id: &str) -> Outcome<Self> {
        Self::open_from(cx, who, room_id, cx.peer(0), None).await
    }

    /// From this peer, with a kernel buffer of this size for what comes in.
    pub(super) async fn open_from(
        cx: &Cx,
        who: &str,
        room_id: &str,
        peer: Peer,
        buffer: Option<u32>,
    ) -> Outcome<Self> {
        let target = &cx.target;
        let url = format!(
            "ws://{}{}/api/rooms/{room_id}/ws",
            target.authority, target.path
        );
        fn broken<V>(what: String) -> Outcome<V> {
            fail("a WebSocket for a well-formed room id", what)
        }
        let mut request = match url.into_client_request() {
            Ok(request) => request,
            Err(error) => return broken(error.to_string()),
        };
        request.headers_mut().insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("burnchat.v1"),
        );
        let config = WebSocketConfig::default()
            .max_message_size(Some(4 << 20))
            .max_frame_size(Some(4 << 20));
        let opening = async {
            let stream = match target.connect(peer, buffer).await {
                Ok(stream) => stream,
                Err(error) => return broken(error.to_string()),
            };
            match client_async_with_config(request, stream, Some(config)).await {
                Ok((socket, _)) => Ok(socket),
                Err(error) => broken(error.to_string()),
            }
        };
        let Ok(socket) = tokio::time::timeout(SOON, opening).await else {
            return broken("no answer in time".to_owned());
        };
        cx.log.note(who, "connects");
        Ok(Self {
            who: who.to_owned(),
            log: cx.log.clone(),
            socket: Some(socket?),
        })
    }

    /// Sends a text message. That it can't be is nothing to go by: what the relay said before is still to be read.
    pub(super) async fn send(&mut self, text: &str) {
        self.log.sent(&self.who, text);
        self.put(Message::text(text)).await;
    }

    /// Sends any message.
    pub(super) async fn send_message(&mut self, message: Message) {
        self.log.sent(&self.who, &format!("{message:?}"));
        self.put(message).await;
    }

    pub(super) async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.send_message(Message::Binary(Bytes::from(bytes))).await;
    }

    /// Bytes as they are, whatever they mean.
    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.log.sent(&self.who, &format!("(bytes) {bytes:02x?}"));
        let Some(socket) = &mut self.socket else {
            return;
        };
        let stream = socket.get_mut();
        let writing = async {
            let _ = stream.write_all(bytes).await;
            let _ = stream.flush().await;
        };
        let _ = tokio::time::timeout(SOON, writing).await;
    }

    /// Closes with this code, and waits for the answer.
    pub(super) async fn close(&mut self, code: u16) {
        self.say_close(code).await;
        let Some(mut socket) = self.socket.take() else {
            return;
        };
        let closing = async { while let Some(Ok(_)) = socket.next().await {} };
        let _ = tokio::time::timeout(SOON, closing).await;
    }

    /// Says that it closes with this code.
    pub(super) async fn say_close(&mut self, code: u16) {
        self.log.note(&self.who, &format!("closes with {code}"));
        let close = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::default(),
        };
        self.put(Message::Close(Some(close))).await;
    }

    /// Says that it closes with this code, and goes.
    pub(super) async fn say_close_and_cut(&mut self, code: u16) {
        self.say_close(code).await;
        self.cut();
    }

    /// Cuts the connection without a word.
    pub(super) fn cut(&mut self) {
        self.log.note(&self.who, "cuts the connection");
        self.socket = None;
    }

    /// The next thing, pings included.
    pub(super) async fn next(&mut self, patience: Duration) -> Outcome<Came> {
        loop {
            let Some(socket) = &mut self.socket else {
                return Ok(Came::End);
            };
            let Ok(came) = tokio::time::timeout(patience, socket.next()).await else {
                return fail(
                    format!("something for {}", self.who),
                    format!("nothing in {:.1} s", patience.as_secs_f64()),
                );
            };
            return Ok(match came {
                Some(Ok(Message::Text(text))) => {
                    self.log.received(&self.who, text.as_str());
                    match RelayFrame::parse(text.as_bytes()) {
                        Ok(Some(frame)) => Came::Frame(Box::new(frame), text.as_str().to_owned()),
                        Ok(None) => {
                            return fail("a frame of section 13.3", text.as_str());
                        }
                        Err(code) => {
                            return fail(
                                "a frame as section 13.3 has it",
                                format!("({}) {}", code.name(), text.as_str()),
                            );
                        }
                    }
                }
                Some(Ok(Message::Ping(_))) => Came::Ping,
                Some(Ok(Message::Close(close))) => {
                    let code = close.map_or(1005, |close| close.code.into());
                    self.log.received(&self.who, &format!("(close {code})"));
                    // The answer to it; who began does not matter any more.
                    let _ = socket.flush().await;
                    Came::Close(code)
                }
                Some(Ok(Message::Binary(bytes))) => {
                    return fail(
                        "text messages only",
                        format!("{} bytes of binary", bytes.len()),
                    );
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => {
                    self.log
                        .note(&self.who, &format!("(the connection broke: {error})"));
                    Came::End
                }
                None => Came::End,
            });
        }
    }

    /// The next frame or close.
    pub(super) async fn receive(&mut self) -> Outcome<Came> {
        loop {
            match self.next(SOON).await? {
                Came::Ping => {}
                came => return Ok(came),
            }
        }
    }

    /// Expects a refusal that closes; nothing else may come before.
    pub(super) async fn expect_refusal(
        &mut self,
        code: Code,
    ) -> Outcome<burnchat_core::wire::ErrorFrame> {
        let error = match self.receive().await? {
            Came::Frame(frame, text) => match *frame {
                RelayFrame::Error(error) => error,
                _ => return fail(format!("the error {}", code.name()), text),
            },
            came => return fail(format!("the error {}", code.name()), format!("{came:?}")),
        };
        ensure_eq("the error", error.code.name(), code.name())?;
        self.expect_close(1008).await?;
        Ok(error)
    }

    /// Expects a close with this code, and nothing before it.
    pub(super) async fn expect_close(&mut self, code: u16) -> Outcome {
        match self.receive().await? {
            Came::Close(with) => ensure_eq("the close code", with, code),
            came => fail(format!("a close with {code}"), format!("{came:?}")),
        }
    }

    /// Expects the answer to a ping.
    pub(super) async fn expect_pong(&mut self, payload: &[u8]) -> Outcome {
        let deadline = tokio::time::Instant::now() + SOON;
        let Some(socket) = &mut self.socket else {
            return fail("a pong", "a connection that has been given up");
        };
        loop {
            match tokio::time::timeout_at(deadline, socket.next()).await {
                Ok(Some(Ok(Message::Pong(said)))) => {
                    return ensure_eq("what a pong says", &said[..], payload);
                }
                Ok(Some(Ok(_))) => {}
                _ => return fail("a pong", "none in time"),
            }
        }
    }

    /// Expects that the connection ends, whatever comes before and however it is said. What it closes with, if it says.
    pub(super) async fn expect_an_end(&mut self, patience: Duration) -> Outcome<Option<u16>> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let left = deadline - tokio::time::Instant::now();
            match self.next(left).await? {
                Came::Close(code) => return Ok(Some(code)),
                Came::End => return Ok(None),
                Came::Frame(..) | Came::Ping => {}
            }
        }
    }

    async fn put(&mut self, message: Message) {
        let Some(socket) = &mut self.socket else {
            return;
        };
        if tokio::time::timeout(SOON, socket.send(message))
            .await
            .is_err()
        {
            self.log.note(&self.who, "(could not be sent in time)");
        }
    }
}
