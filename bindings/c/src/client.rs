//! One participant.

use burnchat_core::client::{Client, Event, JoinOptions, Output, Participant, Status};
use burnchat_core::crypto::{Emoji, Name, ReadMessage, Secret, SecretBytes};
use burnchat_core::error::{Code, Error};
use burnchat_core::ids::{MessageId, ParticipantId};
use burnchat_core::link::Link;
use burnchat_core::time::Timestamp;
use burnchat_core::wire::EncodedFrame;
use zeroize::Zeroizing;

use crate::codes::{BC_ERROR_NONE, BC_ERROR_NULL, number};
use crate::entropy::Entropy;
use crate::event::{EventView, shown_in};
use crate::handle::{self, Kind, Outcome, guard};
use crate::values::{Id, ParticipantView, Slice, array, has_room, many, one, put, put_sized, role};

/// Nothing more to do for now.
pub const BC_OUTPUT_NONE: u32 = 0;
/// Open a connection to the room's relay, then call `bc_client_handle_connected`. How soon is the caller's to decide;
/// after the first time, wait a little longer each time.
pub const BC_OUTPUT_CONNECT: u32 = 1;
/// Send `frame`, a text message.
pub const BC_OUTPUT_SEND: u32 = 2;
/// Close the connection with `close_code`; deliver nothing more from it, and do not report its end.
pub const BC_OUTPUT_CLOSE: u32 = 3;
/// Tell the people: `event`.
pub const BC_OUTPUT_EVENT: u32 = 4;

/// Not joined, and not connected.
pub const BC_STATUS_OFFLINE: u32 = 0;
/// Waiting for the relay's answer to the join.
pub const BC_STATUS_JOINING: u32 = 1;
/// Joined and connected.
pub const BC_STATUS_JOINED: u32 = 2;
/// Joined; the connection is broken.
pub const BC_STATUS_AWAY: u32 = 3;
/// Joined; receiving what was missed.
pub const BC_STATUS_RESUMING: u32 = 4;
/// Ended; everything is wiped.
pub const BC_STATUS_ENDED: u32 = 5;

/// `bc_client_poll_timeout`: nothing is due ever.
pub const BC_NEVER: u64 = u64::MAX;

/// One participant's side of one room: opaque.
pub struct ClientHandle {
    _opaque: [u8; 0],
}

/// What a client joins with. Members that are not used are zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct JoinOptionsView {
    /// The room's link.
    pub link: Slice,
    /// The name to show to the others, of 1 to 64 bytes; without one the client invents one.
    pub name: Slice,
    /// The PIN, to join as creator.
    pub pin: Slice,
    /// NULL, or the 32 bytes of the creator token, for the client that made the room.
    pub creator_token: *const u8,
    /// NULL, or the 32 bytes of the token of a seat held before (`bc_client_seat_token`), to take it over.
    pub seat_token: *const u8,
    /// NULL for the operating system's randomness; or 32 random bytes that nobody has used before, from which all of
    /// this client's keys come. The same seed and inputs give the same outputs: never use one twice.
    pub seed: *const u8,
}

/// The next thing to do or to know. Its pointers last until the next call on the client.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OutputView {
    /// `BC_OUTPUT_…`
    pub kind: u32,
    /// The WebSocket close code, for `BC_OUTPUT_CLOSE`.
    pub close_code: u32,
    /// What to send, for `BC_OUTPUT_SEND`: UTF-8.
    pub frame: Slice,
    /// For `BC_OUTPUT_EVENT`.
    pub event: EventView,
}

/// A message that has been read.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// Who wrote it.
    pub author: Id,
    /// Its id.
    pub id: Id,
}

/// The codes people compare (spec section 10). Its pointers last until the next call on the client.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Verification {
    /// Six hex digits: they catch accidents, not attackers.
    pub short_code: Slice,
    /// Sixty digits in groups of five.
    pub safety_number: Slice,
    /// What a QR code of the safety number holds.
    pub qr_text: Slice,
    /// Sixteen emoji, a code point each.
    pub emoji: [Slice; 16],
    /// What to call them when reading aloud, in English.
    pub emoji_names: [Slice; 16],
}

