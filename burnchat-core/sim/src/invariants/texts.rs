//! Who reads what, how often, and in which order (spec sections 8.4 and 8.5).

use std::collections::BTreeSet;

use burnchat_core::client::Message;
use burnchat_core::ids::{MessageId, ParticipantId};

use super::short;
use crate::node::{Fate, Node};
use crate::rule::Rule;
use crate::world::World;

/// A text, as its author wrote it.
pub(crate) struct Text {
    pub(crate) words: String,
    pub(crate) author: usize,
    pub(crate) as_id: ParticipantId,
    /// Its place among all texts.
    pub(crate) number: usize,
    /// Who was on the author's roster when it was written.
    pub(crate) audience: Vec<ParticipantId>,
    /// Who had left by then, as far as the author knew.
    pub(crate) departed: BTreeSet<ParticipantId>,
}

/// A text is shown to somebody.
pub(super) fn shown(world: &mut World, index: usize, message: &Message) {
    let (author, id) = (message.author.id, message.id);
    let Some(node) = world.nodes.get_mut(index) else {
        return;
    };
    let name = node.name.clone();
    let as_id = node.client.id();
    let told = &mut node.told;
    let words = message.text.as_str();
    let line = format_args!("{name} reads '{words}' of {}", short(&author));
    world.trace.tell(world.now, line);

    let again = !told.shown.insert((author, id));
    told.unread.push((author, id));
    let ended = read_in_an_ended_epoch(node);
    if world.ledger.insiders.contains(&author) {
        let said = (id, words.to_owned());
        if !world.ledger.insider_said.contains(&said) {
            world.broken(
                Rule::TextGenuine,
                format!("the insider never wrote '{words}'"),
            );
        } else if again {
            world.broken(
                Rule::NoDouble,
                format!("'{words}' is shown twice to {name}"),
            );
        } else if ended {
            let what = format!("'{words}' is shown to {name} from an epoch that has ended");
            world.broken(Rule::EndedEpoch, what);
        }
        return;
    }
    let Some(text) = world.ledger.texts.get(&id) else {
        world.broken(Rule::TextGenuine, format!("nobody wrote '{words}'"));
        return;
    };
    if text.as_id != author || text.words != words {
        let what = format!("'{}' is shown to {name} as '{words}'", text.words);
        world.broken(Rule::TextGenuine, what);
        return;
    }
    let may = as_id.is_some_and(|me| {
        text.audience.contains(&me) || (world.scene.history && !text.departed.contains(&me))
    });
    let newest = told_newest(world, index, author);
    let number = world.ledger.texts.get(&id).map_or(0, |text| text.number);
    if again {
        world.broken(
            Rule::NoDouble,
            format!("'{words}' is shown twice to {name}"),
        );
    } else if !may {
        let what = format!("'{words}' is shown to {name}, who was not there");
        world.broken(Rule::TextEntitled, what);
    } else if newest.is_some_and(|newest| newest > number) {
        let what = format!("'{words}' is shown to {name} after a later one");
        world.broken_at(index, Rule::Order, what);
    } else if ended {
        let what = format!("'{words}' is shown to {name} from an epoch that has ended");
        world.broken(Rule::EndedEpoch, what);
    }
    if let Some(node) = world.nodes.get_mut(index) {
        node.told.newest.insert(author, number);
    }
}

/// A text has come to its end for its author.
pub(super) fn fate(world: &mut World, index: usize, id: MessageId, fate: Fate) {
    let Some(node) = world.nodes.get_mut(index) else {
        return;
    };
    let name = node.name.clone();
    let earlier = node.told.fates.insert(id, fate);
    let words = world
        .ledger
        .texts
        .get(&id)
        .map_or("?", |text| text.words.as_str());
    let line = format_args!("'{words}' of {name} is {fate:?}");
    world.trace.tell(world.now, line);
    if let Some(earlier) = earlier {
        let what = format!("a text of {name} was {earlier:?} and is {fate:?}");
        world.broken(Rule::OneFate, what);
    }
}

fn told_newest(world: &World, index: usize, author: ParticipantId) -> Option<usize> {
    world.nodes.get(index)?.told.newest.get(&author).copied()
}

/// Whether the envelope being read is of an epoch with a member who was no longer there when a newer one was keyed.
fn read_in_an_ended_epoch(node: &Node) -> bool {
    let told = &node.told;
    let members = |version| told.rosters.get(version);
    let read = told.reading.and_then(|epoch| told.epochs.get(&epoch));
    let (Some(read), Some((newest, _))) = (read, node.client.epoch()) else {
        return false;
    };
    match (members(read), members(&newest)) {
        (Some(then), Some(now)) => *read < newest && then.iter().any(|id| !now.contains(id)),
        _ => false,
    }
}
