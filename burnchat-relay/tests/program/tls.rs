//! TLS: certificates from files and from an authority, over real sockets.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;

use burnchat_core::client::RoomSettings;
use burnchat_core::wire::BurnReason;
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::harness::in_time;
use crate::harness::life::Life;
use crate::harness::pebble::{Pebble, free_port};
use crate::harness::program::{Program, run};
use crate::harness::tls::{DOMAIN, Files, Root, client_trusting, connect};

async fn start(files: &Files, more: &[&str]) -> Program {
    let options = files.options();
    let options: Vec<_> = options
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    Program::start(&[&["--listen", "127.0.0.1:0"], &options[..]].concat()).await
}

#[tokio::test]
async fn a_room_lives_and_burns_over_tls() {
    let root = Root::new();
    let program = start(&Files::with(&root.issue(DOMAIN)), &[]).await;
    let relay = root.tunnel(program.address).await;
    Life::live(relay, RoomSettings::default())
        .await
        .burn()
        .await;
    let (stream, _) = root.connect(program.address).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn asked_to_end_it_burns_the_rooms_of_those_who_came_by_tls() {
    let root = Root::new();
    let mut program = start(&Files::with(&root.issue(DOMAIN)), &[]).await;
    let relay = root.tunnel(program.address).await;
    let life = Life::live(relay, RoomSettings::default()).await;
    program.signal(Signal::TERM);
    life.end(BurnReason::Shutdown).await;
    assert_eq!(program.exit_code().await, 0);
}

#[tokio::test]
async fn a_new_certificate_is_used_after_sighup_and_those_who_are_there_stay() {
    let root = Root::new();
    let (first, second) = (root.issue(DOMAIN), root.issue(DOMAIN));
    let files = Files::with(&first);
    let mut program = start(&files, &[]).await;
    let (_, shown) = root.connect(program.address).await.unwrap();
    let life = Life::live(root.tunnel(program.address).await, RoomSettings::default()).await;

    files.put("chain.pem", &second.0);
    files.put("key.pem", &second.1);
    program.signal(Signal::HUP);
    program.until_logged("has been read again").await;
    let (_, shown_then) = root.connect(program.address).await.unwrap();
    assert_ne!(shown, shown_then);
    life.burn().await;
}

#[tokio::test]
async fn a_bad_new_certificate_leaves_the_old_one_in_use_and_is_complained_of() {
    let root = Root::new();
    let files = Files::with(&root.issue(DOMAIN));
    let mut program = start(&files, &[]).await;
    let (_, shown) = root.connect(program.address).await.unwrap();
    // Somebody else's key; nothing at all; no file.
    for wrong in [Some(root.issue(DOMAIN).1), Some(String::new()), None] {
        match wrong {
            Some(text) => drop(files.put("key.pem", &text)),
            None => std::fs::remove_file(files.path("key.pem")).unwrap(),
        }
        program.signal(Signal::HUP);
        program
            .until_logged("the certificate in use stays in use: ")
            .await;
        let (_, shown_then) = root.connect(program.address).await.unwrap();
        assert_eq!(shown, shown_then);
    }
}

#[tokio::test]
async fn with_a_certificate_it_can_not_use_it_does_not_start() {
    let root = Root::new();
    let (chain, _) = root.issue(DOMAIN);
    let (_, key_of_another) = root.issue(DOMAIN);
    for (chain, key, named) in [
        (&chain, &key_of_another, "key.pem"),
        (&String::new(), &key_of_another, "chain.pem"),
        (&chain, &String::new(), "key.pem"),
    ] {
        let files = Files::with(&(chain.clone(), key.clone()));
        let options = files.options();
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let ended = run(&[&["--listen", "127.0.0.1:0"], &options[..]].concat()).await;
        let log = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{log}");
        assert!(log.contains(named) && ended.stdout.is_empty(), "{log}");
    }
}

#[tokio::test]
async fn who_does_not_shake_hands_is_let_go_and_makes_room_for_the_next() {
    let root = Root::new();
    let files = Files::with(&root.issue(DOMAIN));
    let program = start(
        &files,
        &["--tls-handshake-millis", "300", "--tls-handshakes", "1"],
    )
    .await;
    let mut silent = TcpStream::connect(program.address).await.unwrap();
    // There is one place only, and the silent one has it.
    let waiting = root.connect(program.address);
    let mut nothing = [0; 8];
    let let_go = silent.read(&mut nothing);
    let (let_go, served) = in_time(async { tokio::join!(let_go, waiting) }).await;
    assert!(matches!(let_go, Ok(0) | Err(_)), "{let_go:?}");
    served.unwrap();
}

#[tokio::test]
async fn plain_http_is_not_understood_where_tls_is_spoken() {
    let root = Root::new();
    let program = start(&Files::with(&root.issue(DOMAIN)), &[]).await;
    let mut stream = TcpStream::connect(program.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(
        &mut stream,
        b"GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n",
    )
    .await
    .unwrap();
    let mut answer = Vec::new();
    let _ = in_time(stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

/// A relay that asks Pebble for its certificate, at a port that was free a moment ago.
async fn start_with(pebble: &Pebble, port: u16, more: &[&str]) -> Program {
    let listen = format!("127.0.0.1:{port}");
    let options = pebble.options();
    let options: Vec<_> = options
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    Program::start(&[&["--listen", &listen, "--require-hardening"], &options[..]].concat()).await
}

#[tokio::test]
async fn an_authority_gives_it_a_certificate() {
    let port = free_port();
    let Some(pebble) = Pebble::start(port).await else {
        return;
    };
    let mut program =
        start_with(&pebble, port, &["--acme-contact", "operator@relay.example"]).await;
    program.until_logged("there is a new certificate").await;
    let client = client_trusting(&pebble.issuer().await);
    connect(&client, program.address).await.unwrap();
}

#[tokio::test]
async fn a_certificate_in_the_cache_serves_after_a_restart() {
    let port = free_port();
    let Some(mut pebble) = Pebble::start(port).await else {
        return;
    };
    let cache = tempfile::tempdir().unwrap();
    let keep = ["--acme-cache", cache.path().to_str().unwrap()];
    let mut program = start_with(&pebble, port, &keep).await;
    program.until_logged("there is a new certificate").await;
    program
        .until_logged("the ACME cache has been written")
        .await;
    let client = client_trusting(&pebble.issuer().await);
    let (_, shown) = connect(&client, program.address).await.unwrap();
    program.signal(Signal::TERM);
    assert_eq!(program.exit_code().await, 0);
    for file in std::fs::read_dir(cache.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may not read it: {mode:o}");
    }

    let options = pebble.options();
    pebble.stop().await;
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let mut program =
        Program::start(&[&["--listen", "127.0.0.1:0"], &options[..], &keep].concat()).await;
    program
        .until_logged("the certificate in the cache is used")
        .await;
    let (_, shown_then) = connect(&client, program.address).await.unwrap();
    assert_eq!(shown, shown_then);
}
