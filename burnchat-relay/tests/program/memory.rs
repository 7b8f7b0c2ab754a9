//! After the burn, nothing of a room is anywhere in the relay's memory.
//!
//! Only root may look there (the relay forbids it to its own user): without that right these tests have nothing to say.

use std::net::SocketAddr;
use std::time::Duration;

use burnchat_core::client::RoomSettings;
use burnchat_core::wire::BurnReason;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::http::delete;
use crate::harness::life::{HttpLife, Life, LifeOver};
use crate::harness::markers::{Finder, Markers};
use crate::harness::memory::{expect_nothing, search};
use crate::harness::participant::Transport;
use crate::harness::program::Program;
use crate::harness::session::{Browser, Session};
use crate::harness::tls::{DOMAIN, Files, Root};
use crate::harness::wire::Wire;
use crate::harness::{Room, in_time};

#[tokio::test]
async fn nothing_of_a_burned_room_is_left_in_memory() {
    let Some(program) = start(&[]).await else {
        return;
    };
    live_and_burn::<Wire, Wire>(&program, program.address).await;
}

#[tokio::test]
async fn nothing_is_left_of_rooms_in_which_nobody_had_a_websocket() {
    let Some(program) = start(&[]).await else {
        return;
    };
    live_and_burn::<Session, Browser>(&program, program.address).await;
}

#[tokio::test]
async fn nothing_is_left_of_rooms_that_came_over_tls() {
    let root = Root::new();
    let files = Files::with(&root.issue(DOMAIN));
    let options = files.options();
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let Some(program) = start(&options).await else {
        return;
    };
    let relay = root.tunnel(program.address).await;
    live_and_burn::<Wire, Wire>(&program, relay).await;
    live_and_burn::<Session, Browser>(&program, relay).await;
}

#[tokio::test]
async fn nothing_is_left_once_a_relay_that_ends_has_burned_its_rooms() {
    // Those who are told do not answer, and it waits for them: time enough to look.
    let patience = ["--close-within-millis", "600000"];
    let until_all_know = ["--shutdown-within-millis", "600000"];
    let Some(mut program) = start(&[patience, until_all_know].concat()).await else {
        return;
    };
    let life = Life::live(program.address, RoomSettings::default()).await;
    let http = HttpLife::live(program.address, RoomSettings::default()).await;
    let mut markers = life.markers();
    markers.extend(http.markers());
    let finder = markers.finder();
    expect_everything(&program, &finder, 2);

    program.signal(Signal::TERM);
    program.until_logged("asked to end").await;
    assert!(TcpStream::connect(program.address).await.is_err());
    http.end(BurnReason::Shutdown).await;
    expect_nothing(program.id(), &finder).await;
    life.end(BurnReason::Shutdown).await;
    assert_eq!(program.exit_code().await, 0);
}

