//! One WebSocket: carries bytes between its socket and the room's worker, and watches that it lives.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use burnchat_core::crypto::{Secret, wipe_stack};
use burnchat_core::limits::CLIENT_FRAME_BYTES;
use burnchat_core::relay::{Bucket, CloseCode, ConnectionId, Disconnect, PeerKey};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::debug;
use zeroize::Zeroize;

use crate::Config;
use crate::clock::Clock;
use crate::flow::Flow;
use crate::outbox::{self, Capacity, Cut, Outbox, Outgoings};
use crate::pulse::Pulse;
use crate::shard::{Gone, Shard};
use crate::socket::{Socket, WayOut};
use crate::stack;
use crate::websocket::frame::Frame;
use crate::websocket::receiving::{Received, Receiver, Unreadable, Violation};
use crate::websocket::sending::Sender;

/// How much is read at once. It lies on the stack while it is taken apart: a connection that waits holds none of it.
const READ_BYTES: usize = 8_192;
/// The close code for what is not WebSocket (RFC 6455 section 7.4.1).
const PROTOCOL_ERROR: u16 = 1002;

/// What stands for a message that was not read: the hub refuses it for the same reason.
static TOO_LARGE: [u8; CLIENT_FRAME_BYTES + 1] = [0; CLIENT_FRAME_BYTES + 1];
/// The same for a binary message: see `Hub::handle_frame`.
static MALFORMED: [u8; 0] = [];

/// A connection that has been upgraded.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: PeerKey,
    /// Wiped when the worker knows it: what a task has moved elsewhere stays where it was for as long as the task, and
    /// that is until a client has answered the close of a room that is burned.
    pub(crate) room: Secret<16>,
    pub(crate) shard: Shard,
    pub(crate) clock: Clock,
}

/// How it came to the end.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client closed, with this code.
    Left(Option<u16>),
    /// The connection broke.
    Broken,
    /// There was no sign of life.
    Dead,
    /// What came was not WebSocket.
    Violation,
    /// More control frames and pieces of messages came than are looked at.
    Flood,
    /// The hub's close has been sent.
    Closed,
    /// What waits is not to be sent.
    Cut(Cut),
    /// There is no worker any more.
    Gone,
}

impl Connection {
    /// Carries frames until the connection ends.
    pub(crate) async fn run(self, socket: Socket, config: &Config) {
        match socket {
            Socket::Tcp(stream, read) => {
                // What tokio keeps of a socket is padded with whatever the stack holds at this moment, for as long as the
                // socket: nothing of what rooms have said may be there.
                wipe_stack();
                if let Ok(stream) = TcpStream::from_std(stream) {
                    let (read_half, write_half) = stream.into_split();
                    let way_out = WayOut::new(write_half);
                    let (mut outbox, outgoings, cut) = outbox::channel(Capacity::of(config));
                    outbox.write_to(way_out.clone());
                    let ends = (outbox, outgoings, cut);
                    self.carry(read_half, way_out, read, ends, config).await;
                }
            }
            Socket::Other(upgraded) => {
                let (read_half, write_half) = tokio::io::split(TokioIo::new(upgraded));
                let ends = outbox::channel(Capacity::of(config));
                self.carry(read_half, write_half, Bytes::new(), ends, config)
                    .await;
            }
        }
        // The client's last words.
        stack::set_used();
    }

    async fn carry<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        self,
        read_half: R,
        write_half: W,
        read: Bytes,
        (outbox, outgoings, cut): (Outbox, Outgoings, oneshot::Receiver<Cut>),
        config: &Config,
    ) {
        let Self {
            id,
            peer,
            room,
            shard,
            clock,
        } = self;
        let flow = shard.flow();
        let known = shard.connect(id, peer, &room, outbox, flow.clone());
        drop(room);
        let known = known.await;

        let pulse = Pulse::default();
        let mut reader = Reader {
            stream: read_half,
            receiver: Receiver::default(),
            first: None,
            more: VecDeque::new(),
            shard: &shard,
            id,
            flow,
            pulse: &pulse,
            pace: Pace::new(clock, config),
        };
        reader.take_apart(&read);
        drop(read);
        let mut writer = Writer {
            sender: Sender::new(write_half),
            outgoings,
            pulse: &pulse,
        };
        let end = match known {
            Ok(()) => go_on(&mut reader, &mut writer, cut, config).await,
            Err(Gone) => End::Gone,
        };
        writer.take_over();
        debug!(?end, "a connection ends");
        let counters = shard.counters();
        match end {
            End::Dead => counters.silent.add(1),
            End::Violation | End::Flood => counters.refused.add(1),
            _ => {}
        }
        // The worker first: the others are to know at once.
        if let Some(manner) = end.manner() {
            writer.outgoings.leave();
            // Without a worker there is nobody to tell.
            let _ = shard.disconnect(id, manner).await;
        }
        // What goes wrong now goes wrong with a connection that is over.
        let leave = take_leave(end, &mut reader, &mut writer);
        let _ = timeout(config.close_within, leave).await;
    }
}

