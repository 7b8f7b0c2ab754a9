//! A hub, rooms in it, and the clients that are looked at. The others in a room are connections and nothing more.

use std::collections::BTreeMap;

use burnchat_core::client::{Client, JoinOptions, Output, RoomSettings, plan_room};
use burnchat_core::crypto::Name;
use burnchat_core::link::Link;
use burnchat_core::relay::{
    ConnectionId, Disconnect, Hub, Limits, Output as HubOutput, PeerKey, Rate,
};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// Some day in 2026.
const START: Timestamp = Timestamp(1_790_000_000_000);

/// A hub that takes as much as it is given, and the frames it has for those who listen.
pub(crate) struct Relay {
    pub(crate) hub: Hub,
    pub(crate) now: Timestamp,
    pub(crate) rng: ChaCha8Rng,
    connections: u64,
    mail: BTreeMap<ConnectionId, Vec<EncodedFrame>>,
}

/// One client, connected or not.
pub(crate) struct Guest {
    pub(crate) client: Client,
    pub(crate) connection: ConnectionId,
}

impl Relay {
    pub(crate) fn new() -> Self {
        let endless = Rate::new(u32::MAX, u32::MAX);
        let mut limits = Limits::default();
        limits.joins = u64::MAX;
        limits.connection_frames = endless;
        limits.connection_bytes = endless;
        limits.room_envelopes = endless;
        limits.room_bytes = endless;
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Self {
            hub: Hub::new(limits, &mut rng),
            now: START,
            rng,
            connections: 0,
            mail: BTreeMap::new(),
        }
    }

    /// A room for three days. Gives its link.
    pub(crate) fn create(&mut self) -> String {
        self.create_for(72 * 3_600)
    }

    /// A room for so long. Gives its link.
    pub(crate) fn create_for(&mut self, ttl_seconds: u64) -> String {
        let settings = RoomSettings {
            ttl_seconds,
            capacity: 256,
            ..RoomSettings::default()
        };
        let peer = self.next_connection().1;
        let base = "https://relay.example";
        let (request, link) = plan_room(base, settings, self.now, &mut self.rng).unwrap();
        self.hub
            .handle_create(self.now, peer, &request, &mut self.rng)
            .unwrap();
        link.to_url().to_string()
    }

    /// A client on an open connection, and the `join` it has to send.
    pub(crate) fn knock(&mut self, link: &str) -> (Guest, EncodedFrame) {
        let (connection, peer) = self.next_connection();
        let link = Link::parse(link).unwrap();
        let room = link.room_id();
        let options = JoinOptions {
            name: Some(Name::new(&format!("guest {}", connection.0)).unwrap()),
            ..JoinOptions::default()
        };
        let client = Client::new(link, options, &mut self.rng);
        self.hub.handle_connect(self.now, connection, peer, room);
        let mut guest = Guest { client, connection };
        guest
            .client
            .handle_connected(self.now, &mut self.rng)
            .unwrap();
        let join = guest.sent().remove(0);
        (guest, join)
    }

    /// Lets somebody in whose frames nobody reads.
    pub(crate) fn let_in(&mut self, link: &str) -> ConnectionId {
        let (guest, join) = self.knock(link);
        self.hand_in(guest.connection, &join);
        guest.connection
    }

    /// Lets somebody in who reads what there is for it from now on.
    pub(crate) fn let_in_listening(&mut self, link: &str) -> Guest {
        let (guest, join) = self.knock(link);
        self.listen(guest.connection);
        self.hand_in(guest.connection, &join);
        guest
    }

    /// What comes for a connection is kept.
    pub(crate) fn listen(&mut self, connection: ConnectionId) {
        self.mail.insert(connection, Vec::new());
    }

    /// Hands a frame to the hub.
    pub(crate) fn hand_in(&mut self, from: ConnectionId, frame: &EncodedFrame) {
        self.hub
            .handle_frame(self.now, from, frame.as_bytes(), &mut self.rng);
        self.collect();
    }

    pub(crate) fn leaves(&mut self, connection: ConnectionId) {
        self.hub
            .handle_disconnect(self.now, connection, Disconnect::Clean);
        self.mail.remove(&connection);
        self.collect();
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
        self.hub.handle_timeout(self.now);
        self.collect();
    }

    /// Puts what the hub has to send where its receivers look for it.
    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            self.post(output);
        }
    }

    pub(crate) fn post(&mut self, output: HubOutput) {
        let HubOutput::Send { to, frame } = output else {
            panic!("the hub closes a connection");
        };
        for connection in to {
            if let Some(mail) = self.mail.get_mut(&connection) {
                mail.push(frame.clone());
            }
        }
    }

    /// What there is for a guest.
    pub(crate) fn mail(&mut self, guest: &Guest) -> Vec<EncodedFrame> {
        std::mem::take(self.mail.get_mut(&guest.connection).unwrap())
    }

    /// The next frame of this type for a guest, who reads what comes before it.
    pub(crate) fn mail_of_type(&mut self, guest: &mut Guest, wanted: &str) -> EncodedFrame {
        let mut mail = self.mail(guest).into_iter();
        while let Some(frame) = mail.next() {
            if is(&frame, wanted) {
                self.mail.insert(guest.connection, mail.collect());
                return frame;
            }
            self.read(guest, &frame);
        }
        panic!("there is no {wanted}")
    }

    /// Lets a client read a frame.
    pub(crate) fn read(&mut self, guest: &mut Guest, frame: &EncodedFrame) {
        guest
            .client
            .handle_frame(self.now, frame.as_bytes(), &mut self.rng)
            .unwrap();
    }

    /// Lets everyone named read and answer until there is nothing more to say.
    pub(crate) fn settle(&mut self, guests: &mut [&mut Guest]) {
        let mut quiet = false;
        while !quiet {
            quiet = true;
            for guest in &mut *guests {
                for frame in self.mail(guest) {
                    self.read(guest, &frame);
                }
                for frame in guest.sent() {
                    quiet = false;
                    self.hand_in(guest.connection, &frame);
                }
            }
        }
    }

    pub(crate) fn next_connection(&mut self) -> (ConnectionId, PeerKey) {
        self.connections += 1;
        let peer = PeerKey(u128::from(self.connections).to_be_bytes());
        (ConnectionId(self.connections), peer)
    }
}

impl Guest {
    /// The frames the client has to send; its events are dropped.
    pub(crate) fn sent(&mut self) -> Vec<EncodedFrame> {
        let mut frames = Vec::new();
        while let Some(output) = self.client.poll_output() {
            if let Output::Send(frame) = output {
                frames.push(frame);
            }
        }
        frames
    }
}

/// Whether a frame is of this type.
pub(crate) fn is(frame: &EncodedFrame, wanted: &str) -> bool {
    let start = format!("{{\"type\":\"{wanted}\"");
    frame.as_str().starts_with(&start)
}
