//! Handles: what a pointer of this ABI points to, and the border every call crosses.
//!
//! A handle begins with its kind and its state, so that a call can tell what it was given before it touches the rest. A
//! call takes the handle for itself while it runs; whoever comes in between is told so. After a panic the handle is
//! poisoned. A freed handle's machine is wiped at once; the few bytes of its shell wait in a short queue of the thread
//! that freed it, so that a call that comes too late can be answered.

use std::cell::{RefCell, UnsafeCell};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::codes::{
    BC_ERROR_BUSY, BC_ERROR_FREED, BC_ERROR_HANDLE, BC_ERROR_NULL, BC_ERROR_PANIC,
    BC_ERROR_POISONED, BC_OK,
};
use crate::stack;

/// How many freed shells a thread keeps.
const SHELLS_KEPT: usize = 64;

const IDLE: u8 = 0;
const BUSY: u8 = 1;
const POISONED: u8 = 2;
const FREED: u8 = 3;

/// What a kind of handle holds, and how it is told from other kinds.
pub(crate) trait Kind: Sized {
    /// Drawn once at random; memory that is no handle does not begin with it.
    const MAGIC: u64;
}

/// The start of every handle.
#[repr(C)]
struct Head {
    magic: AtomicU64,
    state: AtomicU8,
}

/// A handle's memory.
#[repr(C)]
pub(crate) struct Shell<T> {
    head: Head,
    inner: UnsafeCell<Option<Box<T>>>,
}

/// The result of a call: `Ok` is `BC_OK`.
pub(crate) type Outcome = Result<(), i32>;

/// What a call answers.
pub(crate) fn answer(outcome: Outcome) -> i32 {
    outcome.err().unwrap_or(BC_OK)
}

/// Runs what belongs to no handle: links, tokens and PINs go through it, and none of them stays on the stack.
pub(crate) fn guard(work: impl FnOnce() -> Outcome) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(BC_ERROR_PANIC));
    stack::wipe_below();
    answer(outcome)
}

/// Makes a handle.
pub(crate) fn new<T: Kind>(inner: T) -> *mut Shell<T> {
    Box::into_raw(Box::new(Shell {
        head: Head {
            magic: AtomicU64::new(T::MAGIC),
            state: AtomicU8::new(IDLE),
        },
        inner: UnsafeCell::new(Some(Box::new(inner))),
    }))
}

/// Runs a call on a handle.
///
/// # Safety
/// `handle` is NULL, or points to at least eight readable bytes that are a handle of any kind, or to what is plainly
/// none.
#[allow(unsafe_code, reason = "a pointer from C")]
pub(crate) unsafe fn enter<T: Kind>(
    handle: *mut Shell<T>,
    work: impl FnOnce(&mut T) -> Outcome,
) -> i32 {
    // SAFETY: as this function's caller promises.
    let shell = match unsafe { check(handle) } {
        Ok(shell) => shell,
        Err(code) => return code,
    };
    if let Err(code) = take(&shell.head, BUSY) {
        return code;
    }
    // SAFETY: the state was changed from idle to busy by this call alone, so nobody else has a reference.
    let inner = unsafe { &mut *shell.inner.get() };
    let Some(inner) = inner else {
        return BC_ERROR_FREED;
    };
    match catch_unwind(AssertUnwindSafe(|| work(inner))) {
        Ok(outcome) => {
            shell.head.state.store(IDLE, Ordering::Release);
            answer(outcome)
        }
        Err(_) => {
            shell.head.state.store(POISONED, Ordering::Release);
            BC_ERROR_PANIC
        }
    }
}

