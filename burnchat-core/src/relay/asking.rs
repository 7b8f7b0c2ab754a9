//! Asking for a key: whom, when, and who answered (spec sections 7.1 and 7.6).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::mem;

use super::room::{ALLOCATION, Moment};
use super::seats::JoinNumber;
use crate::ids::RosterHash;
use crate::limits::{
    ASK_ALL_AGAIN_MILLIS, JOIN_DEBOUNCE_MILLIS, NEED_KEY_CEILING_MILLIS, NEED_KEY_MILLIS,
    NOMINATION_MILLIS, NOMINATIONS_BEFORE_ALL,
};
use crate::time::Timestamp;
use crate::wire::{KeyWanted, RelayFrame};

#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Asking {
    state: State,
    /// The versions somebody was asked for since the last keyed one, in order.
    versions: VecDeque<AskedVersion>,
    /// By complainer and steward.
    grievances: BTreeMap<(JoinNumber, JoinNumber), Grievance>,
    complaints: u64,
}

/// How far the asking for the newest version has come.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
enum State {
    /// It is keyed, or too few are there.
    #[default]
    Idle,
    /// Joins wait for others.
    Waiting(Timestamp),
    /// Somebody is to be asked when this step is done.
    Due,
    /// Nobody is connected who could be.
    Nobody,
    /// One was asked alone, and has time.
    One(Nomination),
    /// Everyone connected was, and whoever comes back is; and everyone again when the time has come.
    Everyone { again: Timestamp },
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Nomination {
    who: JoinNumber,
    until: Timestamp,
    round: Round,
}

/// What has been tried for this version on top of this head.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Round {
    tried: BTreeSet<JoinNumber>,
    time_outs: u8,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct AskedVersion {
    version: u64,
    asked: BTreeSet<JoinNumber>,
    /// `None` once somebody on it has left: no key frame for it is taken any more.
    roster: Option<AskedRoster>,
}

/// What a key frame for a version must agree with.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct AskedRoster {
    pub(super) roster_hash: RosterHash,
    pub(super) members: Vec<JoinNumber>,
}

#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Grievance {
    counts_again: Timestamp,
    interval_millis: u64,
}

impl Asking {
    /// The key frame of a version was right. Returns its people, and forgets the version and those before it.
    pub(super) fn keyed(&mut self, version: u64) -> Option<Vec<JoinNumber>> {
        while self.versions.front()?.version < version {
            self.versions.pop_front();
        }
        let keyed = self.versions.pop_front()?;
        Some(keyed.roster?.members)
    }

    /// Whether a complaint counts, or comes too soon after the last.
    pub(super) fn complain(
        &mut self,
        now: Timestamp,
        complainer: JoinNumber,
        steward: JoinNumber,
    ) -> bool {
        let interval_millis = match self.grievances.get(&(complainer, steward)) {
            None => NEED_KEY_MILLIS,
            Some(grievance) if now < grievance.counts_again => return false,
            Some(grievance) => (grievance.interval_millis * 2).min(NEED_KEY_CEILING_MILLIS),
        };
        self.grievances.insert(
            (complainer, steward),
            Grievance {
                counts_again: now.plus_millis(interval_millis),
                interval_millis,
            },
        );
        self.complaints += 1;
        true
    }

    pub(super) fn departed(&mut self, number: JoinNumber) {
        for asked in &mut self.versions {
            let listed = |roster: &mut AskedRoster| roster.members.binary_search(&number).is_ok();
            asked.roster.take_if(listed);
        }
        self.grievances
            .retain(|(complainer, steward), _| *complainer != number && *steward != number);
    }

    /// What a key frame for a version must agree with, if this participant was asked for one and it can still count.
    pub(super) fn asked_for(&self, version: u64, who: JoinNumber) -> Option<&AskedRoster> {
        let asked = self.version(version)?;
        asked.asked.contains(&who).then_some(asked.roster.as_ref()?)
    }

    pub(super) fn memory(&self) -> usize {
        /// An entry of a map, with its share of what its nodes have free.
        const ENTRY: usize = 64;
        let of_one = |asked: &AskedVersion| {
            let members = asked
                .roster
                .as_ref()
                .map_or(0, |roster| roster.members.capacity());
            size_of::<AskedVersion>()
                + asked.asked.len() * 2 * size_of::<JoinNumber>()
                + members * size_of::<JoinNumber>()
                + 2 * ALLOCATION
        };
        let versions: usize = self.versions.iter().map(of_one).sum();
        versions + self.grievances.len() * ENTRY
    }

