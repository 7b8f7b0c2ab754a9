//! A client machine, and what must hold for it whatever it is told.

use std::collections::{BTreeMap, BTreeSet};

use burnchat_core::client::{Client, Event, Output, Status};
use burnchat_core::crypto::ReadMessage;
use burnchat_core::error::Error;
use burnchat_core::ids::{EpochId, MessageId, ParticipantId};
use burnchat_core::limits;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, Envelope, KeyOffer};
use rand_chacha::rand_core::CryptoRng;

/// More than any one input can rightly cause.
const OUTPUTS: usize = 20_000;

/// A client under watch.
pub struct Watched {
    /// The machine.
    pub client: Client,
    /// What time it was last told.
    pub now: Timestamp,
    /// The frames it sent and nobody has taken.
    pub sent: Vec<ClientFrame>,
    /// The messages it showed.
    pub shown: Vec<ReadMessage>,
    /// It wants a connection.
    pub wants_connection: bool,
    seen: BTreeSet<(ParticipantId, MessageId)>,
    sealed: BTreeMap<(EpochId, u64), Envelope>,
    offers: BTreeMap<(u64, EpochId), KeyOffer>,
    has_ended: bool,
}

/// What a refused frame must not change.
#[derive(Debug, PartialEq, Eq)]
struct Stand {
    status: Status,
    version: Option<u64>,
    head: Option<EpochId>,
    epoch: Option<(u64, EpochId)>,
    people: Vec<ParticipantId>,
    locked: bool,
    ends_at: Option<Timestamp>,
    link: Option<String>,
}

impl Watched {
    /// Watches a new client.
    pub fn new(client: Client, now: Timestamp) -> Self {
        Self {
            client,
            now,
            sent: Vec::new(),
            shown: Vec::new(),
            wants_connection: false,
            seen: BTreeSet::new(),
            sealed: BTreeMap::new(),
            offers: BTreeMap::new(),
            has_ended: false,
        }
    }

    /// A frame from the relay.
    pub fn frame(&mut self, frame: &[u8], rng: &mut impl CryptoRng) -> Result<(), Error> {
        // What the time alone does is done, so that the rest is the frame's.
        self.wait(0, rng);
        let before = self.stand();
        let outcome = self.client.handle_frame(self.now, frame, rng);
        let after = self.stand();
        if outcome.is_err() && after.status == before.status {
            assert_eq!(after, before, "a refused frame moved it");
        }
        self.settle(rng);
        outcome
    }

    /// Time passes.
    pub fn wait(&mut self, millis: u64, rng: &mut impl CryptoRng) {
        self.now = self.now.plus_millis(millis);
        self.client.handle_timeout(self.now, rng);
        self.settle(rng);
        let next = self.client.poll_timeout();
        assert!(
            next.is_none_or(|next| next > self.now),
            "its timer never rests"
        );
    }

    /// Takes what it says, and looks at it and at all there is to see.
    pub fn settle(&mut self, rng: &mut impl CryptoRng) {
        for count in 0.. {
            assert!(count < OUTPUTS, "it never comes to an end");
            let Some(output) = self.client.poll_output() else {
                break;
            };
            match output {
                Output::Send(frame) => self.look_at_frame(frame.as_bytes()),
                Output::Event(event) => self.look_at_event(event),
                Output::Connect => self.wants_connection = true,
                Output::Close(code) => assert!((1000..5000).contains(&code)),
                _ => {}
            }
        }
        if let Status::Ended(_) = self.client.status() {
            assert!(self.has_ended, "it did not say that it has ended");
            self.look_at_the_end(rng);
        } else {
            assert!(!self.has_ended, "it lives after its end");
            for one in self.client.participants() {
                assert!(one.label().len() < 256);
                assert_eq!(one.me, self.client.id() == Some(one.id));
            }
            if let Some(codes) = self.client.verification() {
                assert_eq!(codes.short_code().len(), 6);
            }
            assert!(self.client.link().is_some());
        }
    }

    fn look_at_frame(&mut self, frame: &[u8]) {
        assert!(!self.has_ended, "it speaks after its end");
        assert!(frame.len() <= limits::CLIENT_FRAME_BYTES);
        let frame = ClientFrame::parse(frame).unwrap();
        match &frame {
            // The same key never encrypts two things, and the same bytes may go twice.
            ClientFrame::Message(envelope) => {
                let place = (envelope.epoch, envelope.n);
                let first = self.sealed.entry(place).or_insert_with(|| envelope.clone());
                assert_eq!(first, envelope, "one message key, two envelopes");
            }
            // Nor is a roster keyed twice by one steward.
            ClientFrame::SessionKey(offer) => {
                let place = (offer.version, offer.prev);
                let first = self.offers.entry(place).or_insert_with(|| *offer.clone());
                assert_eq!(first, &**offer, "one roster, two keys");
            }
            _ => {}
        }
        self.sent.push(frame);
    }

    fn look_at_event(&mut self, event: Event) {
        assert!(!self.has_ended, "an event after the last");
        assert!((1..=27).contains(&event.tag()));
        match event {
            Event::Message(message) => {
                let (author, id) = (message.author.id, message.id);
                assert!((1..=limits::TEXT_BYTES).contains(&message.text.as_str().len()));
                assert!(message.author.is_verified(), "a text of nobody's");
                assert!(self.seen.insert((author, id)), "a text shown twice");
                self.shown.push(ReadMessage { sender: author, id });
            }
            // It has new keys, and may have a room of another past.
            Event::Joined { .. } => {
                self.sealed.clear();
                self.offers.clear();
            }
            Event::Ended(_) => self.has_ended = true,
            _ => {}
        }
    }

    fn look_at_the_end(&mut self, rng: &mut impl CryptoRng) {
        let (client, now) = (&mut self.client, self.now);
        assert!(client.link().is_none() && client.poll_timeout().is_none());
        assert!(client.id().is_none() && client.participants().is_empty());
        assert!(client.verification().is_none() && client.seat_token().is_none());
        assert!(client.ends_at().is_none() && client.epoch().is_none());
        let destroyed = br#"{"type":"destroyed","reason":"burned"}"#;
        assert!(client.handle_frame(now, destroyed, rng).is_err());
        assert!(client.handle_connected(now, rng).is_err());
        assert!(client.send_text(now, "text", 0, rng).is_err());
        assert!(client.poll_output().is_none(), "it speaks after its end");
    }

    fn stand(&self) -> Stand {
        let client = &self.client;
        Stand {
            status: client.status(),
            version: client.roster_version(),
            head: client.head(),
            epoch: client.epoch(),
            people: client.participants().iter().map(|one| one.id).collect(),
            locked: client.is_locked(),
            ends_at: client.ends_at(),
            link: client.link().map(|link| link.to_url().to_string()),
        }
    }
}
