//! Writes frames as JSON into memory that is wiped.
//!
//! A frame may carry a ticket or a token, and a growing buffer leaves copies behind; this serializer writes into
//! [`SecretBytes`], which does not. It knows the shapes frames have and no others.

use core::fmt;

use serde::ser::{self, Impossible, Serialize};

use crate::crypto::SecretBytes;

/// The JSON text of `value`, which is expected to be of about this many bytes: growing costs a wipe.
pub(crate) fn to_bytes(
    value: &impl Serialize,
    expected: usize,
) -> Result<SecretBytes, Unsupported> {
    let mut out = SecretBytes::with_capacity(expected);
    value.serialize(Writer(&mut out))?;
    Ok(out)
}

/// A value of a shape that frames do not have.
#[derive(Debug)]
pub(crate) struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a shape of a frame")
    }
}

impl core::error::Error for Unsupported {}

impl ser::Error for Unsupported {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Writer<'a>(&'a mut SecretBytes);

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn put_string(&mut self, text: &str) {
        self.put(b"\"");
        // Without a way out of the loop it is done sixteen bytes at a time.
        let needs_escape = text.bytes().fold(false, |found, byte| {
            found | (byte < 0x20) | (byte == b'"') | (byte == b'\\')
        });
        if needs_escape {
            for character in text.chars() {
                match character {
                    '"' | '\\' => self.put(&[b'\\', character as u8]),
                    control @ '\0'..='\x1f' => {
                        const HEX: &[u8; 16] = b"0123456789abcdef";
                        let low = HEX.get(control as usize & 15).copied().unwrap_or(b'0');
                        let high = if control as u32 > 15 { b'1' } else { b'0' };
                        self.put(&[b'\\', b'u', b'0', b'0', high, low]);
                    }
                    other => self.put(other.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
        } else {
            self.put(text.as_bytes());
        }
        self.put(b"\"");
    }
}

type No = Impossible<(), Unsupported>;

impl<'a> ser::Serializer for Writer<'a> {
    type Ok = ();
    type Error = Unsupported;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = No;

    fn serialize_bool(mut self, value: bool) -> Result<(), Unsupported> {
        self.put(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_u64(mut self, value: u64) -> Result<(), Unsupported> {
        let mut digits = [b'0'; 20];
        let mut rest = value;
        let mut first = digits.len();
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            first = place;
            if rest == 0 {
                break;
            }
        }
        self.put(digits.get(first..).unwrap_or_default());
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unsupported> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unsupported> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unsupported> {
        self.serialize_u64(value.into())
    }

    fn serialize_str(mut self, value: &str) -> Result<(), Unsupported> {
        self.put_string(value);
        Ok(())
    }

    fn serialize_none(mut self) -> Result<(), Unsupported> {
        self.put(b"null");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unsupported> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unsupported> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        value.serialize(self)
    }

    fn serialize_seq(mut self, _: Option<usize>) -> Result<Members<'a>, Unsupported> {
        self.put(b"[");
        Ok(Members {
            writer: self,
            first: true,
            end: b"]",
        })
    }

    fn serialize_struct(mut self, _: &'static str, _: usize) -> Result<Members<'a>, Unsupported> {
        self.put(b"{");
        Ok(Members {
            writer: self,
            first: true,
            end: b"}",
        })
    }

    fn serialize_i8(self, _: i8) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_i16(self, _: i16) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_i32(self, _: i32) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_i64(self, _: i64) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_char(self, _: char) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_unit(self) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple(self, _: usize) -> Result<No, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<No, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<No, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<No, Unsupported> {
        Err(Unsupported)
    }
}

/// The members of an object or array being written.
struct Members<'a> {
    writer: Writer<'a>,
    first: bool,
    end: &'static [u8],
}

impl Members<'_> {
    fn next(&mut self) {
        if !self.first {
            self.writer.put(b",");
        }
        self.first = false;
    }
}

impl ser::SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        self.next();
        value.serialize(Writer(self.writer.0))
    }

    fn end(mut self) -> Result<(), Unsupported> {
        self.writer.put(self.end);
        Ok(())
    }
}

