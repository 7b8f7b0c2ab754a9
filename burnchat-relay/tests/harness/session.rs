//! Frames over plain HTTP, and nothing else, by hand (spec section 13.5).

use std::collections::VecDeque;
use std::net::SocketAddr;

use burnchat_core::crypto::participant_id;
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::wire::{BurnReason, ClientFrame, ErrorFrame, RelayFrame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::http::{Answer, request};
use super::in_time;
use super::participant::Transport;

/// A session whose client keeps the seat token itself.
pub(crate) struct Session {
    pub(crate) relay: SocketAddr,
    /// `/api/rooms/{room}/session`
    pub(crate) path: String,
    /// The same with the participant, once there is one.
    pub(crate) seat: String,
    pub(crate) bearer: String,
    /// The same for who is a browser: then no other header is sent.
    pub(crate) cookie: Option<String>,
    pub(crate) events: Option<EventStream>,
    came: VecDeque<String>,
    buffer: Option<u32>,
}

impl Session {
    /// Takes a seat, with these headers besides.
    pub(crate) async fn enter(&mut self, join: &str, headers: &[(&str, &str)]) -> Answer {
        let answer = self.post(&self.path, join, headers).await;
        if answer.status == 201 {
            let frame = RelayFrame::parse(answer.body.as_bytes()).unwrap();
            let Some(RelayFrame::Joined(joined)) = frame else {
                panic!("not joined");
            };
            let own = joined.participants.last().unwrap();
            let id = participant_id(&own.kem_pub.0, &own.sig_pub.0);
            self.seat = format!("{}/{}", self.path, id.to_base64());
            let (_, token) = answer.body.split_once(r#""seat_token":""#).unwrap();
            self.bearer = format!("Bearer {}", &token[..43]);
            if self.cookie.is_some() {
                self.cookie = Some(answer.cookie().split(';').next().unwrap().to_owned());
            }
        }
        answer
    }

    /// The header that shows the seat token.
    pub(crate) fn credential(&self) -> (&str, &str) {
        match &self.cookie {
            Some(cookie) => ("Cookie", cookie),
            None => ("Authorization", &self.bearer),
        }
    }

    /// Opens an event stream: the first, or one that goes on after this entry.
    pub(crate) async fn listen(&mut self, after: Option<u64>) -> Result<(), Answer> {
        let stream = self.open_events(&[self.credential()], after).await;
        self.events = Some(stream?);
        Ok(())
    }

    pub(crate) async fn open_events(
        &self,
        headers: &[(&str, &str)],
        after: Option<u64>,
    ) -> Result<EventStream, Answer> {
        let path = format!("{}/events", self.seat);
        let after = after.map(|seq| seq.to_string());
        let mut headers = headers.to_vec();
        if let Some(after) = &after {
            headers.push(("Last-Event-ID", after));
        }
        EventStream::open(self.relay, &path, &headers, self.buffer).await
    }

    /// Posts a frame.
    pub(crate) async fn hand_in(&self, frame: &str) -> Answer {
        let path = format!("{}/frames", self.seat);
        self.post(&path, frame, &[self.credential()]).await
    }

    pub(crate) async fn leave(&self) -> Answer {
        request(self.relay, "DELETE", &self.seat, &[self.credential()], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let length = body.len().to_string();
        let headers = [headers, &[("Content-Length", length.as_str())]].concat();
        request(self.relay, "POST", path, &headers, body.as_bytes()).await
    }

    /// The next frame.
    pub(crate) async fn receive(&mut self) -> Option<RelayFrame> {
        let text = in_time(self.take()).await?;
        Some(RelayFrame::parse(text.as_bytes()).unwrap().unwrap())
    }

    /// Expects the end of the room: `destroyed`, and then nothing. What comes before is passed over.
    pub(crate) async fn expect_burn(&mut self, reason: BurnReason) {
        loop {
            match self.receive().await.expect("the end of the room") {
                RelayFrame::Destroyed(destroyed) => {
                    assert_eq!(destroyed.reason, reason);
                    assert!(self.receive().await.is_none());
                    return;
                }
                _ => continue,
            }
        }
    }

    /// Expects an error that closes, and the end of the stream. What comes before is passed over.
    pub(crate) async fn expect_refusal(&mut self, code: Code) {
        loop {
            match self.receive().await.expect("an error") {
                RelayFrame::Error(error) => {
                    assert_eq!(error.code, code);
                    assert!(self.receive().await.is_none());
                    return;
                }
                _ => continue,
            }
        }
    }
}

impl Transport for Session {
    async fn open_with(relay: SocketAddr, room: RoomId, buffer: Option<u32>) -> Self {
        let path = format!("/api/rooms/{}/session", room.to_base64());
        Self {
            relay,
            path,
            seat: String::new(),
            bearer: String::new(),
            cookie: None,
            events: None,
            came: VecDeque::new(),
            buffer,
        }
    }

    /// Takes a client's frames apart as section 13.5 says: the first are requests of their own.
    async fn put(&mut self, frame: &str) {
        let refused = match ClientFrame::parse(frame.as_bytes()).unwrap() {
            ClientFrame::Join(_) => {
                let wants = [("Accept-Token", "bearer")];
                let wants = if self.cookie.is_some() {
                    &[]
                } else {
                    &wants[..]
                };
                let answer = self.enter(frame, wants).await;
                if answer.status == 201 {
                    self.came.push_back(answer.body);
                    self.listen(None).await.err()
                } else {
                    Some(answer)
                }
            }
            ClientFrame::Resume(resume) => self.listen(Some(resume.seq)).await.err(),
            _ => {
                assert_eq!(self.hand_in(frame).await.status, 202);
                None
            }
        };
        if let Some(refused) = refused {
            let code = Code::from_name(&refused.refusal().1).unwrap();
            let error = RelayFrame::Error(ErrorFrame::new(code)).encode();
            self.came.push_back(error.as_str().to_owned());
        }
    }

    async fn take(&mut self) -> Option<String> {
        if let Some(came) = self.came.pop_front() {
            return Some(came);
        }
        loop {
            let event = self.events.as_mut()?.next().await?;
            if let Some(frame) = event.frame {
                return Some(frame);
            }
        }
    }

    async fn expect_burn(&mut self, reason: BurnReason) {
        Self::expect_burn(self, reason).await;
    }

    /// The same session without its stream.
    async fn opened_anew(&mut self, relay: SocketAddr, room: RoomId) -> Self {
        Self {
            path: self.path.clone(),
            seat: self.seat.clone(),
            bearer: self.bearer.clone(),
            cookie: self.cookie.clone(),
            ..Self::open_with(relay, room, None).await
        }
    }

    fn shown(&self) -> Option<&str> {
        let (_, shown) = self.credential();
        shown.split([' ', '=']).nth(1)
    }
}

/// A session whose token a browser keeps, and no script sees.
pub(crate) struct Browser(pub(crate) Session);

impl Transport for Browser {
    async fn open_with(relay: SocketAddr, room: RoomId, buffer: Option<u32>) -> Self {
        let mut session = Session::open_with(relay, room, buffer).await;
        session.cookie = Some(String::new());
        Self(session)
    }

    async fn put(&mut self, frame: &str) {
        self.0.put(frame).await;
    }

    async fn take(&mut self) -> Option<String> {
        self.0.take().await
    }

    async fn expect_burn(&mut self, reason: BurnReason) {
        self.0.expect_burn(reason).await;
    }

    async fn opened_anew(&mut self, relay: SocketAddr, room: RoomId) -> Self {
        Self(self.0.opened_anew(relay, room).await)
    }

    fn shown(&self) -> Option<&str> {
        self.0.shown()
    }
}

/// The answer to a request for events, as it comes.
pub(crate) struct EventStream {
    stream: TcpStream,
    pub(crate) head: String,
    /// What came and is not part of a whole chunk.
    raw: Vec<u8>,
    text: String,
    ended: bool,
}

#[derive(Debug, Default)]
pub(crate) struct ServerEvent {
    pub(crate) id: Option<u64>,
    pub(crate) frame: Option<String>,
    pub(crate) comment: bool,
}

impl EventStream {
    async fn open(
        relay: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
        buffer: Option<u32>,
    ) -> Result<Self, Answer> {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let stream = in_time(socket.connect(relay)).await.unwrap();
        let mut events = Self {
            stream,
            head: String::new(),
            raw: Vec::new(),
            text: String::new(),
            ended: false,
        };
        let mut head = format!("GET {path} HTTP/1.1\r\nHost: {relay}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let sent = events.stream.write_all(head.as_bytes());
        in_time(sent).await.unwrap();
        let end = loop {
            let end = events.raw.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end;
            }
            assert!(in_time(events.read()).await, "an answer");
        };
        let head: Vec<u8> = events.raw.drain(..end + 4).collect();
        events.head = String::from_utf8(head).unwrap().to_lowercase();
        if events.head.starts_with("http/1.1 200") {
            return Ok(events);
        }
        // What is refused is answered like any other request.
        let headers = [headers, &[("Connection", "close")]].concat();
        Err(request(relay, "GET", path, &headers, b"").await)
    }

    /// The next event or comment; nothing at the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = parse(event);
                self.text = rest.to_owned();
                return Some(event);
            }
            if let Some(chunk) = self.chunk() {
                self.ended |= chunk.is_empty();
                self.text.push_str(&chunk);
            } else if self.ended || !self.read().await {
                return None;
            }
        }
    }

    async fn read(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.raw).await, Ok(1..))
    }

    /// A whole chunk (RFC 9112 section 7.1).
    fn chunk(&mut self) -> Option<String> {
        let line = self.raw.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&self.raw[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let (begin, end) = (line + 2, line + 2 + size);
        if self.raw.len() < end + 2 {
            return None;
        }
        let text = String::from_utf8(self.raw[begin..end].to_vec()).unwrap();
        self.raw.drain(..end + 2);
        Some(text)
    }
}

fn parse(event: &str) -> ServerEvent {
    let mut parsed = ServerEvent::default();
    for line in event.lines() {
        if let Some(id) = line.strip_prefix("id: ") {
            parsed.id = id.parse().ok();
        } else if let Some(frame) = line.strip_prefix("data: ") {
            assert!(parsed.frame.is_none(), "a frame is one line");
            parsed.frame = Some(frame.to_owned());
        } else if line.starts_with(':') {
            parsed.comment = true;
        } else {
            assert_eq!(line, "retry: 1000");
        }
    }
    parsed
}
