//! Making a room: what is asked of a relay, and what it answers (spec sections 11.1 and 13.4).

use burnchat_core::client::{RoomSettings, plan_room};
use burnchat_core::error::Code;
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::WhoMayBurn;
use burnchat_core::wire::http::{Problem, RoomCreated};
use zeroize::Zeroize;

use crate::codes::{BC_ERROR_BUFFER, BC_ERROR_LENGTH, BC_ERROR_NULL, number};
use crate::entropy::Entropy;
use crate::event::BC_UNSTATED;
use crate::handle::guard;
use crate::values::{Id, Slice, array, many, one, put};

/// A buffer of so many bytes holds every link.
pub const BC_LINK_MAX: usize = 2_048;
/// A buffer of so many bytes holds every request for a room.
pub const BC_REQUEST_MAX: usize = 1_024;
/// A buffer of so many bytes holds every PIN.
pub const BC_PIN_MAX: usize = 32;

/// What a creator chooses. All zeros is no valid choice: begin with `bc_room_settings_default`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long the room lives: 30 s to 72 h.
    pub ttl_seconds: u64,
    /// How much longer it may be made to live: at most 24 h.
    pub extension_seconds: u64,
    /// Seats: 2 to 256.
    pub capacity: u32,
    /// 1 if those who join later can read what was said before.
    pub history: u32,
    /// 1 if every participant may burn the room.
    pub anyone_may_burn: u32,
    /// 0.
    pub reserved: u32,
}

/// What a relay answers when it has made a room. Wipe it when it has been used.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Created {
    /// For the join of the client that made the room.
    pub creator_token: [u8; 32],
    /// For the creator's other devices; given once.
    pub pin: [u8; BC_PIN_MAX],
    /// How many bytes of `pin` count.
    pub pin_len: usize,
    /// Until the room's end, rounded up.
    pub seconds_remaining: u64,
}

/// What a relay refuses a request with.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProblemView {
    /// A number of the protocol's registry; `bad_request` for a name this version does not know.
    pub code: i32,
    /// The HTTP status, as the body states it.
    pub status: u32,
    /// When to try again, or `BC_UNSTATED`.
    pub retry_after_ms: u64,
    /// PIN attempts left, or `BC_UNSTATED`.
    pub attempts_left: u64,
}

/// Ten minutes, half an hour of possible extension, 50 seats, no history, burned by creators.
///
/// `settings` points to memory for a `bc_room_settings`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_room_settings_default(settings: *mut Settings) -> i32 {
    let defaults = RoomSettings::default();
    let plain = Settings {
        ttl_seconds: defaults.ttl_seconds,
        extension_seconds: defaults.extension_seconds,
        capacity: defaults.capacity.into(),
        history: defaults.history.into(),
        anyone_may_burn: (defaults.burn == WhoMayBurn::Anyone).into(),
        reserved: 0,
    };
    // SAFETY: the caller vouches for the memory.
    guard(|| unsafe { put(settings, plain) })
}

/// Plans a room: writes the body of `POST /api/rooms` (JSON) and the room's link.
///
/// `base` is the relay's URL (`https://relay.example`). `seed` is NULL, or points to 32 random bytes that nobody has used before;
/// with NULL the operating system gives them. `request_len` and `link_len` hold the sizes of the buffers (at least
/// `BC_REQUEST_MAX` and `BC_LINK_MAX`), and are set to what was written. The link is a secret: wipe the buffers.
///
/// Answers `invalid_parameter` for settings out of range, `link_not_a_link` for a base that is no URL.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
#[allow(clippy::too_many_arguments, reason = "C has neither tuples nor slices")]
pub unsafe extern "C" fn bc_room_plan(
    base: *const u8,
    base_len: usize,
    settings: *const Settings,
    now_ms: u64,
    seed: *const u8,
    request: *mut u8,
    request_len: *mut usize,
    link: *mut u8,
    link_len: *mut usize,
) -> i32 {
    guard(|| {
        // SAFETY: the caller vouches for what it points to.
        let base = unsafe { Slice::given(base, base_len).text() }?.ok_or(BC_ERROR_NULL)?;
        // SAFETY: the same.
        let settings = unsafe { one(settings) }?.ok_or(BC_ERROR_NULL)?;
        // SAFETY: the same.
        let seed = unsafe { array::<32>(seed) }?;
        if settings.reserved != 0 {
            return Err(number(Code::InvalidParameter));
        }
        let settings = RoomSettings {
            ttl_seconds: settings.ttl_seconds,
            extension_seconds: settings.extension_seconds,
            capacity: u16::try_from(settings.capacity)
                .map_err(|_| number(Code::InvalidParameter))?,
            history: settings.history != 0,
            burn: if settings.anyone_may_burn == 0 {
                WhoMayBurn::Creator
            } else {
                WhoMayBurn::Anyone
            },
        };
        let (planned, to_share) =
            plan_room(base, settings, Timestamp(now_ms), &mut Entropy::new(seed))
                .map_err(|error| number(error.code()))?;
        let (body, url) = (planned.encode(), to_share.to_url());
        // SAFETY: the caller vouches for both buffers and their lengths.
        let written = unsafe { fill(request, request_len, body.as_bytes()) };
        // SAFETY: the same.
        unsafe { fill(link, link_len, url.as_bytes()) }?;
        written
    })
}

