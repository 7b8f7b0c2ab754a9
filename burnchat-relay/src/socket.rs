//! Where a WebSocket's bytes come from and go to, on their way from the thread that accepted it to a worker's.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::websocket::frame::Frame;
use crate::websocket::sending::gather;

/// What a connection was upgraded from.
pub(crate) enum Socket {
    /// A TCP connection that no runtime waits for, and what was read of it too early.
    Tcp(std::net::TcpStream, Bytes),
    /// TLS, or whatever else an application serves the relay on. The runtime it comes from goes on to wait for it.
    Other(Upgraded),
}

impl Socket {
    /// Takes it from tokio's current runtime, if that can be done.
    ///
    /// # Errors
    /// If the system does not want that.
    pub(crate) fn take(upgraded: Upgraded) -> io::Result<Self> {
        let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => return Self::tcp(parts.io, parts.read_buf),
            Err(upgraded) => upgraded,
        };
        // What `axum::serve` makes of it.
        match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => Self::tcp(parts.io, parts.read_buf),
            Err(upgraded) => Ok(Self::Other(upgraded)),
        }
    }

    fn tcp(stream: TokioIo<TcpStream>, read: Bytes) -> io::Result<Self> {
        Ok(Self::Tcp(stream.into_inner().into_std()?, read))
    }
}

/// The way out of a TCP connection, for its task and for the worker.
#[derive(Clone)]
pub(crate) struct WayOut(Arc<OwnedWriteHalf>);

impl WayOut {
    pub(crate) fn new(write_half: OwnedWriteHalf) -> Self {
        Self(Arc::new(write_half))
    }

    /// Writes once, if the socket takes anything now, and gives how many bytes it took.
    ///
    /// # Errors
    /// If it takes nothing now, or not any more.
    pub(crate) fn write_now(&self, frames: &VecDeque<Frame>, begun: usize) -> io::Result<usize> {
        gather(frames, begun, |slices| self.try_write(slices))
    }

    fn try_write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [slice] => self.0.try_write(slice),
            slices => self.0.try_write_vectored(slices),
        }
    }
}

impl AsyncWrite for WayOut {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream: &TcpStream = (*self.0).as_ref();
        loop {
            ready!(stream.poll_write_ready(cx))?;
            match self.try_write(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The last who drops it does that.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
