//! What is checked of a key frame, and who gets what of it; the end of epochs (sections 7.3, 7.5 and 14.2).

use std::time::Duration;

use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, RosterHash};
use burnchat_core::wire::{Bytes, KeyOffer, RelayFrame, Wrap};
use serde_json::json;
use tokio::time::Instant;

use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::relay::Target;
use crate::relay::person::{Person, envelope_in};
use crate::relay::room::{HISTORY, key};
use crate::relay::stage::{Cx, LATE, SOON, random};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!("epochs/7.3/good", ["7.3/logged", "7.3/received"], good),
        crate::case!("epochs/7.3/own-wrap-only", ["7.3/own-wrap"], own_wrap_only),
        crate::case!("epochs/7.3/left-out", ["7.3/own-wrap"], left_out),
        crate::case!(
            "epochs/7.3/not-asked",
            ["7.3/asked", "7.3/dropped"],
            not_asked
        ),
        crate::case!("epochs/7.3/keyed-already", ["7.3/newer"], keyed_already),
        crate::case!("epochs/7.3/version-to-come", ["7.3/asked"], version_to_come),
        crate::case!(
            "epochs/7.3/somebody-has-left",
            ["7.3/nobody-left"],
            somebody_has_left
        ),
        crate::case!(
            "epochs/7.3/wrong-prev",
            ["7.3/prev", "7.3/dropped"],
            wrong_prev
        ),
        crate::case!(
            "epochs/7.3/wrong-roster-hash",
            ["7.3/roster-hash"],
            wrong_roster_hash
        ),
        crate::case!("epochs/7.3/wrong-signature", ["7.3/sig"], wrong_signature),
        crate::case!(
            "epochs/7.3/signed-by-another",
            ["7.3/sig"],
            signed_by_another
        ),
        crate::case!("epochs/7.3/high-s", ["3/relay-takes-both-s"], high_s),
        crate::case!(
            "epochs/7.3/wrap-for-a-stranger",
            ["7.3/wraps"],
            wrap_for_a_stranger
        ),
        crate::case!("epochs/7.3/wrap-twice", ["7.3/wraps"], wrap_twice),
        crate::case!(
            "epochs/7.3/wrap-for-oneself",
            ["7.3/wraps"],
            wrap_for_oneself
        ),
        crate::case!("epochs/7.3/race", ["7.3/newer", "7.3/prev"], race),
        crate::case!(
            "epochs/7.3/older-version",
            ["7.3/older", "7.3/asks-on"],
            older_version
        ),
        crate::case!(
            "epochs/7.3/versions-asked-for",
            ["16/asked-versions"],
            versions_asked_for
        ),
        crate::case!("epochs/7.3/kick-between", ["7.3/nobody-left"], kick_between),
        crate::case!("epochs/7.5/hold", ["7.5/hold", "14.2/envelope-order"], hold),
        crate::case!(
            "epochs/7.5/hold-of-a-replacement",
            ["7.5/hold"],
            hold_of_a_replacement
        ),
        crate::case!(
            "epochs/7.5/departure-ends-older-epochs",
            ["7.5/ends", "7.5/stale"],
            departure_ends_older_epochs
        ),
        crate::case!(
            "epochs/7.5/older-epochs-go-on",
            ["7.5/go-on"],
            older_epochs_go_on
        ),
        crate::case!(
            "epochs/7.5/epoch-end",
            ["7.5/epoch-end", "7.5/stale"],
            epoch_end,
            slow
        ),
        crate::case!(
            "epochs/7.5/too-many-open",
            ["7.5/too-many", "16/open-epochs"],
            too_many_open
        ),
    ]
}

