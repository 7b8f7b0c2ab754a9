//! Epochs: section 7.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use burnchat_core::crypto::{
    PublicIdentity, SessionKey, Signature, epoch_id, sign_key_frame, verify_key_frame,
};
use burnchat_core::ids::{EpochId, ParticipantId};
use burnchat_core::link::Link;
use burnchat_core::wire::{Bytes, ClientFrame, KeyOffer, RelayFrame};
use serde_json::{Value, json};

use super::super::insider::{Insider, copy, key_entry, logged};
use super::super::room::{Room, flipped, of_the_suite, parsed, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "epochs/7.2/key-frame",
            [
                "7.2/frame",
                "7.2/wraps",
                "7.2/installs-from-log",
                "7.2/session-key-fresh"
            ],
            a_key_frame_is_made_when_asked_for
        ),
        case!(
            "epochs/7.2/same-frame",
            ["7.2/same-again"],
            asked_again_it_answers_with_the_same_frame
        ),
        case!(
            "epochs/7.2/other-head",
            ["7.2/other-head"],
            for_another_head_it_makes_another_frame
        ),
        case!(
            "epochs/7.2/declined",
            ["7.2/declined"],
            who_can_key_nobody_declines
        ),
        case!(
            "epochs/7.2/away-too",
            ["7.2/away-too"],
            a_wrap_is_made_for_those_away
        ),
        case!(
            "epochs/7.1/take-over",
            ["7.1/answers"],
            it_takes_over_when_the_first_is_silent,
            slow
        ),
        case!(
            "epochs/7.1/wanted-wrong-version",
            ["7.1/wanted-fork"],
            a_key_wanted_for_another_version_is_a_fork
        ),
        case!(
            "epochs/7.1/wanted-wrong-head",
            ["7.1/wanted-fork"],
            a_key_wanted_for_another_head_is_a_fork
        ),
        case!(
            "epochs/7.1/wanted-keyed",
            ["7.1/wanted-fork"],
            a_key_wanted_for_a_keyed_version_is_a_fork
        ),
        case!(
            "epochs/7.4/good",
            ["7.4/installs"],
            a_good_key_frame_is_installed
        ),
        case!(
            "epochs/7.4/prev",
            ["7.4/1"],
            a_frame_that_does_not_follow_head_is_a_fork
        ),
        case!(
            "epochs/7.4/old-version",
            ["7.4/1"],
            a_frame_for_a_keyed_version_is_a_fork
        ),
        case!(
            "epochs/7.4/future-version",
            ["7.4/1"],
            a_frame_for_a_version_to_come_is_a_fork
        ),
        case!(
            "epochs/7.4/roster-hash",
            ["7.4/3"],
            a_frame_of_another_roster_is_a_fork
        ),
        case!(
            "epochs/7.4/signature",
            ["7.4/3"],
            a_frame_that_its_steward_did_not_sign_is_a_fork
        ),
        case!(
            "epochs/7.4/unknown-steward",
            ["7.4/3"],
            a_frame_of_a_stranger_is_a_fork
        ),
        case!(
            "epochs/7.4/stale-roster",
            ["7.4/3"],
            a_frame_for_a_roster_somebody_has_left_is_a_fork
        ),
        case!(
            "epochs/7.4/before-the-join",
            ["7.4/2"],
            a_frame_from_before_ones_join_only_moves_the_head
        ),
        case!(
            "epochs/7.4/own-frame",
            ["7.4/own"],
            another_commit_in_ones_own_frame_is_a_fork
        ),
        case!(
            "epochs/7.6/no-wrap",
            ["7.4/not-keyed", "7.6/need-key"],
            no_wrap_is_complained_of
        ),
        case!(
            "epochs/7.6/bad-wrap",
            ["7.4/not-keyed", "7.6/need-key"],
            a_wrap_that_does_not_open_is_complained_of
        ),
        case!(
            "epochs/7.6/other-key",
            ["7.4/not-keyed"],
            a_wrap_of_another_key_is_complained_of
        ),
        case!(
            "epochs/7.6/wrapped-for-another",
            ["7.4/not-keyed"],
            a_wrap_for_another_is_complained_of
        ),
        case!(
            "epochs/7.6/unverified-steward",
            ["7.4/not-keyed"],
            an_unverified_steward_keys_nobody
        ),
        case!(
            "epochs/7.6/again",
            ["7.6/every-5-s"],
            a_complaint_is_repeated_every_5_s,
            slow
        ),
        case!(
            "epochs/7.6/after-resume",
            ["7.6/after-resume"],
            a_complaint_is_repeated_after_a_resume
        ),
        case!(
            "epochs/7.6/head-moves",
            ["7.4/head-moves"],
            the_next_frame_follows_one_that_gave_no_key
        ),
        case!(
            "epochs/7.6/stalled",
            ["7.6/stalled"],
            no_key_for_10_s_is_reported_once,
            slow
        ),
        case!(
            "epochs/7.5/hold",
            ["7.5/client-hold"],
            nobody_sends_during_a_hold
        ),
        case!(
            "epochs/7.5/kicked-cannot-read-on",
            ["7.5/rekeyed-without"],
            a_removed_participant_cannot_read_on
        ),
        case!(
            "epochs/7.5/ended",
            ["7.5/client-ended"],
            an_ended_epoch_takes_no_envelope
        ),
        case!(
            "epochs/7.5/ended-by-departure",
            ["7.5/client-ended-by-departure"],
            a_departure_ends_older_epochs
        ),
        case!(
            "epochs/7.5/goes-on",
            ["7.5/client-goes-on"],
            after_a_join_the_older_epoch_goes_on
        ),
        case!(
            "epochs/7.5/five-minutes",
            ["7.5/five-minutes"],
            an_older_epoch_is_wiped_after_five_minutes
        ),
        case!(
            "epochs/7.8/alone",
            ["7.8/alone"],
            one_alone_has_nobody_to_send_to
        ),
    ]
}

