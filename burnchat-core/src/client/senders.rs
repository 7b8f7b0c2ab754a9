//! What one client remembers of each sender: how many envelopes, and which texts it has had (spec section 8.5).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::crypto::Header;
use crate::ids::{MessageId, ParticipantId};
use crate::limits;

/// One sender, as seen in the log.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Sender {
    /// How many of its envelopes the log holds; `None` until that is known.
    tally: Option<u64>,
    /// The newest epoch it was seen to send in, and how many envelopes it has there.
    last: Option<(u64, u64)>,
}

/// The texts that were shown, so that none is shown twice: outlasts a fresh join.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Shown {
    senders: BTreeMap<ParticipantId, Ids>,
    /// Since when.
    in_order: VecDeque<ParticipantId>,
}

/// The newest of one sender.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
struct Ids {
    ids: BTreeSet<MessageId>,
    in_order: VecDeque<MessageId>,
}

/// What counting an envelope brought to light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) struct Counted {
    pub(super) missed: u64,
    pub(super) repeated: bool,
}

impl Sender {
    /// One that was there before this client.
    pub(super) fn found() -> Self {
        Self {
            tally: None,
            last: None,
        }
    }

    /// One this client saw join.
    pub(super) fn seen_joining() -> Self {
        Self {
            tally: Some(0),
            ..Self::found()
        }
    }

    /// Counts an envelope that can't be read. `skipped` is how far its n was ahead; `version` is that of its epoch,
    /// where it is known.
    pub(super) fn count_unread(&mut self, version: Option<u64>, n: u64, skipped: u64) -> Counted {
        self.tally = self
            .tally
            .map(|tally| tally.saturating_add(skipped).saturating_add(1));
        if let Some(version) = version {
            self.last = Some((version, n.saturating_add(1)));
        }
        Counted {
            missed: skipped,
            repeated: false,
        }
    }

    /// Counts an envelope that was read. `since` is the version from which on this client has seen every epoch whole.
    pub(super) fn count_read(
        &mut self,
        header: &Header,
        version: u64,
        n: u64,
        skipped: u64,
        since: u64,
    ) -> Counted {
        let mut missed = skipped;
        let mut repeated = false;
        if let Some(tally) = self.tally {
            let expected = tally.saturating_add(1);
            missed = missed.max(header.count.saturating_sub(expected));
            repeated = header.count < expected;
        }
        if let Some(claimed) = header.last {
            let seen = match self.last {
                Some((version, seen)) if version == claimed.version => Some(seen),
                _ if claimed.version >= since => Some(0),
                _ => None,
            };
            if let Some(seen) = seen {
                missed = missed.max(claimed.count.abs_diff(seen));
            }
        }
        self.tally = Some(self.tally.unwrap_or(0).max(header.count));
        self.last = Some((version, n.saturating_add(1)));
        Counted { missed, repeated }
    }
}

