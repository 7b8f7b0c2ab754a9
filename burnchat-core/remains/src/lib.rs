//! What remains of a room in the memory of a process, for tests.
//!
//! - [`Marks`] are what is looked for. They are kept with every bit turned over, so that the search does not find itself.
//! - [`search`] reads all memory of a process that can be read, through `/proc`: heaps, freed memory, stacks of living
//!   and of ended threads, statics, arguments, environment.
//! - [`Keeping`] is an allocator that gives nothing back: what was in freed memory stays there for the search to find, and
//!   no later allocation covers it up.
//!
//! - [`Recorder`] is a generator that remembers what it gave out, and [`Known`] derives every key of a room from that and
//!   from what was said on the wire.
//!
//! What it does not see: registers, what was swapped out, what the kernel and other processes hold, and values in a form
//! that is not among the marks. Of a mark of 32 bytes or more its first, middle and last 16 bytes are found each by
//! itself, so a key that was overwritten in part is found, too.

mod drawn;
mod keeping;
mod known;
mod marks;
mod search;

pub use drawn::Recorder;
pub use keeping::Keeping;
pub use known::{Known, MESSAGES};
pub use marks::Marks;
pub use search::{Find, Remains, search};
