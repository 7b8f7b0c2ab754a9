//! Arithmetic in place of cryptography, for simulations that run rooms by the million. It protects
//! nothing.
//!
//! Lengths, refusals and everything built on them are those of the other backends, so the same code
//! runs above it: two key pairs agree on one secret, a signature is for one key and one message, a
//! tag is for one key and one text. All this holds against accidents, and against a simulated
//! adversary who calls the same functions; whoever sat down to break it would need no computer.
//!
//! Differences that can be seen: a point has no twin below the axis, and a signature none with
//! another `s`.

use crate::crypto::{
    CryptoError, DIGEST_LEN, IV_LEN, PUBLIC_KEY_LEN, SIGNATURE_LEN, Secret, TAG_LEN,
    WRAPPED_KEY_LEN,
};

/// Numbers modulo this Mersenne prime stand for points and scalars.
const PRIME: u64 = (1 << 61) - 1;

/// Stands for the generator of the group.
const GENERATOR: u64 = 0x0f1b_bcdc_bfa5_3e0b;

/// Odd constants without structure (the first digits of the square roots of primes).
const K: [u64; 4] = [
    0x6a09_e667_f3bc_c909,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
];

/// What a [`Mixer`] is for: the same bytes come to something else for each.
#[derive(Clone, Copy)]
enum Use {
    Digest = 1,
    Mac,
    Scalar,
    Point,
    Agreement,
    Signature,
    Seal,
    Wrap,
}

#[derive(Clone, Hash)]
pub(in crate::crypto) struct EcdhPrivate(u64);

impl EcdhPrivate {
    pub(in crate::crypto) fn from_scalar(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        Ok(Self(reduced(scalar)))
    }

    pub(in crate::crypto) fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
        Ok(point(times(self.0, GENERATOR)))
    }

    pub(in crate::crypto) fn agree(&self, peer: &EcdhPublic) -> Result<Secret<32>, CryptoError> {
        let x = Mixer::of(Use::Agreement, times(self.0, peer.0)).finish();
        Ok(Secret::copy_of(&x))
    }
}

#[derive(Clone, Hash)]
pub(in crate::crypto) struct EcdhPublic(u64);

impl EcdhPublic {
    pub(in crate::crypto) fn parse(encoded: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, CryptoError> {
        on_curve(encoded).map(Self)
    }
}

#[derive(Clone, Hash)]
pub(in crate::crypto) struct EcdsaPrivate(u64);

impl EcdsaPrivate {
    pub(in crate::crypto) fn from_scalar(scalar: &Secret<32>) -> Result<Self, CryptoError> {
        Ok(Self(reduced(scalar)))
    }

    pub(in crate::crypto) fn public_key(&self) -> Result<[u8; PUBLIC_KEY_LEN], CryptoError> {
        Ok(point(times(self.0, GENERATOR)))
    }

    pub(in crate::crypto) fn sign(
        &self,
        digest: &[u8; 32],
    ) -> Result<[u8; SIGNATURE_LEN], CryptoError> {
        Ok(signature(times(self.0, GENERATOR), digest))
    }
}

#[derive(Clone, Hash)]
pub(in crate::crypto) struct EcdsaPublic(u64);

impl EcdsaPublic {
    pub(in crate::crypto) fn parse(encoded: &[u8; PUBLIC_KEY_LEN]) -> Result<Self, CryptoError> {
        on_curve(encoded).map(Self)
    }

