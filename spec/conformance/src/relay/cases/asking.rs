//! Who is asked for a key, when, and for how long (sections 7.1, 7.6 and 14.2).

use std::time::Duration;

use burnchat_core::wire::RelayFrame;
use serde_json::json;
use tokio::time::Instant;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::person::Person;
use crate::relay::room::{HISTORY, key};
use crate::relay::stage::{Cx, LATE, SOON};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "epochs/7.1/after-a-join",
            ["7.1/when-joined", "7.1/whom", "7.1/key-wanted"],
            after_a_join
        ),
        crate::case!(
            "epochs/7.1/joins-do-not-prolong",
            ["7.1/when-joined"],
            joins_do_not_prolong
        ),
        crate::case!(
            "epochs/7.1/join-stops-the-asking-before",
            ["7.1/join-stops"],
            join_stops_the_asking_before
        ),
        crate::case!(
            "epochs/7.1/after-a-departure",
            ["7.1/when-left"],
            after_a_departure
        ),
        crate::case!(
            "epochs/7.1/after-a-replacement",
            ["7.1/when-left"],
            after_a_replacement
        ),
        crate::case!("epochs/7.1/not-alone", ["7.1/enough"], not_alone),
        crate::case!(
            "epochs/7.1/alone-with-history",
            ["7.1/enough"],
            alone_with_history
        ),
        crate::case!(
            "epochs/7.1/one-at-a-time",
            ["7.1/how-long", "7.1/everyone", "7.1/again"],
            one_at_a_time,
            slow
        ),
        crate::case!("epochs/7.1/declined", ["7.1/declined"], declined),
        crate::case!(
            "epochs/7.1/away-is-passed-over",
            ["7.1/whom", "7.1/goes-away"],
            away_is_passed_over
        ),
        crate::case!(
            "epochs/7.1/unresponsive-goes-last",
            ["7.1/unresponsive", "7.1/whom"],
            unresponsive_goes_last
        ),
        crate::case!(
            "epochs/7.1/late-answer-makes-responsive",
            ["7.1/unresponsive"],
            late_answer_makes_responsive
        ),
        crate::case!(
            "epochs/7.1/those-with-a-key-first",
            ["7.1/history-first"],
            those_with_a_key_first
        ),
        crate::case!(
            "epochs/7.1/nobody-connected",
            ["7.1/nobody"],
            nobody_connected
        ),
        crate::case!(
            "epochs/7.1/resumes-while-all-are-asked",
            ["7.1/everyone"],
            resumes_while_all_are_asked
        ),
        crate::case!(
            "epochs/7.6/rekey",
            ["7.6/rekey", "7.1/complained", "7.6/complains"],
            rekey
        ),
        crate::case!(
            "epochs/7.6/not-while-unkeyed",
            ["7.6/only-if-keyed"],
            not_while_unkeyed
        ),
        crate::case!(
            "epochs/7.6/others-do-not-count",
            ["7.6/who-may"],
            others_do_not_count
        ),
        crate::case!(
            "epochs/7.6/older-versions-do-not-count",
            ["7.6/who-may"],
            older_versions_do_not_count
        ),
        crate::case!(
            "epochs/7.6/not-too-often",
            ["7.6/interval"],
            not_too_often,
            slow
        ),
        crate::case!(
            "epochs/7.6/rekey-at-4096",
            ["7.6/at-4096", "16/n"],
            rekey_at_4096,
            slow
        ),
    ]
}

async fn after_a_join(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let begun = Instant::now();
    let mut ben = room.join(cx, "ben").await?;
    // Version and head are looked at in every view.
    ensure_eq("the version asked for", ann.until_asked().await?, 2)?;
    let waited = begun.elapsed();
    ensure(
        waited >= Duration::from_millis(240) && waited <= Duration::from_millis(250) + LATE,
        "to be asked 250 ms after the join",
        format!("{} ms", waited.as_millis()),
    )?;
    ben.expect_none("`key_wanted`", is_asking).await
}

