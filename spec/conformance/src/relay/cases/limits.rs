//! Limits (section 16).

use std::time::Duration;

use burnchat_core::error::Code;
use burnchat_core::wire::RelayFrame;
use futures_util::future::try_join_all;
use serde_json::json;

use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::relay::Target;
use crate::relay::person::{Person, envelope_in};
use crate::relay::room::{PLAIN, key};
use crate::relay::stage::{Cx, LATE, SOON, base64, random};
use crate::relay::wire::{Came, Wire};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "limits/16/frames-of-a-connection",
            ["16/connection-frames", "15/retry"],
            frames_of_a_connection
        ),
        crate::case!(
            "limits/16/bytes-of-a-connection",
            ["16/connection-bytes"],
            bytes_of_a_connection
        ),
        crate::case!(
            "limits/16/refused-in-a-row",
            ["16/refused-in-a-row", "13.1/close-codes"],
            refused_in_a_row
        ),
        crate::case!(
            "limits/16/envelope-is-named",
            ["14.2/rate-names-envelope"],
            envelope_is_named
        ),
        crate::case!(
            "limits/16/envelopes-of-a-room",
            ["16/room-envelopes"],
            envelopes_of_a_room
        ),
        crate::case!(
            "limits/16/envelope-bytes-of-a-room",
            ["16/room-bytes"],
            envelope_bytes_of_a_room
        ),
        crate::case!(
            "limits/16/joins-of-a-peer",
            ["16/joins-of-peer"],
            joins_of_a_peer,
            slow
        ),
        crate::case!("limits/13.1/idle", ["13.1/idle", "16/idle"], idle, slow),
        crate::case!(
            "limits/16/rooms-of-a-peer",
            ["16/rooms-of-peer"],
            rooms_of_a_peer,
            slow
        ),
        crate::case!(
            "limits/16/connections-of-a-peer",
            ["16/connections-of-peer", "14.2/opened"],
            connections_of_a_peer,
            slow
        ),
        crate::case!(
            "limits/13.1/slow-reader",
            ["13.1/slow-reader", "14.2/slow-reader"],
            slow_reader,
            slow
        ),
        crate::case!(
            "limits/13.1/slow-reader-holds-nobody-up",
            ["13.1/slow-reader"],
            slow_reader_holds_nobody_up,
            slow
        ),
        crate::case!(
            "limits/12.3/destroyed-does-not-wait",
            ["12.3/does-not-wait"],
            destroyed_does_not_wait,
            slow
        ),
    ]
}

async fn frames_of_a_connection(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    for _ in 0..250 {
        ann.send(&json!({"type": "need_key", "version": 7})).await;
    }
    let error = ann.expect_error(Code::RateLimited).await?;
    ensure(
        error
            .retry_after_ms
            .is_some_and(|ms| (1..=5_000).contains(&ms)),
        "`retry_after_ms`",
        format!("{:?}", error.retry_after_ms),
    )?;
    // Nothing is lost by it: after a while it is heard again.
    tokio::time::sleep(Duration::from_secs(1)).await;
    ann.settle().await.map(drop)
}

async fn bytes_of_a_connection(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    let long = json!({"type": "need_key", "version": 7, "x": "x".repeat(60_000)});
    for _ in 0..14 {
        ann.send(&long).await;
    }
    ann.expect_error(Code::RateLimited).await.map(drop)
}

async fn refused_in_a_row(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    for _ in 0..600 {
        ann.send(&json!({"type": "need_key", "version": 7})).await;
    }
    let code = ann.wire.expect_an_end(SOON).await?;
    ensure_eq("the close code", code, Some(1013))?;
    // Its seat is away.
    ann.resume(cx).await.map(drop)
}

