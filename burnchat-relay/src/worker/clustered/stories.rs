//! Stories of several relays, on a clock that is not waited for, with a memory that is told when to answer.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock of these stories is tokio's, and nobody suspends the machine in them"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use burnchat_core::client::{
    BurnKind, Client, EndReason, Event, JoinOptions, Output, RoomSettings, plan_room,
};
use burnchat_core::crypto::Secret;
use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::relay::{ConnectionId, Disconnect, PeerKey, Refusal};
use burnchat_core::wire::http::RoomCreated;
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, unconstrained};
use tokio::time::sleep;

use crate::Config;
use crate::clock::Clock;
use crate::cluster::memory::Memory;
use crate::cluster::{BEAT, Cluster, Partition};
use crate::flow::Flow;
use crate::outbox::{Capacity, Cut, Outgoings, channel};
use crate::rng::system as rng;
use crate::sessions::Sessions;
use crate::shard::Request;
use crate::totals::Totals;
use crate::worker::Worker;

const WALL: u64 = 1_790_000_000_000;
/// How long whoever lost a connection waits before the next.
const AGAIN: Duration = Duration::from_millis(250);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// More than a worker handles before it looks for something else.
const ROOMS: usize = 80;

/// Numbers for connections, and for who connects.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// Somebody else each time: no story is about what one may have.
fn next_peer() -> PeerKey {
    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    PeerKey(u128::from(number).to_be_bytes())
}

fn cluster_by(way: &Memory) -> Cluster {
    Cluster::new(&Secret::copy_of(&[3; 32]), Box::new(way.clone()), 0)
}

/// A memory, and what everybody counts by.
struct World {
    memory: Memory,
    clock: Clock,
}

/// A relay with one worker.
struct Relay {
    requests: mpsc::Sender<Box<Request>>,
    way: Memory,
    tasks: [JoinHandle<()>; 2],
}

struct Person {
    name: &'static str,
    client: Client,
    link: Link,
    clock: Clock,
    /// Where it connects to, in turn.
    relays: Vec<mpsc::Sender<Box<Request>>>,
    line: Option<Line>,
    connections: u64,
    connect_at: Option<tokio::time::Instant>,
    said: usize,
    heard: Vec<String>,
    accepted: usize,
    resumed: usize,
    countdowns: Vec<(tokio::time::Instant, u64)>,
    ended: Option<EndReason>,
}

struct Line {
    connection: ConnectionId,
    requests: mpsc::Sender<Box<Request>>,
    outgoings: Outgoings,
    cut: Option<oneshot::Receiver<Cut>>,
}

impl World {
    fn new() -> Self {
        Self::in_partitions(1)
    }

    /// With a memory of which no two parts keep the same pace.
    fn in_partitions(partitions: Partition) -> Self {
        Self {
            memory: Memory::new(partitions, WALL),
            clock: Clock::of_tokio(WALL),
        }
    }

    /// A relay to which the memory is so far away.
    fn relay(&self, delay: Duration) -> Relay {
        let way = self.memory.by(delay);
        let cluster = cluster_by(&way);
        let config = Config::default();
        let (failing, _) = watch::channel(false);
        let (totals, counters) = (Totals::new(&config), Arc::default());
        let mut worker = Worker::new(&config, self.clock.clone(), totals, counters, failing);
        let membership = worker.join(&cluster, Arc::new(Sessions::new()));
        let (requests, to_do) = mpsc::channel(config.inbound_frames);
        // As with a thread of its own: it does not wait for the worker to keep up.
        let membership = unconstrained(membership);
        let tasks = [tokio::spawn(membership), tokio::spawn(worker.run(to_do))];
        Relay {
            requests,
            way,
            tasks,
        }
    }

    fn partition_of(&self, room: RoomId) -> Partition {
        cluster_by(&self.memory).partition_of(room)
    }

    fn relays<const N: usize>(&self, delay: u64) -> [Relay; N] {
        std::array::from_fn(|_| self.relay(Duration::from_millis(delay)))
    }

    async fn room(&self, at: &Relay) -> (RoomCreated, Link) {
        let base = "https://relay.example";
        let plan = plan_room(base, RoomSettings::default(), self.clock.now(), &mut rng());
        let (request, link) = plan.unwrap();
        let created = ask(at, |reply| Request::Create {
            peer: next_peer(),
            request,
            reply,
        });
        (created.await.unwrap(), link)
    }

