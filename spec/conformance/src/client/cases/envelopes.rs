//! Receiving: sections 8.1 to 8.3, 8.5.

use burnchat_core::crypto::{
    Body, Identity, LastEpoch, SecretBytes, SessionKey, Text, epoch_id, pad,
};
use burnchat_core::ids::{EpochId, RosterHash};
use burnchat_core::wire::{Bytes, ClientFrame, Envelope, KeyOffer};
use serde_json::{Value, json};

use super::super::insider::{Insider, header, key_entry, logged, plaintext, plaintext_of};
use super::super::room::{Room, flipped, of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "envelopes/8.5/read",
            ["8.5/order", "8.1/chain"],
            texts_are_read_in_order
        ),
        case!(
            "envelopes/8.5/replay",
            ["8.5/replayed"],
            a_replayed_envelope_is_refused
        ),
        case!(
            "envelopes/8.5/reordered",
            ["8.5/replayed", "8.5/gap"],
            a_reordered_envelope_is_refused_and_shown
        ),
        case!(
            "envelopes/8.5/dropped",
            ["8.5/gap"],
            a_dropped_envelope_shows_at_the_next
        ),
        case!(
            "envelopes/8.5/dropped-at-an-end",
            ["8.5/count-gap", "8.3/client-count"],
            a_drop_at_the_end_of_an_epoch_shows_in_the_next
        ),
        case!(
            "envelopes/8.5/last-count",
            ["8.5/last-count"],
            what_the_last_epoch_held_is_compared
        ),
        case!(
            "envelopes/8.5/last-count-fewer",
            ["8.5/last-count"],
            that_the_last_epoch_held_fewer_is_a_gap_too
        ),
        case!(
            "envelopes/8.5/epochs-of-others",
            ["8.5/gap", "8.5/not-keyed-yet"],
            what_is_missing_in_epochs_of_others_is_counted
        ),
        case!(
            "envelopes/8.5/count-ahead",
            ["8.5/count-gap"],
            a_count_ahead_is_a_gap_by_itself
        ),
        case!(
            "envelopes/8.5/count-repeated",
            ["8.5/count-repeated"],
            a_count_used_before_is_flagged
        ),
        case!(
            "envelopes/8.5/signature",
            ["8.5/signature"],
            an_altered_signature_is_refused
        ),
        case!(
            "envelopes/8.5/ciphertext",
            ["8.5/signature"],
            an_altered_ciphertext_is_refused
        ),
        case!(
            "envelopes/8.5/iv",
            ["8.5/signature"],
            an_altered_iv_is_refused
        ),
        case!(
            "envelopes/8.5/flags",
            ["8.5/signature", "8.2/flags"],
            altered_flags_are_refused
        ),
        case!(
            "envelopes/8.5/n",
            ["8.5/signature"],
            an_altered_n_is_refused
        ),
        case!(
            "envelopes/8.5/other-sender",
            ["8.5/signature", "17.3/impersonation"],
            an_envelope_given_to_another_is_refused
        ),
        case!(
            "envelopes/8.5/impersonation",
            ["8.5/signature", "17.3/impersonation"],
            an_insider_cannot_write_as_another
        ),
        case!(
            "envelopes/8.5/signed-and-wrong",
            ["8.5/decrypts"],
            one_that_is_signed_and_does_not_open_is_refused
        ),
        case!(
            "envelopes/8.5/wrong-iv-signed",
            ["8.5/decrypts"],
            a_signed_envelope_with_another_iv_is_refused
        ),
        case!(
            "envelopes/8.5/state-moves-last",
            ["8.5/state-last"],
            a_bad_envelope_moves_nothing
        ),
        case!(
            "envelopes/8.5/departed",
            ["8.5/not-a-participant", "7.5/departed-refused"],
            one_who_has_left_is_not_heard
        ),
        case!(
            "envelopes/8.5/stranger",
            ["8.5/not-a-participant"],
            a_stranger_is_not_heard
        ),
        case!(
            "envelopes/8.5/not-of-the-epoch",
            ["8.5/not-a-participant"],
            a_newcomer_does_not_write_in_an_older_epoch
        ),
        case!(
            "envelopes/8.5/repeated-text",
            ["8.5/repeated-text"],
            a_text_is_shown_once
        ),
        case!(
            "envelopes/8.5/not-keyed-yet",
            ["8.5/not-keyed-yet"],
            an_envelope_without_a_key_is_shown_as_unreadable
        ),
        case!(
            "envelopes/8.3/unknown-kind",
            ["8.5/unreadable"],
            an_unknown_kind_is_unreadable
        ),
        case!(
            "envelopes/8.3/files-kind",
            ["8.5/unreadable"],
            the_kind_kept_for_files_is_unreadable
        ),
        case!(
            "envelopes/8.3/not-utf8",
            ["8.5/unreadable"],
            a_text_that_is_not_utf8_is_unreadable
        ),
        case!(
            "envelopes/8.3/trailing-bytes",
            ["8.5/unreadable"],
            bytes_too_many_are_unreadable
        ),
        case!(
            "envelopes/8.3/empty-text",
            ["8.5/unreadable"],
            an_empty_text_is_unreadable
        ),
        case!(
            "envelopes/8.3/unpadded",
            ["8.3/padding-checked"],
            a_plaintext_of_another_length_is_unreadable
        ),
        case!(
            "envelopes/8.3/counts-all-the-same",
            ["8.5/unreadable-counts"],
            an_unreadable_one_counts
        ),
        case!(
            "envelopes/8.6/read-and-typing",
            ["8.3/read", "8.3/typing"],
            read_and_typing_are_told
        ),
    ]
}

