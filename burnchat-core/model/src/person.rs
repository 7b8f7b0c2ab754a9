//! One person's client, and beside it what it has told.

use std::rc::Rc;

use burnchat_core::client::{Client, EndReason, Event, JoinOptions, Output, Status};
use burnchat_core::crypto::{Name, Secret};
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::{EpochId, MessageId, ParticipantId};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::{ClientFrame, RelayFrame, Role};
use burnchat_sim::Rule;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::arena::Machine;
use crate::frames::{FrameId, Frames};
use crate::hash::{Digest, digest};
use crate::relay::{Version, short};
use crate::room::{EXTENSION_SECONDS, NAMES, Room, Tick, first_link};

/// What can come to a client, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Input {
    pub(crate) now: Tick,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Connected,
    Frame(FrameId),
    Disconnected,
    Timer,
    /// The person opens the link: for the first time, after having left or been removed, or by loading the page again.
    Come,
    Write,
    Leave,
    /// Removes who is in this place on the roster.
    Kick(u8),
    Extend,
    Burn,
}

/// What the client wants done, and what was wrong with that.
#[derive(Default)]
pub(crate) struct Says {
    pub(crate) does: Vec<Does>,
    pub(crate) broken: Option<(Rule, String)>,
    /// For stories.
    pub(crate) lines: Vec<String>,
}

pub(crate) enum Does {
    Connect,
    Send(FrameId),
    Close(u16),
}

/// One person at one client after another.
#[derive(Clone)]
pub(crate) struct Person {
    room: Rc<Room>,
    number: usize,
    client: Option<Client>,
    rng: ChaCha8Rng,
    told: Rc<Told>,
}

/// What a person's clients have said and shown, and what follows from it.
#[derive(Clone, Default, Hash)]
pub(crate) struct Told {
    /// The ids it has had, newest last.
    pub(crate) ids: Vec<ParticipantId>,
    pub(crate) ended: Option<EndReason>,
    /// Whether a creator has removed it.
    pub(crate) kicked: bool,
    seat_token: Option<[u8; 32]>,
    /// What it wrote, in order.
    pub(crate) wrote: Vec<Text>,
    /// What the client before it is now showed is gone from the screen with it.
    pub(crate) shown: Vec<Shown>,
    /// Whose envelopes it could not read.
    pub(crate) unreadable: Vec<ParticipantId>,
    /// Every roster version it has seen.
    pub(crate) versions: Vec<(u64, Rc<Version>)>,
    /// Every epoch it was given, with the id it had then.
    pub(crate) epochs: Vec<(EpochId, u64, ParticipantId)>,
    /// The keys it has encrypted with: sender, epoch, n, and a digest of what came out.
    keys_used: Vec<(ParticipantId, EpochId, u64, Digest)>,
    burn_by: Option<Timestamp>,
    /// How many key frames gave it no usable key.
    pub(crate) bad_wraps: u32,
    pub(crate) history_incomplete: bool,
}

/// A text, as its author knows it.
#[derive(Clone, Hash)]
pub(crate) struct Text {
    id: MessageId,
    pub(crate) author: ParticipantId,
    /// Who was on the author's roster when it was written.
    pub(crate) audience: Vec<ParticipantId>,
    pub(crate) fate: Option<Fate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Accepted,
    Unsent,
    Unknown,
    /// Its client is no more, and had not heard.
    Lost,
}

/// A text, as a reader was shown it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shown {
    pub(crate) author: ParticipantId,
    /// The how manieth the author wrote: that is all its words say.
    pub(crate) number: usize,
    /// Which of its own ids the reader had.
    pub(crate) reader: ParticipantId,
}

/// What is known of a client without it.
pub(crate) struct Facts {
    pub(crate) due: Option<Tick>,
    pub(crate) status: Option<Status>,
    pub(crate) is_creator: bool,
    pub(crate) me: Option<ParticipantId>,
    pub(crate) people: Vec<ParticipantId>,
    pub(crate) version: Option<u64>,
    pub(crate) epoch: Option<(u64, EpochId)>,
    pub(crate) told: Rc<Told>,
}

impl Facts {
    pub(crate) fn is_joined(&self) -> bool {
        self.me.is_some()
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.status, Some(Status::Ended(_)))
    }
}

