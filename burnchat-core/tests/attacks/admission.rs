//! Who gets in: guessed PINs, old links, scanners that have half a link.

use burnchat_core::client::{EndReason, Event, RoomSettings};
use burnchat_core::crypto::{Identity, RoomKeys, Secret, SecretBytes};
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::RoomId;
use burnchat_core::link::{Link, room_id_of_seed};
use burnchat_core::relay::{CloseCode, PeerKey};
use burnchat_core::wire::http::CreateRoom;
use burnchat_core::wire::{
    ClientFrame, ErrorFrame, Join, LoggedEnvelope, PinText, RelayFrame, Resume, Role, VersionOnly,
};

use super::hostile::sent_to;
use super::puppet::{Puppet, join_frame, relay_frame, without_the_secret};
use crate::harness::{Room, World};

const ANA: usize = 0;
const BEN: usize = 1;

fn long() -> RoomSettings {
    RoomSettings {
        ttl_seconds: 4 * 3_600,
        ..RoomSettings::default()
    }
}

/// Somebody new at the door, with the link and this PIN. Gives the relay's answer.
fn knock(
    world: &mut World,
    room: &Room,
    peer: u8,
    pin: &str,
    prepare: impl FnOnce(&mut Join),
) -> RelayFrame {
    let link = Link::parse(&room.link).unwrap();
    let me = Identity::generate(&mut world.rng).unwrap();
    let mut join = join_frame(world, &link, &me, "nobody");
    join.pin = Some(PinText(SecretBytes::copy_of(pin.as_bytes())));
    prepare(&mut join);
    let connection = world.connect_stranger(room.id, PeerKey([peer; 16]));
    let frame = ClientFrame::Join(Box::new(join)).encode();
    world.send_as_stranger(connection, frame.as_bytes());
    relay_frame(&world.told_stranger(connection)[0])
}