fn head_of(room: &Room, friend: usize) -> Outcome<EpochId> {
    room.friends
        .get(friend)
        .and_then(|friend| friend.client.head())
        .ok_or_else(|| of_the_suite("no head"))
}

fn version_of(room: &Room) -> u64 {
    room.friends
        .first()
        .and_then(|friend| friend.client.roster_version())
        .unwrap_or_default()
}

/// The last key frame that the client has offered.
fn offer_of(room: &Room) -> Outcome<KeyOffer> {
    let Some(frame) = room
        .sent_of("session_key")
        .last()
        .map(|frame| frame.to_string())
    else {
        return fail("a key frame", "none");
    };
    match ClientFrame::parse(frame.as_bytes()) {
        Ok(ClientFrame::SessionKey(offer)) => Ok(*offer),
        _ => fail("a key frame that parses", frame),
    }
}

async fn a_key_frame_is_made_when_asked_for(context: &Context<Target>) -> Outcome {
    let mut room = super::of_subject(context, &[]).await?;
    let before = offer_of(&room)?;
    room.join("Cleo")?;
    // The relay has checked it, and both of the others hold its key.
    room.keyed().await?;
    let offer = offer_of(&room)?;
    ensure_eq("the version", offer.version, 3)?;
    let prev = epoch_id(&before.prev, &before.roster_hash, &before.commit.0);
    ensure_eq("prev", offer.prev, prev)?;
    let listed: Vec<ParticipantId> = room
        .friends
        .first()
        .map(|ana| ana.client.participants().iter().map(|who| who.id).collect())
        .unwrap_or_default();
    let wraps: Vec<ParticipantId> = offer.wraps.iter().map(|wrap| wrap.id).collect();
    ensure_eq(
        "who gets wraps, in roster order",
        wraps.as_slice(),
        listed.get(1..).unwrap_or_default(),
    )?;
    ensure(
        offer.commit != before.commit,
        "a fresh session key",
        "the old one",
    )?;
    let first = offer.wraps.first().map(|wrap| wrap.wrapped);
    ensure(
        first != offer.wraps.last().map(|wrap| wrap.wrapped),
        "a wrap for each",
        "the same for both",
    )?;
    ensure(
        offer.back.is_none(),
        "no `back` outside history rooms",
        "one",
    )?;
    // Signed by the steward, over this epoch.
    let join = room
        .joins()
        .first()
        .map(|join| join.to_string())
        .unwrap_or_default();
    let Ok(ClientFrame::Join(join)) = ClientFrame::parse(join.as_bytes()) else {
        return fail("a join", join);
    };
    let me = PublicIdentity::from_sec1(&join.kem_pub.0, &join.sig_pub.0).map_err(of_the_suite)?;
    let epoch = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
    let link = Link::parse(&room.link).map_err(of_the_suite)?;
    let signature = Signature::from_bytes(offer.sig.0);
    let signed = verify_key_frame(me.verifying(), &link.room_id(), &epoch, &signature);
    ensure(signed.is_ok(), "the steward's signature", "another")
}

