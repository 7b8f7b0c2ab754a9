//! The Test Anything Protocol, version 13.

use std::io::Write as _;

use super::{Out, Reporter};
use crate::case::Verdict;
use crate::run::Done;

/// Lines as cases end; the frames of those that failed as diagnostics.
pub struct Tap {
    out: Out,
    number: usize,
}

impl Tap {
    /// Writes to `out`.
    #[must_use]
    pub fn new(out: Out) -> Self {
        Self { out, number: 0 }
    }

    fn write(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }
}

impl Reporter for Tap {
    fn begin(&mut self, cases: usize) {
        self.write(&format!("TAP version 13\n1..{cases}"));
    }

    fn done(&mut self, case: &Done) {
        self.number += 1;
        let number = self.number;
        let name = case.name;
        let said = case.verdict.explanation().replace(['\n', '#'], " ");
        match &case.verdict {
            Verdict::Pass => self.write(&format!("ok {number} - {name}")),
            Verdict::Fail { .. } => {
                self.write(&format!("not ok {number} - {name}\n# {said}"));
                for line in &case.frames {
                    self.write(&format!("# {}", line.short().replace('\n', " ")));
                }
            }
            Verdict::NonStrict(_) => {
                self.write(&format!("ok {number} - {name}\n# non-strict: {said}"));
            }
            Verdict::NotImplemented(_) => {
                self.write(&format!(
                    "ok {number} - {name} # SKIP not implemented: {said}"
                ));
            }
            Verdict::Skipped(_) => self.write(&format!("ok {number} - {name} # SKIP {said}")),
        }
    }

    fn end(&mut self, _: &[Done]) {}
}
