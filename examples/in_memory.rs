//! Two people and a relay in one process: no socket, no runtime, no clock but a number.
//!
//! `cargo run -p burnchat-examples --example in_memory`

use burnchat_core::client::{Client, Event, JoinOptions, Output, RoomSettings, plan_room};
use burnchat_core::error::Error;
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Hub, Limits, Output as HubOutput, PeerKey};
use burnchat_core::time::Timestamp;
use rand_core::SeedableRng;

#[expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "an example shows, and stops where it can't go on"
)]
fn main() -> Result<(), Error> {
    // A real program seeds from the operating system.
    let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let mut now = Timestamp(1_800_000_000_000);

    // The creator plans a room that lives for one minute; the relay makes it and never sees the link's secret.
    let mut hub = Hub::new(Limits::default(), rng);
    let settings = RoomSettings {
        ttl_seconds: 60,
        ..RoomSettings::default()
    };
    let (request, link) = plan_room("https://relay.example", settings, now, rng)?;
    let created = hub
        .handle_create(now, PeerKey([0; 16]), &request, rng)
        .expect("the relay has room");
    let shared = Link::parse(&link.to_url())?;
    let room = link.room_id();
    println!("share this: {}", *link.to_url());

    let creator = JoinOptions {
        creator_token: Some(created.creator_token),
        ..JoinOptions::default()
    };
    let mut clients = [
        Client::new(link, creator, rng),
        Client::new(shared, JoinOptions::default(), rng),
    ];

    let mut greeted = false;
    loop {
        // Carry out what the machines say until they have nothing more to say.
        let mut quiet = false;
        while !quiet {
            quiet = true;
            for (place, client) in (0..).zip(&mut clients) {
                let connection = ConnectionId(place);
                while let Some(output) = client.poll_output() {
                    quiet = false;
                    match output {
                        Output::Connect => {
                            hub.handle_connect(now, connection, PeerKey([1; 16]), room);
                            client.handle_connected(now, rng)?;
                        }
                        Output::Send(frame) => {
                            hub.handle_frame(now, connection, frame.as_bytes(), rng)
                        }
                        Output::Event(Event::Message(message)) => {
                            println!("{}: {}", message.author.label(), message.text.as_str());
                        }
                        Output::Event(Event::Ended(reason)) => println!("over: {reason}"),
                        _ => {}
                    }
                }
            }
            while let Some(output) = hub.poll_output() {
                quiet = false;
                let HubOutput::Send { to, frame } = output else {
                    continue;
                };
                for ConnectionId(place) in to {
                    let Some(client) = usize::try_from(place)
                        .ok()
                        .and_then(|place| clients.get_mut(place))
                    else {
                        continue;
                    };
                    client.handle_frame(now, frame.as_bytes(), rng).ok();
                }
            }
        }

        // Talk once both hold a key, then let time pass until the room burns.
        let [ana, ben] = &mut clients;
        if !greeted && ana.epoch().is_some() && ben.epoch().is_some() {
            greeted = true;
            let codes = ana.verification().expect("joined");
            println!(
                "both screens show {} · {}",
                codes.short_code(),
                codes.safety_number()
            );
            ana.send_text(now, "hello ben", 0, rng)?;
            ben.send_text(now, "hello ana", 0, rng)?;
            continue;
        }
        let timers = [hub.poll_timeout(), ana.poll_timeout(), ben.poll_timeout()];
        let Some(next) = timers.into_iter().flatten().min() else {
            break;
        };
        now = next;
        hub.handle_timeout(now);
        ana.handle_timeout(now, rng);
        ben.handle_timeout(now, rng);
    }
    println!("{} rooms left", hub.stats().rooms);
    Ok(())
}