async fn asked_again_it_answers_with_the_same_frame(context: &Context<Target>) -> Outcome {
    let frames = ask_twice(context, false).await?;
    let [first, second] = frames.as_slice() else {
        return fail("two key frames", frames.len().to_string());
    };
    ensure_eq("the second frame", second, first)
}

/// Keeps the frames it makes from the relay, and asks it again.
async fn ask_twice(context: &Context<Target>, _other: bool) -> Outcome<Vec<Value>> {
    let mut room = super::of_subject(context, &[]).await?;
    room.alter_up(|frame| {
        if frame["type"] == "session_key" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    let before = room.sent_of("session_key").len();
    room.join("Cleo")?;
    room.until("a key frame", |room| {
        (room.sent_of("session_key").len() > before).then_some(())
    })
    .await?;
    let head = head_of(&room, 0)?.to_base64();
    room.tell(&json!({"type": "key_wanted", "version": 3, "head": head}));
    room.until("another", |room| {
        (room.sent_of("session_key").len() > before + 1).then_some(())
    })
    .await?;
    Ok(room
        .sent_of("session_key")
        .into_iter()
        .skip(before)
        .cloned()
        .collect())
}

async fn for_another_head_it_makes_another_frame(context: &Context<Target>) -> Outcome {
    // Asked for version 2 while the first key frame for it is on its way; it is logged, a new version asked for.
    let mut room = super::of_subject(context, &[]).await?;
    let first = offer_of(&room)?;
    room.join("Cleo")?;
    room.keyed().await?;
    let second = offer_of(&room)?;
    ensure(first.commit != second.commit, "another commit", "the same")?;
    ensure(
        first.roster_hash != second.roster_hash,
        "another roster",
        "the same",
    )
}

async fn who_can_key_nobody_declines(context: &Context<Target>) -> Outcome {
    let mut room = super::alone(context, &[]).await?;
    let head = EpochId([0; 32]).to_base64();
    room.tell(&json!({"type": "key_wanted", "version": 1, "head": head}));
    room.until("key_declined", |room| {
        let declined = room.sent_of("key_declined");
        declined
            .iter()
            .any(|frame| frame["version"] == 1)
            .then_some(())
    })
    .await
}

async fn a_wrap_is_made_for_those_away(context: &Context<Target>) -> Outcome {
    let mut room = super::of_subject(context, &[]).await?;
    let ana = room.id_of(0)?;
    room.lose(0);
    let before = room.sent_of("session_key").len();
    room.join("Cleo")?;
    room.until("a key frame", |room| {
        (room.sent_of("session_key").len() > before).then_some(())
    })
    .await?;
    let offer = offer_of(&room)?;
    let there = offer.wraps.iter().any(|wrap| wrap.id.to_base64() == ana);
    ensure(there, "a wrap for Ana, who is away", "none")
}

async fn it_takes_over_when_the_first_is_silent(context: &Context<Target>) -> Outcome {
    // Mallory is asked first and says nothing; after 2 s the relay asks the client, who is next.
    let mut room = Room::of_ana(context, super::Terms::default()).await?;
    let mallory = Insider::join(&mut room, "Mallory")?;
    room.invite().await?;
    room.keyed().await?;
    room.lose(0);
    let before = room.sent_of("session_key").len();
    room.join("Cleo")?;
    room.until_within(
        Duration::from_secs(10),
        "a key frame of the client's",
        |room| (room.sent_of("session_key").len() > before).then_some(()),
    )
    .await?;
    let _ = mallory.id();
    room.hear_where("keyed for version 4", |line| {
        line["event"] == "keyed" && line["version"] == 4
    })
    .await?;
    Ok(())
}

async fn wanted(context: &Context<Target>, change: impl Fn(Value) -> Value) -> Outcome {
    let mut room = super::two(context).await?;
    let head = head_of(&room, 0)?.to_base64();
    // A version that is not keyed.
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": 3}));
    room.tell(&change(
        json!({"type": "key_wanted", "version": 3, "head": head}),
    ));
    room.forks().await
}

async fn a_key_wanted_for_another_version_is_a_fork(context: &Context<Target>) -> Outcome {
    wanted(context, |mut frame| {
        frame["version"] = 4.into();
        frame
    })
    .await
}

async fn a_key_wanted_for_another_head_is_a_fork(context: &Context<Target>) -> Outcome {
    wanted(context, |frame| flipped(frame, "head")).await
}

async fn a_key_wanted_for_a_keyed_version_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let head = head_of(&room, 0)?.to_base64();
    room.tell(&json!({"type": "key_wanted", "version": 2, "head": head}));
    room.forks().await
}

// ---- Key frames told by the relay. Mallory makes them, so that all but what a case is about is right. ----

/// A version that waits for its key, and a key frame of Mallory's for it.
async fn offered(context: &Context<Target>) -> Outcome<(Room, Insider, KeyOffer, SessionKey)> {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    mallory.catch_up(&room);
    mallory.version += 1;
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": mallory.version}));
    let key = SessionKey::random(&mut rng());
    let offer = mallory.offer(&key)?;
    Ok((room, mallory, offer, key))
}

fn wrapped_for(room: &Room, offer: &KeyOffer) -> Outcome<Bytes<40>> {
    let me = room.subject_id()?;
    let found = offer.wraps.iter().find(|wrap| wrap.id.to_base64() == me);
    found
        .map(|wrap| wrap.wrapped)
        .ok_or_else(|| of_the_suite("no wrap for the client"))
}

fn entry_for(room: &Room, mallory: &Insider, offer: &KeyOffer) -> Outcome<Value> {
    Ok(key_entry(
        &mallory.id(),
        offer,
        Some(&wrapped_for(room, offer)?),
    ))
}

/// Signs the frame anew, whatever has been changed in it.
fn sign(mallory: &Insider, offer: &mut KeyOffer) -> Outcome {
    let epoch = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
    let sig = sign_key_frame(&mallory.me, mallory.keys.room_id(), &epoch).map_err(of_the_suite)?;
    offer.sig = Bytes(*sig.as_bytes());
    Ok(())
}

async fn a_good_key_frame_is_installed(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, key) = offered(context).await?;
    let entry = entry_for(&room, &mallory, &offer)?;
    room.slip_in(entry);
    let keyed = room
        .hear_where("keyed", |line| {
            line["event"] == "keyed" && line["version"] == offer.version
        })
        .await?;
    let epoch = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
    ensure_eq(
        "the epoch",
        keyed["epoch"].as_str(),
        Some(epoch.to_base64().as_str()),
    )?;
    // What Mallory says in it is read.
    let padded = super::super::insider::plaintext(0, 1, "under the new key")?;
    let envelope = mallory.seal_in(&epoch, &key, &mallory.me, 0, padded)?;
    room.slip_in(logged(&mallory.id(), &envelope));
    room.hear_text("under the new key").await?;
    Ok(())
}

