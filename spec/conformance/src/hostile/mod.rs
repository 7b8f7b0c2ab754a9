//! A relay that attacks whoever joins it, one scenario for each attack of the threat model.
//!
//! It holds a room with an honest Ana and prints the room's link, or starts a client behind the shim. Whoever joins is
//! attacked, and what it does is told: on the wire (it closes with 4001 and joins afresh, it leaves, it complains of a
//! key), and behind the shim what it says to its user.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value has null where a member is missing, and frames that are changed are objects"
)]

mod scenarios;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use burnchat_core::relay::Limits;
use tokio::time::Instant;

use self::scenarios::{SCENARIOS, Scenario};
use crate::case::{Outcome, Stop};
use crate::cli::CannotRun;
use crate::client::Shim;
use crate::client::room::{Room, Terms};
use crate::context::FrameLog;

/// The command line of `hostile`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Which attack; several, or all of them, with --shim
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,

    /// List the scenarios
    #[arg(long)]
    list: bool,

    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,

    /// Start this client and attack it; without it, whoever joins by the link that is printed
    #[arg(long, value_name = "COMMAND")]
    shim: Option<String>,
}

/// How long to wait for somebody to join by the link.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long to watch for a reaction.
const WATCH: Duration = Duration::from_secs(12);

/// Does what the command line says.
///
/// # Errors
/// It could not be run.
pub async fn main(options: Options) -> Result<ExitCode, CannotRun> {
    let mut out = std::io::stdout();
    if options.list {
        for Scenario { name, attack, .. } in SCENARIOS {
            writeln!(out, "{name:26} {attack}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|one| {
            options.scenario.is_empty() || options.scenario.iter().any(|name| name == one.name)
        })
        .collect();
    if chosen.is_empty() || (options.shim.is_none() && chosen.len() != 1) {
        return Err("one --scenario is wanted; --list lists them".into());
    }
    let mut unnoticed = false;
    for scenario in chosen {
        let reaction = attack(scenario, &options)
            .await
            .map_err(|stop| match stop {
                Stop::Fail { expected, got } => format!("expected {expected}; got {got}"),
                other => format!("{other:?}"),
            })?;
        match reaction {
            Some((what, after)) => {
                writeln!(
                    out,
                    "{:26} noticed after {} ms: {what}",
                    scenario.name,
                    after.as_millis()
                )?;
            }
            None => {
                unnoticed = true;
                // Most attacks a client answers by telling its user, and says nothing on the wire.
                let verdict = match options.shim {
                    Some(_) => "NOT NOTICED",
                    None => {
                        "nothing seen on the wire (look what it tells its user, or start it with --shim)"
                    }
                };
                let (name, seconds) = (scenario.name, WATCH.as_secs());
                writeln!(out, "{name:26} {verdict} in {seconds} s")?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(unnoticed)))
}

/// Attacks one client: what it did, and how soon.
async fn attack(scenario: &Scenario, options: &Options) -> Outcome<Option<(String, Duration)>> {
    let shim = Shim {
        command: options
            .shim
            .clone()
            .unwrap_or_default()
            .trim_end_matches(" --json")
            .to_owned(),
    };
    let mut room = Room::listening(
        &shim,
        &FrameLog::default(),
        Limits::default(),
        &options.listen,
    )
    .await?;
    room.make(Terms {
        history: scenario.history,
        ..Terms::default()
    })?;
    (scenario.before)(&mut room)?;
    if options.shim.is_some() {
        let link = room.link.clone();
        room.start(&["join", &link, "--name", "Ben"])?;
    } else {
        let _ = writeln!(std::io::stdout(), "join this room: {}", room.link);
    }
    room.until_within(PATIENCE, "somebody to join", |room| {
        (!room.joins().is_empty()).then_some(())
    })
    .await?;
    let mut begun = Instant::now();
    if let Some(strike) = scenario.after {
        // It has the key of a roster with Ana, and with Mallory where the attack needs somebody inside.
        room.until_within(PATIENCE, "a key for everyone", |room| {
            let ana = room.friends.first()?;
            (ana.client.participants().len() > 1
                && ana.client.epoch()?.0 == ana.client.roster_version()?)
            .then_some(())
        })
        .await?;
        room.pass(Duration::from_millis(400)).await;
        begun = strike(&mut room).await?;
    }
    let marks = Marks::of(&room);
    let seen = room
        .until_within(WATCH, "a reaction", |room| marks.reaction(room, scenario))
        .await;
    Ok(seen.ok().map(|what| (what, begun.elapsed())))
}

/// What had happened when the attack began.
struct Marks {
    closes: usize,
    complaints: usize,
}

impl Marks {
    fn of(room: &Room) -> Self {
        Self {
            closes: room.closes.len(),
            complaints: room.sent_of("need_key").len(),
        }
    }

    fn reaction(&self, room: &Room, scenario: &Scenario) -> Option<String> {
        let told = room.subject.lines.iter().find_map(|line| {
            let event = line["event"].as_str()?;
            let said = match event {
                "error" => format!("it says {} ({})", line["name"].as_str()?, line["code"]),
                "gap" => format!("it joins afresh ({})", line["name"].as_str()?),
                "missed" => format!("it says that {} are missing", line["count"]),
                "burned" if scenario.burns => "it has burned the room".to_owned(),
                _ => return None,
            };
            Some(said)
        });
        if told.is_some() {
            return told;
        }
        let closed = room.closes.get(self.closes).map(|code| match code {
            Some(4001) => "it closes with 4001, to join afresh".to_owned(),
            Some(1000 | 1001) => "it leaves, unless its user did".to_owned(),
            Some(code) => format!("it closes with {code}"),
            None => "it closes the connection".to_owned(),
        });
        let complains = room.sent_of("need_key").len() > self.complaints;
        // Behind the shim it says more; that comes at the same time.
        closed
            .or_else(|| complains.then(|| "it complains of the key (need_key)".to_owned()))
            .filter(|_| room.shim.command.is_empty())
    }
}
