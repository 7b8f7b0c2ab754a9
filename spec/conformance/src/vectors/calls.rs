//! Which calls a vector makes, and what they have to answer.

use burnchat_core::crypto::sha256;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::{Answer, own};

/// One call of a pure function.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) input: Value,
    expected: Expected,
}

/// What it has to answer.
pub(super) enum Expected {
    /// These members, each as it is.
    Output(Value),
    /// A text in this member that begins so: what follows is a signature.
    Prefix(&'static str, String),
    /// Another value in this member.
    Differs(&'static str, String),
    Refused(Option<String>),
    /// In this member bytes with this hash.
    Sha256(&'static str, String),
}

/// Keys that may never leave an implementation's library.
const MAY_BE_LEFT_OUT: [&str; 5] = ["join_key", "name_key", "wrap_key", "chain", "message_key"];

impl Call {
    /// Whether the answer is right, or there is none (false).
    pub(super) fn judge(&self, answer: &Answer) -> Result<bool, (String, String)> {
        if *answer == Answer::NotImplemented {
            return Ok(false);
        }
        let right = match (&self.expected, answer) {
            (Expected::Output(members), Answer::Output(output)) => {
                let members = members.as_object().cloned().unwrap_or_default();
                members.iter().all(|(key, value)| match output.get(key) {
                    Some(told) => told == value,
                    None => value.is_null() || MAY_BE_LEFT_OUT.contains(&key.as_str()),
                })
            }
            (Expected::Prefix(member, start), Answer::Output(output)) => {
                output[*member].as_str().is_some_and(|told| {
                    told.starts_with(start.as_str()) && told.len() == start.len() + 160
                })
            }
            (Expected::Differs(member, other), Answer::Output(output)) => {
                output[*member].as_str().is_some_and(|told| told != other)
            }
            (Expected::Sha256(member, digest), Answer::Output(output)) => {
                let raw = output[*member]
                    .as_str()
                    .and_then(|told| HEXLOWER.decode(told.as_bytes()).ok());
                raw.is_some_and(|raw| HEXLOWER.encode(&sha256(&[&raw])) == *digest)
            }
            (Expected::Refused(None), Answer::Refused(_)) => true,
            (Expected::Refused(Some(error)), Answer::Refused(told)) => told.as_ref() == Some(error),
            _ => false,
        };
        if right {
            return Ok(true);
        }
        let got = match answer {
            Answer::Output(output) => super::shortened(&output.to_string()),
            other => format!("{other:?}"),
        };
        Err((self.expected.shown(), got))
    }
}

/// The members of a case that go by these names.
fn some(case: &Value, members: &[&str]) -> Value {
    let found = members
        .iter()
        .filter_map(|member| Some(((*member).to_owned(), case.get(*member)?.clone())));
    Value::Object(Map::from_iter(found))
}

/// The calls that a vector makes.
pub(super) fn calls(file: &str, group: &str, case: &Value) -> Vec<Call> {
    let valid = case["result"] == "valid";
    let give = |name: &'static str, input: &[&str], output: &[&str]| Call {
        name,
        input: some(case, input),
        expected: Expected::Output(some(case, output)),
    };
    let refuse = |name: &'static str, input: &[&str]| Call {
        name,
        input: some(case, input),
        expected: Expected::Refused(case["error"].as_str().map(str::to_owned)),
    };
    let either = |name: &'static str, input: &[&str], output: &[&str]| {
        if valid {
            give(name, input, output)
        } else {
            refuse(name, input)
        }
    };
    match (file, group) {
        ("encoding", "label_encoding") => {
            vec![give("encoding/label", &["label", "fields"], &["encoded"])]
        }
        ("encoding", "base64url") => {
            let mut calls = vec![either("encoding/base64url_decode", &["text"], &["bytes"])];
            if valid {
                calls.push(give("encoding/base64url_encode", &["bytes"], &["text"]));
            }
            calls
        }
        ("primitives", "sha256") => vec![give("primitives/sha256", &["input"], &["digest"])],
        ("primitives", "hmac") => vec![give("primitives/hmac", &["key", "input"], &["tag"])],
        ("primitives", "hkdf") => vec![give("primitives/hkdf", &["salt", "ikm", "info"], &["okm"])],
        ("primitives", "aes_kw") => {
            let mut calls = vec![either(
                "primitives/aes_kw_unwrap",
                &["kek", "wrapped"],
                &["key"],
            )];
            if valid {
                calls.push(give(
                    "primitives/aes_kw_wrap",
                    &["kek", "key"],
                    &["wrapped"],
                ));
            }
            calls
        }
        ("primitives", "aes_gcm") => {
            let sealed = ["key", "iv", "aad", "ciphertext"];
            let mut calls = vec![either("primitives/aes_gcm_open", &sealed, &["plaintext"])];
            if valid {
                let open = ["key", "iv", "aad", "plaintext"];
                calls.push(give("primitives/aes_gcm_seal", &open, &["ciphertext"]));
            }
            calls
        }
        ("primitives", "public_keys") => {
            vec![either("primitives/public_key", &["public_key"], &[])]
        }
        ("primitives", "private_keys") => vec![either(
            "primitives/private_key",
            &["scalar"],
            &["public_key"],
        )],
        ("primitives", "ecdh") => vec![give(
            "primitives/ecdh",
            &["scalar", "peer_public_key"],
            &["shared"],
        )],
        ("primitives", "ecdsa") => {
            vec![either(
                "primitives/ecdsa_verify",
                &["public_key", "message", "signature"],
                &[],
            )]
        }
        ("link", "room_ids") => vec![give("link/room_id", &["id_seed"], &["room_id"])],
        ("link", "links") => {
            let parts = [
                "base",
                "room_id",
                "history",
                "not_after",
                "secret",
                "ticket",
            ];
            let parsed = [
                "base",
                "room_id",
                "history",
                "not_after",
                "secret",
                "ticket",
                "header",
                "ticket_hash",
            ];
            vec![
                give("link/parse", &["link"], &parsed),
                give("link/write", &parts, &["link"]),
            ]
        }
        ("link", "malformed") => vec![refuse("link/parse", &["link"])],
        ("identity", "room_keys") => {
            vec![give(
                "identity/room_keys",
                &["link"],
                &["join_key", "name_key", "wrap_key"],
            )]
        }
        ("identity", "identities") => {
            vec![give(
                "identity/participant_id",
                &["kem_pub", "sig_pub"],
                &["participant_id"],
            )]
        }
        ("identity", "join_proofs") => {
            let mut call = give(
                "identity/join_proof",
                &["link", "kem_pub", "sig_pub", "sealed_name"],
                &["join_proof"],
            );
            if !valid {
                call.expected = Expected::Differs("join_proof", text(case, "join_proof"));
            }
            vec![call]
        }
        ("names", "sealed_names") => {
            let mut calls = vec![either(
                "names/open",
                &[
                    "link",
                    "participant_id",
                    "kem_pub",
                    "sig_pub",
                    "sealed_name",
                ],
                &["name"],
            )];
            if valid {
                let mut call = give(
                    "names/seal",
                    &["link", "participant_id", "sig_scalar", "name", "name_iv"],
                    &[],
                );
                let start = text(case, "sealed_name").chars().take(154).collect();
                call.expected = Expected::Prefix("sealed_name", start);
                calls.push(call);
            }
            calls
        }
        ("names", "own_names") => vec![either("names/own", &["input"], &["name"])],
        ("names", "fallback_names") => vec![give("names/fallback", &["participant_id"], &["name"])],
        ("names", "anonymous_names") => vec![give("names/anonymous", &["drawn"], &["name"])],
        ("names", "tags") => vec![give("names/tag", &["participant_id"], &["tag"])],
        ("names", "shown_names") => {
            vec![give(
                "names/shown",
                &["name", "number", "participant_id"],
                &["shown"],
            )]
        }
        ("names", "clashes") => vec![give("names/clash", &["earlier", "later"], &["clash"])],
        ("roster", "roster_hashes") => {
            vec![give(
                "roster/hash",
                &["room_id", "version", "entries"],
                &["roster_hash"],
            )]
        }
        ("epochs", "wraps") => {
            let wrapped = [
                "wrap_key",
                "roster_hash",
                "steward_id",
                "steward_kem_pub",
                "recipient_id",
                "recipient_kem_scalar",
                "wrapped",
            ];
            let mut calls = vec![either("epochs/unwrap", &wrapped, &["session_key"])];
            if valid {
                let open = [
                    "wrap_key",
                    "roster_hash",
                    "steward_id",
                    "steward_kem_scalar",
                    "recipient_id",
                    "recipient_kem_pub",
                    "session_key",
                ];
                calls.push(give("epochs/wrap", &open, &["wrapped"]));
            }
            calls
        }
        ("epochs", "key_frames") => {
            let mut commit = give(
                "epochs/commit",
                &["session_key", "roster_hash"],
                &["commit"],
            );
            let mut verify = give(
                "epochs/verify",
                &["room_id", "epoch_id", "steward_sig_pub", "sig"],
                &[],
            );
            if case["error"] == "bad_wrap" {
                commit.expected = Expected::Differs("commit", text(case, "commit"));
            }
            if case["error"] == "fork" {
                verify.expected = Expected::Refused(None);
            }
            let id = give(
                "epochs/epoch_id",
                &["prev", "roster_hash", "commit"],
                &["epoch_id"],
            );
            vec![commit, id, verify]
        }
        ("epochs", "backs") => {
            let mut unwrap = give(
                "epochs/unwrap_back",
                &["epoch_id", "session_key", "wrapped"],
                &["older_session_key"],
            );
            if valid {
                let wrap = ["epoch_id", "session_key", "older_session_key"];
                return vec![unwrap, give("epochs/wrap_back", &wrap, &["wrapped"])];
            }
            // Refused at once, or only by its commitment: which of the two it is follows from the bytes.
            unwrap.expected = match own::answer(unwrap.name, &unwrap.input) {
                Answer::Output(output) => Expected::Output(output),
                _ => Expected::Refused(None),
            };
            vec![unwrap]
        }
        ("chains", "chains") => {
            let keys = case["keys"].as_array().cloned().unwrap_or_default();
            let mut calls = Vec::new();
            for key in keys {
                let mut input = some(case, &["epoch_id", "session_key", "sender_id"]);
                input["n"] = key["n"].clone();
                calls.push(Call {
                    name: "chains/message_key",
                    input,
                    expected: Expected::Output(some(&key, &["chain", "message_key"])),
                });
            }
            calls
        }
        ("plaintexts", "layouts") => layouts(case),
        ("plaintexts", "unreadable") => {
            let padded = pieces(case, "padded", "padded_pieces");
            let expected = match &case["count"] {
                Value::Null => Expected::Refused(None),
                count => Expected::Output(json!({"count": count, "kind": null})),
            };
            vec![Call {
                name: "plaintexts/decode",
                input: json!({"n": case["n"], "padded": padded}),
                expected,
            }]
        }
        ("plaintexts", "padded_lengths") => {
            vec![give(
                "plaintexts/padded_length",
                &["length"],
                &["padded_length"],
            )]
        }
        ("plaintexts", "paddings") => {
            let mut calls = vec![either("plaintexts/unpad", &["padded"], &["plaintext"])];
            if valid {
                calls.push(give("plaintexts/pad", &["plaintext"], &["padded"]));
            }
            calls
        }
        ("envelopes", "envelopes") => {
            let sealed = [
                "room_id",
                "epoch_id",
                "session_key",
                "sender_id",
                "sender_sig_pub",
                "n",
                "flags",
                "iv",
                "ciphertext",
                "sig",
            ];
            let mut calls = vec![either("envelopes/open", &sealed, &["padded"])];
            if valid {
                let open = [
                    "room_id",
                    "epoch_id",
                    "session_key",
                    "sender_id",
                    "sender_sig_scalar",
                    "n",
                    "flags",
                    "iv",
                    "padded",
                ];
                calls.push(give("envelopes/seal", &open, &["ciphertext"]));
            }
            calls
        }
        ("verification", "codes") => vec![give(
            "verification/codes",
            &["room_id", "secret", "entries"],
            &[
                "transcript",
                "short_code",
                "emoji",
                "emoji_names",
                "safety_number",
                "qr_text",
            ],
        )],
        ("frames", group) => frames(group, case),
        ("errors", "errors") => vec![give(
            "errors/error",
            &["name"],
            &["number", "blame", "effect", "http"],
        )],
        ("limits", "fixed") => {
            let name = text(case, "id")
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            vec![Call {
                name: "limits/limit",
                input: json!({"name": name}),
                expected: Expected::Output(some(case, &["value", "min", "max"])),
            }]
        }
        _ => Vec::new(),
    }
}

