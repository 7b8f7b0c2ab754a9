//! Who is at the other end, without remembering who (spec section 11.4).

use std::net::IpAddr;

use burnchat_core::crypto::{Secret, hmac_sha256};
use burnchat_core::relay::PeerKey;

use crate::rng;

/// Makes peers' keys of their addresses, under a key that is drawn with the relay and dies with it.
pub(crate) struct PeerKeys(Secret<32>);

impl PeerKeys {
    pub(crate) fn random() -> Self {
        Self(Secret::random(&mut rng::system()))
    }

    /// Under a key that relays share: to all of them a peer is the same.
    pub(crate) fn shared(key: Secret<32>) -> Self {
        Self(key)
    }

    /// The key of who has this address. Who can choose among the addresses of a /64 is one peer, and so are all whose
    /// address is not known.
    pub(crate) fn of(&self, address: Option<IpAddr>) -> PeerKey {
        let tag = match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => self.tag(4, &address.octets()),
            Some(IpAddr::V6(address)) => self.tag(6, &(address.to_bits() >> 64).to_be_bytes()),
            None => self.tag(0, &[]),
        };
        PeerKey(tag.first_chunk().copied().unwrap_or_default())
    }

    fn tag(&self, family: u8, address: &[u8]) -> [u8; 32] {
        hmac_sha256(self.0.as_bytes(), &[&[family], address])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(keys: &PeerKeys, address: &str) -> PeerKey {
        keys.of(Some(address.parse().unwrap()))
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_network() {
        let keys = PeerKeys::random();
        assert_eq!(key(&keys, "192.0.2.1"), key(&keys, "192.0.2.1"));
        assert_ne!(key(&keys, "192.0.2.1"), key(&keys, "192.0.2.2"));
        assert_eq!(key(&keys, "2001:db8::1"), key(&keys, "2001:db8::ffff:2"));
        assert_ne!(key(&keys, "2001:db8::1"), key(&keys, "2001:db8:0:1::1"));
    }

    #[test]
    fn an_ipv4_address_is_the_same_peer_through_an_ipv6_socket() {
        let keys = PeerKeys::random();
        assert_eq!(key(&keys, "::ffff:192.0.2.1"), key(&keys, "192.0.2.1"));
        assert_ne!(key(&keys, "::ffff:192.0.2.2"), key(&keys, "192.0.2.1"));
    }

    #[test]
    fn two_relays_call_the_same_peer_by_different_keys() {
        let (one, other) = (PeerKeys::random(), PeerKeys::random());
        assert_ne!(key(&one, "192.0.2.1"), key(&other, "192.0.2.1"));
        assert_ne!(one.of(None), other.of(None));
    }
}
