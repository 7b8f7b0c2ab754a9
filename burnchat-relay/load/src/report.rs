//! What was found, as a table or as JSON.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::scenario::Scenario;

/// What is measured, in the order of its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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
}

pub(crate) type Figures = Vec<(Figure, f64)>;

/// One scenario and who went through it.
pub(crate) struct Section {
    pub(crate) scenario: Scenario,
    pub(crate) rows: Vec<Row>,
}

/// One contestant. A failure says why there is nothing to see.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) outcome: Result<Figures, String>,
}

impl Figure {
    const fn head(self) -> &'static str {
        match self {
            Self::DeliveriesPerSecond => "deliveries/s",
            Self::DelayMedian => "p50 ms",
            Self::Delay99 => "p99 ms",
            Self::Delay999 => "p99.9 ms",
            Self::CpuPerDelivery => "CPU µs/delivery",
            Self::KibPerConnection => "KiB/connection",
            Self::BytesPerRoom => "bytes/room",
            Self::RoomsPerSecond => "rooms/s",
            Self::People => "people",
            Self::SpreadOfTheEnd => "first to last ms",
            Self::Burns => "rooms",
            Self::LatenessMedian => "late p50 ms",
            Self::Lateness99 => "late p99 ms",
            Self::LatenessMost => "late most ms",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::DeliveriesPerSecond => "deliveries_per_second",
            Self::DelayMedian => "delay_p50_ms",
            Self::Delay99 => "delay_p99_ms",
            Self::Delay999 => "delay_p99_9_ms",
            Self::CpuPerDelivery => "cpu_us_per_delivery",
            Self::KibPerConnection => "kib_per_connection",
            Self::BytesPerRoom => "bytes_per_room",
            Self::RoomsPerSecond => "rooms_per_second",
            Self::People => "people",
            Self::SpreadOfTheEnd => "first_to_last_ms",
            Self::Burns => "burns",
            Self::LatenessMedian => "lateness_p50_ms",
            Self::Lateness99 => "lateness_p99_ms",
            Self::LatenessMost => "lateness_most_ms",
        }
    }

    /// Whether the others are told by how much they need more of it.
    const fn is_a_cost(self) -> bool {
        matches!(self, Self::CpuPerDelivery | Self::KibPerConnection)
    }

    fn show(self, value: f64) -> String {
        if value.is_nan() {
            return "–".to_owned();
        }
        match self {
            Self::CpuPerDelivery => format!("{value:.2}"),
            Self::DeliveriesPerSecond
            | Self::RoomsPerSecond
            | Self::BytesPerRoom
            | Self::People
            | Self::Burns => with_commas(value),
            Self::KibPerConnection | Self::SpreadOfTheEnd => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        }
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
        let compares = cost.is_some() && self.rows.len() > 1;
        let ours = self.rows.first().and_then(|row| row.value(cost?));

        let mut head = vec![String::new()];
        head.extend(columns.iter().map(|figure| figure.head().to_owned()));
        if compares {
            head.push("times ours".to_owned());
        }
        let mut lines = vec![head];
        for row in &self.rows {
            let mut line = vec![row.name.to_owned()];
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
            self.scenario.title(),
            self.scenario.name(),
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
                    .map(|(figure, value)| (figure.name().to_owned(), json!(value)));
                json!({"server": row.name, "figures": figures.collect::<Map<_, _>>()})
            }
            Err(why) => json!({"server": row.name, "failed": why}),
        });
        json!({"scenario": self.scenario.name(), "rows": rows.collect::<Vec<_>>()})
    }
}

impl Row {
    fn value(&self, wanted: Figure) -> Option<f64> {
        let figures = self.outcome.as_ref().ok()?;
        figures
            .iter()
            .find(|(figure, _)| *figure == wanted)
            .map(|(_, value)| *value)
    }
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
        let row = |name, cost| Row {
            name,
            outcome: Ok(vec![(Figure::CpuPerDelivery, cost)]),
        };
        let section = Section {
            scenario: Scenario::FanOut50,
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
