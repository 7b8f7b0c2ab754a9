//! What must not be left of a room: everything that was said about it on the wire, in all the forms it may have.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

/// Shorter values could be found by chance.
const SHORTEST: usize = 16;
/// Of a longer value, pieces of this length are looked for: a part of it is as bad as the whole.
const PIECE: usize = 24;

/// Values to look for, each with what it is.
#[derive(Default)]
pub(crate) struct Markers(BTreeSet<(String, &'static str)>);

impl Markers {
    /// Adds a value as it is written on the wire.
    pub(crate) fn add(&mut self, what: &'static str, text: &str) {
        self.0.insert((text.to_owned(), what));
    }

    /// Adds every value of a frame or a body that could not have been there by chance: ids, keys, hashes, names, tokens,
    /// signatures, wraps, ciphertexts.
    pub(crate) fn add_json(&mut self, json: &str) {
        // Between two quotes there is either a value or a key, or what is between those; none of these looks like a value.
        for word in json.split('"') {
            let is_coded =
                word.len() >= SHORTEST && BASE64URL_NOPAD.decode(word.as_bytes()).is_ok();
            if is_coded
                && word
                    .bytes()
                    .any(|byte| !(byte.is_ascii_lowercase() || byte == b'_'))
            {
                self.add(
                    if word.len() > 256 {
                        "a long value"
                    } else {
                        "a value"
                    },
                    word,
                );
            }
        }
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The values as text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(text, _)| text.as_str())
    }

    /// Something that finds them all: as they are written, as the bytes these stand for, and in hexadecimal.
    pub(crate) fn finder(&self) -> Finder {
        let mut patterns = BTreeSet::new();
        for (text, what) in &self.0 {
            let mut forms = vec![("as text", text.as_bytes().to_vec())];
            if let Ok(bytes) = BASE64URL_NOPAD.decode(text.as_bytes()) {
                forms.push(("in hexadecimal", HEXLOWER.encode(&bytes).into_bytes()));
                forms.push(("as bytes", bytes));
            }
            for (form, bytes) in forms {
                for piece in pieces(&bytes)
                    .into_iter()
                    .filter(|piece| is_by_chance(piece))
                {
                    patterns.insert((piece.to_vec(), format!("{what}, {form}")));
                }
            }
        }
        let (patterns, names): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        let automaton = AhoCorasick::new(&patterns).expect("few enough");
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        Finder {
            automaton,
            names,
            longest,
        }
    }
}

/// The beginning, the middle and the end.
fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    match bytes.len().checked_sub(PIECE) {
        None | Some(0) => vec![bytes],
        Some(rest) => [0, rest / 2, rest]
            .map(|start| &bytes[start..start + PIECE])
            .to_vec(),
    }
}

/// Whether it looks drawn at random: what stands for 'none', and what a thing of a fixed form begins with, is everywhere.
fn is_by_chance(piece: &[u8]) -> bool {
    let different: BTreeSet<_> = piece.iter().collect();
    different.len() >= 8 || piece.starts_with(b"\"")
}

pub(crate) struct Finder {
    automaton: AhoCorasick,
    names: Vec<String>,
    /// The length of the longest thing to find.
    pub(crate) longest: usize,
}

impl Finder {
    /// Where which of them are.
    pub(crate) fn find<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (usize, &'a str)> {
        let found = self.automaton.find_overlapping_iter(bytes);
        found.map(|found| {
            (
                found.start(),
                self.names[found.pattern().as_usize()].as_str(),
            )
        })
    }
}
