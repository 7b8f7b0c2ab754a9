//! What every shared memory must do: of the one within the process, and of a Redis.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock of these stories is tokio's, and nobody suspends the machine in them"
)]

use std::time::Duration;

use tokio::time::{sleep, timeout};

#[cfg(feature = "cluster")]
use self::redis_server::Redis;
use super::memory::Memory;
use super::seam::{Bus, LEASE, Member, Op, Outcome, SealedCopy, SealedWrite, Session, Tag};
#[cfg(feature = "cluster")]
use crate::clock::wall_millis;

#[cfg(feature = "cluster")]
#[path = "../../tests/cluster/redis.rs"]
mod redis_server;

/// A room's end that is not near, ms from now.
const LATER: u64 = 60_000;

/// Somebody at a memory whose clock says `now` when it is asked.
struct Rig<'a> {
    bus: &'a dyn Bus,
    now: &'a dyn Fn() -> u64,
}

impl Rig<'_> {
    async fn join(&self) -> Session {
        self.bus.join().await.unwrap()
    }

    fn write(&self, state: &str) -> SealedWrite {
        SealedWrite {
            end: (self.now)() + LATER,
            state: state.into(),
            ..SealedWrite::default()
        }
    }

    fn create(&self, member: Member, room: Tag) -> Op {
        let write = Box::new(self.write("new"));
        Op::Create {
            room,
            member,
            write,
        }
    }
}

fn tag(number: u8) -> Tag {
    Tag([number; 16])
}

async fn run(session: &Session, op: Op) -> Outcome {
    let mut outcomes = session.store.run(vec![op]).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

async fn claim(session: &Session, room: Tag) -> Outcome {
    let member = session.member;
    run(session, Op::Claim { room, member }).await
}

async fn taken(session: &Session, room: Tag) -> (u64, SealedCopy) {
    match claim(session, room).await {
        Outcome::Taken(fence, copy) => (fence, *copy),
        other => panic!("not taken: {other:?}"),
    }
}

/// The next that is said to it.
async fn heard(session: &mut Session) -> Vec<u8> {
    let note = timeout(Duration::from_secs(20), session.notes.recv()).await;
    note.unwrap().unwrap()
}

/// Everybody has a number of their own and is known to live, until they leave or give no sign for too long.
async fn members_live_while_they_say_so(rig: &Rig<'_>) {
    let (mut one, two, three) = (rig.join().await, rig.join().await, rig.join().await);
    assert!(one.member < two.member && two.member < three.member);
    let living = one.store.beat().await.unwrap().unwrap();
    assert!([&one, &two, &three].map(|s| living.contains(&s.member)) == [true; 3]);

    let member = two.member;
    let left = run(&two, Op::Leave { member }).await;
    assert!(matches!(left, Outcome::Done), "{left:?}");
    let living = one.store.beat().await.unwrap().unwrap();
    assert!(!living.contains(&two.member));
    for _ in 0..5 {
        sleep(LEASE / 4).await;
        one.store.beat().await.unwrap().unwrap();
    }
    let living = one.store.beat().await.unwrap().unwrap();
    assert!(!living.contains(&three.member));
    // Its rooms may be another's by now, so what it says of them is not heard.
    let hearer = one.member;
    let says = |partition, member, note: &str| Op::Say {
        partition,
        member,
        notes: vec![(hearer, note.into())],
    };
    for partition in 0..rig.bus.partitions() {
        for late in [&two, &three] {
            let late = says(partition, late.member, "late");
            if let Ok(said) = three.store.run(vec![late]).await {
                assert!(matches!(said[..], [Outcome::Refused]), "{said:?}");
            }
        }
        let note = format!("still here in {partition}");
        let _ = run(&one, says(partition, hearer, &note)).await;
        assert_eq!(heard(&mut one).await, note.into_bytes());
    }
    // Too late: it is not to be one again under this number.
    assert!(!matches!(three.store.beat().await, Ok(Some(_))));
}

async fn of_those_who_make_a_room_one_does(rig: &Rig<'_>) {
    let (one, two) = (rig.join().await, rig.join().await);
    let room = tag(1);
    let made = run(&one, rig.create(one.member, room)).await;
    assert!(matches!(made, Outcome::Done), "{made:?}");
    for session in [&one, &two] {
        let again = run(session, rig.create(session.member, room)).await;
        assert!(matches!(again, Outcome::Refused), "{again:?}");
    }
    let found = claim(&two, room).await;
    assert!(
        matches!(found, Outcome::Owned(owner) if owner == one.member),
        "{found:?}"
    );
    let nowhere = claim(&two, tag(2)).await;
    assert!(matches!(nowhere, Outcome::NotThere), "{nowhere:?}");
}

/// Who goes on with a room has all that was written of it, and who had it can do nothing more to it.
async fn a_room_is_one_owners_and_whole(rig: &Rig<'_>) {
    let (one, mut two) = (rig.join().await, rig.join().await);
    let (room, member, hearer) = (tag(3), one.member, two.member);
    let _ = run(&one, rig.create(one.member, room)).await;
    let write = |fence, write: SealedWrite, said: &str| Op::Write {
        room,
        member,
        fence,
        write: Box::new(write),
        notes: vec![(hearer, said.into())],
    };
    let first = SealedWrite {
        people: Some(b"people".into()),
        seats: Some(b"seats".into()),
        entries: vec![(1, b"one".into()), (2, b"two".into()), (12, b"old".into())],
        ..rig.write("first")
    };
    let second = SealedWrite {
        seats: Some(b"other seats".into()),
        entries: vec![(12, b"twelve".into()), (3, b"three".into())],
        forgotten: vec![1],
        ..rig.write("second")
    };
    // Out of its own time, it neither writes nor says anything.
    let steps = vec![
        write(1, first, "first"),
        write(2, rig.write("wrong"), "wrong"),
        write(1, second, "second"),
    ];
    let outcomes = one.store.run(steps).await.unwrap();
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Done, Outcome::Refused, Outcome::Done]
        ),
        "{outcomes:?}"
    );
    assert_eq!(heard(&mut two).await, b"first");
    assert_eq!(heard(&mut two).await, b"second");

    let _ = run(&one, Op::Leave { member }).await;
    let (fence, copy) = taken(&two, room).await;
    assert_eq!(fence, 2);
    assert_eq!(
        (&*copy.state, &*copy.people),
        (&b"second"[..], &b"people"[..])
    );
    assert_eq!(copy.seats, b"other seats");
    let entries = [(2, &b"two"[..]), (3, b"three"), (12, b"twelve")];
    assert!(copy.entries.iter().map(|(n, e)| (*n, &**e)).eq(entries));

    let burn = |fence| Op::Burn {
        room,
        member,
        fence,
        notes: vec![(hearer, b"burned".into())],
    };
    for late in [write(1, rig.write("late"), "late"), burn(1), burn(2)] {
        if let Ok(outcomes) = one.store.run(vec![late]).await {
            assert!(matches!(outcomes[..], [Outcome::Refused]), "{outcomes:?}");
        }
    }
    // Who asks again for what is its own has it under the same fence: what it has written since is not refused.
    let (fence, copy) = taken(&two, room).await;
    assert_eq!((fence, &*copy.state), (2, &b"second"[..]));
    let say = Op::Say {
        partition: room.partition(rig.bus.partitions()),
        member: two.member,
        notes: vec![(hearer, b"still here".into())],
    };
    let _ = run(&two, say).await;
    assert_eq!(heard(&mut two).await, b"still here");
}

