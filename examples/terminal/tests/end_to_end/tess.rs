//! Somebody in the room whose keys the test knows: the core's client over a WebSocket, with a generator that remembers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use burnchat_client::burnchat_core::client::{Client, Output};
use burnchat_client::{CreatedRoom, Event, JoinOptions, Name, ParticipantId, Timestamp};
use burnchat_remains::{Known, Recorder};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::harness::in_time;

pub(crate) struct Tess {
    client: Client,
    pub(crate) rng: Recorder,
    pub(crate) known: Known,
    socket: WebSocketStream<TcpStream>,
}

impl Tess {
    /// Joins a room as its creator. It is her who is asked for keys, as she is there first.
    pub(crate) async fn join(relay: &str, created: CreatedRoom, name: &str) -> Self {
        let host = relay.strip_prefix("http://").unwrap();
        let room = created.link.room_id().to_base64();
        let url = format!("ws://{host}/api/rooms/{room}/ws");
        let mut request = url.into_client_request().unwrap();
        let protocol = "burnchat.v1".parse().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let stream = in_time(TcpStream::connect(host)).await.unwrap();
        let (socket, _) = in_time(client_async(request, stream)).await.unwrap();
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut rng = Recorder::new(seed.as_nanos() as u64);
        rng.records = true;
        let options = JoinOptions {
            name: Some(Name::new(name).unwrap()),
            creator_token: Some(created.creator_token),
            ..JoinOptions::default()
        };
        let mut client = Client::new(created.link, options, &mut rng);
        client.handle_connected(now(), &mut rng).unwrap();
        let mut tess = Self {
            client,
            rng,
            known: Known::default(),
            socket,
        };
        tess.until(|event| matches!(event, Event::Joined { .. }))
            .await;
        tess
    }

    pub(crate) fn id(&self) -> ParticipantId {
        self.client.id().unwrap()
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.client
            .send_text(now(), text, 0, &mut self.rng)
            .unwrap();
        self.until(|event| matches!(event, Event::Accepted { .. }))
            .await;
    }

    /// The next text somebody else wrote.
    pub(crate) async fn hears(&mut self) {
        self.until(|event| matches!(event, Event::Message(_))).await;
    }

    /// Somebody has come, and reads what is written from now on.
    pub(crate) async fn knows(&mut self, others: usize) {
        while self.client.participants().len() <= others
            || self.client.epoch().map(|(version, _)| version) != self.client.roster_version()
        {
            self.until(|event| {
                matches!(event, Event::Keyed { .. } | Event::ParticipantJoined { .. })
            })
            .await;
        }
    }

    pub(crate) async fn burn(&mut self) {
        self.client.burn(now(), &mut self.rng).unwrap();
        self.until(|event| matches!(event, Event::Ended(_))).await;
    }

    /// Goes on until this happens.
    async fn until(&mut self, wanted: impl Fn(&Event) -> bool) {
        in_time(async {
            loop {
                while let Some(output) = self.client.poll_output() {
                    match output {
                        Output::Send(frame) => {
                            let message = Message::text(frame.as_str());
                            self.socket.send(message).await.unwrap();
                        }
                        Output::Event(event) if wanted(&event) => return,
                        _ => {}
                    }
                }
                self.step().await;
            }
        })
        .await;
    }

    /// Waits for a frame, or until the client wants to be woken.
    async fn step(&mut self) {
        let due = self.client.poll_timeout();
        let left = due.map_or(60_000, |due| due.millis_since(now()));
        let left = Duration::from_millis(left);
        match tokio::time::timeout(left, self.socket.next()).await {
            Ok(Some(Ok(Message::Text(frame)))) => {
                self.known.see(frame.as_bytes());
                let rng = &mut self.rng;
                self.client.handle_frame(now(), frame.as_bytes(), rng).ok();
            }
            Ok(Some(Ok(_))) => {}
            Ok(_) => panic!("the connection ended"),
            Err(_) => self.client.handle_timeout(now(), &mut self.rng),
        }
    }
}

fn now() -> Timestamp {
    Timestamp(0) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}
