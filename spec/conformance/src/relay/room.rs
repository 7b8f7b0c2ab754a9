//! A room that a case has made.

use std::sync::Arc;

use burnchat_core::client::{RoomSettings, plan_room};
use burnchat_core::crypto::{Identity, Name, RoomKeys, seal_name};
use burnchat_core::ids::RoomId;
use burnchat_core::link::Link;
use burnchat_core::wire::ClientFrame;
use burnchat_core::wire::{Bytes, Join};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::person::{Knock, Person};
use super::stage::{Cx, SOON, base64, now, rng};
use super::target::{Peer, Target};
use crate::case::{Outcome, Stop, ensure_eq, fail};

/// A room; burned when the case is over.
#[derive(Clone)]
pub(super) struct Room(pub(super) Arc<Place>);

/// What is known of it.
pub(super) struct Place {
    pub(super) id: RoomId,
    /// The id as text.
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) keys: RoomKeys,
    pub(super) ticket: String,
    pub(super) creator_token: String,
    pub(super) pin: String,
    /// The request that made it.
    pub(super) request: Value,
    /// What was answered.
    pub(super) answer: Value,
    pub(super) history: bool,
    target: Arc<Target>,
    peer: Peer,
}

/// A request for a room that can still be changed.
pub(super) struct Plan {
    pub(super) request: Value,
    pub(super) link: Link,
}

/// Ten minutes, and half an hour more.
pub(super) const PLAIN: RoomSettings = RoomSettings {
    ttl_seconds: 600,
    extension_seconds: 1_800,
    capacity: 50,
    history: false,
    burn: burnchat_core::wire::WhoMayBurn::Creator,
};

/// The same, with history.
pub(super) const HISTORY: RoomSettings = RoomSettings {
    history: true,
    ..PLAIN
};

impl Cx {
    /// A plain room.
    pub(super) async fn room(&self) -> Outcome<Room> {
        self.room_with(PLAIN).await
    }

    pub(super) async fn room_with(&self, settings: RoomSettings) -> Outcome<Room> {
        self.plan(settings)?.make(self).await
    }

    /// What would make a room.
    pub(super) fn plan(&self, settings: RoomSettings) -> Outcome<Plan> {
        let base = self.target.base();
        let (request, link) = plan_room(&base, settings, now(), &mut rng())
            .or_else(|error| fail("a plan for a room", error.to_string()))?;
        let request = serde_json::from_slice(request.encode().as_bytes()).unwrap_or_default();
        Ok(Plan { request, link })
    }
}

impl Plan {
    /// With another value of a member; null takes it away.
    pub(super) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        set(&mut self.request, member, value.into());
        self
    }

    /// Asks for it.
    pub(super) async fn ask(&self, cx: &Cx) -> Outcome<super::http::Answer> {
        let body = self.request.to_string();
        cx.ask("POST", "/api/rooms").body(body).send().await
    }

    /// Makes it.
    pub(super) async fn make(self, cx: &Cx) -> Outcome<Room> {
        let answer = self.ask(cx).await?.expect(201)?.json()?;
        let id = self.link.room_id();
        ensure_eq(
            "the room id",
            answer["room_id"].as_str().unwrap_or_default().to_owned(),
            id.to_base64(),
        )?;
        let text = |member: &str| match answer[member].as_str() {
            Some(text) => Ok(text.to_owned()),
            None => fail(format!("`{member}` in the answer"), answer.to_string()),
        };
        Ok(Room(Arc::new(Place {
            id,
            name: id.to_base64(),
            keys: RoomKeys::derive(&self.link),
            ticket: base64(self.link.ticket().as_secret().as_bytes()),
            creator_token: text("creator_token")?,
            pin: text("pin")?,
            history: self.request["history"] == true,
            request: self.request,
            link: self.link,
            answer,
            target: cx.target.clone(),
            peer: cx.peer(0),
        })))
    }
}

impl Room {
    /// The path of its resources.
    pub(super) fn path(&self) -> String {
        format!("/api/rooms/{}", self.0.name)
    }

    /// A join that shows the ticket, ready to be changed or sent.
    pub(super) fn knock(&self, who: &str) -> Outcome<Knock> {
        let identity = Identity::generate(&mut rng()).or_else(own_fault)?;
        self.knock_as(who, identity)
    }

