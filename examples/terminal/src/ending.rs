//! How it ended, and the exit status that says so (spec/shim.md).

use std::process::ExitCode;

use burnchat_client::{BurnKind, Code, EndReason, Error};

/// The exit status where the program knows that it lacks what it is asked for.
pub(crate) const NOT_IMPLEMENTED: u8 = 89;

/// How a run of the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Burned(BurnKind),
    Left,
    Kicked,
    Refused,
    BadLink,
    Unreachable,
    /// The relay contradicts itself or the link; a clock is wrong; the cryptographic library failed.
    Failed,
    /// An argument is out of its range.
    Usage,
    /// Standard output is closed, or the system refuses something.
    Broken,
}

impl Ending {
    pub(crate) fn of(reason: EndReason) -> Self {
        match reason {
            EndReason::Burned(kind) => Self::Burned(kind),
            EndReason::LocalBurn => Self::Burned(BurnKind::Expired),
            EndReason::Kicked => Self::Kicked,
            EndReason::Left => Self::Left,
            EndReason::Refused(refusal) => Self::of_code(refusal.code),
            EndReason::Failed(error) => Self::of_code(error.code()),
            _ => Self::Failed,
        }
    }

    pub(crate) fn of_error(error: &Error) -> Self {
        match error {
            Error::Ended(reason) => Self::of(*reason),
            error => error.code().map_or(Self::Unreachable, Self::of_code),
        }
    }

    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Burned(_) | Self::Left => 0,
            Self::Broken => 1,
            Self::Usage => 2,
            Self::BadLink => 3,
            Self::Refused => 4,
            Self::Kicked => 5,
            Self::Unreachable => 6,
            Self::Failed => 7,
        })
    }

    /// The word for it: the `reason` of the shim's last event.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Burned(BurnKind::Expired) => "expired",
            Self::Burned(BurnKind::Asked) => "burned",
            Self::Burned(BurnKind::Shutdown) => "shutdown",
            Self::Left => "left",
            Self::Kicked => "kicked",
            Self::Refused => "refused",
            Self::BadLink => "bad_link",
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Broken => "broken",
        }
    }

    /// A sentence for people.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Burned(BurnKind::Expired) => "The room has burned: its time was over.",
            Self::Burned(BurnKind::Asked) => "The room has been burned.",
            Self::Burned(BurnKind::Shutdown) => "The room has burned: the relay was shut down.",
            Self::Left => "You have left the room.",
            Self::Kicked => "You have been removed from the room.",
            Self::Refused => "The relay did not let you in.",
            Self::BadLink => "The link is bad.",
            Self::Unreachable => "The relay can't be reached.",
            Self::Failed => "It can't go on.",
            Self::Usage => "That is not possible.",
            Self::Broken => "Standard output is closed, or the system refuses something.",
        }
    }

    fn of_code(code: Code) -> Self {
        match code {
            Code::BadLink => Self::BadLink,
            Code::Kicked => Self::Kicked,
            Code::InvalidParameter => Self::Usage,
            // The registry's section "Links".
            code if (600..700).contains(&code.number()) => Self::BadLink,
            // Its sections "Requests and frames" to "Limits": what relays say.
            code if code.number() < 600 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_registry_has_its_ending() {
        let ending = |name| Ending::of_code(Code::from_name(name).unwrap());
        assert_eq!(ending("wrong_pin"), Ending::Refused);
        assert_eq!(ending("link_mistyped"), Ending::BadLink);
        assert_eq!(ending("bad_link"), Ending::BadLink);
        assert_eq!(ending("kicked"), Ending::Kicked);
        assert_eq!(ending("fork"), Ending::Failed);
        assert_eq!(ending("clock_skew"), Ending::Failed);
    }
}
