//! What is checked of an envelope, and in which order (sections 8.2, 8.4 and 14.2).

use burnchat_core::error::Code;
use burnchat_core::ids::EpochId;
use burnchat_core::wire::{Bytes, Envelope, RelayFrame};

use crate::case::{Case, Outcome, ensure_eq};
use crate::relay::Target;
use crate::relay::person::{Person, envelope_in};
use crate::relay::room::key;
use crate::relay::stage::{Cx, SOON, random};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "messages/8.2/as-sent",
            ["8.2/adds", "8.4/accepted"],
            as_sent
        ),
        crate::case!("messages/8.2/any-flags", ["8.2/adds"], any_flags),
        crate::case!("messages/8.2/sizes", ["16/ciphertext"], sizes),
        crate::case!("messages/8.4/replay", ["8.4/taken-n"], replay),
        crate::case!(
            "messages/8.4/replay-of-another-body",
            ["8.4/taken-n"],
            replay_of_another_body
        ),
        crate::case!("messages/8.4/n-ahead", ["8.4/next-n"], n_ahead),
        crate::case!("messages/8.4/n-begins-at-0", ["8.4/next-n"], n_begins_at_0),
        crate::case!(
            "messages/8.4/n-of-each-epoch",
            ["8.4/next-n"],
            n_of_each_epoch
        ),
        crate::case!(
            "messages/8.4/n-of-each-sender",
            ["8.4/next-n"],
            n_of_each_sender
        ),
        crate::case!(
            "messages/8.4/n-survives-a-resume",
            ["8.4/taken-n"],
            n_survives_a_resume
        ),
        crate::case!(
            "messages/14.2/unknown-epoch",
            ["14.2/envelope-order", "7.5/stale"],
            unknown_epoch
        ),
        crate::case!(
            "messages/14.2/stale-before-replay",
            ["14.2/envelope-order"],
            stale_before_replay
        ),
        crate::case!(
            "messages/14.2/replay-before-hold",
            ["14.2/envelope-order"],
            replay_before_hold
        ),
        crate::case!(
            "messages/14.2/hold-before-sequence",
            ["14.2/envelope-order", "7.5/hold"],
            hold_before_sequence
        ),
        crate::case!("messages/16/n-8191", ["16/n", "8.2/n"], n_8191),
    ]
}

async fn as_sent(cx: &Cx) -> Outcome {
    let (mut ann, mut ben) = two(cx).await?;
    let envelope = ben.envelope()?;
    ben.send_envelope(&envelope).await;
    let to_others = ann.until_message_of(ben.id()).await?;
    let echo = ben.until_message_of(ben.id()).await?;
    ensure_eq(
        "the envelope",
        &to_others.clone().into_envelope(),
        &envelope,
    )?;
    ensure_eq("the entry that its sender gets", echo, to_others)
}

async fn any_flags(cx: &Cx) -> Outcome {
    let (mut ann, mut ben) = two(cx).await?;
    for flags in [1, 128, 255] {
        let mut envelope = ben.envelope()?;
        envelope.flags = flags;
        ben.send_envelope(&envelope).await;
        ensure_eq(
            "`flags`",
            ann.until_message_of(ben.id()).await?.flags,
            flags,
        )?;
    }
    Ok(())
}

async fn sizes(cx: &Cx) -> Outcome {
    let (mut ann, mut ben) = two(cx).await?;
    for (n, bytes) in [(0, 80), (1, 45_000)] {
        let envelope = envelope_in(ben.epoch()?, n, bytes);
        ben.send_envelope(&envelope).await;
        let logged = ann.until_message_of(ben.id()).await?;
        ensure_eq("the envelope", logged.into_envelope(), envelope)?;
    }
    for bytes in [79, 45_001] {
        let envelope = envelope_in(ben.epoch()?, 2, bytes);
        ben.send_envelope(&envelope).await;
        ben.expect_closed(Code::MalformedFrame).await?;
        ben.resume(cx).await?;
    }
    Ok(())
}

async fn replay(cx: &Cx) -> Outcome {
    let (mut ann, mut ben) = two(cx).await?;
    let envelope = ben.speak().await?;
    ben.until_message_of(ben.id()).await?;
    dropped(&mut ben, &envelope).await?;
    ben.say().await?;
    ann.until_message_of(ben.id()).await?;
    let next = ann.until_message_of(ben.id()).await?;
    ensure_eq("n of the second entry", next.n, 1)
}

async fn replay_of_another_body(cx: &Cx) -> Outcome {
    let (_ann, mut ben) = two(cx).await?;
    let mut envelope = ben.speak().await?;
    ben.until_message_of(ben.id()).await?;
    envelope.iv = Bytes(random());
    dropped(&mut ben, &envelope).await
}

async fn n_ahead(cx: &Cx) -> Outcome {
    let (mut ann, mut ben) = two(cx).await?;
    ben.say().await?;
    let epoch = ben.epoch()?;
    refused(&mut ben, &envelope_in(epoch, 2, 80), Code::BadSequence).await?;
    // Nothing is lost: the next is still the next.
    ben.say().await?;
    ann.until_message_of(ben.id()).await.map(drop)
}