/// What a handle owns.
pub(crate) struct Inner {
    client: Client,
    entropy: Entropy,
    held: Held,
}

/// What the caller may look at until its next call; wiped when that comes.
#[derive(Default)]
struct Held {
    frame: Option<EncodedFrame>,
    event: Option<Event>,
    participants: Vec<Participant>,
    views: Vec<ParticipantView>,
    texts: Vec<Zeroizing<String>>,
}

impl Kind for Inner {
    const MAGIC: u64 = 0x9e1c_55a7_c1f0_4b6d;
}

/// Runs a call on a client, and lets go of what the last one lent.
///
/// # Safety
/// As [`handle::enter`].
#[allow(unsafe_code, reason = "a pointer from C")]
unsafe fn enter(client: *mut ClientHandle, work: impl FnOnce(&mut Inner) -> Outcome) -> i32 {
    // SAFETY: as this function's caller promises.
    unsafe {
        handle::enter(client.cast(), |inner: &mut Inner| {
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
unsafe fn ask(client: *mut ClientHandle, work: impl FnOnce(&Client) -> Outcome) -> i32 {
    // SAFETY: as this function's caller promises.
    unsafe { handle::enter(client.cast(), |inner: &mut Inner| work(&inner.client)) }
}

fn core(result: Result<(), Error>) -> Outcome {
    result.map_err(|error| number(error.code()))
}

/// Makes a client for the room of a link, and sets `client` to it. Its first output is `BC_OUTPUT_CONNECT`.
///
/// Answers 600 to 607 for a link that is none, `name_too_long` or
/// `name_not_allowed`. Free it with `bc_client_free`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_new(
    options: *const JoinOptionsView,
    client: *mut *mut ClientHandle,
) -> i32 {
    guard(|| {
        // SAFETY: the caller vouches for what it points to.
        let view = unsafe { one(options) }?.ok_or(BC_ERROR_NULL)?;
        // SAFETY: the same.
        let link = unsafe { view.link.text() }?.ok_or(BC_ERROR_NULL)?;
        // SAFETY: the same.
        let name = unsafe { view.name.text() }?;
        // SAFETY: the same.
        let pin = unsafe { view.pin.text() }?;
        // SAFETY: the same.
        let creator_token = unsafe { array::<32>(view.creator_token) }?;
        // SAFETY: the same.
        let seat_token = unsafe { array::<32>(view.seat_token) }?;
        // SAFETY: the same.
        let seed = unsafe { array::<32>(view.seed) }?;
        if client.is_null() {
            return Err(BC_ERROR_NULL);
        }
        let link = Link::parse(link).map_err(number)?;
        let options = JoinOptions {
            name: name.map(Name::new).transpose().map_err(number)?,
            pin: pin.map(|pin| SecretBytes::copy_of(pin.as_bytes())),
            creator_token: creator_token.map(Secret::copy_of),
            seat_token: seat_token.map(Secret::copy_of),
        };
        let mut entropy = Entropy::new(seed);
        let inner = Inner {
            client: Client::new(link, options, &mut entropy),
            entropy,
            held: Held::default(),
        };
        // SAFETY: the caller vouches for the memory.
        unsafe { put(client, handle::new(inner).cast()) }
    })
}

/// Frees a client and wipes all it holds. It does not leave the room in good order: call `bc_client_leave` before, and
/// close the connection. NULL is no mistake.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_free(client: *mut ClientHandle) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe { handle::free::<Inner>(client.cast()) }
}

/// A connection to the relay is open: the subprotocol has been agreed on.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_handle_connected(client: *mut ClientHandle, now_ms: u64) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            core(
                inner
                    .client
                    .handle_connected(Timestamp(now_ms), &mut inner.entropy),
            )
        })
    }
}

/// The connection broke, or could not be opened, and `BC_OUTPUT_CLOSE` was not the reason.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_handle_disconnected(
    client: *mut ClientHandle,
    now_ms: u64,
) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            inner.client.handle_disconnected(Timestamp(now_ms));
            Ok(())
        })
    }
}

