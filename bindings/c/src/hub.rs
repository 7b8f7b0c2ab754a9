//! All rooms of a relay.

use burnchat_core::crypto::Secret;
use burnchat_core::error::Code;
use burnchat_core::ids::RoomId;
use burnchat_core::relay::{ConnectionId, Disconnect, Hub, Limits, Output, PeerKey, Refusal};
use burnchat_core::time::Timestamp;
use burnchat_core::wire::http::{CreateRoom, Problem};
use burnchat_core::wire::{BurnReason, EncodedFrame};

use crate::client::BC_NEVER;
use crate::codes::{BC_ERROR_LENGTH, BC_ERROR_NULL, number};
use crate::entropy::Entropy;
use crate::event::{BC_ENDED_BURNED, BC_ENDED_EXPIRED, BC_ENDED_SHUTDOWN};
use crate::handle::{self, Kind, Outcome, guard};
use crate::values::{Id, Slice, array, has_room, many, one, put, put_sized};

/// Nothing more to do for now.
pub const BC_HUB_OUTPUT_NONE: u32 = 0;
/// Send `frame` to the `to_len` connections at `to`.
pub const BC_HUB_OUTPUT_SEND: u32 = 1;
/// Close `connection` with `close_code`, after all that was sent to it. Its end need not be reported.
pub const BC_HUB_OUTPUT_CLOSE: u32 = 2;
/// A room has burned, and all in it have been told: `reason` (`BC_ENDED_EXPIRED`, `…_BURNED`, `…_SHUTDOWN`), `late_ms`,
/// `owner` (the peer that made it).
pub const BC_HUB_OUTPUT_BURNED: u32 = 3;

/// All rooms of a relay: opaque.
pub struct HubHandle {
    _opaque: [u8; 0],
}

/// A hub's limits that embedders change; the others are the spec's (section 16). Begin with `bc_hub_limits_default`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HubLimits {
    /// Rooms at once.
    pub rooms: u64,
    /// Rooms one peer has at once.
    pub rooms_of_peer: u64,
    /// Connections at once.
    pub connections: u64,
    /// Connections one peer has at once.
    pub connections_of_peer: u64,
    /// Milliseconds from a connection to its join or resume.
    pub handshake_ms: u64,
    /// Envelope bytes kept in a history room.
    pub history_bytes: u64,
    /// Envelope bytes kept in another room.
    pub kept_bytes: u64,
}

/// The next thing a relay does. Its pointers last until the next call on the hub.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HubOutput {
    /// `BC_HUB_OUTPUT_…`
    pub kind: u32,
    /// The WebSocket close code.
    pub close_code: u32,
    /// Why a room burned.
    pub reason: u32,
    /// 0.
    pub reserved: u32,
    /// The connection to close.
    pub connection: u64,
    /// How late a room burned, in ms.
    pub late_ms: u64,
    /// The peer that made the room that burned.
    pub owner: Id,
    /// Connections to send to.
    pub to: *const u64,
    /// How many.
    pub to_len: usize,
    /// What to send: UTF-8.
    pub frame: Slice,
}

/// Counts, for monitoring.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HubStats {
    /// Rooms alive.
    pub rooms: u64,
    /// Connections open, with or without a seat.
    pub connections: u64,
    /// Participants, those away included.
    pub participants: u64,
    /// Bytes of log entries kept.
    pub kept_bytes: u64,
}

struct Inner {
    hub: Hub,
    entropy: Entropy,
    held: Held,
}

#[derive(Default)]
struct Held {
    frame: Option<EncodedFrame>,
    to: Vec<u64>,
}

impl Kind for Inner {
    const MAGIC: u64 = 0x27d4_eb2f_1656_67c5;
}

/// Runs a call on a hub, and lets go of what the last one lent.
///
/// # Safety
/// As [`handle::enter`].
#[allow(unsafe_code, reason = "a pointer from C")]
unsafe fn enter(hub: *mut HubHandle, work: impl FnOnce(&mut Inner) -> Outcome) -> i32 {
    // SAFETY: as this function's caller promises.
    unsafe {
        handle::enter(hub.cast(), |inner: &mut Inner| {
            // What was lent may come back as what the caller gives: it lasts as long as this call.
            let lent = std::mem::take(&mut inner.held);
            let outcome = work(inner);
            drop(lent);
            outcome
        })
    }
}

