//! Frames and the bodies of requests (spec section 13).

use crate::{
    base64url,
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

pub(super) fn file() -> File {
    File::new(
        "frames",
        "sections 11.1, 13.1 to 13.4 and 16",
        "Frames of each type and what they say; frames that are refused, and with which error.",
    )
    .group(client_frames())
    .group(client_frames_refused())
    .group(relay_frames())
    .group(relay_frames_refused())
    .group(request_bodies())
    .group(request_bodies_refused())
}

/// A value in a frame: bytes are base64url in its text and hex among its members.
#[derive(Clone)]
enum Value {
    Bytes(Vec<u8>),
    Plain(Json),
    List(Vec<Value>),
    Object(Members),
}

type Members = Vec<(&'static str, Value)>;

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => format!("\"{}\"", base64url(bytes)),
            Self::Plain(json) => json.to_text().trim_end().into(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::text).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{}", value.text()))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }

    fn members(&self) -> Json {
        match self {
            Self::Bytes(bytes) => hex(bytes).into(),
            Self::Plain(json) => json.clone(),
            Self::List(items) => Json::list(items.iter().map(Self::members)),
            Self::Object(members) => members.iter().fold(Json::object(), |all, (key, value)| {
                all.with(key, value.members())
            }),
        }
    }
}

fn bytes<const N: usize>(name: &str) -> Value {
    Value::Bytes(named::<N>(&format!("frames: {name}")).to_vec())
}

fn int(value: u64) -> Value {
    Value::Plain(value.into())
}

fn word(value: &str) -> Value {
    Value::Plain(value.into())
}

fn flag(value: bool) -> Value {
    Value::Plain(value.into())
}

fn of_type(name: &str, members: Members) -> Members {
    [vec![("type", word(name))], members].concat()
}

fn with(mut members: Members, more: Members) -> Members {
    members.extend(more);
    members
}

fn case(id: &str, comment: &str, members: Members) -> Case {
    let frame = Value::Object(members);
    Case::valid(id, comment)
        .put("text", frame.text())
        .put("members", frame.members())
}

/// A frame whose text is not the plain one.
fn rewritten(id: &str, comment: &str, text: &str, members: &Members) -> Case {
    Case::valid(id, comment)
        .put("text", text)
        .put("members", Value::Object(members.clone()).members())
}

fn refused(id: &str, reason: &str, error: &str, text: impl Into<String>) -> Case {
    Case::invalid(id, "refused", reason)
        .put("text", text.into())
        .put("error", error)
}

fn malformed(id: &str, reason: &str, text: impl Into<String>) -> Case {
    refused(id, reason, "malformed_frame", text)
}

/// A long text, told piece by piece.
fn pieces(pieces: &[(&str, usize)]) -> Json {
    Json::list(
        pieces
            .iter()
            .map(|(piece, times)| Json::List(vec![(*piece).into(), (*times).into()])),
    )
}

fn refused_pieces(id: &str, reason: &str, error: &str, parts: &[(&str, usize)]) -> Case {
    Case::invalid(id, "refused", reason)
        .put("pieces", pieces(parts))
        .put("error", error)
}

fn join() -> Members {
    of_type(
        "join",
        vec![
            ("kem_pub", bytes::<65>("kem_pub")),
            ("sig_pub", bytes::<65>("sig_pub")),
            ("sealed_name", bytes::<157>("sealed_name")),
            ("join_proof", bytes::<32>("join_proof")),
        ],
    )
}

fn key_offer(wraps: Vec<Value>) -> Members {
    of_type(
        "session_key",
        vec![
            ("version", int(7)),
            ("roster_hash", bytes::<32>("roster_hash")),
            ("prev", bytes::<32>("prev")),
            ("commit", bytes::<32>("commit")),
            ("sig", bytes::<64>("sig")),
            ("wraps", Value::List(wraps)),
        ],
    )
}

fn wrap(name: &str) -> Value {
    Value::Object(vec![
        ("id", bytes::<16>(&format!("wrap id {name}"))),
        ("wrapped", bytes::<40>(&format!("wrapped {name}"))),
    ])
}

fn back() -> Value {
    Value::Object(vec![
        ("epoch", bytes::<32>("back epoch")),
        ("wrapped", bytes::<40>("back wrapped")),
    ])
}

fn envelope(n: u64, flags: u64, ciphertext: usize) -> Members {
    let ciphertext = named::<128>("frames: ciphertext")
        .into_iter()
        .cycle()
        .take(ciphertext)
        .collect();
    vec![
        ("epoch", bytes::<32>("epoch")),
        ("n", int(n)),
        ("flags", int(flags)),
        ("iv", bytes::<12>("iv")),
        ("ciphertext", Value::Bytes(ciphertext)),
        ("sig", bytes::<64>("sig")),
    ]
}

fn message(n: u64, flags: u64, ciphertext: usize) -> Members {
    of_type("message", envelope(n, flags, ciphertext))
}

fn lock() -> Members {
    of_type("lock", vec![("locked", flag(true))])
}

fn burn() -> Members {
    of_type("burn", vec![])
}

fn client_frames() -> Group {
    let lock_text = Value::Object(lock()).text();
    let with_unknown = |value: &str| lock_text.replace('}', &format!(",\"x\":{value}}}"));
    let many: String = (0..62).map(|place| format!(",\"x{place}\":0")).collect();
    let resume = |seq: u64| {
        of_type(
            "resume",
            vec![("seat_token", bytes::<32>("seat_token")), ("seq", int(seq))],
        )
    };
    let long = Value::Bytes(vec![0; 45_000]).text();
    let around = Value::Object(message(0, 0, 80)).text();
    let short = Value::Bytes(named::<128>("frames: ciphertext")[..80].to_vec()).text();
    let (before, after) = around.split_once(&short).unwrap();
    Group::new(
        "client_frames",
        "Frames from a client. `members` is what they say: binary values in hex, absent members left out.",
    )
    .case(case("join", "with nothing optional", join()))
    .case(case("join-ticket", "with the ticket", with(join(), vec![("ticket", bytes::<16>("ticket"))])))
    .case(case(
        "join-pin",
        "with ticket and PIN",
        with(join(), vec![("ticket", bytes::<16>("ticket")), ("pin", word("k7q2-mx"))]),
    ))
    .case(case(
        "join-pin-longest",
        "a PIN of 32 bytes",
        with(join(), vec![("ticket", bytes::<16>("ticket")), ("pin", word(&"A".repeat(32)))]),
    ))
    .case(case(
        "join-tokens",
        "with both tokens",
        with(
            join(),
            vec![
                ("creator_token", bytes::<32>("creator_token")),
                ("seat_token", bytes::<32>("seat_token")),
            ],
        ),
    ))
    .case(rewritten(
        "join-nulls",
        "an optional member may be null",
        &Value::Object(join())
            .text()
            .replace('}', ",\"ticket\":null,\"pin\":null,\"creator_token\":null,\"seat_token\":null}"),
        &join(),
    ))
    .case(case("resume", "from the start of the log", resume(0)))
    .case(case("resume-greatest", "the greatest integer there is", resume((1 << 53) - 1)))
    .case(case("session-key", "for one other", key_offer(vec![wrap("1")])))
    .case(case("session-key-none", "for nobody else", key_offer(vec![])))
    .case(case(
        "session-key-back",
        "for two, with the way back",
        with(key_offer(vec![wrap("1"), wrap("2")]), vec![("back", back())]),
    ))
    .case(rewritten(
        "session-key-back-null",
        "without the way back",
        &Value::Object(with(key_offer(vec![wrap("1")]), vec![("back", Value::Plain(Json::Null))])).text(),
        &key_offer(vec![wrap("1")]),
    ))
    .case(case("key-declined", "cannot make one", of_type("key_declined", vec![("version", int(3))])))
    .case(case("need-key", "has none", of_type("need_key", vec![("version", int(3))])))
    .case(case("message", "the shortest ciphertext", message(0, 0, 80)))
    .case(case("message-last", "the last n", message(8_191, 0, 96)))
    .case(case("message-flags", "all flags", message(1, 255, 80)))
    .case(
        Case::valid("message-longest", "a ciphertext of 45,000 bytes, zeros; it is left out of `members`")
            .put("pieces", pieces(&[(before, 1), ("\"", 1), ("A", 60_000), ("\"", 1), (after, 1)]))
            .put("members", {
                assert_eq!(long.len(), 60_002);
                let mut members = message(0, 0, 80);
                members.retain(|(key, _)| *key != "ciphertext");
                Value::Object(members).members()
            }),
    )
    .case(case("kick", "with the old link going on", of_type("kick", vec![("id", bytes::<16>("id"))])))
    .case(case(
        "kick-renew",
        "with a new ticket",
        of_type(
            "kick",
            vec![("id", bytes::<16>("id")), ("ticket_hash", bytes::<32>("ticket_hash"))],
        ),
    ))
    .case(case("lock", "locks", lock()))
    .case(case("unlock", "unlocks", of_type("lock", vec![("locked", flag(false))])))
    .case(case("renew", "a new ticket", of_type("renew", vec![("ticket_hash", bytes::<32>("ticket_hash"))])))
    .case(case("extend", "by a minute", of_type("extend", vec![("seconds", int(60)), ("after", int(0))])))
    .case(case(
        "extend-too-much",
        "the room judges the number: it parses",
        of_type("extend", vec![("seconds", int(1_000_000)), ("after", int(12))]),
    ))
    .case(case("burn", "now", burn()))
    .case(rewritten("white-space", "white space between the tokens", " {\n\t\"type\" : \"lock\" ,\r\n \"locked\": true } \n", &lock()))
    .case(rewritten("order", "members in another order", "{\"locked\":true,\"type\":\"lock\"}", &lock()))
    .case(rewritten(
        "escapes",
        "escapes in names and values",
        "{\"t\\u0079pe\":\"\\u006cock\",\"\\u006Cocked\":true}",
        &lock(),
    ))
    .case(rewritten("unknown", "unknown members are ignored", &with_unknown("[1,-2.5e3,\"\\n\",null,{\"y\":false}]"), &lock()))
    .case(rewritten("unknown-empty", "a member without a name is unknown", &lock_text.replace('}', ",\"\":1}"), &lock()))
    .case(rewritten("unknown-burn", "in a frame without members too", "{\"type\":\"burn\",\"type2\":\"lock\"}", &burn()))
    .case(rewritten("nested-4", "nested four deep", &with_unknown("[[[1]]]"), &lock()))
    .case(rewritten("nested-4-objects", "objects nested four deep", &with_unknown("{\"a\":{\"a\":{}}}"), &lock()))
    .case(rewritten("members-64", "64 members", &lock_text.replace('}', &format!("{many}}}")), &lock()))
    .case(rewritten("same-name-elsewhere", "a name may be in two objects", &with_unknown("{\"x\":{\"x\":1}}"), &lock()))
    .case(
        Case::valid("largest", "65,536 bytes")
            .put("pieces", pieces(&[("{\"type\":\"burn\"", 1), (" ", 65_536 - 15), ("}", 1)]))
            .put("members", Value::Object(burn()).members()),
    )
}

fn client_frames_refused() -> Group {
    let lock_text = Value::Object(lock()).text();
    let with_unknown = |value: &str| lock_text.replace('}', &format!(",\"x\":{value}}}"));
    let many: String = (0..63).map(|place| format!(",\"x{place}\":0")).collect();
    let many_inside: Vec<_> = (0..65).map(|place| format!("\"x{place}\":0")).collect();
    let extend =
        |seconds: &str| format!("{{\"type\":\"extend\",\"seconds\":{seconds},\"after\":0}}");
    let kick = |id: &str| format!("{{\"type\":\"kick\",\"id\":{id}}}");
    let id = bytes::<16>("id").text();
    let lock_of = |value: &str| format!("{{\"type\":\"lock\",\"locked\":{value}}}");
    let text = |members: Members| Value::Object(members).text();
    let offer_with = |key: &str, value: &str| {
        let mut members = key_offer(vec![wrap("1")]);
        members.retain(|(name, _)| *name != key);
        text(members).replace("{\"type\"", &format!("{{\"{key}\":{value},\"type\""))
    };
    let without = |members: Members, key: &str| {
        let mut members = members;
        members.retain(|(name, _)| *name != key);
        text(members)
    };
    let with_value = |members: Members, key: &str, value: Value| {
        let mut members = members;
        for (name, old) in &mut members {
            if *name == key {
                *old = value.clone();
            }
        }
        text(members)
    };
    let wrap_text = wrap("1").text();
    let offer = text(key_offer(vec![wrap("1")]));
    let (before_wraps, after_wraps) = offer.split_once(&wrap_text).unwrap();
    let array_wrap = format!(
        "[[{},{}]]",
        bytes::<16>("id").text(),
        bytes::<40>("wrapped").text()
    );
    let back_array = format!(
        "[{},{}]",
        bytes::<32>("back epoch").text(),
        bytes::<40>("back wrapped").text()
    );
    let around = text(message(0, 0, 80));
    let short = Value::Bytes(named::<128>("frames: ciphertext")[..80].to_vec()).text();
    let (before_ciphertext, after_ciphertext) = around.split_once(&short).unwrap();

    let required = [
        (join(), "kem_pub"),
        (join(), "sig_pub"),
        (join(), "sealed_name"),
        (join(), "join_proof"),
        (key_offer(vec![]), "version"),
        (key_offer(vec![]), "roster_hash"),
        (key_offer(vec![]), "prev"),
        (key_offer(vec![]), "commit"),
        (key_offer(vec![]), "sig"),
        (key_offer(vec![]), "wraps"),
        (message(0, 0, 80), "epoch"),
        (message(0, 0, 80), "n"),
        (message(0, 0, 80), "flags"),
        (message(0, 0, 80), "iv"),
        (message(0, 0, 80), "ciphertext"),
        (message(0, 0, 80), "sig"),
        (
            of_type(
                "resume",
                vec![("seat_token", bytes::<32>("seat_token")), ("seq", int(1))],
            ),
            "seat_token",
        ),
        (
            of_type(
                "resume",
                vec![("seat_token", bytes::<32>("seat_token")), ("seq", int(1))],
            ),
            "seq",
        ),
        (
            of_type("key_declined", vec![("version", int(1))]),
            "version",
        ),
        (of_type("need_key", vec![("version", int(1))]), "version"),
        (of_type("kick", vec![("id", bytes::<16>("id"))]), "id"),
        (lock(), "locked"),
        (
            of_type("renew", vec![("ticket_hash", bytes::<32>("ticket_hash"))]),
            "ticket_hash",
        ),
        (
            of_type("extend", vec![("seconds", int(1)), ("after", int(0))]),
            "seconds",
        ),
        (
            of_type("extend", vec![("seconds", int(1)), ("after", int(0))]),
            "after",
        ),
    ]
    .map(|(members, key)| {
        let kind = match &members[0].1 {
            Value::Plain(Json::Text(kind)) => kind.clone(),
            _ => String::new(),
        };
        malformed(
            &format!("no-{key}-in-{kind}").replace('_', "-"),
            &format!("`{kind}` without `{key}`"),
            without(members, key),
        )
    });

    Group::new(
        "client_frames_refused",
        "What a relay refuses, and with which error. `pieces` is a text told piece by piece, each as often as it says; \
         `bytes` is hex.",
    )
    .case(refused_pieces(
        "too-large",
        "65,537 bytes",
        "frame_too_large",
        &[("{\"type\":\"burn\"", 1), (" ", 65_536 - 14), ("}", 1)],
    ))
    .case(refused_pieces("too-large-garbage", "the size is looked at first", "frame_too_large", &[("[", 70_000)]))
    .case(
        Case::invalid("not-utf-8", "refused", "not UTF-8")
            .put("bytes", hex(b"{\"type\":\"burn\",\"x\":\"\xff\"}"))
            .put("error", "malformed_frame"),
    )
    .case(
        Case::invalid("utf-8-surrogate", "refused", "not UTF-8: a surrogate")
            .put("bytes", hex(b"{\"type\":\"burn\",\"x\":\"\xed\xa0\x80\"}"))
            .put("error", "malformed_frame"),
    )
    .case(
        Case::invalid("utf-8-cut", "refused", "not UTF-8: a cut sequence")
            .put("bytes", hex(b"{\"type\":\"burn\",\"x\":\"\xc3\"}"))
            .put("error", "malformed_frame"),
    )
    .case(malformed("empty", "nothing", ""))
    .case(malformed("words", "not JSON", "burn"))
    .case(malformed("null", "not an object", "null"))
    .case(malformed("array", "not an object", "[{\"type\":\"burn\"}]"))
    .case(malformed("string", "not an object", "\"burn\""))
    .case(malformed("number", "not an object", "1"))
    .case(malformed("cut", "cut", "{\"type\":\"burn\""))
    .case(malformed("two", "two objects", "{\"type\":\"burn\"}{\"type\":\"burn\"}"))
    .case(malformed("trailing", "something after the object", "{\"type\":\"burn\"},"))
    .case(malformed("trailing-comma", "a comma too much", "{\"type\":\"burn\",}"))
    .case(malformed("single-quotes", "single quotes", "{'type':'burn'}"))
    .case(malformed("no-quotes", "a name without quotes", "{type:\"burn\"}"))
    .case(malformed("comment", "a comment", "{\"type\":\"burn\"/**/}"))
    .case(malformed("raw-control", "a control character in a string", "{\"type\":\"burn\",\"x\":\"a\nb\"}"))
    .case(malformed("bad-escape", "an escape there is not", "{\"type\":\"burn\",\"x\":\"\\x41\"}"))
    .case(malformed("no-break-space", "white space JSON does not know", "{\"type\":\u{a0}\"burn\"}"))
    .case(malformed("nan", "a number JSON does not know", with_unknown("NaN")))
    .case(malformed("leading-zero", "a number with a zero before it", with_unknown("01")))
    .case(malformed("plus", "a number with a plus", with_unknown("+1")))
    .case(malformed("bare-fraction", "a number without an integer", with_unknown(".5")))
    .case(malformed("no-type", "no type", "{\"locked\":true}"))
    .case(malformed("no-members", "nothing in it", "{}"))
    .case(malformed("type-number", "a type that is no string", "{\"type\":1}"))
    .case(malformed("type-null", "a type that is no string", "{\"type\":null}"))
    .case(malformed("type-array", "a type that is no string", "{\"type\":[\"burn\"]}"))
    .case(malformed("type-object", "a type that is no string", "{\"type\":{\"burn\":null}}"))
    .case(malformed("nested-5", "nested five deep", with_unknown("[[[[1]]]]")))
    .case(malformed("nested-5-empty", "nested five deep with nothing inside", with_unknown("[[[[]]]]")))
    .case(malformed("nested-5-mixed", "objects and arrays count alike", with_unknown("[{\"a\":[{}]}]")))
    .case(refused_pieces(
        "nested-10000",
        "nested ten thousand deep",
        "malformed_frame",
        &[("{\"type\":\"burn\",\"x\":", 1), ("[", 10_000), ("]", 10_000), ("}", 1)],
    ))
    .case(refused_pieces("nested-open", "nested without an end", "malformed_frame", &[("{\"a\":", 9_000)]))
    .case(malformed("members-65", "65 members", lock_text.replace('}', &format!("{many}}}"))))
    .case(malformed("members-65-inside", "65 members of an unknown object", with_unknown(&format!("{{{}}}", many_inside.join(",")))))
    .case(refused("unknown-type", "no such type", "unknown_type", "{\"type\":\"whisper\"}"))
    .case(refused("unknown-type-empty", "no such type", "unknown_type", "{\"type\":\"\"}"))
    .case(refused("type-capital", "types are in lower case", "unknown_type", "{\"type\":\"Burn\"}"))
    .case(refused("type-of-relay", "a type only relays send", "unknown_type", "{\"type\":\"countdown\",\"seconds_remaining\":5}"))
    .case(refused("type-variant", "nor is the name of a program's own type one", "unknown_type", "{\"type\":\"SessionKey\"}"))
    .case(refused("duplicate-type", "type twice", "duplicate_key", "{\"type\":\"burn\",\"type\":\"burn\"}"))
    .case(refused("duplicate", "a member twice", "duplicate_key", "{\"type\":\"lock\",\"locked\":true,\"locked\":false}"))
    .case(refused("duplicate-same", "twice with the same value", "duplicate_key", "{\"type\":\"lock\",\"locked\":true,\"locked\":true}"))
    .case(refused("duplicate-escaped", "twice, once with an escape", "duplicate_key", "{\"type\":\"lock\",\"locked\":true,\"l\\u006fcked\":true}"))
    .case(refused("duplicate-unknown", "an unknown member twice", "duplicate_key", "{\"type\":\"burn\",\"x\":1,\"x\":1}"))
    .case(refused("duplicate-inside", "twice in an unknown object", "duplicate_key", with_unknown("{\"a\":1,\"b\":2,\"a\":3}")))
    .case(refused("duplicate-in-array", "twice in an object of an unknown array", "duplicate_key", with_unknown("[{\"a\":1,\"a\":1}]")))
    .case(refused(
        "duplicate-in-wrap",
        "twice in a wrap",
        "duplicate_key",
        format!("{before_wraps}{}{after_wraps}", wrap_text.replace("{\"id\"", &format!("{{\"id\":{id},\"id\""))),
    ))
    .cases(required)
    .case(malformed("null-member", "null for a member that is not optional", lock_of("null")))
    .case(malformed("boolean-number", "a number for a boolean", lock_of("1")))
    .case(malformed("boolean-string", "a string for a boolean", lock_of("\"true\"")))
    .case(malformed("integer-string", "a string for an integer", extend("\"60\"")))
    .case(malformed("integer-null", "null for an integer", extend("null")))
    .case(malformed("integer-boolean", "a boolean for an integer", extend("true")))
    .case(malformed("integer-fraction", "a fraction", extend("60.5")))
    .case(malformed("integer-zero-fraction", "an integer written with a fraction", extend("60.0")))
    .case(malformed("integer-exponent", "an integer written with an exponent", extend("6e1")))
    .case(malformed("integer-negative", "a negative number", extend("-1")))
    .case(malformed("integer-minus-zero", "minus zero", extend("-0")))
    .case(malformed("integer-2-53", "2^53", extend("9007199254740992")))
    .case(malformed("integer-2-53-1", "2^53 + 1, which some read as 2^53", extend("9007199254740993")))
    .case(malformed("integer-2-64", "2^64", extend("18446744073709551616")))
    .case(malformed("integer-huge", "an integer of a hundred digits", extend(&"9".repeat(100))))
    .case(malformed("integer-array", "an array for an integer", extend("[60]")))
    .case(malformed("seq-2-53", "2^53 as seq", format!("{{\"type\":\"resume\",\"seat_token\":{},\"seq\":9007199254740992}}", bytes::<32>("seat_token").text())))
    .case(malformed("version-2-53", "2^53 as version", "{\"type\":\"need_key\",\"version\":9007199254740992}"))
    .case(malformed("bytes-number", "a number for bytes", kick("7")))
    .case(malformed("bytes-null", "null for bytes", kick("null")))
    .case(malformed("bytes-array", "an array of numbers for bytes", kick("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]")))
    .case(malformed("bytes-short", "15 bytes for 16", kick(&bytes::<15>("id").text())))
    .case(malformed("bytes-long", "17 bytes for 16", kick(&bytes::<17>("id").text())))
    .case(malformed("bytes-empty", "no bytes", kick("\"\"")))
    .case(malformed("bytes-padding", "base64url with padding", kick(&id.replacen('"', "", 1).replace('"', "==\"").replacen("", "\"", 1))))
    .case(malformed("bytes-alphabet", "base64 of the other alphabet", kick(&format!("\"{}\"", "/".repeat(21) + "w"))))
    .case(malformed("bytes-unused-bit", "base64url with an unused bit that is not zero", kick("\"_____________________x\"")))
    .case(malformed("bytes-space", "base64url with white space", kick("\"AAAAAAAAAAAAAAAAAAAAAA \"")))
    .case(malformed("bytes-hex", "hex", kick("\"00000000000000000000000000000000\"")))
    .case(malformed("kem-pub-64", "64 bytes for a public key", with_value(join(), "kem_pub", bytes::<64>("kem_pub"))))
    .case(malformed("sealed-name-156", "156 bytes for a sealed name", with_value(join(), "sealed_name", bytes::<156>("sealed_name"))))
    .case(malformed("ticket-15", "15 bytes for an optional ticket", text(with(join(), vec![("ticket", bytes::<15>("ticket"))]))))
    .case(malformed("ticket-number", "a number for an optional ticket", text(with(join(), vec![("ticket", int(5))]))))
    .case(malformed("pin-33", "a PIN of 33 bytes", text(with(join(), vec![("pin", word(&"A".repeat(33)))]))))
    .case(malformed("pin-number", "a number for a PIN", text(with(join(), vec![("pin", int(123_456))]))))
    .case(malformed("n-8192", "n past the end of a chain", text(message(8_192, 0, 80))))
    .case(malformed("n-negative", "a negative n", text(message(0, 0, 80)).replace("\"n\":0", "\"n\":-1")))
    .case(malformed("flags-256", "flags of more than 8 bits", text(message(0, 256, 80))))
    .case(malformed("iv-16", "an IV of 16 bytes", with_value(message(0, 0, 80), "iv", bytes::<16>("iv"))))
    .case(malformed("sig-63", "a signature of 63 bytes", with_value(message(0, 0, 80), "sig", bytes::<63>("sig"))))
    .case(malformed("ciphertext-79", "a ciphertext of 79 bytes", text(message(0, 0, 79))))
    .case(malformed("ciphertext-empty", "no ciphertext", text(message(0, 0, 0))))
    .case(refused_pieces(
        "ciphertext-45001",
        "a ciphertext of 45,001 bytes",
        "malformed_frame",
        &[(before_ciphertext, 1), ("\"", 1), ("A", 60_002), ("\"", 1), (after_ciphertext, 1)],
    ))
    .case(refused_pieces(
        "wraps-256",
        "256 wraps",
        "malformed_frame",
        &[(before_wraps, 1), (&format!("{wrap_text},"), 255), (&wrap_text, 1), (after_wraps, 1)],
    ))
    .case(malformed("wraps-object", "an object for an array", offer_with("wraps", "{}")))
    .case(malformed("wraps-null", "null for an array", offer_with("wraps", "null")))
    .case(malformed("wrap-array", "an array for a wrap", offer_with("wraps", &array_wrap)))
    .case(malformed("wrap-no-id", "a wrap without id", offer_with("wraps", &format!("[{{\"wrapped\":{}}}]", bytes::<40>("wrapped").text()))))
    .case(malformed("wrap-39", "a wrap of 39 bytes", offer_with("wraps", &format!("[{{\"id\":{id},\"wrapped\":{}}}]", bytes::<39>("wrapped").text()))))
    .case(malformed("back-array", "an array for `back`", offer_with("back", &back_array)))
    .case(malformed("back-empty", "`back` without members", offer_with("back", "{}")))
    .case(malformed("back-string", "a string for `back`", offer_with("back", "\"\"")))
}

fn entry(name: &str, role: &str, number: u64) -> Value {
    Value::Object(vec![
        ("kem_pub", bytes::<65>(&format!("{name} kem_pub"))),
        ("sig_pub", bytes::<65>(&format!("{name} sig_pub"))),
        ("sealed_name", bytes::<157>(&format!("{name} sealed_name"))),
        ("join_proof", bytes::<32>(&format!("{name} join_proof"))),
        ("role", word(role)),
        ("number", int(number)),
    ])
}

fn joined(participants: Vec<Value>) -> Members {
    of_type(
        "joined",
        vec![
            ("seq", int(12)),
            ("version", int(4)),
            ("head", bytes::<32>("head")),
            ("role", word("member")),
            ("seat_token", bytes::<32>("seat_token")),
            ("participants", Value::List(participants)),
            ("seconds_remaining", int(599)),
            ("history", flag(false)),
            ("locked", flag(false)),
            ("capacity", int(50)),
            ("burn", word("creator")),
            ("ticket_hash", bytes::<32>("ticket_hash")),
            ("last_extended", int(0)),
        ],
    )
}

fn participant_joined() -> Members {
    of_type(
        "participant_joined",
        vec![
            ("seq", int(13)),
            ("version", int(5)),
            ("participant", entry("cleo", "member", 6)),
        ],
    )
}

fn participant_left(reason: &str) -> Members {
    of_type(
        "participant_left",
        vec![
            ("seq", int(14)),
            ("version", int(6)),
            ("id", bytes::<16>("id")),
            ("reason", word(reason)),
        ],
    )
}

fn key_frame(wrapped: Value) -> Members {
    of_type(
        "session_key",
        vec![
            ("seq", int(15)),
            ("version", int(6)),
            ("steward", bytes::<16>("steward")),
            ("roster_hash", bytes::<32>("roster_hash")),
            ("prev", bytes::<32>("prev")),
            ("commit", bytes::<32>("commit")),
            ("sig", bytes::<64>("sig")),
            ("wrapped", wrapped),
        ],
    )
}

fn logged_message() -> Members {
    of_type(
        "message",
        with(
            vec![("seq", int(17)), ("sender", bytes::<16>("sender"))],
            envelope(0, 0, 80),
        ),
    )
}

fn error(members: Members) -> Members {
    of_type("error", members)
}

fn relay_frames() -> Group {
    let of = |name: &str, members: Members| of_type(name, members);
    let two = || vec![entry("ana", "creator", 1), entry("ben", "member", 2)];
    let countdown = |seconds: u64| of("countdown", vec![("seconds_remaining", int(seconds))]);
    let countdown_text = Value::Object(countdown(9)).text();
    let mut creator = joined(two());
    for (key, value) in &mut creator {
        match *key {
            "role" => *value = word("creator"),
            "burn" => *value = word("anyone"),
            "history" | "locked" => *value = flag(true),
            "last_extended" => *value = int(11),
            _ => {}
        }
    }
    Group::new(
        "relay_frames",
        "Frames from a relay. Where `members` is null the type is unknown, and a client ignores the frame.",
    )
    .case(case("joined", "as a member", joined(two())))
    .case(case("joined-creator", "as creator of a locked history room that anyone may burn", creator))
    .case(case("history-end", "nothing was dropped", of("history_end", vec![("complete", flag(true))])))
    .case(case("history-end-incomplete", "something was", of("history_end", vec![("complete", flag(false))])))
    .case(case("resumed", "up to seq", of("resumed", vec![("seq", int(20)), ("seconds_remaining", int(300))])))
    .case(case("participant-joined", "somebody has joined", participant_joined()))
    .case(case(
        "participant-joined-replaces",
        "and taken a seat over",
        with(participant_joined(), vec![("replaces", bytes::<16>("replaces"))]),
    ))
    .case(rewritten(
        "participant-joined-null",
        "an optional member may be null",
        &Value::Object(with(participant_joined(), vec![("replaces", Value::Plain(Json::Null))])).text(),
        &participant_joined(),
    ))
    .case(case("participant-left", "left", participant_left("left")))
    .case(case("participant-left-timeout", "away for too long", participant_left("timeout")))
    .case(case("participant-left-kicked", "kicked", participant_left("kicked")))
    .case(case("rekey", "a new key for the same people", of("rekey", vec![("seq", int(16)), ("version", int(7))])))
    .case(case("session-key", "with a wrap", key_frame(bytes::<40>("wrapped"))))
    .case(case("session-key-null", "without a wrap", key_frame(Value::Plain(Json::Null))))
    .case(case(
        "session-key-back",
        "with the way back",
        with(key_frame(bytes::<40>("wrapped")), vec![("back", back())]),
    ))
    .case(case("epoch-end", "an epoch has ended", of("epoch_end", vec![("seq", int(16)), ("version", int(5))])))
    .case(case("message", "a message", logged_message()))
    .case(case("locked", "locked", of("locked", vec![("seq", int(18)), ("locked", flag(true))])))
    .case(case("extended", "extended", of("extended", vec![("seq", int(19)), ("seconds_remaining", int(900))])))
    .case(case("renewed", "renewed", of("renewed", vec![("seq", int(20)), ("ticket_hash", bytes::<32>("ticket_hash"))])))
    .case(case(
        "key-wanted",
        "asked for a key",
        of("key_wanted", vec![("version", int(7)), ("head", bytes::<32>("head"))]),
    ))
    .case(case("key-wanted-first", "before there is an epoch", of("key_wanted", vec![("version", int(2)), ("head", Value::Bytes(vec![0; 32]))])))
    .case(case("countdown", "nine seconds", countdown(9)))
    .case(case("countdown-zero", "none", countdown(0)))
    .case(case("destroyed-expired", "the countdown ran out", of("destroyed", vec![("reason", word("expired"))])))
    .case(case("destroyed-burned", "somebody asked for it", of("destroyed", vec![("reason", word("burned"))])))
    .case(case("destroyed-shutdown", "the relay stops", of("destroyed", vec![("reason", word("shutdown"))])))
    .case(case("error", "a code alone", error(vec![("code", word("room_not_found"))])))
    .case(case("error-retry", "with the time to wait", error(vec![("code", word("rate_limited")), ("retry_after_ms", int(250))])))
    .case(case("error-attempts", "with attempts left", error(vec![("code", word("wrong_pin")), ("attempts_left", int(2))])))
    .case(case(
        "error-envelope",
        "about an envelope",
        error(vec![("code", word("stale_epoch")), ("epoch", bytes::<32>("epoch")), ("n", int(5))]),
    ))
    .case(rewritten(
        "error-nulls",
        "optional members may be null",
        "{\"type\":\"error\",\"code\":\"room_full\",\"retry_after_ms\":null,\"attempts_left\":null,\"epoch\":null,\"n\":null}",
        &error(vec![("code", word("room_full"))]),
    ))
    .case(rewritten(
        "error-unknown-code",
        "a code of a later version is taken for `bad_request`",
        "{\"type\":\"error\",\"code\":\"too_sunny\"}",
        &error(vec![("code", word("bad_request"))]),
    ))
    .case(rewritten("unknown-member", "unknown members are ignored", &countdown_text.replace('}', ",\"x\":[{}]}"), &countdown(9)))
    .case(
        Case::valid("unknown-type", "a type of a later version")
            .put("text", "{\"type\":\"weather\",\"rain\":true}")
            .put("members", Json::Null),
    )
    .case(
        Case::valid("largest", "1,048,576 bytes")
            .put("pieces", pieces(&[(countdown_text.trim_end_matches('}'), 1), (" ", 1_048_576 - countdown_text.len()), ("}", 1)]))
            .put("members", Value::Object(countdown(9)).members()),
    )
}

fn relay_frames_refused() -> Group {
    let text = |members: Members| Value::Object(members).text();
    let two = || joined(vec![entry("ana", "creator", 1), entry("ben", "member", 2)]);
    let ana = entry("ana", "creator", 1).text();
    let joined_text = text(joined(vec![entry("ana", "creator", 1)]));
    let (before, after) = joined_text.split_once(&ana).unwrap();
    let ana_array = {
        let Value::Object(members) = entry("ana", "creator", 1) else {
            unreachable!()
        };
        let values: Vec<_> = members.iter().map(|(_, value)| value.text()).collect();
        format!("[{}]", values.join(","))
    };
    let required = [
        two(),
        of_type("history_end", vec![("complete", flag(true))]),
        of_type(
            "resumed",
            vec![("seq", int(20)), ("seconds_remaining", int(300))],
        ),
        participant_joined(),
        participant_left("left"),
        of_type("rekey", vec![("seq", int(16)), ("version", int(7))]),
        key_frame(bytes::<40>("wrapped")),
        of_type("epoch_end", vec![("seq", int(16)), ("version", int(5))]),
        logged_message(),
        of_type("locked", vec![("seq", int(18)), ("locked", flag(true))]),
        of_type(
            "extended",
            vec![("seq", int(19)), ("seconds_remaining", int(900))],
        ),
        of_type(
            "renewed",
            vec![
                ("seq", int(20)),
                ("ticket_hash", bytes::<32>("ticket_hash")),
            ],
        ),
        of_type(
            "key_wanted",
            vec![("version", int(7)), ("head", bytes::<32>("head"))],
        ),
        of_type("countdown", vec![("seconds_remaining", int(9))]),
        of_type("destroyed", vec![("reason", word("expired"))]),
        error(vec![("code", word("room_full"))]),
    ]
    .into_iter()
    .flat_map(|members| {
        let kind = match &members[0].1 {
            Value::Plain(Json::Text(kind)) => kind.clone(),
            _ => String::new(),
        };
        (1..members.len())
            .map(|place| {
                let key = members[place].0;
                let mut rest = members.clone();
                rest.remove(place);
                malformed(
                    &format!("no-{key}-in-{kind}").replace('_', "-"),
                    &format!("`{kind}` without `{key}`"),
                    Value::Object(rest).text(),
                )
            })
            .collect::<Vec<_>>()
    });
    let swap = |from: &str, to: &str, members: Members| text(members).replacen(from, to, 1);
    Group::new(
        "relay_frames_refused",
        "What a client refuses. It reports `malformed_from_relay` whatever `error`, the rule broken, says.",
    )
    .case(refused_pieces(
        "too-large",
        "1,048,577 bytes",
        "frame_too_large",
        &[("{\"type\":\"countdown\",\"seconds_remaining\":9", 1), (" ", 1_048_577 - 42), ("}", 1)],
    ))
    .case(
        Case::invalid("not-utf-8", "refused", "not UTF-8")
            .put("bytes", hex(b"{\"type\":\"countdown\",\"seconds_remaining\":9,\"x\":\"\xff\"}"))
            .put("error", "malformed_frame"),
    )
    .case(malformed("array", "not an object", "[]"))
    .case(malformed("no-type", "no type", "{\"seconds_remaining\":9}"))
    .case(malformed("unknown-type-nested", "nested too deep, of whatever type", "{\"type\":\"weather\",\"x\":[[[[]]]]}"))
    .case(refused("unknown-type-duplicate", "a member twice, of whatever type", "duplicate_key", "{\"type\":\"weather\",\"x\":1,\"x\":1}"))
    .case(refused("duplicate", "a member twice", "duplicate_key", "{\"type\":\"countdown\",\"seconds_remaining\":9,\"seconds_remaining\":9}"))
    .case(refused(
        "duplicate-in-entry",
        "a member twice in an entry",
        "duplicate_key",
        swap("\"role\":\"creator\"", "\"role\":\"creator\",\"role\":\"member\"", two()),
    ))
    .cases(required)
    .case(malformed("seq-string", "a string for seq", swap("\"seq\":16", "\"seq\":\"16\"", of_type("rekey", vec![("seq", int(16)), ("version", int(7))]))))
    .case(malformed("seq-2-53", "2^53 as seq", "{\"type\":\"rekey\",\"seq\":9007199254740992,\"version\":7}"))
    .case(malformed("version-fraction", "a fraction", "{\"type\":\"rekey\",\"seq\":16,\"version\":7.0}"))
    .case(malformed("seconds-negative", "a negative number", "{\"type\":\"countdown\",\"seconds_remaining\":-1}"))
    .case(malformed("retry-2-53", "2^53 as retry_after_ms", "{\"type\":\"error\",\"code\":\"rate_limited\",\"retry_after_ms\":9007199254740992}"))
    .case(malformed("attempts-2-53", "2^53 as attempts_left", "{\"type\":\"error\",\"code\":\"wrong_pin\",\"attempts_left\":9007199254740992}"))
    .case(malformed("error-n-8192", "n past the end of a chain", "{\"type\":\"error\",\"code\":\"stale_epoch\",\"n\":8192}"))
    .case(malformed("code-number", "a number for a code", "{\"type\":\"error\",\"code\":200}"))
    .case(malformed("role", "a role there is not", swap("\"role\":\"member\"", "\"role\":\"owner\"", two())))
    .case(malformed("role-capital", "a role in capitals", swap("\"role\":\"member\"", "\"role\":\"Member\"", two())))
    .case(malformed("role-object", "an object for a role", swap("\"role\":\"member\"", "\"role\":{\"member\":null}", two())))
    .case(malformed("role-number", "a number for a role", swap("\"role\":\"member\"", "\"role\":0", two())))
    .case(malformed("reason", "a reason there is not", text(participant_left("bored"))))
    .case(malformed("reason-object", "an object for a reason", "{\"type\":\"destroyed\",\"reason\":{\"expired\":null}}"))
    .case(malformed("destroyed-reason", "a reason there is not", "{\"type\":\"destroyed\",\"reason\":\"left\"}"))
    .case(malformed("burn", "somebody who may burn that there is not", swap("\"burn\":\"creator\"", "\"burn\":\"everyone\"", two())))
    .case(malformed("head-31", "31 bytes for head", text(of_type("key_wanted", vec![("version", int(7)), ("head", bytes::<31>("head"))]))))
    .case(malformed("head-unused-bits", "unused bits that are not zero", "{\"type\":\"key_wanted\",\"version\":7,\"head\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}"))
    .case(malformed("wrapped-39", "39 bytes for a wrap", text(key_frame(bytes::<39>("wrapped")))))
    .case(malformed("n-8192", "n past the end of a chain", swap("\"n\":0", "\"n\":8192", logged_message())))
    .case(malformed("flags-256", "flags of more than 8 bits", swap("\"flags\":0", "\"flags\":256", logged_message())))
    .case(malformed("entry-array", "an array for an entry", format!("{before}{ana_array}{after}")))
    .case(malformed("entry-no-role", "an entry without role", swap(",\"role\":\"creator\"", "", two())))
    .case(malformed("entry-number-string", "a string for number", swap("\"number\":1", "\"number\":\"1\"", two())))
    .case(malformed("participants-object", "an object for an array", format!("{}{{}}{}", before.trim_end_matches('['), after.trim_start_matches(']'))))
    .case(refused_pieces(
        "participants-257",
        "more entries than a room has seats",
        "malformed_frame",
        &[(before, 1), (&format!("{ana},"), 256), (&ana, 1), (after, 1)],
    ))
}

fn request() -> Members {
    vec![
        ("id_seed", bytes::<32>("id_seed")),
        ("ticket_hash", bytes::<32>("ticket_hash")),
        ("ttl_seconds", int(600)),
        ("not_after", int(29_834_000)),
    ]
}

fn request_bodies() -> Group {
    let defaults = vec![
        ("capacity", int(50)),
        ("history", flag(false)),
        ("burn", word("creator")),
    ];
    Group::new(
        "request_bodies",
        "The bodies of `POST /api/rooms` (section 11.1), with what is left out in `members` at its default",
    )
    .case(rewritten(
        "shortest",
        "with nothing optional",
        &Value::Object(request()).text(),
        &with(request(), defaults.clone()),
    ))
    .case(case(
        "whole",
        "with everything",
        with(
            request(),
            vec![("capacity", int(256)), ("history", flag(true)), ("burn", word("anyone"))],
        ),
    ))
    .case(rewritten(
        "nulls",
        "an optional member may be null",
        &Value::Object(request())
            .text()
            .replace('}', ",\"capacity\":null,\"history\":null,\"burn\":null}"),
        &with(request(), defaults.clone()),
    ))
    .case(case(
        "too-many-seats",
        "the relay judges the numbers: it parses",
        with(
            request(),
            vec![("capacity", int(300)), ("history", flag(false)), ("burn", word("creator"))],
        ),
    ))
    .case(rewritten(
        "unknown",
        "unknown members are ignored, `type` among them",
        &Value::Object(with(request(), vec![("type", int(1)), ("x", flag(true))])).text(),
        &with(request(), defaults),
    ))
}

fn request_bodies_refused() -> Group {
    let text = |members: Members| Value::Object(members).text();
    let missing = ["id_seed", "ticket_hash", "ttl_seconds", "not_after"].map(|key| {
        let mut members = request();
        members.retain(|(name, _)| *name != key);
        malformed(
            &format!("no-{key}").replace('_', "-"),
            &format!("without `{key}`"),
            text(members),
        )
    });
    let and = |key: &'static str, value: Value| text(with(request(), vec![(key, value)]));
    let swap = |from: &str, to: &str| text(request()).replacen(from, to, 1);
    Group::new("request_bodies_refused", "Bodies that are refused")
        .cases(missing)
        .case(malformed("array", "not an object", "[]"))
        .case(malformed("empty", "nothing", ""))
        .case(refused(
            "duplicate",
            "a member twice",
            "duplicate_key",
            swap("\"ttl_seconds\"", "\"ttl_seconds\":600,\"ttl_seconds\""),
        ))
        .case(malformed(
            "ttl-string",
            "a string for a number",
            swap("600", "\"600\""),
        ))
        .case(malformed(
            "ttl-2-53",
            "2^53",
            swap("600", "9007199254740992"),
        ))
        .case(malformed(
            "not-after-2-32",
            "more than 32 bits",
            swap("29834000", "4294967296"),
        ))
        .case(malformed(
            "capacity-2-16",
            "more than 16 bits",
            text(with(request(), vec![("capacity", int(65_536))])),
        ))
        .case(malformed(
            "seed-31",
            "a seed of 31 bytes",
            text(with(
                vec![("id_seed", bytes::<31>("id_seed"))],
                request()[1..].to_vec(),
            )),
        ))
        .case(malformed(
            "burn",
            "somebody who may burn that there is not",
            and("burn", word("everyone")),
        ))
        .case(malformed(
            "burn-object",
            "an object for a word",
            text(with(
                request(),
                vec![(
                    "burn",
                    Value::Object(vec![("anyone", Value::Plain(Json::Null))]),
                )],
            )),
        ))
        .case(malformed(
            "history-number",
            "a number for a boolean",
            and("history", int(1)),
        ))
        .case(malformed(
            "capacity-fraction",
            "a fraction",
            text(request()).replace('}', ",\"capacity\":50.0}"),
        ))
        .case(malformed(
            "nested",
            "nested five deep",
            text(request()).replace('}', ",\"x\":[[[[]]]]}"),
        ))
        .case(refused_pieces(
            "too-large",
            "65,537 bytes",
            "frame_too_large",
            &[(" ", 65_537)],
        ))
}
