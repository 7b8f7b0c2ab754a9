//! Histories as they may honestly be, each read by a newcomer (spec section 9).

use burnchat_core::client::Event;
use burnchat_core::error::Code;
use burnchat_core::wire::{ClientFrame, RelayFrame};

use super::log::{Log, copy};

/// Ana's room, keyed, in which she has said "one".
fn anas(seed: u64) -> (Log, usize) {
    let mut log = Log::new(seed, true);
    let ana = log.join("ana");
    log.key(ana);
    log.say(ana, "one");
    (log, ana)
}

#[test]
fn a_history_is_read_over_rekeys_versions_without_a_key_and_epochs_that_overlap() {
    let (mut log, ana) = anas(1);
    let ben = log.join("ben");
    log.key(ana);
    log.say(ben, "two");
    // Nobody answers the first order for a new key.
    log.rekey();
    log.rekey();
    log.key(ben);
    log.say(ana, "three");
    let dora = log.join("dora");
    log.key(ana);
    // Ben had not seen that when he wrote.
    let before_dora = &log.epochs[2];
    let (id, key) = (before_dora.id, copy(&before_dora.key));
    log.say_in(ben, &id, &key, "four");
    log.say(dora, "five");
    log.leave(dora);
    log.key(ben);
    log.say(ana, "six");
    let cleo = log.read_by_newcomer(ben, |past| past);
    assert_eq!(cleo.texts(), ["one", "two", "three", "four", "five", "six"]);
    assert_eq!(cleo.history_read(), [true]);
    assert_eq!(cleo.faults(), []);
    assert!(!cleo.has(|event| matches!(event, Event::Missed { .. })));
}

#[test]
fn a_key_for_a_version_before_the_join_may_come_after_it() {
    let (mut log, ana) = anas(2);
    let ben = log.join("ben");
    let (with_ben, dora) = (log.version, log.join("dora"));
    let with_dora = log.version;
    let mut cleo = log.admit_to(|past| past);
    for (version, text) in [(with_ben, "two"), (with_dora, "three")] {
        let terms = log.terms(version, ben);
        log.log_key(terms);
        cleo.hear_last(&log).unwrap();
        log.say(if version == with_ben { ana } else { dora }, text);
        cleo.hear_last(&log).unwrap();
    }
    assert_eq!(cleo.texts(), [""; 0], "no key yet");
    log.key(ana);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.texts(), ["one", "two", "three"]);
    assert_eq!((cleo.history_read(), cleo.faults()), (vec![true], vec![]));
}

#[test]
fn a_steward_that_cannot_be_verified_breaks_no_history() {
    let (mut log, ana) = anas(3);
    let mal = log.join_unverified();
    log.key(mal);
    // Nobody could use that key, and they order another; the way back leads past it.
    log.rekey();
    let mut terms = log.terms(log.version, ana);
    terms.back = Some((log.epochs[0].id, copy(&log.epochs[0].key)));
    log.log_key(terms);
    log.say(ana, "two");
    let cleo = log.read_by_newcomer(ana, |past| past);
    assert_eq!(cleo.texts(), ["one", "two"]);
    assert_eq!(cleo.history_read(), [true]);
}

#[test]
fn who_takes_a_seat_over_reads_what_was_said_from_it() {
    let (mut log, ana) = anas(4);
    let ben = log.join("ben");
    log.key(ana);
    log.say(ben, "two");
    let past = log.past();
    let (mut ben_again, joined) = log.admit(Some(ben));
    ben_again
        .hear(&RelayFrame::Joined(Box::new(joined)))
        .unwrap();
    for entry in &past {
        ben_again.hear(entry).unwrap();
    }
    ben_again.end_of_history(true).unwrap();
    log.key(ana);
    ben_again.hear_last(&log).unwrap();
    assert_eq!(ben_again.texts(), ["one", "two"]);
    assert_eq!(ben_again.history_read(), [true]);
}

