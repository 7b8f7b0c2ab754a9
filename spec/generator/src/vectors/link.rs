//! Room links (spec section 4).

use burnchat_core::{crypto::Secret, encoding::Fields, link::room_id_of_seed};

use crate::{
    cast::Room,
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};
use burnchat_core::crypto::{labels, sha256};

/// The alphabet of base64url.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn file() -> File {
    File::new(
        "link",
        "section 4",
        "Room ids, the links to rooms, and each way for a link to be malformed.",
    )
    .group(room_ids())
    .group(links())
    .group(malformed())
}

fn room_ids() -> Group {
    let case = |id: &str, comment: &str, seed: [u8; 32]| {
        Case::valid(id, comment)
            .put("id_seed", hex(seed))
            .put("hash", hex(Fields::hash(labels::ROOM).put(&seed).finish()))
            .put(
                "room_id",
                hex(room_id_of_seed(&Secret::copy_of(&seed)).as_bytes()),
            )
    };
    Group::new("room_ids", "room_id = H(L(\"room\", id_seed))[..16]")
        .case(case("zeros", "a seed of zeros", [0; 32]))
        .case(case(
            "drawn",
            "a seed as drawn",
            named("link room: id_seed"),
        ))
}

fn links() -> Group {
    let case = |id: &str, comment: &str, room: Room| {
        let link = room.link();
        Case::valid(id, comment)
            .put("link", room.url())
            .put("base", room.base.as_str())
            .put("room_id", hex(link.room_id().as_bytes()))
            .put("history", room.history)
            .put("not_after", room.not_after)
            .put("secret", hex(room.secret))
            .put("ticket", hex(room.ticket))
            .put("header", hex(link.header()))
            .put("ticket_hash", hex(link.ticket().hash().as_bytes()))
    };
    let at = |base: &str| {
        let mut room = Room::new("link room", false);
        room.base = base.into();
        room
    };
    let mut far = Room::new("far room", true);
    far.not_after = u32::MAX;
    let mut early = Room::new("early room", false);
    early.not_after = 0;
    let mut extreme = Room::new("extreme room", false);
    (extreme.secret, extreme.ticket) = ([0; 16], [255; 16]);
    // `/r/`, room id, `#` and fragment take 82 bytes.
    let longest = format!("https://relay.example/{}", "a".repeat(2_048 - 82 - 22));
    Group::new(
        "links",
        "Links, and what they say. Written again they are the same text.",
    )
    .case(case("plain", "no history", Room::new("link room", false)))
    .case(case(
        "history",
        "with history",
        Room::new("link room", true),
    ))
    .case(case("far", "the last not_after there is", far))
    .case(case("early", "a link does not know the time", early))
    .case(case("extreme", "any secret and any ticket", extreme))
    .case(case("http", "without TLS", at("http://relay.example")))
    .case(case(
        "port",
        "with a port",
        at("https://relay.example:8443"),
    ))
    .case(case(
        "port-greatest",
        "the greatest port",
        at("https://relay.example:65535"),
    ))
    .case(case(
        "ipv4",
        "an IPv4 address is a host name",
        at("http://127.0.0.1:8080"),
    ))
    .case(case(
        "ipv6",
        "an IPv6 address",
        at("http://[2001:db8::1]:8080"),
    ))
    .case(case(
        "ipv6-no-port",
        "an IPv6 address without port",
        at("http://[::1]"),
    ))
    .case(case(
        "host",
        "all a host is made of",
        at("https://A-z_0.9.example"),
    ))
    .case(case(
        "path",
        "with a path",
        at("https://relay.example/chat/v1"),
    ))
    .case(case(
        "path-r",
        "a path that itself holds /r/",
        at("https://relay.example/r/x"),
    ))
    .case(case(
        "path-characters",
        "all a path is made of",
        at("https://relay.example/-._~!$&'()*+,;=:@%41%zz/a"),
    ))
    .case(case("longest", "2,048 bytes", at(&longest)))
}

/// The parts of a link, for taking it apart and putting it together wrongly.
struct Parts {
    base: String,
    room_id: String,
    fragment: Vec<u8>,
}

impl Parts {
    fn new() -> Self {
        let room = Room::new("link room", false);
        let link = room.link();
        let checked = [&link.header()[..], &room.secret, &room.ticket].concat();
        let check = check(room.id().as_bytes(), &checked);
        Self {
            base: room.base.clone(),
            room_id: link.room_id().to_base64(),
            fragment: [&checked[..], &check].concat(),
        }
    }

    /// The fragment with another byte at this place, and the check made anew.
    fn with_byte(mut self, at: usize, byte: u8) -> Self {
        self.fragment[at] = byte;
        let room = Room::new("link room", false);
        let check = check(room.id().as_bytes(), &self.fragment[..38]);
        self.fragment[38..].copy_from_slice(&check);
        self
    }

    fn text(&self) -> String {
        self.with_fragment(&base64url(&self.fragment))
    }

