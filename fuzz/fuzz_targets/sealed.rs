//! What is in a seal, as somebody finds it who has opened it: a participant with every key may put anything there. What is
//! read is what the layout says and reads one way only; what was altered does not open.
//!
//! The input: what it is, and its bytes.

#![no_main]

use std::sync::OnceLock;

use burnchat_core::crypto::{
    Decoded, Identity, KemPublicKey, KeyEncryptionKey, Name, PairKey, Plaintext, RoomKeys,
    SEALED_NAME_LEN, Secret, SecretBytes, SessionKey, Signature, VerifyingKey, aes256_gcm_seal,
    labels, open_name, pad, seal_name, unpad,
};
use burnchat_core::encoding::Fields;
use burnchat_core::ids::{EpochId, ParticipantId, RosterHash};
use burnchat_core::limits;
use burnchat_core::link::Link;
use burnchat_core::wire::{Ciphertext, Envelope};
use burnchat_fuzz::Tape;
use libfuzzer_sys::fuzz_target;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const LINK: &str = "https://relay.example/r/UUAYuVX4jGENflAM-rxqOA#AQABxzWQ0G7pQUVE9pNWj_esdYYgt1usFLRQUEY4Ywk7OjaMyg35FLcO";
const EPOCH: EpochId = EpochId([7; 32]);

struct Keys {
    room: RoomKeys,
    eve: Identity,
    ben: Identity,
    roster: RosterHash,
    kek: KeyEncryptionKey,
    session: SessionKey,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let room = RoomKeys::derive(&Link::parse(LINK).unwrap());
        let eve = Identity::generate(&mut rng).unwrap();
        let ben = Identity::generate(&mut rng).unwrap();
        let roster = RosterHash([3; 32]);
        let shared = eve.kem().agree(ben.kem().public_key()).unwrap();
        let pair = PairKey::new(room.wrap_key(), &shared);
        Keys {
            kek: pair.kek(&roster, &eve.id(), &ben.id()),
            session: SessionKey::random(&mut rng),
            room,
            eve,
            ben,
            roster,
        }
    })
}

fuzz_target!(|input: &[u8]| {
    let mut tape = Tape::new(input);
    match tape.byte() % 8 {
        0 => padded(tape.byte().into(), tape.rest()),
        1 => plaintext(tape.byte().into(), tape.rest()),
        2 => sealed_name(&mut tape),
        3 => own_name(tape.rest()),
        4 => wrapped_key(&mut tape),
        5 => back(&mut tape),
        6 => envelope(&mut tape),
        _ => public_values(&mut tape),
    }
});

/// Section 8.3, of whatever was encrypted.
fn padded(n: u64, bytes: &[u8]) {
    let padded = SecretBytes::copy_of(bytes);
    let Some(Decoded { header, body }) = Decoded::from_padded(n, &padded) else {
        return;
    };
    assert_eq!(header.last.is_some(), n == 0);
    let Some(body) = body else { return };
    let again = Plaintext { header, body }.encode(n);
    assert_eq!(again.as_slice(), bytes, "read two ways");
}

/// The same, of what is padded as it must be.
fn plaintext(n: u64, bytes: &[u8]) {
    let mut padded_bytes = SecretBytes::copy_of(bytes);
    pad(&mut padded_bytes);
    assert_eq!(unpad(padded_bytes.as_slice()), Some(bytes));
    let header = if n == 0 { 53 } else { 37 };
    let decoded = Decoded::from_padded(n, &padded_bytes);
    assert_eq!(decoded.is_some(), bytes.len() >= header);
    padded(n, padded_bytes.as_slice());
}