    /// The same with keys that are there already.
    pub(super) fn knock_as(&self, who: &str, identity: Identity) -> Outcome<Knock> {
        let place = &self.0;
        let name = Name::new(who).or_else(own_fault)?;
        let sealed = seal_name(&place.keys, &identity, &name, &mut rng()).or_else(own_fault)?;
        let kem_pub = *identity.kem().public_key().as_bytes();
        let sig_pub = *identity.signing().verifying_key().as_bytes();
        let join = Join {
            kem_pub: Bytes(kem_pub),
            sig_pub: Bytes(sig_pub),
            sealed_name: Bytes(sealed),
            join_proof: Bytes(place.keys.join_proof(&kem_pub, &sig_pub, &sealed)),
            ticket: None,
            pin: None,
            creator_token: None,
            seat_token: None,
        };
        let frame = ClientFrame::Join(Box::new(join)).encode();
        let mut frame: Value = serde_json::from_slice(frame.as_bytes()).unwrap_or_default();
        set(&mut frame, "ticket", json!(place.ticket));
        Ok(Knock {
            who: who.to_owned(),
            identity,
            frame,
            room: self.clone(),
        })
    }

    /// Joins by the ticket.
    pub(super) async fn join(&self, cx: &Cx, who: &str) -> Outcome<Person> {
        self.knock(who)?.enter(cx).await
    }

    /// Joins by the creator token.
    pub(super) async fn join_as_creator(&self, cx: &Cx, who: &str) -> Outcome<Person> {
        self.creator_knock(who)?.enter(cx).await
    }

    /// A join that shows the creator token and nothing else.
    pub(super) fn creator_knock(&self, who: &str) -> Outcome<Knock> {
        let token = self.0.creator_token.clone();
        Ok(self
            .knock(who)?
            .with("ticket", Value::Null)
            .with("creator_token", token))
    }

    /// A creator and members, in this order, all of whom have the newest key.
    pub(super) async fn with_people<const N: usize>(
        &self,
        cx: &Cx,
        names: [&str; N],
    ) -> Outcome<[Person; N]> {
        let mut people: Vec<Person> = Vec::with_capacity(N);
        for (place, who) in names.into_iter().enumerate() {
            let person = match place {
                0 => self.join_as_creator(cx, who).await?,
                _ => self.join(cx, who).await?,
            };
            people.push(person);
            // A key for each: whoever is asked and does not answer before the next join is asked last from then on.
            if place > 0 {
                key(&mut people.iter_mut().collect::<Vec<_>>()).await?;
            }
        }
        people
            .try_into()
            .map_err(|_| Stop::Skipped("the suite's own fault".to_owned()))
    }

    /// Burns it by its creator token.
    pub(super) async fn burn(&self, cx: &Cx) -> Outcome {
        let token = self.0.creator_token.clone();
        let asked = cx
            .ask("DELETE", self.path())
            .header("Burnchat-Creator", token);
        asked.send().await?.expect(204).map(drop)
    }

    /// Waits until so many are on the roster: a connection that was closed may end before the relay has taken note.
    pub(super) async fn until_there_are(&self, cx: &Cx, people: u64) -> Outcome {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let told = self.look(cx, &self.0.ticket).await?.expect(200)?.json()?;
            if told["participants"] == people {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                return fail(format!("{people} participants"), told.to_string());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Asks what there is to know before joining.
    pub(super) async fn look(&self, cx: &Cx, ticket: &str) -> Outcome<super::http::Answer> {
        let asked = cx.ask("GET", self.path()).header("Burnchat-Ticket", ticket);
        asked.send().await
    }
}

/// The first of them in join order makes a key for the newest roster, and all of them read it.
pub(super) async fn key(people: &mut [&mut Person]) -> Outcome {
    let Some((steward, others)) = people.split_first_mut() else {
        return Ok(());
    };
    steward.make_key().await?;
    let version = steward.view.version;
    for other in others {
        other.until_keyed(version).await?;
    }
    Ok(())
}

/// Sets a member of an object, or takes it away.
pub(super) fn set(object: &mut Value, member: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        if value.is_null() {
            members.remove(member);
        } else {
            members.insert(member.to_owned(), value);
        }
    }
}

fn own_fault<V>(error: impl std::fmt::Display) -> Outcome<V> {
    fail("the suite's own cryptography to work", error.to_string())
}

impl Drop for Place {
    /// A relay under test is left as it was found.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (target, peer) = (self.target.clone(), self.peer);
        let request = hyper::Request::builder()
            .method("DELETE")
            .uri(format!("{}/api/rooms/{}", target.path, self.name))
            .header(hyper::header::HOST, &target.authority)
            .header("Burnchat-Creator", &self.creator_token)
            .body(Empty::<hyper::body::Bytes>::new());
        let Ok(request) = request else { return };
        runtime.spawn(async move {
            let stream = TokioIo::new(target.connect(peer, None).await.ok()?);
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(stream).await.ok()?;
            tokio::spawn(connection);
            sender.send_request(request).await.ok().map(drop)
        });
    }
}
