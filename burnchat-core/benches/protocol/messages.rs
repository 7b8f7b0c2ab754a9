//! A text on its way out and in.

use burnchat_core::client::{Event, Output};

use crate::measure::{Bench, Report, timed};
use crate::primitives::Primitives;
use crate::room::{Guest, Relay};

/// Aim: a message costs at most this many times its primitives.
const RATIO: f64 = 1.15;

pub(crate) fn measure(report: &mut Report) {
    let with = Primitives::new();
    for len in [200, 2_000] {
        let text = "x".repeat(len);

        let mut pair = Pair::new();
        report.run(
            Bench::new(format!("encrypt {len} bytes"), || {
                let ((), took) = timed(|| pair.write(&text));
                pair.deliver();
                took
            })
            .against("its primitives", RATIO, || with.encrypt(len)),
        );

        let mut pair = Pair::new();
        report.run(
            Bench::new(format!("decrypt {len} bytes"), || {
                pair.write(&text);
                pair.arrive();
                let ((), took) = timed(|| pair.open());
                pair.deliver();
                took
            })
            .against("its primitives", RATIO, || with.decrypt(len)),
        );
    }
}

/// Ana writes, Ben reads.
struct Pair {
    relay: Relay,
    ana: Guest,
    ben: Guest,
    written: Option<burnchat_core::wire::EncodedFrame>,
    arrived: Option<burnchat_core::wire::EncodedFrame>,
}

impl Pair {
    fn new() -> Self {
        let mut relay = Relay::new();
        let link = relay.create();
        let mut ana = relay.let_in_listening(&link);
        let mut ben = relay.let_in_listening(&link);
        relay.wait(250);
        relay.settle(&mut [&mut ana, &mut ben]);
        Self {
            relay,
            ana,
            ben,
            written: None,
            arrived: None,
        }
    }

    fn write(&mut self, text: &str) {
        let Relay { now, rng, .. } = &mut self.relay;
        self.ana.client.send_text(*now, text, 0, rng).unwrap();
        while let Some(output) = self.ana.client.poll_output() {
            if let Output::Send(frame) = output {
                self.written = Some(frame);
            }
        }
    }

    /// Through the relay, and into Ben's hands.
    fn arrive(&mut self) {
        let written = self.written.take().unwrap();
        self.relay.hand_in(self.ana.connection, &written);
        self.arrived = Some(self.relay.mail_of_type(&mut self.ben, "message"));
    }

    fn open(&mut self) {
        let arrived = self.arrived.take().unwrap();
        self.relay.read(&mut self.ben, &arrived);
        let shown = self.ben.client.poll_output();
        assert!(matches!(shown, Some(Output::Event(Event::Message(_)))));
    }

    /// Everything else that is on its way.
    fn deliver(&mut self) {
        if let Some(written) = self.written.take() {
            self.relay.hand_in(self.ana.connection, &written);
        }
        self.relay.wait(10);
        self.relay.settle(&mut [&mut self.ana, &mut self.ben]);
    }
}
