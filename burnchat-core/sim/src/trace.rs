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

    /// Something that only the hash needs to know: a frame, a deadline.
    pub fn note(&mut self, now: Timestamp, what: &str, who: u64, bytes: &[u8]) {
        self.events = self.events.saturating_add(1);
        self.hash.update(now.0.to_be_bytes());
        self.hash.update(what.as_bytes());
        self.hash.update(who.to_be_bytes());
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }

    /// Something that people can follow.
    pub fn tell(&mut self, now: Timestamp, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        self.note(now, "told", 0, line.as_bytes());
        let since = now.millis_since(self.start);
        if let Some(story) = &mut self.story {
            story.push(format!(
                "{:>6}.{:03} s  {line}",
                since / 1_000,
                since % 1_000
            ));
        }
    }

    /// How many notes were taken.
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
