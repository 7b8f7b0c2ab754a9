//! What remains of a room in the memory of the program: after its burn nothing, and after a message nothing that opens it.
//!
//! *Searched*: all memory of the process `burnchat --json` that can be read, at its last moment: everything has been said,
//! and the system call with which it ends is held up. Heap, freed memory, the stacks of the main thread and of threads that
//! have ended, the program's arguments and its environment. The relay's memory too, for what it never may have.
//!
//! *Looked for*: texts (one's own and others'), names, the PIN, the link, the ticket, the seat token, and the keys as far
//! as another member can know them, which is all but the private keys: the link's keys, ECDH secrets, keys of pairs,
//! key-encryption keys, session keys, chains, message keys. The other member is the test: it makes the keys of the room,
//! and what it does not make it derives. While the room lives each kind that is kept is found.
//!
//! *Not looked for*: the program's own private keys, which nobody else can know (the core's `burned.rs` looks for them),
//! ids and ciphertexts, and what pipes, terminals and the kernel hold.
//!
//! Only root may look (the program forbids it to its own user).

use std::fs::read_to_string;

use burnchat_client::burnchat_core::crypto::Secret;
use burnchat_client::{Link, ParticipantId, RoomSettings, create_room};
use burnchat_remains::{Marks, Remains, search};
use serde_json::{Value, json};

use crate::harness::{Network, Person, Relay, burnchat, held_at_its_end, in_time, installed};
use crate::tess::Tess;

const HERS: &str = "Tess of the nine willows";
const HIS: &str = "Ben who has no umbrella";
const SAID: [&str; 4] = [
    "the marzipan is under the third bridge",
    "bring the periwinkle lantern at seven",
    "nobody but the heron has seen it",
    "held back while the line was down",
];

/// How he was told the link, the PIN and his name.
enum Told {
    Arguments,
    Environment,
    StandardInput,
}

struct Life {
    relay: Relay,
    network: Network,
    tess: Tess,
    ben: Person,
    ben_id: ParticipantId,
    link: Link,
    marks: Marks,
}

impl Life {
    /// Two have talked, and one was away for a moment.
    async fn live(told: &Told, history: bool) -> Self {
        let relay = Relay::start().await;
        let network = Network::to(&relay).await;
        let settings = RoomSettings {
            history,
            ..RoomSettings::default()
        };
        let created = create_room(&network.url, settings).await.unwrap();
        let url = created.link.to_url();
        let link = Link::parse(&url).unwrap();
        let mut marks = Marks::new();
        marks.add("a name", HERS.as_bytes());
        marks.add("a name", HIS.as_bytes());
        marks.add("a PIN", created.pin.as_bytes());
        marks.add("a link", url.split_once('#').unwrap().1.as_bytes());
        marks.add("a ticket", link.ticket().as_secret().as_bytes());
        SAID.iter()
            .for_each(|text| marks.add("a text", text.as_bytes()));

        let mut command = held_at_its_end();
        let name = format!("--name={HIS}");
        match told {
            Told::Arguments => {
                let pin = format!("--pin={}", created.pin.as_str());
                command.args(["--json", "join", &url, &pin, &name]);
            }
            Told::Environment => {
                command.args(["join", "--json", &name]);
                command.env("BURNCHAT_LINK", url.as_str());
                command.env("BURNCHAT_PIN", created.pin.as_str());
            }
            Told::StandardInput => {
                command.args(["--json", "join", "-", &name]);
            }
        }
        let relay_url = relay.url.clone();
        let mut tess = Tess::join(&relay_url, created, HERS).await;
        let mut ben = Person::of(command);
        if let Told::StandardInput = told {
            ben.tell_line(&url).await;
        }
        let joined = ben.event("joined").await;
        let ben_id = ParticipantId::from_base64(joined["id"].as_str().unwrap()).unwrap();
        tess.knows(1).await;
        ben.event("keyed").await;
        ben.say(SAID[0]).await;
        tess.hears().await;
        ben.event("accepted").await;
        tess.say(SAID[1]).await;
        assert_eq!(ben.hears().await, SAID[1]);
        network.cut();
        ben.event("reconnecting").await;
        network.mend();
        ben.event("resumed").await;
        tess.say(SAID[2]).await;
        assert_eq!(ben.hears().await, SAID[2]);
        ben.tell(json!({ "cmd": "who" })).await;
        ben.event("participants").await;
        ben.tell(json!({ "cmd": "link" })).await;
        ben.event("link").await;
        Self {
            relay,
            network,
            tess,
            ben,
            ben_id,
            link,
            marks,
        }
    }

    /// Adds all that follows from what is known.
    fn derive(&mut self) {
        self.tess
            .known
            .marks(&self.tess.rng, &self.link, &mut self.marks);
        for token in self.network.seat_tokens() {
            self.marks.add("a seat token", token.as_bytes());
            let quoted = Value::String(token);
            let token: Secret<32> = serde_json::from_value(quoted).unwrap();
            self.marks.add("a seat token", token.as_bytes());
        }
    }

    fn look(&mut self, when: &str) -> Remains {
        let remains = search(&self.ben.id().to_string(), &mut self.marks).unwrap();
        println!("{when}: {remains}");
        remains
    }
}

