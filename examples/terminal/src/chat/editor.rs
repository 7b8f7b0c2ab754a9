//! The line being typed.

use unicode_width::UnicodeWidthChar;
use zeroize::{Zeroize, Zeroizing};

use burnchat_client::burnchat_core::limits::TEXT_BYTES;

/// A line of text with a cursor in it. It keeps no history, and wipes what was typed.
#[derive(Debug)]
pub(super) struct Editor {
    text: Zeroizing<String>,
    /// A byte index, on a character's border.
    cursor: usize,
}

/// The part of the line that fits the screen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) text: Zeroizing<String>,
    /// Columns from its beginning to the cursor.
    pub(super) cursor: usize,
}

impl Editor {
    pub(super) fn new() -> Self {
        // It never grows, so it never leaves a copy behind.
        let text = Zeroizing::new(String::with_capacity(TEXT_BYTES));
        Self { text, cursor: 0 }
    }

    /// Inserts a character if there is room for it and it is one that can be sent.
    pub(super) fn insert(&mut self, character: char) {
        let character = if character == '\r' { '\n' } else { character };
        let fits = self.text.len().saturating_add(character.len_utf8()) <= TEXT_BYTES;
        let wanted = !character.is_control() || matches!(character, '\n' | '\t');
        if fits && wanted {
            self.text.insert(self.cursor, character);
            self.cursor = self.cursor.saturating_add(character.len_utf8());
        }
    }

    /// Takes the line, which begins anew.
    pub(super) fn take(&mut self) -> Zeroizing<String> {
        let taken = Zeroizing::new(self.text.as_str().to_owned());
        self.clear();
        taken
    }

    pub(super) fn clear(&mut self) {
        self.text.zeroize();
        self.cursor = 0;
    }

    pub(super) fn left(&mut self) {
        self.cursor = self.before();
    }

    pub(super) fn right(&mut self) {
        self.cursor = self.after();
    }

    pub(super) fn home(&mut self) {
        self.cursor = 0;
    }

    pub(super) fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Removes the character before the cursor.
    pub(super) fn backspace(&mut self) {
        self.cut(self.before(), self.cursor);
    }

    /// Removes the character at the cursor.
    pub(super) fn delete(&mut self) {
        self.cut(self.cursor, self.after());
    }

    /// Removes everything before the cursor.
    pub(super) fn cut_to_begin(&mut self) {
        self.cut(0, self.cursor);
    }

    /// Removes everything from the cursor on.
    pub(super) fn cut_to_end(&mut self) {
        self.cut(self.cursor, self.text.len());
    }

    /// Removes the word before the cursor.
    pub(super) fn cut_word(&mut self) {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let word = before.trim_end().rfind(char::is_whitespace);
        let begin = word.map_or(0, |space| {
            let rest = before.get(space..).unwrap_or_default();
            space.saturating_add(rest.chars().next().map_or(0, char::len_utf8))
        });
        self.cut(begin, self.cursor);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What of the line is shown in so many columns: as much as fits, the cursor always within.
    pub(super) fn view(&self, columns: usize) -> View {
        let columns = columns.max(2);
        let (before, after) = self.text.split_at_checked(self.cursor).unwrap_or_default();
        let mut cursor = 0;
        let mut begin = before.len();
        for (place, character) in before.char_indices().rev() {
            let wider = cursor + width(character);
            if wider >= columns {
                break;
            }
            (cursor, begin) = (wider, place);
        }
        let mut shown = cursor;
        let mut text = Zeroizing::new(String::with_capacity(columns.saturating_mul(4)));
        let visible = before.get(begin..).unwrap_or_default().chars();
        for (character, is_after) in visible
            .map(|character| (character, false))
            .chain(after.chars().map(|character| (character, true)))
        {
            if is_after {
                shown += width(character);
                if shown > columns {
                    break;
                }
            }
            text.push(drawn(character));
        }
        View { text, cursor }
    }

    fn before(&self) -> usize {
        let before = self.text.get(..self.cursor).unwrap_or_default();
        before
            .char_indices()
            .next_back()
            .map_or(0, |(place, _)| place)
    }

    fn after(&self) -> usize {
        let after = self.text.get(self.cursor..).unwrap_or_default();
        let next = after.chars().next().map_or(0, char::len_utf8);
        self.cursor.saturating_add(next)
    }

    fn cut(&mut self, begin: usize, end: usize) {
        // What moves up leaves a copy behind the new end, which the next wipe of the whole reaches.
        self.text.drain(begin..end);
        self.cursor = begin;
    }
}

/// A character as it stands in the line: one row is all there is.
fn drawn(character: char) -> char {
    match character {
        '\n' => '⏎',
        '\t' => ' ',
        character => character,
    }
}

fn width(character: char) -> usize {
    drawn(character).width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::new();
        text.chars().for_each(|character| editor.insert(character));
        editor
    }

    fn shows(editor: &Editor, columns: usize) -> (String, usize) {
        let View { text, cursor } = editor.view(columns);
        (text.as_str().to_owned(), cursor)
    }

    #[test]
    fn typing_moving_and_cutting() {
        let mut editor = typed("one twö three");
        editor.cut_word();
        assert_eq!(shows(&editor, 20), ("one twö ".into(), 8));
        editor.left();
        editor.backspace();
        editor.insert('o');
        assert_eq!(shows(&editor, 20), ("one two ".into(), 7));
        editor.cut_to_end();
        editor.home();
        editor.delete();
        assert_eq!(editor.take().as_str(), "ne two");
        assert!(editor.is_empty());
    }

    #[test]
    fn a_long_line_is_shown_around_its_cursor() {
        let mut editor = typed("abcdefghij");
        assert_eq!(shows(&editor, 5), ("ghij".into(), 4));
        editor.home();
        assert_eq!(shows(&editor, 5), ("abcde".into(), 0));
        let wide = typed("日本語日本語");
        assert_eq!(shows(&wide, 6), ("本語".into(), 4));
    }

    #[test]
    fn what_is_pasted_stays_one_row_and_holds_no_control_characters() {
        let editor = typed("a\r\u{1b}[2Jb");
        assert_eq!(shows(&editor, 20), ("a⏎[2Jb".into(), 6));
    }

    #[test]
    fn no_more_is_taken_than_can_be_sent() {
        let mut editor = typed(&"x".repeat(TEXT_BYTES + 10));
        assert_eq!(editor.take().len(), TEXT_BYTES);
    }
}
