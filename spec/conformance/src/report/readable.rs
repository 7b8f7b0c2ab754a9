//! The report for people.

use std::io::Write as _;
use std::time::Instant;

use super::{Counts, Out, Reporter};
use crate::case::Verdict;
use crate::requirements;
use crate::run::Done;

/// A line for each case as it ends, the frames of those that fail, and a summary.
pub struct Readable {
    out: Out,
    /// Whether every frame of every case is shown.
    frames: bool,
    begun: Instant,
    cases: usize,
    done: usize,
}

/// So many of the last frames of a case that failed are shown.
const LAST_FRAMES: usize = 30;

impl Readable {
    /// Writes to `out`; with `frames` all frames of all cases, whole.
    #[must_use]
    pub fn new(out: Out, frames: bool) -> Self {
        Self {
            out,
            frames,
            begun: Instant::now(),
            cases: 0,
            done: 0,
        }
    }

    fn write(&mut self, text: &str) {
        // Nobody is left to be told of it.
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }
}

impl Reporter for Readable {
    fn begin(&mut self, cases: usize) {
        self.begun = Instant::now();
        self.cases = cases;
    }

    fn done(&mut self, case: &Done) {
        self.done += 1;
        let width = self.cases.to_string().len();
        let line = format!(
            "[{:>width$}/{}] {:<15} {} ({:.1} s)",
            self.done,
            self.cases,
            case.verdict.word(),
            case.name,
            case.took.as_secs_f64(),
        );
        self.write(&line);
        match &case.verdict {
            Verdict::Pass => {}
            Verdict::Fail { expected, got } => {
                for id in case.requirements {
                    let words = requirements::text_of(id).unwrap_or("?");
                    self.write(&format!("    {id} ({:?}): {words}", case.level));
                }
                self.write(&format!("    expected: {expected}"));
                self.write(&format!("    got:      {got}"));
            }
            other => self.write(&format!("    {}", other.explanation())),
        }
        let shown = if self.frames {
            case.frames.len()
        } else if case.verdict.failed() {
            LAST_FRAMES.min(case.frames.len())
        } else {
            0
        };
        if shown < case.frames.len() && shown > 0 {
            let more = case.frames.len() - shown;
            self.write(&format!(
                "    … {more} earlier lines (all of them with --frames)"
            ));
        }
        for line in case.frames.iter().skip(case.frames.len() - shown) {
            let text = if self.frames {
                line.whole()
            } else {
                line.short()
            };
            self.write(&format!("    {text}"));
        }
    }

    fn end(&mut self, cases: &[Done]) {
        let counts = Counts::of(cases);
        self.write("");
        for case in cases.iter().filter(|case| case.verdict.failed()) {
            self.write(&format!("failed: {}", case.name));
        }
        self.write(&format!(
            "{} cases in {:.1} s: {} passed, {} failed, {} non-strict, {} not implemented, {} skipped",
            cases.len(),
            self.begun.elapsed().as_secs_f64(),
            counts.pass,
            counts.fail,
            counts.non_strict,
            counts.not_implemented,
            counts.skipped,
        ));
    }
}
