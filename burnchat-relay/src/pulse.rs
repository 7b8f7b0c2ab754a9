//! The signs of life of a connection, and what is to be said to get one or to give one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::Config;

#[derive(Default)]
pub(crate) struct Pulse {
    /// A ping or an answer to one is to be sent.
    wanted: Notify,
    ping: AtomicBool,
    /// The newest ping's; the older ones need no answer any more (RFC 6455 section 5.5.3).
    answer: Mutex<Option<Box<Bytes>>>,
    messages_heard: AtomicUsize,
    bytes_written: AtomicUsize,
    /// More is to be sent than the socket takes.
    behind: AtomicBool,
}

impl Pulse {
    /// Something whole has come.
    pub(crate) fn heard(&self) {
        self.messages_heard.fetch_add(1, Ordering::Relaxed);
    }

    /// The socket has taken bytes.
    pub(crate) fn wrote(&self, bytes: usize) {
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Relaxed);
    }

    /// A ping is to be answered.
    pub(crate) fn answer(&self, payload: Bytes) {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        *answer = Some(Box::new(payload));
        self.wanted.notify_one();
    }

    /// Returns when a ping or an answer may be wanted.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    pub(crate) fn take_answer(&self) -> Option<Box<Bytes>> {
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.take()
    }

    pub(crate) fn take_ping(&self) -> bool {
        self.ping.swap(false, Ordering::Relaxed)
    }

    /// Returns when a ping has not been answered in time.
    ///
    /// A pong may have to wait behind a long replay. As long as there is more to send than the socket takes, it is a
    /// sign of life as well that the socket takes some of it.
    pub(crate) async fn stopped(&self, config: &Config) {
        let rest = config.ping_every.saturating_sub(config.pong_within);
        sleep(config.ping_every).await;
        loop {
            let heard = self.messages_heard.load(Ordering::Relaxed);
            self.ping.store(true, Ordering::Relaxed);
            self.wanted.notify_one();
            loop {
                let written = self.bytes_written.load(Ordering::Relaxed);
                sleep(config.pong_within).await;
                if self.messages_heard.load(Ordering::Relaxed) != heard {
                    break;
                }
                let moved = self.bytes_written.load(Ordering::Relaxed) != written;
                if !(moved && self.behind.load(Ordering::Relaxed)) {
                    return;
                }
            }
            sleep(rest).await;
        }
    }
}
