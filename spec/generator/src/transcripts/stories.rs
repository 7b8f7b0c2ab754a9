//! What happens in the rooms.

use burnchat_core::client::RoomSettings;

use super::world::World;
use crate::Made;

/// All transcripts.
pub(crate) fn files() -> Vec<Made> {
    [
        talk as fn() -> (&'static str, &'static str, World),
        late_join,
        kick_and_new_ticket,
        take_over,
        resume,
        history,
        hold,
        gap,
        alone,
        burn,
    ]
    .into_iter()
    .map(|story| {
        let (name, description, world) = story();
        let text = world.finish().into_json(description).to_text();
        (format!("transcripts/{name}.json"), text)
    })
    .collect()
}

type Story = (&'static str, &'static str, World);

fn room(story: &str) -> World {
    World::new(story, RoomSettings::default())
}

fn talk() -> Story {
    let mut world = World::new(
        "talk",
        RoomSettings {
            ttl_seconds: 30,
            ..RoomSettings::default()
        },
    );
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.follow("cleo");
    world.run(1_000);
    world.say(ana, "hello, you two");
    world.act(ben, |client, now, rng| client.set_typing(now, true, rng));
    world.run(50);
    world.say(ben, "hello ana 🔥");
    world.say_to_burn(
        ana,
        "this one burns ten seconds after you have read it",
        10_000,
    );
    world.say(ben, "and this one with the room");
    world.run(40_000);
    (
        "talk",
        "Two people talk, a third listens, and at zero the room is gone.",
        world,
    )
}

fn late_join() -> Story {
    let mut world = room("late join");
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.say(ana, "before cleo");
    world.follow("cleo");
    world.say(ben, "cleo is here, and has no key yet");
    world.run(1_000);
    world.say(ben, "now she has");
    world.come("ana");
    world.run(1_000);
    world.say(ana, "there are two of my name");
    (
        "late-join",
        "Somebody joins when others have talked: what was said before stays closed, what is said before the key comes \
         counts and cannot be read. Then one joins whose name is taken, and an epoch goes on beside the next.",
        world,
    )
}

fn kick_and_new_ticket() -> Story {
    let mut world = room("kick");
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.follow("cleo");
    world.run(1_000);
    world.say(ben, "I will behave");
    let id = world.id(ben);
    world.act(ana, |client, now, rng| client.kick(now, id, true, rng));
    world.run(1_000);
    world.say(ana, "he is gone, and his link is dead");
    world.act(ana, |client, now, rng| client.renew(now, rng));
    world.run(1_000);
    (
        "kick-and-new-ticket",
        "The creator removes somebody. A new key, a new ticket, and the ticket on its way to those who stay; then \
         another ticket without a kick.",
        world,
    )
}

fn take_over() -> Story {
    let mut world = room("take over");
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.follow("cleo");
    world.run(1_000);
    world.people[ana].mute = true;
    let dora = world.join("dora");
    world.run(3_000);
    world.say(ben, "I made this key, as ana did not");
    world.leave(dora);
    world.run(3_000);
    world.say(ben, "and the next one");
    (
        "take-over",
        "The one who is asked for a key stays silent, and the next one makes it: twice, after a join and after a \
         departure.",
        world,
    )
}

fn resume() -> Story {
    let mut world = room("resume");
    let ana = world.join("ana");
    let ben = world.join("ben");
    let cleo = world.follow("cleo");
    world.run(1_000);
    world.say(ana, "one");
    world.lose(cleo);
    world.say(ana, "two");
    world.join("dora");
    world.say(ben, "three");
    world.restore(cleo);
    world.say(ana, "four");
    (
        "resume",
        "A connection breaks and comes back: what was missed is sent again, a key among it, and nothing is lost.",
        world,
    )
}

fn history() -> Story {
    let settings = RoomSettings {
        history: true,
        ..RoomSettings::default()
    };
    let mut world = World::new("history", settings);
    let ana = world.join("ana");
    world.say(ana, "a note to whoever comes");
    let ben = world.join("ben");
    world.say(ben, "I came");
    world.say(ana, "good");
    world.join("dora");
    world.say(ben, "welcome, dora");
    world.leave(ben);
    world.say(ana, "ben has left");
    world.follow("cleo");
    world.say(ana, "a message cleo waits with");
    world.run(1_000);
    world.say(ana, "cleo can read all of it");
    (
        "history",
        "A room that keeps its history: a newcomer replays the rosters, walks back from key to key, and reads what was \
         said, by one who has left too.",
        world,
    )
}

fn hold() -> Story {
    let mut world = room("hold");
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.follow("cleo");
    world.run(1_000);
    let dora = world.join("dora");
    world.say(dora, "I have to go");
    // Nobody makes a key at once, so that there is a hold to see.
    world.people[ana].mute = true;
    world.leave_now(dora);
    world.act(ben, |client, now, rng| {
        client
            .send_text(now, "written before I knew that she left", 0, rng)
            .map(|_| ())
    });
    world.run(500);
    world.say(ben, "written in the hold");
    world.run(3_000);
    world.say(ana, "and after it");
    (
        "hold",
        "Somebody leaves while another writes: what was under way is refused by the relay, waits for the key without \
         the one who left, and comes once, with the id it had.",
        world,
    )
}

fn gap() -> Story {
    let mut world = room("gap");
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.follow("cleo");
    world.run(1_000);
    world.say(ana, "one");
    world.say(ben, "first");
    world.withhold_next_message();
    world.say(ana, "two, which cleo never sees");
    world.say(ben, "second");
    world.say(ana, "three");
    (
        "gap",
        "The relay keeps an envelope back and numbers on as if nothing were: its sender's next one tells.",
        world,
    )
}

fn alone() -> Story {
    let mut world = room("alone");
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.follow("cleo");
    world.run(1_000);
    world.say(ana, "good bye");
    world.lose(ben);
    world.run(35_000);
    world.leave(ana);
    world.run(5_000);
    (
        "alone",
        "One is away for too long, the other leaves: who is alone holds no key.",
        world,
    )
}

fn burn() -> Story {
    let mut world = room("burn");
    let ana = world.join("ana");
    let ben = world.join("ben");
    world.follow("cleo");
    world.run(1_000);
    world.act(ana, |client, now, rng| client.lock(now, true, rng));
    world.run(100);
    world.act(ana, |client, now, rng| client.extend(now, 60, rng));
    world.run(100);
    world.act(ana, |client, now, rng| client.lock(now, false, rng));
    world.run(100);
    world.say(ben, "that is all");
    world.act(ana, |client, now, rng| client.burn(now, rng));
    world.run(1_000);
    (
        "burn",
        "The creator locks the room, extends it, opens it again, and burns it.",
        world,
    )
}
