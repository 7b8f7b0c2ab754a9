//! The machines can be bound from other languages: owned types that may cross threads, functions of plain values, events
//! with numbers that never change. What makes this file fail to compile, or a test in it fail, breaks every binding.

use burnchat_core::client::{
    BurnKind, Client, EndReason, Event, JoinOptions, Message, Output, Participant, Refusal,
    RoomSettings, Status, Unreadable, plan_room,
};
use burnchat_core::crypto::{Name, ReadMessage, Secret, Text, VerificationCode};
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::{EpochId, MessageId, ParticipantId, RoomId};
use burnchat_core::link::Link;
use burnchat_core::relay::{
    ConnectionId, Disconnect, Hub, Limits, Output as HubOutput, PeerKey, Refusal as HubRefusal,
    Stats,
};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::{CreateRoom, RoomCreated, RoomInfo};
use burnchat_core::wire::{Departure, EncodedFrame, Role, WhoMayBurn};
use rand_chacha::ChaCha20Rng as Rng;

/// Nothing in it is borrowed, and a handle to it may move to another thread.
const fn owned<T: Send + 'static>() {}

#[test]
fn what_crosses_the_border_is_owned() {
    owned::<Client>();
    owned::<Hub>();
    owned::<Output>();
    owned::<Event>();
    owned::<HubOutput>();
    owned::<EncodedFrame>();
    owned::<JoinOptions>();
    owned::<RoomSettings>();
    owned::<Link>();
    owned::<Limits>();
    owned::<Stats>();
    owned::<Participant>();
    owned::<VerificationCode>();
    owned::<Status>();
    owned::<Error>();
    owned::<Refusal>();
    owned::<HubRefusal>();
}

/// Each assignment compiles as long as the function takes and gives what it says here, whatever the generator is.
#[test]
fn a_clients_functions_take_and_give_plain_values() {
    type Done = Result<(), Error>;
    type Planned = Result<(CreateRoom, Link), Error>;
    let _: fn(&str, RoomSettings, Timestamp, &mut Rng) -> Planned =
        |base, settings, now, rng| plan_room(base, settings, now, rng);
    let _: fn(Link, JoinOptions, &mut Rng) -> Client = |a, b, rng| Client::new(a, b, rng);
    let _: fn(&mut Client, Timestamp, &mut Rng) -> Done =
        |c, now, rng| c.handle_connected(now, rng);
    let _: fn(&mut Client, Timestamp) = Client::handle_disconnected;
    let _: fn(&mut Client, Timestamp, &[u8], &mut Rng) -> Done =
        |c, now, frame, rng| c.handle_frame(now, frame, rng);
    let _: fn(&mut Client, Timestamp, &mut Rng) = |c, now, rng| c.handle_timeout(now, rng);
    let _: fn(&mut Client, Timestamp, &str, u32, &mut Rng) -> Result<MessageId, Error> =
        |c, now, text, burn, rng| c.send_text(now, text, burn, rng);
    let _: fn(&mut Client, Timestamp, bool, &mut Rng) -> Done =
        |c, now, typing, rng| c.set_typing(now, typing, rng);
    let _: fn(&mut Client, Timestamp, &[ReadMessage], &mut Rng) -> Done =
        |c, now, read, rng| c.mark_read(now, read, rng);
    let _: fn(&mut Client, Timestamp, ParticipantId, bool, &mut Rng) -> Done =
        |c, now, id, renew, rng| c.kick(now, id, renew, rng);
    let _: fn(&mut Client, Timestamp, bool, &mut Rng) -> Done =
        |c, now, locked, rng| c.lock(now, locked, rng);
    let _: fn(&mut Client, Timestamp, u64, &mut Rng) -> Done =
        |c, now, seconds, rng| c.extend(now, seconds, rng);
    let _: fn(&mut Client, Timestamp, &mut Rng) -> Done = |c, now, rng| c.renew(now, rng);
    let _: fn(&mut Client, Timestamp, &mut Rng) -> Done = |c, now, rng| c.burn(now, rng);
    let _: fn(&mut Client, Timestamp) = Client::leave;
    let _: fn(&mut Client) -> Option<Output> = Client::poll_output;
    let _: fn(&Client) -> Option<Timestamp> = Client::poll_timeout;
    let _: fn(&Client) -> Status = Client::status;
    let _: fn(&Client) -> Vec<Participant> = Client::participants;
    let _: fn(&Client) -> Option<VerificationCode> = Client::verification;
    let _: fn(&Client) -> Option<ParticipantId> = Client::id;
    let _: fn(&Client) -> Option<(u64, EpochId)> = Client::epoch;
}

