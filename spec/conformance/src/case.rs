//! What a case is, and what can come of it.

use std::fmt;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::context::Context;

/// One test of one statement, or of a few that only show together.
pub struct Case<T> {
    /// `area/section/what-happens`, such as `epochs/7.3/unknown-steward`.
    pub name: &'static str,
    /// The ids of the requirements it shows (see [`requirements`](crate::requirements)).
    pub requirements: &'static [&'static str],
    /// How much the statement binds.
    pub level: Level,
    /// Whether it waits for seconds: such cases are begun first, so that they overlap with all others.
    pub slow: bool,
    /// Runs it.
    pub run: Run<T>,
}

/// The body of a case; [`case!`](crate::case!) makes it of an `async fn`.
pub type Run<T> = for<'a> fn(&'a Context<T>) -> Running<'a>;

/// A case that runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// What the body of a case gives: nothing where all was as it should be.
pub type Outcome<V = ()> = Result<V, Stop>;

/// How much a statement binds (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// An implementation without it is not Burnchat.
    Must,
    /// There may be reasons to do otherwise. A failure is a `non-strict`.
    Should,
    /// As one likes; a case can only show that what is done is done right.
    May,
}

/// Why a case stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Something else came than the spec says.
    Fail {
        /// What the spec says.
        expected: String,
        /// What came.
        got: String,
    },
    /// It is not as the spec says it, and not forbidden either.
    NonStrict(String),
    /// The implementation says that it does not have what the case is about.
    NotImplemented(String),
    /// It could not be looked at here.
    Skipped(String),
}

/// What has come of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All was as it should be.
    Pass,
    /// See [`Stop::Fail`].
    Fail {
        /// What the spec says.
        expected: String,
        /// What came.
        got: String,
    },
    /// See [`Stop::NonStrict`].
    NonStrict(String),
    /// See [`Stop::NotImplemented`].
    NotImplemented(String),
    /// See [`Stop::Skipped`].
    Skipped(String),
}

impl Verdict {
    /// The verdict on a case of this level.
    #[must_use]
    pub fn of(level: Level, outcome: Outcome) -> Self {
        match outcome {
            Ok(()) => Self::Pass,
            Err(Stop::Fail { expected, got }) if level == Level::Must => {
                Self::Fail { expected, got }
            }
            Err(Stop::Fail { expected, got }) => {
                Self::NonStrict(format!("expected {expected}; got {got}"))
            }
            Err(Stop::NonStrict(why)) => Self::NonStrict(why),
            Err(Stop::NotImplemented(what)) => Self::NotImplemented(what),
            Err(Stop::Skipped(why)) => Self::Skipped(why),
        }
    }

    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail { .. } => "fail",
            Self::NonStrict(_) => "non-strict",
            Self::NotImplemented(_) => "not-implemented",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Whether the implementation does not conform.
    #[must_use]
    pub const fn failed(&self) -> bool {
        matches!(self, Self::Fail { .. })
    }

    /// What there is to say of it, on one line; nothing of a pass.
    #[must_use]
    pub fn explanation(&self) -> String {
        match self {
            Self::Pass => String::new(),
            Self::Fail { expected, got } => format!("expected {expected}; got {got}"),
            Self::NonStrict(why) | Self::NotImplemented(why) | Self::Skipped(why) => why.clone(),
        }
    }
}

/// Stops a case: this was expected, that came.
pub fn fail<V>(expected: impl Into<String>, got: impl Into<String>) -> Outcome<V> {
    Err(Stop::Fail {
        expected: expected.into(),
        got: got.into(),
    })
}

/// Stops a case unless it is so.
///
/// # Errors
/// [`Stop::Fail`], with what was expected and what came.
pub fn ensure(so: bool, expected: impl Into<String>, got: impl fmt::Display) -> Outcome {
    if so {
        Ok(())
    } else {
        fail(expected, got.to_string())
    }
}

/// Stops a case unless the two are equal; `what` says of what they are values.
///
/// # Errors
/// [`Stop::Fail`].
pub fn ensure_eq<V: PartialEq + fmt::Debug>(what: &str, got: V, expected: V) -> Outcome {
    if got == expected {
        Ok(())
    } else {
        fail(format!("{what} to be {expected:?}"), format!("{got:?}"))
    }
}

/// A [`Case`](crate::case::Case) whose body is an `async fn(&Context<T>) -> Outcome`:
/// `case!("area/1.2/name", ["1.2/requirement"], body)`. Its level is MUST; `Should` or `May`, and `slow`, may follow.
#[macro_export]
macro_rules! case {
    ($name:expr, [$($requirement:literal),* $(,)?], $body:path $(, $flag:ident)* $(,)?) => {
        $crate::case::Case {
            name: $name,
            requirements: &[$($requirement),*],
            level: $crate::case!(@level $($flag)*),
            slow: $crate::case!(@slow $($flag)*),
            run: |context| ::std::boxed::Box::pin($body(context)),
        }
    };
    (@level) => { $crate::case::Level::Must };
    (@level slow $($flag:ident)*) => { $crate::case!(@level $($flag)*) };
    (@level $level:ident $($flag:ident)*) => { $crate::case::Level::$level };
    (@slow) => { false };
    (@slow slow $($flag:ident)*) => { true };
    (@slow $level:ident $($flag:ident)*) => { $crate::case!(@slow $($flag)*) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_should_is_non_strict() {
        let outcome = fail("a ping within 30 s", "none");
        let verdict = Verdict::of(Level::Should, outcome);
        assert_eq!(verdict.word(), "non-strict");
        assert!(!verdict.failed());
        assert_eq!(
            verdict.explanation(),
            "expected a ping within 30 s; got none"
        );
    }

    #[test]
    fn a_failed_must_is_a_failure() {
        assert!(Verdict::of(Level::Must, fail("a", "b")).failed());
        assert_eq!(Verdict::of(Level::Must, Ok(())), Verdict::Pass);
    }
}
