//! A chat for people: lines in, lines out, and nothing left at the end.

mod editor;
mod harmless;
mod screen;
mod slash;

use std::time::Duration;

use burnchat_client::{
    Code, CreatedRoom, Departure, Error, Event, Events, MessageId, Participant, Role, Room, Status,
};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use zeroize::Zeroizing;

use self::harmless::shown;
use self::screen::{Screen, Typed as Input};
use self::slash::{HELP, Typed, find};
use crate::args::Command;
use crate::ending::Ending;
use crate::entry;
use crate::process::asked_to_stop;

/// Runs one participation.
pub(crate) async fn run(command: Command) -> Ending {
    let Ok(mut screen) = Screen::open() else {
        return Ending::Broken;
    };
    match participate(command, &mut screen).await {
        Ok(ending) => {
            screen.close(ending.sentence());
            ending
        }
        Err(error) => {
            let ending = Ending::of_error(&error);
            screen.close(&format!("{} {}", ending.sentence(), reason(&error)));
            ending
        }
    }
}

async fn participate(command: Command, screen: &mut Screen) -> Result<Ending, Error> {
    let entering = async {
        match command {
            Command::Create(create) => {
                let created = entry::create(&create).await?;
                screen.is_secret_now();
                show_created(&created, screen);
                entry::join_as_creator(created, create).await
            }
            Command::Join(mut join) => {
                let mut link = std::mem::take(&mut join.link.0);
                if link.as_str() == "-" {
                    link = match screen.ask_hidden("Link (it is not shown): ").await {
                        Input::Line(line) => line,
                        Input::End => Zeroizing::default(),
                    };
                }
                entry::join(link, join).await
            }
        }
    };
    let (room, events) = tokio::select! {
        entered = entering => entered?,
        () = asked_to_stop() => return Ok(Ending::Left),
    };
    screen.is_secret_now();
    Ok(Chat { room, screen }.run(events).await)
}

struct Chat<'a> {
    room: Room,
    screen: &'a mut Screen,
}