/// Steps given at once are answered one for one, wherever the rooms are.
async fn each_step_has_its_own_answer(rig: &Rig<'_>) {
    let (one, two) = (rig.join().await, rig.join().await);
    let rooms: Vec<Tag> = (100..140).map(tag).collect();
    let ours = rooms.iter().step_by(3);
    let made = ours.map(|room| rig.create(one.member, *room)).collect();
    for outcome in one.store.run(made).await.unwrap() {
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    }
    let made = rooms.iter().map(|room| rig.create(two.member, *room));
    let made = two.store.run(made.collect()).await.unwrap();
    assert_eq!(made.len(), rooms.len());
    for (at, outcome) in made.iter().enumerate() {
        match at % 3 {
            0 => assert!(matches!(outcome, Outcome::Refused), "{at}: {outcome:?}"),
            _ => assert!(matches!(outcome, Outcome::Done), "{at}: {outcome:?}"),
        }
    }
    let (room, member) = (tag(140), two.member);
    let steps = vec![
        rig.create(member, room),
        Op::Leave { member },
        Op::Claim { room, member },
    ];
    let outcomes = two.store.run(steps).await.unwrap();
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Done, Outcome::Done, Outcome::Taken(1, _)]
        ),
        "{outcomes:?}"
    );
}

async fn of_a_burned_room_nothing_is_left_but_its_last_words(rig: &Rig<'_>) {
    let (one, mut two) = (rig.join().await, rig.join().await);
    let room = tag(4);
    let _ = run(&one, rig.create(one.member, room)).await;
    for _ in 0..2 {
        // Also if it has gone by itself just before.
        let burn = Op::Burn {
            room,
            member: one.member,
            fence: 1,
            notes: vec![(two.member, b"burned".into())],
        };
        let burned = run(&one, burn).await;
        assert!(matches!(burned, Outcome::Done), "{burned:?}");
        assert_eq!(heard(&mut two).await, b"burned");
        let found = claim(&two, room).await;
        assert!(matches!(found, Outcome::NotThere), "{found:?}");
    }
}

