//! A first look at frames as programs write them, many times faster than a reading: no escapes, no fractions, few members.
//!
//! It decides less than JSON allows and nothing else than JSON says: `None` is not a refusal.

use crate::limits;

/// Members of one object. What has more gets a closer look.
const MEMBERS: usize = 16;
/// Digits of a number.
const DIGITS: usize = 15;

/// Whether `text` is one JSON object within the limits of section 13.1 and without a repeated member: its member `type`,
/// if that is a text and there is one. `None` where that can't be told at a glance.
pub(super) fn glance(text: &str) -> Option<Option<&str>> {
    let mut rest = Rest(text);
    rest.skip_space();
    rest.take('{')?;
    let mut type_name = None;
    rest.members(1, &mut |name, rest| {
        if name == "type" {
            rest.take('"')?;
            type_name = Some(rest.string()?);
            Some(())
        } else {
            rest.value(2)
        }
    })?;
    rest.skip_space();
    rest.0.is_empty().then_some(type_name)
}

/// What is still to be looked at.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn next(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    fn skip_space(&mut self) {
        if matches!(self.next(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.0 = self.0.trim_start_matches([' ', '\n', '\t', '\r']);
        }
    }

    fn take(&mut self, expected: char) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Past an opening quote: to the closing one, if nothing is escaped before it.
    fn string(&mut self) -> Option<&'a str> {
        let (string, rest) = self.0.split_once('"')?;
        let odd = |odd, byte: u8| odd | (byte < 0x20) | (byte == b'\\');
        if string.bytes().fold(false, odd) {
            return None;
        }
        self.0 = rest;
        Some(string)
    }

    /// Past an opening brace at a depth: all members, to the closing brace.
    fn members(
        &mut self,
        depth: usize,
        value: &mut impl FnMut(&'a str, &mut Self) -> Option<()>,
    ) -> Option<()> {
        if depth > limits::FRAME_DEPTH {
            return None;
        }
        self.skip_space();
        if self.take('}').is_some() {
            return Some(());
        }
        let mut names = [""; MEMBERS];
        let mut seen = 0;
        loop {
            self.take('"')?;
            let name = self.string()?;
            let (before, free) = names.split_at_mut_checked(seen)?;
            if before.contains(&name) {
                return None;
            }
            *free.first_mut()? = name;
            seen += 1;
            self.skip_space();
            self.take(':')?;
            self.skip_space();
            value(name, self)?;
            self.skip_space();
            if self.take('}').is_some() {
                return Some(());
            }
            self.take(',')?;
            self.skip_space();
        }
    }

    /// One value, which stands at a depth if it is an object or an array.
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.next()? {
            b'"' => {
                self.take('"')?;
                self.string().map(|_| ())
            }
            b'{' => {
                self.take('{')?;
                self.members(depth, &mut |_, rest| rest.value(depth + 1))
            }
            b'[' => {
                self.take('[')?;
                self.elements(depth)
            }
            b'0'..=b'9' => self.digits(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => None,
        }
    }

    fn elements(&mut self, depth: usize) -> Option<()> {
        if depth > limits::FRAME_DEPTH {
            return None;
        }
        self.skip_space();
        if self.take(']').is_some() {
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            self.skip_space();
            if self.take(']').is_some() {
                return Some(());
            }
            self.take(',')?;
            self.skip_space();
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// An integer that is not negative.
    fn digits(&mut self) -> Option<()> {
        let len = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(len)?;
        let plain = len <= DIGITS && (len == 1 || !digits.starts_with('0'));
        // What follows a number is looked at by whoever goes on: a fraction or an exponent is neither comma nor bracket.
        self.0 = rest;
        plain.then_some(())
    }
}
