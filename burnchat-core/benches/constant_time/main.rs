//! Whether the time of what compares secrets tells where they differ: after dudect (Reparaz, Balasch, Verbauwhede,
//! "Dude, is my code constant time?", 2017).
//!
//! `cargo bench -p burnchat-core --bench constant_time` measures each comparison with inputs of two classes, in a random
//! order, and prints Welch's t between the classes' times: of all of them, and of the fastest shares, where the noise of
//! the machine is smallest. Beyond ±4.5 the two classes take different times; beyond ±10 there is no doubt. The controls
//! at the end compare in a way that is known to leak, and must show it, or the run says nothing about the rest.
//!
//! Nothing fails by what is measured: times on a busy machine prove nothing, either way. `SAMPLES=1000000` in the
//! environment takes more. In a test run (`cargo test --bench constant_time`) everything runs once, briefly.
//!
//! A run of 100,000 samples each (x86-64, RustCrypto, the core at opt-level 1 and its primitives at 2, on a machine busy with
//! other things): a wrong PIN through the whole hub t = -1.1, a wrong proof of admission -2.4, a wrong commit -1.1, a wrong
//! ticket hash -2.1, a wrong tag -1.7, an altered wrap -1.5, `Secret::ct_eq` -2.7, `ct_eq` of 6 bytes -0.7 and of 4 KiB 1.4.
//! The controls: a PIN symbol by symbol -1,211, 32 bytes one by one -2,757, `==` of 4 KiB -1,270.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark may fail by panicking, and prints what it finds"
)]

mod classes;
mod paths;

use std::env;
use std::process::ExitCode;

use self::classes::{Measured, measure};

/// From here on, a difference is taken for one.
const SUSPICIOUS: f64 = 4.5;

fn main() -> ExitCode {
    let is_bench = env::args().any(|argument| argument == "--bench");
    let asked = env::var("SAMPLES").ok().and_then(|text| text.parse().ok());
    let samples = asked.unwrap_or(if is_bench { 200_000 } else { 200 });
    println!(
        "{samples} samples of each, ns for one comparison in the median; |t| above {SUSPICIOUS} is a leak\n"
    );
    println!("{:44} {:>9} {:>9} {:>8}", "", "class 0", "class 1", "t");
    for mut path in paths::ours() {
        print(path.name, &measure(&mut path, samples));
    }
    println!();
    let mut seen = true;
    for mut path in paths::known_to_leak() {
        let measured = measure(&mut path, samples);
        print(path.name, &measured);
        seen &= measured.t.abs() > SUSPICIOUS;
    }
    if is_bench && !seen {
        println!("\nThe controls do not show: this run says nothing.");
    }
    ExitCode::SUCCESS
}

fn print(name: &str, measured: &Measured) {
    let [zero, one] = measured.medians;
    let leaks = if measured.t.abs() > SUSPICIOUS {
        "  differs"
    } else {
        ""
    };
    println!("{name:44} {zero:9.1} {one:9.1} {:8.2}{leaks}", measured.t);
}
