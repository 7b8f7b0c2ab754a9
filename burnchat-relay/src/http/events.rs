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
pub(super) fn body(line: Line, first: Vec<Bytes>, config: &Config) -> Body {
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
async fn carry(mut line: Line, first: Vec<Bytes>, events: mpsc::Sender<Event>, pace: Pace) {
    let life = line.life().clone();
    // Older ones are of the history: to go on from there would be to hear the log from there.
    let seen = line.seen;
    // Of a first event stream nobody expects that it goes on from anywhere.
    let mut hides_resumed = line.is_first;
    let Line { outgoings, cut, .. } = &mut line;
    let sending = async {
        let mut ping = interval(pace.ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        // An EventSource that has read this knows where to go on, whatever comes.
        let mut next = Some(Event::start(seen));
        let mut first = first.into_iter();
        loop {
            // Nothing is taken out that cannot be sent.
            let Ok(room) = events.reserve().await else {
                return;
            };
            let event = match next.take() {
                Some(event) => event,
                None => {
                    let frame = match first.next() {
                        Some(frame) => Some(frame),
                        None => tokio::select! {
                            biased;
                            next = outgoings.next() => match next {
                                Some(frame) => Some(frame.into_payload()),
                                None => return,
                            },
                            _ = ping.tick() => None,
                        },
                    };
                    match frame {
                        Some(frame) if hides_resumed && is_resumed(&frame) => {
                            hides_resumed = false;
                            continue;
                        }
                        Some(frame) => Event::of(frame, seen),
                        None => Event::comment(),
                    }
                }
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

fn is_resumed(frame: &[u8]) -> bool {
    matches!(RelayFrame::parse(frame), Ok(Some(RelayFrame::Resumed(_))))
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
