//! Binary values in frames: canonical base64url without padding (spec section 3).
//!
//! Secrets are coded in time that does not depend on them. Everything else is what anybody on the way can read, and
//! goes through a table: a relay's work is mostly this.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use base64ct::{Base64UrlUnpadded, Encoding};
use data_encoding::BASE64URL_NOPAD;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::crypto::{Secret, SecretBytes};
use crate::limits;

/// Room for the text of the longest fixed value, a sealed name of 157 bytes.
const TEXT_BYTES: usize = 210;
const TOO_LONG: &str = "longer than any value of a frame";

/// The text of public `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Reads public `text` into exactly `out`; false, and `out` undefined, if it is not the canonical text of that many
/// bytes.
pub(crate) fn decode_exact(text: &str, out: &mut [u8]) -> bool {
    let wanted = out.len();
    BASE64URL_NOPAD.decode_len(text.len()) == Ok(wanted)
        && BASE64URL_NOPAD.decode_mut(text.as_bytes(), out) == Ok(wanted)
}

/// The same for a secret.
fn decode_exact_secret(text: &str, out: &mut [u8]) -> bool {
    let wanted = out.len();
    Base64UrlUnpadded::decode(text, out).is_ok_and(|bytes| bytes.len() == wanted)
}

/// `N` public bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{N} bytes]")
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_array(deserializer).map(Self)
    }
}

/// An envelope's ciphertext, tag included: 80 to 45,000 bytes.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub struct Ciphertext(pub Vec<u8>);

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl Serialize for Ciphertext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Ciphertext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Ciphertext;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64url of a ciphertext")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Ciphertext, E> {
                let len = text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1);
                if !limits::CIPHERTEXT_BYTES.contains(&len) {
                    return Err(E::custom("length"));
                }
                let mut bytes = vec![0; len];
                if decode_exact(text, &mut bytes) {
                    Ok(Ciphertext(bytes))
                } else {
                    Err(E::custom("base64url"))
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<const N: usize> Serialize for Secret<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; TEXT_BYTES];
        let encoded = Base64UrlUnpadded::encode(self.as_bytes(), &mut text)
            .map_err(|_| serde::ser::Error::custom(TOO_LONG));
        let done = encoded.and_then(|encoded| serializer.serialize_str(encoded));
        text.zeroize();
        done
    }
}

impl<'de, const N: usize> Deserialize<'de> for Secret<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<const N: usize>;
        impl<const N: usize> Visitor<'_> for Text<N> {
            type Value = Secret<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "base64url of {N} bytes")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret<N>, E> {
                Secret::try_fill_with(|bytes| {
                    if decode_exact_secret(text, bytes) {
                        Ok(())
                    } else {
                        Err(E::custom("base64url"))
                    }
                })
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A PIN as somebody typed it, at most 32 bytes.
pub struct PinText(pub SecretBytes);

impl fmt::Debug for PinText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinText(..)")
    }
}

impl Serialize for PinText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(core::str::from_utf8(self.0.as_slice()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for PinText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = PinText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a PIN")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PinText, E> {
                if text.len() > limits::PIN_TEXT_BYTES {
                    return Err(E::custom("length"));
                }
                Ok(PinText(SecretBytes::copy_of(text.as_bytes())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = [0; TEXT_BYTES];
    let text = text
        .get_mut(..BASE64URL_NOPAD.encode_len(bytes.len()))
        .ok_or_else(|| serde::ser::Error::custom(TOO_LONG))?;
    serializer.serialize_str(BASE64URL_NOPAD.encode_mut_str(bytes, text))
}

pub(crate) fn deserialize_array<'de, const N: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    struct Text<const N: usize>;
    impl<const N: usize> Visitor<'_> for Text<N> {
        type Value = [u8; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "base64url of {N} bytes")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<[u8; N], E> {
            let mut bytes = [0; N];
            if decode_exact(text, &mut bytes) {
                Ok(bytes)
            } else {
                Err(E::custom("base64url"))
            }
        }
    }
    deserializer.deserialize_str(Text)
}

/// An object, and only that: derived code also takes an array of the values.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// For `#[serde(deserialize_with)]`: an object.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|object| object.0)
}

/// For `#[serde(deserialize_with, default)]`: an object, null or nothing.
pub(crate) fn optional_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let object = Option::<Object<T>>::deserialize(deserializer)?;
    Ok(object.map(|object| object.0))
}

/// For `#[serde(deserialize_with)]`: one of an enum's words; derived code also takes an object with the word as name.
pub(crate) fn word<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Word<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Word<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a word")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            T::deserialize(StrDeserializer::new(text))
        }
    }
    deserializer.deserialize_str(Word(PhantomData))
}

/// The same, or null.
pub(crate) fn optional_word<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    struct Word<T>(T);
    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Word<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            word(deserializer).map(Self)
        }
    }
    let word = Option::<Word<T>>::deserialize(deserializer)?;
    Ok(word.map(|word| word.0))
}

/// For `#[serde(deserialize_with)]`: a value or null; derived code also takes nothing at all.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// For `#[serde(deserialize_with, default)]`: an integer below 2^53, null or nothing.
pub(crate) fn optional_integer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    struct Integer(u64);
    impl<'de> Deserialize<'de> for Integer {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            integer(deserializer).map(Self)
        }
    }
    let value = Option::<Integer>::deserialize(deserializer)?;
    Ok(value.map(|integer| integer.0))
}

/// For `#[serde(deserialize_with)]`: an integer below 2^53.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = u64::deserialize(deserializer)?;
    if value < limits::FRAME_INTEGER_END {
        Ok(value)
    } else {
        Err(D::Error::custom("2^53 or more"))
    }
}
