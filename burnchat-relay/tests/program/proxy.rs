//! The relay behind nginx, which is set up with what stands in the operator's guide.

use std::net::{Ipv4Addr, SocketAddr};

use burnchat_core::client::RoomSettings;

use crate::harness::http::{Answer, request};
use crate::harness::life::{HttpLife, Life};
use crate::harness::nginx::Nginx;
use crate::harness::program::Program;
use crate::harness::{now, plan};

/// Two people, and the proxy. On the loopback interface all of these are this machine.
const ANN: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const BOB: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

async fn behind_nginx(more: &[&str]) -> Option<(Program, Nginx)> {
    let options = ["--listen", "127.0.0.1:0", "--trusted-proxies", "127.0.0.1"];
    let program = Program::start(&[&options[..], more].concat()).await;
    let nginx = Nginx::before(program.address).await?;
    Some((program, nginx))
}

#[tokio::test]
async fn a_room_lives_and_burns_through_nginx() {
    let Some((_program, nginx)) = behind_nginx(&[]).await else {
        return;
    };
    let relay = nginx.for_client(ANN).await;
    let life = Life::live(relay, RoomSettings::default()).await;
    life.burn().await;
}

#[tokio::test]
async fn a_room_lives_and_burns_through_nginx_without_websockets() {
    let Some((_program, nginx)) = behind_nginx(&[]).await else {
        return;
    };
    let relay = nginx.for_client(ANN).await;
    // Each event is waited for: one that is held back until there are more of them never comes.
    let started = now();
    let life = HttpLife::live(relay, RoomSettings::default()).await;
    life.burn_over_http().await;
    let took = now().millis_since(started);
    assert!(took < 20_000, "{took} ms, as if events had been held back");
}

#[tokio::test]
async fn two_peers_behind_one_nginx_are_counted_apart_whatever_they_say_they_are() {
    let Some((_program, nginx)) = behind_nginx(&["--rooms-of-peer", "1"]).await else {
        return;
    };
    let (ann, bob) = (nginx.for_client(ANN).await, nginx.for_client(BOB).await);
    assert_eq!(make_a_room(ann, &[]).await.status, 201);
    let too_many = (429, "too_many_rooms".to_owned());
    assert_eq!(make_a_room(ann, &[]).await.refusal(), too_many);
    for claim in [
        "198.51.100.7",
        "127.0.0.3",
        "127.0.0.1",
        "198.51.100.7, 127.0.0.1",
    ] {
        let again = make_a_room(ann, &[("X-Forwarded-For", claim)]).await;
        assert_eq!(again.refusal(), too_many, "{claim}");
        let other = make_a_room(ann, &[("Forwarded", &format!("for={claim}"))]).await;
        assert_eq!(other.refusal(), too_many, "{claim}");
    }
    assert_eq!(make_a_room(bob, &[]).await.status, 201);
}

async fn make_a_room(relay: SocketAddr, headers: &[(&str, &str)]) -> Answer {
    let (body, _) = plan(relay, RoomSettings::default());
    let length = body.len().to_string();
    let headers = [headers, &[("Content-Length", &length)]].concat();
    request(relay, "POST", "/api/rooms", &headers, body.as_bytes()).await
}
