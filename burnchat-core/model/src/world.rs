//! A global state, what can happen in it, and what it becomes.

use std::rc::Rc;

use burnchat_core::client::{EndReason, Status};
use burnchat_core::wire::ClientFrame;
use burnchat_sim::Rule;

use crate::arena::{Arena, Place};
use crate::between;
use crate::frames::{FrameId, Frames};
use crate::person::{self, Person};
use crate::relay::{self, Relay, Wire};
use crate::room::{NAP, PEOPLE, Room, Tick, open};
use crate::step::{Deed, Step};

/// One global state: the states of the machines by number, and everything under way between them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: Tick,
    pub(crate) relay: Place,
    pub(crate) people: [Place; PEOPLE],
    lines: Vec<Line>,
    /// How many connections each has opened.
    opened: [u8; PEOPLE],
    /// Whose clients want a connection.
    wants: [bool; PEOPLE],
    joined_once: [bool; PEOPLE],
    /// Whether a wrap has been spoiled on purpose.
    pub(crate) spoiled: bool,
    /// Deeds done.
    pub(crate) deeds: u8,
    /// Times that time has passed.
    pub(crate) waits: u8,
}

/// A connection that at least one end holds to be open.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Line {
    wire: Wire,
    client_open: bool,
    relay_open: bool,
    /// It has broken: nothing new passes, and each end finds out in its own time.
    broken: bool,
    up: Vec<Up>,
    down: Vec<Down>,
}

/// Under way to the relay.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Up {
    Frame(FrameId),
    Close { clean: bool },
}

/// Under way to a client.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Down {
    Frame(FrameId),
    Close,
}

/// What is explored.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// How many people there are, 2 or 3. The first is the creator.
    pub people: usize,
    /// Whether the room keeps its history.
    pub history: bool,
    /// Most deeds besides first joins.
    pub deeds: u8,
    /// Most times that time passes.
    pub waits: u8,
}

/// The machines' states, and what does not change.
pub(crate) struct Machines {
    pub(crate) scene: Scene,
    pub(crate) room: Rc<Room>,
    pub(crate) frames: Frames,
    pub(crate) relays: Arena<Relay>,
    pub(crate) people: Arena<Person>,
    /// What was said in the last step, for stories.
    pub(crate) said: Vec<String>,
}

/// A rule that did not hold, and how.
pub(crate) type Broken = (Rule, String);

impl Machines {
    /// The machines, and the state in which nobody has come yet.
    pub(crate) fn new(scene: Scene) -> Result<(Self, World), String> {
        let (room, hub, rng) = open(scene.history)?;
        let room = Rc::new(room);
        let mut relays = Arena::new();
        let mut people = Arena::new();
        let relay = relays.add(Relay::new(Rc::clone(&room), hub, rng));
        let first = [0, 1, 2].map(|number| people.add(Person::new(Rc::clone(&room), number)));
        let machines = Self {
            scene,
            room,
            frames: Frames::default(),
            relays,
            people,
            said: Vec::new(),
        };
        let world = World {
            now: Tick::default(),
            relay,
            people: first,
            lines: Vec::new(),
            opened: [0; PEOPLE],
            wants: [false; PEOPLE],
            joined_once: [false; PEOPLE],
            spoiled: false,
            deeds: 0,
            waits: 0,
        };
        Ok((machines, world))
    }

    pub(crate) fn relay_facts(&self, world: &World) -> &Rc<relay::Facts> {
        self.relays.facts(world.relay)
    }

    pub(crate) fn person_facts(&self, world: &World, node: usize) -> &Rc<person::Facts> {
        self.people.facts(world.people[node])
    }

