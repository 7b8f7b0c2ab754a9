//! Reports: for people as it goes, and for programs at the end.

mod json;
mod junit;
mod readable;
mod tap;

use std::io;

pub use json::Json;
pub use junit::Junit;
pub use readable::Readable;
pub use tap::Tap;

use crate::run::Done;

/// Is told of what happens in a run.
pub trait Reporter: Send {
    /// So many cases will be run.
    fn begin(&mut self, cases: usize);

    /// One has ended.
    fn done(&mut self, case: &Done);

    /// All have ended: here they are in the suite's order.
    fn end(&mut self, cases: &[Done]);
}

/// Where a report goes.
pub type Out = Box<dyn io::Write + Send>;

/// How many cases came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub pass: usize,
    /// Failed.
    pub fail: usize,
    /// Passed, with a reservation.
    pub non_strict: usize,
    /// Not implemented.
    pub not_implemented: usize,
    /// Skipped.
    pub skipped: usize,
}

impl Counts {
    /// Counts them.
    #[must_use]
    pub fn of(cases: &[Done]) -> Self {
        let mut counts = Self::default();
        for case in cases {
            match case.verdict.word() {
                "pass" => counts.pass += 1,
                "fail" => counts.fail += 1,
                "non-strict" => counts.non_strict += 1,
                "not-implemented" => counts.not_implemented += 1,
                _ => counts.skipped += 1,
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests;
