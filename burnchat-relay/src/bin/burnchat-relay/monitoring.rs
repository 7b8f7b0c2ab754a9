//! The numbers for those who watch over the relay, at an address of their own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use burnchat_relay::{Relay, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
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
    registry.register_collector(Box::new(Scrape(watched.relay.stats().await)));
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
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// The numbers of one moment.
#[derive(Debug)]
struct Scrape(Stats);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let of = &self.0;
        let mut page = Page(encoder);
        page.gauge("rooms", "Rooms alive", of.rooms)?;
        page.gauge("connections", "Connections open", of.connections)?;
        let help = "Participants on all rosters, those away included";
        page.gauge("participants", help, of.participants)
    }
}

/// What is written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: usize) -> fmt::Result {
        let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        let encoder = self
            .0
            .encode_descriptor(name, help, None, gauge.metric_type())?;
        gauge.encode(encoder)
    }
}
