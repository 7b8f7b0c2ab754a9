//! The budget for memory (spec section 16): what the relay counts is what it takes, and there it stops.

use std::net::SocketAddr;

use burnchat_core::client::RoomSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::harness::http::{post, series};
use crate::harness::many::{come_and_go, until_all_are_gone};
use crate::harness::participant::Participant;
use crate::harness::program::Program;
use crate::harness::{Room, in_time, plan};

/// Small enough to be filled soon, and large beside what the program takes by chance.
const BUDGET: u64 = 12 << 20;
/// What a worker takes in before it looks at the budget again: 64 frames at once.
const BATCH: u64 = 64 << 10;
/// What may come and go beside the rooms: buffers, threads, free lists.
const BESIDES: u64 = 3 << 20;

async fn start() -> (Program, SocketAddr, u64) {
    let program = Program::start(&[
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
        "--log",
        "error",
        "--kept-bytes-in-all",
        &BUDGET.to_string(),
        "--rooms-of-peer",
        "1000000",
        "--connection-frames",
        "10000000:10000000",
        "--connection-bytes",
        "1000000000:1000000000",
        "--kept-millis",
        "3600000",
    ])
    .await;
    let metrics = program.metrics.unwrap();
    // What is needed once is needed after these.
    come_and_go(program.address, 500).await;
    until_all_are_gone(program.address).await;
    let before = program.memory();
    (program, metrics, before)
}

/// That what is counted is at least what has come to be taken, but for what comes by chance.
async fn expect_honest(
    program: &Program,
    metrics: SocketAddr,
    before: u64,
    what: &str,
) -> (u64, u64) {
    let counted = series(metrics, "burnchat_kept_bytes").await as u64;
    let taken = program.memory().saturating_sub(before);
    assert!(
        taken < counted + counted / 8 + BESIDES,
        "{what}: {taken} bytes taken, {counted} counted"
    );
    // Nor is it much more: or an operator pays for nothing.
    assert!(
        counted < taken * 2 + BESIDES,
        "{what}: {taken} bytes taken, {counted} counted"
    );
    (counted, taken)
}

#[tokio::test]
async fn empty_rooms_are_made_until_three_quarters_are_used_up_and_no_more() {
    let (program, metrics, before) = start().await;
    let relay = program.address;
    let mut makers = JoinSet::new();
    for _ in 0..4 {
        makers.spawn(async move {
            let mut made = 0_u64;
            loop {
                let (body, _) = plan(relay, RoomSettings::default());
                let answer = post(relay, "/api/rooms", body.as_bytes()).await;
                if answer.status != 201 {
                    return (made, answer.refusal());
                }
                made += 1;
            }
        });
    }
    let mut rooms = 0;
    for (made, refusal) in makers.join_all().await {
        assert_eq!(refusal, (429, "too_many_rooms".to_owned()));
        rooms += made;
    }
    let (counted, taken) = expect_honest(&program, metrics, before, "empty rooms").await;
    println!("{rooms} empty rooms: {counted} bytes counted, {taken} taken");
    assert!((BUDGET * 3 / 4..BUDGET * 3 / 4 + 8_192).contains(&counted));
}

/// The shortest entries there are: what is round them is more than they.
#[tokio::test]
async fn a_room_full_of_the_shortest_entries_takes_no_more_than_there_is() {
    let (program, metrics, before) = start().await;
    let room = Room::create(program.address).await;
    let mut ann = Participant::create(&room, "ann").await;
    let full = 60_000;
    lock_and_unlock(&mut ann, full).await;
    let (counted, taken) = expect_honest(&program, metrics, before, "short entries").await;
    println!("short entries: {counted} bytes counted, {taken} taken");
    assert!(
        (BUDGET * 7 / 8..BUDGET + BATCH).contains(&counted),
        "{counted} of {BUDGET}"
    );
    let (body, _) = plan(program.address, RoomSettings::default());
    let refused = post(program.address, "/api/rooms", body.as_bytes()).await;
    assert_eq!(refused.refusal(), (429, "too_many_rooms".to_owned()));

    // The room goes on, and takes no more than it has.
    let memory = program.memory();
    lock_and_unlock(&mut ann, 20_000).await;
    let still = series(metrics, "burnchat_kept_bytes").await as u64;
    assert!(still <= counted + BATCH, "{still} after {counted}");
    let grown = program.memory().saturating_sub(memory);
    assert!(grown < BESIDES, "{grown} bytes more than {memory}");
}

/// So many commands, each of which is an entry of the log.
async fn lock_and_unlock(ann: &mut Participant, times: usize) {
    let mut frames = Vec::new();
    for locked in [true, false] {
        let text = format!(r#"{{"type":"lock","locked":{locked}}}"#);
        frames.extend([0x81, 0x80 | text.len() as u8, 0, 0, 0, 0]);
        frames.extend(text.as_bytes());
    }
    // What waits for a reader is another's budget: each batch is heard before the next.
    let batch = frames.repeat(50);
    let stream = ann.wire.0.get_mut();
    let mut buffer = vec![0; 1 << 16];
    let (mut said, mut heard) = (0, 0);
    in_time(async {
        while heard < times {
            if heard >= said {
                stream.write_all(&batch).await.unwrap();
                said += 100;
            }
            let length = stream.read(&mut buffer).await.unwrap();
            assert_ne!(length, 0, "the connection ended");
            let came = buffer.get(..length).unwrap();
            // Each frame is one object.
            heard += came.iter().filter(|byte| **byte == b'{').count();
        }
    })
    .await;
}
