use alloc::vec;

use super::*;
use crate::ids::{EpochId, ParticipantId, RosterHash};
use crate::wire::EpochEnd;

const NOW: Timestamp = Timestamp(1_000);
const ANA: JoinNumber = JoinNumber(1);

/// Adds an entry of one length, as long as there are fewer than ten.
fn add(log: &mut Log, limits: &Limits, now: Timestamp, kind: Kind) -> usize {
    let version = 1;
    let frame = log.append(now, limits, kind, |seq| {
        RelayFrame::EpochEnd(EpochEnd { seq, version })
    });
    assert_books(log);
    frame.as_bytes().len()
}

/// Adds a key frame with so many wraps; how long it is without them.
fn add_key(log: &mut Log, limits: &Limits, now: Timestamp, wraps: u64) -> usize {
    let wraps = (1..=wraps).map(|number| (JoinNumber(number), Bytes([7; 40])));
    let key = log
        .append_key(now, limits, wraps.collect(), |seq| KeyFrame {
            seq,
            version: 1,
            steward: ParticipantId([1; 16]),
            roster_hash: RosterHash([2; 32]),
            prev: EpochId::NONE,
            commit: Bytes([3; 32]),
            sig: Bytes([4; 64]),
            wrapped: None,
            back: None,
        })
        .unwrap();
    let len = key.bare.as_bytes().len();
    assert_books(log);
    len
}

/// What is added and taken away as entries come and go is what there is.
fn assert_books(log: &Log) {
    let mut memory = 0;
    for queue in [&log.changes, &log.control, &log.envelopes] {
        let bytes: usize = queue.entries.iter().map(Kept::len).sum();
        let of_queue: usize = queue.entries.iter().map(Kept::memory).sum();
        assert_eq!((queue.bytes, queue.memory), (bytes, of_queue));
        memory += of_queue;
    }
    let wrapped: usize = log.wrapped.iter().map(|wrapped| wrapped.bytes).sum();
    assert_eq!(log.wrapped_bytes, wrapped);
    assert_eq!(
        log.memory(),
        memory + log.wrapped.len() * 2 * size_of::<Wrapped>()
    );
}

/// How many entries of each sort there are.
fn there(log: &Log) -> (usize, usize, usize) {
    let [changes, control, envelopes] =
        [&log.changes, &log.control, &log.envelopes].map(|queue| queue.entries.len());
    (changes, control, envelopes)
}

fn has_wraps(log: &Log) -> Vec<bool> {
    let keys = log
        .changes
        .entries
        .iter()
        .filter_map(|kept| match &kept.frame {
            Stored::Key(key) => Some(key.has_wrap(ANA)),
            Stored::Same(_) => None,
        });
    keys.collect()
}

#[test]
fn an_entry_counts_as_long_as_it_is_and_takes_its_place_besides() {
    let (limits, mut log) = (Limits::default(), Log::new(false));
    let len = add(&mut log, &limits, NOW, Kind::Control);
    let bare = add_key(&mut log, &limits, NOW, 3);
    let [control, key] = [&log.control, &log.changes].map(|queue| &queue.entries[0]);
    assert_eq!(control.len(), len);
    let wraps = 3 * size_of::<(JoinNumber, Bytes<40>)>();
    assert_eq!(key.len(), bare + wraps);

    let place = 2 * size_of::<Kept>();
    let (Stored::Same(frame), Stored::Key(stored)) = (&control.frame, &key.frame) else {
        panic!("an entry and a key frame");
    };
    assert_eq!(control.memory(), place + frame.memory());
    assert_eq!(
        key.memory(),
        place + size_of::<StoredKey>() + stored.bare.memory() + wraps + 2 * 32
    );
    assert!(frame.memory() >= len + 64 && stored.bare.memory() >= bare + 64);
}

#[test]
fn what_is_exactly_as_much_and_as_old_as_is_kept_stays() {
    for kind in [Kind::Change, Kind::Control, Kind::Envelope] {
        let mut log = Log::new(false);
        let len = add(&mut log, &Limits::default(), NOW, kind);
        let limits = Limits {
            kept_bytes: 2 * len,
            ..Limits::default()
        };
        add(&mut log, &limits, NOW, kind);
        assert!(log.reaches(0));
        add(&mut log, &limits, NOW, kind);
        assert!(!log.reaches(0) && log.reaches(1));
        log.prune(NOW.plus_millis(limits.kept_millis), &limits);
        assert!(log.reaches(1));
        log.prune(NOW.plus_millis(limits.kept_millis + 1), &limits);
        assert_books(&log);
        assert_eq!(there(&log), (0, 0, 0));
        assert!(!log.reaches(2) && log.reaches(3));
    }
}

