//! A relay with one seat that does what the test tells it to, over a real socket.

use std::time::Duration;

use burnchat_client::burnchat_core::client::plan_room;
use burnchat_client::burnchat_core::ids::TicketHash;
use burnchat_client::burnchat_core::time::Timestamp;
use burnchat_client::{
    EndReason, Error, Event, Events, JoinOptions, Link, Room, RoomSettings, create_room,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// Nothing in these tests takes longer, unless it fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// The `seat_token` it gives away.
pub(crate) const SEAT_TOKEN: &str = "c2VhdHNlYXRzZWF0c2VhdHNlYXRzZWF0c2VhdHNlYXQ";

pub(crate) struct FakeRelay {
    listener: TcpListener,
    pub(crate) base: String,
    ticket_hash: Option<TicketHash>,
}

impl FakeRelay {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self {
            listener,
            base,
            ticket_hash: None,
        }
    }

    /// A link to a room here that may live for an hour.
    pub(crate) fn link(&mut self) -> Link {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap();
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let settings = RoomSettings {
            ttl_seconds: 3_600,
            ..RoomSettings::default()
        };
        let now = Timestamp::default() + now;
        let (request, link) = plan_room(&self.base, settings, now, &mut rng).unwrap();
        self.ticket_hash = Some(request.ticket_hash);
        link
    }

    pub(crate) async fn accept(&self) -> Wire {
        let (tcp, _) = in_time(self.listener.accept()).await.unwrap();
        #[expect(clippy::result_large_err, reason = "the handshake asks for this type")]
        let greet = |request: &Request, mut response: Response| {
            assert!(request.uri().path().starts_with("/api/rooms/"));
            let protocol = &request.headers()["sec-websocket-protocol"];
            assert_eq!(protocol, "burnchat.v1");
            response
                .headers_mut()
                .insert("sec-websocket-protocol", protocol.clone());
            Ok(response)
        };
        let socket = in_time(tokio_tungstenite::accept_hdr_async(tcp, greet)).await;
        Wire {
            socket: socket.unwrap(),
            ticket_hash: self.ticket_hash.unwrap(),
        }
    }

    pub(crate) async fn accept_http(&self) -> TcpStream {
        in_time(self.listener.accept()).await.unwrap().0
    }

    /// Nobody is answered any more.
    pub(crate) fn stop(self) {}

    /// A client that has joined a room with this long to live, and the relay's end of its connection.
    pub(crate) async fn joined(&mut self, seconds: u64) -> (Room, Events, Wire) {
        let link = self.link();
        let joining = tokio::spawn(burnchat_client::connect(link, JoinOptions::default()));
        let mut wire = self.accept().await;
        wire.let_in(seconds).await;
        let (room, events) = in_time(joining).await.unwrap().unwrap();
        (room, events, wire)
    }
}

/// The relay's end of one connection.
pub(crate) struct Wire {
    socket: WebSocketStream<TcpStream>,
    ticket_hash: TicketHash,
}

impl Wire {
    pub(crate) async fn send(&mut self, frame: Value) {
        let frame = Message::text(frame.to_string());
        in_time(self.socket.send(frame)).await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn receive(&mut self) -> Value {
        loop {
            match in_time(self.socket.next()).await.unwrap().unwrap() {
                Message::Text(frame) => return serde_json::from_str(&frame).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("instead of a frame: {other:?}"),
            }
        }
    }

    /// The code the client closes with; frames before it are skipped.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match in_time(self.socket.next()).await.unwrap().unwrap() {
                Message::Close(Some(close)) => return close.code.into(),
                Message::Close(None) => panic!("no close code"),
                _ => {}
            }
        }
    }

    /// Takes a `join`, and answers that its sender is alone in the room. Returns the `join`.
    pub(crate) async fn let_in(&mut self, seconds: u64) -> Value {
        let join = self.receive().await;
        assert_eq!(join["type"], "join");
        let mut entry = json!({ "role": "member", "number": 1 });
        for member in ["kem_pub", "sig_pub", "sealed_name", "join_proof"] {
            entry[member] = join[member].clone();
        }
        let nothing = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        self.send(json!({
            "type": "joined", "seq": 1, "version": 1, "head": nothing, "role": "member",
            "seat_token": SEAT_TOKEN, "participants": [entry], "seconds_remaining": seconds,
            "history": false, "locked": false, "capacity": 50, "burn": "creator",
            "ticket_hash": self.ticket_hash.to_base64(), "last_extended": 0,
        }))
        .await;
        join
    }
}

/// What becomes of a request for a room that is answered like this.
pub(crate) async fn create_with_answer(status: &str, body: &str) -> Error {
    let relay = FakeRelay::start().await;
    let base = relay.base.clone();
    let creating = tokio::spawn(async move { create_room(&base, RoomSettings::default()).await });
    let mut http = relay.accept_http().await;
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        in_time(http.read_buf(&mut request)).await.unwrap();
    }
    assert!(request.starts_with(b"POST /api/rooms HTTP/1.1\r\n"));
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
    in_time(http.write_all(answer.as_bytes())).await.unwrap();
    in_time(creating).await.unwrap().unwrap_err()
}

/// Takes events up to one that is as wanted.
pub(crate) async fn until(events: &mut Events, wanted: impl Fn(&Event) -> bool) {
    in_time(async {
        loop {
            let event = events.next().await.expect("an event");
            if wanted(&event) {
                return;
            }
        }
    })
    .await;
}

/// Takes events up to the last.
pub(crate) async fn ending(events: &mut Events) -> EndReason {
    in_time(async {
        loop {
            if let Event::Ended(reason) = events.next().await.expect("an end") {
                return reason;
            }
        }
    })
    .await
}

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("in time")
}
