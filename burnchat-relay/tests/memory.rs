//! After the burn, nothing of a room is anywhere in the relay's memory.
//!
//! Only root may look there (the relay forbids it to its own user): without that right these tests have nothing to say.

#![cfg(target_os = "linux")]

#[cfg(test)]
mod harness;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use burnchat_core::client::RoomSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::harness::http::delete;
use self::harness::life::Life;
use self::harness::markers::{Finder, Markers};
use self::harness::memory::search;
use self::harness::program::Program;
use self::harness::tls::{DOMAIN, Files, Root};
use self::harness::{Room, in_time, now};

/// Threads and connections need a moment to let go of what they were just doing, and a connection for requests is kept
/// open for 10 s.
const LETTING_GO: Duration = Duration::from_secs(20);

#[tokio::test]
async fn nothing_of_a_burned_room_is_left_in_memory() {
    let Some(program) = start(&[]).await else {
        return;
    };
    live_and_burn(&program, program.address).await;
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
    live_and_burn(&program, relay).await;
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
    in_time(async {
        while !["a ticket, as text", "a creator token, as text"]
            .iter()
            .all(|what| {
                search(program.id(), &finder)
                    .iter()
                    .any(|find| find.what == *what)
            })
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for stream in &mut open {
        stream.write_all(b"\r\n").await.unwrap();
        let answered = in_time(stream.read(&mut [0; 64])).await;
        assert_ne!(answered.unwrap(), 0);
    }
    let answer = delete(program.address, &path, &[("Burnchat-Creator", &token)]).await;
    assert_eq!(answer.status, 204);
    expect_nothing(&program, &finder).await;
}

/// Starts the program; not where nobody may look into its memory.
async fn start(more: &[&str]) -> Option<Program> {
    if !rustix::process::geteuid().is_root() {
        #[expect(clippy::print_stderr, reason = "who runs the tests is to know")]
        {
            eprintln!("skipped: only root may look into the relay's memory");
        }
        return None;
    }
    let options = ["--listen", "127.0.0.1:0", "--log", "trace"];
    // Nobody answers while the memory is searched.
    let patience = ["--ping-every-millis", "600000"];
    Some(Program::start(&[&options[..], &patience, more].concat()).await)
}

/// Looks for rooms before and after they burn.
async fn live_and_burn(program: &Program, relay: SocketAddr) {
    let mut lives = Vec::new();
    for history in [false, true].into_iter().cycle().take(8) {
        let settings = RoomSettings {
            history,
            ..RoomSettings::default()
        };
        lives.push(Life::live(relay, settings).await);
    }
    let mut markers = Markers::default();
    for life in &lives {
        markers.extend(life.markers());
    }
    let finder = markers.finder();

    let before = search(program.id(), &finder);
    // What the relay keeps while the rooms live, so that it is known that it would be found.
    for what in [
        "a room id, as bytes",
        "a value, as text",
        "a value, as bytes",
        "a long value, as text",
    ] {
        let found = before.iter().filter(|find| find.what == what).count();
        assert!(
            found >= lives.len(),
            "{what} was found {found} times while the rooms lived"
        );
    }

    for (index, life) in lives.into_iter().enumerate() {
        match index % 2 {
            0 => life.burn().await,
            _ => life.burn_over_http().await,
        }
    }
    expect_nothing(program, &finder).await;
}

/// Searches until nothing is left, or the time for that is over.
async fn expect_nothing(program: &Program, finder: &Finder) {
    let started = now();
    let mut left = search(program.id(), finder);
    while !left.is_empty() && now().millis_since(started) < LETTING_GO.as_millis() as u64 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        left = search(program.id(), finder);
    }
    let mut places = BTreeMap::<_, usize>::new();
    for find in &left {
        let place = format!("{} in {}", find.what, find.map);
        *places.entry(place).or_default() += 1;
    }
    let some: Vec<_> = left.iter().take(20).collect();
    assert!(left.is_empty(), "left: {places:#?}, such as {some:#?}");
}