    #[cfg(burnchat_sim)]
    pub(super) fn state_name(&self) -> &'static str {
        match self.state {
            State::Idle => "Idle",
            State::Waiting(_) => "Waiting",
            State::Due => "Due",
            State::Nobody => "Nobody",
            State::One(_) => "One",
            State::Everyone { .. } => "All",
        }
    }

    /// How many complaints have counted.
    pub(super) fn complaints(&self) -> u64 {
        self.complaints
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Waiting(until) => Some(*until),
            State::One(nomination) => Some(nomination.until),
            State::Everyone { again } => Some(*again),
            State::Idle | State::Due | State::Nobody => None,
        }
    }

    fn was_asked(&self, version: u64, who: JoinNumber) -> bool {
        self.version(version)
            .is_some_and(|asked| asked.asked.contains(&who))
    }

    fn version(&self, version: u64) -> Option<&AskedVersion> {
        let place = self
            .versions
            .binary_search_by_key(&version, |asked| asked.version);
        self.versions.get(place.ok()?)
    }
}

impl Moment<'_> {
    /// Somebody has left or been replaced, or a new key is wanted for the same people.
    pub(super) fn ask_at_once(&mut self) {
        self.stop_asking();
        if self.enough_people() {
            self.live.asking.state = State::Due;
        }
    }

    /// Somebody has joined: others may be about to.
    pub(super) fn ask_soon(&mut self) {
        if matches!(self.live.asking.state, State::Waiting(_)) {
            return;
        }
        self.stop_asking();
        if self.enough_people() {
            let until = self.now.plus_millis(JOIN_DEBOUNCE_MILLIS);
            self.live.asking.state = State::Waiting(until);
        }
    }

    /// A key frame has been logged: the head has moved.
    pub(super) fn ask_again_if_unkeyed(&mut self) {
        let asking = &mut self.live.asking;
        asking.state = match mem::take(&mut asking.state) {
            _ if self.live.epochs.keyed_version() == self.live.roster.version => State::Idle,
            State::Idle => State::Idle,
            State::Waiting(until) => State::Waiting(until),
            State::Due | State::Nobody | State::One(_) | State::Everyone { .. } => State::Due,
        };
    }

    /// Ends the step.
    pub(super) fn ask_if_due(&mut self) {
        if matches!(self.live.asking.state, State::Due) {
            self.note_version();
            self.ask_next(Round::default());
        }
    }

    /// The time of joins that wait, or of the one asked, is over.
    pub(super) fn asking_timed_out(&mut self) {
        match mem::take(&mut self.live.asking.state) {
            State::Waiting(_) => self.live.asking.state = State::Due,
            State::One(Nomination { who, mut round, .. }) => {
                self.note_unresponsive(who);
                round.time_outs += 1;
                self.ask_next(round);
            }
            State::Everyone { .. } => self.ask_everyone(),
            other => self.live.asking.state = other,
        }
    }

    /// If this is who is being asked, it has declined or is away: the next.
    pub(super) fn pass_over(&mut self, number: JoinNumber) {
        self.live.asking.state = match mem::take(&mut self.live.asking.state) {
            State::One(nomination) if nomination.who == number => {
                return self.ask_next(nomination.round);
            }
            other => other,
        };
    }

    /// A participant can't make a key frame for a version.
    pub(super) fn key_declined(&mut self, number: JoinNumber, version: u64) {
        if !self.live.asking.was_asked(version, number) {
            return;
        }
        if let Some(standing) = self.live.roster.standing_mut(number) {
            standing.unresponsive = false;
        }
        if version == self.live.roster.version {
            self.pass_over(number);
        }
    }

    /// A participant is back, and has been sent what it missed.
    pub(super) fn ask_one_who_is_back(&mut self, number: JoinNumber) {
        let version = self.live.roster.version;
        match self.live.asking.state {
            State::Nobody => self.live.asking.state = State::Due,
            State::Everyone { .. } => self.ask(&[number]),
            State::One(_) if self.live.asking.was_asked(version, number) => self.ask(&[number]),
            State::One(_) | State::Idle | State::Waiting(_) | State::Due => {}
        }
    }

    /// The version has changed: who was asked for the one before and has not answered is slow.
    fn stop_asking(&mut self) {
        if let State::One(nomination) = mem::take(&mut self.live.asking.state) {
            self.note_unresponsive(nomination.who);
        }
    }

    fn ask_next(&mut self, mut round: Round) {
        let alone = round.time_outs < NOMINATIONS_BEFORE_ALL;
        match self.next_to_ask(&round.tried).filter(|_| alone) {
            Some(who) => {
                round.tried.insert(who);
                let until = self.now.plus_millis(NOMINATION_MILLIS);
                self.live.asking.state = State::One(Nomination { who, until, round });
                self.ask(&[who]);
            }
            None if round.tried.is_empty() => self.live.asking.state = State::Nobody,
            None => self.ask_everyone(),
        }
    }

    fn ask_everyone(&mut self) {
        let again = self.now.plus_millis(ASK_ALL_AGAIN_MILLIS);
        self.live.asking.state = State::Everyone { again };
        let everyone: Vec<_> = self.live.roster.here().map(|(number, _)| number).collect();
        if !everyone.is_empty() {
            self.ask(&everyone);
        }
    }

    /// The first of those connected, in the order of section 7.1, who has not been tried.
    fn next_to_ask(&self, tried: &BTreeSet<JoinNumber>) -> Option<JoinNumber> {
        let newest = self.live.epochs.newest().filter(|_| self.terms.history);
        self.live
            .roster
            .here()
            .map(|(number, _)| number)
            .filter(|number| !tried.contains(number))
            .min_by_key(|number| {
                let standing = self.live.roster.get(*number).map(|who| who.standing);
                let holds_key = newest.is_some_and(|epoch| epoch.is_held_by(*number));
                (standing, !holds_key, *number)
            })
    }

    fn ask(&mut self, who: &[JoinNumber]) {
        if let Some(newest) = self.live.asking.versions.back_mut() {
            newest.asked.extend(who);
        }
        let frame = RelayFrame::KeyWanted(KeyWanted {
            version: self.live.roster.version,
            head: self.live.epochs.head(),
        })
        .encode();
        let connections = who
            .iter()
            .filter_map(|number| self.live.roster.connection(*number))
            .collect();
        self.links.send(connections, frame);
    }

    /// Notes what a key frame for the newest version must agree with. Only now is its roster hashed.
    fn note_version(&mut self) {
        let version = self.live.roster.version;
        let versions = &mut self.live.asking.versions;
        if versions
            .back()
            .is_some_and(|newest| newest.version == version)
        {
            return;
        }
        while versions.len() >= self.limits.asked_versions.max(1) {
            versions.pop_front();
        }
        versions.push_back(AskedVersion {
            version,
            asked: BTreeSet::new(),
            roster: Some(AskedRoster {
                roster_hash: self.live.roster.hash(&self.terms.id.get()),
                members: self.live.roster.iter().map(|(number, _)| number).collect(),
            }),
        });
    }

    fn note_unresponsive(&mut self, who: JoinNumber) {
        if let Some(standing) = self.live.roster.standing_mut(who) {
            standing.unresponsive = true;
        }
    }

    /// Whether there is anyone to make a key for.
    fn enough_people(&self) -> bool {
        let enough = if self.terms.history { 1 } else { 2 };
        self.live.roster.len() >= enough
    }
}

