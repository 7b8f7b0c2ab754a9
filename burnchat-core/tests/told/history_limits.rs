//! How much of a history a client takes (spec section 16), to the byte and to the version.

use burnchat_core::error::Code;
use burnchat_core::limits::{CIPHERTEXT_BYTES, HISTORY_BYTES, UNKEYED_VERSIONS};
use burnchat_core::wire::{Ciphertext, LoggedEnvelope, RelayFrame};

use super::log::Log;

/// What each envelope counts besides its ciphertext.
const ENVELOPE: usize = 256;

/// Reads a history of this many bytes, of which all but Ana's words are the relay's, and says whether they were shown.
fn read_at(bytes: usize) -> bool {
    let mut log = Log::new(40, true);
    let ana = log.join("ana");
    log.key(ana);
    log.say(ana, "the last of it");
    let Some(RelayFrame::Message(last)) = log.entries.pop() else {
        panic!("Ana has spoken");
    };
    let mut rest = bytes - last.ciphertext.0.len() - ENVELOPE;
    while rest > 0 {
        let mut len = rest.min(CIPHERTEXT_BYTES.end() + ENVELOPE);
        if rest > len && rest - len < CIPHERTEXT_BYTES.start() + ENVELOPE {
            len -= CIPHERTEXT_BYTES.start() + ENVELOPE;
        }
        rest -= len;
        let ciphertext = Ciphertext(vec![1; len - ENVELOPE]);
        log.entries.push(RelayFrame::Message(LoggedEnvelope {
            ciphertext,
            ..last.clone()
        }));
    }
    log.entries.push(RelayFrame::Message(last));
    let cleo = log.read_by_newcomer(ana, |past| past);
    assert_eq!(cleo.history_read(), [false], "much of it is nobody's");
    cleo.texts() == ["the last of it"]
}

#[test]
fn a_history_of_32_mib_is_kept_until_it_can_be_read_and_what_is_beyond_is_not() {
    assert_eq!(HISTORY_BYTES, 33_554_432);
    assert!(read_at(HISTORY_BYTES));
    assert!(!read_at(HISTORY_BYTES + 1));
}

#[test]
fn a_history_may_have_4_096_versions_in_a_row_without_a_key() {
    let read_after = |rekeys: usize| {
        let mut log = Log::new(41, true);
        let ana = log.join("ana");
        for _ in 0..rekeys {
            log.rekey();
        }
        log.key(ana);
        log.say(ana, "at last");
        let cleo = log.read_by_newcomer(ana, |past| past);
        let unavailable = cleo.faults().contains(&Code::HistoryUnavailable);
        assert_eq!(cleo.history_read(), [!unavailable]);
        cleo.texts() == ["at last"]
    };
    assert!(read_after(UNKEYED_VERSIONS - 1));
    assert!(!read_after(UNKEYED_VERSIONS));
}
