//! Envelopes (spec section 8.2).

use burnchat_core::{
    crypto::{
        LastEpoch, Plaintext, Secret, SecretBytes, SessionKey, aes256_gcm_seal, labels, sha256,
    },
    encoding::Fields,
    ids::{EpochId, ParticipantId, RoomId},
};

use super::plaintexts::{header, text};
use crate::{
    cast::{Person, Room, altered},
    file::{Case, File, Group},
    json::hex,
    named::named,
};

pub(super) fn file() -> File {
    let room = Room::new("room", false);
    let ana = Person::new("ana");
    let session_key: [u8; 32] = named("session key 1");
    let epoch = EpochId(named("epoch 1"));
    File::new(
        "envelopes",
        "sections 8.2 and 8.5",
        "Messages, encrypted and signed.",
    )
    .group(
        Group::new(
            "envelopes",
            "What `sender` seals in the room and epoch given. A receiver checks `sig` over `signed` and opens \
             `ciphertext` with the key for n and `aad`, or refuses with `error`. `padded`, where there is one, is the \
             plaintext.",
        )
        .given("room_id", hex(room.id().as_bytes()))
        .given("epoch_id", hex(epoch.as_bytes()))
        .given("session_key", hex(session_key))
        .given("sender_kem_scalar", hex(ana.kem_scalar))
        .given("sender_sig_scalar", hex(ana.sig_scalar))
        .given("sender_sig_pub", hex(ana.sig_pub()))
        .given("sender_id", hex(ana.id().as_bytes()))
        .cases(valid())
        .cases(invalid()),
    )
}

/// An envelope and where it says it is from.
#[derive(Clone)]
struct Sealed {
    room_id: RoomId,
    epoch: EpochId,
    sender: ParticipantId,
    n: u64,
    flags: u8,
    iv: [u8; 12],
    ciphertext: Vec<u8>,
    sig: [u8; 64],
}

impl Sealed {
    fn new(n: u64, flags: u8, padded: &[u8]) -> Self {
        let mut sealed = Self {
            room_id: Room::new("room", false).id(),
            epoch: EpochId(named("epoch 1")),
            sender: Person::new("ana").id(),
            n,
            flags,
            iv: named(&format!("envelope iv {n} {flags}")),
            ciphertext: Vec::new(),
            sig: [0; 64],
        };
        sealed.encrypt(&sealed.key(), padded);
        sealed.sign();
        sealed
    }

    fn key(&self) -> [u8; 32] {
        let key = SessionKey::from_secret(Secret::copy_of(&named("session key 1")));
        let chain = key.chain(&self.epoch, &self.sender);
        let (key, _) = chain.look_ahead(self.n).unwrap();
        *key.as_secret().as_bytes()
    }

    fn encrypt(&mut self, key: &[u8; 32], padded: &[u8]) {
        self.ciphertext = aes256_gcm_seal(
            &Secret::copy_of(key),
            &self.iv,
            &self.aad(),
            SecretBytes::copy_of(padded),
        )
        .unwrap();
    }

    fn sign(&mut self) {
        self.sig = Person::new("ana").sign(&self.signed());
    }

    /// The fields of the AAD, and these behind them.
    fn fields(&self, more: &[&[u8]]) -> Vec<u8> {
        let fields = Fields::bytes(labels::MSG)
            .put(self.room_id.as_bytes())
            .put(self.epoch.as_bytes())
            .put(self.sender.as_bytes())
            .put_u64(self.n)
            .put_u8(self.flags);
        let all = more.iter().fold(fields, |fields, field| fields.put(field));
        all.finish().to_vec()
    }

    fn aad(&self) -> Vec<u8> {
        self.fields(&[])
    }

    fn signed(&self) -> Vec<u8> {
        self.fields(&[&sha256(&[&self.iv, &self.ciphertext])])
    }

    fn with(&self, alter: impl FnOnce(&mut Self)) -> Self {
        let mut other = self.clone();
        alter(&mut other);
        other
    }

    fn put(&self, case: Case) -> Case {
        case.put("n", self.n)
            .put("flags", self.flags)
            .put("iv", hex(self.iv))
            .put("ciphertext", hex(&self.ciphertext))
            .put("sig", hex(self.sig))
    }
}

fn padded(name: &str, n: u64, words: &str) -> Vec<u8> {
    let last = (n == 0).then(LastEpoch::default);
    let plaintext = Plaintext {
        header: header(name, n + 1, last),
        body: text(words, 0),
    };
    plaintext.encode(n).into_vec()
}

fn valid() -> Vec<Case> {
    let case = |id: &str, comment: &str, n: u64, flags: u8, words: &str| {
        let padded = padded(id, n, words);
        let sealed = Sealed::new(n, flags, &padded);
        let case = Case::valid(id, comment).put("padded", hex(&padded));
        sealed
            .put(case)
            .put("message_key", hex(sealed.key()))
            .put("aad", hex(sealed.aad()))
            .put("signed", hex(sealed.signed()))
    };
    vec![
        case("n-0", "the first of an epoch", 0, 0, "hello"),
        case("n-1", "the second", 1, 0, "hello again"),
        case(
            "n-300",
            "with others missing before it",
            300,
            0,
            "after a gap",
        ),
        case("n-8191", "the last of a chain", 8_191, 0, "the end"),
        case(
            "all-flags",
            "a receiver authenticates flags and otherwise ignores them",
            2,
            255,
            "flags",
        ),
        case("longer", "a longer text", 3, 0, &"burn ".repeat(40)),
    ]
}

