//! Makes the test vectors in `spec/vectors/`, the transcripts in `spec/transcripts/` and the JSON Schemas in
//! `spec/schema/`; and of these and the relay's own annotations the description that the relay serves.
//!
//! Everything is made in memory, from names and seeds that are written down here, and comes out the same each time.
//! [`differences`] compares it with the files; [`write()`] is the only thing that changes them.
//!
//! What the files are worth does not rest on this crate: `burnchat-core/tests/vectors.rs` reads them from disk and
//! holds the core to them, and `spec/vectors/check.mjs`, written from the spec alone, computes them again. The schemas
//! are held to the frames of vectors and transcripts by `tests/schemas.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "its input is its own: where it fails it is wrong, and should stop"
)]

mod cast;
mod file;
mod json;
mod named;
mod openapi;
mod schemas;
mod transcripts;
mod vectors;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use burnchat_core::crypto::{Secret, SigningKeyPair};

/// A file: its place below `spec/`, and its text.
pub type Made = (String, String);

/// Every file.
#[must_use]
pub fn make() -> Vec<Made> {
    vectors::files()
        .into_iter()
        .map(file::File::finish)
        .chain(transcripts::files())
        .chain(schemas::files())
        .chain([openapi::file()])
        .collect()
}

/// The folder `spec` of this repository.
#[must_use]
pub fn spec_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What is wrong with the files on disk, one line each: missing, different, or not made here.
///
/// # Errors
/// When the folder cannot be read.
pub fn differences(spec: &Path) -> io::Result<Vec<String>> {
    let made = make();
    let exact = signatures_come_out_the_same();
    let mut found = Vec::new();
    for (name, text) in &made {
        match fs::read_to_string(spec.join(name)) {
            Ok(on_disk) if on_disk == *text => {}
            Ok(on_disk) if !exact && without_signatures(&on_disk) == without_signatures(text) => {}
            Ok(on_disk) => found.push(format!(
                "{name} differs{}",
                first_difference(&on_disk, text)
            )),
            Err(_) => found.push(format!("{name} is missing")),
        }
    }
    for name in on_disk(spec)? {
        if !made.iter().any(|(known, _)| *known == name) {
            found.push(format!("{name} is not made here"));
        }
    }
    Ok(found)
}

/// Writes every file.
///
/// # Errors
/// When one cannot be written.
pub fn write(spec: &Path) -> io::Result<Vec<String>> {
    let mut written = Vec::new();
    for (name, text) in make() {
        let path = spec.join(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
        written.push(name);
    }
    Ok(written)
}

/// Whether the core signs a message the same way twice: AWS-LC does not, and what is built along with it may turn it
/// on. The transcripts, which the core's own clients sign, are then compared but for that.
fn signatures_come_out_the_same() -> bool {
    let pair = SigningKeyPair::from_scalar_bytes(&Secret::copy_of(&[1; 32])).unwrap();
    pair.sign(&[b"twice"]).unwrap() == pair.sign(&[b"twice"]).unwrap()
}

/// A transcript without the signatures in its frames, and without what is made of them. That they are right, whoever
/// follows it finds out.
fn without_signatures(transcript: &str) -> String {
    ["sig", "sealed_name", "join_proof"]
        .into_iter()
        .fold(transcript.to_owned(), |text, member| {
            let start = format!("\\\"{member}\\\":\\\"");
            let mut parts = text.split(&start);
            let first = parts.next().unwrap_or_default().to_owned();
            parts.fold(first, |kept, part| {
                let value = part.find('\\').unwrap_or(part.len());
                kept + &start + &part[value..]
            })
        })
}

fn on_disk(spec: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut folders: Vec<String> = ["vectors", "transcripts", "schema"].map(Into::into).into();
    while let Some(folder) = folders.pop() {
        if !spec.join(&folder).is_dir() {
            continue;
        }
        for entry in fs::read_dir(spec.join(&folder))? {
            let entry = entry?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(name);
            } else if name.ends_with(".json") {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

fn first_difference(on_disk: &str, made: &str) -> String {
    let differing = on_disk
        .lines()
        .zip(made.lines())
        .position(|(one, other)| one != other);
    match differing {
        Some(line) => format!(" from line {}", line + 1),
        None => " in its length".into(),
    }
}

/// The text of bytes, without padding (spec section 3).
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|place| chunk.get(place).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, a, b, c]);
        for place in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * place)) & 63;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    text
}
