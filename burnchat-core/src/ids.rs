//! The names of things: fixed numbers of bytes, each its own type (spec section 3).

use core::fmt;

use crate::wire::binary;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $debug:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes, as they enter hashes and signatures.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Reads the canonical base64url text.
            #[must_use]
            pub fn from_base64(text: &str) -> Option<Self> {
                let mut bytes = [0; $len];
                binary::decode_exact(text, &mut bytes).then_some(Self(bytes))
            }

            /// The base64url text.
            #[must_use]
            pub fn to_base64(&self) -> alloc::string::String {
                binary::encode(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if $debug {
                    write!(f, concat!(stringify!($name), "({})"), self.to_base64())
                } else {
                    f.write_str(concat!(stringify!($name), "(..)"))
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                binary::serialize(&self.0, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                binary::deserialize_array(deserializer).map(Self)
            }
        }
    };
}

id! {
    /// Names a room to a relay (spec section 4). Not secret, but not for logs either: Debug prints nothing of it.
    RoomId, 16, false
}
id! {
    /// Names a participant; made of its public keys (spec section 5.2).
    ParticipantId, 16, true
}
id! {
    /// Names a message; drawn by its author (spec section 8.3).
    MessageId, 16, true
}
id! {
    /// Names an epoch; made of everything its members must agree on (spec section 7.2).
    EpochId, 32, true
}
id! {
    /// The hash of a roster and its version (spec section 6.2).
    RosterHash, 32, true
}
id! {
    /// The hash of a ticket: what a relay keeps of it (spec section 4).
    TicketHash, 32, false
}

impl EpochId {
    /// The head of a log without an epoch.
    pub const NONE: Self = Self([0; 32]);
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_room_id_is_not_printed() {
        assert_eq!(format!("{:?}", RoomId([7; 16])), "RoomId(..)");
        assert_eq!(format!("{:?}", TicketHash([7; 32])), "TicketHash(..)");
    }

    #[test]
    fn every_id_has_one_text() {
        let id = ParticipantId([0xff; 16]);
        assert_eq!(id.to_base64(), "_____________________w");
        assert_eq!(
            ParticipantId::from_base64("_____________________w"),
            Some(id)
        );
        // The last symbol of 22 carries four bits that must be zero.
        assert_eq!(ParticipantId::from_base64("_____________________x"), None);
        assert_eq!(ParticipantId::from_base64("_____________________w=="), None);
        assert_eq!(ParticipantId::from_base64("____________________"), None);
        assert_eq!(ParticipantId::from_base64("////////////////////w"), None);
    }
}
