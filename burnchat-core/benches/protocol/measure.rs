//! Measuring a step and what it is compared with in turn, and the table of all of them.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;

/// What the machine does to one measurement it does to its neighbour: a step and what it is compared with are measured
/// in turn. On a machine with other work the fastest of many is what a step takes undisturbed.
pub(crate) type Measured<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// Runs benchmarks and keeps what they found.
pub(crate) struct Report {
    criterion: Criterion,
    full: bool,
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// A step to be measured.
pub(crate) struct Bench<'a> {
    name: String,
    step: Measured<'a>,
    limit: Option<Duration>,
    yardsticks: Vec<Yardstick<'a>>,
}

struct Yardstick<'a> {
    name: &'static str,
    measured: Measured<'a>,
    limit: Option<f64>,
}

struct Row {
    step: String,
    took: Vec<Duration>,
    limit: Option<Duration>,
    compared: Vec<Compared>,
}

struct Compared {
    with: &'static str,
    took: Vec<Duration>,
    limit: Option<f64>,
}

impl<'a> Bench<'a> {
    /// `step` says how long the part of it took that counts.
    pub(crate) fn new(name: impl Into<String>, step: impl FnMut() -> Duration + 'a) -> Self {
        Self {
            name: name.into(),
            step: Box::new(step),
            limit: None,
            yardsticks: Vec::new(),
        }
    }

    /// How long it may take.
    pub(crate) fn at_most(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// What else to measure each time, and how many times as long the step may take.
    pub(crate) fn against(
        mut self,
        name: &'static str,
        limit: impl Into<Option<f64>>,
        measured: impl FnMut() -> Duration + 'a,
    ) -> Self {
        self.yardsticks.push(Yardstick {
            name,
            measured: Box::new(measured),
            limit: limit.into(),
        });
        self
    }
}

impl Report {
    pub(crate) fn new() -> Self {
        let criterion = Criterion::default()
            .sample_size(20)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .configure_from_args();
        Self {
            criterion,
            full: std::env::args().any(|argument| argument == "--bench"),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// `size`, or much less where nothing is measured.
    pub(crate) fn size(&self, size: usize) -> usize {
        if self.full {
            size
        } else {
            size.div_ceil(100).max(2)
        }
    }

    pub(crate) fn run(&mut self, bench: Bench<'_>) {
        let Bench {
            name,
            mut step,
            limit,
            mut yardsticks,
        } = bench;
        let mut row = Row {
            step: name.clone(),
            took: Vec::new(),
            limit,
            compared: yardsticks
                .iter()
                .map(|yardstick| Compared {
                    with: yardstick.name,
                    took: Vec::new(),
                    limit: yardstick.limit,
                })
                .collect(),
        };
        self.criterion.bench_function(&name, |bencher| {
            bencher.iter_custom(|times| {
                let mut sum = Duration::ZERO;
                for _ in 0..times {
                    let took = step();
                    sum += took;
                    row.took.push(took);
                    for (yardstick, compared) in yardsticks.iter_mut().zip(&mut row.compared) {
                        compared.took.push((yardstick.measured)());
                    }
                }
                sum
            });
        });
        // Nothing was measured if a filter on the command line leaves it out.
        if !row.took.is_empty() {
            self.rows.push(row);
        }
    }

    /// A line under the table.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    pub(crate) fn print(self) {
        self.criterion.final_summary();
        let backend = if cfg!(feature = "aws-lc") {
            "AWS-LC"
        } else {
            "RustCrypto"
        };
        println!("\nWith {backend}. Compared is the fastest with the fastest.\n");
        println!("| step | fastest | median | aim | compared with | fastest | ratio | aim |");
        println!("|---|---|---|---|---|---|---|---|");
        for row in &self.rows {
            row.print();
        }
        println!();
        for note in &self.notes {
            println!("{note}");
        }
    }
}

impl Row {
    fn print(&self) {
        let (fastest, median) = fastest_and_median(&self.took);
        let limit = self
            .limit
            .map_or(String::new(), |limit| format!("≤ {}", shown(limit)));
        let start = format!(
            "| {} | {} | {} | {limit} |",
            self.step,
            shown(fastest),
            shown(median)
        );
        if self.compared.is_empty() {
            println!("{start} | | | |");
        }
        for compared in &self.compared {
            let (other, _) = fastest_and_median(&compared.took);
            let ratio = fastest.as_secs_f64() / other.as_secs_f64();
            let limit = compared
                .limit
                .map_or(String::new(), |limit| format!("≤ {limit:.2}"));
            println!(
                "{start} {} | {} | {ratio:.2} | {limit} |",
                compared.with,
                shown(other)
            );
        }
    }
}

/// How long `work` takes, and what it gives.
#[expect(clippy::disallowed_types, reason = "a benchmark measures time")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = std::time::Instant::now();
    let done = black_box(work());
    (done, begun.elapsed())
}

/// How long `work` takes a hundred times: for what is too short to be timed once.
pub(crate) fn hundred<T>(mut work: impl FnMut() -> T) -> Duration {
    let ((), took) = timed(|| {
        for _ in 0..100 {
            black_box(work());
        }
    });
    took
}

fn fastest_and_median(took: &[Duration]) -> (Duration, Duration) {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    (sorted[0], sorted[sorted.len() / 2])
}

fn shown(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..100_000 => format!("{:.1} µs", duration.as_secs_f64() * 1e6),
        100_000..1_000_000 => format!("{:.0} µs", duration.as_secs_f64() * 1e6),
        _ => format!("{:.2} ms", duration.as_secs_f64() * 1e3),
    }
}
