//! History: section 9.

use burnchat_core::client::Event;
use serde_json::{Value, json};

use super::super::room::{Room, Terms, flipped};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "history/9.3/read",
            ["9.3/walk", "9.3/log-order", "9.3/rosters"],
            a_newcomer_reads_what_was_said_before
        ),
        case!(
            "history/9.2/back",
            ["9.2/client-back"],
            its_own_key_frames_lead_back
        ),
        case!(
            "history/9.2/alone",
            ["9.2/alone"],
            it_keys_for_itself_when_alone
        ),
        case!(
            "history/9.3/altered",
            ["9.3/as-live"],
            an_altered_message_of_the_past_is_refused
        ),
        case!(
            "history/9.3/dropped",
            ["9.3/as-live"],
            a_dropped_message_of_the_past_shows
        ),
        case!(
            "history/9.3/roster",
            ["9.3/unavailable"],
            a_past_with_another_roster_is_unavailable
        ),
        case!(
            "history/9.3/key-frame",
            ["9.3/unavailable"],
            a_past_with_another_key_frame_is_unavailable
        ),
        case!(
            "history/9.3/no-way-back",
            ["9.3/unavailable"],
            a_past_without_a_way_back_is_unavailable
        ),
        case!(
            "history/9.3/incomplete",
            ["9.3/complete"],
            an_incomplete_past_is_said_to_be
        ),
        case!(
            "history/9.3/broken-off",
            ["9.3/broken-off", "9.3/unavailable"],
            a_past_that_breaks_off_keeps_nobody_from_the_present
        ),
        case!(
            "history/9.3/not-a-fork",
            ["9.3/not-a-fork"],
            a_bad_past_does_not_spoil_the_present
        ),
        case!(
            "history/9.1/none",
            ["9.1/no-history"],
            without_history_nothing_from_before_is_read
        ),
    ]
}

/// A room with history in which Ana and Cleo have talked, and Ana has said one thing more after Cleo left.
async fn with_a_past(context: &Context<Target>) -> Outcome<Room> {
    let terms = Terms {
        history: true,
        ..Terms::default()
    };
    let mut room = Room::of_ana(context, terms).await?;
    let cleo = room.join("Cleo")?;
    room.until("Ana and Cleo keyed", |room| {
        let keyed = |friend: usize| {
            room.friends.get(friend).is_some_and(|friend| {
                friend
                    .client
                    .epoch()
                    .is_some_and(|(version, _)| Some(version) == friend.client.roster_version())
            })
        };
        (keyed(0) && keyed(1)).then_some(())
    })
    .await?;
    room.say(0, "one")?;
    room.say(cleo, "two")?;
    room.say(0, "three")?;
    room.say(0, "four")?;
    room.act(cleo, |cleo, now| cleo.leave(now))?;
    room.until("Ana keyed alone", |room| {
        let ana = room.friends.first()?;
        (ana.client.epoch()?.0 == ana.client.roster_version()?).then_some(())
    })
    .await?;
    room.say(0, "five")?;
    Ok(room)
}

fn past(room: &Room) -> Vec<&str> {
    room.subject
        .lines
        .iter()
        .filter(|line| line["event"] == "message" && line["history"] == true)
        .filter_map(|line| line["text"].as_str())
        .collect()
}

async fn a_newcomer_reads_what_was_said_before(context: &Context<Target>) -> Outcome {
    let mut room = with_a_past(context).await?;
    room.invite().await?;
    let read = room.hear("history_read").await?;
    ensure_eq("complete", read["complete"].as_bool(), Some(true))?;
    ensure_eq(
        "what was said before",
        past(&room),
        vec!["one", "two", "three", "four", "five"],
    )?;
    room.keyed().await?;
    room.say(0, "six")?;
    let line = room.hear_text("six").await?;
    ensure_eq(
        "history of a new text",
        line["history"].as_bool(),
        Some(false),
    )
}

async fn its_own_key_frames_lead_back(context: &Context<Target>) -> Outcome {
    let mut room = super::of_subject(context, &["--history"]).await?;
    room.command(json!({"cmd": "send", "text": "said before"}))
        .await;
    room.hear("accepted").await?;
    room.join("Cleo")?;
    room.keyed().await?;
    let offers = room.sent_of("session_key");
    let back = offers.last().is_some_and(|offer| offer["back"].is_object());
    ensure(back, "a key frame with `back`", "one without")?;
    room.until("that Cleo reads it", |room| {
        room.texts(1).contains(&"said before").then_some(())
    })
    .await?;
    let complete = room.friends.get(1).is_some_and(|cleo| {
        cleo.events
            .iter()
            .any(|event| matches!(event, Event::HistoryRead { complete: true }))
    });
    ensure(complete, "that Cleo could open all of it", "less")
}

async fn it_keys_for_itself_when_alone(context: &Context<Target>) -> Outcome {
    let mut room = super::alone(context, &["--history"]).await?;
    room.until("a key frame without wraps", |room| {
        let offers = room.sent_of("session_key");
        offers
            .first()
            .and_then(|offer| offer["wraps"].as_array().map(Vec::is_empty))
            .filter(|empty| *empty)
    })
    .await?;
    room.hear("keyed").await?;
    room.command(json!({"cmd": "send", "text": "to who comes"}))
        .await;
    room.hear("accepted").await?;
    Ok(())
}

