//! The shim: commands and events as JSON lines (spec/shim.md).

mod command;
mod event;
mod problem;

use burnchat_client::{Code, CreatedRoom, Error, Event, Events, MessageId, Room};
use tokio::sync::mpsc;

use self::command::Command;
use self::event::{Out, Printer, Who};
use self::problem::Problem;
use crate::args;
use crate::ending::Ending;
use crate::entry;
use crate::process::asked_to_stop;
use crate::stdin::{self, Line};

/// The version of the schema.
const VERSION: u32 = 1;

/// Runs one participation.
pub(crate) async fn run(command: args::Command) -> Ending {
    let mut printer = Printer::default();
    let ending = match participate(command, &mut printer).await {
        Ok(ending) => ending,
        Err(Stop::Output) => return Ending::Broken,
        Err(Stop::Error(error)) => {
            let ending = Ending::of_error(&error);
            let problem = Problem::of_error(&error);
            match printer.print(&Out::Error(problem)) {
                Ok(()) => ending,
                Err(_) => return Ending::Broken,
            }
        }
    };
    let reason = ending.word();
    let last = match ending {
        Ending::Burned(_) => Out::Burned { reason },
        _ => Out::Ended { reason },
    };
    match printer.print(&last) {
        Ok(()) => ending,
        Err(_) => Ending::Broken,
    }
}

/// Why there is nothing more to do.
enum Stop {
    Error(Error),
    /// Nobody reads what is printed.
    Output,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<std::io::Error> for Stop {
    fn from(_: std::io::Error) -> Self {
        Self::Output
    }
}

async fn participate(command: args::Command, printer: &mut Printer) -> Result<Ending, Stop> {
    printer.print(&Out::Hello {
        shim: VERSION,
        client: concat!("burnchat-terminal/", env!("CARGO_PKG_VERSION")),
    })?;
    let mut lines = stdin::lines();
    let entering = async {
        match command {
            args::Command::Create(create) => {
                let created = entry::create(&create).await?;
                print_created(&created, printer)?;
                Ok(entry::join_as_creator(created, create).await?)
            }
            args::Command::Join(mut join) => {
                let mut link = std::mem::take(&mut join.link.0);
                if link.as_str() == "-" {
                    link = first_line(&mut lines).await;
                }
                Ok(entry::join(link, join).await?)
            }
        }
    };
    let entered: Result<_, Stop> = tokio::select! {
        entered = entering => entered,
        () = asked_to_stop() => return Ok(Ending::Left),
    };
    let (room, events) = entered?;
    talk(room, events, lines, printer).await
}

async fn talk(
    room: Room,
    mut events: Events,
    mut lines: mpsc::Receiver<Line>,
    printer: &mut Printer,
) -> Result<Ending, Stop> {
    let stop = asked_to_stop();
    tokio::pin!(stop);
    let mut leaving = false;
    // Commands may be there before the room is; they wait.
    let mut joined = false;
    let mut ending = Ending::Left;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Ended(reason)) => {
                    if let Some(problem) = Problem::of_end(reason) {
                        printer.print(&Out::Error(problem))?;
                    }
                    ending = Ending::of(reason);
                    leaving = true;
                }
                Some(event) => {
                    joined |= matches!(event, Event::Joined { .. });
                    printer.event(event, &room)?;
                }
                // The connection is closed.
                None => return Ok(ending),
            },
            line = lines.recv(), if joined && !leaving => match line {
                Some(line) => obey(&line, &room, printer)?,
                None => {
                    leaving = true;
                    room.leave();
                }
            },
            () = &mut stop, if !leaving => {
                leaving = true;
                room.leave();
            }
        }
    }
}

/// Does what a line asks for.
fn obey(line: &Line, room: &Room, printer: &mut Printer) -> Result<(), Stop> {
    let command = match line {
        Line::Text(text) if text.trim().is_empty() => return Ok(()),
        Line::Text(text) => Command::parse(text),
        Line::TooLong => Err(Problem::line_too_long()),
        Line::NotUtf8 => Err(Problem::malformed()),
    };
    let outcome = match command {
        Ok(Command::Who) => {
            let participants = Who::all(room);
            return Ok(printer.print(&Out::Participants {
                participants: &participants,
            })?);
        }
        Ok(Command::Verify) => match room.verification() {
            Some(code) => return Ok(printer.verification(&code)?),
            None => Err(ended("verify")),
        },
        Ok(Command::Link) => match room.link() {
            Some(link) => {
                let current = room.link_is_current();
                return Ok(printer.print(&Out::Link {
                    link: &link,
                    current,
                })?);
            }
            None => Err(ended("link")),
        },
        Ok(Command::Send { text, burn_after }) => {
            let sent = room.send_burning(&text, burn_after);
            if let Ok(id) = sent {
                print_own(id, &text, burn_after, room, printer)?;
            }
            answer("send", sent.map(|_| ()))
        }
        Ok(Command::Kick { id, renew }) => answer("kick", room.kick(id, renew)),
        Ok(Command::Lock { locked }) => answer("lock", room.lock(locked)),
        Ok(Command::Extend { seconds }) => answer("extend", room.extend(seconds)),
        Ok(Command::Renew) => answer("renew", room.renew()),
        Ok(Command::Burn) => answer("burn", room.burn()),
        Ok(Command::Read { author, id }) => answer("read", room.mark_read(author, id)),
        Ok(Command::Typing { typing }) => answer("typing", room.set_typing(typing)),
        Ok(Command::Leave) => {
            room.leave();
            Ok(())
        }
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => Ok(()),
        Err(problem) => Ok(printer.print(&Out::Error(problem))?),
    }
}

fn answer(cmd: &'static str, outcome: Result<(), Error>) -> Result<(), Problem> {
    outcome.map_err(|error| Problem::of_error(&error).in_command(cmd))
}

fn ended(cmd: &'static str) -> Problem {
    Problem::of_code(Code::Ended).in_command(cmd)
}

fn print_created(created: &CreatedRoom, printer: &mut Printer) -> std::io::Result<()> {
    printer.print(&Out::Created {
        link: &created.link.to_url(),
        pin: &created.pin,
        expires_at: created.expires_at.0,
        seconds_remaining: created.seconds_remaining,
    })
}

fn print_own(
    id: MessageId,
    text: &str,
    burn_after: std::time::Duration,
    room: &Room,
    printer: &mut Printer,
) -> std::io::Result<()> {
    let me = room.participants().into_iter().find(|who| who.me);
    let Some(me) = &me else { return Ok(()) };
    printer.print(&Out::Message {
        id: id.to_base64(),
        from: me.id.to_base64(),
        name: me.name.as_ref().map(|name| name.as_str()),
        label: me.label(),
        text,
        sent_at: room.now().0,
        burn_after_ms: u32::try_from(burn_after.as_millis()).unwrap_or(u32::MAX),
        history: false,
        mine: true,
    })
}

/// The first line, for a link that is not to stand on the command line.
async fn first_line(lines: &mut mpsc::Receiver<Line>) -> zeroize::Zeroizing<String> {
    match lines.recv().await {
        Some(Line::Text(text)) => text,
        _ => zeroize::Zeroizing::default(),
    }
}