/// Nobody needs to run for that.
async fn at_its_end_a_room_is_gone(rig: &Rig<'_>) {
    let one = rig.join().await;
    let (room, other) = (tag(5), tag(6));
    let ends = |room, end: u64| {
        let mut write = rig.write("short");
        write.end = (rig.now)() + end;
        Op::Create {
            room,
            member: one.member,
            write: Box::new(write),
        }
    };
    let _ = run(&one, ends(room, 300)).await;
    let _ = run(&one, ends(other, 300)).await;
    // One is given more time, with entries that are as old.
    let write = Box::new(SealedWrite {
        entries: vec![(1, b"one".into())],
        ..rig.write("longer")
    });
    let longer = Op::Write {
        room: other,
        member: one.member,
        fence: 1,
        write,
        notes: Vec::new(),
    };
    let _ = run(&one, longer).await;
    sleep(Duration::from_millis(600)).await;
    let found = claim(&one, room).await;
    assert!(matches!(found, Outcome::NotThere), "{found:?}");
    let (_, copy) = taken(&one, other).await;
    assert_eq!(copy.entries, [(1, b"one".to_vec())]);
}

async fn whole(rig: &Rig<'_>) {
    of_those_who_make_a_room_one_does(rig).await;
    a_room_is_one_owners_and_whole(rig).await;
    each_step_has_its_own_answer(rig).await;
    of_a_burned_room_nothing_is_left_but_its_last_words(rig).await;
    at_its_end_a_room_is_gone(rig).await;
    members_live_while_they_say_so(rig).await;
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_the_stories_keeps_the_contract() {
    let began = tokio::time::Instant::now();
    let now = || 1_000_000 + u64::try_from(began.elapsed().as_millis()).unwrap();
    for partitions in [1, 4] {
        let memory = Memory::new(partitions, now());
        let slow = memory.by(Duration::from_millis(70));
        for bus in [&memory as &dyn Bus, &slow] {
            memory.forget_everything();
            whole(&Rig { bus, now: &now }).await;
        }
    }
}

#[cfg(feature = "cluster")]
async fn kept_by(redis: &Redis) {
    let options = super::ClusterOptions {
        url: redis.url(),
        ..super::ClusterOptions::default()
    };
    let cluster = super::Cluster::connect(&options).await.unwrap();
    let bus = &*cluster.0.bus;
    whole(&Rig {
        bus,
        now: &wall_millis,
    })
    .await;
}

/// Numbers go on from where they had come, also when the node has forgotten it in which they are counted.
#[cfg(feature = "cluster")]
#[tokio::test]
async fn no_number_is_given_twice_when_a_node_forgets_everything() {
    if !redis_server::is_installed() {
        return;
    }
    let mut redis = Redis::cluster_of(2).await;
    let options = super::ClusterOptions {
        url: redis.url(),
        ..super::ClusterOptions::default()
    };
    let cluster = super::Cluster::connect(&options).await.unwrap();
    let bus = &*cluster.0.bus;
    let mut highest = 0;
    for node in [0, 1, 0] {
        let joined = [bus.join().await.unwrap(), bus.join().await.unwrap()];
        assert!(joined[0].member > highest && joined[1].member > joined[0].member);
        highest = joined[1].member;
        redis.restart(node).await;
        for mut session in joined {
            assert!(session.store.beat().await.is_err());
            let heard = timeout(Duration::from_secs(20), session.notes.recv()).await;
            assert_eq!(heard.unwrap(), None);
        }
    }
}

/// The one that was named need not stay: where the others were is known.
#[cfg(feature = "cluster")]
#[tokio::test]
async fn the_node_that_was_named_may_leave_the_redis_cluster() {
    if !redis_server::is_installed() {
        return;
    }
    let redis = Redis::cluster_of(2).await;
    let options = super::ClusterOptions {
        url: redis.url_by(0),
        ..super::ClusterOptions::default()
    };
    let cluster = super::Cluster::connect(&options).await.unwrap();
    let before = cluster.0.bus.join().await.unwrap();
    redis.first_leaves().await;
    assert!(before.store.beat().await.is_err());
    let after = cluster.0.bus.join().await.unwrap();
    assert!(after.member > before.member);
    let living = after.store.beat().await.unwrap();
    assert!(living.is_some_and(|living| living.contains(&after.member)));
}

/// Relays come back for as long as they run: what a session needed goes with it.
#[cfg(feature = "cluster")]
#[tokio::test]
async fn nothing_runs_on_for_a_session_that_is_over() {
    if !redis_server::is_installed() {
        return;
    }
    for redis in [Redis::start().await, Redis::cluster_of(2).await] {
        let options = super::ClusterOptions {
            url: redis.url(),
            ..super::ClusterOptions::default()
        };
        let cluster = super::Cluster::connect(&options).await.unwrap();
        let running = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let before = running();
        for _ in 0..3 {
            drop(cluster.0.bus.join().await.unwrap());
        }
        let over = async {
            while running() > before {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let over = timeout(Duration::from_secs(20), over).await;
        assert!(over.is_ok(), "{} tasks run on", running() - before);
    }
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn redis_keeps_the_contract() {
    if redis_server::is_installed() {
        kept_by(&Redis::start().await).await;
    }
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_redis_cluster_keeps_the_contract() {
    if redis_server::is_installed() {
        kept_by(&Redis::cluster_of(3).await).await;
    }
}
