//! What envelopes carry (spec section 8.3).

use burnchat_core::{
    crypto::{
        Body, Header, LastEpoch, Plaintext, ReadMessage, SecretBytes, Text, pad, padded_len, sha256,
    },
    ids::{MessageId, TicketHash},
    link::Ticket,
    time::Timestamp,
};

use crate::{
    cast::{NOT_AFTER, Person, Room},
    file::{Case, File, Group},
    json::{Json, hex},
    named::named,
};

pub(super) fn file() -> File {
    File::new(
        "plaintexts",
        "section 8.3",
        "The layout of each kind of message, and padding.",
    )
    .group(layouts())
    .group(unreadable())
    .group(padded_lengths())
    .group(paddings())
}

/// A day before the hard end of the rooms.
pub(super) const SENT_AT: u64 = (NOT_AFTER as u64 - 1_440) * 60_000 + 123;

pub(super) fn header(name: &str, count: u64, last: Option<LastEpoch>) -> Header {
    Header {
        id: MessageId(named(&format!("message id: {name}"))),
        sent_at: Timestamp(SENT_AT),
        count,
        last,
    }
}

pub(super) fn text(words: &str, burn_after: u32) -> Body {
    Body::Text {
        text: Text::new(words).unwrap(),
        burn_after,
    }
}

fn layouts() -> Group {
    let none = LastEpoch::default();
    let ticket = Room::new("room", false).ticket;
    let read = |count: usize| {
        (0..count)
            .map(|place| ReadMessage {
                sender: Person::new(["ana", "ben"][place % 2]).id(),
                id: MessageId(named(&format!("read message {place}"))),
            })
            .collect::<Vec<_>>()
    };
    let last = LastEpoch {
        version: 7,
        count: 300,
    };
    let far = LastEpoch {
        version: (1 << 53) - 1,
        count: u64::from(u32::MAX) + 1,
    };
    Group::new(
        "layouts",
        "`plaintext` is the layout of the fields, `padded` what is encrypted. `last_version` and `last_count` are there \
         iff n is 0. Where `padded` would be long its length and hash stand for it, and `text` is `[text, times]`.",
    )
    .case(layout("text", "words", 1, header("1", 2, None), text("hello, world", 0)))
    .case(layout("text-n-0", "the first of an epoch, and of its sender", 0, header("2", 1, Some(none)), text("hello", 0)))
    .case(layout("text-n-0-later", "the first of a later epoch", 0, header("3", 301, Some(last)), text("hello again", 0)))
    .case(layout("text-n-0-far", "great numbers", 0, header("4", u64::MAX, Some(far)), text("far", 0)))
    .case(layout("text-burn", "to be burned after 10 s", 5, header("5", 6, None), text("read me", 10_000)))
    .case(layout("text-burn-longest", "the longest time", 5, header("6", 6, None), text("read me", u32::MAX)))
    .case(layout("text-shortest", "one byte", 8_191, header("7", 9_000, None), text("a", 0)))
    .case(layout("text-emoji", "UTF-8", 1, header("8", 2, None), text("brennt 🔥 – schön", 0)))
    .case(layout("text-control", "control characters are the reader's to show safely", 1, header("9", 2, None), text("a\n\tb\0", 0)))
    .case(layout("text-spaces", "white space is a text", 1, header("10", 2, None), text("   ", 0)))
    .case(layout("text-end-mark", "a text that ends like padding", 1, header("11", 2, None), text("\u{80}\0\0", 0)))
    .case(long_text("text-longest", "32,768 bytes", 'a', 32_768))
    .case(long_text("text-longest-wide", "32,768 bytes of emoji", '🔥', 8_192))
    .case(layout("typing", "somebody types", 1, header("12", 3, None), Body::Typing(true)))
    .case(layout("typing-stopped", "and stops", 2, header("13", 4, None), Body::Typing(false)))
    .case(layout("typing-n-0", "as the first of an epoch", 0, header("14", 4, Some(last)), Body::Typing(true)))
    .case(layout("read-1", "one message was read", 3, header("15", 5, None), Body::Read(read(1))))
    .case(layout("read-3", "three were", 3, header("16", 5, None), Body::Read(read(3))))
    .case(layout("read-64", "the most", 3, header("17", 5, None), Body::Read(read(64))))
    .case(layout("ticket", "the room's new ticket", 4, header("18", 6, None), Body::Ticket(Ticket::copy_of(&ticket))))
    .case(layout(
        "ticket-wanted",
        "the hash of the ticket somebody lacks",
        5,
        header("19", 7, None),
        Body::TicketWanted(TicketHash(sha256(&[&ticket]))),
    ))
}

fn fields(id: &str, comment: &str, n: u64, header: &Header, body: &Body) -> Case {
    let case = Case::valid(id, comment)
        .put("n", n)
        .put(
            "kind",
            match body {
                Body::Text { .. } => 1_u64,
                Body::Typing(_) => 2,
                Body::Read(_) => 3,
                Body::Ticket(_) => 4,
                _ => 5,
            },
        )
        .put("message_id", hex(header.id.as_bytes()))
        .put("sent_at", header.sent_at.0)
        // Above 2^53 a number of JSON is no longer exact everywhere.
        .put("count", header.count.to_string())
        .put(
            "burn_after",
            match body {
                Body::Text { burn_after, .. } => *burn_after,
                _ => 0,
            },
        );
    match header.last {
        Some(last) => case
            .put("last_version", last.version)
            .put("last_count", last.count),
        None => case,
    }
}

