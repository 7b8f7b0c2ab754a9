//! A relay with several rooms, and everybody who may talk to it: they create, join with whatever they hold, resume, key,
//! talk, command, guess PINs, break off and ask over HTTP, while time goes as it likes. What a relay owes them is checked
//! after every step, against books kept apart from it.
//!
//! The input: one byte for the relay's limits, and then one thing after another.

#![no_main]

use burnchat_core::crypto::{Secret, SecretBytes, epoch_id, participant_id};
use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, ParticipantId, RoomId};
use burnchat_core::link::room_id_of_seed;
use burnchat_core::relay::{ConnectionId, Disconnect, Limits, PeerKey, Rate};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::CreateRoom;
use burnchat_core::wire::{
    Back, Bytes, Ciphertext, ClientFrame, Departure, Envelope, Extend, Join, KeyOffer, Kick, Lock,
    Nothing, PinText, RelayFrame, Renew, Resume, Role, VersionOnly, WhoMayBurn, Wrap,
};
use burnchat_fuzz::{
    Line, RelayRoom, Stage, Tape, Told, World, hash_of, key_frame_signature, public_keys,
};
use libfuzzer_sys::fuzz_target;

const STEPS: usize = 128;
const ROOMS: usize = 4;

fuzz_target!(|input: &[u8]| {
    let mut tape = Tape::new(input);
    let mut world = World::new(limits_of(tape.byte()));
    for _ in 0..STEPS {
        if tape.is_over() {
            break;
        }
        step(&mut world, &mut tape);
        world.settle();
    }
    world.end();
});

fn step(world: &mut World, tape: &mut Tape<'_>) {
    match tape.byte() % 20 {
        0 => create(world, tape),
        1 => connect(world, tape),
        2 | 3 => join(world, tape),
        4 => resume(world, tape),
        5 | 6 => offer(world, tape),
        7 | 8 => talk(world, tape),
        9..12 => command(world, tape),
        12 => {
            let connection = world.line(tape);
            let frame = tape.bytes();
            world.frame(connection, frame);
        }
        13 | 14 => {
            let connection = world.line(tape);
            let end = match tape.byte() & 1 {
                0 => Disconnect::Clean,
                _ => Disconnect::Broken,
            };
            world.lines.remove(&connection);
            world.tick();
            world
                .hub
                .handle_disconnect(world.now, ConnectionId(connection), end);
        }
        15 => world.wait(tape.short().into()),
        16 => world.wait(u64::from(tape.short()) * 1_000),
        17 => {
            let back = u64::from(tape.short());
            world.now = Timestamp(world.now.0.saturating_sub(back));
        }
        _ => ask(world, tape),
    }
}

fn create(world: &mut World, tape: &mut Tape<'_>) {
    if world.rooms.len() == ROOMS {
        return;
    }
    let number = world.rooms.len() as u8;
    let (life, more, flags) = (tape.byte(), tape.byte(), tape.byte());
    // Some of these are refused.
    let ttl_seconds = [30, 60, 600, 3_600, 259_200, 29][usize::from(life) % 6];
    let capacity = [2, 3, 8, 50, 256, 1][usize::from(more) % 6];
    world.tick();
    let end = world.steady.plus_seconds(ttl_seconds).0.div_ceil(60_000);
    let not_after = end + [0, 1, 30, 1_439, 1_441][usize::from(flags) % 5];
    let ticket = [number + 1; 16];
    let request = CreateRoom {
        id_seed: Secret::copy_of(&[number; 32]),
        ticket_hash: hash_of(&ticket),
        ttl_seconds,
        not_after: not_after.try_into().unwrap_or(u32::MAX),
        capacity,
        history: flags & 0x40 != 0,
        burn: match flags & 0x80 {
            0 => WhoMayBurn::Creator,
            _ => WhoMayBurn::Anyone,
        },
    };
    let owner = PeerKey([tape.byte() % 3; 16]);
    if let Ok(created) = world
        .hub
        .handle_create(world.now, owner, &request, &mut world.rng)
    {
        assert_eq!(created.room_id, room_id_of_seed(&request.id_seed));
        let pin = created.pin.0.as_slice();
        let (id, token) = (created.room_id, &created.creator_token);
        world
            .rooms
            .push(RelayRoom::new(&request, ticket, id, token, pin));
        let again = world
            .hub
            .handle_create(world.now, owner, &request, &mut world.rng);
        assert!(again.is_err(), "one room twice");
    }
}