/// What a living room keeps in the program, each in at least one place.
const KEPT: [&str; 7] = [
    "a chain",
    "a key of the link",
    "a name",
    "a pair's key",
    "a seat token",
    "a text",
    "a ticket",
];

async fn nothing_is_left(told: Told, history: bool) {
    if !can_look() {
        return;
    }
    let mut life = Life::live(&told, history).await;
    life.derive();
    // Something is held while the line is down.
    life.network.cut();
    life.ben.event("reconnecting").await;
    life.ben.say(SAID[3]).await;
    life.ben
        .event_that("message", |message| message["mine"] == true)
        .await;
    let before = life.look("before");
    for what in KEPT {
        assert_ne!(
            before.count(what),
            0,
            "{what} is not found while the room lives"
        );
    }
    life.network.mend();
    life.ben.event("resumed").await;
    life.tess.hears().await;

    life.tess.burn().await;
    assert_eq!(life.ben.event("burned").await["reason"], "burned");
    until_it_ends(life.ben.id()).await;
    let after = life.look("after");
    assert!(after.is_empty(), "left: {after}");
}

#[tokio::test]
async fn nothing_is_left_of_a_room_told_by_arguments() {
    nothing_is_left(Told::Arguments, false).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_room_told_by_the_environment() {
    nothing_is_left(Told::Environment, true).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_room_told_by_standard_input() {
    nothing_is_left(Told::StandardInput, false).await;
}

/// An image of the process taken after a message, his or hers, does not contain what opens it, and none of those before.
#[tokio::test]
async fn after_a_message_nothing_in_memory_opens_it() {
    if !can_look() {
        return;
    }
    let life = Life::live(&Told::StandardInput, false).await;
    let (tess, rng) = (&life.tess.known, &life.tess.rng);
    // He has said one thing in this epoch, she two.
    let mut gone = Marks::new();
    let mut there = Marks::new();
    for (sender, said) in [(life.ben_id, 1), (life.tess.id(), 2)] {
        tess.chain_of(rng, &sender, |n, chain, key| {
            if n < said {
                gone.add("a passed chain", chain.as_bytes());
                gone.add("a used message key", key.as_bytes());
            } else if n == said {
                there.add("the chain as it stands", chain.as_bytes());
            }
        });
    }
    tess.mark_newest_session_key(rng, &mut gone);
    for text in &SAID[..3] {
        gone.add("a text", text.as_bytes());
    }
    let pid = life.ben.id().to_string();
    let control = search(&pid, &mut there).unwrap();
    println!("{control}");
    // Of each of the two chains its beginning, middle and end.
    assert_eq!(control.count("the chain as it stands"), 6, "{control}");
    let remains = search(&pid, &mut gone).unwrap();
    println!("{remains}");
    assert!(remains.is_empty(), "{remains}");
}

/// What the relay never has, while the room lives or later.
#[tokio::test]
async fn no_text_no_name_and_no_key_is_ever_in_the_relays_memory() {
    if !can_look() {
        return;
    }
    let mut life = Life::live(&Told::Arguments, true).await;
    let mut never = Marks::new();
    life.tess
        .known
        .marks(&life.tess.rng, &life.link, &mut never);
    never.add("a name", HERS.as_bytes());
    never.add("a name", HIS.as_bytes());
    SAID.iter()
        .for_each(|text| never.add("a text", text.as_bytes()));
    let relay = life.relay.id().to_string();
    // That it would be found: the room's id is, which is the relay's to know.
    let mut may = Marks::new();
    may.add("a room id", life.link.room_id().as_bytes());
    assert!(!search(&relay, &mut may).unwrap().is_empty());
    let remains = search(&relay, &mut never).unwrap();
    println!("{remains}");
    assert!(remains.is_empty(), "{remains}");
    life.tess.burn().await;
    let remains = search(&relay, &mut never).unwrap();
    assert!(remains.is_empty(), "{remains}");
}

/// Whoever was told a secret where others can read it does not leave it there.
#[tokio::test]
async fn a_link_a_pin_and_a_name_do_not_stay_in_the_list_of_processes() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut command = burnchat();
    command.args(["--json", "join"]);
    command.env("BURNCHAT_LINK", created["link"].as_str().unwrap());
    command.env("BURNCHAT_PIN", created["pin"].as_str().unwrap());
    let mut ben = Person::of(command);
    assert_eq!(ben.event("joined").await["role"], "creator");
    for (person, told) in [
        (&mut ana, "Ana"),
        (&mut ben, created["pin"].as_str().unwrap()),
    ] {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let read = |file| read_to_string(format!("/proc/{}/{file}", person.id())).unwrap();
        assert!(!read("cmdline").contains(told));
        assert!(!read("environ").contains(told));
        assert!(!read("environ").contains("BURNCHAT_LINK"));
    }
}

fn can_look() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root may look into the program's memory");
    }
    is_root && installed("strace")
}

/// Waits until the process has asked the system to end it, and is held there.
async fn until_it_ends(pid: u32) {
    let asked = || {
        let call = read_to_string(format!("/proc/{pid}/syscall")).unwrap();
        call.split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            == Some(EXIT_GROUP)
    };
    in_time(async {
        while !asked() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Its number on this machine.
const EXIT_GROUP: u32 = if cfg!(target_arch = "x86_64") {
    231
} else {
    94
};
