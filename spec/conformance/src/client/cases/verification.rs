//! Verification: section 10.

use burnchat_core::client::Client;
use burnchat_core::crypto::Identity;
use burnchat_core::crypto::RoomKeys;
use burnchat_core::link::Link;
use serde_json::{Value, json};

use super::super::insider::entry_of;
use super::super::room::{Room, Terms, of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "verification/10/agree",
            ["10/transcript", "10/forms"],
            the_codes_agree
        ),
        case!(
            "verification/10/every-change",
            ["10/changes"],
            the_codes_change_with_the_roster
        ),
        case!(
            "verification/10/unverified-too",
            ["10/transcript"],
            an_unverified_entry_is_in_the_codes
        ),
        case!(
            "verification/10/swap-with-the-link",
            ["10/transcript"],
            a_relay_with_the_link_shows_in_the_codes
        ),
    ]
}

/// What a friend compares.
fn codes(client: &Client) -> Option<[String; 4]> {
    let code = client.verification()?;
    let emoji = code.emoji().iter().map(|emoji| emoji.symbol).collect();
    Some([
        code.short_code(),
        emoji,
        code.safety_number(),
        code.qr_text(),
    ])
}

/// What the client shows.
fn shown(line: &Value) -> Option<[String; 4]> {
    let text = |member: &str| line[member].as_str().map(str::to_owned);
    Some([text("short")?, text("emoji")?, text("number")?, text("qr")?])
}

async fn agree(room: &mut Room) -> Outcome {
    room.catch_up().await?;
    let line = room
        .subject
        .last("verification")
        .cloned()
        .unwrap_or_default();
    let anas = room.friends.first().and_then(|ana| codes(&ana.client));
    ensure_eq("the codes", shown(&line), anas)
}

async fn the_codes_agree(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    agree(&mut room).await?;
    let before = room.subject.count("verification");
    room.command(json!({"cmd": "verify"})).await;
    room.until("an answer to `verify`", |room| {
        (room.subject.count("verification") > before).then_some(())
    })
    .await?;
    agree(&mut room).await?;
    let line = room
        .subject
        .last("verification")
        .cloned()
        .unwrap_or_default();
    let names = line["emoji_names"].as_array().map(Vec::len);
    ensure_eq("emoji_names", names, Some(16))
}

async fn the_codes_change_with_the_roster(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let two = room.subject.last("verification").cloned();
    room.join("Cleo")?;
    let three = other_codes(&mut room, two.as_ref()).await?;
    agree(&mut room).await?;
    room.act(1, |cleo, now| cleo.leave(now))?;
    room.hear("participant_left").await?;
    other_codes(&mut room, Some(&three)).await?;
    agree(&mut room).await?;
    ensure_eq(
        "the codes after she has left",
        room.subject.last("verification").and_then(shown),
        two.as_ref().and_then(shown),
    )
}

async fn an_unverified_entry_is_in_the_codes(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let mut entry = serde_json::to_value(entry_of(&keys, &me, "Eve")?).map_err(of_the_suite)?;
    entry["join_proof"] = "A".repeat(43).into();
    let before = room.subject.last("verification").cloned();
    room.hear("verification").await?;
    room.slip_in(
        json!({"type": "participant_joined", "seq": 0, "version": 3, "participant": entry}),
    );
    other_codes(&mut room, before.as_ref()).await?;
    Ok(())
}

/// The client's next codes that are not these: what it showed before may still have to be read.
async fn other_codes(room: &mut Room, before: Option<&Value>) -> Outcome<Value> {
    room.hear_where("other codes", |line| {
        line["event"] == "verification" && Some(line) != before
    })
    .await
}

async fn a_relay_with_the_link_shows_in_the_codes(context: &Context<Target>) -> Outcome {
    // It shows the client somebody of its own in Ana's place, with a good proof.
    let mut room = Room::of_ana(context, Terms::default()).await?;
    let keys = RoomKeys::derive(&Link::parse(&room.link).map_err(of_the_suite)?);
    let own = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let own = serde_json::to_value(entry_of(&keys, &own, "Ana")?).map_err(of_the_suite)?;
    room.alter(move |mut frame| {
        match frame["type"].as_str() {
            Some("joined") => {
                if let Some(first) = frame["participants"]
                    .as_array_mut()
                    .and_then(|all| all.first_mut())
                {
                    *first = own.clone();
                }
            }
            Some("session_key") => return Vec::new(),
            _ => {}
        }
        vec![frame]
    });
    room.invite().await?;
    let line = room.hear("verification").await?;
    let anas = room.friends.first().and_then(|ana| codes(&ana.client));
    ensure(
        anas.is_some() && shown(&line) != anas,
        "codes that differ from Ana's",
        "the same",
    )
}
