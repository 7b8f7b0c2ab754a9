//! Links: section 4.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::super::room::{LinkChange, Room, Terms, changed_link};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "link/4/not-a-link",
            ["4/refusals", "4/not-a-link"],
            not_a_link
        ),
        case!("link/4/no-fragment", ["4/refusals"], no_fragment),
        case!("link/4/bad-room-id", ["4/refusals"], bad_room_id),
        case!("link/4/bad-encoding", ["4/refusals"], bad_encoding),
        case!("link/4/bad-length", ["4/refusals"], bad_length),
        case!(
            "link/4/unsupported-version",
            ["4/refusals", "4/version-first", "2/no-negotiation"],
            unsupported_version
        ),
        case!("link/4/mistyped", ["4/refusals", "4/check"], mistyped),
        case!("link/4/unknown-flags", ["4/refusals"], unknown_flags),
        case!(
            "link/4/inert",
            ["4/fragment-stays"],
            the_fragment_never_leaves_the_client
        ),
        case!(
            "link/4/clock-skew",
            ["4/clock-skew"],
            a_link_past_its_hard_end_is_refused
        ),
        case!(
            "link/4/history-said-without-flag",
            ["4/history-mismatch"],
            history_without_the_flag
        ),
        case!(
            "link/4/flag-without-history",
            ["4/history-mismatch"],
            the_flag_without_history
        ),
        case!(
            "link/4/not-after",
            ["4/not-after", "12.4/not-after"],
            the_hard_end_burns,
            slow
        ),
        case!(
            "link/4/made",
            ["4/client-room-id", "4/fragment", "11.1/client-request"],
            a_room_is_asked_for_by_its_seed
        ),
    ]
}

macro_rules! malformed {
    ($($name:ident $error:literal;)*) => {$(
        async fn $name(context: &Context<Target>) -> Outcome {
            refused(context, $error).await
        }
    )*};
}

malformed! {
    not_a_link "link_not_a_link";
    no_fragment "link_no_fragment";
    bad_room_id "link_bad_room_id";
    bad_encoding "link_bad_encoding";
    bad_length "link_bad_length";
    unsupported_version "link_unsupported_version";
    mistyped "link_mistyped";
    unknown_flags "link_unknown_flags";
}

static VECTORS: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../vectors/link.json")).unwrap_or_default()
});

/// Every malformed link of the vectors that has this error, each in a process of its own.
async fn refused(context: &Context<Target>, error: &str) -> Outcome {
    let groups = VECTORS["groups"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let malformed = groups.iter().find(|group| group["name"] == "malformed");
    let cases = malformed.and_then(|group| group["cases"].as_array());
    let links = cases.map(Vec::as_slice).unwrap_or_default().iter();
    let mut links = links
        .filter(|case| case["error"] == error)
        .filter_map(|case| case["link"].as_str());
    let terms = Terms::default();
    let mut room = Room::empty(context, terms.limits).await?;
    let mut tried = 0;
    // A link that begins with a dash or has none of a link's letters would be an option, or the end of a line.
    while let Some(link) = links.next().filter(|_| tried < 6) {
        // White space around a link is a terminal's, and not of the link.
        if link.is_empty()
            || link.starts_with('-')
            || link.contains(['\n', '\r', '\0'])
            || link.trim() != link
        {
            continue;
        }
        tried += 1;
        room.subject.lines.clear();
        room.subject.read = 0;
        room.start(&["join", link])?;
        let said = room.hear("error").await?;
        ensure_eq(
            &format!("the error for {link:?}"),
            said["name"].as_str(),
            Some(error),
        )?;
        room.ends("ended", "bad_link", 3).await?;
    }
    ensure(tried > 0, "a link to try", "none")?;
    ensure_eq("connections to the relay", room.opened, 0)
}

async fn the_fragment_never_leaves_the_client(context: &Context<Target>) -> Outcome {
    let room = super::two(context).await?;
    let fragment = room.link.split('#').nth(1).unwrap_or_default().to_owned();
    let secret = fragment.get(8..28).unwrap_or_default().to_owned();
    for frame in &room.sent {
        let text = frame.to_string();
        if text.contains(&fragment) || text.contains(&secret) {
            return fail("nothing of the fragment but the ticket in frames", text);
        }
    }
    Ok(())
}

fn minutes_from_now(minutes: i64) -> u32 {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let now = i64::try_from(seconds / 60).unwrap_or_default();
    u32::try_from(now + minutes).unwrap_or_default()
}

async fn a_link_past_its_hard_end_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    let change = LinkChange {
        not_after: Some(minutes_from_now(-1)),
        ..LinkChange::default()
    };
    let link = changed_link(&room.link, &change)?;
    room.start(&["join", &link])?;
    room.hear_error(805).await?;
    room.ends("ended", "failed", 7).await
}

