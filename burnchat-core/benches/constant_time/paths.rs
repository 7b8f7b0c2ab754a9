//! What compares secrets, and what is known to do it badly.
//!
//! Class 0 differs from the secret in the first byte or symbol, class 1 in the last one alone: what stops at the first
//! difference takes longer for class 1.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use burnchat_core::client::{RoomSettings, plan_room};
use burnchat_core::crypto::{
    RoomKeys, Secret, SecretBytes, SessionKey, aes256_gcm_open, aes256_gcm_seal, aes256_kw_unwrap,
    aes256_kw_wrap, ct_eq,
};
use burnchat_core::ids::{RoomId, RosterHash};
use burnchat_core::limits::PIN_ROOM_WINDOW_MILLIS;
use burnchat_core::link::{Link, Ticket};
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Limits, PeerKey};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{Bytes, ClientFrame, EncodedFrame, Join, PinText};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use crate::classes::Path;

pub(crate) fn ours() -> Vec<Path> {
    vec![
        hub("hub: a join with a wrong PIN", |pin, other| {
            vec![wrong(pin, 0), wrong(pin, 5)].swap_remove(other)
        }),
        admission(),
        commit(),
        ticket(),
        tag(),
        wrap(),
        secrets(),
        slices("ct_eq, 6 bytes", 6, ct_eq),
        slices("ct_eq, 4 KiB", 4096, ct_eq),
    ]
}

pub(crate) fn known_to_leak() -> Vec<Path> {
    let naive = |a: &[u8], b: &[u8]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b);
    vec![
        naive_pin(),
        slices("control: byte by byte, 32 bytes", 32, naive),
        slices("control: ==, 4 KiB", 4096, |a, b| a == b),
    ]
}

/// The whole way of a PIN: a frame is read, the ticket is judged, the PIN hashed and compared, the failure counted, the
/// answer made.
fn hub(name: &'static str, guess: impl Fn(&[u8], usize) -> Vec<u8> + 'static) -> Path {
    let world = Rc::new(RefCell::new(Guessing::new()));
    let (ready, ran) = (Rc::clone(&world), world);
    Path {
        name,
        batch: 1,
        prepare: Box::new(move |_| ready.borrow_mut().connect(&guess)),
        run: Box::new(move |class| ran.borrow_mut().try_pin(class)),
    }
}

/// Somebody who holds the link and guesses the PIN.
struct Guessing {
    hub: Hub,
    rng: ChaCha8Rng,
    now: Timestamp,
    room: Option<(RoomId, Timestamp)>,
    joins: Vec<EncodedFrame>,
    attempts: u64,
}

impl Guessing {
    fn new() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        Self {
            hub: Hub::new(Limits::default(), &mut rng),
            rng,
            now: Timestamp(1_790_000_000_000),
            room: None,
            joins: Vec::new(),
            attempts: 0,
        }
    }

    fn connect(&mut self, guess: &impl Fn(&[u8], usize) -> Vec<u8>) {
        while self.hub.poll_output().is_some() {}
        let (now, last) = (self.now, ConnectionId(self.attempts));
        self.hub.handle_disconnect(now, last, Disconnect::Broken);
        // Twenty guesses lock a room for an hour.
        if self.attempts.is_multiple_of(20) {
            self.now = self.now.plus_millis(PIN_ROOM_WINDOW_MILLIS + 1);
            self.hub.handle_timeout(self.now);
        }
        self.attempts += 1;
        let room = match self.room {
            Some((room, end)) if self.now < end => room,
            _ => self.create(guess),
        };
        let (now, next) = (self.now, ConnectionId(self.attempts));
        // Three guesses lock a peer out.
        let mut peer = [0; 16];
        peer[..8].copy_from_slice(&self.attempts.to_le_bytes());
        self.hub.handle_connect(now, next, PeerKey(peer), room);
    }

    fn create(&mut self, guess: &impl Fn(&[u8], usize) -> Vec<u8>) -> RoomId {
        let settings = RoomSettings {
            ttl_seconds: 72 * 3_600,
            ..RoomSettings::default()
        };
        let base = "https://relay.example";
        let (request, link) = plan_room(base, settings, self.now, &mut self.rng).unwrap();
        let peer = PeerKey([0xff; 16]);
        let created = self
            .hub
            .handle_create(self.now, peer, &request, &mut self.rng);
        let created = created.unwrap();
        let pin = created.pin.0.as_slice();
        let frame = |class| join(&link, guess(pin, class));
        self.joins = vec![frame(0), frame(1)];
        self.room = Some((link.room_id(), self.now.plus_seconds(71 * 3_600)));
        link.room_id()
    }

    fn try_pin(&mut self, class: usize) {
        let connection = ConnectionId(self.attempts);
        let frame = self.joins[class].as_bytes();
        self.hub
            .handle_frame(self.now, connection, frame, &mut self.rng);
    }
}

