//! The keys that come from the link (spec sections 5.1 and 5.3).

use super::{
    DIGEST_LEN, PUBLIC_KEY_LEN, SEALED_NAME_LEN, Secret, ct_eq, hkdf_sha256, hmac_sha256, labels,
    sha256,
};
use crate::{encoding::Fields, ids::RoomId, link::Link};

/// What everyone with the link can derive, and the relay cannot.
#[derive(Debug)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct RoomKeys {
    room_id: RoomId,
    join_key: Secret<32>,
    name_key: Secret<32>,
    wrap_key: Secret<32>,
}

impl RoomKeys {
    /// Derives them.
    pub fn derive(link: &Link) -> Self {
        let key = |label| {
            let info = Fields::bytes(label).put(&link.header()).finish();
            hkdf_sha256(link.room_id().as_bytes(), link.secret().as_bytes(), &info)
        };
        Self {
            room_id: link.room_id(),
            join_key: key(labels::JOIN),
            name_key: key(labels::NAME),
            wrap_key: key(labels::WRAP),
        }
    }

    /// The room they are for.
    pub fn room_id(&self) -> &RoomId {
        &self.room_id
    }

    /// The key names are sealed under.
    pub fn name_key(&self) -> &Secret<32> {
        &self.name_key
    }

    /// What goes into every key-encryption key besides the two participants' secret (spec section
    /// 7.2): who breaks the curve still needs the link.
    pub fn wrap_key(&self) -> &Secret<32> {
        &self.wrap_key
    }

    /// What shows that whoever joins with these keys and this name holds the link.
    pub fn join_proof(
        &self,
        kem_pub: &[u8; PUBLIC_KEY_LEN],
        sig_pub: &[u8; PUBLIC_KEY_LEN],
        sealed_name: &[u8; SEALED_NAME_LEN],
    ) -> [u8; DIGEST_LEN] {
        let fields = Fields::bytes(labels::JOIN)
            .put(self.room_id.as_bytes())
            .put(kem_pub)
            .put(sig_pub)
            .put(&sha256(&[sealed_name]))
            .finish();
        hmac_sha256(self.join_key.as_bytes(), &[&fields])
    }

    /// Whether `proof` is that of these keys and this name, in constant time.
    pub fn check_join_proof(
        &self,
        kem_pub: &[u8; PUBLIC_KEY_LEN],
        sig_pub: &[u8; PUBLIC_KEY_LEN],
        sealed_name: &[u8; SEALED_NAME_LEN],
        proof: &[u8; DIGEST_LEN],
    ) -> bool {
        ct_eq(&self.join_proof(kem_pub, sig_pub, sealed_name), proof)
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    /// The link of the tests in [`crate::link`].
    const URL: &str = "https://chat.example/r/AAECAwQFBgcICQoLDA0ODw\
                       #AQEBuoFAEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi9L2GYF";
    const PROOF: [u8; DIGEST_LEN] =
        hex!("4bf4c5011736828349d118341fbe1dc2f0d1f4d37ce400f7603f592fd9755cc7");

    /// The values were computed apart from this code.
    #[test]
    fn the_link_gives_the_keys_of_the_spec() {
        let keys = RoomKeys::derive(&Link::parse(URL).unwrap());
        assert_eq!(
            keys.name_key().as_bytes(),
            &hex!("1d9dc1b607264639d015a76833ae2700e6c6c8a411dedb71fdf8952cc07b91ee")
        );
        assert_eq!(
            keys.wrap_key().as_bytes(),
            &hex!("e461b1814666ad312df3fcef32831bb708c2517074891c5d93126dfab09709c2")
        );
        assert_eq!(keys.join_proof(&[1; 65], &[2; 65], &[5; 157]), PROOF);
    }

    #[test]
    fn a_relay_cannot_change_what_was_proved() {
        let keys = RoomKeys::derive(&Link::parse(URL).unwrap());
        assert!(keys.check_join_proof(&[1; 65], &[2; 65], &[5; 157], &PROOF));
        assert!(!keys.check_join_proof(&[0; 65], &[2; 65], &[5; 157], &PROOF));
        assert!(!keys.check_join_proof(&[1; 65], &[0; 65], &[5; 157], &PROOF));
        assert!(!keys.check_join_proof(&[1; 65], &[2; 65], &[0; 157], &PROOF));
        assert!(!keys.check_join_proof(&[1; 65], &[2; 65], &[5; 157], &[0; 32]));
    }

    #[test]
    fn a_changed_header_gives_other_keys() {
        // What a relay could have a joiner believe: the same room and secret, another hard end.
        let link = Link::parse(URL).unwrap();
        let secret = Secret::copy_of(link.secret().as_bytes());
        let ticket = crate::link::Ticket::copy_of(link.ticket().as_secret().as_bytes());
        let longer = Link::new(
            link.base(),
            link.room_id(),
            true,
            29_000_001,
            secret,
            ticket,
        )
        .unwrap();
        let keys = RoomKeys::derive(&longer);
        assert!(!keys.check_join_proof(&[1; 65], &[2; 65], &[5; 157], &PROOF));
    }
}