async fn a_frame_that_does_not_follow_head_is_a_fork(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, mut offer, _) = offered(context).await?;
    offer.prev = EpochId([9; 32]);
    sign(&mallory, &mut offer)?;
    let entry = entry_for(&room, &mallory, &offer)?;
    room.slip_in(entry);
    room.forks().await
}

async fn a_frame_for_a_keyed_version_is_a_fork(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    // Of the newest version, which has its key.
    mallory.catch_up(&room);
    let offer = mallory.offer(&SessionKey::random(&mut rng()))?;
    let entry = entry_for(&room, &mallory, &offer)?;
    room.slip_in(entry);
    room.forks().await
}

async fn a_frame_for_a_version_to_come_is_a_fork(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    mallory.catch_up(&room);
    mallory.version += 1;
    let offer = mallory.offer(&SessionKey::random(&mut rng()))?;
    let entry = entry_for(&room, &mallory, &offer)?;
    room.slip_in(entry);
    room.forks().await
}

async fn a_frame_of_another_roster_is_a_fork(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    mallory.catch_up(&room);
    mallory.version += 1;
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": mallory.version}));
    // All of it fits a roster whose first entry has another role.
    if let Some(first) = mallory.roster.first_mut() {
        first.role = burnchat_core::wire::Role::Member;
    }
    let offer = mallory.offer(&SessionKey::random(&mut rng()))?;
    let entry = entry_for(&room, &mallory, &offer)?;
    room.slip_in(entry);
    room.forks().await
}