impl Person {
    pub(crate) fn new(room: Rc<Room>, number: usize) -> Self {
        Self {
            room,
            number,
            client: None,
            rng: ChaCha8Rng::seed_from_u64(100 + number as u64),
            told: Rc::new(Told::default()),
        }
    }

    /// Opens the link with a new client. Who has lost its client still has the seat token; the room's first creator has
    /// its own token always.
    fn come(&mut self) -> Result<(), String> {
        let link = first_link(&self.room).ok_or("no link")?;
        let creator_token =
            (self.number == 0).then(|| Secret::copy_of(self.room.creator_token.as_bytes()));
        let seat_token = self.told.seat_token.as_ref().map(Secret::copy_of);
        let options = JoinOptions {
            name: Name::new(NAMES[self.number]).ok(),
            creator_token,
            seat_token,
            ..JoinOptions::default()
        };
        let told = Rc::make_mut(&mut self.told);
        told.ended = None;
        told.burn_by = None;
        told.shown.clear();
        for text in &mut told.wrote {
            text.fate.get_or_insert(Fate::Lost);
        }
        self.client = Some(Client::new(link, options, &mut self.rng));
        Ok(())
    }

    fn drain(&mut self, now: Timestamp, over: bool, frames: &mut Frames, says: &mut Says) {
        let ended_before = self.told.ended;
        while let Some(output) = self.client.as_mut().and_then(Client::poll_output) {
            if ended_before.is_some() {
                let what = format!("{} has ended and says {output:?}", self.name());
                says.broken.get_or_insert((Rule::Wiped, what));
            }
            match output {
                Output::Connect => says.does.push(Does::Connect),
                Output::Close(code) => says.does.push(Does::Close(code)),
                Output::Send(frame) => {
                    if let Err(broken) = self.check_sent(frame.as_bytes()) {
                        says.broken.get_or_insert(broken);
                    }
                    says.does.push(Does::Send(frames.number(frame.as_bytes())));
                }
                Output::Event(event) => {
                    if over && !matches!(event, Event::Ended(_)) {
                        let what = format!("{} goes on after its end: {event:?}", self.name());
                        says.broken.get_or_insert((Rule::BurnAtClient, what));
                    }
                    if let Err(broken) = self.hear(now, event, &mut says.lines) {
                        says.broken.get_or_insert(broken);
                    }
                }
                other => {
                    let what = format!("an output unheard of: {other:?}");
                    says.broken.get_or_insert((Rule::Bounded, what));
                }
            }
        }
        if let Err(broken) = self.check_rest(now) {
            says.broken.get_or_insert(broken);
        }
    }

    /// A client that has ended stays so and says nothing, whatever its driver still does with it.
    fn check_end(&self, now: Timestamp, frames: &Frames) -> Result<(), (Rule, String)> {
        let mut later = self.clone();
        let (Some(client), rng) = (&mut later.client, &mut later.rng) else {
            return Ok(());
        };
        // What it answers is its own affair.
        let _ = client.handle_connected(now, rng);
        for frame in frames.of_each_type() {
            let _ = client.handle_frame(now, &frame, rng);
        }
        let _ = client.send_text(now, "after the end", 0, rng);
        let _ = client.burn(now, rng);
        client.handle_disconnected(now);
        client.handle_timeout(now.plus_seconds(3_600), rng);
        client.leave(now);
        if let Some(output) = client.poll_output() {
            let what = format!("{} has ended and says {output:?}", self.name());
            return Err((Rule::Wiped, what));
        }
        later.check_rest(now)
    }

    /// What holds after every input.
    fn check_rest(&mut self, now: Timestamp) -> Result<(), (Rule, String)> {
        let name = self.name();
        let Some(client) = &self.client else {
            return Ok(());
        };
        let ended = match client.status() {
            Status::Ended(reason) => Some(reason),
            _ => None,
        };
        if ended != self.told.ended {
            let what = format!("{name} was {:?} and is {ended:?}", self.told.ended);
            return Err((Rule::Wiped, what));
        }
        let kept = client.link().is_some()
            || client.seat_token().is_some()
            || client.verification().is_some()
            || client.id().is_some()
            || client.epoch().is_some()
            || client.poll_timeout().is_some()
            || !client.participants().is_empty();
        if ended.is_some() && kept {
            return Err((Rule::Wiped, format!("{name} has ended and is not empty")));
        }
        if ended.is_none() && self.told.burn_by.is_some_and(|by| now >= by) {
            return Err((Rule::BurnAtClient, format!("{name} lives on after its end")));
        }
        if let (Some(version), Some(code)) = (client.roster_version(), client.verification()) {
            let seen = Version {
                people: client.participants().iter().map(|one| one.id).collect(),
                transcript: *code.transcript(),
            };
            if self
                .told
                .versions
                .last()
                .is_none_or(|(last, _)| *last != version)
            {
                Rc::make_mut(&mut self.told)
                    .versions
                    .push((version, Rc::new(seen)));
            }
        }
        Ok(())
    }

