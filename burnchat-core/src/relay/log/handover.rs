//! What another hub needs to go on with the log: its numbers, and its entries one by one.
//!
//! An entry never changes once it is written, but for a key frame whose wraps are forgotten. So a copy elsewhere is kept
//! up to date with what was added and what was forgotten since the last time, however long the log is.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Forgotten, Journal, Kept, Log, Queue, Retention, Stored, StoredKey, Wrapped};
use crate::crypto::SecretBytes;
use crate::limits::{RELAY_FRAME_BYTES, WRAPS};
use crate::relay::handover::{Carried, Count, Reader, Writer, carried};
use crate::relay::seats::JoinNumber;
use crate::time::Timestamp;
use crate::wire::{Bytes, EncodedFrame, RelayFrame};

carried!(Wrapped { seq, at, bytes });

impl Carried for Retention {
    fn put(&self, to: &mut Writer) {
        let byte: u8 = match self {
            Self::Window => 0,
            Self::History { complete: false } => 1,
            Self::History { complete: true } => 2,
            Self::HistoryLost => 3,
        };
        byte.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Window,
            1 => Self::History { complete: false },
            2 => Self::History { complete: true },
            3 => Self::HistoryLost,
            _ => return None,
        })
    }
}

/// Which queue an entry is in. A key frame is among the changes.
#[derive(Clone, Copy)]
enum Place {
    Change,
    Control,
    Envelope,
    Key,
}

impl Carried for Place {
    fn put(&self, to: &mut Writer) {
        (*self as u8).put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Change,
            1 => Self::Control,
            2 => Self::Envelope,
            3 => Self::Key,
            _ => return None,
        })
    }
}

/// What changed in the entries since the last time.
pub(in crate::relay) struct Entries {
    pub(in crate::relay) put: Vec<(u64, SecretBytes)>,
    pub(in crate::relay) gone: Vec<u64>,
}

impl Log {
    /// From now on it is noted how a copy of the log elsewhere differs; the first time all of it is new to it.
    pub(in crate::relay) fn keep_elsewhere(&mut self) {
        self.forgotten.journal.get_or_insert_default();
    }

    /// Whether entries came or went since the copy was brought up to date.
    pub(in crate::relay) fn differs(&self) -> bool {
        self.forgotten.journal.as_ref().is_some_and(|journal| {
            journal.written < self.seq || !journal.gone.is_empty() || !journal.stripped.is_empty()
        })
    }

    /// The numbers.
    pub(in crate::relay) fn put_numbers(&self, to: &mut Writer) {
        Count(self.seq).put(to);
        Count(self.forgotten.floor).put(to);
        self.retention.put(to);
        self.roster_changes.put(to);
        self.wrapped.put(to);
        for queue in [&self.changes, &self.control, &self.envelopes] {
            queue.entries.len().put(to);
        }
    }

    /// What brings a copy of the entries up to date.
    pub(in crate::relay) fn take_entries(&mut self) -> Entries {
        let mut journal = self.forgotten.journal.take().unwrap_or_default();
        let new = [
            (Place::Change, &self.changes),
            (Place::Control, &self.control),
            (Place::Envelope, &self.envelopes),
        ];
        let mut put: Vec<_> = new
            .into_iter()
            .flat_map(|(place, queue)| {
                let after = queue.after(journal.written);
                after.map(move |kept| (kept.seq, kept.write(place)))
            })
            .collect();
        let stripped = journal.stripped.iter().filter_map(|seq| {
            let kept = self.changes.after(seq.checked_sub(1)?).next()?;
            (kept.seq == *seq).then(|| (kept.seq, kept.write(Place::Change)))
        });
        put.extend(stripped);
        journal.stripped.clear();
        journal.written = self.seq;
        let gone = core::mem::take(&mut journal.gone);
        self.forgotten.journal = Some(journal);
        Entries { put, gone }
    }

    /// A log with these numbers and entries, which are in order. It is kept elsewhere just as it is here.
    pub(in crate::relay) fn take_from(
        from: &mut Reader<'_>,
        entries: &[(u64, &[u8])],
    ) -> Option<Self> {
        let Count(seq) = Carried::take(from)?;
        let Count(floor) = Carried::take(from)?;
        let retention = Carried::take(from)?;
        let mut log = Self {
            seq,
            forgotten: Forgotten {
                floor,
                journal: Some(Box::new(Journal {
                    written: seq,
                    ..Journal::default()
                })),
            },
            retention,
            roster_changes: Carried::take(from)?,
            wrapped: Carried::take(from)?,
            ..Self::new(false)
        };
        for wrapped in &log.wrapped {
            log.wrapped_bytes = log.wrapped_bytes.checked_add(wrapped.bytes)?;
        }
        let mut last = 0;
        for (number, bytes) in entries {
            let (place, kept) = Kept::read(*number, bytes)?;
            if *number <= last || *number > seq {
                return None;
            }
            last = *number;
            match place {
                Place::Change | Place::Key => log.changes.push(kept),
                Place::Control => log.control.push(kept),
                Place::Envelope => log.envelopes.push(kept),
            }
        }
        let all_there = [&log.changes, &log.control, &log.envelopes]
            .into_iter()
            .all(|queue: &Queue| usize::take(from) == Some(queue.entries.len()));
        (all_there && floor <= seq).then_some(log)
    }
}

impl Kept {
    fn write(&self, place: Place) -> SecretBytes {
        let mut to = Writer::new(self.len() + 32);
        let frame = match &self.frame {
            Stored::Same(frame) => {
                place.put(&mut to);
                self.at.put(&mut to);
                frame
            }
            Stored::Key(key) => {
                Place::Key.put(&mut to);
                self.at.put(&mut to);
                key.wraps.put(&mut to);
                &key.bare
            }
        };
        to.bytes(frame.as_bytes());
        to.finish()
    }

    fn read(seq: u64, bytes: &[u8]) -> Option<(Place, Self)> {
        let mut from = Reader::new(bytes);
        let place = Place::take(&mut from)?;
        let at: Timestamp = Carried::take(&mut from)?;
        let frame = match place {
            Place::Key => {
                let wraps: Vec<(JoinNumber, Bytes<40>)> = Carried::take(&mut from)?;
                let bytes = from.rest();
                let in_order = wraps.is_sorted_by(|(a, _), (b, _)| a < b) && wraps.len() <= WRAPS;
                match RelayFrame::parse(bytes) {
                    Ok(Some(RelayFrame::SessionKey(frame)))
                        if in_order && frame.seq == seq && frame.wrapped.is_none() =>
                    {
                        Stored::Key(Box::new(StoredKey {
                            frame: *frame,
                            bare: EncodedFrame::copy_of(bytes)?,
                            wraps,
                        }))
                    }
                    _ => return None,
                }
            }
            Place::Change | Place::Control | Place::Envelope => {
                let bytes = from.rest();
                let is_entry = RelayFrame::seq_of_text(bytes) == Some(seq);
                (is_entry && bytes.len() <= RELAY_FRAME_BYTES).then_some(())?;
                Stored::Same(EncodedFrame::copy_of(bytes)?)
            }
        };
        Some((place, Self { seq, at, frame }))
    }
}
