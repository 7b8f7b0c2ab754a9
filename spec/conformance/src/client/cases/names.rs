//! Names: section 5.5.

use burnchat_core::crypto::{Identity, RoomKeys, aes256_gcm_seal};
use burnchat_core::crypto::{SecretBytes, labels, tag};
use burnchat_core::encoding::Fields;
use burnchat_core::link::Link;
use rand_core::Rng as _;

use super::super::insider::{Insider, proved};
use super::super::room::{Room, of_the_suite, rng};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "names/5.5/label",
            ["5.5/label", "5.5/tag"],
            a_label_is_name_number_tag
        ),
        case!(
            "names/5.5/clash",
            ["5.5/clash"],
            a_name_taken_twice_is_marked
        ),
        case!(
            "names/5.5/right-to-left-override",
            ["5.5/bad-name", "5.5/fallback"],
            an_override_is_a_bad_name
        ),
        case!(
            "names/5.5/zero-width",
            ["5.5/bad-name"],
            a_zero_width_space_is_a_bad_name
        ),
        case!(
            "names/5.5/control",
            ["5.5/bad-name"],
            a_control_character_is_a_bad_name
        ),
        case!(
            "names/5.5/blank",
            ["5.5/bad-name"],
            white_space_alone_is_a_bad_name
        ),
        case!(
            "names/5.5/padding",
            ["5.5/bad-name"],
            a_padding_byte_is_a_bad_name
        ),
        case!(
            "names/5.4/signed-by-another",
            ["5.5/bad-name", "5.4/signature"],
            a_name_signed_by_another_is_bad
        ),
        case!(
            "names/5.5/own-name-too-long",
            ["5.5/own-name"],
            an_own_name_above_64_bytes_is_refused
        ),
        case!(
            "names/5.5/own-name-invisible",
            ["5.5/own-name"],
            an_own_name_with_an_invisible_character_is_refused
        ),
        case!(
            "names/5.5/anonymous",
            ["5.5/anonymous"],
            who_gives_no_name_gets_one
        ),
    ]
}

async fn a_label_is_name_number_tag(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let mallory = Insider::join(&mut room, "Mallory")?;
    let line = room.hear("participant_joined").await?;
    let expected = format!("Mallory·3·{}", tag(&mallory.id()));
    ensure_eq("the label", line["label"].as_str(), Some(expected.as_str()))?;
    ensure_eq(
        "the id",
        line["id"].as_str(),
        Some(mallory.id().to_base64().as_str()),
    )
}

async fn a_name_taken_twice_is_marked(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.join("Ana")?;
    let line = room.hear("participant_joined").await?;
    ensure_eq("name_clash", line["name_clash"].as_bool(), Some(true))?;
    room.join("Dora")?;
    let line = room.hear("participant_joined").await?;
    ensure_eq(
        "name_clash of another",
        line["name_clash"].as_bool(),
        Some(false),
    )
}

macro_rules! bad_names {
    ($($name:ident $bytes:expr;)*) => {$(
        async fn $name(context: &Context<Target>) -> Outcome {
            bad_name(context, $bytes).await
        }
    )*};
}

bad_names! {
    an_override_is_a_bad_name "Ana\u{202e}".as_bytes();
    a_zero_width_space_is_a_bad_name "A\u{200b}na".as_bytes();
    a_control_character_is_a_bad_name "A\u{9b}na".as_bytes();
    white_space_alone_is_a_bad_name " \u{3000}".as_bytes();
}

async fn bad_name(context: &Context<Target>, name: &[u8]) -> Outcome {
    let mut room = super::two(context).await?;
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let sealed = sealed(&room, &me, &me, name, 0)?;
    shown_by_its_fallback(&mut room, me, sealed).await
}

async fn a_padding_byte_is_a_bad_name(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let sealed = sealed(&room, &me, &me, b"Ana", 1)?;
    shown_by_its_fallback(&mut room, me, sealed).await
}

async fn a_name_signed_by_another_is_bad(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let me = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let other = Identity::generate(&mut rng()).map_err(of_the_suite)?;
    let sealed = sealed(&room, &me, &other, b"Ana", 0)?;
    shown_by_its_fallback(&mut room, me, sealed).await
}

