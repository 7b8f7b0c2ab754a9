//! Rooms from beginning to end: a relay and several `burnchat --json`, all in processes of their own.

use serde_json::json;

use crate::harness::{Network, Person, Relay, link};

#[tokio::test]
async fn two_people_meet_talk_and_burn_the_room() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    let came = ana.event("participant_joined").await;
    assert_eq!(came["name"], "Ben");
    let theirs = ana.event("verification").await;
    let epoch = ana.event("keyed").await["epoch"].clone();
    assert_eq!(ben.event("keyed").await["epoch"], epoch);

    ana.say("hello Ben").await;
    ana.event("accepted").await;
    assert_eq!(ben.hears().await, "hello Ben");
    ben.say("hello Ana").await;
    assert_eq!(ana.hears().await, "hello Ana");
    ben.tell(json!({ "cmd": "verify" })).await;
    assert_eq!(ben.event("verification").await["number"], theirs["number"]);
    ben.tell(json!({ "cmd": "who" })).await;
    let participants = ben.event("participants").await["participants"].clone();
    assert_eq!(participants.as_array().unwrap().len(), 2);
    assert_eq!(participants[0]["role"], "creator");
    assert_eq!(participants[1]["me"], true);

    ana.tell(json!({ "cmd": "burn" })).await;
    for mut person in [ana, ben] {
        assert_eq!(person.event("burned").await["reason"], "burned");
        assert_eq!(person.exit().await, 0);
    }
    let mut late = Person::run(&["join", link(&created)]);
    assert_eq!(late.event("error").await["name"], "room_not_found");
    assert_eq!(late.event("ended").await["reason"], "refused");
    assert_eq!(late.exit().await, 4);
}

#[tokio::test]
async fn at_zero_the_room_burns() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "30s", &["--extend", "0s"]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    ben.event_that("countdown", |count| count["seconds_remaining"] == 1)
        .await;
    for person in [&mut ana, &mut ben] {
        assert_eq!(person.event("burned").await["reason"], "expired");
    }
    assert_eq!(ana.exit().await, 0);
    assert_eq!(ben.exit().await, 0);
}

#[tokio::test]
async fn who_comes_late_reads_what_is_said_from_then_on() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    ana.event("keyed").await;
    ana.say("before").await;
    assert_eq!(ben.hears().await, "before");
    let mut cem = Person::join(link(&created), "Cem").await;
    ben.knows("Cem").await;
    ben.say("after").await;
    assert_eq!(cem.hears().await, "after");
}

#[tokio::test]
async fn in_a_room_with_history_who_comes_late_reads_it_all() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &["--history"]).await;
    ana.event("keyed").await;
    ana.say("before anybody came").await;
    ana.event("accepted").await;
    let mut ben = Person::join(link(&created), "Ben").await;
    let message = ben.event("message").await;
    assert_eq!(message["text"], "before anybody came");
    assert_eq!(message["history"], true);
    assert_eq!(ben.event("history_read").await["complete"], true);
}

#[tokio::test]
async fn who_is_kicked_does_not_come_back_by_the_old_link() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    let ben_came = ana.event("participant_joined").await;
    let mut cem = Person::join(link(&created), "Cem").await;
    cem.event("keyed").await;

    ana.tell(json!({ "cmd": "kick", "id": ben_came["id"] }))
        .await;
    assert_eq!(ben.event("error").await["code"], 206);
    assert_eq!(ben.event("ended").await["reason"], "kicked");
    assert_eq!(ben.exit().await, 5);
    assert_eq!(cem.event("participant_left").await["reason"], "kicked");

    let mut again = Person::run(&["join", link(&created)]);
    assert_eq!(again.event("error").await["name"], "link_expired");
    assert_eq!(again.exit().await, 4);
    // The new link has reached everybody who is left, end to end.
    let new = cem.event("link_changed").await;
    assert_ne!(new["link"], created["link"]);
    let mut dua = Person::join(link(&new), "Dua").await;
    ana.knows("Dua").await;
    ana.say("only us").await;
    assert_eq!(dua.hears().await, "only us");
}

#[tokio::test]
async fn a_locked_room_lets_nobody_in_until_it_is_opened() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    ana.tell(json!({ "cmd": "lock", "locked": true })).await;
    assert_eq!(ana.event("locked").await["locked"], true);
    let mut ben = Person::run(&["join", link(&created)]);
    assert_eq!(ben.event("error").await["name"], "room_locked");
    assert_eq!(ben.exit().await, 4);
    ana.tell(json!({ "cmd": "lock", "locked": false })).await;
    assert_eq!(ana.event("locked").await["locked"], false);
    Person::join(link(&created), "Ben").await;
}