    fn with_fragment(&self, fragment: &str) -> String {
        format!("{}/r/{}#{fragment}", self.base, self.room_id)
    }

    fn at(base: &str) -> String {
        let mut parts = Self::new();
        parts.base = base.into();
        parts.text()
    }

    fn to(room_id: &str) -> String {
        let mut parts = Self::new();
        parts.room_id = room_id.into();
        parts.text()
    }
}

fn malformed() -> Group {
    let case = |id: &str, reason: &str, error: &str, text: String| {
        Case::invalid(id, "refused", reason)
            .put("link", text)
            .put("error", error)
    };
    let good = Parts::new();
    let fragment = base64url(&good.fragment);
    let id = good.room_id.clone();
    let unused_bit = {
        let mut id = id.clone().into_bytes();
        let last = ALPHABET
            .iter()
            .position(|symbol| *symbol == id[21])
            .unwrap();
        id[21] = ALPHABET[last | 1];
        String::from_utf8(id).unwrap()
    };
    let mut wrong_check = Parts::new();
    wrong_check.fragment[41] ^= 1;
    let mut mistyped = Parts::new();
    mistyped.fragment[10] ^= 1;
    let mut other_room = Parts::new();
    other_room.room_id = Room::new("another room", false)
        .link()
        .room_id()
        .to_base64();
    let mut version_2 = Parts::new();
    version_2.fragment[0] = 2;
    let mut flags_and_check = Parts::new();
    flags_and_check.fragment[1] = 2;
    let mut version_and_flags = Parts::new();
    (version_and_flags.fragment[0], version_and_flags.fragment[1]) = (2, 2);
    let not = "link_not_a_link";
    let too_long = format!("https://relay.example/{}", "a".repeat(2_049 - 82 - 22));
    let cases = vec![
        case("empty", "nothing", not, String::new()),
        case("words", "not a URL", not, "meet me there".into()),
        case("too-long", "2,049 bytes", not, Parts::at(&too_long)),
        case(
            "ftp",
            "another scheme",
            not,
            Parts::at("ftp://relay.example"),
        ),
        case("no-scheme", "no scheme", not, Parts::at("relay.example")),
        case(
            "upper-case-scheme",
            "a scheme in upper case",
            not,
            Parts::at("HTTPS://relay.example"),
        ),
        case("no-host", "no host", not, Parts::at("https://")),
        case("port-only", "no host", not, Parts::at("https://:443")),
        case(
            "port-too-great",
            "a port above 65,535",
            not,
            Parts::at("https://relay.example:65536"),
        ),
        case(
            "port-not-decimal",
            "a port that is no number",
            not,
            Parts::at("https://relay.example:80a"),
        ),
        case(
            "port-empty",
            "a colon without a port",
            not,
            Parts::at("https://relay.example:"),
        ),
        case(
            "user",
            "user information",
            not,
            Parts::at("https://user@relay.example"),
        ),
        case(
            "user-password",
            "user information",
            not,
            Parts::at("https://user:pass@relay.example"),
        ),
        case(
            "international",
            "a host that is not ASCII",
            not,
            Parts::at("https://bürger.example"),
        ),
        case(
            "host-space",
            "white space in the host",
            not,
            Parts::at("https://relay example"),
        ),
        case(
            "host-percent",
            "a host with an escape",
            not,
            Parts::at("https://relay%2eexample"),
        ),
        case(
            "ipv6-bare",
            "an IPv6 address without brackets",
            not,
            Parts::at("https://2001:db8::1"),
        ),
        case(
            "ipv6-broken",
            "brackets round no address",
            not,
            Parts::at("https://[2001:db8]"),
        ),
        case(
            "ipv6-zone",
            "an IPv6 address with a zone",
            not,
            Parts::at("https://[fe80::1%25eth0]"),
        ),
        case(
            "path-space",
            "white space in the path",
            not,
            Parts::at("https://relay.example/a b"),
        ),
        case(
            "path-not-ascii",
            "a path that is not ASCII",
            not,
            Parts::at("https://relay.example/ä"),
        ),
        case(
            "path-final-slash",
            "a path that ends in /",
            not,
            Parts::at("https://relay.example/"),
        ),
        case("query", "a query", not, Parts::to(&format!("{id}?x=1"))),
        case(
            "query-in-base",
            "a query",
            not,
            Parts::at("https://relay.example?x=1"),
        ),
        case(
            "below-room",
            "something after the room id",
            not,
            Parts::to(&format!("{id}/x")),
        ),
        case(
            "no-room",
            "no /r/",
            not,
            format!("https://relay.example#{fragment}"),
        ),
        case(
            "space-before",
            "white space",
            not,
            format!(" {}", good.text()),
        ),
        case(
            "line-feed-before",
            "white space",
            not,
            format!("\n{}", good.text()),
        ),
        case(
            "no-fragment",
            "no #",
            "link_no_fragment",
            format!("https://relay.example/r/{id}"),
        ),
        case(
            "empty-fragment",
            "nothing after #",
            "link_no_fragment",
            good.with_fragment(""),
        ),
        case(
            "no-fragment-bad-room-id",
            "no #, and that is looked at before the room id",
            "link_no_fragment",
            "https://relay.example/r/short".into(),
        ),
        case(
            "room-id-empty",
            "no room id",
            "link_bad_room_id",
            Parts::to(""),
        ),
        case(
            "room-id-short",
            "21 characters",
            "link_bad_room_id",
            Parts::to(&id[..21]),
        ),
        case(
            "room-id-long",
            "23 characters",
            "link_bad_room_id",
            Parts::to(&format!("{id}A")),
        ),
        case(
            "room-id-unused-bit",
            "an unused bit that is not zero",
            "link_bad_room_id",
            Parts::to(&unused_bit),
        ),
        case(
            "room-id-alphabet",
            "another alphabet",
            "link_bad_room_id",
            Parts::to(&format!("+{}", &id[1..])),
        ),
        case(
            "room-id-padding",
            "padding",
            "link_bad_room_id",
            Parts::to(&format!("{id}==")),
        ),
        case(
            "room-id-before-fragment",
            "the room id is looked at before the fragment",
            "link_bad_room_id",
            "https://relay.example/r/short#!".into(),
        ),
        case(
            "alphabet",
            "another alphabet",
            "link_bad_encoding",
            good.with_fragment(&format!("+{}", &fragment[1..])),
        ),
        case(
            "padding",
            "padding",
            "link_bad_encoding",
            good.with_fragment(&format!("{fragment}=")),
        ),
        case(
            "impossible-length",
            "57 characters are no bytes",
            "link_bad_encoding",
            good.with_fragment(&format!("{fragment}A")),
        ),
        case(
            "unused-bit",
            "an unused bit that is not zero",
            "link_bad_encoding",
            good.with_fragment(&format!("{fragment}AB")),
        ),
        case(
            "space-after",
            "white space",
            "link_bad_encoding",
            good.with_fragment(&format!("{fragment} ")),
        ),
        case(
            "line-feed-after",
            "white space",
            "link_bad_encoding",
            good.with_fragment(&format!("{fragment}\n")),
        ),
        case(
            "second-hash",
            "a second #",
            "link_bad_encoding",
            good.with_fragment(&format!("{fragment}#")),
        ),
        case(
            "percent",
            "an escape",
            "link_bad_encoding",
            good.with_fragment(&format!("%41{}", &fragment[1..])),
        ),
        case(
            "not-ascii",
            "not ASCII",
            "link_bad_encoding",
            good.with_fragment(&format!("ä{}", &fragment[1..])),
        ),
        case(
            "short",
            "41 bytes",
            "link_bad_length",
            good.with_fragment(&base64url(&good.fragment[..41])),
        ),
        case(
            "long",
            "43 bytes",
            "link_bad_length",
            good.with_fragment(&format!("{fragment}AA")),
        ),
        case(
            "one-byte",
            "one byte",
            "link_bad_length",
            good.with_fragment("AQ"),
        ),
        case(
            "version-0",
            "version 0",
            "link_unsupported_version",
            Parts::new().with_byte(0, 0).text(),
        ),
        case(
            "version-2",
            "version 2",
            "link_unsupported_version",
            Parts::new().with_byte(0, 2).text(),
        ),
        case(
            "version-2-check",
            "version 2 with a check of another kind",
            "link_unsupported_version",
            version_2.text(),
        ),
        case(
            "version-and-flags",
            "another version may have other flags",
            "link_unsupported_version",
            version_and_flags.text(),
        ),
        case(
            "check",
            "the check does not match",
            "link_mistyped",
            wrong_check.text(),
        ),
        case(
            "mistyped",
            "a byte of the secret is wrong",
            "link_mistyped",
            mistyped.text(),
        ),
        case(
            "other-room",
            "the check is over the room id too",
            "link_mistyped",
            other_room.text(),
        ),
        case(
            "flags-and-check",
            "the check is looked at before the flags",
            "link_mistyped",
            flags_and_check.text(),
        ),
        case(
            "flag-1",
            "flag bit 1",
            "link_unknown_flags",
            Parts::new().with_byte(1, 2).text(),
        ),
        case(
            "flag-1-history",
            "flag bits 0 and 1",
            "link_unknown_flags",
            Parts::new().with_byte(1, 3).text(),
        ),
        case(
            "flag-7",
            "flag bit 7",
            "link_unknown_flags",
            Parts::new().with_byte(1, 0x80).text(),
        ),
    ];
    Group::new(
        "malformed",
        "Texts that are no links, with the first error in the order of section 4.",
    )
    .given("well_formed", Json::from(good.text()))
    .cases(cases)
}

fn check(room_id: &[u8], checked: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[room_id, checked]);
    [a, b, c, d]
}

fn base64url(bytes: &[u8]) -> String {
    crate::base64url(bytes)
}
