use alloc::{format, string::ToString};

use super::*;
use crate::{
    crypto::{Secret, animals::ANIMALS, test_rng::Seeded},
    link::{Link, Ticket},
};

#[test]
fn a_sealed_name_opens_for_everyone_with_the_link() {
    let (keys, ana) = (room_keys(1), identity(1));
    let sealed = seal_name(
        &keys,
        &ana,
        &Name::new("wolf").unwrap(),
        &mut Seeded::new(5),
    )
    .unwrap();
    let opened = open_name(&room_keys(1), &ana.public(), &sealed).unwrap();
    assert_eq!(opened.as_str(), "wolf");
}

#[test]
fn names_are_ordered_as_they_are_compared() {
    let [a, b] = ["Ana", "Ben"].map(|name| Name::new(name).unwrap());
    assert!(a < b && a <= Name::new("Ana").unwrap());
    assert_eq!(a.partial_cmp(&b), Some(Ordering::Less));
}

#[test]
fn a_sealed_name_has_one_length() {
    let (keys, ana) = (room_keys(1), identity(1));
    for name in ["w", "wölfe", &"w".repeat(64)] {
        let name = Name::new(name).unwrap();
        let sealed = seal_name(&keys, &ana, &name, &mut Seeded::new(5)).unwrap();
        assert_eq!(sealed.len(), 157);
        assert_eq!(
            open_name(&keys, &ana.public(), &sealed).unwrap().as_str(),
            name.as_str()
        );
    }
}

#[test]
fn without_the_link_no_name_opens() {
    let ana = identity(1);
    let wolf = Name::new("wolf").unwrap();
    let sealed = seal_name(&room_keys(1), &ana, &wolf, &mut Seeded::new(5)).unwrap();
    assert_bad(open_name(&room_keys(2), &ana.public(), &sealed));
}

#[test]
fn a_name_moved_to_another_participant_is_bad() {
    let (keys, ana, ben) = (room_keys(1), identity(1), identity(2));
    let wolf = Name::new("wolf").unwrap();
    let sealed = seal_name(&keys, &ana, &wolf, &mut Seeded::new(5)).unwrap();
    assert_bad(open_name(&keys, &ben.public(), &sealed));
}

#[test]
fn an_insider_cannot_name_another() {
    // Ben holds the link, so he can seal under Ana's id, but not sign with her key.
    let (keys, ana, ben) = (room_keys(1), identity(1), identity(2));
    let signed = signed_fields(keys.room_id(), &ana.id(), b"sheep");
    let by_ben = ben.signing().sign(&[&signed]).unwrap();
    assert_bad(open_name(
        &keys,
        &ana.public(),
        &sealed_as(&keys, &ana, b"sheep", 0, &by_ben),
    ));

    let by_ana = ana.signing().sign(&[&signed]).unwrap();
    let honest = sealed_as(&keys, &ana, b"sheep", 0, &by_ana);
    assert_eq!(
        open_name(&keys, &ana.public(), &honest).unwrap().as_str(),
        "sheep"
    );
}

#[test]
fn what_an_insider_seals_and_signs_is_still_checked() {
    let (keys, ana) = (room_keys(1), identity(1));
    let seal = |name: &[u8], filler| {
        let signed = signed_fields(keys.room_id(), &ana.id(), name);
        let signature = ana.signing().sign(&[&signed]).unwrap();
        open_name(
            &keys,
            &ana.public(),
            &sealed_as(&keys, &ana, name, filler, &signature),
        )
    };
    assert!(seal(b"wolf", 0).is_ok());
    assert!(seal(&[b'w'; 64], 0).is_ok());
    assert_bad(seal(b"wolf", b' '));
    assert_bad(seal(b"", 0));
    assert_bad(seal(b"\xff\xfe", 0));
    assert_bad(seal("wolf\u{202E}".as_bytes(), 0));
    assert_bad(seal("\u{3000} ".as_bytes(), 0));
}

#[test]
fn a_length_past_the_name_is_bad() {
    let (keys, ana) = (room_keys(1), identity(1));
    for len in [65, 255] {
        let mut plaintext = [0; NAME_PLAINTEXT_LEN];
        plaintext[0] = len;
        assert_bad(open_name(
            &keys,
            &ana.public(),
            &sealed_bytes(&keys, &ana, &plaintext),
        ));
    }
}

