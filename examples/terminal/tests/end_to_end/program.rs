//! The program itself: its command line, its lines, its exit status.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::harness::{Person, Relay, burnchat, in_time, link};

#[tokio::test]
async fn a_bad_line_is_answered_and_nothing_else() {
    let relay = Relay::start().await;
    let (mut ana, _) = Person::create(&relay.url, "10m", &[]).await;
    for (line, code) in [
        ("garbage", 100),
        (r#"{"cmd":"dance"}"#, 102),
        (r#"{"cmd":"kick"}"#, 709),
        (r#"{"cmd":"extend","seconds":0}"#, 709),
        (r#"{"cmd":"send","text":""}"#, 702),
        (r#"{"cmd":"send","text":"is anybody here?"}"#, 700),
    ] {
        ana.tell_line(line).await;
        assert_eq!(ana.event("error").await["code"], code, "{line}");
    }
    ana.tell_line(&"x".repeat(300_000)).await;
    assert_eq!(ana.event("error").await["code"], 101);
    ana.tell(json!({ "cmd": "leave" })).await;
    assert_eq!(ana.event("ended").await["reason"], "left");
    assert_eq!(ana.exit().await, 0);
}

#[tokio::test]
async fn a_bad_link_is_said_to_be_bad() {
    let mut cut = Person::run(&["join", "https://chat.example/r/AAECAwQFBgcICQoLDA0ODw"]);
    assert_eq!(cut.event("error").await["name"], "link_no_fragment");
    assert_eq!(cut.event("ended").await["reason"], "bad_link");
    assert_eq!(cut.exit().await, 3);
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_said_so() {
    let mut person = Person::run(&["create", "--relay", "http://127.0.0.1:1"]);
    let error = person.event("error").await;
    assert_eq!(
        (&error["code"], &error["name"]),
        (&json!(0), &json!("unreachable"))
    );
    assert_eq!(person.exit().await, 6);
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_refused() {
    for args in [
        &["create"][..],
        &["create", "--relay", "http://127.0.0.1:1", "--ttl", "soon"],
        &["create", "--relay", "http://127.0.0.1:1", "--ttl", "5s"],
        &["join", "-", "--name", "two\nlines"],
    ] {
        let mut command = burnchat();
        let status = command.args(args).stderr(Stdio::null()).status();
        assert_eq!(in_time(status).await.unwrap().code(), Some(2), "{args:?}");
    }
}

#[tokio::test]
async fn a_link_can_come_by_standard_input() {
    let relay = Relay::start().await;
    let (_ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::run(&["join", "-"]);
    ben.tell_line(link(&created)).await;
    ben.event("joined").await;
}

#[tokio::test]
async fn without_a_terminal_the_chat_is_plain_lines() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = burnchat()
        .args(["join", link(&created), "--name", "Ben"])
        .spawn()
        .unwrap();
    let mut typing = ben.stdin.take().unwrap();
    let mut screen = BufReader::new(ben.stdout.take().unwrap()).lines();
    ana.event("keyed").await;
    in_time(typing.write_all(b"hello Ana\n")).await.unwrap();
    assert_eq!(ana.hears().await, "hello Ana");
    ana.say("hello\u{1b}[2J Ben").await;
    let mut shown = String::new();
    while let Some(line) = in_time(screen.next_line()).await.unwrap() {
        shown += &line;
        shown += "\n";
        if line.ends_with(" Ben") {
            ana.tell(json!({ "cmd": "burn" })).await;
        }
    }
    assert!(shown.contains(": hello␛[2J Ben\n"), "{shown}");
    assert!(shown.ends_with("\nThe room has been burned.\n"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert_eq!(in_time(ben.wait()).await.unwrap().code(), Some(0));
}
