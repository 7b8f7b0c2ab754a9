//! A key frame: made for everyone, taken by the hub, applied by one of them.

use std::time::Duration;

use burnchat_core::wire::{ClientFrame, EncodedFrame};

use crate::measure::{Bench, Report, timed};
use crate::primitives::Primitives;
use crate::room::{Guest, Relay};

/// After so many a room is made anew, so that all of them find about the same.
const KEYS_OF_A_ROOM: usize = 1_000;

pub(crate) fn measure(report: &mut Report) {
    let with = Primitives::new();
    let people = if report.size(100) == 100 { 50 } else { 4 };
    let others = people - 1;

    report.run(
        Bench::new(
            format!("first rekey of {people}, the steward's side"),
            || Room::new(people).first(),
        )
        .against("its ECDH", 1.2, || timed(|| with.agree(others)).1),
    );
    let mut room = Room::keyed(people);
    report.run(
        Bench::new(
            format!("next rekey of {people}, the steward's side"),
            || room.next().made,
        )
        .at_most(Duration::from_micros(200))
        .against("its primitives", None, || with.wrap_for(others)),
    );
    let mut room = Room::keyed(people);
    report.run(
        Bench::new(format!("next rekey of {people}, at the hub"), || {
            room.next().at_the_hub
        })
        .against("a verify", None, || timed(|| with.verify()).1),
    );
    let mut room = Room::keyed(people);
    report.run(
        Bench::new(
            format!("next rekey of {people}, a recipient's side"),
            || room.next().applied,
        )
        .against("a verify", 1.2, || timed(|| with.verify()).1)
        .against("its primitives", None, || with.apply(people)),
    );

    // The most a frame can make the hub do before it is refused: everything about it is right but the signature.
    // One seat of the 256 is the creator's.
    let capacity = report.size(255);
    let mut room = Room::new(capacity);
    let forged = room.forged();
    report.run(
        Bench::new(
            format!("refuse a key frame for {capacity}, badly signed"),
            || timed(|| room.relay.hand_in(room.steward.connection, &forged)).1,
        )
        .at_most(Duration::from_millis(1))
        .against("a verify", None, || timed(|| with.verify()).1),
    );
}

struct Room {
    relay: Relay,
    link: String,
    people: usize,
    /// First in the room, and so the first to be asked.
    steward: Guest,
    recipient: Guest,
    keys: usize,
}

struct Took {
    made: Duration,
    at_the_hub: Duration,
    applied: Duration,
}

impl Room {
    /// Everyone is there, and nobody has a key.
    fn new(people: usize) -> Self {
        let mut relay = Relay::new();
        let link = relay.create();
        let mut steward = relay.let_in_listening(&link);
        let mut recipient = relay.let_in_listening(&link);
        for _ in 2..people {
            relay.let_in(&link);
        }
        relay.settle(&mut [&mut steward, &mut recipient]);
        relay.wait(250);
        Self {
            relay,
            link,
            people,
            steward,
            recipient,
            keys: 0,
        }
    }

    fn keyed(people: usize) -> Self {
        let mut room = Self::new(people);
        room.settle();
        room
    }

    /// The steward has agreed with nobody yet.
    fn first(&mut self) -> Duration {
        let wanted = self.relay.mail_of_type(&mut self.steward, "key_wanted");
        timed(|| self.relay.read(&mut self.steward, &wanted)).1
    }

    /// A key frame with another's signature.
    fn forged(&mut self) -> EncodedFrame {
        self.first();
        let offer = self.steward.sent().remove(0);
        let Ok(ClientFrame::SessionKey(mut offer)) = ClientFrame::parse(offer.as_bytes()) else {
            panic!("it is no key frame");
        };
        offer.sig.0.reverse();
        ClientFrame::SessionKey(offer).encode()
    }

    /// Somebody comes and goes, so that a new key is asked for, for the people there were before.
    fn next(&mut self) -> Took {
        self.keys += 1;
        if self.keys > KEYS_OF_A_ROOM {
            *self = Self::keyed(self.people);
        }
        // Long enough for the epoch before to have ended.
        self.relay.wait(40_000);
        let passer_by = self.relay.let_in(&self.link);
        self.relay.leaves(passer_by);
        let Self {
            relay,
            steward,
            recipient,
            ..
        } = self;
        let wanted = relay.mail_of_type(steward, "key_wanted");
        let ((), made) = timed(|| relay.read(steward, &wanted));
        let offer = steward.sent().remove(0);
        let ((), at_the_hub) = timed(|| relay.hand_in(steward.connection, &offer));
        let frame = relay.mail_of_type(recipient, "session_key");
        let ((), applied) = timed(|| relay.read(recipient, &frame));
        self.settle();
        Took {
            made,
            at_the_hub,
            applied,
        }
    }

    fn settle(&mut self) {
        let Self {
            relay,
            steward,
            recipient,
            ..
        } = self;
        relay.settle(&mut [steward, recipient]);
        assert_eq!(steward.client.epoch(), recipient.client.epoch());
        assert!(steward.client.epoch().is_some());
    }
}