mod handover;

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: JoinNumber = JoinNumber(1);
    const BEN: JoinNumber = JoinNumber(2);
    const CLEO: JoinNumber = JoinNumber(3);
    const NOW: Timestamp = Timestamp(1_000);

    fn numbers<T: FromIterator<JoinNumber>>(count: u64) -> T {
        (1..=count).map(JoinNumber).collect()
    }

    /// So many versions, so many asked for each and so many on its roster.
    fn asked(versions: u64, asked: u64, members: u64) -> Asking {
        let of_one = |version| AskedVersion {
            version,
            asked: numbers(asked),
            roster: Some(AskedRoster {
                roster_hash: RosterHash([0; 32]),
                members: numbers(members),
            }),
        };
        Asking {
            versions: (0..versions).map(of_one).collect(),
            ..Asking::default()
        }
    }

    #[test]
    fn everything_that_is_remembered_of_asking_counts() {
        assert_eq!(asked(0, 0, 0).memory(), 0);
        // Two allocations, and who was asked with as much room to spare.
        let one = size_of::<AskedVersion>() + 64;
        assert_eq!(asked(1, 0, 0).memory(), one);
        assert_eq!(asked(3, 0, 0).memory(), 3 * one);
        assert_eq!(asked(1, 10, 0).memory(), one + 10 * 2 * 8);
        assert_eq!(asked(1, 0, 10).memory(), one + 10 * 8);
        let mut complained = asked(1, 0, 0);
        complained.complain(NOW, ANA, BEN);
        complained.complain(NOW, BEN, ANA);
        assert_eq!(complained.memory(), one + 2 * 64);
    }

    #[test]
    fn complaints_of_and_about_one_who_has_left_are_forgotten_and_the_others_not() {
        let mut asking = Asking::default();
        assert_eq!(asking.complaints(), 0);
        for (complainer, steward) in [(ANA, BEN), (BEN, CLEO), (CLEO, ANA)] {
            assert!(asking.complain(NOW, complainer, steward));
            assert!(!asking.complain(NOW, complainer, steward));
        }
        assert_eq!(asking.complaints(), 3);
        asking.departed(ANA);
        assert_eq!(asking.grievances.len(), 1);
        assert!(!asking.complain(NOW, BEN, CLEO), "that one is remembered");
    }

    #[test]
    fn the_same_complaint_counts_again_after_5_10_20_40_and_80_seconds() {
        let mut asking = Asking::default();
        let mut now = NOW;
        assert!(asking.complain(now, ANA, BEN));
        for seconds in [5, 10, 20, 40, 80, 80] {
            now = now.plus_seconds(seconds);
            assert!(
                !asking.complain(Timestamp(now.0 - 1), ANA, BEN),
                "{seconds}"
            );
            assert!(asking.complain(now, ANA, BEN), "{seconds}");
        }
    }
}
