//! A key for each message (spec section 8.1).

use super::{Secret, hmac_sha256_secret};
use crate::limits;

/// A sender's chain in one epoch, at the next message to be sent or expected.
#[derive(Debug)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Chain {
    value: Secret<32>,
    next: u64,
}

/// The key of message `n` of one chain. It encrypts, or decrypts, one envelope and is wiped.
#[derive(Debug)]
pub struct MessageKey {
    key: Secret<32>,
    n: u64,
}

impl Chain {
    pub(super) fn starting_at(value: Secret<32>) -> Self {
        Self { value, next: 0 }
    }

    /// The n of the next message.
    pub fn next_n(&self) -> u64 {
        self.next
    }

    /// Takes the key of the next message and moves on. None when the chain has ended.
    pub fn take(&mut self) -> Option<MessageKey> {
        let (key, after) = self.look_ahead(self.next)?;
        *self = after;
        Some(key)
    }

    /// The key of message `n`, and the chain as it is after it, for the caller to put in this one's
    /// place once the message has proved good. None if `n` is past, or beyond the chain's end.
    pub fn look_ahead(&self, n: u64) -> Option<(MessageKey, Self)> {
        let skipped = n.checked_sub(self.next)?;
        if n >= limits::ENVELOPES_PER_EPOCH {
            return None;
        }
        let mut value = None;
        for _ in 0..skipped {
            value = Some(successor(value.as_ref().unwrap_or(&self.value)));
        }
        let at_n = value.as_ref().unwrap_or(&self.value);
        let key = MessageKey {
            key: hmac_sha256_secret(at_n.as_bytes(), &[&[0x01]]),
            n,
        };
        let after = Self {
            value: successor(at_n),
            next: n.saturating_add(1),
        };
        Some((key, after))
    }
}

impl MessageKey {
    /// Which message it is for.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The bytes.
    pub fn as_secret(&self) -> &Secret<32> {
        &self.key
    }
}

fn successor(value: &Secret<32>) -> Secret<32> {
    hmac_sha256_secret(value.as_bytes(), &[&[0x02]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hmac_sha256;

    fn chain() -> Chain {
        Chain::starting_at(Secret::copy_of(&[5; 32]))
    }

    #[test]
    fn sender_and_receiver_walk_the_same_keys() {
        let (mut sender, mut receiver) = (chain(), chain());
        for n in 0..5 {
            let sent = sender.take().unwrap();
            let (received, after) = receiver.look_ahead(n).unwrap();
            receiver = after;
            assert_eq!((sent.n(), received.n()), (n, n));
            assert!(sent.as_secret().ct_eq(received.as_secret()));
        }
    }

    #[test]
    fn the_steps_are_two_hmacs_of_one_byte() {
        let mut walked = chain();
        let first = walked.take().unwrap();
        assert_eq!(
            first.as_secret().as_bytes(),
            &hmac_sha256(&[5; 32], &[&[1]])
        );
        assert_eq!(walked.value.as_bytes(), &hmac_sha256(&[5; 32], &[&[2]]));
    }

    #[test]
    fn looking_ahead_gives_the_same_key_as_walking_and_moves_nothing() {
        let mut walked = chain();
        for _ in 0..9 {
            walked.take().unwrap();
        }
        let ahead = chain();
        let (key, after) = ahead.look_ahead(9).unwrap();
        assert_eq!((ahead.next_n(), after.next_n()), (0, 10));
        assert!(key.as_secret().ct_eq(walked.take().unwrap().as_secret()));
        assert!(after.value.ct_eq(&walked.value));
    }

    #[test]
    fn there_is_no_way_back() {
        let (_, after) = chain().look_ahead(3).unwrap();
        assert!(after.look_ahead(3).is_none());
        assert!(after.look_ahead(0).is_none());
    }

    #[test]
    fn a_chain_ends() {
        let last = limits::ENVELOPES_PER_EPOCH - 1;
        let (_, mut ended) = chain().look_ahead(last).unwrap();
        assert!(chain().look_ahead(last + 1).is_none());
        assert!(chain().look_ahead(u64::MAX).is_none());
        assert!(ended.take().is_none());
    }
}
