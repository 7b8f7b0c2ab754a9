//! The command line.

use std::time::Duration;

use burnchat_client::{Name, RoomSettings, WhoMayBurn};
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand};
use zeroize::Zeroizing;

/// The variables of the environment that may have a link and a PIN.
pub(crate) const LINK: &str = "BURNCHAT_LINK";
pub(crate) const PIN: &str = "BURNCHAT_PIN";

/// Ephemeral, end-to-end encrypted chat rooms.
///
/// A room has one link and one countdown. Whoever has the link can join; nobody needs an account. At zero, or when its
/// creator says so, the room burns: keys, messages and members are forgotten everywhere, and this program clears the
/// screen and what can be scrolled back to.
#[derive(Debug, Parser)]
#[command(name = "burnchat", version, after_long_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) task: Task,

    /// Take commands as JSON lines from standard input, and give events as JSON lines (spec/shim.md).
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Example:
  burnchat create --relay https://chat.example --ttl 10m --name Ana
  burnchat join 'https://chat.example/r/…#…' --name Ben

In the room, type a line and press Enter; /help lists the commands.

Links are secrets. Given as an argument a link stays in the shell's history, and until this program has taken it from \
there other users of the machine may see it in the list of processes; `burnchat join -` asks for it instead.

Exit status:
   0  the room has burned, or you have left
   1  standard output is closed, or the system refuses something
   2  the command line can't be understood
   3  the link is bad: mistyped, cut, for another version, or nobody in the room holds it
   4  the relay refuses: no such room, wrong PIN, full, locked
   5  a creator has removed you
   6  the relay can't be reached
   7  the relay contradicts itself or the link; a clock is wrong
  89  (in the JSON shim, by programs that don't do everything) not implemented";

impl Args {
    /// Whether there is something in them that is not to stay where it was said.
    #[cfg(unix)]
    pub(crate) fn tells_secrets(&self) -> bool {
        match &self.task {
            Task::TakePart(Command::Create(create)) => create.name.is_some(),
            Task::TakePart(Command::Join(join)) => {
                join.name.is_some() || join.pin.is_some() || join.link.0.as_str() != "-"
            }
            Task::Compute => false,
        }
    }

    /// A command line that says the same, the program's name first. What came from the environment is in it.
    #[cfg(unix)]
    pub(crate) fn words(&self) -> Vec<Zeroizing<String>> {
        let mut words = vec!["burnchat".to_owned()];
        let mut flags = vec![(self.json, "--json")];
        match &self.task {
            Task::TakePart(Command::Create(create)) => {
                words.push("create".to_owned());
                words.push(format!("--relay={}", create.relay));
                words.push(format!("--ttl={}s", create.ttl.as_secs()));
                words.push(format!("--extend={}s", create.extend.as_secs()));
                words.push(format!("--capacity={}", create.capacity));
                flags.push((create.history, "--history"));
                flags.push((create.anyone_may_burn, "--anyone-may-burn"));
                let name = create.name.as_ref();
                words.extend(name.map(|name| format!("--name={}", name.as_str())));
            }
            Task::TakePart(Command::Join(join)) => {
                words.push("join".to_owned());
                let (pin, name) = (join.pin.as_ref(), join.name.as_ref());
                words.extend(pin.map(|pin| format!("--pin={}", pin.0.as_str())));
                words.extend(name.map(|name| format!("--name={}", name.as_str())));
                words.push(join.link.0.to_string());
            }
            Task::Compute => words.push("compute".to_owned()),
        }
        let set = flags.into_iter().filter(|(is_set, _)| *is_set);
        // The link stands last, and does not begin with a hyphen unless it is one.
        words.splice(2..2, set.map(|(_, flag)| flag.to_owned()));
        words.into_iter().map(Zeroizing::new).collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    #[command(flatten)]
    TakePart(Command),
    /// Compute the protocol's pure functions (spec/shim.md, section 8): not implemented here.
    #[command(hide = true)]
    Compute,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a room, show its link, and join it as its creator.
    Create(Create),
    /// Join a room.
    Join(Join),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Create {
    /// The relay's URL.
    #[arg(long, value_name = "URL", env = "BURNCHAT_RELAY")]
    pub(crate) relay: String,

    /// How long the room lives: 30s to 72h.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    ttl: Duration,

    /// How much longer it may be made to live with /extend: 0s to 24h.
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration)]
    extend: Duration,

    /// How many can be in the room at once: 2 to 256.
    #[arg(long, value_name = "N", default_value_t = RoomSettings::default().capacity)]
    capacity: u16,

    /// Those who come later can read what was said before.
    #[arg(long)]
    history: bool,

    /// Everybody may burn the room, not only creators.
    #[arg(long)]
    anyone_may_burn: bool,

    /// Your name in the room; an invented one if there is none.
    #[arg(long, value_parser = name)]
    pub(crate) name: Option<Name>,
}

impl Create {
    pub(crate) fn settings(&self) -> RoomSettings {
        RoomSettings {
            ttl_seconds: self.ttl.as_secs(),
            extension_seconds: self.extend.as_secs(),
            capacity: self.capacity,
            history: self.history,
            burn: if self.anyone_may_burn {
                WhoMayBurn::Anyone
            } else {
                WhoMayBurn::Creator
            },
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Join {
    /// The room's link; `-` to be asked for it, or to read it from the first line of standard input.
    #[arg(value_parser = secret, env = LINK, hide_env_values = true)]
    pub(crate) link: SecretArgument,

    /// The creator's PIN, to join as a creator.
    #[arg(long, value_parser = secret, env = PIN, hide_env_values = true)]
    pub(crate) pin: Option<SecretArgument>,

    /// Your name in the room; an invented one if there is none.
    #[arg(long, value_parser = name, action = ArgAction::Set)]
    pub(crate) name: Option<Name>,
}

/// An argument that is wiped and not printed.
#[derive(Clone)]
pub(crate) struct SecretArgument(pub(crate) Zeroizing<String>);

impl std::fmt::Debug for SecretArgument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretArgument(..)")
    }
}

fn secret(text: &str) -> Result<SecretArgument, std::convert::Infallible> {
    Ok(SecretArgument(Zeroizing::new(text.to_owned())))
}

fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|code| code.meaning().to_owned())
}

