//! The attacks: what the relay tells, and when.

use std::pin::Pin;

use burnchat_core::crypto::{Identity, RoomKeys, SessionKey};
use burnchat_core::ids::ParticipantId;
use burnchat_core::link::Link;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::case::Outcome;
use crate::client::insider::{Insider, entry_of, key_entry, logged};
use crate::client::room::{LinkChange, Room, changed_link, flipped, of_the_suite, rng};

/// An attack that a relay can make.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// In the words of the threat model.
    pub(super) attack: &'static str,
    pub(super) history: bool,
    /// Whether the burn of the room is what it comes to.
    pub(super) burns: bool,
    /// What is prepared before anybody joins.
    pub(super) before: fn(&mut Room) -> Outcome,
    /// What is done to one who has joined and has a key; gives the moment of the attack.
    pub(super) after: Option<Strike>,
}

type Strike =
    for<'a> fn(&'a mut Room) -> Pin<Box<dyn Future<Output = Outcome<Instant>> + Send + 'a>>;

macro_rules! scenario {
    ($name:literal, $attack:literal, before $before:expr $(, $flag:ident)*) => {
        Scenario { before: $before, after: None, ..scenario!(@base $name, $attack $(, $flag)*) }
    };
    ($name:literal, $attack:literal, after $after:path $(, $flag:ident)*) => {
        Scenario { after: Some(|room| Box::pin($after(room))), ..scenario!(@base $name, $attack $(, $flag)*) }
    };
    (@base $name:literal, $attack:literal $(, $flag:ident)*) => {
        Scenario {
            name: $name,
            attack: $attack,
            history: false $(|| scenario!(@history $flag))*,
            burns: false $(|| scenario!(@burns $flag))*,
            before: |_| Ok(()),
            after: None,
        }
    };
    (@history history) => { true };
    (@history burns) => { false };
    (@burns burns) => { true };
    (@burns history) => { false };
}

pub(super) static SCENARIOS: &[Scenario] = &[
    scenario!("swap-keys", "swaps keys in the roster it shows", before swap_keys),
    scenario!("rewrap", "takes a session key frame and wraps it anew", before rewrap),
    scenario!("own-key-frame", "makes a key frame of its own", after own_key_frame),
    scenario!("invent-member", "invents a member", after invent_member),
    scenario!("unverified-steward", "asks only a member it invented for a key", after unverified_steward),
    scenario!("two-rosters", "shows people two rosters", before two_rosters),
    scenario!("replay", "replays an envelope", after replay),
    scenario!("reorder", "reorders envelopes of one sender", after reorder),
    scenario!("drop", "drops an envelope", after drop_one),
    scenario!("drop-last", "drops the last envelopes of an epoch", after drop_last),
    scenario!("other-sender", "gives an envelope to another sender", after other_sender),
    scenario!("in-its-name", "logs in somebody's name what it did not send", after in_its_name),
    scenario!("old-key-frame", "replays the key frame of an old epoch", before old_key_frame),
    scenario!("ended-epoch", "logs an envelope in an epoch that has ended", after ended_epoch),
    scenario!("silence", "keeps silent past the end", after silence, burns),
    scenario!("prolong", "prolongs the room by its countdown", after prolong, burns),
    scenario!("finished-room", "says that a finished room lives", before finished_room),
    scenario!("lie-about-history", "says history where the link does not", before lie_about_history),
    scenario!("altered-history", "alters what it kept of a history room", before altered_history, history),
    scenario!("departed-again", "lists an id again that has left", after departed_again),
    scenario!("two-histories", "shows two histories", before two_histories),
    scenario!("hole", "leaves out an entry of the log", after hole),
    scenario!("other-entry", "tells a joiner another entry than its own", before other_entry),
    scenario!("other-role", "tells a joiner another role than its own", before other_role),
    scenario!("removed-goes-on", "lets a removed participant go on sending", after removed_goes_on),
];

fn swap_keys(room: &mut Room) -> Outcome {
    let own = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let (kem, sig) = (
        *own.public().kem().as_bytes(),
        *own.public().verifying().as_bytes(),
    );
    let kem = serde_json::to_value(burnchat_core::wire::Bytes(kem)).map_err(of_the_suite)?;
    let sig = serde_json::to_value(burnchat_core::wire::Bytes(sig)).map_err(of_the_suite)?;
    room.alter(move |mut frame| {
        if let Some(ana) = frame["participants"]
            .as_array_mut()
            .and_then(|all| all.first_mut())
        {
            ana["kem_pub"] = kem.clone();
            ana["sig_pub"] = sig.clone();
        }
        vec![frame]
    });
    Ok(())
}

