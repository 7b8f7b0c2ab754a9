//! Sending: sections 8.2 to 8.4.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use burnchat_core::crypto::padded_len;
use burnchat_core::error::Code;
use burnchat_core::wire::{LoggedEnvelope, RelayFrame};
use serde_json::{Value, json};

use super::super::insider::Insider;
use super::super::room::{Room, flipped, of_the_suite, parsed};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "sending/8.2/envelope",
            [
                "8.2/aad",
                "8.2/signature",
                "8.1/chain",
                "8.3/header",
                "8.4/client-n"
            ],
            envelopes_are_made_as_the_spec_says
        ),
        case!(
            "sending/8.3/padding",
            ["8.3/padding"],
            every_length_on_the_wire_is_padded
        ),
        case!(
            "sending/8.2/fresh-iv",
            ["8.2/fresh-iv"],
            no_iv_and_no_key_is_used_twice
        ),
        case!(
            "sending/8.3/last-epoch",
            ["8.3/last"],
            the_first_of_an_epoch_tells_of_the_last
        ),
        case!(
            "sending/8.4/accepted",
            ["8.4/client-accepted"],
            a_text_is_accepted_by_its_entry
        ),
        case!(
            "sending/8.4/altered-echo",
            ["8.4/echo"],
            an_altered_echo_is_a_fork
        ),
        case!(
            "sending/8.4/echo-flags",
            ["8.4/echo"],
            an_echo_with_other_flags_is_a_fork
        ),
        case!(
            "sending/8.4/not-its-own",
            ["8.4/echo"],
            an_envelope_in_its_name_that_it_did_not_send_is_a_fork
        ),
        case!(
            "sending/8.4/refused-and-logged",
            ["8.4/stale"],
            an_entry_after_its_refusal_is_a_fork
        ),
        case!(
            "sending/8.4/stale-epoch",
            ["8.4/stale", "8.4/encrypted-anew"],
            a_refused_text_goes_out_in_the_next_epoch
        ),
        case!(
            "sending/8.4/rate-limited",
            ["8.4/retry"],
            after_rate_limited_the_same_bytes_are_sent_again
        ),
        case!(
            "sending/8.4/bad-sequence",
            ["8.4/retry"],
            after_bad_sequence_the_same_bytes_are_sent_again
        ),
        case!(
            "sending/8.4/unsent",
            ["8.4/unsent"],
            a_text_does_not_go_to_who_came_after_it
        ),
        case!(
            "sending/8.4/unsent-unverified",
            ["8.4/unsent-unverified"],
            a_text_does_not_go_where_somebody_unverified_has_come
        ),
        case!(
            "sending/8.4/unknown",
            ["8.4/unknown"],
            what_was_in_flight_at_a_fork_is_unknown
        ),
        case!(
            "sending/8.4/passing",
            ["8.4/passing"],
            typing_is_not_carried_over
        ),
        case!(
            "sending/16/in-flight",
            ["16/in-flight"],
            no_more_than_64_are_in_flight
        ),
        case!("sending/16/held", ["16/held"], no_more_than_256_texts_wait),
        case!(
            "sending/16/text-length",
            ["16/text"],
            texts_have_a_longest_and_a_shortest_length
        ),
        case!(
            "sending/8.4/one-epoch-at-a-time",
            ["8.4/one-epoch"],
            the_older_epoch_is_finished_first
        ),
    ]
}

/// Sends a text and waits for its acceptance; gives its id.
async fn send(room: &mut Room, text: &str) -> Outcome<String> {
    room.command(json!({"cmd": "send", "text": text})).await;
    let accepted = room.hear("accepted").await?;
    Ok(accepted["id"].as_str().unwrap_or_default().to_owned())
}

/// What the client has sent so far, as the log would show it.
fn envelopes(room: &Room) -> Outcome<Vec<LoggedEnvelope>> {
    let sender = room.subject_id()?;
    room.sent_of("message")
        .into_iter()
        .map(|frame| {
            let mut frame = frame.clone();
            frame["seq"] = 1.into();
            frame["sender"] = sender.clone().into();
            match parsed(&frame.to_string()) {
                Some(RelayFrame::Message(logged)) => Ok(logged),
                _ => fail("an envelope", frame.to_string()),
            }
        })
        .collect()
}

