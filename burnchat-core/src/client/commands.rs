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

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: ParticipantId = ParticipantId([1; 16]);
    const BEN: ParticipantId = ParticipantId([2; 16]);
    const OLD: TicketHash = TicketHash([3; 32]);
    const NEW: TicketHash = TicketHash([4; 32]);
    const EXTEND: Command = Command::Extend {
        seconds: 60,
        after: 0,
    };

    fn kick(id: ParticipantId, ticket_hash: Option<TicketHash>) -> Command {
        Command::Kick { id, ticket_hash }
    }

    fn under_way(commands: &[Command]) -> Commands {
        let mut all = Commands::default();
        for command in commands {
            all.add(command.clone()).unwrap();
        }
        all
    }

    /// What is left of all these when the log has shown this.
    fn left_after(seen: Seen, commands: &[Command]) -> Vec<Command> {
        let mut all = under_way(commands);
        all.seen(seen);
        all.0
    }

    fn left_when_refused(code: Code, commands: &[Command]) -> Vec<Command> {
        let mut all = under_way(commands);
        all.refused(code);
        all.0
    }

    #[test]
    fn a_command_is_kept_until_the_log_shows_it_and_no_other_goes_with_it() {
        let (lock, unlock) = (Command::Lock(true), Command::Lock(false));
        assert_eq!(
            left_after(Seen::Locked(true), &[lock.clone(), unlock.clone(), EXTEND]),
            [unlock, EXTEND]
        );
        assert_eq!(
            left_after(Seen::Left(ANA), &[kick(ANA, None), kick(BEN, None), lock]),
            [kick(BEN, None), Command::Lock(true)]
        );
        assert_eq!(
            left_after(
                Seen::Renewed(NEW),
                &[
                    Command::Renew(OLD),
                    Command::Renew(NEW),
                    kick(ANA, Some(NEW)),
                    kick(BEN, Some(OLD)),
                    kick(BEN, None)
                ]
            ),
            [Command::Renew(OLD), kick(BEN, Some(OLD)), kick(BEN, None)]
        );
        assert_eq!(
            left_after(Seen::Extended, &[EXTEND, Command::Burn, EXTEND]),
            [Command::Burn]
        );
    }

    #[test]
    fn of_a_kick_whose_target_is_gone_the_new_ticket_is_left_to_ask_for() {
        assert_eq!(
            left_after(
                Seen::Left(ANA),
                &[kick(ANA, Some(NEW)), kick(BEN, Some(OLD))]
            ),
            [Command::Renew(NEW), kick(BEN, Some(OLD))]
        );
    }

    #[test]
    fn a_refusal_forgets_what_it_can_have_been_about_and_nothing_else() {
        let all = [
            Command::Lock(true),
            kick(ANA, None),
            EXTEND,
            kick(BEN, None),
            EXTEND,
        ];
        let [lock, first_kick, extension, second_kick, _] = all.clone();
        assert_eq!(left_when_refused(Code::NotCreator, &all), []);
        assert_eq!(
            left_when_refused(Code::UnknownParticipant, &all),
            [
                lock.clone(),
                extension.clone(),
                second_kick.clone(),
                extension.clone()
            ]
        );
        for code in [Code::PastNotAfter, Code::ExtendConflict] {
            assert_eq!(
                left_when_refused(code, &all),
                [lock.clone(), first_kick.clone(), second_kick.clone()]
            );
        }
        assert_eq!(left_when_refused(Code::BadRequest, &all), all[1..]);
        assert_eq!(left_when_refused(Code::RateLimited, &all), all);
    }

    #[test]
    fn more_commands_than_are_kept_are_not_taken() {
        let mut all = Commands::default();
        for _ in 0..PENDING {
            assert_eq!(all.add(EXTEND), Ok(()));
        }
        assert_eq!(all.add(EXTEND), Err(Code::QueueFull));
        assert_eq!(all.iter().count(), PENDING);
    }
}
