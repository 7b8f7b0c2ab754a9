//! What the relay keeps of the secrets it is shown (spec sections 4 and 11.1).

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::handover::carried_inside;
use crate::crypto::{
    Label, SYMBOLS, Secret, SecretBytes, ct_eq, first_16, hmac_sha256, labels, sha256,
};
use crate::encoding::Fields;
use crate::ids::{RoomId, TicketHash};
use crate::limits::PIN_SYMBOLS;
use crate::wire::PinText;

/// The key of a hub's hashes, drawn with the hub and never shown, unless several hubs share one: what leaks of a hash, if
/// anything, can neither be tried out elsewhere nor aimed at.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct HubKey(Secret<32>);

impl HubKey {
    pub(super) fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// One that several hubs share, so that each can judge what another has kept.
    pub(super) fn shared(key: Secret<32>) -> Self {
        Self(key)
    }

    pub(super) fn seat_token(&self, room: &RoomId, token: &Secret<32>) -> KeyedHash {
        self.hash(labels::RELAY_SEAT, room, token.as_bytes())
    }

    pub(super) fn creator_token(&self, room: &RoomId, token: &Secret<32>) -> KeyedHash {
        self.hash(labels::RELAY_CREATOR, room, token.as_bytes())
    }

    /// Case, spaces and hyphens do not count.
    pub(super) fn pin(&self, room: &RoomId, pin: &PinText) -> KeyedHash {
        let mut symbols = SecretBytes::with_capacity(pin.0.len());
        for byte in pin.0.as_slice() {
            if !matches!(byte, b' ' | b'-') {
                symbols.extend_from_slice(&[byte.to_ascii_uppercase()]);
            }
        }
        self.hash(labels::RELAY_PIN, room, symbols.as_slice())
    }

    /// HMAC over the label encoding of the room and the secret, which is not copied to get there.
    fn hash(&self, label: Label, room: &RoomId, secret: &[u8]) -> KeyedHash {
        let start = Fields::bytes(label).put(room.as_bytes()).finish();
        let len = u32::try_from(secret.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        KeyedHash(hmac_sha256(self.0.as_bytes(), &[&start, &len, secret]))
    }
}

/// A hash under the hub's key. Wiped when dropped.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct KeyedHash([u8; 32]);

/// The first half of a hash under the hub's key: where a token is found among many by a search. Whoever shows a token
/// can't tell where it was searched, as that depends on a key nobody knows; and what is found there is compared whole.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Place([u8; 16]);

carried_inside!(KeyedHash);

impl KeyedHash {
    /// In constant time. There is no `==`.
    pub(super) fn matches(&self, other: &Self) -> bool {
        ct_eq(&self.0, &other.0)
    }

    pub(super) fn place(&self) -> Place {
        Place(first_16(self.0))
    }
}

impl Drop for KeyedHash {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The hash of a ticket as joiners show it.
pub(super) fn ticket_hash(ticket: &Secret<16>) -> TicketHash {
    TicketHash(sha256(&[ticket.as_bytes()]))
}

/// In constant time.
pub(super) fn same_ticket(a: &TicketHash, b: &TicketHash) -> bool {
    ct_eq(a.as_bytes(), b.as_bytes())
}

/// Draws a PIN: symbols of the alphabet, each as likely as any other.
pub(super) fn random_pin(rng: &mut impl CryptoRng) -> PinText {
    let bytes = Secret::<PIN_SYMBOLS>::random(rng);
    let mut pin = SecretBytes::with_capacity(PIN_SYMBOLS);
    for byte in bytes.as_bytes() {
        // 32 symbols divide 256 evenly.
        let symbol = SYMBOLS.get(usize::from(byte % 32));
        pin.extend_from_slice(&[symbol.copied().unwrap_or(b'A')]);
    }
    PinText(pin)
}

// Neither has an `==`: see `burnchat-core/tests/comparisons.rs`, which can't see these.
#[cfg(test)]
const _: () = {
    trait Compares<Proof> {
        const IS: () = ();
    }
    impl<T> Compares<()> for T {}
    struct ByEquals;
    impl<T: PartialEq> Compares<ByEquals> for T {}
    // Ambiguous, and so refused, for what has an `==`.
    let () = <KeyedHash as Compares<_>>::IS;
    let () = <HubKey as Compares<_>>::IS;
};
