//! One WebSocket: carries bytes between its socket and the room's worker, and watches that it lives.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::Bytes;
use burnchat_core::ids::RoomId;
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::relay::{CloseCode, ConnectionId, Disconnect, PeerKey};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tracing::debug;

use crate::Config;
use crate::outbox::{self, Capacity, Cut, Outgoing, Outgoings};
use crate::shard::{Gone, Shard};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// An idle connection holds a read buffer of this size.
const READ_BUFFER_BYTES: usize = 4_096;
/// Frames are collected up to this size before they are written, unless nothing else waits.
const WRITE_BUFFER_BYTES: usize = 16_384;

/// What stands for a message the WebSocket layer did not let through: the hub refuses it for the same reason.
static TOO_LARGE: [u8; CLIENT_FRAME_BYTES + 1] = [0; CLIENT_FRAME_BYTES + 1];
/// The same for a binary message, or one that is not UTF-8: see `Hub::handle_frame`.
static MALFORMED: [u8; 0] = [];

/// A connection that has been upgraded.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: PeerKey,
    pub(crate) room: RoomId,
    pub(crate) shard: Shard,
}

/// How it came to the end.
#[derive(Debug)]
enum End {
    /// The client closed, or the connection broke.
    Client(Disconnect),
    /// There was no sign of life.
    Dead,
    /// The hub's close has been sent.
    Closed,
    /// What waits is not to be sent.
    Cut(Cut),
    /// There is no worker any more.
    Gone,
}

impl Connection {
    /// Carries frames until the connection ends.
    pub(crate) async fn run(self, upgraded: Upgraded, config: &Config) {
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_frame_size(Some(CLIENT_FRAME_BYTES))
            .max_message_size(Some(CLIENT_FRAME_BYTES));
        let socket = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(socket, Role::Server, Some(limits)).await;
        let (outbox, outgoings, cut) = outbox::channel(Capacity::of(config));
        let Self {
            id,
            peer,
            room,
            shard,
        } = self;
        if shard.connect(id, peer, room, outbox).await.is_err() {
            return;
        }

        let (sink, stream) = socket.split();
        let pulse = Pulse::default();
        let mut reader = Reader {
            stream,
            shard: &shard,
            id,
            pulse: &pulse,
            unreadable: false,
        };
        let mut writer = Writer {
            sink,
            outgoings,
            pulse: &pulse,
        };
        let end = carry(&mut reader, &mut writer, cut, config).await;
        debug!(?end, "a connection ends");
        match end {
            End::Client(how) => {
                // The worker first: the others are to know at once.
                if shard.disconnect(id, how).await.is_ok() {
                    let _ = timeout(config.close_within, writer.sink.close()).await;
                }
            }
            End::Dead => {
                let _ = shard.disconnect(id, Disconnect::Broken).await;
            }
            End::Closed | End::Cut(_) => {
                let _ = timeout(config.close_within, async {
                    if let End::Cut(cut) = end {
                        writer.take_leave(cut).await?;
                    }
                    reader.hear_out().await;
                    Ok::<_, Error>(())
                })
                .await;
            }
            End::Gone => {}
        }
    }
}

async fn carry(
    reader: &mut Reader<'_>,
    writer: &mut Writer<'_>,
    mut cut: oneshot::Receiver<Cut>,
    config: &Config,
) -> End {
    let pulse = writer.pulse;
    let mut read = std::pin::pin!(reader.run());
    let written = tokio::select! {
        biased;
        Ok(cut) = &mut cut => return End::Cut(cut),
        end = &mut read => return end,
        written = writer.run() => written,
        () = pulse.stopped(config) => return End::Dead,
    };
    match written {
        Ok(end) => end,
        // What broke the writing may have been a client that said goodbye and did not wait for an answer.
        Err(_) => timeout(config.close_within, read)
            .await
            .unwrap_or(End::Client(Disconnect::Broken)),
    }
}

struct Reader<'a> {
    stream: SplitStream<Socket>,
    shard: &'a Shard,
    id: ConnectionId,
    pulse: &'a Pulse,
    /// Something came that could not be read, and nothing after it can be.
    unreadable: bool,
}

