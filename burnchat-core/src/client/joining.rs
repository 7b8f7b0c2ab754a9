//! From a link to a seat: what a client keeps between joins, and what it sends to get in (spec sections 5 and 11.2).

use alloc::boxed::Box;

use rand_core::CryptoRng;

use super::Phase;
use super::burns::Burns;
use super::event::{EndReason, Refusal};
use super::roster::Known;
use super::senders::Shown;
use super::session::{Context, Session};
use crate::crypto::{CryptoError, Identity, Name, RoomKeys, Secret, SecretBytes, seal_name};
use crate::error::{Code, Error};
use crate::link::Link;
use crate::time::Timestamp;
use crate::wire::{Bytes, ClientFrame, Join, Joined, PinText, RelayFrame};

/// What a client keeps from one join to the next.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Room {
    pub(super) link: Link,
    pub(super) keys: RoomKeys,
    pub(super) name: Name,
    pub(super) pin: Option<SecretBytes>,
    pub(super) creator_token: Option<Secret<32>>,
    pub(super) seat_token: Option<Secret<32>>,
    /// Until when a seat may be held by a join of this client whose answer was lost.
    pub(super) ghost_until: Option<Timestamp>,
    /// When to connect again, while that is so and the room is full.
    pub(super) connect_at: Option<Timestamp>,
    /// When this client's own clock ends the room.
    pub(super) end: Option<Timestamp>,
    /// Automatic fresh joins since it was last keyed.
    pub(super) rejoins: u8,
    /// Whom it had seen in the room when it last gave up a seat.
    pub(super) known: Known,
    /// The texts it has shown, in whichever seat.
    pub(super) shown: Shown,
    /// And those of them that burn before the room does.
    pub(super) burns: Burns,
}

impl Room {
    /// The relay says anew how long the room lives; never past the link's hard end.
    pub(super) fn set_end(&mut self, now: Timestamp, seconds_remaining: u64) {
        self.end = Some(
            now.plus_seconds(seconds_remaining)
                .min(self.link.not_after()),
        );
    }

    /// The relay repeats how long the room lives: the end can only come nearer.
    pub(super) fn cap_end(&mut self, now: Timestamp, seconds_remaining: u64) {
        let end = now.plus_seconds(seconds_remaining);
        self.end = self.end.map(|present| present.min(end));
    }
}

/// The keys and the entry a `join` was sent with.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Joining {
    me: Identity,
    sealed_name: Bytes<157>,
}

/// Why a step did not go on as it began.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// What came in is refused; nothing moved.
    Refuse(Error),
    /// The room is full, perhaps of this client's own ghost: try again soon.
    RetryJoin,
    /// Join afresh.
    Rejoin(Code),
    End(EndReason),
}

impl Stop {
    pub(super) fn refuse(code: Code) -> Self {
        Self::Refuse(Error::new(code))
    }

    pub(super) fn bad_link() -> Self {
        Self::End(EndReason::Failed(Error::new(Code::BadLink)))
    }

    pub(super) fn kicked() -> Self {
        Self::End(EndReason::Kicked)
    }

    pub(super) fn gone() -> Self {
        Self::End(EndReason::LocalBurn)
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::End(EndReason::Refused(refusal))
    }
}

impl Joining {
    pub(super) fn handle_frame(
        self: Box<Self>,
        frame: RelayFrame,
        cx: &mut Context<'_>,
    ) -> (Phase, Result<(), Stop>) {
        match frame {
            RelayFrame::Joined(joined) => match self.joined(*joined, cx) {
                Ok(session) => (Phase::Joined(Box::new(session)), Ok(())),
                Err(stop) => (Phase::Offline, Err(stop)),
            },
            RelayFrame::Error(error) => {
                let ghost = cx.room.ghost_until.is_some_and(|until| cx.now < until);
                let stop = match error.code {
                    Code::RoomFull if ghost => Stop::RetryJoin,
                    _ => Stop::refused(error.into()),
                };
                (Phase::Offline, Err(stop))
            }
            _ => (
                Phase::Joining(self),
                Err(Stop::refuse(Code::UnexpectedFromRelay)),
            ),
        }
    }

    fn joined(self, joined: Joined, cx: &mut Context<'_>) -> Result<Session, Stop> {
        let failed = |code| Stop::End(EndReason::Failed(Error::new(code)));
        if cx.now >= cx.room.link.not_after() {
            return Err(failed(Code::ClockSkew));
        }
        if joined.history != cx.room.link.history() {
            return Err(failed(Code::HistoryMismatch));
        }
        let own = joined.participants.last();
        if own.is_none_or(|own| own.sealed_name != self.sealed_name || own.role != joined.role) {
            return Err(Stop::Rejoin(Code::Fork));
        }
        Session::new(joined, self.me, cx)
    }
}

/// Makes an identity and sends `join`.
pub(super) fn join(cx: &mut Context<'_>, rng: &mut impl CryptoRng) -> Result<Joining, CryptoError> {
    let me = Identity::generate(rng)?;
    let room = &mut *cx.room;
    let sealed_name = seal_name(&room.keys, &me, &room.name, rng)?;
    let kem_pub = *me.kem().public_key().as_bytes();
    let sig_pub = *me.signing().verifying_key().as_bytes();
    let join_proof = room.keys.join_proof(&kem_pub, &sig_pub, &sealed_name);
    let sealed_name = Bytes(sealed_name);
    let copy = |token: &Secret<32>| Secret::copy_of(token.as_bytes());
    let seat_token = room.seat_token.as_ref().map(copy);
    let frame = ClientFrame::Join(Box::new(Join {
        kem_pub: Bytes(kem_pub),
        sig_pub: Bytes(sig_pub),
        sealed_name,
        join_proof: Bytes(join_proof),
        ticket: Some(Secret::copy_of(room.link.ticket().as_secret().as_bytes())),
        // A seat keeps its role: whoever takes one up needs neither.
        pin: room
            .pin
            .as_ref()
            .filter(|_| seat_token.is_none())
            .map(|pin| PinText(SecretBytes::copy_of(pin.as_slice()))),
        creator_token: room.creator_token.as_ref().map(copy),
        seat_token,
    }));
    cx.send(&frame);
    Ok(Joining { me, sealed_name })
}