fn layout(id: &str, comment: &str, n: u64, header: Header, body: Body) -> Case {
    let case = fields(id, comment, n, &header, &body);
    let case = match &body {
        Body::Text { text, .. } => case.put("text", text.as_str()),
        Body::Typing(typing) => case.put("typing", *typing),
        Body::Read(messages) => case.put(
            "read",
            Json::list(messages.iter().map(|message| {
                Json::object()
                    .with("sender", hex(message.sender.as_bytes()))
                    .with("id", hex(message.id.as_bytes()))
            })),
        ),
        Body::Ticket(ticket) => case.put("ticket", hex(ticket.as_secret().as_bytes())),
        Body::TicketWanted(hash) => case.put("ticket_hash", hex(hash.as_bytes())),
        _ => case,
    };
    let padded = Plaintext { header, body }.encode(n);
    let plaintext = burnchat_core::crypto::unpad(padded.as_slice()).unwrap();
    case.put("plaintext", hex(plaintext))
        .put("padded", hex(padded.as_slice()))
}

fn long_text(id: &str, comment: &str, character: char, times: usize) -> Case {
    let words = character.to_string().repeat(times);
    let (header, body) = (header(id, 2, None), text(&words, 0));
    let case = fields(id, comment, 1, &header, &body);
    let padded = Plaintext { header, body }.encode(1);
    case.put(
        "text",
        Json::List(vec![character.to_string().into(), times.into()]),
    )
    .put("padded_length", padded.len())
    .put("padded_sha256", hex(sha256(&[padded.as_slice()])))
}

fn padded(plaintext: &[u8]) -> Vec<u8> {
    let mut bytes = SecretBytes::copy_of(plaintext);
    pad(&mut bytes);
    bytes.into_vec()
}

/// A plaintext of any fields, for those no client would write.
fn raw(kind: u8, burn_after: u32, last: bool, body: &[u8]) -> Vec<u8> {
    let id: [u8; 16] = named("message id: raw");
    let mut bytes = [
        &[kind][..],
        &id,
        &SENT_AT.to_be_bytes(),
        &9_u64.to_be_bytes(),
    ]
    .concat();
    bytes.extend_from_slice(&burn_after.to_be_bytes());
    if last {
        bytes.extend_from_slice(&[0; 16]);
    }
    bytes.extend_from_slice(body);
    bytes
}

fn unreadable() -> Group {
    let case = |id: &str, reason: &str, n: u64, plaintext: &[u8]| {
        Case::invalid(id, "counts, and is shown as unreadable", reason)
            .put("n", n)
            .put("count", "9")
            .put("padded", hex(padded(plaintext)))
    };
    let no_count = |id: &str, reason: &str, n: u64, plaintext: &[u8]| {
        Case::invalid(
            id,
            "shown as unreadable; not even its count can be read",
            reason,
        )
        .put("n", n)
        .put("count", Json::Null)
        .put("padded", hex(padded(plaintext)))
    };
    let whole = raw(1, 0, false, b"text");
    Group::new(
        "unreadable",
        "Plaintexts that decrypt and do not parse. `count` is what can be read of it, or null.",
    )
    .case(case("kind-0", "of kind 0", 1, &raw(0, 0, false, b"text")))
    .case(case(
        "kind-6",
        "of the kind that is kept for files",
        1,
        &raw(6, 0, false, b"text"),
    ))
    .case(case(
        "kind-255",
        "of an unknown kind",
        1,
        &raw(255, 0, false, b"text"),
    ))
    .case(case(
        "text-empty",
        "a text without a byte",
        1,
        &raw(1, 0, false, b""),
    ))
    .case(case(
        "text-not-utf-8",
        "a text that is not UTF-8",
        1,
        &raw(1, 0, false, b"te\xff"),
    ))
    .case(too_long())
    .case(case(
        "typing-2",
        "neither typing nor stopped",
        1,
        &raw(2, 0, false, &[2]),
    ))
    .case(case(
        "typing-empty",
        "typing without a body",
        1,
        &raw(2, 0, false, &[]),
    ))
    .case(case(
        "typing-long",
        "typing with two bytes",
        1,
        &raw(2, 0, false, &[1, 1]),
    ))
    .case(case(
        "typing-burn",
        "a time to burn on what is no text",
        1,
        &raw(2, 1, false, &[1]),
    ))
    .case(case(
        "read-empty",
        "no message was read",
        1,
        &raw(3, 0, false, &[]),
    ))
    .case(case(
        "read-half",
        "half a pair",
        1,
        &raw(3, 0, false, &[1; 48]),
    ))
    .case(case(
        "read-65",
        "65 messages",
        1,
        &raw(3, 0, false, &[1; 65 * 32]),
    ))
    .case(case(
        "read-burn",
        "a time to burn on what is no text",
        1,
        &raw(3, 9, false, &[1; 32]),
    ))
    .case(case(
        "ticket-short",
        "a ticket of 15 bytes",
        1,
        &raw(4, 0, false, &[1; 15]),
    ))
    .case(case(
        "ticket-long",
        "a ticket of 17 bytes",
        1,
        &raw(4, 0, false, &[1; 17]),
    ))
    .case(case(
        "ticket-wanted-short",
        "a hash of 31 bytes",
        1,
        &raw(5, 0, false, &[1; 31]),
    ))
    .case(case(
        "ticket-wanted-long",
        "a hash of 33 bytes",
        1,
        &raw(5, 0, false, &[1; 33]),
    ))
    .case(case(
        "last-only",
        "n is 0 and the text is taken for the last fields",
        0,
        &raw(1, 0, false, &[b'a'; 16]),
    ))
    .case(no_count("empty", "nothing at all", 1, b""))
    .case(no_count("cut", "a header that is cut", 1, &whole[..36]))
    .case(no_count(
        "no-last",
        "n is 0 and there are no last fields",
        0,
        &raw(1, 0, false, b""),
    ))
    .case(no_count(
        "half-last",
        "n is 0 and the last fields are cut",
        0,
        &raw(1, 0, false, &[0; 15]),
    ))
}

