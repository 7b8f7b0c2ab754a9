//! What waits to be sent to one connection: a queue with an end.
//!
//! The worker puts frames in and never waits; the connection's task takes them out as fast as its reader reads. A
//! reader who falls too far behind is cut off, and nobody else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burnchat_core::limits::RELAY_FRAME_BYTES;
use burnchat_core::relay::{CloseCode, Limits};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::Config;

/// What goes out on a connection.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Frame(Utf8Bytes),
    /// The last.
    Close(CloseCode),
}

/// Why a connection is not to send what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It waited for too long a time or is too much: close with 1013.
    TooSlow,
    /// The room is gone, and so must be what was said in it: only the last frame, which says so, still counts.
    Burned,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooSlow,
    /// The connection's task has ended.
    Gone,
}

/// The worker's end. Dropped without a [`close`](Self::close), it ends the connection without a word.
pub(crate) struct Outbox {
    queue: mpsc::UnboundedSender<Outgoing>,
    cut: oneshot::Sender<Cut>,
    waiting: Arc<Waiting>,
    capacity: Capacity,
}

/// The connection's end.
pub(crate) struct Outgoings {
    queue: mpsc::UnboundedReceiver<Outgoing>,
    waiting: Arc<Waiting>,
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) bytes: usize,
    pub(crate) frames: usize,
}

/// How much waits.
#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    frames: AtomicUsize,
}

pub(crate) fn channel(capacity: Capacity) -> (Outbox, Outgoings, oneshot::Receiver<Cut>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (cut, when_cut) = oneshot::channel();
    let waiting = Arc::new(Waiting::default());
    let outbox = Outbox {
        queue: sender,
        cut,
        waiting: Arc::clone(&waiting),
        capacity,
    };
    let outgoings = Outgoings {
        queue: receiver,
        waiting,
    };
    (outbox, outgoings, when_cut)
}

impl Outbox {
    /// Puts a frame in.
    ///
    /// # Errors
    /// Why it was not: then the connection is to be given up.
    pub(crate) fn push(&self, frame: Utf8Bytes) -> Result<(), Refused> {
        let bytes = self.waiting.bytes.load(Ordering::Relaxed);
        let frames = self.waiting.frames.load(Ordering::Relaxed);
        if bytes.saturating_add(frame.len()) > self.capacity.bytes || frames >= self.capacity.frames
        {
            return Err(Refused::TooSlow);
        }
        self.waiting.bytes.fetch_add(frame.len(), Ordering::Relaxed);
        self.waiting.frames.fetch_add(1, Ordering::Relaxed);
        self.queue
            .send(Outgoing::Frame(frame))
            .map_err(|_| Refused::Gone)
    }

    /// Closes the connection when everything that waits has been sent; at a burn, without it.
    pub(crate) fn close(self, code: CloseCode) {
        // That the connection's task has ended already is as good.
        let _ = self.queue.send(Outgoing::Close(code));
        if code == CloseCode::Normal {
            let _ = self.cut.send(Cut::Burned);
        }
    }

    /// Gives a slow reader up.
    pub(crate) fn cut_off(self) {
        let _ = self.cut.send(Cut::TooSlow);
    }
}

impl Outgoings {
    /// The next thing to send; `None` if there is nobody any more who could say. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        let next = self.queue.recv().await;
        self.taken(next)
    }

    /// The frame to take leave with: the last one that waits.
    pub(crate) fn farewell(&mut self) -> Option<Utf8Bytes> {
        let mut last = None;
        while let Ok(next) = self.queue.try_recv() {
            if let Some(Outgoing::Frame(frame)) = self.taken(Some(next)) {
                last = Some(frame);
            }
        }
        last
    }

    /// Whether nothing waits at the moment.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn taken(&self, next: Option<Outgoing>) -> Option<Outgoing> {
        if let Some(Outgoing::Frame(frame)) = &next {
            self.waiting.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            self.waiting.frames.fetch_sub(1, Ordering::Relaxed);
        }
        next
    }
}