fn invalid() -> Vec<Case> {
    let plaintext = padded("invalid", 5, "not to be read");
    let good = Sealed::new(5, 0, &plaintext);
    let ben = Person::new("ben");
    // Altered on the way: the signature fails, and it is looked at first.
    let forged = |id: &str, reason: &str, sealed: &Sealed| {
        sealed
            .put(Case::invalid(id, "refused", reason))
            .put("error", "bad_envelope_signature")
    };
    // Made so by its sender: the signature is right.
    let wrong = |id: &str, reason: &str, mut sealed: Sealed| {
        sealed.sign();
        sealed
            .put(Case::invalid(id, "refused", reason))
            .put("error", "bad_envelope")
    };
    let relabelled = |alter: fn(&mut Sealed)| {
        // Encrypted and signed for another place, and shown as from this one.
        let mut elsewhere = good.clone();
        alter(&mut elsewhere);
        elsewhere.encrypt(&good.key(), &plaintext);
        elsewhere.sign();
        Sealed {
            ciphertext: elsewhere.ciphertext,
            sig: elsewhere.sig,
            ..good.clone()
        }
    };
    let resealed = |alter: fn(&mut Sealed)| {
        let mut elsewhere = good.clone();
        alter(&mut elsewhere);
        elsewhere.encrypt(&good.key(), &plaintext);
        Sealed {
            ciphertext: elsewhere.ciphertext,
            ..good.clone()
        }
    };
    let last = good.ciphertext.len() - 1;
    let other_room = |sealed: &mut Sealed| sealed.room_id = Room::new("another room", false).id();
    let other_epoch = |sealed: &mut Sealed| sealed.epoch = EpochId(named("epoch 2"));
    let other_sender = |sealed: &mut Sealed| sealed.sender = Person::new("ben").id();
    let mut other_key = good.clone();
    other_key.encrypt(&Sealed::new(6, 0, &[]).key(), &plaintext);
    vec![
        forged("n", "n altered", &good.with(|sealed| sealed.n = 6)),
        forged(
            "flags",
            "flags altered",
            &good.with(|sealed| sealed.flags = 1),
        ),
        forged("iv", "IV altered", &good.with(|sealed| sealed.iv[0] ^= 1)),
        forged(
            "ciphertext",
            "ciphertext altered",
            &good.with(|sealed| sealed.ciphertext[0] ^= 1),
        ),
        forged(
            "tag",
            "tag altered",
            &good.with(|sealed| sealed.ciphertext[last] ^= 1),
        ),
        forged(
            "cut",
            "ciphertext cut",
            &good.with(|sealed| sealed.ciphertext.truncate(last)),
        ),
        forged(
            "sig",
            "signature altered",
            &good.with(|sealed| sealed.sig = altered(&sealed.sig, 40)),
        ),
        forged(
            "sig-zeros",
            "no signature",
            &good.with(|sealed| sealed.sig = [0; 64]),
        ),
        forged(
            "other-signer",
            "signed by ben",
            &good.with(|sealed| sealed.sig = ben.sign(&sealed.signed())),
        ),
        forged(
            "other-room",
            "made for another room",
            &relabelled(other_room),
        ),
        forged(
            "other-epoch",
            "made for another epoch",
            &relabelled(other_epoch),
        ),
        forged(
            "other-sender",
            "made in the name of ben",
            &relabelled(other_sender),
        ),
        forged(
            "iv-moved",
            "the last byte of the IV moved into the ciphertext",
            &good.with(|sealed| {
                sealed.ciphertext.insert(0, sealed.iv[11]);
                sealed.iv.rotate_right(1);
            }),
        ),
        wrong(
            "wrong-key",
            "encrypted with the key for another n",
            other_key,
        ),
        wrong(
            "wrong-aad-n",
            "encrypted with the AAD of another n",
            resealed(|sealed| sealed.n = 6),
        ),
        wrong(
            "wrong-aad-flags",
            "encrypted with the AAD of other flags",
            resealed(|sealed| sealed.flags = 1),
        ),
        wrong(
            "wrong-aad-epoch",
            "encrypted with the AAD of another epoch",
            resealed(other_epoch),
        ),
        wrong(
            "wrong-aad-sender",
            "encrypted with the AAD of another sender",
            resealed(other_sender),
        ),
        wrong(
            "wrong-aad-room",
            "encrypted with the AAD of another room",
            resealed(other_room),
        ),
        wrong(
            "garbled",
            "altered before it was signed",
            good.with(|sealed| sealed.ciphertext[9] ^= 1),
        ),
        wrong(
            "random",
            "random bytes",
            good.with(|sealed| sealed.ciphertext = named::<80>("garbage").to_vec()),
        ),
    ]
}
