//! Frames from a hostile relay: section 13.

use serde_json::{Value, json};

use super::super::room::Room;
use crate::case;
use crate::case::{Case, Outcome, ensure, ensure_eq};
use crate::client::Target;
use crate::context::Context;

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        case!(
            "frames/13.1/deep",
            ["13.1/client-nesting", "13.3/malformed"],
            five_levels_are_too_deep
        ),
        case!(
            "frames/13.1/very-deep",
            ["13.1/client-nesting"],
            a_hundred_thousand_levels_are_too_deep
        ),
        case!(
            "frames/13.1/many-members",
            ["13.1/client-members"],
            sixty_five_members_are_too_many
        ),
        case!(
            "frames/13.1/repeated-member",
            ["13.1/client-duplicate"],
            a_repeated_member_is_refused
        ),
        case!(
            "frames/13.1/repeated-escaped",
            ["13.1/client-duplicate"],
            a_member_repeated_by_an_escape_is_refused
        ),
        case!(
            "frames/13.1/too-large",
            ["13.1/client-size"],
            a_frame_above_a_mebibyte_is_refused
        ),
        case!(
            "frames/13.1/largest",
            ["13.1/client-size"],
            a_frame_of_a_mebibyte_is_read
        ),
        case!(
            "frames/13.1/trailing",
            ["13.1/client-one-object"],
            bytes_behind_the_object_are_refused
        ),
        case!(
            "frames/13.1/not-json",
            ["13.1/client-one-object"],
            what_is_not_json_is_refused
        ),
        case!(
            "frames/13.1/not-an-object",
            ["13.1/client-one-object"],
            an_array_is_refused
        ),
        case!(
            "frames/13.1/binary",
            ["13.1/client-binary"],
            a_binary_message_is_refused
        ),
        case!(
            "frames/13.1/fraction",
            ["13.1/client-integers"],
            a_fraction_is_no_integer
        ),
        case!(
            "frames/13.1/exponent",
            ["13.1/client-integers"],
            an_exponent_is_no_integer
        ),
        case!(
            "frames/13.1/two-to-the-53",
            ["13.1/client-integers"],
            two_to_the_53_is_no_integer
        ),
        case!(
            "frames/13.1/missing",
            ["13.1/client-missing"],
            a_missing_member_is_refused
        ),
        case!(
            "frames/13.1/wrong-type",
            ["13.1/client-missing"],
            a_member_of_another_type_is_refused
        ),
        case!(
            "frames/13.1/padded-base64",
            ["13.1/client-base64", "3/base64url"],
            padded_base64_is_refused
        ),
        case!(
            "frames/13.1/stray-bits",
            ["13.1/client-base64", "3/base64url"],
            stray_bits_are_refused
        ),
        case!(
            "frames/13.1/wrong-length",
            ["13.1/client-base64"],
            a_value_of_another_length_is_refused
        ),
        case!(
            "frames/13.1/unknown-member",
            ["13.1/client-unknown-members"],
            an_unknown_member_is_ignored
        ),
        case!(
            "frames/13.3/unknown-type",
            ["13.3/unknown-type"],
            an_unknown_type_is_ignored
        ),
        case!(
            "frames/13.3/unknown-error",
            ["13.3/unknown-error"],
            an_unknown_error_is_a_bad_request
        ),
        case!(
            "frames/13.3/malformed-entry",
            ["13.3/malformed-entry"],
            an_entry_that_does_not_parse_leaves_a_hole
        ),
        case!(
            "frames/14.1/second-joined",
            ["14.1/refused"],
            a_second_joined_is_refused
        ),
        case!(
            "frames/14.1/resumed-unasked",
            ["14.1/refused"],
            a_resumed_that_nobody_asked_for_is_refused
        ),
        case!(
            "frames/14.1/history-end",
            ["14.1/refused"],
            a_history_end_without_history_is_refused
        ),
        case!("frames/16/n", ["16/client-n"], an_n_of_8192_is_refused),
    ]
}

/// It is refused with this code, moves nothing, and the client goes on.
async fn refused(context: &Context<Target>, frame: &str, code: u64) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell_text(frame);
    room.hear_error(code).await?;
    goes_on(&mut room).await
}

async fn goes_on(room: &mut Room) -> Outcome {
    room.say(0, "still there?")?;
    room.hear_text("still there?").await?;
    room.command(json!({"cmd": "send", "text": "yes"})).await;
    room.hear("accepted").await?;
    ensure_eq("forks", room.subject.count("gap"), 0)
}

async fn five_levels_are_too_deep(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":9,"x":[[[[1]]]]}"#,
        806,
    )
    .await
}

