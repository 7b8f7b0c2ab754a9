//! What can go wrong, and whose fault it is.

use std::io;

use burnchat_core::client::{EndReason, Refusal};
use burnchat_core::error::Code;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The relay would not make the room, or not let this client in.
    #[error("the relay refuses: {}", .0.code)]
    Refused(Refusal),
    /// The core refuses: a link that does not parse, a command that makes no sense now, a relay that breaks the rules.
    #[error(transparent)]
    Protocol(#[from] burnchat_core::error::Error),
    /// The participation was over before the command, or before it had begun.
    #[error("it is over: {0}")]
    Ended(EndReason),
    /// There is no relay to talk to: the address does not resolve, nobody answers, the certificate is not good.
    #[error("the relay can't be reached")]
    Unreachable(#[source] io::Error),
}

impl Error {
    /// The code of the error registry (spec section 15); none for [`Unreachable`](Self::Unreachable), and for an end
    /// that is no error.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Protocol(error) => Some(error.code()),
            Self::Ended(reason) => end_code(reason),
            Self::Unreachable(_) => None,
        }
    }

    pub(crate) fn of_end(reason: EndReason) -> Self {
        match reason {
            EndReason::Refused(refusal) => Self::Refused(refusal),
            EndReason::Failed(error) => Self::Protocol(error),
            _ => Self::Ended(reason),
        }
    }

    pub(crate) fn timed_out(what: &str) -> Self {
        Self::Unreachable(io::Error::new(io::ErrorKind::TimedOut, what))
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::Protocol(code.into())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error)
    }
}

fn end_code(reason: &EndReason) -> Option<Code> {
    match reason {
        EndReason::Kicked => Some(Code::Kicked),
        EndReason::Refused(refusal) => Some(refusal.code),
        EndReason::Failed(error) => Some(error.code()),
        _ => None,
    }
}
