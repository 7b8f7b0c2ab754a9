//! A joined client and a relay that may send anything: it neither panics nor grows without bound, and when it has ended
//! it stays ended.
//!
//! Each line of the input is one event: its first byte says what, the rest is the frame.

#![no_main]

use burnchat_core::client::{Client, JoinOptions, Output, RoomSettings, Status, plan_room};
use burnchat_core::crypto::Secret;
use burnchat_core::ids::EpochId;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, Joined, RelayFrame, Role, RosterEntry, WhoMayBurn};
use libfuzzer_sys::fuzz_target;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

const START: Timestamp = Timestamp(1_800_000_000_000);

fuzz_target!(|input: &[u8]| {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let history = input.first().is_some_and(|first| first & 1 == 1);
    let settings = RoomSettings {
        history,
        ..RoomSettings::default()
    };
    let (request, link) = plan_room("https://relay.example", settings, START, &mut rng).unwrap();
    let mut client = Client::new(link, JoinOptions::default(), &mut rng);
    client.handle_connected(START, &mut rng).unwrap();
    while let Some(output) = client.poll_output() {
        let Output::Send(frame) = output else {
            continue;
        };
        let Ok(ClientFrame::Join(join)) = ClientFrame::parse(frame.as_bytes()) else {
            panic!()
        };
        let own = RosterEntry {
            kem_pub: join.kem_pub,
            sig_pub: join.sig_pub,
            sealed_name: join.sealed_name,
            join_proof: join.join_proof,
            role: Role::Member,
            number: 1,
        };
        let joined = RelayFrame::Joined(Box::new(Joined {
            seq: 1,
            version: 1,
            head: EpochId::NONE,
            role: Role::Member,
            seat_token: Secret::random(&mut rng),
            participants: vec![own],
            seconds_remaining: 600,
            history,
            locked: false,
            capacity: 50,
            burn: WhoMayBurn::Anyone,
            ticket_hash: request.ticket_hash,
            last_extended: 0,
        }));
        client
            .handle_frame(START, joined.encode().as_bytes(), &mut rng)
            .unwrap();
    }
    assert_eq!(client.status(), Status::Joined);

    let mut now = START;
    for line in input.split(|byte| *byte == b'\n').take(64) {
        let Some((&event, frame)) = line.split_first() else {
            continue;
        };
        match event {
            0..=199 => drop(client.handle_frame(now, frame, &mut rng)),
            200..=209 => client.handle_disconnected(now),
            210..=219 => drop(client.handle_connected(now, &mut rng)),
            220..=229 => drop(client.send_text(now, "text", 1_000, &mut rng)),
            230..=234 => drop(client.burn(now, &mut rng)),
            235..=239 => drop(client.set_typing(now, true, &mut rng)),
            _ => now = now.plus_millis(u64::from(event & 15) * 500),
        }
        client.handle_timeout(now, &mut rng);
        let mut outputs = 0;
        while client.poll_output().is_some() {
            outputs += 1;
        }
        assert!(outputs < 1_000);
        if let Status::Ended(reason) = client.status() {
            assert!(client.link().is_none() && client.poll_timeout().is_none());
            assert!(client.handle_frame(now, frame, &mut rng).is_err());
            assert_eq!(client.status(), Status::Ended(reason));
        }
    }
});