async fn envelope_is_named(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [_ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let epoch = ben.epoch()?;
    for n in 0..230 {
        ben.send_envelope(&envelope_in(epoch, n, 80)).await;
    }
    let error = ben
        .until("the error rate_limited", |frame| match frame {
            RelayFrame::Error(error) => Some(*error),
            _ => None,
        })
        .await?;
    ensure_eq("the error", error.code.name(), "rate_limited")?;
    ensure_eq("the epoch it names", error.epoch, Some(epoch))?;
    ensure(
        error.n.is_some_and(|n| n > 100),
        "the n it names",
        format!("{:?}", error.n),
    )
}

/// Everybody says so much at once, and reads what is said of it; how often the room's rate was used up.
async fn all_at_once(cx: &Cx, people: usize, each: u64, bytes: usize) -> Outcome<usize> {
    let room = cx.room().await?;
    let mut everybody = vec![room.join_as_creator(cx, "ann").await?];
    for _ in 1..people {
        everybody.push(room.join(cx, "other").await?);
        key(&mut everybody.iter_mut().collect::<Vec<_>>()).await?;
    }
    let limited = try_join_all(
        everybody
            .iter_mut()
            .map(|person| speak_on(person, each, bytes)),
    )
    .await?;
    Ok(limited.into_iter().sum())
}

async fn speak_on(person: &mut Person, each: u64, bytes: usize) -> Outcome<usize> {
    let (epoch, own) = (person.epoch()?, person.id());
    for n in 0..each {
        person.send_envelope(&envelope_in(epoch, n, bytes)).await;
    }
    let (mut answered, mut limited) = (0, 0);
    while answered < each {
        match person.next().await? {
            RelayFrame::Message(message) if message.sender == own => answered += 1,
            RelayFrame::Error(error) => {
                answered += 1;
                match error.code {
                    Code::RateLimited if error.n.is_some() => limited += 1,
                    Code::BadSequence if limited > 0 => {}
                    code => return fail("rate_limited, and then bad_sequence", code.name()),
                }
            }
            _ => {}
        }
    }
    Ok(limited)
}

async fn envelopes_of_a_room(cx: &Cx) -> Outcome {
    let asked: String = cx.target.limits.asked("ROOM_ENVELOPES")?;
    // 5 times 180; of one connection 200 would be taken.
    let limited = all_at_once(cx, 5, 180, 80).await?;
    ensure(limited > 0, format!("rate_limited beyond {asked}"), "never")
}

async fn envelope_bytes_of_a_room(cx: &Cx) -> Outcome {
    // 5 times 8 of 45,000 bytes, which one connection may send.
    let limited = all_at_once(cx, 5, 8, 45_000).await?;
    ensure(
        limited > 0,
        "rate_limited beyond a megabyte of envelopes at once",
        "never",
    )
}

async fn rooms_of_a_peer(cx: &Cx) -> Outcome {
    cx.needs_many_peers()?;
    let mut rooms = Vec::new();
    for _ in 0..64 {
        rooms.push(cx.room().await?);
    }
    cx.plan(PLAIN)?
        .ask(cx)
        .await?
        .expect_problem("too_many_rooms")?;
    let Some(room) = rooms.pop() else {
        return Ok(());
    };
    room.burn(cx).await?;
    cx.room().await?;
    // Others have a budget of their own.
    let plan = cx.plan(PLAIN)?;
    let body = plan.request.to_string();
    let asked = cx.ask("POST", "/api/rooms").from(cx.peer(1)).body(body);
    let answer = asked.send().await?.expect(201)?.json()?;
    let path = format!(
        "/api/rooms/{}",
        answer["room_id"].as_str().unwrap_or_default()
    );
    let token = answer["creator_token"].as_str().unwrap_or_default();
    cx.ask("DELETE", path)
        .header("Burnchat-Creator", token)
        .send()
        .await?
        .expect(204)
        .map(drop)
}

async fn connections_of_a_peer(cx: &Cx) -> Outcome {
    cx.needs_many_peers()?;
    let mut people = Vec::new();
    let settings = burnchat_core::client::RoomSettings {
        capacity: 256,
        ..PLAIN
    };
    let room = cx.room_with(settings).await?;
    // All of them within the time to the first frame.
    for _ in 0..16 {
        let opening = (0..16).map(|_| Wire::open(cx, "one of many", &room.0.name));
        people.extend(try_join_all(opening).await?);
    }
    let mut wire = Wire::open(cx, "one too many", &room.0.name).await?;
    wire.expect_refusal(Code::TooManyConnections).await?;
    // Another peer comes in.
    let mut other = Wire::open_from(cx, "another", &room.0.name, cx.peer(1), None).await?;
    other.send(&room.knock("another")?.frame.to_string()).await;
    match other.receive().await? {
        Came::Frame(frame, _) if matches!(*frame, RelayFrame::Joined(_)) => Ok(()),
        came => fail("`joined`", format!("{came:?}")),
    }
}

async fn joins_of_a_peer(cx: &Cx) -> Outcome {
    cx.needs_many_peers()?;
    let room = cx.room().await?;
    // Whatever becomes of them: these are for a room that is not there.
    let nowhere = base64(&random::<16>());
    for _ in 0..50 {
        let knocking = (0..20).map(|_| async {
            let mut wire = Wire::open(cx, "one of many", &nowhere).await?;
            wire.send(&room.knock("nobody")?.frame.to_string()).await;
            match wire.receive().await? {
                Came::Frame(frame, text) => match *frame {
                    RelayFrame::Error(error) => Ok(error.code),
                    _ => fail("an error", text),
                },
                came => fail("an error", format!("{came:?}")),
            }
        });
        for code in try_join_all(knocking).await? {
            match code {
                Code::RoomNotFound => {}
                Code::RateLimited => return Ok(()),
                code => return fail("room_not_found or rate_limited", code.name()),
            }
        }
    }
    fail(
        "rate_limited beyond 512 joins of a peer at once",
        "never in 1,000",
    )
}

async fn idle(cx: &Cx) -> Outcome {
    let millis: u64 = cx.target.limits.asked("IDLE_MILLIS")?;
    let room = cx.room().await?;
    let mut ann = room.join(cx, "ann").await?;
    let begun = tokio::time::Instant::now();
    // It reads, and answers pings; it says nothing.
    let longest = Duration::from_millis(millis + millis / 8);
    let code = ann.wire.expect_an_end(longest + SOON).await?;
    ensure_eq("the close code", code, Some(4002))?;
    let waited = begun.elapsed();
    ensure(
        waited + Duration::from_millis(200) >= Duration::from_millis(millis)
            && waited <= longest + LATE,
        format!("the close after {millis} ms, and up to an eighth more"),
        format!("{} ms", waited.as_millis()),
    )?;
    // Its seat is away: it resumes.
    ann.resume(cx).await.map(drop)
}

/// Ann, ben, who has a small buffer and does not read, and cem.
async fn with_a_slow_reader(cx: &Cx) -> Outcome<[Person; 3]> {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let wire = Wire::open_from(cx, "ben", &room.0.name, cx.peer(0), Some(4_096)).await?;
    let mut ben = room.knock("ben")?.enter_over(wire).await?;
    key(&mut [&mut ann, &mut ben]).await?;
    let mut cem = room.join(cx, "cem").await?;
    key(&mut [&mut ann, &mut ben, &mut cem]).await?;
    Ok([ann, ben, cem])
}

/// Ann and cem speak as fast as they may, for so many bytes.
async fn speak_bytes(ann: &mut Person, cem: &mut Person, bytes: usize) -> Outcome {
    let (mut sent, mut n) = (0, 0);
    let epoch = ann.epoch()?;
    while sent < bytes {
        for person in [&mut *ann, &mut *cem] {
            person.send_envelope(&envelope_in(epoch, n, 45_000)).await;
            person.until_message_of(person.id()).await?;
        }
        sent += 2 * 60_000;
        n += 1;
        // 128 KiB a second from each, after the first half megabyte.
        if n > 6 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}

async fn slow_reader(cx: &Cx) -> Outcome {
    let backlog: usize = cx.target.limits.asked("BACKLOG_BYTES")?;
    let [mut ann, mut ben, mut cem] = with_a_slow_reader(cx).await?;
    // As much again as waits at the relay, and what the kernels on both sides hold.
    speak_bytes(&mut ann, &mut cem, backlog + (3 << 20)).await?;
    let code = ben.wire.expect_an_end(SOON).await?;
    ensure(
        code.is_none_or(|code| code == 1013),
        "a close with 1013, or a connection that is no more",
        format!("{code:?}"),
    )?;
    // Its seat is away, and not lost.
    ann.settle().await?;
    ensure(
        ann.view.is_here(ben.id()),
        "the slow reader's seat",
        "it is gone",
    )
}

async fn slow_reader_holds_nobody_up(cx: &Cx) -> Outcome {
    let [mut ann, ben, mut cem] = with_a_slow_reader(cx).await?;
    // Each of these is waited for: were one held up, the case would end here.
    speak_bytes(&mut ann, &mut cem, 1 << 20).await?;
    cem.settle().await?;
    ann.settle().await?;
    ensure_eq("what ann and cem have read", ann.view.seq, cem.view.seq)?;
    drop(ben);
    Ok(())
}

async fn destroyed_does_not_wait(cx: &Cx) -> Outcome {
    let [mut ann, mut ben, mut cem] = with_a_slow_reader(cx).await?;
    speak_bytes(&mut ann, &mut cem, 1 << 19).await?;
    let before = ann.view.seq - ben.view.seq;
    ann.send(&json!({"type": "burn"})).await;
    ann.expect_burn(burnchat_core::wire::BurnReason::Burned)
        .await?;
    let mut read = 0;
    loop {
        match ben.wire.next(SOON).await? {
            Came::Frame(frame, _) if matches!(*frame, RelayFrame::Destroyed(_)) => break,
            Came::Frame(..) => read += 1,
            Came::Ping => {}
            came => return fail("`destroyed` for a slow reader", format!("{came:?}")),
        }
    }
    cx.log.note(
        "ben",
        &format!("{read} frames of {before} came before `destroyed`"),
    );
    ben.wire.expect_close(1000).await?;
    Ok(())
}
