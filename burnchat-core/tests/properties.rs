//! Random lives of rooms: whatever people, networks and clocks do, the promises hold.
//!
//! A script is a list of actions with pauses between them. Some promises are checked after every action, the rest when
//! the room has come to rest, and once more after its end.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod properties {
    use std::collections::{BTreeMap, BTreeSet};

    use burnchat_core::client::{Event, RoomSettings, Status, Unreadable};
    use burnchat_core::wire::ClientFrame;
    use proptest::prelude::*;

    use super::harness::{Room, World};

    #[derive(Clone, Debug)]
    enum Action {
        Join,
        JoinAsCreator,
        Leave(usize),
        Crash(usize),
        Cut(usize),
        CutHalfOpen(usize),
        GoOffline(usize),
        GoOnline(usize),
        Send(usize),
        Kick(usize, usize, bool),
        Lock(usize, bool),
        Renew(usize),
        Extend(usize),
        StepClock(usize, i64),
        Burn(usize),
    }

    fn action() -> impl Strategy<Value = Action> {
        let who = 0..8_usize;
        prop_oneof![
            4 => Just(Action::Join),
            1 => Just(Action::JoinAsCreator),
            1 => who.clone().prop_map(Action::Leave),
            1 => who.clone().prop_map(Action::Crash),
            3 => who.clone().prop_map(Action::Cut),
            1 => who.clone().prop_map(Action::CutHalfOpen),
            2 => who.clone().prop_map(Action::GoOffline),
            3 => who.clone().prop_map(Action::GoOnline),
            10 => who.clone().prop_map(Action::Send),
            1 => (who.clone(), who.clone(), any::<bool>()).prop_map(|(by, whom, renew)| Action::Kick(by, whom, renew)),
            1 => (who.clone(), any::<bool>()).prop_map(|(by, locked)| Action::Lock(by, locked)),
            1 => who.clone().prop_map(Action::Renew),
            1 => who.clone().prop_map(Action::Extend),
            1 => (who.clone(), -20_000..20_000_i64).prop_map(|(whom, by)| Action::StepClock(whom, by)),
            1 => who.prop_map(Action::Burn),
        ]
    }

    fn script() -> impl Strategy<Value = Vec<(Action, u64)>> {
        let pause = prop_oneof![
            3 => 0..50_u64,
            3 => 50..700_u64,
            2 => 700..5_000_u64,
            1 => 5_000..40_000_u64,
        ];
        prop::collection::vec((action(), pause), 5..60)
    }

    fn perform(world: &mut World, room: &Room, action: &Action, joins: &mut u32) {
        let count = world.nodes.len();
        let live = |world: &World, who: usize| {
            (count > 0)
                .then(|| who % count)
                .filter(|_| !world.nodes.is_empty())
        };
        match *action {
            Action::Join | Action::JoinAsCreator if count >= 8 => {}
            Action::Join => {
                *joins += 1;
                world.join(room, &format!("p{joins}"));
            }
            Action::JoinAsCreator => {
                *joins += 1;
                world.join_as_creator(room, &format!("c{joins}"));
            }
            Action::Leave(who) => {
                if let Some(who) = live(world, who) {
                    world.act(who, |client, now, _| client.leave(now));
                }
            }
            Action::Crash(who) | Action::GoOffline(who) => {
                if let Some(who) = live(world, who) {
                    world.go_offline(who);
                }
            }
            Action::Cut(who) => {
                if let Some(who) = live(world, who) {
                    world.cut(who);
                }
            }
            Action::CutHalfOpen(who) => {
                if let Some(who) = live(world, who) {
                    world.cut_half_open(who);
                }
            }
            Action::GoOnline(who) => {
                if let Some(who) = live(world, who) {
                    world.go_online(who);
                }
            }
            Action::Send(who) => {
                if let Some(who) = live(world, who) {
                    let text = format!("text {} of {who}", world.nodes[who].sent.len());
                    // Alone, not joined, ended: the machine says so, and that is that.
                    let _ = world.try_send(who, &text, 0);
                }
            }
            Action::Kick(by, whom, renew) => {
                let (Some(by), Some(whom)) = (live(world, by), live(world, whom)) else {
                    return;
                };
                if let Some(id) = world.nodes[whom].ids.last().copied() {
                    let _ = world.act(by, |client, now, rng| client.kick(now, id, renew, rng));
                }
            }
            Action::Lock(by, locked) => {
                if let Some(by) = live(world, by) {
                    let _ = world.act(by, |client, now, rng| client.lock(now, locked, rng));
                }
            }
            Action::Renew(by) => {
                if let Some(by) = live(world, by) {
                    let _ = world.act(by, |client, now, rng| client.renew(now, rng));
                }
            }
            Action::Extend(by) => {
                if let Some(by) = live(world, by) {
                    let _ = world.act(by, |client, now, rng| client.extend(now, 60, rng));
                }
            }
            Action::StepClock(who, by) => {
                if let Some(who) = live(world, who) {
                    world.nodes[who].clock_offset += by;
                }
            }
            // A burn ends the story: rare enough not to cut most of them short.
            Action::Burn(by) => {
                if let Some(by) = live(world, by).filter(|by| by % 4 == 0) {
                    let _ = world.act(by, |client, now, rng| client.burn(now, rng));
                }
            }
        }
    }

    /// At any moment, those who have seen the same roster show the same codes, and those keyed for the same version
    /// hold the same epoch.
    fn check_agreement_in_motion(world: &World) {
        let mut codes = BTreeMap::new();
        let mut epochs = BTreeMap::new();
        for (index, node) in world.nodes.iter().enumerate() {
            let client = &node.client;
            let (Some(version), Some(code)) = (client.roster_version(), client.verification())
            else {
                continue;
            };
            let agreed = codes.entry(version).or_insert(code);
            assert_eq!(
                code, *agreed,
                "node {index} shows other codes for version {version}"
            );
            if let Some((version, epoch)) = client.epoch() {
                let agreed = epochs.entry(version).or_insert(epoch);
                assert_eq!(
                    epoch, *agreed,
                    "node {index} holds another epoch of version {version}"
                );
            }
        }
    }

    /// Nothing is shown twice, and nothing to anyone who was not there when it was written.
    fn check_texts(world: &World, history: bool) {
        let written: BTreeMap<_, _> = world
            .nodes
            .iter()
            .flat_map(|node| &node.sent)
            .map(|sent| ((sent.as_id, sent.id), sent))
            .collect();
        for (index, node) in world.nodes.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for received in &node.texts {
                assert!(
                    seen.insert((received.as_id, received.author, received.id)),
                    "{} was shown twice to node {index}",
                    received.text
                );
                let sent = written
                    .get(&(received.author, received.id))
                    .expect("somebody wrote it");
                assert_eq!(sent.text, received.text);
                assert!(
                    // Where history is kept, what was said before is for those who come later, too.
                    history || sent.audience.contains(&received.as_id),
                    "{} was shown to node {index}, who was not there when it was written",
                    received.text
                );
            }
            for sent in &node.sent {
                let fates = [&node.accepted, &node.unsent, &node.unknown]
                    .map(|fate| fate.iter().filter(|id| **id == sent.id).count());
                assert!(
                    fates.iter().sum::<usize>() <= 1,
                    "{}: accepted, unsent, unknown {fates:?}",
                    sent.text
                );
            }
        }
    }

    /// No key encrypts two messages: one chain position has one IV and one ciphertext, however often it is sent.
    fn check_keys(world: &World) {
        let mut used = BTreeMap::new();
        for text in &world.envelopes_sent {
            let Ok(ClientFrame::Message(envelope)) = ClientFrame::parse(text.as_bytes()) else {
                panic!("{text}")
            };
            let ivs = (envelope.epoch, envelope.sig.0.to_vec());
            let body = (envelope.iv.0, envelope.ciphertext.0.clone());
            // The signature names sender and n: the same signature over another body does not verify.
            let earlier = used.insert(ivs, body.clone());
            assert!(earlier.is_none_or(|earlier| earlier == body));
        }
        let mut pairs = BTreeMap::new();
        for text in &world.envelopes_sent {
            let Ok(ClientFrame::Message(envelope)) = ClientFrame::parse(text.as_bytes()) else {
                panic!("{text}")
            };
            let earlier = pairs.insert(
                (envelope.iv.0, envelope.epoch, envelope.n),
                envelope.ciphertext.0.clone(),
            );
            assert!(
                earlier.is_none_or(|earlier| earlier == envelope.ciphertext.0),
                "an IV repeats"
            );
        }
    }

    /// Everyone who wrote and stayed knows what became of it, and who stayed has it.
    fn check_delivery(world: &World, history: bool) {
        for node in &world.nodes {
            if node.client.status() != Status::Joined {
                continue;
            }
            for sent in &node.sent {
                let settled = node.accepted.contains(&sent.id)
                    || node.unsent.contains(&sent.id)
                    || node.unknown.contains(&sent.id);
                assert!(
                    settled,
                    "{} of a connected author is still under way",
                    sent.text
                );
            }
        }
        for author in &world.nodes {
            for sent in author
                .sent
                .iter()
                .filter(|sent| author.accepted.contains(&sent.id))
            {
                for reader in &world.nodes {
                    // Who had one id from before it was written until now, and is there.
                    let Some(id) = reader.client.id().filter(|id| *id != sent.as_id) else {
                        continue;
                    };
                    let stayed =
                        reader.client.status() == Status::Joined && sent.audience.contains(&id);
                    if !stayed {
                        continue;
                    }
                    let copies = reader
                        .texts
                        .iter()
                        .filter(|text| text.id == sent.id && text.as_id == id)
                        .count();
                    // One who had just come is on the roster and not yet in the epoch: it is told so. Where
                    // history is kept it reads it all the same, unless nobody connected could hand on the key.
                    let told = reader.events.iter().any(|event| match event {
                        Event::Unreadable {
                            from,
                            reason: Unreadable::NotKeyedYet,
                        } => *from == sent.as_id,
                        Event::HistoryRead { complete } => history && !complete,
                        _ => false,
                    });
                    assert!(
                        copies == 1 || told,
                        "{} reached one who stayed {copies} times",
                        sent.text
                    );
                }
            }
        }
    }

    fn live_a_life(seed: u64, history: bool, script: &[(Action, u64)]) {
        let mut world = World::new(seed);
        let settings = RoomSettings {
            ttl_seconds: 3_600,
            history,
            capacity: 12,
            ..RoomSettings::default()
        };
        let room = world.create(settings);
        let mut joins = 0;
        world.join_as_creator(&room, "creator");
        for (action, pause) in script {
            perform(&mut world, &room, action, &mut joins);
            world.run_for(*pause);
            check_agreement_in_motion(&world);
            check_texts(&world, history);
        }
        for node in 0..world.nodes.len() {
            world.go_online(node);
        }
        world.run_for(120_000);
        check_texts(&world, history);
        check_keys(&world);
        check_delivery(&world, history);
        world.assert_agreement();
        let joined: Vec<usize> = (0..world.nodes.len())
            .filter(|node| world.nodes[*node].client.status() == Status::Joined)
            .collect();
        for node in &joined {
            let client = &world.nodes[*node].client;
            if joined.len() > 1 || history {
                let key = client
                    .epoch()
                    .map(|(version, id)| (Some(version), Some(id)));
                assert_eq!(
                    key,
                    Some((client.roster_version(), client.head())),
                    "node {node} is not keyed"
                );
            }
        }

        world.run_for(2 * 3_600_000 + 60_000);
        for node in 0..world.nodes.len() {
            if !world.nodes[node].ids.is_empty() {
                assert!(world.ended(node).is_some(), "node {node} outlives the room");
            }
            assert!(world.nodes[node].client.seat_token().is_none());
        }
        assert_eq!(world.hub.stats().rooms, 0);
        assert_eq!(world.hub.stats().connections, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            // PROPTEST_CASES asks for more, as ever.
            cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64),
            failure_persistence: None,
            max_shrink_iters: 400,
            ..ProptestConfig::default()
        })]

        #[test]
        fn promises_hold_in_rooms_without_history(seed in any::<u64>(), script in script()) {
            live_a_life(seed, false, &script);
        }

        #[test]
        fn promises_hold_in_rooms_with_history(seed in any::<u64>(), script in script()) {
            live_a_life(seed, true, &script);
        }
    }
}
