//! All connections, in one thread.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::websocket::{self, Frame};

/// What one look takes off one socket at most.
const READ_BYTES: usize = 256 << 10;
/// How many sockets are looked at before the next sends.
const EVENTS: usize = 256;

/// The connections, by number.
pub(crate) struct Swarm {
    server: SocketAddr,
    epoll: OwnedFd,
    buffer: Vec<u8>,
    connections: Vec<Connection>,
    /// Those with bytes that wait to be written together.
    unflushed: Vec<usize>,
    started: Instant,
}

struct Connection {
    stream: TcpStream,
    open: bool,
    ended: bool,
    /// The beginning of what has not come whole.
    partial: Vec<u8>,
    unsent: Vec<u8>,
    /// Waits until the socket takes more.
    blocked: bool,
}

/// What came on a connection.
#[derive(Debug)]
pub(crate) enum Came<'a> {
    /// The server speaks WebSocket from here on.
    Open,
    Text(&'a [u8]),
    Close(u16),
    /// There is no connection any more.
    End,
}

impl Swarm {
    pub(crate) fn new(server: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            server,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            buffer: vec![0; READ_BYTES],
            connections: Vec::new(),
            unflushed: Vec::new(),
            started: Instant::now(),
        })
    }

    /// Opens one more connection, to this room. [`Came::Open`] tells when it can be used.
    pub(crate) fn connect(&mut self, room: &str) -> io::Result<usize> {
        self.connect_to(self.server, room)
    }

    /// The same, at another server.
    pub(crate) fn connect_to(&mut self, server: SocketAddr, room: &str) -> io::Result<usize> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        write!(
            stream,
            "GET /api/rooms/{room}/ws HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: burnchat.v1\r\n\r\n"
        )?;
        stream.set_nonblocking(true)?;
        let number = self.connections.len();
        let wanted = epoll::EventFlags::IN;
        epoll::add(&self.epoll, &stream, event_data(number), wanted)?;
        self.connections.push(Connection {
            stream,
            open: false,
            ended: false,
            partial: Vec::new(),
            unsent: Vec::new(),
            blocked: false,
        });
        Ok(number)
    }

    /// Queues a text; [`flush`](Self::flush) writes what is queued, all of a connection's at once.
    pub(crate) fn send(&mut self, number: usize, text: &[u8]) {
        self.queue(number, |unsent| websocket::put_text(unsent, text));
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while let Some(number) = self.unflushed.pop() {
            let Some(connection) = self.connections.get_mut(number) else {
                continue;
            };
            if !connection.blocked && !connection.ended {
                connection.flush(&self.epoll, number)?;
            }
        }
        Ok(())
    }

    /// Waits until something comes, at most so long, and hands it on with the time of its arrival. Pings are answered
    /// and closes returned.
    pub(crate) fn poll(
        &mut self,
        at_most: Duration,
        mut on: impl FnMut(usize, Duration, Came<'_>),
    ) -> io::Result<()> {
        self.flush()?;
        let mut events: Vec<epoll::Event> = Vec::with_capacity(EVENTS);
        let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            // A packed struct: nothing in it is borrowed.
            let (number, flags) = (event.data.u64() as usize, event.flags);
            if flags.contains(epoll::EventFlags::OUT)
                && let Some(connection) = self.connections.get_mut(number)
            {
                connection.flush(&self.epoll, number)?;
            }
            if flags
                .intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR)
            {
                self.read(number, &mut on)?;
            }
        }
        self.flush()
    }

    /// Since the swarm began.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn queue(&mut self, number: usize, put: impl FnOnce(&mut Vec<u8>)) {
        if let Some(connection) = self.connections.get_mut(number) {
            if connection.unsent.is_empty() {
                self.unflushed.push(number);
            }
            put(&mut connection.unsent);
        }
    }

    fn read(
        &mut self,
        number: usize,
        on: &mut impl FnMut(usize, Duration, Came<'_>),
    ) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        if connection.ended {
            return Ok(());
        }
        let length = match connection.stream.read(&mut self.buffer) {
            Ok(0) => None,
            Ok(length) => Some(length),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(());
            }
            Err(_) => None,
        };
        let now = self.started.elapsed();
        let Some(read) = length.and_then(|length| self.buffer.get(..length)) else {
            connection.ended = true;
            epoll::delete(&self.epoll, &connection.stream)?;
            on(number, now, Came::End);
            return Ok(());
        };

        let mut partial = std::mem::take(&mut connection.partial);
        let mut bytes = if partial.is_empty() {
            read
        } else {
            partial.extend_from_slice(read);
            partial.as_slice()
        };
        if !connection.open {
            match memchr::memmem::find(bytes, b"\r\n\r\n").and_then(|end| bytes.get(end + 4..)) {
                Some(rest) => {
                    if !bytes.starts_with(b"HTTP/1.1 101 ") {
                        return Err(io::Error::other("the server refused a WebSocket"));
                    }
                    connection.open = true;
                    bytes = rest;
                    on(number, now, Came::Open);
                }
                None => {
                    connection.partial = bytes.to_vec();
                    return Ok(());
                }
            }
        }
        let waiting = connection.unsent.len();
        while let Some(frame) = websocket::take_frame(&mut bytes) {
            match frame {
                Frame::Text(text) => on(number, now, Came::Text(text)),
                Frame::Ping(payload) => websocket::put_pong(&mut connection.unsent, payload),
                Frame::Close(code) => {
                    websocket::put_close(&mut connection.unsent, code);
                    on(number, now, Came::Close(code));
                }
                Frame::Other => {}
            }
        }
        connection.partial = bytes.to_vec();
        if waiting == 0 && !connection.unsent.is_empty() {
            self.unflushed.push(number);
        }
        Ok(())
    }
}

impl Connection {
    fn flush(&mut self, epoll: &OwnedFd, number: usize) -> io::Result<()> {
        let mut written = 0;
        let mut blocked = false;
        while let Some(rest @ [_, ..]) = self.unsent.get(written..) {
            match self.stream.write(rest) {
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    blocked = true;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Reading finds out.
                Err(_) => written = self.unsent.len(),
            }
        }
        self.unsent.drain(..written);
        if blocked != self.blocked {
            self.blocked = blocked;
            let mut wanted = epoll::EventFlags::IN;
            wanted.set(epoll::EventFlags::OUT, blocked);
            epoll::modify(epoll, &self.stream, event_data(number), wanted)?;
        }
        Ok(())
    }
}

fn event_data(number: usize) -> epoll::EventData {
    epoll::EventData::new_u64(number as u64)
}