async fn texts_are_read_in_order(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let long = "ü".repeat(16_384);
    for text in ["one", "two \u{1f525}", long.as_str(), "four"] {
        room.say(0, text)?;
    }
    for text in ["one", "two \u{1f525}", long.as_str(), "four"] {
        let line = room.hear_text(text).await?;
        ensure_eq("history", line["history"].as_bool(), Some(false))?;
        ensure_eq("the name", line["name"].as_str(), Some("Ana"))?;
    }
    Ok(())
}

fn shown(room: &Room, text: &str) -> usize {
    room.subject
        .lines
        .iter()
        .filter(|line| line["text"] == text && line["mine"] == false)
        .count()
}

async fn a_replayed_envelope_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.lie(|frame| {
        if frame["type"] == "message" {
            vec![frame.clone(), frame]
        } else {
            vec![frame]
        }
    });
    room.say(0, "once")?;
    room.hear_text("once").await?;
    room.hear_error(801).await?;
    room.catch_up().await?;
    ensure_eq("how often it was shown", shown(&room, "once"), 1)
}

async fn a_reordered_envelope_is_refused_and_shown(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let mut first = None;
    room.lie(move |frame| {
        if frame["type"] != "message" {
            return vec![frame];
        }
        match first.take() {
            None => {
                first = Some(frame);
                Vec::new()
            }
            Some(first) => vec![frame, first],
        }
    });
    room.say(0, "one")?;
    room.say(0, "two")?;
    let missed = room.hear("missed").await?;
    ensure_eq("how many are missing", missed["count"].as_u64(), Some(1))?;
    room.hear_text("two").await?;
    room.hear_error(801).await?;
    ensure_eq("how often the older one was shown", shown(&room, "one"), 0)
}

async fn a_dropped_envelope_shows_at_the_next(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let mut dropped = 0;
    room.lie(move |frame| {
        if frame["type"] == "message" && dropped < 2 {
            dropped += 1;
            return Vec::new();
        }
        vec![frame]
    });
    for text in ["one", "two", "three"] {
        room.say(0, text)?;
    }
    let missed = room.hear("missed").await?;
    ensure_eq("how many are missing", missed["count"].as_u64(), Some(2))?;
    ensure_eq(
        "of whom",
        missed["from"].as_str(),
        Some(room.id_of(0)?.as_str()),
    )?;
    room.hear_text("three").await?;
    Ok(())
}

