//! The room link (spec section 4): what admits people, and where its two secrets come from.

use alloc::string::String;
use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    crypto::{Secret, SecretBytes, ct_eq, first_16, labels, sha256},
    encoding::Fields,
    error::Code,
    ids::{RoomId, TicketHash},
    limits,
    time::Timestamp,
};

/// The version of the protocol a link of this crate is for.
const VERSION: u8 = 1;
/// The flag that says history.
const HISTORY: u8 = 1;

/// Length of the header: version, flags, `not_after`.
const HEADER_LEN: usize = 6;
const CHECK_LEN: usize = 4;
/// Length of what the fragment says, in bytes and as text.
const FRAGMENT_LEN: usize = HEADER_LEN + 16 + 16 + CHECK_LEN;
const FRAGMENT_TEXT_LEN: usize = FRAGMENT_LEN / 3 * 4;

/// A link to a room. Secret as a whole: Debug prints nothing of it.
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Link {
    base: String,
    room_id: RoomId,
    history: bool,
    not_after: u32,
    secret: Secret<16>,
    ticket: Ticket,
}

impl Link {
    /// A link to a new room at the relay `base`, such as `https://chat.example`. `not_after` is the
    /// room's hard end in minutes since the Unix epoch.
    ///
    /// # Errors
    /// [`Code::LinkNotALink`] if `base` is not an `http` or `https` URL without query and fragment.
    pub fn new(
        base: &str,
        room_id: RoomId,
        history: bool,
        not_after: u32,
        secret: Secret<16>,
        ticket: Ticket,
    ) -> Result<Self, Code> {
        let base = base.strip_suffix('/').unwrap_or(base);
        if !is_base(base) {
            return Err(Code::LinkNotALink);
        }
        let link = Self {
            base: base.into(),
            room_id,
            history,
            not_after,
            secret,
            ticket,
        };
        if link.url_len() > limits::LINK_BYTES {
            return Err(Code::LinkNotALink);
        }
        Ok(link)
    }

    /// Reads a link. Strict and total: what is not exactly what [`to_url`](Self::to_url) writes is
    /// refused.
    ///
    /// # Errors
    /// One code of the registry for each way to be malformed, all named `Link…`.
    pub fn parse(text: &str) -> Result<Self, Code> {
        if text.len() > limits::LINK_BYTES {
            return Err(Code::LinkNotALink);
        }
        let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (base, room_id) = split_room(url).ok_or(Code::LinkNotALink)?;
        if fragment.is_empty() {
            return Err(Code::LinkNoFragment);
        }
        let room_id = RoomId::from_base64(room_id).ok_or(Code::LinkBadRoomId)?;
        let mut buffer = SecretBytes::default();
        buffer.resize(fragment.len(), 0);
        let bytes = Base64UrlUnpadded::decode(fragment, buffer.as_mut_slice())
            .map_err(|_| Code::LinkBadEncoding)?;
        Self::from_fragment(
            base,
            room_id,
            bytes.try_into().map_err(|_| Code::LinkBadLength)?,
        )
    }

    /// The URL.
    pub fn to_url(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new([0; FRAGMENT_TEXT_LEN]);
        let fragment = self.fragment();
        let fragment =
            Base64UrlUnpadded::encode(fragment.as_slice(), text.as_mut()).unwrap_or_default();
        let room_id = self.room_id.to_base64();
        let mut url = Zeroizing::new(String::with_capacity(self.url_len()));
        for part in [&self.base, "/r/", &room_id, "#", fragment] {
            url.push_str(part);
        }
        url
    }

    /// Puts the room's new ticket in place of the old one.
    pub fn replace_ticket(&mut self, ticket: Ticket) {
        self.ticket = ticket;
    }

    /// The relay's URL, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The room.
    pub fn room_id(&self) -> RoomId {
        self.room_id
    }

    /// Whether newcomers may read what was said before.
    pub fn history(&self) -> bool {
        self.history
    }

    /// The room's hard end.
    pub fn not_after(&self) -> Timestamp {
        Timestamp::from_unix_minutes(self.not_after)
    }

    /// The end-to-end half, never shown to the relay.
    pub fn secret(&self) -> &Secret<16> {
        &self.secret
    }

