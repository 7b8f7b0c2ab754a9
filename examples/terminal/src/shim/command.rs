//! What comes in: one JSON object a line.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use burnchat_client::{Code, MessageId, ParticipantId};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::problem::Problem;

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Send {
        text: Zeroizing<String>,
        burn_after: Duration,
    },
    Kick {
        id: ParticipantId,
        renew: bool,
    },
    Lock {
        locked: bool,
    },
    Extend {
        seconds: u64,
    },
    Renew,
    Burn,
    Verify,
    Who,
    Link,
    Read {
        author: ParticipantId,
        id: MessageId,
    },
    Typing {
        typing: bool,
    },
    Leave,
}

/// Every member any command has. Unknown ones are ignored, so that scripts written for later versions can say more.
///
/// Integers are wide, so that one out of its command's range is known for an integer.
#[derive(Deserialize)]
struct Members {
    cmd: String,
    #[serde(default, deserialize_with = "wiped")]
    text: Option<Zeroizing<String>>,
    burn_after_ms: Option<i128>,
    id: Option<String>,
    author: Option<String>,
    renew: Option<bool>,
    locked: Option<bool>,
    seconds: Option<i128>,
    typing: Option<bool>,
}

impl Command {
    pub(super) fn parse(line: &str) -> Result<Self, Problem> {
        let malformed = |_| Problem::malformed();
        serde_json::from_str::<EachOnce>(line).map_err(malformed)?;
        let members: Members = serde_json::from_str(line).map_err(malformed)?;
        let participant = |text: Option<String>| ParticipantId::from_base64(&text?);
        Ok(match members.cmd.as_str() {
            "send" => Self::Send {
                text: members
                    .text
                    .ok_or_else(|| Problem::of_member("send", "text"))?,
                burn_after: u32::try_from(members.burn_after_ms.unwrap_or(0))
                    .map(|millis| Duration::from_millis(millis.into()))
                    .map_err(|_| Problem::of_member("send", "burn_after_ms"))?,
            },
            "kick" => Self::Kick {
                id: participant(members.id).ok_or_else(|| Problem::of_member("kick", "id"))?,
                renew: members.renew.unwrap_or(true),
            },
            "lock" => Self::Lock {
                locked: members
                    .locked
                    .ok_or_else(|| Problem::of_member("lock", "locked"))?,
            },
            "extend" => Self::Extend {
                seconds: members
                    .seconds
                    .and_then(|seconds| u64::try_from(seconds).ok())
                    .ok_or_else(|| Problem::of_member("extend", "seconds"))?,
            },
            "renew" => Self::Renew,
            "burn" => Self::Burn,
            "verify" => Self::Verify,
            "who" => Self::Who,
            "link" => Self::Link,
            "read" => Self::Read {
                author: participant(members.author)
                    .ok_or_else(|| Problem::of_member("read", "author"))?,
                id: members
                    .id
                    .and_then(|id| MessageId::from_base64(&id))
                    .ok_or_else(|| Problem::of_member("read", "id"))?,
            },
            "typing" => Self::Typing {
                typing: members
                    .typing
                    .ok_or_else(|| Problem::of_member("typing", "typing"))?,
            },
            "leave" => Self::Leave,
            _ => return Err(Problem::of_code(Code::UnknownType)),
        })
    }
}

/// An object none of whose members stands there twice, not even one that is not known.
struct EachOnce;

impl<'de> Deserialize<'de> for EachOnce {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for EachOnce {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some((name, IgnoredAny)) = members.next_entry::<String, _>()? {
            if !seen.insert(name) {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(self)
    }
}

fn wiped<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Zeroizing<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|text| text.map(Zeroizing::new))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AAECAwQFBgcICQoLDA0ODw";

    #[test]
    fn commands_are_read() {
        let send = Command::parse(r#"{"cmd":"send","text":"hi","burn_after_ms":5,"later":[1]}"#);
        assert_eq!(
            send.unwrap(),
            Command::Send {
                text: Zeroizing::new("hi".to_owned()),
                burn_after: Duration::from_millis(5)
            }
        );
        let kick = Command::parse(&format!(r#"{{"cmd":"kick","id":"{ID}"}}"#));
        let id = ParticipantId::from_base64(ID).unwrap();
        assert_eq!(kick.unwrap(), Command::Kick { id, renew: true });
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_by_its_code() {
        let code = |line| Command::parse(line).unwrap_err().code();
        assert_eq!(code("{"), 100);
        assert_eq!(code("[]"), 100);
        assert_eq!(code(r#"{"cmd":"burn","cmd":"leave"}"#), 100);
        assert_eq!(code(r#"{"cmd":"lock","locked":1}"#), 100);
        assert_eq!(code(r#"{"cmd":"dance"}"#), 102);
        assert_eq!(code(r#"{"cmd":"kick","id":"short"}"#), 709);
        assert_eq!(code(r#"{"cmd":"send"}"#), 709);
        assert_eq!(
            code(r#"{"cmd":"send","text":"a","burn_after_ms":4294967296}"#),
            709
        );
        assert_eq!(
            code(r#"{"cmd":"send","text":"a","burn_after_ms":0.5}"#),
            100
        );
        assert_eq!(code(r#"{"cmd":"extend","seconds":-1}"#), 709);
        assert_eq!(
            code(r#"{"cmd":"extend","seconds":99999999999999999999}"#),
            709
        );
        assert_eq!(code(r#"{"cmd":"extend","seconds":1e3}"#), 100);
        assert_eq!(code(r#"{"cmd":"dance","x":1,"x":2}"#), 100);
        assert_eq!(code(r#"{"cmd":"who","later":1,"later":1}"#), 100);
        assert_eq!(code(r#"{"cmd":"send","text":"\ud800"}"#), 100);
    }
}
