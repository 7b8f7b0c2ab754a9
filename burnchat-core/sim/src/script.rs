//! What people, networks and clocks do: drawn from a seed before anything runs, so that a step can be left out.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A room and everything that will be done in it.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it was drawn from.
    pub seed: u64,
    /// The room, its network and its relay.
    pub scene: Scene,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// What does not change while a script runs.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Most clients there are at once.
    pub people: usize,
    /// Whether the link says history.
    pub history: bool,
    /// Whether anyone may burn.
    pub anyone_burns: bool,
    /// How long the room lives.
    pub ttl_seconds: u64,
    /// How much longer it may be made to live.
    pub extension_seconds: u64,
    /// Shortest time a frame takes, ms.
    pub delay: u64,
    /// How much longer it may take, ms.
    pub jitter: u64,
    /// How far clocks are off at most, ms.
    pub skew: u64,
    /// Whether a rest goes on although nothing is to be waited for.
    pub patient: bool,
    /// Whom nobody can trust.
    pub hostility: Hostility,
    /// How many relays share the room.
    pub relays: usize,
    /// What is wrong with what they share it through.
    pub fault: Fault,
}

/// What relays that share rooms may do wrong, for tests that want to see it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// An owner says what follows from a step before the step is kept.
    SaysEarly,
    /// An owner that has been replaced can still write.
    NoFence,
    /// Some of what is written is not there afterwards.
    ForgetsWrites,
}

/// Who does not keep to the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostility {
    /// Nobody.
    None,
    /// The relay, or whoever sits between: frames to clients are changed.
    Relay,
    /// One participant, whose frames to the relay are changed; the relay keeps to the spec.
    Participant,
    /// One participant who has keys and makes its frames itself; the relay keeps to the spec.
    Insider,
}

/// One thing that is done, some time after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number in the script: what is left when others are left out.
    pub number: usize,
    /// How long after the step before it, ms.
    pub pause: u64,
    /// What.
    pub deed: Deed,
}

impl Step {
    /// How long it takes with the pause before it, ms.
    fn millis(&self) -> u64 {
        match self.deed {
            Deed::Rest => self.pause.saturating_add(REST),
            Deed::Blackout(millis, _) => self.pause.saturating_add(millis),
            _ => self.pause,
        }
    }
}

/// What can be done. Numbers of people are taken modulo how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Somebody joins with the link as it was made.
    Join,
    /// Somebody joins with the link that this one shows.
    JoinBy(usize),
    /// Somebody joins with the creator token.
    JoinAsCreator,
    /// Somebody joins with the PIN.
    JoinWithPin {
        /// Whether it is the right one.
        right: bool,
    },
    /// Somebody joins with a link whose secret is not this room's.
    JoinWithWrongLink,
    /// Somebody on the network sends the `join` of this one again, on a connection of its own.
    EchoJoin(usize),
    /// Somebody comes back with the seat token it had, under new keys: the process was started anew.
    Return(usize),
    /// Says goodbye.
    Leave(usize),
    /// The process dies.
    Crash(usize),
    /// The connection breaks, and both ends know.
    Cut(usize),
    /// The connection breaks, and the relay does not know.
    HalfOpenAtRelay(usize),
    /// The connection breaks, and the client does not know.
    HalfOpenAtClient(usize),
    /// The connections of the first so many break, and neither end knows.
    Silence(usize),
    /// Somebody joins, and then there is no network for anybody, for so many ms. Whether the relay is told at once.
    Blackout(u64, bool),
    /// The ticket is replaced, and somebody who has left before is removed.
    KickAfterRenewal(usize, usize),
    /// No network until [`Deed::Online`].
    Offline(usize),
    /// The network is back.
    Online(usize),
    /// Reads so much later from now on, ms.
    Slow(usize, u64),
    /// Writes a text.
    Write(usize, u32),
    /// Writes many texts at once.
    Burst(usize, u8),
    /// Types.
    Typing(usize, bool),
    /// Reads all that has come.
    Read(usize),
    /// Removes somebody.
    Kick(usize, usize, bool),
    /// Locks or unlocks.
    Lock(usize, bool),
    /// Replaces the ticket.
    Renew(usize),
    /// Moves the end.
    Extend(usize, u64),
    /// All creators move the end, before they hear of each other.
    ExtendTogether(u64),
    /// Removes somebody who was never there.
    KickNobody(usize),
    /// A clock is set, by so many ms.
    StepClock(usize, i64),
    /// Burns the room.
    Burn(usize),
    /// The relay says goodbye to all rooms. Of several, it hands them over.
    Shutdown,
    /// Of several relays, the one that runs the room dies.
    OwnerDies,
    /// One of them dies.
    RelayDies(usize),
    /// The one that runs the room stands still for so many ms.
    OwnerPauses(u64),
    /// The one that runs the room ends, and another goes on.
    HandOver,
    /// What they share is lost.
    MemoryLost,
    /// Whoever is hostile does something, drawn from this number.
    Hostile(u64),
    /// Nobody does anything for long enough that everything must have come to rest.
    Rest,
}