    fn person(
        &self,
        name: &'static str,
        link: &Link,
        options: JoinOptions,
        at: &[&Relay],
    ) -> Person {
        let client = Client::new(Link::parse(&link.to_url()).unwrap(), options, &mut rng());
        Person {
            name,
            client,
            link: Link::parse(&link.to_url()).unwrap(),
            clock: self.clock.clone(),
            relays: at.iter().map(|relay| relay.requests.clone()).collect(),
            line: None,
            connections: 0,
            connect_at: None,
            said: 0,
            heard: Vec::new(),
            accepted: 0,
            resumed: 0,
            countdowns: Vec::new(),
            ended: None,
        }
    }

    /// A room, with somebody at each of these relays' places.
    async fn room_with<const N: usize>(
        &self,
        names: [&'static str; N],
        at: [&[&Relay]; N],
    ) -> [Person; N] {
        let (created, link) = self.room(at[0][0]).await;
        let mut people: Vec<Person> = Vec::new();
        for (name, relays) in names.into_iter().zip(at) {
            let options = JoinOptions {
                creator_token: people
                    .is_empty()
                    .then(|| Secret::copy_of(created.creator_token.as_bytes())),
                ..JoinOptions::default()
            };
            people.push(self.person(name, &link, options, relays));
        }
        let mut people: [Person; N] = people.try_into().unwrap_or_else(|_| unreachable!());
        until(&mut people, |person| {
            person.client.participants().len() == N
                && person.client.epoch().map(|(version, _)| version)
                    == person.client.roster_version()
        })
        .await;
        people
    }
}

/// An answer of a relay.
async fn ask<T>(
    at: &Relay,
    request: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Request,
) -> Result<T, Refusal> {
    let (reply, answer) = oneshot::channel();
    at.requests.send(Box::new(request(reply))).await.unwrap();
    answer.await.unwrap()
}

impl Relay {
    /// It is no more, and says nothing of it.
    fn kill(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }

    /// It is asked to end, and does.
    async fn leave(&self) {
        let (reply, told) = oneshot::channel();
        let _ = self
            .requests
            .send(Box::new(Request::Shutdown { reply }))
            .await;
        told.await.unwrap();
    }
}

impl Person {
    fn say(&mut self, count: usize) {
        for _ in 0..count {
            let text = format!("{} {}", self.name, self.said);
            self.said += 1;
            let now = self.clock.now();
            self.client.send_text(now, &text, 0, &mut rng()).unwrap();
        }
    }

    /// What it has heard of somebody.
    fn heard_of(&self, name: &str) -> Vec<&str> {
        let heard = self.heard.iter().map(String::as_str);
        heard.filter(|text| text.starts_with(name)).collect()
    }

    /// Does what there is to do, and says whether there was anything.
    async fn step(&mut self) -> bool {
        let now = self.clock.now();
        if self.client.poll_timeout().is_some_and(|due| due <= now) {
            self.client.handle_timeout(now, &mut rng());
        }
        let mut moved = self.carry_out().await;
        let now = tokio::time::Instant::now();
        if self.connect_at.is_some_and(|at| at <= now) {
            moved |= self.connect().await;
        }
        let Some(line) = &mut self.line else {
            return moved;
        };
        let burned = match &mut line.cut {
            Some(cut) => match cut.now_or_never() {
                Some(cut) => {
                    line.cut = None;
                    matches!(cut, Ok(Cut::Burned))
                }
                None => false,
            },
            None => false,
        };
        let frame = match burned {
            true => Some(line.outgoings.farewell()),
            false => line.outgoings.next().now_or_never(),
        };
        match frame {
            Some(Some(frame)) => {
                let now = self.clock.now();
                let frame = frame.into_payload();
                let _ = self.client.handle_frame(now, &frame, &mut rng());
            }
            // The connection has ended.
            Some(None) => {
                self.line = None;
                self.client.handle_disconnected(self.clock.now());
            }
            None => return moved,
        }
        self.carry_out().await;
        true
    }

