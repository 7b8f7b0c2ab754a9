//! What crosses the border by value: byte strings, ids, participants.

use std::{ptr, slice, str};

use burnchat_core::client::Participant;
use burnchat_core::wire::Role;
use zeroize::Zeroizing;

use crate::codes::{BC_ERROR_LENGTH, BC_ERROR_NULL, BC_ERROR_UTF8};

/// The participant may talk.
pub const BC_ROLE_MEMBER: u32 = 0;
/// The participant may also kick, lock, renew, extend and burn.
pub const BC_ROLE_CREATOR: u32 = 1;

/// A participant's entry passed every check (spec section 5.6); it has a name.
pub const BC_PARTICIPANT_VERIFIED: u32 = 1;
/// An earlier participant, present or gone, had the same name.
pub const BC_PARTICIPANT_NAME_CLASH: u32 = 2;
/// The participant is this client itself.
pub const BC_PARTICIPANT_ME: u32 = 4;

/// Bytes somewhere: not ended by a zero. Texts are UTF-8, and may hold any character, zero included.
///
/// What the library gives stays valid until the next call on the same handle; `ptr` is NULL if there is no such value.
/// What the caller gives is only read during the call; `ptr` may be NULL if `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The first byte.
    pub ptr: *const u8,
    /// How many there are.
    pub len: usize,
}

impl Slice {
    pub(crate) const NONE: Self = Self {
        ptr: ptr::null(),
        len: 0,
    };

    /// Of bytes that the handle owns and keeps until the next call.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// What the caller gave in two parameters.
    pub(crate) const fn given(ptr: *const u8, len: usize) -> Self {
        Self { ptr, len }
    }

    /// What the caller gave.
    ///
    /// # Safety
    /// `ptr` is NULL or points to `len` bytes that nobody changes while `'a` lasts.
    #[allow(unsafe_code, reason = "a pointer from C")]
    pub(crate) unsafe fn bytes<'a>(self) -> Result<&'a [u8], i32> {
        // SAFETY: as this function's caller promises.
        unsafe { many(self.ptr, self.len) }
    }

    /// What the caller gave, as text; `None` for NULL.
    ///
    /// # Safety
    /// As [`bytes`](Self::bytes).
    #[allow(unsafe_code, reason = "a pointer from C")]
    pub(crate) unsafe fn text<'a>(self) -> Result<Option<&'a str>, i32> {
        if self.ptr.is_null() && self.len == 0 {
            return Ok(None);
        }
        // SAFETY: as this function's caller promises.
        let bytes = unsafe { self.bytes() }?;
        str::from_utf8(bytes).map(Some).map_err(|_| BC_ERROR_UTF8)
    }
}

/// 16 bytes: the id of a participant or of a message.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Id {
    /// The bytes, as in the spec.
    pub bytes: [u8; 16],
}

impl Id {
    pub(crate) const fn of(bytes: &[u8; 16]) -> Self {
        Self { bytes: *bytes }
    }
}

/// Somebody in the room, as shown to people.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ParticipantView {
    /// Its id.
    pub id: Id,
    /// `BC_ROLE_…`
    pub role: u32,
    /// `BC_PARTICIPANT_…`, added up.
    pub flags: u32,
    /// Its join number.
    pub number: u64,
    /// Its name; none if its entry is not verified.
    pub name: Slice,
    /// `name·number·tag`: what to show (spec section 5.5).
    pub label: Slice,
}

impl ParticipantView {
    pub(crate) const NOBODY: Self = Self {
        id: Id { bytes: [0; 16] },
        role: BC_ROLE_MEMBER,
        flags: 0,
        number: 0,
        name: Slice::NONE,
        label: Slice::NONE,
    };

    /// A view of `participant`, whose label has been written to `label`.
    pub(crate) fn of(participant: &Participant, label: &Zeroizing<String>) -> Self {
        let flag = |set: bool, flag| if set { flag } else { 0 };
        Self {
            id: Id::of(participant.id.as_bytes()),
            role: role(participant.role),
            flags: flag(participant.is_verified(), BC_PARTICIPANT_VERIFIED)
                | flag(participant.name_clash, BC_PARTICIPANT_NAME_CLASH)
                | flag(participant.me, BC_PARTICIPANT_ME),
            number: participant.number,
            name: participant
                .name
                .as_ref()
                .map_or(Slice::NONE, |name| Slice::of(name.as_str().as_bytes())),
            label: Slice::of(label.as_bytes()),
        }
    }
}