async fn joins_do_not_prolong(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let begun = Instant::now();
    // A join every 100 ms for longer than anybody's lateness.
    while begun.elapsed() < Duration::from_millis(3_500) {
        let other = room.join(cx, "other").await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(other);
    }
    let asked = ann
        .settle()
        .await?
        .iter()
        .filter(|frame| is_asking(frame))
        .count();
    ensure(
        asked > 0,
        "to be asked while people go on joining",
        "nothing",
    )
}

async fn join_stops_the_asking_before(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    ann.until_asked().await?;
    // Ann is silent. Before ben is asked, another joins: ann's two seconds no longer run, and ann is unresponsive.
    let cem = room.join(cx, "cem").await?;
    ben.until_joined(cem.id()).await?;
    let version = ben.until_asked().await?;
    ensure_eq("the version asked for", version, 3)?;
    ann.expect_none("`key_wanted`", is_asking).await
}

async fn after_a_departure(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, _ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    cem.wire.close(1000).await;
    ann.until_left(SOON, cem.id()).await?;
    asked_at_once(&mut ann).await
}

async fn after_a_replacement(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let again = room
        .knock("ben again")?
        .with_seat(&ben.seat_token)
        .enter(cx)
        .await?;
    ann.until_joined(again.id()).await?;
    asked_at_once(&mut ann).await
}

async fn not_alone(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let frames = ann.listen_for(Duration::from_millis(1_200)).await?;
    ensure(
        !frames.iter().any(is_asking),
        "nobody asked with one on the roster",
        "`key_wanted`",
    )
}

async fn alone_with_history(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let made = ann.make_key().await?;
    ensure_eq("one's own wrap", made.wrapped, None)
}

async fn one_at_a_time(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let mut dan = room.join(cx, "dan").await?;
    ann.until_asked().await?;
    let begun = Instant::now();
    ben.until_asked().await?;
    let first = begun.elapsed();
    cem.until_asked().await?;
    let second = begun.elapsed();
    let all = Instant::now();
    dan.until_asked().await?;
    ann.until_asked().await?;
    for (what, waited, millis) in [("the first", first, 2_000), ("two", second, 4_000)] {
        let limit = Duration::from_millis(millis);
        ensure(
            waited + Duration::from_millis(100) >= limit && waited <= limit + LATE,
            format!("the next to be asked {millis} ms after {what} did not answer"),
            format!("{} ms", waited.as_millis()),
        )?;
    }
    // Ben once alone and once with all.
    let asked = ben
        .settle()
        .await?
        .iter()
        .filter(|frame| is_asking(frame))
        .count();
    ensure_eq("how often ben has been asked since", asked, 1)?;
    dan.until_within(
        Duration::from_secs(10) + SOON,
        "`key_wanted` again",
        |frame| is_asking(frame).then_some(()),
    )
    .await?;
    let waited = all.elapsed();
    ensure(
        waited >= Duration::from_millis(9_800) && waited <= Duration::from_secs(10) + LATE,
        "everyone to be asked again after 10 s",
        format!("{} ms", waited.as_millis()),
    )
}

async fn declined(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    let version = ann.until_asked().await?;
    ann.send(&json!({"type": "key_declined", "version": version}))
        .await;
    ann.settle().await?;
    asked_at_once(&mut ben).await?;
    // Who declines answers: it is not unresponsive.
    ben.offer_key(version).await?;
    let cem = room.join(cx, "cem").await?;
    ann.until_joined(cem.id()).await?;
    ann.until_asked().await.map(drop)
}

async fn away_is_passed_over(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let mut cem = room.join(cx, "cem").await?;
    ann.until_asked().await?;
    let begun = Instant::now();
    ann.wire.cut();
    ben.until_asked().await?;
    ensure(
        begun.elapsed() < Duration::from_millis(1_900),
        "the next to be asked as soon as the first is away",
        format!("{} ms", begun.elapsed().as_millis()),
    )?;
    ben.offer_key(3).await?;
    cem.until_keyed(3).await?;
    // While ann is away she is not asked.
    let dan = room.join(cx, "dan").await?;
    ben.until_joined(dan.id()).await?;
    ben.until_asked().await?;
    let missed = ann.resume(cx).await?;
    ensure(
        !missed.iter().any(is_asking),
        "nobody away asked",
        "`key_wanted`",
    )
}

