//! Burn, proved: after the end of a room none of its keys, texts, names, tokens, PINs and links is anywhere in memory.
//!
//! A hub and up to seven clients live through a room in one thread (joins by link, by creator token, by PIN and with a
//! wrong one, texts, receipts, a lost connection and a resume, a removal with a new link, somebody who leaves, a newcomer
//! who reads the history), and it burns. The machines are not dropped: what is searched is what they keep.
//!
//! *Searched*: all memory of the test's own process that can be read. That is the machines; freed memory, because the
//! allocator of this test gives nothing back, so that nothing covers up what was left there; C's heap, which AWS-LC uses;
//! statics; every thread's stack. The stack is overwritten after each call, as the drivers do: the core alone can't
//! promise anything for it.
//!
//! *Looked for*: everything that was drawn (private keys, session keys, tokens, tickets, the link's secret, the seed of the
//! room id, PINs) and everything derived from it (the link's keys, ECDH secrets, the keys of pairs as HMAC keeps them,
//! key-encryption keys, chains, message keys, keys of the history), numbers in both byte orders; every text, name, PIN and
//! link. Of 32 bytes and more the first, the middle and the last 16 are marks by themselves. Before the burn each kind
//! that is kept is found.
//!
//! *Figures* (a run with AWS-LC; each test prints its own): 25 to 45 MiB searched, 13 to 30 MiB of it in use and up to
//! 31 MiB freed and kept, 6,293 marks without history and 7,118 with it; 312 and 376 found before the burn, 0 after.
//!
//! *Not looked for*: what the relay and everybody on the way may know (ids, public keys, hashes, ciphertexts), registers,
//! intermediate values of the primitives' arithmetic, such as nonces of signatures.
#![cfg(target_os = "linux")]

use burnchat_remains::Keeping;

#[global_allocator]
static KEEPING: Keeping = Keeping::new();

#[cfg(test)]
mod burned {
    mod story;
    mod words;

    use burnchat_core::client::{BurnKind, EndReason, JoinOptions, RoomSettings};
    use burnchat_core::crypto::{SecretBytes, labels, wipe_stack};
    use burnchat_core::encoding::Fields;
    use burnchat_core::wire::WhoMayBurn;
    use burnchat_remains::{Marks, Remains, search};

    use self::story::Story;
    use super::KEEPING;

    /// What a living room keeps, each in at least one place.
    const KEPT: [&str; 10] = [
        "a PIN",
        "a chain",
        "a key of the link",
        "a name",
        "a pair's key",
        "a private key",
        "a text",
        "a ticket",
        "a token",
        "the link's secret",
    ];

    /// Lives in a room until just before its end.
    fn live(seed: u64, history: bool) -> Story {
        live_with(Story::new(seed), history)
    }

    fn live_with(mut story: Story, history: bool) -> Story {
        story.create(RoomSettings {
            history,
            burn: WhoMayBurn::Anyone,
            ..RoomSettings::default()
        });
        let ana = story.join_as_creator();
        let ben = story.join();
        let cem = story.join_with_pin();
        story.say(ana, 90, 0);
        story.say(ben, 9_000, 0);
        story.say(cem, 60, 60_000);
        story
            .act(ben, |client, now, rng| client.set_typing(now, true, rng))
            .unwrap();
        // Somebody without a name, and somebody with a wrong PIN.
        let anonymous = story.enter(JoinOptions::default());
        let name = story.people[anonymous].client.participants();
        let name = name
            .iter()
            .find(|one| one.me)
            .and_then(|one| one.name.clone());
        story.marks.add("a name", name.unwrap().as_str().as_bytes());
        let eve = story.join_with(JoinOptions {
            pin: Some(SecretBytes::copy_of(b"222222")),
            ..JoinOptions::default()
        });
        assert!(matches!(story.ended(eve), Some(EndReason::Refused(_))));
        // A connection breaks, and something is said meanwhile.
        story.cut(ben);
        story.say(ana, 70, 0);
        story.act(ben, |client, now, rng| {
            client.send_text(now, "x", 0, rng).unwrap()
        });
        story.mend(ben);
        story.say(ben, 80, 0);
        // Somebody is removed, and the link with it.
        let dora = story.join();
        story.say(dora, 75, 0);
        let id = story.id(dora);
        story
            .act(ana, |client, now, rng| client.kick(now, id, true, rng))
            .unwrap();
        story.pass(4_000);
        assert_eq!(story.ended(dora), Some(EndReason::Kicked));
        story.share(ana);
        story.say(cem, 85, 0);
        story.act(anonymous, |client, now, _| client.leave(now));
        story.pass(2_000);
        let fay = story.join();
        assert_eq!(story.people[fay].heard, if history { 8 } else { 0 });
        story.say(fay, 65, 0);
        // Texts that are not yet read by the application, and one that is not yet sent.
        story.people[ben].asleep = true;
        story.say(ana, 95, 0);
        story.cut(cem);
        story.say(cem, 99, 0);
        story
    }

    fn look(story: &mut Story, when: &str) -> Remains {
        let remains = search("self", &mut story.marks).unwrap();
        println!("{when}: {remains}");
        println!("  {} KiB of freed memory kept", KEEPING.freed() >> 10);
        remains
    }

    /// What there is before, so that it is known that it would be found.
    fn expect_a_room(story: &mut Story, history: bool) {
        let remains = look(story, "before");
        // Chains are derived at once, and the session key dropped, unless newcomers are to read what it opens.
        assert_eq!(remains.count("a session key") > 0, history);
        for what in KEPT {
            assert_ne!(
                remains.count(what),
                0,
                "{what} is not found while the room lives"
            );
        }
    }