pub(crate) const fn role(role: Role) -> u32 {
    match role {
        Role::Member => BC_ROLE_MEMBER,
        Role::Creator => BC_ROLE_CREATOR,
    }
}

/// What the caller's pointer points to.
///
/// # Safety
/// `from` is NULL or points to `len` values that nobody changes while `'a` lasts.
#[allow(unsafe_code, reason = "a pointer from C")]
pub(crate) unsafe fn many<'a, T>(from: *const T, len: usize) -> Result<&'a [T], i32> {
    if len == 0 {
        return Ok(&[]);
    }
    if from.is_null() {
        return Err(BC_ERROR_NULL);
    }
    if !from.is_aligned() || len > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(BC_ERROR_LENGTH);
    }
    // SAFETY: not NULL, aligned, of a possible size, and the caller vouches for the rest.
    Ok(unsafe { slice::from_raw_parts(from, len) })
}

/// One value of the caller's, or `None` for NULL.
///
/// # Safety
/// `from` is NULL or points to a value that nobody changes while `'a` lasts.
#[allow(unsafe_code, reason = "a pointer from C")]
pub(crate) unsafe fn one<'a, T>(from: *const T) -> Result<Option<&'a T>, i32> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: as this function's caller promises.
    Ok(unsafe { many(from, 1) }?.first())
}

/// `N` bytes of the caller's, or `None` for NULL.
///
/// # Safety
/// `from` is NULL or points to `N` bytes that nobody changes while `'a` lasts.
#[allow(unsafe_code, reason = "a pointer from C")]
pub(crate) unsafe fn array<'a, const N: usize>(
    from: *const u8,
) -> Result<Option<&'a [u8; N]>, i32> {
    // SAFETY: as this function's caller promises; an array of bytes is aligned as they are.
    unsafe { one(from.cast::<[u8; N]>()) }
}

/// Writes one value where the caller wants it.
///
/// # Safety
/// `to` is NULL or points to memory for a `T`.
#[allow(unsafe_code, reason = "a pointer from C")]
pub(crate) unsafe fn put<T>(to: *mut T, value: T) -> Result<(), i32> {
    if to.is_null() {
        return Err(BC_ERROR_NULL);
    }
    // SAFETY: not NULL, and the caller vouches for the memory. It may be unaligned.
    unsafe { to.write_unaligned(value) };
    Ok(())
}

/// Whether a struct of the caller's can be written at all. A call that takes something out to show it asks before.
pub(crate) fn has_room<T>(to: *mut T, size: usize) -> Result<(), i32> {
    if to.is_null() {
        return Err(BC_ERROR_NULL);
    }
    if size < size_of::<u64>() || size > 1 << 16 {
        return Err(BC_ERROR_LENGTH);
    }
    Ok(())
}

/// Writes the first `size` bytes of a struct, and zeros behind it where the caller's is longer: structs only grow at
/// their end, so a program and a library of different ages understand each other.
///
/// # Safety
/// `to` is NULL or points to `size` bytes.
#[allow(unsafe_code, reason = "a pointer from C")]
pub(crate) unsafe fn put_sized<T: Copy>(to: *mut T, size: usize, value: &T) -> Result<(), i32> {
    has_room(to, size)?;
    let (known, rest) = (
        size.min(size_of::<T>()),
        size.saturating_sub(size_of::<T>()),
    );
    let to = to.cast::<u8>();
    // SAFETY: `known` bytes are readable in `value` and, as the caller vouches, writable at `to`; they don't overlap.
    unsafe { ptr::copy_nonoverlapping(ptr::from_ref(value).cast::<u8>(), to, known) };
    // SAFETY: within the `size` bytes the caller vouches for.
    let behind = unsafe { to.add(known) };
    // SAFETY: the same.
    unsafe { behind.write_bytes(0, rest) };
    Ok(())
}