async fn unresponsive_goes_last(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let mut cem = room.join(cx, "cem").await?;
    ann.until_asked().await?;
    // Ann lets her time run out.
    let version = ben.until_asked().await?;
    ben.offer_key(version).await?;
    cem.wire.close(1000).await;
    ben.until_left(SOON, cem.id()).await?;
    asked_at_once(&mut ben).await?;
    ann.expect_none(
        "`key_wanted`",
        |frame| matches!(frame, RelayFrame::KeyWanted(wanted) if wanted.version > version),
    )
    .await
}

async fn late_answer_makes_responsive(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let mut cem = room.join(cx, "cem").await?;
    let version = ann.until_asked().await?;
    ben.until_asked().await?;
    // Late, but good: it counts, and she answers again.
    ann.offer_key(version).await?;
    ben.until_keyed(version).await?;
    cem.wire.close(1000).await;
    ann.until_left(SOON, cem.id()).await?;
    asked_at_once(&mut ann).await
}

async fn those_with_a_key_first(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    let mut ben = room.join(cx, "ben").await?;
    let version = asked_for(&mut ann, 2).await?;
    ann.send(&json!({"type": "key_declined", "version": version}))
        .await;
    asked_for(&mut ben, 2).await?;
    let mut offer = ben.offer(2)?;
    offer.wraps.clear();
    ben.send_offer(offer).await;
    ann.until_keyed(2).await?;
    // Ann, first on the roster, has no key; ben was the steward.
    let mut cem = room.join(cx, "cem").await?;
    asked_for(&mut ben, 3).await?;
    ann.expect_none("`key_wanted`", is_asking).await?;
    cem.expect_none("`key_wanted`", is_asking).await
}

async fn nobody_connected(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    ann.wire.cut();
    cem.wire.cut();
    ben.settle().await?;
    // The last one connected leaves, and nobody is there to be asked.
    ben.wire.close(1000).await;
    cem.resume(cx).await?;
    // After `resumed`, which has been read.
    asked_at_once(&mut cem).await
}

async fn resumes_while_all_are_asked(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let mut cem = room.join(cx, "cem").await?;
    cem.wire.cut();
    let version = ann.until_asked().await?;
    ann.send(&json!({"type": "key_declined", "version": version}))
        .await;
    ben.until_asked().await?;
    ben.send(&json!({"type": "key_declined", "version": version}))
        .await;
    // Nobody is left to ask alone: everyone connected is asked.
    ben.until_asked().await?;
    cem.resume(cx).await?;
    asked_at_once(&mut cem).await?;
    cem.offer_key(version).await.map(drop)
}

async fn rekey(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let version = ann.view.version;
    cem.send(&json!({"type": "need_key", "version": version}))
        .await;
    let next = ben.until("`rekey`", rekeyed).await?;
    ensure_eq("the new version", next, version + 1)?;
    ensure_eq("people on the roster", ben.view.roster.len(), 3)?;
    // No hold: nobody has left. And the steward complained of is asked last.
    asked_at_once(&mut ben).await?;
    cem.say().await?;
    ben.send(&json!({"type": "key_declined", "version": next}))
        .await;
    asked_for(&mut cem, next).await?;
    ann.expect_none("`key_wanted`", is_asking).await?;
    cem.send(&json!({"type": "key_declined", "version": next}))
        .await;
    asked_for(&mut ann, next).await.map(drop)
}

async fn not_while_unkeyed(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let version = ann.view.version;
    let cem = room.join(cx, "cem").await?;
    ben.until_joined(cem.id()).await?;
    ben.send(&json!({"type": "need_key", "version": version}))
        .await;
    ben.expect_none("`rekey` while the newest version has no key", |frame| {
        rekeyed(frame).is_some()
    })
    .await?;
    // The complaint counts all the same: ann is asked last.
    asked_for(&mut ben, version + 1).await?;
    ann.expect_none("`key_wanted`", is_asking).await
}

