//! The countdown, and the end by itself (sections 12.1 and 12.3).

use std::time::Duration;

use burnchat_core::client::RoomSettings;
use burnchat_core::wire::{BurnReason, RelayFrame};
use serde_json::json;
use tokio::time::Instant;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::person::Person;
use crate::relay::room::PLAIN;
use crate::relay::stage::{Cx, LATE};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "burn/12.1/every-10-seconds",
            ["12.1/every-10"],
            every_10_seconds,
            slow
        ),
        crate::case!(
            "burn/12.1/every-second-at-last",
            ["12.1/every-second", "12.1/from-deadline", "12.3/expired"],
            every_second_at_last,
            slow
        ),
        crate::case!(
            "burn/12.1/follows-an-extension",
            ["12.1/from-deadline"],
            follows_an_extension,
            slow
        ),
        crate::case!(
            "burn/12.3/expires-when-nobody-is-there",
            ["12.3/expired", "12.3/no-trace"],
            expires_when_nobody_is_there,
            slow
        ),
        crate::case!(
            "burn/12.3/expires-for-one-away",
            ["12.3/expired", "12.3/no-trace"],
            expires_for_one_away,
            slow
        ),
    ]
}

const SHORTEST: RoomSettings = RoomSettings {
    ttl_seconds: 30,
    ..PLAIN
};

async fn every_10_seconds(cx: &Cx) -> Outcome {
    let settings = RoomSettings {
        ttl_seconds: 84,
        ..PLAIN
    };
    let made = Instant::now();
    let room = cx.room_with(settings).await?;
    let end = made + Duration::from_secs(84);
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    // 80 and 70, then 60 and every second; what comes is compared with the clock.
    ann.listen_for(end - Duration::from_secs(57) - Instant::now())
        .await?;
    ben.settle().await?;
    for person in [&ann, &ben] {
        let values: Vec<u64> = person.countdowns.iter().map(|(_, left)| *left).collect();
        ensure(
            values.starts_with(&[80, 70, 60, 59, 58]),
            format!("{} to be told 80, 70, 60, 59, 58 s", person.who),
            format!("{values:?}"),
        )?;
    }
    on_time(&ann, end)
}

async fn every_second_at_last(cx: &Cx) -> Outcome {
    let made = Instant::now();
    let room = cx.room_with(SHORTEST).await?;
    let end = made + Duration::from_secs(30);
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    ann.expect_burn_within(Duration::from_secs(30) + LATE * 2, BurnReason::Expired)
        .await?;
    let (now, late) = (Instant::now(), LATE);
    ensure(
        now + Duration::from_millis(50) >= end && now <= end + late,
        "the end after 30 s",
        format!("{:.2} s", (now - made).as_secs_f64()),
    )?;
    ben.expect_burn(BurnReason::Expired).await?;
    let values: Vec<u64> = ann.countdowns.iter().map(|(_, left)| *left).collect();
    let first = values.first().copied().unwrap_or_default();
    ensure(
        first >= 28 && values == (1..=first).rev().collect::<Vec<_>>(),
        "a countdown every second, from 29 or so to 1",
        format!("{values:?}"),
    )?;
    on_time(&ann, end)
}

async fn follows_an_extension(cx: &Cx) -> Outcome {
    let made = Instant::now();
    let room = cx.room_with(SHORTEST).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.send(&json!({"type": "extend", "seconds": 7, "after": 0}))
        .await;
    let (left, at) = ann
        .until("`extended`", |frame| match frame {
            RelayFrame::Extended(entry) => Some((entry.seconds_remaining, Instant::now())),
            _ => None,
        })
        .await?;
    ensure((35..=37).contains(&left), "35 to 37 seconds left", left)?;
    let before = ann.countdowns.len();
    let end = made + Duration::from_secs(37);
    ann.listen_for(Duration::from_millis(5_200)).await?;
    let since: Vec<u64> = ann.countdowns[before..]
        .iter()
        .map(|(_, left)| *left)
        .collect();
    ensure(
        since.len() >= 4 && since.windows(2).all(|pair| pair[0] == pair[1] + 1),
        "a countdown every second",
        format!("{since:?}"),
    )?;
    ann.countdowns.retain(|(when, _)| *when > at);
    on_time(&ann, end)
}

async fn expires_when_nobody_is_there(cx: &Cx) -> Outcome {
    let room = cx.room_with(SHORTEST).await?;
    let made = Instant::now();
    tokio::time::sleep(Duration::from_millis(28_500)).await;
    room.look(cx, &room.0.ticket).await?.expect(200)?;
    tokio::time::sleep_until(made + Duration::from_secs(30) + LATE).await;
    room.look(cx, &room.0.ticket)
        .await?
        .expect_problem("room_not_found")
        .map(drop)
}

async fn expires_for_one_away(cx: &Cx) -> Outcome {
    let room = cx.room_with(SHORTEST).await?;
    let made = Instant::now();
    let mut ann = room.join_as_creator(cx, "ann").await?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    ann.wire.cut();
    tokio::time::sleep_until(made + Duration::from_secs(30) + LATE).await;
    ann.resume_refused(cx, ann.view.seq, burnchat_core::error::Code::RoomNotFound)
        .await
}

/// Each countdown must have come when so much was left of the time, rounded up.
fn on_time(person: &Person, end: Instant) -> Outcome {
    for (when, left) in &person.countdowns {
        let due = end - Duration::from_secs(*left);
        // A relay's deadline is when it made the room: a little later than it was asked.
        ensure_eq(
            &format!("whether the countdown of {left} s came on time"),
            *when + Duration::from_millis(50) >= due && *when <= due + LATE,
            true,
        )?;
    }
    Ok(())
}
