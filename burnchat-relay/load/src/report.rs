//! What was found, as a table or as JSON.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};

use serde_json::{Map, Value, json};

use crate::options::How;
use crate::rounds::Progress;

/// Told in whole numbers, their thousands apart.
const THOUSANDS: usize = usize::MAX;

/// What is measured, in the order of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    DeliveriesPerSecond,
    DelayMedian,
    Delay99,
    Delay999,
    CpuPerDelivery,
    KibPerConnection,
    BytesPerRoom,
    RoomsPerSecond,
    People,
    SpreadOfTheEnd,
    Burns,
    LatenessMedian,
    Lateness99,
    LatenessMost,
    RateTimes,
    CpuTimes,
    CpuTimesLeast,
    CpuTimesMost,
    RelaysCpuPerDelivery,
    RedisCpuPerDelivery,
    RedisCpuPerMessage,
    RedisBusy,
    BytesPerMessage,
    ScriptsPerMessage,
    NotesPerMessage,
    ScriptsPerSecond,
    FirstAfter,
    MedianAfter,
    LastAfter,
    SuccessorCpu,
    RedisCpu,
    SuccessorCpuPerRoom,
    RelaysCpuPerRoom,
    RedisCpuPerRoom,
    RedisBytesPerRoom,
    KeysPerRoom,
    RedisBytesPerEntry,
    RelayBytesPerRoom,
    IdleRedisCpu,
    IdleRelayCpu,
    IdleScripts,
    IdleBytes,
    MessagesPerSecond,
    KibPeak,
    KibLeft,
}

pub(crate) type Figures = Vec<(Figure, f64)>;

/// One scenario and who went through it.
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) title: String,
    /// Whether there is a column that says how many times the first one's costs the others' are.
    pub(crate) compares: bool,
    pub(crate) rows: Vec<Row>,
}

/// One contestant. A failure says why there is nothing to see.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) outcome: Result<Figures, String>,
}

impl Figure {
    /// The head of its column, its name in JSON, and how many digits it is told to.
    const fn about(self) -> (&'static str, &'static str, usize) {
        match self {
            Self::DeliveriesPerSecond => ("deliveries/s", "deliveries_per_second", THOUSANDS),
            Self::DelayMedian => ("p50 ms", "delay_p50_ms", 2),
            Self::Delay99 => ("p99 ms", "delay_p99_ms", 2),
            Self::Delay999 => ("p99.9 ms", "delay_p99_9_ms", 2),
            Self::CpuPerDelivery => ("CPU µs/delivery", "cpu_us_per_delivery", 2),
            Self::KibPerConnection => ("KiB/connection", "kib_per_connection", 1),
            Self::BytesPerRoom => ("bytes/room", "bytes_per_room", THOUSANDS),
            Self::RoomsPerSecond => ("rooms/s", "rooms_per_second", THOUSANDS),
            Self::People => ("people", "people", THOUSANDS),
            Self::SpreadOfTheEnd => ("first to last ms", "first_to_last_ms", 1),
            Self::Burns => ("rooms", "burns", THOUSANDS),
            Self::LatenessMedian => ("late p50 ms", "lateness_p50_ms", 2),
            Self::Lateness99 => ("late p99 ms", "lateness_p99_ms", 2),
            Self::LatenessMost => ("late most ms", "lateness_most_ms", 2),
            Self::RateTimes => ("× as many", "deliveries_times", 2),
            Self::CpuTimes => ("× CPU", "cpu_times", 2),
            Self::CpuTimesLeast => ("least", "cpu_times_least", 2),
            Self::CpuTimesMost => ("most", "cpu_times_most", 2),
            Self::RelaysCpuPerDelivery => ("relays µs/delivery", "relays_cpu_us_per_delivery", 2),
            Self::RedisCpuPerDelivery => ("Redis µs/delivery", "redis_cpu_us_per_delivery", 2),
            Self::RedisCpuPerMessage => ("Redis µs/message", "redis_cpu_us_per_message", 1),
            Self::RedisBusy => ("Redis CPU %", "redis_cpu_percent", 0),
            Self::BytesPerMessage => ("Redis bytes/message", "redis_bytes_per_message", THOUSANDS),
            Self::ScriptsPerMessage => ("scripts/message", "redis_scripts_per_message", 2),
            Self::NotesPerMessage => ("notes/message", "redis_publishes_per_message", 2),
            Self::ScriptsPerSecond => ("scripts/s", "redis_scripts_per_second", THOUSANDS),
            Self::FirstAfter => ("first after ms", "first_after_ms", 0),
            Self::MedianAfter => ("median ms", "median_after_ms", 0),
            Self::LastAfter => ("last ms", "last_after_ms", 0),
            Self::SuccessorCpu => ("successor CPU ms", "successor_cpu_ms", 1),
            Self::RedisCpu => ("Redis CPU ms", "redis_cpu_ms", 1),
            Self::SuccessorCpuPerRoom => ("successor µs/room", "successor_cpu_us_per_room", 0),
            Self::RelaysCpuPerRoom => ("relays µs/room", "relays_cpu_us_per_room", 0),
            Self::RedisCpuPerRoom => ("Redis µs/room", "redis_cpu_us_per_room", 0),
            Self::RedisBytesPerRoom => ("Redis bytes/room", "redis_bytes_per_room", THOUSANDS),
            Self::KeysPerRoom => ("of them keys", "redis_key_bytes_per_room", THOUSANDS),
            Self::RedisBytesPerEntry => (
                "Redis bytes/message kept",
                "redis_bytes_per_entry",
                THOUSANDS,
            ),
            Self::RelayBytesPerRoom => ("relay bytes/room", "relay_bytes_per_room", THOUSANDS),
            Self::IdleRedisCpu => ("idle Redis CPU %", "idle_redis_cpu_percent", 2),
            Self::IdleScripts => ("idle scripts/s", "idle_redis_scripts_per_second", 0),
            Self::IdleBytes => (
                "idle Redis bytes/s",
                "idle_redis_bytes_per_second",
                THOUSANDS,
            ),
            Self::IdleRelayCpu => ("idle relay CPU %", "idle_relay_cpu_percent", 2),
            Self::MessagesPerSecond => ("messages/s", "messages_per_second", THOUSANDS),
            Self::KibPeak => ("peak KiB", "peak_kib", THOUSANDS),
            Self::KibLeft => ("left KiB", "left_kib", THOUSANDS),
        }
    }