fn connect(world: &mut World, tape: &mut Tape<'_>) {
    let (room, peer) = (tape.byte(), tape.byte() % 4);
    let room = usize::from(room) % (ROOMS + 1);
    let room = (room < world.rooms.len()).then_some(room);
    let id = room.map_or(RoomId([9; 16]), |room| world.rooms[room].id);
    world.connections += 1;
    let line = Line {
        room,
        peer,
        stage: Stage::Greeting,
        id: None,
        role: Role::Member,
        who: 0,
        next_n: 0,
    };
    world.lines.insert(world.connections, line);
    world.tick();
    let (connection, peer) = (ConnectionId(world.connections), PeerKey([peer; 16]));
    world.hub.handle_connect(world.now, connection, peer, id);
}

fn join(world: &mut World, tape: &mut Tape<'_>) {
    let connection = world.line(tape);
    let (held, which, who) = (tape.byte(), tape.byte(), tape.byte());
    let place = world.room_of(connection);
    let room = place.map(|room| &world.rooms[room]);
    let which = usize::from(which);
    let ticket = match (held & 3, room) {
        (0, _) => None,
        (1, Some(room)) => Some(room.ticket()),
        (2, Some(room)) => room.tickets.get(which % room.tickets.len()).copied(),
        _ => Some([0xff; 16]),
    };
    let pin = match (held >> 2 & 3, room) {
        (1, Some(room)) => Some(room.pin.clone().into_bytes()),
        (2, Some(room)) => Some(room.pin.to_lowercase().into_bytes()),
        (3, _) => Some(format!("wrong{which:08}").into_bytes()),
        _ => None,
    };
    let creator_token = match (held >> 4 & 3, room) {
        (1, Some(room)) => Some(room.creator_token),
        (2, _) => Some([0xff; 32]),
        _ => None,
    };
    let seat_token = match (held >> 6 & 3, room) {
        (1, Some(room)) => room.seats.last().map(|seat| seat.token),
        (2, Some(room)) => room.seats.get(which).map(|seat| seat.token),
        (3, _) => Some([0xff; 32]),
        _ => None,
    };
    let (kem_pub, sig_pub) = match who {
        0xff => (Bytes([4; 65]), Bytes([5; 65])),
        who => public_keys(who),
    };
    // What it takes, by the books.
    let has_ticket = room.is_some_and(|room| ticket == Some(room.ticket()));
    let has_token = room.is_some_and(|room| creator_token == Some(room.creator_token));
    let has_seat = held >> 6 & 3 != 3 && seat_token.is_some();
    let has_pin = matches!(held >> 2 & 3, 1 | 2);
    let peer = world.lines.get(&connection).map_or(0, |line| line.peer);
    world.tick();
    let pin_locked =
        place.is_some_and(|place| world.rooms[place].pin_is_locked(world.steady, peer));

    let join = Join {
        kem_pub,
        sig_pub,
        sealed_name: Bytes([who; 157]),
        join_proof: Bytes([who; 32]),
        ticket: ticket.map(|ticket| Secret::copy_of(&ticket)),
        pin: pin.map(|pin| PinText(SecretBytes::copy_of(&pin))),
        creator_token: creator_token.map(|token| Secret::copy_of(&token)),
        seat_token: seat_token.map(|token| Secret::copy_of(&token)),
    };
    world.say(connection, &ClientFrame::Join(Box::new(join)));
    world.settle_into();
    for (to, told) in world.told.clone() {
        if to != connection {
            continue;
        }
        match told {
            Told::Joined(role) => {
                assert!(has_ticket || has_token || has_seat, "let in with nothing");
                let by_pin = has_pin && has_ticket && !pin_locked;
                let may_lead = has_token || has_seat || by_pin;
                assert!(
                    role == Role::Member || may_lead,
                    "a creator without a right"
                );
            }
            Told::Error(Code::WrongPin) => {
                assert!(!has_pin && !pin_locked);
                let room = place.expect("a wrong PIN of no room");
                world.rooms[room].note_wrong_pin(world.steady, peer);
            }
            Told::Error(Code::PinLocked) => assert!(pin_locked, "locked out for nothing"),
            _ => {}
        }
    }
}

