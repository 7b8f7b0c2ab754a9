use burnchat_core::{
    crypto::{
        Body, Decoded, Header, LastEpoch, Plaintext, ReadMessage, SecretBytes, Text, pad,
        padded_len, sha256, unpad,
    },
    ids::{MessageId, ParticipantId, TicketHash},
    link::Ticket,
    time::Timestamp,
};
use serde_json::Value;

use super::read::{Case, each, same, unhex};

#[test]
fn plaintexts() {
    each(
        "plaintexts",
        &[
            ("layouts", 21),
            ("unreadable", 23),
            ("padded_lengths", 44),
            ("paddings", 17),
        ],
        |group, case| match group {
            "layouts" => layouts(case),
            "unreadable" => unreadable(case),
            "padded_lengths" => {
                let length = usize::try_from(case.number("length")).unwrap();
                same(
                    "P(m)",
                    padded_len(length) as u64,
                    case.number("padded_length"),
                )
            }
            _ => paddings(case),
        },
    );
}

fn layouts(case: &Case) -> Result<(), String> {
    let n = case.number("n");
    let plaintext = plaintext(case);
    let padded = plaintext.encode(n);
    if case.get("padded").is_some() {
        same("padded", padded.as_slice(), &case.bytes("padded"))?;
        same(
            "plaintext",
            unpad(padded.as_slice()),
            Some(&case.bytes("plaintext")[..]),
        )?;
    } else {
        same("length", padded.len() as u64, case.number("padded_length"))?;
        same(
            "hash",
            sha256(&[padded.as_slice()]),
            case.array("padded_sha256"),
        )?;
    }
    let decoded = Decoded::from_padded(n, &padded).ok_or("does not decode")?;
    same("header", decoded.header, plaintext.header)?;
    let body = decoded.body.ok_or("its body does not parse")?;
    same("kind", kind(&body), case.number("kind"))?;
    // Two bodies that are written alike are alike.
    let again = Plaintext {
        header: plaintext.header,
        body,
    };
    same("again", again.encode(n).as_slice(), padded.as_slice())
}

fn plaintext(case: &Case) -> Plaintext {
    let last = (case.number("n") == 0).then(|| LastEpoch {
        version: case.number("last_version"),
        count: case.number("last_count"),
    });
    Plaintext {
        header: Header {
            id: MessageId(case.array("message_id")),
            sent_at: Timestamp(case.number("sent_at")),
            count: case.text("count").parse().unwrap(),
            last,
        },
        body: body(case),
    }
}

fn body(case: &Case) -> Body {
    match case.number("kind") {
        1 => {
            let text = match case.value("text") {
                Value::String(text) => text.clone(),
                long => long[0]
                    .as_str()
                    .unwrap()
                    .repeat(usize::try_from(long[1].as_u64().unwrap()).unwrap()),
            };
            Body::Text {
                text: Text::new(&text).unwrap(),
                burn_after: u32::try_from(case.number("burn_after")).unwrap(),
            }
        }
        2 => Body::Typing(case.flag("typing")),
        3 => Body::Read(
            case.list("read")
                .iter()
                .map(|read| {
                    let id = |name: &str| -> [u8; 16] {
                        unhex(read[name].as_str().unwrap()).try_into().unwrap()
                    };
                    ReadMessage {
                        sender: ParticipantId(id("sender")),
                        id: MessageId(id("id")),
                    }
                })
                .collect(),
        ),
        4 => Body::Ticket(Ticket::copy_of(&case.array("ticket"))),
        5 => Body::TicketWanted(TicketHash(case.array("ticket_hash"))),
        other => panic!("there is no kind {other}"),
    }
}

fn kind(body: &Body) -> u64 {
    match body {
        Body::Text { .. } => 1,
        Body::Typing(_) => 2,
        Body::Read(_) => 3,
        Body::Ticket(_) => 4,
        Body::TicketWanted(_) => 5,
        _ => 0,
    }
}

fn unreadable(case: &Case) -> Result<(), String> {
    let padded = match case.get("padded") {
        Some(_) => case.bytes("padded"),
        None => case.pieces("padded_pieces", unhex),
    };
    let decoded = Decoded::from_padded(case.number("n"), &SecretBytes::copy_of(&padded));
    let count = decoded
        .as_ref()
        .map(|decoded| decoded.header.count.to_string());
    same("count", count.as_deref(), case.value("count").as_str())?;
    let body = decoded.and_then(|decoded| decoded.body);
    same("unreadable", body.is_none(), true)
}

fn paddings(case: &Case) -> Result<(), String> {
    let padded = case.bytes("padded");
    let found = unpad(&padded).map(<[u8]>::to_vec);
    if !case.is_valid() {
        return same("unpadded", found, None);
    }
    let mut bytes = SecretBytes::copy_of(&case.bytes("plaintext"));
    same("unpadded", found, Some(case.bytes("plaintext")))?;
    pad(&mut bytes);
    same("padded", bytes.into_vec(), padded)
}
