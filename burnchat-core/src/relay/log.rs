//! The room log: what is kept of it, and for whom (spec sections 6.1, 6.3 and 9.1).
//!
//! Entries are kept encoded, in three queues by what may be forgotten first, and merged by their numbers when they are
//! sent again. `floor` is the newest entry that was forgotten: who has seen it can resume, who hasn't has a gap.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use zeroize::Zeroize;

use super::Limits;
use super::seats::JoinNumber;
use crate::time::Timestamp;
use crate::wire::{Bytes, EncodedFrame, KeyFrame, RelayFrame};

/// What an entry is, as far as keeping it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Changes the roster.
    Change,
    /// `epoch_end`, `locked`, `extended`, `renewed`.
    Control,
    Envelope,
}

pub(super) struct Log {
    seq: u64,
    floor: u64,
    retention: Retention,
    /// Entries that change the roster, and key frames.
    changes: VecDeque<Kept>,
    control: VecDeque<Kept>,
    envelopes: VecDeque<Kept>,
    envelope_bytes: usize,
    roster_changes: usize,
    /// Key frames that still have their wraps, in history rooms.
    wrapped: VecDeque<(Timestamp, u64)>,
}

/// How long entries stay.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retention {
    /// For those who resume.
    Window,
    /// For newcomers too.
    History {
        /// Whether no envelope has been dropped.
        complete: bool,
    },
    /// There was too much of it: from then on like a window.
    HistoryLost,
}

struct Kept {
    seq: u64,
    at: Timestamp,
    frame: Stored,
}

enum Stored {
    /// The same for everyone.
    Same(EncodedFrame),
    Key(Box<StoredKey>),
}

/// A key frame: each participant is sent its own wrap.
pub(super) struct StoredKey {
    /// With `wrapped` null.
    frame: KeyFrame,
    bare: EncodedFrame,
    /// In order of the numbers.
    wraps: Vec<(JoinNumber, Bytes<40>)>,
}

impl Log {
    pub(super) fn new(history: bool) -> Self {
        Self {
            seq: 0,
            floor: 0,
            retention: Retention::new(history),
            changes: VecDeque::new(),
            control: VecDeque::new(),
            envelopes: VecDeque::new(),
            envelope_bytes: 0,
            roster_changes: 0,
            wrapped: VecDeque::new(),
        }
    }

    /// Adds an entry, made with its number.
    pub(super) fn append(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        kind: Kind,
        entry: impl FnOnce(u64) -> RelayFrame,
    ) -> EncodedFrame {
        self.seq += 1;
        let seq = self.seq;
        let frame = entry(seq).encode();
        let kept = Kept {
            seq,
            at: now,
            frame: Stored::Same(frame.clone()),
        };
        match kind {
            Kind::Change => {
                self.changes.push_back(kept);
                self.roster_changes += 1;
            }
            Kind::Control => self.control.push_back(kept),
            Kind::Envelope => {
                self.envelopes.push_back(kept);
                self.envelope_bytes += frame.as_bytes().len();
            }
        }
        self.prune(now, limits);
        frame
    }

    /// Adds a key frame, made with its number and without a wrap.
    pub(super) fn append_key(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        wraps: Vec<(JoinNumber, Bytes<40>)>,
        entry: impl FnOnce(u64) -> KeyFrame,
    ) -> Option<&StoredKey> {
        self.seq += 1;
        let frame = entry(self.seq);
        let bare = RelayFrame::SessionKey(Box::new(frame.clone())).encode();
        self.wrapped.push_back((now, self.seq));
        self.changes.push_back(Kept {
            seq: self.seq,
            at: now,
            frame: Stored::Key(Box::new(StoredKey { frame, bare, wraps })),
        });
        self.prune(now, limits);
        match self.changes.back() {
            Some(Kept {
                frame: Stored::Key(key),
                ..
            }) => Some(key),
            _ => None,
        }
    }

    /// Forgets what is no longer kept.
    pub(super) fn prune(&mut self, now: Timestamp, limits: &Limits) {
        let old = |at: Timestamp| now.millis_since(at) > limits.kept_millis;
        if matches!(self.retention, Retention::History { .. })
            && self.roster_changes > limits.history_changes
        {
            self.retention = Retention::HistoryLost;
        }
        let bytes_kept = match self.retention {
            Retention::History { .. } => limits.history_bytes,
            Retention::Window | Retention::HistoryLost => limits.kept_bytes,
        };
        let keeps_history = matches!(self.retention, Retention::History { .. });

        while let Some(first) = self.envelopes.front()
            && (self.envelope_bytes > bytes_kept || (!keeps_history && old(first.at)))
        {
            self.envelope_bytes -= first.len();
            if let Retention::History { complete } = &mut self.retention {
                *complete = false;
            }
            self.floor = self.floor.max(first.seq);
            self.envelopes.pop_front();
        }
        while let Some(first) = self.control.front()
            && old(first.at)
        {
            self.floor = self.floor.max(first.seq);
            self.control.pop_front();
        }
        while let Some(first) = self.changes.front()
            && !keeps_history
            && old(first.at)
        {
            self.floor = self.floor.max(first.seq);
            self.changes.pop_front();
        }
        while let Some((at, seq)) = self.wrapped.front().copied()
            && old(at)
        {
            self.strip(seq);
            self.floor = self.floor.max(seq);
            self.wrapped.pop_front();
        }
        for queue in [&mut self.envelopes, &mut self.control, &mut self.changes] {
            if queue.len() < queue.capacity() / 4 {
                queue.shrink_to(queue.len() * 2);
            }
        }
    }

