//! What is looked for.

use std::collections::BTreeMap;

/// Shorter marks could be found by chance.
const SHORTEST: usize = 6;
/// Of what is twice as long, pieces of this length are looked for: a part of a key is nearly as bad as the whole.
const PIECE: usize = 16;
/// A filter in front of the list: a bit for each value of this many bits of a hash.
const FILTER_BITS: u32 = 20;

/// Byte strings to look for, each with what it is. They are kept with every bit turned over.
#[derive(Default)]
pub struct Marks {
    marks: BTreeMap<Vec<u8>, &'static str>,
    longest: usize,
    sorted: Option<Sorted>,
}

/// The same, as it is searched.
struct Sorted {
    /// The first bytes of each, turned over too, in order, and which they are.
    starts: Vec<(u64, Vec<u8>, &'static str)>,
    filter: Vec<u64>,
}

impl Marks {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a byte string: its beginning, middle and end if it is long.
    pub fn add(&mut self, what: &'static str, bytes: &[u8]) {
        self.add_turned(what, bytes.iter().map(|byte| !byte).collect());
    }

    /// Adds a number, or what may be kept as one: forwards and backwards.
    pub fn add_key(&mut self, what: &'static str, bytes: &[u8]) {
        self.add(what, bytes);
        self.add_turned(what, bytes.iter().rev().map(|byte| !byte).collect());
    }

    /// Adds a byte string whose bits are turned over.
    pub fn add_turned(&mut self, what: &'static str, turned: Vec<u8>) {
        assert!(turned.len() >= SHORTEST, "{what} is too short to look for");
        self.sorted = None;
        let Some(last) = turned
            .len()
            .checked_sub(PIECE)
            .filter(|last| *last >= PIECE)
        else {
            self.longest = self.longest.max(turned.len());
            self.marks.entry(turned).or_insert(what);
            return;
        };
        self.longest = self.longest.max(PIECE);
        for start in [0, last / 2, last] {
            let piece = turned[start..start + PIECE].to_vec();
            self.marks.entry(piece).or_insert(what);
        }
    }

    /// How many there are, pieces counted one by one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    pub(crate) fn longest(&self) -> usize {
        self.longest.max(size_of::<u64>())
    }

    /// Makes them ready to be looked for.
    pub(crate) fn sort(&mut self) {
        if self.sorted.is_some() {
            return;
        }
        let mut starts: Vec<_> = self
            .marks
            .iter()
            .map(|(turned, what)| (start_of(turned), turned.clone(), *what))
            .collect();
        starts.sort_unstable();
        let mut filter = vec![0; 1 << (FILTER_BITS - 6)];
        for (start, ..) in &starts {
            let place = place(*start);
            filter[place >> 6] |= 1 << (place & 63);
        }
        self.sorted = Some(Sorted { starts, filter });
    }

    /// Calls `found` with each place where a mark is, and what it is.
    pub(crate) fn find(&self, bytes: &[u8], mut found: impl FnMut(usize, &'static str)) {
        let Some(Sorted { starts, filter }) = &self.sorted else {
            return;
        };
        for at in 0..bytes.len() {
            let start = !start_of(&bytes[at..]) & SIX_BYTES;
            let place = place(start);
            if filter[place >> 6] & 1 << (place & 63) == 0 {
                continue;
            }
            let first = starts.partition_point(|(one, ..)| *one < start);
            let same = starts[first..].iter().take_while(|(one, ..)| *one == start);
            for (_, turned, what) in same {
                let here = bytes.get(at..at + turned.len()).unwrap_or_default();
                let mut pairs = here.iter().zip(turned);
                if !here.is_empty() && pairs.all(|(byte, turned)| byte ^ turned == 0xff) {
                    found(at, what);
                }
            }
        }
    }
}

const SIX_BYTES: u64 = (1 << 48) - 1;

/// The first six bytes as a number.
fn start_of(bytes: &[u8]) -> u64 {
    let first = match bytes.first_chunk() {
        Some(first) => *first,
        None => {
            let mut first = [0; 8];
            first[..bytes.len()].copy_from_slice(bytes);
            first
        }
    };
    u64::from_le_bytes(first) & SIX_BYTES
}

fn place(start: u64) -> usize {
    (start.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(marks: &mut Marks, bytes: &[u8]) -> Vec<(usize, &'static str)> {
        marks.sort();
        let mut found = Vec::new();
        marks.find(bytes, |at, what| found.push((at, what)));
        found
    }

    #[test]
    fn a_mark_is_found_wherever_it_is() {
        let mut marks = Marks::new();
        marks.add("a PIN", b"7YQ2XK");
        marks.add("a text", b"periwinkle");
        for before in 0..20 {
            let text = [&vec![b'.'; before][..], b"periwinkle7YQ2XK"].concat();
            let places = [(before, "a text"), (before + 10, "a PIN")];
            assert_eq!(found(&mut marks, &text), places);
        }
        assert!(found(&mut marks, b"periwinkl 7YQ2X").is_empty());
    }

    #[test]
    fn half_a_key_is_found_and_so_is_one_that_is_kept_backwards() {
        let mut marks = Marks::new();
        let key: Vec<u8> = (1..=32).collect();
        marks.add_key("a key", &key);
        assert_eq!(found(&mut marks, &key[16..]), [(0, "a key")]);
        let backwards: Vec<u8> = key.iter().rev().copied().collect();
        assert_eq!(found(&mut marks, &backwards[..16]), [(0, "a key")]);
        assert!(found(&mut marks, &key[1..8]).is_empty());
    }

    #[test]
    fn marks_do_not_stand_in_memory_as_they_are() {
        let mut marks = Marks::new();
        marks.add("a text", b"marzipan");
        let kept: Vec<_> = marks.marks.keys().collect();
        assert_eq!(kept, [&b"marzipan".map(|byte| !byte)]);
    }
}
