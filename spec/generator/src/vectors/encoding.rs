//! The label encoding and base64url (spec section 3).

use burnchat_core::{
    crypto::{Label, labels, sha256},
    encoding::Fields,
};

use crate::{
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

pub(super) fn file() -> File {
    File::new(
        "encoding",
        "section 3",
        "The label encoding L and the text of byte strings.",
    )
    .group(label_encoding())
    .group(base64url())
}

fn label_encoding() -> Group {
    let case = |id: &str, comment: &str, label: Label, fields: &[&[u8]]| {
        let encoded = fields
            .iter()
            .fold(Fields::bytes(label), |list, field| list.put(field))
            .finish();
        let text = std::str::from_utf8(label.as_bytes()).unwrap();
        Case::valid(id, comment)
            .put("label", text.strip_prefix("burnchat/1 ").unwrap())
            .put("fields", Json::list(fields.iter().map(hex)))
            .put("encoded", hex(&encoded))
            .put("sha256", hex(sha256(&[&encoded])))
    };
    let id: [u8; 16] = named("encoding: an id");
    let hash: [u8; 32] = named("encoding: a hash");
    let key: [u8; 65] = named("encoding: 65 bytes");
    let number = 0x0102_0304_0506_0708_u64.to_be_bytes();
    Group::new(
        "label_encoding",
        "`encoded` is L(label, fields); `sha256` is its hash. Every label occurs.",
    )
    .case(case("no-fields", "the label alone", labels::HISTORY, &[]))
    .case(case(
        "empty-field",
        "an empty field is a length of zero",
        labels::ROOM,
        &[b""],
    ))
    .case(case(
        "two-empty-fields",
        "and two of them are two",
        labels::ROOM,
        &[b"", b""],
    ))
    .case(case(
        "split-after-1",
        "a field ends where its length says",
        labels::ID,
        &[b"a", b"bc"],
    ))
    .case(case(
        "split-after-2",
        "so these are other bytes",
        labels::ID,
        &[b"ab", b"c"],
    ))
    .case(case("unsplit", "and so are these", labels::ID, &[b"abc"]))
    .case(case(
        "integers",
        "u64, u32 and u8 are big-endian, and fields like any",
        labels::MSG,
        &[&number, &[0, 0, 1, 0], &[255]],
    ))
    .case(case("room", "32 bytes", labels::ROOM, &[&hash]))
    .case(case(
        "join",
        "six bytes",
        labels::JOIN,
        &[&[1, 0, 0, 0, 0, 1]],
    ))
    .case(case(
        "name",
        "three fields",
        labels::NAME,
        &[&id, &id, "wölfin".as_bytes()],
    ))
    .case(case("id", "two public keys", labels::ID, &[&key, &key]))
    .case(case(
        "label",
        "the label called label",
        labels::LABEL,
        &[&id],
    ))
    .case(case(
        "roster",
        "a u64 and a u8 among others",
        labels::ROSTER,
        &[&id, &number, &key, &key, &[0]],
    ))
    .case(case("kek", "three fields", labels::KEK, &[&hash, &id, &id]))
    .case(case("commit", "one field", labels::COMMIT, &[&hash]))
    .case(case(
        "epoch",
        "three fields of one length",
        labels::EPOCH,
        &[&hash, &hash, &hash],
    ))
    .case(case("key", "two fields", labels::KEY, &[&id, &hash]))
    .case(case("chain", "one field", labels::CHAIN, &[&id]))
    .case(case(
        "msg",
        "six fields",
        labels::MSG,
        &[&id, &hash, &id, &number, &[0], &hash],
    ))
    .case(case("history", "one byte", labels::HISTORY, &[&[0]]))
    .case(case(
        "verify",
        "an id, a secret and a key",
        labels::VERIFY,
        &[&id, &id, &key],
    ))
    .case(case(
        "digits",
        "a hash and a u8",
        labels::DIGITS,
        &[&hash, &[1]],
    ))
}

fn base64url() -> Group {
    let valid = |id: &str, comment: &str, bytes: &[u8], text: &str| {
        Case::valid(id, comment)
            .put("length", bytes.len())
            .put("text", text)
            .put("bytes", hex(bytes))
    };
    let invalid = |id: &str, reason: &str, length: usize, text: &str| {
        Case::invalid(id, "refused", reason)
            .put("length", length)
            .put("text", text)
    };
    Group::new(
        "base64url",
        "`text` is the one text of `bytes`. An invalid text stands for no byte string; `length` is how many bytes a \
         forgiving decoder might find in it.",
    )
    .case(valid("empty", "no byte, no symbol", &[], ""))
    .case(valid("one", "two symbols, four bits unused", &[0], "AA"))
    .case(valid("one-high", "two symbols", &[255], "_w"))
    .case(valid("two", "three symbols, two bits unused", &[0xfb, 0xff], "-_8"))
    .case(valid("three", "four symbols", &[0xfb, 0xff, 0xbf], "-_-_"))
    .case(valid("four", "six symbols", b"fuse", "ZnVzZQ"))
    .case(valid("five", "seven symbols", b"burnt", "YnVybnQ"))
    .case(valid(
        "sixteen",
        "an id: 22 symbols",
        &[0xff; 16],
        "_____________________w",
    ))
    .case(invalid("padding", "padding", 1, "AA=="))
    .case(invalid("padding-1", "padding", 2, "AAA="))
    .case(invalid("plus", "the other alphabet", 3, "+___"))
    .case(invalid("slash", "the other alphabet", 3, "/___"))
    .case(invalid("space", "white space", 3, "AA AA"))
    .case(invalid("space-before", "white space", 3, " AAAA"))
    .case(invalid("line-feed", "white space", 3, "AAAA\n"))
    .case(invalid("line-break-inside", "white space", 6, "AAAA\r\nAAAA"))
    .case(invalid("one-symbol", "no byte string has 1 symbol", 0, "A"))
    .case(invalid("five-symbols", "no byte string has 5 symbols", 3, "AAAAA"))
    .case(invalid("unused-bit", "an unused bit that is not zero", 1, "AB"))
    .case(invalid("unused-bits", "unused bits that are not zero", 1, "AP"))
    .case(invalid("unused-bit-of-two", "an unused bit that is not zero", 2, "AAB"))
    .case(invalid(
        "unused-bit-of-16",
        "an unused bit that is not zero",
        16,
        "_____________________x",
    ))
    .case(invalid("not-ascii", "a character of no alphabet", 3, "AAA\u{e4}"))
    .case(invalid("wide", "a wide A is no A", 3, "AAA\u{ff21}"))
    .case(invalid("nul", "a character of no alphabet", 3, "AAA\0"))
}