/// `90`, `90s`, `10m`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time such as 45s, 10m or 1h30m is wanted".to_owned();
    let mut rest = text;
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit());
        let (number, unit) = rest.split_at(digits.unwrap_or(rest.len()));
        let mut after = unit.chars();
        let factor = match after.next() {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            Some(_) => return Err(wrong()),
        };
        let part = number.parse::<u64>().map_err(|_| wrong())?;
        let sum = part
            .checked_mul(factor)
            .and_then(|part| seconds.checked_add(part));
        seconds = sum.ok_or_else(wrong)?;
        rest = after.as_str();
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Ok(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[cfg(unix)]
    #[test]
    fn a_command_line_said_again_says_the_same() {
        for line in [
            "burnchat create --relay http://r --ttl 1h --extend 0 --capacity 3 --history --name Ana --json",
            "burnchat create --relay http://r --anyone-may-burn",
            "burnchat --json join http://r/r/a#b --pin=-7YQ2XK --name=-Ben",
            "burnchat join -",
            "burnchat compute",
        ] {
            let args = Args::try_parse_from(line.split(' ')).unwrap();
            let again = args.words();
            let again = Args::try_parse_from(again.iter().map(|word| word.as_str())).unwrap();
            assert_eq!(again.words(), args.words(), "{line}");
            assert_eq!(again.tells_secrets(), args.tells_secrets());
            assert_eq!(
                args.tells_secrets(),
                line.contains("--name") || line.contains('#')
            );
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let seconds = |text| duration(text).ok().map(|time| time.as_secs());
        assert_eq!(seconds("45"), Some(45));
        assert_eq!(seconds("45s"), Some(45));
        assert_eq!(seconds("1h30m"), Some(5_400));
        assert_eq!(seconds("3d"), Some(259_200));
        for bad in [
            "",
            "m",
            "10 m",
            "-5s",
            "1.5h",
            "10x",
            "99999999999999999999",
            "ä",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