async fn a_frame_that_its_steward_did_not_sign_is_a_fork(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let mut entry = entry_for(&room, &mallory, &offer)?;
    // In Ana's name.
    entry["steward"] = room.id_of(0)?.into();
    room.slip_in(entry);
    room.forks().await
}

async fn a_frame_of_a_stranger_is_a_fork(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let mut entry = entry_for(&room, &mallory, &offer)?;
    entry["steward"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
    room.slip_in(entry);
    room.forks().await
}

async fn a_frame_for_a_roster_somebody_has_left_is_a_fork(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let ana = room.id_of(0)?;
    room.slip_in(json!({"type": "participant_left", "seq": 0, "version": offer.version + 1, "id": ana, "reason": "left"}));
    let entry = entry_for(&room, &mallory, &offer)?;
    room.slip_in(entry);
    room.forks().await
}

async fn a_frame_from_before_ones_join_only_moves_the_head(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, super::Terms::default()).await?;
    // The key frame for version 2 is logged only after the client has joined, as version 3.
    room.without_keys = true;
    room.never_ask();
    let mut mallory = Insider::join(&mut room, "Mallory")?;
    room.invite().await?;
    mallory.catch_up(&room);
    let old = super::super::insider::hash_of(
        &mallory.keys,
        2,
        mallory.roster.get(..2).unwrap_or_default(),
    );
    let key = SessionKey::random(&mut rng());
    let mut offer = KeyOffer {
        version: 2,
        roster_hash: old,
        prev: EpochId([0; 32]),
        commit: Bytes(key.commit(&old)),
        sig: Bytes([1; 64]),
        wraps: Vec::new(),
        back: None,
    };
    sign(&mallory, &mut offer)?;
    room.slip_in(key_entry(&mallory.id(), &offer, None));
    mallory.head = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
    let next = mallory.offer(&SessionKey::random(&mut rng()))?;
    let entry = entry_for(&room, &mallory, &next)?;
    room.slip_in(entry);
    room.hear_where("keyed for version 3", |line| {
        line["event"] == "keyed" && line["version"] == 3
    })
    .await?;
    ensure_eq("forks", room.subject.count("gap"), 0)
}

async fn another_commit_in_ones_own_frame_is_a_fork(context: &Context<Target>) -> Outcome {
    let mut room = super::of_subject(context, &[]).await?;
    room.alter_once("session_key", |frame| vec![flipped(frame, "commit")]);
    room.join("Cleo")?;
    room.forks().await
}

