//! What happened, as one hash: the same seed gives the same one.

use std::fmt::{self, Write};

use burnchat_core::time::Timestamp;
use sha2::{Digest, Sha256};

/// Everything that has happened in one run.
pub struct Trace {
    hash: Sha256,
    events: u64,
    /// What people are told of it; only while a story is wanted.
    story: Option<Vec<String>>,
    start: Timestamp,
}

/// What a note is about.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Note {
    /// A step of the script.
    Step = 1,
    /// A timer of the hub.
    HubTimer,
    /// A timer of a client.
    ClientTimer,
    /// A connection is opened.
    Connect,
    /// A frame reaches the hub.
    ToHub,
    /// A frame reaches a client: its number.
    ToClient,
    /// A frame is made for clients.
    Frame,
    /// An application is told something.
    Event,
    /// A rule does not hold.
    Violation,
    /// Something arrives that relays say among themselves.
    Mail,
}

impl Trace {
    /// Nothing has happened yet. `story` is whether lines for people are kept, too.
    #[must_use]
    pub fn new(start: Timestamp, story: bool) -> Self {
        Self {
            hash: Sha256::new(),
            events: 0,
            story: story.then(Vec::new),
            start,
        }
    }

    /// Something happens: a timer, a frame that arrives, what somebody does.
    pub fn note(&mut self, now: Timestamp, what: Note, who: u64, bytes: &[u8]) {
        self.events = self.events.saturating_add(1);
        self.add(now, what, who, bytes);
    }

    /// Something comes of it: a frame is made, an application is told.
    pub fn add(&mut self, now: Timestamp, what: Note, who: u64, bytes: &[u8]) {
        let [mut head, mut len] = [[0; 16]; 2];
        let (start, rest) = head.split_at_mut(8);
        start.copy_from_slice(&now.0.to_be_bytes());
        rest.copy_from_slice(&who.to_be_bytes());
        let (start, rest) = len.split_at_mut(8);
        start.copy_from_slice(&(bytes.len() as u64).to_be_bytes());
        rest.fill(what as u8);
        self.hash.update(head);
        self.hash.update(len);
        self.hash.update(bytes);
    }

    /// Something that people can follow. It is told of what is noted anyway.
    pub fn tell(&mut self, now: Timestamp, line: fmt::Arguments<'_>) {
        let since = now.millis_since(self.start);
        if let Some(story) = &mut self.story {
            story.push(format!(
                "{:>6}.{:03} s  {line}",
                since / 1_000,
                since % 1_000
            ));
        }
    }

    /// How many things happened.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The hash of all of it, in hexadecimal, and the lines for people.
    #[must_use]
    pub fn finish(self) -> (String, Vec<String>) {
        let mut text = String::new();
        for byte in self.hash.finalize() {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        (text, self.story.unwrap_or_default())
    }
}