/// A text message came from the relay. For a binary one pass no bytes.
///
/// What is answered says what was wrong with the frame. The client has refused it and goes on, or says by its outputs
/// that it can't: whatever the answer is, poll.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_handle_frame(
    client: *mut ClientHandle,
    now_ms: u64,
    bytes: *const u8,
    len: usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            let frame = many(bytes, len)?;
            core(
                inner
                    .client
                    .handle_frame(Timestamp(now_ms), frame, &mut inner.entropy),
            )
        })
    }
}

/// It is so late. Call it when `bc_client_poll_timeout` says so.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_handle_timeout(client: *mut ClientHandle, now_ms: u64) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            inner
                .client
                .handle_timeout(Timestamp(now_ms), &mut inner.entropy);
            Ok(())
        })
    }
}

/// Writes a text (UTF-8, 1 to 32,768 bytes), and sets `id` to its id. It is sent when everyone it is for can read it;
/// `BC_EVENT_ACCEPTED` says when it is in the log. `burn_after_ms` is the time from reading to burning, 0 for none.
///
/// Answers `text_empty`, `text_too_long`, `queue_full`, `nobody_here`, `not_joined`, `ended`. `id` may be NULL.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_send_text(
    client: *mut ClientHandle,
    now_ms: u64,
    text: *const u8,
    text_len: usize,
    burn_after_ms: u32,
    id: *mut Id,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            let text = Slice::given(text, text_len).text()?.unwrap_or_default();
            let sent = inner
                .client
                .send_text(Timestamp(now_ms), text, burn_after_ms, &mut inner.entropy)
                .map_err(|error| number(error.code()))?;
            if id.is_null() {
                return Ok(());
            }
            put(id, Id::of(sent.as_bytes()))
        })
    }
}

/// Says that the user is typing (1), or no longer (0). Answers `not_joined`, `ended`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_set_typing(
    client: *mut ClientHandle,
    now_ms: u64,
    typing: u32,
) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            core(
                inner
                    .client
                    .set_typing(Timestamp(now_ms), typing != 0, &mut inner.entropy),
            )
        })
    }
}

/// Says that messages have been read: their own time begins to run, and their authors are told. At most 4,096 at once.
/// Answers `invalid_parameter`, `not_joined`, `ended`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_mark_read(
    client: *mut ClientHandle,
    now_ms: u64,
    messages: *const Read,
    count: usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            if count > 4_096 {
                return Err(number(Code::InvalidParameter));
            }
            let read: Vec<_> = many(messages, count)?
                .iter()
                .map(|read| ReadMessage {
                    sender: ParticipantId(read.author.bytes),
                    id: MessageId(read.id.bytes),
                })
                .collect();
            core(
                inner
                    .client
                    .mark_read(Timestamp(now_ms), &read, &mut inner.entropy),
            )
        })
    }
}

/// Removes a participant. With `renew_ticket` (1, the usual choice) the link it holds stops admitting.
///
/// Answers `not_creator`, `invalid_parameter` for oneself, `queue_full`, `not_joined`, `ended`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_kick(
    client: *mut ClientHandle,
    now_ms: u64,
    participant: *const Id,
    renew_ticket: u32,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            let id = ParticipantId(one(participant)?.ok_or(BC_ERROR_NULL)?.bytes);
            let renew = renew_ticket != 0;
            core(
                inner
                    .client
                    .kick(Timestamp(now_ms), id, renew, &mut inner.entropy),
            )
        })
    }
}

/// Locks (1) or unlocks (0) the room for new participants. Answers `not_creator`, `queue_full`, `not_joined`, `ended`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_lock(
    client: *mut ClientHandle,
    now_ms: u64,
    locked: u32,
) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            core(
                inner
                    .client
                    .lock(Timestamp(now_ms), locked != 0, &mut inner.entropy),
            )
        })
    }
}

/// Replaces the link's ticket. Answers `not_creator`, `queue_full`, `not_joined`, `ended`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_renew(client: *mut ClientHandle, now_ms: u64) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            core(inner.client.renew(Timestamp(now_ms), &mut inner.entropy))
        })
    }
}

/// Moves the end by 1 to 1,800 seconds. Answers `not_creator`, `invalid_parameter`, `queue_full`, `not_joined`, `ended`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_extend(
    client: *mut ClientHandle,
    now_ms: u64,
    seconds: u64,
) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            core(
                inner
                    .client
                    .extend(Timestamp(now_ms), seconds, &mut inner.entropy),
            )
        })
    }
}