impl Capacity {
    /// Room for the replay of everything that is kept of a room (spec section 16), and for a backlog besides.
    pub(crate) fn of(config: &Config) -> Self {
        let replay = Self::of_replay(&config.limits);
        Self {
            bytes: replay.bytes.saturating_add(config.backlog_bytes),
            frames: replay.frames.saturating_add(config.backlog_frames),
        }
    }

    fn of_replay(limits: &Limits) -> Self {
        /// No logged envelope is shorter: five fixed values and a ciphertext of 80 bytes, in base64url.
        const SHORTEST_ENVELOPE: usize = 256;
        /// No change of the roster, with its key frame, is longer.
        const LONGEST_CHANGE: usize = 2_048;
        /// No other entry is longer.
        const LONGEST_CONTROL: usize = 128;

        let envelope_bytes = limits.history_bytes.max(limits.kept_bytes);
        let seconds = usize::try_from(limits.kept_millis.div_ceil(1_000)).unwrap_or(usize::MAX);
        let rate = limits.room_entries;
        let controls = (rate.per_second as usize)
            .saturating_mul(seconds)
            .saturating_add(rate.burst as usize);
        let changes = limits.history_changes;
        Self {
            // The first frame is `joined`, with the whole roster.
            bytes: RELAY_FRAME_BYTES
                .saturating_add(envelope_bytes)
                .saturating_add(changes.saturating_mul(LONGEST_CHANGE))
                .saturating_add(controls.saturating_mul(LONGEST_CONTROL)),
            frames: (envelope_bytes / SHORTEST_ENVELOPE)
                .saturating_add(changes.saturating_mul(2))
                .saturating_add(controls),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Capacity = Capacity {
        bytes: 10,
        frames: 3,
    };

    fn frame(text: &'static str) -> Utf8Bytes {
        Utf8Bytes::from_static(text)
    }

    #[tokio::test]
    async fn what_has_been_taken_makes_room() {
        let (outbox, mut outgoings, _cut) = channel(SMALL);
        outbox.push(frame("12345678")).unwrap();
        assert_eq!(outbox.push(frame("abc")), Err(Refused::TooSlow));
        assert!(
            matches!(outgoings.next().await, Some(Outgoing::Frame(f)) if f.as_str() == "12345678")
        );
        assert_eq!(outbox.push(frame("abc")), Ok(()));
    }

    #[test]
    fn frames_are_counted_too() {
        let (outbox, _outgoings, _cut) = channel(SMALL);
        for _ in 0..3 {
            outbox.push(frame("")).unwrap();
        }
        assert_eq!(outbox.push(frame("")), Err(Refused::TooSlow));
    }

    #[test]
    fn a_connection_that_has_ended_takes_nothing() {
        let (outbox, outgoings, _cut) = channel(SMALL);
        drop(outgoings);
        assert_eq!(outbox.push(frame("a")), Err(Refused::Gone));
    }

    #[tokio::test]
    async fn a_burn_leaves_only_the_last_frame() {
        let (outbox, mut outgoings, cut) = channel(SMALL);
        for text in ["a", "b", "c"] {
            outbox.push(frame(text)).unwrap();
        }
        outbox.close(CloseCode::Normal);
        assert_eq!(cut.await, Ok(Cut::Burned));
        assert_eq!(outgoings.farewell().as_deref(), Some("c"));
        assert!(outgoings.is_empty());
    }

    #[tokio::test]
    async fn any_other_close_comes_after_what_waits() {
        let (outbox, mut outgoings, cut) = channel(SMALL);
        outbox.push(frame("a")).unwrap();
        outbox.close(CloseCode::Policy);
        assert!(cut.await.is_err());
        assert!(matches!(outgoings.next().await, Some(Outgoing::Frame(_))));
        assert!(matches!(
            outgoings.next().await,
            Some(Outgoing::Close(CloseCode::Policy))
        ));
        assert!(outgoings.next().await.is_none());
    }

    #[test]
    fn the_default_queue_holds_a_full_replay_in_frames_of_any_size() {
        let config = Config::default();
        let capacity = Capacity::of(&config);
        let envelopes = config.limits.history_bytes;
        assert!(capacity.bytes >= envelopes + 2 * config.limits.history_changes * 700);
        assert!(capacity.frames >= envelopes / 300 + 2 * config.limits.history_changes);
    }
}
