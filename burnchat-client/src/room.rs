//! What an application holds of a room: [`Room`] to act, [`Events`] to know.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use burnchat_core::client::{Event, Participant, Status};
use burnchat_core::crypto::{ReadMessage, VerificationCode};
use burnchat_core::error::Code;
use burnchat_core::ids::{EpochId, MessageId, ParticipantId};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{Role, WhoMayBurn};
use zeroize::Zeroizing;

use crate::Error;
use crate::shared::Shared;

/// A handle to a joined room. Cloning it is cheap; dropping it does nothing ([`Events`] holds the seat).
///
/// No method waits: a command is on its way, or refused, when it returns, and what came of it is an [`Event`]. What
/// can't be sent yet waits inside, within the core's limits, and over a broken connection too.
#[derive(Clone)]
pub struct Room {
    shared: Arc<Shared>,
}

impl Room {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Writes a text to everybody in the room. [`Event::Accepted`] says when it has been delivered to the relay,
    /// [`Event::Unsent`] or [`Event::Unknown`] that it can't be, or may not have been.
    ///
    /// # Errors
    /// `text_empty`, `text_too_long` (32,768 bytes), `queue_full` (256 texts wait), `nobody_here`, `not_joined`, `ended`.
    pub fn send(&self, text: &str) -> Result<MessageId, Error> {
        self.send_burning(text, Duration::ZERO)
    }

    /// Writes a text that burns this long after each reader has read it; zero for when the room does.
    ///
    /// # Errors
    /// As for [`send`](Self::send), and `invalid_parameter` above 49 days.
    pub fn send_burning(&self, text: &str, burn_after: Duration) -> Result<MessageId, Error> {
        let burn_after =
            u32::try_from(burn_after.as_millis()).map_err(|_| Code::InvalidParameter)?;
        self.shared
            .act(|client, now, rng| client.send_text(now, text, burn_after, rng))
    }

    /// Says that the user is typing, or no longer.
    ///
    /// # Errors
    /// `not_joined`, `ended`.
    pub fn set_typing(&self, typing: bool) -> Result<(), Error> {
        self.shared
            .act(|client, now, rng| client.set_typing(now, typing, rng))
    }

    /// Says that the user has seen a message. Its own time, if it has one, begins to run, and its author is told.
    ///
    /// # Errors
    /// `not_joined`, `ended`.
    pub fn mark_read(&self, author: ParticipantId, id: MessageId) -> Result<(), Error> {
        let read = [ReadMessage { sender: author, id }];
        self.shared
            .act(|client, now, rng| client.mark_read(now, &read, rng))
    }

    /// Removes a participant. With `renew_link` the link it holds stops admitting, and the room gets a new one.
    ///
    /// # Errors
    /// `not_creator`, `invalid_parameter` for oneself, `queue_full`, `not_joined`, `ended`.
    pub fn kick(&self, id: ParticipantId, renew_link: bool) -> Result<(), Error> {
        self.shared
            .act(|client, now, rng| client.kick(now, id, renew_link, rng))
    }

    /// Locks the room for newcomers, or opens it again.
    ///
    /// # Errors
    /// `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn lock(&self, locked: bool) -> Result<(), Error> {
        self.shared
            .act(|client, now, rng| client.lock(now, locked, rng))
    }

    /// Replaces the link: the present one stops admitting.
    ///
    /// # Errors
    /// `not_creator`, `queue_full`, `not_joined`, `ended`.
    pub fn renew(&self) -> Result<(), Error> {
        self.shared.act(|client, now, rng| client.renew(now, rng))
    }

    /// Makes the room live 1 to 1,800 seconds longer, never past the hard end in its link.
    ///
    /// # Errors
    /// `not_creator`, `invalid_parameter`, `queue_full`, `not_joined`, `ended`.
    pub fn extend(&self, seconds: u64) -> Result<(), Error> {
        self.shared
            .act(|client, now, rng| client.extend(now, seconds, rng))
    }

    /// Burns the room for everyone, now.
    ///
    /// # Errors
    /// `not_creator` where only creators may, `queue_full`, `not_joined`, `ended`.
    pub fn burn(&self) -> Result<(), Error> {
        self.shared.act(|client, now, rng| client.burn(now, rng))
    }

    /// Leaves, and wipes everything. What was under way is sent first, if that takes no time.
    pub fn leave(&self) {
        self.shared.leave();
    }

    /// The link to share, with the newest ticket this client knows; a secret. None after the end.
    #[must_use]
    pub fn link(&self) -> Option<Zeroizing<String>> {
        self.shared
            .ask(|client, _| client.link().map(|link| link.to_url()))
    }

    /// Whether [`link`](Self::link) admits: false for a moment after somebody else has replaced it.
    #[must_use]
    pub fn link_is_current(&self) -> bool {
        self.shared.ask(|client, _| client.link_is_current())
    }

    /// One's own id, while joined.
    #[must_use]
    pub fn id(&self) -> Option<ParticipantId> {
        self.shared.ask(|client, _| client.id())
    }

    /// One's own role, while joined.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.shared.ask(|client, _| client.role())
    }

    /// Who is in the room, in join order, oneself included.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        self.shared.ask(|client, _| client.participants())
    }

    /// What people compare to know that nobody is between them, while joined. It changes whenever somebody joins or
    /// leaves ([`Event::VerificationChanged`]).
    #[must_use]
    pub fn verification(&self) -> Option<VerificationCode> {
        self.shared.ask(|client, _| client.verification())
    }

    /// The newest epoch whose key this client holds, and the roster version it is for.
    #[must_use]
    pub fn epoch(&self) -> Option<(u64, EpochId)> {
        self.shared.ask(|client, _| client.epoch())
    }

    /// Until this client's own clock ends the room, once joined.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.shared.ask(|client, now| {
            let end = client.ends_at()?;
            Some(Duration::from_millis(end.millis_since(now)))
        })
    }

    /// The time by the room's clock: that of its messages.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Whether nobody new is let in.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.shared.ask(|client, _| client.is_locked())
    }

    /// Seats, and who may burn, while joined.
    #[must_use]
    pub fn settings(&self) -> Option<(u16, WhoMayBurn)> {
        self.shared.ask(|client, _| client.room_settings())
    }

    /// Where the participation stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.ask(|client, _| client.status())
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// What happens in a room, in order. Dropping it leaves the room.
///
/// Take the events as they come: once a thousand wait, nothing more is read from the relay until some are taken. The
/// burn does not wait for them; it wipes what was not taken.
pub struct Events {
    shared: Arc<Shared>,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The next event; none after [`Event::Ended`], once the connection is closed too. It is safe to drop the future
    /// and call this again, as in `tokio::select!`.
    pub async fn next(&mut self) -> Option<Event> {
        self.shared.next_event().await
    }

    /// Waits until the relay has let this client in, or not.
    pub(crate) async fn joined(&mut self) -> Result<(), Error> {
        self.shared.joined().await
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
