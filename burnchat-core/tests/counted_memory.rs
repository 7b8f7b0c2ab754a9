//! What a relay says its rooms take ([`Stats::kept_bytes`](burnchat_core::relay::Stats)) is what they take, or a little
//! more: a budget that goes by it holds. One test, as what is allocated is counted for the whole process.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[cfg(test)]
mod harness;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[cfg(test)]
mod counted_memory {
    use burnchat_core::client::{JoinOptions, RoomSettings};
    use stats_alloc::Region;

    use super::ALLOCATOR;
    use super::harness::World;

    /// What an allocator adds to each allocation; glibc's adds 8 to 24 bytes.
    const OVERHEAD: usize = 16;

    /// What the hub counts for its rooms, and what it gives back when it burns them.
    fn counted_and_freed(world: &mut World) -> (usize, usize) {
        // A connection is the driver's to count; the seats of those away are the room's.
        for node in 0..world.nodes.len() {
            world.go_offline(node);
        }
        let counted = world.hub.stats().kept_bytes;
        let before = Region::new(ALLOCATOR);
        world.hub.handle_shutdown(world.now);
        let change = before.change();
        assert_eq!(world.hub.stats().kept_bytes, 0);
        let allocations = change.deallocations - change.allocations;
        let bytes = change.bytes_deallocated - change.bytes_allocated;
        (counted, bytes + allocations * OVERHEAD)
    }

    fn of(count: usize, history: bool) -> World {
        let mut world = World::new(1);
        let names: Vec<String> = (0..count).map(|number| format!("{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let settings = RoomSettings {
            history,
            ..RoomSettings::default()
        };
        world.room_of(settings, &names);
        world
    }

    fn assert_counted(story: &str, mut world: World) {
        let (counted, freed) = counted_and_freed(&mut world);
        println!("{story}: {counted} bytes counted, {freed} given back");
        // What the end itself takes is the driver's as soon as it has been told.
        let (least, most) = (freed - 2_000, freed + freed / 6);
        assert!(
            (least..=most).contains(&counted),
            "{story}: {counted} counted, {freed} given back"
        );
    }

    #[test]
    fn what_is_counted_is_what_is_given_back() {
        for history in [false, true] {
            for people in [2, 12] {
                assert_counted("people who have joined", of(people, history));
            }

            let mut world = of(2, history);
            for number in 0..50 {
                world.send(0, &format!("{number} {}", "x".repeat(500)));
                world.run_for(100);
            }
            assert_counted("messages", world);

            let mut world = of(2, history);
            for locked in [true, false].repeat(50) {
                world
                    .act(0, |client, now, rng| client.lock(now, locked, rng))
                    .unwrap();
                world.run_for(100);
            }
            assert_counted("a door that opens and shuts", world);

            // What tells of them is long gone when it is counted, and their hashes are not.
            let mut world = of(2, history);
            for _ in 0..240 {
                world
                    .act(0, |client, now, rng| client.renew(now, rng))
                    .unwrap();
                world.run_for(300);
            }
            world.run_for(200_000);
            assert_counted("tickets that were replaced", world);

            // Nobody answers who is asked for a key.
            let mut world = of(8, history);
            let link = world.nodes[0].client.link().unwrap().to_url().to_string();
            world.tamper_up(|_, frame| {
                let answer =
                    frame.contains("\"session_key\"") || frame.contains("\"key_declined\"");
                if answer {
                    Vec::new()
                } else {
                    vec![frame.into()]
                }
            });
            for number in 0..30 {
                world.add(&link, &format!("late {number}"), JoinOptions::default());
                world.run_for(600);
            }
            assert_counted("versions without a key", world);
        }
    }
}