/// Sections 5.4 and 5.5, of a name that another has sealed: 1 byte of length, 64 of name, signed or not.
fn sealed_name(tape: &mut Tape<'_>) {
    let keys = keys();
    let is_signed = tape.byte() & 1 == 0;
    let (len, padded): (u8, [u8; limits::NAME_BYTES]) = (tape.byte(), tape.array());
    let id = keys.eve.id();
    let named = padded.get(..len.into()).unwrap_or(&padded);
    let signed = Fields::bytes(labels::NAME)
        .put(keys.room.room_id().as_bytes())
        .put(id.as_bytes())
        .put(named)
        .finish();
    let signature = if is_signed {
        *keys.eve.signing().sign(&[&signed]).unwrap().as_bytes()
    } else {
        tape.array()
    };
    let mut inside = SecretBytes::copy_of(&[len]);
    inside.extend_from_slice(&padded);
    inside.extend_from_slice(&signature);
    let iv = [0; 12];
    let ciphertext = aes256_gcm_seal(keys.room.name_key(), &iv, id.as_bytes(), inside).unwrap();
    let sealed: [u8; SEALED_NAME_LEN] = [iv.as_slice(), &ciphertext].concat().try_into().unwrap();

    let opened = open_name(&keys.room, &keys.eve.public(), &sealed);
    let zeros = padded.get(len.into()..);
    let may_be_shown = std::str::from_utf8(named)
        .ok()
        .filter(|name| is_shown(name));
    let good = zeros.is_some_and(|zeros| zeros.iter().all(|byte| *byte == 0))
        && may_be_shown.is_some()
        && is_signed;
    assert_eq!(opened.is_ok(), good, "{len} {named:02x?}");
    if let Ok(name) = opened {
        assert_eq!(Some(name.as_str()), may_be_shown);
        assert!(name.clashes_with(&name.clone()));
    }
    // Nobody else's: neither under another's id nor with another's key.
    assert!(open_name(&keys.room, &keys.ben.public(), &sealed).is_err());
}

/// Section 5.5 as the spec writes it.
fn is_shown(name: &str) -> bool {
    let forbidden = |character: char| {
        // Cc is C0, delete and C1.
        matches!(u32::from(character),
            0..0x20 | 0x7f..0xa0 | 0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180e
            | 0x200b | 0x200e | 0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfeff | 0xffa0
            | 0xe0000..=0xe007f)
    };
    // The property White_Space, but for what is forbidden anyway.
    let space = |character: char| {
        matches!(
            u32::from(character),
            0x20 | 0xa0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000
        )
    };
    !name.is_empty()
        && name.len() <= limits::NAME_BYTES
        && !name.chars().any(forbidden)
        && !name.chars().all(space)
}

/// Section 5.5, of one's own name.
fn own_name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(name) = Name::new(text) else {
        return;
    };
    assert!(is_shown(name.as_str()), "{text:?}");
    let again = Name::new(name.as_str()).unwrap();
    assert_eq!(again.as_str(), name.as_str());
    let keys = keys();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let sealed = seal_name(&keys.room, &keys.eve, &name, &mut rng).unwrap();
    let opened = open_name(&keys.room, &keys.eve.public(), &sealed).unwrap();
    assert_eq!(opened.as_str(), name.as_str());
}

/// Section 7.2: any 40 bytes, and any key.
fn wrapped_key(tape: &mut Tape<'_>) {
    let keys = keys();
    let wrapped = tape.array();
    if let Ok(key) = keys.kek.unwrap(&wrapped) {
        assert_eq!(keys.kek.wrap(&key), wrapped);
    }
    let key = SessionKey::from_secret(Secret::copy_of(&tape.array()));
    let mut wrapped = keys.kek.wrap(&key);
    let opened = keys.kek.unwrap(&wrapped).unwrap();
    assert!(opened.as_secret().ct_eq(key.as_secret()));
    let commit = key.commit(&keys.roster);
    assert!(opened.matches(&commit, &keys.roster));
    assert!(!opened.matches(&commit, &RosterHash(tape.array())));
    assert!(!keys.session.matches(&commit, &keys.roster));
    let (place, change) = (usize::from(tape.byte()) % wrapped.len(), tape.byte());
    wrapped[place] ^= change;
    assert_eq!(keys.kek.unwrap(&wrapped).is_ok(), change == 0);
}

