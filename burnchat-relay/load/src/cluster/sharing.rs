//! The same load for one relay without a cluster, and for one and more with it.

use std::time::Duration;

use clap::ValueEnum;

use super::fleet::{Fleet, Meters};
use super::redis_server::RedisServer;
use crate::options::How;
use crate::report::{Figure, Figures, Report, Section, value};
use crate::rounds::{Progress, add_times, interleave, rows};
use crate::scenario::{Effort, micros, millis_at};
use crate::traffic::{Load, Measured, Traffic};
use crate::{Result, chosen};

/// Rooms whose people are spread over all relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shared {
    /// 100 rooms of 2, 500 messages a second
    #[value(name = "pairs-paced")]
    PairsPaced,
    /// 100 rooms of 2, 5,000 messages a second
    #[value(name = "pairs-busy")]
    PairsBusy,
    /// 100 rooms of 2, everybody as fast as it goes
    #[value(name = "pairs-saturated")]
    PairsSaturated,
    /// 25 rooms of 8, 500 messages a second
    #[value(name = "eights-paced")]
    EightsPaced,
    /// 25 rooms of 8, everybody as fast as it goes
    #[value(name = "eights-saturated")]
    EightsSaturated,
    /// 4 rooms of 50, 200 messages a second
    #[value(name = "fifties-paced")]
    FiftiesPaced,
    /// 4 rooms of 50, everybody as fast as it goes
    #[value(name = "fifties-saturated")]
    FiftiesSaturated,
}

impl Shared {
    fn sizes(self) -> Vec<usize> {
        match self {
            Self::PairsPaced | Self::PairsBusy | Self::PairsSaturated => vec![2; 100],
            Self::EightsPaced | Self::EightsSaturated => vec![8; 25],
            Self::FiftiesPaced | Self::FiftiesSaturated => vec![50; 4],
        }
    }

    fn load(self) -> Load {
        match self {
            Self::PairsPaced | Self::EightsPaced => Load::Paced { per_second: 500 },
            Self::PairsBusy => Load::Paced { per_second: 5_000 },
            Self::FiftiesPaced => Load::Paced { per_second: 200 },
            Self::PairsSaturated | Self::EightsSaturated => Load::Saturated { window: 4 },
            Self::FiftiesSaturated => Load::Saturated { window: 2 },
        }
    }

    fn run(self, mut fleet: Fleet, effort: Effort) -> Result<Figures> {
        let (mut swarm, rooms) = fleet.fill(&self.sizes())?;
        let mut traffic = Traffic::new(&mut swarm, &rooms, false)?;
        let measured = traffic.run(self.load(), effort.warm_up, effort.time, || fleet.meters())?;
        Ok(figures(&measured))
    }
}

/// By what relays share their rooms.
#[derive(Clone, Copy)]
enum By {
    Nothing,
    Redis(usize),
    RedisOnAPort(usize),
    RedisCluster(usize, usize),
}

impl By {
    fn start(self, how: &How) -> Result<Fleet> {
        let relay = &how.relay;
        match self {
            Self::Nothing => Fleet::alone(relay),
            Self::Redis(relays) => Fleet::sharing(relay, relays),
            Self::RedisOnAPort(relays) => {
                Fleet::sharing_by(relay, relays, RedisServer::on_a_port()?)
            }
            Self::RedisCluster(relays, nodes) => {
                Fleet::sharing_by(relay, relays, RedisServer::cluster(nodes)?)
            }
        }
    }

    fn name(self) -> String {
        let relays = |count| match count {
            1 => "1 relay".to_owned(),
            _ => format!("{count} relays"),
        };
        match self {
            Self::Nothing => "no cluster".to_owned(),
            Self::Redis(count) | Self::RedisOnAPort(count) => format!("{}, Redis", relays(count)),
            Self::RedisCluster(count, nodes) => {
                format!("{}, Redis Cluster of {nodes}", relays(count))
            }
        }
    }
}

/// How many times as much it costs, and how many messages get through, is told by the relay without a cluster.
pub(crate) fn sharing(
    how: &How,
    scenarios: &[Shared],
    relays: &[usize],
    nodes: Option<usize>,
) -> Result<bool> {
    let scenarios = chosen(scenarios, Shared::value_variants());
    let relays = match relays {
        [] => &[1, 2, 3],
        asked_for => asked_for,
    };
    let mut ways = vec![By::Nothing];
    for count in relays.iter().copied() {
        match nodes {
            None => ways.push(By::Redis(count)),
            Some(nodes) => {
                ways.extend([By::RedisOnAPort(count), By::RedisCluster(count, nodes)]);
            }
        }
    }
    let names: Vec<String> = ways.iter().map(|way| way.name()).collect();
    let progress = Progress::new((scenarios.len() * ways.len()) as u64 * u64::from(how.rounds()));
    let mut report = Report::new(how);
    for scenario in scenarios {
        let value_of = scenario.to_possible_value().ok_or("no such scenario")?;
        let mut runs = interleave(
            value_of.get_name(),
            &names,
            how.rounds(),
            &progress,
            |number| {
                let way = ways.get(number).ok_or("no such way")?;
                scenario.run(way.start(how)?, how.effort())
            },
        );
        add_times(&mut runs, Figure::RateTimes, |figures| {
            value(figures, Figure::DeliveriesPerSecond)
        });
        add_times(&mut runs, Figure::CpuTimes, |figures| {
            let relays = value(figures, Figure::RelaysCpuPerDelivery)?;
            let redis = value(figures, Figure::RedisCpuPerDelivery)?;
            Some(relays + if redis.is_nan() { 0.0 } else { redis })
        });
        let help = value_of.get_help().map(ToString::to_string);
        let section = Section {
            name: value_of.get_name().to_owned(),
            title: help.unwrap_or_default(),
            compares: false,
            rows: rows(&names, runs),
        };
        report.add(section, &progress)?;
    }
    progress.finish();
    report.end(|_| true)
}

fn figures(measured: &Measured<Meters>) -> Figures {
    let (before, after) = (&measured.before, &measured.after);
    let (deliveries, messages) = (measured.deliveries as f64, measured.messages as f64);
    let (relays, cpu) = after.cpu_since(before);
    // Of Redis nothing is known where there is none.
    let none = [f64::NAN; 3];
    let [bytes, scripts, notes] = before.redis.zip(after.redis).map_or(none, |(from, to)| {
        [
            (to.bytes - from.bytes) as f64,
            (to.scripts - from.scripts) as f64,
            (to.publishes - from.publishes) as f64,
        ]
    });
    vec![
        (
            Figure::DeliveriesPerSecond,
            measured.deliveries_per_second(),
        ),
        (Figure::DelayMedian, millis_at(&measured.delays, 0.5)),
        (Figure::Delay99, millis_at(&measured.delays, 0.99)),
        (Figure::RelaysCpuPerDelivery, relays / deliveries),
        (Figure::RedisCpuPerDelivery, cpu / deliveries),
        (Figure::RedisCpuPerMessage, cpu / messages),
        (Figure::RedisBusy, percent(cpu, measured.took)),
        (Figure::BytesPerMessage, bytes / messages),
        (Figure::ScriptsPerMessage, scripts / messages),
        (Figure::NotesPerMessage, notes / messages),
        (
            Figure::ScriptsPerSecond,
            scripts / measured.took.as_secs_f64(),
        ),
    ]
}

/// Of one processor.
pub(super) fn percent(cpu_micros: f64, of: Duration) -> f64 {
    100.0 * cpu_micros / micros(of)
}