async fn others_do_not_count(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let version = ann.view.version;
    let mut cem = room.join(cx, "cem").await?;
    cem.send(&json!({"type": "need_key", "version": version}))
        .await;
    cem.settle().await?;
    // Cem was not on that roster: ann is not complained of, and asked first.
    asked_for(&mut ann, version + 1).await?;
    ben.expect_none("`key_wanted`", is_asking).await?;
    ann.offer_key(version + 1).await?;
    ben.until_keyed(version + 1).await?;
    ben.expect_none("`rekey`", |frame| rekeyed(frame).is_some())
        .await
}

async fn older_versions_do_not_count(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let old = ann.view.version;
    let mut cem = room.join(cx, "cem").await?;
    key(&mut [&mut ann, &mut ben, &mut cem]).await?;
    for version in [old, 0, old + 7] {
        ben.send(&json!({"type": "need_key", "version": version}))
            .await;
    }
    ben.expect_none("`rekey` for another version than the last keyed", |frame| {
        rekeyed(frame).is_some()
    })
    .await
}

async fn not_too_often(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let begun = Instant::now();
    let mut versions = Vec::new();
    // Ann keys again and again, and ben complains of it once a second.
    while begun.elapsed() < Duration::from_millis(7_500) {
        let keyed = ben.view.keyed.unwrap_or_default();
        ben.send(&json!({"type": "need_key", "version": keyed}))
            .await;
        let new = ben.settle().await?.iter().find_map(rekeyed);
        if let Some(version) = new {
            versions.push((begun.elapsed(), version));
            // Ann is asked last, ben first: he declines.
            ben.send(&json!({"type": "key_declined", "version": version}))
                .await;
            asked_for(&mut ann, version).await?;
            ann.offer_key(version).await?;
            ben.until_keyed(version).await?;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    ensure_eq(
        "how often the same complaint counted in 7.5 s",
        versions.len(),
        2,
    )?;
    let between = versions[1].0 - versions[0].0;
    ensure(
        between >= Duration::from_millis(4_900),
        "5 s between them",
        format!("{} ms", between.as_millis()),
    )
}

async fn rekey_at_4096(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let version = ann.view.version;
    // Of each connection the relay takes 200 frames at once, and of a room so many envelopes a second.
    let rate = cx.target.limits.rate("ROOM_ENVELOPES", 500);
    let mut sent = 0;
    while sent < 4_097 {
        let pace = Instant::now() + Duration::from_millis(160 * 1_000 / rate);
        let some = 150.min(4_097 - sent);
        for _ in 0..some {
            ben.speak().await?;
        }
        for _ in 0..some {
            ben.until_message_of(ben.id()).await?;
        }
        sent += some;
        ann.settle().await?;
        if sent < 4_097 {
            tokio::time::sleep_until(pace).await;
            ben.resume(cx).await?;
        }
    }
    let next = ben.until("`rekey` at n 4,096", rekeyed).await?;
    ensure_eq("the new version", next, version + 1)
}

/// Expects that it is asked before the relay does anything else.
async fn asked_at_once(person: &mut Person) -> Outcome {
    let asked = person.settle().await?.iter().any(is_asking);
    ensure(
        asked,
        format!("{} to be asked at once", person.who),
        "something else first",
    )
}

/// Waits to be asked for this version.
async fn asked_for(person: &mut Person, version: u64) -> Outcome<u64> {
    let what = format!("`key_wanted` for version {version}");
    person
        .until(&what, |frame| match frame {
            RelayFrame::KeyWanted(wanted) if wanted.version == version => Some(version),
            _ => None,
        })
        .await
}

fn is_asking(frame: &RelayFrame) -> bool {
    matches!(frame, RelayFrame::KeyWanted(_))
}

fn rekeyed(frame: &RelayFrame) -> Option<u64> {
    match frame {
        RelayFrame::Rekey(rekey) => Some(rekey.version),
        _ => None,
    }
}
