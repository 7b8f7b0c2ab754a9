//! What waits to be sent to one connection: a queue with an end.
//!
//! The worker puts frames in and never waits. What a TCP socket takes at once the worker writes itself, as long as the
//! connection's task has nothing to write; everything else that task takes out as fast as its reader reads. A reader who
//! falls too far behind is cut off, and nobody else notices.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use burnchat_core::limits::RELAY_FRAME_BYTES;
use burnchat_core::relay::{CloseCode, Limits};
use tokio::sync::oneshot;

use crate::Config;
use crate::socket::WayOut;
use crate::websocket::frame::Frame;

/// An empty queue gives memory back that holds more frames than this.
const KEPT_CAPACITY: usize = 128;

/// Why a connection is not to send what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It waited for too long a time or is too much: close with 1013.
    TooSlow,
    /// The room is gone, and so must be what was said in it: only the last frame, which says so, still counts.
    Burned,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooSlow,
    /// The connection's task has ended without a word.
    Gone,
}

/// The worker's end. Dropped without a [`close`](Self::close), it ends the connection without a word.
pub(crate) struct Outbox {
    queue: Arc<Mutex<Queue>>,
    cut: Option<oneshot::Sender<Cut>>,
    /// Where the worker may write.
    way_out: Option<WayOut>,
    capacity: Capacity,
    /// All that was ever put in.
    put: Amount,
    /// What of it was the answer to the first frame, once that is known.
    answer: Option<Amount>,
}

/// The connection's end.
pub(crate) struct Outgoings(Arc<Mutex<Queue>>);

/// What both ends see. Locked for a few steps at a time or a write of what the socket takes at once, never while anybody
/// waits.
#[derive(Default)]
struct Queue {
    frames: VecDeque<Frame>,
    /// Bytes of the first that the worker has written.
    begun: usize,
    /// The last, once the frames are out.
    close: Option<CloseCode>,
    /// All that was ever taken out.
    taken: Amount,
    /// The worker's end is gone.
    ended: bool,
    /// The connection is over, and the worker is told by a request.
    left: bool,
    /// The connection's end is gone.
    gone: bool,
    /// Who waits for something to take out, and has nothing else to write: while there is somebody, the worker may.
    waiting: Option<Waker>,
}

/// How much may wait.
///
/// The answer to a connection's first frame may be a replay of all that is kept of the room, and comes at once. For that
/// there is room; for what comes later only as much as for the backlog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) replay: Amount,
    pub(crate) backlog: Amount,
}

/// So many frames, of so many bytes together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Amount {
    pub(crate) bytes: usize,
    pub(crate) frames: usize,
}

pub(crate) fn channel(capacity: Capacity) -> (Outbox, Outgoings, oneshot::Receiver<Cut>) {
    let (cut, when_cut) = oneshot::channel();
    let queue = Arc::new(Mutex::new(Queue::default()));
    let outbox = Outbox {
        queue: Arc::clone(&queue),
        cut: Some(cut),
        way_out: None,
        capacity,
        put: Amount::default(),
        answer: None,
    };
    (outbox, Outgoings(queue), when_cut)
}

impl Outbox {
    /// Lets the worker write to this socket, to which nobody but the other end writes.
    pub(crate) fn write_to(&mut self, way_out: WayOut) {
        self.way_out = Some(way_out);
    }

    /// Puts a frame in. It goes out with the next [`send`](Self::send). Into one that is [left](Outgoings::leave) nothing
    /// is put.
    ///
    /// # Errors
    /// Why it was not: then the connection is to be given up.
    pub(crate) fn push(&mut self, frame: Frame) -> Result<(), Refused> {
        let put = Amount {
            bytes: self.put.bytes.saturating_add(frame.payload().len()),
            frames: self.put.frames.saturating_add(1),
        };
        let answer = self.answer.unwrap_or(self.capacity.replay);
        let backlog = self.capacity.backlog;
        let mut queue = lock(&self.queue);
        if queue.left {
            return Ok(());
        }
        if queue.gone {
            return Err(Refused::Gone);
        }
        let taken = queue.taken;
        if put.bytes > answer.bytes.max(taken.bytes).saturating_add(backlog.bytes)
            || put.frames
                > answer
                    .frames
                    .max(taken.frames)
                    .saturating_add(backlog.frames)
        {
            return Err(Refused::TooSlow);
        }
        queue.frames.push_back(frame);
        drop(queue);
        self.put = put;
        Ok(())
    }

