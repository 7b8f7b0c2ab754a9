//! The shim itself: `spec/shim.md`.

use std::time::Duration;

use serde_json::json;

use super::super::room::{Room, Terms};
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq, fail};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "shim/14.1/order",
            ["14.1/driver"],
            the_lines_come_in_their_order
        ),
        case!(
            "shim/14.1/answers",
            ["14.1/driver"],
            answers_come_in_the_order_of_commands
        ),
        case!("shim/14.1/early", ["14.1/driver"], commands_wait_for_joined),
        case!(
            "shim/14.1/bad-lines",
            ["14.1/driver"],
            a_bad_line_is_answered_and_ends_nothing
        ),
        case!(
            "shim/14.1/long-line",
            ["14.1/driver"],
            a_line_too_long_costs_only_itself
        ),
        case!(
            "shim/14.1/escapes",
            ["14.1/driver"],
            control_characters_are_escaped
        ),
        case!(
            "shim/14.1/link-from-stdin",
            ["14.1/driver"],
            the_link_can_come_on_standard_input
        ),
        case!(
            "shim/14.1/usage",
            ["14.1/driver"],
            a_bad_command_line_is_exit_status_2
        ),
        case!(
            "shim/14.1/unreachable",
            ["14.1/driver"],
            an_unreachable_relay_is_exit_status_6
        ),
        case!("shim/14.1/term", ["14.1/driver"], a_signal_is_leaving),
    ]
}

async fn the_lines_come_in_their_order(context: &Context<Target>) -> Outcome {
    let mut room = super::of_subject(context, &[]).await?;
    room.command(json!({"cmd": "send", "text": "a text"})).await;
    room.hear("accepted").await?;
    room.burn()?;
    room.ends("burned", "burned", 0).await?;
    let events: Vec<&str> = room
        .subject
        .lines
        .iter()
        .filter_map(|line| line["event"].as_str())
        .collect();
    ensure_eq("the first line", events.first().copied(), Some("hello"))?;
    ensure_eq(
        "the version of the shim",
        room.subject
            .lines
            .first()
            .and_then(|line| line["shim"].as_u64()),
        Some(1),
    )?;
    let place = |event: &str| events.iter().position(|one| *one == event);
    let order = [
        place("hello"),
        place("created"),
        place("joined"),
        place("verification"),
        place("keyed"),
        place("message"),
        place("accepted"),
        place("burned"),
    ];
    ensure(
        order.iter().all(Option::is_some) && order.is_sorted(),
        "hello, created, joined, verification, keyed, message, accepted, burned",
        format!("{events:?}"),
    )?;
    let joined = place("joined").unwrap_or_default();
    let next: Option<&str> = events
        .iter()
        .skip(joined + 1)
        .find(|event| **event != "countdown")
        .copied();
    ensure_eq("what follows `joined`", next, Some("verification"))?;
    let last = events
        .iter()
        .filter(|event| ["burned", "ended"].contains(*event))
        .count();
    ensure_eq("last lines", last, 1)
}

async fn answers_come_in_the_order_of_commands(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let before = room.subject.lines.len();
    for command in ["who", "link", "verify", "dance", "who", "verify", "link"] {
        room.command(json!({"cmd": command})).await;
    }
    let expected = [
        "participants",
        "link",
        "verification",
        "error",
        "participants",
        "verification",
        "link",
    ];
    room.until("seven answers", |room| {
        let lines = room.subject.lines.iter().skip(before);
        (lines.filter(|line| line["event"] != "countdown").count() >= expected.len()).then_some(())
    })
    .await?;
    let events: Vec<&str> = room
        .subject
        .lines
        .iter()
        .skip(before)
        .filter_map(|line| line["event"].as_str())
        .filter(|event| *event != "countdown")
        .collect();
    ensure_eq("the answers", events.as_slice(), expected.as_slice())
}

async fn commands_wait_for_joined(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    let link = room.link.clone();
    room.start(&["join", &link, "--name", "Ben"])?;
    room.command(json!({"cmd": "who"})).await;
    room.hear("joined").await?;
    let answer = room.hear("participants").await?;
    ensure_eq(
        "participants",
        answer["participants"].as_array().map(Vec::len),
        Some(2),
    )
}