/// Runs a call that only asks for values: what has been lent stays.
///
/// # Safety
/// As [`handle::enter`].
#[allow(unsafe_code, reason = "a pointer from C")]
unsafe fn ask(hub: *mut HubHandle, work: impl FnOnce(&Hub) -> Outcome) -> i32 {
    // SAFETY: as this function's caller promises.
    unsafe { handle::enter(hub.cast(), |inner: &mut Inner| work(&inner.hub)) }
}

/// The spec's limits. `limits` points to memory for a `bc_hub_limits`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_limits_default(limits: *mut HubLimits) -> i32 {
    let of = Limits::default();
    let plain = HubLimits {
        rooms: of.rooms as u64,
        rooms_of_peer: of.rooms_of_peer as u64,
        connections: of.connections as u64,
        connections_of_peer: of.connections_of_peer as u64,
        handshake_ms: of.handshake_millis,
        history_bytes: of.history_bytes as u64,
        kept_bytes: of.kept_bytes as u64,
    };
    // SAFETY: the caller vouches for the memory.
    guard(|| unsafe { put(limits, plain) })
}

/// Makes a hub without rooms, and sets `hub` to it. `limits` may be NULL, for the spec's. `seed` is NULL for the operating
/// system's randomness, or 32 random bytes that nobody has used before. Free it with `bc_hub_free`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_new(
    limits: *const HubLimits,
    seed: *const u8,
    hub: *mut *mut HubHandle,
) -> i32 {
    guard(|| {
        // SAFETY: the caller vouches for what it points to.
        let chosen = unsafe { one(limits) }?;
        // SAFETY: the same.
        let seed = unsafe { array::<32>(seed) }?;
        if hub.is_null() {
            return Err(BC_ERROR_NULL);
        }
        let mut limits = Limits::default();
        if let Some(chosen) = chosen {
            let size = |value: u64| usize::try_from(value).map_err(|_| BC_ERROR_LENGTH);
            limits.rooms = size(chosen.rooms)?;
            limits.rooms_of_peer = size(chosen.rooms_of_peer)?;
            limits.connections = size(chosen.connections)?;
            limits.connections_of_peer = size(chosen.connections_of_peer)?;
            limits.handshake_millis = chosen.handshake_ms;
            limits.history_bytes = size(chosen.history_bytes)?;
            limits.kept_bytes = size(chosen.kept_bytes)?;
        }
        let mut entropy = Entropy::new(seed);
        let inner = Inner {
            hub: Hub::new(limits, &mut entropy),
            entropy,
            held: Held::default(),
        };
        // SAFETY: the caller vouches for the memory.
        unsafe { put(hub, handle::new(inner).cast()) }
    })
}

/// Frees a hub and wipes all it holds. Nobody is told: call `bc_hub_shutdown` before, and carry out what it says. NULL is
/// no mistake.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_free(hub: *mut HubHandle) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe { handle::free::<Inner>(hub.cast()) }
}

/// Answers `POST /api/rooms`: `answer` is set to the body to send, with status 201 if this answers 0, else a problem whose
/// `status` is the status. `peer` is any 16 bytes that stand for the peer's address (spec section 11.4).
///
/// Answers `malformed_frame`, `frame_too_large`, `bad_request`, `room_exists` or `too_many_rooms`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_create(
    hub: *mut HubHandle,
    now_ms: u64,
    peer: *const Id,
    body: *const u8,
    body_len: usize,
    answer: *mut Slice,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            let peer = PeerKey(one(peer)?.ok_or(BC_ERROR_NULL)?.bytes);
            let body = many(body, body_len)?;
            let Inner { hub, entropy, held } = inner;
            let made = CreateRoom::parse(body)
                .map_err(Refusal::from)
                .and_then(|request| hub.handle_create(Timestamp(now_ms), peer, &request, entropy));
            held.answer(answer, made.map(|created| created.encode()))
        })
    }
}

