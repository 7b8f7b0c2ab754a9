//! Handing a room over to another hub: what is written of it, and read again (see [`Hub::keep_elsewhere`]).
//!
//! A room is written in parts, so that a step costs about what it changed: its *state*, which is small and changes with
//! most steps; its *people* and its *seats*, which change when somebody comes or goes; and the entries of its log, each
//! of which is written once.
//!
//! [`Hub::keep_elsewhere`]: super::Hub::keep_elsewhere

mod carried;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

pub(super) use self::carried::{Carried, Count, Reader, Writer, carried, carried_inside};
use super::ConnectionId;
use super::PeerKey;
use super::kept_id::KeptId;
use super::log::Log;
use super::room::{Live, Room, Terms};
use super::roster::{AtTheEnd, Roster, Seated};
use crate::crypto::SecretBytes;
use crate::ids::RoomId;
use crate::time::Timestamp;

/// The first byte of every part. A hub reads its own version only.
const VERSION: u8 = 1;

/// What became of a room since it was asked for the last time.
#[derive(Debug)]
pub enum Change {
    /// It has changed: what brings a copy of it up to date.
    Written(Box<RoomWrite>),
    /// It has burned: nothing of it may be left anywhere.
    Burned(RoomId),
}

/// What brings a copy of a room up to date, all of it at once or nothing.
#[derive(Debug)]
pub struct RoomWrite {
    /// Which.
    pub room: RoomId,
    /// When it burns: the copy must not outlive that.
    pub end: Timestamp,
    /// The state, whole.
    pub state: SecretBytes,
    /// The people, whole, if they changed.
    pub people: Option<SecretBytes>,
    /// The seats, whole, if they changed.
    pub seats: Option<SecretBytes>,
    /// Entries of the log by their numbers: new ones, and such as take the place of what was written before.
    pub entries: Vec<(u64, SecretBytes)>,
    /// Entries that the copy must forget.
    pub forgotten: Vec<u64>,
}

/// A copy of a room, as the newest writes left it. Its `Debug` shows none of it.
#[derive(Clone, Copy)]
pub struct RoomCopy<'a> {
    /// The newest state.
    pub state: &'a [u8],
    /// The newest people; empty if there were none ever.
    pub people: &'a [u8],
    /// The newest seats; empty if there were none ever.
    pub seats: &'a [u8],
    /// All entries, in the order of their numbers.
    pub entries: &'a [(u64, &'a [u8])],
}

impl fmt::Debug for RoomCopy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomCopy({} entries)", self.entries.len())
    }
}

/// A room that has been taken over.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// Whose budget of rooms it counts against.
    pub owner: PeerKey,
    /// The connections that have a seat in it.
    pub connections: Vec<ConnectionId>,
}

/// A copy of a room is not one, not of this room, or of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACopy;

impl fmt::Display for NotACopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was kept of a room can't be read")
    }
}

impl core::error::Error for NotACopy {}

/// Which people and seats the copy has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct InCopy {
    /// Of this version.
    people: Option<u64>,
    /// After so many changes.
    seats: Option<u64>,
}

impl Carried for KeptId {
    fn put(&self, to: &mut Writer) {
        self.get().0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::new(RoomId(Carried::take(from)?)))
    }
}

carried!(Terms {
    id,
    owner,
    end,
    not_after,
    capacity,
    history,
    burn,
    ticket,
    creator_token,
    pin,
});

impl Room {
    /// What brings a copy up to date.
    pub(super) fn write(
        &mut self,
        end_of: impl Fn(ConnectionId) -> Option<AtTheEnd>,
    ) -> Box<RoomWrite> {
        let mut state = Writer::new(512);
        VERSION.put(&mut state);
        self.terms.put(&mut state);
        self.live.is_some().put(&mut state);
        let mut write = Box::new(RoomWrite {
            room: self.terms.id.get(),
            end: self.terms.end,
            state: SecretBytes::with_capacity(0),
            people: None,
            seats: None,
            entries: Vec::new(),
            forgotten: Vec::new(),
        });
        if let Some(live) = &mut self.live {
            live.put_state(&mut state, end_of);
            let (version, changes) = (live.roster.version, live.seats.changes());
            if live.in_copy.people.replace(version) != Some(version) {
                write.people = Some(part(|to| live.roster.put_people(to)));
            }
            if live.in_copy.seats.replace(changes) != Some(changes) {
                write.seats = Some(part(|to| live.seats.put(to)));
            }
            let entries = live.log.take_entries();
            write.entries = entries.put;
            write.forgotten = entries.gone;
        }
        write.state = state.finish();
        write
    }

    /// Reads a copy of this room.
    pub(super) fn read(id: RoomId, copy: &RoomCopy<'_>) -> Option<(Self, Vec<Seated>)> {
        let mut state = begin(copy.state)?;
        let terms = Terms::take(&mut state)?;
        if terms.id.get() != id {
            return None;
        }
        let (live, seated) = match bool::take(&mut state)? {
            true => {
                let (live, seated) = Live::read(&mut state, copy)?;
                (Some(Box::new(live)), seated)
            }
            false => (None, Vec::new()),
        };
        state.end()?;
        let room = Self {
            terms,
            live,
            scheduled: None,
        };
        Some((room, seated))
    }
}

impl Live {
    fn put_state(&self, to: &mut Writer, end_of: impl Fn(ConnectionId) -> Option<AtTheEnd>) {
        let Self {
            // By themselves.
            seats: _,
            in_copy: _,
            roster,
            log,
            epochs,
            asking,
            locked,
            last_extended,
            replaced_tickets,
            quota,
            // It follows from the time and the end.
            tick: _,
        } = self;
        roster.put_presence(to, end_of);
        log.put_numbers(to);
        epochs.put(to);
        asking.put(to);
        locked.put(to);
        last_extended.put(to);
        replaced_tickets.put(to);
        quota.put(to);
    }

    fn read(state: &mut Reader<'_>, copy: &RoomCopy<'_>) -> Option<(Self, Vec<Seated>)> {
        let mut people = begin(copy.people)?;
        let (roster, seated) = Roster::take_from(&mut people, state)?;
        people.end()?;
        let mut seats = begin(copy.seats)?;
        let live = Self {
            seats: Carried::take(&mut seats)?,
            log: Log::take_from(state, copy.entries)?,
            epochs: Carried::take(state)?,
            asking: Carried::take(state)?,
            locked: Carried::take(state)?,
            last_extended: Carried::take(state)?,
            replaced_tickets: Carried::take(state)?,
            quota: Carried::take(state)?,
            in_copy: InCopy {
                people: Some(roster.version),
                seats: Some(0),
            },
            roster,
            tick: None,
        };
        seats.end()?;
        live.epochs.are_sound().then_some((live, seated))
    }
}

fn part(put: impl FnOnce(&mut Writer)) -> SecretBytes {
    let mut to = Writer::new(1_024);
    VERSION.put(&mut to);
    put(&mut to);
    to.finish()
}

fn begin(part: &[u8]) -> Option<Reader<'_>> {
    let mut from = Reader::new(part);
    (from.byte()? == VERSION).then_some(from)
}
