//! Rooms as they are meant to be: the stories the README promises.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod rooms {
    use burnchat_core::client::{BurnKind, EndReason, Event, JoinOptions, RoomSettings, Status};
    use burnchat_core::crypto::Secret;
    use burnchat_core::error::Code;
    use burnchat_core::link::{Link, Ticket};
    use burnchat_core::wire::WhoMayBurn;

    use super::harness::World;

    fn plain() -> RoomSettings {
        RoomSettings::default()
    }

    #[test]
    fn two_people_talk_and_at_zero_nothing_is_left() {
        let mut world = World::new(1);
        world.room_of(plain(), &["ana", "ben"]);
        let hello = world.send(0, "hello ben");
        world.send(1, "hello ana");
        world.run_for(1_000);
        assert_eq!(world.texts(1), ["hello ben"]);
        assert_eq!(world.texts(0), ["hello ana"]);
        assert_eq!(world.nodes[0].accepted, [hello]);
        world.assert_agreement();

        world.run_for(600_000);
        for node in 0..2 {
            // Whichever comes first: the relay's word, or the client's own clock.
            let ended = world.ended(node).unwrap();
            assert!(matches!(
                ended,
                EndReason::Burned(BurnKind::Expired) | EndReason::LocalBurn
            ));
            assert!(world.nodes[node].client.link().is_none());
            assert!(world.nodes[node].client.verification().is_none());
        }
        assert_eq!(world.hub.stats().rooms, 0);
        assert_eq!(
            world.try_send(0, "anyone?", 0).unwrap_err().code(),
            Code::Ended
        );
    }

    #[test]
    fn a_late_joiner_reads_on_and_not_back() {
        let mut world = World::new(2);
        let room = world.room_of(plain(), &["ana", "ben"]);
        world.send(0, "before cleo");
        world.run_for(1_000);
        let cleo = world.join(&room, "cleo");
        world.run_for(2_000);
        world.send(0, "after cleo");
        world.run_for(1_000);
        assert_eq!(world.texts(cleo), ["after cleo"]);
        assert_eq!(world.texts(1), ["before cleo", "after cleo"]);
        world.assert_agreement();
    }

    #[test]
    fn in_a_history_room_a_late_joiner_reads_everything() {
        let mut world = World::new(3);
        let settings = RoomSettings {
            history: true,
            ..plain()
        };
        let room = world.room_of(settings, &["ana", "ben"]);
        world.send(0, "one");
        world.send(1, "two");
        world.run_for(1_000);
        let cleo = world.join(&room, "cleo");
        world.run_for(2_000);
        world.send(1, "three");
        world.run_for(1_000);
        let dora = world.join(&room, "dora");
        world.run_for(2_000);
        assert_eq!(world.texts(cleo), ["one", "two", "three"]);
        assert_eq!(world.texts(dora), ["one", "two", "three"]);
        assert!(world.has_event(dora, |event| matches!(
            event,
            Event::HistoryRead { complete: true }
        )));
        assert_eq!(
            world.nodes[dora]
                .texts
                .iter()
                .filter(|text| text.from_history)
                .count(),
            3
        );
        world.assert_agreement();
    }

    #[test]
    fn history_outlives_those_who_wrote_it() {
        let mut world = World::new(4);
        let settings = RoomSettings {
            history: true,
            ..plain()
        };
        let room = world.room_of(settings, &["ana", "ben", "cleo"]);
        world.send(1, "ben was here");
        world.run_for(1_000);
        world.act(1, |client, now, _| client.leave(now));
        world.run_for(2_000);
        let dora = world.join(&room, "dora");
        world.run_for(2_000);
        assert_eq!(world.texts(dora), ["ben was here"]);
        assert!(world.nodes[dora].texts[0].label.starts_with("ben·2·"));
    }

    #[test]
    fn a_kicked_member_cannot_read_on_and_its_link_is_dead() {
        let mut world = World::new(5);
        let room = world.room_of(plain(), &["ana", "ben", "cleo"]);
        let ben = world.id(1);
        world
            .act(0, |client, now, rng| client.kick(now, ben, true, rng))
            .unwrap();
        world.run_for(3_000);
        assert_eq!(world.ended(1), Some(EndReason::Kicked));
        world.send(0, "ben is gone");
        world.run_for(1_000);
        assert_eq!(world.texts(2), ["ben is gone"]);
        assert!(world.texts(1).is_empty());

        let back = world.join(&room, "ben");
        world.run_for(2_000);
        let Some(EndReason::Refused(refusal)) = world.ended(back) else {
            panic!("{:?}", world.ended(back))
        };
        assert_eq!(refusal.code, Code::LinkExpired);

        for node in [0, 2] {
            assert!(world.nodes[node].client.link_is_current());
            let link = world.nodes[node]
                .client
                .link()
                .unwrap()
                .to_url()
                .to_string();
            assert_ne!(link, room.link);
        }
        let fresh = world.nodes[2].client.link().unwrap().to_url().to_string();
        let dora = world.add(&fresh, "dora", Default::default());
        world.run_for(2_000);
        world.send(dora, "by the new link");
        world.run_for(1_000);
        assert_eq!(world.texts(2), ["ben is gone", "by the new link"]);
    }

    #[test]
    fn what_was_written_before_somebody_came_is_not_shown_to_them() {
        let mut world = World::new(6);
        let room = world.room_of(plain(), &["ana", "ben", "cleo"]);
        // Ana writes while a departure holds everything up, and dora comes before the next key.
        world.cut(1);
        world.nodes[1].online = false;
        world.run_for(29_000);
        world.delay = 300..=300;
        world.run_for(1_500);
        let text = world.send(0, "only for those who were here");
        let dora = world.join(&room, "dora");
        world.run_for(5_000);
        let shown = world.texts(dora).len();
        let given_back = world.nodes[0].unsent.contains(&text);
        assert_eq!(shown, 0);
        assert!(given_back || world.texts(2) == ["only for those who were here"]);
    }

    #[test]
    fn a_broken_connection_loses_nothing() {
        let mut world = World::new(7);
        world.room_of(plain(), &["ana", "ben"]);
        world.go_offline(1);
        world.send(0, "while ben is away");
        world.send(1, "written offline");
        world.run_for(5_000);
        world.go_online(1);
        world.run_for(2_000);
        assert_eq!(world.texts(1), ["while ben is away"]);
        assert_eq!(world.texts(0), ["written offline"]);
        assert!(world.has_event(1, |event| matches!(event, Event::Resumed)));
    }

    #[test]
    fn a_creator_who_closes_the_tab_does_not_strand_the_room() {
        let mut world = World::new(8);
        let room = world.room_of(plain(), &["ana", "ben", "cleo"]);
        world.crash(0);
        world.run_for(35_000);
        world.send(1, "still here");
        world.run_for(1_000);
        assert_eq!(world.texts(2), ["still here"]);
        let back = world.join_as_creator(&room, "ana");
        world.run_for(2_000);
        assert!(world.is_creator(back));
        world
            .act(back, |client, now, rng| client.burn(now, rng))
            .unwrap();
        world.run_for(1_000);
        for node in [1, 2, back] {
            assert_eq!(world.ended(node), Some(EndReason::Burned(BurnKind::Asked)));
        }
    }

    #[test]
    fn the_pin_makes_another_device_a_creator() {
        let mut world = World::new(9);
        let room = world.room_of(plain(), &["ana", "ben"]);
        let pin = room.pin.to_lowercase();
        let phone = world.join_with_pin(&room, "ana's phone", &pin);
        world.run_for(1_000);
        assert!(world.is_creator(phone));
        world
            .act(phone, |client, now, rng| client.lock(now, true, rng))
            .unwrap();
        world.run_for(500);
        assert!(world.nodes[1].client.is_locked());
        let late = world.join(&room, "late");
        world.run_for(500);
        let Some(EndReason::Refused(refusal)) = world.ended(late) else {
            panic!()
        };
        assert_eq!(refusal.code, Code::RoomLocked);
    }

    #[test]
    fn an_extension_moves_every_clock_and_never_past_the_hard_end() {
        let mut world = World::new(10);
        let settings = RoomSettings {
            ttl_seconds: 60,
            extension_seconds: 120,
            ..plain()
        };
        world.room_of(settings, &["ana", "ben"]);
        world
            .act(0, |client, now, rng| client.extend(now, 60, rng))
            .unwrap();
        world.run_for(70_000);
        assert_eq!(world.nodes[1].client.status(), Status::Joined);
        world
            .act(0, |client, now, rng| client.extend(now, 1_800, rng))
            .unwrap();
        world.run_for(1_000);
        let end = world.nodes[1].client.ends_at().unwrap();
        let not_after = world.nodes[1].client.link().unwrap().not_after();
        assert_eq!(end, not_after);
        world.run_for(300_000);
        assert!(world.ended(0).is_some() && world.ended(1).is_some());
    }

    #[test]
    fn one_message_burns_before_the_room() {
        let mut world = World::new(11);
        world.room_of(plain(), &["ana", "ben"]);
        let id = world.try_send(0, "for your eyes", 5_000).unwrap();
        world.run_for(30_000);
        let burned = |event: &Event| matches!(event, Event::MessageBurned { id: burned, .. } if *burned == id);
        assert!(
            world.has_event(0, burned),
            "the author's copy burns from its acceptance"
        );
        assert!(
            !world.has_event(1, burned),
            "the reader's does not before it is read"
        );
        let ana = world.id(0);
        world.read(1, ana, id);
        world.run_for(4_900);
        assert!(!world.has_event(1, burned));
        world.run_for(200);
        assert!(world.has_event(1, burned));
        assert!(world.has_event(
            0,
            |event| matches!(event, Event::Read { id: read, .. } if *read == id)
        ));
    }

    #[test]
    fn alone_there_is_nobody_to_write_to() {
        let mut world = World::new(12);
        let room = world.create_plain();
        world.join_as_creator(&room, "ana");
        world.run_for(1_000);
        assert_eq!(
            world.try_send(0, "hello?", 0).unwrap_err().code(),
            Code::NobodyHere
        );
        let ben = world.join(&room, "ben");
        world.run_for(1_000);
        world.send(0, "hello ben");
        world.run_for(1_000);
        assert_eq!(world.texts(ben), ["hello ben"]);
        world.act(ben, |client, now, _| client.leave(now));
        world.run_for(1_000);
        assert_eq!(
            world.try_send(0, "gone?", 0).unwrap_err().code(),
            Code::NobodyHere
        );
        assert_eq!(world.nodes[0].client.epoch(), None);
    }

    #[test]
    fn anyone_may_burn_where_the_room_says_so_and_only_there() {
        let mut world = World::new(13);
        world.room_of(plain(), &["ana", "ben"]);
        let refused = world
            .act(1, |client, now, rng| client.burn(now, rng))
            .unwrap_err();
        assert_eq!(refused.code(), Code::NotCreator);

        let mut world = World::new(14);
        world.room_of(
            RoomSettings {
                burn: WhoMayBurn::Anyone,
                ..plain()
            },
            &["ana", "ben"],
        );
        world
            .act(1, |client, now, rng| client.burn(now, rng))
            .unwrap();
        world.run_for(500);
        assert_eq!(world.ended(0), Some(EndReason::Burned(BurnKind::Asked)));
    }

    #[test]
    fn a_dozen_people_agree() {
        let mut world = World::new(15);
        let room = world.create(RoomSettings {
            capacity: 60,
            ..plain()
        });
        world.join_as_creator(&room, "p0");
        for n in 1..12 {
            world.join(&room, &format!("p{n}"));
        }
        world.run_for(3_000);
        world.assert_agreement();
        world.send(3, "hello everyone");
        world.run_for(1_000);
        for node in (0..12).filter(|node| *node != 3) {
            assert_eq!(world.texts(node), ["hello everyone"]);
        }
    }

    #[test]
    fn two_kicks_in_a_row_leave_everybody_with_the_newest_link() {
        let mut world = World::new(16);
        world.room_of(plain(), &["ana", "ben", "cleo", "dora"]);
        for node in [1, 2] {
            let id = world.id(node);
            world
                .act(0, |client, now, rng| client.kick(now, id, true, rng))
                .unwrap();
        }
        world.run_for(2_000);
        assert!(world.nodes[0].client.link_is_current());
        assert!(world.nodes[3].client.link_is_current());
    }

    #[test]
    fn a_history_cut_short_by_a_broken_connection_is_said_to_be_incomplete() {
        let mut world = World::new(17);
        let settings = RoomSettings {
            history: true,
            ..plain()
        };
        let room = world.room_of(settings, &["ana", "ben"]);
        world.send(0, "one");
        world.run_for(500);
        let cleo = world.join(&room, "cleo");
        world.tamper(move |node, frame| {
            let history = frame.contains("history_end") || frame.contains("\"message\"");
            if node == cleo && history {
                vec![]
            } else {
                vec![frame.to_owned()]
            }
        });
        world.run_for(100);
        world.stop_tampering();
        world.cut(cleo);
        world.run_for(3_000);
        assert!(world.has_event(cleo, |event| matches!(
            event,
            Event::HistoryRead { complete: false }
        )));
        world.send(0, "two");
        world.run_for(500);
        assert!(world.texts(cleo).contains(&"two"));
    }

    #[test]
    fn who_was_keyed_before_the_history_was_given_up_reads_on() {
        let mut world = World::new(17);
        let settings = RoomSettings {
            history: true,
            ..plain()
        };
        let room = world.room_of(settings, &["ana", "ben"]);
        let cleo = world.join(&room, "cleo");
        world.tamper(move |node, frame| {
            if node == cleo && frame.contains("history_end") {
                vec![]
            } else {
                vec![frame.to_owned()]
            }
        });
        world.run_for(100);
        world.stop_tampering();
        world.go_offline(cleo);
        world.run_for(2_000);
        // The key is among what she missed, and comes before `resumed` ends her waiting for the history.
        world.go_online(cleo);
        world.run_for(2_000);
        assert!(world.has_event(cleo, |event| matches!(
            event,
            Event::HistoryRead { complete: false }
        )));
        world.send(0, "after all");
        world.run_for(500);
        assert_eq!(world.texts(cleo), ["after all"]);
    }

    #[test]
    fn a_join_whose_answer_was_lost_gets_in_once_its_ghost_is_gone() {
        let mut world = World::new(18);
        let settings = RoomSettings {
            capacity: 2,
            ..plain()
        };
        let room = world.create(settings);
        world.join_as_creator(&room, "ana");
        world.run_for(500);
        let ben = world.join(&room, "ben");
        world.tamper(move |node, frame| {
            if node == ben && frame.contains("joined") {
                vec![]
            } else {
                vec![frame.to_owned()]
            }
        });
        world.run_for(60);
        world.cut(ben);
        world.stop_tampering();
        world.run_for(1_000);
        assert_eq!(world.ended(ben), None);
        world.run_for(40_000);
        assert_eq!(world.nodes[ben].client.status(), Status::Joined);
    }

    #[test]
    fn strangers_to_the_secret_do_not_end_the_last_one_who_holds_it() {
        let mut world = World::new(19);
        let room = world.room_of(plain(), &["ana", "ben"]);
        // The same room and ticket, another secret: the check of the link is made anew.
        let link = Link::parse(&room.link).unwrap();
        let forged = Link::new(
            link.base(),
            link.room_id(),
            false,
            u32::try_from(link.not_after().0 / 60_000).unwrap(),
            Secret::copy_of(&[7; 16]),
            Ticket::copy_of(link.ticket().as_secret().as_bytes()),
        )
        .unwrap();
        let stranger = world.add(&forged.to_url(), "an honest client", JoinOptions::default());
        world.run_for(1_000);
        assert!(
            world.ended(stranger).is_some(),
            "it finds nobody with its secret"
        );
        for name in ["mallory", "trudy"] {
            world.hold_seat_with(&forged, name);
        }
        world.act(1, |client, now, _| client.leave(now));
        world.run_for(2_000);
        assert_eq!(world.ended(0), None);
        assert!(world.nodes[0].client.participants().len() > 2);
        let dora = world.join(&room, "dora");
        world.run_for(2_000);
        world.send(0, "welcome dora");
        world.run_for(500);
        assert_eq!(world.texts(dora), ["welcome dora"]);
    }

    #[test]
    fn a_creator_who_waits_alone_outlives_any_number_of_outages() {
        let mut world = World::new(20);
        let settings = RoomSettings {
            ttl_seconds: 3_600,
            ..plain()
        };
        let room = world.create(settings);
        world.join_as_creator(&room, "ana");
        world.run_for(500);
        for _ in 0..4 {
            world.go_offline(0);
            world.run_for(40_000);
            world.go_online(0);
            world.run_for(1_000);
            assert_eq!(world.nodes[0].client.status(), Status::Joined);
        }
        let ben = world.join(&room, "ben");
        world.run_for(2_000);
        world.send(0, "still here");
        world.run_for(500);
        assert_eq!(world.texts(ben), ["still here"]);
    }
}