impl End {
    /// How the client leaves (spec section 6.3); `None` if the worker has ended it, and knows.
    fn manner(self) -> Option<Disconnect> {
        match self {
            Self::Left(Some(1000 | 1001)) => Some(Disconnect::Clean),
            Self::Left(_) | Self::Broken | Self::Dead | Self::Violation | Self::Flood => {
                Some(Disconnect::Broken)
            }
            Self::Closed | Self::Cut(_) | Self::Gone => None,
        }
    }
}

async fn go_on<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    reader: &mut Reader<'_, R>,
    writer: &mut Writer<'_, W>,
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
            .unwrap_or(End::Broken),
    }
}

/// Says what is still to be said, and waits for the other side to have heard it: bounded by the caller.
async fn take_leave<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    end: End,
    reader: &mut Reader<'_, R>,
    writer: &mut Writer<'_, W>,
) -> io::Result<()> {
    let code = match end {
        // The answer in kind ends it.
        End::Left(code) => {
            writer.close(code).await?;
            return writer.sender.shut_down().await;
        }
        End::Broken | End::Dead => return Ok(()),
        End::Closed => {
            reader.hear_out().await;
            return Ok(());
        }
        End::Violation => PROTOCOL_ERROR,
        End::Flood | End::Cut(Cut::TooSlow) | End::Gone => CloseCode::TryAgainLater.number(),
        End::Cut(Cut::Burned) => {
            // Both in one write: in a large room everybody is told at the same moment.
            let waited = writer.sender.take_back();
            if let Some(destroyed) = writer.outgoings.farewell().or(waited) {
                writer.sender.put(destroyed);
            }
            let close = Frame::close(Some(CloseCode::Normal.number()));
            writer.sender.put(close);
            writer.sender.write_all().await?;
            reader.hear_out().await;
            return Ok(());
        }
    };
    writer.close(Some(code)).await?;
    reader.hear_out().await;
    Ok(())
}

struct Reader<'a, R> {
    stream: R,
    receiver: Receiver,
    /// What was read and has not been handed on: mostly that is one thing, and needs no queue. In boxes: what is moved
    /// into a place that is larger than it takes the rest of what was on the stack along, and a connection is long.
    first: Option<Box<Result<Received, Violation>>>,
    more: VecDeque<Box<Result<Received, Violation>>>,
    shard: &'a Shard,
    id: ConnectionId,
    flow: Flow,
    pulse: &'a Pulse,
    pace: Pace<'a>,
}