fn layouts(case: &Value) -> Vec<Call> {
    const MEMBERS: [&str; 11] = [
        "kind",
        "message_id",
        "sent_at",
        "count",
        "burn_after",
        "last_version",
        "last_count",
        "typing",
        "read",
        "ticket",
        "ticket_hash",
    ];
    let mut members = some(case, &MEMBERS);
    match &case["text"] {
        Value::Array(piece) => {
            let text = piece.first().and_then(Value::as_str).unwrap_or_default();
            let times = piece.get(1).and_then(Value::as_u64).unwrap_or_default();
            members["text"] = text
                .repeat(usize::try_from(times).unwrap_or_default())
                .into();
        }
        Value::String(text) => members["text"] = text.clone().into(),
        _ => {}
    }
    let mut input = members.clone();
    input["n"] = case["n"].clone();
    let mut calls = Vec::new();
    match case["padded"].as_str() {
        Some(padded) => {
            calls.push(Call {
                name: "plaintexts/encode",
                input,
                expected: Expected::Output(json!({"padded": padded})),
            });
            calls.push(Call {
                name: "plaintexts/decode",
                input: json!({"n": case["n"], "padded": padded}),
                expected: Expected::Output(members),
            });
        }
        None => calls.push(Call {
            name: "plaintexts/encode",
            input,
            expected: Expected::Sha256("padded", text(case, "padded_sha256")),
        }),
    }
    calls
}