    /// Everybody's number.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.scene.people.min(PEOPLE)
    }

    /// What can happen without anybody's doing, in the order in which a calm network does it.
    pub(crate) fn moves(&self, world: &World) -> Vec<Step> {
        let mut moves = Vec::new();
        let due = |at: Option<Tick>| at.is_some_and(|at| at <= world.now);
        if due(self.relay_facts(world).due) {
            moves.push(Step::RelayTimer);
        }
        for node in self.everybody() {
            if due(self.person_facts(world, node).due) {
                moves.push(Step::ClientTimer(number(node)));
            }
        }
        for line in &world.lines {
            let Wire { node, ordinal } = line.wire;
            if line.relay_open && !line.up.is_empty() {
                moves.push(Step::ToRelay(node, ordinal));
            }
            if line.client_open && !line.down.is_empty() {
                moves.push(Step::ToClient(node));
            }
            if line.broken && line.relay_open {
                moves.push(Step::RelayLearns(node, ordinal));
            }
            if line.broken && line.client_open {
                moves.push(Step::ClientLearns(node));
            }
        }
        for node in self.everybody() {
            if world.wants[node] && world.line_of(node).is_none() {
                moves.push(Step::Open(number(node)));
            }
        }
        moves
    }

    /// When the next timer is due, if that is later than now.
    pub(crate) fn next_due(&self, world: &World) -> Option<Tick> {
        let people = self
            .everybody()
            .filter_map(|node| self.person_facts(world, node).due);
        let next = people.chain(self.relay_facts(world).due).min()?;
        Some(next).filter(|next| *next > world.now)
    }

    /// What somebody may do, within the number of deeds.
    pub(crate) fn deeds(&self, world: &World, timers_due: bool, under_way: bool) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for node in self.everybody() {
            // Members who have not come yet are alike: they come in order.
            if !world.joined_once[node] {
                deeds.push(Deed::Join(number(node)));
                if node > 0 {
                    break;
                }
            }
        }
        if world.deeds >= self.scene.deeds {
            return deeds;
        }
        for node in self.everybody().filter(|node| world.joined_once[*node]) {
            self.deeds_of(world, node, &mut deeds);
        }
        if under_way && !timers_due && self.next_due(world).is_some() {
            deeds.push(Deed::Stall);
        }
        let log = &self.relay_facts(world).log;
        if !log.burned && Tick::not_before(log.end) > world.now {
            deeds.push(Deed::Nap);
            deeds.push(Deed::Sleep);
        }
        deeds
    }

    fn deeds_of(&self, world: &World, node: usize, deeds: &mut Vec<Deed>) {
        let facts = self.person_facts(world, node);
        let who = number(node);
        match facts.status {
            Some(Status::Ended(EndReason::Left | EndReason::Kicked)) => {
                deeds.push(Deed::Return(who));
            }
            Some(Status::Ended(_)) | None => return,
            Some(_) => deeds.push(Deed::Leave(who)),
        }
        if facts.is_joined() {
            deeds.push(Deed::Write(who));
            deeds.push(Deed::Reload(who));
        }
        if facts.is_creator {
            let others = facts.people.iter().enumerate();
            let others = others.filter(|(_, id)| Some(**id) != facts.me);
            deeds.extend(others.map(|(place, _)| Deed::Kick(who, number(place))));
            deeds.push(Deed::Extend(who));
            deeds.push(Deed::Burn(who));
        }
        if let Some(line) = world.line_of(node).map(|place| &world.lines[place]) {
            if !line.broken {
                deeds.push(Deed::Lose(who));
            }
            if self.spoilable(line).is_some() {
                deeds.push(Deed::Spoil(who));
            }
        }
    }

    /// The place of a key frame under way to the relay with a wrap in it that can be spoiled.
    fn spoilable(&self, line: &Line) -> Option<(usize, FrameId)> {
        line.up.iter().enumerate().find_map(|(place, up)| match up {
            Up::Frame(frame) if self.frames.kind(*frame) == "session_key" => {
                let text = self.frames.text(*frame);
                let wraps = !text
                    .windows(11)
                    .any(|part| part == br#""wraps":[],"# || part == br#""wraps":[]}"#);
                wraps.then_some((place, *frame))
            }
            _ => None,
        })
    }

    /// What a state becomes by a step.
    pub(crate) fn apply(&mut self, world: &World, step: Step) -> Result<World, Broken> {
        self.said.clear();
        let mut next = world.clone();
        match step {
            Step::Deed(deed) => self.deed(&mut next, deed)?,
            Step::Open(node) => self.connect(&mut next, usize::from(node))?,
            Step::ToRelay(..) | Step::RelayLearns(..) => {
                let place = step.wire().and_then(|wire| next.line(wire));
                if let Some(place) = place {
                    self.to_relay(&mut next, place, matches!(step, Step::RelayLearns(..)))?;
                }
            }
            Step::ToClient(node) | Step::ClientLearns(node) => {
                let node = usize::from(node);
                if let Some(place) = next.line_of(node) {
                    let learns = matches!(step, Step::ClientLearns(_));
                    self.to_client(&mut next, place, node, learns)?;
                }
            }
            Step::RelayTimer => self.tell_relay(&mut next, relay::What::Timer)?,
            Step::ClientTimer(node) => {
                self.tell_person(&mut next, usize::from(node), person::What::Timer)?;
            }
            Step::Wait => {
                next.waits = next.waits.saturating_add(1);
                next.now = self.next_due(&next).unwrap_or(next.now);
            }
        }
        next.lines
            .retain(|line| line.client_open || line.relay_open);
        Ok(next)
    }

    fn deed(&mut self, world: &mut World, deed: Deed) -> Result<(), Broken> {
        if !matches!(deed, Deed::Join(_)) {
            world.deeds = world.deeds.saturating_add(1);
        }
        let (who, what) = match deed {
            Deed::Join(who) => {
                world.joined_once[usize::from(who)] = true;
                (who, person::What::Come)
            }
            Deed::Return(who) => (who, person::What::Come),
            Deed::Write(who) => (who, person::What::Write),
            Deed::Leave(who) => (who, person::What::Leave),
            Deed::Kick(who, place) => (who, person::What::Kick(place)),
            Deed::Extend(who) => (who, person::What::Extend),
            Deed::Burn(who) => (who, person::What::Burn),
            Deed::Reload(who) => {
                if let Some(place) = world.line_of(usize::from(who)) {
                    let line = &mut world.lines[place];
                    line.client_open = false;
                    line.broken = true;
                    line.down.clear();
                }
                (who, person::What::Come)
            }
            Deed::Lose(who) => {
                if let Some(place) = world.line_of(usize::from(who)) {
                    world.lines[place].broken = true;
                }
                return Ok(());
            }
            Deed::Spoil(who) => {
                self.spoil(world, usize::from(who));
                return Ok(());
            }
            Deed::Stall => {
                world.now = self.next_due(world).unwrap_or(world.now);
                return Ok(());
            }
            Deed::Nap => {
                world.now = Tick(world.now.0.saturating_add(NAP.0));
                return Ok(());
            }
            Deed::Sleep => {
                let end = Tick::not_before(self.relay_facts(world).log.end);
                world.now = world.now.max(end);
                return Ok(());
            }
        };
        self.tell_person(world, usize::from(who), what)
    }

    /// Turns a bit of the first wrap of a key frame under way: the relay can't see it, and who it is for can't open it.
    fn spoil(&mut self, world: &mut World, node: usize) {
        let Some(line) = world.line_of(node) else {
            return;
        };
        let Some((place, frame)) = self.spoilable(&world.lines[line]) else {
            return;
        };
        if let Ok(ClientFrame::SessionKey(mut offer)) = ClientFrame::parse(&self.frames.text(frame))
        {
            if let Some(wrap) = offer.wraps.first_mut() {
                wrap.wrapped.0[0] ^= 1;
            }
            let spoiled = ClientFrame::SessionKey(offer).encode();
            let number = self.frames.number(spoiled.as_bytes());
            world.lines[line].up[place] = Up::Frame(number);
            world.spoiled = true;
        }
    }

    fn connect(&mut self, world: &mut World, node: usize) -> Result<(), Broken> {
        world.wants[node] = false;
        let ordinal = world.opened[node];
        world.opened[node] = ordinal.saturating_add(1);
        let wire = Wire {
            node: number(node),
            ordinal,
        };
        world.lines.push(Line {
            wire,
            client_open: true,
            relay_open: true,
            broken: false,
            up: Vec::new(),
            down: Vec::new(),
        });
        world.lines.sort_unstable_by_key(|line| line.wire);
        self.tell_relay(world, relay::What::Connect(wire))?;
        self.tell_person(world, node, person::What::Connected)
    }

    fn to_relay(&mut self, world: &mut World, place: usize, learns: bool) -> Result<(), Broken> {
        let line = &mut world.lines[place];
        let wire = line.wire;
        let what = if learns {
            relay::What::Gone { wire, clean: false }
        } else {
            match line.up.remove(0) {
                Up::Frame(frame) => relay::What::Frame(wire, frame),
                Up::Close { clean } => relay::What::Gone { wire, clean },
            }
        };
        self.tell_relay(world, what)?;
        // What was due by then the relay has done before it heard, and perhaps said something on this connection.
        if let relay::What::Gone { .. } = what
            && let Some(line) = world.line(wire).map(|place| &mut world.lines[place])
        {
            line.relay_open = false;
            line.up.clear();
        }
        Ok(())
    }

    fn to_client(
        &mut self,
        world: &mut World,
        place: usize,
        node: usize,
        learns: bool,
    ) -> Result<(), Broken> {
        let line = &mut world.lines[place];
        let next = if learns {
            Down::Close
        } else {
            line.down.remove(0)
        };
        let what = match next {
            Down::Frame(frame) => person::What::Frame(frame),
            Down::Close => {
                line.client_open = false;
                line.down.clear();
                person::What::Disconnected
            }
        };
        self.tell_person(world, node, what)
    }

    fn tell_relay(&mut self, world: &mut World, what: relay::What) -> Result<(), Broken> {
        let input = relay::Input {
            now: world.now,
            what,
        };
        let (place, says) = self.relays.step(world.relay, input, &mut self.frames);
        world.relay = place;
        self.said.extend(says.lines.iter().cloned());
        for does in &says.does {
            match does {
                relay::Does::Send(to, frame) => {
                    for wire in to {
                        let line = world.line(*wire).map(|place| &mut world.lines[place]);
                        let Some(line) = line.filter(|line| line.relay_open) else {
                            let what = "the relay sends on a connection that it has closed".into();
                            return Err((Rule::Bounded, what));
                        };
                        if line.client_open && !line.broken {
                            line.down.push(Down::Frame(*frame));
                        }
                    }
                }
                relay::Does::Close(wire) => {
                    let Some(line) = world.line(*wire).map(|place| &mut world.lines[place]) else {
                        continue;
                    };
                    line.relay_open = false;
                    line.up.clear();
                    if line.client_open && !line.broken {
                        line.down.push(Down::Close);
                    }
                }
            }
        }
        match &says.broken {
            Some(broken) => Err(broken.clone()),
            None => Ok(()),
        }
    }

    fn tell_person(
        &mut self,
        world: &mut World,
        node: usize,
        what: person::What,
    ) -> Result<(), Broken> {
        let input = person::Input {
            now: world.now,
            what,
        };
        let before = world.people[node];
        let (place, says) = self.people.step(before, input, &mut self.frames);
        world.people[node] = place;
        self.said.extend(says.lines.iter().cloned());
        if let person::What::Come = what {
            world.wants[node] = false;
        }
        for does in &says.does {
            let line = world.line_of(node).map(|place| &mut world.lines[place]);
            match (does, line) {
                (person::Does::Connect, _) => world.wants[node] = true,
                (person::Does::Send(frame), Some(line)) => {
                    if line.relay_open && !line.broken {
                        line.up.push(Up::Frame(*frame));
                    }
                }
                (person::Does::Close(code), Some(line)) => {
                    line.client_open = false;
                    line.down.clear();
                    if line.relay_open && !line.broken {
                        let clean = *code == 1000 || *code == 1001;
                        line.up.push(Up::Close { clean });
                    }
                }
                (person::Does::Send(_) | person::Does::Close(_), None) => {}
            }
        }
        if self.people.facts(place).has_ended() {
            world.wants[node] = false;
        }
        match &says.broken {
            Some(broken) => Err(broken.clone()),
            None => between::after_person(self, world, node, before),
        }
    }
}