fn resume(world: &mut World, tape: &mut Tape<'_>) {
    let connection = world.line(tape);
    let (which, back) = (tape.byte(), tape.byte());
    let Some(room) = world.room_of(connection) else {
        return;
    };
    let room = &world.rooms[room];
    let seat = room.seats.iter().rev().nth(which.into()).copied();
    let seq = room.newest_seq().saturating_sub(back.into());
    let resume = Resume {
        seat_token: Secret::copy_of(&seat.map_or([0xfe; 32], |seat| seat.token)),
        seq,
    };
    if let Some(line) = world.lines.get_mut(&connection)
        && line.stage == Stage::Greeting
    {
        line.stage = Stage::Resuming(seq);
        line.id = seat.map(|seat| seat.id);
        line.who = seat.map_or(0, |seat| seat.who);
        line.role = seat.map_or(Role::Member, |seat| seat.role);
    }
    world.say(connection, &ClientFrame::Resume(resume));
    world.settle_into();
    if let Some(line) = world.lines.get_mut(&connection)
        && matches!(line.stage, Stage::Resuming(_))
    {
        // Too fast, or not taken for another reason that leaves the connection.
        line.stage = Stage::Greeting;
        line.id = None;
    }
}

fn offer(world: &mut World, tape: &mut Tape<'_>) {
    let connection = world.line(tape);
    let (flags, salt) = (tape.byte(), tape.byte());
    let Some(room) = world.room_of(connection) else {
        return;
    };
    let (room, line) = (&world.rooms[room], &world.lines[&connection]);
    let ids = room
        .roster
        .iter()
        .map(|one| participant_id(&one.kem_pub.0, &one.sig_pub.0));
    let mut wraps: Vec<Wrap> = ids
        .filter(|id| Some(*id) != line.id)
        .map(|id| Wrap {
            id,
            wrapped: Bytes([salt; 40]),
        })
        .collect();
    match flags >> 4 & 3 {
        1 => drop(wraps.pop()),
        2 => wraps.reverse(),
        3 => wraps.extend(wraps.clone()),
        _ => {}
    }
    wraps.truncate(255);
    let prev = match flags & 3 {
        3 => tape.pick(&room.heads).copied(),
        _ => Some(room.head()),
    };
    let (prev, roster_hash) = (prev.unwrap_or(EpochId::NONE), room.roster_hash());
    let epoch = epoch_id(&prev, &roster_hash, &[salt; 32]);
    let sig = match flags & 0x80 {
        0 => key_frame_signature(line.who, &room.id, &epoch),
        _ => Bytes([salt; 64]),
    };
    let offer = KeyOffer {
        version: match flags >> 2 & 3 {
            3 => tape.byte().into(),
            _ => room.version,
        },
        roster_hash,
        prev,
        commit: Bytes([salt; 32]),
        sig,
        wraps,
        back: (room.history && flags & 0x40 == 0).then(|| Back {
            epoch: room.head(),
            wrapped: Bytes([salt; 40]),
        }),
    };
    world.say(connection, &ClientFrame::SessionKey(Box::new(offer)));
}

fn talk(world: &mut World, tape: &mut Tape<'_>) {
    let connection = world.line(tape);
    let (flags, len) = (tape.byte(), tape.short());
    let Some(room) = world.room_of(connection) else {
        return;
    };
    let room = &world.rooms[room];
    let epoch = match flags & 3 {
        3 => tape.pick(&room.heads).copied().unwrap_or(EpochId::NONE),
        _ => room.head(),
    };
    let Some(line) = world.lines.get_mut(&connection) else {
        return;
    };
    let n = match flags >> 2 & 3 {
        3 => u64::from(tape.byte()),
        2 => 0,
        _ => line.next_n,
    };
    line.next_n = n + 1;
    let envelope = Envelope {
        epoch,
        n,
        flags: flags >> 7,
        iv: Bytes([n as u8; 12]),
        ciphertext: Ciphertext(vec![flags; 80 + usize::from(len) % 44_000]),
        sig: Bytes([flags; 64]),
    };
    world.say(connection, &ClientFrame::Message(envelope));
}

