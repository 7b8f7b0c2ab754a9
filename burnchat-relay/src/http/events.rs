//! What a room has to say, as server-sent events (spec section 13.5).

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use burnchat_core::wire::RelayFrame;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::Config;
use crate::outbox::Cut;
use crate::sessions::Line;

/// Events that are on their way from the queue to the socket. What waits beyond is counted by the queue.
const ON_THE_WAY: usize = 2;

/// How an event stream goes.
struct Pace {
    ping_every: Duration,
    life_within: Duration,
    close_within: Duration,
}

/// One event, in parts: a frame's bytes are not copied.
struct Event {
    head: Bytes,
    frame: Bytes,
}

/// The body of an answer that says what `line` has to say, after `first`.
pub(super) fn body(line: Line, first: Option<Bytes>, config: &Config) -> Body {
    let (events, coming) = mpsc::channel(ON_THE_WAY);
    let pace = Pace {
        ping_every: config.ping_every,
        life_within: config.ping_every.saturating_add(config.pong_within),
        close_within: config.close_within,
    };
    tokio::spawn(carry(line, first, events, pace));
    let coming = stream::unfold(coming, async |mut coming| {
        coming.recv().await.map(|event| (event, coming))
    });
    Body::from_stream(coming.flat_map(|event: Event| {
        let end = Bytes::from_static(b"\n\n");
        stream::iter([event.head, event.frame, end].map(Ok::<_, Infallible>))
    }))
}

/// Carries events until the stream ends, and with it the connection.
async fn carry(mut line: Line, first: Option<Bytes>, events: mpsc::Sender<Event>, pace: Pace) {
    let life = line.life().clone();
    // Older ones are of the history: to go on from there would be to hear the log from there.
    let seen = line.seen;
    let Line { outgoings, cut, .. } = &mut line;
    let sending = async {
        let mut ping = interval(pace.ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        // An EventSource that has read this knows where to go on, whatever comes.
        let mut next = Some(Event::start(seen));
        let mut first = first;
        loop {
            // Nothing is taken out that cannot be sent.
            let Ok(room) = events.reserve().await else {
                return;
            };
            let event = match next.take() {
                Some(event) => event,
                None => match first.take() {
                    Some(frame) => Event::of(frame, seen),
                    None => tokio::select! {
                        biased;
                        next = outgoings.next() => match next {
                            Some(frame) => Event::of(frame.into_payload(), seen),
                            None => return,
                        },
                        _ = ping.tick() => Event::comment(),
                    },
                },
            };
            room.send(event);
        }
    };
    let cut = tokio::select! {
        biased;
        cut = cut.cut() => cut,
        () = events.closed() => return,
        () = sending => return,
        () = life.stopped(pace.life_within) => return,
    };
    if cut == Cut::Burned
        && let Some(destroyed) = outgoings.farewell()
    {
        let event = Event::of(destroyed.into_payload(), seen);
        let _ = timeout(pace.close_within, events.send(event)).await;
    }
}

impl Event {
    fn of(frame: Bytes, seen: u64) -> Self {
        let number = RelayFrame::seq_of_text(&frame).filter(|seq| *seq > seen);
        let head = number.map_or_else(
            || Bytes::from_static(b"data: "),
            |seq| format!("id: {seq}\ndata: ").into(),
        );
        Self { head, frame }
    }

    /// Sets the number to go on from, and dispatches nothing.
    fn start(seen: u64) -> Self {
        Self {
            head: format!("retry: 1000\nid: {seen}").into(),
            frame: Bytes::new(),
        }
    }

    /// Shows proxies that the connection is in use, and finds out whether it is.
    fn comment() -> Self {
        Self {
            head: Bytes::from_static(b":"),
            frame: Bytes::new(),
        }
    }
}