    pub(in crate::crypto) fn verify(
        &self,
        digest: &[u8; 32],
        signature: &[u8; SIGNATURE_LEN],
    ) -> Result<(), CryptoError> {
        if *signature == self::signature(self.0, digest) {
            Ok(())
        } else {
            Err(CryptoError::BadSignature)
        }
    }
}

pub(in crate::crypto) fn gcm_seal(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    in_out: &mut [u8],
) -> Result<[u8; TAG_LEN], CryptoError> {
    let keyed = under(Use::Seal, key).and(iv);
    keyed.clone().apply_stream(in_out);
    Ok(gcm_tag(keyed, aad, in_out))
}

pub(in crate::crypto) fn gcm_open(
    key: &Secret<32>,
    iv: &[u8; IV_LEN],
    aad: &[u8],
    in_out: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> Result<(), CryptoError> {
    let keyed = under(Use::Seal, key).and(iv);
    if gcm_tag(keyed.clone(), aad, in_out) != *tag {
        return Err(CryptoError::Unauthentic);
    }
    keyed.apply_stream(in_out);
    Ok(())
}

/// Where the AAD ends and the ciphertext begins is part of what is authenticated.
fn gcm_tag(keyed: Mixer, aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_LEN] {
    let aad_len = (aad.len() as u64).to_be_bytes();
    let mixed = keyed.and(&aad_len).and(aad).and(ciphertext).finish();
    let mut tag = [0; TAG_LEN];
    tag.iter_mut().zip(mixed).for_each(|(to, from)| *to = from);
    tag
}

/// Half a digest of the key stands before it, and is what it is encrypted with.
pub(in crate::crypto) fn kw_wrap(kek: &Secret<32>, key: &Secret<32>) -> [u8; WRAPPED_KEY_LEN] {
    let check = wrap_check(kek, key);
    let mut wrapped = [0; WRAPPED_KEY_LEN];
    let (start, body) = wrapped.split_at_mut(check.len());
    start.copy_from_slice(&check);
    body.copy_from_slice(key.as_bytes());
    under(Use::Wrap, kek).and(&check).apply_stream(body);
    wrapped
}

pub(in crate::crypto) fn kw_unwrap(
    kek: &Secret<32>,
    wrapped: &[u8; WRAPPED_KEY_LEN],
) -> Result<Secret<32>, CryptoError> {
    let (check, body) = wrapped.split_first_chunk().ok_or(CryptoError::BadWrap)?;
    let key = Secret::fill_with(|key| {
        key.iter_mut().zip(body).for_each(|(to, from)| *to = *from);
        under(Use::Wrap, kek).and(check).apply_stream(key);
    });
    if wrap_check(kek, &key) == *check {
        Ok(key)
    } else {
        Err(CryptoError::BadWrap)
    }
}

fn wrap_check(kek: &Secret<32>, key: &Secret<32>) -> [u8; 8] {
    let [word, ..] = under(Use::Wrap, kek).and(key.as_bytes()).words();
    word.to_be_bytes()
}

#[derive(Clone, Hash)]
pub(in crate::crypto) struct Sha256(Mixer);

impl Default for Sha256 {
    fn default() -> Self {
        Self(Mixer::new(Use::Digest))
    }
}

impl Sha256 {
    pub(in crate::crypto) fn update(&mut self, bytes: &[u8]) {
        self.0.take(bytes);
    }

    pub(in crate::crypto) fn finish(self) -> [u8; DIGEST_LEN] {
        self.0.finish()
    }
}

#[derive(Clone, Hash)]
pub(in crate::crypto) struct Hmac(Mixer);

impl Hmac {
    pub(in crate::crypto) fn new(key: &[u8; 64]) -> Self {
        Self(Mixer::new(Use::Mac).and(key))
    }

    pub(in crate::crypto) fn update(&mut self, bytes: &[u8]) {
        self.0.take(bytes);
    }

    pub(in crate::crypto) fn finish_into(self, out: &mut [u8; DIGEST_LEN]) {
        *out = self.0.finish();
    }
}

fn under(what: Use, key: &Secret<32>) -> Mixer {
    Mixer::new(what).and(key.as_bytes())
}

/// A scalar as a number in `1..PRIME`.
fn reduced(scalar: &Secret<32>) -> u64 {
    let [word, ..] = under(Use::Scalar, scalar).words();
    word % (PRIME - 1) + 1
}

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b) % u128::from(PRIME);
    // Less than PRIME.
    product as u64
}

/// 0x04, the number, and 56 bytes that follow from it: what is not so is on no curve.
fn point(number: u64) -> [u8; PUBLIC_KEY_LEN] {
    let mut encoded = [4; PUBLIC_KEY_LEN];
    let (_, coordinates) = encoded.split_at_mut(1);
    let (x, rest) = coordinates.split_at_mut(8);
    x.copy_from_slice(&number.to_be_bytes());
    rest.fill(0);
    Mixer::of(Use::Point, number).apply_stream(rest);
    encoded
}

fn on_curve(encoded: &[u8; PUBLIC_KEY_LEN]) -> Result<u64, CryptoError> {
    let [_, a, b, c, d, e, f, g, h, ..] = *encoded;
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    if (1..PRIME).contains(&number) && point(number) == *encoded {
        Ok(number)
    } else {
        Err(CryptoError::BadPublicKey)
    }
}

/// Made by who holds the private half and checked by who holds the public one: there is no other
/// way to either.
fn signature(public: u64, digest: &[u8; 32]) -> [u8; SIGNATURE_LEN] {
    let mut signature = [0; SIGNATURE_LEN];
    Mixer::of(Use::Signature, public)
        .and(digest)
        .apply_stream(&mut signature);
    signature
}

