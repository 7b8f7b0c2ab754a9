//! The first look at a frame (spec section 13.1): is it one JSON object within the limits, without a repeated
//! member anywhere, and of which type.
//!
//! It allocates nothing that grows with the frame beyond the names of one object's members. Frames as programs write
//! them are looked at by [`glance`], which allocates nothing at all; what that makes nothing of, `serde_json` reads.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};

use super::glance::glance;
use crate::error::Code;
use crate::limits;

/// The value of the member `type`.
pub(crate) fn frame_type(text: &str) -> Result<Cow<'_, str>, Code> {
    match glance(text) {
        Some(type_name) => type_name.map(Cow::Borrowed),
        None => {
            let found = Cell::new(None);
            check(text, Some(&found))?.map(Cow::Owned)
        }
    }
    .ok_or(Code::MalformedFrame)
}

/// Checks an object that has no `type`, such as the body of an HTTP request.
pub(crate) fn check_object(text: &str) -> Result<(), Code> {
    match glance(text) {
        Some(_) => Ok(()),
        None => check(text, None).map(|_| ()),
    }
}

fn check(text: &str, type_name: Option<&Cell<Option<String>>>) -> Result<Option<String>, Code> {
    let repeated = Cell::new(false);
    let top = Top {
        repeated: &repeated,
        type_name,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let outcome = json.deserialize_map(top).and_then(|()| json.end());
    match outcome {
        Ok(()) => Ok(type_name.and_then(Cell::take)),
        Err(_) if repeated.get() => Err(Code::DuplicateKey),
        Err(_) => Err(Code::MalformedFrame),
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A member's name, kept in order: a frame full of objects is not to be searched name by name. Short names, of which
/// the most fit into a frame, are told apart by their first bytes as a number.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Member<'a> {
    start: u64,
    name: Cow<'a, str>,
}

impl<'a> Member<'a> {
    fn new(name: Cow<'a, str>) -> Self {
        let start = name
            .bytes()
            .take(8)
            .fold(0, |start, byte| start << 8 | u64::from(byte));
        Self { start, name }
    }
}

struct Top<'a> {
    repeated: &'a Cell<bool>,
    type_name: Option<&'a Cell<Option<String>>>,
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Checked {
            depth: 1,
            repeated: self.repeated,
        }
        .members(map, self.type_name)
    }
}

/// Any value, at a depth.
#[derive(Clone, Copy)]
struct Checked<'a> {
    depth: usize,
    repeated: &'a Cell<bool>,
}

impl Checked<'_> {
    fn members<'de, A: MapAccess<'de>>(
        self,
        mut map: A,
        type_name: Option<&Cell<Option<String>>>,
    ) -> Result<(), A::Error> {
        let mut seen: Vec<Member<'de>> = Vec::new();
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            let member = Member::new(key);
            let Err(place) = seen.binary_search(&member) else {
                self.repeated.set(true);
                return Err(de::Error::custom("a repeated member"));
            };
            if seen.len() >= limits::FRAME_MEMBERS {
                return Err(de::Error::custom("too many members"));
            }
            match type_name {
                Some(found) if member.name == "type" => {
                    found.set(Some(map.next_value::<String>()?))
                }
                _ => map.next_value_seed(self)?,
            }
            seen.insert(place, member);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Checked<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(Checked {
            depth: self.depth.saturating_add(1),
            ..self
        })
    }
}