    /// Sends what was put in: many frames in one write.
    pub(crate) fn send(&self) {
        let mut queue = lock(&self.queue);
        if queue.waiting.is_some()
            && let Some(way_out) = &self.way_out
        {
            queue.write_to(way_out);
        }
        let waiting = match queue.frames.is_empty() {
            true => None,
            false => queue.waiting.take(),
        };
        drop(queue);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// What was put in and has not been taken.
    pub(crate) fn waiting(&self) -> Amount {
        let taken = lock(&self.queue).taken;
        Amount {
            bytes: self.put.bytes.saturating_sub(taken.bytes),
            frames: self.put.frames.saturating_sub(taken.frames),
        }
    }

    /// A frame has been answered: says whether it was the first. Later ones are of no account.
    pub(crate) fn answered(&mut self) -> bool {
        let is_first = self.answer.is_none();
        self.answer.get_or_insert(self.put);
        is_first
    }

    /// Closes the connection when everything that waits has been sent; at a burn, without it.
    pub(crate) fn close(mut self, code: CloseCode) {
        lock(&self.queue).close = Some(code);
        if code == CloseCode::Normal {
            self.cut(Cut::Burned);
        }
    }

    /// Gives a slow reader up.
    pub(crate) fn cut_off(mut self) {
        self.cut(Cut::TooSlow);
    }

    fn cut(&mut self, why: Cut) {
        if let Some(cut) = self.cut.take() {
            // That the connection's task has ended already is as good.
            let _ = cut.send(why);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.ended = true;
        let waiting = queue.waiting.take();
        drop(queue);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Outgoings {
    /// The next frame; `None` at the end. Cancel safe. For who has no socket of its own: where the worker may write, too,
    /// it is [`wait`](Self::wait) and [`hand_over`](Self::hand_over).
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        self.wait().await;
        lock(&self.0).pop()
    }

    /// Returns when there is something to send, or nobody who could say so. Cancel safe.
    ///
    /// Until [`hand_over`](Self::hand_over) the worker may write: call this only with everything written that was taken
    /// out.
    pub(crate) async fn wait(&mut self) {
        std::future::poll_fn(|cx| self.poll_wait(cx)).await;
    }

    /// Hands over the frames that wait, until `take` says that it wants no more: each with how many of its bytes have
    /// been written. From here on the worker does not write.
    pub(crate) fn hand_over(&mut self, mut take: impl FnMut(Frame, usize) -> bool) {
        let mut queue = lock(&self.0);
        queue.waiting = None;
        loop {
            let begun = std::mem::take(&mut queue.begun);
            let Some(frame) = queue.pop() else {
                return;
            };
            if !take(frame, begun) {
                return;
            }
        }
    }

    /// Hands over nothing but a frame of which something has been written. From here on the worker does not write.
    pub(crate) fn take_begun(&mut self) -> Option<(Frame, usize)> {
        let mut queue = lock(&self.0);
        queue.waiting = None;
        let begun = std::mem::take(&mut queue.begun);
        (begun > 0)
            .then(|| queue.pop())
            .flatten()
            .map(|frame| (frame, begun))
    }

    /// Whether what comes next is the end: a close, or none because there is nobody any more who could say.
    pub(crate) fn end(&mut self) -> Option<Option<CloseCode>> {
        let mut queue = lock(&self.0);
        if !queue.frames.is_empty() {
            return None;
        }
        match queue.close.take() {
            Some(code) => Some(Some(code)),
            None => queue.ended.then_some(None),
        }
    }

    /// The frame to take leave with: the last one that waits.
    pub(crate) fn farewell(&mut self) -> Option<Frame> {
        let mut queue = lock(&self.0);
        let mut last = None;
        while let Some(frame) = queue.pop() {
            last = Some(frame);
        }
        queue.close = None;
        last
    }

    /// The connection is over, and a request to the worker says how: it comes after everything the client has said, all
    /// of which still counts. Until then nobody need find out, from a frame that can't be sent, less than that says.
    pub(crate) fn leave(&mut self) {
        let mut queue = lock(&self.0);
        queue.left = true;
        let waited = std::mem::take(&mut queue.frames);
        drop(queue);
        // Wiped while nobody waits for the lock.
        drop(waited);
    }

    /// Whether nothing waits at the moment.
    #[allow(
        dead_code,
        reason = "a WebSocket takes what there is; this is for other transports"
    )]
    pub(crate) fn is_empty(&self) -> bool {
        let queue = lock(&self.0);
        queue.frames.is_empty() && queue.close.is_none()
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = lock(&self.0);
        if !queue.frames.is_empty() || queue.close.is_some() || queue.ended {
            return Poll::Ready(());
        }
        match &mut queue.waiting {
            Some(waiting) => waiting.clone_from(cx.waker()),
            waiting => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Outgoings {
    fn drop(&mut self) {
        let mut queue = lock(&self.0);
        queue.gone = true;
        queue.waiting = None;
        let waited = std::mem::take(&mut queue.frames);
        drop(queue);
        // Wiped while nobody waits for the lock.
        drop(waited);
    }
}

impl Queue {
    /// Writes once. What goes wrong the connection's task finds out when it writes the rest.
    fn write_to(&mut self, way_out: &WayOut) {
        let Ok(count) = way_out.write_now(&self.frames, self.begun) else {
            return;
        };
        self.begun += count;
        while let Some(first) = self.frames.front()
            && first.wire().len() <= self.begun
        {
            self.begun -= first.wire().len();
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.taken.bytes = self.taken.bytes.saturating_add(frame.payload().len());
        self.taken.frames = self.taken.frames.saturating_add(1);
        if self.frames.is_empty() && self.frames.capacity() > KEPT_CAPACITY {
            self.frames = VecDeque::new();
        }
        Some(frame)
    }
}

/// Nothing in here is left half done by a panic.
fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Capacity {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            replay: Amount::of_replay(&config.limits),
            backlog: Amount {
                bytes: config.backlog_bytes,
                frames: config.backlog_frames,
            },
        }
    }
}

impl Amount {
    /// Everything that is ever kept of a room (spec section 16).
    fn of_replay(limits: &Limits) -> Self {
        /// No change of the roster, with its key frame, is longer.
        const LONGEST_CHANGE: usize = 2_048;
        /// No entry is shorter.
        const SHORTEST_ENTRY: usize = 32;

        let envelopes = limits.history_bytes.max(limits.kept_bytes);
        let changes = limits.history_changes.saturating_mul(LONGEST_CHANGE);
        // Key frames are kept without the recipient's wrap, and a little shorter for it.
        let changes = changes.max(limits.kept_bytes.saturating_mul(2));
        let controls = limits.kept_bytes;
        let bytes = [envelopes, changes, controls]
            .into_iter()
            // The first frame is `joined`, with the whole roster.
            .fold(RELAY_FRAME_BYTES, usize::saturating_add);
        Self {
            bytes,
            frames: bytes / SHORTEST_ENTRY,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const SMALL: Capacity = Capacity {
        replay: Amount {
            bytes: 0,
            frames: 0,
        },
        backlog: Amount {
            bytes: 10,
            frames: 3,
        },
    };

    fn frame(text: &'static str) -> Frame {
        Frame::text(text.as_bytes())
    }

    #[tokio::test]
    async fn what_has_been_taken_makes_room() {
        let (mut outbox, mut outgoings, _cut) = channel(SMALL);
        outbox.push(frame("12345678")).unwrap();
        assert_eq!(outbox.push(frame("abc")), Err(Refused::TooSlow));
        assert_eq!(outgoings.next().await.unwrap().payload(), b"12345678");
        assert_eq!(outbox.push(frame("abc")), Ok(()));
    }

    #[test]
    fn frames_are_counted_too() {
        let (mut outbox, _outgoings, _cut) = channel(SMALL);
        for _ in 0..3 {
            outbox.push(frame("")).unwrap();
        }
        assert_eq!(outbox.push(frame("")), Err(Refused::TooSlow));
    }

    #[test]
    fn a_connection_that_has_ended_takes_nothing() {
        let (mut outbox, outgoings, _cut) = channel(SMALL);
        drop(outgoings);
        assert_eq!(outbox.push(frame("a")), Err(Refused::Gone));
    }

    #[test]
    fn one_that_says_by_itself_that_it_has_ended_is_not_given_up_before() {
        let (mut outbox, mut outgoings, _cut) = channel(SMALL);
        outbox.push(frame("a")).unwrap();
        outgoings.leave();
        for _ in 0..10 {
            assert_eq!(outbox.push(frame("1234567890")), Ok(()));
        }
        assert!(outgoings.is_empty());
        drop(outgoings);
        assert_eq!(outbox.push(frame("a")), Ok(()));
    }

    #[tokio::test]
    async fn a_burn_leaves_only_the_last_frame() {
        let (mut outbox, mut outgoings, cut) = channel(SMALL);
        for text in ["a", "b", "c"] {
            outbox.push(frame(text)).unwrap();
        }
        outbox.close(CloseCode::Normal);
        assert_eq!(cut.await, Ok(Cut::Burned));
        assert_eq!(outgoings.farewell().unwrap().payload(), b"c");
        assert!(outgoings.is_empty());
    }

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_is_woken_once_for_many_frames() {
        let (mut outbox, mut outgoings, _cut) = channel(SMALL);
        let counted = Arc::new(Counted::default());
        let waker = Waker::from(Arc::clone(&counted));
        let mut cx = Context::from_waker(&waker);
        assert!(outgoings.poll_wait(&mut cx).is_pending());
        outbox.push(frame("a")).unwrap();
        outbox.push(frame("b")).unwrap();
        assert_eq!(counted.0.load(Ordering::Relaxed), 0);
        outbox.send();
        outbox.send();
        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        assert!(outgoings.poll_wait(&mut cx).is_ready());
        let mut left = 0;
        outgoings.hand_over(|_, _| {
            left += 1;
            true
        });
        assert_eq!(left, 2);
    }

    #[tokio::test]
    async fn what_the_worker_has_begun_to_write_the_connections_task_ends() {
        let unlimited = Amount {
            bytes: usize::MAX,
            frames: usize::MAX,
        };
        let (mut outbox, mut outgoings, _cut) = channel(Capacity {
            replay: unlimited,
            backlog: unlimited,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap());
        let (near, far) = tokio::join!(near, listener.accept());
        let ((_near, write_half), (mut far, _)) = (near.unwrap().into_split(), far.unwrap());
        write_half.writable().await.unwrap();
        let mut way_out = WayOut::new(write_half);
        outbox.write_to(way_out.clone());

        let mut cx = Context::from_waker(Waker::noop());
        let mut sent = Vec::new();
        while outgoings.poll_wait(&mut cx).is_pending() {
            let frame = Frame::text(&vec![b'-'; 100_000 + sent.len() % 7]);
            sent.extend_from_slice(frame.wire());
            outbox.push(frame).unwrap();
            outbox.send();
        }
        // The socket is full.
        let (frame, begun) = outgoings.take_begun().unwrap();
        assert!((1..frame.wire().len()).contains(&begun));
        // Nobody waits now: the worker writes nothing between.
        let last = Frame::text(b"last");
        sent.extend_from_slice(last.wire());
        outbox.push(last).unwrap();
        outbox.send();

        let mut arrived = vec![0; sent.len()];
        let write = async {
            way_out.write_all(&frame.wire()[begun..]).await.unwrap();
            let last = outgoings.next().await.unwrap();
            way_out.write_all(last.wire()).await.unwrap();
        };
        let ((), read) = tokio::join!(write, far.read_exact(&mut arrived));
        read.unwrap();
        assert!(arrived == sent);
    }

    #[tokio::test]
    async fn any_other_close_comes_after_what_waits() {
        let (mut outbox, mut outgoings, cut) = channel(SMALL);
        outbox.push(frame("a")).unwrap();
        outbox.close(CloseCode::Policy);
        assert!(cut.await.is_err());
        assert_eq!(outgoings.end(), None);
        assert!(outgoings.next().await.is_some());
        assert_eq!(outgoings.end(), Some(Some(CloseCode::Policy)));
        assert!(outgoings.next().await.is_none());
        assert_eq!(outgoings.end(), Some(None));
    }

    #[tokio::test]
    async fn the_answer_to_the_first_frame_may_be_long_and_nothing_after_it() {
        let replay = Amount {
            bytes: 100,
            frames: 100,
        };
        let (mut outbox, mut outgoings, _cut) = channel(Capacity { replay, ..SMALL });
        outbox.push(frame("a replay of 22 bytes..")).unwrap();
        outbox.answered();
        outbox.push(frame("12345678")).unwrap();
        outbox.answered();
        assert_eq!(outbox.push(frame("abc")), Err(Refused::TooSlow));
        // That the replay has been taken makes no room.
        outgoings.next().await;
        assert_eq!(outbox.push(frame("abc")), Err(Refused::TooSlow));
        outgoings.next().await;
        assert_eq!(outbox.push(frame("abc")), Ok(()));
    }

    #[test]
    fn not_even_the_first_answer_may_be_longer_than_a_replay() {
        let replay = Amount {
            bytes: 8,
            frames: 8,
        };
        let (mut outbox, _outgoings, _cut) = channel(Capacity { replay, ..SMALL });
        outbox.push(frame("1234567890")).unwrap();
        outbox.push(frame("12345678")).unwrap();
        assert_eq!(outbox.push(frame("a")), Err(Refused::TooSlow));
    }

    #[test]
    fn the_default_queue_holds_all_that_is_kept_of_a_room_by_default() {
        let config = Config::default();
        let replay = Capacity::of(&config).replay;
        let limits = &config.limits;
        // Envelopes, changes with their wraps, other entries.
        let kept = limits.history_bytes + limits.kept_bytes * 5 / 4 + limits.kept_bytes;
        assert!(replay.bytes >= kept);
        // The shortest of entries that there can be many of.
        let shortest = r#"{"type":"locked","seq":1,"locked":true}"#;
        assert!(replay.frames >= kept / shortest.len());
    }
}