/// Bytes come in, in pieces of any length, 32 bytes or a key stream come out. Two halves of 64 bits
/// run through the same blocks on their own.
#[derive(Clone, Hash)]
struct Mixer {
    a: u64,
    b: u64,
    len: u64,
    /// The bytes of a block that is not full yet, big-endian.
    partial: u128,
}

const BLOCK: u64 = 16;

impl Mixer {
    fn new(what: Use) -> Self {
        let [k0, k1, k2, _] = K;
        Self {
            a: fold(k0, k1 ^ what as u64),
            b: fold(k2, k0 ^ what as u64),
            len: 0,
            partial: 0,
        }
    }

    fn of(what: Use, number: u64) -> Self {
        Self::new(what).and(&number.to_be_bytes())
    }

    fn and(mut self, bytes: &[u8]) -> Self {
        self.take(bytes);
        self
    }

    fn take(&mut self, bytes: &[u8]) {
        let filled = (self.len % BLOCK) as usize;
        self.len = self.len.wrapping_add(bytes.len() as u64);
        let mut rest = bytes;
        if filled > 0 {
            let missing = BLOCK as usize - filled;
            let (start, after) = bytes.split_at(missing.min(bytes.len()));
            self.partial = with(self.partial, start);
            if start.len() < missing {
                return;
            }
            self.mix(self.partial);
            rest = after;
        }
        let (blocks, tail) = rest.as_chunks::<{ BLOCK as usize }>();
        for block in blocks {
            self.mix(u128::from_be_bytes(*block));
        }
        self.partial = with(0, tail);
    }

    fn mix(&mut self, block: u128) {
        let [_, k1, k2, _] = K;
        let (high, low) = ((block >> 64) as u64, block as u64);
        self.a = fold(self.a ^ high, low ^ k1);
        self.b = fold(self.b ^ low, high ^ k2);
    }

    fn words(mut self) -> [u64; 4] {
        let [k0, k1, k2, k3] = K;
        self.mix(self.partial);
        let x = fold(self.a ^ self.len, self.b ^ k3);
        let y = fold(self.b ^ self.len, self.a ^ k0);
        [
            scatter(x),
            scatter(y),
            scatter(x ^ y.rotate_left(29) ^ k1),
            scatter(y.wrapping_add(x.rotate_left(17)) ^ k2),
        ]
    }

    fn finish(self) -> [u8; DIGEST_LEN] {
        let mut digest = [0; DIGEST_LEN];
        for (to, word) in digest.chunks_mut(8).zip(self.words()) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }

    /// Encrypts or decrypts with a key stream that follows from what was taken.
    fn apply_stream(self, text: &mut [u8]) {
        let [x, y, ..] = self.words();
        let step = y | 1;
        let mut counter = x;
        for chunk in text.chunks_mut(8) {
            counter = counter.wrapping_add(step);
            for (byte, key) in chunk.iter_mut().zip(scatter(counter).to_be_bytes()) {
                *byte ^= key;
            }
        }
    }
}

fn with(partial: u128, bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(partial, |partial, byte| partial << 8 | u128::from(*byte))
}