impl Chat<'_> {
    async fn run(mut self, mut events: Events) -> Ending {
        let stop = asked_to_stop();
        tokio::pin!(stop);
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        let mut ending = Ending::Left;
        let mut leaving = false;
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::Ended(reason)) => {
                        ending = Ending::of(reason);
                        leaving = true;
                        // At once: the farewell to the relay may take a moment.
                        self.screen.burn();
                    }
                    Some(event) => self.tell(event),
                    None => return ending,
                },
                typed = self.screen.next(), if !leaving => match typed {
                    Input::Line(line) => self.obey(&line),
                    Input::End => {
                        leaving = true;
                        self.room.leave();
                    }
                },
                () = &mut stop, if !leaving => {
                    leaving = true;
                    self.room.leave();
                }
                _ = seconds.tick(), if !leaving => self.count_down(),
            }
        }
    }

    /// Shows what has happened.
    fn tell(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                let mut label = shown(&message.author.label());
                if message.author.name_clash {
                    label += " (not the first of this name)";
                }
                if message.from_history {
                    label += " (earlier)";
                }
                let key = (message.author.id, message.id);
                let words = harmless::lines(message.text.as_str());
                self.screen
                    .words(&label, words, &fuse_of(message.burn_after_ms), key);
                if message.burn_after_ms > 0 {
                    // It is on the screen: its time begins to run. There is nothing to be done if that fails.
                    let _ = self.room.mark_read(message.author.id, message.id);
                }
            }
            Event::MessageBurned { author, id } => self.screen.forget((author, id)),
            Event::Unsent { text, .. } => {
                self.notice("Not sent, because others have come since you wrote it:");
                self.give_back(text.as_str());
            }
            Event::Unknown { text, .. } => {
                self.notice("Perhaps not sent; the connection broke too soon to know:");
                self.give_back(text.as_str());
            }
            Event::LinkChanged => {
                self.notice("The room has a new link; the old one is dead. /link shows it.")
            }
            event => {
                if let Some(notice) = notice_of(&event, &self.room) {
                    self.notice(&notice);
                }
            }
        }
        self.count_down();
    }

    /// Does what was typed.
    fn obey(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let outcome = match Typed::read(line) {
            Typed::Say(text, fuse) => self.say(text, fuse),
            Typed::Who => {
                self.show_people();
                Ok(())
            }
            Typed::Verify => {
                self.show_verification();
                Ok(())
            }
            Typed::Link => {
                if let Some(link) = self.room.link() {
                    show_link(&link, self.screen);
                }
                Ok(())
            }
            Typed::Kick(who) => match find(who, &self.room.participants()) {
                Some(id) => self.room.kick(id, true),
                None => {
                    self.notice("Who? /who lists numbers, names and tags.");
                    Ok(())
                }
            },
            Typed::Lock(locked) => self.room.lock(locked),
            Typed::Extend(seconds) => self.room.extend(seconds),
            Typed::Burn => self.room.burn(),
            Typed::Leave => {
                self.room.leave();
                Ok(())
            }
            Typed::Help => {
                HELP.iter().for_each(|line| self.notice(line));
                Ok(())
            }
            Typed::Wrong(usage) => {
                self.notice(usage);
                Ok(())
            }
        };
        if let Err(error) = outcome {
            self.notice(&reason(&error));
        }
    }

    fn say(&mut self, text: &str, fuse: Duration) -> Result<(), Error> {
        let id: MessageId = self.room.send_burning(text, fuse)?;
        if let Some(me) = self.room.id() {
            let fuse = u32::try_from(fuse.as_millis()).unwrap_or(u32::MAX);
            let words = harmless::lines(text);
            self.screen.words("you", words, &fuse_of(fuse), (me, id));
        }
        if self.room.status() != Status::Joined {
            self.notice("(it waits for the connection)");
        }
        Ok(())
    }

    fn show_people(&mut self) {
        for participant in self.room.participants() {
            let mut line = shown(&participant.label());
            let marks = [
                (participant.me, "you"),
                (participant.role == Role::Creator, "creator"),
                (participant.name_clash, "not the first of this name"),
                (
                    !participant.is_verified(),
                    "does not prove to hold the link",
                ),
            ];
            for (_, mark) in marks.iter().filter(|(is_so, _)| *is_so) {
                line += &format!(", {mark}");
            }
            self.screen.plain(&line);
        }
    }

    fn show_verification(&mut self) {
        let Some(code) = self.room.verification() else {
            return;
        };
        self.notice("Everybody here must see the same. Compare it on another way than this: by voice, or in sight.");
        let number = code.safety_number();
        let groups: Vec<_> = number.split(' ').collect();
        for row in groups.chunks(4) {
            self.screen.plain(&format!("    {}", row.join(" ")));
        }
        for row in code.emoji().chunks(4) {
            let row: Vec<_> = row
                .iter()
                .map(|emoji| format!("{} {}", emoji.symbol, emoji.name))
                .collect();
            self.screen.plain(&format!("    {}", row.join("  ")));
        }
    }

    /// A text that was not sent is its author's again.
    fn give_back(&mut self, text: &str) {
        harmless::lines(text).for_each(|line| self.screen.plain(&format!("    {line}")));
    }

    fn notice(&mut self, notice: &str) {
        self.screen.notice(notice);
    }

    fn count_down(&mut self) {
        let left = self.room.time_left().map(|left| {
            let seconds = left.as_millis().div_ceil(1_000);
            let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            if hours > 0 {
                format!("{hours}:{minutes:02}:{seconds:02}")
            } else {
                format!("{minutes}:{seconds:02}")
            }
        });
        let offline = match self.room.status() {
            Status::Joined => "",
            _ => " offline",
        };
        let left = left.unwrap_or_default();
        self.screen.set_prompt(format!("{left}{offline} > "));
    }
}