async fn a_drop_at_the_end_of_an_epoch_shows_in_the_next(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.say(0, "one")?;
    room.hear_text("one").await?;
    room.lie(|frame| {
        if frame["type"] == "message" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.say(0, "two")?;
    room.honest();
    room.join("Cleo")?;
    room.keyed().await?;
    room.say(0, "three")?;
    let missed = room.hear("missed").await?;
    ensure_eq("how many are missing", missed["count"].as_u64(), Some(1))?;
    room.hear_text("three").await?;
    Ok(())
}

async fn what_the_last_epoch_held_is_compared(context: &Context<Target>) -> Outcome {
    differs_from_the_last_epoch(context, 3, 2).await
}

async fn that_the_last_epoch_held_fewer_is_a_gap_too(context: &Context<Target>) -> Outcome {
    differs_from_the_last_epoch(context, 0, 1).await
}

/// The sender says it had so many envelopes accepted in the epoch before, and the client has seen one.
async fn differs_from_the_last_epoch(
    context: &Context<Target>,
    said: u64,
    missing: u64,
) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    let version = mallory.version;
    let envelope = mallory.text(0, 1, "one")?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    room.hear_text("one").await?;
    room.join("Dora")?;
    room.keyed().await?;
    mallory.keyed(&mut room).await?;
    // The count fits; what it had accepted in the epoch before does not.
    let mut head = header(0, 2);
    head.last = Some(LastEpoch {
        version,
        count: said,
    });
    let text = Text::new("two").map_err(of_the_suite)?;
    let envelope = mallory.seal(
        0,
        plaintext_of(
            0,
            head,
            Body::Text {
                text,
                burn_after: 0,
            },
        ),
    )?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    let missed = room.hear("missed").await?;
    ensure_eq(
        "how many are missing",
        missed["count"].as_u64(),
        Some(missing),
    )?;
    room.hear_text("two").await?;
    Ok(())
}

async fn a_count_ahead_is_a_gap_by_itself(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    let version = mallory.version;
    let envelope = mallory.text(0, 1, "one")?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    room.hear_text("one").await?;
    room.join("Dora")?;
    room.keyed().await?;
    mallory.keyed(&mut room).await?;
    // What it says of the epoch before fits; two between the epochs are missing.
    let mut head = header(0, 4);
    head.last = Some(LastEpoch { version, count: 1 });
    let text = Text::new("four").map_err(of_the_suite)?;
    let body = Body::Text {
        text,
        burn_after: 0,
    };
    let envelope = mallory.seal(0, plaintext_of(0, head, body))?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    let missed = room.hear("missed").await?;
    ensure_eq("how many are missing", missed["count"].as_u64(), Some(2))?;
    room.hear_text("four").await?;
    Ok(())
}

async fn a_count_used_before_is_flagged(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    for (n, text) in [(0, "one"), (1, "two")] {
        let envelope = mallory.text(n, 1, text)?;
        mallory.say(&mut room, &ClientFrame::Message(envelope));
    }
    room.hear_text("one").await?;
    let unread = room.subject.read;
    room.hear_error(906).await?;
    room.subject.read = unread;
    room.hear_text("two").await?;
    Ok(())
}

/// Ana's first envelope comes altered, and right away as it was: only the second is read.
async fn altered(
    context: &Context<Target>,
    code: u64,
    mut alter: impl FnMut(Value) -> Value + Send + 'static,
) -> Outcome {
    let mut room = super::two(context).await?;
    let mut done = false;
    room.lie(move |frame| {
        if frame["type"] != "message" || done {
            return vec![frame];
        }
        done = true;
        vec![alter(frame.clone()), frame]
    });
    room.say(0, "as it was")?;
    room.hear_error(code).await?;
    room.hear_text("as it was").await?;
    room.catch_up().await?;
    ensure_eq("how often it was shown", shown(&room, "as it was"), 1)?;
    ensure_eq("`missed`", room.subject.count("missed"), 0)
}

async fn an_altered_signature_is_refused(context: &Context<Target>) -> Outcome {
    altered(context, 902, |frame| flipped(frame, "sig")).await
}

async fn an_altered_ciphertext_is_refused(context: &Context<Target>) -> Outcome {
    altered(context, 902, |frame| flipped(frame, "ciphertext")).await
}

async fn an_altered_iv_is_refused(context: &Context<Target>) -> Outcome {
    altered(context, 902, |frame| flipped(frame, "iv")).await
}

async fn altered_flags_are_refused(context: &Context<Target>) -> Outcome {
    altered(context, 902, |mut frame| {
        frame["flags"] = 1.into();
        frame
    })
    .await
}

async fn an_altered_n_is_refused(context: &Context<Target>) -> Outcome {
    altered(context, 902, |mut frame| {
        frame["n"] = 3.into();
        frame
    })
    .await
}

async fn a_bad_envelope_moves_nothing(context: &Context<Target>) -> Outcome {
    altered(context, 902, |frame| {
        let mut frame = flipped(frame, "ciphertext");
        frame["n"] = 4_000.into();
        frame
    })
    .await
}

async fn an_envelope_given_to_another_is_refused(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let envelope = mallory.text(0, 1, "not hers")?;
    let ana = burnchat_core::ids::ParticipantId::from_base64(&room.id_of(0)?);
    let ana = ana.ok_or_else(|| of_the_suite("an id"))?;
    room.slip_in(logged(&ana, &envelope));
    room.hear_error(902).await?;
    room.catch_up().await?;
    ensure_eq("how often it was shown", shown(&room, "not hers"), 0)
}

async fn an_insider_cannot_write_as_another(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    // Under Ana's chain, which everybody in the epoch has; all right but for the signature.
    let ana = burnchat_core::ids::ParticipantId::from_base64(&room.id_of(0)?);
    let ana = ana.ok_or_else(|| of_the_suite("an id"))?;
    let (epoch, key) = mallory.newest()?;
    let (message_key, _) = key
        .chain(&epoch, &ana)
        .look_ahead(0)
        .ok_or_else(|| of_the_suite("a key"))?;
    let padded = plaintext(0, 1, "as Ana")?;
    let envelope = Envelope::seal(
        mallory.keys.room_id(),
        &epoch,
        &mallory.me,
        message_key,
        padded,
        &mut rng(),
    )
    .map_err(of_the_suite)?;
    room.slip_in(logged(&ana, &envelope));
    room.hear_error(902).await?;
    room.catch_up().await?;
    ensure_eq("how often it was shown", shown(&room, "as Ana"), 0)
}

/// An envelope that Mallory signs whatever is in it.
fn signed(mallory: &Insider, mut envelope: Envelope) -> Outcome<Envelope> {
    use burnchat_core::crypto::{labels, sha256};
    use burnchat_core::encoding::Fields;
    let digest = sha256(&[&envelope.iv.0, &envelope.ciphertext.0]);
    let signed = Fields::bytes(labels::MSG)
        .put(mallory.keys.room_id().as_bytes())
        .put(envelope.epoch.as_bytes())
        .put(mallory.id().as_bytes())
        .put_u64(envelope.n)
        .put_u8(envelope.flags)
        .put(&digest)
        .finish();
    let sig = mallory
        .me
        .signing()
        .sign(&[&signed])
        .map_err(of_the_suite)?;
    envelope.sig = burnchat_core::wire::Bytes(*sig.as_bytes());
    Ok(envelope)
}

async fn refused_and_the_next_is_read(
    context: &Context<Target>,
    change: impl Fn(&mut Envelope),
) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let mut envelope = mallory.text(0, 1, "does not open")?;
    change(&mut envelope);
    let envelope = signed(&mallory, envelope)?;
    room.slip_in(logged(&mallory.id(), &envelope));
    room.hear_error(903).await?;
    let good = mallory.text(0, 1, "opens")?;
    room.slip_in(logged(&mallory.id(), &good));
    room.hear_text("opens").await?;
    Ok(())
}