fn command(world: &mut World, tape: &mut Tape<'_>) {
    let connection = world.line(tape);
    let (which, byte) = (tape.byte() % 8, tape.byte());
    let Some(number) = world.room_of(connection) else {
        return;
    };
    let room = &world.rooms[number];
    let fresh = [byte | 0x40; 16];
    let mut new_ticket = None;
    let frame = match which {
        0 | 1 => {
            let id = room.ids.get(usize::from(byte) % room.ids.len().max(1));
            new_ticket = (which == 0).then_some(fresh);
            ClientFrame::Kick(Kick {
                id: id.copied().unwrap_or(ParticipantId([byte; 16])),
                ticket_hash: new_ticket.as_ref().map(hash_of),
            })
        }
        2 => ClientFrame::Lock(Lock {
            locked: byte & 1 == 1,
        }),
        3 => {
            // A new one, or one that was.
            let ticket = match byte & 0x80 {
                0 => fresh,
                _ => *tape.pick(&room.tickets).unwrap_or(&fresh),
            };
            new_ticket = Some(ticket);
            ClientFrame::Renew(Renew {
                ticket_hash: hash_of(&ticket),
            })
        }
        4 => ClientFrame::Extend(Extend {
            seconds: u64::from(byte) * 8,
            after: match tape.byte() & 1 {
                0 => room.last_extended,
                _ => 0,
            },
        }),
        5 if byte & 7 == 0 => ClientFrame::Burn(Nothing {}),
        5 | 6 => ClientFrame::NeedKey(VersionOnly {
            version: room.version.saturating_sub(u64::from(byte & 3)),
        }),
        _ => ClientFrame::KeyDeclined(VersionOnly {
            version: room.version.saturating_sub(u64::from(byte & 3)),
        }),
    };
    let leads = world.lines[&connection].role == Role::Creator;
    let may_burn = leads || room.burn == WhoMayBurn::Anyone;
    let burned = world.burned;
    world.wait(0);
    world.settle_into();
    world.entries.clear();
    world.say(connection, &frame);
    world.settle_into();
    for entry in &world.entries {
        let is_leaders = match entry {
            RelayFrame::Locked(_) | RelayFrame::Extended(_) | RelayFrame::Renewed(_) => true,
            RelayFrame::ParticipantLeft(entry) => entry.reason == Departure::Kicked,
            _ => false,
        };
        assert!(leads || !is_leaders, "a member has commanded: {entry:?}");
        if let (RelayFrame::Renewed(renewed), Some(ticket)) = (entry, new_ticket) {
            assert_eq!(renewed.ticket_hash, hash_of(&ticket));
            let tickets = &mut world.rooms[number].tickets;
            // One that is forgotten may come again.
            tickets.retain(|old| *old != ticket);
            tickets.push(ticket);
        }
    }
    if world.burned > burned {
        assert!(may_burn && matches!(frame, ClientFrame::Burn(_)));
    }
}

fn ask(world: &mut World, tape: &mut Tape<'_>) {
    let (which, room, byte) = (tape.byte() % 8, tape.byte(), tape.byte());
    world.tick();
    let known = world.rooms.get(usize::from(room) % (ROOMS + 1));
    let id = known.map_or(RoomId([9; 16]), |room| room.id);
    let is_right = byte & 1 == 0;
    match which {
        0 => {
            let ticket = known.filter(|_| is_right).map(RelayRoom::ticket);
            let ticket = Secret::copy_of(&ticket.unwrap_or([0xff; 16]));
            if let Ok(info) = world.hub.handle_info(world.now, id, &ticket) {
                assert!(is_right && info.participants <= info.capacity);
            }
        }
        1 if byte & 0x1e == 0 => {
            let token = known.filter(|_| is_right).map(|room| room.creator_token);
            let token = Secret::copy_of(&token.unwrap_or([0xff; 32]));
            let burned = world.hub.handle_burn(world.now, id, &token);
            assert!(is_right || burned.is_err());
        }
        2 if byte & 0x1e == 0 => drop(world.hub.handle_take_down(world.now, id)),
        3 | 4 => {
            let seat = known.and_then(|room| room.seats.get(usize::from(byte)));
            let token = Secret::copy_of(&seat.map_or([0xff; 32], |seat| seat.token));
            let _ = world.hub.handle_leave(world.now, id, &token);
        }
        5 => world.hub.set_memory_full(is_right),
        _ => world.hub.handle_timeout(world.now),
    }
}

/// The spec's limits, or ones that are soon reached.
fn limits_of(byte: u8) -> Limits {
    let mut limits = Limits::default();
    if byte & 1 == 1 {
        limits.joins = 12;
        limits.replaced_tickets = 3;
        limits.rooms_of_peer = 2;
        limits.rooms = 3;
        limits.connections_of_peer = 6;
        limits.connections = 16;
        limits.kept_bytes = 4_096;
        limits.history_bytes = 4_096;
        limits.history_changes = 6;
        limits.open_epochs = 2;
        limits.asked_versions = 2;
    }
    if byte & 2 == 2 {
        limits.joins_of_peer = Rate::new(1, 4);
        limits.connection_frames = Rate::new(1, 6);
        limits.connection_bytes = Rate::new(100, 40_000);
        limits.room_envelopes = Rate::new(1, 4);
        limits.room_bytes = Rate::new(100, 40_000);
        limits.refused_frames = 3;
        limits.idle_millis = 5_000;
    }
    limits
}
