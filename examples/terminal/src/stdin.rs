//! Lines from standard input, read by a thread of their own.

use std::io::{self, Read};

use burnchat_client::burnchat_core::crypto::wipe_stack;
use tokio::sync::mpsc;
use zeroize::{Zeroize, Zeroizing};

/// Longest line, bytes: the longest text with every byte of it written as a JSON escape, and some more.
pub(crate) const LINE_BYTES: usize = 256 * 1_024;

/// A line, without its end.
#[derive(Debug)]
pub(crate) enum Line {
    Text(Zeroizing<String>),
    TooLong,
    NotUtf8,
}

/// The lines of standard input; none after its end.
///
/// A thread, because a read of standard input can't be called off: the process ends without waiting for it.
pub(crate) fn lines() -> mpsc::Receiver<Line> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut lines = Lines::new(Unbuffered);
        while let Some(line) = lines.next() {
            if sender.blocking_send(line).is_err() {
                return;
            }
            // Until the next line this thread keeps nothing of the last one.
            wipe_stack();
        }
    });
    receiver
}

/// Cuts what is read into lines. Nothing it has read stays behind.
struct Lines<R> {
    input: R,
    chunk: Zeroizing<Vec<u8>>,
    /// Where in `chunk` the next line begins.
    begin: usize,
    line: Zeroizing<Vec<u8>>,
    too_long: bool,
}

impl<R: Read> Lines<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            chunk: Zeroizing::default(),
            begin: 0,
            // It never grows, so it never leaves a copy behind.
            line: Zeroizing::new(Vec::with_capacity(LINE_BYTES)),
            too_long: false,
        }
    }

    fn next(&mut self) -> Option<Line> {
        loop {
            let rest = self.chunk.get(self.begin..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
                let part = rest.get(..end).unwrap_or_default().to_vec();
                self.append(Zeroizing::new(part));
                self.begin = self.begin.saturating_add(end).saturating_add(1);
                return Some(self.take());
            }
            let part = Zeroizing::new(rest.to_vec());
            self.append(part);
            if !self.refill() {
                let unfinished = !self.line.is_empty() || self.too_long;
                return unfinished.then(|| self.take());
            }
        }
    }

    fn append(&mut self, part: Zeroizing<Vec<u8>>) {
        if self.too_long || self.line.len().saturating_add(part.len()) > LINE_BYTES {
            self.too_long = true;
            self.line.zeroize();
        } else {
            self.line.extend_from_slice(&part);
        }
    }

    fn take(&mut self) -> Line {
        let too_long = std::mem::take(&mut self.too_long);
        let text = str::from_utf8(&self.line)
            .map(|text| Zeroizing::new(text.trim_end_matches('\r').to_owned()));
        self.line.zeroize();
        match text {
            _ if too_long => Line::TooLong,
            Ok(text) => Line::Text(text),
            Err(_) => Line::NotUtf8,
        }
    }

    fn refill(&mut self) -> bool {
        self.chunk.zeroize();
        self.chunk.resize(8_192, 0);
        self.begin = 0;
        let read = loop {
            match self.input.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.unwrap_or(0),
            }
        };
        self.chunk.truncate(read);
        read > 0
    }
}

/// Standard input without the buffer of the standard library, which is never wiped.
struct Unbuffered;

impl Read for Unbuffered {
    #[cfg(unix)]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), buffer)?)
    }

    #[cfg(not(unix))]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(input);
        std::iter::from_fn(|| lines.next()).collect()
    }

    #[test]
    fn a_line_ends_at_its_end_or_at_the_last_byte() {
        let lines = read(b"one\r\n\ntwo");
        let [Line::Text(one), Line::Text(empty), Line::Text(two)] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert_eq!(
            (one.as_str(), empty.as_str(), two.as_str()),
            ("one", "", "two")
        );
    }

    #[test]
    fn a_line_too_long_or_not_utf8_costs_only_itself() {
        let mut input = vec![b'a'; LINE_BYTES + 1];
        input.extend_from_slice(b"\n\xff\nok\n");
        let lines = read(&input);
        assert!(
            matches!(lines.as_slice(), [Line::TooLong, Line::NotUtf8, Line::Text(ok)] if ok.as_str() == "ok"),
            "{lines:?}"
        );
    }
}
