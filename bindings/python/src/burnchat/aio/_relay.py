"""Connections to a relay (spec section 13)."""

from __future__ import annotations

import asyncio
import base64
import http.client
import logging
import os
import ssl
from typing import Any, Dict, Optional, Tuple
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from ..core import BurnchatError, read_problem
from ..core._library import Bytes

#: How long connecting and the answer to the first request may take together, s.
PATIENCE = 10.0
#: How long a farewell may take, s.
FAREWELL = 2.0
#: The largest frame from a relay, and the largest answer that is read (spec section 16).
RELAY_FRAME_BYTES = 1_048_576
ANSWER_BYTES = 65_536

_SUBPROTOCOL = Subprotocol("burnchat.v1")

# It would write whole frames, and the first one holds tokens.
_SILENT = logging.Logger("burnchat.websockets", logging.CRITICAL + 1)


class Unreachable(BurnchatError):
    """There is no relay to talk to: nobody answers, the certificate is not good. ``code`` is 0, as no number of the
    registry is about it."""

    def __init__(self, why: str) -> None:
        super().__init__(0)
        self.name = "unreachable"
        self.why = why

    @property
    def meaning(self) -> str:
        """Why, for people."""
        return self.why


class _Direct(connect):
    """A link says where its relay is: no redirect is followed."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Relay:
    """The relay of a URL, as a link has it before ``/r/``."""

    def __init__(self, base: str, tls: Optional[ssl.SSLContext] = None) -> None:
        self._base = base
        self._secure = base.startswith("https:")
        self._tls = tls

    async def open(self, room_id: bytes) -> ClientConnection:
        """Opens the WebSocket of a room."""
        room = base64.urlsafe_b64encode(room_id).decode().rstrip("=")
        scheme = "wss" if self._secure else "ws"
        more: Dict[str, Any] = {"ssl": await self._trusted()} if self._secure else {}
        try:
            socket = await _Direct(
                f"{scheme}{self._base[self._base.index(':'):]}/api/rooms/{room}/ws",
                subprotocols=[_SUBPROTOCOL],
                compression=None,
                max_size=RELAY_FRAME_BYTES,
                # The relay counts down and pings; the driver sees to the silence.
                ping_interval=None,
                open_timeout=PATIENCE,
                close_timeout=FAREWELL,
                user_agent_header=None,
                proxy=None,
                logger=_SILENT,
                **more,
            )
        except InvalidStatus as refused:
            # These exceptions hold the URL with the room's id: none of them is passed on.
            raise refusal(refused.response.body or b"") from None
        except (OSError, WebSocketException, asyncio.TimeoutError) as error:
            raise Unreachable(_why(error)) from None
        if socket.subprotocol != _SUBPROTOCOL:
            socket.transport.abort()
            raise Unreachable("what answers there does not speak this version of the protocol")
        return socket

    async def post(self, path: str, body: bytes) -> Tuple[int, bytes]:
        """Sends a JSON text; the status and the JSON text of the answer. Runs in a thread of the loop's."""
        tls = await self._trusted() if self._secure else None
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._post, path, body, tls), PATIENCE)
        except (OSError, http.client.HTTPException, asyncio.TimeoutError) as error:
            raise Unreachable(_why(error)) from None

    async def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:
            # Reading what the system trusts takes a tenth of a second: not the loop's.
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls

    def _post(self, path: str, body: bytes, tls: Optional[ssl.SSLContext]) -> Tuple[int, bytes]:
        where = urlsplit(self._base)
        host = where.hostname or ""
        # The plain client of the standard library: no proxy, no redirect, no log.
        connection = (
            http.client.HTTPSConnection(host, where.port, timeout=PATIENCE, context=tls)
            if tls
            else http.client.HTTPConnection(host, where.port, timeout=PATIENCE)
        )
        try:
            headers = {
                "Content-Type": "application/json",
                "Accept": "application/json, application/problem+json",
            }
            connection.request("POST", where.path + path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(ANSWER_BYTES)
        finally:
            connection.close()


def refusal(body: Bytes) -> BurnchatError:
    """The refusal in the body of an answer that is not the one hoped for."""
    try:
        problem = read_problem(body)
    except BurnchatError:
        return Unreachable("what answers there is not a Burnchat relay")
    return BurnchatError(problem.code, retry_after_ms=problem.retry_after_ms, attempts_left=problem.attempts_left)


def _why(error: Exception) -> str:
    """What to say of an error, without the addresses that its own text may hold."""
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate is not good"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return f"no connection ({type(error).__name__})"
