//! What a hostile relay can do: say something else than what happened.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use burnchat_core::crypto::participant_id;
use burnchat_core::error::Error;
use burnchat_core::ids::ParticipantId;
use burnchat_core::wire::{RelayFrame, RosterEntry};
use serde_json::Value;

use crate::harness::World;

/// The relay's own numbering of what it tells each client: without a hole, so that a lie does not show in the numbers.
#[derive(Clone, Default)]
pub(super) struct Liar {
    next_seq: Rc<RefCell<BTreeMap<usize, u64>>>,
}

/// Lets the relay alter what it sends to each client from now on.
pub(super) fn lie(
    world: &mut World,
    mut alter: impl FnMut(usize, Value) -> Vec<Value> + 'static,
) -> Liar {
    let liar = Liar::default();
    let numbering = liar.clone();
    world.tamper(move |node, frame| {
        let honest: Value = serde_json::from_str(frame).unwrap();
        numbering.note(node, &honest);
        let mut told = alter(node, honest);
        for frame in &mut told {
            numbering.number(node, frame);
        }
        told.iter().map(Value::to_string).collect()
    });
    liar
}

/// As [`lie`], to one client only.
pub(super) fn lie_to(
    world: &mut World,
    victim: usize,
    mut alter: impl FnMut(Value) -> Vec<Value> + 'static,
) -> Liar {
    lie(world, move |node, frame| {
        if node == victim {
            alter(frame)
        } else {
            vec![frame]
        }
    })
}

impl Liar {
    /// Puts one more entry into the log as `victim` sees it.
    pub(super) fn slip_in(
        &self,
        world: &mut World,
        victim: usize,
        mut entry: Value,
    ) -> Result<(), Error> {
        let last = last_seq(world, victim);
        self.next_seq.borrow_mut().entry(victim).or_insert(last + 1);
        self.number(victim, &mut entry);
        world.inject(victim, &entry.to_string())
    }

    fn note(&self, node: usize, honest: &Value) {
        let mut next_seq = self.next_seq.borrow_mut();
        if type_of(honest) == "joined" {
            next_seq.insert(node, honest["seq"].as_u64().unwrap() + 1);
        } else if let Some(seq) = entry_seq(honest) {
            next_seq.entry(node).or_insert(seq);
        }
    }

    fn number(&self, node: usize, frame: &mut Value) {
        let mut next_seq = self.next_seq.borrow_mut();
        let Some(next) = next_seq.get_mut(&node) else {
            return;
        };
        if entry_seq(frame).is_some() {
            frame["seq"] = (*next).into();
            *next += 1;
        } else if type_of(frame) == "resumed" {
            frame["seq"] = (*next - 1).into();
        }
    }
}

/// Messages a relay does not pass on to one client.
pub(super) struct HeldBack {
    pub(super) liar: Liar,
    pub(super) frames: Rc<RefCell<Vec<Value>>>,
    holding: Rc<Cell<bool>>,
}

/// Holds back the messages to one client until [`HeldBack::stop`].
pub(super) fn hold_back_messages(world: &mut World, victim: usize) -> HeldBack {
    let frames = Rc::new(RefCell::new(Vec::new()));
    let holding = Rc::new(Cell::new(true));
    let (kept, hold) = (Rc::clone(&frames), Rc::clone(&holding));
    let liar = lie_to(world, victim, move |frame| {
        if hold.get() && type_of(&frame) == "message" {
            kept.borrow_mut().push(frame);
            vec![]
        } else {
            vec![frame]
        }
    });
    HeldBack {
        liar,
        frames,
        holding,
    }
}

impl HeldBack {
    /// From now on everything is passed on again; what was held back stays so.
    pub(super) fn stop(&self) {
        self.holding.set(false);
    }

    /// Begins again.
    pub(super) fn resume(&self) {
        self.holding.set(true);
    }

    /// Passes on the first message that was held back.
    pub(super) fn deliver(&self, world: &mut World, victim: usize) -> Result<(), Error> {
        let late = self.frames.borrow_mut().remove(0);
        self.liar.slip_in(world, victim, late)
    }
}

/// The relay keeps silent: no client hears anything more.
pub(super) fn keep_silent(world: &mut World) {
    world.tamper(|_, _| vec![]);
}

/// The newest frame of a type that `node` was sent.
pub(super) fn newest(world: &World, node: usize, type_name: &str) -> Value {
    sent_to(world, node, type_name).pop().unwrap()
}

/// The entry of `id` as `node` was shown it.
pub(super) fn entry_listed(world: &World, node: usize, id: &ParticipantId) -> RosterEntry {
    let joined = sent_to(world, node, "joined");
    let at_join = joined
        .iter()
        .flat_map(|joined| joined["participants"].as_array().unwrap().clone());
    let later = sent_to(world, node, "participant_joined")
        .into_iter()
        .map(|mut frame| frame["participant"].take());
    at_join
        .chain(later)
        .map(|entry| serde_json::from_value::<RosterEntry>(entry).unwrap())
        .find(|entry| participant_id(&entry.kem_pub.0, &entry.sig_pub.0) == *id)
        .unwrap()
}

/// The frames of a type that `node` was sent.
pub(super) fn sent_to(world: &World, node: usize, type_name: &str) -> Vec<Value> {
    of_type(&world.nodes[node].frames, type_name)
}

/// The frames of a type that `node` sent.
pub(super) fn sent_by(world: &World, node: usize, type_name: &str) -> Vec<Value> {
    of_type(&world.nodes[node].sent_frames, type_name)
}

pub(super) fn type_of(frame: &Value) -> &str {
    frame["type"].as_str().unwrap_or_default()
}

pub(super) fn value_of(frame: &RelayFrame) -> Value {
    serde_json::from_slice(frame.encode().as_bytes()).unwrap()
}

fn of_type(frames: &[String], type_name: &str) -> Vec<Value> {
    frames
        .iter()
        .map(|frame| serde_json::from_str(frame).unwrap())
        .filter(|frame| type_of(frame) == type_name)
        .collect()
}

fn last_seq(world: &World, node: usize) -> u64 {
    let numbered = |frame: &Value| {
        entry_seq(frame).is_some() || ["joined", "resumed"].contains(&type_of(frame))
    };
    let frames = world.nodes[node].frames.iter().rev();
    let newest = frames
        .map(|frame| serde_json::from_str(frame).unwrap())
        .find(numbered);
    newest.unwrap()["seq"].as_u64().unwrap()
}

fn entry_seq(frame: &Value) -> Option<u64> {
    match type_of(frame) {
        "joined" | "resumed" => None,
        _ => frame.get("seq")?.as_u64(),
    }
}
