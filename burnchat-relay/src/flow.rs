//! How much of one connection may be on its way to a room that is at another relay.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// What may be on its way, in bytes.
const BYTES: usize = 1 << 20;
/// What a frame counts for, however short it is: so there is an end to their number, too.
const AT_LEAST: usize = 2 << 10;

/// Without others there is nothing to wait for.
#[derive(Clone, Default)]
pub(crate) struct Flow(Option<Arc<Semaphore>>);

impl Flow {
    pub(crate) fn to_others() -> Self {
        Self(Some(Arc::new(Semaphore::new(BYTES))))
    }

    /// Returns when a frame so long may go. While it waits, its client is not read from.
    pub(crate) async fn begin(&self, len: usize) {
        if let Some(free) = &self.0
            && let Ok(taken) = free.acquire_many(cost(len)).await
        {
            taken.forget();
        }
    }

    /// It has arrived, and what followed from it is kept.
    pub(crate) fn end(&self, len: usize) {
        if let Some(free) = &self.0 {
            free.add_permits(cost(len) as usize);
        }
    }
}

fn cost(len: usize) -> u32 {
    u32::try_from(len.clamp(AT_LEAST, BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_has_arrived_makes_room_for_more() {
        let flow = Flow::to_others();
        for _ in 0..BYTES / AT_LEAST {
            assert!(flow.begin(1).now_or_never().is_some());
        }
        assert!(flow.begin(1).now_or_never().is_none());
        flow.end(1);
        assert!(flow.begin(AT_LEAST + 1).now_or_never().is_none());
        assert!(flow.begin(AT_LEAST).now_or_never().is_some());
    }

    #[test]
    fn without_others_everything_may_go() {
        for _ in 0..1_000 {
            assert!(Flow::default().begin(BYTES).now_or_never().is_some());
        }
    }
}
