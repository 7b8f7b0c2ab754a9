//! What an application asks of its client and reads off it, besides the stories in `rooms.rs`.

#[cfg(test)]
mod harness;

#[cfg(test)]
mod application {
    use burnchat_core::client::{
        Client, EndReason, Event, JoinOptions, Output, RoomSettings, Status, plan_room,
    };
    use burnchat_core::error::Code;
    use burnchat_core::limits;
    use burnchat_core::link::Link;
    use burnchat_core::relay::{Hub, Limits, PeerKey};
    use burnchat_core::time::Timestamp;
    use burnchat_core::wire::WhoMayBurn;
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::harness::{START, World};

    fn pair() -> World {
        let mut world = World::new(1);
        world.room_of(RoomSettings::default(), &["ana", "ben"]);
        world
    }

    /// A client by itself, its first wish for a connection taken.
    fn alone(rng: &mut ChaCha8Rng) -> Client {
        let (_, link) =
            plan_room("https://relay.example", RoomSettings::default(), START, rng).unwrap();
        let mut client = Client::new(link, JoinOptions::default(), rng);
        assert!(matches!(client.poll_output(), Some(Output::Connect)));
        client
    }

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    /// What a client wants done, in a word each.
    fn wishes(client: &mut Client) -> Vec<String> {
        std::iter::from_fn(|| client.poll_output())
            .map(|output| match output {
                Output::Connect => "connect".to_owned(),
                Output::Send(frame) => {
                    let (_, rest) = frame.as_str().split_once("\"type\":\"").unwrap();
                    format!("send {}", rest.split('"').next().unwrap())
                }
                Output::Close(code) => format!("close {code}"),
                Output::Event(Event::Ended(reason)) => format!("ended {reason}"),
                Output::Event(_) => "event".to_owned(),
                _ => "?".to_owned(),
            })
            .collect()
    }

