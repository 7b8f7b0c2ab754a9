//! What people do: the steps of a script, done to the world.

use burnchat_core::client::JoinOptions;
use burnchat_core::crypto::{ReadMessage, Secret, SecretBytes};
use burnchat_core::ids::ParticipantId;
use burnchat_core::link::{Link, Ticket};
use burnchat_core::relay::PeerKey;
use burnchat_core::wire::Role;

use crate::hostile;
use crate::insider;
use crate::invariants::{self, Text};
use crate::script::{Deed, REST, Step};
use crate::trace::Note;
use crate::world::World;

/// Most clients a run has in all, those gone included: as many again as are there at once.
fn most(world: &World) -> usize {
    world.scene.people.saturating_mul(2).saturating_add(8)
}

/// Does one step.
pub(crate) fn perform(world: &mut World, step: &Step) {
    let now = world.now;
    world.trace.note(now, Note::Step, step.number as u64, &[]);
    world
        .trace
        .tell(now, format_args!("step {}: {:?}", step.number, step.deed));
    match step.deed {
        Deed::Join => join(world, None, JoinOptions::default()),
        Deed::JoinBy(who) => {
            let inviter = chosen(world, who).and_then(|who| world.nodes.get(who));
            let link = inviter.and_then(|node| Some(node.client.link()?.to_url().to_string()));
            let stranger = link.is_some() && inviter.is_some_and(|node| node.stranger);
            let invited = world.nodes.len();
            join(world, link, JoinOptions::default());
            if let Some(node) = world.nodes.get_mut(invited) {
                node.stranger = stranger;
            }
        }
        Deed::JoinAsCreator => {
            let token = Secret::copy_of(world.room.creator_token.as_bytes());
            let options = JoinOptions {
                creator_token: Some(token),
                ..JoinOptions::default()
            };
            join(world, None, options);
        }
        Deed::JoinWithPin { right } => {
            let (pin, tries) = match right {
                true => (world.room.pin.clone(), 1),
                false => (b"222222".to_vec(), 2),
            };
            for _ in 0..tries {
                let options = JoinOptions {
                    pin: Some(SecretBytes::copy_of(&pin)),
                    ..JoinOptions::default()
                };
                let guesser = world.nodes.len();
                join(world, None, options);
                // Whoever guesses does so from one address (section 11.4).
                if let Some(node) = world.nodes.get_mut(guesser)
                    && !right
                {
                    node.peer = PeerKey([7; 16]);
                }
            }
        }
        Deed::JoinWithWrongLink => {
            let stranger = world.nodes.len();
            let link = wrong_link(world);
            join(world, link, JoinOptions::default());
            if let Some(node) = world.nodes.get_mut(stranger) {
                node.stranger = true;
            }
        }
        Deed::EchoJoin(who) => {
            let joined = chosen(world, who)
                .and_then(|who| world.nodes.get(who))
                .filter(|node| !node.told.ids.is_empty());
            if let Some(frame) = joined.and_then(|node| node.join.clone()) {
                world.send_from_nowhere(&frame);
            }
        }
        Deed::ExtendTogether(seconds) => {
            for index in 0..world.nodes.len() {
                let creator = world.nodes.get(index).and_then(|node| node.client.role());
                if creator == Some(Role::Creator) {
                    one_does(world, Deed::Extend(index, seconds));
                }
            }
        }
        Deed::Return(who) => {
            let token = chosen(world, who).and_then(|who| {
                let node = world.nodes.get_mut(who)?;
                // A process that runs keeps its seat; one that does not can be started anew.
                let over = node.crashed || node.told.ended.is_some();
                over.then(|| node.told.seat_token.take())?
            });
            if token.is_some() {
                let options = JoinOptions {
                    seat_token: token,
                    ..JoinOptions::default()
                };
                join(world, None, options);
            }
        }
        Deed::Silence(last) => (0..=last).for_each(|who| world.cut(who, false, false)),
        Deed::Blackout(millis, told) => {
            join(world, None, JoinOptions::default());
            world.run_for(100);
            let all = 0..world.nodes.len();
            for who in all.clone() {
                if let Some(node) = world.nodes.get_mut(who) {
                    node.online = false;
                }
                world.cut(who, told, true);
            }
            world.run_for(millis);
            all.for_each(|who| world.go_online(who));
        }
        Deed::KickAfterRenewal(who, whom) => {
            one_does(world, Deed::Leave(whom));
            world.run_for(1_000);
            one_does(world, Deed::Renew(who));
            world.run_for(1_000);
            one_does(world, Deed::Kick(who, whom, true));
        }
        Deed::Hostile(number) => hostile::prepare(world, number),
        Deed::Shutdown if world.relays.is_some() => world.befalls_relays(Deed::HandOver),
        Deed::OwnerDies
        | Deed::RelayDies(_)
        | Deed::OwnerPauses(_)
        | Deed::HandOver
        | Deed::MemoryLost => world.befalls_relays(step.deed),
        Deed::Shutdown => {
            world.hub.handle_shutdown(now);
            world.drain_hub();
        }
        Deed::Rest => rest(world),
        deed => one_does(world, deed),
    }
}

