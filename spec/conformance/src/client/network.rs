//! The listener of the relay that is played: WebSockets and the one request that makes a room, no more than that.

use std::io;

use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::wire::http::Problem;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// What the network tells of.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Somebody asks for a room to be made; the answer's status and body are waited for.
    Create(Vec<u8>, oneshot::Sender<(u16, Vec<u8>)>),
    /// A WebSocket is open.
    Opened(u64, RoomId, mpsc::UnboundedSender<Order>),
    /// A text has come on it.
    Frame(u64, String),
    /// Something other than text has come on it.
    NotText,
    /// It has ended: with this code, or without one.
    Closed(u64, Option<u16>),
}

/// What is to be done with a WebSocket.
#[derive(Debug)]
pub(crate) enum Order {
    Text(String),
    Binary(Vec<u8>),
    Close(u16),
    /// As if a cable had been pulled: no goodbye.
    Cut,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    /// What stands before `/r/` in links.
    pub(crate) base: String,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Listens on this address, port 0 for any.
    pub(crate) async fn start(
        address: &str,
        arrivals: mpsc::UnboundedSender<Arrival>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let (open, is_open) = watch::channel(true);
        let task = tokio::spawn(async move {
            for number in 1.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                if *is_open.borrow() {
                    tokio::spawn(serve(number, stream, arrivals.clone()));
                }
            }
        });
        Ok(Self { base, open, task })
    }

    /// Whether connections are taken.
    pub(crate) fn let_in(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn serve(
    number: u64,
    mut stream: TcpStream,
    arrivals: mpsc::UnboundedSender<Arrival>,
) -> Option<()> {
    let _ = stream.set_nodelay(true);
    let mut head = [0; 4];
    while stream.peek(&mut head).await.ok()? < head.len() {
        tokio::task::yield_now().await;
    }
    if &head == b"GET " {
        return websocket(number, stream, arrivals).await;
    }
    let (request, body) = request(&mut stream).await?;
    let (status, body) = if request.starts_with("POST /api/rooms HTTP/") {
        let (answer, answered) = oneshot::channel();
        arrivals.send(Arrival::Create(body, answer)).ok()?;
        answered.await.ok()?
    } else {
        not_found()
    };
    let kind = match status {
        201 => "application/json",
        _ => "application/problem+json",
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()?;
    stream.shutdown().await.ok()
}

fn not_found() -> (u16, Vec<u8>) {
    let problem = Problem::new(Code::UnknownPath);
    (404, problem.encode().as_bytes().to_vec())
}

/// The first line of a request, and its body.
async fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    const MOST: usize = 64 * 1_024;
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if read.len() > MOST || stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(read.get(..end)?.to_vec()).ok()?;
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Some(0), |(_, value)| value.trim().parse().ok())?;
    let mut body = read.get(end + 4..)?.to_vec();
    while body.len() < length.min(MOST) {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((head.lines().next()?.to_owned(), body))
}

// The type of the callback's error is tungstenite's.
#[expect(clippy::result_large_err)]
async fn websocket(
    number: u64,
    stream: TcpStream,
    arrivals: mpsc::UnboundedSender<Arrival>,
) -> Option<()> {
    let mut room = None;
    let upgrade = |request: &Request, mut response: Response| {
        room = room_of(request);
        if room.is_none() {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::NOT_FOUND;
            return Err(refusal);
        }
        response.headers_mut().insert(
            "sec-websocket-protocol",
            HeaderValue::from_static(SUBPROTOCOL),
        );
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, upgrade)
        .await
        .ok()?;
    let (orders, mut ordered) = mpsc::unbounded_channel();
    arrivals.send(Arrival::Opened(number, room?, orders)).ok()?;
    let (mut sink, mut stream) = socket.split();
    let mut code = None;
    loop {
        tokio::select! {
            order = ordered.recv() => {
                let sent = match order {
                    Some(Order::Text(text)) => sink.send(Message::text(text)).await,
                    Some(Order::Binary(bytes)) => sink.send(Message::Binary(Bytes::from(bytes))).await,
                    Some(Order::Close(code)) => {
                        let frame = CloseFrame { code: code.into(), reason: Default::default() };
                        sink.send(Message::Close(Some(frame))).await
                    }
                    Some(Order::Cut) | None => break,
                };
                if sent.is_err() {
                    break;
                }
            }
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    arrivals.send(Arrival::Frame(number, text.as_str().to_owned())).ok()?;
                }
                Some(Ok(Message::Binary(_))) => arrivals.send(Arrival::NotText).ok()?,
                Some(Ok(Message::Close(frame))) => {
                    code = frame.map(|frame| frame.code.into());
                    // tungstenite answers it with the next flush.
                    let _ = sink.flush().await;
                    break;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            }
        }
    }
    arrivals.send(Arrival::Closed(number, code)).ok()
}

const SUBPROTOCOL: &str = "burnchat.v1";

/// The room that is asked for, if the request is one for a WebSocket of this protocol.
fn room_of(request: &Request) -> Option<RoomId> {
    let path = request.uri().path();
    let room = path.strip_prefix("/api/rooms/")?.strip_suffix("/ws")?;
    let offered = request.headers().get("sec-websocket-protocol")?;
    let mut offered = offered.to_str().ok()?.split(',');
    offered.find(|one| one.trim() == SUBPROTOCOL)?;
    RoomId::from_base64(room)
}