#[test]
fn a_history_keeps_envelopes_by_their_bytes_and_changes_by_their_number() {
    let mut log = Log::new(true);
    let len = add(&mut log, &Limits::default(), NOW, Kind::Envelope);
    let limits = Limits {
        kept_bytes: 0,
        history_bytes: 2 * len,
        history_changes: 2,
        ..Limits::default()
    };
    let much_later = NOW.plus_millis(10 * limits.kept_millis);
    add(&mut log, &limits, much_later, Kind::Envelope);
    add(&mut log, &limits, much_later, Kind::Change);
    add(&mut log, &limits, much_later, Kind::Change);
    assert_eq!(there(&log), (2, 0, 2));
    assert!(
        log.history(9)
            .is_some_and(|(frames, complete)| complete && frames.count() == 4)
    );
    add(&mut log, &limits, much_later, Kind::Envelope);
    assert_eq!(there(&log), (2, 0, 2));
    assert!(log.history(9).is_some_and(|(_, complete)| !complete));
    // One change more than is kept, and there is no history any more.
    add(&mut log, &limits, much_later, Kind::Change);
    assert!(
        log.history(9)
            .is_some_and(|(frames, complete)| !complete && frames.count() == 0)
    );
}

#[test]
fn wraps_go_when_there_are_too_many_or_they_are_too_old_and_their_key_frames_stay() {
    let of_one = size_of::<(JoinNumber, Bytes<40>)>();
    let limits = Limits {
        kept_bytes: 4 * of_one,
        ..Limits::default()
    };
    let mut log = Log::new(true);
    for _ in 0..3 {
        add_key(&mut log, &limits, NOW, 2);
    }
    log.prune(NOW, &limits);
    assert_books(&log);
    assert_eq!(has_wraps(&log), [false, true, true]);
    assert!(!log.reaches(0) && log.reaches(1));
    log.prune(NOW.plus_millis(limits.kept_millis), &limits);
    assert_eq!(has_wraps(&log), [false, true, true]);
    log.prune(NOW.plus_millis(limits.kept_millis + 1), &limits);
    assert_books(&log);
    assert_eq!(has_wraps(&log), [false, false, false]);
    assert!(!log.reaches(2) && log.reaches(3));
}

#[test]
fn a_log_that_must_shrink_forgets_everything_but_what_a_history_needs() {
    for (history, left) in [(false, (0, 0, 0)), (true, (2, 0, 0))] {
        let (limits, mut log) = (Limits::default(), Log::new(history));
        for kind in [Kind::Change, Kind::Control, Kind::Envelope, Kind::Change] {
            add(&mut log, &limits, NOW, kind);
        }
        let before = log.memory();
        log.shrink(before);
        assert_eq!(there(&log), (2, 1, 1));
        log.shrink(before - 1);
        assert_eq!(there(&log), (2, 1, 0), "an envelope first");
        log.shrink(0);
        assert_books(&log);
        assert_eq!(there(&log), left);
    }
}

#[test]
fn an_emptied_rooms_log_goes_on_with_its_numbers_and_lets_nobody_resume_before() {
    let (limits, mut log) = (Limits::default(), Log::new(true));
    for _ in 0..3 {
        add(&mut log, &limits, NOW, Kind::Change);
    }
    log.clear();
    assert_eq!((log.seq(), there(&log)), (3, (0, 0, 0)));
    assert!(!log.reaches(2) && log.reaches(3) && !log.reaches(4));
    add(&mut log, &limits, NOW, Kind::Change);
    assert!(
        log.history(9)
            .is_some_and(|(frames, complete)| complete && frames.count() == 1)
    );
}

#[test]
fn the_place_of_what_is_forgotten_is_given_back_in_halves() {
    let mut queue = Queue::default();
    for seq in 0..1_024 {
        queue.push(Kept {
            seq,
            at: NOW,
            frame: Stored::Same(RelayFrame::EpochEnd(EpochEnd { seq: 1, version: 1 }).encode()),
        });
    }
    assert_eq!(queue.entries.capacity(), 1_024);
    let mut seen = vec![];
    while queue.pop_if(|_, _| true).is_some() {
        let of = (queue.entries.len(), queue.entries.capacity());
        if [256, 255, 127, 126].contains(&of.0) {
            seen.push(of);
        }
    }
    assert_eq!(seen, [(256, 1_024), (255, 510), (127, 510), (126, 252)]);
    assert_eq!((queue.bytes, queue.memory), (0, 0));
}
