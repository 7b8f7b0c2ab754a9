//! Two builds of the relay under the same load, in turn.

use std::path::Path;

use crate::Result;
use crate::contestant::Contestant;
use crate::options::How;
use crate::report::{Figure, Report, Row, Section, value};
use crate::rounds::{Progress, Runs, add_times, interleave, rows};
use crate::scenario::Scenario;

const USUAL: [Scenario; 3] = [Scenario::FanOut50, Scenario::Paced1000, Scenario::Pairs];

/// The other one is the first, and the one it is told by.
pub(crate) fn measure(how: &How, other: &Path, scenarios: &[Scenario]) -> Result<bool> {
    let scenarios = match scenarios {
        [] => &USUAL,
        asked_for => asked_for,
    };
    let programs = [Some(other.to_owned()), how.relay.clone()];
    let names = ["the other".to_owned(), "this relay".to_owned()];
    let progress = Progress::new((scenarios.len() * names.len()) as u64 * u64::from(how.rounds()));
    let mut report = Report::new(how);
    for scenario in scenarios {
        let name = scenario.name();
        let mut runs = interleave(&name, &names, how.rounds(), &progress, |number| {
            let program = programs.get(number).ok_or("nobody")?;
            let mut server = Contestant::Burnchat.start(program)?;
            scenario.run(Contestant::Burnchat, &mut server, how.effort())
        });
        let of = |wanted| move |figures: &_| value(figures, wanted);
        add_times(
            &mut runs,
            Figure::RateTimes,
            of(Figure::DeliveriesPerSecond),
        );
        add_times(&mut runs, Figure::CpuTimes, of(Figure::CpuPerDelivery));
        let extremes = extremes(&runs);
        let mut rows = rows(&names, runs);
        for (Row { outcome, .. }, (least, most)) in rows.iter_mut().zip(extremes) {
            if let Ok(figures) = outcome {
                figures.push((Figure::CpuTimesLeast, least));
                figures.push((Figure::CpuTimesMost, most));
            }
        }
        let section = Section {
            name,
            title: scenario.title(),
            compares: false,
            rows,
        };
        report.add(section, &progress)?;
    }
    progress.finish();
    report.end(|_| true)
}

/// Of the rounds' ratios the least and the most.
fn extremes(runs: &Runs) -> Vec<(f64, f64)> {
    let of_one = runs.iter().map(|runs| {
        let rounds = runs.iter().flatten();
        let times = rounds.filter_map(|figures| value(figures, Figure::CpuTimes));
        times.fold((f64::NAN, f64::NAN), |(least, most), one| {
            (one.min(least), one.max(most))
        })
    });
    of_one.collect()
}