fn rewrap(room: &mut Room) -> Outcome {
    room.alter_once("session_key", |frame| vec![flipped(frame, "wrapped")]);
    Ok(())
}

fn two_rosters(room: &mut Room) -> Outcome {
    room.alter_once("joined", |mut frame| {
        if let Some(ana) = frame["participants"]
            .as_array_mut()
            .and_then(|all| all.first_mut())
        {
            ana["role"] = "member".into();
        }
        vec![frame]
    });
    Ok(())
}

fn old_key_frame(room: &mut Room) -> Outcome {
    room.lie(|frame| {
        if frame["type"] == "session_key" {
            vec![frame.clone(), frame]
        } else {
            vec![frame]
        }
    });
    Ok(())
}

fn finished_room(room: &mut Room) -> Outcome {
    let minutes = u32::try_from(room.now().0 / 60_000).map_err(of_the_suite)?;
    let change = LinkChange {
        not_after: Some(minutes.saturating_sub(1)),
        ..LinkChange::default()
    };
    room.link = changed_link(&room.link, &change)?;
    Ok(())
}

fn lie_about_history(room: &mut Room) -> Outcome {
    room.alter_once("joined", |mut frame| {
        frame["history"] = true.into();
        vec![frame]
    });
    Ok(())
}

fn altered_history(room: &mut Room) -> Outcome {
    room.alter_once("session_key", |frame| vec![flipped(frame, "sig")]);
    Ok(())
}

fn two_histories(room: &mut Room) -> Outcome {
    room.alter_once("session_key", |frame| vec![flipped(frame, "prev")]);
    Ok(())
}

fn other_entry(room: &mut Room) -> Outcome {
    room.alter_once("joined", |mut frame| {
        if let Some(all) = frame["participants"].as_array_mut() {
            all.reverse();
        }
        vec![frame]
    });
    Ok(())
}

fn other_role(room: &mut Room) -> Outcome {
    room.alter_once("joined", |mut frame| {
        frame["role"] = "creator".into();
        vec![frame]
    });
    Ok(())
}

fn version(room: &Room) -> u64 {
    room.friends
        .first()
        .and_then(|ana| ana.client.roster_version())
        .unwrap_or_default()
}

fn ana(room: &Room) -> Outcome<ParticipantId> {
    ParticipantId::from_base64(&room.id_of(0)?).ok_or_else(|| of_the_suite("an id"))
}

async fn insider(room: &mut Room) -> Outcome<Insider> {
    let mut mallory = Insider::join(room, "Mallory")?;
    mallory.keyed(room).await?;
    Ok(mallory)
}

async fn own_key_frame(room: &mut Room) -> Outcome<Instant> {
    let mut mallory = insider(room).await?;
    mallory.version += 1;
    room.slip_in(json!({"type": "rekey", "seq": 0, "version": mallory.version}));
    let offer = mallory.offer(&SessionKey::random(&mut rng()))?;
    let mut entry = key_entry(&mallory.id(), &offer, None);
    entry["steward"] = room.id_of(0)?.into();
    room.slip_in(entry);
    Ok(Instant::now())
}

/// An entry of the relay's own, with a proof that it could not make.
fn eve(room: &Room) -> Outcome<(Identity, Value)> {
    let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let entry = serde_json::to_value(entry_of(&keys, &me, "Eve")?).map_err(of_the_suite)?;
    Ok((me, flipped(entry, "join_proof")))
}

async fn invent_member(room: &mut Room) -> Outcome<Instant> {
    let (_, entry) = eve(room)?;
    let version = version(room) + 1;
    room.slip_in(
        json!({"type": "participant_joined", "seq": 0, "version": version, "participant": entry}),
    );
    Ok(Instant::now())
}

async fn unverified_steward(room: &mut Room) -> Outcome<Instant> {
    room.without_keys = true;
    room.alter_once("participant_joined", |mut frame| {
        let entry = frame["participant"].take();
        frame["participant"] = flipped(entry, "join_proof");
        vec![frame]
    });
    let mut eve = Insider::join(room, "Eve")?;
    let offer = eve.offer(&SessionKey::random(&mut rng()))?;
    room.slip_in(key_entry(&eve.id(), &offer, None));
    Ok(Instant::now())
}

async fn replay(room: &mut Room) -> Outcome<Instant> {
    room.lie(|frame| {
        if frame["type"] == "message" {
            vec![frame.clone(), frame]
        } else {
            vec![frame]
        }
    });
    room.say(0, "said once")?;
    Ok(Instant::now())
}

