//! What relays share, and how they speak through it.

use std::collections::BTreeMap;
use std::rc::Rc;

use burnchat_core::relay::Change;

use super::{BEAT, Came, Found, HOP, Item, Kept, LONG_HOP, Mail, Member, Outcome, Step, Word};
use crate::invariants;
use crate::observed;
use crate::script::Fault;
use crate::world::{Packet, World};

impl World {
    pub(super) fn memory_does(&mut self, from: Member, step: Step) {
        let now = self.now;
        let fault = self.scene.fault;
        // One write in three is forgotten there, should that be the fault.
        let forgets = fault == Fault::ForgetsWrites && self.network.one_in(3);
        let Some(relays) = &mut self.relays else {
            return;
        };
        let memory = &mut relays.memory;
        if memory.room.as_ref().is_some_and(|kept| kept.end <= now) {
            memory.room = None;
            self.ledger.burned = true;
        }
        let owner = memory.room.as_ref().map(|kept| kept.owner);
        let owner_lives = owner.is_some_and(|owner| memory.lives(owner, now));
        let outcome = match step {
            Step::Turn {
                fence,
                change,
                held,
            } => {
                let is_owner = |kept: &Kept| {
                    fault == Fault::NoFence || (kept.owner, kept.fence) == (from, fence)
                };
                let kept = match change.map(|change| *change) {
                    None => memory.lives(from, now),
                    Some(Change::Written(write)) => match &mut memory.room {
                        Some(kept) if is_owner(kept) => {
                            kept.end = write.end;
                            if !forgets {
                                kept.copy.take(*write);
                            }
                            true
                        }
                        _ => false,
                    },
                    Some(Change::Burned(_)) => {
                        let burns = memory.room.as_ref().is_none_or(is_owner);
                        if burns {
                            memory.room = None;
                            self.ledger.burned = true;
                        }
                        burns
                    }
                };
                if kept {
                    if fault != Fault::SaysEarly {
                        self.say(held);
                    }
                } else {
                    self.coverage.of_relays("fenced off");
                }
                Came::Kept(kept)
            }
            Step::Claim => Came::Found(match &mut memory.room {
                None => Found::Nowhere,
                Some(kept) if kept.owner == from => Found::Here {
                    fence: kept.fence,
                    copy: kept.copy.clone(),
                },
                Some(kept) if owner_lives => Found::With(kept.owner),
                Some(kept) => {
                    kept.owner = from;
                    kept.fence = kept.fence.saturating_add(1);
                    Found::Here {
                        fence: kept.fence,
                        copy: kept.copy.clone(),
                    }
                }
            }),
            Step::Leave => {
                memory.members.remove(&from);
                let at = now.0.saturating_add(self.network.between(0, BEAT));
                self.push(at, Packet::Mail(Mail::Missed { member: from }));
                Came::Left
            }
        };
        let at = now.0.saturating_add(self.hop());
        let outcome = Outcome(outcome);
        self.push(at, Packet::Mail(Mail::Done { to: from, outcome }));
    }

    /// What changes nothing goes out at once: to the others only while nobody can have taken the room over.
    pub(super) fn say_unchanged(&mut self, from: Member, held: Vec<Item>) {
        let now = self.now;
        let relays = self.relays.as_ref();
        if relays.is_some_and(|relays| relays.memory.lives(from, now)) {
            return self.say(held);
        }
        let at = |connection: &u64| self.connections.get(connection).map(|state| state.relay);
        let own = |connection: &u64| at(connection) == Some(from);
        let held = held.into_iter().filter_map(|item| match item {
            Item::Send { mut to, frame } => {
                to.retain(own);
                (!to.is_empty()).then_some(Item::Send { to, frame })
            }
            Item::Close { connection, .. } | Item::Taken { connection } => {
                own(&connection).then_some(item)
            }
        });
        let held = held.collect();
        self.say(held);
    }

    /// What an owner has said goes to those whom it is for.
    pub(super) fn say(&mut self, held: Vec<Item>) {
        for item in held {
            let (to, frame) = match &item {
                Item::Send { to, frame } => (to.clone(), Some(Rc::clone(frame))),
                Item::Close { connection, .. } | Item::Taken { connection } => {
                    (vec![*connection], None)
                }
            };
            if let Some(frame) = &frame {
                invariants::on_hub_frame(self, frame);
            }
            let mut of_member: BTreeMap<Member, Vec<u64>> = BTreeMap::new();
            for connection in to {
                if let Some(state) = self.connections.get(&connection) {
                    of_member.entry(state.relay).or_default().push(connection);
                }
            }
            for (member, to) in of_member {
                let item = match &frame {
                    Some(frame) => Item::Send {
                        to,
                        frame: Rc::clone(frame),
                    },
                    None => item.clone(),
                };
                self.tell(member, Word::Item(item));
            }
        }
        observed::after_turn(self);
    }

    pub(super) fn tell(&mut self, to: Member, word: Word) {
        let at = self.now.0.saturating_add(self.hop());
        let Some(relay) = self.relays.as_mut().and_then(|relays| relays.of(to)) else {
            return;
        };
        relay.heard_until = relay.heard_until.max(at);
        let at = relay.heard_until;
        self.push(at, Packet::Mail(Mail::Said { to, word }));
    }

    pub(super) fn tell_not_mine(&mut self, place: usize, to: Member) {
        if let Some(from) = self.member(place) {
            self.tell(to, Word::NotMine { from });
        }
    }

    pub(super) fn step_of(&mut self, from: Member, step: Step) {
        let at = self.now.0.saturating_add(self.hop());
        let Some(relay) = self.relays.as_mut().and_then(|relays| relays.of(from)) else {
            return;
        };
        relay.stepped_until = relay.stepped_until.max(at);
        let at = relay.stepped_until;
        self.push(at, Packet::Mail(Mail::Step { from, step }));
    }

    pub(super) fn hop(&mut self) -> u64 {
        match self.network.one_in(40) {
            true => self.network.between(0, LONG_HOP),
            false => self.network.between(0, HOP),
        }
    }
}
