//! The catalogue: what the spec demands, in words of ours, and where it says so.
//!
//! The spec says most of what it demands as plain statements of what a client or a relay does. The catalogue names
//! each, so that a case can say what it shows, and a test that nothing is left out. It is kept in
//! `requirements/*.toml`, a file for each side:
//!
//! ```toml
//! [[requirement]]
//! id = "7.3/unknown-steward"        # the section, and a name
//! level = "MUST"                    # or SHOULD, MAY
//! text = "A key frame of one who was not asked for that version is dropped without an answer."
//! quote = "its sender was asked for that version"   # a piece of the spec's text, word for word
//! # Where no case can show it, why not; a requirement has this or cases.
//! untestable = "…"
//! ```

use std::sync::LazyLock;

use serde::Deserialize;

use crate::case::Level;

/// One thing that the spec demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The section and a name: `7.3/unknown-steward`.
    pub id: String,
    /// Of whom.
    pub side: Side,
    /// How much it binds.
    pub level: Level,
    /// What, in words of ours.
    pub text: String,
    /// The piece of the spec's text it stands for.
    pub quote: String,
    /// Why no case can show it, where none can.
    pub untestable: Option<String>,
}

impl Requirement {
    /// The spec's section: what stands before the slash.
    #[must_use]
    pub fn section(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }
}

/// Of whom something is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Of a relay.
    Relay,
    /// Of a client.
    Client,
    /// Of everybody: encodings, keys and formats.
    Format,
}

impl Side {
    /// A word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Client => "client",
            Self::Format => "format",
        }
    }
}

/// The file of each side.
const FILES: [(Side, &str); 4] = [
    (Side::Relay, include_str!("../requirements/relay.toml")),
    (Side::Client, include_str!("../requirements/client.toml")),
    (Side::Format, include_str!("../requirements/format.toml")),
    (
        Side::Client,
        include_str!("../requirements/application.toml"),
    ),
];

/// All of them, side by side, each in the order of its file; a test shows that the files can be read.
#[must_use]
pub fn all() -> &'static [Requirement] {
    static ALL: LazyLock<Vec<Requirement>> = LazyLock::new(|| read().unwrap_or_default());
    &ALL
}

/// What a requirement says.
#[must_use]
pub fn text_of(id: &str) -> Option<&'static str> {
    let found = all().iter().find(|requirement| requirement.id == id);
    found.map(|requirement| requirement.text.as_str())
}

/// Reads the files.
///
/// # Errors
/// Which one cannot be read, and why.
pub fn read() -> Result<Vec<Requirement>, String> {
    let mut all = Vec::new();
    for (side, text) in FILES {
        let file: File =
            toml::from_str(text).map_err(|error| format!("{}.toml: {error}", side.word()))?;
        all.extend(file.requirement.into_iter().map(|entry| Requirement {
            id: entry.id,
            side,
            level: entry.level,
            text: entry.text,
            quote: entry.quote,
            untestable: entry.untestable,
        }));
    }
    Ok(all)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    requirement: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    level: Level,
    text: String,
    quote: String,
    untestable: Option<String>,
}