    /// What a client must know by a frame it has accepted.
    fn learn(&mut self, frame: &RelayFrame, now: Timestamp) {
        let until = |seconds: u64| now.plus_seconds(seconds).min(self.room.not_after);
        let by = self.told.burn_by;
        let sooner = |seconds| by.map(|by| by.min(until(seconds)));
        let by = match frame {
            RelayFrame::Joined(joined) => Some(until(joined.seconds_remaining)),
            RelayFrame::Extended(extended) => Some(until(extended.seconds_remaining)),
            RelayFrame::Countdown(countdown) => sooner(countdown.seconds_remaining),
            RelayFrame::Resumed(resumed) => sooner(resumed.seconds_remaining),
            _ => return,
        };
        Rc::make_mut(&mut self.told).burn_by = by;
    }

    /// A frame goes out.
    fn check_sent(&mut self, text: &[u8]) -> Result<(), (Rule, String)> {
        let name = self.name();
        let frame = ClientFrame::parse(text)
            .map_err(|code| (Rule::Bounded, format!("{name} sends what is {code}")))?;
        let ClientFrame::Message(envelope) = frame else {
            return Ok(());
        };
        let client = self.client.as_ref();
        let Some(me) = client.and_then(Client::id) else {
            return Err((
                Rule::Hold,
                format!("{name} sends an envelope and has no seat"),
            ));
        };
        let listed = client.map(Client::participants).unwrap_or_default();
        let epoch = self
            .told
            .epochs
            .iter()
            .find(|(id, ..)| *id == envelope.epoch);
        let members = epoch.and_then(|(_, version, _)| self.told.version(*version));
        let gone = members.and_then(|members| {
            members
                .people
                .iter()
                .find(|id| !listed.iter().any(|one| one.id == **id))
        });
        if let Some(gone) = gone {
            let what = format!(
                "{name} sends under a key that {} holds, who has left",
                short(gone)
            );
            return Err((Rule::Hold, what));
        }
        let sealed = digest(&(envelope.iv.0, envelope.ciphertext.0.as_slice()));
        let used = (me, envelope.epoch, envelope.n, sealed);
        let earlier = self
            .told
            .keys_used
            .iter()
            .find(|(id, epoch, n, _)| (*id, *epoch, *n) == (me, envelope.epoch, envelope.n));
        match earlier {
            None => Rc::make_mut(&mut self.told).keys_used.push(used),
            Some(earlier) if *earlier == used => {}
            Some(_) => {
                let what = format!("{name} encrypts twice with key {}", envelope.n);
                return Err((Rule::KeyOnce, what));
            }
        }
        Ok(())
    }