/// Both halves of the product, on top of each other.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// A bijection in which every bit of the input counts for every bit of the output.
fn scatter(word: u64) -> u64 {
    let word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    word ^ (word >> 32)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::crypto::test_rng::Seeded;

    #[test]
    fn two_key_pairs_agree_on_a_secret_that_a_third_does_not_have() {
        let mut rng = Seeded::new(1);
        let [a, b, c] = [(); 3].map(|()| key(&mut rng));
        let [of_a, of_b, of_c] = [&a, &b, &c].map(public);
        assert!(a.agree(&of_b).unwrap().ct_eq(&b.agree(&of_a).unwrap()));
        assert!(!a.agree(&of_b).unwrap().ct_eq(&a.agree(&of_c).unwrap()));
        assert!(!a.agree(&of_b).unwrap().ct_eq(&c.agree(&of_b).unwrap()));
    }

    #[test]
    fn a_point_with_one_other_bit_is_on_no_curve() {
        let encoded = key(&mut Seeded::new(2)).public_key().unwrap();
        for byte in 0..PUBLIC_KEY_LEN {
            let mut altered = encoded;
            altered[byte] ^= 0x10;
            assert!(EcdhPublic::parse(&altered).is_err());
            assert!(EcdsaPublic::parse(&altered).is_err());
        }
        for filling in [0, 4, 0xff] {
            assert!(EcdhPublic::parse(&[filling; PUBLIC_KEY_LEN]).is_err());
        }
    }

    #[test]
    fn a_signature_is_for_one_key_and_one_digest() {
        let mut rng = Seeded::new(3);
        let [mine, other] = [(); 2].map(|()| {
            let key = EcdsaPrivate::from_scalar(&Secret::random(&mut rng)).unwrap();
            let public = EcdsaPublic::parse(&key.public_key().unwrap()).unwrap();
            (key, public)
        });
        let signature = mine.0.sign(&[7; 32]).unwrap();
        mine.1.verify(&[7; 32], &signature).unwrap();
        assert!(mine.1.verify(&[8; 32], &signature).is_err());
        assert!(other.1.verify(&[7; 32], &signature).is_err());
        for byte in 0..SIGNATURE_LEN {
            let mut altered = signature;
            altered[byte] ^= 1;
            assert!(mine.1.verify(&[7; 32], &altered).is_err());
        }
    }

    #[test]
    fn nothing_opens_that_was_changed() {
        let key = Secret::copy_of(&[1; 32]);
        let mut sealed = *b"attack at dawn";
        let tag = gcm_seal(&key, &[2; IV_LEN], b"aad", &mut sealed).unwrap();
        assert_ne!(&sealed, b"attack at dawn");
        let opened = |key: &Secret<32>, iv: u8, aad: &[u8], tag: &[u8; TAG_LEN], at: usize| {
            let mut text = sealed;
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1;
            }
            gcm_open(key, &[iv; IV_LEN], aad, &mut text, tag).map(|()| text)
        };
        let none = sealed.len();
        assert_eq!(opened(&key, 2, b"aad", &tag, none), Ok(*b"attack at dawn"));
        for at in 0..sealed.len() {
            assert!(opened(&key, 2, b"aad", &tag, at).is_err());
        }
        for at in 0..TAG_LEN {
            let mut other = tag;
            other[at] ^= 1;
            assert!(opened(&key, 2, b"aad", &other, none).is_err());
        }
        assert!(opened(&Secret::copy_of(&[3; 32]), 2, b"aad", &tag, none).is_err());
        assert!(opened(&key, 3, b"aad", &tag, none).is_err());
        assert!(opened(&key, 2, b"aadx", &tag, none).is_err());
    }

    #[test]
    fn the_aad_does_not_run_into_the_ciphertext() {
        let keyed = under(Use::Seal, &Secret::copy_of(&[1; 32]));
        assert_ne!(
            gcm_tag(keyed.clone(), b"ab", b"c"),
            gcm_tag(keyed, b"a", b"bc")
        );
    }

    #[test]
    fn a_wrap_opens_under_its_key_and_unaltered() {
        let (kek, key) = (Secret::copy_of(&[1; 32]), Secret::copy_of(&[2; 32]));
        let wrapped = kw_wrap(&kek, &key);
        assert!(kw_unwrap(&kek, &wrapped).unwrap().ct_eq(&key));
        assert!(kw_unwrap(&key, &wrapped).is_err());
        for byte in 0..WRAPPED_KEY_LEN {
            let mut altered = wrapped;
            altered[byte] ^= 0x80;
            assert!(kw_unwrap(&kek, &altered).is_err());
        }
    }

    #[test]
    fn a_digest_is_of_the_bytes_and_not_of_their_pieces() {
        let bytes: alloc::vec::Vec<u8> = (0..67).collect();
        let whole = Mixer::new(Use::Digest).and(&bytes).finish();
        for cut in 0..bytes.len() {
            let (start, end) = bytes.split_at(cut);
            let pieces = Mixer::new(Use::Digest).and(start).and(end);
            assert_eq!(pieces.finish(), whole);
            assert_ne!(Mixer::new(Use::Digest).and(start).finish(), whole);
            let mut altered = bytes.clone();
            altered[cut] ^= 1;
            assert_ne!(Mixer::new(Use::Digest).and(&altered).finish(), whole);
        }
        assert_ne!(Mixer::new(Use::Mac).and(&bytes).finish(), whole);
    }

    #[test]
    fn zeros_at_the_end_count() {
        let digests: vec::Vec<_> = (0..40)
            .map(|len| Mixer::new(Use::Digest).and(&vec![0; len]).finish())
            .collect();
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest));
        }
    }

    fn key(rng: &mut Seeded) -> EcdhPrivate {
        EcdhPrivate::from_scalar(&Secret::random(rng)).unwrap()
    }

    fn public(key: &EcdhPrivate) -> EcdhPublic {
        EcdhPublic::parse(&key.public_key().unwrap()).unwrap()
    }
}
