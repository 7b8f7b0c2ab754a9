//! Names: what they may hold, how they travel sealed, how they are shown (spec sections 5.4 and
//! 5.5).

use alloc::{format, string::String};
use core::{cmp::Ordering, fmt};

use rand_core::CryptoRng;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{
    CryptoError, IV_LEN, Identity, PublicIdentity, RoomKeys, SIGNATURE_LEN, SecretBytes, Signature,
    TAG_LEN, aes256_gcm_open, aes256_gcm_seal, animals::ANIMALS, labels,
};
use crate::{
    encoding::Fields,
    error::Code,
    ids::{ParticipantId, RoomId},
    limits,
};

/// Length of a sealed name in bytes.
pub const SEALED_NAME_LEN: usize = IV_LEN + NAME_PLAINTEXT_LEN + TAG_LEN;

/// Length byte, padded name, signature.
const NAME_PLAINTEXT_LEN: usize = 1 + limits::NAME_BYTES + SIGNATURE_LEN;

/// 32 symbols that people do not mistake for each other: no I, O, 0 or 1.
pub const SYMBOLS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A name that may be shown: 1 to 64 bytes of UTF-8, something visible and nothing that steers the
/// text around it. Wiped when dropped, never printed by Debug.
#[derive(Clone)]
pub struct Name(Zeroizing<String>);

#[cfg(burnchat_sim)]
impl core::hash::Hash for Name {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Name {
    /// Takes a user's own name, brought to normalisation form C.
    ///
    /// # Errors
    /// [`Code::NameTooLong`] and [`Code::NameNotAllowed`].
    pub fn new(name: &str) -> Result<Self, Code> {
        // Never grows: the last character fits in what is past the limit.
        let mut normal = Zeroizing::new(String::with_capacity(limits::NAME_BYTES + 4));
        for character in name.nfc() {
            normal.push(character);
            if normal.len() > limits::NAME_BYTES {
                return Err(Code::NameTooLong);
            }
        }
        if may_be_shown(&normal) {
            Ok(Self(normal))
        } else {
            Err(Code::NameNotAllowed)
        }
    }

    /// The name given to a participant whose own is bad, the same on every screen.
    pub fn fallback(id: &ParticipantId) -> Self {
        let [animal, a, b, c, d, e, ..] = Fields::hash(labels::LABEL).put(id.as_bytes()).finish();
        Self::of_animal(animal, [a, b, c, d, e])
    }

