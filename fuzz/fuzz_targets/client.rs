//! A client that a relay tells whatever it likes: the rooms of `spec/transcripts`, whose keys are real, with frames left
//! out, repeated, swapped, altered, made up and made to fit, while the application does what it likes and time goes as it
//! likes.
//!
//! The input: which room, how many of its steps go as they went, and then one thing after another.

#![no_main]

use std::convert::Infallible;
use std::sync::OnceLock;

use burnchat_core::client::{Client, JoinOptions};
use burnchat_core::crypto::{Name, ReadMessage};
use burnchat_core::ids::{EpochId, MessageId, ParticipantId};
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, KeyFrame, LoggedEnvelope, RelayFrame, RosterEntry};
use burnchat_fuzz::{Tape, Watched};
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{SeedableRng, TryCryptoRng, TryRng};
use serde_json::Value;

/// In the order in which an input names them.
const TRANSCRIPTS: [&str; 10] = [
    include_str!("../../spec/transcripts/alone.json"),
    include_str!("../../spec/transcripts/burn.json"),
    include_str!("../../spec/transcripts/gap.json"),
    include_str!("../../spec/transcripts/history.json"),
    include_str!("../../spec/transcripts/hold.json"),
    include_str!("../../spec/transcripts/kick-and-new-ticket.json"),
    include_str!("../../spec/transcripts/late-join.json"),
    include_str!("../../spec/transcripts/resume.json"),
    include_str!("../../spec/transcripts/take-over.json"),
    include_str!("../../spec/transcripts/talk.json"),
];

/// More steps say nothing new and take long.
const STEPS: usize = 96;

struct Story {
    link: String,
    name: String,
    draws: Vec<u8>,
    steps: Vec<Step>,
}

struct Step {
    at: Timestamp,
    input: Input,
}

enum Input {
    Connected,
    Disconnected,
    Timeout,
    Frame(String),
}

fn stories() -> &'static Vec<Story> {
    static STORIES: OnceLock<Vec<Story>> = OnceLock::new();
    STORIES.get_or_init(|| TRANSCRIPTS.iter().map(|text| Story::read(text)).collect())
}

