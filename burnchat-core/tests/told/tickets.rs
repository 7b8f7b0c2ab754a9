//! The room's newest ticket, which its maker says in the room and others say again (spec section 11.5).

use burnchat_core::client::Status;
use burnchat_core::error::Code;
use burnchat_core::ids::TicketHash;
use burnchat_core::limits::{TICKET_PATIENCE_MILLIS, TICKET_STAGGER_MILLIS};
use burnchat_core::wire::{ClientFrame, Envelope, ErrorFrame, RelayFrame};

use super::log::{Listener, Log};

/// Cleo has made a room, Ana has come and keyed it, and Cleo has made a new ticket, which is logged. What she says of it.
fn renewed(seed: u64) -> (Log, Listener, usize, TicketHash, Envelope) {
    let mut log = Log::new(seed, false);
    let (mut cleo, joined) = log.admit(None);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    let ana = log.join("ana");
    cleo.hear_last(&log).unwrap();
    log.key(ana);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.client.status(), Status::Joined);

    let (now, rng) = (cleo.now, &mut cleo.rng);
    cleo.client.renew(now, rng).unwrap();
    cleo.drain();
    let Some(ClientFrame::Renew(command)) = cleo.sent.pop() else {
        panic!("a command goes out");
    };
    log.renew(command.ticket_hash);
    cleo.hear_last(&log).unwrap();
    let [said] = cleo.envelopes().try_into().unwrap();
    (log, cleo, ana, command.ticket_hash, said)
}

fn refused(said: &Envelope) -> RelayFrame {
    RelayFrame::Error(ErrorFrame {
        epoch: Some(said.epoch),
        n: Some(said.n),
        ..ErrorFrame::new(Code::StaleEpoch)
    })
}

#[test]
fn a_ticket_that_the_relay_did_not_take_is_said_again_in_the_next_epoch() {
    let (mut log, mut cleo, ana, _, said) = renewed(70);
    cleo.hear(&refused(&said)).unwrap();
    log.rekey();
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.envelopes(), []);
    log.key(ana);
    cleo.hear_last(&log).unwrap();
    let [again] = cleo.envelopes().try_into().unwrap();
    assert_eq!((again.epoch, again.n), (log.head, 0));
}

#[test]
fn a_ticket_under_way_is_not_said_twice() {
    let (mut log, mut cleo, ana, newest, said) = renewed(71);
    log.ask_for_ticket(ana, newest);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.envelopes(), []);
    // Once it is there and somebody still asks, it is.
    log.log_envelope(cleo.place, said);
    cleo.hear_last(&log).unwrap();
    log.ask_for_ticket(ana, newest);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.envelopes().len(), 1);
}

#[test]
fn a_ticket_that_has_been_replaced_is_not_said_again() {
    let (mut log, mut cleo, ana, _, said) = renewed(72);
    log.renew(TicketHash([9; 32]));
    cleo.hear_last(&log).unwrap();
    cleo.hear(&refused(&said)).unwrap();
    log.rekey();
    cleo.hear_last(&log).unwrap();
    log.key(ana);
    cleo.hear_last(&log).unwrap();
    assert_eq!(cleo.envelopes(), []);
}

#[test]
fn members_answer_who_lacks_the_ticket_in_the_order_of_the_roster() {
    let mut log = Log::new(73, false);
    let ana = log.join("ana");
    log.join("ben");
    let (mut cleo, joined) = log.admit(None);
    cleo.hear(&RelayFrame::Joined(Box::new(joined))).unwrap();
    log.key(ana);
    log.ask_for_ticket(ana, log.first_ticket());
    cleo.hear_from(&log, log.entries.len() - 2);
    // Before her, Ana and Ben have had their chance.
    let her_turn = TICKET_PATIENCE_MILLIS + 2 * TICKET_STAGGER_MILLIS;
    cleo.wait(her_turn - 1);
    assert_eq!(cleo.envelopes(), []);
    cleo.wait(1);
    assert_eq!(cleo.envelopes().len(), 1);
}