impl Reader<'_> {
    /// Hands what comes in to the worker, one after the other: while it has no time, nothing is read.
    async fn run(&mut self) -> End {
        loop {
            let frame = match self.stream.next().await {
                Some(Ok(Message::Text(text))) => Bytes::from(text),
                Some(Ok(Message::Binary(_))) => Bytes::from_static(&MALFORMED),
                Some(Ok(Message::Close(close))) => return End::Client(manner(close.as_ref())),
                // tungstenite answers a ping by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                    self.pulse.heard();
                    continue;
                }
                Some(Err(error)) => match stand_in(&error) {
                    Some(frame) => {
                        self.unreadable = true;
                        frame
                    }
                    None => return End::Client(Disconnect::Broken),
                },
                None => return End::Client(Disconnect::Broken),
            };
            self.pulse.heard();
            if let Err(Gone) = self.shard.frame(self.id, frame).await {
                return End::Gone;
            }
            if self.unreadable {
                // The hub says why, and closes.
                return std::future::pending().await;
            }
        }
    }

    /// After our close: waits for the client's. A socket that is let go with bytes unread is reset, and the client may
    /// never see what we said last: bounded by the caller.
    async fn hear_out(&mut self) {
        if self.unreadable {
            return std::future::pending().await;
        }
        while let Some(Ok(_)) = self.stream.next().await {}
    }
}

/// How a client that closes leaves (spec section 6.3).
fn manner(close: Option<&CloseFrame>) -> Disconnect {
    match close.map(|close| close.code) {
        Some(WireCode::Normal | WireCode::Away) => Disconnect::Clean,
        _ => Disconnect::Broken,
    }
}

/// What stands for a message that could not be read, if that is what is wrong.
fn stand_in(error: &Error) -> Option<Bytes> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Some(Bytes::from_static(&TOO_LARGE))
        }
        Error::Utf8(_) => Some(Bytes::from_static(&MALFORMED)),
        _ => None,
    }
}

struct Writer<'a> {
    sink: SplitSink<Socket, Message>,
    outgoings: Outgoings,
    pulse: &'a Pulse,
}

impl Writer<'_> {
    /// Sends what waits, and pings. Dropped half way, it has sent some whole frames, and the rest of the last of them
    /// goes out before anything that is sent later.
    async fn run(&mut self) -> Result<End, Error> {
        loop {
            let behind = !self.outgoings.is_empty();
            self.pulse.behind.store(behind, Ordering::Relaxed);
            if !behind {
                self.sink.flush().await?;
            }
            tokio::select! {
                biased;
                () = self.pulse.wanted.notified() => {
                    self.sink.feed(Message::Ping(Bytes::new())).await?;
                    self.sink.flush().await?;
                }
                next = self.outgoings.next() => match next {
                    Some(Outgoing::Frame(frame)) => {
                        self.sink.feed(Message::Text(frame)).await?;
                        self.pulse.wrote();
                    }
                    Some(Outgoing::Close(code)) => {
                        self.close(code).await?;
                        return Ok(End::Closed);
                    }
                    None => return Ok(End::Gone),
                },
            }
        }
    }

    /// Sends what a connection that is cut is still to be told.
    async fn take_leave(&mut self, cut: Cut) -> Result<(), Error> {
        match cut {
            Cut::TooSlow => self.close(CloseCode::TryAgainLater).await,
            Cut::Burned => {
                if let Some(destroyed) = self.outgoings.farewell() {
                    self.sink.feed(Message::Text(destroyed)).await?;
                }
                self.close(CloseCode::Normal).await
            }
        }
    }

    async fn close(&mut self, code: CloseCode) -> Result<(), Error> {
        let close = CloseFrame {
            code: WireCode::from(code.number()),
            reason: Utf8Bytes::default(),
        };
        self.sink.send(Message::Close(Some(close))).await
    }
}

/// The signs of life of a connection.
#[derive(Default)]
struct Pulse {
    /// A ping is to be sent.
    wanted: Notify,
    messages_heard: AtomicUsize,
    frames_written: AtomicUsize,
    /// More frames wait than the one that is being written.
    behind: AtomicBool,
}

impl Pulse {
    fn heard(&self) {
        self.messages_heard.fetch_add(1, Ordering::Relaxed);
    }

    fn wrote(&self) {
        self.frames_written.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns when a ping has not been answered in time.
    ///
    /// A pong may have to wait behind a long replay. As long as there is more to send than the socket takes, it is a
    /// sign of life as well that the socket takes some of it.
    async fn stopped(&self, config: &Config) {
        let rest = config.ping_every.saturating_sub(config.pong_within);
        sleep(config.ping_every).await;
        loop {
            let heard = self.messages_heard.load(Ordering::Relaxed);
            self.wanted.notify_one();
            loop {
                let written = self.frames_written.load(Ordering::Relaxed);
                sleep(config.pong_within).await;
                if self.messages_heard.load(Ordering::Relaxed) != heard {
                    break;
                }
                let moved = self.frames_written.load(Ordering::Relaxed) != written;
                if !(moved && self.behind.load(Ordering::Relaxed)) {
                    return;
                }
            }
            sleep(rest).await;
        }
    }
}