    fn expect_nothing(story: &mut Story) {
        let remains = look(story, "after");
        assert!(remains.is_empty(), "left: {remains}");
    }

    fn expect_the_end(story: &Story, of: [usize; 4], kind: BurnKind) {
        for person in of {
            let ended = story.ended(person);
            let by_relay = Some(EndReason::Burned(kind));
            // Whoever is away burns by its own clock.
            assert!(
                ended == by_relay || ended == Some(EndReason::LocalBurn),
                "{ended:?}"
            );
        }
        assert_eq!(story.hub.stats().rooms, 0);
    }

    /// Ana, Ben, Cem and Fay, who are there at the end.
    const THERE: [usize; 4] = [0, 1, 2, 6];

    /// A label encoding names its room in memory of its own, and wipes it.
    #[test]
    fn a_label_encoding_leaves_no_room_id_behind() {
        let turned: Vec<u8> = (0..16).map(|at| 0xa5 ^ (at * 13)).collect();
        let id: Vec<u8> = turned.iter().map(|byte| !byte).collect();
        // As a field it comes after its length: nowhere else does it.
        let field = [[0xff, 0xff, 0xff, 0xef].as_slice(), &turned].concat();
        let mut marks = Marks::new();
        marks.add_turned("a room id as a field", field);
        let short = || Fields::bytes(labels::KEY).put(&id).finish();
        let long = || Fields::bytes(labels::KEY).put(&id).put(&[7; 250]).finish();
        for list in [short(), long()] {
            assert_eq!(
                search("self", &mut marks).unwrap().found.len(),
                1 + usize::from(list.len() < 200)
            );
        }
        let after = search("self", &mut marks).unwrap();
        assert!(after.is_empty(), "{after}");
    }

    #[test]
    fn nothing_is_left_of_a_room_that_somebody_burned() {
        for history in [false, true] {
            let mut story = live(1 + u64::from(history), history);
            story.forget();
            expect_a_room(&mut story, history);
            story
                .act(0, |client, now, rng| client.burn(now, rng))
                .unwrap();
            story.pass(700_000);
            expect_the_end(&story, THERE, BurnKind::Asked);
            expect_nothing(&mut story);
        }
    }

    #[test]
    fn nothing_is_left_of_a_room_whose_time_is_over() {
        for history in [false, true] {
            let mut story = live(3 + u64::from(history), history);
            story.forget();
            expect_a_room(&mut story, history);
            story.pass(700_000);
            expect_the_end(&story, THERE, BurnKind::Expired);
            expect_nothing(&mut story);
        }
    }

    #[test]
    fn nothing_is_left_of_a_room_whose_relay_was_shut_down() {
        let mut story = live(5, true);
        story.forget();
        expect_a_room(&mut story, true);
        story.hub.handle_shutdown(story.now);
        story.settle();
        story.pass(700_000);
        expect_the_end(&story, THERE, BurnKind::Shutdown);
        expect_nothing(&mut story);
    }

    /// Nobody can promise for the stack but who owns it: what drivers that never wipe it have there at the end is printed,
    /// and one call takes it away. The machines' own memory is as clean as with drivers that wipe after each call.
    #[test]
    fn where_drivers_never_wipe_the_stack_once_at_the_end_is_enough() {
        let mut story = live_with(Story::careless(6), true);
        story.forget();
        story
            .act(0, |client, now, rng| client.burn(now, rng))
            .unwrap();
        story.pass(700_000);
        look(&mut story, "after, with the stack as it was left");
        wipe_stack();
        expect_nothing(&mut story);
    }

    /// An image of the process taken after a message, its author's or a reader's, does not contain what opens it, nor what
    /// opens any before it: neither its key, nor the chain that leads there, nor the session key. (While the room lives, the
    /// private keys do with a recorded key frame; the spec's section 7.4 says so.)
    #[test]
    fn after_a_message_nothing_in_memory_opens_it() {
        let mut story = Story::new(7);
        story.create(RoomSettings::default());
        let people = [story.join_as_creator(), story.join(), story.join()];
        let mut said = [0; 3];
        for turn in 0..10 {
            let author = [0, 1, 0, 0, 2, 1, 0, 2, 2, 0][turn];
            story.say(people[author], 60 + turn, 0);
            said[author] += 1;

            let (mut gone, mut there) = (Marks::new(), Marks::new());
            for (person, said) in people.iter().zip(said) {
                let sender = story.id(*person);
                story.known.chain_of(&story.rng, &sender, |n, chain, key| {
                    if n < said {
                        gone.add("a passed chain", chain.as_bytes());
                        gone.add("a used message key", key.as_bytes());
                    } else if n == said {
                        there.add("the chain as it stands", chain.as_bytes());
                    }
                });
            }
            story.known.mark_newest_session_key(&story.rng, &mut gone);
            wipe_stack();
            // Three people keep three chains each, and of each its beginning, middle and end are found.
            let control = search("self", &mut there).unwrap();
            assert_eq!(control.count("the chain as it stands"), 27, "{control}");
            let remains = search("self", &mut gone).unwrap();
            assert!(remains.is_empty(), "after message {turn}: {remains}");
            // The texts are the application's by now, and it has dropped them.
            let remains = search("self", &mut story.marks).unwrap();
            assert_eq!(remains.count("a text"), 0, "{remains}");
            if turn == 9 {
                println!("{remains}");
            }
        }
    }
}