async fn reorder(room: &mut Room) -> Outcome<Instant> {
    let mut first = None;
    room.lie(
        move |frame| match (frame["type"] == "message", first.take()) {
            (false, kept) => {
                first = kept;
                vec![frame]
            }
            (true, None) => {
                first = Some(frame);
                Vec::new()
            }
            (true, Some(earlier)) => vec![frame, earlier],
        },
    );
    room.say(0, "one")?;
    room.say(0, "two")?;
    Ok(Instant::now())
}

async fn drop_one(room: &mut Room) -> Outcome<Instant> {
    room.lie(|frame| {
        if frame["type"] == "message" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.say(0, "lost")?;
    room.honest();
    room.say(0, "shows it")?;
    Ok(Instant::now())
}

async fn drop_last(room: &mut Room) -> Outcome<Instant> {
    room.say(0, "one")?;
    room.lie(|frame| {
        if frame["type"] == "message" {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.say(0, "lost")?;
    room.honest();
    insider(room).await?;
    room.say(0, "in the next epoch")?;
    Ok(Instant::now())
}

async fn other_sender(room: &mut Room) -> Outcome<Instant> {
    let mallory = insider(room).await?;
    let envelope = mallory.text(0, 1, "not hers")?;
    let ana = ana(room)?;
    room.slip_in(logged(&ana, &envelope));
    Ok(Instant::now())
}

async fn in_its_name(room: &mut Room) -> Outcome<Instant> {
    let join = room
        .joins()
        .last()
        .map(|join| (*join).clone())
        .unwrap_or_default();
    let me = serde_json::from_value::<(
        burnchat_core::wire::Bytes<65>,
        burnchat_core::wire::Bytes<65>,
    )>(json!([join["kem_pub"], join["sig_pub"]]));
    let (kem, sig) = me.map_err(of_the_suite)?;
    let me = burnchat_core::crypto::participant_id(&kem.0, &sig.0).to_base64();
    room.lie(move |mut frame| {
        if frame["type"] == "message" {
            frame["sender"] = me.clone().into();
        }
        vec![frame]
    });
    room.say(0, "whose is it?")?;
    Ok(Instant::now())
}

async fn ended_epoch(room: &mut Room) -> Outcome<Instant> {
    let mallory = insider(room).await?;
    room.pass(std::time::Duration::from_millis(300)).await;
    let late = mallory.text(0, 1, "too late")?;
    let version = version(room);
    room.slip_in(json!({"type": "epoch_end", "seq": 0, "version": version}));
    room.slip_in(logged(&mallory.id(), &late));
    Ok(Instant::now())
}

async fn silence(room: &mut Room) -> Outcome<Instant> {
    room.tell(&json!({"type": "countdown", "seconds_remaining": 4}));
    room.fall_silent();
    Ok(Instant::now())
}

async fn prolong(room: &mut Room) -> Outcome<Instant> {
    room.tell(&json!({"type": "countdown", "seconds_remaining": 4}));
    room.tell(&json!({"type": "countdown", "seconds_remaining": 590}));
    Ok(Instant::now())
}

async fn departed_again(room: &mut Room) -> Outcome<Instant> {
    let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let entry = entry_of(&keys, &me, "Eve")?;
    let eve = Insider::join_as(room, me, &entry)?;
    room.pass(std::time::Duration::from_millis(600)).await;
    eve.leave(room);
    room.pass(std::time::Duration::from_millis(600)).await;
    let entry = serde_json::to_value(entry).map_err(of_the_suite)?;
    let version = version(room) + 1;
    room.slip_in(
        json!({"type": "participant_joined", "seq": 0, "version": version, "participant": entry}),
    );
    Ok(Instant::now())
}

async fn hole(room: &mut Room) -> Outcome<Instant> {
    room.alter_once("message", |_| Vec::new());
    room.say(0, "left out")?;
    room.say(0, "shows the hole")?;
    Ok(Instant::now())
}

async fn removed_goes_on(room: &mut Room) -> Outcome<Instant> {
    let mallory = insider(room).await?;
    room.pass(std::time::Duration::from_millis(300)).await;
    let late = mallory.text(0, 1, "still here")?;
    let id = mallory.id();
    room.act(0, |ana, now| ana.kick(now, id, false, &mut rng()))?
        .map_err(of_the_suite)?;
    room.slip_in(logged(&id, &late));
    Ok(Instant::now())
}
