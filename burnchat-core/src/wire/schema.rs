//! JSON Schemas (2020-12) of frames and bodies, as `spec/schema/` has them: the part that is not derived.
//!
//! A schema says what is well-formed, as the reader does (spec section 13.1): what it refuses is `malformed_frame`. What
//! a room or relay allows beyond that is theirs to judge, and stands in the descriptions. Members it does not name are
//! ignored, so none is forbidden.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::binary::{Bytes, Ciphertext, PinText};
use crate::crypto::Secret;
use crate::error::Code;
use crate::ids::{EpochId, MessageId, ParticipantId, RoomId, RosterHash, TicketHash};
use crate::limits;

/// For `#[schemars(transform)]` of an object: the limits that all objects and integers have.
pub(crate) fn object(schema: &mut Schema) {
    schema.insert("maxProperties".into(), limits::FRAME_MEMBERS.into());
    let members = schema
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten();
    for (_, member) in members {
        if let Some(member) = member.as_object_mut() {
            bound_integer(member);
            // What is absent is nothing, and no value of its own.
            if member.get("default").is_some_and(Value::is_null) {
                member.remove("default");
            }
        }
    }
}

/// For `#[schemars(transform)]` of a member that is left out by those who do not keep the rules.
pub(crate) fn without_default(schema: &mut Schema) {
    schema.remove("default");
}

/// The greatest value instead of a width, which JSON does not know.
fn bound_integer(member: &mut serde_json::Map<String, Value>) {
    let greatest = match member.get("format").and_then(Value::as_str) {
        Some("uint64") => limits::FRAME_INTEGER_END - 1,
        Some("uint32") => u32::MAX.into(),
        Some("uint16") => u16::MAX.into(),
        Some("uint8") => u8::MAX.into(),
        _ => return,
    };
    member.remove("format");
    member.entry("maximum").or_insert(greatest.into());
}

/// In place of an `Option` that must be there, be it as null: derived code also lets it be absent.
pub(crate) struct Nullable<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for Nullable<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Nullable_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

/// The code of an error as a relay sends it.
pub(crate) struct SentCode;

impl JsonSchema for SentCode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SentCode".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // One of a later version is no reason to refuse what carries it.
        let known = generator.subschema_for::<Code>();
        json_schema!({ "anyOf": [known, { "type": "string" }] })
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let sent = Self::ALL
            .iter()
            .filter(|code| code.http_status().is_some())
            .map(|code| json!({ "const": code.name(), "description": code.meaning() }))
            .collect::<Vec<_>>();
        json_schema!({
            "description": "A name of the error registry that a relay answers with (spec section 15).",
            "oneOf": sent,
        })
    }
}

impl<const N: usize> JsonSchema for Bytes<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Bytes{N}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        base64url(N, N)
    }
}

impl<const N: usize> JsonSchema for Secret<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Secret{N}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        base64url(N, N)
    }
}

impl JsonSchema for Ciphertext {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Ciphertext".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        base64url(
            *limits::CIPHERTEXT_BYTES.start(),
            *limits::CIPHERTEXT_BYTES.end(),
        )
    }
}

impl JsonSchema for PinText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PinText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Of characters. That they are as many bytes at most, no schema can say.
        json_schema!({ "type": "string", "maxLength": limits::PIN_TEXT_BYTES })
    }
}

macro_rules! id {
    ($($name:ident: $bytes:literal, $description:literal;)*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = base64url($bytes, $bytes);
                schema.insert("description".into(), $description.into());
                schema
            }
        }
    )*};
}

id! {
    RoomId: 16, "Names a room to a relay (spec section 4): 16 bytes.";
    ParticipantId: 16, "Names a participant; made of its public keys (spec section 5.2): 16 bytes.";
    MessageId: 16, "Names a message; drawn by its author (spec section 8.3): 16 bytes.";
    EpochId: 32, "Names an epoch (spec section 7.2): 32 bytes, all zero before the first one.";
    RosterHash: 32, "The hash of a roster and its version (spec section 6.2): 32 bytes.";
    TicketHash: 32, "The hash of a ticket: what a relay keeps of it (spec section 4): 32 bytes.";
}

/// The canonical base64url text of so many bytes (spec section 3): the bits that are left over in its last symbol are
/// zero.
fn base64url(fewest: usize, most: usize) -> Schema {
    const SYMBOL: &str = "[A-Za-z0-9_-]";
    // What follows the groups of three bytes, which are four symbols.
    const ONE_BYTE: &str = "[A-Za-z0-9_-][AQgw]";
    const TWO_BYTES: &str = "[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]";
    let symbols = |bytes: usize| (bytes * 4).div_ceil(3);
    let groups = most / 3 * 4;
    let pattern = if fewest != most {
        format!("^({SYMBOL}{{4}})*({ONE_BYTE}|{TWO_BYTES})?$")
    } else {
        match most % 3 {
            0 => format!("^{SYMBOL}{{{groups}}}$"),
            1 => format!("^{SYMBOL}{{{}}}[AQgw]$", groups + 1),
            _ => format!("^{SYMBOL}{{{}}}[AEIMQUYcgkosw048]$", groups + 2),
        }
    };
    let bytes = match fewest == most {
        true => format!("{most} bytes"),
        false => format!("{fewest} to {most} bytes"),
    };
    // The lengths say nothing new, but stop a `$` that also matches before a line feed at the end.
    json_schema!({
        "$comment": bytes,
        "type": "string",
        "contentEncoding": "base64url",
        "minLength": symbols(fewest),
        "maxLength": symbols(most),
        "pattern": pattern,
    })
}