/// Brings every network up and waits until everything must have come to rest.
pub(crate) fn rest(world: &mut World) {
    insider::leave(world);
    for index in 0..world.nodes.len() {
        if let Some(node) = world.nodes.get_mut(index) {
            node.slow = 0;
        }
        world.go_online(index);
    }
    let until = world.now.plus_millis(REST);
    while world.violation.is_none() && world.now < until {
        world.run_for(500);
        if !world.scene.patient && invariants::is_quiet(world) {
            break;
        }
    }
    invariants::at_rest(world);
}

fn one_does(world: &mut World, deed: Deed) {
    let who = match deed {
        Deed::Leave(who)
        | Deed::Crash(who)
        | Deed::Cut(who)
        | Deed::HalfOpenAtRelay(who)
        | Deed::HalfOpenAtClient(who)
        | Deed::Offline(who)
        | Deed::Online(who)
        | Deed::Slow(who, _)
        | Deed::Write(who, _)
        | Deed::Burst(who, _)
        | Deed::Typing(who, _)
        | Deed::Read(who)
        | Deed::Kick(who, ..)
        | Deed::KickNobody(who)
        | Deed::Lock(who, _)
        | Deed::Renew(who)
        | Deed::Extend(who, _)
        | Deed::StepClock(who, _)
        | Deed::Burn(who) => who,
        _ => return,
    };
    let Some(who) = chosen(world, who) else {
        return;
    };
    match deed {
        Deed::Crash(_) => world.crash(who),
        Deed::Cut(_) => world.cut(who, true, true),
        Deed::HalfOpenAtRelay(_) => world.cut(who, false, true),
        Deed::HalfOpenAtClient(_) => world.cut(who, true, false),
        Deed::Offline(_) => {
            if let Some(node) = world.nodes.get_mut(who) {
                node.online = false;
            }
            world.cut(who, true, true);
        }
        Deed::Online(_) => world.go_online(who),
        Deed::Slow(_, millis) => {
            world.ledger.slowest = world.ledger.slowest.max(millis);
            if let Some(node) = world.nodes.get_mut(who) {
                node.slow = millis;
            }
        }
        Deed::StepClock(_, millis) => {
            if let Some(node) = world.nodes.get_mut(who) {
                node.ahead = node.ahead.saturating_add(millis);
            }
        }
        Deed::Write(_, burn_after) => write(world, who, burn_after),
        Deed::Burst(_, count) => (0..count).for_each(|_| write(world, who, 0)),
        Deed::Read(_) => read(world, who),
        deed => says(world, who, deed),
    }
}