    /// The relay's half.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Version, flags and `not_after`, as they enter key derivation.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        let [a, b, c, d] = self.not_after.to_be_bytes();
        [VERSION, if self.history { HISTORY } else { 0 }, a, b, c, d]
    }

    fn from_fragment(
        base: &str,
        room_id: RoomId,
        fragment: &[u8; FRAGMENT_LEN],
    ) -> Result<Self, Code> {
        let mut rest = fragment.as_slice();
        let [version, flags, not_after @ ..] = take::<HEADER_LEN>(&mut rest)?;
        let secret = take(&mut rest)?;
        let ticket = take(&mut rest)?;
        if *version != VERSION {
            return Err(Code::LinkUnsupportedVersion);
        }
        let checked = fragment.strip_suffix(rest).unwrap_or_default();
        if !ct_eq(rest, &check(&room_id, checked)) {
            return Err(Code::LinkMistyped);
        }
        if flags & !HISTORY != 0 {
            return Err(Code::LinkUnknownFlags);
        }
        Ok(Self {
            base: base.into(),
            room_id,
            history: flags & HISTORY != 0,
            not_after: u32::from_be_bytes(*not_after),
            secret: Secret::copy_of(secret),
            ticket: Ticket::copy_of(ticket),
        })
    }

    fn fragment(&self) -> SecretBytes {
        let mut fragment = SecretBytes::with_capacity(FRAGMENT_LEN);
        fragment.extend_from_slice(&self.header());
        fragment.extend_from_slice(self.secret.as_bytes());
        fragment.extend_from_slice(self.ticket.0.as_bytes());
        let check = check(&self.room_id, fragment.as_slice());
        fragment.extend_from_slice(&check);
        fragment
    }

    fn url_len(&self) -> usize {
        self.base.len() + "/r/".len() + 22 + "#".len() + FRAGMENT_TEXT_LEN
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(..)")
    }
}

/// The relay's half of a link: who shows it is let in.
#[derive(Debug)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub struct Ticket(Secret<16>);

impl Ticket {
    /// Draws a ticket.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// Copies `bytes`, which remain the caller's to wipe.
    pub fn copy_of(bytes: &[u8; 16]) -> Self {
        Self(Secret::copy_of(bytes))
    }

    /// The bytes.
    pub fn as_secret(&self) -> &Secret<16> {
        &self.0
    }

    /// What the relay keeps of it.
    pub fn hash(&self) -> TicketHash {
        TicketHash(sha256(&[self.0.as_bytes()]))
    }

    /// Whether this is the ticket of that hash, in constant time.
    pub fn matches(&self, hash: &TicketHash) -> bool {
        ct_eq(self.hash().as_bytes(), hash.as_bytes())
    }
}

/// The id of the room made with this seed.
pub fn room_id_of_seed(seed: &Secret<32>) -> RoomId {
    RoomId(first_16(
        Fields::hash(labels::ROOM).put(seed.as_bytes()).finish(),
    ))
}

fn check(room_id: &RoomId, checked: &[u8]) -> [u8; CHECK_LEN] {
    let [a, b, c, d, ..] = sha256(&[room_id.as_bytes(), checked]);
    [a, b, c, d]
}

/// `<base>/r/<room_id>`, the room id not looked at yet.
fn split_room(url: &str) -> Option<(&str, &str)> {
    let (base, room_id) = url.rsplit_once("/r/")?;
    let shaped = is_base(base) && !room_id.contains(['/', '?']);
    shaped.then_some((base, room_id))
}

/// `http(s)://host[:port][/path]`, without user information, query, fragment or final slash.
fn is_base(base: &str) -> bool {
    let Some(rest) = base
        .strip_prefix("https://")
        .or_else(|| base.strip_prefix("http://"))
    else {
        return false;
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    is_authority(authority) && path.bytes().all(is_path_byte) && !path.ends_with('/')
}

fn is_authority(authority: &str) -> bool {
    // The colons of an IPv6 address are inside its brackets.
    let after_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority.get(after_host..).and_then(|rest| rest.find(':')) {
        Some(colon) => authority.split_at(after_host + colon),
        None => (authority, ":0"),
    };
    is_host(host) && port.strip_prefix(':').is_some_and(is_port)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        return address.parse::<core::net::Ipv6Addr>().is_ok();
    }
    !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

/// What RFC 3986 lets a path hold.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte)
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Code> {
    let (field, after) = rest.split_first_chunk().ok_or(Code::LinkBadLength)?;
    *rest = after;
    Ok(field)
}

#[cfg(test)]
mod tests;
