//! People listed who do not know the link's secret (spec section 5.6).

use burnchat_core::client::{EndReason, Status};
use burnchat_core::error::Code;
use burnchat_core::wire::RelayFrame;

use super::log::{Listener, Log};

fn alone(seed: u64) -> (Log, Listener) {
    let mut log = Log::new(seed, false);
    let (mut cleo, joined) = log.admit(None);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    (log, cleo)
}

fn has_a_bad_link(cleo: &Listener) -> bool {
    matches!(cleo.client.status(), Status::Ended(EndReason::Failed(error)) if error.code() == Code::BadLink)
}

#[test]
fn one_stranger_may_have_the_wrong_link_two_mean_that_it_is_ours() {
    let (mut log, mut cleo) = alone(60);
    let mal = log.join_unverified();
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.client.status(), Status::Joined);
    log.leave(mal);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.client.status(), Status::Joined, "alone again");
    log.join_unverified();
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.client.status(), Status::Joined);
    log.join_unverified();
    let _ = cleo.hear_last(&log);
    assert!(has_a_bad_link(&cleo));
}

#[test]
fn strangers_do_not_end_it_for_one_who_has_met_somebody() {
    let (mut log, mut cleo) = alone(61);
    let ana = log.join("ana");
    cleo.hear_last(&log).unwrap();
    log.leave(ana);
    cleo.hear_last(&log).unwrap();
    for _ in 0..3 {
        log.join_unverified();
        cleo.hear_last(&log).unwrap();
    }
    assert_eq!(cleo.client.status(), Status::Joined);
}