/// Frees a handle; NULL is no mistake.
///
/// # Safety
/// As [`enter`].
#[allow(unsafe_code, reason = "a pointer from C")]
pub(crate) unsafe fn free<T: Kind + 'static>(handle: *mut Shell<T>) -> i32 {
    if handle.is_null() {
        return BC_OK;
    }
    // SAFETY: as this function's caller promises.
    let shell = match unsafe { check(handle) } {
        Ok(shell) => shell,
        Err(code) => return code,
    };
    if let Err(code) = take(&shell.head, FREED)
        && (code != BC_ERROR_POISONED
            || shell
                .head
                .state
                .compare_exchange(POISONED, FREED, Ordering::Acquire, Ordering::Relaxed)
                .is_err())
    {
        return code;
    }
    // SAFETY: the state was changed to freed by this call alone, so nobody else has a reference.
    let inner = unsafe { &mut *shell.inner.get() };
    let inner = inner.take();
    keep(Kept(handle));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(inner)));
    // What the calls on it have left there, too.
    stack::wipe_below();
    answer(dropped.map_err(|_| BC_ERROR_PANIC))
}

/// Whether a pointer is a handle of this kind.
///
/// # Safety
/// As [`enter`].
#[allow(unsafe_code, reason = "a pointer from C")]
unsafe fn check<'a, T: Kind>(handle: *mut Shell<T>) -> Result<&'a Shell<T>, i32> {
    if handle.is_null() {
        return Err(BC_ERROR_NULL);
    }
    if !handle.is_aligned() {
        return Err(BC_ERROR_HANDLE);
    }
    // SAFETY: every kind of handle begins with its number, and the caller vouches for as many bytes.
    let magic = unsafe { &*handle.cast::<AtomicU64>() };
    if magic.load(Ordering::Acquire) != T::MAGIC {
        return Err(BC_ERROR_HANDLE);
    }
    // SAFETY: what begins with this number was made by `new` for this kind.
    Ok(unsafe { &*handle })
}

/// Moves an idle handle to another state.
fn take(head: &Head, to: u8) -> Outcome {
    head.state
        .compare_exchange(IDLE, to, Ordering::Acquire, Ordering::Relaxed)
        .map(drop)
        .map_err(|state| match state {
            BUSY => BC_ERROR_BUSY,
            POISONED => BC_ERROR_POISONED,
            _ => BC_ERROR_FREED,
        })
}

/// A freed handle's shell. Calls that come too late still read it by the pointer they have, so it is nobody's own before
/// it goes.
struct Kept<T>(*mut Shell<T>);

impl<T> Drop for Kept<T> {
    #[allow(unsafe_code, reason = "a pointer from C")]
    fn drop(&mut self) {
        // SAFETY: the pointer came from `new`, and only the one call that freed the handle has made this of it.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// Keeps a freed shell for a while.
fn keep<T: Kind + 'static>(shell: Kept<T>) {
    thread_local! {
        static SHELLS: RefCell<VecDeque<Box<dyn Forgotten>>> = const { RefCell::new(VecDeque::new()) };
    }
    // Where the thread is ending there is nowhere to keep it.
    let _ = SHELLS.try_with(|shells| {
        let mut shells = shells.borrow_mut();
        shells.push_back(Box::new(shell));
        if shells.len() > SHELLS_KEPT {
            shells.pop_front();
        }
    });
}

/// A shell of any kind, without what was in it.
trait Forgotten {}

impl<T> Forgotten for Kept<T> {}

impl<T> Drop for Shell<T> {
    /// What is left in memory that is given back is not taken for a handle.
    fn drop(&mut self) {
        self.head.magic.store(0, Ordering::Release);
    }
}

#[cfg(test)]
#[allow(unsafe_code, reason = "what C does")]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[derive(Default)]
    struct Plate(u32);

    impl Kind for Plate {
        const MAGIC: u64 = 0x0001;
    }

    #[derive(Default)]
    struct Cup;

    impl Kind for Cup {
        const MAGIC: u64 = 0x0002;
    }

    fn call(handle: *mut Shell<Plate>, work: impl FnOnce(&mut Plate) -> Outcome) -> i32 {
        // SAFETY: the tests pass handles, NULL, and memory that is plainly none.
        unsafe { enter(handle, work) }
    }