/// Burns the room for everyone, now. Answers `not_creator`, `queue_full`, `not_joined`, `ended`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_burn(client: *mut ClientHandle, now_ms: u64) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            core(inner.client.burn(Timestamp(now_ms), &mut inner.entropy))
        })
    }
}

/// Leaves, and wipes everything. The outputs that follow close the connection.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_leave(client: *mut ClientHandle, now_ms: u64) -> i32 {
    // SAFETY: the caller passes a handle, as for every function.
    unsafe {
        enter(client, |inner| {
            inner.client.leave(Timestamp(now_ms));
            Ok(())
        })
    }
}

/// The next thing to do or to know. Call it after every other call, until `kind` is `BC_OUTPUT_NONE`.
///
/// `output_size` is `sizeof(bc_output)`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_poll(
    client: *mut ClientHandle,
    output: *mut OutputView,
    output_size: usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            // Nothing is taken out that could not be told.
            has_room(output, output_size)?;
            let next = inner.client.poll_output();
            let view = inner.held.view(next);
            put_sized(output, output_size, &view)
        })
    }
}

/// When to call `bc_client_handle_timeout`, in the time the caller gives; `BC_NEVER` for never.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_poll_timeout(client: *mut ClientHandle, at_ms: *mut u64) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(client, |client| {
            put(at_ms, client.poll_timeout().map_or(BC_NEVER, |at| at.0))
        })
    }
}

/// Where the client stands: `BC_STATUS_…`.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_status(client: *mut ClientHandle, status: *mut u32) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(client, |client| {
            let number = match client.status() {
                Status::Offline => BC_STATUS_OFFLINE,
                Status::Joining => BC_STATUS_JOINING,
                Status::Joined => BC_STATUS_JOINED,
                Status::Away => BC_STATUS_AWAY,
                Status::Resuming => BC_STATUS_RESUMING,
                Status::Ended(_) => BC_STATUS_ENDED,
            };
            put(status, number)
        })
    }
}

/// The link to share, with the newest ticket this client knows. `current` is set to whether it admits; it may be NULL.
/// Answers `BC_ERROR_NONE` after the end.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_link(
    client: *mut ClientHandle,
    link: *mut Slice,
    current: *mut u32,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            let url = inner.client.link().ok_or(BC_ERROR_NONE)?.to_url();
            if !current.is_null() {
                put(current, inner.client.link_is_current().into())?;
            }
            put(link, inner.held.lend(url))
        })
    }
}

/// One's own id and role (`BC_ROLE_…`; may be NULL). Answers `BC_ERROR_NONE` while not joined.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_me(
    client: *mut ClientHandle,
    id: *mut Id,
    my_role: *mut u32,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(client, |client| {
            let (Some(me), Some(mine)) = (client.id(), client.role()) else {
                return Err(BC_ERROR_NONE);
            };
            if !my_role.is_null() {
                put(my_role, role(mine))?;
            }
            put(id, Id::of(me.as_bytes()))
        })
    }
}

/// Who is in the room, in join order: an array of `count`, owned by the client until the next call on it.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_participants(
    client: *mut ClientHandle,
    participants: *mut *const ParticipantView,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            let held = &mut inner.held;
            held.participants = inner.client.participants();
            held.texts = held
                .participants
                .iter()
                .map(|one| Zeroizing::new(one.label()))
                .collect();
            held.views = held
                .participants
                .iter()
                .zip(&held.texts)
                .map(|(one, label)| ParticipantView::of(one, label))
                .collect();
            put(count, held.views.len())?;
            put(participants, held.views.as_ptr())
        })
    }
}

/// The codes people compare. `verification_size` is `sizeof(bc_verification)`. Answers `BC_ERROR_NONE` while not joined.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_verification(
    client: *mut ClientHandle,
    verification: *mut Verification,
    verification_size: usize,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        enter(client, |inner| {
            let code = inner.client.verification().ok_or(BC_ERROR_NONE)?;
            let held = &mut inner.held;
            let emoji = code.emoji();
            let symbol = |one: Emoji| Zeroizing::new(String::from(one.symbol));
            let view = Verification {
                short_code: held.lend(Zeroizing::new(code.short_code())),
                safety_number: held.lend(Zeroizing::new(code.safety_number())),
                qr_text: held.lend(Zeroizing::new(code.qr_text())),
                emoji: emoji.map(|one| held.lend(symbol(one))),
                emoji_names: emoji.map(|one| Slice::of(one.name.as_bytes())),
            };
            put_sized(verification, verification_size, &view)
        })
    }
}

