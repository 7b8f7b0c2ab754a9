//! Runs cases, many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::{Case, Level, Stop, Verdict};
use crate::context::{Context, FrameLog, Line};
use crate::report::Reporter;

/// How cases are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only cases whose name holds one of these; all of them if there is none. A section (`7.3`) means that section and
    /// what is below it.
    pub only: Vec<String>,
    /// How many at once.
    pub jobs: usize,
    /// How often each.
    pub repeat: u32,
    /// How long a case may take.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            jobs: 32,
            repeat: 1,
            patience: Duration::from_secs(90),
        }
    }
}

/// A case that has been run.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub requirements: &'static [&'static str],
    /// How much it binds.
    pub level: Level,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
    /// What was said.
    pub frames: Vec<Line>,
}

/// Runs those of the cases that the options choose, tells the reporters of each as it ends, and returns them in the
/// suite's order.
pub async fn run<T: Send + Sync + 'static>(
    cases: &'static [Case<T>],
    target: Arc<T>,
    options: &Options,
    reporters: &mut [Box<dyn Reporter>],
) -> Vec<Done> {
    let mut chosen: Vec<(usize, &'static Case<T>)> = cases
        .iter()
        .filter(|case| is_chosen(case.name, &options.only))
        .flat_map(|case| (0..options.repeat.max(1)).map(move |_| case))
        .enumerate()
        .collect();
    for reporter in &mut *reporters {
        reporter.begin(chosen.len());
    }
    chosen.sort_by_key(|(_, case)| !case.slow);

    let places = Arc::new(Semaphore::new(options.jobs.max(1)));
    let mut running = JoinSet::new();
    for (place, case) in chosen {
        let (places, target, patience) = (places.clone(), target.clone(), options.patience);
        running.spawn(async move {
            let _place = places.acquire_owned().await;
            (place, run_one(case, target, place, patience).await)
        });
    }

    let mut done = Vec::new();
    while let Some(ended) = running.join_next().await {
        // What panics in a case is caught in `run_one`.
        let Ok((place, case)) = ended else { continue };
        for reporter in &mut *reporters {
            reporter.done(&case);
        }
        done.push((place, case));
    }
    done.sort_by_key(|(place, _)| *place);
    let done: Vec<Done> = done.into_iter().map(|(_, case)| case).collect();
    for reporter in &mut *reporters {
        reporter.end(&done);
    }
    done
}

/// Whether a name is chosen: by a part of it, or by its section.
#[must_use]
pub fn is_chosen(name: &str, only: &[String]) -> bool {
    let section = name.split('/').nth(1).unwrap_or_default();
    only.is_empty()
        || only.iter().any(|wanted| {
            let below = section.strip_prefix(wanted.as_str());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                || (!is_section(wanted) && name.contains(wanted.as_str()))
        })
}

fn is_section(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

async fn run_one<T: Send + Sync + 'static>(
    case: &'static Case<T>,
    target: Arc<T>,
    number: usize,
    patience: Duration,
) -> Done {
    let context = Context::new(target, number);
    let log: FrameLog = context.log.clone();
    let begun = Instant::now();
    // A task of its own, so that a case that panics is one that failed.
    let body = tokio::spawn(async move {
        tokio::time::timeout(patience, (case.run)(&context))
            .await
            .unwrap_or_else(|_| {
                Err(Stop::Fail {
                    expected: "an end of the case".to_owned(),
                    got: format!("none in {} s", patience.as_secs()),
                })
            })
    });
    let outcome = body.await.unwrap_or_else(|panicked| {
        Err(Stop::Fail {
            expected: "the case to run".to_owned(),
            got: format!("a fault of the suite's own: {panicked}"),
        })
    });
    Done {
        name: case.name,
        requirements: case.requirements,
        level: case.level,
        verdict: Verdict::of(case.level, outcome),
        took: begun.elapsed(),
        frames: log.lines(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Outcome, fail};

    async fn good(context: &Context<u32>) -> Outcome {
        context.log.sent("ann", "{}");
        Ok(())
    }

    async fn bad(_: &Context<u32>) -> Outcome {
        fail("one", "another")
    }

    async fn mad(context: &Context<u32>) -> Outcome {
        assert_ne!(*context.target, 7, "mad");
        Ok(())
    }

    async fn endless(_: &Context<u32>) -> Outcome {
        std::future::pending().await
    }

    static CASES: [Case<u32>; 4] = [
        crate::case!("a/7.3/good", ["7.3/x"], good),
        crate::case!("a/7/bad", [], bad),
        crate::case!("b/7.30/mad", [], mad, slow),
        crate::case!("b/9.1/endless", [], endless, Should, slow),
    ];

    #[tokio::test]
    async fn each_case_gets_its_verdict_and_its_frames_in_the_order_of_the_suite() {
        let options = Options {
            patience: Duration::from_millis(50),
            ..Options::default()
        };
        let done = run(&CASES, Arc::new(7), &options, &mut []).await;
        let words: Vec<_> = done.iter().map(|case| case.verdict.word()).collect();
        assert_eq!(words, ["pass", "fail", "fail", "non-strict"]);
        assert_eq!(done[0].frames.len(), 1);
        assert!(done[2].verdict.explanation().contains("fault of the suite"));
    }

    #[tokio::test]
    async fn a_case_can_be_run_again_and_again() {
        let options = Options {
            only: vec!["good".to_owned()],
            repeat: 5,
            ..Options::default()
        };
        assert_eq!(run(&CASES, Arc::new(7), &options, &mut []).await.len(), 5);
    }

    #[test]
    fn a_section_chooses_itself_and_what_is_below_it() {
        let only = |text: &str| vec![text.to_owned()];
        assert!(is_chosen("a/7.3/good", &only("7.3")));
        assert!(is_chosen("a/7.3/good", &only("7")));
        assert!(!is_chosen("b/7.30/mad", &only("7.3")));
        assert!(!is_chosen("a/9.1/x-7", &only("7")));
        assert!(is_chosen("a/7.3/good", &only("a/")));
        assert!(is_chosen("a/7.3/good", &[]));
    }
}
