//! The cases, a file for each part of the spec.

mod admission;
mod burning;
mod commands;
mod envelopes;
mod frames;
mod history;
mod keys;
mod links;
mod names;
mod resuming;
mod roster;
mod sending;
mod shim;
mod verification;

use super::Target;
use super::insider::Insider;
use super::room::{Room, Terms};
use crate::case::{Case, Outcome};
use crate::context::Context;

pub(super) fn all() -> Vec<Case<Target>> {
    [
        links::cases(),
        admission::cases(),
        names::cases(),
        roster::cases(),
        resuming::cases(),
        keys::cases(),
        sending::cases(),
        envelopes::cases(),
        history::cases(),
        verification::cases(),
        commands::cases(),
        burning::cases(),
        frames::cases(),
        shim::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A room of Ana's that the client has joined, both keyed.
async fn two(context: &Context<Target>) -> Outcome<Room> {
    two_with(context, Terms::default()).await
}

async fn two_with(context: &Context<Target>, terms: Terms) -> Outcome<Room> {
    let mut room = Room::of_ana(context, terms).await?;
    room.invite().await?;
    room.keyed().await?;
    Ok(room)
}

/// The same with the client as a creator.
async fn two_creators(context: &Context<Target>) -> Outcome<Room> {
    let mut room = Room::of_ana(context, Terms::default()).await?;
    room.invite_creator().await?;
    room.keyed().await?;
    Ok(room)
}

/// Ana, the client and Cleo, all keyed. Ana is friend 0, Cleo friend 1.
async fn three(context: &Context<Target>) -> Outcome<Room> {
    let mut room = two(context).await?;
    room.join("Cleo")?;
    room.keyed().await?;
    Ok(room)
}

/// Ana, the client, and somebody whose every frame is written by hand, all keyed.
async fn with_insider(context: &Context<Target>) -> Outcome<(Room, Insider)> {
    let mut room = two(context).await?;
    let mut mallory = Insider::join(&mut room, "Mallory")?;
    room.keyed().await?;
    mallory.keyed(&mut room).await?;
    Ok((room, mallory))
}

/// A room that the client has made, with Ana, both keyed: the client is asked for every key.
async fn of_subject(context: &Context<Target>, arguments: &[&str]) -> Outcome<Room> {
    let mut room = alone(context, arguments).await?;
    room.join("Ana")?;
    room.keyed().await?;
    Ok(room)
}

/// A room that the client has made, with nobody else.
async fn alone(context: &Context<Target>, arguments: &[&str]) -> Outcome<Room> {
    let terms = Terms::default();
    let mut room = Room::empty(context, terms.limits).await?;
    let base = room.base();
    let mut given = vec!["create", "--relay", base.as_str(), "--name", "Ben"];
    given.extend(arguments);
    room.start(&given)?;
    let created = room.hear("created").await?;
    room.link = created["link"].as_str().unwrap_or_default().to_owned();
    room.pin = created["pin"].as_str().unwrap_or_default().to_owned();
    room.hear("joined").await?;
    Ok(room)
}
