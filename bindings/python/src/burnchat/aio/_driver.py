"""The task behind a room: keeps it connected, and its time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from typing import Any, Callable, Deque, Optional, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ..core import BurnchatError, Client, Close, Connect, Ended, Event, Fault, Send, Status
from ..core._library import wipe
from ._clock import Clock
from ._relay import FAREWELL, Relay

#: When this many events wait for the application, or frames for the socket, nothing more is read.
WAITING = 1_024
#: How often the time is looked at even if nothing is due, s: what is slept on stands still while the machine sleeps.
TICK = 1.0
#: How long the relay has to answer the frame a connection begins with, ms.
ANSWER_MS = 10_000
#: A relay counts down every 10 s (spec section 12.1). A connection that is silent for longer than this, ms, is dead.
SILENCE_MS = 25_000

T = TypeVar("T")


class Backoff:
    """How long to wait before the next attempt to connect: evenly drawn from nothing up to a ceiling that doubles, so
    that the clients of a relay that comes back do not all come back with it."""

    FIRST = 0.25
    LONGEST = 8.0

    def __init__(self) -> None:
        self.ceiling = self.FIRST

    def next(self) -> float:
        """Seconds."""
        ceiling = self.ceiling
        self.ceiling = min(ceiling * 2, self.LONGEST)
        return random.uniform(0, ceiling)

    def reset(self) -> None:
        """The connection is good."""
        self.ceiling = self.FIRST


class Bell:
    """Wakes whoever waits for something to change. Between the look at what has changed and the wait nothing else may
    be awaited."""

    def __init__(self) -> None:
        self._next: Optional[asyncio.Future[None]] = None

    def ring(self) -> None:
        """Something has changed."""
        if self._next is not None:
            if not self._next.done():
                self._next.set_result(None)
            self._next = None

    async def heard(self, within: Optional[float] = None) -> None:
        """Returns when something changes, or after so many seconds."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        # Unlike `await`, this leaves the future to the others when one who waits is cancelled.
        await asyncio.wait({self._next}, timeout=within)