/// People whose browsers keep a connection open and use it for one request after the other, for this room and others.
#[tokio::test]
async fn nothing_is_left_on_a_connection_that_is_used_for_more_and_more_requests() {
    let Some(program) = start(&[]).await else {
        return;
    };
    let life = HttpLife::live(program.address, RoomSettings::default()).await;
    let finder = life.markers().finder();
    let frames = format!("{}/frames", life.ann.wire.seat);
    let (header, token) = life.ann.wire.credential();
    let head = format!("{header}: {token}");
    let host = program.address;
    let with_token =
        format!("POST {frames} HTTP/1.1\r\nHost: {host}\r\n{head}\r\nContent-Length: 0\r\n\r\n");
    // So short that what it is written over shows.
    let without = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    let mut stream = TcpStream::connect(program.address).await.unwrap();
    let (most, rest) = with_token.split_at(with_token.len() - 2);
    life.burn().await;
    // Of the room nothing is there any more, and of the request all but its end.
    stream.write_all(most.as_bytes()).await.unwrap();
    until_found(&program, &finder, &["a seat token, as text"]).await;
    let answer = ask(&mut stream, rest).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
    // It goes on as long as it is let.
    let asking = tokio::spawn(async move {
        while ask(&mut stream, without).await.is_some() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    expect_nothing(program.id(), &finder).await;
    in_time(asking).await.unwrap();
}

/// Sends a request on a connection that stays open, if it does.
async fn ask(stream: &mut TcpStream, request: &str) -> Option<String> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = vec![0; 1 << 16];
    match in_time(stream.read(&mut answer)).await {
        Ok(length @ 1..) => {
            answer.truncate(length);
            Some(String::from_utf8_lossy(&answer).into_owned())
        }
        _ => None,
    }
}

#[tokio::test]
async fn nothing_is_left_of_what_requests_have_shown() {
    let Some(program) = start(&[]).await else {
        return;
    };
    let room = Room::create(program.address).await;
    let markers = room.markers();
    let finder = markers.finder();
    let (path, ticket, token) = (room.path(), room.ticket(), room.creator_token());
    let head = |method: &str, header: &str, secret: &str| {
        let host = program.address;
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{header}: {secret}\r\n")
    };
    // None of these connections is closed by who made it.
    let mut open = Vec::new();
    for request in [
        head("GET", "Burnchat-Ticket", &ticket),
        head("GET", "Burnchat-Ticket", &token),
        head("DELETE", "Burnchat-Creator", &ticket),
        head("PUT", "Burnchat-Creator", &token),
    ] {
        let mut stream = TcpStream::connect(program.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        open.push(stream);
    }
    // Half a request is in memory: so a whole one would be found, too.
    let shown = ["a ticket, as text", "a creator token, as text"];
    until_found(&program, &finder, &shown).await;
    for stream in &mut open {
        stream.write_all(b"\r\n").await.unwrap();
        let answered = in_time(stream.read(&mut [0; 64])).await;
        assert_ne!(answered.unwrap(), 0);
    }
    let answer = delete(program.address, &path, &[("Burnchat-Creator", &token)]).await;
    assert_eq!(answer.status, 204);
    expect_nothing(program.id(), &finder).await;
}

/// Starts the program; not where nobody may look into its memory.
async fn start(more: &[&str]) -> Option<Program> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may look into the relay's memory");
        return None;
    }
    let options = ["--listen", "127.0.0.1:0", "--log", "trace"];
    // Nobody answers while the memory is searched.
    let patience = ["--ping-every-millis", "600000"];
    Some(Program::start(&[&options[..], &patience, more].concat()).await)
}

/// Looks for rooms before and after they burn.
async fn live_and_burn<A: Transport, B: Transport>(program: &Program, relay: SocketAddr) {
    let mut lives = Vec::new();
    for history in [false, true].into_iter().cycle().take(8) {
        let settings = RoomSettings {
            history,
            ..RoomSettings::default()
        };
        lives.push(LifeOver::<A, B>::live(relay, settings).await);
    }
    let mut markers = Markers::default();
    for life in &lives {
        markers.extend(life.markers());
    }
    let finder = markers.finder();

    expect_everything(program, &finder, lives.len());

    for (index, life) in lives.into_iter().enumerate() {
        match index % 2 {
            0 => life.burn().await,
            _ => life.burn_over_http().await,
        }
    }
    expect_nothing(program.id(), &finder).await;
}

async fn until_found(program: &Program, finder: &Finder, what: &[&str]) {
    let there = || {
        let found = search(program.id(), finder);
        what.iter()
            .all(|what| found.iter().any(|find| find.what == *what))
    };
    in_time(async {
        while !there() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// What the relay keeps of so many rooms while they live, so that it is known that it would be found.
fn expect_everything(program: &Program, finder: &Finder, rooms: usize) {
    let before = search(program.id(), finder);
    for what in [
        "a room id, as bytes",
        "a value, as text",
        "a value, as bytes",
        "a long value, as text",
    ] {
        let found = before.iter().filter(|find| find.what == what).count();
        assert!(
            found >= rooms,
            "{what} was found {found} times while the rooms lived"
        );
    }
}