    fn room_full() -> &'static [u8] {
        br#"{"type":"error","code":"room_full"}"#
    }

    #[test]
    fn a_client_has_one_connection_at_a_time() {
        let mut world = pair();
        let again = world.act(0, |client, now, rng| client.handle_connected(now, rng));
        assert_eq!(again.unwrap_err().code(), Code::InvalidParameter);
        assert_eq!(world.nodes[0].client.status(), Status::Joined);

        let rng = &mut rng();
        let mut client = alone(rng);
        client.handle_connected(START, rng).unwrap();
        assert_eq!(wishes(&mut client), ["send join"]);
        let again = client.handle_connected(START, rng);
        assert_eq!(again.unwrap_err().code(), Code::InvalidParameter);
        assert_eq!(wishes(&mut client), [""; 0]);
        assert_eq!(client.status(), Status::Joining);
    }

    #[test]
    fn a_client_that_is_told_the_time_without_need_wants_nothing() {
        let rng = &mut rng();
        let mut client = alone(rng);
        assert_eq!(client.poll_timeout(), None);
        client.handle_timeout(START, rng);
        client.handle_disconnected(START);
        assert_eq!(wishes(&mut client), [""; 0]);
    }

    #[test]
    fn a_full_room_is_tried_again_only_while_it_may_be_full_of_ones_own_ghost() {
        let rng = &mut rng();
        let (ghost, pause) = limits::GHOST_SEAT_MILLIS;
        // One that never had a connection has no ghost.
        let mut client = alone(rng);
        client.handle_connected(START, rng).unwrap();
        let refused = client.handle_frame(START, room_full(), rng);
        assert_eq!(refused.unwrap_err().code(), Code::RoomFull);
        assert!(matches!(
            client.status(),
            Status::Ended(EndReason::Refused(refusal)) if refusal.code == Code::RoomFull
        ));

        for (millis, tries_again) in [(ghost - 1, true), (ghost, false)] {
            let mut client = alone(rng);
            client.handle_connected(START, rng).unwrap();
            client.handle_disconnected(START);
            let now = START.plus_millis(millis);
            client.handle_connected(now, rng).unwrap();
            wishes(&mut client);
            let refused = client.handle_frame(now, room_full(), rng);
            assert_eq!(refused.unwrap_err().code(), Code::RoomFull);
            if !tries_again {
                assert_eq!(wishes(&mut client), ["close 1000", "ended room_full"]);
                continue;
            }
            assert_eq!(wishes(&mut client), ["close 4001"]);
            let later = now.plus_millis(pause);
            assert_eq!(client.poll_timeout(), Some(later));
            client.handle_timeout(Timestamp(later.0 - 1), rng);
            assert_eq!(wishes(&mut client), [""; 0]);
            client.handle_timeout(later, rng);
            assert_eq!(wishes(&mut client), ["connect"]);
            assert_eq!(client.poll_timeout(), None);
        }
    }

    #[test]
    fn what_ends_a_client_is_also_the_error_of_the_call() {
        let rng = &mut rng();
        let mut client = alone(rng);
        client.handle_connected(START, rng).unwrap();
        let frame = br#"{"type":"error","code":"wrong_pin","attempts_left":2}"#;
        let error = client.handle_frame(START, frame, rng).unwrap_err();
        assert_eq!(error.code(), Code::WrongPin);

        // A relay that knows nothing of the history in the link's flag.
        let mut world = World::new(2);
        let room = world.create(RoomSettings {
            history: true,
            ..RoomSettings::default()
        });
        world.tamper(|_, frame| vec![frame.replace("\"history\":true", "\"history\":false")]);
        let ana = world.join(&room, "ana");
        world.run_for(1_000);
        let error = world.nodes[ana].errors.last().unwrap();
        assert_eq!(error.code(), Code::HistoryMismatch);
        assert_eq!(world.ended(ana), Some(EndReason::Failed(*error)));
    }

    #[test]
    fn what_was_to_be_said_on_the_old_connection_is_not_said_on_the_new_one() {
        for fork in [true, false] {
            let mut world = pair();
            let (now, rng) = (world.now, &mut world.rng);
            let client = &mut world.nodes[0].client;
            client.send_text(now, "half said", 0, rng).unwrap();
            if fork {
                let frame = br#"{"type":"locked","seq":999,"locked":true}"#;
                let error = client.handle_frame(now, frame, rng).unwrap_err();
                assert_eq!(error.code(), Code::Fork);
                assert_eq!(
                    wishes(client),
                    ["event", "event", "close 4001", "connect"],
                    "what became of the text, and that it joins again"
                );
            } else {
                client.handle_disconnected(now);
                assert_eq!(wishes(client), ["event", "connect"]);
            }
        }
    }

    #[test]
    fn who_types_is_seen_typing_until_it_stops() {
        let mut world = pair();
        let ana = world.id(0);
        for typing in [true, false] {
            world
                .act(0, |client, now, rng| client.set_typing(now, typing, rng))
                .unwrap();
            world.run_for(200);
            let seen = |event: &Event| matches!(event, Event::Typing { from, typing: is } if *from == ana && *is == typing);
            assert!(world.has_event(1, seen));
            assert!(!world.has_event(0, seen));
        }
    }

    #[test]
    fn a_renewed_link_admits_and_the_one_before_does_not() {
        let mut world = World::new(3);
        let room = world.room_of(RoomSettings::default(), &["ana", "ben"]);
        world
            .act(0, |client, now, rng| client.renew(now, rng))
            .unwrap();
        world.run_for(2_000);
        let links: Vec<String> = (0..2)
            .map(|node| {
                world.nodes[node]
                    .client
                    .link()
                    .unwrap()
                    .to_url()
                    .to_string()
            })
            .collect();
        assert_ne!(links[0], room.link);
        assert_eq!(links[0], links[1], "everyone has the new one");
        assert!((0..2).all(|node| world.nodes[node].client.link_is_current()));

        let late = world.join(&room, "cleo");
        let cleo = world.add(&links[1], "cleo", JoinOptions::default());
        world.run_for(2_000);
        assert!(matches!(
            world.ended(late),
            Some(EndReason::Refused(refusal)) if refusal.code == Code::LinkExpired
        ));
        assert_eq!(world.nodes[cleo].client.status(), Status::Joined);
        let refused = world.act(1, |client, now, rng| client.renew(now, rng));
        assert_eq!(refused.unwrap_err().code(), Code::NotCreator);
    }

    #[test]
    fn the_rooms_settings_are_read_off_the_client_while_it_is_joined() {
        let mut world = World::new(4);
        let room = world.create(RoomSettings {
            capacity: 7,
            burn: WhoMayBurn::Anyone,
            ..RoomSettings::default()
        });
        let ana = world.join(&room, "ana");
        assert_eq!(world.nodes[ana].client.room_settings(), None);
        world.run_for(1_000);
        assert_eq!(
            world.nodes[ana].client.room_settings(),
            Some((7, WhoMayBurn::Anyone))
        );
        assert_eq!(
            format!("{:?}", world.nodes[ana].client),
            "Client { status: Joined, .. }"
        );
        world.act(ana, |client, now, _| client.leave(now));
        assert_eq!(world.nodes[ana].client.room_settings(), None);
    }

    #[test]
    fn a_room_is_planned_within_the_limits_and_never_beyond_any_of_them() {
        let settings = RoomSettings::default;
        let plan = |base: &str, settings| {
            plan_room(base, settings, START, &mut rng())
                .map(|_| ())
                .map_err(|error| error.code())
        };
        let here = "https://relay.example";
        let within = [
            RoomSettings {
                ttl_seconds: 30,
                ..settings()
            },
            RoomSettings {
                ttl_seconds: 259_200,
                ..settings()
            },
            RoomSettings {
                capacity: 2,
                ..settings()
            },
            RoomSettings {
                capacity: 256,
                ..settings()
            },
            RoomSettings {
                extension_seconds: 0,
                ..settings()
            },
            RoomSettings {
                extension_seconds: 86_400,
                ..settings()
            },
        ];
        for settings in within {
            assert_eq!(plan(here, settings), Ok(()));
        }
        let beyond = [
            RoomSettings {
                ttl_seconds: 29,
                ..settings()
            },
            RoomSettings {
                ttl_seconds: 259_201,
                ..settings()
            },
            RoomSettings {
                capacity: 1,
                ..settings()
            },
            RoomSettings {
                capacity: 257,
                ..settings()
            },
            RoomSettings {
                extension_seconds: 86_401,
                ..settings()
            },
        ];
        for settings in beyond {
            assert_eq!(plan(here, settings), Err(Code::InvalidParameter));
        }
        assert_eq!(plan("relay.example", settings()), Err(Code::LinkNotALink));
    }

    #[test]
    fn a_relay_takes_what_was_planned_at_every_limit() {
        for (ttl_seconds, extension_seconds) in [(30, 0), (259_200, 86_400)] {
            let settings = RoomSettings {
                ttl_seconds,
                extension_seconds,
                ..RoomSettings::default()
            };
            let rng = &mut rng();
            let mut hub = Hub::new(Limits::default(), rng);
            let (request, link) = plan_room("https://relay.example", settings, START, rng).unwrap();
            let made = hub.handle_create(START, PeerKey([1; 16]), &request, rng);
            assert_eq!(made.unwrap().room_id, link.room_id());
            assert!(Link::parse(&link.to_url()).is_ok());
        }
    }
}