/// Section 9.2.
fn back(tape: &mut Tape<'_>) {
    let keys = keys();
    let wrapped = tape.array();
    if let Ok(older) = keys.session.unwrap_back(&EPOCH, &wrapped) {
        assert_eq!(keys.session.wrap_back(&EPOCH, &older), wrapped);
    }
    let older = SessionKey::from_secret(Secret::copy_of(&tape.array()));
    let epoch = EpochId(tape.array());
    let wrapped = keys.session.wrap_back(&epoch, &older);
    let opened = keys.session.unwrap_back(&epoch, &wrapped).unwrap();
    assert!(opened.as_secret().ct_eq(older.as_secret()));
    assert_eq!(
        keys.session.unwrap_back(&EPOCH, &wrapped).is_ok(),
        epoch == EPOCH
    );
}

/// Section 8.2: anything sealed and signed as it must be, then perhaps altered.
fn envelope(tape: &mut Tape<'_>) {
    let keys = keys();
    let (room, eve) = (keys.room.room_id(), &keys.eve);
    let n = u64::from(tape.short()) % 64;
    let (part, place, change) = (tape.byte() % 8, usize::from(tape.short()), tape.byte());
    let inside = tape.rest();
    if inside.len() + 16 > *limits::CIPHERTEXT_BYTES.end() {
        return;
    }
    let chain = keys.session.chain(&EPOCH, &eve.id());
    let key = || chain.look_ahead(n).unwrap().0;
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let bytes = SecretBytes::copy_of(inside);
    let mut sealed = Envelope::seal(room, &EPOCH, eve, key(), bytes, &mut rng).unwrap();
    assert_eq!(sealed.ciphertext.0.len(), inside.len() + 16);

    let (mut sender, mut altered) = (eve.id(), change != 0);
    let change_in = |bytes: &mut [u8]| bytes[place % bytes.len()] ^= change;
    match part {
        0 => change_in(&mut sealed.iv.0),
        1 => change_in(&mut sealed.ciphertext.0),
        2 => change_in(&mut sealed.sig.0),
        3 => sealed.n ^= u64::from(change),
        4 => sealed.flags ^= change,
        5 => change_in(&mut sealed.epoch.0),
        6 => {
            let mut other = *sender.as_bytes();
            change_in(&mut other);
            sender = ParticipantId(other);
        }
        _ => altered = false,
    }
    let verifying = eve.signing().verifying_key();
    let verified = sealed.verify(room, &sender, verifying);
    assert_eq!(verified.is_ok(), !altered, "{part}");
    let opened = sealed.open(room, &sender, &key());
    // The signature is no part of what is authenticated.
    assert_eq!(opened.is_ok(), !altered || part == 2, "{part}");
    if let Ok(opened) = opened {
        assert_eq!(opened.as_slice(), inside);
        padded(n, inside);
    }
    let ben = keys.ben.signing().verifying_key();
    assert!(sealed.verify(room, &sender, ben).is_err());
    assert!(sealed.open(room, &keys.ben.id(), &key()).is_err());
    sealed.ciphertext = Ciphertext(Vec::new());
    assert!(sealed.open(room, &sender, &key()).is_err());
}

/// Section 3: public keys and signatures of any bytes.
fn public_values(tape: &mut Tape<'_>) {
    let point: [u8; 65] = tape.array();
    let (kem, sig) = (
        KemPublicKey::from_sec1(&point),
        VerifyingKey::from_sec1(&point),
    );
    assert_eq!(kem.is_ok(), sig.is_ok());
    assert!(KemPublicKey::from_sec1(&point[..33]).is_err());
    if let (Ok(kem), Ok(sig)) = (kem, sig) {
        assert_eq!((kem.as_bytes(), sig.as_bytes()), (&point, &point));
        let shared = keys().eve.kem().agree(&kem).unwrap();
        PairKey::new(keys().room.wrap_key(), &shared);
        let signature = Signature::from_bytes(tape.array());
        let _ = sig.verify(&[tape.rest()], &signature);
    }
}