async fn a_hundred_thousand_levels_are_too_deep(context: &Context<Target>) -> Outcome {
    let frame = format!(
        r#"{{"type":"countdown","seconds_remaining":9,"x":{}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    refused(context, &frame, 806).await
}

async fn sixty_five_members_are_too_many(context: &Context<Target>) -> Outcome {
    let members: String = (0..63).map(|n| format!(r#","m{n}":0"#)).collect();
    let frame = format!(r#"{{"type":"countdown","seconds_remaining":9{members}}}"#);
    refused(context, &frame, 806).await
}

async fn a_repeated_member_is_refused(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":9,"seconds_remaining":500}"#,
        806,
    )
    .await
}

async fn a_member_repeated_by_an_escape_is_refused(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":9,"seconds_remainin\u0067":500}"#,
        806,
    )
    .await
}

fn frame_of(length: usize) -> String {
    let head = r#"{"type":"countdown","seconds_remaining":77,"x":""#;
    let tail = r#""}"#;
    format!(
        "{head}{}{tail}",
        "x".repeat(length - head.len() - tail.len())
    )
}

async fn a_frame_above_a_mebibyte_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell_text(&frame_of(1_048_577));
    // A program may refuse such a message as it comes in, and give the connection up with it.
    let told = room
        .hear_where("error 806, or a connection given up", |line| {
            (line["event"] == "error" && line["code"] == 806) || line["event"] == "reconnecting"
        })
        .await?;
    if told["event"] == "reconnecting" {
        room.hear("resumed").await?;
    }
    let shown = room
        .subject
        .lines
        .iter()
        .any(|line| line["event"] == "countdown" && line["seconds_remaining"] == 77);
    ensure(!shown, "that it is not read", "its countdown")?;
    goes_on(&mut room).await
}

async fn a_frame_of_a_mebibyte_is_read(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell_text(&frame_of(1_048_576));
    room.hear_where("countdown 77", |line| {
        line["event"] == "countdown" && line["seconds_remaining"] == 77
    })
    .await?;
    goes_on(&mut room).await
}

async fn bytes_behind_the_object_are_refused(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":9}{}"#,
        806,
    )
    .await
}

async fn what_is_not_json_is_refused(context: &Context<Target>) -> Outcome {
    refused(context, "{'type':'countdown','seconds_remaining':9}", 806).await
}

async fn an_array_is_refused(context: &Context<Target>) -> Outcome {
    refused(context, r#"["countdown",9]"#, 806).await
}

async fn a_binary_message_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell_binary(br#"{"type":"countdown","seconds_remaining":9}"#);
    room.hear_error(806).await?;
    goes_on(&mut room).await
}

async fn a_fraction_is_no_integer(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":90.0}"#,
        806,
    )
    .await
}

async fn an_exponent_is_no_integer(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":9e1}"#,
        806,
    )
    .await
}

async fn two_to_the_53_is_no_integer(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":9007199254740992}"#,
        806,
    )
    .await
}

async fn a_missing_member_is_refused(context: &Context<Target>) -> Outcome {
    refused(context, r#"{"type":"countdown"}"#, 806).await
}

async fn a_member_of_another_type_is_refused(context: &Context<Target>) -> Outcome {
    refused(
        context,
        r#"{"type":"countdown","seconds_remaining":"90"}"#,
        806,
    )
    .await
}

/// A `key_wanted` is no entry: one that is refused leaves no hole.
fn wanted(head: &str) -> String {
    json!({"type": "key_wanted", "version": 2, "head": head}).to_string()
}

async fn padded_base64_is_refused(context: &Context<Target>) -> Outcome {
    refused(context, &wanted(&format!("{}=", "A".repeat(43))), 806).await
}

async fn stray_bits_are_refused(context: &Context<Target>) -> Outcome {
    refused(context, &wanted(&format!("{}B", "A".repeat(42))), 806).await
}

async fn a_value_of_another_length_is_refused(context: &Context<Target>) -> Outcome {
    refused(context, &wanted(&"A".repeat(42)), 806).await
}

async fn an_unknown_member_is_ignored(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell_text(r#"{"later":{"a":[1,null,{}]},"type":"countdown","seconds_remaining":77}"#);
    room.hear_where("countdown 77", |line| {
        line["event"] == "countdown" && line["seconds_remaining"] == 77
    })
    .await?;
    goes_on(&mut room).await
}

async fn an_unknown_type_is_ignored(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.tell_text(r#"{"type":"from_the_future","seq":1}"#);
    goes_on(&mut room).await?;
    let errors: Vec<&Value> = room
        .subject
        .lines
        .iter()
        .filter(|line| line["event"] == "error")
        .collect();
    ensure(errors.is_empty(), "no error", format!("{errors:?}"))
}

async fn an_unknown_error_is_a_bad_request(context: &Context<Target>) -> Outcome {
    refused(context, r#"{"type":"error","code":"from_the_future"}"#, 106).await
}

async fn an_entry_that_does_not_parse_leaves_a_hole(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("message", |mut frame| {
        frame["n"] = "0".into();
        vec![frame]
    });
    room.say(0, "does not parse")?;
    room.hear_error(806).await?;
    room.say(0, "shows the hole")?;
    room.forks().await
}

async fn a_second_joined_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = Room::of_ana(context, super::Terms::default()).await?;
    room.alter_once("joined", |frame| vec![frame.clone(), frame]);
    room.invite().await?;
    room.hear_error(807).await?;
    room.keyed().await?;
    goes_on(&mut room).await
}

async fn a_resumed_that_nobody_asked_for_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    let seq = room.last_seq;
    room.tell(&json!({"type": "resumed", "seq": seq, "seconds_remaining": 9}));
    room.hear_error(807).await?;
    goes_on(&mut room).await
}

async fn a_history_end_without_history_is_refused(context: &Context<Target>) -> Outcome {
    refused(context, r#"{"type":"history_end","complete":true}"#, 807).await
}

async fn an_n_of_8192_is_refused(context: &Context<Target>) -> Outcome {
    let mut room = super::two(context).await?;
    room.alter_once("message", |mut frame| {
        let entry = frame.clone();
        frame["n"] = 8_192.into();
        vec![frame, entry]
    });
    room.say(0, "as it was")?;
    room.hear_error(806).await?;
    room.hear_text("as it was").await?;
    Ok(())
}