async fn n_begins_at_0(cx: &Cx) -> Outcome {
    let (_ann, mut ben) = two(cx).await?;
    let epoch = ben.epoch()?;
    refused(&mut ben, &envelope_in(epoch, 1, 80), Code::BadSequence).await?;
    ben.say().await.map(drop)
}

async fn n_of_each_epoch(cx: &Cx) -> Outcome {
    let (mut ann, mut ben) = two(cx).await?;
    ben.say().await?;
    let old = ben.epoch()?;
    let mut cem = ann.room.clone().join(cx, "cem").await?;
    key(&mut [&mut ann, &mut ben, &mut cem]).await?;
    let new = ben.epoch()?;
    refused(&mut ben, &envelope_in(new, 1, 80), Code::BadSequence).await?;
    ben.say().await?;
    // The older one goes on by its own count.
    ben.send_envelope(&envelope_in(old, 1, 80)).await;
    ben.until_message_of(ben.id()).await.map(drop)
}

async fn n_of_each_sender(cx: &Cx) -> Outcome {
    let (mut ann, mut ben) = two(cx).await?;
    ann.say().await?;
    ann.say().await?;
    ben.say().await.map(drop)
}

async fn n_survives_a_resume(cx: &Cx) -> Outcome {
    let (_ann, mut ben) = two(cx).await?;
    let envelope = ben.speak().await?;
    ben.until_message_of(ben.id()).await?;
    ben.resume(cx).await?;
    // Sent again, the same bytes, as after any resume: taken already.
    dropped(&mut ben, &envelope).await?;
    ben.say().await.map(drop)
}

async fn unknown_epoch(cx: &Cx) -> Outcome {
    let (_ann, mut ben) = two(cx).await?;
    // Whatever its n is.
    for n in [0, 7] {
        refused(
            &mut ben,
            &envelope_in(EpochId(random()), n, 80),
            Code::StaleEpoch,
        )
        .await?;
    }
    // Before there is any epoch.
    let room = cx.room().await?;
    let mut cem = room.join(cx, "cem").await?;
    refused(
        &mut cem,
        &envelope_in(EpochId([0; 32]), 0, 80),
        Code::StaleEpoch,
    )
    .await
}

async fn stale_before_replay(cx: &Cx) -> Outcome {
    let (mut ann, mut ben, _) = three_and_one_leaves(cx, true).await?;
    let replayed = envelope_in(ben.epoch()?, 0, 80);
    key(&mut [&mut ann, &mut ben]).await?;
    // Taken before, and its epoch has ended.
    refused(&mut ben, &replayed, Code::StaleEpoch).await
}

async fn replay_before_hold(cx: &Cx) -> Outcome {
    let (_ann, mut ben, sent) = three_and_one_leaves(cx, true).await?;
    dropped(&mut ben, &sent).await
}

async fn hold_before_sequence(cx: &Cx) -> Outcome {
    let (_ann, mut ben, sent) = three_and_one_leaves(cx, false).await?;
    let far = envelope_in(sent.epoch, 5, 80);
    refused(&mut ben, &far, Code::StaleEpoch).await
}

async fn n_8191(cx: &Cx) -> Outcome {
    let (_ann, mut ben) = two(cx).await?;
    let epoch = ben.epoch()?;
    refused(&mut ben, &envelope_in(epoch, 8_191, 80), Code::BadSequence).await?;
    ben.send_envelope(&envelope_in(epoch, 8_192, 80)).await;
    ben.expect_closed(Code::MalformedFrame).await
}

/// A creator and a member, with a key.
async fn two(cx: &Cx) -> Outcome<(Person, Person)> {
    let room = cx.room().await?;
    let [ann, ben] = room.with_people(cx, ["ann", "ben"]).await?;
    Ok((ann, ben))
}

/// The same two in a hold, because a third has left; ben has an envelope that he has sent before or not.
async fn three_and_one_leaves(cx: &Cx, speaks: bool) -> Outcome<(Person, Person, Envelope)> {
    let room = cx.room().await?;
    let [ann, mut ben, mut cem] = room.with_people(cx, ["ann", "ben", "cem"]).await?;
    let envelope = ben.envelope()?;
    if speaks {
        ben.send_envelope(&envelope).await;
        ben.until_message_of(ben.id()).await?;
    }
    cem.wire.close(1000).await;
    ben.until_left(SOON, cem.id()).await?;
    Ok((ann, ben, envelope))
}

/// Expects an envelope to be dropped without an answer.
async fn dropped(person: &mut Person, envelope: &Envelope) -> Outcome {
    person.send_envelope(envelope).await;
    person
        .expect_none("answer to an n that was taken before", |frame| {
            matches!(frame, RelayFrame::Message(_) | RelayFrame::Error(_))
        })
        .await
}

/// Expects an envelope to be refused, and named by the error.
async fn refused(person: &mut Person, envelope: &Envelope, code: Code) -> Outcome {
    person.send_envelope(envelope).await;
    let error = person.expect_error(code).await?;
    ensure_eq(
        "the envelope the error names",
        (error.epoch, error.n),
        (Some(envelope.epoch), Some(envelope.n)),
    )
}