impl<'de> Visitor<'de> for Checked<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
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

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.depth > limits::FRAME_DEPTH {
            return Err(de::Error::custom("too deep"));
        }
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        if self.depth > limits::FRAME_DEPTH {
            return Err(de::Error::custom("too deep"));
        }
        self.members(map, None)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    /// What [`check`] says, which `serde_json` reads for.
    fn closely(text: &str) -> Result<Option<String>, Code> {
        check(text, Some(&Cell::new(None)))
    }

    /// Pieces that JSON is made of, and some that it is not.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(alloc::vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\"a\"",
            "\"b\":",
            "\"type\":",
            "\"x\"",
            "\"\"",
            "0",
            "17",
            "-3",
            "007",
            "1.5",
            "2e3",
            "-",
            "true",
            "false",
            "null",
            "nul",
            " ",
            "\n",
            "\t",
            "\u{b}",
            "é",
            "\\",
            "\"\\u0061\"",
            "12345678901234567890",
            "{\"type\":\"a\"",
            "{\"a\":",
            "[[",
            "]]",
            "\"a\u{1}\"",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    /// A value as text, or nearly; some nested a little deeper than a frame may be.
    fn value() -> impl Strategy<Value = String> {
        let space = prop::sample::select(alloc::vec!["", "", "", " ", "\r\n"]);
        let plain = prop::sample::select(alloc::vec![
            "0",
            "12",
            "123456789012345",
            "true",
            "false",
            "null",
            "\"\"",
            "\"text\"",
            "\"é\"",
        ]);
        let odd = prop::sample::select(alloc::vec![
            "-1",
            "1234567890123456",
            "1.0",
            "\"\\n\"",
            // No JSON, but for what stands around it.
            "00",
            "07",
            "-",
            "1.",
            "2e",
            "nul",
            "truth",
            "\"a\u{1}b\"",
            "",
        ]);
        let leaf = prop_oneof![30 => plain, 3 => odd].prop_map(String::from);
        leaf.prop_recursive(5, 12, 4, move |inner| {
            let name = prop::sample::select(alloc::vec![
                "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
                "q", "r", "type", "seq",
            ]);
            let member = (name, space.clone(), inner.clone()).prop_map(|(name, space, value)| {
                format!("{space}\"{name}\"{space}:{space}{value}")
            });
            let few = prop::collection::vec(member.clone(), 0..5);
            let many = prop::collection::vec(member, 14..19);
            let list = prop::collection::vec(inner, 0..4);
            let object = |members: Vec<String>| format!("{{{}}}", members.join(","));
            prop_oneof![
                8 => few.prop_map(object),
                1 => many.prop_map(object),
                3 => list.prop_map(|values| format!("[{}]", values.join(","))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8_192))]

        /// Whatever is decided at a glance is what a closer look would have said.
        #[test]
        fn a_glance_sees_what_a_closer_look_does(text in prop_oneof![1 => pieces(), 9 => value()]) {
            if let Some(type_name) = glance(&text) {
                prop_assert_eq!(Ok(type_name.map(String::from)), closely(&text));
            }
        }
    }

    #[test]
    fn frames_as_programs_write_them_need_no_closer_look() {
        let spaced = "{\n  \"type\": \"countdown\",\n  \"seconds_remaining\": 60,\n  \"x\": [true, null, {}]\n}";
        for text in [r#"{"type":"burn"}"#, spaced] {
            assert!(glance(text).is_some(), "{text}");
        }
    }

    #[test]
    fn the_type_may_stand_anywhere() {
        assert_eq!(frame_type(r#"{"type":"burn"}"#), Ok(Cow::Borrowed("burn")));
        assert_eq!(
            frame_type(r#"{"a":[1,{"b":null}],"type":"burn"}"#),
            Ok(Cow::Borrowed("burn"))
        );
    }

    #[test]
    fn what_is_not_one_object_with_a_type_is_malformed() {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"a"} {}"#,
            r#"{"type":"a""#,
            "{\"type\":\"\u{7}\"}",
        ] {
            assert_eq!(frame_type(text), Err(Code::MalformedFrame), "{text}");
        }
    }

    #[test]
    fn a_repeated_member_is_found_at_every_depth_and_behind_escapes() {
        for text in [
            r#"{"type":"a","type":"a"}"#,
            r#"{"type":"a","x":1,"x":2}"#,
            r#"{"type":"a","x":[{"y":1,"y":1}]}"#,
            r#"{"type":"a","x":1,"\u0078":2}"#,
            r#"{"type":"a","of many letters":1,"of many words":2,"of many letters":3}"#,
        ] {
            assert_eq!(frame_type(text), Err(Code::DuplicateKey), "{text}");
        }
    }

    #[test]
    fn names_that_begin_alike_are_not_the_same() {
        let text =
            r#"{"type":"a","of many letters":1,"of many words":2,"of many":3,"of many\u0000":4}"#;
        assert!(frame_type(text).is_ok());
    }

    #[test]
    fn depth_and_members_have_a_limit() {
        assert!(frame_type(r#"{"type":"a","x":[[[1]]]}"#).is_ok());
        assert!(frame_type(r#"{"type":"a","x":{"x":{"x":{}}}}"#).is_ok());
        assert_eq!(
            frame_type(r#"{"type":"a","x":{"x":{"x":{"x":{}}}}}"#),
            Err(Code::MalformedFrame)
        );
        assert_eq!(
            frame_type(r#"{"type":"a","x":[[[[1]]]]}"#),
            Err(Code::MalformedFrame)
        );
        let deep = format!(r#"{{"type":"a","x":{}}}"#, "[".repeat(60_000));
        assert_eq!(frame_type(&deep), Err(Code::MalformedFrame));
        let object = |members: usize| {
            let list: Vec<String> = (0..members).map(|i| format!(r#""m{i}":0"#)).collect();
            format!(r#"{{"type":"a",{}}}"#, list.join(","))
        };
        assert!(frame_type(&object(63)).is_ok());
        assert_eq!(frame_type(&object(64)), Err(Code::MalformedFrame));
    }
}
