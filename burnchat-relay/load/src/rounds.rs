//! Everybody in turn, several times, so that whatever else happens on the machine happens to all of them.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::Result;
use crate::report::{Figure, Figures, Row, median};

/// What each found in each round, or why one of them can't be measured.
pub(crate) type Runs = Vec<Result<Vec<Figures>>>;

/// Measures each of these so often, in one order and then in the other.
pub(crate) fn interleave(
    what: &str,
    names: &[String],
    rounds: u32,
    progress: &Progress,
    mut measure: impl FnMut(usize) -> Result<Figures>,
) -> Runs {
    let mut runs: Runs = names.iter().map(|_| Ok(Vec::new())).collect();
    for round in 0..rounds {
        let mut turns: Vec<_> = names.iter().zip(&mut runs).enumerate().collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (number, (name, runs)) in turns {
            progress.step(&format!("{what}, {name}, {} of {rounds}", round + 1));
            let Ok(earlier) = runs else {
                continue;
            };
            match measure(number) {
                Ok(figures) => earlier.push(figures),
                Err(error) => *runs = Err(error),
            }
        }
    }
    runs
}

/// The medians.
pub(crate) fn rows(names: &[String], runs: Runs) -> Vec<Row> {
    let rows = names.iter().zip(runs).map(|(name, runs)| Row {
        name: name.clone(),
        outcome: runs
            .map(|runs| median(&runs))
            .map_err(|error| error.to_string()),
    });
    rows.collect()
}

/// Puts in each round how many times as much of `of` there was as with the first in the same round.
pub(crate) fn add_times(runs: &mut Runs, figure: Figure, of: impl Fn(&Figures) -> Option<f64>) {
    let Some(Ok(first)) = runs.first() else {
        return;
    };
    let first: Vec<_> = first.iter().map(&of).collect();
    for runs in runs.iter_mut().flatten() {
        for (figures, first) in runs.iter_mut().zip(&first) {
            let times = of(figures).zip(*first).map(|(this, first)| this / first);
            figures.push((figure, times.unwrap_or(f64::NAN)));
        }
    }
}

/// How far it is, on standard error: a bar on a terminal, otherwise a line for each step.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(steps: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar }
    }

    fn step(&self, what: &str) {
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                bar.set_message(what.to_owned());
            }
            None => {
                let _ = writeln!(std::io::stderr(), "{what}");
            }
        }
    }

    /// Lets something else be printed.
    pub(crate) fn say<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_is_held_against_the_first_of_the_same_round() {
        let mut runs: Runs = vec![
            Ok(vec![
                vec![(Figure::CpuPerDelivery, 1.0)],
                vec![(Figure::CpuPerDelivery, 10.0)],
            ]),
            Ok(vec![
                vec![(Figure::CpuPerDelivery, 2.0)],
                vec![(Figure::CpuPerDelivery, 30.0)],
            ]),
            Err("it does not start".into()),
        ];
        add_times(&mut runs, Figure::CpuTimes, |figures| {
            figures.first().map(|(_, value)| *value)
        });
        let times: Vec<_> = runs[1].as_ref().unwrap().iter().map(|run| run[1]).collect();
        assert_eq!(times, [(Figure::CpuTimes, 2.0), (Figure::CpuTimes, 3.0)]);
    }
}