    /// The name of a user who gives none. Draws 6 bytes from `rng`.
    pub fn anonymous(rng: &mut impl CryptoRng) -> Self {
        let mut drawn = [0; 6];
        rng.fill_bytes(&mut drawn);
        let [animal, symbols @ ..] = drawn;
        Self::of_animal(animal, symbols)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two are the same name, however each is encoded.
    pub fn clashes_with(&self, other: &Self) -> bool {
        self == other
    }

    /// The name as it is shown: with the join number and the tag of the participant, `wolf·3·7K2Q`.
    pub fn shown(&self, number: u64, id: &ParticipantId) -> String {
        format!("{}·{number}·{}", self.as_str(), tag(id))
    }

    fn of_animal(animal: u8, symbols: [u8; 5]) -> Self {
        let animal = ANIMALS
            .get(usize::from(animal % 64))
            .copied()
            .unwrap_or_default();
        let suffix = symbols
            .map(symbol)
            .map(|symbol| symbol.to_ascii_lowercase());
        let [a, b, c, d, e] = suffix;
        // It has room for the longest animal: a text that grows leaves copies behind.
        let mut name = Zeroizing::new(String::with_capacity(32));
        for part in ["anonymous-", animal, "-"] {
            name.push_str(part);
        }
        name.extend([a, b, c, d, e]);
        Self(name)
    }
}

/// Names are equal that clash.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.nfc().cmp(other.0.nfc())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

/// The first 20 bits of a participant id, as four symbols.
pub fn tag(id: &ParticipantId) -> String {
    let [a, b, c, ..] = *id.as_bytes();
    let bits = u32::from_be_bytes([0, a, b, c]) >> 4;
    [15, 10, 5, 0]
        .map(|shift| symbol((bits >> shift) as u8))
        .iter()
        .collect()
}

/// Seals one's own name for the room. Draws the IV from `rng`.
///
/// # Errors
/// [`CryptoError::Backend`].
pub fn seal_name(
    keys: &RoomKeys,
    identity: &Identity,
    name: &Name,
    rng: &mut impl CryptoRng,
) -> Result<[u8; SEALED_NAME_LEN], CryptoError> {
    let mut iv = [0; IV_LEN];
    rng.fill_bytes(&mut iv);
    let id = identity.id();
    let name = name.as_str().as_bytes();
    let signature = identity
        .signing()
        .sign(&[&signed_fields(keys.room_id(), &id, name)])?;

    let mut plaintext = SecretBytes::with_capacity(NAME_PLAINTEXT_LEN + TAG_LEN);
    plaintext.extend_from_slice(&[u8::try_from(name.len()).unwrap_or(u8::MAX)]);
    plaintext.extend_from_slice(name);
    plaintext.resize(1 + limits::NAME_BYTES, 0);
    plaintext.extend_from_slice(signature.as_bytes());
    let ciphertext = aes256_gcm_seal(keys.name_key(), &iv, id.as_bytes(), plaintext)?;

    let mut sealed = [0; SEALED_NAME_LEN];
    for (to, from) in sealed.iter_mut().zip(iv.iter().chain(&ciphertext)) {
        *to = *from;
    }
    Ok(sealed)
}

/// Opens the sealed name of a participant whose entry is verified.
///
/// # Errors
/// [`Code::BadName`]: show [`Name::fallback`], and treat the participant like any other.
pub fn open_name(
    keys: &RoomKeys,
    participant: &PublicIdentity,
    sealed: &[u8; SEALED_NAME_LEN],
) -> Result<Name, Code> {
    open(keys, participant, sealed).ok_or(Code::BadName)
}

fn open(
    keys: &RoomKeys,
    participant: &PublicIdentity,
    sealed: &[u8; SEALED_NAME_LEN],
) -> Option<Name> {
    let id = participant.id();
    let (iv, ciphertext) = sealed.split_first_chunk()?;
    let plaintext = aes256_gcm_open(keys.name_key(), iv, id.as_bytes(), ciphertext).ok()?;

    let (&len, rest) = plaintext.as_slice().split_first()?;
    let (padded, signature) = rest.split_at_checked(limits::NAME_BYTES)?;
    let (name, padding) = padded.split_at_checked(usize::from(len))?;
    if padding.iter().any(|&byte| byte != 0) {
        return None;
    }
    let text = core::str::from_utf8(name).ok()?;
    let signature = Signature::from_bytes(signature.try_into().ok()?);
    let signed = signed_fields(keys.room_id(), &id, name);
    participant
        .verifying()
        .verify(&[&signed], &signature)
        .ok()?;
    may_be_shown(text).then(|| Name(Zeroizing::new(text.into())))
}

/// The name is not secret to the reader of this memory for long: it is about to be shown.
fn signed_fields(
    room_id: &RoomId,
    id: &ParticipantId,
    name: &[u8],
) -> Zeroizing<alloc::vec::Vec<u8>> {
    Fields::bytes(labels::NAME)
        .put(room_id.as_bytes())
        .put(id.as_bytes())
        .put(name)
        .finish()
}

fn may_be_shown(name: &str) -> bool {
    !name.chars().any(is_forbidden) && !name.chars().all(char::is_whitespace)
}

/// Control characters, and what is invisible or turns the direction of the text around it.
fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00AD}'
                | '\u{034F}'
                | '\u{061C}'
                | '\u{115F}'
                | '\u{1160}'
                | '\u{17B4}'
                | '\u{17B5}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// The symbol of the low five bits.
fn symbol(bits: u8) -> char {
    SYMBOLS
        .get(usize::from(bits & 31))
        .copied()
        .map_or('?', char::from)
}

#[cfg(test)]
mod tests;