#[test]
fn who_is_alone_where_something_was_said_reads_it_with_a_key_of_its_own() {
    let (mut log, ana) = anas(5);
    let past = log.past();
    let (mut ana_again, joined) = log.admit(Some(ana));
    ana_again
        .hear(&RelayFrame::Joined(Box::new(joined)))
        .unwrap();
    for entry in &past {
        ana_again.hear(entry).unwrap();
    }
    ana_again.end_of_history(true).unwrap();
    assert_eq!(ana_again.history_read(), [false; 0], "no key yet");
    let offer = ana_again.make_key(log.version, log.head);
    assert_eq!(offer.back, None, "there is nobody who could have given it");
    log.log_offer(&offer, ana_again.place);
    ana_again.hear_last(&log).unwrap();
    assert!(ana_again.is_keyed());
    assert_eq!(ana_again.texts(), [""; 0]);
    assert_eq!(ana_again.history_read(), [false]);
    assert!(ana_again.faults().contains(&Code::HistoryUnavailable));
}

#[test]
fn a_past_of_which_the_relay_has_nothing_left_is_said_to_be_missing() {
    let (mut log, ana) = anas(6);
    let (mut ana_again, joined) = log.admit(Some(ana));
    ana_again
        .hear(&RelayFrame::Joined(Box::new(joined)))
        .unwrap();
    // It says that this is all, and its own head says otherwise.
    ana_again.end_of_history(true).unwrap();
    assert!(ana_again.faults().contains(&Code::HistoryUnavailable));
    let offer = ana_again.make_key(log.version, log.head);
    log.log_offer(&offer, ana_again.place);
    ana_again.hear_last(&log).unwrap();
    assert_eq!(ana_again.history_read(), [false]);
}

#[test]
fn in_a_room_without_a_past_there_is_nothing_to_wait_for() {
    let mut log = Log::new(7, true);
    let cleo = log.admit_to(|past| past);
    assert_eq!(cleo.history_read(), [true]);
}

#[test]
fn who_joins_while_the_history_comes_is_there_for_good() {
    let (mut log, ana) = anas(8);
    let past = log.past();
    let (mut cleo, joined) = log.admit(None);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    let (before, after) = past.split_at(2);
    for entry in before {
        cleo.hear(entry).unwrap();
    }
    let ben = log.join("ben");
    cleo.hear_last(&log).unwrap();
    for entry in after {
        cleo.hear(entry).unwrap();
    }
    cleo.end_of_history(true).unwrap();
    log.key(ana);
    log.say(ben, "two");
    cleo.hear_from(&log, log.entries.len() - 2);
    assert_eq!(cleo.client.participants().len(), 3);
    assert_eq!(cleo.texts(), ["one", "two"]);
    assert_eq!(cleo.history_read(), [true]);
}

#[test]
fn what_waits_for_the_first_key_is_read_up_to_its_authors_departure() {
    let (mut log, ana) = anas(9);
    let ben = log.join("ben");
    log.key(ana);
    let mut cleo = log.admit_to(|past| past);
    let from = log.entries.len();
    log.say(ben, "two");
    log.say(ana, "three");
    log.leave(ben);
    // The relay lets him go on.
    log.say(ben, "from beyond");
    log.key(ana);
    log.say(ana, "four");
    cleo.hear_from(&log, from);
    assert_eq!(cleo.texts(), ["one", "two", "three", "four"]);
    assert_eq!(cleo.history_read(), [false]);
}

#[test]
fn of_one_whose_seat_was_taken_over_nothing_more_is_read() {
    let (mut log, ana) = anas(10);
    let ben = log.join("ben");
    log.key(ana);
    log.say(ben, "two");
    let past = log.past();
    let (mut ben_again, joined) = log.admit(Some(ben));
    ben_again
        .hear(&RelayFrame::Joined(Box::new(joined)))
        .unwrap();
    for entry in &past {
        ben_again.hear(entry).unwrap();
    }
    ben_again.end_of_history(true).unwrap();
    let from = log.entries.len();
    log.say(ben, "who is this?");
    log.key(ana);
    ben_again.hear_from(&log, from);
    assert_eq!(ben_again.texts(), ["one", "two"]);
    assert_eq!(ben_again.history_read(), [false]);
}

#[test]
fn a_connection_that_breaks_after_the_history_was_read_breaks_nothing_else() {
    let (mut log, ana) = anas(11);
    let mut cleo = log.read_by_newcomer(ana, |past| past);
    cleo.send("hello");
    assert_eq!(cleo.resume(&log), Ok(()));
    assert_eq!(cleo.history_read(), [true], "once");
    let again = |frame: &ClientFrame| matches!(frame, ClientFrame::Message(_));
    assert!(
        cleo.sent.iter().any(again),
        "what is under way goes out again"
    );
}
