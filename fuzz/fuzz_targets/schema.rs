//! The reader of frames and bodies beside the JSON Schemas of `spec/schema`: what one takes the other takes, but for what
//! a schema cannot say (`spec/schema/README.md` lists it), and for that only where it is so.
//!
//! The input: which schema, and the text.

#![no_main]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use burnchat_core::error::Code;
use burnchat_core::limits::{
    CLIENT_FRAME_BYTES, FRAME_DEPTH, FRAME_INTEGER_END, FRAME_MEMBERS, PIN_TEXT_BYTES,
    RELAY_FRAME_BYTES,
};
use burnchat_core::wire::http::{CreateRoom, Problem, RoomCreated, RoomInfo};
use burnchat_core::wire::{ClientFrame, RelayFrame};
use jsonschema::Validator;
use libfuzzer_sys::fuzz_target;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

type Read = fn(&[u8]) -> Result<(), Code>;

/// What is read, the schema of it, and how long its text may be.
const KINDS: [(Read, &str, usize); 6] = [
    (
        |text| ClientFrame::parse(text).map(drop),
        include_str!("../../spec/schema/client_frame.json"),
        CLIENT_FRAME_BYTES,
    ),
    (
        // A client ignores a type it does not know, and looks at the type before it asks the schema.
        |text| match RelayFrame::parse(text) {
            Ok(None) => Err(Code::UnknownType),
            read => read.map(drop),
        },
        include_str!("../../spec/schema/relay_frame.json"),
        RELAY_FRAME_BYTES,
    ),
    (
        |text| CreateRoom::parse(text).map(drop),
        include_str!("../../spec/schema/http/create_room.json"),
        CLIENT_FRAME_BYTES,
    ),
    (
        |text| RoomCreated::parse(text).map(drop),
        include_str!("../../spec/schema/http/room_created.json"),
        CLIENT_FRAME_BYTES,
    ),
    (
        |text| RoomInfo::parse(text).map(drop),
        include_str!("../../spec/schema/http/room_info.json"),
        CLIENT_FRAME_BYTES,
    ),
    (
        |text| Problem::parse(text).map(drop),
        include_str!("../../spec/schema/http/problem.json"),
        CLIENT_FRAME_BYTES,
    ),
];

fn schemas() -> &'static Vec<Validator> {
    static SCHEMAS: OnceLock<Vec<Validator>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let schemas = KINDS.iter().map(|(_, text, _)| {
            let schema = serde_json::from_str(text).unwrap();
            jsonschema::draft202012::new(&schema).unwrap()
        });
        schemas.collect()
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((&kind, text)) = input.split_first() else {
        return;
    };
    let kind = usize::from(kind) % KINDS.len();
    let (read, _, longest) = KINDS[kind];
    let taken = read(text);
    let shown = || format!("{kind}: {taken:?}: {}", String::from_utf8_lossy(text));

    // No schema is asked about what is no JSON at all.
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        assert!(taken.is_err(), "{}", shown());
        return;
    };
    let is_valid = schemas()[kind].is_valid(&value);
    if taken.is_ok() {
        assert!(is_valid, "taken against the schema: {}", shown());
    }

    // The same value, written as the reader wants it: what is refused of that, the schema refuses, or cannot see.
    let plain = written_plainly(&value);
    let unseen = plain.len() > longest || too_deep_or_many(&value, 1) || has_long_pin(&value);
    let plain_taken = read(plain.as_bytes());
    assert_eq!(
        plain_taken.is_ok(),
        is_valid && !unseen,
        "{plain_taken:?} of {plain}: {}",
        shown()
    );

    // What is refused only as it is written has one of these to it.
    if plain_taken.is_ok() && taken.is_err() {
        let spelling = Spelling::of(text);
        let expected = match taken {
            Err(Code::FrameTooLarge) => text.len() > longest,
            Err(Code::DuplicateKey) => spelling.repeats,
            // What a repeated member hides may itself be wrong, before its repetition is seen.
            _ => spelling.has_odd_integer || spelling.repeats,
        };
        assert!(expected, "{}", shown());
    }
    if text.len() > longest {
        assert_eq!(taken, Err(Code::FrameTooLarge));
    }
});

/// The text of a value, with integers as digits alone.
fn written_plainly(value: &Value) -> String {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Number(number) => match number.as_f64() {
                Some(float) if number.is_f64() && float.fract() == 0.0 => {
                    if (0.0..FRAME_INTEGER_END as f64).contains(&float) {
                        (float as u64).into()
                    } else {
                        value.clone()
                    }
                }
                _ => value.clone(),
            },
            Value::Array(items) => items.iter().map(plain).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), plain(value)))
                .collect(),
            other => other.clone(),
        }
    }
    plain(value).to_string()
}

/// Nested deeper, or with more members in one object, than the reader takes anywhere (section 16).
fn too_deep_or_many(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => {
            depth > FRAME_DEPTH || items.iter().any(|item| too_deep_or_many(item, depth + 1))
        }
        Value::Object(members) => {
            depth > FRAME_DEPTH
                || members.len() > FRAME_MEMBERS
                || members
                    .values()
                    .any(|member| too_deep_or_many(member, depth + 1))
        }
        _ => false,
    }
}

/// A PIN of so few characters and so many bytes.
fn has_long_pin(value: &Value) -> bool {
    value
        .get("pin")
        .and_then(Value::as_str)
        .is_some_and(|pin| pin.len() > PIN_TEXT_BYTES)
}

/// What is gone when a text has become a value.
#[derive(Default)]
struct Spelling {
    /// A member is there twice.
    repeats: bool,
    /// An integer is written as no integer: 7.0, 7e0, -0.
    has_odd_integer: bool,
}

impl Spelling {
    fn of(text: &[u8]) -> Self {
        let seen = Seen::default();
        let mut json = serde_json::Deserializer::from_slice(text);
        (&seen).deserialize(&mut json).unwrap();
        Self {
            repeats: seen.repeats.get(),
            has_odd_integer: seen.has_odd_integer.get(),
        }
    }
}

#[derive(Default)]
struct Seen {
    repeats: Cell<bool>,
    has_odd_integer: Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for &Seen {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &Seen {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, float: f64) -> Result<(), E> {
        if float.fract() == 0.0 {
            self.has_odd_integer.set(true);
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name) {
                self.repeats.set(true);
            }
            members.next_value_seed(self)?;
        }
        Ok(())
    }
}