async fn envelopes_are_made_as_the_spec_says(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(send(&mut room, text).await?);
    }
    for (place, logged) in envelopes(&room)?.iter().enumerate() {
        let n = u64::try_from(place).unwrap_or_default();
        let envelope = logged.clone().into_envelope();
        ensure_eq("n", envelope.n, n)?;
        ensure_eq("flags", envelope.flags, 0)?;
        let Some((_, Some(decoded))) = mallory.open(logged) else {
            return fail(
                "an envelope that opens under the sender's chain and the AAD",
                "one that does not",
            );
        };
        ensure_eq("count", decoded.header.count, n + 1)?;
        ensure_eq(
            "the id",
            Some(decoded.header.id.to_base64()),
            ids.get(place).cloned(),
        )?;
        ensure_eq(
            "last_version and last_count, there only with n = 0",
            decoded.header.last.is_some(),
            n == 0,
        )?;
        let apart = decoded.header.sent_at.0.abs_diff(room.now().0);
        ensure(
            apart < 60_000,
            "sent_at near the present",
            format!("{apart} ms apart"),
        )?;
        let entry = mallory
            .roster
            .iter()
            .find(|entry| super::super::insider::id_of(entry) == logged.sender);
        let Some(entry) = entry else {
            return Err(of_the_suite("no entry of the sender"));
        };
        let key = burnchat_core::crypto::VerifyingKey::from_sec1(&entry.sig_pub.0)
            .map_err(of_the_suite)?;
        let verified = envelope.verify(mallory.keys.room_id(), &logged.sender, &key);
        ensure(verified.is_ok(), "the sender's signature", "another")?;
    }
    room.until("all three at Ana's", |room| {
        (room.texts(0) == ["one", "two", "three"]).then_some(())
    })
    .await
}

async fn every_length_on_the_wire_is_padded(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    for (n, length) in [1_usize, 26, 27, 100, 333, 1_000, 5_000, 32_768]
        .into_iter()
        .enumerate()
    {
        send(&mut room, &"x".repeat(length)).await?;
        let head = if n == 0 { 53 } else { 37 };
        let sent = envelopes(&room)?;
        let wire = sent
            .last()
            .map(|logged| logged.clone().into_envelope().ciphertext.0.len());
        ensure_eq(
            &format!("the length of the ciphertext of a text of {length} bytes"),
            wire,
            Some(padded_len(head + length + 1) + 16),
        )?;
    }
    // What passes looks like a short text.
    room.command(json!({"cmd": "typing", "typing": true})).await;
    room.until("an envelope for `typing`", |room| {
        (room.sent_of("message").len() == 9).then_some(())
    })
    .await?;
    let wire = envelopes(&room)?
        .last()
        .map(|logged| logged.clone().into_envelope().ciphertext.0.len());
    ensure_eq("the length of the ciphertext of `typing`", wire, Some(80))
}

async fn no_iv_and_no_key_is_used_twice(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    for text in 0..12 {
        send(&mut room, &format!("text {text}")).await?;
    }
    room.join("Cleo")?;
    room.keyed().await?;
    for text in 0..4 {
        send(&mut room, &format!("text {text} of another epoch")).await?;
    }
    let sent = envelopes(&room)?;
    let ivs: BTreeSet<[u8; 12]> = sent
        .iter()
        .map(|logged| logged.clone().into_envelope().iv.0)
        .collect();
    ensure_eq("different IVs", ivs.len(), 16)?;
    let keys: BTreeSet<(String, u64)> = sent
        .iter()
        .map(|logged| {
            (
                logged.clone().into_envelope().epoch.to_base64(),
                logged.clone().into_envelope().n,
            )
        })
        .collect();
    ensure_eq("different keys", keys.len(), 16)
}

async fn the_first_of_an_epoch_tells_of_the_last(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    let before = mallory.version;
    send(&mut room, "one").await?;
    send(&mut room, "two").await?;
    room.join("Dora")?;
    room.keyed().await?;
    mallory.keyed(&mut room).await?;
    send(&mut room, "three").await?;
    let sent = envelopes(&room)?;
    let opened = sent.last().and_then(|logged| mallory.open(logged));
    let Some((_, Some(decoded))) = opened else {
        return fail("an envelope that opens", "one that does not");
    };
    let last = decoded.header.last.unwrap_or_default();
    ensure_eq("last_version", last.version, before)?;
    ensure_eq("last_count", last.count, 2)?;
    ensure_eq("count", decoded.header.count, 3)
}