    /// The roster is empty: nobody is left to resume, and newcomers start anew.
    pub(super) fn clear(&mut self) {
        let history = self.retention != Retention::Window;
        let seq = self.seq;
        *self = Self {
            seq,
            floor: seq,
            ..Self::new(history)
        };
    }

    /// The number of the newest entry.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether every entry after `seq` is still there.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        (self.floor..=self.seq).contains(&seq)
    }

    /// The entries after `seq`, as this participant is sent them.
    pub(super) fn after(&self, seq: u64, who: JoinNumber) -> impl Iterator<Item = EncodedFrame> {
        let from = |queue| {
            let first = VecDeque::partition_point(queue, |kept: &Kept| kept.seq <= seq);
            queue.range(first..)
        };
        merge([
            from(&self.changes),
            from(&self.control),
            from(&self.envelopes),
        ])
        .map(move |kept| kept.frame_for(Some(who)))
    }

    /// What a newcomer is sent of the entries before its own, and whether that is everything; `None` in rooms without
    /// history.
    pub(super) fn history(
        &self,
        before: u64,
    ) -> Option<(impl Iterator<Item = EncodedFrame>, bool)> {
        let (kept, complete) = match self.retention {
            Retention::Window => return None,
            Retention::History { complete } => {
                ([self.changes.range(..), self.envelopes.range(..)], complete)
            }
            Retention::HistoryLost => ([self.changes.range(..0), self.envelopes.range(..0)], false),
        };
        let frames = merge(kept)
            .take_while(move |kept| kept.seq < before)
            .map(|kept| kept.frame_for(None));
        Some((frames, complete))
    }

    fn strip(&mut self, seq: u64) {
        let place = self.changes.binary_search_by_key(&seq, |kept| kept.seq);
        if let Ok(place) = place
            && let Some(Kept {
                frame: Stored::Key(key),
                ..
            }) = self.changes.get_mut(place)
        {
            key.wipe_wraps();
        }
    }
}

impl Retention {
    fn new(history: bool) -> Self {
        if history {
            Self::History { complete: true }
        } else {
            Self::Window
        }
    }
}

impl Kept {
    fn frame_for(&self, who: Option<JoinNumber>) -> EncodedFrame {
        match &self.frame {
            Stored::Same(frame) => frame.clone(),
            Stored::Key(key) => key.frame_for(who),
        }
    }

    fn len(&self) -> usize {
        match &self.frame {
            Stored::Same(frame) => frame.as_bytes().len(),
            Stored::Key(key) => key.bare.as_bytes().len(),
        }
    }
}

impl StoredKey {
    pub(super) fn has_wrap(&self, who: JoinNumber) -> bool {
        self.place_of_wrap(who).is_some()
    }

    /// With the wrap of this participant, or without one.
    pub(super) fn frame_for(&self, who: Option<JoinNumber>) -> EncodedFrame {
        let place = who.and_then(|who| self.place_of_wrap(who));
        let wrap = place.and_then(|place| self.wraps.get(place));
        match wrap {
            Some((_, wrapped)) => RelayFrame::SessionKey(Box::new(KeyFrame {
                wrapped: Some(*wrapped),
                ..self.frame.clone()
            }))
            .encode(),
            None => self.bare.clone(),
        }
    }

    fn place_of_wrap(&self, who: JoinNumber) -> Option<usize> {
        self.wraps
            .binary_search_by_key(&who, |(number, _)| *number)
            .ok()
    }

    fn wipe_wraps(&mut self) {
        for (_, wrapped) in &mut self.wraps {
            wrapped.0.zeroize();
        }
        self.wraps = Vec::new();
    }
}

impl Drop for StoredKey {
    fn drop(&mut self) {
        self.wipe_wraps();
    }
}

/// Queues in order of their numbers as one. There are two or three, so the smallest is found by looking.
fn merge<'a, const N: usize>(
    queues: [alloc::collections::vec_deque::Iter<'a, Kept>; N],
) -> impl Iterator<Item = &'a Kept> {
    let mut queues = queues.map(Iterator::peekable);
    core::iter::from_fn(move || {
        queues
            .iter_mut()
            .filter_map(|queue| queue.peek().map(|kept| kept.seq).map(|seq| (seq, queue)))
            .min_by_key(|(seq, _)| *seq)
            .and_then(|(_, queue)| queue.next())
    })
}
