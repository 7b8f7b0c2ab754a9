//! The program: what it says, how it ends.

#![cfg(unix)]

#[cfg(test)]
mod harness;

use burnchat_core::wire::BurnReason;
use rustix::process::Signal;

use self::harness::Room;
use self::harness::http::{delete, get};
use self::harness::participant::Participant;
use self::harness::program::{Program, run};
use self::harness::wire::Came;

#[tokio::test]
async fn asked_to_end_it_burns_every_room_first() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start(&["--listen", "127.0.0.1:0"]).await;
        let room = Room::create(program.address).await;
        let mut ann = Participant::create(&room, "ann").await;
        let mut bob = Participant::join(&room, "bob").await;
        program.signal(signal);
        ann.wire.expect_burn(BurnReason::Shutdown).await;
        bob.wire.expect_burn(BurnReason::Shutdown).await;
        assert!(matches!(ann.wire.next().await, Came::End));
        assert!(matches!(bob.wire.next().await, Came::End));
        assert_eq!(program.exit_code().await, 0);
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0"]).await;
    let room = Room::create(program.address).await;
    // Ann is not going to confirm that she has heard of the end.
    let _ann = Participant::create(&room, "ann").await;
    program.signal(Signal::TERM);
    program.until_logged("asked to end").await;
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code().await, 143);
}

#[tokio::test]
async fn where_it_can_not_listen_it_does_not_start() {
    let program = Program::start(&["--listen", "127.0.0.1:0"]).await;
    let taken = program.address.to_string();
    let second = run(&["--listen", &taken]).await;
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stdout.is_empty());
}

#[tokio::test]
async fn beyond_this_machine_it_warns_that_it_speaks_plain_http() {
    let mut program = Program::start(&["--listen", "0.0.0.0:0"]).await;
    program.until_logged("plain HTTP").await;
    let mut program = Program::start(&["--listen", "127.0.0.1:0"]).await;
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code().await, 0);
    let log = program.rest_of_log().await;
    assert!(!log.contains("WARN"), "{log}");
}

#[tokio::test]
async fn nothing_in_its_log_tells_of_a_room_or_a_person() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--log", "trace"]).await;
    let room = Room::create(program.address).await;
    let mut ann = Participant::create(&room, "ann-the-marker").await;
    let mut bob = Participant::join(&room, "bob-the-marker").await;
    tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
    ann.send("a word").await;
    bob.until_message().await;
    bob.wire.send_binary(b"\0").await;
    let (ticket, token) = (room.ticket(), room.creator_token());
    get(
        program.address,
        &room.path(),
        &[("Burnchat-Ticket", &ticket)],
    )
    .await;
    delete(
        program.address,
        &room.path(),
        &[("Burnchat-Creator", &token)],
    )
    .await;
    ann.wire.expect_burn(BurnReason::Burned).await;
    let address = ann.wire.0.get_ref().local_addr().unwrap();
    drop((ann, bob));
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code().await, 0);

    let log = program.rest_of_log().await;
    assert!(log.contains("a connection ends"), "{log}");
    let room_id = room.link.room_id().to_base64();
    let pin = String::from_utf8(room.created.pin.0.as_slice().to_vec()).unwrap();
    let port = format!(":{}", address.port());
    for marker in [&room_id, &token, &ticket, &pin, &port] {
        assert!(!log.contains(marker.as_str()), "{marker}: {log}");
    }
    for marker in ["marker", "127.0.0.1", "/api/rooms"] {
        assert!(!log.contains(marker), "{marker}: {log}");
    }
}

#[tokio::test]
async fn its_help_is_worth_reading() {
    let help = String::from_utf8(run(&["--help"]).await.stdout).unwrap();
    for part in [
        "Examples:",
        "What it stores:",
        "Exit codes:",
        "[default: 127.0.0.1:8470]",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
