//! Keys that are asked for, made and logged in an order that seldom comes (spec sections 7.1 to 7.4).

use burnchat_core::client::Event;
use burnchat_core::error::Code;
use burnchat_core::ids::EpochId;
use burnchat_core::wire::{ErrorFrame, KeyOffer, KeyWanted, RelayFrame};

use super::log::{Listener, Log, Terms};

/// Cleo has joined Ana in a room without history, and neither has a key.
fn anas_and_cleos(seed: u64) -> (Log, usize, Listener) {
    let mut log = Log::new(seed, false);
    let ana = log.join("ana");
    let (mut cleo, joined) = log.admit(None);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    (log, ana, cleo)
}

/// Cleo has made two keys, for two versions, after the same head.
fn two_keys_under_way(seed: u64) -> (Log, usize, Listener, [KeyOffer; 2]) {
    let (mut log, ana, mut cleo) = anas_and_cleos(seed);
    let first = cleo.make_key(log.version, log.head);
    log.join("ben");
    cleo.hear_last(&log).unwrap();
    let second = cleo.make_key(log.version, log.head);
    assert_ne!(first.version, second.version);
    (log, ana, cleo, [first, second])
}

#[test]
fn whichever_of_two_keys_under_way_is_logged_it_is_that_one() {
    for which in [0, 1] {
        let (mut log, ana, mut cleo, offers) = two_keys_under_way(50);
        let offer = &offers[which];
        log.log_offer(offer, cleo.place);
        cleo.hear_last(&log).unwrap();
        assert!(cleo.is_keyed());
        // Ana holds what the frame wraps for her, and Cleo what it commits to.
        let key = log.opened(offer, cleo.place, ana);
        let id = log.head;
        log.say_in(ana, &id, &key, "hello");
        cleo.hear_last(&log).unwrap();
        assert_eq!(cleo.texts(), ["hello"]);
    }
}

#[test]
fn asked_again_a_steward_answers_with_the_same_frame_and_after_another_head_with_a_new_one() {
    let (mut log, _, mut cleo, [first, second]) = two_keys_under_way(51);
    assert_eq!(cleo.make_key(log.version, log.head).commit, second.commit);
    log.log_offer(&first, cleo.place);
    cleo.hear_last(&log).unwrap();
    let third = cleo.make_key(log.version, log.head);
    assert_eq!((third.version, third.prev), (second.version, log.head));
    assert_ne!(third.commit, second.commit);
}

#[test]
fn what_came_too_fast_is_sent_again_if_it_is_for_the_newest_version() {
    let (_, _, mut cleo, [_, second]) = two_keys_under_way(52);
    cleo.hear(&RelayFrame::Error(ErrorFrame {
        retry_after_ms: Some(500),
        ..ErrorFrame::new(Code::RateLimited)
    }))
    .unwrap();
    cleo.wait(500);
    let again: Vec<_> = cleo.offers().iter().map(|offer| offer.commit).collect();
    assert_eq!(again, [second.commit]);
}

#[test]
fn a_relay_that_asks_for_a_key_stands_where_the_log_does() {
    let asked = |version: fn(&Log) -> u64, head: fn(&Log) -> EpochId| {
        let (mut log, ana, mut cleo) = anas_and_cleos(53);
        log.key(ana);
        cleo.hear_last(&log).unwrap();
        log.rekey();
        cleo.hear_last(&log).unwrap();
        let wanted = KeyWanted {
            version: version(&log),
            head: head(&log),
        };
        let _ = cleo.hear(&RelayFrame::KeyWanted(wanted));
        (cleo.sees_a_fork(), cleo.offers().len())
    };
    assert_eq!(asked(|log| log.version, |log| log.head), (false, 1));
    assert_eq!(asked(|log| log.version + 1, |log| log.head), (true, 0));
    assert_eq!(asked(|log| log.version - 1, |log| log.head), (true, 0));
    assert_eq!(asked(|log| log.version, |_| EpochId::NONE), (true, 0));
}

#[test]
fn a_relay_does_not_ask_for_a_version_that_has_a_key() {
    let (mut log, ana, mut cleo) = anas_and_cleos(54);
    log.key(ana);
    cleo.hear_last(&log).unwrap();
    let (version, head) = (log.version, log.head);
    let _ = cleo.hear(&RelayFrame::KeyWanted(KeyWanted { version, head }));
    assert!(cleo.sees_a_fork());
}

/// Whether a key frame for a version before Cleo's own is a fork, if `told` has come before.
fn is_a_fork(alter: impl FnOnce(&mut Log, &mut Listener, usize) -> Terms) -> bool {
    let mut log = Log::new(55, false);
    let ana = log.join("ana");
    log.join("ben");
    let (mut cleo, joined) = log.admit(None);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    let terms = alter(&mut log, &mut cleo, ana);
    log.log_key(terms);
    let _ = cleo.hear_last(&log);
    cleo.sees_a_fork()
}

#[test]
fn a_key_frame_follows_the_head_and_the_last_keyed_version() {
    let before = |log: &mut Log, ana: usize| log.terms(log.version - 1, ana);
    assert!(!is_a_fork(|log, _, ana| before(log, ana)));
    assert!(is_a_fork(|log, _, ana| {
        let mut terms = before(log, ana);
        terms.prev = EpochId([3; 32]);
        terms
    }));
    assert!(
        is_a_fork(|log, cleo, ana| {
            let first = before(log, ana);
            log.log_key(first);
            cleo.hear_last(log).unwrap();
            before(log, ana)
        }),
        "the same version again"
    );
    assert!(
        is_a_fork(|log, cleo, ana| {
            let first = before(log, ana);
            log.log_key(first);
            cleo.hear_last(log).unwrap();
            log.terms(1, ana)
        }),
        "an older one"
    );
}

#[test]
fn who_has_nobody_to_share_a_key_with_does_not_report_that_there_is_none() {
    let mut log = Log::new(56, false);
    let (mut cleo, joined) = log.admit(None);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    cleo.wait(20_000);
    let stalled = |cleo: &Listener| cleo.has(|event| matches!(event, Event::RekeyStalled));
    assert!(!stalled(&cleo));
    log.join("ana");
    cleo.hear_last(&log).unwrap();
    cleo.wait(9_999);
    assert!(!stalled(&cleo));
    cleo.wait(1);
    assert!(stalled(&cleo));
}