/// How long nothing happens for everything to come to rest: away (30 s), and the asking that follows (section 7.1).
pub(crate) const REST: u64 = 60_000;

impl Script {
    /// The script of `seed`; `people` fixes how many there are at most.
    #[must_use]
    pub fn draw(seed: u64, people: Option<usize>) -> Self {
        let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed));
        let mut scene = scene(&mut draw, people);
        // Most rooms are short: what goes wrong does so early, and then there are the more of them.
        let count = match draw.one_in(10) {
            true => draw.between(20, 60),
            false => draw.between(3, 14),
        };
        let mut steps = vec![Step {
            number: 0,
            pause: 0,
            deed: Deed::JoinAsCreator,
        }];
        // An insider comes first of all now and then, and is the one who is asked for keys.
        if scene.hostility == Hostility::Insider && draw.one_in(2) {
            let number = steps.len();
            let deed = Deed::Hostile(draw.0.next_u64());
            let insider = Step {
                number,
                pause: 0,
                deed,
            };
            steps.insert(draw.index(2), insider);
        }
        // Half of all rooms fill at once, as rooms do whose link has gone round.
        if draw.one_in(2) {
            let first = steps.len();
            let last = first.saturating_add(scene.people).saturating_sub(1);
            steps.extend((first..last).map(|number| Step {
                number,
                pause: draw.between(0, 300),
                deed: Deed::Join,
            }));
        }
        for _ in 0..count {
            let step = Step {
                number: steps.len(),
                pause: pause(&mut draw),
                deed: deed(&mut draw, &scene),
            };
            steps.push(step);
        }
        let millis: u64 = steps.iter().map(Step::millis).sum();
        let whole = millis.saturating_add(REST).div_ceil(1_000);
        // Some end in the middle of it, some when all is done, the others when somebody burns them.
        scene.ttl_seconds = match draw.below(16) {
            0 => draw.between(30, whole.max(31)),
            1 => whole.saturating_add(30),
            _ => {
                for deed in [Deed::Rest, Deed::Burn(0)] {
                    let number = steps.len();
                    steps.push(Step {
                        number,
                        pause: 0,
                        deed,
                    });
                }
                whole.saturating_add(150)
            }
        };
        let script = Self { seed, scene, steps };
        // From numbers of its own: a room of one relay is what it would be if there were no others anywhere.
        let mut draw = of_relays(seed);
        match script.scene.hostility == Hostility::None && draw.one_in(3) {
            true => {
                let count = draw.between(2, 4);
                script.with_relays(usize::try_from(count).unwrap_or(2))
            }
            false => script,
        }
    }

    /// The same with so many relays that share the room, and what befalls them, if there is nobody whom one can't trust.
    #[must_use]
    pub fn with_relays(mut self, count: usize) -> Self {
        if self.scene.relays > 1 || self.scene.hostility != Hostility::None {
            return self;
        }
        self.scene.relays = count.max(2);
        let mut draw = of_relays(self.seed ^ 1);
        for _ in 0..draw.between(1, 5) {
            let befalls = Step {
                number: self.steps.len(),
                pause: draw.pick(&[0, 1, 30, 700]),
                deed: befalls(&mut draw),
            };
            // Not after the last rest.
            let places = self.steps.len().saturating_sub(2);
            let place = draw.index(places.max(1)).saturating_add(1);
            self.steps.insert(place.min(self.steps.len()), befalls);
        }
        self
    }

    /// The same without the steps for which `keep` is false.
    #[must_use]
    pub fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut kept = self.clone();
        kept.steps.retain(|step| keep(step.number));
        kept
    }
}

/// What is drawn for the relays of a seed.
fn of_relays(seed: u64) -> Draw {
    Draw(ChaCha8Rng::seed_from_u64(seed ^ 0x7265_6c61_7973))
}