impl World {
    /// The connection a client has.
    fn line_of(&self, node: usize) -> Option<usize> {
        let mine = |line: &Line| usize::from(line.wire.node) == node && line.client_open;
        self.lines.iter().position(mine)
    }

    fn line(&self, wire: Wire) -> Option<usize> {
        self.lines.iter().position(|line| line.wire == wire)
    }

    /// The next frame a step would take, for stories.
    pub(crate) fn next_frame(&self, step: Step) -> Option<FrameId> {
        match step {
            Step::ToRelay(..) => {
                let line = &self.lines[self.line(step.wire()?)?];
                match line.up.first()? {
                    Up::Frame(frame) => Some(*frame),
                    Up::Close { .. } => None,
                }
            }
            Step::ToClient(node) => {
                let line = &self.lines[self.line_of(usize::from(node))?];
                match line.down.first()? {
                    Down::Frame(frame) => Some(*frame),
                    Down::Close => None,
                }
            }
            _ => None,
        }
    }

    /// Whether this client's connection has something for it and nothing can be put before that: what it does next, it
    /// does without anybody else.
    pub(crate) fn is_by_itself(&self, node: usize) -> bool {
        self.line_of(node).is_some_and(|place| {
            let line = &self.lines[place];
            !line.down.is_empty() || line.broken
        })
    }

    /// The same without what counts deeds and waits.
    pub(crate) fn uncounted(&self) -> Self {
        Self {
            deeds: 0,
            waits: 0,
            ..self.clone()
        }
    }
}

/// A place among few people, as steps hold it.
pub(crate) fn number(place: usize) -> u8 {
    u8::try_from(place).unwrap_or(u8::MAX)
}