#[tokio::test]
async fn a_room_can_be_extended_up_to_the_end_in_its_link() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "1m", &["--extend", "5m"]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    ana.tell(json!({ "cmd": "extend", "seconds": 120 })).await;
    let seconds = ben.event("extended").await["seconds_remaining"].clone();
    assert!(
        (121..=180).contains(&seconds.as_u64().unwrap()),
        "{seconds}"
    );
    // An extension names the last one its sender has seen.
    ana.event_that("extended", |extended| {
        extended["seconds_remaining"] == seconds
    })
    .await;
    ana.tell(json!({ "cmd": "extend", "seconds": 1_800 })).await;
    ana.event_that("extended", |extended| {
        extended["seconds_remaining"] != seconds
    })
    .await;
    ana.tell(json!({ "cmd": "extend", "seconds": 1_800 })).await;
    assert_eq!(ana.event("error").await["name"], "past_not_after");
    ben.tell(json!({ "cmd": "extend", "seconds": 60 })).await;
    let refused = ben.event("error").await;
    assert_eq!(
        (&refused["name"], &refused["cmd"]),
        (&json!("not_creator"), &json!("extend"))
    );
}

#[tokio::test]
async fn the_pin_makes_a_creator_and_a_wrong_one_says_how_many_tries_are_left() {
    let relay = Relay::start().await;
    let (_ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut wrong = Person::run(&["join", link(&created), "--pin", "000000"]);
    let refused = wrong.event("error").await;
    assert_eq!(refused["name"], "wrong_pin");
    assert_eq!(refused["attempts_left"], 2);
    assert_eq!(wrong.exit().await, 4);
    let pin = created["pin"].as_str().unwrap().to_lowercase();
    let mut right = Person::run(&["join", link(&created), "--pin", &pin]);
    assert_eq!(right.event("joined").await["role"], "creator");
}

#[tokio::test]
async fn what_is_written_while_the_network_is_down_arrives_when_it_is_up() {
    let relay = Relay::start().await;
    let network = Network::to(&relay).await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::join(&link(&created).replace(&relay.url, &network.url), "Ben").await;
    ben.event("keyed").await;

    network.cut();
    ben.event("reconnecting").await;
    ben.say("into the void").await;
    ben.event("message").await;
    ana.say("are you there?").await;
    ana.event("accepted").await;
    network.mend();
    // What was missed comes before the resume is over, what was written after it.
    assert_eq!(ben.hears().await, "are you there?");
    ben.event("resumed").await;
    ben.event("accepted").await;
    assert_eq!(ana.hears().await, "into the void");
}

#[tokio::test]
async fn the_room_goes_on_without_its_creator() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    let mut cem = Person::join(link(&created), "Cem").await;
    cem.event("keyed").await;
    ana.hang_up();
    assert_eq!(ana.event("ended").await["reason"], "left");
    assert_eq!(ana.exit().await, 0);
    assert_eq!(ben.event("participant_left").await["reason"], "left");
    ben.say("just us").await;
    assert_eq!(cem.hears().await, "just us");
}

#[cfg(unix)]
#[tokio::test]
async fn a_relay_that_is_shut_down_burns_its_rooms() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    relay.terminate().await;
    for person in [&mut ana, &mut ben] {
        assert_eq!(person.event("burned").await["reason"], "shutdown");
    }
    assert_eq!(ana.exit().await, 0);
    assert_eq!(ben.exit().await, 0);
}

#[tokio::test]
async fn a_message_can_burn_before_the_room() {
    let relay = Relay::start().await;
    let (mut ana, created) = Person::create(&relay.url, "10m", &[]).await;
    let mut ben = Person::join(link(&created), "Ben").await;
    ana.event("keyed").await;
    ana.tell(json!({ "cmd": "send", "text": "look", "burn_after_ms": 100 }))
        .await;
    let message = ben.event("message").await;
    assert_eq!(message["burn_after_ms"], 100);
    ben.tell(json!({ "cmd": "read", "author": message["from"], "id": message["id"] }))
        .await;
    assert_eq!(ben.event("message_burned").await["id"], message["id"]);
    ana.event("read").await;
}
