use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::case::{Level, Verdict};
use crate::context::FrameLog;

/// Somewhere to write, and to read it again.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn one_of_each() -> Vec<Done> {
    let log = FrameLog::default();
    log.sent("ann", r#"{"type":"burn"}"#);
    log.received("ann", "<&\"\u{1}>");
    let done = |name, verdict| Done {
        name,
        requirements: &[],
        level: Level::Must,
        verdict,
        took: Duration::from_millis(1_500),
        frames: log.lines(),
    };
    let failed = Verdict::Fail {
        expected: "`destroyed` first".to_owned(),
        got: "code 1006".to_owned(),
    };
    vec![
        done("burn/12.3/in-order", Verdict::Pass),
        done("burn/12.3/everyone-is-told", failed),
        done("burn/12.3/soon", Verdict::NonStrict("late".to_owned())),
        done(
            "http/13.5/session",
            Verdict::NotImplemented("404".to_owned()),
        ),
        done(
            "limits/16/peers",
            Verdict::Skipped("one address".to_owned()),
        ),
    ]
}

fn written(reporter: impl FnOnce(Out) -> Box<dyn Reporter>) -> String {
    let paper = Paper::default();
    let mut reporter = reporter(Box::new(paper.clone()));
    let cases = one_of_each();
    reporter.begin(cases.len());
    for case in &cases {
        reporter.done(case);
    }
    reporter.end(&cases);
    paper.text()
}

#[test]
fn people_see_progress_and_why_something_failed() {
    let text = written(|out| Box::new(Readable::new(out, false)));
    assert!(text.contains("[2/5] fail            burn/12.3/everyone-is-told (1.5 s)\n    expected: `destroyed` first\n    got:      code 1006\n"), "{text}");
    assert!(text.contains(r#"ann → {"type":"burn"}"#));
    assert!(text.contains("1 passed, 1 failed, 1 non-strict, 1 not implemented, 1 skipped"));
    assert!(text.contains("failed: burn/12.3/everyone-is-told"));
}

#[test]
fn people_who_ask_for_frames_see_those_of_every_case() {
    let text = written(|out| Box::new(Readable::new(out, true)));
    assert_eq!(text.matches(r#"{"type":"burn"}"#).count(), 5);
}

#[test]
fn programs_get_one_json_document() {
    let text = written(|out| Box::new(Json::new(out, "relay", false)));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["suite"], "relay");
    assert_eq!(document["counts"]["non-strict"], 1);
    assert_eq!(document["cases"][1]["expected"], "`destroyed` first");
    assert_eq!(document["cases"][1]["frames"][0]["way"], "sent");
    assert_eq!(document["cases"][4]["why"], "one address");
    assert!(document["cases"][0].get("frames").is_none());
}

#[test]
fn junit_counts_and_escapes() {
    let text = written(|out| Box::new(Junit::new(out, "relay")));
    assert!(text.contains("tests=\"5\" failures=\"1\" errors=\"0\" skipped=\"2\""));
    assert!(text.contains(
        "<testcase classname=\"relay.burn.12.3\" name=\"in-order\" time=\"1.500\"></testcase>"
    ));
    assert!(text.contains("&lt;&amp;&quot;\\u{1}&gt;"), "{text}");
    assert_eq!(
        text.matches("<testcase ").count(),
        text.matches("</testcase>").count()
    );
}

#[test]
fn tap_has_a_plan_and_a_line_for_each() {
    let text = written(|out| Box::new(Tap::new(out)));
    assert!(text.starts_with(
        "TAP version 13\n1..5\nok 1 - burn/12.3/in-order\nnot ok 2 - burn/12.3/everyone-is-told\n"
    ));
    assert!(text.contains("\nok 5 - limits/16/peers # SKIP one address\n"));
}