async fn one_that_is_signed_and_does_not_open_is_refused(context: &Context<Target>) -> Outcome {
    refused_and_the_next_is_read(context, |envelope| {
        if let Some(last) = envelope.ciphertext.0.last_mut() {
            *last ^= 1;
        }
    })
    .await
}

async fn a_signed_envelope_with_another_iv_is_refused(context: &Context<Target>) -> Outcome {
    refused_and_the_next_is_read(context, |envelope| {
        if let Some(first) = envelope.iv.0.first_mut() {
            *first ^= 1;
        }
    })
    .await
}

async fn one_who_has_left_is_not_heard(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let late = mallory.text(0, 1, "too late")?;
    mallory.leave(&mut room);
    room.hear("participant_left").await?;
    room.slip_in(logged(&mallory.id(), &late));
    room.hear_error(803).await?;
    room.catch_up().await?;
    ensure_eq("how often it was shown", shown(&room, "too late"), 0)
}

async fn a_stranger_is_not_heard(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let stranger = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let envelope = mallory.seal_as(&stranger, 0, plaintext(0, 1, "who am I")?)?;
    room.slip_in(logged(&stranger.id(), &envelope));
    room.hear_error(803).await?;
    Ok(())
}

async fn a_newcomer_does_not_write_in_an_older_epoch(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let (old, key) = mallory.newest()?;
    // Mallory gives the key to Eve, who came later.
    let eve = Insider::join(&mut room, "Eve")?;
    room.keyed().await?;
    let envelope = mallory.seal_in(&old, &key, &eve.me, 0, plaintext(0, 1, "from later")?)?;
    room.slip_in(logged(&eve.id(), &envelope));
    room.hear_error(803).await?;
    room.catch_up().await?;
    ensure_eq("how often it was shown", shown(&room, "from later"), 0)
}

