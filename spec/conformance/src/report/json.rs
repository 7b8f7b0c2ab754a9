//! One JSON document.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{Counts, Out, Reporter};
use crate::context::Way;
use crate::requirements;
use crate::run::Done;

/// One object: `suite`, `cases` (with all frames of those that did not pass), `counts`.
pub struct Json {
    out: Out,
    suite: &'static str,
    frames: bool,
}

impl Json {
    /// Writes to `out` about this suite; with `frames` also the frames of those that passed.
    #[must_use]
    pub fn new(out: Out, suite: &'static str, frames: bool) -> Self {
        Self { out, suite, frames }
    }
}

impl Reporter for Json {
    fn begin(&mut self, _: usize) {}

    fn done(&mut self, _: &Done) {}

    fn end(&mut self, cases: &[Done]) {
        let counts = Counts::of(cases);
        let document = json!({
            "suite": self.suite,
            "version": env!("CARGO_PKG_VERSION"),
            "cases": cases.iter().map(|case| self.value(case)).collect::<Vec<_>>(),
            "counts": {
                "pass": counts.pass,
                "fail": counts.fail,
                "non-strict": counts.non_strict,
                "not-implemented": counts.not_implemented,
                "skipped": counts.skipped,
            },
        });
        let _ = writeln!(self.out, "{document:#}");
        let _ = self.out.flush();
    }
}

impl Json {
    fn value(&self, case: &Done) -> Value {
        let requirements: Vec<Value> = case
            .requirements
            .iter()
            .map(|id| json!({"id": id, "text": requirements::text_of(id)}))
            .collect();
        let mut value = json!({
            "name": case.name,
            "level": case.level,
            "requirements": requirements,
            "verdict": case.verdict.word(),
            "seconds": case.took.as_secs_f64(),
        });
        let Some(members) = value.as_object_mut() else {
            return value;
        };
        if let crate::case::Verdict::Fail { expected, got } = &case.verdict {
            members.insert("expected".to_owned(), expected.as_str().into());
            members.insert("got".to_owned(), got.as_str().into());
        } else if case.verdict.word() != "pass" {
            members.insert("why".to_owned(), case.verdict.explanation().into());
        }
        if self.frames || case.verdict.word() != "pass" {
            let frames: Vec<Value> = case
                .frames
                .iter()
                .map(|line| {
                    let way = match line.way {
                        Way::Sent => "sent",
                        Way::Received => "received",
                        Way::Note => "note",
                    };
                    json!({"at": line.at.as_secs_f64(), "who": line.who, "way": way, "text": line.text})
                })
                .collect();
            members.insert("frames".to_owned(), frames.into());
        }
        value
    }
}
