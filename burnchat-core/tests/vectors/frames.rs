use burnchat_core::{
    error::Code,
    wire::{ClientFrame, EncodedFrame, RelayFrame, http::CreateRoom},
};
use serde_json::{Map, Value};

use super::read::{Case, each, hex, same, unhex};

/// Members whose values are words, not bytes.
const WORDS: [&str; 6] = ["type", "pin", "role", "burn", "reason", "code"];

#[test]
fn frames() {
    each(
        "frames",
        &[
            ("client_frames", 37),
            ("client_frames_refused", 128),
            ("relay_frames", 36),
            ("relay_frames_refused", 88),
            ("request_bodies", 5),
            ("request_bodies_refused", 18),
        ],
        |group, case| {
            let bytes = bytes(case);
            let parsed = match group.trim_end_matches("_refused") {
                "client_frames" => ClientFrame::parse(&bytes).map(|frame| Some(frame.encode())),
                "relay_frames" => RelayFrame::parse(&bytes).map(|frame| {
                    let (seq, written) = (frame.as_ref()?.seq(), frame?.encode());
                    assert_eq!(RelayFrame::seq_of_text(written.as_bytes()), seq);
                    Some(written)
                }),
                _ => CreateRoom::parse(&bytes).map(|body| Some(body.encode())),
            };
            check(case, parsed)
        },
    );
}

fn bytes(case: &Case) -> Vec<u8> {
    if case.get("bytes").is_some() {
        case.bytes("bytes")
    } else if case.get("pieces").is_some() {
        case.pieces("pieces", |piece| piece.as_bytes().to_vec())
    } else {
        case.text("text").into()
    }
}

fn check(case: &Case, parsed: Result<Option<EncodedFrame>, Code>) -> Result<(), String> {
    if !case.is_valid() {
        let parsed = parsed.map(|_| "parsed").map_err(|code| code.name());
        return same("parsed", parsed, Err(case.text("error")));
    }
    let Some(written) = parsed.map_err(|code| code.name().to_owned())? else {
        return same("ignored", &Value::Null, case.value("members"));
    };
    let value: Value = serde_json::from_slice(written.as_bytes()).unwrap();
    let mut members = in_hex("", &value);
    if case.get("pieces").is_some()
        && let Value::Object(members) = &mut members
    {
        members.remove("ciphertext");
    }
    same("members", &members, case.value("members"))
}

/// The frame as the vectors write it.
fn in_hex(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if !WORDS.contains(&key) => Value::String(hex(decode(text))),
        Value::Array(items) => items.iter().map(|item| in_hex("", item)).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (key.clone(), in_hex(key, value)));
            Value::Object(Map::from_iter(members))
        }
        other => other.clone(),
    }
}

fn decode(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = text
        .chars()
        .map(|symbol| format!("{:06b}", ALPHABET.find(symbol).unwrap()))
        .collect();
    let (bytes, _) = bits.as_bytes().as_chunks::<8>();
    bytes
        .iter()
        .map(|bits| u8::from_str_radix(std::str::from_utf8(bits).unwrap(), 2).unwrap())
        .collect()
}

#[test]
fn the_decoder_of_this_test_decodes() {
    assert_eq!(decode("-_8"), unhex("fbff"));
}
