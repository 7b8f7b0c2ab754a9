//! Requests from outside: for a room, wherever it is, and for who holds a session.

use burnchat_core::ids::RoomId;
use burnchat_core::relay::KeptId;

use super::edge::At;
use super::turn::Held;
use super::{Clustered, member_of};
use crate::cluster::{Answer, Asked, Member, Note};
use crate::sessions::Line;
use crate::worker::Worker;

/// A request that is not answered yet.
pub(super) struct Waiting {
    /// Who is to answer, once that is known.
    pub(super) at: Option<Member>,
    pub(super) room: KeptId,
    what: Asked,
    reply: Reply,
}

/// Who waits for an answer.
pub(in crate::worker) struct Reply(pub(in crate::worker) Box<dyn FnOnce(Answer) + Send>);

impl Clustered {
    /// Remembers a request until it is answered.
    fn note_asked(&mut self, room: RoomId, what: Asked, reply: Reply) -> u64 {
        self.asked_ever += 1;
        // In a box: a map that lets an entry go leaves its bytes where they were.
        let waiting = Box::new(Waiting {
            at: None,
            room: KeptId::new(room),
            what,
            reply,
        });
        self.asked.insert(self.asked_ever, waiting);
        self.asked_ever
    }

    /// Sends a request to who is to answer it, if it is not answered yet.
    pub(super) fn ask(&mut self, at: Member, number: u64) {
        let (Some(from), Some(mut waiting)) = (self.member, self.asked.remove(&number)) else {
            return;
        };
        let note = Note::Ask {
            from,
            number,
            room: waiting.room.get(),
            what: waiting.what,
        };
        self.say(waiting.room.get(), at, &note);
        if let Note::Ask { what, .. } = note {
            waiting.at = Some(at);
            waiting.what = what;
            self.asked.insert(number, waiting);
        }
    }

    /// These requests are not answered by whom they were sent to. Those for a room are sent to where it is found, unless
    /// an answer comes before; those for a session find none.
    pub(super) fn ask_again(&mut self, of: impl Fn(&Waiting) -> bool) {
        let asked = self.asked.iter();
        let numbers: Vec<u64> = asked
            .filter(|(_, waiting)| waiting.at.is_some() && of(waiting))
            .map(|(number, _)| *number)
            .collect();
        for number in numbers {
            let Some(waiting) = self.asked.get_mut(&number) else {
                continue;
            };
            if let Some(answer) = waiting.what.of_no_session() {
                self.answer(number, answer);
                continue;
            }
            let Some(was) = waiting.at.take() else {
                continue;
            };
            let room = waiting.room.get();
            let place = self.elsewhere(room);
            if let At::Member(at) = place.at
                && at != was
            {
                self.ask(at, number);
                continue;
            }
            place.asks.push(number);
            // What it has been answered comes first.
            place.forwarded = true;
            self.lose_sight(room, was);
        }
    }

    pub(super) fn answer(&mut self, number: u64, answer: Answer) {
        if let Some(waiting) = self.asked.remove(&number) {
            waiting.reply.0(answer);
        }
    }
}

impl Worker {
    /// A request for a room from outside: it is answered when what it changed is kept.
    pub(in crate::worker) fn ask_clustered(&mut self, room: RoomId, what: Asked, reply: Reply) {
        self.end_burned(room);
        let here = self.hub.has_room(room);
        let Some(clustered) = self.cluster.as_mut().filter(|all| all.is_open()) else {
            return;
        };
        let number = clustered.note_asked(room, what, reply);
        if here {
            self.answer_here(number);
            return;
        }
        let place = clustered.elsewhere(room);
        match place.at {
            At::Member(at) => clustered.ask(at, number),
            At::Asking | At::Waiting(_) => place.asks.push(number),
        }
    }

    /// A request for a session from outside: for who is connected to where its connection is.
    pub(in crate::worker) fn ask_member(
        &mut self,
        at: Member,
        room: RoomId,
        what: Asked,
        reply: Reply,
    ) {
        if let Some(clustered) = self.cluster.as_mut().filter(|all| all.is_open()) {
            let number = clustered.note_asked(room, what, reply);
            clustered.ask(at, number);
        }
    }

    /// A request for a room that is here.
    pub(super) fn answer_here(&mut self, number: u64) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let Some(waiting) = clustered.asked.remove(&number) else {
            return;
        };
        let Waiting {
            room, what, reply, ..
        } = *waiting;
        let answer = self.perform(room.get(), &what);
        if let Some(clustered) = &mut self.cluster {
            let turn = clustered.turn(&room);
            turn.held.push(Held::Tell(Box::new(move |kept| {
                if kept {
                    reply.0(answer);
                }
            })));
        }
    }

    /// Does what another member asks for.
    pub(super) fn perform(&mut self, room: RoomId, what: &Asked) -> Answer {
        let now = self.clock.now();
        let answer = match what {
            Asked::Info { ticket } => Answer::Info(self.hub.handle_info(now, room, ticket)),
            Asked::Burn { creator_token } => {
                Answer::Done(self.hub.handle_burn(now, room, creator_token))
            }
            Asked::TakeDown => Answer::TakenDown(self.hub.handle_take_down(now, room)),
            Asked::Leave { seat_token } => {
                Answer::Done(self.hub.handle_leave(now, room, seat_token))
            }
            Asked::Holder { seat_token } => {
                Answer::Holder(self.hub.connection_of(room, seat_token))
            }
            Asked::Post { .. } => Answer::Posted(false),
            Asked::Claim { .. } => Answer::Claimed(None),
        };
        self.carry_out();
        answer
    }

    /// A request for a session whose event stream is, or is to be, at this relay.
    pub(super) fn ask_session(&mut self, from: Member, number: u64, room: RoomId, what: Asked) {
        let Some(clustered) = &mut self.cluster else {
            return;
        };
        let (holder, token) = match &what {
            Asked::Post {
                holder, seat_token, ..
            }
            | Asked::Claim { holder, seat_token } => (*holder, seat_token),
            _ => return,
        };
        let token = clustered.sessions.token_hash(room, token);
        let sender = clustered.sessions.sender(token);
        let sender = sender.filter(|sender| clustered.global(sender.connection()) == holder);
        match (sender, what) {
            (Some(sender), Asked::Post { frame, .. }) => {
                sender.life().sign();
                let (later, kept) = (clustered.later.clone(), KeptId::new(room));
                tokio::spawn(async move {
                    let taken = frame.is_empty() || sender.frame(frame).await.is_ok();
                    let answer = Answer::Posted(taken);
                    let _ = later.send((kept, from, Note::Answer { number, answer }));
                });
            }
            (Some(_), Asked::Claim { .. }) => {
                let (later, sessions) = (clustered.later.clone(), clustered.sessions.clone());
                let kept = KeptId::new(room);
                tokio::spawn(async move {
                    let waited = sessions.claim(token).await.map(Line::into_waited);
                    let answer = Answer::Claimed(waited);
                    // Who is no member any more answers nothing.
                    let _ = later.send((kept, from, Note::Answer { number, answer }));
                });
            }
            (_, what) => {
                if let Some(answer) = what.of_no_session() {
                    clustered.say(room, from, &Note::Answer { number, answer });
                }
            }
        }
    }

    /// A request for who has a seat, or for a session of it.
    pub(in crate::worker) fn ask_holder(&mut self, room: RoomId, what: Asked, reply: Reply) {
        match what.holder() {
            Some(holder) => self.ask_member(member_of(holder), room, what, reply),
            None => self.ask_clustered(room, what, reply),
        }
    }
}