async fn history_without_the_flag(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.alter_once("joined", |mut frame| {
        frame["history"] = true.into();
        vec![frame]
    });
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.hear_error(804).await?;
    room.ends("ended", "failed", 7).await
}

async fn the_flag_without_history(context: &Context<Target>) -> Outcome {
    let terms = Terms {
        history: true,
        ..Terms::default()
    };
    let mut room = Room::of_ana(context, terms).await?;
    room.alter_once("joined", |mut frame| {
        frame["history"] = false.into();
        vec![frame]
    });
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.hear_error(804).await?;
    room.ends("ended", "failed", 7).await
}

async fn the_hard_end_burns(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    // Within 72 s from now, long before the relay's own end. Nobody else has that link, so nobody is verified:
    // the client is alone in its room.
    let now = room.now().0;
    let minutes = minutes_from_now(if now % 60_000 > 48_000 { 2 } else { 1 });
    let change = LinkChange {
        not_after: Some(minutes),
        ..LinkChange::default()
    };
    room.link = changed_link(&room.link, &change)?;
    room.alter(|mut frame| {
        if frame["type"] == "joined" {
            // Itself alone.
            let own = frame["participants"]
                .as_array()
                .and_then(|all| all.last())
                .cloned();
            frame["participants"] = json!([own]);
        }
        vec![frame]
    });
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.hear("joined").await?;
    room.fall_silent();
    let end = u64::from(minutes) * 60_000;
    let left = end.saturating_sub(room.now().0);
    // Just before, and just after.
    match room.clock(left.saturating_sub(3_000)).await {
        Ok(()) => {}
        Err(case::Stop::NotImplemented(_)) if left < 80_000 => {
            room.pass(Duration::from_millis(left.saturating_sub(3_000)))
                .await;
        }
        other => return other,
    }
    ensure(
        room.subject.exited.is_none(),
        "the room alive 3 s before `not_after`",
        "its end",
    )?;
    room.ends_within(Duration::from_secs(8), "burned", "expired", 0)
        .await
}

async fn a_room_is_asked_for_by_its_seed(context: &Context<Target>) -> Outcome {
    let room = super::alone(
        context,
        &[
            "--ttl",
            "90",
            "--extend",
            "10m",
            "--capacity",
            "7",
            "--history",
        ],
    )
    .await?;
    // The relay derives the id from the seed, and the link has passed our parser with it.
    let link =
        burnchat_core::link::Link::parse(&room.link).map_err(super::super::room::of_the_suite)?;
    ensure(link.history(), "the history flag in the link", "none")?;
    let last = room.now().0 + 690_000;
    let apart = link.not_after().0.saturating_sub(last);
    ensure(
        link.not_after().0 >= last - 5_000 && apart <= 125_000,
        "not_after at the end of the longest extension, to a minute or two",
        format!("{apart} ms later"),
    )?;
    let joined = room.subject.last("joined").cloned().unwrap_or_default();
    ensure_eq("the capacity", joined["capacity"].as_u64(), Some(7))?;
    ensure_eq("the role", joined["role"].as_str(), Some("creator"))
}
