//! Where a chat is shown and typed: a terminal, or plain lines where there is none.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};

use burnchat_client::{MessageId, ParticipantId};
use crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event, EventStream, KeyCode, KeyEvent,
    KeyEventKind, KeyModifiers,
};
use crossterm::{execute, terminal};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use unicode_width::UnicodeWidthStr;
use zeroize::Zeroizing;

use super::editor::Editor;
use crate::stdin::{self, Line};

/// Erases the screen and what can be scrolled back to. The screen is first erased in place: some terminals push what
/// the second sequence erases into the scrollback, which the third then empties.
const WIPE: &str = "\x1b[H\x1b[J\x1b[2J\x1b[3J\x1b[H";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const NORMAL: &str = "\x1b[0m";

/// How many entries can be shown again after one of them has burned.
const KEPT: usize = 2_000;

/// Which message an entry shows.
pub(super) type MessageKey = (ParticipantId, MessageId);

/// What was typed.
pub(super) enum Typed {
    Line(Zeroizing<String>),
    /// The user wants to go, or there is nothing more to read.
    End,
}

/// Where the chat is.
pub(super) struct Screen {
    input: Input,
    /// Whether there are rows to paint, and a scrollback to clear.
    is_terminal: bool,
    /// Whether anything was shown that must not stay.
    is_secret: bool,
    entries: VecDeque<Entry>,
    prompt: String,
}

enum Input {
    Keys(Box<Keys>),
    Lines(mpsc::Receiver<Line>),
}

struct Keys {
    events: EventStream,
    editor: Editor,
    /// What is typed is not shown.
    hidden: bool,
}

struct Entry {
    text: Zeroizing<String>,
    message: Option<MessageKey>,
}

impl Screen {
    /// # Errors
    /// The terminal can't be put into raw mode.
    pub(super) fn open() -> io::Result<Self> {
        let is_terminal = io::stdout().is_terminal();
        let input = if is_terminal && io::stdin().is_terminal() {
            terminal::enable_raw_mode()?;
            execute!(io::stdout(), EnableBracketedPaste)?;
            Input::Keys(Box::new(Keys {
                events: EventStream::new(),
                editor: Editor::new(),
                hidden: false,
            }))
        } else {
            Input::Lines(stdin::lines())
        };
        Ok(Self {
            input,
            is_terminal,
            is_secret: false,
            entries: VecDeque::new(),
            prompt: String::new(),
        })
    }

    /// The next line. It is safe to drop the future and call this again.
    pub(super) async fn next(&mut self) -> Typed {
        loop {
            let keys = match &mut self.input {
                Input::Keys(keys) => keys,
                Input::Lines(lines) => match lines.recv().await {
                    Some(Line::Text(line)) => return Typed::Line(line),
                    Some(Line::TooLong | Line::NotUtf8) => continue,
                    None => return Typed::End,
                },
            };
            let Some(Ok(event)) = keys.events.next().await else {
                return Typed::End;
            };
            let typed = keys.take(event);
            self.paint("");
            if let Some(typed) = typed {
                return typed;
            }
        }
    }

    /// Asks for a line that is not shown while it is typed.
    pub(super) async fn ask_hidden(&mut self, question: &str) -> Typed {
        self.hide(true);
        self.set_prompt(question.to_owned());
        let typed = self.next().await;
        self.hide(false);
        self.set_prompt(String::new());
        typed
    }

    /// Shows somebody's words, and what there is to say of them; all must be harmless already.
    pub(super) fn words(
        &mut self,
        label: &str,
        lines: impl Iterator<Item = String>,
        remark: &str,
        message: MessageKey,
    ) {
        let mut text = Zeroizing::new(String::new());
        for (number, line) in lines.map(Zeroizing::new).enumerate() {
            match number {
                0 if self.is_terminal => *text += &format!("{BOLD}{label}{NORMAL}: "),
                0 => *text += &format!("{label}: "),
                _ => *text += "\n    ",
            }
            *text += &line;
        }
        match remark {
            "" => {}
            remark if self.is_terminal => *text += &format!(" {DIM}({remark}){NORMAL}"),
            remark => *text += &format!(" ({remark})"),
        }
        self.show(text, Some(message));
    }

    /// Shows what the program has to say; it must be harmless already.
    pub(super) fn notice(&mut self, notice: &str) {
        let text = if self.is_terminal {
            format!("{DIM}{notice}{NORMAL}")
        } else {
            notice.to_owned()
        };
        self.show(Zeroizing::new(text), None);
    }

    /// Shows a text as it is.
    pub(super) fn plain(&mut self, text: &str) {
        self.show(Zeroizing::new(text.to_owned()), None);
    }

    /// From here on what is shown must not stay.
    pub(super) fn is_secret_now(&mut self) {
        self.is_secret = true;
    }