fn join(link: &Link, pin: Vec<u8>) -> EncodedFrame {
    ClientFrame::Join(Box::new(Join {
        kem_pub: Bytes([4; 65]),
        sig_pub: Bytes([4; 65]),
        sealed_name: Bytes([0; 157]),
        join_proof: Bytes([0; 32]),
        ticket: Some(Secret::copy_of(link.ticket().as_secret().as_bytes())),
        pin: Some(PinText(SecretBytes::from(pin))),
        creator_token: None,
        seat_token: None,
    }))
    .encode()
}

/// A PIN with another symbol at this place.
fn wrong(pin: &[u8], place: usize) -> Vec<u8> {
    let mut guess = pin.to_vec();
    guess[place] = if guess[place] == b'A' { b'B' } else { b'A' };
    guess
}

/// A PIN compared as it is, by who has not read the spec.
fn naive_pin() -> Path {
    let pin = b"7YQ2XK".to_vec();
    let guesses = [wrong(&pin, 0), wrong(&pin, 5)];
    Path {
        name: "control: a PIN symbol by symbol",
        batch: 64,
        prepare: Box::new(|_| {}),
        run: Box::new(move |class| {
            let symbols = black_box(&pin).iter().zip(black_box(&guesses[class]));
            for (symbol, guessed) in symbols {
                if black_box(symbol) != guessed {
                    break;
                }
            }
        }),
    }
}

fn admission() -> Path {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let now = Timestamp(1_790_000_000_000);
    let settings = RoomSettings::default();
    let (_, link) = plan_room("https://relay.example", settings, now, &mut rng).unwrap();
    let keys = RoomKeys::derive(&link);
    let proof = keys.join_proof(&[1; 65], &[2; 65], &[3; 157]);
    two(
        "admission: a wrong proof",
        8,
        altered(proof),
        move |proof| keys.check_join_proof(&[1; 65], &[2; 65], &[3; 157], proof),
    )
}

fn commit() -> Path {
    let key = SessionKey::from_secret(Secret::copy_of(&[5; 32]));
    let roster = RosterHash([6; 32]);
    let commit = key.commit(&roster);
    two(
        "key frame: a wrong commit (MAC)",
        8,
        altered(commit),
        move |commit| key.matches(commit, &roster),
    )
}

fn ticket() -> Path {
    let ticket = Ticket::copy_of(&[7; 16]);
    let hashes = altered(*ticket.hash().as_bytes()).map(burnchat_core::ids::TicketHash);
    two("ticket: a wrong hash", 8, hashes, move |hash| {
        ticket.matches(hash)
    })
}

fn tag() -> Path {
    let key = Secret::copy_of(&[8; 32]);
    let sealed = |place: usize| {
        let plaintext = SecretBytes::copy_of(&[9; 240]);
        let mut sealed = aes256_gcm_seal(&key, &[0; 12], b"aad", plaintext).unwrap();
        sealed[240 + place] ^= 1;
        sealed
    };
    let sealed = [sealed(0), sealed(15)];
    two("envelope: a wrong tag", 8, sealed, move |sealed| {
        aes256_gcm_open(&key, &[0; 12], b"aad", sealed).is_ok()
    })
}

fn wrap() -> Path {
    let kek = Secret::copy_of(&[10; 32]);
    let wrapped = aes256_kw_wrap(&kek, &Secret::copy_of(&[11; 32]));
    let altered = |place: usize| {
        let mut altered = wrapped;
        altered[place] ^= 1;
        altered
    };
    let wrapped = [altered(0), altered(39)];
    two("wrapped key: altered", 8, wrapped, move |wrapped| {
        aes256_kw_unwrap(&kek, wrapped).is_ok()
    })
}

fn secrets() -> Path {
    let secret = Secret::copy_of(&[12; 32]);
    let others = altered([12; 32]).map(|other| Secret::copy_of(&other));
    two("Secret::ct_eq, 32 bytes", 64, others, move |other| {
        secret.ct_eq(other)
    })
}

fn slices(name: &'static str, length: usize, equal: fn(&[u8], &[u8]) -> bool) -> Path {
    let secret = vec![13; length];
    let other = |place: usize| {
        let mut other = secret.clone();
        other[place] ^= 1;
        other
    };
    let others = [other(0), other(length - 1)];
    let batch = (2_048 / length).clamp(1, 64);
    two(name, batch, others, move |other: &Vec<u8>| {
        equal(&secret, other)
    })
}

/// The same bytes, altered at the beginning and at the end.
fn altered(bytes: [u8; 32]) -> [[u8; 32]; 2] {
    [0, 31].map(|place: usize| {
        let mut altered = bytes;
        altered[place] ^= 1;
        altered
    })
}

fn two<T: 'static>(
    name: &'static str,
    batch: usize,
    inputs: [T; 2],
    check: impl Fn(&T) -> bool + 'static,
) -> Path {
    Path {
        name,
        batch,
        prepare: Box::new(|_| {}),
        run: Box::new(move |class| {
            black_box(check(black_box(&inputs[class])));
        }),
    }
}