impl Story {
    fn read(text: &str) -> Self {
        let story: Value = serde_json::from_str(text).unwrap();
        let text_of = |value: &Value| value.as_str().unwrap().to_owned();
        let follower = &story["follower"];
        let drawn = ["kem_scalar", "sig_scalar", "name_iv"].map(|key| text_of(&follower[key]));
        let steps = story["steps"].as_array().unwrap().iter().map(|step| Step {
            at: Timestamp(step["at"].as_u64().unwrap()),
            input: match step["input"].as_str().unwrap() {
                "connected" => Input::Connected,
                "disconnected" => Input::Disconnected,
                "timeout" => Input::Timeout,
                "frame" => Input::Frame(text_of(&step["frame"])),
                other => panic!("{other}"),
            },
        });
        Self {
            link: text_of(&story["link"]),
            name: text_of(&follower["name"]),
            draws: drawn.iter().flat_map(|hex| unhex(hex)).collect(),
            steps: steps.collect(),
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fuzz_target!(|input: &[u8]| {
    let mut tape = Tape::new(input);
    let Some(story) = tape.pick(stories()) else {
        return;
    };
    let mut follower = Follower::new(story);
    for _ in 0..tape.byte() {
        follower.next();
    }
    for _ in 0..STEPS {
        if tape.is_over() {
            break;
        }
        follower.step(&mut tape);
    }
});

struct Follower {
    story: &'static Story,
    watched: Watched,
    rng: Draws,
    /// Its next step of the story.
    place: usize,
    /// The number of the last log entry it took.
    seq: u64,
}

impl Follower {
    fn new(story: &'static Story) -> Self {
        // The first thing it draws are the keys of the one whose room this was.
        let mut rng = Draws {
            first: story.draws.iter(),
            then: ChaCha8Rng::seed_from_u64(1),
        };
        let options = JoinOptions {
            name: Some(Name::new(&story.name).unwrap()),
            ..JoinOptions::default()
        };
        let client = Client::new(Link::parse(&story.link).unwrap(), options, &mut rng);
        Self {
            story,
            watched: Watched::new(client, story.steps[0].at),
            rng,
            place: 0,
            seq: 0,
        }
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        match tape.byte() % 20 {
            0..3 => self.next(),
            3 => self.place += 1,
            4 => {
                let place = self.place;
                self.place += 1;
                let mut text = self.frame_at(place).as_bytes().to_vec();
                for _ in 0..1 + tape.byte() % 4 {
                    let (at, change) = (usize::from(tape.short()), tape.byte());
                    if let Some(byte) = text.get_mut(at) {
                        *byte ^= change;
                    }
                }
                self.deliver(&text);
            }
            5 => {
                let frame = self.frame_at(tape.byte().into());
                self.deliver(frame.as_bytes());
            }
            6 => {
                let frame = self.frame_at(tape.byte().into());
                self.deliver_fitted(frame.as_bytes());
            }
            7 => self.deliver(tape.bytes()),
            8 => self.deliver_fitted(tape.bytes()),
            9 => self.connected(),
            10 => self.watched.client.handle_disconnected(self.watched.now),
            11 => self.watched.wait(tape.short().into(), &mut self.rng),
            12 => self
                .watched
                .wait(u64::from(tape.short()) * 1_000, &mut self.rng),
            13 => {
                let back = u64::from(tape.short());
                self.watched.now = Timestamp(self.watched.now.0.saturating_sub(back));
            }
            14 => {
                let burn_after = u32::from(tape.short()) * 16;
                let text = String::from_utf8_lossy(tape.bytes());
                let _ = self.watched.client.send_text(
                    self.watched.now,
                    &text,
                    burn_after,
                    &mut self.rng,
                );
            }
            15 => {
                let typing = tape.byte() & 1 == 1;
                let (watched, rng) = (&mut self.watched, &mut self.rng);
                let _ = watched.client.set_typing(watched.now, typing, rng);
            }
            16 => self.mark_read(tape),
            17 => self.command(tape),
            18 => {
                let place = self.place;
                self.place += 1;
                let frame = self.frame_at(place);
                self.deliver_bent(frame, tape);
            }
            _ => self.watched.client.leave(self.watched.now),
        }
        self.watched.settle(&mut self.rng);
    }

    /// The next step, as it went.
    fn next(&mut self) {
        let Some(step) = self.story.steps.get(self.place) else {
            return;
        };
        self.place += 1;
        self.watched.now = self.watched.now.max(step.at);
        match &step.input {
            Input::Connected => self.connected(),
            Input::Disconnected => self.watched.client.handle_disconnected(self.watched.now),
            Input::Timeout => self.watched.wait(0, &mut self.rng),
            Input::Frame(frame) => self.deliver(frame.as_bytes()),
        }
        self.watched.settle(&mut self.rng);
    }

    fn connected(&mut self) {
        let (watched, rng) = (&mut self.watched, &mut self.rng);
        let _ = watched.client.handle_connected(watched.now, rng);
    }

    fn frame_at(&self, place: usize) -> &'static str {
        match self.story.steps.get(place).map(|step| &step.input) {
            Some(Input::Frame(frame)) => frame,
            _ => r#"{"type":"countdown","seconds_remaining":20}"#,
        }
    }

    fn deliver(&mut self, frame: &[u8]) {
        let outcome = self.watched.frame(frame, &mut self.rng);
        if outcome.is_ok()
            && let Ok(Some(frame)) = RelayFrame::parse(frame)
        {
            match frame {
                RelayFrame::Joined(joined) => self.seq = joined.seq,
                // The history counts by itself.
                frame => self.seq = self.seq.max(frame.seq().unwrap_or(0)),
            }
        }
    }

    /// The frame with the numbers that come next: what a relay does that lies, and keeps its books.
    fn deliver_fitted(&mut self, frame: &[u8]) {
        let Ok(Some(mut frame)) = RelayFrame::parse(frame) else {
            return;
        };
        let client = &self.watched.client;
        let next = self.seq.saturating_add(1);
        let version = client.roster_version().unwrap_or(0);
        let head = client.head().unwrap_or(EpochId::NONE);
        match &mut frame {
            RelayFrame::ParticipantJoined(entry) => {
                (entry.seq, entry.version) = (next, version.saturating_add(1));
            }
            RelayFrame::ParticipantLeft(entry) => {
                (entry.seq, entry.version) = (next, version.saturating_add(1));
            }
            RelayFrame::Rekey(entry) => {
                (entry.seq, entry.version) = (next, version.saturating_add(1));
            }
            RelayFrame::SessionKey(entry) => (entry.seq, entry.prev) = (next, head),
            RelayFrame::EpochEnd(entry) => entry.seq = next,
            RelayFrame::Message(entry) => entry.seq = next,
            RelayFrame::Locked(entry) => entry.seq = next,
            RelayFrame::Extended(entry) => entry.seq = next,
            RelayFrame::Renewed(entry) => entry.seq = next,
            RelayFrame::Resumed(resumed) => resumed.seq = self.seq,
            RelayFrame::KeyWanted(wanted) => (wanted.version, wanted.head) = (version, head),
            _ => {}
        }
        self.deliver(frame.encode().as_bytes());
    }

    fn mark_read(&mut self, tape: &mut Tape<'_>) {
        let mut read = Vec::new();
        for _ in 0..tape.byte() {
            match tape.pick(&self.watched.shown) {
                Some(shown) => read.push(*shown),
                None => read.push(ReadMessage {
                    sender: ParticipantId([tape.byte(); 16]),
                    id: MessageId([0; 16]),
                }),
            }
        }
        let (watched, rng) = (&mut self.watched, &mut self.rng);
        let _ = watched.client.mark_read(watched.now, &read, rng);
    }

    fn command(&mut self, tape: &mut Tape<'_>) {
        let (watched, rng) = (&mut self.watched, &mut self.rng);
        let (client, now) = (&mut watched.client, watched.now);
        let _ = match tape.byte() % 8 {
            0 => {
                let people = client.participants();
                let who = tape.pick(&people).map(|one| one.id);
                let who = who.unwrap_or(ParticipantId([1; 16]));
                client.kick(now, who, tape.byte() & 1 == 1, rng)
            }
            1 => client.lock(now, tape.byte() & 1 == 1, rng),
            2 => client.renew(now, rng),
            3 => client.extend(now, tape.short().into(), rng),
            4 => client.burn(now, rng),
            5 => {
                client.handle_timeout(now, rng);
                Ok(())
            }
            _ => return self.log_what_it_sent(),
        };
    }

    /// The relay takes the next frame of the client's own into the log, if it is one for the log.
    fn log_what_it_sent(&mut self) {
        let (watched, seq) = (&mut self.watched, self.seq.saturating_add(1));
        let Some(me) = watched.client.id().filter(|_| !watched.sent.is_empty()) else {
            return;
        };
        let frame = match watched.sent.remove(0) {
            ClientFrame::Message(envelope) => {
                RelayFrame::Message(LoggedEnvelope::new(seq, me, envelope))
            }
            ClientFrame::SessionKey(offer) => RelayFrame::SessionKey(Box::new(KeyFrame {
                seq,
                version: offer.version,
                steward: me,
                roster_hash: offer.roster_hash,
                prev: offer.prev,
                commit: offer.commit,
                sig: offer.sig,
                wrapped: None,
                back: offer.back,
            })),
            _ => return,
        };
        self.deliver(frame.encode().as_bytes());
    }

    /// The frame with one of its values bent: it is well-formed, and wrong.
    fn deliver_bent(&mut self, frame: &str, tape: &mut Tape<'_>) {
        let Ok(Some(mut frame)) = RelayFrame::parse(frame.as_bytes()) else {
            return;
        };
        let (which, place, change) = (tape.byte(), tape.byte(), tape.byte());
        let number = |number: &mut u64| *number ^= u64::from(change);
        let bend = |bytes: &mut [u8]| {
            if let Some(byte) = bytes.get_mut(usize::from(place)) {
                *byte ^= change;
            }
        };
        let bend_entry = |entry: &mut RosterEntry, which: u8| match which % 5 {
            0 => bend(&mut entry.kem_pub.0),
            1 => bend(&mut entry.sig_pub.0),
            2 => bend(&mut entry.sealed_name.0),
            3 => bend(&mut entry.join_proof.0),
            _ => number(&mut entry.number),
        };
        match &mut frame {
            RelayFrame::Joined(joined) => match which % 12 {
                0 => number(&mut joined.seq),
                1 => number(&mut joined.version),
                2 => bend(&mut joined.head.0),
                3 => bend(&mut joined.ticket_hash.0),
                4 => number(&mut joined.seconds_remaining),
                5 => joined.history ^= true,
                6 => joined.participants.rotate_left(1),
                _ => {
                    if let Some(entry) = joined.participants.first_mut() {
                        bend_entry(entry, which);
                    }
                }
            },
            RelayFrame::ParticipantJoined(entry) => bend_entry(&mut entry.participant, which),
            RelayFrame::ParticipantLeft(entry) => bend(&mut entry.id.0),
            RelayFrame::SessionKey(entry) => match (which % 9, &mut entry.wrapped, &mut entry.back)
            {
                (0, Some(wrapped), _) => bend(&mut wrapped.0),
                (0, None, _) | (1, ..) => bend(&mut entry.commit.0),
                (2, ..) => bend(&mut entry.sig.0),
                (3, ..) => bend(&mut entry.steward.0),
                (4, ..) => bend(&mut entry.roster_hash.0),
                (5, ..) => number(&mut entry.version),
                (6, _, Some(back)) => bend(&mut back.wrapped.0),
                (7, _, Some(back)) => bend(&mut back.epoch.0),
                _ => entry.wrapped = None,
            },
            RelayFrame::Message(entry) => match which % 7 {
                0 => bend(&mut entry.ciphertext.0),
                1 => bend(&mut entry.sig.0),
                2 => bend(&mut entry.iv.0),
                3 => bend(&mut entry.sender.0),
                4 => bend(&mut entry.epoch.0),
                5 => entry.flags ^= change,
                _ => number(&mut entry.n),
            },
            RelayFrame::Renewed(entry) => bend(&mut entry.ticket_hash.0),
            RelayFrame::Resumed(resumed) => number(&mut resumed.seq),
            RelayFrame::EpochEnd(entry) => number(&mut entry.version),
            _ => {}
        }
        self.deliver(frame.encode().as_bytes());
    }
}

/// Bytes that are given, then others.
struct Draws {
    first: std::slice::Iter<'static, u8>,
    then: ChaCha8Rng,
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            let mut drawn = [0];
            match self.first.next() {
                Some(given) => drawn = [*given],
                None => self.then.try_fill_bytes(&mut drawn)?,
            }
            *byte = drawn[0];
        }
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
