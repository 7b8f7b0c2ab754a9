//! A client with somebody in its room who has every key and keeps no rule: names, key frames, wraps, ways back, envelopes
//! and what is in them are signed and sealed as they must be, and hold anything. The relay helps.
//!
//! The input: one byte for the room, what was said before the client joined, and then one thing after another.

#![no_main]

use burnchat_core::crypto::{Secret, SecretBytes, SessionKey, pad};
use burnchat_core::error::Code;
use burnchat_core::ids::ParticipantId;
use burnchat_core::wire::{
    Bytes, ClientFrame, Departure, ErrorFrame, Extended, KeyWanted, Locked, LoggedEnvelope,
    ParticipantJoined, RelayFrame, Renewed, Role,
};
use burnchat_fuzz::{Insider, Tape};
use libfuzzer_sys::fuzz_target;

const STEPS: usize = 64;
const EVE: [u8; 65] = named(b"eve");
const MALLORY: [u8; 65] = named(b"mallory");

const fn named(name: &[u8]) -> [u8; 65] {
    let mut sealed = [0; 65];
    sealed[0] = name.len() as u8;
    let mut place = 0;
    while place < name.len() {
        sealed[place + 1] = name[place];
        place += 1;
    }
    sealed
}

fuzz_target!(|input: &[u8]| {
    let mut tape = Tape::new(input);
    let flags = tape.byte();
    let mut room = Insider::new(flags & 1 == 1);
    let role = match flags & 2 {
        0 => Role::Member,
        _ => Role::Creator,
    };
    begin(&mut room, role, flags & 4 == 0, &mut tape);
    if flags & 8 == 0 && flags & 4 == 0 {
        let key = SessionKey::random(&mut room.rng);
        let frame = room.key_frame(&key);
        room.log_key_frame(frame, Some(key));
    }
    let mut last = None;
    for _ in 0..STEPS {
        if tape.is_over() || room.watched.client.link().is_none() {
            break;
        }
        step(&mut room, &mut tape, &mut last);
        room.watched.settle(&mut room.rng);
    }
});

/// Eve is there, in a history room with a past, and the client joins; or the client is there, and Eve joins.
fn begin(room: &mut Insider, role: Role, eve_is_there: bool, tape: &mut Tape<'_>) {
    let number = room.next_number();
    let eve = room.scene.entry(&room.scene.eve, &EVE, true, number);
    if !eve_is_there {
        room.let_in(role, &[]);
        return room.join(eve, None);
    }
    room.roster.push(eve.clone());
    room.version = 1;
    let seq = room.next_seq();
    let mut past = vec![RelayFrame::ParticipantJoined(Box::new(ParticipantJoined {
        seq,
        version: 1,
        participant: eve,
        replaces: None,
    }))];
    if room.history {
        let key = SessionKey::random(&mut room.rng);
        let mut frame = room.key_frame(&key);
        frame.seq = room.next_seq();
        let id = burnchat_core::crypto::epoch_id(&frame.prev, &frame.roster_hash, &frame.commit.0);
        room.note_epoch(id, Some(key), 1);
        past.push(RelayFrame::SessionKey(Box::new(frame)));
        for _ in 0..tape.byte() % 4 {
            let n = room.n;
            let padded = said(room, n, tape);
            if let Some(mut envelope) = room.seal(0, n, padded)
                && burnchat_core::limits::CIPHERTEXT_BYTES.contains(&envelope.ciphertext.0.len())
            {
                envelope.seq = room.next_seq();
                past.push(RelayFrame::Message(envelope));
                room.n += 1;
            }
        }
    }
    room.let_in(role, &past);
}

