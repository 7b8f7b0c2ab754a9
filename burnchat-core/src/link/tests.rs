use alloc::{format, string::ToString};

use hex_literal::hex;

use super::*;
use crate::crypto::test_rng::Seeded;

/// Computed apart from this code: room id 00..0f, history, 29,000,000 minutes, secret 10..1f,
/// ticket 20..2f.
const URL: &str = "https://chat.example/r/AAECAwQFBgcICQoLDA0ODw\
                   #AQEBuoFAEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi9L2GYF";

#[test]
fn a_published_link_says_what_it_should() {
    let link = Link::parse(URL).unwrap();
    assert_eq!(link.base(), "https://chat.example");
    assert_eq!(link.room_id().0, counting_from(0));
    assert!(link.history());
    assert_eq!(link.not_after(), Timestamp::from_unix_minutes(29_000_000));
    assert_eq!(link.secret().as_bytes(), &counting_from(16));
    assert_eq!(link.ticket().as_secret().as_bytes(), &counting_from(32));
    assert_eq!(link.header(), hex!("0101" "01ba8140"));
    assert_eq!(link.to_url().as_str(), URL);
}

#[test]
fn what_was_written_is_read() {
    for base in [
        "https://chat.example",
        "http://localhost:8080",
        "http://[::1]:9",
        "http://[fe80::]:9",
        "https://10.0.0.1/chat/rooms",
        "https://a.example/r/r",
    ] {
        let mut rng = Seeded::new(3);
        let (secret, ticket) = (Secret::random(&mut rng), Ticket::random(&mut rng));
        let hash = ticket.hash();
        let link = Link::new(base, RoomId([9; 16]), false, 77, secret, ticket).unwrap();
        let read = Link::parse(&link.to_url()).unwrap();
        assert_eq!(
            (read.base(), read.history(), read.header()),
            (base, false, link.header())
        );
        assert!(read.secret().ct_eq(link.secret()));
        assert!(read.ticket().matches(&hash));
    }
}

#[test]
fn a_slash_after_the_base_is_not_part_of_it() {
    let link = link_at("https://chat.example/").unwrap();
    assert_eq!(link.base(), "https://chat.example");
}

#[test]
fn a_new_ticket_makes_a_new_link_to_the_same_room() {
    let mut link = Link::parse(URL).unwrap();
    link.replace_ticket(Ticket::copy_of(&[7; 16]));
    let read = Link::parse(&link.to_url()).unwrap();
    assert!(read.ticket().matches(&Ticket::copy_of(&[7; 16]).hash()));
    assert!(
        !read
            .ticket()
            .matches(&Link::parse(URL).unwrap().ticket().hash())
    );
    assert_eq!(read.room_id(), link.room_id());
    assert!(read.secret().ct_eq(link.secret()));
}

#[test]
fn each_way_to_be_malformed_has_its_own_error() {
    let room = "https://chat.example/r/AAECAwQFBgcICQoLDA0ODw";
    let fragment = URL.split_once('#').unwrap().1;
    for (text, code) in [
        (
            format!("{room}#{fragment}{}", "A".repeat(2_048)),
            Code::LinkNotALink,
        ),
        ("".to_string(), Code::LinkNotALink),
        (
            format!("chat.example/r/AAECAwQFBgcICQoLDA0ODw#{fragment}"),
            Code::LinkNotALink,
        ),
        (URL.replace("https", "ftp"), Code::LinkNotALink),
        (URL.replace("https", "HTTPS"), Code::LinkNotALink),
        (URL.replace("chat.example", ""), Code::LinkNotALink),
        (
            URL.replace("chat.example", "ana@chat.example"),
            Code::LinkNotALink,
        ),
        (
            URL.replace("chat.example", "chat.example:"),
            Code::LinkNotALink,
        ),
        (
            URL.replace("chat.example", "chat.example:65536"),
            Code::LinkNotALink,
        ),
        (
            URL.replace("chat.example", "chat.example:+1"),
            Code::LinkNotALink,
        ),
        (URL.replace("chat.example", "[::1"), Code::LinkNotALink),
        (URL.replace("chat.example", "::1"), Code::LinkNotALink),
        (
            URL.replace("chat.example", "chät.example"),
            Code::LinkNotALink,
        ),
        (
            URL.replace("chat.example", "chat.example/"),
            Code::LinkNotALink,
        ),
        (
            URL.replace("chat.example", "chat.example/a[b]"),
            Code::LinkNotALink,
        ),
        (
            URL.replace("chat.example", "chat.example/a b"),
            Code::LinkNotALink,
        ),
        (URL.replace("/r/", "/s/"), Code::LinkNotALink),
        (format!("{room}/#{fragment}"), Code::LinkNotALink),
        (format!("{room}?a=b#{fragment}"), Code::LinkNotALink),
        (format!(" {URL}"), Code::LinkNotALink),
        (room.to_string(), Code::LinkNoFragment),
        (format!("{room}#"), Code::LinkNoFragment),
        (URL.replace("/r/A", "/r/"), Code::LinkBadRoomId),
        (URL.replace("ODw#", "ODx#"), Code::LinkBadRoomId),
        (URL.replace("ODw#", "OD+#"), Code::LinkBadRoomId),
        (format!("{URL}="), Code::LinkBadEncoding),
        (format!("{URL}\n"), Code::LinkBadEncoding),
        (format!("{URL}#"), Code::LinkBadEncoding),
        (format!("{URL}A"), Code::LinkBadEncoding),
        (format!("{}?", &URL[..URL.len() - 1]), Code::LinkBadEncoding),
        (
            format!("{}B", &URL[..URL.len() - 1 - 1]),
            Code::LinkBadEncoding,
        ),
        (URL[..URL.len() - 2].to_string(), Code::LinkBadEncoding),
        (URL[..URL.len() - 3].to_string(), Code::LinkBadEncoding),
        (URL[..URL.len() - 1].to_string(), Code::LinkBadLength),
        (URL[..URL.len() - 4].to_string(), Code::LinkBadLength),
        (format!("{URL}AAAA"), Code::LinkBadLength),
        (URL.replace("#AQ", "#Ag"), Code::LinkUnsupportedVersion),
        (URL.replace("EBES", "EBET"), Code::LinkMistyped),
        (URL.replace("AAEC", "AAED"), Code::LinkMistyped),
        (URL.replace("#AQE", "#AQA"), Code::LinkMistyped),
        (with_flags(3), Code::LinkUnknownFlags),
        (with_flags(0x80), Code::LinkUnknownFlags),
    ] {
        assert_eq!(Link::parse(&text).err(), Some(code), "{text}");
    }
}

