//! Ephemeral, end-to-end encrypted chat rooms: the Burnchat protocol without I/O.
//!
//! Somebody opens a room with a countdown and shares one link; people join without accounts and talk; at zero every key
//! and message is gone. This crate holds the two machines that make it so, and everything they agree on: [`client::Client`]
//! is one participant, [`relay::Hub`] all rooms of a relay. They have no sockets, no clock and no randomness of their own:
//! they are told what happened and when, and say what to do. A complete run, two people and a relay in one thread:
//!
//! ```
//! use burnchat_core::client::{Client, Event, JoinOptions, Output, RoomSettings, plan_room};
//! use burnchat_core::link::Link;
//! use burnchat_core::relay::{ConnectionId, Hub, Limits, Output as HubOutput, PeerKey};
//! use burnchat_core::time::Timestamp;
//! # use rand_core::SeedableRng;
//! # fn main() -> Result<(), burnchat_core::error::Error> {
//! # let rng = &mut rand_chacha::ChaCha20Rng::seed_from_u64(1);
//! let mut now = Timestamp(1_800_000_000_000);
//! let mut hub = Hub::new(Limits::default(), rng);
//!
//! // The creator plans a room; the relay makes it and never sees the link's secret.
//! let (request, link) = plan_room("https://relay.example", RoomSettings::default(), now, rng)?;
//! let created = hub.handle_create(now, PeerKey([0; 16]), &request, rng).expect("the relay has room");
//! let (room, shared) = (link.room_id(), Link::parse(&link.to_url())?);
//! let creator = JoinOptions { creator_token: Some(created.creator_token), ..JoinOptions::default() };
//! let mut clients = [Client::new(link, creator, rng), Client::new(shared, JoinOptions::default(), rng)];
//!
//! let mut texts = Vec::new();
//! while texts.is_empty() {
//!     // Carry out what the machines say until they fall silent.
//!     let mut busy = true;
//!     while std::mem::take(&mut busy) {
//!         for (place, client) in clients.iter_mut().enumerate() {
//!             let connection = ConnectionId(place as u64);
//!             while let Some(output) = client.poll_output() {
//!                 busy = true;
//!                 match output {
//!                     Output::Connect => {
//!                         hub.handle_connect(now, connection, PeerKey([1; 16]), room);
//!                         client.handle_connected(now, rng)?;
//!                     }
//!                     Output::Send(frame) => hub.handle_frame(now, connection, frame.as_bytes(), rng),
//!                     Output::Event(Event::Keyed { .. }) if place == 0 => {
//!                         client.send_text(now, "hello ben", 0, rng)?;
//!                     }
//!                     Output::Event(Event::Message(message)) => texts.push(message.text),
//!                     _ => {}
//!                 }
//!             }
//!         }
//!         while let Some(output) = hub.poll_output() {
//!             let HubOutput::Send { to, frame } = output else { continue };
//!             for ConnectionId(place) in to {
//!                 busy = true;
//!                 clients[place as usize].handle_frame(now, frame.as_bytes(), rng)?;
//!             }
//!         }
//!     }
//!     // Let time pass until the next thing is due.
//!     now = hub.poll_timeout().expect("a room has an end");
//!     hub.handle_timeout(now);
//! }
//! assert_eq!(texts[0].as_str(), "hello ben");
//! # Ok(())
//! # }
//! ```
//!
//! # Where to go from here
//!
//! - [`client`] and [`relay`]: the machines, how they are driven and what they cost.
//! - [`error`]: the registry of codes, and who is to blame for each.
//! - [`wire`]: the frames. [`link`]: the link. [`limits`]: every limit.
//! - [`crypto`]: the primitives behind one boundary, and the protocol's constructions on them, for other
//!   implementations' tests.
//!
//! The protocol itself is in the repository's `spec/burnchat-1.md`; sections named in this documentation are its.
//!
//! # Features
//!
//! Without features the crate is `no_std` (with `alloc`). `std` makes key generation and signing several times faster;
//! `aws-lc` takes P-256 and AES-GCM from AWS-LC, four times faster at ECDH and verification.
//!
//! # What is promised of the machines
//!
//! Hostile input never makes them panic, allocate without bound, or change state before it is verified. A call that
//! returns an error has changed nothing that the caller could see, except that the frame is used up. Debug output and
//! errors show no key, token, PIN, name, text or room id.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod client;
pub mod crypto;
pub mod encoding;
pub mod error;
pub mod ids;
pub mod limits;
pub mod link;
pub mod relay;
pub mod time;
pub mod wire;