async fn a_text_is_shown_once(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let text = |n: u64, count: u64, words: &str| -> Outcome<SecretBytes> {
        let mut head = header(n, count);
        head.id = burnchat_core::ids::MessageId([7; 16]);
        let text = Text::new(words).map_err(of_the_suite)?;
        Ok(plaintext_of(
            n,
            head,
            Body::Text {
                text,
                burn_after: 0,
            },
        ))
    };
    for (n, words) in [(0, "the first time"), (1, "the second time")] {
        let envelope = mallory.seal(n, text(n, n + 1, words)?)?;
        mallory.say(&mut room, &ClientFrame::Message(envelope));
    }
    let last = mallory.text(2, 3, "another id")?;
    mallory.say(&mut room, &ClientFrame::Message(last));
    room.hear_text("the first time").await?;
    room.hear_text("another id").await?;
    ensure_eq(
        "how often the second was shown",
        shown(&room, "the second time"),
        0,
    )
}

async fn an_envelope_without_a_key_is_shown_as_unreadable(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, super::Terms::default()).await?;
    let mut mallory = Insider::join(&mut room, "Mallory")?;
    mallory.keyed(&mut room).await?;
    let good = mallory.text(0, 1, "before you came")?;
    let mut bad = mallory.text(1, 2, "before you came")?;
    if let Some(first) = bad.sig.0.first_mut() {
        *first ^= 1;
    }
    room.invite().await?;
    room.slip_in(logged(&mallory.id(), &good));
    let line = room.hear("unreadable").await?;
    ensure_eq("the reason", line["reason"].as_str(), Some("not_keyed_yet"))?;
    room.slip_in(logged(&mallory.id(), &bad));
    room.hear_error(902).await?;
    Ok(())
}

async fn what_is_missing_in_epochs_of_others_is_counted(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, super::Terms::default()).await?;
    // The key frame for version 2 is logged only after the client has joined, as version 3.
    room.without_keys = true;
    room.never_ask();
    let mallory = Insider::join(&mut room, "Mallory")?;
    room.invite().await?;
    let key = SessionKey::random(&mut rng());
    let roster_hash = RosterHash([5; 32]);
    let offer = KeyOffer {
        version: 2,
        roster_hash,
        prev: EpochId([0; 32]),
        commit: Bytes(key.commit(&roster_hash)),
        sig: Bytes([1; 64]),
        wraps: Vec::new(),
        back: None,
    };
    room.slip_in(key_entry(&mallory.id(), &offer, None));
    let seen_to_begin = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
    let begun_before = EpochId([7; 32]);
    for (epoch, n, missing) in [
        (seen_to_begin, 2, Some(2)),
        (seen_to_begin, 4, Some(1)),
        (begun_before, 2, None),
        (begun_before, 4, Some(1)),
    ] {
        let padded = plaintext(n, n + 1, "for others")?;
        let envelope = mallory.seal_in(&epoch, &key, &mallory.me, n, padded)?;
        let before = room.subject.count("missed");
        room.slip_in(logged(&mallory.id(), &envelope));
        room.hear("unreadable").await?;
        let told = (room.subject.count("missed") > before)
            .then(|| room.subject.last("missed")?["count"].as_u64())
            .flatten();
        ensure_eq("how many are missing", told, missing)?;
    }
    Ok(())
}

