//! Single messages that burn before the room does (spec section 8.6).

use alloc::collections::{BTreeMap, BTreeSet};

use crate::ids::{MessageId, ParticipantId};
use crate::limits;
use crate::time::Timestamp;

/// How many messages may wait to be read.
const WAITING: usize = 4 * limits::REMEMBERED_IDS;

/// Author and id.
pub(super) type MessageKey = (ParticipantId, MessageId);

/// Messages with a time of their own: those not yet read, and those whose time runs.
#[derive(Default)]
#[cfg_attr(burnchat_sim, derive(Clone, Hash))]
pub(super) struct Burns {
    waiting: BTreeMap<MessageKey, u32>,
    running: BTreeSet<(Timestamp, MessageKey)>,
}

impl Burns {
    /// A message whose time will run from when it is read. True if it must not wait: there are too many.
    pub(super) fn wait(&mut self, message: MessageKey, burn_after_ms: u32) -> bool {
        if burn_after_ms == 0 {
            return false;
        }
        if self.waiting.len() >= WAITING {
            return true;
        }
        self.waiting.insert(message, burn_after_ms);
        false
    }

    /// The time of a message begins to run.
    pub(super) fn start(&mut self, now: Timestamp, message: MessageKey, burn_after_ms: u32) {
        if burn_after_ms != 0 {
            self.running
                .insert((now.plus_millis(burn_after_ms.into()), message));
        }
    }

    /// A message was read.
    pub(super) fn read(&mut self, now: Timestamp, message: MessageKey) {
        if let Some(burn_after_ms) = self.waiting.remove(&message) {
            self.start(now, message, burn_after_ms);
        }
    }

    /// The next message whose time is over.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<MessageKey> {
        let first = *self.running.first().filter(|(at, _)| now >= *at)?;
        self.running.remove(&first);
        Some(first.1)
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.running.first().map(|(at, _)| *at)
    }
}
