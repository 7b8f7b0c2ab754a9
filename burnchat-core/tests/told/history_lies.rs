//! Histories that a relay has altered, alone or with somebody who was there: none of it is a fork, and the newcomer says
//! that something is missing (spec section 9.3).

use burnchat_core::crypto::SessionKey;
use burnchat_core::error::Code;
use burnchat_core::ids::ParticipantId;
use burnchat_core::wire::{
    Back, Bytes, Departure, Joined, ParticipantJoined, ParticipantLeft, Rekey, RelayFrame, Role,
    RosterEntry,
};

use super::log::{Listener, Log, Terms, copy};

/// Ana's and Ben's room in three epochs, with two versions that nobody keyed.
fn anas_and_bens(seed: u64) -> (Log, usize, usize) {
    let mut log = Log::new(seed, true);
    let ana = log.join("ana");
    log.key(ana);
    log.say(ana, "one");
    let ben = log.join("ben");
    log.key(ana);
    log.rekey();
    log.rekey();
    log.key(ben);
    log.say(ben, "two");
    (log, ana, ben)
}

fn says_so(cleo: &Listener) {
    assert_eq!(cleo.history_read(), [false]);
    assert!(cleo.faults().contains(&Code::HistoryUnavailable));
    assert!(!cleo.sees_a_fork());
    assert!(cleo.is_keyed(), "for what comes next");
}

#[test]
fn a_version_is_keyed_once() {
    type Second = fn(&mut Log, usize, usize) -> Terms;
    let seconds: [(&str, Second); 3] = [
        ("the newest again", |log, ana, _| {
            log.terms(log.version, ana)
        }),
        ("one keyed before", |log, _, ben| log.terms(2, ben)),
        ("one that was passed over", |log, ana, _| log.terms(3, ana)),
    ];
    for (which, second) in seconds {
        let (mut log, ana, ben) = anas_and_bens(20);
        let terms = second(&mut log, ana, ben);
        log.log_key(terms);
        log.say(ana, "three");
        let cleo = log.read_by_newcomer(ana, |past| past);
        says_so(&cleo);
        assert!(!cleo.texts().contains(&"three"), "{which}");
    }
}

#[test]
fn a_version_keyed_before_the_join_is_not_keyed_again_after_it() {
    let (mut log, ana, _) = anas_and_bens(21);
    let before = log.version;
    let mut cleo = log.admit_to(|past| past);
    let terms = log.terms(before, ana);
    log.log_key(terms);
    cleo.hear_last(&log).unwrap();
    log.say(ana, "three");
    cleo.hear_last(&log).unwrap();
    log.key(ana);
    cleo.hear_last(&log).unwrap();
    says_so(&cleo);
    assert!(!cleo.texts().contains(&"three"));
}