fn scene(draw: &mut Draw, people: Option<usize>) -> Scene {
    let drawn = match draw.below(20) {
        0 => draw.between(20, 50),
        1..4 => draw.between(8, 20),
        _ => draw.between(2, 8),
    };
    Scene {
        people: people.unwrap_or(usize::try_from(drawn).unwrap_or(8)),
        history: draw.one_in(3),
        anyone_burns: draw.one_in(4),
        ttl_seconds: 30,
        extension_seconds: draw.pick(&[0, 60, 600]),
        // The last is longer than anyone who is asked for a key has (section 7.1).
        delay: match draw.one_in(24) {
            true => 3_000,
            false => draw.pick(&[0, 1, 10, 40]),
        },
        jitter: draw.pick(&[0, 5, 60, 300]),
        skew: draw.pick(&[0, 0, 2_000, 20_000]),
        patient: draw.one_in(10),
        hostility: match draw.below(8) {
            0 | 1 => Hostility::Relay,
            2 => Hostility::Participant,
            3 => Hostility::Insider,
            _ => Hostility::None,
        },
        relays: 1,
        fault: Fault::None,
    }
}

fn befalls(draw: &mut Draw) -> Deed {
    match draw.below(20) {
        0..6 => Deed::OwnerDies,
        6..10 => Deed::RelayDies(draw.index(4)),
        10..14 => Deed::OwnerPauses(draw.pick(&[500, 2_000, 3_500, 8_000, 20_000])),
        14..19 => Deed::HandOver,
        _ => Deed::MemoryLost,
    }
}

fn pause(draw: &mut Draw) -> u64 {
    match draw.below(12) {
        0..4 => draw.between(0, 50),
        4..8 => draw.between(50, 700),
        8..11 => draw.between(700, 5_000),
        _ => draw.between(5_000, 40_000),
    }
}

fn deed(draw: &mut Draw, scene: &Scene) -> Deed {
    let often = match scene.hostility {
        Hostility::None => 0,
        Hostility::Relay | Hostility::Participant => 1,
        Hostility::Insider => 2,
    };
    if draw.below(4) < often {
        return Deed::Hostile(draw.0.next_u64());
    }
    let who = draw.index(scene.people);
    match draw.below(100) {
        0..9 => Deed::Join,
        9..11 => Deed::JoinBy(who),
        11 => match draw.below(3) {
            0 => Deed::JoinWithWrongLink,
            1 => Deed::EchoJoin(who),
            _ => Deed::JoinAsCreator,
        },
        12..14 => Deed::JoinWithPin {
            right: draw.one_in(4),
        },
        14..17 => Deed::Return(who),
        17..20 => Deed::Leave(who),
        20..22 => Deed::Crash(who),
        22..27 => Deed::Cut(who),
        27..30 => Deed::HalfOpenAtRelay(who),
        30 | 31 => Deed::HalfOpenAtClient(who),
        32 => match draw.below(4) {
            0 | 1 => Deed::Silence(who),
            2 => Deed::Blackout(draw.between(1_000, 60_000), draw.one_in(2)),
            _ => Deed::KickAfterRenewal(who, draw.index(scene.people)),
        },
        33..36 => Deed::Offline(who),
        36..40 => Deed::Online(who),
        40..42 => Deed::Slow(who, draw.pick(&[0, 0, 100, 100, 1_000, 1_000, 12_000])),
        42..62 => Deed::Write(who, draw.pick(&[0, 0, 0, 1_500])),
        62..66 => Deed::Burst(
            who,
            match draw.one_in(12) {
                // More than may be in flight (section 8.4), and than a connection may send at once (16).
                true => u8::try_from(draw.between(60, 250)).unwrap_or(60),
                false => u8::try_from(draw.between(2, 9)).unwrap_or(2),
            },
        ),
        66..69 => Deed::Typing(who, draw.one_in(2)),
        69..75 => Deed::Read(who),
        75..80 => Deed::Kick(who, draw.index(scene.people), !draw.one_in(4)),
        80..82 => Deed::Lock(who, draw.one_in(2)),
        82..84 => Deed::Renew(who),
        84 | 85 => Deed::Extend(who, draw.between(1, 300)),
        86 => match draw.one_in(2) {
            true => Deed::ExtendTogether(draw.between(1, 300)),
            false => Deed::KickNobody(who),
        },
        87..90 => Deed::StepClock(who, i64::try_from(draw.below(20_000)).unwrap_or(0) - 10_000),
        90 => Deed::Burn(who),
        91 if draw.one_in(4) => Deed::Shutdown,
        92..95 => Deed::Rest,
        _ => Deed::Write(who, 0),
    }
}

/// Numbers from a seed.
pub(crate) struct Draw(pub(crate) ChaCha8Rng);

impl Draw {
    /// Below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64().checked_rem(end).unwrap_or(0)
    }

    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first.saturating_add(self.below(last.saturating_sub(first).saturating_add(1)))
    }

    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap_or(0)
    }

    pub(crate) fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let index = self.index(from.len());
        from.get(index).copied().unwrap_or_default()
    }
}