#[test]
fn a_name_is_what_people_can_see() {
    for allowed in ["w", "Ana María", "李雷", "👩‍👩‍👧", "a b", " a", &"ж".repeat(32)]
    {
        assert_eq!(Name::new(allowed).unwrap().as_str(), allowed);
    }
    for forbidden in [
        "",
        " ",
        "\u{a0}\u{3000}",
        "a\nb",
        "a\u{7f}",
        "a\u{85}",
        "a\0",
        "\u{61c}a",
        "\u{200b}",
        "a\u{200e}",
        "a\u{200f}",
        "a\u{2028}b",
        "a\u{2029}b",
        "\u{202a}a",
        "\u{202e}a",
        "a\u{2060}",
        "\u{2066}a",
        "\u{2069}a",
        "\u{feff}a",
    ] {
        assert_eq!(
            Name::new(forbidden).err(),
            Some(Code::NameNotAllowed),
            "{forbidden:?}"
        );
    }
    for long in ["w".repeat(65), "ж".repeat(33), "w".repeat(100_000)] {
        assert_eq!(Name::new(&long).err(), Some(Code::NameTooLong));
    }
}

#[test]
fn one_name_is_one_name_however_it_is_encoded() {
    let composed = Name::new("Zo\u{eb}").unwrap();
    let decomposed = Name::new("Zoe\u{308}").unwrap();
    assert_eq!(composed.as_str(), decomposed.as_str());

    // A participant may sign another form than C; it clashes all the same.
    let foreign = Name(Zeroizing::new("Zoe\u{308}".into()));
    assert!(foreign.clashes_with(&composed));
    assert!(!foreign.clashes_with(&Name::new("Zoe").unwrap()));
}

#[test]
fn a_participant_is_shown_with_number_and_tag() {
    let id = ParticipantId([
        0xbf, 0xfd, 0xb5, 0xa3, 0x34, 0xfa, 0xc8, 0xd3, 0xc4, 0x39, 0xe7, 0xba, 0xae, 0x77, 0xd3,
        0x3a,
    ]);
    assert_eq!(Name::new("wolf").unwrap().shown(3, &id), "wolf·3·Z985");
    assert_eq!(Name::fallback(&id).as_str(), "anonymous-fox-ad7bd");
}

#[test]
fn a_name_nobody_chose_is_a_name_anybody_could_choose() {
    let mut rng = Seeded::new(1);
    for _ in 0..500 {
        let drawn = Name::anonymous(&mut rng);
        assert_eq!(Name::new(drawn.as_str()).unwrap().as_str(), drawn.as_str());
        let [anonymous, animal, suffix] = drawn
            .as_str()
            .split('-')
            .collect::<alloc::vec::Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!(anonymous, "anonymous");
        assert!(ANIMALS.contains(&animal));
        assert_eq!(suffix.len(), 5);
    }
}

#[test]
fn debug_output_shows_nothing() {
    assert_eq!(
        format!("{:?}", Name::new("wolf").unwrap()),
        "Name(..)".to_string()
    );
}

fn identity(seed: u64) -> Identity {
    Identity::generate(&mut Seeded::new(seed)).unwrap()
}

fn room_keys(secret: u8) -> RoomKeys {
    let (secret, ticket) = (Secret::copy_of(&[secret; 16]), Ticket::copy_of(&[2; 16]));
    let link = Link::new(
        "https://chat.example",
        RoomId([9; 16]),
        false,
        77,
        secret,
        ticket,
    );
    RoomKeys::derive(&link.unwrap())
}

/// A sealed name with parts that [`seal_name`] would not put together.
fn sealed_as(
    keys: &RoomKeys,
    owner: &Identity,
    name: &[u8],
    filler: u8,
    signature: &Signature,
) -> [u8; SEALED_NAME_LEN] {
    let mut plaintext = [filler; NAME_PLAINTEXT_LEN];
    plaintext[0] = name.len() as u8;
    plaintext[1..=name.len()].copy_from_slice(name);
    plaintext[65..].copy_from_slice(signature.as_bytes());
    sealed_bytes(keys, owner, &plaintext)
}

fn sealed_bytes(
    keys: &RoomKeys,
    owner: &Identity,
    plaintext: &[u8; NAME_PLAINTEXT_LEN],
) -> [u8; SEALED_NAME_LEN] {
    let iv = [3; IV_LEN];
    let plaintext = SecretBytes::copy_of(plaintext);
    let sealed = aes256_gcm_seal(keys.name_key(), &iv, owner.id().as_bytes(), plaintext).unwrap();
    [&iv[..], &sealed].concat().try_into().unwrap()
}

fn assert_bad(opened: Result<Name, Code>) {
    assert_eq!(opened.err(), Some(Code::BadName));
}
