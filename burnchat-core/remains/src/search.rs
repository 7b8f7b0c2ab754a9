//! The memory of a process, all of it that can be read.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, read_to_string};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::Marks;

/// Two searches at a time would find what the other has just read.
static SEARCHING: Mutex<()> = Mutex::new(());

const CHUNK: usize = 1 << 18;
const PAGE: usize = 4096;

/// What a search came to.
#[derive(Default)]
pub struct Remains {
    /// How many bytes were read.
    pub bytes: u64,
    /// How many of them were in pages with anything in them.
    pub used: u64,
    /// How many marks were looked for.
    pub marks: usize,
    /// What was found.
    pub found: Vec<Find>,
}

/// A mark that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// What it is.
    pub what: &'static str,
    /// Which part of the memory it is in, as the kernel names it.
    pub map: String,
    /// Where there.
    pub at: u64,
}

impl Remains {
    /// How many of one kind were found.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.found.iter().filter(|find| find.what == what).count()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// Figures, and how often what was found where. No byte of what was found.
impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} KiB searched ({} KiB not zero) for {} marks, {} found",
            self.bytes >> 10,
            self.used >> 10,
            self.marks,
            self.found.len()
        )?;
        let mut places = BTreeMap::<_, (usize, u64)>::new();
        for find in &self.found {
            let place = places.entry((find.what, &find.map)).or_insert((0, find.at));
            place.0 += 1;
        }
        for ((what, map), (count, at)) in places {
            write!(f, "\n  {count} × {what} in {map}, first at {at:#x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Looks through all memory of a process: `"self"`, or its number, for which it usually takes to be root.
///
/// # Errors
/// What the system says if the memory can't be read.
pub fn search(process: &str, marks: &mut Marks) -> io::Result<Remains> {
    let _alone = SEARCHING.lock().unwrap_or_else(PoisonError::into_inner);
    marks.sort();
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let maps = read_to_string(format!("/proc/{process}/maps"))?;
    let mut remains = Remains {
        marks: marks.len(),
        ..Remains::default()
    };
    // What is read is not looked for here, and wiped afterwards.
    let mut buffer = Zeroizing::new(vec![0; CHUNK + marks.longest()]);
    let own = buffer.as_ptr_range();
    let own = own.start as u64..own.end as u64;
    for Map { start, end, name } in readable(&maps) {
        let mut at = start;
        while at < end {
            let wanted = buffer.len().min((end - at) as usize);
            // Pages beyond the end of a file can't be read.
            let length = memory.read_at(&mut buffer[..wanted], at).unwrap_or(0);
            let window = &buffer[..length];
            remains.bytes += length.min(CHUNK) as u64;
            for (page_at, page) in pages(window) {
                remains.used += page.len().min(CHUNK - page_at) as u64;
                let more = (page_at + page.len() + marks.longest()).min(length);
                marks.find(&window[page_at..more], |offset, what| {
                    let place = at + (page_at + offset) as u64;
                    // What begins on the next page or in the overlap is found there.
                    if offset < page.len()
                        && page_at + offset < CHUNK
                        && !(process == "self" && own.contains(&place))
                    {
                        remains.found.push(Find {
                            what,
                            map: name.clone(),
                            at: place - start,
                        });
                    }
                });
            }
            at += CHUNK as u64;
        }
    }
    Ok(remains)
}

/// A part of the memory.
#[derive(Debug, PartialEq, Eq)]
struct Map {
    start: u64,
    end: u64,
    name: String,
}

/// What of a process' maps can be read, each address once: the kernel hands the list out in pieces, and tells of a map
/// again that has grown or been joined with its neighbour between two of them.
fn readable(maps: &str) -> Vec<Map> {
    let mut told = 0;
    let mut readable = Vec::new();
    for map in maps.lines() {
        let mut fields = map.split_whitespace();
        let (range, rights) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        let name = fields.nth(3).unwrap_or("anonymous memory");
        let (start, end) = range.split_once('-').unwrap_or(("0", "0"));
        let bound = |text| u64::from_str_radix(text, 16).unwrap_or(0);
        let (start, end) = (bound(start).max(told), bound(end));
        told = told.max(end);
        // What the kernel maps for everybody can't be read this way, and nothing of ours can be in it.
        let kernels = ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(&name);
        if rights.starts_with('r') && !kernels && start < end {
            readable.push(Map {
                start,
                end,
                name: format!("{name} {rights}"),
            });
        }
    }
    readable
}

/// The pages with anything in them. Most memory has never been used, or has been wiped.
fn pages(window: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    window
        .chunks(PAGE)
        .enumerate()
        .map(|(number, page)| (number * PAGE, page))
        .filter(|(at, page)| *at < CHUNK && page.iter().any(|byte| *byte != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_is_told_of_twice_is_searched_once() {
        let maps = "\
1000-3000 rw-p 00000000 00:00 0 [heap]
1000-5000 rw-p 00000000 00:00 0 [heap]
4000-5000 rw-p 00000000 00:00 0 [heap]
5000-6000 ---p 00000000 00:00 0
6000-7000 r--p 00000000 00:00 0 [vvar]
7000-8000 rw-p 00000000 00:00 0
";
        let places: Vec<_> = readable(maps)
            .into_iter()
            .map(|map| (map.start, map.end, map.name))
            .collect();
        assert_eq!(
            places,
            [
                (0x1000, 0x3000, "[heap] rw-p".to_owned()),
                (0x3000, 0x5000, "[heap] rw-p".to_owned()),
                (0x7000, 0x8000, "anonymous memory rw-p".to_owned()),
            ]
        );
    }
}
