//! The room log: what is kept of it, and for whom (spec sections 6.1, 6.3 and 9.1).
//!
//! Entries are kept encoded, in three queues by what may be forgotten first, and merged by their numbers when they are
//! sent again. `floor` is the newest entry that was forgotten: who has seen it can resume, who hasn't has a gap.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::collections::vec_deque::Iter;
use alloc::vec::Vec;

use zeroize::Zeroize;

use super::Limits;
use super::room::ALLOCATION;
use super::seats::JoinNumber;
use crate::time::Timestamp;
use crate::wire::{Bytes, EncodedFrame, KeyFrame, RelayFrame};

/// A queue that grows takes twice the place it had.
const SLACK: usize = 2;

/// What an entry is, as far as keeping it goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Changes the roster.
    Change,
    /// `epoch_end`, `locked`, `extended`, `renewed`.
    Control,
    Envelope,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Log {
    seq: u64,
    forgotten: Forgotten,
    retention: Retention,
    /// Entries that change the roster, and key frames.
    changes: Queue,
    control: Queue,
    envelopes: Queue,
    roster_changes: usize,
    /// Key frames that may still have their wraps.
    wrapped: VecDeque<Wrapped>,
    wrapped_bytes: usize,
}

/// What is no longer there.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Forgotten {
    /// The newest entry of it.
    floor: u64,
    /// Where the log is kept elsewhere, too: what is to be forgotten there.
    journal: Option<Box<Journal>>,
}

/// How a copy of the log that is kept elsewhere differs from it.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Journal {
    /// The newest entry it has.
    written: u64,
    /// Entries it has and should not.
    gone: Vec<u64>,
    /// Key frames it has with their wraps and should have without.
    stripped: Vec<u64>,
}

/// How long entries stay.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
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

/// Entries in the order of their numbers.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Queue {
    entries: VecDeque<Kept>,
    /// Of their frames: what the limits of a room are about.
    bytes: usize,
    /// What they take, with everything round them: what the budget of all rooms is about.
    memory: usize,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Wrapped {
    seq: u64,
    at: Timestamp,
    bytes: usize,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Kept {
    seq: u64,
    at: Timestamp,
    frame: Stored,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
enum Stored {
    /// The same for everyone.
    Same(EncodedFrame),
    Key(Box<StoredKey>),
}

/// A key frame: each participant is sent its own wrap.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
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
            forgotten: Forgotten::default(),
            retention: Retention::new(history),
            changes: Queue::default(),
            control: Queue::default(),
            envelopes: Queue::default(),
            roster_changes: 0,
            wrapped: VecDeque::new(),
            wrapped_bytes: 0,
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
                self.changes.push(kept);
                self.roster_changes += 1;
            }
            Kind::Control => self.control.push(kept),
            Kind::Envelope => self.envelopes.push(kept),
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
        // Before and not after: the entry is still to be sent.
        self.prune(now, limits);
        self.seq += 1;
        let frame = entry(self.seq);
        let bare = RelayFrame::SessionKey(Box::new(frame.clone())).encode();
        let bytes = size_of_val(wraps.as_slice());
        self.wrapped_bytes += bytes;
        self.wrapped.push_back(Wrapped {
            seq: self.seq,
            at: now,
            bytes,
        });
        self.changes.push(Kept {
            seq: self.seq,
            at: now,
            frame: Stored::Key(Box::new(StoredKey { frame, bare, wraps })),
        });
        match self.changes.entries.back() {
            Some(Kept {
                frame: Stored::Key(key),
                ..
            }) => Some(key),
            _ => None,
        }
    }

    /// Forgets what is no longer kept: what is too old, and of what there is too much.
    pub(super) fn prune(&mut self, now: Timestamp, limits: &Limits) {
        let old = |at: Timestamp| now.millis_since(at) > limits.kept_millis;
        if self.keeps_history() && self.roster_changes > limits.history_changes {
            self.retention = Retention::HistoryLost;
        }
        let history = self.keeps_history();
        let bytes_kept = if history {
            limits.history_bytes
        } else {
            limits.kept_bytes
        };

        self.drop_envelopes(|first, bytes| bytes > bytes_kept || (!history && old(first.at)));
        let forgotten = &mut self.forgotten;
        while let Some(dropped) = self
            .control
            .pop_if(|first, bytes| bytes > limits.kept_bytes || old(first.at))
        {
            forgotten.entry(dropped.seq);
        }
        while let Some(dropped) = self
            .changes
            .pop_if(|first, bytes| !history && (bytes > limits.kept_bytes || old(first.at)))
        {
            forgotten.entry(dropped.seq);
        }
        // In history rooms key frames stay, and their wraps go.
        while let Some(first) = self.wrapped.front()
            && (self.wrapped_bytes > limits.kept_bytes || old(first.at))
        {
            self.wrapped_bytes -= first.bytes;
            self.changes.strip(first.seq);
            forgotten.wraps(first.seq);
            self.wrapped.pop_front();
        }
    }

    /// Forgets the oldest entries until no more memory is taken than this: envelopes first, and none that a history
    /// needs besides them.
    pub(super) fn shrink(&mut self, most: usize) {
        while self.memory() > most && self.forget_oldest() {}
    }

    fn forget_oldest(&mut self) -> bool {
        if self.drop_envelope(|_, _| true) {
            return true;
        }
        let window = !self.keeps_history();
        let oldest = self.control.pop_if(|_, _| true);
        let Some(dropped) = oldest.or_else(|| self.changes.pop_if(|_, _| window)) else {
            return false;
        };
        self.forgotten.entry(dropped.seq);
        true
    }

    /// The roster is empty: nobody is left to resume, and newcomers start anew.
    pub(super) fn clear(&mut self) {
        let history = self.retention != Retention::Window;
        let seq = self.seq;
        let mut forgotten = core::mem::take(&mut self.forgotten);
        for kept in self.kept() {
            forgotten.entry(kept.seq);
        }
        forgotten.floor = seq;
        *self = Self {
            seq,
            forgotten,
            ..Self::new(history)
        };
    }

    /// The number of the newest entry.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// What all entries take.
    pub(super) fn memory(&self) -> usize {
        let wrapped = self.wrapped.len() * SLACK * size_of::<Wrapped>();
        self.changes.memory + self.control.memory + self.envelopes.memory + wrapped
    }

    /// Whether every entry after `seq` is still there.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        (self.forgotten.floor..=self.seq).contains(&seq)
    }

    /// The entries after `seq`, as this participant is sent them.
    pub(super) fn after(&self, seq: u64, who: JoinNumber) -> impl Iterator<Item = EncodedFrame> {
        merge([
            self.changes.after(seq),
            self.control.after(seq),
            self.envelopes.after(seq),
        ])
        .map(move |kept| kept.frame_for(Some(who)))
    }

    /// What a newcomer is sent of the entries before its own, and whether that is everything; `None` in rooms without
    /// history.
    pub(super) fn history(
        &self,
        before: u64,
    ) -> Option<(impl Iterator<Item = EncodedFrame>, bool)> {
        let all = [self.changes.after(0), self.envelopes.after(0)];
        let (kept, complete) = match self.retention {
            Retention::Window => return None,
            Retention::History { complete } => (all, complete),
            Retention::HistoryLost => (all.map(|_| Iter::default()), false),
        };
        let frames = merge(kept)
            .take_while(move |kept| kept.seq < before)
            .map(|kept| kept.frame_for(None));
        Some((frames, complete))
    }

    fn drop_envelopes(&mut self, unwanted: impl Fn(&Kept, usize) -> bool) {
        while self.drop_envelope(&unwanted) {}
    }

    fn drop_envelope(&mut self, unwanted: impl FnOnce(&Kept, usize) -> bool) -> bool {
        let Some(dropped) = self.envelopes.pop_if(unwanted) else {
            return false;
        };
        self.forgotten.entry(dropped.seq);
        if let Retention::History { complete } = &mut self.retention {
            *complete = false;
        }
        true
    }

    /// All entries, in order.
    fn kept(&self) -> impl Iterator<Item = &Kept> {
        merge([
            self.changes.after(0),
            self.control.after(0),
            self.envelopes.after(0),
        ])
    }

    fn keeps_history(&self) -> bool {
        matches!(self.retention, Retention::History { .. })
    }
}