#[test]
fn any_two_letters_swapped_are_noticed() {
    let start = URL.find('#').unwrap() + 1;
    for place in start..URL.len() - 1 {
        let mut text = URL.as_bytes().to_vec();
        text.swap(place, place + 1);
        let text = core::str::from_utf8(&text).unwrap();
        assert!(text == URL || Link::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_link_is_not_made_of_what_it_could_not_be_read_from() {
    for base in [
        "",
        "chat.example",
        "https://",
        "https://chat.example?a",
        "https://chat.example#a",
    ] {
        assert_eq!(link_at(base).err(), Some(Code::LinkNotALink), "{base}");
    }
    let long = format!("https://chat.example/{}", "a".repeat(2_000));
    assert_eq!(link_at(&long).err(), Some(Code::LinkNotALink));
}

#[test]
fn a_link_may_have_2_048_bytes_and_not_one_more() {
    // After the base come `/r/`, 22 letters of the room's id, `#` and 56 letters of the fragment.
    let longest = 2_048 - 3 - 22 - 1 - 56;
    let base = |len: usize| {
        let start = "https://chat.example/";
        format!("{start}{}", "a".repeat(len - start.len()))
    };
    let url = link_at(&base(longest)).unwrap().to_url();
    assert_eq!(url.len(), 2_048);
    assert_eq!(Link::parse(&url).unwrap().base(), base(longest));
    let too_long = url.replace("/r/", "a/r/");
    assert_eq!(Link::parse(&too_long).err(), Some(Code::LinkNotALink));
    assert_eq!(link_at(&base(longest + 1)).err(), Some(Code::LinkNotALink));
}

#[test]
fn debug_output_shows_nothing() {
    let link = Link::parse(URL).unwrap();
    assert_eq!(
        format!("{link:?} {:?}", link.ticket()),
        "Link(..) Ticket(Secret(..))"
    );
}

#[test]
fn the_seed_makes_the_room_id() {
    let id = room_id_of_seed(&Secret::copy_of(&[7; 32]));
    assert_eq!(id.0, hex!("e079eddd89d76b879aef8abe0f95fd9a"));
}

fn link_at(base: &str) -> Result<Link, Code> {
    let (secret, ticket) = (Secret::copy_of(&[1; 16]), Ticket::copy_of(&[2; 16]));
    Link::new(base, RoomId([9; 16]), false, 77, secret, ticket)
}

/// URL with other flags and the check that goes with them.
fn with_flags(flags: u8) -> alloc::string::String {
    let link = Link::parse(URL).unwrap();
    let mut bytes = link.fragment().as_slice().to_vec();
    bytes[1] = flags;
    let check = check(&link.room_id(), &bytes[..38]);
    bytes[38..].copy_from_slice(&check);
    let fragment = Base64UrlUnpadded::encode_string(&bytes);
    URL.split_once('#').unwrap().0.to_string() + "#" + &fragment
}

fn counting_from(first: u8) -> [u8; 16] {
    core::array::from_fn(|i| first + i as u8)
}
