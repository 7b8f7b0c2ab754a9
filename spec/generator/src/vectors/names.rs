//! Names: sealed, refused, shown (spec sections 5.4 and 5.5).

use burnchat_core::{
    crypto::{Name, labels, tag},
    encoding::Fields,
    ids::ParticipantId,
};
use p256::ecdsa::signature::rand_core::{TryCryptoRng, TryRng};

use crate::{
    cast::{Person, Room, altered, room_key, seal_plaintext},
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

pub(super) fn file() -> File {
    File::new(
        "names",
        "sections 5.4 and 5.5",
        "Sealed names, what makes a name bad, and how names are shown.",
    )
    .group(sealed_names())
    .group(own_names())
    .group(fallback_names())
    .group(anonymous_names())
    .group(tags())
    .group(shown_names())
    .group(clashes())
}

/// Seals names by hand, so that they can be sealed wrongly.
struct Sealer {
    room: Room,
    ana: Person,
    iv: [u8; 12],
}

impl Sealer {
    fn case(&self, case: Case, plaintext: &[u8; 129]) -> Case {
        let sealed = seal_plaintext(
            self.room.keys().name_key(),
            &self.iv,
            &self.ana.id(),
            plaintext,
        );
        case.put("plaintext", hex(plaintext))
            .put("sealed_name", hex(sealed))
    }

    /// A plaintext signed as it should be, whatever the name.
    fn plaintext(&self, name: &[u8]) -> [u8; 129] {
        let signature = self.ana.sign(&self.ana.name_signed(&self.room.id(), name));
        Person::name_plaintext(name.len() as u8, name, &signature)
    }

    fn valid(&self, id: &str, comment: &str, name: &str) -> Case {
        let case = Case::valid(id, comment).put("name", name);
        self.case(case, &self.plaintext(name.as_bytes()))
    }

    fn bad(&self, id: &str, reason: &str, plaintext: &[u8; 129]) -> Case {
        self.case(Case::invalid(id, "a bad name", reason), plaintext)
    }

    fn bad_text(&self, id: &str, reason: &str, name: &str) -> Case {
        self.bad(id, reason, &self.plaintext(name.as_bytes()))
    }
}

fn sealed_names() -> Group {
    let sealer = Sealer {
        room: Room::new("room", false),
        ana: Person::new("ana"),
        iv: named("ana: name iv"),
    };
    let (room, ana) = (&sealer.room, &sealer.ana);
    let (ben, name_key) = (Person::new("ben"), room.keys());
    let name_key = name_key.name_key();
    let good = sealer.plaintext(b"ana");
    let sealed = seal_plaintext(name_key, &sealer.iv, &ana.id(), &good);
    let signed_by_ana = |name: &[u8]| ana.sign(&ana.name_signed(&room.id(), name));

    // Sealed, but wrongly.
    let bad_seal = |id: &str, reason: &str, sealed: &[u8]| {
        Case::invalid(id, "a bad name", reason).put("sealed_name", hex(sealed))
    };
    let for_ben = seal_plaintext(name_key, &sealer.iv, &ben.id(), &good);
    let other_room = Room::new("another room", false);
    let under_other_key =
        seal_plaintext(other_room.keys().name_key(), &sealer.iv, &ana.id(), &good);

    // Opens, but is bad.
    let mut length_zero = good;
    length_zero[0] = 0;
    let long = Person::name_plaintext(65, &[b'a'; 64], &signed_by_ana(&[b'a'; 64]));
    let mut longest = long;
    longest[0] = 255;
    let unterminated = Person::name_plaintext(3, b"ana\0x", &signed_by_ana(b"ana"));
    let cut_short = Person::name_plaintext(2, b"ana", &signed_by_ana(b"an"));
    let by_ben = Person::name_plaintext(3, b"ana", &ben.sign(&ana.name_signed(&room.id(), b"ana")));
    let of_ben = Person::name_plaintext(3, b"ana", &ana.sign(&ben.name_signed(&room.id(), b"ana")));
    let in_other_room = Person::name_plaintext(
        3,
        b"ana",
        &ana.sign(&ana.name_signed(&other_room.id(), b"ana")),
    );
    let of_other_name = Person::name_plaintext(3, b"ana", &signed_by_ana(b"ann"));
    let over_padded = {
        let mut field = [0; 64];
        field[..3].copy_from_slice(b"ana");
        Person::name_plaintext(3, b"ana", &signed_by_ana(&field))
    };
    let unsigned = Person::name_plaintext(3, b"ana", &[0; 64]);

    // Every one that is named alone, and both ends of every range.
    let forbidden = [
        0x00, 0x09, 0x0a, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0xad, 0x34f, 0x61c, 0x115f, 0x1160,
        0x17b4, 0x17b5, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c,
        0x202d, 0x202e, 0x2060, 0x2061, 0x2064, 0x2066, 0x2069, 0x206a, 0x206f, 0x3164, 0xfeff,
        0xffa0, 0xe0000, 0xe0001, 0xe0041, 0xe007f,
    ]
    .map(|code| {
        sealer.bad_text(
            &format!("u-{code:04x}"),
            &format!("holds U+{code:04X}"),
            &format!("a{}b", char::from_u32(code).unwrap()),
        )
    });

    Group::new(
        "sealed_names",
        "`sealed_name` opens, under the keys of `link` and for the participant of `kem_pub` and `sig_pub`, to `name`; \
         or the name is bad and `fallback` is shown. `plaintext`, where there is one, is what was sealed.",
    )
    .given("link", room.url())
    .given("name_key", hex(room_key(room, labels::NAME).as_bytes()))
    .given("kem_scalar", hex(ana.kem_scalar))
    .given("sig_scalar", hex(ana.sig_scalar))
    .given("kem_pub", hex(ana.kem_pub()))
    .given("sig_pub", hex(ana.sig_pub()))
    .given("participant_id", hex(ana.id().as_bytes()))
    .given("name_iv", hex(sealer.iv))
    .given("fallback", Name::fallback(&ana.id()).as_str())
    .case(sealer.valid("ana", "three letters", "ana"))
    .case(sealer.valid("one-byte", "the shortest", "a"))
    .case(sealer.valid("64-bytes", "the longest", &"n".repeat(64)))
    .case(sealer.valid("two-byte-letters", "the limit is in bytes", &"ö".repeat(32)))
    .case(sealer.valid("emoji", "an emoji", "🦊"))
    .case(sealer.valid("joiner", "U+200D joins emoji, and is allowed", "👩\u{200d}🚀"))
    .case(sealer.valid("non-joiner", "U+200C is needed by some scripts, and is allowed", "می\u{200c}خواهم"))
    .case(sealer.valid("spaces", "white space with something else", " ana b "))
    .case(sealer.valid("no-break-space", "U+00A0 is no control character", "ana\u{a0}b"))
    .case(sealer.valid("not-form-c", "a receiver does not check the form", "u\u{308}"))
    .case(sealer.valid("beside-the-ranges", "neighbours of what is not allowed", "\u{ae}\u{350}\u{61d}\u{115e}\u{17b3}\u{180f}\u{200a}\u{2010}\u{202f}\u{2070}\u{3163}\u{fefe}\u{ff9f}"))
    .case(sealer.valid("private-use", "a private character", "\u{e000}"))
    .case(bad_seal("altered-iv", "the seal does not open: altered IV", &altered(&sealed, 0)))
    .case(bad_seal("altered", "the seal does not open: altered ciphertext", &altered(&sealed, 12)))
    .case(bad_seal("altered-tag", "the seal does not open: altered tag", &altered(&sealed, 156)))
    .case(bad_seal("of-another", "the seal does not open: sealed for another participant", &for_ben))
    .case(bad_seal("other-key", "the seal does not open: sealed with the keys of another room", &under_other_key))
    .case(bad_seal("zeros", "the seal does not open: zeros", &[0; 157]))
    .case(sealer.bad("length-zero", "length 0, but not empty", &length_zero))
    .case(sealer.bad("empty", "length 0, signed", &sealer.plaintext(b"")))
    .case(sealer.bad("length-65", "length above 64", &long))
    .case(sealer.bad("length-255", "length above 64", &longest))
    .case(sealer.bad("padding", "a padding byte that is not zero", &unterminated))
    .case(sealer.bad("cut-short", "a length that leaves a letter to the padding", &cut_short))
    .case(sealer.bad("not-utf-8", "not UTF-8: a stray byte", &sealer.plaintext(b"an\xff")))
    .case(sealer.bad("cut-utf-8", "not UTF-8: a cut sequence", &sealer.plaintext(b"an\xc3")))
    .case(sealer.bad("surrogate", "not UTF-8: a surrogate", &sealer.plaintext(b"\xed\xa0\x80")))
    .case(sealer.bad("overlong", "not UTF-8: an overlong form", &sealer.plaintext(b"\xc1\xa1")))
    .case(sealer.bad("signed-by-another", "signed by another participant", &by_ben))
    .case(sealer.bad("signed-for-another", "the signature is over another id", &of_ben))
    .case(sealer.bad("signed-elsewhere", "the signature is over another room", &in_other_room))
    .case(sealer.bad("signed-otherwise", "the signature is over another name", &of_other_name))
    .case(sealer.bad("signed-padded", "the signature is over the name with its padding", &over_padded))
    .case(sealer.bad("unsigned", "no signature", &unsigned))
    .cases(forbidden)
    .case(sealer.bad_text("space", "nothing but white space", " "))
    .case(sealer.bad_text("spaces-only", "nothing but white space", "\u{20}\u{a0}\u{3000}\u{2003}"))
}

fn own_names() -> Group {
    let case = |id: &str, comment: &str, input: &str| match Name::new(input) {
        Ok(name) => Case::valid(id, comment)
            .put("input", input)
            .put("name", name.as_str()),
        Err(code) => Case::invalid(id, "not taken", comment)
            .put("input", input)
            .put("error", code.name()),
    };
    Group::new(
        "own_names",
        "What a client makes of its own user's name: form C, or an error",
    )
    .case(case("plain", "as it is", "ana"))
    .case(case("composed", "brought to form C", "u\u{308}"))
    .case(case(
        "hangul",
        "brought to form C",
        "\u{1112}\u{1161}\u{11ab}",
    ))
    .case(case(
        "compatibility",
        "compatibility characters stay",
        "\u{fb01}",
    ))
    .case(case("angstrom", "a singleton", "\u{212b}"))
    .case(case("64-bytes", "the longest", &"n".repeat(64)))
    .case(case(
        "64-bytes-composed",
        "64 bytes only once composed",
        &"u\u{308}".repeat(32),
    ))
    .case(case("spaces", "white space is kept", " ana "))
    .case(case("65-bytes", "longer than 64 bytes", &"n".repeat(65)))
    .case(case(
        "65-bytes-grown",
        "longer than 64 bytes once in form C",
        &"\u{958}".repeat(22),
    ))
    .case(case(
        "long-and-forbidden",
        "too long is looked at first",
        &"\n".repeat(65),
    ))
    .case(case("empty", "empty", ""))
    .case(case("space", "nothing but white space", " \u{3000}"))
    .case(case("line-feed", "a control character", "a\nb"))
    .case(case("override", "turns the direction", "a\u{202e}b"))
    .case(case("zero-width", "invisible", "a\u{200b}b"))
}

fn fallback_names() -> Group {
    let case = |id: &str, who: ParticipantId| {
        Case::valid(id, "made of the id")
            .put("participant_id", hex(who.as_bytes()))
            .put(
                "hash",
                hex(Fields::hash(labels::LABEL).put(who.as_bytes()).finish()),
            )
            .put("name", Name::fallback(&who).as_str())
    };
    Group::new(
        "fallback_names",
        "s = `hash` = H(L(\"label\", participant_id))",
    )
    .case(case("ana", Person::new("ana").id()))
    .case(case("ben", Person::new("ben").id()))
    .case(case("cleo", Person::new("cleo").id()))
    .case(case("zeros", ParticipantId([0; 16])))
    .case(case("ones", ParticipantId([255; 16])))
}

fn anonymous_names() -> Group {
    let case = |id: &str, comment: &str, drawn: [u8; 6]| {
        Case::valid(id, comment)
            .put("drawn", hex(drawn))
            .put("name", Name::anonymous(&mut Drawn(drawn)).as_str())
    };
    Group::new(
        "anonymous_names",
        "The name of a user who gives none, of 6 random bytes",
    )
    .case(case("zeros", "the first of each", [0; 6]))
    .case(case("last", "the last of each", [63, 31, 31, 31, 31, 31]))
    .case(case("ones", "the high bits do not count", [255; 6]))
    .case(case("each", "each in its place", [1, 1, 2, 3, 4, 5]))
    .case(case("drawn", "as drawn", named("anonymous name")))
}

/// Gives these six bytes.
struct Drawn([u8; 6]);

impl TryRng for Drawn {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

fn tags() -> Group {
    let case = |id: &str, comment: &str, who: ParticipantId| {
        Case::valid(id, comment)
            .put("participant_id", hex(who.as_bytes()))
            .put("tag", tag(&who))
    };
    let mut counted = [0; 16];
    // 00001 00010 00011 00100
    counted[..3].copy_from_slice(&[0x08, 0x86, 0x40]);
    Group::new("tags", "The first 20 bits of the id as four symbols")
        .case(case("ana", "an id", Person::new("ana").id()))
        .case(case("zeros", "the first symbol", ParticipantId([0; 16])))
        .case(case("ones", "the last symbol", ParticipantId([255; 16])))
        .case(case(
            "counted",
            "1, 2, 3, 4: most significant first",
            ParticipantId(counted),
        ))
}

fn shown_names() -> Group {
    let case = |id: &str, name: &str, number: u64, who: ParticipantId| {
        let shown = Name::new(name).unwrap().shown(number, &who);
        Case::valid(id, "name, number, tag")
            .put("name", name)
            .put("number", number)
            .put("participant_id", hex(who.as_bytes()))
            .put("shown", shown)
    };
    Group::new(
        "shown_names",
        "How a name is shown: U+00B7 between the parts",
    )
    .case(case("ana", "ana", 1, Person::new("ana").id()))
    .case(case("wolf", "wolf", 3, Person::new("ben").id()))
    .case(case("late", "Zoë", 1_024, Person::new("cleo").id()))
}

fn clashes() -> Group {
    let case = |id: &str, comment: &str, earlier: &str, later: &str, clash: bool| {
        Case::valid(id, comment)
            .put("earlier", earlier)
            .put("later", later)
            .put("clash", Json::Bool(clash))
    };
    Group::new(
        "clashes",
        "Whether a later name equals an earlier one after normalisation to form C",
    )
    .case(case("same", "the same", "ana", "ana", true))
    .case(case("other", "another", "ana", "anna", false))
    .case(case(
        "case",
        "capitals make another name",
        "ana",
        "Ana",
        false,
    ))
    .case(case(
        "form",
        "two forms of one name",
        "J\u{fc}rgen",
        "Ju\u{308}rgen",
        true,
    ))
    .case(case(
        "form-back",
        "either way round",
        "Ju\u{308}rgen",
        "J\u{fc}rgen",
        true,
    ))
    .case(case(
        "order-of-marks",
        "marks in another order",
        "a\u{323}\u{302}",
        "a\u{302}\u{323}",
        true,
    ))
    .case(case(
        "compatibility",
        "compatibility characters are others",
        "\u{fb01}n",
        "fin",
        false,
    ))
    .case(case(
        "space",
        "a space more is another name",
        "ana",
        "ana ",
        false,
    ))
    .case(case(
        "look-alike",
        "so is one that looks alike: the tag tells them apart",
        "ana",
        "\u{430}na",
        false,
    ))
}
