//! How frames are read (sections 13.1 and 13.2): the vectors, put to the relay.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::transport::masked;
use crate::case::{Case, Outcome, Stop, ensure, ensure_eq, fail};
use crate::relay::Target;
use crate::relay::room::PLAIN;
use crate::relay::stage::{Cx, base64, random};
use crate::relay::wire::{Came, Wire};

pub(super) fn cases() -> Vec<Case<Target>> {
    vec![
        crate::case!(
            "frames/13.1/refused",
            [
                "13.1/size",
                "13.1/strict",
                "13.1/duplicate-key",
                "13.1/unknown-type",
                "13.1/malformed",
                "13.1/base64",
                "13.2/members",
                "16/frame",
                "16/nesting",
                "14.2/closes"
            ],
            refused
        ),
        crate::case!(
            "frames/13.1/read",
            ["13.1/unknown-members", "13.1/optional", "13.2/members"],
            read
        ),
        crate::case!(
            "frames/11.1/bodies-refused",
            ["11.1/members", "13.4/bodies"],
            bodies_refused
        ),
        crate::case!("frames/13.1/largest", ["16/frame"], largest),
        crate::case!(
            "frames/13.1/unknown-members",
            ["13.1/unknown-members"],
            unknown_members
        ),
    ]
}

/// The vectors of frames, as everybody has them.
const VECTORS: &str = include_str!("../../../vectors/frames.json");
/// Connections at once.
const AT_ONCE: usize = 8;

#[derive(Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    cases: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    text: Option<String>,
    pieces: Option<Vec<(String, usize)>>,
    bytes: Option<String>,
    error: Option<String>,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        if let Some(text) = &self.text {
            return text.clone().into_bytes();
        }
        if let Some(pieces) = &self.pieces {
            let told = pieces.iter().map(|(text, times)| text.repeat(*times));
            return told.collect::<String>().into_bytes();
        }
        let hex = self.bytes.as_deref().unwrap_or_default();
        data_encoding::HEXLOWER
            .decode(hex.as_bytes())
            .unwrap_or_default()
    }
}

async fn refused(cx: &Cx) -> Outcome {
    each("client_frames_refused", |vector| async move {
        let expected = vector.error.as_deref().unwrap_or_default();
        let answer = answer_to(cx, &vector).await?;
        ensure_eq(
            &format!("the error for {}", vector.id),
            answer.as_str(),
            expected,
        )
    })
    .await
}

async fn read(cx: &Cx) -> Outcome {
    each("client_frames", |vector| async move {
        let kind: Value = serde_json::from_slice(&vector.bytes()).unwrap_or_default();
        // They parse, and then make no sense before a join, or are for a room that is not there.
        let expected = match kind["type"].as_str() {
            Some("join" | "resume") => "room_not_found",
            _ => "unexpected_frame",
        };
        let answer = answer_to(cx, &vector).await?;
        ensure_eq(
            &format!("the error for {}", vector.id),
            answer.as_str(),
            expected,
        )
    })
    .await
}

async fn bodies_refused(cx: &Cx) -> Outcome {
    each("request_bodies_refused", |vector| async move {
        let expected = vector.error.as_deref().unwrap_or_default();
        let body = String::from_utf8_lossy(&vector.bytes()).into_owned();
        let answer = cx.ask("POST", "/api/rooms").body(body).send().await?;
        let code = answer.json()?["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        // What is out of range may also be wrong in itself.
        ensure_eq(
            &format!("the error for {}", vector.id),
            code.as_str(),
            expected,
        )
    })
    .await
}

async fn largest(cx: &Cx) -> Outcome {
    let room = cx.room().await?;
    for (len, expected) in [(65_536, "unexpected_frame"), (65_537, "frame_too_large")] {
        let frame = r#"{"type":"burn"}"#;
        let spaces = " ".repeat(len - frame.len());
        let text = frame.replacen('}', &format!("{spaces}}}"), 1);
        let mut wire = Wire::open(cx, "stranger", &room.0.name).await?;
        wire.send(&text).await;
        let came = code_of(wire.receive().await?)?;
        ensure_eq(
            &format!("the error for {len} bytes"),
            came.as_str(),
            expected,
        )?;
        wire.expect_close(1008).await?;
    }
    Ok(())
}

async fn unknown_members(cx: &Cx) -> Outcome {
    let room = cx.room_with(PLAIN).await?;
    let knock = room
        .knock("ann")?
        .with("colour", json!({"red": [1, 2, null]}))
        .with("pin", Value::Null);
    // An optional member may be null, too.
    let mut frame = knock.frame.to_string();
    frame.insert_str(1, r#""creator_token":null,"#);
    let mut wire = Wire::open(cx, "ann", &room.0.name).await?;
    wire.send(&frame).await;
    match wire.receive().await? {
        Came::Frame(frame, text) => {
            let joined = matches!(*frame, burnchat_core::wire::RelayFrame::Joined(_));
            ensure(joined, "`joined`", text)
        }
        came => fail("`joined`", format!("{came:?}")),
    }
}

/// Puts each vector of a group to the relay, some at once.
async fn each<F: Future<Output = Outcome>>(group: &str, put: impl Fn(Vector) -> F) -> Outcome {
    let file: File = serde_json::from_str(VECTORS)
        .map_err(|error| Stop::Skipped(format!("the vectors cannot be read: {error}")))?;
    let vectors = file.groups.into_iter().find(|found| found.name == group);
    let vectors = vectors.map(|group| group.cases).unwrap_or_default();
    ensure(
        !vectors.is_empty(),
        format!("vectors of the group {group}"),
        "none",
    )?;
    stream::iter(vectors.into_iter().map(put))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// The error that a relay answers to a first frame, which must then close.
async fn answer_to(cx: &Cx, vector: &Vector) -> Outcome<String> {
    let who = vector.id.rsplit('/').next().unwrap_or_default();
    let mut wire = Wire::open(cx, who, &base64(&random::<16>())).await?;
    let bytes = vector.bytes();
    match String::from_utf8(bytes) {
        Ok(text) => wire.send(&text).await,
        // A text message that is none.
        Err(wrong) => wire.send_bytes(&masked(0x81, wrong.as_bytes())).await,
    }
    let code = code_of(wire.receive().await?)?;
    wire.expect_close(1008).await?;
    Ok(code)
}

fn code_of(came: Came) -> Outcome<String> {
    match came {
        Came::Frame(_, text) => {
            let frame: Value = serde_json::from_str(&text).unwrap_or_default();
            match frame["code"].as_str() {
                Some(code) => Ok(code.to_owned()),
                None => fail("an error", text),
            }
        }
        came => fail("an error, and then a close with 1008", format!("{came:?}")),
    }
}