/// What to tell people of an event that is told in one line.
fn notice_of(event: &Event, room: &Room) -> Option<String> {
    Some(match event {
        Event::Joined { .. } => {
            let me = room.participants().into_iter().find(|who| who.me);
            let me = me.map(|me| shown(&me.label())).unwrap_or_default();
            let others = room.participants().len().saturating_sub(1);
            format!(
                "You are {me}. {} /help lists the commands.",
                match others {
                    0 => "Nobody else is here yet.".to_owned(),
                    1 => "One other is here.".to_owned(),
                    others => format!("{others} others are here."),
                }
            )
        }
        Event::ParticipantJoined(who) => {
            let clash = if who.name_clash {
                ", not the first of this name"
            } else {
                ""
            };
            format!("{} has come{clash}.", shown(&who.label()))
        }
        Event::ParticipantLeft {
            participant,
            reason,
        } => {
            let label = label(participant);
            match reason {
                Some(Departure::Left) => format!("{label} has left."),
                Some(Departure::Timeout) => {
                    format!("{label} has been away for too long, and is gone.")
                }
                Some(Departure::Kicked) => format!("{label} has been removed."),
                None => format!("{label} joins afresh."),
            }
        }
        Event::Locked { locked: true } => "The room is locked: nobody new is let in.".to_owned(),
        Event::Locked { locked: false } => "The room is open for others again.".to_owned(),
        Event::Extended { seconds_remaining } => {
            format!(
                "The room lives longer: {}.",
                time(seconds_remaining.saturating_mul(1_000))
            )
        }
        Event::LinkExpired => {
            "The room has a new link, which is not here yet; the one shown before is dead."
                .to_owned()
        }
        Event::HistoryRead { complete: true } => "That was said before you came.".to_owned(),
        Event::HistoryRead { complete: false } => {
            "That is what is left of what was said before you came.".to_owned()
        }
        Event::Reconnecting => "The connection broke; trying again.".to_owned(),
        Event::Resumed => "Connected again.".to_owned(),
        Event::Rejoining { .. } => {
            "Too much was missed: joining afresh. Compare the safety number again.".to_owned()
        }
        Event::Missed { from, count } => {
            format!(
                "{count} of the messages of {} are missing.",
                name_of(room, *from)
            )
        }
        Event::Unreadable { from, .. } => {
            format!("A message of {} can't be read.", name_of(room, *from))
        }
        Event::RekeyStalled => "The new key does not come; what you write waits for it.".to_owned(),
        Event::Refused(refusal) => format!("The relay refuses that: {}", refusal.code.meaning()),
        Event::Fault { error, about } => {
            let about = about
                .map(|id| format!(" ({})", name_of(room, id)))
                .unwrap_or_default();
            format!("Refused{about}: {}", error.code().meaning())
        }
        // Counted down in the prompt; shown by /verify; told by itself; of no use in a line.
        _ => return None,
    })
}

fn show_created(created: &CreatedRoom, screen: &mut Screen) {
    let link = created.link.to_url();
    show_link(&link, screen);
    let pin = &created.pin;
    screen.notice(&format!(
        "PIN, for your own other devices: {}",
        pin.as_str()
    ));
}

/// A link, and its QR code if there is room for it.
fn show_link(link: &str, screen: &mut Screen) {
    if let Ok(code) = QrCode::new(link) {
        // Light on dark, as terminals mostly are; readers take either.
        let drawn = code
            .render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .build();
        let drawn = Zeroizing::new(drawn);
        let columns = drawn.lines().next().map_or(0, |line| line.chars().count());
        if screen
            .columns()
            .is_none_or(|there_are| columns <= there_are)
        {
            screen.plain(&drawn);
        }
    }
    screen.notice("Whoever has this link can join:");
    screen.plain(link);
}

fn label(participant: &Participant) -> String {
    shown(&participant.label())
}

fn name_of(room: &Room, id: burnchat_client::ParticipantId) -> String {
    let all = room.participants();
    let found = all.iter().find(|participant| participant.id == id);
    found.map_or_else(|| "somebody who has left".to_owned(), label)
}

/// The remark at a message with a time of its own.
fn fuse_of(burn_after_ms: u32) -> String {
    match burn_after_ms {
        0 => String::new(),
        millis => format!("burns {} after reading", time(millis.into())),
    }
}

/// Milliseconds, for people.
fn time(millis: u64) -> String {
    let seconds = millis.div_ceil(1_000);
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// Why something could not be done, for people.
fn reason(error: &Error) -> String {
    match error {
        Error::Unreachable(source) => format!("({source})"),
        Error::Refused(refusal) => {
            let meaning = refusal.code.meaning();
            match refusal.attempts_left {
                Some(left) if refusal.code == Code::WrongPin => {
                    format!("Wrong PIN; {left} more tries.")
                }
                _ => meaning.to_owned(),
            }
        }
        error => error.code().map_or("", Code::meaning).to_owned(),
    }
}