fn step(room: &mut Insider, tape: &mut Tape<'_>, last: &mut Option<LoggedEnvelope>) {
    match tape.byte() % 20 {
        0..6 => talk(room, tape, last),
        6 => {
            // Said once, it is shown once: that is watched.
            if let Some(envelope) = last.clone() {
                let _ = room.log(envelope);
            }
        }
        7 | 8 => key(room, tape),
        9 => room.rekey(),
        10 => {
            let flags = tape.byte();
            let name = match flags & 1 {
                0 => MALLORY,
                _ => tape.array(),
            };
            let mallory = &room.scene.mallory;
            let mut entry = room.scene.entry(mallory, &name, flags & 2 == 0, 0);
            entry.number = room.next_number();
            if flags & 4 != 0 {
                entry.join_proof = Bytes([tape.byte(); 32]);
            }
            if flags & 8 != 0 {
                entry.kem_pub.0[usize::from(tape.byte()) % 65] ^= 1;
            }
            if flags & 16 != 0 {
                entry.role = Role::Creator;
            }
            let replaces = (flags & 32 != 0).then(|| room.scene.eve.id());
            room.join(entry, replaces);
        }
        11 => {
            let who = match tape.byte() % 4 {
                0 | 1 => room.scene.mallory.id(),
                2 => room.scene.eve.id(),
                _ => ParticipantId([tape.byte(); 16]),
            };
            room.leave(who, Departure::Left);
        }
        12 => application(room, tape),
        13 | 14 => answer(room, tape),
        15 => room.watched.wait(tape.short().into(), &mut room.rng),
        16 => {
            let millis = u64::from(tape.byte()) * 1_000;
            room.watched.wait(millis, &mut room.rng);
        }
        17 => {
            let (version, head) = (room.version, room.head);
            let _ = room.deliver(&RelayFrame::KeyWanted(KeyWanted { version, head }));
        }
        18 => {
            if tape.byte() & 1 == 0 {
                room.watched.client.handle_disconnected(room.watched.now);
                room.watched.settle(&mut room.rng);
            }
            room.let_in(Role::Member, &[]);
        }
        _ => {
            let frame = tape.bytes();
            let _ = room.watched.frame(frame, &mut room.rng);
        }
    }
}

/// What is in the seal of an envelope: anything, padded or not, or made of parts that are each right or wrong.
fn said(room: &Insider, n: u64, tape: &mut Tape<'_>) -> SecretBytes {
    let how = tape.byte();
    if how % 4 == 0 {
        return SecretBytes::copy_of(tape.bytes());
    }
    let mut bytes = SecretBytes::with_capacity(256);
    if how % 4 == 1 {
        bytes.extend_from_slice(tape.bytes());
        pad(&mut bytes);
        return bytes;
    }
    let (kind, id) = (tape.byte(), tape.byte());
    bytes.extend_from_slice(&[kind % 7]);
    bytes.extend_from_slice(&[id; 16]);
    let sent_at = match how & 4 {
        0 => room.watched.now.0,
        _ => tape.long(),
    };
    bytes.extend_from_slice(&sent_at.to_be_bytes());
    let count = match how >> 3 & 3 {
        0 | 1 => room.count + 1,
        2 => room.count + u64::from(tape.byte()),
        _ => tape.long(),
    };
    bytes.extend_from_slice(&count.to_be_bytes());
    let burn_after = match how & 0x20 {
        0 => 0,
        _ => u32::from_be_bytes(tape.array()),
    };
    bytes.extend_from_slice(&burn_after.to_be_bytes());
    if n == 0 {
        let last = match how >> 6 {
            0 | 1 => room.last,
            2 => (0, 0),
            _ => (tape.long(), tape.long()),
        };
        bytes.extend_from_slice(&last.0.to_be_bytes());
        bytes.extend_from_slice(&last.1.to_be_bytes());
    }
    bytes.extend_from_slice(tape.bytes());
    pad(&mut bytes);
    bytes
}

fn talk(room: &mut Insider, tape: &mut Tape<'_>, last: &mut Option<LoggedEnvelope>) {
    let flags = tape.byte();
    let newest = room.epochs.len().wrapping_sub(1);
    let epoch = match flags & 3 {
        3 => usize::from(tape.byte()) % room.epochs.len().max(1),
        _ => newest,
    };
    let n = match flags >> 2 & 3 {
        3 => tape.short().into(),
        2 => room.n + u64::from(tape.byte() % 4),
        _ => room.n,
    };
    let padded = said(room, n, tape);
    let Some(mut envelope) = room.seal(epoch, n, padded) else {
        return;
    };
    match flags >> 4 {
        // Sealed well, and then changed on the way.
        1 => envelope.flags ^= 1,
        2 => envelope.sig.0[5] ^= 1,
        3 => envelope.ciphertext.0[7] ^= 1,
        4 => envelope.sender = room.scene.mallory.id(),
        5 => envelope.sender = room.victim.unwrap_or(envelope.sender),
        6 => envelope.iv.0[0] ^= 1,
        7 => envelope.n ^= 1,
        _ => {}
    }
    let is_changed = (1..8).contains(&(flags >> 4));
    let status = room.watched.client.status();
    let shown = room.watched.shown.len();
    let taken = room.log(envelope.clone());
    if is_changed {
        assert_eq!(
            room.watched.shown.len(),
            shown,
            "shown, and changed on its way"
        );
    }
    if taken.is_ok() && !is_changed && status == room.watched.client.status() {
        if epoch == newest {
            room.n = room.n.max(n + 1);
        }
        room.count += 1;
        *last = Some(envelope);
    }
}

