//! A room's whole life, with a note of everything that was said about it.

use std::net::SocketAddr;

use burnchat_core::client::RoomSettings;
use burnchat_core::wire::BurnReason;

use super::http::{delete, get};
use super::markers::Markers;
use super::participant::{Person, Transport};
use super::session::{Browser, Session};
use super::wire::Wire;
use super::{Room, now, rng};

/// A room in which two have talked, each over a transport of their own.
pub(crate) struct LifeOver<A, B> {
    pub(crate) room: Room,
    pub(crate) ann: Person<A>,
    pub(crate) bob: Person<B>,
}

pub(crate) type Life = LifeOver<Wire, Wire>;
/// In which nobody has a WebSocket: one keeps the seat token itself, the other's browser does.
pub(crate) type HttpLife = LifeOver<Session, Browser>;

impl<A: Transport, B: Transport> LifeOver<A, B> {
    /// Opens a room, lets in who has the link, looks at it from outside in the right way and in wrong ones, talks, comes
    /// back after a broken connection.
    pub(crate) async fn live(relay: SocketAddr, settings: RoomSettings) -> Self {
        let room = Room::create_with(relay, settings).await;
        let mut ann = Person::<A>::create(&room, "ann").await;
        let mut bob = Person::<B>::join(&room, "bob").await;
        tokio::join!(ann.until_keyed_with(1), bob.until_keyed_with(1));
        ann.send("hello").await;
        bob.until_message().await;
        bob.send(&"a long word ".repeat(200)).await;
        ann.until_message().await;

        let ticket = room.ticket();
        let token = room.creator_token();
        assert_eq!(
            get(relay, &room.path(), &[("Burnchat-Ticket", &ticket)])
                .await
                .status,
            200
        );
        // The wrong secret in the right place.
        assert_eq!(
            get(relay, &room.path(), &[("Burnchat-Ticket", &token)])
                .await
                .status,
            404
        );
        assert_eq!(
            delete(relay, &room.path(), &[("Burnchat-Creator", &ticket)])
                .await
                .status,
            404
        );
        assert_eq!(
            get(
                relay,
                &format!("/r/{}", room.link.room_id().to_base64()),
                &[]
            )
            .await
            .status,
            200
        );

        bob.reconnect().await;
        ann.send("still there?").await;
        bob.until_message().await;
        Self { room, ann, bob }
    }

    /// Everything about the room that must not outlive it.
    pub(crate) fn markers(&self) -> Markers {
        let mut markers = Markers::default();
        for frame in self.ann.seen.iter().chain(&self.bob.seen) {
            markers.add_json(frame);
        }
        let shown = [self.ann.wire.shown(), self.bob.wire.shown()];
        for token in shown.into_iter().flatten() {
            markers.add("a seat token", token);
        }
        markers.extend(self.room.markers());
        markers
    }

    /// Burns the room from within.
    pub(crate) async fn burn(mut self) {
        self.ann.client.burn(now(), &mut rng()).unwrap();
        self.ann.carry_out().await;
        self.end(BurnReason::Burned).await;
    }

    /// Burns the room from outside.
    pub(crate) async fn burn_over_http(self) {
        let token = self.room.creator_token();
        let answer = delete(
            self.room.relay,
            &self.room.path(),
            &[("Burnchat-Creator", &token)],
        )
        .await;
        assert_eq!(answer.status, 204);
        self.end(BurnReason::Burned).await;
    }

    /// Sees it burn.
    pub(crate) async fn end(mut self, reason: BurnReason) {
        self.ann.wire.expect_burn(reason).await;
        self.bob.wire.expect_burn(reason).await;
    }
}

impl Room {
    /// What is known about it when it is made.
    pub(crate) fn markers(&self) -> Markers {
        let mut markers = Markers::default();
        for body in &self.seen {
            markers.add_json(body);
        }
        markers.add("a room id", &self.link.room_id().to_base64());
        markers.add("a ticket", &self.ticket());
        markers.add("a creator token", &self.creator_token());
        // With the quotes round it: by itself it is short enough to be anywhere.
        let pin = std::str::from_utf8(self.created.pin.0.as_slice()).unwrap();
        markers.add("a PIN", &format!("\"{pin}\""));
        markers
    }
}
