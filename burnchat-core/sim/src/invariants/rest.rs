//! What must be so when everything has come to rest, and after the end.

use std::collections::BTreeSet;

use burnchat_core::client::Status;

use super::{is_seated, short};
use crate::node::{Fate, Node};
use crate::rule::Rule;
use crate::script::Hostility;
use crate::world::World;

/// How long others may still be told of one who has gone, and asked for a key without it, ms.
const MISSED: u64 = 20_000;

/// Whether there is nothing left to wait for: everybody is in the room or out of it, holds its key and knows what became
/// of all texts, and nothing is on its way.
pub(crate) fn is_quiet(world: &mut World) -> bool {
    let (_, participants) = world.known_to_relays();
    let mut seated = 0;
    let mut heads = BTreeSet::new();
    let settled = world.nodes.iter().all(|node| {
        if node.crashed {
            return true;
        }
        let client = &node.client;
        let told = &node.told;
        let keyed = client.epoch().map(|(_, id)| id) == client.head()
            || (told.others_verified == 0 && !world.scene.history);
        match client.status() {
            Status::Ended(_) => true,
            Status::Joined => {
                seated += 1;
                heads.insert((client.roster_version(), client.head()));
                let known = told.written.iter().all(|id| told.fates.contains_key(id));
                keyed && known && world.is_connected(node)
            }
            _ => false,
        }
    });
    settled && heads.len() <= 1 && participants == seated && world.is_idle()
}

/// Nobody has done anything for a while, and every network is up.
pub(crate) fn at_rest(world: &mut World) {
    // Who has just ended by its own clock is still being missed.
    let moving = |node: &Node| {
        let ended = node.told.ended_at;
        ended.is_some_and(|at| world.now.millis_since(at) < MISSED)
    };
    if world.ledger.burned
        || world.scene.hostility == Hostility::Relay
        || world.nodes.iter().any(moving)
    {
        return;
    }
    kicked_are_out(world);
    texts_are_settled(world);
    texts_have_arrived(world);
    everyone_agrees(world);
}

/// The room's time is over by everybody's clock.
pub(crate) fn after_the_end(world: &mut World) {
    let (rooms, participants) = world.known_to_relays();
    if rooms > 0 || participants > 0 {
        let what = format!("the room is still known, {rooms} times, with {participants} people");
        world.broken(Rule::BurnAtRelay, what);
    }
    let left = world
        .nodes
        .iter()
        .find(|node| !node.crashed && !node.told.ids.is_empty() && node.told.ended.is_none());
    if let Some(node) = left {
        let what = format!(
            "{} outlives the room: {:?}",
            node.name,
            node.client.status()
        );
        world.broken(Rule::BurnAtClient, what);
    }
}

fn kicked_are_out(world: &mut World) {
    let seated = world.nodes.iter().find(|node| {
        let me = node.client.id();
        !node.crashed
            && is_seated(node.client.status())
            && me.is_some_and(|me| world.ledger.kicked.contains(&me))
    });
    if let Some(node) = seated {
        let what = format!("{} was kicked and is still there", node.name);
        world.broken(Rule::Kicked, what);
    }
}

fn texts_are_settled(world: &mut World) {
    let open = world.nodes.iter().enumerate().find_map(|(index, node)| {
        if !node.is_joined() || world.is_apart(index) || !world.is_connected(node) {
            return None;
        }
        let told = &node.told;
        let id = told
            .written
            .iter()
            .find(|id| !told.fates.contains_key(id))?;
        Some((node, world.ledger.texts.get(id)?))
    });
    if let Some((node, text)) = open {
        let what = format!("'{}' of {} is still under way", text.words, node.name);
        world.broken(Rule::Settled, what);
    }
}

fn texts_have_arrived(world: &mut World) {
    let mut lost = None;
    for (id, text) in &world.ledger.texts {
        let accepted = world
            .nodes
            .get(text.author)
            .is_some_and(|author| author.told.fates.get(id) == Some(&Fate::Accepted));
        if !accepted || world.is_apart(text.author) {
            continue;
        }
        let missed = world.nodes.iter().enumerate().find(|(index, node)| {
            let me = node.client.id().filter(|me| *me != text.as_id);
            // Who had one id from before it was written until now.
            let stayed = me.is_some_and(|me| text.audience.contains(&me));
            node.is_joined()
                && stayed
                && !world.is_apart(*index)
                && world.is_connected(node)
                && !node.told.shown.contains(&(text.as_id, *id))
                // Who had just come is listed and not yet keyed: it is told so, or finds it in the history.
                && !node.told.unreadable.contains(&text.as_id)
                && !node.told.history_incomplete
        });
        if let Some((_, node)) = missed {
            let what = format!("'{}' has not reached {}", text.words, node.name);
            lost = Some(what);
            break;
        }
    }
    if let Some(what) = lost {
        world.broken(Rule::NoLoss, what);
    }
}

fn everyone_agrees(world: &mut World) {
    let mut connected = world.nodes.iter().enumerate().filter(|(index, node)| {
        node.is_joined() && !world.is_apart(*index) && world.is_connected(node)
    });
    let Some((_, first)) = connected.next() else {
        return;
    };
    let state = |node: &Node| (node.client.roster_version(), node.client.head());
    if let Some((_, other)) = connected.find(|(_, other)| state(other) != state(first)) {
        let id = other.client.id().map(|id| short(&id));
        let what = format!(
            "{} and {} ({id:?}) are not in one room",
            first.name, other.name
        );
        world.broken(Rule::RosterAgreement, what);
    }
    // Whose own frames are altered may be refused again and again.
    let lost = world.nodes.iter().enumerate().find(|(index, node)| {
        let away = node.client.status() == Status::Away;
        node.online && !node.crashed && away && !world.is_apart(*index)
    });
    if let Some((_, node)) = lost {
        let what = format!("{} does not come back", node.name);
        world.broken(Rule::Settled, what);
    }
}
