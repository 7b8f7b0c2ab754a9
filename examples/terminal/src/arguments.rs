//! What the program is started with, and that secrets do not stay where it was said.
//!
//! Arguments and environment lie in a process's memory until it ends, and other programs of the same user may read them,
//! arguments even those of other users. Nothing but a new start takes them away: whoever was told a link, a PIN or a name
//! there starts itself anew without, in the same process, and reads what it was told from a pipe.

#[cfg(unix)]
use std::ffi::OsString;
#[cfg(unix)]
use std::io::{self, Read, Write};
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
#[cfg(unix)]
use std::os::unix::process::CommandExt;

use clap::Parser;
#[cfg(unix)]
use zeroize::Zeroizing;

use crate::args::Args;
#[cfg(unix)]
use crate::args::{LINK, PIN};

/// Under this name the environment of a new start has the number of the pipe.
#[cfg(unix)]
const HANDED_OVER: &str = "BURNCHAT_HANDED_OVER";

/// What every pipe has room for, whoever reads it when (POSIX has pipes of so many bytes at least on every system that
/// this program is built for). The longest link has 2 KiB.
#[cfg(unix)]
const PIPE_BYTES: usize = 4_096;

/// Reads the command line. Where it makes no sense the program ends here, and says so.
///
/// Where the system does not let it start anew, it goes on as it was started.
pub(crate) fn read() -> Args {
    #[cfg(unix)]
    if let Some(words) = handed_over() {
        return Args::parse_from(words);
    }
    let args = Args::parse();
    #[cfg(unix)]
    if args.tells_secrets()
        || [LINK, PIN]
            .iter()
            .any(|name| std::env::var_os(name).is_some())
    {
        // It comes back only if it has failed.
        let _ = start_anew(&args);
    }
    args
}

/// What the same process was told before it started itself anew.
#[cfg(unix)]
fn handed_over() -> Option<Vec<OsString>> {
    let number: u32 = std::env::var(HANDED_OVER).ok()?.parse().ok()?;
    let pipe = std::fs::File::open(format!("/dev/fd/{number}")).ok()?;
    let mut words = Zeroizing::new(Vec::with_capacity(PIPE_BYTES));
    pipe.take(PIPE_BYTES as u64).read_to_end(&mut words).ok()?;
    let words = words.split(|byte| *byte == 0);
    Some(
        words
            .map(|word| OsString::from_vec(word.to_vec()))
            .collect(),
    )
}

#[cfg(unix)]
fn start_anew(args: &Args) -> io::Result<()> {
    let mut told = Zeroizing::new(Vec::with_capacity(PIPE_BYTES));
    for (place, word) in args.words().iter().enumerate() {
        if place > 0 {
            told.push(0);
        }
        told.extend_from_slice(word.as_bytes());
    }
    if told.len() > PIPE_BYTES {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // Made by the standard library, it would be closed by the new start.
    let (read, write) = rustix::pipe::pipe()?;
    std::fs::File::from(write).write_all(&told)?;
    let program = match cfg!(any(target_os = "linux", target_os = "android")) {
        true => "/proc/self/exe".into(),
        false => std::env::current_exe()?,
    };
    Err(std::process::Command::new(program)
        .arg0(
            std::env::args_os()
                .next()
                .unwrap_or_else(|| "burnchat".into()),
        )
        .env_remove(LINK)
        .env_remove(PIN)
        .env(HANDED_OVER, read.as_raw_fd().to_string())
        .exec())
}
