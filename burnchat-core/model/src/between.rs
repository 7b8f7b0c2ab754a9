//! What must hold between machines: agreement, who may know what, and that a room left alone comes to rest.

use burnchat_core::client::Status;
use burnchat_sim::Rule;

use crate::arena::Place;
use crate::person::{Facts, Fate};
use crate::relay::short;
use crate::room::NAMES;
use crate::world::{Broken, Machines, World};

/// Something has come to a client: what it has learned by it must agree with the log, and be meant for it.
pub(crate) fn after_person(
    machines: &Machines,
    world: &World,
    node: usize,
    before: Place,
) -> Result<(), Broken> {
    let name = NAMES[node];
    let was = &machines.people.facts(before).told;
    let told = &machines.person_facts(world, node).told;
    let log = &machines.relay_facts(world).log;

    for (version, seen) in told.versions.iter().skip(was.versions.len()) {
        // What nobody was sent, because nobody was there, was not read off the relay either.
        if log.version(*version).is_some_and(|logged| logged != seen) {
            let what = format!(
                "{name} shows another roster or other codes of version {version} than the log"
            );
            return Err((Rule::RosterAgreement, what));
        }
        let mut others = machines.everybody().filter(|other| *other != node);
        let other = others.find(|other| {
            let theirs = &machines.person_facts(world, *other).told;
            theirs
                .version(*version)
                .is_some_and(|theirs| theirs != seen)
        });
        if let Some(other) = other {
            let what = format!(
                "{name} and {} show different rosters or codes of version {version}",
                NAMES[other]
            );
            return Err((Rule::RosterAgreement, what));
        }
    }
    for (epoch, version, me) in told.epochs.iter().skip(was.epochs.len()) {
        let logged = log.epochs.iter().find(|(id, ..)| id == epoch);
        if logged.is_none_or(|(_, logged, _)| logged != version) {
            let what = format!("{name} is keyed for version {version} by no key frame of the log");
            return Err((Rule::EpochAgreement, what));
        }
        if log
            .version(*version)
            .is_some_and(|roster| !roster.people.contains(me))
        {
            let what = format!("{name} holds the key of version {version}, and was not there");
            return Err((Rule::KeyEntitled, what));
        }
    }
    if told.bad_wraps > was.bad_wraps && !world.spoiled {
        return Err((
            Rule::NoFalseBlame,
            format!("{name} got a wrap that does not open"),
        ));
    }
    if told.shown.len() > was.shown.len() {
        for shown in &told.shown[was.shown.len()..] {
            entitled(machines, world, name, shown)?;
        }
    }
    Ok(())
}

fn entitled(
    machines: &Machines,
    world: &World,
    name: &str,
    shown: &crate::person::Shown,
) -> Result<(), Broken> {
    let written = machines.everybody().find_map(|author| {
        let told = &machines.person_facts(world, author).told;
        let text = told.wrote.get(shown.number.checked_sub(1)?)?;
        (text.author == shown.author).then(|| text.audience.clone())
    });
    let words = shown.number;
    let Some(audience) = written else {
        let what = format!(
            "{name} is shown '{words}', which {} did not write",
            short(&shown.author)
        );
        return Err((Rule::TextGenuine, what));
    };
    if !machines.room.history && !audience.contains(&shown.reader) {
        let what = format!("{name} is shown '{words}', and was not there when it was written");
        return Err((Rule::TextEntitled, what));
    }
    Ok(())
}

/// What a room that is left alone still lacks, if anything.
pub(crate) fn unsettled(machines: &Machines, world: &World) -> Option<String> {
    let relay = machines.relay_facts(world);
    let mut joined = Vec::new();
    for node in machines.everybody() {
        let facts = machines.person_facts(world, node);
        match facts.status {
            None | Some(Status::Ended(_)) => {}
            Some(Status::Joined) => joined.push((NAMES[node], facts)),
            Some(status) => return Some(format!("{} is {status:?}", NAMES[node])),
        }
    }
    if relay.rooms == 0 && !joined.is_empty() {
        return Some("the room is gone, and somebody sits in it".into());
    }
    let least = if machines.room.history { 1 } else { 2 };
    for (name, facts) in joined {
        if facts.me.is_none_or(|me| !relay.log.is_there(&me)) {
            return Some(format!("{name} is not on the roster"));
        }
        let newest = relay.log.versions.last().map(|(version, _)| *version);
        if facts.version != newest {
            return Some(format!("{name} does not have the newest roster"));
        }
        let head = relay.log.epochs.last().map(|(id, ..)| *id);
        let keyed = facts.epoch;
        if facts.people.len() >= least
            && (keyed.map(|(_, id)| id) != head || keyed.map(|(version, _)| version) != newest)
        {
            return Some(format!("{name} has no key for the newest roster"));
        }
        let waiting = facts.told.wrote.iter().any(|text| text.fate.is_none());
        if waiting {
            return Some(format!("a text of {name} is neither accepted nor back"));
        }
    }
    None
}

/// What must have arrived where everything has.
pub(crate) fn at_rest(machines: &Machines, world: &World) -> Result<(), Broken> {
    for author in machines.everybody() {
        let wrote = &machines.person_facts(world, author).told.wrote;
        for (place, text) in wrote.iter().enumerate() {
            if text.fate != Some(Fate::Accepted) {
                continue;
            }
            let misses = |reader: &usize| {
                let facts = machines.person_facts(world, *reader);
                *reader != author && is_owed(facts, text) && !has_read(facts, text, place + 1)
            };
            if let Some(reader) = machines.everybody().find(misses) {
                let what = format!(
                    "'{}' of {} was accepted and has not reached {}",
                    place + 1,
                    NAMES[author],
                    NAMES[reader]
                );
                return Err((Rule::NoLoss, what));
            }
        }
    }
    Ok(())
}

/// Who was there when a text was written, and still is.
fn is_owed(facts: &Facts, text: &crate::person::Text) -> bool {
    facts.me.is_some_and(|me| text.audience.contains(&me))
        && !facts.told.unreadable.contains(&text.author)
        && !facts.told.history_incomplete
}

fn has_read(facts: &Facts, text: &crate::person::Text, number: usize) -> bool {
    let read = |shown: &crate::person::Shown| shown.author == text.author && shown.number == number;
    facts.told.shown.iter().any(read)
}