async fn good(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let mut ben = room.join(cx, "ben").await?;
    let version = ann.until_asked().await?;
    let offer = ann.offer(version)?;
    ann.send_offer(offer.clone()).await;
    let frame = ben.until_keyed(version).await?;
    ensure_eq("`steward`", frame.steward, ann.id())?;
    ensure_eq("`roster_hash`", frame.roster_hash, offer.roster_hash)?;
    ensure_eq("`prev`", frame.prev, offer.prev)?;
    ensure_eq("`commit`", frame.commit, offer.commit)?;
    ensure_eq("`sig`", frame.sig, offer.sig)?;
    ensure_eq("`back` in a room without history", frame.back, None)?;
    ensure_eq(
        "one's own wrap",
        frame.wrapped,
        offer.wraps.first().map(|wrap| wrap.wrapped),
    )?;
    ensure_eq(
        "the steward's own wrap",
        ann.until_keyed(version).await?.wrapped,
        None,
    )
}

async fn own_wrap_only(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let mut people = Vec::new();
    for who in ["ann", "ben", "cem", "dan"] {
        people.push(room.join(cx, who).await?);
    }
    let version = people[0].until_asked().await?;
    let offer = people[0].offer(version)?;
    // One comes when the offer is on its way, and is not on the roster it is for.
    people.push(room.join(cx, "eve").await?);
    people[0].send_offer(offer.clone()).await;
    for person in &mut people {
        let frame = person.until_keyed(version).await?;
        let own = offer.wraps.iter().find(|wrap| wrap.id == person.id());
        let what = format!("the wrap {} gets", person.who);
        ensure_eq(&what, frame.wrapped, own.map(|wrap| wrap.wrapped))?;
    }
    Ok(())
}

async fn left_out(cx: &Cx) -> Outcome {
    let room = cx.room_with(HISTORY).await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    ann.make_key().await?;
    let mut ben = room.join(cx, "ben").await?;
    let version = ann.until_asked().await?;
    let mut offer = ann.offer(version)?;
    offer.wraps.clear();
    ann.send_offer(offer).await;
    let frame = ben.until_keyed(version).await?;
    ensure_eq("the wrap of one who was left out", frame.wrapped, None)
}

