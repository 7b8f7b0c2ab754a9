//! What a case has at hand: the target, and the log of what was said.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a case has at hand.
pub struct Context<T> {
    /// What is under test.
    pub target: Arc<T>,
    /// What has been said so far.
    pub log: FrameLog,
    /// Which of the cases of this run it is.
    pub number: usize,
}

impl<T> Context<T> {
    /// A context with an empty log.
    #[must_use]
    pub fn new(target: Arc<T>, number: usize) -> Self {
        Self {
            target,
            log: FrameLog::default(),
            number,
        }
    }
}

/// Everything that was said in a case, in order. Clones write to the same log.
#[derive(Clone, Debug)]
pub struct FrameLog {
    begun: Instant,
    lines: Arc<Mutex<Vec<Line>>>,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Since the case began.
    pub at: Duration,
    /// Whose connection, or which part of the target.
    pub who: String,
    /// Which way it went.
    pub way: Way,
    /// The frame, or what happened.
    pub text: String,
}

/// Which way a line of the log went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the implementation under test.
    Sent,
    /// From it.
    Received,
    /// Neither: something that happened.
    Note,
}

/// Lines beyond this are counted and not kept.
const MOST_LINES: usize = 20_000;
/// Of a longer frame the middle is left out, unless everything is asked for.
const SHORT: usize = 400;

impl Default for FrameLog {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            lines: Arc::default(),
        }
    }
}

impl FrameLog {
    /// Notes a frame to the implementation under test.
    pub fn sent(&self, who: &str, frame: &str) {
        self.push(who, Way::Sent, frame);
    }

    /// Notes a frame from it.
    pub fn received(&self, who: &str, frame: &str) {
        self.push(who, Way::Received, frame);
    }

    /// Notes something that happened.
    pub fn note(&self, who: &str, what: &str) {
        self.push(who, Way::Note, what);
    }

    /// What has been noted so far.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn push(&self, who: &str, way: Way, text: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MOST_LINES {
            lines.push(Line {
                at: self.begun.elapsed(),
                who: who.to_owned(),
                way,
                text: text.to_owned(),
            });
        }
    }
}

impl Line {
    /// The line with all of its frame.
    #[must_use]
    pub fn whole(&self) -> String {
        self.with(&self.text)
    }

    /// The line with the beginning and the end of a long frame.
    #[must_use]
    pub fn short(&self) -> String {
        let chars = self.text.chars().count();
        if chars <= SHORT {
            return self.whole();
        }
        let head: String = self.text.chars().take(SHORT - 80).collect();
        let tail: String = self.text.chars().skip(chars - 60).collect();
        self.with(&format!("{head} …{} more… {tail}", chars - SHORT + 20))
    }

    fn with(&self, text: &str) -> String {
        let at = self.at.as_secs_f64();
        format!("{at:8.3} {:>10} {} {text}", self.who, self.way)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "→",
            Self::Received => "←",
            Self::Note => "·",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_the_order_and_shortens_only_what_is_long() {
        let log = FrameLog::default();
        log.sent("ann", r#"{"type":"burn"}"#);
        log.clone().received("ann", &"x".repeat(1_000));
        let lines = log.lines();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].short().ends_with(r#"ann → {"type":"burn"}"#));
        assert!(
            lines[1].short().contains("…620 more…"),
            "{}",
            lines[1].short()
        );
        assert!(lines[1].whole().ends_with(&"x".repeat(1_000)));
    }
}