    /// The client tells its person something.
    fn hear(
        &mut self,
        now: Timestamp,
        event: Event,
        lines: &mut Vec<String>,
    ) -> Result<(), (Rule, String)> {
        let name = self.name();
        let past = now >= self.room.not_after;
        let is_past_the_link = |error: Error| past && error.code() == Code::ClockSkew;
        let me = self.client.as_ref().and_then(Client::id);
        let seat_token = self.client.as_ref().and_then(Client::seat_token);
        let seat_token = seat_token.map(|token| *token.as_bytes());
        let told = Rc::make_mut(&mut self.told);
        match event {
            Event::Joined { id, role } => {
                lines.push(format!("{name} has joined as {} ({role:?})", short(&id)));
                told.ids.push(id);
                told.seat_token = seat_token;
                told.unreadable.clear();
                if told.kicked {
                    return Err((Rule::Kicked, format!("{name} was removed and is back")));
                }
            }
            Event::Keyed { epoch, version } => {
                lines.push(format!("{name} is keyed for version {version}"));
                told.epochs.extend(me.map(|me| (epoch, version, me)));
            }
            Event::Message(message) => {
                let words = message.text.as_str();
                let author = message.author.id;
                lines.push(format!("{name} reads '{words}' of {}", short(&author)));
                let number = words.parse().unwrap_or(0);
                let newest = told.shown.iter().rev().find(|shown| shown.author == author);
                let newest = newest.map_or(0, |shown| shown.number);
                if let Some(reader) = me {
                    told.shown.push(Shown {
                        author,
                        number,
                        reader,
                    });
                }
                if number == newest {
                    return Err((Rule::NoDouble, format!("{name} is shown '{words}' twice")));
                }
                if number < newest {
                    let what = format!("{name} is shown '{words}' after '{newest}'");
                    return Err((Rule::Order, what));
                }
            }
            Event::Accepted { id } => return told.fate(name, id, Fate::Accepted, lines),
            Event::Unsent { id, .. } => return told.fate(name, id, Fate::Unsent, lines),
            Event::Unknown { id, .. } => return told.fate(name, id, Fate::Unknown, lines),
            Event::Unreadable { from, reason } => {
                lines.push(format!("{name} can't read {}: {reason:?}", short(&from)));
                told.unreadable.push(from);
            }
            Event::Missed { from, count } if !told.history_incomplete => {
                let what = format!("{name} misses {count} of {}", short(&from));
                return Err((Rule::NoLoss, what));
            }
            Event::HistoryRead { complete } => told.history_incomplete |= !complete,
            Event::Fault { error, .. } => {
                lines.push(format!("{name} finds fault: {error}"));
                if error.code() == Code::BadWrap {
                    told.bad_wraps += 1;
                }
                return blame(name, error);
            }
            Event::Rejoining { code } => {
                lines.push(format!("{name} joins afresh: {code}"));
                if code != Code::Gap {
                    return Err((Rule::NoFalseBlame, format!("{name} joins afresh: {code}")));
                }
            }
            Event::Ended(reason) => {
                lines.push(format!("{name} has ended: {reason}"));
                told.ended = Some(reason);
                told.kicked |= reason == EndReason::Kicked;
                if let EndReason::Failed(error) = reason
                    && !is_past_the_link(error)
                {
                    return Err((Rule::NoFalseBlame, format!("{name} ended: {error}")));
                }
            }
            Event::Refused(refusal) => {
                lines.push(format!("{name} is refused: {}", refusal.code));
            }
            other => lines.push(format!("{name} is told event {}", other.tag())),
        }
        Ok(())
    }

    /// Whether a client says no more than that its link is over: it does so before anything else (section 4).
    fn is_past_the_link(&self, now: Timestamp, error: Error) -> bool {
        now >= self.room.not_after && error.code() == Code::ClockSkew
    }

    fn name(&self) -> &'static str {
        NAMES[self.number]
    }

    fn write(&mut self, now: Timestamp) -> Result<(), Error> {
        let Some(client) = &mut self.client else {
            return Ok(());
        };
        let author = client.id();
        let audience = client.participants().iter().map(|one| one.id).collect();
        let words = format!("{}", self.told.wrote.len() + 1);
        let id = client.send_text(now, &words, 0, &mut self.rng)?;
        if let Some(author) = author {
            Rc::make_mut(&mut self.told).wrote.push(Text {
                id,
                author,
                audience,
                fate: None,
            });
        }
        Ok(())
    }

    fn command(&mut self, now: Timestamp, what: What) -> Result<(), Error> {
        let Some(client) = &mut self.client else {
            return Ok(());
        };
        let rng = &mut self.rng;
        match what {
            What::Kick(place) => {
                let listed = client.participants();
                match listed.get(usize::from(place)) {
                    Some(target) => client.kick(now, target.id, true, rng),
                    None => Ok(()),
                }
            }
            What::Extend => client.extend(now, EXTENSION_SECONDS, rng),
            What::Burn => client.burn(now, rng),
            _ => Ok(()),
        }
    }
}

impl Told {
    pub(crate) fn version(&self, version: u64) -> Option<&Rc<Version>> {
        let found = self.versions.iter().find(|(number, _)| *number == version);
        found.map(|(_, seen)| seen)
    }