/// Joins with this sealed name: it is reported and replaced, and the participant is one like any other.
async fn shown_by_its_fallback(room: &mut Room, me: Identity, sealed: [u8; 157]) -> Outcome {
    let keys = keys(room)?;
    let id = me.id();
    let entry = proved(&keys, &me, sealed);
    let mut mallory = Insider::join_as(room, me, &entry)?;
    let line = room.hear("participant_joined").await?;
    let fallback = burnchat_core::crypto::Name::fallback(&id);
    ensure_eq("the name", line["name"].as_str(), Some(fallback.as_str()))?;
    let error = room.hear_error(901).await?;
    ensure_eq(
        "about",
        error["about"].as_str(),
        Some(id.to_base64().as_str()),
    )?;
    room.keyed().await?;
    mallory.keyed(room).await?;
    let envelope = mallory.text(0, 1, "heard all the same")?;
    mallory.say(room, &burnchat_core::wire::ClientFrame::Message(envelope));
    room.hear_text("heard all the same").await?;
    Ok(())
}

fn keys(room: &Room) -> Outcome<RoomKeys> {
    Ok(RoomKeys::derive(
        &Link::parse(&room.link).map_err(of_the_suite)?,
    ))
}

/// A sealed name (5.4), whatever the name: of `owner`, signed by `signer`, its last byte of padding as given.
fn sealed(
    room: &Room,
    owner: &Identity,
    signer: &Identity,
    name: &[u8],
    last: u8,
) -> Outcome<[u8; 157]> {
    let keys = keys(room)?;
    let mut iv = [0; 12];
    rng().fill_bytes(&mut iv);
    let id = owner.id();
    let signed = Fields::bytes(labels::NAME)
        .put(keys.room_id().as_bytes())
        .put(id.as_bytes())
        .put(name)
        .finish();
    let signature = signer.signing().sign(&[&signed]).map_err(of_the_suite)?;
    let mut plaintext = SecretBytes::with_capacity(145);
    plaintext.extend_from_slice(&[u8::try_from(name.len()).unwrap_or_default()]);
    plaintext.extend_from_slice(name);
    plaintext.resize(64, 0);
    plaintext.extend_from_slice(&[last]);
    plaintext.extend_from_slice(signature.as_bytes());
    let sealed =
        aes256_gcm_seal(keys.name_key(), &iv, id.as_bytes(), plaintext).map_err(of_the_suite)?;
    let mut whole = [0; 157];
    for (to, from) in whole.iter_mut().zip(iv.iter().chain(&sealed)) {
        *to = *from;
    }
    Ok(whole)
}

async fn an_own_name_above_64_bytes_is_refused(context: &Context<Target>) -> Outcome {
    own_name(context, &"n".repeat(65)).await
}

async fn an_own_name_with_an_invisible_character_is_refused(context: &Context<Target>) -> Outcome {
    own_name(context, "A\u{200b}na").await
}

async fn own_name(context: &Context<Target>, name: &str) -> Outcome {
    let mut room = Room::of_ana(context, super::Terms::default()).await?;
    let link = room.link.clone();
    room.start(&["join", &link, "--name", name])?;
    let (_, status) = room.ended().await?;
    ensure_eq("the exit status", status, 2)?;
    ensure_eq("connections to the relay", room.opened, 0)
}

async fn who_gives_no_name_gets_one(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, super::Terms::default()).await?;
    let link = room.link.clone();
    room.start(&["join", &link])?;
    let joined = room.hear("joined").await?;
    let own = joined["participants"]
        .as_array()
        .and_then(|all| all.last().cloned())
        .unwrap_or_default();
    let name = own["name"].as_str().unwrap_or_default();
    let mut parts = name.split('-');
    let is_one = parts.next() == Some("anonymous")
        && parts
            .next()
            .is_some_and(|animal| animal.chars().all(|c| c.is_ascii_lowercase()))
        && parts.next().is_some_and(|rest| {
            rest.len() == 5
                && rest
                    .chars()
                    .all(|c| "abcdefghjklmnpqrstuvwxyz23456789".contains(c))
        });
    ensure(is_one, "anonymous-<animal>-<5 characters>", name)
}