/// Tells a frame that gives the client no key: it says so, and complains.
async fn complains(room: &mut Room, entry: Value, version: u64) -> Outcome {
    let before = room.sent_of("need_key").len();
    room.slip_in(entry);
    room.hear_error(905).await?;
    room.until("need_key", |room| {
        (room.sent_of("need_key").len() > before).then_some(())
    })
    .await?;
    let complaint = room
        .sent_of("need_key")
        .last()
        .map(|frame| frame["version"].as_u64());
    ensure_eq(
        "the version complained of",
        complaint.flatten(),
        Some(version),
    )?;
    ensure_eq("forks", room.subject.count("gap"), 0)?;
    let keyed = room
        .subject
        .last("keyed")
        .and_then(|line| line["version"].as_u64());
    ensure(keyed != Some(version), "no key for that version", "`keyed`")
}

async fn no_wrap_is_complained_of(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let entry = key_entry(&mallory.id(), &offer, None);
    complains(&mut room, entry, offer.version).await
}

async fn a_wrap_that_does_not_open_is_complained_of(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let entry = flipped(entry_for(&room, &mallory, &offer)?, "wrapped");
    complains(&mut room, entry, offer.version).await
}

async fn a_wrap_of_another_key_is_complained_of(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let me =
        ParticipantId::from_base64(&room.subject_id()?).ok_or_else(|| of_the_suite("an id"))?;
    let other = mallory.wrap(&me, &SessionKey::random(&mut rng()))?;
    let entry = key_entry(&mallory.id(), &offer, Some(&other.wrapped));
    complains(&mut room, entry, offer.version).await
}

async fn a_wrap_for_another_is_complained_of(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let ana = room.id_of(0)?;
    let anas = offer
        .wraps
        .iter()
        .find(|wrap| wrap.id.to_base64() == ana)
        .map(|wrap| wrap.wrapped);
    let entry = key_entry(&mallory.id(), &offer, anas.as_ref());
    complains(&mut room, entry, offer.version).await
}

async fn an_unverified_steward_keys_nobody(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("participant_joined", |mut frame| {
        let entry = frame["participant"].take();
        frame["participant"] = flipped(entry, "join_proof");
        vec![frame]
    });
    room.without_keys = true;
    let mut eve = Insider::join(&mut room, "Eve")?;
    room.hear_error(900).await?;
    let offer = eve.offer(&SessionKey::random(&mut rng()))?;
    let entry = entry_for(&room, &eve, &offer)?;
    complains(&mut room, entry, offer.version).await
}

async fn a_complaint_is_repeated_every_5_s(context: &Context<Target>) -> Outcome {
    let (mut room, mallory, offer, _) = offered(context).await?;
    let entry = key_entry(&mallory.id(), &offer, None);
    complains(&mut room, entry, offer.version).await?;
    room.pass(Duration::from_millis(3_500)).await;
    ensure_eq(
        "complaints in the first 3.5 s",
        room.sent_of("need_key").len(),
        1,
    )?;
    room.until_within(
        Duration::from_secs(4),
        "another complaint after 5 s",
        |room| (room.sent_of("need_key").len() == 2).then_some(()),
    )
    .await?;
    room.until_within(Duration::from_secs(8), "a third after 10 s", |room| {
        (room.sent_of("need_key").len() == 3).then_some(())
    })
    .await
}