fn guess(world: &mut World, room: &Room, peer: u8, pin: &str) -> Result<Role, ErrorFrame> {
    match knock(world, room, peer, pin, |_| {}) {
        RelayFrame::Joined(joined) => Ok(joined.role),
        RelayFrame::Error(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// A PIN that is not the room's.
fn wrong(room: &Room) -> &'static str {
    if room.pin == "AAAAAA" {
        "BBBBBB"
    } else {
        "AAAAAA"
    }
}

fn with_creator_token(join: &mut Join, room: &Room) {
    join.creator_token = Some(Secret::copy_of(room.creator_token.as_bytes()));
}

#[test]
fn one_peer_gets_three_guesses_at_the_pin() {
    let mut world = World::new(700);
    let room = world.room_of(long(), &["ana", "ben"]);
    let right = room.pin.clone();

    // Without the ticket nobody is heard, and nothing is counted.
    for _ in 0..5 {
        let answer = knock(&mut world, &room, 1, wrong(&room), |join| {
            join.ticket = None
        });
        assert!(matches!(answer, RelayFrame::Error(error) if error.code == Code::RoomNotFound));
    }
    for left in [2, 1, 0] {
        let refused = guess(&mut world, &room, 1, wrong(&room)).unwrap_err();
        assert_eq!(
            (refused.code, refused.attempts_left),
            (Code::WrongPin, Some(left))
        );
        world.run_for(1_000);
    }
    let refused = guess(&mut world, &room, 1, &right).unwrap_err();
    assert_eq!(
        refused.code,
        Code::PinLocked,
        "right or wrong: nothing is learned"
    );
    assert_eq!(refused.retry_after_ms, Some(600_000 - 3_000));

    // Nobody else suffers, and neither does who needs no PIN.
    assert_eq!(
        guess(&mut world, &room, 2, &right).ok(),
        Some(Role::Creator)
    );
    let member = knock(&mut world, &room, 1, "", |join| join.pin = None);
    assert!(matches!(member, RelayFrame::Joined(joined) if joined.role == Role::Member));
    let creator = knock(&mut world, &room, 1, wrong(&room), |join| {
        with_creator_token(join, &room)
    });
    assert!(matches!(creator, RelayFrame::Joined(joined) if joined.role == Role::Creator));

    world.run_for(600_000 - 3_000 - 1);
    let refused = guess(&mut world, &room, 1, &right).unwrap_err();
    assert_eq!(
        (refused.code, refused.retry_after_ms),
        (Code::PinLocked, Some(1))
    );
    world.run_for(1);
    assert_eq!(
        guess(&mut world, &room, 1, &right).ok(),
        Some(Role::Creator)
    );
}

#[test]
fn many_peers_together_get_twenty_guesses_an_hour() {
    let mut world = World::new(701);
    let room = world.room_of(long(), &["ana", "ben"]);
    let right = room.pin.clone();
    let mut attempts = Vec::new();
    for peer in 1..=10 {
        for _ in 0..2 {
            let refused = guess(&mut world, &room, peer, wrong(&room)).unwrap_err();
            assert_eq!(refused.code, Code::WrongPin);
            attempts.push(refused.attempts_left.unwrap());
        }
    }
    assert_eq!(attempts[..4], [2, 1, 2, 1], "each has its own three");
    assert_eq!(attempts[18..], [1, 0], "and all of them have twenty");
    for peer in [1, 99] {
        let refused = guess(&mut world, &room, peer, &right).unwrap_err();
        assert_eq!(
            (refused.code, refused.retry_after_ms),
            (Code::PinLocked, Some(3_600_000))
        );
    }
    let creator = knock(&mut world, &room, 1, wrong(&room), |join| {
        with_creator_token(join, &room)
    });
    assert!(matches!(creator, RelayFrame::Joined(joined) if joined.role == Role::Creator));

    world.run_for(3_600_000);
    assert_eq!(
        guess(&mut world, &room, 99, &right).ok(),
        Some(Role::Creator)
    );
}

/// Mallory, in a room with Ana and Ben, who has just been kicked.
fn kicked(world: &mut World) -> (Room, Puppet) {
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let mut mallory = Puppet::join(world, &room.link, "mallory");
    world.run_for(1_000);
    mallory.catch_up(world);
    assert!(mallory.is_keyed());
    let id = mallory.id();
    world
        .act(ANA, |client, now, rng| client.kick(now, id, true, rng))
        .unwrap();
    world.run_for(2_000);
    mallory.catch_up(world);
    assert_eq!(mallory.errors, [Code::Kicked]);
    (room, mallory)
}

#[test]
fn a_kicked_participant_does_not_come_back_with_the_old_link() {
    let mut world = World::new(702);
    let (room, mallory) = kicked(&mut world);

    // What was logged since, the new ticket among it, is closed to her, even if the relay hands it to her.
    world.send(ANA, "she is gone");
    world.run_for(1_000);
    assert!(world.nodes[BEN].client.link_is_current());
    assert_eq!(world.texts(BEN), ["she is gone"]);
    let since = sent_to(&world, BEN, "message");
    assert_eq!(since.len(), 2, "the ticket and the text");
    for frame in since {
        let logged: LoggedEnvelope = serde_json::from_value(frame).unwrap();
        assert_eq!(mallory.read(&logged), None);
        assert!(
            mallory
                .epochs
                .iter()
                .all(|(epoch, _)| *epoch != logged.epoch)
        );
    }

    let version = world.nodes[BEN].client.roster_version();
    let answer = |world: &mut World, ticket: bool, seat_token: bool| {
        let token = seat_token.then(|| Secret::copy_of(mallory.seat_token.as_bytes()));
        let answer = knock(world, &room, 7, "", |join| {
            join.pin = None;
            join.ticket = join.ticket.take().filter(|_| ticket);
            join.seat_token = token;
        });
        match answer {
            RelayFrame::Error(error) => error.code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(answer(&mut world, true, false), Code::LinkExpired);
    assert_eq!(answer(&mut world, false, true), Code::Kicked);
    assert_eq!(answer(&mut world, true, true), Code::Kicked);
    let connection = world.connect_stranger(room.id, PeerKey([7; 16]));
    let resume = ClientFrame::Resume(Resume {
        seat_token: Secret::copy_of(mallory.seat_token.as_bytes()),
        seq: 4,
    });
    world.send_as_stranger(connection, resume.encode().as_bytes());
    let refused = relay_frame(&world.told_stranger(connection)[0]);
    assert!(matches!(refused, RelayFrame::Error(error) if error.code == Code::Kicked));
    assert_eq!(
        world.nodes[BEN].client.roster_version(),
        version,
        "nobody notices anything"
    );
    assert_eq!(world.hub.stats().participants, 2);
}

#[test]
fn a_kicked_participant_whom_the_relay_helps_back_is_seen() {
    let mut world = World::new(703);
    let (room, _) = kicked(&mut world);
    let before = world.nodes[BEN].client.verification().unwrap();

    // All the relay can do is let her in as if she had the new ticket: she has the secret, and it never changes.
    let current = world.nodes[ANA].client.link().unwrap().to_url().to_string();
    assert_ne!(current, room.link);
    let mut back = Puppet::join(&mut world, &current, "mallory");
    world.run_for(1_000);
    back.catch_up(&world);
    assert!(back.is_keyed(), "she reads again");
    for node in [ANA, BEN] {
        assert!(world.has_event(node, |event| matches!(
            event,
            Event::ParticipantJoined(shown) if shown.id == back.id() && shown.name_clash
        )));
        assert_eq!(world.nodes[node].client.participants().len(), 3);
    }
    assert_ne!(world.nodes[BEN].client.verification().unwrap(), before);
}

/// What somebody gets to hear who asks about a room in every way there is.
fn ask_everything(world: &mut World, id: RoomId, held: &Held<'_>) -> Vec<String> {
    let mut heard = Vec::new();
    for ask in held.frames(world) {
        let connection = world.connect_stranger(id, PeerKey([7; 16]));
        world.send_as_stranger(connection, &ask);
        heard.extend(world.told_stranger(connection).iter().cloned());
        heard.push(format!("{:?}", world.closed_on_stranger(connection)));
    }
    // Waiting without a word.
    let connection = world.connect_stranger(id, PeerKey([7; 16]));
    world.run_for(10_000);
    heard.extend(world.told_stranger(connection).iter().cloned());
    heard.push(format!("{:?}", world.closed_on_stranger(connection)));

    let now = world.now;
    heard.push(format!(
        "{:?}",
        world.hub.handle_info(now, id, &held.ticket)
    ));
    heard.push(format!(
        "{:?}",
        world.hub.handle_burn(now, id, &held.creator_token)
    ));
    heard
}

/// What the asker holds: for a scanner of half a link, guesses.
struct Held<'a> {
    link: &'a Link,
    ticket: Secret<16>,
    creator_token: Secret<32>,
    seat_token: Secret<32>,
    pin: &'a str,
}

impl Held<'_> {
    fn frames(&self, world: &mut World) -> Vec<Vec<u8>> {
        let mut frames: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b"{}".to_vec(),
            br#"{"type":"hello"}"#.to_vec(),
            br#"{"type":"burn"}"#.to_vec(),
            ClientFrame::NeedKey(VersionOnly { version: 1 })
                .encode()
                .as_bytes()
                .to_vec(),
        ];
        let seat_token = Secret::copy_of(self.seat_token.as_bytes());
        frames.push(
            ClientFrame::Resume(Resume { seat_token, seq: 1 })
                .encode()
                .as_bytes()
                .to_vec(),
        );
        for (ticket, pin, creator, seat) in [
            (false, false, false, false),
            (true, false, false, false),
            (true, true, false, false),
            (false, true, false, false),
            (false, false, true, false),
            (false, false, false, true),
            (true, true, true, true),
        ] {
            let me = Identity::generate(&mut world.rng).unwrap();
            let mut join = join_frame(world, self.link, &me, "curious");
            join.ticket = ticket.then(|| Secret::copy_of(self.ticket.as_bytes()));
            join.pin = pin.then(|| PinText(SecretBytes::copy_of(self.pin.as_bytes())));
            join.creator_token = creator.then(|| Secret::copy_of(self.creator_token.as_bytes()));
            join.seat_token = seat.then(|| Secret::copy_of(self.seat_token.as_bytes()));
            frames.push(
                ClientFrame::Join(Box::new(join))
                    .encode()
                    .as_bytes()
                    .to_vec(),
            );
        }
        frames
    }
}

#[test]
fn without_its_ticket_a_room_and_no_room_answer_alike() {
    let mut world = World::new(704);
    let room = world.room_of(long(), &["ana", "ben"]);
    let link = Link::parse(&room.link).unwrap();
    let nowhere = RoomId([5; 16]);
    let scanner = Held {
        link: &link,
        ticket: Secret::copy_of(&[1; 16]),
        creator_token: Secret::copy_of(&[2; 32]),
        seat_token: Secret::copy_of(&[3; 32]),
        pin: "AAAAAA",
    };
    let insider = Held {
        link: &link,
        ticket: Secret::copy_of(link.ticket().as_secret().as_bytes()),
        creator_token: Secret::copy_of(room.creator_token.as_bytes()),
        seat_token: Secret::copy_of(world.nodes[BEN].client.seat_token().unwrap().as_bytes()),
        pin: &room.pin,
    };

    // While it lives.
    let version = world.nodes[ANA].client.roster_version();
    let of_the_room = ask_everything(&mut world, room.id, &scanner);
    let of_nothing = ask_everything(&mut world, nowhere, &scanner);
    assert_eq!(of_the_room, of_nothing);
    assert!(
        of_nothing
            .iter()
            .any(|answer| answer.contains("room_not_found"))
    );
    assert_eq!(world.nodes[ANA].client.roster_version(), version);
    let now = world.now;
    assert!(
        world.hub.handle_info(now, room.id, &insider.ticket).is_ok(),
        "with its ticket it is there"
    );

    // And when it has burned, for everybody, whatever they hold.
    world
        .act(ANA, |client, now, rng| client.burn(now, rng))
        .unwrap();
    world.run_for(1_000);
    assert_eq!(world.hub.stats().rooms, 0);
    let of_the_burned = ask_everything(&mut world, room.id, &insider);
    let of_nothing = ask_everything(&mut world, nowhere, &insider);
    assert_eq!(of_the_burned, of_nothing);
    let closed = format!("{:?}", Some(CloseCode::Policy));
    assert_eq!(
        of_nothing
            .iter()
            .filter(|answer| **answer == closed)
            .count(),
        14
    );
}

#[test]
fn a_room_id_alone_makes_no_room() {
    let mut world = World::new(705);
    let (request, link) = world.plan(RoomSettings::default());
    world.host(&request, &link);
    let peer = PeerKey([7; 16]);
    let now = world.now;

    // Who has the seed learns that the room is there. The seed is in no link.
    let refused = world.hub.handle_create(now, peer, &request, &mut world.rng);
    assert_eq!(
        refused.err().map(|refusal| refusal.code),
        Some(Code::RoomExists)
    );

    // With the id alone one gets another room, however one asks.
    let id = link.room_id();
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(id.as_bytes());
    assert_ne!(room_id_of_seed(&Secret::copy_of(&seed)), id);
    let (mine, _) = world.plan(RoomSettings::default());
    let mut body: serde_json::Value = serde_json::from_slice(mine.encode().as_bytes()).unwrap();
    body["room_id"] = serde_json::to_value(id).unwrap();
    let asked = CreateRoom::parse(body.to_string().as_bytes()).unwrap();
    let made = world
        .hub
        .handle_create(now, peer, &asked, &mut world.rng)
        .unwrap();
    assert_ne!(made.room_id, id);
    body["id_seed"] = serde_json::to_value(id).unwrap();
    assert_eq!(
        CreateRoom::parse(body.to_string().as_bytes()).err(),
        Some(Code::MalformedFrame)
    );
}

#[test]
fn who_finds_nobody_with_the_links_secret_leaves() {
    let mut world = World::new(706);
    let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
    let changed = without_the_secret(&room.link);
    let keys = RoomKeys::derive(&Link::parse(&changed).unwrap());
    assert_eq!(*keys.room_id(), room.id, "the same room, to the relay");
    let cleo = world.add(&changed, "cleo", Default::default());
    world.run_for(2_000);
    assert_eq!(
        world.ended(cleo),
        Some(EndReason::Failed(Error::new(Code::BadLink)))
    );
    assert!(!world.has_event(cleo, |event| matches!(event, Event::Keyed { .. })));
    assert!(world.has_fault(ANA, Code::UnverifiedParticipant));
    assert_eq!(
        world.nodes[ANA].client.participants().len(),
        2,
        "she has left"
    );

    let dora = world.join(&room, "dora");
    world.run_for(2_000);
    world.send(dora, "by the real link");
    world.run_for(1_000);
    assert_eq!(world.texts(BEN), ["by the real link"]);
}