    /// Makes a message disappear.
    pub(super) fn forget(&mut self, message: MessageKey) {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.message != Some(message));
        if self.entries.len() < before && self.is_terminal {
            let mut all = Zeroizing::new(String::from(WIPE));
            for entry in &self.entries {
                append(&mut all, &entry.text);
            }
            self.paint(&all);
        }
    }

    pub(super) fn set_prompt(&mut self, prompt: String) {
        if self.prompt != prompt {
            self.prompt = prompt;
            self.paint("");
        }
    }

    /// Whether there is a prompt.
    pub(super) fn is_interactive(&self) -> bool {
        matches!(self.input, Input::Keys(_))
    }

    /// How many columns there are, where it matters.
    pub(super) fn columns(&self) -> Option<usize> {
        self.is_terminal.then(columns)
    }

    /// Forgets everything, and clears what was shown if it must not stay.
    pub(super) fn burn(&mut self) {
        self.entries.clear();
        self.prompt.clear();
        if let Input::Keys(keys) = &mut self.input {
            keys.editor.clear();
        }
        self.wipe();
    }

    /// Forgets everything and gives the terminal back, with a last word.
    pub(super) fn close(mut self, last_word: &str) {
        self.burn();
        self.give_back();
        print(&format!("{last_word}\n"));
    }

    fn hide(&mut self, hidden: bool) {
        if let Input::Keys(keys) = &mut self.input {
            keys.hidden = hidden;
        }
    }

    fn show(&mut self, text: Zeroizing<String>, message: Option<MessageKey>) {
        let mut lines = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
        append(&mut lines, &text);
        self.paint(&lines);
        if self.is_terminal {
            if self.entries.len() >= KEPT {
                self.entries.pop_front();
            }
            self.entries.push_back(Entry { text, message });
        }
    }

    /// Prints `above` where the prompt is, and the prompt and what is being typed below it.
    fn paint(&self, above: &str) {
        let Input::Keys(keys) = &self.input else {
            // Where nothing is typed the kernel's line discipline is in force.
            print(&above.replace("\r\n", "\n"));
            return;
        };
        let prompt_columns = self.prompt.width();
        let room = columns().saturating_sub(prompt_columns).saturating_sub(1);
        let view = keys.editor.view(room);
        let (typed, cursor) = if keys.hidden {
            ("", 0)
        } else {
            (view.text.as_str(), view.cursor)
        };
        let column = prompt_columns.saturating_add(cursor).saturating_add(1);
        let prompt = &self.prompt;
        print(&Zeroizing::new(format!(
            "\r\x1b[K{above}{BOLD}{prompt}{NORMAL}{typed}\x1b[{column}G"
        )));
    }

    fn wipe(&mut self) {
        if self.is_terminal && self.is_secret {
            print(WIPE);
            self.is_secret = false;
        } else if self.is_interactive() {
            print("\r\x1b[K");
        }
    }

    fn give_back(&self) {
        if self.is_interactive() {
            let _ = execute!(io::stdout(), DisableBracketedPaste);
            let _ = terminal::disable_raw_mode();
        }
    }
}

impl Drop for Screen {
    /// However this ends, a panic included.
    fn drop(&mut self) {
        if self.is_secret {
            self.wipe();
        }
        self.give_back();
    }
}

impl Keys {
    fn take(&mut self, event: Event) -> Option<Typed> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) => {
                let text = Zeroizing::new(text);
                let text = text.trim_end_matches(['\r', '\n']).replace("\r\n", "\n");
                Zeroizing::new(text)
                    .chars()
                    .for_each(|character| self.editor.insert(character));
                None
            }
            _ => None,
        }
    }

    fn key(&mut self, key: KeyEvent) -> Option<Typed> {
        let editor = &mut self.editor;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control && editor.is_empty() => return Some(Typed::End),
            KeyCode::Char('d') if control && editor.is_empty() => return Some(Typed::End),
            KeyCode::Char('c') if control => editor.clear(),
            KeyCode::Char('d') if control => editor.delete(),
            KeyCode::Char('a') if control => editor.home(),
            KeyCode::Char('e') if control => editor.end(),
            KeyCode::Char('b') if control => editor.left(),
            KeyCode::Char('f') if control => editor.right(),
            KeyCode::Char('h') if control => editor.backspace(),
            KeyCode::Char('k') if control => editor.cut_to_end(),
            KeyCode::Char('u') if control => editor.cut_to_begin(),
            KeyCode::Char('w') if control => editor.cut_word(),
            KeyCode::Char('j') if control => editor.insert('\n'),
            KeyCode::Char(_) if control => {}
            KeyCode::Enter if key.modifiers.contains(KeyModifiers::ALT) => editor.insert('\n'),
            KeyCode::Enter if editor.is_empty() => {}
            KeyCode::Enter => return Some(Typed::Line(editor.take())),
            KeyCode::Char(character) => editor.insert(character),
            KeyCode::Backspace => editor.backspace(),
            KeyCode::Delete => editor.delete(),
            KeyCode::Left => editor.left(),
            KeyCode::Right => editor.right(),
            KeyCode::Home => editor.home(),
            KeyCode::End => editor.end(),
            _ => {}
        }
        None
    }
}

/// Appends the lines of `text`; in raw mode each needs its own way back to the first column.
fn append(to: &mut String, text: &str) {
    for line in text.split('\n') {
        *to += line;
        *to += "\r\n";
    }
}

fn columns() -> usize {
    terminal::size().map_or(80, |(columns, _)| columns.into())
}

/// Standard output that is closed can't be told anything; the end comes by standard input.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}
