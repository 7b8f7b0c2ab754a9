//! What those see who watch over the relay.

#![cfg(unix)]
use std::net::SocketAddr;

use burnchat_core::client::RoomSettings;
use burnchat_core::wire::BurnReason;
use rustix::process::Signal;

use crate::harness::http::{get, series};
use crate::harness::in_time;
use crate::harness::life::Life;
use crate::harness::program::Program;

async fn start() -> (Program, SocketAddr) {
    let options = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let program = Program::start(&options).await;
    let metrics = program.metrics.expect("it says where");
    (program, metrics)
}

#[tokio::test]
async fn the_numbers_follow_a_rooms_life() {
    let (program, metrics) = start().await;
    assert_eq!(series(metrics, "burnchat_rooms").await, 0.0);
    let life = Life::live(program.address, RoomSettings::default()).await;
    assert_eq!(series(metrics, "burnchat_rooms").await, 1.0);
    assert_eq!(series(metrics, "burnchat_participants").await, 2.0);
    assert_eq!(series(metrics, "burnchat_rooms_created_total").await, 1.0);
    assert!(series(metrics, "burnchat_connections_opened_total").await >= 3.0);
    assert!(series(metrics, "burnchat_kept_bytes").await > 0.0);
    let received = series(metrics, "burnchat_frames_received_total").await;
    let sent = series(metrics, "burnchat_frames_sent_total").await;
    assert!(received >= 6.0 && sent > received, "{received} {sent}");
    assert!(series(metrics, "burnchat_received_bytes_total").await > received);
    assert!(series(metrics, "burnchat_sent_bytes_total").await > sent);

    life.burn().await;
    in_time(async { while series(metrics, "burnchat_connections").await > 0.0 {} }).await;
    for (name, count) in [
        ("burnchat_rooms", 0.0),
        ("burnchat_participants", 0.0),
        ("burnchat_kept_bytes", 0.0),
        ("burnchat_outbound_waiting", 0.0),
        (r#"burnchat_burns_total{cause="asked"}"#, 1.0),
        (r#"burnchat_burns_total{cause="timed"}"#, 0.0),
        ("burnchat_burn_lateness_seconds_count", 0.0),
    ] {
        assert_eq!(series(metrics, name).await, count, "{name}");
    }
}

#[tokio::test]
async fn the_numbers_tell_of_no_room_and_no_person() {
    let (program, metrics) = start().await;
    let life = Life::live(program.address, RoomSettings::default()).await;
    let page = get(metrics, "/metrics", &[]).await.body;
    for marker in life.markers().texts() {
        assert!(!page.contains(marker), "{marker}: {page}");
    }
    assert!(!page.contains("127.0.0.1"), "{page}");
}

#[tokio::test]
async fn they_are_not_to_be_had_where_rooms_are() {
    let (program, metrics) = start().await;
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(get(metrics, path, &[]).await.status, 200);
        assert_eq!(get(program.address, path, &[]).await.status, 404);
    }
    assert_eq!(get(metrics, "/api/rooms", &[]).await.status, 404);
}

#[tokio::test]
async fn a_relay_that_is_about_to_end_is_alive_and_not_ready() {
    let (mut program, metrics) = start().await;
    // Nobody in it says goodbye before the test wants it: until then the relay waits.
    let life = Life::live(program.address, RoomSettings::default()).await;
    program.signal(Signal::TERM);
    program.until_logged("asked to end").await;
    assert_eq!(get(metrics, "/readyz", &[]).await.status, 503);
    assert_eq!(get(metrics, "/healthz", &[]).await.status, 200);
    life.end(BurnReason::Shutdown).await;
    assert_eq!(program.exit_code().await, 0);
}