/// What goes to a machine and may be refused: alone, not joined, no creator, ended. The machine says so, and that is that.
fn says(world: &mut World, who: usize, deed: Deed) {
    let whom = match deed {
        Deed::Kick(_, whom, _) => {
            chosen(world, whom).and_then(|whom| world.nodes.get(whom)?.told.ids.last().copied())
        }
        _ => None,
    };
    let answer = world.act(who, |client, now, rng| match deed {
        Deed::Leave(_) => {
            client.leave(now);
            Ok(())
        }
        Deed::Typing(_, typing) => client.set_typing(now, typing, rng),
        Deed::Kick(_, _, renew) => match whom {
            Some(id) => client.kick(now, id, renew, rng),
            None => Ok(()),
        },
        Deed::KickNobody(_) => client.kick(now, ParticipantId([0; 16]), false, rng),
        Deed::Lock(_, locked) => client.lock(now, locked, rng),
        Deed::Renew(_) => client.renew(now, rng),
        Deed::Extend(_, seconds) => client.extend(now, seconds, rng),
        Deed::Burn(_) => client.burn(now, rng),
        _ => Ok(()),
    });
    if let Some(Err(error)) = answer {
        let now = world.now;
        world
            .trace
            .tell(now, format_args!("p{who} cannot: {error}"));
    }
}

fn join(world: &mut World, link: Option<String>, options: JoinOptions) {
    if world.nodes.len() >= most(world) {
        return;
    }
    let link = link.unwrap_or_else(|| world.room.link.clone());
    world.add(&link, options);
}

/// The room's link with another secret: mistyped beyond what its check finds, or made up.
fn wrong_link(world: &mut World) -> Option<String> {
    let link = Link::parse(&world.room.link).ok()?;
    let not_after = u32::try_from(link.not_after().0.checked_div(60_000)?).ok()?;
    let ticket = Ticket::copy_of(link.ticket().as_secret().as_bytes());
    let (id, history) = (link.room_id(), link.history());
    let secret = Secret::random(&mut world.keys);
    let wrong = Link::new(link.base(), id, history, not_after, secret, ticket).ok()?;
    Some(wrong.to_url().to_string())
}

fn write(world: &mut World, who: usize, burn_after: u32) {
    let number = world.ledger.texts.len();
    let Some(node) = world.nodes.get(who) else {
        return;
    };
    let words = format!("text {number} of {}", node.name);
    let (me, audience) = (node.client.id(), node.roster());
    let departed = node.told.departed.clone();
    let now = node.clock(world.now);
    // The text is entered before what it brings about is looked at, so this is not `World::act`.
    let Some(node) = world.nodes.get_mut(who).filter(|node| !node.crashed) else {
        return;
    };
    node.told.clock.advance(now);
    let outcome = node
        .client
        .send_text(now, &words, burn_after, &mut world.keys);
    match (outcome, me) {
        (Ok(id), Some(as_id)) => {
            node.told.written.push(id);
            let text = Text {
                words,
                author: who,
                as_id,
                number,
                audience,
                departed,
            };
            world.ledger.texts.insert(id, text);
        }
        (Err(error), _) => {
            let now = world.now;
            world
                .trace
                .tell(now, format_args!("p{who} cannot: {error}"));
        }
        (Ok(_), None) => {}
    }
    world.act(who, |_, _, _| ());
}

fn read(world: &mut World, who: usize) {
    let Some(node) = world.nodes.get_mut(who) else {
        return;
    };
    let unread = std::mem::take(&mut node.told.unread);
    let read: Vec<_> = unread
        .into_iter()
        .map(|(sender, id)| ReadMessage { sender, id })
        .collect();
    world.act(who, |client, now, rng| {
        // Not joined any more: then nobody is told.
        let _ = client.mark_read(now, &read, rng);
    });
}

fn chosen(world: &World, who: usize) -> Option<usize> {
    who.checked_rem(world.nodes.len())
}