#[test]
fn a_hubs_functions_take_and_give_plain_values() {
    type Answer<T> = Result<T, HubRefusal>;
    let _: fn(Limits, &mut Rng) -> Hub = |limits, rng| Hub::new(limits, rng);
    let _: fn(&mut Hub, Timestamp, PeerKey, &CreateRoom, &mut Rng) -> Answer<RoomCreated> =
        |hub, now, peer, request, rng| hub.handle_create(now, peer, request, rng);
    let _: fn(&mut Hub, Timestamp, RoomId, &Secret<16>) -> Answer<RoomInfo> = Hub::handle_info;
    let _: fn(&mut Hub, Timestamp, RoomId, &Secret<32>) -> Answer<()> = Hub::handle_burn;
    let _: fn(&mut Hub, Timestamp, RoomId, &Secret<32>) -> Answer<()> = Hub::handle_leave;
    let _: fn(&mut Hub, Timestamp, RoomId) -> bool = Hub::handle_take_down;
    let _: fn(&mut Hub, Timestamp, ConnectionId, PeerKey, RoomId) = Hub::handle_connect;
    let _: fn(&mut Hub, Timestamp, ConnectionId, &[u8], &mut Rng) =
        |hub, now, id, frame, rng| hub.handle_frame(now, id, frame, rng);
    let _: fn(&mut Hub, Timestamp, ConnectionId, Disconnect) = Hub::handle_disconnect;
    let _: fn(&mut Hub, Timestamp) = Hub::handle_timeout;
    let _: fn(&mut Hub, Timestamp) = Hub::handle_shutdown;
    let _: fn(&mut Hub) -> Option<HubOutput> = Hub::poll_output;
    let _: fn(&Hub) -> Option<Timestamp> = Hub::poll_timeout;
}

/// The numbers that are out in the world: this list grows at its end, and nothing else in it changes.
#[test]
fn numbers_of_events_never_change() {
    let id = MessageId([1; 16]);
    let who = ParticipantId([2; 16]);
    let text = || Text::new("text").unwrap();
    let ana = || Participant {
        id: who,
        name: Some(Name::new("ana").unwrap()),
        number: 1,
        role: Role::Creator,
        name_clash: false,
        me: false,
    };
    let refusal = Refusal {
        code: Code::RateLimited,
        retry_after_ms: None,
        attempts_left: None,
    };
    let events = [
        Event::Joined {
            id: who,
            role: Role::Member,
        },
        Event::Keyed {
            epoch: EpochId::NONE,
            version: 1,
        },
        Event::RekeyStalled,
        Event::ParticipantJoined(ana()),
        Event::ParticipantLeft {
            participant: ana(),
            reason: Some(Departure::Left),
        },
        Event::VerificationChanged,
        Event::Message(Message {
            id,
            author: ana(),
            text: text(),
            sent_at: Timestamp(0),
            burn_after_ms: 0,
            from_history: false,
        }),
        Event::Accepted { id },
        Event::Unsent { id, text: text() },
        Event::Unknown { id, text: text() },
        Event::Read {
            by: who,
            author: who,
            id,
        },
        Event::Typing {
            from: who,
            typing: true,
        },
        Event::MessageBurned { author: who, id },
        Event::Unreadable {
            from: who,
            reason: Unreadable::NotKeyedYet,
        },
        Event::Missed {
            from: who,
            count: 1,
        },
        Event::Countdown {
            seconds_remaining: 1,
        },
        Event::Locked { locked: true },
        Event::Extended {
            seconds_remaining: 1,
        },
        Event::LinkChanged,
        Event::LinkExpired,
        Event::HistoryRead { complete: true },
        Event::Reconnecting,
        Event::Resumed,
        Event::Rejoining { code: Code::Gap },
        Event::Fault {
            error: Error::new(Code::BadLink),
            about: None,
        },
        Event::Refused(refusal),
        Event::Ended(EndReason::Left),
    ];
    let tags: Vec<u32> = events.iter().map(Event::tag).collect();
    assert_eq!(tags, (1..=27).collect::<Vec<u32>>());

    let reasons = [
        EndReason::Burned(BurnKind::Expired),
        EndReason::Burned(BurnKind::Asked),
        EndReason::Burned(BurnKind::Shutdown),
        EndReason::Kicked,
        EndReason::Left,
        EndReason::Refused(refusal),
        EndReason::Failed(Error::new(Code::BadLink)),
    ];
    assert_eq!(reasons.map(|reason| reason.tag()), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(EndReason::LocalBurn.tag(), 1);
    assert_eq!(
        [Unreadable::NotKeyedYet, Unreadable::Unparsable].map(Unreadable::tag),
        [1, 2]
    );
}

/// `WhoMayBurn` and `Role` have two values each; a third would need a number in every binding.
#[test]
fn settings_are_plain_enums() {
    for who in [WhoMayBurn::Creator, WhoMayBurn::Anyone] {
        let (WhoMayBurn::Creator | WhoMayBurn::Anyone) = who;
    }
    for role in [Role::Member, Role::Creator] {
        let (Role::Member | Role::Creator) = role;
    }
}
