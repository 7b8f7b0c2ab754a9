//! The memory of another process, all of it that can be read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, read_to_string};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use super::markers::Finder;
use super::now;

const CHUNK: usize = 1 << 14;
/// Threads and connections need a moment to let go of what they were just doing. A connection for requests is kept open
/// for 10 s, and closed by the next answer or 10 s after its last one.
const LETTING_GO: Duration = Duration::from_secs(25);

/// Something that was found.
pub(crate) struct Find {
    pub(crate) what: String,
    /// Which part of the memory it was in.
    pub(crate) map: String,
    /// Where there.
    at: u64,
    /// What is round it, for people.
    round: String,
}

/// Looks through the whole memory of a process.
pub(crate) fn search(pid: u32, finder: &Finder) -> Vec<Find> {
    let memory = File::open(format!("/proc/{pid}/mem")).expect("as root");
    let maps = read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut found = Vec::new();
    let mut buffer = vec![0; CHUNK + finder.longest];
    let mut read_in_all = 0_usize;
    for map in maps.lines() {
        let mut fields = map.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        let name = fields.nth(3).unwrap_or("anonymous");
        // What the kernel maps for everybody can't be read this way, and nothing of ours can be in it.
        if !rights.starts_with('r') || ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(&name) {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let bound = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = (bound(start), bound(end));
        let mut at = start;
        while at < end {
            let wanted = buffer.len().min((end - at) as usize);
            let length = memory.read_at(&mut buffer[..wanted], at).unwrap_or(0);
            read_in_all += length;
            let window = &buffer[..length];
            // Much of it has never been used, or has been wiped.
            if window.iter().all(|byte| *byte == 0) {
                at += CHUNK as u64;
                continue;
            }
            for (offset, what) in finder.find(window) {
                // What begins in the overlap is found by the next round.
                if offset < CHUNK {
                    let round = &window[offset.saturating_sub(64)..window.len().min(offset + 64)];
                    found.push(Find {
                        what: what.to_owned(),
                        map: format!("{name} {rights}"),
                        at: at - start + offset as u64,
                        round: round.escape_ascii().to_string(),
                    });
                }
            }
            at += CHUNK as u64;
        }
    }
    assert!(read_in_all > 1 << 20, "its memory can be read");
    found
}

impl fmt::Debug for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in {} at {:#x}: {}",
            self.what, self.map, self.at, self.round
        )
    }
}

/// Searches until nothing is left, or the time for that is over.
pub(crate) async fn expect_nothing(pid: u32, finder: &Finder) {
    let started = now();
    let mut left = search(pid, finder);
    while !left.is_empty() && now().millis_since(started) < LETTING_GO.as_millis() as u64 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        left = search(pid, finder);
    }
    let mut places = BTreeMap::<_, usize>::new();
    for find in &left {
        let place = format!("{} in {}", find.what, find.map);
        *places.entry(place).or_default() += 1;
    }
    let some: Vec<_> = left.iter().take(20).collect();
    assert!(left.is_empty(), "left: {places:#?}, such as {some:#?}");
}
