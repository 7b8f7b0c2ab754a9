//! Other people's words, made harmless for a terminal.

/// What stands for a character that is not shown.
const NOT_SHOWN: char = '\u{FFFD}';
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_ISOLATE: char = '\u{2069}';

/// The lines of a text as they may be shown. Control characters stand as pictures of themselves, so that no text can
/// move the cursor, paint over a name or talk to the terminal; and what is written from right to left is isolated, so
/// that it can't turn around what stands beside it.
pub(super) fn lines(text: &str) -> impl Iterator<Item = String> {
    text.split(['\n', '\u{2028}', '\u{2029}'])
        .map(|line| shown(line.strip_suffix('\r').unwrap_or(line)))
}

/// One line as it may be shown.
pub(super) fn shown(line: &str) -> String {
    // Never grows: a picture of a control character has three bytes, a tab becomes four.
    let mut harmless = String::with_capacity(line.len().saturating_mul(4).saturating_add(6));
    let isolated = line.chars().any(is_right_to_left);
    if isolated {
        harmless.push(FIRST_STRONG_ISOLATE);
    }
    for character in line.chars() {
        match character {
            '\t' => harmless.push_str("    "),
            '\u{0}'..='\u{1F}' => harmless.push(picture(character)),
            '\u{7F}' => harmless.push('\u{2421}'),
            '\u{80}'..='\u{9F}' | '\u{2028}' | '\u{2029}' => harmless.push(NOT_SHOWN),
            character if steers_direction(character) => harmless.push(NOT_SHOWN),
            character => harmless.push(character),
        }
    }
    if isolated {
        harmless.push(POP_ISOLATE);
    }
    harmless
}

/// The picture of a control character, from the block Control Pictures.
fn picture(control: char) -> char {
    char::from_u32(0x2400 + u32::from(control)).unwrap_or(NOT_SHOWN)
}

/// Embeddings, overrides and isolates: they reach beyond the words they stand in.
fn steers_direction(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The blocks of the scripts written from right to left, and the marks that count as such.
fn is_right_to_left(character: char) -> bool {
    matches!(
        character,
        '\u{0590}'..='\u{08FF}'
            | '\u{200F}'
            | '\u{FB1D}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFE}'
            | '\u{10800}'..='\u{10FFF}'
            | '\u{1E800}'..='\u{1EFFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_talks_to_the_terminal() {
        let hostile = "\u{1b}[2J\u{9b}31m\u{7}\u{8}\r\u{7f}\u{1b}]0;title\u{9c}";
        let text = shown(hostile);
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert_eq!(shown("\u{1b}[2J"), "␛[2J");
    }

    #[test]
    fn lines_stay_lines_and_tabs_become_room() {
        let all: Vec<_> = lines("a\tb\r\nc\u{2028}d").collect();
        assert_eq!(all, ["a    b", "c", "d"]);
    }

    #[test]
    fn right_to_left_text_turns_nothing_around_it() {
        assert_eq!(shown("plain"), "plain");
        assert_eq!(shown("שלום"), "\u{2068}שלום\u{2069}");
        assert_eq!(shown("a\u{202E}b\u{2069}"), "a\u{FFFD}b\u{FFFD}");
    }
}