/// A plaintext that nobody should make, well padded.
async fn unreadable(context: &Context<Target>, kind: u8, body: &[u8]) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let envelope = mallory.seal(0, padded(kind, 1, body))?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    let line = room.hear("unreadable").await?;
    ensure_eq("the reason", line["reason"].as_str(), Some("unparsable"))?;
    // It counts, and the next one is read without a gap.
    let next = mallory.text(1, 2, "the next")?;
    mallory.say(&mut room, &ClientFrame::Message(next));
    room.hear_text("the next").await?;
    ensure_eq("`missed`", room.subject.count("missed"), 0)
}

fn padded(kind: u8, count: u64, body: &[u8]) -> SecretBytes {
    let mut plaintext = SecretBytes::with_capacity(64 + body.len());
    plaintext.extend_from_slice(&[kind]);
    plaintext.extend_from_slice(&[0x33; 16]);
    plaintext.extend_from_slice(&1_790_000_000_000_u64.to_be_bytes());
    plaintext.extend_from_slice(&count.to_be_bytes());
    plaintext.extend_from_slice(&[0; 4]);
    // n is 0: nothing accepted before.
    plaintext.extend_from_slice(&[0; 16]);
    plaintext.extend_from_slice(body);
    pad(&mut plaintext);
    plaintext
}

async fn an_unknown_kind_is_unreadable(context: &Context<Target>) -> Outcome {
    unreadable(context, 9, b"from the future").await
}

async fn the_kind_kept_for_files_is_unreadable(context: &Context<Target>) -> Outcome {
    unreadable(context, 6, b"a file").await
}

async fn a_text_that_is_not_utf8_is_unreadable(context: &Context<Target>) -> Outcome {
    unreadable(context, 1, b"\xff\xfe").await
}

async fn bytes_too_many_are_unreadable(context: &Context<Target>) -> Outcome {
    unreadable(context, 2, b"\x01\x00").await
}

async fn an_empty_text_is_unreadable(context: &Context<Target>) -> Outcome {
    unreadable(context, 1, b"").await
}

async fn a_plaintext_of_another_length_is_unreadable(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    // One byte of zeros too many: 65 in place of 64.
    let mut plaintext = padded(1, 1, b"short");
    let mut long = SecretBytes::with_capacity(65);
    long.extend_from_slice(plaintext.as_mut_slice());
    long.extend_from_slice(&[0]);
    let envelope = mallory.seal(0, long)?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    let line = room
        .hear_where("unreadable, or the text", |line| {
            line["event"] == "unreadable" || (line["event"] == "message" && line["mine"] == false)
        })
        .await?;
    ensure_eq(
        "what it is shown as",
        line["event"].as_str(),
        Some("unreadable"),
    )
}

async fn an_unreadable_one_counts(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let envelope = mallory.seal(0, padded(9, 1, b"?"))?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    room.hear("unreadable").await?;
    let twice = mallory.text(1, 1, "a count used before")?;
    mallory.say(&mut room, &ClientFrame::Message(twice));
    room.hear_error(906).await?;
    Ok(())
}

async fn read_and_typing_are_told(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.act(0, |ana, now| ana.set_typing(now, true, &mut rng()))?
        .map_err(of_the_suite)?;
    let typing = room.hear("typing").await?;
    ensure_eq("typing", typing["typing"].as_bool(), Some(true))?;
    room.command(json!({"cmd": "send", "text": "read me"}))
        .await;
    let accepted = room.hear("accepted").await?;
    let id = accepted["id"].as_str().unwrap_or_default().to_owned();
    let me = room.subject_id()?;
    room.until("the text at Ana's", |room| {
        room.texts(0).contains(&"read me").then_some(())
    })
    .await?;
    let read = burnchat_core::crypto::ReadMessage {
        sender: burnchat_core::ids::ParticipantId::from_base64(&me)
            .ok_or_else(|| of_the_suite("an id"))?,
        id: burnchat_core::ids::MessageId::from_base64(&id).ok_or_else(|| of_the_suite("an id"))?,
    };
    room.act(0, |ana, now| ana.mark_read(now, &[read], &mut rng()))?
        .map_err(of_the_suite)?;
    let line = room.hear("read").await?;
    ensure(
        line["by"] == room.id_of(0)?.as_str()
            && line["author"] == me.as_str()
            && line["id"] == id.as_str(),
        "that Ana has read it",
        &line,
    )
}
