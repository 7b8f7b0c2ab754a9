//! Commands to the relay, until the log shows them (spec section 11.5).

use alloc::vec::Vec;

use crate::error::Code;
use crate::ids::{ParticipantId, TicketHash};
use crate::wire::{ClientFrame, Extend, Kick, Lock, Nothing, Renew};

/// How many commands a client keeps for sending again.
const PENDING: usize = 32;

/// A command whose entry has not been seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(burnchat_sim, derive(Hash))]
pub(super) enum Command {
    Lock(bool),
    Kick {
        id: ParticipantId,
        ticket_hash: Option<TicketHash>,
    },
    Renew(TicketHash),
    Extend {
        seconds: u64,
        after: u64,
    },
    Burn,
}

impl Command {
    pub(super) fn to_frame(&self) -> ClientFrame {
        match *self {
            Self::Lock(locked) => ClientFrame::Lock(Lock { locked }),
            Self::Kick { id, ticket_hash } => ClientFrame::Kick(Kick { id, ticket_hash }),
            Self::Renew(ticket_hash) => ClientFrame::Renew(Renew { ticket_hash }),
            Self::Extend { seconds, after } => ClientFrame::Extend(Extend { seconds, after }),
            Self::Burn => ClientFrame::Burn(Nothing {}),
        }
    }
}

/// What the log has shown, as far as commands are concerned.
#[derive(Clone, Copy)]
pub(super) enum Seen {
    Locked(bool),
    Left(ParticipantId),
    Renewed(TicketHash),
    Extended,
}

/// The commands under way, oldest first.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Commands(Vec<Command>);

impl Commands {
    /// # Errors
    /// `queue_full`.
    pub(super) fn add(&mut self, command: Command) -> Result<(), Code> {
        if self.0.len() >= PENDING {
            return Err(Code::QueueFull);
        }
        self.0.push(command);
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Command> {
        self.0.iter()
    }

    /// Forgets what the log has shown.
    pub(super) fn seen(&mut self, seen: Seen) {
        for command in &mut self.0 {
            // What is left of a kick once its target is gone is the renewal.
            if let (
                Command::Kick {
                    id,
                    ticket_hash: Some(hash),
                },
                Seen::Left(left),
            ) = (&*command, seen)
                && *id == left
            {
                *command = Command::Renew(*hash);
            }
        }
        self.0.retain(|command| match (command, seen) {
            (Command::Lock(asked), Seen::Locked(is)) => *asked != is,
            (Command::Kick { id, .. }, Seen::Left(left)) => *id != left,
            (
                Command::Kick {
                    ticket_hash: Some(asked),
                    ..
                }
                | Command::Renew(asked),
                Seen::Renewed(is),
            ) => *asked != is,
            (Command::Extend { .. }, Seen::Extended) => false,
            _ => true,
        });
    }

    /// Forgets what the relay has refused. Errors do not name the command; the code says which it can have been.
    pub(super) fn refused(&mut self, code: Code) {
        match code {
            Code::NotCreator => self.0.clear(),
            Code::UnknownParticipant => {
                self.forget_first(|command| matches!(command, Command::Kick { .. }))
            }
            Code::PastNotAfter | Code::ExtendConflict => {
                self.0
                    .retain(|command| !matches!(command, Command::Extend { .. }));
            }
            Code::BadRequest => self.forget_first(|_| true),
            _ => {}
        }
    }

    fn forget_first(&mut self, wanted: impl Fn(&Command) -> bool) {
        if let Some(place) = self.0.iter().position(wanted) {
            self.0.remove(place);
        }
    }
}