fn frames(group: &str, case: &Value) -> Vec<Call> {
    let name = if group.starts_with("client") {
        "frames/client_frame"
    } else if group.starts_with("relay") {
        "frames/relay_frame"
    } else {
        "frames/request_body"
    };
    let bytes = match (&case["bytes"], &case["text"]) {
        (Value::String(bytes), _) => bytes.clone(),
        (_, Value::String(text)) => HEXLOWER.encode(text.as_bytes()),
        _ => HEXLOWER.encode(repeated(&case["pieces"]).as_bytes()),
    };
    let expected = if case["result"] == "valid" {
        // The longest ciphertext is left out of the file.
        if case["pieces"].is_array() {
            Expected::Output(json!({}))
        } else {
            Expected::Output(json!({"members": case["members"]}))
        }
    } else {
        Expected::Refused(case["error"].as_str().map(str::to_owned))
    };
    vec![Call {
        name,
        input: json!({"bytes": bytes}),
        expected,
    }]
}

fn pieces(case: &Value, whole: &str, parts: &str) -> String {
    match &case[whole] {
        Value::String(whole) => whole.clone(),
        _ => repeated(&case[parts]),
    }
}

/// `[piece, times]` pairs, one after the other.
fn repeated(pairs: &Value) -> String {
    let pairs = pairs.as_array().map(Vec::as_slice).unwrap_or_default();
    pairs
        .iter()
        .map(|pair| {
            let times = pair[1]
                .as_u64()
                .and_then(|times| usize::try_from(times).ok());
            pair[0]
                .as_str()
                .unwrap_or_default()
                .repeat(times.unwrap_or_default())
        })
        .collect()
}

fn text(case: &Value, member: &str) -> String {
    case[member].as_str().unwrap_or_default().to_owned()
}