impl Shown {
    /// Notes a text as shown; false if it has been already.
    pub(super) fn note(&mut self, sender: ParticipantId, id: MessageId) -> bool {
        let of_sender = self.senders.entry(sender).or_insert_with(|| {
            self.in_order.push_back(sender);
            Ids::default()
        });
        if !of_sender.ids.insert(id) {
            return false;
        }
        of_sender.in_order.push_back(id);
        if of_sender.in_order.len() > limits::REMEMBERED_IDS
            && let Some(oldest) = of_sender.in_order.pop_front()
        {
            of_sender.ids.remove(&oldest);
        }
        if self.senders.len() > limits::REMEMBERED_SENDERS
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.senders.remove(&oldest);
        }
        true
    }

    /// Forgets a sender whose texts cannot come again.
    pub(super) fn forget(&mut self, sender: &ParticipantId) {
        if self.senders.remove(sender).is_some() {
            self.in_order.retain(|one| one != sender);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::LastEpoch;
    use crate::time::Timestamp;

    const ANA: ParticipantId = ParticipantId([1; 16]);
    const BEN: ParticipantId = ParticipantId([2; 16]);

    /// What the `count`th envelope of a sender says, with how many it had in an epoch before.
    fn header(count: u64, last: Option<(u64, u64)>) -> Header {
        Header {
            id: MessageId([0; 16]),
            sent_at: Timestamp(0),
            count,
            last: last.map(|(version, count)| LastEpoch { version, count }),
        }
    }

    fn missed(missed: u64) -> Counted {
        Counted {
            missed,
            repeated: false,
        }
    }

    fn repeated() -> Counted {
        Counted {
            missed: 0,
            repeated: true,
        }
    }

    fn id(number: u32) -> MessageId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        MessageId(id)
    }

    fn person(number: u32) -> ParticipantId {
        ParticipantId(id(number).0)
    }

    #[test]
    fn a_sender_seen_from_its_join_on_must_count_without_a_hole() {
        let mut sender = Sender::seen_joining();
        assert_eq!(sender.count_read(&header(1, None), 3, 0, 0, 1), missed(0));
        assert_eq!(sender.count_read(&header(2, None), 3, 1, 0, 1), missed(0));
        assert_eq!(sender.count_read(&header(5, None), 3, 2, 0, 1), missed(2));
        assert_eq!(sender.count_read(&header(6, None), 3, 4, 1, 1), missed(1));
        assert_eq!(sender.count_read(&header(6, None), 3, 5, 0, 1), repeated());
    }

    #[test]
    fn the_first_envelope_of_one_seen_joining_is_its_first() {
        let mut sender = Sender::seen_joining();
        assert_eq!(sender.count_read(&header(3, None), 3, 0, 0, 1), missed(2));
    }

    #[test]
    fn of_a_sender_that_was_there_before_the_first_count_is_believed() {
        let mut sender = Sender::found();
        assert_eq!(sender.count_read(&header(70, None), 3, 0, 0, 1), missed(0));
        assert_eq!(sender.count_read(&header(72, None), 3, 1, 0, 1), missed(1));
        assert_eq!(sender.count_read(&header(72, None), 3, 2, 0, 1), repeated());
    }

    #[test]
    fn what_cannot_be_read_counts_too() {
        let mut sender = Sender::seen_joining();
        assert_eq!(sender.count_unread(Some(3), 2, 2), missed(2));
        assert_eq!(sender.count_unread(Some(3), 3, 0), missed(0));
        // Four so far: the fifth comes without a hole, in its epoch and in all.
        let next = header(5, Some((3, 4)));
        assert_eq!(sender.count_read(&next, 4, 0, 0, 1), missed(0));
    }

    #[test]
    fn how_many_an_older_epoch_had_must_agree_with_what_was_seen_of_it() {
        let seen_one = || {
            let mut sender = Sender::seen_joining();
            sender.count_read(&header(1, None), 3, 0, 0, 3);
            sender
        };
        // As many, too many and too few.
        for (claimed, hole) in [(1, 0), (4, 3), (0, 1)] {
            let next = header(2, Some((3, claimed)));
            assert_eq!(seen_one().count_read(&next, 4, 0, 0, 3), missed(hole));
        }
        // An epoch of which nothing was seen at all, though the client was there from its beginning on.
        let next = header(2, Some((4, 2)));
        assert_eq!(seen_one().count_read(&next, 5, 0, 0, 4), missed(2));
        // One that began before the client came says nothing.
        let next = header(2, Some((2, 7)));
        assert_eq!(seen_one().count_read(&next, 5, 0, 0, 3), missed(0));
        assert_eq!(
            seen_one().count_read(&header(2, Some((4, 2))), 5, 0, 0, 5),
            missed(0)
        );
    }

    #[test]
    fn an_unread_envelope_of_an_unknown_epoch_leaves_the_last_known_one() {
        let mut sender = Sender::seen_joining();
        sender.count_unread(Some(3), 0, 0);
        sender.count_unread(None, 8, 0);
        let next = header(3, Some((3, 1)));
        assert_eq!(sender.count_read(&next, 4, 0, 0, 1), missed(0));
    }

    #[test]
    fn a_text_is_shown_once_and_the_newest_of_a_sender_are_remembered() {
        let mut shown = Shown::default();
        assert!(shown.note(ANA, id(0)));
        assert!(!shown.note(ANA, id(0)));
        assert!(shown.note(BEN, id(0)));
        for number in 1..limits::REMEMBERED_IDS as u32 {
            assert!(shown.note(ANA, id(number)));
        }
        assert!(!shown.note(ANA, id(0)));
        assert!(shown.note(ANA, id(limits::REMEMBERED_IDS as u32)));
        assert!(!shown.note(ANA, id(1)));
        assert!(shown.note(ANA, id(0)), "the oldest has been forgotten");
    }

    #[test]
    fn the_senders_remembered_are_the_newest_and_one_can_be_forgotten() {
        let mut shown = Shown::default();
        for number in 0..limits::REMEMBERED_SENDERS as u32 {
            assert!(shown.note(person(number), id(1)));
        }
        assert!(!shown.note(person(0), id(1)));
        shown.forget(&person(1));
        assert_eq!(shown.in_order.len(), limits::REMEMBERED_SENDERS - 1);
        assert!(
            shown.note(person(9_998), id(1)),
            "in the place of the forgotten one"
        );
        assert!(!shown.note(person(0), id(1)));
        assert!(shown.note(person(9_999), id(1)));
        assert!(
            shown.note(person(0), id(1)),
            "the oldest has been forgotten"
        );
        shown.forget(&person(77_777));
        assert_eq!(shown.in_order.len(), shown.senders.len());
    }
}