/// Told piece by piece, being long.
fn too_long() -> Case {
    let header = raw(1, 0, false, b"");
    let length = header.len() + 32_769 + 1;
    let pieces: [(&[u8], usize); 4] = [
        (&header, 1),
        (b"a", 32_769),
        (&[0x80], 1),
        (&[0], padded_len(length) - length),
    ];
    Case::invalid(
        "text-too-long",
        "counts, and is shown as unreadable; `padded` is the pieces, each as often as it says",
        "a text of 32,769 bytes",
    )
    .put("n", 1_u64)
    .put("count", "9")
    .put(
        "padded_pieces",
        Json::list(pieces.map(|(piece, times)| Json::List(vec![hex(piece).into(), times.into()]))),
    )
}

fn padded_lengths() -> Group {
    let lengths = [
        1, 46, 63, 64, 65, 66, 71, 72, 73, 80, 81, 96, 97, 127, 128, 129, 136, 137, 255, 256, 257,
        272, 273, 511, 512, 513, 544, 999, 1_000, 1_023, 1_024, 1_025, 2_047, 2_048, 2_049, 4_096,
        4_097, 16_384, 16_385, 32_768, 32_769, 32_806, 32_822, 40_000,
    ];
    let cases = lengths.map(|length| {
        Case::valid(length.to_string(), "m and P(m)")
            .put("length", length)
            .put("padded_length", padded_len(length))
    });
    Group::new(
        "padded_lengths",
        "`length` is m, the length with the byte 0x80; `padded_length` is P(m)",
    )
    .cases(cases)
}

fn paddings() -> Group {
    let valid = |id: &str, comment: &str, plaintext: &[u8]| {
        Case::valid(id, comment)
            .put("plaintext", hex(plaintext))
            .put("padded", hex(padded(plaintext)))
    };
    let invalid = |id: &str, reason: &str, padded: &[u8]| {
        Case::invalid(id, "refused", reason).put("padded", hex(padded))
    };
    let mut no_mark = padded(b"abc");
    no_mark[3] = 0;
    let mut other_mark = padded(b"abc");
    other_mark[3] = 0x81;
    let mut stray = padded(b"abc");
    stray[63] = 1;
    let too_long = [&padded(b"abc")[..], &[0; 8]].concat();
    let next_length = [&padded(&[b'a'; 64])[..], &[0; 8]].concat();
    Group::new(
        "paddings",
        "`padded` is the one padding of `plaintext`; what is not the padding of anything is refused",
    )
    .case(valid("empty", "nothing, padded", b""))
    .case(valid("short", "up to 64 bytes", b"abc"))
    .case(valid("62", "a zero is left", &[b'a'; 62]))
    .case(valid("63", "no zero is left", &[b'a'; 63]))
    .case(valid("64", "the next length", &[b'a'; 64]))
    .case(valid("ends-in-zeros", "zeros at the end are kept", b"abc\0\0"))
    .case(valid("ends-in-mark", "so is a byte 0x80", b"abc\x80"))
    .case(invalid("no-bytes", "nothing", b""))
    .case(invalid("zeros", "zeros and no byte 0x80", &[0; 64]))
    .case(invalid("no-mark", "no byte 0x80", &no_mark))
    .case(invalid("other-mark", "0x81 in its place", &other_mark))
    .case(invalid("stray", "something after the zeros", &stray))
    .case(invalid("too-short", "not padded to 64 bytes", &padded(b"abc")[..63]))
    .case(invalid("bare", "no zeros at all", b"abc\x80"))
    .case(invalid("too-long", "padded to 72 bytes where 64 do", &too_long))
    .case(invalid("not-a-length", "padded past its length", &next_length))
    .case(invalid("twice", "padded to 128 bytes where 72 do", &[&padded(&[b'a'; 64])[..], &[0; 56]].concat()))
}