    fn fate(
        &mut self,
        name: &str,
        id: MessageId,
        fate: Fate,
        lines: &mut Vec<String>,
    ) -> Result<(), (Rule, String)> {
        let place = self.wrote.iter().position(|text| text.id == id);
        let number = place.map_or(0, |place| place + 1);
        lines.push(format!("'{number}' of {name} is {fate:?}"));
        let Some(text) = place.and_then(|place| self.wrote.get_mut(place)) else {
            return Err((
                Rule::TextGenuine,
                format!("{name} did not write what is {fate:?}"),
            ));
        };
        match text.fate.replace(fate) {
            None => Ok(()),
            Some(earlier) => {
                let what = format!("'{number}' of {name} was {earlier:?} and is {fate:?}");
                Err((Rule::OneFate, what))
            }
        }
    }
}

impl Machine for Person {
    type Input = Input;
    type Output = Says;
    type Facts = Facts;

    fn step(&mut self, input: &Input, frames: &mut Frames) -> Says {
        let now = input.now.time();
        let ended_before = self.told.ended;
        let over = self.told.burn_by.is_some_and(|by| now >= by);
        let mut says = Says::default();
        let mut read = None;
        let outcome = match (input.what, &mut self.client) {
            (What::Come, _) => {
                if let Err(why) = self.come() {
                    says.broken = Some((Rule::Bounded, why));
                }
                Ok(())
            }
            (What::Write, _) => self.write(now),
            (what @ (What::Kick(_) | What::Extend | What::Burn), _) => self.command(now, what),
            (_, None) => Ok(()),
            (What::Connected, Some(client)) => client.handle_connected(now, &mut self.rng),
            (What::Frame(frame), Some(client)) => {
                let text = frames.text(frame);
                read = RelayFrame::parse(&text).ok().flatten();
                client.handle_frame(now, &text, &mut self.rng)
            }
            (What::Disconnected, Some(client)) => {
                client.handle_disconnected(now);
                Ok(())
            }
            (What::Timer, Some(client)) => {
                client.handle_timeout(now, &mut self.rng);
                Ok(())
            }
            (What::Leave, Some(client)) => {
                client.leave(now);
                Ok(())
            }
        };
        match (&outcome, &read) {
            (Ok(()), Some(read)) => self.learn(read, now),
            (Err(error), Some(_)) if !self.is_past_the_link(now, *error) => {
                if let Err(broken) = blame(self.name(), *error) {
                    says.broken.get_or_insert(broken);
                }
            }
            _ => {}
        }
        self.drain(now, over, frames, &mut says);
        if ended_before.is_none()
            && self.told.ended.is_some()
            && let Err(broken) = self.check_end(now, frames)
        {
            says.broken.get_or_insert(broken);
        }
        says
    }

    fn facts(&self) -> Facts {
        let client = self.client.as_ref();
        let told = Rc::clone(&self.told);
        let Some(client) = client else {
            return Facts {
                due: None,
                status: None,
                is_creator: false,
                me: None,
                people: Vec::new(),
                version: None,
                epoch: None,
                told,
            };
        };
        Facts {
            due: client.poll_timeout().map(Tick::not_before),
            status: Some(client.status()),
            is_creator: client.role() == Some(Role::Creator),
            me: client.id(),
            people: client.participants().iter().map(|one| one.id).collect(),
            version: client.roster_version(),
            epoch: client.epoch(),
            told,
        }
    }

    fn digest(&self) -> Digest {
        digest(&(
            self.number,
            &self.client,
            &self.told,
            self.rng.get_word_pos(),
        ))
    }
}

/// An honest relay and honest participants are not blamed. A history that is cut off, and a `join` that is too slow, are
/// nobody's fault; whether a wrap was spoiled on purpose is looked at elsewhere.
fn blame(name: &str, error: Error) -> Result<(), (Rule, String)> {
    let excused = matches!(
        error.code(),
        Code::BadWrap | Code::HistoryUnavailable | Code::HandshakeTimeout
    );
    let blames = matches!(
        error,
        Error::RelayMisbehaved(_) | Error::PeerMisbehaved(_) | Error::Malformed(_)
    );
    if blames && !excused {
        return Err((Rule::NoFalseBlame, format!("{name} says {error}")));
    }
    Ok(())
}