impl Queue {
    fn push(&mut self, kept: Kept) {
        self.bytes += kept.len();
        self.memory += kept.memory();
        self.entries.push_back(kept);
    }

    /// Takes the first entry off if it, or the number of bytes there are, calls for it.
    fn pop_if(&mut self, unwanted: impl FnOnce(&Kept, usize) -> bool) -> Option<Kept> {
        let first = self.entries.front()?;
        if !unwanted(first, self.bytes) {
            return None;
        }
        self.bytes -= first.len();
        self.memory -= first.memory();
        let first = self.entries.pop_front();
        if self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
        }
        first
    }

    /// Takes the wraps off a key frame, if it is still there.
    fn strip(&mut self, seq: u64) {
        if let Ok(place) = self.entries.binary_search_by_key(&seq, |kept| kept.seq)
            && let Some(kept) = self.entries.get_mut(place)
        {
            self.bytes -= kept.len();
            self.memory -= kept.memory();
            if let Stored::Key(key) = &mut kept.frame {
                key.wipe_wraps();
            }
            self.bytes += kept.len();
            self.memory += kept.memory();
        }
    }

    fn after(&self, seq: u64) -> Iter<'_, Kept> {
        let first = self.entries.partition_point(|kept| kept.seq <= seq);
        self.entries.range(first..)
    }
}

impl Forgotten {
    fn entry(&mut self, seq: u64) {
        self.floor = seq.max(self.floor);
        if let Some(journal) = &mut self.journal
            && seq <= journal.written
        {
            journal.gone.push(seq);
        }
    }

    /// Of a key frame, which may have gone already itself.
    fn wraps(&mut self, seq: u64) {
        self.floor = seq.max(self.floor);
        if let Some(journal) = &mut self.journal
            && seq <= journal.written
        {
            journal.stripped.push(seq);
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
            Stored::Key(key) => key.bare.as_bytes().len() + size_of_val(key.wraps.as_slice()),
        }
    }

    /// What it takes, its place in a queue included.
    fn memory(&self) -> usize {
        let place = SLACK * size_of::<Self>();
        place
            + match &self.frame {
                Stored::Same(frame) => frame.memory(),
                Stored::Key(key) => {
                    let wraps = key.wraps.capacity() * size_of::<(JoinNumber, Bytes<40>)>();
                    size_of::<StoredKey>() + key.bare.memory() + wraps + 2 * ALLOCATION
                }
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
fn merge<'a, const N: usize>(queues: [Iter<'a, Kept>; N]) -> impl Iterator<Item = &'a Kept> {
    let mut queues = queues.map(Iterator::peekable);
    core::iter::from_fn(move || {
        queues
            .iter_mut()
            .filter_map(|queue| queue.peek().map(|kept| kept.seq).map(|seq| (seq, queue)))
            .min_by_key(|(seq, _)| *seq)
            .and_then(|(_, queue)| queue.next())
    })
}

mod handover;

#[cfg(test)]
mod tests;