/// Joins a room with a past, of which the relay alters what comes before `history_end`.
async fn joins_with(
    context: &Context<Target>,
    mut alter: impl FnMut(Value) -> Vec<Value> + Send + 'static,
) -> Outcome<Room> {
    let mut room = with_a_past(context).await?;
    let mut over = false;
    room.alter(move |frame| {
        if frame["type"] == "history_end" {
            over = true;
        }
        if over { vec![frame] } else { alter(frame) }
    });
    room.invite().await?;
    Ok(room)
}

async fn an_altered_message_of_the_past_is_refused(context: &Context<Target>) -> Outcome {
    let mut done = false;
    let mut room = joins_with(context, move |frame| {
        if frame["type"] == "message" && !done {
            done = true;
            return vec![flipped(frame, "ciphertext")];
        }
        vec![frame]
    })
    .await?;
    room.hear_error(902).await?;
    room.hear("history_read").await?;
    ensure_eq(
        "what was said before",
        past(&room),
        vec!["two", "three", "four", "five"],
    )
}

async fn a_dropped_message_of_the_past_shows(context: &Context<Target>) -> Outcome {
    // The one between Ana's first and third in that epoch.
    let mut room = joins_with(context, |frame| {
        if frame["type"] == "message" && frame["n"] == 1 {
            Vec::new()
        } else {
            vec![frame]
        }
    })
    .await?;
    let missed = room.hear("missed").await?;
    ensure_eq("how many are missing", missed["count"].as_u64(), Some(1))?;
    room.hear("history_read").await?;
    ensure_eq(
        "what was said before",
        past(&room),
        vec!["one", "two", "four", "five"],
    )
}

async fn unavailable(
    context: &Context<Target>,
    alter: impl FnMut(Value) -> Vec<Value> + Send + 'static,
) -> Outcome {
    let mut room = joins_with(context, alter).await?;
    room.hear_error(808).await?;
    let read = room.hear("history_read").await?;
    ensure_eq("complete", read["complete"].as_bool(), Some(false))?;
    ensure_eq("forks", room.subject.count("gap"), 0)
}

async fn a_past_with_another_roster_is_unavailable(context: &Context<Target>) -> Outcome {
    unavailable(context, |mut frame| {
        if frame["type"] == "participant_joined" && frame["participant"]["number"] == 2 {
            frame["participant"]["role"] = "creator".into();
        }
        vec![frame]
    })
    .await
}

async fn a_past_with_another_key_frame_is_unavailable(context: &Context<Target>) -> Outcome {
    unavailable(context, |frame| {
        if frame["type"] == "session_key" {
            vec![flipped(frame, "sig")]
        } else {
            vec![frame]
        }
    })
    .await
}

async fn a_past_without_a_way_back_is_unavailable(context: &Context<Target>) -> Outcome {
    let mut room = with_a_past(context).await?;
    // The first key frame the client gets itself leads nowhere.
    room.alter(|mut frame| {
        if frame["type"] == "session_key" && frame["wrapped"].is_string() {
            frame["back"] = Value::Null;
        }
        vec![frame]
    });
    room.invite().await?;
    room.hear_error(808).await?;
    let read = room.hear("history_read").await?;
    ensure_eq("complete", read["complete"].as_bool(), Some(false))?;
    ensure_eq("what was said before", past(&room), Vec::<&str>::new())
}

async fn an_incomplete_past_is_said_to_be(context: &Context<Target>) -> Outcome {
    let mut room = with_a_past(context).await?;
    room.alter_once("history_end", |mut frame| {
        frame["complete"] = false.into();
        vec![frame]
    });
    room.invite().await?;
    let read = room.hear("history_read").await?;
    ensure_eq("complete", read["complete"].as_bool(), Some(false))?;
    ensure_eq(
        "what was said before",
        past(&room),
        vec!["one", "two", "three", "four", "five"],
    )
}

async fn a_past_that_breaks_off_keeps_nobody_from_the_present(
    context: &Context<Target>,
) -> Outcome {
    let mut room = with_a_past(context).await?;
    // Neither the end of the history nor a key comes before the connection breaks. The key is the first that is missed.
    room.alter(|frame| {
        if frame["type"] == "history_end" || frame["type"] == "session_key" && frame["version"] == 4
        {
            Vec::new()
        } else {
            vec![frame]
        }
    });
    room.invite().await?;
    room.cut();
    room.honest();
    let read = room.hear("history_read").await?;
    ensure_eq("complete", read["complete"].as_bool(), Some(false))?;
    room.keyed().await?;
    room.say(0, "now")?;
    room.hear_text("now").await?;
    ensure_eq("forks", room.subject.count("gap"), 0)
}

async fn a_bad_past_does_not_spoil_the_present(context: &Context<Target>) -> Outcome {
    let mut room = joins_with(context, |frame| {
        if frame["type"] == "session_key" {
            vec![flipped(frame, "prev")]
        } else {
            vec![frame]
        }
    })
    .await?;
    room.hear_error(808).await?;
    room.keyed().await?;
    room.say(0, "now")?;
    room.hear_text("now").await?;
    room.command(json!({"cmd": "send", "text": "and I"})).await;
    room.hear("accepted").await?;
    ensure_eq("forks", room.subject.count("gap"), 0)
}

async fn without_history_nothing_from_before_is_read(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.join("Cleo")?;
    room.pass(std::time::Duration::from_millis(500)).await;
    room.say(0, "before you came")?;
    room.invite().await?;
    room.keyed().await?;
    room.say(0, "since")?;
    room.hear_text("since").await?;
    let shown = room
        .subject
        .lines
        .iter()
        .any(|line| line["text"] == "before you came");
    ensure(!shown, "nothing from before", "a text")
}