/// Ann is asked for version 3, with ben and cem there; version 2 is keyed.
async fn asked(cx: &Cx) -> Outcome<([Person; 3], KeyOffer)> {
    let room = cx.room().await?;
    let [mut ann, ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let cem = room.join(cx, "cem").await?;
    let version = ann.until_asked().await?;
    let offer = ann.offer(version)?;
    Ok(([ann, ben, cem], offer))
}

/// Expects that a key frame is dropped without an answer, and that a good one is taken after it.
async fn expect_dropped(steward: &mut Person, bad: KeyOffer) -> Outcome {
    steward.send_offer(bad).await;
    for frame in steward.settle().await? {
        ensure(
            !matches!(frame, RelayFrame::SessionKey(_) | RelayFrame::Error(_)),
            "the key frame to be dropped without an answer",
            format!("{frame:?}"),
        )?;
    }
    let version = steward.view.version;
    steward.offer_key(version).await.map(drop)
}

async fn not_asked(cx: &Cx) -> Outcome {
    let ([mut ann, mut ben, mut cem], _) = asked(cx).await?;
    ben.settle().await?;
    cem.settle().await?;
    let version = ann.view.version;
    for person in [&mut ben, &mut cem] {
        let offer = person.offer(version)?;
        person.send_offer(offer).await;
        person
            .expect_none("key frame of one who was not asked", |frame| {
                matches!(frame, RelayFrame::SessionKey(_) | RelayFrame::Error(_))
            })
            .await?;
    }
    ann.offer_key(version).await.map(drop)
}

async fn keyed_already(cx: &Cx) -> Outcome {
    let ([mut ann, mut ben, _cem], _) = asked(cx).await?;
    let version = ann.view.version;
    ann.offer_key(version).await?;
    let again = ann.offer(version)?;
    ann.send_offer(again).await;
    ann.expect_none("second key frame of a version", |frame| {
        matches!(frame, RelayFrame::SessionKey(_) | RelayFrame::Error(_))
    })
    .await?;
    ben.until_keyed(version).await?;
    ben.expect_none("second key frame of a version", |frame| {
        matches!(frame, RelayFrame::SessionKey(_))
    })
    .await
}

async fn version_to_come(cx: &Cx) -> Outcome {
    let ([mut ann, ..], mut offer) = asked(cx).await?;
    offer.version += 1;
    expect_dropped(&mut ann, offer).await
}

async fn somebody_has_left(cx: &Cx) -> Outcome {
    let ([mut ann, mut ben, mut cem], offer) = asked(cx).await?;
    cem.wire.close(1000).await;
    ann.until_left(SOON, cem.id()).await?;
    ann.send_offer(offer).await;
    ann.settle().await?;
    ensure_eq("the last keyed version", ann.view.keyed, Some(2))?;
    // Ann was asked alone when the version changed: now it is ben's turn.
    ben.make_key().await.map(drop)
}

async fn wrong_prev(cx: &Cx) -> Outcome {
    let ([mut ann, ..], mut offer) = asked(cx).await?;
    offer.prev = EpochId(random());
    ann.sign(&mut offer)?;
    expect_dropped(&mut ann, offer).await
}

async fn wrong_roster_hash(cx: &Cx) -> Outcome {
    let ([mut ann, ..], mut offer) = asked(cx).await?;
    offer.roster_hash = RosterHash(random());
    ann.sign(&mut offer)?;
    expect_dropped(&mut ann, offer).await
}

async fn wrong_signature(cx: &Cx) -> Outcome {
    let ([mut ann, ..], offer) = asked(cx).await?;
    let mut other = offer.clone();
    other.commit = Bytes(random());
    expect_dropped(&mut ann, other).await?;
    // Values that are no signature at all.
    for bytes in [[0; 64], [0xFF; 64]] {
        let ([mut ann, ..], mut offer) = asked(cx).await?;
        offer.sig = Bytes(bytes);
        expect_dropped(&mut ann, offer).await?;
    }
    Ok(())
}

async fn signed_by_another(cx: &Cx) -> Outcome {
    let ([mut ann, ben, _cem], mut offer) = asked(cx).await?;
    ben.sign(&mut offer)?;
    expect_dropped(&mut ann, offer).await
}

async fn high_s(cx: &Cx) -> Outcome {
    let ([mut ann, mut ben, _cem], mut offer) = asked(cx).await?;
    offer.sig = Bytes(with_the_other_s(offer.sig.0));
    let version = offer.version;
    ann.send_offer(offer).await;
    ben.until_keyed(version).await?;
    // One of the two was the high one; the next time the other is sent.
    let dan = ann.room.clone().join(cx, "dan").await?;
    ann.until_joined(dan.id()).await?;
    let version = ann.until_asked().await?;
    ann.offer_key(version).await.map(drop)
}

async fn wrap_for_a_stranger(cx: &Cx) -> Outcome {
    let ([mut ann, ..], mut offer) = asked(cx).await?;
    offer.wraps.push(Wrap {
        id: burnchat_core::ids::ParticipantId(random()),
        wrapped: Bytes(random()),
    });
    expect_dropped(&mut ann, offer).await
}

async fn wrap_twice(cx: &Cx) -> Outcome {
    let ([mut ann, ..], mut offer) = asked(cx).await?;
    offer.wraps.extend(offer.wraps.first().cloned());
    expect_dropped(&mut ann, offer).await
}

async fn wrap_for_oneself(cx: &Cx) -> Outcome {
    let ([mut ann, ..], mut offer) = asked(cx).await?;
    offer.wraps.push(Wrap {
        id: ann.id(),
        wrapped: Bytes(random()),
    });
    expect_dropped(&mut ann, offer).await
}

async fn race(cx: &Cx) -> Outcome {
    let ([mut ann, mut ben, mut cem], _) = asked(cx).await?;
    let version = ann.view.version;
    for person in [&mut ann, &mut ben, &mut cem] {
        person
            .send(&json!({"type": "key_declined", "version": version}))
            .await;
        person.settle().await?;
    }
    // Now everyone is asked, and everyone answers at once.
    for person in [&mut ann, &mut ben, &mut cem] {
        let offer = person.offer(version)?;
        person.send_offer(offer).await;
    }
    let mut stewards = Vec::new();
    for person in [&mut ann, &mut ben, &mut cem] {
        let first = person.until_keyed(version).await?;
        stewards.push(first.steward);
        person
            .expect_none("second key frame of a version", |frame| {
                matches!(frame, RelayFrame::SessionKey(_) | RelayFrame::Error(_))
            })
            .await?;
    }
    stewards.dedup();
    ensure_eq("stewards of one version", stewards.len(), 1)
}

async fn older_version(cx: &Cx) -> Outcome {
    let ([mut ann, mut ben, _cem], offer) = asked(cx).await?;
    let version = offer.version;
    let mut dan = ann.room.clone().join(cx, "dan").await?;
    ann.until_joined(dan.id()).await?;
    // The newest version is dan's, the frame is for the one before. It counts.
    ann.send_offer(offer).await;
    ben.until_keyed(version).await?;
    let frame = dan.until_keyed(version).await?;
    ensure_eq("the wrap of one who came later", frame.wrapped, None)?;
    // And the newest one is asked for, with the new head, which the view compares.
    let next = ann.make_key().await?;
    ensure_eq("the version asked for", next.version, version + 1)?;
    dan.until_keyed(version + 1).await.map(drop)
}

async fn versions_asked_for(cx: &Cx) -> Outcome {
    let most: u64 = cx.target.limits.asked("ASKED_VERSIONS")?;
    let room = cx.room().await?;
    let mut ann = room.join_as_creator(cx, "ann").await?;
    let ben = room.join(cx, "ben").await?;
    let first = ann.until_asked().await?;
    let old = ann.offer(first)?;
    // Whoever is asked alone and does not answer before the next join is asked last: so each is asked for one version.
    let mut people = vec![ben];
    while ann.view.version < first + most + 1 {
        people.push(room.join(cx, "other").await?);
        let version = ann.view.version.max(first) + 1;
        let place = usize::try_from(version - 3).unwrap_or_default();
        ensure_eq(
            "the version asked for",
            people[place].until_asked().await?,
            version,
        )?;
        ann.settle().await?;
    }
    ann.send_offer(old).await;
    ann.expect_none(
        "key frame for a version that was asked for too long ago",
        |frame| matches!(frame, RelayFrame::SessionKey(_) | RelayFrame::Error(_)),
    )
    .await
}

async fn kick_between(cx: &Cx) -> Outcome {
    let ([mut ann, mut ben, mut cem], offer) = asked(cx).await?;
    ann.send(&json!({"type": "kick", "id": cem.id().to_base64()}))
        .await;
    ann.send_offer(offer).await;
    cem.expect_closed(Code::Kicked).await?;
    ann.settle().await?;
    ensure_eq("the last keyed version", ann.view.keyed, Some(2))?;
    ben.make_key().await.map(drop)
}

async fn hold(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let envelope = ben.envelope()?;
    cem.wire.close(1000).await;
    ben.until_left(SOON, cem.id()).await?;
    ben.send_envelope(&envelope).await;
    let error = ben.expect_error(Code::StaleEpoch).await?;
    ensure_eq(
        "the envelope the error names",
        (error.epoch, error.n),
        (Some(envelope.epoch), Some(envelope.n)),
    )?;
    key(&mut [&mut ann, &mut ben]).await?;
    ben.say().await?;
    ann.until_message_of(ben.id()).await.map(drop)
}

async fn hold_of_a_replacement(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let again = room
        .knock("ben again")?
        .with_seat(&ben.seat_token)
        .enter(cx)
        .await?;
    ann.until_joined(again.id()).await?;
    ann.speak().await?;
    ann.expect_error(Code::StaleEpoch).await.map(drop)
}

async fn departure_ends_older_epochs(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let old = ben.envelope()?;
    cem.wire.close(1000).await;
    ben.until_left(SOON, cem.id()).await?;
    key(&mut [&mut ann, &mut ben]).await?;
    ben.send_envelope(&old).await;
    ben.expect_error(Code::StaleEpoch).await?;
    ben.say().await.map(drop)
}

async fn older_epochs_go_on(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let first = ben.envelope()?;
    let second = ben.envelope()?;
    let mut cem = room.join(cx, "cem").await?;
    key(&mut [&mut ann, &mut ben, &mut cem]).await?;
    // What is still under way in the older epoch is taken, also by those who came later.
    ben.send_envelope(&first).await;
    ben.send_envelope(&second).await;
    for person in [&mut ann, &mut cem] {
        for envelope in [&first, &second] {
            let logged = person.until_message_of(ben.id()).await?;
            ensure_eq("the envelope", &logged.into_envelope(), envelope)?;
        }
    }
    // One who was not on that roster can't send in it.
    cem.send_envelope(&envelope_in(first.epoch, 0, 80)).await;
    cem.expect_error(Code::StaleEpoch).await.map(drop)
}

async fn epoch_end(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let (version, old) = (ann.view.version, ben.envelope()?);
    let mut cem = room.join(cx, "cem").await?;
    key(&mut [&mut ann, &mut ben, &mut cem]).await?;
    let begun = Instant::now();
    let ended = ben
        .until_within(
            Duration::from_secs(30) + SOON,
            "`epoch_end`",
            |frame| match frame {
                RelayFrame::EpochEnd(end) => Some(end.version),
                _ => None,
            },
        )
        .await?;
    let waited = begun.elapsed();
    ensure_eq("the version whose epoch ended", ended, version)?;
    ensure(
        waited >= Duration::from_millis(29_500) && waited <= Duration::from_secs(30) + 2 * LATE,
        "the end 30 s after the key frame that followed",
        format!("{:.1} s", waited.as_secs_f64()),
    )?;
    ben.send_envelope(&old).await;
    ben.expect_error(Code::StaleEpoch).await?;
    ben.say().await.map(drop)
}

async fn too_many_open(cx: &Cx) -> Outcome {
    let most: u64 = cx.target.limits.asked("OPEN_EPOCHS")?;
    let room = cx.room().await?;
    let [mut ann, mut ben] = room.with_people(cx, ["ann", "ben"]).await?;
    let oldest = ann.view.version;
    let mut others = Vec::new();
    for _ in 0..most {
        others.push(room.join(cx, "other").await?);
        key(&mut [&mut ann, &mut ben]).await?;
    }
    let ended = ben
        .until("`epoch_end` of the oldest", |frame| match frame {
            RelayFrame::EpochEnd(end) => Some(end.version),
            _ => None,
        })
        .await?;
    ensure_eq("the version whose epoch ended", ended, oldest)
}

/// The same signature with n - s for s: whoever takes only one of them takes half of all signatures.
fn with_the_other_s(sig: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    let mut other = sig;
    let mut borrow = 0;
    for place in (0..32).rev() {
        let difference = i16::from(ORDER[place]) - i16::from(sig[32 + place]) - borrow;
        borrow = i16::from(difference < 0);
        other[32 + place] = difference.rem_euclid(256) as u8;
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_of_the_other_is_the_first() {
        let sig: [u8; 64] = std::array::from_fn(|place| place as u8);
        assert_ne!(with_the_other_s(sig), sig);
        assert_eq!(with_the_other_s(with_the_other_s(sig)), sig);
    }
}