/// Answers `GET /api/rooms/<room id>` with the header `Burnchat-Ticket` (`ticket`, 16 bytes): as `bc_hub_create`, with status 200. Answers
/// `room_not_found` or `link_expired`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_info(
    hub: *mut HubHandle,
    now_ms: u64,
    room: *const Id,
    ticket: *const u8,
    answer: *mut Slice,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            let room = RoomId(one(room)?.ok_or(BC_ERROR_NULL)?.bytes);
            let ticket = Secret::copy_of(array::<16>(ticket)?.ok_or(BC_ERROR_NULL)?);
            let found = inner.hub.handle_info(Timestamp(now_ms), room, &ticket);
            inner.held.answer(answer, found.map(|room| room.encode()))
        })
    }
}

/// Answers `DELETE /api/rooms/<room id>` with the header `Burnchat-Creator` (`creator_token`, 32 bytes): 0, the room burns and the status is 204; or
/// `room_not_found`, with a problem as `answer`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_burn(
    hub: *mut HubHandle,
    now_ms: u64,
    room: *const Id,
    creator_token: *const u8,
    answer: *mut Slice,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            let room = RoomId(one(room)?.ok_or(BC_ERROR_NULL)?.bytes);
            let token = Secret::copy_of(array::<32>(creator_token)?.ok_or(BC_ERROR_NULL)?);
            match inner.hub.handle_burn(Timestamp(now_ms), room, &token) {
                Ok(()) => put(answer, Slice::NONE),
                Err(refusal) => inner.held.answer(answer, Err(refusal)),
            }
        })
    }
}

/// Burns a room because whoever runs the relay wants it gone. Answers `room_not_found` if there is none.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_take_down(
    hub: *mut HubHandle,
    now_ms: u64,
    room: *const Id,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            let room = RoomId(one(room)?.ok_or(BC_ERROR_NULL)?.bytes);
            if inner.hub.handle_take_down(Timestamp(now_ms), room) {
                Ok(())
            } else {
                Err(number(Code::RoomNotFound))
            }
        })
    }
}

/// Lets the participant leave whose seat token is shown (32 bytes), as the plain-HTTP transport's clean end does (spec
/// section 13.5). 0, and the status is 204; or `room_not_found`, `kicked` or `displaced`, with a problem as `answer`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_leave(
    hub: *mut HubHandle,
    now_ms: u64,
    room: *const Id,
    seat_token: *const u8,
    answer: *mut Slice,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            let room = RoomId(one(room)?.ok_or(BC_ERROR_NULL)?.bytes);
            let token = Secret::copy_of(array::<32>(seat_token)?.ok_or(BC_ERROR_NULL)?);
            match inner.hub.handle_leave(Timestamp(now_ms), room, &token) {
                Ok(()) => put(answer, Slice::NONE),
                Err(refusal) => inner.held.answer(answer, Err(refusal)),
            }
        })
    }
}

/// A WebSocket is open for a room, whether or not there is one. `connection` is a number that was never used before.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_handle_connect(
    hub: *mut HubHandle,
    now_ms: u64,
    connection: u64,
    peer: *const Id,
    room: *const Id,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            let peer = PeerKey(one(peer)?.ok_or(BC_ERROR_NULL)?.bytes);
            let room = RoomId(one(room)?.ok_or(BC_ERROR_NULL)?.bytes);
            let connection = ConnectionId(connection);
            inner
                .hub
                .handle_connect(Timestamp(now_ms), connection, peer, room);
            Ok(())
        })
    }
}

/// A text message came on a connection. For a binary one pass no bytes. What is wrong with it is told to its sender, by
/// the outputs.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_handle_frame(
    hub: *mut HubHandle,
    now_ms: u64,
    connection: u64,
    bytes: *const u8,
    len: usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            let frame = many(bytes, len)?;
            let Inner { hub, entropy, .. } = inner;
            hub.handle_frame(Timestamp(now_ms), ConnectionId(connection), frame, entropy);
            Ok(())
        })
    }
}

/// A connection has ended: `clean` is 1 if its client closed it with 1000 or 1001, 0 for any other end.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_handle_disconnect(
    hub: *mut HubHandle,
    now_ms: u64,
    connection: u64,
    clean: u32,
) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(hub, |inner| {
            let end = if clean == 0 {
                Disconnect::Broken
            } else {
                Disconnect::Clean
            };
            let connection = ConnectionId(connection);
            inner
                .hub
                .handle_disconnect(Timestamp(now_ms), connection, end);
            Ok(())
        })
    }
}

