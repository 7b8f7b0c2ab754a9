//! A participant in a Burnchat room over WebSocket: [`burnchat_core::client::Client`], driven by tokio.
//!
//! This is a whole client. It makes a room, greets who comes, prints what they say, and knows when it is over:
//!
//! ```no_run
//! use burnchat_client::{Error, Event, JoinOptions, Name, RoomSettings, connect, create_room};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let created = create_room("https://chat.example", RoomSettings::default()).await?;
//!     println!("Come to {}", *created.link.to_url());
//!
//!     let options = JoinOptions {
//!         name: Some(Name::new("Ana")?),
//!         creator_token: Some(created.creator_token),
//!         ..JoinOptions::default()
//!     };
//!     let (room, mut events) = connect(created.link, options).await?;
//!     let mut guests = Vec::new();
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Event::ParticipantJoined(guest) => guests.push(guest.label()),
//!             // Who has come can read from here on.
//!             Event::Keyed { .. } => {
//!                 for guest in guests.drain(..) {
//!                     room.send(&format!("Hello, {guest}!"))?;
//!                 }
//!             }
//!             Event::Message(message) => {
//!                 println!("{}: {}", message.author.label(), message.text.as_str());
//!             }
//!             Event::Ended(reason) => println!("It is over: {reason}"),
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A guest has the link as text: `connect(Link::parse(text)?, JoinOptions::default())`.
//!
//! # What there is
//! - [`create_room`] asks a relay for a room and gives a [`CreatedRoom`]: link, PIN, creator token.
//! - [`connect`] joins, and gives a [`Room`] to act with and [`Events`] to listen to.
//! - [`Error`] says what went wrong; [`Error::code`] gives the number and name of the error registry.
//!
//! Everything else (events, ids, texts, links) is the core's, and re-exported here; [`burnchat_core`] is there as a
//! whole too.
//!
//! # What happens behind it
//! One task for each room. A broken connection is opened again, after a wait that doubles from 250 ms to 8 s, drawn
//! anew between nothing and that; the seat is taken up again without a message lost ([`Event::Resumed`]), or, if the
//! relay no longer has it, afresh ([`Event::Rejoining`]). A relay that does not answer in 10 s, or is silent for 25, is
//! given up. The clock is taken from the wall once and is not stepped after that; on Linux, Android, Windows and Apple's
//! systems it counts the time the machine sleeps.
//!
//! The room burns by that clock, whether the relay can be reached or not. Then keys, texts, tokens, the link and the
//! events nobody has taken are wiped; [`Event::Ended`] is what is left.
//!
//! # What it does not do
//! It uses no proxy and follows no redirect. It logs nothing, but the WebSocket library below logs whole frames at
//! the level `trace`, and the first frame holds tokens: an application that turns its logger up should leave out the
//! target `tungstenite`.

#[cfg(burnchat_sim)]
compile_error!(
    "burnchat_sim takes the cryptography out of the core: nobody may talk with such a build"
);

mod backoff;
mod clock;
mod create;
mod driver;
mod error;
mod relay;
mod room;
mod shared;

use std::sync::Arc;
use std::time::Duration;

pub use burnchat_core;
pub use burnchat_core::client::{
    BurnKind, Client, EndReason, Event, JoinOptions, Message, Participant, Refusal, RoomSettings,
    Status, Unreadable,
};
pub use burnchat_core::crypto::{Name, Secret, SecretBytes, Text, VerificationCode};
pub use burnchat_core::error::Code;
pub use burnchat_core::ids::{EpochId, MessageId, ParticipantId};
pub use burnchat_core::link::Link;
pub use burnchat_core::time::Timestamp;
pub use burnchat_core::wire::{Departure, Role, WhoMayBurn};

pub use self::create::{CreatedRoom, create_room};
pub use self::error::Error;
pub use self::room::{Events, Room};

use self::relay::Relay;
use self::shared::Shared;

/// How long the first join may take once the relay has been reached.
const JOIN_PATIENCE: Duration = Duration::from_secs(15);

/// Joins the room of `link`. Call it in a tokio runtime: it starts the task that drives the room.
///
/// # Errors
/// [`Error::Refused`] (`room_not_found`, `wrong_pin`, `room_full`, …), [`Error::Protocol`] (`bad_link`, `clock_skew`,
/// `history_mismatch`, …), [`Error::Ended`] if the room burned meanwhile, and [`Error::Unreachable`]: the first
/// connection is tried once, only later ones again and again.
pub async fn connect(link: Link, options: JoinOptions) -> Result<(Room, Events), Error> {
    let relay = Relay::at(link.base())?;
    let room_id = link.room_id();
    let socket = relay.open(room_id).await?;
    let shared = Arc::new(Shared::new(|rng| Client::new(link, options, rng)));
    let mut events = Events::new(Arc::clone(&shared));
    tokio::spawn(driver::drive(Arc::clone(&shared), relay, room_id, socket));
    tokio::time::timeout(JOIN_PATIENCE, events.joined())
        .await
        .unwrap_or_else(|_| Err(Error::timed_out("the relay did not let us in in time")))?;
    Ok((Room::new(shared), events))
}

/// The operating system's randomness. That it can fail is a formality; a client without it can't go on.
type Rng = rand_core::UnwrapErr<getrandom::SysRng>;

const fn rng() -> Rng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
