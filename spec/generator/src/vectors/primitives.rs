//! The primitives as the protocol uses them (spec section 3).

use burnchat_core::crypto::{
    KemPublicKey, Secret, SecretBytes, aes256_gcm_seal, aes256_kw_wrap, hkdf_sha256, hmac_sha256,
    sha256,
};

use crate::{
    cast::{Person, altered},
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

/// The order of the group, and the field's prime, big-endian.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const PRIME: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

pub(super) fn file() -> File {
    File::new(
        "primitives",
        "section 3",
        "SHA-256, HMAC, HKDF, AES-KW, AES-GCM, and P-256 as the protocol uses them.",
    )
    .group(hashes())
    .group(hmacs())
    .group(hkdfs())
    .group(key_wraps())
    .group(aeads())
    .group(public_keys())
    .group(private_keys())
    .group(key_draws())
    .group(agreements())
    .group(signatures())
}

fn hashes() -> Group {
    let case = |id: &str, comment: &str, input: &[u8]| {
        Case::valid(id, comment)
            .put("input", hex(input))
            .put("digest", hex(sha256(&[input])))
    };
    Group::new("sha256", "H")
        .case(case("empty", "nothing", b""))
        .case(case("abc", "the example of FIPS 180", b"abc"))
        .case(case("block", "one block exactly", &[0x61; 64]))
        .case(case(
            "long",
            "several blocks",
            &named::<200>("primitives: 200 bytes"),
        ))
}

fn hmacs() -> Group {
    let case = |id: &str, comment: &str, key: &[u8], input: &[u8]| {
        Case::valid(id, comment)
            .put("key", hex(key))
            .put("input", hex(input))
            .put("tag", hex(hmac_sha256(key, &[input])))
    };
    let key = named::<32>("primitives: hmac key");
    Group::new("hmac", "HMAC-SHA256, all 32 bytes of the tag")
        .case(case(
            "key-step",
            "as a chain makes a message key",
            &key,
            &[1],
        ))
        .case(case("chain-step", "as a chain moves on", &key, &[2]))
        .case(case("empty-input", "no input", &key, b""))
        .case(case(
            "long-key",
            "a key longer than a block is hashed",
            &[7; 65],
            b"input",
        ))
        .case(case(
            "block-key",
            "a key of one block is not",
            &[7; 64],
            b"input",
        ))
}

fn hkdfs() -> Group {
    let case = |id: &str, comment: &str, salt: &[u8], ikm: &[u8], info: &[u8]| {
        Case::valid(id, comment)
            .put("salt", hex(salt))
            .put("ikm", hex(ikm))
            .put("info", hex(info))
            .put("okm", hex(hkdf_sha256(salt, ikm, info).as_bytes()))
    };
    let salt: [u8; 16] = named("primitives: hkdf salt");
    let ikm: [u8; 32] = named("primitives: hkdf ikm");
    Group::new(
        "hkdf",
        "HKDF-SHA256, extract and expand, 32 bytes of output",
    )
    .case(case("salt-16", "a room id as salt", &salt, &ikm, b"info"))
    .case(case("salt-32", "an epoch id as salt", &ikm, &ikm, b"info"))
    .case(case("no-info", "no info", &salt, &ikm, b""))
    .case(case(
        "short-ikm",
        "the link's secret as input",
        &salt,
        &salt,
        b"info",
    ))
}

fn key_wraps() -> Group {
    let kek: [u8; 32] = named("primitives: kek");
    let key: [u8; 32] = named("primitives: wrapped key");
    let wrapped = aes256_kw_wrap(&Secret::copy_of(&kek), &Secret::copy_of(&key));
    let invalid = |id: &str, reason: &str, kek: &[u8], wrapped: &[u8]| {
        Case::invalid(id, "does not unwrap", reason)
            .put("kek", hex(kek))
            .put("wrapped", hex(wrapped))
    };
    Group::new(
        "aes_kw",
        "AES-KW (RFC 3394): `wrapped` is `key` under `kek`",
    )
    .case(
        Case::valid("wrap", "32 bytes become 40")
            .put("kek", hex(kek))
            .put("key", hex(key))
            .put("wrapped", hex(wrapped)),
    )
    .case(invalid(
        "first-byte",
        "altered at the start",
        &kek,
        &altered(&wrapped, 0),
    ))
    .case(invalid(
        "last-byte",
        "altered at the end",
        &kek,
        &altered(&wrapped, 39),
    ))
    .case(invalid(
        "other-kek",
        "another KEK",
        &altered(&kek, 5),
        &wrapped,
    ))
    .case(invalid("short", "too short", &kek, &wrapped[..32]))
    .case(invalid(
        "long",
        "too long",
        &kek,
        &[&wrapped[..], &[0; 8]].concat(),
    ))
}

fn aeads() -> Group {
    let key: [u8; 32] = named("primitives: aead key");
    let iv: [u8; 12] = named("primitives: aead iv");
    let seal = |aad: &[u8], plaintext: &[u8]| {
        aes256_gcm_seal(
            &Secret::copy_of(&key),
            &iv,
            aad,
            SecretBytes::copy_of(plaintext),
        )
        .unwrap()
    };
    let valid = |id: &str, comment: &str, aad: &[u8], plaintext: &[u8]| {
        Case::valid(id, comment)
            .put("key", hex(key))
            .put("iv", hex(iv))
            .put("aad", hex(aad))
            .put("plaintext", hex(plaintext))
            .put("ciphertext", hex(seal(aad, plaintext)))
    };
    let ciphertext: [u8; 24] = seal(b"aad", b"eight by").try_into().unwrap();
    let invalid = |id: &str, reason: &str, key: &[u8], iv: &[u8], aad: &[u8], ciphertext: &[u8]| {
        Case::invalid(id, "does not open", reason)
            .put("key", hex(key))
            .put("iv", hex(iv))
            .put("aad", hex(aad))
            .put("ciphertext", hex(ciphertext))
    };
    Group::new(
        "aes_gcm",
        "AES-256-GCM: the 16-byte tag follows the ciphertext",
    )
    .case(valid("short", "eight bytes", b"aad", b"eight by"))
    .case(valid("empty", "a tag and nothing else", b"aad", b""))
    .case(valid("no-aad", "no associated data", b"", b"plaintext"))
    .case(valid(
        "padded",
        "the shortest padded plaintext",
        &named::<120>("primitives: aad"),
        &named::<64>("primitives: plaintext"),
    ))
    .case(invalid(
        "first-byte",
        "altered ciphertext",
        &key,
        &iv,
        b"aad",
        &altered(&ciphertext, 0),
    ))
    .case(invalid(
        "tag",
        "altered tag",
        &key,
        &iv,
        b"aad",
        &altered(&ciphertext, 23),
    ))
    .case(invalid(
        "cut",
        "the tag is cut",
        &key,
        &iv,
        b"aad",
        &ciphertext[..23],
    ))
    .case(invalid(
        "no-tag",
        "shorter than a tag",
        &key,
        &iv,
        b"aad",
        &ciphertext[..15],
    ))
    .case(invalid(
        "other-aad",
        "other associated data",
        &key,
        &iv,
        b"add",
        &ciphertext,
    ))
    .case(invalid(
        "other-iv",
        "another IV",
        &key,
        &altered(&iv, 11),
        b"aad",
        &ciphertext,
    ))
    .case(invalid(
        "other-key",
        "another key",
        &altered(&key, 31),
        &iv,
        b"aad",
        &ciphertext,
    ))
}

fn public_keys() -> Group {
    let ana = Person::new("ana");
    let point = *ana.kem_pub();
    let (x, y) = (&point[1..33], &point[33..]);
    let invalid = |id: &str, reason: &str, bytes: &[u8]| {
        Case::invalid(id, "refused before any use", reason).put("public_key", hex(bytes))
    };
    let odd = 2 | (point[64] & 1);
    let with_first = |first: u8| [&[first][..], x, y].concat();
    let swapped = [&[4][..], y, x].concat();
    Group::new("public_keys", "65 bytes: 0x04, x, y; a point on P-256")
        .case(Case::valid("point", "a point").put("public_key", hex(point)))
        .case(Case::valid("other-point", "another").put("public_key", hex(ana.sig_pub())))
        .case(invalid(
            "compressed",
            "compressed",
            &[&[odd][..], x].concat(),
        ))
        .case(invalid(
            "compressed-65",
            "the first byte of a compressed point",
            &with_first(odd),
        ))
        .case(invalid(
            "hybrid",
            "hybrid form",
            &with_first(6 | (point[64] & 1)),
        ))
        .case(invalid("first-byte-0", "first byte 0", &with_first(0)))
        .case(invalid(
            "raw",
            "x and y without the first byte",
            &point[1..],
        ))
        .case(invalid("infinity", "the point at infinity", &[0]))
        .case(invalid("empty", "nothing", &[]))
        .case(invalid("short", "one byte short", &point[..64]))
        .case(invalid(
            "long",
            "one byte long",
            &[&point[..], &[0]].concat(),
        ))
        .case(invalid(
            "off-curve",
            "not on the curve",
            &altered(&point, 64),
        ))
        .case(invalid("swapped", "x and y swapped", &swapped))
        .case(invalid(
            "zeros",
            "x and y zero",
            &[&[4][..], &[0; 64]].concat(),
        ))
        .case(invalid(
            "x-is-p",
            "x not below p",
            &[&[4][..], &PRIME, y].concat(),
        ))
        .case(invalid(
            "y-is-p",
            "y not below p",
            &[&[4][..], x, &PRIME].concat(),
        ))
        .case(invalid(
            "all-ones",
            "coordinates not below p",
            &[&[4][..], &[255; 64]].concat(),
        ))
}

fn private_keys() -> Group {
    let mut one = [0; 32];
    one[31] = 1;
    let last = altered(&ORDER, 31);
    let mut above = ORDER;
    above[31] += 1;
    let ana = Person::new("ana");
    let valid = |id: &str, comment: &str, scalar: [u8; 32]| {
        let person = Person::of_scalars(scalar, scalar);
        Case::valid(id, comment)
            .put("scalar", hex(scalar))
            .put("public_key", hex(person.kem_pub()))
    };
    let invalid = |id: &str, reason: &str, scalar: [u8; 32]| {
        Case::invalid(id, "drawn again", reason).put("scalar", hex(scalar))
    };
    Group::new(
        "private_keys",
        "Private scalars, big-endian, and their public keys",
    )
    .case(valid("drawn", "as drawn", ana.kem_scalar))
    .case(valid("one", "the least: the generator", one))
    .case(valid("last", "the greatest: n - 1", last))
    .case(invalid("zero", "zero", [0; 32]))
    .case(invalid("order", "n", ORDER))
    .case(invalid("above", "above n", above))
    .case(invalid("all-ones", "above n", [255; 32]))
}

fn key_draws() -> Group {
    let ana = Person::new("ana");
    let case = |id: &str, comment: &str, draws: &[[u8; 32]]| {
        Case::valid(id, comment)
            .put("draws", Json::list(draws.iter().map(hex)))
            .put("kem_scalar", hex(ana.kem_scalar))
            .put("sig_scalar", hex(ana.sig_scalar))
            .put("participant_id", hex(ana.id().as_bytes()))
    };
    let (kem, sig) = (ana.kem_scalar, ana.sig_scalar);
    Group::new(
        "key_draws",
        "An identity made of `draws`, 32 random bytes each, kem before sig: what is not in 1..n-1 is drawn again.",
    )
    .case(case("at-once", "two draws, two keys", &[kem, sig]))
    .case(case(
        "again",
        "zero and n are drawn again",
        &[[0; 32], kem, ORDER, [255; 32], sig],
    ))
}

fn agreements() -> Group {
    let case = |id: &str, comment: &str, own: &Person, peer: &Person| {
        let peer_key = KemPublicKey::from_sec1(peer.kem_pub()).unwrap();
        let shared = own.identity.kem().agree(&peer_key).unwrap();
        Case::valid(id, comment)
            .put("scalar", hex(own.kem_scalar))
            .put("peer_public_key", hex(peer.kem_pub()))
            .put("shared", hex(shared.as_bytes()))
    };
    let (ana, ben) = (Person::new("ana"), Person::new("ben"));
    // One secret in 256 begins with a zero byte, and a library that cuts it off is wrong that often.
    let peer = (0..)
        .map(|number| Person::new(&format!("ecdh peer {number}")))
        .find(|peer| {
            let key = KemPublicKey::from_sec1(peer.kem_pub()).unwrap();
            ana.identity.kem().agree(&key).unwrap().as_bytes()[0] == 0
        })
        .unwrap();
    Group::new("ecdh", "`shared` is the x coordinate, always 32 bytes")
        .case(case("ana-ben", "one side", &ana, &ben))
        .case(case("ben-ana", "the other arrives at the same", &ben, &ana))
        .case(case(
            "leading-zero",
            "an x that begins with a zero byte",
            &ana,
            &peer,
        ))
}

fn signatures() -> Group {
    let (ana, ben) = (Person::new("ana"), Person::new("ben"));
    let message = b"what was said";
    let good = ana.sign(message);
    let (r, s): ([u8; 32], [u8; 32]) = (
        good[..32].try_into().unwrap(),
        good[32..].try_into().unwrap(),
    );
    let other_s = complement(&s);
    let (high, low) = if s > other_s {
        (s, other_s)
    } else {
        (other_s, s)
    };
    let der = [&[0x30, 0x44, 0x02, 0x20][..], &r, &[0x02, 0x20], &s].concat();
    let put = |case: Case, signer: &Person, message: &[u8], signature: &[u8]| {
        case.put("public_key", hex(signer.sig_pub()))
            .put("message", hex(message))
            .put("signature", hex(signature))
    };
    let valid = |id: &str, comment: &str, message: &[u8], signature: &[u8]| {
        put(Case::valid(id, comment), &ana, message, signature)
    };
    let invalid = |id: &str, reason: &str, signature: &[u8]| {
        put(
            Case::invalid(id, "does not verify", reason),
            &ana,
            message,
            signature,
        )
    };
    let join = |r: &[u8; 32], s: &[u8; 32]| [r.as_slice(), s].concat();
    Group::new(
        "ecdsa",
        "ECDSA over P-256 with SHA-256, r + s. To be verified only: a signer may make others.",
    )
    .case(valid("low-s", "the smaller s", message, &join(&r, &low)))
    .case(valid(
        "high-s",
        "the greater s is as good",
        message,
        &join(&r, &high),
    ))
    .case(valid("empty-message", "over nothing", b"", &ana.sign(b"")))
    .case(valid(
        "long-message",
        "over many bytes",
        &named::<300>("primitives: 300 bytes"),
        &ana.sign(&named::<300>("primitives: 300 bytes")),
    ))
    .case(invalid("r-zero", "r is zero", &join(&[0; 32], &s)))
    .case(invalid("s-zero", "s is zero", &join(&r, &[0; 32])))
    .case(invalid("zeros", "r and s are zero", &[0; 64]))
    .case(invalid("r-is-n", "r is not below n", &join(&ORDER, &s)))
    .case(invalid("s-is-n", "s is not below n", &join(&r, &ORDER)))
    .case(invalid(
        "s-above-n",
        "s is not below n",
        &join(&r, &[255; 32]),
    ))
    .case(invalid("swapped", "s + r", &join(&s, &r)))
    .case(invalid(
        "altered-r",
        "another r",
        &join(&altered(&r, 31), &s),
    ))
    .case(invalid(
        "altered-s",
        "another s",
        &join(&r, &altered(&s, 31)),
    ))
    .case(invalid("short", "63 bytes", &good[..63]))
    .case(invalid("long", "65 bytes", &[&good[..], &[0]].concat()))
    .case(invalid("empty", "nothing", &[]))
    .case(invalid("der", "written as DER", &der))
    .case(put(
        Case::invalid("other-message", "does not verify", "of another message"),
        &ana,
        b"what was sayd",
        &good,
    ))
    .case(put(
        Case::invalid("other-signer", "does not verify", "of somebody else"),
        &ben,
        message,
        &good,
    ))
}

/// n - s.
fn complement(s: &[u8; 32]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrow = 0;
    for place in (0..32).rev() {
        let digit = 256 + i32::from(ORDER[place]) - i32::from(s[place]) - borrow;
        difference[place] = (digit % 256) as u8;
        borrow = 1 - digit / 256;
    }
    difference
}
