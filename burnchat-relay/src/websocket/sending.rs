//! Frames on their way out: many in one write.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use zeroize::Zeroize;

use super::frame::Frame;

/// So many frames at most wait here to be written together.
const MOST_FRAMES: usize = 128;
/// And so many bytes; one frame may be longer.
const MOST_BYTES: usize = 64 << 10;
/// How much is put together for a stream that does not take several buffers in one write.
const GATHERED_BYTES: usize = 16 << 10;

/// Hands `write` what of `frames` goes out in one write, without the first `begun` bytes: one or more buffers.
pub(crate) fn gather<T>(
    frames: &VecDeque<Frame>,
    begun: usize,
    write: impl FnOnce(&[IoSlice<'_>]) -> T,
) -> T {
    /// Where little is said most writes are of one frame.
    const FEW: usize = 4;

    let mut few = [IoSlice::new(&[]); FEW];
    let mut many;
    let slices = if frames.len() <= FEW {
        few.as_mut_slice()
    } else {
        many = [IoSlice::new(&[]); MOST_FRAMES];
        many.as_mut_slice()
    };
    let (mut count, mut bytes, mut skip) = (0, 0, begun);
    for (slice, frame) in slices.iter_mut().zip(frames) {
        if bytes >= MOST_BYTES {
            break;
        }
        *slice = IoSlice::new(frame.wire().get(skip..).unwrap_or_default());
        bytes += slice.len();
        skip = 0;
        count += 1;
    }
    write(slices.get(..count).unwrap_or_default())
}

/// Writes frames to `stream`.
pub(crate) struct Sender<W> {
    stream: W,
    frames: VecDeque<Frame>,
    /// Bytes of all of them.
    bytes: usize,
    /// Bytes of the first that have been written.
    begun: usize,
}

impl<W: AsyncWrite + Unpin> Sender<W> {
    pub(crate) fn new(stream: W) -> Self {
        Self {
            stream,
            frames: VecDeque::new(),
            bytes: 0,
            begun: 0,
        }
    }

    /// Adds a frame behind the others.
    pub(crate) fn put(&mut self, frame: Frame) {
        self.bytes += frame.wire().len();
        self.frames.push_back(frame);
    }

    /// The same for a frame of which so many bytes have been written: none if there are others.
    pub(crate) fn put_begun(&mut self, frame: Frame, begun: usize) {
        debug_assert!(begun == 0 || self.is_empty(), "a frame goes into another");
        self.begun += begun;
        self.put(frame);
    }

    /// Adds a frame before all others that have not begun.
    pub(crate) fn put_first(&mut self, frame: Frame) {
        self.bytes += frame.wire().len();
        let place = usize::from(self.begun > 0);
        self.frames.insert(place.min(self.frames.len()), frame);
    }

    /// Takes back what has not begun, and gives the last of it.
    pub(crate) fn take_back(&mut self) -> Option<Frame> {
        let begun = usize::from(self.begun > 0);
        if self.frames.len() <= begun {
            return None;
        }
        let last = self.frames.pop_back();
        self.frames.truncate(begun);
        self.bytes = self.frames.iter().map(|frame| frame.wire().len()).sum();
        last
    }

    /// Whether another frame is to be put here, or rather left where it waits.
    pub(crate) fn has_room(&self) -> bool {
        self.frames.len() < MOST_FRAMES && self.bytes < MOST_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes once, and gives how many bytes the stream took. Dropped half way, it has written nothing.
    pub(crate) async fn write(&mut self) -> io::Result<usize> {
        let count = std::future::poll_fn(|cx| self.poll_write(cx)).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.written(count);
        Ok(count)
    }

    /// Writes everything.
    pub(crate) async fn write_all(&mut self) -> io::Result<()> {
        while !self.is_empty() {
            self.write().await?;
        }
        self.stream.flush().await
    }

    /// What was written goes out now.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().await
    }

    /// Writes everything, and then says that nothing more comes.
    pub(crate) async fn shut_down(&mut self) -> io::Result<()> {
        self.write_all().await?;
        self.stream.shutdown().await
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self {
            stream,
            frames,
            bytes,
            begun,
        } = self;
        let mut stream = Pin::new(stream);
        gather(frames, *begun, |slices| {
            if let [slice] = slices {
                return stream.poll_write(cx, slice);
            }
            if stream.is_write_vectored() {
                return stream.poll_write_vectored(cx, slices);
            }
            let mut gathered = Vec::with_capacity(GATHERED_BYTES.min(*bytes));
            for slice in slices {
                let room = gathered.capacity() - gathered.len();
                gathered.extend_from_slice(slice.get(..room).unwrap_or(slice));
            }
            let written = stream.as_mut().poll_write(cx, &gathered);
            gathered.zeroize();
            Poll::Ready(ready!(written))
        })
    }

    fn written(&mut self, count: usize) {
        self.begun += count;
        while let Some(first) = self.frames.front()
            && first.wire().len() <= self.begun
        {
            self.begun -= first.wire().len();
            self.bytes -= first.wire().len();
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that takes so many bytes a write, and counts.
    struct Stream {
        takes: usize,
        vectored: bool,
        writes: usize,
        written: Vec<u8>,
    }

    impl Stream {
        fn that_takes(takes: usize, vectored: bool) -> Sender<Self> {
            Sender::new(Self {
                takes,
                vectored,
                writes: 0,
                written: Vec::new(),
            })
        }
    }

    impl AsyncWrite for Stream {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let before = self.written.len();
            let takes = self.takes;
            self.writes += 1;
            let bytes = slices.iter().flat_map(|slice| slice.iter()).take(takes);
            self.written.extend(bytes);
            Poll::Ready(Ok(self.written.len() - before))
        }

        fn is_write_vectored(&self) -> bool {
            self.vectored
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn frame(len: usize) -> Frame {
        Frame::text(&vec![b'-'; len])
    }

    fn wire(frames: &[Frame]) -> Vec<u8> {
        frames.iter().flat_map(Frame::wire).copied().collect()
    }

    #[tokio::test]
    async fn many_frames_go_out_in_one_write() {
        for vectored in [true, false] {
            let frames: Vec<_> = (0..50).map(frame).collect();
            let mut sender = Stream::that_takes(usize::MAX, vectored);
            for frame in &frames {
                sender.put(frame.clone());
            }
            sender.write_all().await.unwrap();
            assert_eq!(sender.stream.writes, 1);
            assert_eq!(sender.stream.written, wire(&frames));
        }
    }

    #[tokio::test]
    async fn a_stream_that_takes_little_gets_every_byte_once() {
        let frames = [frame(0), frame(3), frame(300), frame(70_000)];
        for takes in [1, 2, 7, 301, 20_000] {
            for vectored in [true, false] {
                let mut sender = Stream::that_takes(takes, vectored);
                for frame in &frames {
                    sender.put(frame.clone());
                }
                sender.write_all().await.unwrap();
                assert_eq!(sender.stream.written, wire(&frames));
                assert_eq!((sender.bytes, sender.begun), (0, 0));
            }
        }
    }

    #[tokio::test]
    async fn what_is_urgent_goes_between_frames_and_never_into_one() {
        let (first, second) = (frame(10), frame(20));
        for taken in [1, 11] {
            let mut sender = Stream::that_takes(taken, true);
            sender.put(first.clone());
            sender.put(second.clone());
            sender.write().await.unwrap();
            sender.put_first(Frame::ping());
            sender.write_all().await.unwrap();
            let expected = [first.clone(), Frame::ping(), second.clone()];
            assert_eq!(sender.stream.written, wire(&expected));
        }
    }

    #[tokio::test]
    async fn what_has_begun_is_ended_and_the_rest_can_be_taken_back() {
        let (first, last) = (frame(10), frame(30));
        let mut sender = Stream::that_takes(5, true);
        for frame in [&first, &frame(20), &last] {
            sender.put(frame.clone());
        }
        sender.write().await.unwrap();
        let taken_back = sender.take_back().unwrap();
        assert_eq!(taken_back.payload(), last.payload());
        assert!(sender.take_back().is_none());
        sender.write_all().await.unwrap();
        assert_eq!(sender.stream.written, wire(&[first]));
        assert_eq!(sender.bytes, 0);
    }

    #[test]
    fn only_so_much_is_taken_out_of_the_queue() {
        let mut many = Stream::that_takes(1, true);
        let mut long = Stream::that_takes(1, true);
        while many.has_room() {
            many.put(frame(0));
        }
        while long.has_room() {
            long.put(frame(30_000));
        }
        assert_eq!(many.frames.len(), MOST_FRAMES);
        assert_eq!(long.frames.len(), 3);
    }

    #[tokio::test]
    async fn a_stream_that_takes_nothing_is_an_error() {
        let mut sender = Stream::that_takes(0, true);
        sender.put(frame(1));
        let error = sender.write_all().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
