//! What a client does by itself as time passes: it repeats, asks, complains and reports, when it is time and not before.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod patience {
    use burnchat_core::client::{Event, JoinOptions, RoomSettings, Status};
    use burnchat_core::crypto::Secret;
    use serde_json::Value;

    use super::harness::{Room, World};

    fn room_of(names: &[&str]) -> (World, Room) {
        let mut world = World::new(1);
        let room = world.room_of(RoomSettings::default(), names);
        (world, room)
    }

    /// The frames of this type that a node has sent.
    fn sent(world: &World, node: usize, kind: &str) -> Vec<Value> {
        let frames = world.nodes[node].sent_frames.iter();
        frames
            .map(|frame| serde_json::from_str::<Value>(frame).unwrap())
            .filter(|frame| frame["type"] == kind)
            .collect()
    }

    /// Nothing of these types reaches the relay from now on.
    fn swallow(world: &mut World, kinds: &'static [&'static str]) {
        world.tamper_up(move |_, frame| {
            let value: Value = serde_json::from_str(frame).unwrap();
            let swallowed = kinds.iter().any(|kind| value["type"] == *kind);
            if swallowed {
                vec![]
            } else {
                vec![frame.to_owned()]
            }
        });
    }

    fn lock(world: &mut World) {
        world
            .act(0, |client, now, rng| client.lock(now, true, rng))
            .unwrap();
    }

    #[test]
    fn a_command_that_came_too_fast_is_sent_again_when_the_relay_says() {
        for (told, waits) in [(700, 700), (90_000, 60_000)] {
            let (mut world, _) = room_of(&["ana", "ben"]);
            swallow(&mut world, &["lock"]);
            lock(&mut world);
            let error =
                format!(r#"{{"type":"error","code":"rate_limited","retry_after_ms":{told}}}"#);
            world.inject(0, &error).unwrap();
            world.stop_tampering();
            world.run_for(waits - 1);
            assert_eq!(sent(&world, 0, "lock").len(), 1);
            world.run_for(1);
            assert_eq!(sent(&world, 0, "lock").len(), 2);
            world.run_for(1_000);
            assert!(world.nodes[1].client.is_locked());
            assert_eq!(sent(&world, 0, "lock").len(), 2);
        }
    }

    #[test]
    fn a_text_that_came_too_fast_is_sent_again_and_nothing_is_sent_before() {
        let (mut world, _) = room_of(&["ana", "ben"]);
        swallow(&mut world, &["message"]);
        world.send(0, "one");
        let envelope = sent(&world, 0, "message").pop().unwrap();
        for wait in [300, 500, 400] {
            let error = serde_json::json!({
                "type": "error", "code": "rate_limited", "retry_after_ms": wait,
                "epoch": envelope["epoch"], "n": envelope["n"],
            });
            world.inject(0, &error.to_string()).unwrap();
        }
        world.stop_tampering();
        world.send(0, "two");
        world.run_for(499);
        assert_eq!(sent(&world, 0, "message").len(), 1);
        world.run_for(1);
        let again = sent(&world, 0, "message");
        assert_eq!(again.get(1), Some(&envelope), "the same bytes");
        world.run_for(1_000);
        assert_eq!(world.texts(1), ["one", "two"]);
    }

    #[test]
    fn what_was_not_seen_in_the_log_is_said_again_after_a_resume() {
        let (mut world, _) = room_of(&["ana", "ben"]);
        swallow(&mut world, &["lock", "message"]);
        lock(&mut world);
        world.send(0, "hello");
        world.run_for(100);
        world.stop_tampering();
        world.cut(0);
        world.run_for(1_000);
        assert_eq!(world.nodes[0].client.status(), Status::Joined);
        assert_eq!(sent(&world, 0, "lock").len(), 2);
        assert!(world.nodes[1].client.is_locked());
        assert_eq!(world.texts(1), ["hello"]);
    }

    #[test]
    fn after_a_resume_a_steward_offers_the_key_again_that_it_has_made() {
        let (mut world, room) = room_of(&["ana", "ben"]);
        swallow(&mut world, &["session_key"]);
        world.join(&room, "cleo");
        world.run_for(400);
        let before = sent(&world, 0, "session_key");
        let newest = world.nodes[0].client.roster_version();
        assert_eq!(before.last().unwrap()["version"].as_u64(), newest);
        world.cut(0);
        world.run_for(200);
        let after = sent(&world, 0, "session_key").split_off(before.len());
        // Once by itself, and once because the relay asks again.
        let made = before.last().unwrap().clone();
        assert_eq!(after, [made.clone(), made], "the same frame");
        world.stop_tampering();
        world.cut(0);
        world.run_for(5_000);
        world.assert_agreement();
    }

    #[test]
    fn a_room_that_gets_no_new_key_is_reported_once_after_ten_seconds() {
        let (mut world, room) = room_of(&["ana", "ben"]);
        swallow(&mut world, &["session_key"]);
        world.delay = 10..=10;
        world.join(&room, "cleo");
        world.run_for(50);
        let stalled = |world: &World, node: usize| {
            let events = world.nodes[node].events.iter();
            events
                .filter(|event| matches!(event, Event::RekeyStalled))
                .count()
        };
        // Ana heard of Cleo 30 ms after Cleo began: to connect, up and down.
        world.run_for(10_000 - 20 - 1);
        assert_eq!(stalled(&world, 0), 0);
        world.run_for(1);
        assert_eq!(stalled(&world, 0), 1);
        world.run_for(60_000);
        assert_eq!(stalled(&world, 0), 1);
        assert_eq!(stalled(&world, 2), 1);
    }

    #[test]
    fn who_has_the_newest_key_waits_for_none() {
        let (mut world, _) = room_of(&["ana", "ben"]);
        world.run_for(60_000);
        for node in 0..2 {
            assert!(!world.has_event(node, |event| matches!(event, Event::RekeyStalled)));
        }
    }

    #[test]
    fn a_text_the_relay_never_took_comes_back_when_its_epoch_has_ended() {
        let (mut world, room) = room_of(&["ana", "ben"]);
        swallow(&mut world, &["message"]);
        let id = world.send(0, "for ben alone");
        world.join(&room, "cleo");
        world.run_for(29_000);
        assert!(world.nodes[0].unsent.is_empty());
        world.run_for(3_000);
        // Cleo was not there when it was written.
        assert_eq!(world.nodes[0].unsent, [id]);
        world.stop_tampering();
        world.send(0, "for both");
        world.run_for(1_000);
        assert_eq!(
            (world.texts(1), world.texts(2)),
            (vec!["for both"], vec!["for both"])
        );
    }

    #[test]
    fn alone_one_waits_for_no_key() {
        let (mut world, _) = room_of(&["ana", "ben"]);
        world.act(1, |client, now, _| client.leave(now));
        world.run_for(60_000);
        assert!(!world.has_event(0, |event| matches!(event, Event::RekeyStalled)));
    }

    /// A room whose ticket Ana has renewed, and Ben, who took his seat up with the link he had before.
    fn with_an_old_link(names: &[&str]) -> (World, usize) {
        let (mut world, room) = room_of(names);
        world
            .act(0, |client, now, rng| client.renew(now, rng))
            .unwrap();
        world.run_for(1_000);
        let token = world.nodes[1].client.seat_token().unwrap();
        let seat_token = Some(Secret::copy_of(token.as_bytes()));
        world.crash(1);
        let options = JoinOptions {
            seat_token,
            ..JoinOptions::default()
        };
        let ben = world.add(&room.link, "ben", options);
        (world, ben)
    }

    fn links_agree(world: &World, nodes: &[usize]) -> bool {
        let link = |node: usize| world.nodes[node].client.link().unwrap().to_url();
        let first = link(nodes[0]);
        nodes.iter().all(|&node| {
            world.nodes[node].client.link_is_current() && link(node).as_str() == first.as_str()
        })
    }

    #[test]
    fn who_came_with_an_old_link_asks_the_room_for_the_new_one() {
        let (mut world, ben) = with_an_old_link(&["ana", "ben"]);
        world.run_for(1_000);
        assert_eq!(world.nodes[ben].client.status(), Status::Joined);
        assert!(world.has_event(ben, |event| matches!(event, Event::LinkExpired)));
        assert!(!world.nodes[ben].client.link_is_current());
        world.run_for(2_500);
        assert!(links_agree(&world, &[0, ben]));
        assert!(world.has_event(ben, |event| matches!(event, Event::LinkChanged)));
    }

    #[test]
    fn where_no_creator_answers_a_member_does() {
        let (mut world, ben) = with_an_old_link(&["ana", "ben", "cleo"]);
        world.go_offline(0);
        world.run_for(4_000);
        assert!(!world.nodes[ben].client.link_is_current());
        world.run_for(4_000);
        assert!(links_agree(&world, &[2, ben]));
    }

    #[test]
    fn a_creator_whom_nobody_answers_makes_a_new_link() {
        let (mut world, room) = room_of(&["ana", "ben"]);
        world
            .act(0, |client, now, rng| client.renew(now, rng))
            .unwrap();
        world.run_for(1_000);
        world.crash(0);
        let ana = world.join_as_creator(&room, "ana");
        world.tamper_up(|node, frame| {
            let answer = node == 1 && frame.contains("\"message\"");
            if answer {
                vec![]
            } else {
                vec![frame.to_owned()]
            }
        });
        world.run_for(6_000);
        assert!(!world.nodes[ana].client.link_is_current());
        assert_eq!(sent(&world, ana, "renew").len(), 0);
        world.run_for(4_000);
        assert_eq!(sent(&world, ana, "renew").len(), 1);
        assert!(links_agree(&world, &[1, ana]));
    }
}