    /// Whether the others are told by how much they need more of it.
    const fn is_a_cost(self) -> bool {
        matches!(self, Self::CpuPerDelivery | Self::KibPerConnection)
    }

    fn show(self, value: f64) -> String {
        match self.about() {
            _ if value.is_nan() => "–".to_owned(),
            (_, _, THOUSANDS) => with_commas(value),
            (_, _, digits) => format!("{value:.digits$}"),
        }
    }
}

/// What has been found so far. Tables are printed as they come, JSON at the end.
pub(crate) struct Report {
    quick: bool,
    json: bool,
    sections: Vec<Section>,
}

impl Report {
    pub(crate) fn new(how: &How) -> Self {
        Self {
            quick: how.quick,
            json: how.json,
            sections: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, section: Section, progress: &Progress) -> crate::Result<()> {
        if !self.json {
            progress.say(|| writeln!(stdout(), "{}", section.table()))?;
        }
        self.sections.push(section);
        Ok(())
    }

    /// Says whether none of those failed that must not.
    pub(crate) fn end(self, must_not_fail: impl Fn(&Row) -> bool) -> crate::Result<bool> {
        if self.json {
            let sections: Vec<_> = self.sections.iter().map(Section::json).collect();
            let all = json!({"quick": self.quick, "scenarios": sections});
            writeln!(stdout(), "{all:#}")?;
        }
        let mut rows = self.sections.iter().flat_map(|section| &section.rows);
        Ok(!rows.any(|row| must_not_fail(row) && row.outcome.is_err()))
    }
}

/// The middle of several runs, figure by figure.
pub(crate) fn median(runs: &[Figures]) -> Figures {
    let first = runs.first().cloned().unwrap_or_default();
    first
        .iter()
        .enumerate()
        .map(|(place, (figure, _))| {
            let mut values: Vec<f64> = runs
                .iter()
                .filter_map(|run| run.get(place).map(|(_, value)| *value))
                .collect();
            values.sort_by(f64::total_cmp);
            let middle = values.get((values.len().max(1) - 1) / 2).copied();
            (*figure, middle.unwrap_or(f64::NAN))
        })
        .collect()
}

impl Section {
    /// In Markdown.
    pub(crate) fn table(&self) -> String {
        let columns: Vec<Figure> = self
            .rows
            .iter()
            .find_map(|row| row.outcome.as_ref().ok())
            .map(|figures| figures.iter().map(|(figure, _)| *figure).collect())
            .unwrap_or_default();
        let cost = columns.iter().copied().find(|figure| figure.is_a_cost());
        let compares = self.compares && cost.is_some() && self.rows.len() > 1;
        let ours = self.rows.first().and_then(|row| row.value(cost?));

        let mut head = vec![String::new()];
        head.extend(columns.iter().map(|figure| figure.about().0.to_owned()));
        if compares {
            head.push("times ours".to_owned());
        }
        let mut lines = vec![head];
        for row in &self.rows {
            let mut line = vec![row.name.clone()];
            match &row.outcome {
                Ok(figures) => {
                    line.extend(figures.iter().map(|(figure, value)| figure.show(*value)));
                }
                Err(_) => line.extend(columns.iter().map(|_| "–".to_owned())),
            }
            if compares {
                let times = cost.and_then(|cost| row.value(cost)).zip(ours);
                line.push(times.map_or(String::new(), |(theirs, ours)| {
                    format!("{:.2}", theirs / ours)
                }));
            }
            lines.push(line);
        }
        let mut text = format!(
            "**{}** (`{}`)\n\n{}",
            self.title,
            self.name,
            markdown(&lines)
        );
        for row in &self.rows {
            if let Err(why) = &row.outcome {
                // Writing to a string does not fail.
                let _ = writeln!(text, "\n{}: {why}", row.name);
            }
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| match &row.outcome {
            Ok(figures) => {
                let figures = figures
                    .iter()
                    .map(|(figure, value)| (figure.about().1.to_owned(), json!(value)));
                json!({"server": row.name, "figures": figures.collect::<Map<_, _>>()})
            }
            Err(why) => json!({"server": row.name, "failed": why}),
        });
        json!({"scenario": self.name, "rows": rows.collect::<Vec<_>>()})
    }
}

impl Row {
    fn value(&self, wanted: Figure) -> Option<f64> {
        value(self.outcome.as_ref().ok()?, wanted)
    }
}

/// One of the figures.
pub(crate) fn value(figures: &Figures, wanted: Figure) -> Option<f64> {
    figures
        .iter()
        .find(|(figure, _)| *figure == wanted)
        .map(|(_, value)| *value)
}

fn markdown(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, width) in widths.iter().enumerate() {
            let cell = line.get(column).map_or("", String::as_str);
            // Writing to a string does not fail.
            let _ = if column == 0 {
                write!(text, "| {cell:<width$} ")
            } else {
                write!(text, "| {cell:>width$} ")
            };
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let colon = if column == 0 { '-' } else { ':' };
                let _ = write!(text, "|{}{colon}", "-".repeat(width + 1));
            }
            text.push_str("|\n");
        }
    }
    text
}

fn with_commas(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_numbers_are_told_in_thousands() {
        assert_eq!(with_commas(999.4), "999");
        assert_eq!(with_commas(1_000.0), "1,000");
        assert_eq!(with_commas(12_345_678.0), "12,345,678");
    }

    #[test]
    fn the_table_says_how_many_times_ours_the_others_cost() {
        let row = |name: &str, cost| Row {
            name: name.to_owned(),
            outcome: Ok(vec![(Figure::CpuPerDelivery, cost)]),
        };
        let section = Section {
            name: "fan-out-50".to_owned(),
            title: "One room of 50".to_owned(),
            compares: true,
            rows: vec![row("ours", 0.5), row("theirs", 3.7)],
        };
        assert!(section.table().contains("7.40"), "{}", section.table());
    }

    #[test]
    fn one_outlier_of_three_does_not_count() {
        let run = |value| vec![(Figure::CpuPerDelivery, value)];
        assert_eq!(median(&[run(1.0), run(99.0), run(2.0)]), run(2.0));
    }
}