/// It is so late. Call it when `bc_hub_poll_timeout` says so.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_handle_timeout(hub: *mut HubHandle, now_ms: u64) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(hub, |inner| {
            inner.hub.handle_timeout(Timestamp(now_ms));
            Ok(())
        })
    }
}

/// Burns every room: the relay is about to end.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_shutdown(hub: *mut HubHandle, now_ms: u64) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(hub, |inner| {
            inner.hub.handle_shutdown(Timestamp(now_ms));
            Ok(())
        })
    }
}

/// Whether there is no memory for more than is kept (1): while there is none, rooms drop their oldest log entries for new
/// ones. A program with a budget for all rooms says so, going by `bc_hub_get_stats`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_set_memory_full(hub: *mut HubHandle, full: u32) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(hub, |inner| {
            inner.hub.set_memory_full(full != 0);
            Ok(())
        })
    }
}

/// The next thing to do. Call it after every other call, until `kind` is `BC_HUB_OUTPUT_NONE`. `output_size` is
/// `sizeof(bc_hub_output)`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_poll(
    hub: *mut HubHandle,
    output: *mut HubOutput,
    output_size: usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(hub, |inner| {
            // Nothing is taken out that could not be told.
            has_room(output, output_size)?;
            let next = inner.hub.poll_output();
            let view = inner.held.view(next);
            put_sized(output, output_size, &view)
        })
    }
}

/// When to call `bc_hub_handle_timeout`, in the time the caller gives; `BC_NEVER` for never.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_poll_timeout(hub: *mut HubHandle, at_ms: *mut u64) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(hub, |hub| {
            put(at_ms, hub.poll_timeout().map_or(BC_NEVER, |at| at.0))
        })
    }
}

/// How much there is. `stats_size` is `sizeof(bc_hub_stats)`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_hub_get_stats(
    hub: *mut HubHandle,
    stats: *mut HubStats,
    stats_size: usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(hub, |hub| {
            let of = hub.stats();
            let view = HubStats {
                rooms: of.rooms as u64,
                connections: of.connections as u64,
                participants: of.participants as u64,
                kept_bytes: of.kept_bytes as u64,
            };
            put_sized(stats, stats_size, &view)
        })
    }
}

impl Held {
    /// Keeps the body of an HTTP answer for the caller to look at.
    ///
    /// # Safety
    /// `to` is NULL or points to memory for a slice.
    #[allow(unsafe_code, reason = "a pointer from C")]
    unsafe fn answer(&mut self, to: *mut Slice, body: Result<EncodedFrame, Refusal>) -> Outcome {
        let (body, outcome) = match body {
            Ok(body) => (body, Ok(())),
            Err(refusal) => (Problem::from(refusal).encode(), Err(number(refusal.code))),
        };
        let slice = Slice::of(self.frame.insert(body).as_bytes());
        // SAFETY: as this function's caller promises.
        unsafe { put(to, slice) }?;
        outcome
    }

    fn view(&mut self, output: Option<Output>) -> HubOutput {
        let mut view = HubOutput {
            kind: BC_HUB_OUTPUT_NONE,
            close_code: 0,
            reason: 0,
            reserved: 0,
            connection: 0,
            late_ms: 0,
            owner: Id::default(),
            to: std::ptr::null(),
            to_len: 0,
            frame: Slice::NONE,
        };
        match output {
            None => {}
            Some(Output::Send { to, frame }) => {
                view.kind = BC_HUB_OUTPUT_SEND;
                self.to = to.into_iter().map(|ConnectionId(number)| number).collect();
                view.to = self.to.as_ptr();
                view.to_len = self.to.len();
                view.frame = Slice::of(self.frame.insert(frame).as_bytes());
            }
            Some(Output::Close { connection, code }) => {
                view.kind = BC_HUB_OUTPUT_CLOSE;
                view.connection = connection.0;
                view.close_code = code.number().into();
            }
            Some(Output::Burned {
                owner,
                reason,
                late_millis,
            }) => {
                view.kind = BC_HUB_OUTPUT_BURNED;
                view.owner = Id::of(&owner.0);
                view.late_ms = late_millis;
                view.reason = match reason {
                    BurnReason::Expired => BC_ENDED_EXPIRED,
                    BurnReason::Burned => BC_ENDED_BURNED,
                    BurnReason::Shutdown => BC_ENDED_SHUTDOWN,
                };
            }
        }
        view
    }
}