    /// To the next relay that is there.
    async fn connect(&mut self) -> bool {
        self.relays.retain(|relay| !relay.is_closed());
        let Some(requests) = self.relays.first().cloned() else {
            return false;
        };
        self.connect_at = None;
        // Somewhere else the next time.
        self.relays.rotate_left(1);
        self.connections += 1;
        let connection = ConnectionId(CONNECTIONS.fetch_add(1, Ordering::Relaxed));
        let (outbox, outgoings, cut) = channel(Capacity::of(&Config::default()));
        let request = Request::Connect {
            connection,
            peer: next_peer(),
            room: self.link.room_id(),
            outbox,
            flow: Flow::default(),
        };
        let _ = requests.send(Box::new(request)).await;
        self.line = Some(Line {
            connection,
            requests,
            outgoings,
            cut: Some(cut),
        });
        let connected = self.client.handle_connected(self.clock.now(), &mut rng());
        connected.unwrap();
        self.carry_out().await;
        true
    }

    async fn carry_out(&mut self) -> bool {
        let mut moved = false;
        while let Some(output) = self.client.poll_output() {
            moved = true;
            match output {
                Output::Send(frame) => {
                    if let Some(line) = &self.line {
                        let request = Request::Frame {
                            connection: line.connection,
                            frame: frame.as_bytes().to_vec().into(),
                        };
                        let _ = line.requests.send(Box::new(request)).await;
                    }
                }
                Output::Connect => {
                    let pause = match self.connections {
                        0 => Duration::ZERO,
                        _ => AGAIN,
                    };
                    self.connect_at = Some(tokio::time::Instant::now() + pause);
                }
                Output::Close(_) => {
                    if let Some(line) = self.line.take() {
                        let request = Request::Disconnect {
                            connection: line.connection,
                            end: Disconnect::Broken,
                        };
                        let _ = line.requests.send(Box::new(request)).await;
                    }
                }
                Output::Event(Event::Message(message)) => {
                    self.heard.push(message.text.as_str().to_owned());
                }
                Output::Event(Event::Accepted { .. }) => self.accepted += 1,
                Output::Event(Event::Countdown { seconds_remaining }) => {
                    let now = tokio::time::Instant::now();
                    self.countdowns.push((now, seconds_remaining));
                }
                Output::Event(Event::Resumed) => self.resumed += 1,
                Output::Event(Event::Ended(reason)) => self.ended = Some(reason),
                _ => {}
            }
        }
        moved
    }
}

/// Lets this much time go by, with everything that happens in it.
async fn pass(people: &mut [Person], time: Duration) {
    let end = tokio::time::Instant::now() + time;
    while tokio::time::Instant::now() < end {
        go_on(people).await;
    }
}

/// Goes on until this is so for all of them.
async fn until(people: &mut [Person], so: impl Fn(&Person) -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !people.iter().all(&so) {
        assert!(
            tokio::time::Instant::now() < end,
            "it should have happened: {:?}",
            people
                .iter()
                .map(|p| (p.name, p.heard.len(), p.accepted, p.ended))
                .collect::<Vec<_>>()
        );
        go_on(people).await;
    }
}

async fn go_on(people: &mut [Person]) {
    let mut moved = false;
    for person in people {
        moved |= person.step().await;
    }
    match moved {
        true => tokio::task::yield_now().await,
        false => sleep(Duration::from_millis(1)).await,
    }
}

/// Everybody's texts reach everybody else, once and in order.
async fn all_is_heard(people: &mut [Person], each: usize) {
    let others = people.len() - 1;
    until(people, |person| {
        person.accepted >= each && person.heard.len() >= others * each
    })
    .await;
    pass(people, Duration::from_secs(2)).await;
    let names: Vec<_> = people.iter().map(|person| person.name).collect();
    for person in people.iter() {
        assert_eq!(person.accepted, each);
        for name in &names {
            if *name != person.name {
                let said: Vec<String> = (0..each).map(|n| format!("{name} {n}")).collect();
                assert_eq!(person.heard_of(name), said, "what {} heard", person.name);
            }
        }
        assert_eq!(person.ended, None);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_before_it_is_kept() {
    let world = World::new();
    let [one, two] = world.relays(0);
    let mut people = world
        .room_with(["ana", "ben", "cleo"], [&[&one], &[&one], &[&two]])
        .await;
    one.way.set_open(false);
    people[0].say(1);
    // Not to who is at the same relay either, and not to its author.
    pass(&mut people, Duration::from_millis(1_500)).await;
    assert!(people.iter().all(|p| p.heard.is_empty() && p.accepted == 0));
    one.way.set_open(true);
    until(&mut people[1..], |person| person.heard.len() == 1).await;
    until(&mut people[..1], |person| person.accepted == 1).await;
    assert!(people.iter().all(|person| person.resumed == 0));
}

#[tokio::test(start_paused = true)]
async fn whenever_the_owner_dies_everything_that_was_said_is_heard_once() {
    for killed_at in (0..200).step_by(5) {
        let world = World::new();
        let mut relays: [Relay; 3] = world.relays(15);
        if killed_at % 10 == 5 {
            // The owner came last.
            relays.reverse();
        }
        let [one, two, three] = relays;
        let all = [&one, &two, &three];
        let mut people = world
            .room_with(
                ["ana", "ben", "cleo"],
                [&all, &[&two, &three], &[&three, &two]],
            )
            .await;
        for round in 0..4 {
            people.iter_mut().for_each(|person| person.say(1));
            if round == 0 {
                pass(&mut people, Duration::from_millis(killed_at)).await;
                one.kill();
            }
            pass(&mut people, Duration::from_millis(20)).await;
        }
        all_is_heard(&mut people, 4).await;
        // Who was at the other relays has kept their connections.
        assert_eq!(people[0].resumed, 1);
        assert_eq!((people[1].resumed, people[2].resumed), (0, 0));
        assert_eq!(world.memory.rooms(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn whenever_an_edge_dies_its_people_go_on_elsewhere() {
    for killed_at in (0..200).step_by(20) {
        let world = World::new();
        let [one, two] = world.relays(15);
        let mut people = world
            .room_with(["ana", "ben"], [&[&one], &[&two, &one]])
            .await;
        people.iter_mut().for_each(|person| person.say(3));
        pass(&mut people, Duration::from_millis(killed_at)).await;
        two.kill();
        all_is_heard(&mut people, 3).await;
        assert_eq!((people[0].resumed, people[1].resumed), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_owner_said_is_heard_before_what_the_next_one_says() {
    for partitions in [1, 4, 4, 4] {
        a_dead_owner_is_heard_first(&World::in_partitions(partitions)).await;
    }
}

async fn a_dead_owner_is_heard_first(world: &World) {
    let [one, two] = world.relays(10);
    let mut people = world
        .room_with(["ana", "ben"], [&[&one, &two], &[&two]])
        .await;
    // It takes longer than to find out that it is dead, and to take its rooms over.
    let partition = world.partition_of(people[0].link.room_id());
    two.way.set_notes_late(partition, Duration::from_secs(6));
    people.iter_mut().for_each(|person| person.say(2));
    pass(&mut people, Duration::from_millis(200)).await;
    assert_eq!((people[0].accepted, people[1].accepted), (2, 0));
    one.kill();
    pass(&mut people, Duration::from_millis(4_500)).await;
    people.iter_mut().for_each(|person| person.say(1));
    all_is_heard(&mut people, 3).await;
    assert_eq!((people[0].resumed, people[1].resumed), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_dies_with_the_owner_and_does_not_come_back_is_gone_in_time() {
    let world = World::new();
    let [one, two, three] = world.relays(10);
    let [ana, _, cleo] = world
        .room_with(
            ["ana", "ben", "cleo"],
            [&[&one, &three], &[&two], &[&three]],
        )
        .await;
    one.kill();
    two.kill();
    let mut others = [ana, cleo];
    pass(&mut others, Duration::from_secs(20)).await;
    assert!(
        others
            .iter()
            .all(|person| person.client.participants().len() == 3)
    );
    pass(&mut others, Duration::from_secs(20)).await;
    assert!(
        others
            .iter()
            .all(|person| person.client.participants().len() == 2)
    );
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_gets_no_answer_lets_its_rooms_go_and_says_nothing_late() {
    let world = World::new();
    let [one, two] = world.relays(10);
    let mut people = world
        .room_with(["ana", "ben"], [&[&one, &two], &[&two]])
        .await;
    one.way.set_open(false);
    // Ana speaks to an owner that can't write.
    people.iter_mut().for_each(|person| person.say(2));
    pass(&mut people, Duration::from_millis(2_500)).await;
    assert_eq!((people[0].accepted, people[1].heard.len()), (0, 0));
    all_is_heard(&mut people, 2).await;
    assert_eq!((people[0].resumed, people[1].resumed), (1, 0));
    // What it had to say arrives now, and is nothing any more.
    one.way.set_open(true);
    people.iter_mut().for_each(|person| person.say(1));
    all_is_heard(&mut people, 3).await;
    assert_eq!((people[0].resumed, people[1].resumed), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_is_taken_for_dead_and_lives_comes_again() {
    let world = World::new();
    let one = world.relay(Duration::ZERO);
    let slow = world.relay(Duration::from_millis(5));
    // It has drawn its number, and enters only after one with a later number.
    sleep(Duration::from_millis(7)).await;
    slow.way.set_open(false);
    let quick = world.relay(Duration::ZERO);
    let (_, link) = world.room(&quick).await;
    let join = |name, at: &[&Relay]| world.person(name, &link, JoinOptions::default(), at);
    let mut people = [join("ana", &[&quick, &one]), join("ben", &[&slow])];
    // The first relay has heard of the quick one.
    pass(&mut people[..1], BEAT).await;
    slow.way.set_open(true);
    until(&mut people, |person| {
        person.client.participants().len() == 2
            && person.client.epoch().map(|(version, _)| version) == Some(2)
    })
    .await;
    // Before it hears of the slow one, it goes on with the room.
    quick.leave().await;
    pass(&mut people, Duration::from_secs(2)).await;
    assert!(people.iter().all(|person| person.resumed == 1));
    people.iter_mut().for_each(|person| person.say(2));
    all_is_heard(&mut people, 2).await;
}

#[tokio::test(start_paused = true)]
async fn relays_that_leave_in_turn_lose_nothing() {
    let world = World::new();
    let relays: [Relay; 5] = world.relays(10);
    let all: Vec<&Relay> = relays.iter().collect();
    let mut people = world.room_with(["ana", "ben"], [&all, &all]).await;
    let mut said = 0;
    for leaver in &relays[..4] {
        people.iter_mut().for_each(|person| person.say(2));
        said += 2;
        pass(&mut people, Duration::from_millis(7)).await;
        leaver.leave().await;
        all_is_heard(&mut people, said).await;
    }
    assert!(people.iter().all(|person| person.resumed >= 1));
}

#[tokio::test(start_paused = true)]
async fn countdowns_of_many_rooms_go_together_and_arrive_in_time() {
    let world = World::new();
    let [one, two] = world.relays(0);
    let mut everybody: Vec<Person> = Vec::new();
    for _ in 0..5 {
        let (_, link) = world.room(&one).await;
        for (name, relay) in [("ana", &one), ("ben", &two)] {
            everybody.push(world.person(name, &link, JoinOptions::default(), &[relay]));
        }
    }
    pass(&mut everybody, Duration::from_secs(60)).await;
    for pair in everybody.chunks(2) {
        let [ana, ben] = pair else { unreachable!() };
        let counts = [ana, ben].map(|person| person.countdowns.len());
        assert!(
            counts.iter().all(|count| (5..=6).contains(count)),
            "{counts:?}"
        );
        for (at, left) in &ben.countdowns {
            let of_ana = ana.countdowns.iter().find(|(_, same)| same == left);
            let later = of_ana.map(|(first, _)| *at - *first);
            assert!(later.is_none_or(|later| later <= Duration::from_millis(100)));
        }
    }
    world.memory.forget_notes();
    pass(&mut everybody, Duration::from_secs(10)).await;
    assert!(world.memory.notes() <= 2, "{}", world.memory.notes());
}

#[tokio::test(start_paused = true)]
async fn what_many_rooms_say_at_once_arrives_whole() {
    for partitions in [1, 4] {
        many_rooms_speak_at_once(&World::in_partitions(partitions)).await;
    }
}

async fn many_rooms_speak_at_once(world: &World) {
    let [one, two] = world.relays(0);
    let mut everybody: Vec<Person> = Vec::new();
    for _ in 0..ROOMS {
        everybody.extend(world.room_with(["ana", "ben"], [&[&one], &[&two]]).await);
    }
    // All that is said waits, and goes out in one batch: more notes than a worker takes in one go.
    one.way.set_open(false);
    everybody.iter_mut().step_by(2).for_each(|ana| ana.say(1));
    pass(&mut everybody, Duration::from_secs(1)).await;
    assert!(everybody.iter().all(|person| person.heard.is_empty()));
    one.way.set_open(true);
    pass(&mut everybody, Duration::from_secs(2)).await;
    for pair in everybody.chunks(2) {
        assert_eq!((pair[0].accepted, pair[1].heard.len()), (1, 1));
    }
    assert!(everybody.iter().all(|person| person.connections == 1));
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_the_room_burns_does_not_bring_it_back() {
    let world = World::new();
    let [one, two] = world.relays(5);
    let mut people = world
        .room_with(["ana", "ben", "cleo"], [&[&one], &[&two], &[&one]])
        .await;
    // Both wait for the owner, and are looked at in one go.
    let now = world.clock.now();
    people[0].client.burn(now, &mut rng()).unwrap();
    people[0].carry_out().await;
    let (outbox, mut outgoings, _cut) = channel(Capacity::of(&Config::default()));
    let comes = Request::Connect {
        connection: ConnectionId(CONNECTIONS.fetch_add(1, Ordering::Relaxed)),
        peer: next_peer(),
        room: people[0].link.room_id(),
        outbox,
        flow: Flow::default(),
    };
    one.requests.send(Box::new(comes)).await.unwrap();
    until(&mut people, |person| person.ended.is_some()).await;
    for person in &people {
        assert_eq!(person.ended, Some(EndReason::Burned(BurnKind::Asked)));
    }
    assert_eq!(world.memory.rooms(), 0);
    // It has not shown anything yet, and is not told that there was a room.
    assert!(outgoings.next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn when_the_memory_forgets_everything_every_room_is_over() {
    let world = World::new();
    let [one, two] = world.relays(10);
    let mut people = world
        .room_with(["ana", "ben"], [&[&one, &two], &[&two, &one]])
        .await;
    world.memory.forget_everything();
    until(&mut people, |person| person.ended.is_some()).await;
    assert_eq!(world.memory.rooms(), 0);
    // And they find their way back by themselves.
    world.room_with(["cleo", "dan"], [&[&one], &[&two]]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_a_room_is_answered_wherever_it_is_asked() {
    let world = World::new();
    let [one, two, three] = world.relays(10);
    let mut people = world.room_with(["ana", "ben"], [&[&one], &[&two]]).await;
    let room = people[0].link.room_id();
    let ticket = Secret::copy_of(people[0].link.ticket().as_secret().as_bytes());
    for relay in [&one, &two, &three] {
        let info = ask(relay, |reply| Request::Info {
            room,
            ticket: Secret::copy_of(ticket.as_bytes()),
            reply,
        });
        assert_eq!(info.await.unwrap().participants, 2);
    }
    // The owner dies with a question on its way: another answers it.
    one.way.set_open(false);
    let (reply, answer) = oneshot::channel();
    let asked = Request::Info {
        room,
        ticket,
        reply,
    };
    three.requests.send(Box::new(asked)).await.unwrap();
    pass(&mut people[1..], Duration::from_millis(300)).await;
    one.kill();
    pass(&mut people[1..], Duration::from_secs(5)).await;
    let info = answer.now_or_never().expect("an answer").unwrap();
    assert_eq!(info.unwrap().participants, 2);
}

/// Deaths, naps and leaves in any order, at any time.
#[tokio::test(start_paused = true)]
async fn whatever_befalls_the_relays_everything_is_heard_once() {
    for seed in 0..60_u64 {
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut roll = |sides: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice % sides
        };
        let world = World::in_partitions(if seed % 2 == 0 { 1 } else { 4 });
        let delay = roll(40);
        let mut relays: Vec<Relay> = world.relays::<3>(delay).into();
        let all: Vec<&Relay> = relays.iter().collect();
        let mut people = world
            .room_with(
                ["ana", "ben", "cleo"],
                [&all, &[all[1], all[2]], &[all[2], all[0]]],
            )
            .await;
        let mut said = 0;
        for _ in 0..4 {
            let count = 1 + roll(3) as usize;
            people.iter_mut().for_each(|person| person.say(count));
            said += count;
            pass(&mut people, Duration::from_millis(roll(120))).await;
            let newcomer = world.relay(Duration::from_millis(delay));
            for person in &mut people {
                person.relays.push(newcomer.requests.clone());
            }
            relays.push(newcomer);
            let victim = relays.remove(roll(relays.len() as u64 - 1) as usize);
            match roll(3) {
                0 => victim.kill(),
                1 => victim.leave().await,
                _ => {
                    victim.way.set_open(false);
                    pass(&mut people, Duration::from_millis(roll(9_000))).await;
                    victim.way.set_open(true);
                    relays.push(victim);
                }
            }
            pass(&mut people, Duration::from_millis(roll(6_000))).await;
        }
        all_is_heard(&mut people, said).await;
    }
}
