//! What went wrong, as an event.

use std::borrow::Cow;

use burnchat_client::{Code, EndReason, Error, ParticipantId, Refusal};
use serde::Serialize;

use crate::stdin::LINE_BYTES;

/// Something went wrong.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// The number of the error registry; 0 for what is not in it.
    code: u16,
    name: &'static str,
    message: Cow<'static, str>,
    /// The command that was at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u64>,
}

impl Problem {
    pub(super) fn of_code(code: Code) -> Self {
        Self {
            code: code.number(),
            name: code.name(),
            message: code.meaning().into(),
            cmd: None,
            about: None,
            retry_after_ms: None,
            attempts_left: None,
        }
    }

    pub(super) fn of_refusal(refusal: Refusal) -> Self {
        Self {
            retry_after_ms: refusal.retry_after_ms,
            attempts_left: refusal.attempts_left,
            ..Self::of_code(refusal.code)
        }
    }

    pub(super) fn of_error(error: &Error) -> Self {
        match (error, error.code()) {
            (Error::Refused(refusal), _) => Self::of_refusal(*refusal),
            (_, Some(code)) => Self::of_code(code),
            (Error::Unreachable(source), None) => Self {
                code: 0,
                name: "unreachable",
                ..Self::of_code(Code::Ended).saying(format!("{error}: {source}"))
            },
            (_, None) => Self::of_code(Code::Ended),
        }
    }

    /// What of an end is an error.
    pub(super) fn of_end(reason: EndReason) -> Option<Self> {
        match reason {
            EndReason::Kicked => Some(Self::of_code(Code::Kicked)),
            EndReason::Refused(refusal) => Some(Self::of_refusal(refusal)),
            EndReason::Failed(error) => Some(Self::of_code(error.code())),
            _ => None,
        }
    }

    /// A line that is no JSON object with a `cmd`, or a member of which has another type than it should.
    pub(super) fn malformed() -> Self {
        Self::of_code(Code::MalformedFrame).saying("a line that is not a command")
    }

    pub(super) fn line_too_long() -> Self {
        Self::of_code(Code::FrameTooLarge).saying(format!("a line above {LINE_BYTES} bytes"))
    }

    /// A member of a command is missing, or its value is not one.
    pub(super) fn of_member(cmd: &'static str, member: &str) -> Self {
        Self::of_code(Code::InvalidParameter)
            .saying(format!("`{member}` is missing or not as it should be"))
            .in_command(cmd)
    }

    pub(super) fn in_command(self, cmd: &'static str) -> Self {
        Self {
            cmd: Some(cmd),
            ..self
        }
    }

    pub(super) fn about(self, participant: Option<ParticipantId>) -> Self {
        Self {
            about: participant.map(|id| id.to_base64()),
            ..self
        }
    }

    fn saying(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            ..self
        }
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> u16 {
        self.code
    }
}