async fn a_text_is_accepted_by_its_entry(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let echoes = Arc::new(Mutex::new(Vec::new()));
    let keep = echoes.clone();
    room.lie(move |frame| {
        if frame["type"] == "message"
            && let Ok(mut echoes) = keep.lock()
        {
            echoes.push(frame);
            return Vec::new();
        }
        vec![frame]
    });
    room.command(json!({"cmd": "send", "text": "in flight"}))
        .await;
    room.hear("message").await?;
    room.until("an envelope", |room| {
        (!room.sent_of("message").is_empty()).then_some(())
    })
    .await?;
    room.pass(Duration::from_millis(700)).await;
    ensure_eq(
        "`accepted` before the entry",
        room.subject.count("accepted"),
        0,
    )?;
    let echoes = echoes
        .lock()
        .map(|echoes| echoes.clone())
        .unwrap_or_default();
    room.honest();
    for echo in echoes {
        room.slip_in(echo);
    }
    room.hear("accepted").await?;
    Ok(())
}

async fn echo(
    context: &Context<Target>,
    change: impl FnMut(Value) -> Value + Send + 'static,
) -> Outcome {
    let mut room = super::two(context).await?;
    let mut change = change;
    room.alter_once("message", move |frame| vec![change(frame)]);
    room.command(json!({"cmd": "send", "text": "altered on its way"}))
        .await;
    room.forks().await?;
    ensure_eq("`accepted`", room.subject.count("accepted"), 0)
}

async fn an_altered_echo_is_a_fork(context: &Context<Target>) -> Outcome {
    echo(context, |frame| flipped(frame, "ciphertext")).await
}

async fn an_echo_with_other_flags_is_a_fork(context: &Context<Target>) -> Outcome {
    echo(context, |mut frame| {
        frame["flags"] = 1.into();
        frame
    })
    .await
}

async fn an_envelope_in_its_name_that_it_did_not_send_is_a_fork(
    context: &Context<Target>,
) -> Outcome {
    let mut room = super::two(context).await?;
    let me = room.subject_id()?;
    room.lie(move |mut frame| {
        if frame["type"] == "message" {
            frame["sender"] = me.clone().into();
        }
        vec![frame]
    });
    room.say(0, "whose is it?")?;
    room.forks().await
}

async fn an_entry_after_its_refusal_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.lie(|frame| {
        if frame["type"] != "message" {
            return vec![frame];
        }
        let refusal = json!({"type": "error", "code": "stale_epoch", "epoch": frame["epoch"], "n": frame["n"]});
        vec![refusal, frame]
    });
    room.command(json!({"cmd": "send", "text": "refused and logged"}))
        .await;
    room.forks().await
}

async fn a_refused_text_goes_out_in_the_next_epoch(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    // The relay refuses what is sent in this epoch.
    room.swallow_messages();
    room.command(json!({"cmd": "send", "text": "again"})).await;
    let own = room.hear("message").await?;
    room.until("an envelope", |room| {
        (!room.sent_of("message").is_empty()).then_some(())
    })
    .await?;
    let first = room
        .sent_of("message")
        .first()
        .map(|frame| (*frame).clone())
        .unwrap_or_default();
    room.tell(
        &json!({"type": "error", "code": "stale_epoch", "epoch": first["epoch"], "n": first["n"]}),
    );
    room.catch_up().await?;
    room.command(json!({"cmd": "send", "text": "and more"}))
        .await;
    room.pass(Duration::from_millis(600)).await;
    ensure_eq(
        "envelopes in an epoch that has refused one",
        room.sent_of("message").len(),
        1,
    )?;
    // A new key for the same people.
    room.honest();
    mallory.say(
        &mut room,
        &burnchat_core::wire::ClientFrame::NeedKey(burnchat_core::wire::VersionOnly {
            version: mallory.version,
        }),
    );
    room.hear("accepted").await?;
    mallory.keyed(&mut room).await?;
    let sent = envelopes(&room)?;
    let Some(again) = sent.get(1) else {
        return fail("a second envelope", "none");
    };
    ensure(
        again.clone().into_envelope().epoch.to_base64()
            != first["epoch"].as_str().unwrap_or_default(),
        "another epoch",
        "the same",
    )?;
    let Some((_, Some(decoded))) = mallory.open(again) else {
        return fail("an envelope that opens", "one that does not");
    };
    ensure_eq(
        "the id",
        Some(decoded.header.id.to_base64().as_str()),
        own["id"].as_str(),
    )?;
    ensure_eq(
        "the count, which nothing refused uses up",
        decoded.header.count,
        1,
    )?;
    room.hear("accepted").await?;
    ensure(
        room.texts(0) == ["again", "and more"],
        "both texts, in their order",
        format!("{:?}", room.texts(0)),
    )
}

