//! The hub: a message for everyone, and a tick over very many rooms.

use std::time::Duration;

use burnchat_core::relay::Output;
use burnchat_core::wire::EncodedFrame;

use crate::measure::{Bench, Report, hundred, timed};
use crate::room::{Guest, Relay};

pub(crate) fn measure(report: &mut Report) {
    let (small, large) = (report.size(50), report.size(250));
    let mut hall = Hall::new(1, small);
    report.run(
        Bench::new(
            format!("a message of 200 bytes to {small}, at the hub"),
            || hall.fan_out(),
        )
        .at_most(Duration::from_micros(5)),
    );
    let mut hall = Hall::new(4, large);
    report.run(Bench::new(
        format!("one in each of 4 rooms of {large}, at the hub"),
        || hall.fan_out(),
    ));

    let many = report.size(100_000);
    let mut relay = Relay::new();
    for _ in 0..many {
        relay.create();
    }
    report.run(Bench::new(
        format!("a tick over {many} rooms, idle, 100 times"),
        || {
            let Relay { hub, now, .. } = &mut relay;
            // A millisecond later each time would bring the rooms to their end.
            hundred(|| hub.handle_timeout(*now))
        },
    ));
    report.run(Bench::new(
        format!("the next deadline of {many} rooms, 100 times"),
        || hundred(|| relay.hub.poll_timeout()),
    ));

    // From now on a room is made and a room burns in every step of time.
    let living = report.size(10_000);
    let life = Duration::from_secs(30);
    let pause = life / u32::try_from(living).unwrap();
    for _ in 0..living {
        relay.create_for(life.as_secs());
        relay.now = relay.now + pause;
    }
    report.run(Bench::new(
        format!("a tick over {many} rooms, one burns"),
        || {
            let rooms = relay.hub.stats().rooms;
            let ((), took) = timed(|| relay.hub.handle_timeout(relay.now));
            assert_eq!(relay.hub.stats().rooms, rooms - 1);
            relay.create_for(life.as_secs());
            relay.now = relay.now + pause;
            took
        },
    ));
}

/// Rooms that are keyed, each with one who speaks.
struct Hall {
    relay: Relay,
    speakers: Vec<Guest>,
    people: usize,
}

impl Hall {
    fn new(rooms: usize, people: usize) -> Self {
        let mut relay = Relay::new();
        let speakers = (0..rooms).map(|_| {
            let link = relay.create();
            let mut speaker = relay.let_in_listening(&link);
            for _ in 1..people {
                relay.let_in(&link);
            }
            relay.wait(250);
            relay.settle(&mut [&mut speaker]);
            speaker
        });
        Self {
            speakers: speakers.collect(),
            relay,
            people,
        }
    }

    /// Everyone says something; what is measured is the hub's part.
    fn fan_out(&mut self) -> Duration {
        let Self {
            relay,
            speakers,
            people,
        } = self;
        relay.wait(10);
        let frames: Vec<EncodedFrame> = speakers
            .iter_mut()
            .map(|speaker| {
                relay.settle(&mut [speaker]);
                let text = "x".repeat(200);
                let client = &mut speaker.client;
                client
                    .send_text(relay.now, &text, 0, &mut relay.rng)
                    .unwrap();
                speaker.sent().remove(0)
            })
            .collect();
        let mut outputs = Vec::with_capacity(2 * speakers.len());
        let ((), took) = timed(|| {
            for (speaker, frame) in speakers.iter().zip(&frames) {
                let Relay { hub, now, rng, .. } = relay;
                hub.handle_frame(*now, speaker.connection, frame.as_bytes(), rng);
                while let Some(output) = hub.poll_output() {
                    outputs.push(output);
                }
            }
        });
        let is_for_everyone =
            |output: &&Output| matches!(output, Output::Send { to, .. } if to.len() == *people);
        assert!(outputs.iter().filter(is_for_everyone).count() >= speakers.len());
        for output in outputs {
            relay.post(output);
        }
        took
    }
}