/// Alters the terms of a key frame, knowing the log.
type SignedLie = fn(&Log, &mut Terms);
/// What a lie is called, and how it is told of something.
type Lie<T> = (&'static str, fn(&mut T));

/// Key frames that somebody who was there has signed for the relay.
const SIGNED_LIES: [(&str, SignedLie); 3] = [
    ("for another roster", |log, terms| {
        terms.roster_hash = log.roster_hash(1);
    }),
    ("by one who had left", |_, terms| terms.steward = 1),
    ("after another epoch", |log, terms| {
        terms.prev = log.epochs[0].id;
    }),
];

#[test]
fn a_steward_of_the_past_signs_for_the_relay() {
    for (what, lie) in SIGNED_LIES {
        let (mut log, ana, ben) = anas_and_bens(22);
        log.leave(ben);
        let mut terms = log.terms(log.version, ana);
        lie(&log, &mut terms);
        log.log_key(terms);
        log.say(ana, "three");
        let cleo = log.read_by_newcomer(ana, |past| past);
        says_so(&cleo);
        assert!(!cleo.texts().contains(&"three"), "{what}");
    }
}

#[test]
fn a_steward_of_the_past_signs_for_the_relay_after_the_join() {
    // What does not follow the head is a fork in any case.
    for (what, lie) in &SIGNED_LIES[..2] {
        let (mut log, ana, ben) = anas_and_bens(23);
        log.leave(ben);
        let before = log.version;
        let mut cleo = log.admit_to(|past| past);
        let mut terms = log.terms(before, ana);
        lie(&log, &mut terms);
        log.log_key(terms);
        cleo.hear_last(&log).unwrap();
        log.say(ana, "three");
        cleo.hear_last(&log).unwrap();
        log.key(ana);
        cleo.hear_last(&log).unwrap();
        says_so(&cleo);
        assert!(!cleo.texts().contains(&"three"), "{what}");
    }
}

#[test]
fn a_roster_of_which_somebody_has_left_is_not_keyed_any_more() {
    let (mut log, ana, ben) = anas_and_bens(24);
    log.rekey();
    let with_ben = log.version;
    log.leave(ben);
    let terms = log.terms(with_ben, ana);
    log.log_key(terms);
    log.say(ana, "three");
    let cleo = log.read_by_newcomer(ana, |past| past);
    says_so(&cleo);
    assert!(!cleo.texts().contains(&"three"));
}

#[test]
fn what_is_shown_in_an_epoch_after_the_key_that_ended_it_is_not_read() {
    let (mut log, ana, ben) = anas_and_bens(25);
    let with_ben = log.epochs.last().unwrap();
    let (first_id, first_key) = (with_ben.id, copy(&with_ben.key));
    log.leave(ben);
    log.key(ana);
    log.say_in(ana, &first_id, &first_key, "to ben, too");
    // And once more, when that is long over.
    let dora = log.join("dora");
    log.key(ana);
    let with_dora = log.epochs.last().unwrap();
    let (second_id, second_key) = (with_dora.id, copy(&with_dora.key));
    log.leave(dora);
    log.key(ana);
    log.say_in(ana, &second_id, &second_key, "to dora, too");
    let cleo = log.read_by_newcomer(ana, |past| past);
    assert_eq!(cleo.texts(), ["one", "two"]);
    says_so(&cleo);
}

#[test]
fn a_version_left_out_shows_even_if_everything_can_be_read() {
    let (mut log, ana, _) = anas_and_bens(26);
    let cleo = log.read_by_newcomer(ana, |mut past| {
        let first = past.iter().position(is_rekey).unwrap();
        past.remove(first);
        past
    });
    assert_eq!(cleo.texts(), ["one", "two"]);
    says_so(&cleo);

    // The newest, too.
    let (mut log, ana, _) = anas_and_bens(27);
    log.rekey();
    let cleo = log.read_by_newcomer(ana, |mut past| {
        past.pop();
        past
    });
    assert_eq!(cleo.texts(), ["one", "two"]);
    says_so(&cleo);
}

#[test]
fn an_entry_that_changes_nobody_shows_even_if_everything_can_be_read() {
    let nobody = ParticipantId([9; 16]);
    type LieOf = fn(&mut Vec<RelayFrame>, ParticipantId);
    let lies: [(&str, LieOf); 3] = [
        ("Ben takes over the seat of nobody", |past, nobody| {
            for entry in past {
                if let RelayFrame::ParticipantJoined(entry) = entry
                    && entry.version == 2
                {
                    entry.replaces = Some(nobody);
                }
            }
        }),
        ("nobody leaves", |past, nobody| {
            let place = past.iter().position(is_rekey).unwrap();
            let RelayFrame::Rekey(Rekey { seq, version }) = past[place] else {
                panic!("this is a rekey");
            };
            let (id, reason) = (nobody, Departure::Left);
            past[place] = RelayFrame::ParticipantLeft(ParticipantLeft {
                seq,
                version,
                id,
                reason,
            });
        }),
        ("Ana joins a second time", |past, _| {
            let place = past.iter().position(is_rekey).unwrap();
            let RelayFrame::Rekey(Rekey { seq, version }) = past[place] else {
                panic!("this is a rekey");
            };
            let RelayFrame::ParticipantJoined(ana) = &past[0] else {
                panic!("Ana was the first");
            };
            let again = ParticipantJoined {
                seq,
                version,
                ..ana.as_ref().clone()
            };
            past[place] = RelayFrame::ParticipantJoined(Box::new(again));
        }),
    ];
    for (what, lie) in lies {
        let (mut log, ana, _) = anas_and_bens(35);
        let cleo = log.read_by_newcomer(ana, |mut past| {
            lie(&mut past, nobody);
            past
        });
        assert_eq!(cleo.texts(), ["one", "two"], "{what}");
        says_so(&cleo);
    }
}

fn is_rekey(frame: &RelayFrame) -> bool {
    matches!(frame, RelayFrame::Rekey(_))
}

#[test]
fn a_key_after_the_join_that_does_not_fit_shows_even_if_the_way_back_leads_past_it() {
    let (mut log, ana, _) = anas_and_bens(36);
    let keyed_before = log.version;
    let mut cleo = log.admit_to(|past| past);
    let again = log.terms(keyed_before, ana);
    log.log_key(again);
    cleo.hear_last(&log).unwrap();
    let mut terms = log.terms(log.version, ana);
    terms.back = Some((log.epochs[2].id, copy(&log.epochs[2].key)));
    log.log_key(terms);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.texts(), ["one", "two"]);
    says_so(&cleo);
}