async fn sent_again(context: &Context<Target>, error: Value, least: u64) -> Outcome {
    let mut room = super::two(context).await?;
    room.swallow_messages();
    for text in ["one", "two"] {
        room.command(json!({"cmd": "send", "text": text})).await;
    }
    room.until("two envelopes", |room| {
        (room.sent_of("message").len() == 2).then_some(())
    })
    .await?;
    let first = room
        .sent_of("message")
        .first()
        .map(|frame| (*frame).clone())
        .unwrap_or_default();
    let mut error = error;
    error["epoch"] = first["epoch"].clone();
    error["n"] = first["n"].clone();
    let begun = room.now();
    room.tell(&error);
    room.honest();
    room.until("four envelopes", |room| {
        (room.sent_of("message").len() >= 4).then_some(())
    })
    .await?;
    let waited = room.now().0 - begun.0;
    ensure(
        waited + 60 >= least,
        format!("a wait of {least} ms"),
        format!("{waited} ms"),
    )?;
    let sent = room.sent_of("message");
    ensure(
        sent.get(..2) == sent.get(2..4),
        "the same bytes, in the same order",
        format!("{sent:?}"),
    )?;
    room.until("both at Ana's", |room| {
        (room.texts(0) == ["one", "two"]).then_some(())
    })
    .await
}

async fn after_rate_limited_the_same_bytes_are_sent_again(context: &Context<Target>) -> Outcome {
    sent_again(
        context,
        json!({"type": "error", "code": "rate_limited", "retry_after_ms": 1500}),
        1_500,
    )
    .await
}

async fn after_bad_sequence_the_same_bytes_are_sent_again(context: &Context<Target>) -> Outcome {
    sent_again(
        context,
        json!({"type": "error", "code": "bad_sequence"}),
        1_000,
    )
    .await
}