class Driver:
    """One room, between an application and its relay."""

    def __init__(self, client: Client, relay: Relay, room_id: bytes) -> None:
        self._client = client
        self._relay = relay
        self._room_id = room_id
        self._clock = Clock()
        self._backoff = Backoff()
        self._bell = Bell()
        self._outgoing: Deque[bytearray] = deque()
        self._events: Deque[Event] = deque()
        #: The connection is to be closed with this code.
        self._close: Optional[int] = None
        #: A connection is to be opened.
        self._connect = False
        self._ended: Optional[Ended] = None
        #: The driver has nothing more to do.
        self._done = False
        #: When the relay was last heard.
        self._heard_ms = 0
        self._collect()

    # For the application.

    def act(self, command: Callable[[int], T]) -> T:
        """Gives a command, which takes the time, to the machine."""
        try:
            return command(self._clock.now_ms())
        finally:
            self._collect()

    @property
    def ended(self) -> Optional[Ended]:
        """How it ended, if it has."""
        return self._ended

    async def joined(self) -> None:
        """Returns when the seat is taken, or all is over."""
        while not self._done and self._ended is None:
            if self._client.status in (Status.JOINED, Status.AWAY, Status.RESUMING):
                return
            await self._bell.heard()

    async def next_event(self) -> Optional[Event]:
        """The next event; None when it is over."""
        while not self._events:
            if self._done:
                return None
            await self._bell.heard()
        event = self._events.popleft()
        # The driver may have stopped reading.
        self._bell.ring()
        return event

    # The task.

    async def drive(self, socket: ClientConnection) -> None:
        """Drives the room, from its first connection on, until it is over."""
        try:
            connection: Optional[ClientConnection] = socket
            while connection is not None:
                await self._online(connection)
                connection = await self._offline()
        finally:
            # Whatever stops this task ends the room, and says so to who waits for events.
            try:
                self.act(self._client.leave)
            finally:
                self._done = True
                self._drop_outgoing()
                self._bell.ring()

    async def _online(self, socket: ClientConnection) -> None:
        """Carries frames until the connection breaks or is closed."""
        self._opened()
        writer = asyncio.ensure_future(self._write(socket))
        others = [asyncio.ensure_future(self._read(socket)), asyncio.ensure_future(self._watch())]
        try:
            done, _ = await asyncio.wait({writer, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            if self._close is None:
                self._broke()
                return
            was_over = self._ended is not None
            # The writer stops when it has sent what was to be sent before: `_close` stays until the next connection.
            farewell = asyncio.ensure_future(asyncio.wait_for(self._farewell(socket, writer, self._close), FAREWELL))
            farewell.add_done_callback(lambda _: self._bell.ring())
            others.append(farewell)
            while not farewell.done():
                wait = self._keep_time()
                # Joining afresh takes its time too, and the room may burn in it.
                if self._ended is not None and not was_over:
                    return
                await self._bell.heard(wait)
        finally:
            for task in (writer, *others):
                task.cancel()
            await asyncio.gather(writer, *others, return_exceptions=True)
            socket.transport.abort()

    async def _farewell(self, socket: ClientConnection, writer: asyncio.Future[None], code: int) -> None:
        await asyncio.wait({writer})
        # This drops what still comes in.
        with contextlib.suppress(OSError, ConnectionClosed):
            await socket.close(code)

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            while self._held_up() or len(self._outgoing) >= WAITING:
                await self._bell.heard()
            try:
                frame = await socket.recv()
            except ConnectionClosed:
                return
            if self._close is not None:
                # Nothing more may be delivered from this connection.
                return
            self._frame(frame)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            if self._outgoing:
                frame = self._outgoing.popleft()
                try:
                    await socket.send(frame, text=True)
                except (OSError, ConnectionClosed):
                    return
                finally:
                    wipe(frame)
                self._bell.ring()
            elif self._close is not None:
                return
            else:
                await self._bell.heard()

    async def _watch(self) -> None:
        """Keeps the machine's time until the connection is to be closed, or is dead."""
        opened_ms = self._heard_ms
        while True:
            wait = self._keep_time()
            if self._close is not None:
                return
            now_ms = self._clock.now_ms()
            if self._held_up():
                # The application is slow, which is not the relay's fault.
                self._heard_ms = now_ms
            settled = self._client.status is Status.JOINED
            if settled:
                self._backoff.reset()
            if now_ms - self._heard_ms >= SILENCE_MS or (not settled and now_ms - opened_ms >= ANSWER_MS):
                return
            await self._bell.heard(wait)

    async def _offline(self) -> Optional[ClientConnection]:
        """Tries to connect until it succeeds. None when the room is over: it burns with or without a connection."""
        attempt: Optional[asyncio.Task[ClientConnection]] = None
        try:
            while True:
                wait = self._keep_time()
                if self._ended is not None:
                    return None
                if attempt is not None and attempt.done():
                    socket, attempt = attempt.result(), None
                    return socket
                # The machine may want a connection only after a while (spec section 11.2).
                if attempt is None and self._connect:
                    attempt = asyncio.ensure_future(self._reconnect())
                    attempt.add_done_callback(lambda _: self._bell.ring())
                await self._bell.heard(wait)
        finally:
            if attempt is not None:
                attempt.cancel()
                for outcome in await asyncio.gather(attempt, return_exceptions=True):
                    if isinstance(outcome, ClientConnection):
                        outcome.transport.abort()

    async def _reconnect(self) -> ClientConnection:
        while True:
            await asyncio.sleep(self._backoff.next())
            try:
                return await self._relay.open(self._room_id)
            except BurnchatError:
                # Whatever refuses now may not the next time; what refuses for good says so to the join or resume.
                pass

    # Steps of the machine.

    def _opened(self) -> None:
        self._connect = False
        self._close = None
        self._drop_outgoing()
        self._heard_ms = self._clock.now_ms()
        try:
            self.act(self._client.handle_connected)
        except BurnchatError as error:
            if error.code < 0:
                raise
            # Only the cryptographic library can fail here; the next connection is the next attempt.
            self._connect = True

    def _broke(self) -> None:
        self._drop_outgoing()
        self.act(self._client.handle_disconnected)

    def _frame(self, message: Any) -> None:
        now_ms = self._heard_ms = self._clock.now_ms()
        # A binary message is no frame (spec section 13.1).
        code = self._client.handle_frame(now_ms, message if isinstance(message, str) else b"")
        self._collect()
        # What was wrong with it is told, unless the machine says so itself by ending or joining afresh.
        if code and self._client.status not in (Status.OFFLINE, Status.ENDED):
            self._events.append(Fault(code, None))
            self._bell.ring()

    def _keep_time(self) -> float:
        """Lets the machine do what is due; how many seconds until something may be due again."""
        now_ms = self._clock.now_ms()
        due_ms = self._client.poll_timeout()
        if due_ms is not None and now_ms >= due_ms:
            self.act(self._client.handle_timeout)
            due_ms = self._client.poll_timeout()
        # A deadline that has just been handled and stands again is not worth spinning for.
        return TICK if due_ms is None else min(max(due_ms - now_ms, 1) / 1_000, TICK)

    def _collect(self) -> None:
        """Takes what the machine has put out."""
        while (output := self._client.poll()) is not None:
            if isinstance(output, Send):
                self._outgoing.append(output.frame)
            elif isinstance(output, Connect):
                self._connect = True
            elif isinstance(output, Close):
                self._connect = False
                self._close = output.code
            else:
                if isinstance(output, Ended):
                    # What nobody has read by now, nobody will.
                    self._events.clear()
                    self._ended = output
                self._events.append(output)
        self._bell.ring()

    def _held_up(self) -> bool:
        return len(self._events) >= WAITING

    def _drop_outgoing(self) -> None:
        while self._outgoing:
            wipe(self._outgoing.popleft())