async fn a_bad_line_is_answered_and_ends_nothing(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    for (line, code) in [
        ("{", 100),
        ("[]", 100),
        (r#"{"text":"no cmd"}"#, 100),
        (r#"{"cmd":"burn","cmd":"leave"}"#, 100),
        (r#"{"cmd":"dance","x":1,"x":2}"#, 100),
        (r#"{"cmd":"who","later":1,"later":1}"#, 100),
        (r#"{"cmd":"lock","locked":1}"#, 100),
        (r#"{"cmd":"send","text":7}"#, 100),
        (r#"{"cmd":"send","text":"\ud800"}"#, 100),
        (r#"{"cmd":"send","text":"a","burn_after_ms":1.5}"#, 100),
        (r#"{"cmd":"send"}"#, 709),
        (
            r#"{"cmd":"send","text":"a","burn_after_ms":4294967296}"#,
            709,
        ),
        (r#"{"cmd":"extend","seconds":99999999999999999999}"#, 709),
        (r#"{"cmd":"kick","id":"short"}"#, 709),
        (r#"{"cmd":"read","author":"AAAAAAAAAAAAAAAAAAAAAA"}"#, 709),
        (r#"{"cmd":"dance"}"#, 102),
    ] {
        room.line(line).await;
        let error = room.hear("error").await?;
        ensure_eq(
            &format!("the code for {line}"),
            error["code"].as_u64(),
            Some(code),
        )?;
    }
    room.log.sent("shim", "(not UTF-8)");
    room.subject.write(b"{\"cmd\":\"\xff\"}\n\n").await;
    room.hear_error(100).await?;
    room.line("{\"cmd\":\"who\",\"later\":1}\r").await;
    room.hear("participants").await?;
    Ok(())
}

async fn a_line_too_long_costs_only_itself(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let long = format!(r#"{{"cmd":"send","text":"{}"}}"#, "x".repeat(262_144));
    room.subject.write(format!("{long}\n").as_bytes()).await;
    room.hear_error(101).await?;
    room.line(r#"{"cmd":"who"}"#).await;
    room.hear("participants").await?;
    Ok(())
}

async fn control_characters_are_escaped(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let text = "a\u{1b}[31m\u{7f}\u{9b}b";
    room.say(0, text)?;
    room.hear_text(text).await?;
    let raw = room
        .log
        .lines()
        .into_iter()
        .rfind(|line| line.who == "shim" && line.text.contains("\"message\""));
    let raw = raw.map(|line| line.text).unwrap_or_default();
    let bare = raw.chars().any(char::is_control);
    ensure(
        !bare && raw.contains("[31m"),
        "control characters as \\u00XX",
        raw,
    )
}

async fn the_link_can_come_on_standard_input(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.start(&["join", "-", "--name", "Ben"])?;
    let link = room.link.clone();
    room.line(&link).await;
    room.command(json!({"cmd": "who"})).await;
    room.hear("joined").await?;
    room.hear("participants").await?;
    Ok(())
}

async fn a_bad_command_line_is_exit_status_2(context: &Context<Target>) -> Outcome {
    let mut room = Room::empty(context, Terms::default().limits).await?;
    for arguments in [
        ["join"].as_slice(),
        &["dance"],
        &["create", "--ttl", "soon"],
    ] {
        room.subject.lines.clear();
        room.start(arguments)?;
        let (_, status) = room.ended().await?;
        ensure_eq(&format!("the exit status of {arguments:?}"), status, 2)?;
    }
    Ok(())
}

async fn an_unreachable_relay_is_exit_status_6(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.let_in(false);
    let link = room.link.clone();
    room.start(&["join", &link])?;
    room.hear_error(0).await?;
    room.ends("ended", "unreachable", 6).await
}

async fn a_signal_is_leaving(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let Some(process) = room.subject.process else {
        return fail("a process", "none");
    };
    let sent = tokio::process::Command::new("kill")
        .arg(process.to_string())
        .status()
        .await;
    if !sent.is_ok_and(|status| status.success()) {
        return Err(case::Stop::Skipped("this system has no `kill`".to_owned()));
    }
    room.ends_within(Duration::from_secs(8), "ended", "left", 0)
        .await
}