/// Reads the relay's answer 201 to a request for a room. Answers `malformed_frame` if it is none, `malformed_from_relay`
/// if it is about another room than that of `link`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_room_created(
    answer: *const u8,
    answer_len: usize,
    link: *const u8,
    link_len: usize,
    created: *mut Created,
) -> i32 {
    guard(|| {
        // SAFETY: the caller vouches for what it points to.
        let answer = unsafe { many(answer, answer_len) }?;
        // SAFETY: the same.
        let link = unsafe { Slice::given(link, link_len).text() }?.ok_or(BC_ERROR_NULL)?;
        let link = Link::parse(link).map_err(number)?;
        let answer = RoomCreated::parse(answer).map_err(number)?;
        if answer.room_id != link.room_id() {
            return Err(number(Code::MalformedFromRelay));
        }
        let text = answer.pin.0.as_slice();
        let mut pin = [0; BC_PIN_MAX];
        pin.get_mut(..text.len())
            .ok_or(BC_ERROR_LENGTH)?
            .copy_from_slice(text);
        let mut view = Created {
            creator_token: *answer.creator_token.as_bytes(),
            pin,
            pin_len: text.len(),
            seconds_remaining: answer.seconds_remaining,
        };
        // SAFETY: the caller vouches for the memory.
        let written = unsafe { put(created, view) };
        view.creator_token.zeroize();
        view.pin.zeroize();
        pin.zeroize();
        written
    })
}

/// Reads a relay's refusal of an HTTP request (RFC 9457). Answers `malformed_frame` if it is none: then go by the HTTP
/// status.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_problem(
    answer: *const u8,
    answer_len: usize,
    problem: *mut ProblemView,
) -> i32 {
    guard(|| {
        // SAFETY: the caller vouches for what it points to.
        let answer = unsafe { many(answer, answer_len) }?;
        let answer = Problem::parse(answer).map_err(number)?;
        let view = ProblemView {
            code: number(Code::from_name(&answer.code).unwrap_or(Code::BadRequest)),
            status: answer.status.into(),
            retry_after_ms: answer.retry_after_ms.unwrap_or(BC_UNSTATED),
            attempts_left: answer.attempts_left.unwrap_or(BC_UNSTATED),
        };
        // SAFETY: the caller vouches for the memory.
        unsafe { put(problem, view) }
    })
}

/// Reads a link: whether it is one (else the numbers 600 to 607), and its room, for the URL of the WebSocket
/// (`<base>/api/rooms/<room id>/ws`). `base_len` is set to how many bytes of the link are its base; `room_id` to the
/// room's id. Either may be NULL.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_link_check(
    link: *const u8,
    link_len: usize,
    base_len: *mut usize,
    room_id: *mut Id,
) -> i32 {
    guard(|| {
        // SAFETY: the caller vouches for what it points to.
        let link = unsafe { Slice::given(link, link_len).text() }?.ok_or(BC_ERROR_NULL)?;
        let link = Link::parse(link).map_err(number)?;
        if !base_len.is_null() {
            // SAFETY: the caller vouches for the memory.
            unsafe { put(base_len, link.base().len()) }?;
        }
        if !room_id.is_null() {
            // SAFETY: the same.
            unsafe { put(room_id, Id::of(link.room_id().as_bytes())) }?;
        }
        Ok(())
    })
}

/// Copies into a buffer of the caller's and says how much it was.
///
/// # Safety
/// `len` is NULL or points to a length, and `to` to as many bytes.
#[allow(unsafe_code, reason = "pointers from C")]
unsafe fn fill(to: *mut u8, len: *mut usize, bytes: &[u8]) -> Result<(), i32> {
    // SAFETY: as this function's caller promises.
    let room = *unsafe { one(len) }?.ok_or(BC_ERROR_NULL)?;
    // SAFETY: the same.
    unsafe { put(len, bytes.len()) }?;
    if to.is_null() {
        return Err(BC_ERROR_NULL);
    }
    if room < bytes.len() {
        return Err(BC_ERROR_BUFFER);
    }
    // SAFETY: `to` has room for as many bytes, as the caller vouches, and they don't overlap ours.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    Ok(())
}
