//! JSON that is read by people: members in the order they were given, short things on one line.

use std::fmt::Write as _;

/// How long a list or an object on one line may be.
const LINE: usize = 120;

/// A JSON value. There are no fractions and no negative numbers in these files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Number(u64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object without members yet.
    #[must_use]
    pub(crate) fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// A list of what these become.
    pub(crate) fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// The object with one more member; anything else is left as it is.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Into<Self>) -> Self {
        if let Self::Object(members) = &mut self {
            members.push((key.into(), value.into()));
        }
        self
    }

    /// The text, with a line feed at its end.
    #[must_use]
    pub(crate) fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0);
        out.push('\n');
        out
    }

    fn write(&self, out: &mut String, indent: usize) {
        let line = self.on_one_line();
        let nested = match self {
            Self::List(items) => items
                .iter()
                .any(|item| matches!(item, Self::Object(members) if members.len() > 2)),
            Self::Object(members) => {
                members.len() > 4
                    || members
                        .iter()
                        .any(|(_, value)| matches!(value, Self::Object(_)))
            }
            _ => return out.push_str(&line),
        };
        if !nested && line.chars().count() + indent <= LINE {
            return out.push_str(&line);
        }
        match self {
            Self::List(items) => {
                let items = items.iter().map(|item| (None, item));
                write_lines(out, indent, ['[', ']'], items);
            }
            Self::Object(members) => {
                let members = members.iter().map(|(key, value)| (Some(key), value));
                write_lines(out, indent, ['{', '}'], members);
            }
            _ => out.push_str(&line),
        }
    }

    fn on_one_line(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) => quoted(text),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::on_one_line).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Object(members) if members.is_empty() => "{}".into(),
            Self::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("{}: {}", quoted(key), value.on_one_line()))
                    .collect();
                format!("{{ {} }}", members.join(", "))
            }
        }
    }
}

fn write_lines<'a>(
    out: &mut String,
    indent: usize,
    [open, close]: [char; 2],
    items: impl ExactSizeIterator<Item = (Option<&'a String>, &'a Json)>,
) {
    let last = items.len();
    out.push(open);
    for (place, (key, value)) in items.enumerate() {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent + 2));
        if let Some(key) = key {
            out.push_str(&quoted(key));
            out.push_str(": ");
        }
        value.write(out, indent + 2);
        if place + 1 < last {
            out.push(',');
        }
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
    out.push(close);
}

/// What a reader could not see, or could mistake, is written as an escape.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            plain if plain == ' ' || plain.is_alphanumeric() || plain.is_ascii_punctuation() => {
                out.push(plain);
            }
            '·' => out.push('·'),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a String does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Self {
        Self::Number(value.into())
    }
}

impl From<u16> for Json {
    fn from(value: u16) -> Self {
        Self::Number(value.into())
    }
}

impl From<u8> for Json {
    fn from(value: u8) -> Self {
        Self::Number(value.into())
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Self {
        Self::Number(value as u64)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Self::List(items)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Bytes as the files write them: hex, lower case.
#[must_use]
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