    fn let_go<T: Kind + 'static>(handle: *mut Shell<T>) -> i32 {
        // SAFETY: as above.
        unsafe { free(handle) }
    }

    #[test]
    fn a_call_reaches_what_the_handle_holds() {
        let plate = new(Plate(1));
        assert_eq!(
            call(plate, |plate| {
                plate.0 += 1;
                Ok(())
            }),
            BC_OK
        );
        assert_eq!(call(plate, |plate| Err(plate.0 as i32)), 2);
        assert_eq!(let_go(plate), BC_OK);
    }

    #[test]
    fn null_and_other_kinds_are_answered() {
        assert_eq!(call(std::ptr::null_mut(), |_| Ok(())), BC_ERROR_NULL);
        assert_eq!(let_go(std::ptr::null_mut::<Shell<Plate>>()), BC_OK);
        let cup = new(Cup);
        assert_eq!(call(cup.cast(), |_| Ok(())), BC_ERROR_HANDLE);
        assert_eq!(let_go(cup.cast::<Shell<Plate>>()), BC_ERROR_HANDLE);
        assert_eq!(let_go(cup), BC_OK);
        let mut memory = [7_u64; 4];
        assert_eq!(
            call(memory.as_mut_ptr().cast(), |_| Ok(())),
            BC_ERROR_HANDLE
        );
        let odd = memory.as_mut_ptr().cast::<u8>().wrapping_add(1);
        assert_eq!(call(odd.cast(), |_| Ok(())), BC_ERROR_HANDLE);
    }

    #[test]
    fn a_freed_handle_is_known_for_a_while() {
        let plate = new(Plate(1));
        assert_eq!(let_go(plate), BC_OK);
        assert_eq!(call(plate, |_| Ok(())), BC_ERROR_FREED);
        assert_eq!(let_go(plate), BC_ERROR_FREED);
    }

    #[test]
    fn what_a_handle_holds_is_dropped_at_once() {
        struct Told(mpsc::Sender<()>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        impl Kind for Told {
            const MAGIC: u64 = 0x0003;
        }
        let (tell, told) = mpsc::channel();
        let handle = new(Told(tell));
        assert_eq!(let_go(handle), BC_OK);
        assert!(told.try_recv().is_ok());
    }

    #[test]
    fn a_panic_poisons_its_handle_and_no_other() {
        let (plate, other) = (new(Plate(1)), new(Plate(1)));
        assert_eq!(call(plate, |_| panic!("a defect")), BC_ERROR_PANIC);
        assert_eq!(call(plate, |_| Ok(())), BC_ERROR_POISONED);
        assert_eq!(call(other, |_| Ok(())), BC_OK);
        assert_eq!(let_go(plate), BC_OK);
        assert_eq!(let_go(plate), BC_ERROR_FREED);
        assert_eq!(let_go(other), BC_OK);
    }

    #[test]
    fn who_comes_while_a_call_runs_is_sent_away() {
        let plate = new(Plate(1));
        let address = plate as usize;
        let here = call(plate, |_| {
            let there = thread::spawn(move || {
                let plate = address as *mut Shell<Plate>;
                (call(plate, |_| Ok(())), let_go(plate))
            });
            assert_eq!(there.join().unwrap(), (BC_ERROR_BUSY, BC_ERROR_BUSY));
            Ok(())
        });
        assert_eq!(here, BC_OK);
        assert_eq!(let_go(plate), BC_OK);
    }

    #[test]
    fn a_thread_keeps_few_freed_shells() {
        let first = new(Plate(1));
        assert_eq!(let_go(first), BC_OK);
        for _ in 0..SHELLS_KEPT - 1 {
            let_go(new(Plate(1)));
        }
        assert_eq!(call(first, |_| Ok(())), BC_ERROR_FREED);
    }
}
