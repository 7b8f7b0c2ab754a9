//! JUnit XML, which CI systems show.

use std::fmt::Write as _;
use std::io::Write as _;

use super::{Counts, Out, Reporter};
use crate::case::Verdict;
use crate::run::Done;

/// One `testsuite`; the class of a case is `suite.area.section`.
pub struct Junit {
    out: Out,
    suite: &'static str,
}

impl Junit {
    /// Writes to `out` about this suite.
    #[must_use]
    pub fn new(out: Out, suite: &'static str) -> Self {
        Self { out, suite }
    }
}

impl Reporter for Junit {
    fn begin(&mut self, _: usize) {}

    fn done(&mut self, _: &Done) {}

    fn end(&mut self, cases: &[Done]) {
        let _ = self.out.write_all(document(self.suite, cases).as_bytes());
        let _ = self.out.flush();
    }
}

fn document(suite: &str, cases: &[Done]) -> String {
    let counts = Counts::of(cases);
    let seconds: f64 = cases.iter().map(|case| case.took.as_secs_f64()).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuites><testsuite name=\"burnchat-conformance {suite}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{seconds:.3}\">",
        cases.len(),
        counts.fail,
        counts.skipped + counts.not_implemented,
    );
    for case in cases {
        let mut parts = case.name.rsplitn(2, '/');
        let name = parts.next().unwrap_or_default();
        let class = parts.next().unwrap_or_default().replace('/', ".");
        let _ = write!(
            xml,
            "  <testcase classname=\"{suite}.{}\" name=\"{}\" time=\"{:.3}\">",
            escaped(&class),
            escaped(name),
            case.took.as_secs_f64(),
        );
        let said = escaped(&case.verdict.explanation());
        match &case.verdict {
            Verdict::Pass => {}
            Verdict::Fail { .. } => {
                let _ = write!(xml, "<failure message=\"{said}\">");
                for line in &case.frames {
                    let _ = writeln!(xml, "{}", escaped(&line.short()));
                }
                xml.push_str("</failure>");
            }
            Verdict::NonStrict(_) => {
                let _ = write!(xml, "<system-out>non-strict: {said}</system-out>");
            }
            Verdict::NotImplemented(_) => {
                let _ = write!(xml, "<skipped message=\"not implemented: {said}\"/>");
            }
            Verdict::Skipped(_) => {
                let _ = write!(xml, "<skipped message=\"{said}\"/>");
            }
        }
        xml.push_str("</testcase>\n");
    }
    xml.push_str("</testsuite></testsuites>\n");
    xml
}

/// Text for XML 1.0, in which most control characters cannot be said at all.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