/// What Cleo says to a past that does not lead to what `joined` says.
fn joined_otherwise(seed: u64, alter: impl Fn(&mut Joined)) -> Vec<Code> {
    let (mut log, ..) = anas_and_bens(seed);
    let past = log.past();
    let (mut cleo, mut joined) = log.admit(None);
    alter(&mut joined);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    for entry in &past {
        cleo.hear(entry).unwrap();
    }
    cleo.end_of_history(true).unwrap();
    cleo.faults()
}

#[test]
fn a_past_leads_to_the_roster_and_the_head_of_the_join() {
    assert_eq!(joined_otherwise(28, |_| {}), []);
    let others: [Lie<Joined>; 4] = [
        ("the order", |joined| joined.participants.swap(0, 1)),
        ("a role", |joined| {
            joined.participants[1].role = Role::Creator;
        }),
        ("the version", |joined| joined.version += 1),
        ("the head", |joined| joined.head.0[0] ^= 1),
    ];
    for (what, alter) in others {
        assert_eq!(
            joined_otherwise(29, alter),
            [Code::HistoryUnavailable],
            "{what}"
        );
    }
}

#[test]
fn one_may_be_missing_at_the_join_and_nobody_may_be_new() {
    let whose_seat_cleo_has = |joined: &mut Joined| {
        joined.participants.remove(1);
    };
    assert_eq!(joined_otherwise(30, whose_seat_cleo_has), []);
    let others: [fn(&mut Joined); 3] = [
        |joined| {
            joined.participants.drain(..2);
        },
        |joined| joined.participants.insert(1, somebody()),
        |joined| joined.participants[1] = somebody(),
    ];
    for alter in others {
        let faults = joined_otherwise(31, alter);
        assert!(faults.contains(&Code::HistoryUnavailable));
    }
}

/// Of another room, but that shows only later.
fn somebody() -> RosterEntry {
    let mut elsewhere = Log::new(99, true);
    elsewhere.join("zoe");
    let Some(RelayFrame::ParticipantJoined(entry)) = elsewhere.entries.pop() else {
        panic!("Zoe has joined");
    };
    entry.participant
}

#[test]
fn the_number_of_the_join_is_nobody_elses() {
    let (mut log, ana, _) = anas_and_bens(31);
    let (mut cleo, joined) = log.admit(None);
    let its_own = joined.seq;
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    log.say(ana, "three");
    let Some(RelayFrame::Message(mut logged)) = log.entries.pop() else {
        panic!("Ana has spoken");
    };
    logged.seq = its_own;
    let _ = cleo.hear(&RelayFrame::Message(logged));
    assert!(cleo.sees_a_fork());
}

#[test]
fn the_past_is_over_with_its_end() {
    let (mut log, ana, _) = anas_and_bens(32);
    let late = log.past().remove(2);
    let mut cleo = log.read_by_newcomer(ana, |past| past);
    let _ = cleo.hear(&late);
    assert!(cleo.sees_a_fork());
}

#[test]
fn a_way_back_in_a_circle_ends() {
    let (mut log, ana, _) = anas_and_bens(33);
    let mut past = log.past();
    let (mut cleo, joined) = log.admit(None);
    // Ana knows the newest key before anybody is told of it, and has the epoch before lead there.
    log.key(ana);
    let [.., older, newest] = log.epochs.as_slice() else {
        panic!("there are four epochs");
    };
    for entry in &mut past {
        if let RelayFrame::SessionKey(frame) = entry
            && frame.version == older.version
        {
            frame.back = Some(Back {
                epoch: newest.id,
                wrapped: Bytes(older.key.wrap_back(&older.id, &newest.key)),
            });
        }
    }
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    for entry in &past {
        cleo.hear(entry).unwrap();
    }
    cleo.end_of_history(true).unwrap();
    cleo.hear_last(&log).unwrap();
    assert!(cleo.is_keyed());
    assert_eq!(cleo.texts(), ["two"], "as far as the way leads");
    says_so(&cleo);

    // And the newest epoch is whole.
    cleo.wait(400_000);
    log.say(ana, "three");
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.texts(), ["two", "three"]);
}

#[test]
fn a_key_on_the_way_back_is_the_one_its_frame_commits_to() {
    let (mut log, _, ben) = anas_and_bens(34);
    // Ben wraps a key of his own as that of an epoch which is Ana's, and the relay shows what he "said" in it.
    let anas_epoch = log.epochs[1].id;
    let bens_key = SessionKey::random(&mut log.rng);
    log.say_in(ben, &anas_epoch, &bens_key, "ana, in this epoch, agreed");
    let before_cleo = log.past();
    let mut cleo = log.admit_to(|_| before_cleo);
    let mut terms = log.terms(log.version, ben);
    terms.back = Some((anas_epoch, bens_key));
    log.log_key(terms);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.texts(), [""; 0]);
    says_so(&cleo);
}
