//! The numbers for those who watch over the relay, at an address of their own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use burnchat_relay::{Lateness, Metrics, Relay};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// What the monitoring is told of the program.
#[derive(Clone)]
pub(crate) struct Watched {
    relay: Relay,
    ending: Arc<AtomicBool>,
}

impl Watched {
    pub(crate) fn new(relay: Relay) -> Self {
        Self {
            relay,
            ending: Arc::default(),
        }
    }

    /// From now on nobody is to be sent here.
    pub(crate) fn ends(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

/// `/metrics`, `/healthz` and `/readyz`.
pub(crate) fn router(watched: Watched) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(watched)
}

async fn metrics(State(watched): State<Watched>) -> impl IntoResponse {
    let mut registry = Registry::with_prefix("burnchat");
    registry.register_collector(Box::new(Scrape(watched.relay.metrics().await)));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(State(watched): State<Watched>) -> (StatusCode, &'static str) {
    if watched.ending.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
    } else if !watched.relay.is_ready() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "without the other relays\n",
        )
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// The numbers of one moment.
#[derive(Debug)]
struct Scrape(Metrics);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let of = &self.0;
        let mut page = Page(encoder);
        page.gauge("rooms", "Rooms alive", of.rooms)?;
        page.gauge("connections", "Connections open", of.connections)?;
        page.gauge(
            "participants",
            "Participants on all rosters, those away included",
            of.participants,
        )?;
        page.counter("rooms_created", "Rooms made", of.rooms_created)?;
        page.gauge(
            "members",
            "Workers that share their rooms with other relays",
            of.members,
        )?;
        page.counter(
            "rooms_taken_over",
            "Rooms taken over from other relays",
            of.rooms_taken_over,
        )?;
        let help = "Bytes of memory that rooms and what is kept in them take";
        page.gauge("kept_bytes", help, of.kept_bytes)?;
        let burns = [
            ("timed", of.burns.timed),
            ("asked", of.burns.asked),
            ("shutdown", of.burns.shutdown),
        ];
        page.counters("burns", "Rooms burned", "cause", &burns)?;
        let help = "How long after its time was up a room had burned";
        page.histogram("burn_lateness_seconds", help, &of.burn_lateness)?;
        page.counter(
            "connections_opened",
            "Connections made",
            of.connections_opened,
        )?;
        let drops = [
            ("too_slow", of.drops.too_slow),
            ("silent", of.drops.silent),
            ("refused", of.drops.refused),
            ("overloaded", of.drops.overloaded),
            ("idle", of.drops.idle),
        ];
        page.counters("drops", "Connections the relay ended", "reason", &drops)?;
        page.counter("frames_received", "Frames from clients", of.frames_received)?;
        page.counter(
            "received_bytes",
            "Bytes of frames from clients",
            of.bytes_received,
        )?;
        page.counter(
            "frames_sent",
            "Frames to clients, one for each that it goes to",
            of.frames_sent,
        )?;
        page.counter("sent_bytes", "Bytes of frames to clients", of.bytes_sent)?;
        page.gauge(
            "inbound_waiting",
            "Requests and frames that wait for a worker",
            of.inbound_waiting,
        )?;
        page.gauge(
            "outbound_waiting",
            "Frames that wait for their reader",
            of.outbound_frames_waiting,
        )?;
        page.gauge(
            "outbound_waiting_bytes",
            "Bytes of frames that wait for their reader",
            of.outbound_bytes_waiting,
        )
    }
}

/// What is written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        let encoder = self
            .0
            .encode_descriptor(name, help, None, gauge.metric_type())?;
        gauge.encode(encoder)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        let encoder = self
            .0
            .encode_descriptor(name, help, None, counter.metric_type())?;
        counter.encode(encoder)
    }

    /// One for each value of a label.
    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> fmt::Result {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (value, count) in values {
            ConstCounter::new(*count).encode(family.encode_family(&[(label, *value)])?)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, of: &Lateness) -> fmt::Result {
        let bound =
            |bound: Option<Duration>| bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64());
        let buckets: Vec<_> = of
            .classes
            .iter()
            .map(|(most, count)| (bound(*most), *count))
            .collect();
        let count = of.classes.iter().map(|(_, count)| count).sum();
        let mut encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(of.sum.as_secs_f64(), count, &buckets, None)
    }
}