/// A key frame, signed as it must be, that may be wrong in each of its parts.
fn key(room: &mut Insider, tape: &mut Tape<'_>) {
    let flags = tape.byte();
    let key = SessionKey::from_secret(Secret::copy_of(&[tape.byte(); 32]));
    if flags & 0x80 == 0 {
        room.rekey();
    }
    let mut frame = room.key_frame(&key);
    match flags & 7 {
        1 => frame.wrapped = None,
        2 => frame.wrapped = Some(Bytes(tape.array())),
        3 => {
            // A good wrap, of another key than the frame commits to.
            let other = SessionKey::from_secret(Secret::copy_of(&[0xee; 32]));
            frame.wrapped = room.key_frame(&other).wrapped;
        }
        4 => frame.back = None,
        5 => {
            if let Some(back) = &mut frame.back {
                back.wrapped = Bytes(tape.array());
            }
        }
        6 => {
            let epoch = tape.pick(&room.epochs).map(|(id, ..)| *id);
            if let (Some(back), Some(epoch)) = (&mut frame.back, epoch) {
                back.epoch = epoch;
            }
        }
        _ => {}
    }
    match flags >> 3 & 7 {
        1 => frame.version = frame.version.wrapping_add(u64::from(tape.byte())),
        2 => frame.version = frame.version.saturating_sub(u64::from(tape.byte())),
        3 => frame.prev.0[0] ^= 1,
        4 => frame.sig.0[3] ^= 1,
        5 => frame.steward = room.victim.unwrap_or(room.scene.mallory.id()),
        6 => frame.steward = room.scene.mallory.id(),
        7 => frame.commit.0[0] ^= 1,
        _ => {}
    }
    room.log_key_frame(frame, Some(key));
}

fn application(room: &mut Insider, tape: &mut Tape<'_>) {
    let (watched, rng) = (&mut room.watched, &mut room.rng);
    let (client, now) = (&mut watched.client, watched.now);
    match tape.byte() % 10 {
        0..3 => {
            let text = String::from_utf8_lossy(tape.bytes());
            let burn_after = tape.byte();
            let _ = client.send_text(now, &text, u32::from(burn_after) * 100, rng);
        }
        3 => drop(client.set_typing(now, true, rng)),
        4 => {
            let read: Vec<_> = watched.shown.iter().rev().take(3).copied().collect();
            let _ = client.mark_read(now, &read, rng);
        }
        5 => drop(client.kick(now, room.scene.eve.id(), true, rng)),
        6 => drop(client.lock(now, tape.byte() & 1 == 1, rng)),
        7 => drop(client.renew(now, rng)),
        8 => drop(client.extend(now, tape.byte().into(), rng)),
        _ => drop(client.burn(now, rng)),
    }
}

/// The relay does what the client asked, or refuses it.
fn answer(room: &mut Insider, tape: &mut Tape<'_>) {
    let how = tape.byte();
    if room.watched.sent.is_empty() {
        return;
    }
    let frame = room.watched.sent.remove(0);
    if how % 4 == 3 {
        let codes = [
            Code::StaleEpoch,
            Code::RateLimited,
            Code::BadSequence,
            Code::NotCreator,
            Code::PastNotAfter,
            Code::BadRequest,
        ];
        let mut error = ErrorFrame::new(codes[usize::from(how >> 2) % codes.len()]);
        if let ClientFrame::Message(envelope) = &frame {
            error = error.envelope(envelope.epoch, envelope.n);
        }
        let _ = room.deliver(&RelayFrame::Error(error.retry_after(how.into())));
        return;
    }
    let victim = room.victim.unwrap_or(ParticipantId([0; 16]));
    match frame {
        ClientFrame::Message(envelope) => {
            let _ = room.log(LoggedEnvelope::new(0, victim, envelope));
        }
        ClientFrame::SessionKey(offer) => room.log_offer(*offer),
        ClientFrame::Kick(kick) => {
            room.leave(kick.id, Departure::Kicked);
            if let Some(ticket_hash) = kick.ticket_hash {
                let seq = room.next_seq();
                let _ = room.deliver(&RelayFrame::Renewed(Renewed { seq, ticket_hash }));
            }
        }
        ClientFrame::Lock(lock) => {
            let seq = room.next_seq();
            let locked = lock.locked;
            let _ = room.deliver(&RelayFrame::Locked(Locked { seq, locked }));
        }
        ClientFrame::Renew(renew) => {
            let (seq, ticket_hash) = (room.next_seq(), renew.ticket_hash);
            let _ = room.deliver(&RelayFrame::Renewed(Renewed { seq, ticket_hash }));
        }
        ClientFrame::Extend(extend) => {
            let seq = room.next_seq();
            room.last_extended = seq;
            let seconds_remaining = 600 + extend.seconds;
            let _ = room.deliver(&RelayFrame::Extended(Extended {
                seq,
                seconds_remaining,
            }));
        }
        _ => {}
    }
}