async fn a_complaint_is_repeated_after_a_resume(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    // It gets no wrap, and its complaint is lost.
    room.alter_up(|frame| {
        if frame["type"] == "need_key" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.alter_once("session_key", |mut frame| {
        frame["wrapped"] = Value::Null;
        vec![frame]
    });
    room.join("Cleo")?;
    room.hear_error(905).await?;
    room.until("need_key", |room| {
        (!room.sent_of("need_key").is_empty()).then_some(())
    })
    .await?;
    room.honest();
    room.cut();
    room.hear("resumed").await?;
    room.until_within(Duration::from_secs(3), "need_key at once", |room| {
        (room.sent_of("need_key").len() == 2).then_some(())
    })
    .await?;
    room.keyed().await
}

async fn the_next_frame_follows_one_that_gave_no_key(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory, offer, _) = offered(context).await?;
    let entry = key_entry(&mallory.id(), &offer, None);
    complains(&mut room, entry, offer.version).await?;
    mallory.head = epoch_id(&offer.prev, &offer.roster_hash, &offer.commit.0);
    mallory.version += 1;
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": mallory.version}));
    let offer = mallory.offer(&SessionKey::random(&mut rng()))?;
    let entry = entry_for(&room, &mallory, &offer)?;
    room.slip_in(entry);
    let version = mallory.version;
    room.hear_where("keyed", move |line| {
        line["event"] == "keyed" && line["version"] == version
    })
    .await?;
    ensure_eq("forks", room.subject.count("gap"), 0)
}

async fn no_key_for_10_s_is_reported_once(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    // A version that nobody keys.
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": 3}));
    room.pass(Duration::from_secs(8)).await;
    let early = room
        .subject
        .lines
        .iter()
        .any(|line| line["event"] == "error" && line["code"] == 809);
    ensure(!early, "no report in the first 8 s", "one")?;
    room.hear_within(Duration::from_secs(6), "error 809 after 10 s", |line| {
        line["event"] == "error" && line["code"] == 809
    })
    .await?;
    room.pass(Duration::from_secs(11)).await;
    let reports = room
        .subject
        .lines
        .iter()
        .filter(|line| line["event"] == "error" && line["code"] == 809)
        .count();
    ensure_eq("reports", reports, 1)
}

async fn nobody_sends_during_a_hold(context: &Context<Target>) -> Outcome {
    let mut room = super::three(context).await?;
    // The key frame that would end the hold waits.
    let held = Arc::new(Mutex::new(Vec::new()));
    let keep = held.clone();
    room.lie(move |frame| {
        if frame["type"] == "session_key"
            && let Ok(mut held) = keep.lock()
        {
            held.push(frame);
            return Vec::new();
        }
        vec![frame]
    });
    room.act(1, |cleo, now| cleo.leave(now))?;
    room.hear("participant_left").await?;
    room.command(json!({"cmd": "send", "text": "held"})).await;
    room.hear("message").await?;
    room.pass(Duration::from_millis(1_200)).await;
    ensure_eq(
        "envelopes during the hold",
        room.sent_of("message").len(),
        0,
    )?;
    let frames = held.lock().map(|held| held.clone()).unwrap_or_default();
    ensure(!frames.is_empty(), "a key frame to be made", "none")?;
    room.honest();
    for frame in frames {
        room.slip_in(frame);
    }
    room.hear("accepted").await?;
    room.until("the text at Ana's", |room| {
        room.texts(0).contains(&"held").then_some(())
    })
    .await
}

async fn a_removed_participant_cannot_read_on(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    room.command(json!({"cmd": "send", "text": "with her"}))
        .await;
    room.hear("accepted").await?;
    mallory.catch_up(&room);
    let read = mallory
        .messages
        .last()
        .and_then(|logged| mallory.open(logged));
    ensure(
        read.is_some(),
        "that she reads while she is there",
        "nothing that opens",
    )?;
    let id = mallory.id();
    room.act(0, |ana, now| ana.kick(now, id, true, &mut rng()))?
        .map_err(of_the_suite)?;
    room.hear("participant_left").await?;
    room.keyed().await?;
    room.command(json!({"cmd": "send", "text": "without her"}))
        .await;
    room.hear("accepted").await?;
    // She holds every key she was ever given.
    let Some(last) = room.sent_of("message").last().map(|frame| (*frame).clone()) else {
        return fail("an envelope", "none");
    };
    let known = mallory
        .epochs
        .iter()
        .any(|(epoch, _)| last["epoch"] == epoch.to_base64().as_str());
    ensure(
        !known,
        "an epoch whose key she does not hold",
        "one of hers",
    )?;
    let mut entry = last;
    entry["seq"] = 1.into();
    entry["sender"] = room.subject_id()?.into();
    let Some(RelayFrame::Message(stolen)) = parsed(&entry.to_string()) else {
        return fail("an envelope", entry.to_string());
    };
    // Under each of her keys, wherever the envelope says it belongs.
    let epochs: Vec<(EpochId, SessionKey)> = mallory
        .epochs
        .iter()
        .map(|(id, key)| (*id, copy(key)))
        .collect();
    for (_, key) in epochs {
        let envelope = stolen.clone().into_envelope();
        let chain = key.chain(&envelope.epoch, &stolen.sender);
        if let Some((message_key, _)) = chain.look_ahead(envelope.n) {
            let opened = envelope.open(mallory.keys.room_id(), &stolen.sender, &message_key);
            ensure(
                opened.is_err(),
                "that none of her keys opens it",
                "one does",
            )?;
        }
    }
    Ok(())
}

async fn an_ended_epoch_takes_no_envelope(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let version = version_of(&room);
    let late = mallory.text(0, 1, "too late")?;
    room.slip_in(json!({"type": "epoch_end", "seq": 0, "version": version}));
    room.slip_in(logged(&mallory.id(), &late));
    room.hear_error(802).await?;
    room.catch_up().await?;
    ensure(
        room.subject
            .lines
            .iter()
            .all(|line| line["text"] != "too late"),
        "that it is not shown",
        "its text",
    )
}

async fn a_departure_ends_older_epochs(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    room.join("Dora")?;
    room.keyed().await?;
    let (old, key) = mallory.newest()?;
    room.act(1, |dora, now| dora.leave(now))?;
    room.hear("participant_left").await?;
    room.keyed().await?;
    let padded = super::super::insider::plaintext(0, 1, "too late")?;
    let late = mallory.seal_in(&old, &key, &mallory.me, 0, padded)?;
    room.slip_in(logged(&mallory.id(), &late));
    room.hear_error(802).await?;
    Ok(())
}

async fn after_a_join_the_older_epoch_goes_on(context: &Context<Target>) -> Outcome {
    let (mut room, mut mallory) = super::with_insider(context).await?;
    let (old, key) = mallory.newest()?;
    room.join("Dora")?;
    room.keyed().await?;
    mallory.catch_up(&room);
    let padded = super::super::insider::plaintext(0, 1, "still in the old one")?;
    let envelope = mallory.seal_in(&old, &key, &mallory.me, 0, padded)?;
    mallory.say(&mut room, &ClientFrame::Message(envelope));
    room.hear_text("still in the old one").await?;
    Ok(())
}

async fn an_older_epoch_is_wiped_after_five_minutes(context: &Context<Target>) -> Outcome {
    let (mut room, mallory) = super::with_insider(context).await?;
    let (old, key) = mallory.newest()?;
    room.alter(|frame| {
        if frame["type"] == "epoch_end" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.join("Dora")?;
    room.keyed().await?;
    room.clock(301_000).await?;
    // It may well take the connection for dead after so long a sleep.
    room.until("a connection", |room| {
        (room.subject.count("reconnecting") == room.subject.count("resumed")).then_some(())
    })
    .await?;
    let padded = super::super::insider::plaintext(0, 1, "too late")?;
    let envelope = mallory.seal_in(&old, &key, &mallory.me, 0, padded)?;
    room.slip_in(logged(&mallory.id(), &envelope));
    room.hear_error(802).await?;
    Ok(())
}

async fn one_alone_has_nobody_to_send_to(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.swallow_messages();
    room.command(json!({"cmd": "send", "text": "not accepted yet"}))
        .await;
    room.until("an envelope", |room| {
        (!room.sent_of("message").is_empty()).then_some(())
    })
    .await?;
    room.act(0, |ana, now| ana.leave(now))?;
    let unsent = room.hear("unsent").await?;
    ensure_eq("unsent", unsent["text"].as_str(), Some("not accepted yet"))?;
    room.command(json!({"cmd": "send", "text": "to nobody"}))
        .await;
    room.hear_error(700).await?;
    // Somebody comes: another key, and never the old one.
    let before = room.subject.last("keyed").cloned().unwrap_or_default();
    room.honest();
    room.join("Cleo")?;
    let keyed = room.hear("keyed").await?;
    ensure(
        keyed["epoch"] != before["epoch"],
        "another epoch",
        "the same",
    )
}