impl ser::SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        self.next();
        self.writer.put_string(key);
        self.writer.put(b":");
        value.serialize(Writer(self.writer.0))
    }

    fn end(mut self) -> Result<(), Unsupported> {
        self.writer.put(self.end);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::{String, ToString};
    use alloc::vec;
    use alloc::vec::Vec;

    use serde::Serialize;

    use super::{SecretBytes, Unsupported, Writer, ser, to_bytes};

    fn written(value: &impl Serialize) -> Option<String> {
        let bytes = to_bytes(value, 8).ok()?;
        Some(core::str::from_utf8(bytes.as_slice()).unwrap().into())
    }

    #[derive(Serialize)]
    struct Frame {
        yes: bool,
        no: bool,
        words: Vec<&'static str>,
        nothing: Option<u8>,
        something: Option<Number>,
        kind: Kind,
    }

    #[derive(Serialize)]
    struct Number(u16);

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Pair(u8, u8);

    #[derive(Serialize)]
    enum Kind {
        Plain,
        New(u8),
        Tuple(u8, u8),
        Struct { a: u8 },
    }

    #[test]
    fn a_frame_is_written_without_a_space_too_many() {
        let frame = Frame {
            yes: true,
            no: false,
            words: vec!["a", "b"],
            nothing: None,
            something: Some(Number(7)),
            kind: Kind::Plain,
        };
        assert_eq!(
            written(&frame).unwrap(),
            r#"{"yes":true,"no":false,"words":["a","b"],"nothing":null,"something":7,"kind":"Plain"}"#
        );
        assert_eq!(written(&Vec::<u8>::new()).unwrap(), "[]");
    }

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        for number in [0, 9, 10, 99, 100, 1_234_567_890, (1 << 53) - 1, u64::MAX] {
            assert_eq!(written(&number).unwrap(), number.to_string());
        }
        assert_eq!(written(&u8::MAX).unwrap(), "255");
        assert_eq!(written(&u16::MAX).unwrap(), "65535");
        assert_eq!(written(&u32::MAX).unwrap(), "4294967295");
    }

    #[test]
    fn every_character_is_read_back_as_it_was() {
        for text in [
            "plain",
            "a \"quoted\" one",
            "back\\slash",
            // Nothing but what must be escaped, once and twice.
            "\"",
            "\\",
            "\n",
            "\"\"",
            "\\\\",
            "\n\n",
            "\u{0}\u{1}\t\n\r\u{f}\u{10}\u{1f} ",
            "é 🔥 \u{7f}",
        ] {
            let written = written(&text).unwrap();
            let read: String = serde_json::from_str(&written).unwrap();
            assert_eq!(read, text, "{written}");
            assert!(written.chars().all(|character| character >= ' '));
        }
        assert_eq!(written(&"\u{1f}\u{a}").unwrap(), r#""\u001f\u000a""#);
    }

    #[test]
    fn what_no_frame_has_is_not_written() {
        assert_eq!(written(&1_i8), None);
        assert_eq!(written(&1_i16), None);
        assert_eq!(written(&1_i32), None);
        assert_eq!(written(&1_i64), None);
        assert_eq!(written(&1_f32), None);
        assert_eq!(written(&1_f64), None);
        assert_eq!(written(&'a'), None);
        assert_eq!(written(&()), None);
        assert_eq!(written(&Unit), None);
        assert_eq!(written(&(1_u8, 2_u8)), None);
        assert_eq!(written(&Pair(1, 2)), None);
        assert_eq!(written(&Kind::New(1)), None);
        assert_eq!(written(&Kind::Tuple(1, 2)), None);
        assert_eq!(written(&Kind::Struct { a: 1 }), None);
        assert_eq!(written(&BTreeMap::from([(1_u8, 2_u8)])), None);
        assert!(
            ser::Serializer::serialize_bytes(Writer(&mut SecretBytes::default()), b"a").is_err()
        );
        // Nor within what one has.
        assert_eq!(written(&vec![1_i8]), None);
        assert_eq!(Unsupported.to_string(), "not a shape of a frame");
        assert_eq!(
            <Unsupported as ser::Error>::custom("").to_string(),
            "not a shape of a frame"
        );
    }
}
