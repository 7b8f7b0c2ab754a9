//! The way in, the same for people and for the shim.

use burnchat_client::{
    CreatedRoom, Error, Events, JoinOptions, Link, Room, SecretBytes, connect, create_room,
};
use zeroize::Zeroizing;

use crate::args::{Create, Join};

/// Makes a room. Nobody is in it yet.
pub(crate) async fn create(create: &Create) -> Result<CreatedRoom, Error> {
    create_room(&create.relay, create.settings()).await
}

/// Joins a room just made, as its creator.
pub(crate) async fn join_as_creator(
    created: CreatedRoom,
    create: Create,
) -> Result<(Room, Events), Error> {
    let options = JoinOptions {
        name: create.name,
        creator_token: Some(created.creator_token),
        ..JoinOptions::default()
    };
    connect(created.link, options).await
}

/// Joins the room of `link`.
pub(crate) async fn join(link: Zeroizing<String>, join: Join) -> Result<(Room, Events), Error> {
    let link = Link::parse(link.trim())?;
    let options = JoinOptions {
        name: join.name,
        pin: join
            .pin
            .map(|pin| SecretBytes::copy_of(pin.0.trim().as_bytes())),
        ..JoinOptions::default()
    };
    connect(link, options).await
}