async fn a_text_does_not_go_to_who_came_after_it(context: &Context<Target>) -> Outcome {
    let mut room = super::three(context).await?;
    // Written in the hold after Cleo left; then Dora comes, and the next key is for her as well.
    room.lie(|frame| {
        if frame["type"] == "session_key" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.act(1, |cleo, now| cleo.leave(now))?;
    room.hear("participant_left").await?;
    room.command(json!({"cmd": "send", "text": "for two"}))
        .await;
    room.hear("message").await?;
    room.catch_up().await?;
    ensure_eq(
        "envelopes during the hold",
        room.sent_of("message").len(),
        0,
    )?;
    // The key of version 4 never reached the client: one of version 5 that follows it would be a fork. The relay makes
    // Dora's join come first, as far as the client sees.
    let mut mallory = Insider::join(&mut room, "Dora")?;
    mallory.catch_up(&room);
    let head = room
        .subject
        .last("keyed")
        .and_then(|line| line["epoch"].as_str())
        .map(str::to_owned);
    let head = head.and_then(|head| burnchat_core::ids::EpochId::from_base64(&head));
    mallory.head = head.ok_or_else(|| of_the_suite("no head"))?;
    room.hear("participant_joined").await?;
    let offer = mallory.offer(&burnchat_core::crypto::SessionKey::random(
        &mut super::super::room::rng(),
    ))?;
    let me = room.subject_id()?;
    let wrap = offer
        .wraps
        .iter()
        .find(|wrap| wrap.id.to_base64() == me)
        .map(|wrap| wrap.wrapped);
    room.slip_in(super::super::insider::key_entry(
        &mallory.id(),
        &offer,
        wrap.as_ref(),
    ));
    let unsent = room.hear("unsent").await?;
    ensure_eq("unsent", unsent["text"].as_str(), Some("for two"))?;
    ensure_eq("envelopes", room.sent_of("message").len(), 0)
}

async fn a_text_does_not_go_where_somebody_unverified_has_come(
    context: &Context<Target>,
) -> Outcome {
    let mut room = super::two(context).await?;
    room.swallow_messages();
    room.command(json!({"cmd": "send", "text": "for two"}))
        .await;
    room.until("an envelope", |room| {
        (!room.sent_of("message").is_empty()).then_some(())
    })
    .await?;
    // What the client is shown of Dora proves nothing. Ana is shown the truth, and gives her the key.
    room.lie(|mut frame| {
        if frame["type"] == "participant_joined" {
            frame["participant"]["join_proof"] = "A".repeat(43).into();
        }
        vec![frame]
    });
    room.join("Dora")?;
    room.hear_error(u64::from(Code::UnverifiedParticipant.number()))
        .await?;
    room.keyed().await?;
    room.alter_up(|frame| vec![frame]);
    let sent = room.sent_of("message");
    let first = sent
        .first()
        .map(|frame| (*frame).clone())
        .unwrap_or_default();
    room.tell(
        &json!({"type": "error", "code": "stale_epoch", "epoch": first["epoch"], "n": first["n"]}),
    );
    let unsent = room.hear("unsent").await?;
    ensure_eq("unsent", unsent["text"].as_str(), Some("for two"))?;
    ensure_eq("envelopes", room.sent_of("message").len(), 1)
}

async fn what_was_in_flight_at_a_fork_is_unknown(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.swallow_messages();
    room.command(json!({"cmd": "send", "text": "in flight"}))
        .await;
    room.until("an envelope", |room| {
        (!room.sent_of("message").is_empty()).then_some(())
    })
    .await?;
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": 9}));
    let unknown = room.hear("unknown").await?;
    ensure_eq("unknown", unknown["text"].as_str(), Some("in flight"))?;
    room.hear("gap").await?;
    Ok(())
}

async fn typing_is_not_carried_over(context: &Context<Target>) -> Outcome {
    let mut room = super::three(context).await?;
    room.lie(|frame| {
        if frame["type"] == "session_key" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.act(1, |cleo, now| cleo.leave(now))?;
    room.hear("participant_left").await?;
    room.command(json!({"cmd": "typing", "typing": true})).await;
    room.catch_up().await?;
    room.pass(Duration::from_millis(300)).await;
    ensure_eq(
        "envelopes during the hold",
        room.sent_of("message").len(),
        0,
    )
}

async fn no_more_than_64_are_in_flight(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.swallow_messages();
    for text in 0..70 {
        room.command(json!({"cmd": "send", "text": format!("text {text}")}))
            .await;
    }
    room.until("64 envelopes", |room| {
        (room.sent_of("message").len() >= 64).then_some(())
    })
    .await?;
    room.pass(Duration::from_millis(700)).await;
    ensure_eq(
        "envelopes that are not accepted",
        room.sent_of("message").len(),
        64,
    )
}

async fn no_more_than_256_texts_wait(context: &Context<Target>) -> Outcome {
    let mut room = super::three(context).await?;
    room.lie(|frame| {
        if frame["type"] == "session_key" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.act(1, |cleo, now| cleo.leave(now))?;
    room.hear("participant_left").await?;
    for text in 0..257 {
        room.command(json!({"cmd": "send", "text": format!("text {text}")}))
            .await;
    }
    room.hear_error(703).await?;
    let written = room
        .subject
        .lines
        .iter()
        .filter(|line| line["event"] == "message" && line["mine"] == true)
        .count();
    ensure_eq("texts that wait", written, 256)
}

async fn texts_have_a_longest_and_a_shortest_length(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.command(json!({"cmd": "send", "text": "ü".repeat(16_385)}))
        .await;
    room.hear_error(701).await?;
    room.command(json!({"cmd": "send", "text": ""})).await;
    room.hear_error(702).await?;
    let longest = "ü".repeat(16_384);
    send(&mut room, &longest).await?;
    room.until("the longest at Ana's", |room| {
        room.texts(0).contains(&longest.as_str()).then_some(())
    })
    .await
}

async fn the_older_epoch_is_finished_first(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.swallow_messages();
    room.command(json!({"cmd": "send", "text": "in the old epoch"}))
        .await;
    room.until("an envelope", |room| {
        (!room.sent_of("message").is_empty()).then_some(())
    })
    .await?;
    room.join("Cleo")?;
    room.keyed().await?;
    room.command(json!({"cmd": "send", "text": "in the new one"}))
        .await;
    room.pass(Duration::from_millis(700)).await;
    ensure_eq(
        "envelopes while one is in flight in the older epoch",
        room.sent_of("message").len(),
        1,
    )
}
