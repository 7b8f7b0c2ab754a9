//! That what remains is found, wherever it is: without this, finding nothing would mean nothing.

use std::hint::black_box;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use burnchat_core::crypto::wipe_stack;
use burnchat_remains::{Keeping, Marks, search};

#[global_allocator]
static KEEPING: Keeping = Keeping::new();

/// A thread that ends leaves its stack to the next one: while a test looks, no other runs.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A secret of 64 bytes that stands nowhere, for as long as `whole` is not asked for it.
struct Scattered(u8);

const LENGTH: u8 = 64;

impl Scattered {
    fn byte(&self, place: u8) -> u8 {
        black_box(place.wrapping_mul(37) ^ self.0.rotate_left(place.into()))
    }

    fn whole(&self) -> [u8; LENGTH as usize] {
        std::array::from_fn(|place| self.byte(place as u8))
    }

    fn marks(&self) -> Marks {
        let mut marks = Marks::new();
        let turned = (0..LENGTH).map(|place| !self.byte(place));
        marks.add_turned("a secret", turned.collect());
        marks
    }
}

/// Deeper than the search goes: what it would overwrite, it would not find.
const DEEP: usize = 32 << 10;
/// Deeper than a thread goes when it ends, and no deeper than what glibc keeps of its stack then, which is 16 KiB.
const NOT_SO_DEEP: usize = 8 << 10;

#[inline(never)]
fn on_the_stack<const DEPTH: usize>(secret: &Scattered) {
    let mut above = [0_u8; DEPTH];
    black_box(&mut above);
    at_the_bottom(secret);
    // It is there until now.
    black_box(&mut above);
}

#[inline(never)]
fn at_the_bottom(secret: &Scattered) {
    black_box(secret.whole());
}

#[inline(never)]
fn on_the_heap(secret: &Scattered) {
    drop(black_box(Box::new(secret.whole())));
}

#[test]
fn what_was_freed_without_being_wiped_is_found() {
    let _alone = alone();
    let secret = Scattered(0x11);
    let mut marks = secret.marks();
    assert!(search("self", &mut marks).unwrap().is_empty());
    let freed = KEEPING.freed();
    on_the_heap(&secret);
    wipe_stack();
    assert!(KEEPING.freed() >= freed + usize::from(LENGTH));
    // Other blocks come, and none takes its place.
    for size in 1..1_000 {
        drop(black_box(vec![0xff_u8; size]));
    }
    let remains = search("self", &mut marks).unwrap();
    assert_eq!(
        remains.count("a secret"),
        3,
        "beginning, middle and end: {remains}"
    );
}

#[test]
fn what_a_call_left_on_the_stack_is_found_until_the_stack_is_wiped() {
    let _alone = alone();
    let secret = Scattered(0x22);
    let mut marks = secret.marks();
    on_the_stack::<DEEP>(&secret);
    let remains = search("self", &mut marks).unwrap();
    assert!(!remains.is_empty());
    wipe_stack();
    let remains = search("self", &mut marks).unwrap();
    assert!(remains.is_empty(), "{remains}");
}

#[test]
fn what_a_thread_left_on_its_stack_is_found_after_its_end() {
    let _alone = alone();
    let secret = Scattered(0x33);
    let mut marks = secret.marks();
    thread::spawn(move || on_the_stack::<NOT_SO_DEEP>(&secret))
        .join()
        .unwrap();
    let remains = search("self", &mut marks).unwrap();
    assert!(!remains.is_empty());
}

#[test]
fn an_argument_of_another_process_is_found() {
    let _alone = alone();
    let secret = "what-the-shell-remembers";
    let mut marks = Marks::new();
    marks.add("an argument", secret.as_bytes());
    let mut cat = std::process::Command::new("cat")
        .env("SECRET", secret)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let remains = search(&cat.id().to_string(), &mut marks);
    drop(cat.stdin.take());
    cat.wait().unwrap();
    assert_ne!(remains.unwrap().count("an argument"), 0);
}
