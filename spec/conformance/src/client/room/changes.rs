//! Links and frames with something changed.

use burnchat_core::crypto::Secret;
use burnchat_core::link::{Link, Ticket};
use serde_json::Value;

use super::of_the_suite;
use crate::case::Outcome;

/// A link with some of its parts changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkChange {
    pub(crate) secret: Option<[u8; 16]>,
    pub(crate) not_after: Option<u32>,
    pub(crate) history: Option<bool>,
}

/// The same link, but for what is changed.
pub(crate) fn changed_link(text: &str, change: &LinkChange) -> Outcome<String> {
    let link = Link::parse(text).map_err(of_the_suite)?;
    let not_after = u32::try_from(link.not_after().0 / 60_000).map_err(of_the_suite)?;
    let secret = change.secret.unwrap_or(*link.secret().as_bytes());
    let changed = Link::new(
        link.base(),
        link.room_id(),
        change.history.unwrap_or(link.history()),
        change.not_after.unwrap_or(not_after),
        Secret::copy_of(&secret),
        Ticket::copy_of(link.ticket().as_secret().as_bytes()),
    );
    Ok(changed.map_err(of_the_suite)?.to_url().to_string())
}

/// A frame whose base64url member begins with another symbol.
pub(crate) fn flipped(mut frame: Value, member: &str) -> Value {
    if let Some(text) = frame[member].as_str() {
        let other = if text.starts_with('A') { "B" } else { "A" };
        let rest: String = text.chars().skip(1).collect();
        frame[member] = format!("{other}{rest}").into();
    }
    frame
}
