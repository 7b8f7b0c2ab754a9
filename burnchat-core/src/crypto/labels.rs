//! Every label of the protocol (spec section 3 and where each is used), once.

/// What a list of fields is about. The first field of every label encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(&'static str);

impl Label {
    /// The field itself.
    pub const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Label = Label(concat!("burnchat/1 ", $text));)*

        #[cfg(test)]
        const ALL: &[Label] = &[$($name,)*];
    };
}

labels! {
    /// The room's id from its seed (section 4).
    ROOM = "room";
    /// The key of join proofs, and the join proofs (sections 5.1 and 5.3).
    JOIN = "join";
    /// The key names are sealed under, and the signature over a name (sections 5.1 and 5.4).
    NAME = "name";
    /// The half of every key-encryption key that comes from the link (section 5.1).
    WRAP = "wrap";
    /// A participant's id (section 5.2).
    ID = "id";
    /// The name shown for one who has none (section 5.5).
    LABEL = "label";
    /// The roster hash (section 6.2).
    ROSTER = "roster";
    /// The key a session key is wrapped under (section 7.2).
    KEK = "kek";
    /// The commitment to a session key (section 7.2).
    COMMIT = "commit";
    /// An epoch's id (section 7.2).
    EPOCH = "epoch";
    /// The steward's signature (section 7.2).
    KEY = "key";
    /// The start of a sender's chain (section 8.1).
    CHAIN = "chain";
    /// An envelope's AAD and signature (section 8.2).
    MSG = "msg";
    /// The key an older session key is wrapped under (section 9.2).
    HISTORY = "history";
    /// The verification transcript (section 10).
    VERIFY = "verify";
    /// The digits of the safety number (section 10).
    DIGITS = "digits";
    /// A relay's own hash of a seat token (section 11.1); never leaves it, like the next two.
    RELAY_SEAT = "relay seat token";
    /// A relay's own hash of a creator token.
    RELAY_CREATOR = "relay creator token";
    /// A relay's own hash of a PIN.
    RELAY_PIN = "relay pin";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_another() {
        for (i, label) in ALL.iter().enumerate() {
            assert!(label.0.starts_with("burnchat/1 "));
            assert!(!ALL[..i].contains(label), "{label:?}");
        }
    }
}
