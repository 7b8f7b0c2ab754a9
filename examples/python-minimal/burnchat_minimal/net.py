"""Section 13: a room is made over HTTP, frames go over a WebSocket, and the clock never steps (12.2)."""

import asyncio
import http.client
import os
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import websockets
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from .crypto import H, to_base64url
from .errors import Refused
from .frames import CREATED, FROM_RELAY_BYTES, PROBLEM, Frame, read_body, write_body
from .link import Link, room_id_of

SUBPROTOCOL = "burnchat.v1"
SILENCE_S = 30  # no sign of life: the connection is broken (13.1)
CLOSING_S = 2
HTTP_S = 15
GIVEN_UP = 4000


class Clock:
    """Anchored once to wall time, then driven by a clock that never steps and, where there is one, counts suspends."""

    def __init__(self) -> None:
        self._source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self._offset = time.time_ns() - time.clock_gettime_ns(self._source)

    def now(self) -> int:
        return (time.clock_gettime_ns(self._source) + self._offset) // 1_000_000

    def advance(self, ms: int) -> None:
        self._offset += ms * 1_000_000


def create_room(base: str, now: int, ttl: int, extend: int, capacity: int, anyone_may_burn: bool) -> tuple[Link, Frame]:
    """Sections 11.1 and 13.4. The link, and what the relay answered. Blocks for as long as HTTP takes."""
    id_seed, secret, ticket = os.urandom(32), os.urandom(16), os.urandom(16)
    ends_at = now + ttl * 1_000
    # Section 4: in whole minutes, with one for the difference of the clocks, and within 24 h of the end by either.
    not_after = min(-(-(ends_at + extend * 1_000) // 60_000) + 1, (ends_at + 86_400_000) // 60_000 - 1)
    link = Link(base, room_id_of(id_seed), False, not_after, secret, ticket)
    body = write_body(
        {
            "id_seed": id_seed, "ticket_hash": H(ticket), "ttl_seconds": ttl, "not_after": not_after,
            "capacity": capacity, "burn": "anyone" if anyone_may_burn else "creator",
        }
    )  # fmt: skip
    url = urlsplit(base)
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        tls = ssl.create_default_context()
        connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=HTTP_S, context=tls)
    else:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=HTTP_S)
    try:
        connection.request("POST", url.path + "/api/rooms", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read(65_537)
    except (OSError, http.client.HTTPException):
        raise Refused("unreachable") from None
    finally:
        connection.close()
    if answer.status != 201:
        raise _problem(answer.status, text)
    try:
        created = read_body(CREATED, text)
    except Refused:
        raise Refused("malformed_from_relay") from None
    if created["room_id"] != link.room_id:
        raise Refused("fork")
    return link, created


def _problem(status: int, text: bytes) -> Refused:
    """By `code`; an answer without one by its status (13.4)."""
    try:
        problem = read_body(PROBLEM, text)
    except Refused:
        by_status = {404: "room_not_found", 409: "room_exists", 429: "rate_limited", 503: "relay_ending"}
        return Refused(by_status.get(status, "bad_request"))
    return Refused(problem.pop("code"), **problem)


class Connection:
    """One WebSocket. `tell` is called with "open", with each frame, and once, at the end, with None."""

    def __init__(self, link: Link, tell: "Callable[[Connection, str | bytes | None], None]") -> None:
        scheme, rest = link.base.split("://", 1)
        self._url = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/api/rooms/{to_base64url(link.room_id)}/ws"
        self._tell = tell
        self._outgoing: asyncio.Queue[bytes | int] = asyncio.Queue()  # frames, and at last a close code
        self.opened = False
        self._task = asyncio.create_task(self._run())

    def send(self, frame: bytes) -> None:
        self._outgoing.put_nowait(frame)

    def close(self, code: int) -> None:
        """After what is on its way. Nothing more is read."""
        self._tell = lambda *_: None
        if self.opened:
            self._outgoing.put_nowait(code)
        else:
            self._task.cancel()

    async def finished(self) -> None:
        """At the end: the closing handshake, but not for long."""
        await asyncio.wait([self._task], timeout=2 * CLOSING_S)
        self._task.cancel()

    async def _run(self) -> None:
        try:
            async with websockets.connect(
                self._url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                max_size=2 * FROM_RELAY_BYTES,
                open_timeout=HTTP_S,
                close_timeout=CLOSING_S,
                ping_interval=None,
            ) as socket:
                if socket.subprotocol != SUBPROTOCOL:
                    return
                self.opened = True
                self._tell(self, "open")
                writing = asyncio.create_task(self._write(socket))
                try:
                    while True:
                        message = await asyncio.wait_for(socket.recv(), SILENCE_S)
                        # A binary message is no frame.
                        self._tell(self, message.encode() if isinstance(message, str) else b"")
                finally:
                    writing.cancel()
        except (TimeoutError, OSError, WebSocketException, ValueError):
            pass
        finally:
            self._tell(self, None)

    async def _write(self, socket: Any) -> None:
        try:
            while isinstance(item := await self._outgoing.get(), bytes):
                await socket.send(item.decode())
            await socket.close(item)
        except WebSocketException:
            pass  # the reader sees it too