impl<R: AsyncRead + Unpin> Reader<'_, R> {
    /// Hands what comes in to the worker, one after the other: while it has no time, nothing is read.
    async fn run(&mut self) -> End {
        loop {
            let frame = match self.next().await {
                Some(Ok(Received::Text(text))) => text,
                Some(Ok(Received::Unreadable(why))) => {
                    let frame = match why {
                        Unreadable::TooLarge => Bytes::from_static(&TOO_LARGE),
                        Unreadable::Binary => Bytes::from_static(&MALFORMED),
                    };
                    if let Err(Gone) = self.shard.frame(self.id, frame).await {
                        return End::Gone;
                    }
                    // The hub says why, and closes.
                    return std::future::pending().await;
                }
                Some(Ok(Received::Close(code))) => return End::Left(code),
                Some(Ok(received)) => {
                    match self.pace.judge() {
                        Judgement::Good => {
                            self.pulse.heard();
                            if let Received::Ping(payload) = received {
                                self.pulse.answer(payload);
                            }
                        }
                        Judgement::TooFast => {}
                        Judgement::TooOften => return End::Flood,
                    }
                    continue;
                }
                Some(Err(Violation)) => return End::Violation,
                None => return End::Broken,
            };
            self.pulse.heard();
            self.flow.begin(frame.len()).await;
            if let Err(Gone) = self.shard.frame(self.id, frame).await {
                return End::Gone;
            }
        }
    }

    /// After our close: waits for the client's. A socket that is let go with bytes unread is reset, and the client may
    /// never see what we said last: bounded by the caller.
    async fn hear_out(&mut self) {
        self.receiver.close_ears();
        while let Some(Ok(received)) = self.next().await {
            if let Received::Close(_) = received {
                return;
            }
        }
    }

    /// The next thing that is whole; `None` at the end. Cancel safe.
    async fn next(&mut self) -> Option<Result<Received, Violation>> {
        loop {
            if let Some(first) = self.first.take() {
                self.first = self.more.pop_front();
                if self.more.is_empty() {
                    self.more = VecDeque::new();
                }
                return Some(*first);
            }
            let count = std::future::poll_fn(|cx| self.poll_read(cx)).await;
            if !count.is_ok_and(|count| count > 0) {
                return None;
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut memory = [MaybeUninit::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut memory);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        self.take_apart(buffer.filled());
        buffer.filled_mut().zeroize();
        Poll::Ready(Ok(count))
    }

    fn take_apart(&mut self, mut bytes: &[u8]) {
        loop {
            let received = match self.receiver.take(&mut bytes) {
                Ok(Some(received)) => Ok(received),
                Ok(None) => return,
                Err(violation) => Err(violation),
            };
            let is_last = received.is_err();
            match &self.first {
                None => self.first = Some(Box::new(received)),
                Some(_) => self.more.push_back(Box::new(received)),
            }
            if is_last {
                return;
            }
        }
    }
}

/// Pings, pongs and pieces of messages by the rate of frames (spec section 16). Whole messages are the hub's to count.
struct Pace<'a> {
    clock: Clock,
    config: &'a Config,
    bucket: Bucket,
    refused: u32,
}

enum Judgement {
    Good,
    TooFast,
    /// Once too often in a row.
    TooOften,
}

impl<'a> Pace<'a> {
    fn new(clock: Clock, config: &'a Config) -> Self {
        Self {
            clock,
            config,
            bucket: Bucket::default(),
            refused: 0,
        }
    }

    fn judge(&mut self) -> Judgement {
        let limits = &self.config.limits;
        let now = self.clock.now();
        if self.bucket.wait_millis(now, limits.connection_frames, 1) == 0 {
            self.bucket.take(now, limits.connection_frames, 1);
            self.refused = 0;
            return Judgement::Good;
        }
        self.refused = self.refused.saturating_add(1);
        if self.refused > limits.refused_frames {
            return Judgement::TooOften;
        }
        Judgement::TooFast
    }
}

struct Writer<'a, W> {
    sender: Sender<W>,
    outgoings: Outgoings,
    pulse: &'a Pulse,
}

impl<W: AsyncWrite + Unpin> Writer<'_, W> {
    /// Sends what waits, and pings. Dropped half way, it has sent some whole frames, and the rest of the last of them
    /// goes out before anything that is sent later.
    async fn run(&mut self) -> io::Result<End> {
        loop {
            self.fill_up();
            let behind = !self.sender.is_empty();
            self.pulse.set_behind(behind);
            if behind {
                let count = self.sender.write().await?;
                self.pulse.wrote(count);
                if self.sender.is_empty() {
                    self.sender.flush().await?;
                }
                continue;
            }
            tokio::select! {
                biased;
                () = self.pulse.wanted() => {}
                () = self.outgoings.wait() => match self.outgoings.end() {
                    None => {}
                    Some(Some(code)) => {
                        self.close(Some(code.number())).await?;
                        return Ok(End::Closed);
                    }
                    Some(None) => return Ok(End::Gone),
                },
            }
        }
    }

    /// Takes what waits, as far as it can be written at once.
    fn fill_up(&mut self) {
        let Self {
            sender, outgoings, ..
        } = self;
        if sender.has_room() {
            outgoings.hand_over(|frame, begun| {
                sender.put_begun(frame, begun);
                sender.has_room()
            });
        }
        if let Some(payload) = self.pulse.take_answer() {
            self.sender.put_first(Frame::pong(&payload));
        }
        if self.pulse.take_ping() {
            self.sender.put_first(Frame::ping());
        }
    }

    /// From here on only this writes, and nothing of what waits but the rest of what has begun.
    fn take_over(&mut self) {
        if let Some((frame, begun)) = self.outgoings.take_begun() {
            self.sender.put_begun(frame, begun);
        }
    }

    /// Sends a close instead of what waits.
    async fn close(&mut self, code: Option<u16>) -> io::Result<()> {
        self.sender.take_back();
        self.sender.put(Frame::close(code));
        self.sender.write_all().await
    }
}