/// The version of the newest epoch whose key this client holds, and its id (32 bytes; may be NULL). `BC_ERROR_NONE`
/// without one.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_epoch(
    client: *mut ClientHandle,
    version: *mut u64,
    epoch: *mut u8,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(client, |client| {
            let (of, id) = client.epoch().ok_or(BC_ERROR_NONE)?;
            if !epoch.is_null() {
                put(epoch.cast::<[u8; 32]>(), *id.as_bytes())?;
            }
            put(version, of)
        })
    }
}

/// Seats, whether everyone may burn, and whether the room is locked; each may be NULL. `BC_ERROR_NONE` while not joined.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_room(
    client: *mut ClientHandle,
    capacity: *mut u32,
    anyone_may_burn: *mut u32,
    locked: *mut u32,
) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(client, |client| {
            let (seats, burn) = client.room_settings().ok_or(BC_ERROR_NONE)?;
            let anyone = burn == burnchat_core::wire::WhoMayBurn::Anyone;
            for (to, value) in [
                (capacity, u32::from(seats)),
                (anyone_may_burn, anyone.into()),
                (locked, client.is_locked().into()),
            ] {
                if !to.is_null() {
                    put(to, value)?;
                }
            }
            Ok(())
        })
    }
}

/// When this client's own clock ends the room, in the time the caller gives. `BC_ERROR_NONE` before the join.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_ends_at(client: *mut ClientHandle, at_ms: *mut u64) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(client, |client| {
            put(at_ms, client.ends_at().ok_or(BC_ERROR_NONE)?.0)
        })
    }
}

/// The token that takes this client's seat over after a restart of the program: a secret, to be kept nowhere but in the
/// memory of one who means to come back. `token` has room for 32 bytes. `BC_ERROR_NONE` while there is none.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "an exported function with pointers")]
pub unsafe extern "C" fn bc_client_seat_token(client: *mut ClientHandle, token: *mut u8) -> i32 {
    // SAFETY: the caller passes a handle, and vouches for what it points to.
    unsafe {
        ask(client, |client| {
            let held = client.seat_token().ok_or(BC_ERROR_NONE)?;
            put(token.cast::<[u8; 32]>(), *held.as_bytes())
        })
    }
}

impl Held {
    /// Keeps an output for the caller to look at.
    fn view(&mut self, output: Option<Output>) -> OutputView {
        let mut view = OutputView {
            kind: BC_OUTPUT_NONE,
            close_code: 0,
            frame: Slice::NONE,
            event: EventView::NOTHING,
        };
        match output {
            None => {}
            Some(Output::Connect) => view.kind = BC_OUTPUT_CONNECT,
            Some(Output::Send(frame)) => {
                view.kind = BC_OUTPUT_SEND;
                view.frame = Slice::of(self.frame.insert(frame).as_bytes());
            }
            Some(Output::Close(code)) => {
                view.kind = BC_OUTPUT_CLOSE;
                view.close_code = code.into();
            }
            Some(Output::Event(event)) => {
                let label = shown_in(&event).map(|shown| Zeroizing::new(shown.label()));
                self.texts = vec![label.unwrap_or_default()];
                let event = self.event.insert(event);
                view.kind = BC_OUTPUT_EVENT;
                if let [label] = self.texts.as_slice() {
                    view.event = EventView::of(event, label);
                }
            }
            // What a newer machine asks for and this ABI can't say is an event without a number.
            Some(_) => view.kind = BC_OUTPUT_EVENT,
        }
        view
    }

    /// Keeps a text for the caller to look at.
    fn lend(&mut self, text: Zeroizing<String>) -> Slice {
        let slice = Slice::of(text.as_bytes());
        // Moving the string leaves its bytes where they are.
        self.texts.push(text);
        slice
    }
}
