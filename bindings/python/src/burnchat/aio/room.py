"""What an application holds of a room."""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Iterable, Optional, Tuple, Type

from ..core import (
    BurnchatError,
    Client,
    CreatedRoom,
    Ended,
    EndReason,
    Event,
    Message,
    Participant,
    Role,
    RoomSettings,
    Status,
    Verification,
    plan_room,
    read_created,
    read_link,
)
from ..core._library import Bytes
from ..core.errors import ENDED, KICKED, NOT_JOINED
from ._clock import Clock
from ._driver import Driver
from ._relay import Relay, Unreachable, refusal

#: How long the first join may take once the relay has been reached, s.
JOIN_PATIENCE = 15.0


async def create_room(
    base: str, settings: Optional[RoomSettings] = None, *, tls: Optional[ssl.SSLContext] = None
) -> CreatedRoom:
    """Asks the relay at ``base``, such as ``https://chat.example``, for a room. Nobody is in it yet.

    Raises ``invalid_parameter`` for settings out of range, ``link_not_a_link`` for a ``base`` that is no URL, what the
    relay refuses with (``too_many_rooms``, ``rate_limited``), and :class:`Unreachable`.
    """
    planned = plan_room(base, settings or RoomSettings(), Clock().now_ms())
    relay = Relay(read_link(planned.link)[0], tls)
    status, answer = await relay.post("/api/rooms", planned.request)
    if status != 201:
        raise refusal(answer)
    return read_created(answer, planned.link)


class Room:
    """A seat in a room, from ``async with`` to its end. Iterating gives what happens, :class:`Ended` last.

    Commands do not wait: one that returns is on its way, and what came of it is an event. What can't be sent yet waits
    inside, over a broken connection too. All methods belong to the event loop the room was joined in.

    At the end of the ``async with`` the seat is left and everything the machine held is wiped; what is called after
    that raises ``error_freed``.
    """

    @classmethod
    def join(
        cls,
        link: str,
        *,
        name: Optional[str] = None,
        pin: Optional[str] = None,
        creator_token: Optional[Bytes] = None,
        seat_token: Optional[Bytes] = None,
        tls: Optional[ssl.SSLContext] = None,
    ) -> Room:
        """For ``async with``, which joins. Without a name one is invented; ``pin`` or ``creator_token`` join as creator.

        Here a link that is none is refused (600 to 607), ``name_too_long``, ``name_not_allowed``; the join refuses with
        the relay's codes (``room_not_found``, ``room_full``, ``wrong_pin``), with those of a client that finds the relay
        wrong (``bad_link``, ``clock_skew``), with ``ended`` if the room has burned meanwhile, and as
        :class:`Unreachable`: the first connection is tried once, only later ones again and again.
        """
        return cls(Client(link, name=name, pin=pin, creator_token=creator_token, seat_token=seat_token), link, tls)

    def __init__(self, client: Client, link: str, tls: Optional[ssl.SSLContext]) -> None:
        base, self._room_id = read_link(link)
        self._client = client
        self._relay = Relay(base, tls)
        self._driver: Optional[Driver] = None
        self._task: Optional[asyncio.Task[None]] = None

    def __repr__(self) -> str:
        return "Room(..)"

    async def __aenter__(self) -> Room:
        if self._driver is not None:
            raise RuntimeError("a room is joined once")
        self._driver = driver = Driver(self._client, self._relay, self._room_id)
        try:
            socket = await self._relay.open(self._room_id)
            self._task = asyncio.ensure_future(driver.drive(socket))
            try:
                await asyncio.wait_for(driver.joined(), JOIN_PATIENCE)
            except asyncio.TimeoutError:
                raise Unreachable("the relay did not let us in in time") from None
            if self._task.done():
                self._task.result()
            if driver.ended is not None:
                raise _of_end(driver.ended)
        except BaseException:
            await self._finish()
            raise
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self._finish()

    def __aiter__(self) -> Room:
        return self

    async def __anext__(self) -> Event:
        driver = self._joined()
        event = await driver.next_event()
        if event is None:
            if self._task is not None and self._task.done() and not self._task.cancelled():
                # A defect that has stopped the driver is not the end of the room.
                self._task.result()
            raise StopAsyncIteration
        return event

    # Commands.

    async def send(self, text: str, *, burn_after: float = 0) -> bytes:
        """Writes a text to everybody in the room, and returns its id. ``burn_after`` is the time from reading to burning
        in seconds, 0 for when the room does.

        :class:`Accepted` says when it has been delivered to the relay, :class:`Unsent` or :class:`Unknown` that it can't
        be, or may not have been. ``text_empty``, ``text_too_long`` (32,768 bytes), ``queue_full`` (256 texts wait),
        ``nobody_here``, ``ended``.
        """
        burn_after_ms = round(burn_after * 1_000)
        return self._joined().act(lambda now: self._client.send_text(now, text, burn_after_ms=burn_after_ms))

    async def typing(self, typing: bool = True) -> None:
        """Says that the user is typing, or no longer."""
        self._joined().act(lambda now: self._client.set_typing(now, typing))

    async def mark_read(self, *messages: Message) -> None:
        """Says that the user has seen messages: their own time begins to run, and their authors are told."""
        await self.mark_read_ids((message.author.id, message.id) for message in messages)

    async def mark_read_ids(self, messages: Iterable[Tuple[bytes, bytes]]) -> None:
        """The same by the ids of authors and messages, for programs that do not keep the texts."""
        self._joined().act(lambda now: self._client.mark_read(now, messages))

    async def kick(self, participant: bytes, *, renew_link: bool = True) -> None:
        """Removes a participant. With ``renew_link`` the link it holds stops admitting, and the room gets a new one.

        ``not_creator``, ``invalid_parameter`` for oneself, ``queue_full``, ``ended``.
        """
        self._joined().act(lambda now: self._client.kick(now, participant, renew_ticket=renew_link))

    async def lock(self, locked: bool = True) -> None:
        """Locks the room for newcomers, or opens it again. ``not_creator``, ``queue_full``, ``ended``."""
        self._joined().act(lambda now: self._client.lock(now, locked))

    async def renew(self) -> None:
        """Replaces the link: the present one stops admitting. ``not_creator``, ``queue_full``, ``ended``."""
        self._joined().act(self._client.renew)

    async def extend(self, seconds: int) -> None:
        """Makes the room live 1 to 1,800 seconds longer, never past the hard end in its link.

        ``not_creator``, ``invalid_parameter``, ``queue_full``, ``ended``.
        """
        self._joined().act(lambda now: self._client.extend(now, seconds))

    async def burn(self) -> None:
        """Burns the room for everyone, now. ``not_creator`` where only creators may, ``queue_full``, ``ended``."""
        self._joined().act(self._client.burn)

    async def leave(self) -> None:
        """Leaves, and wipes everything; returns when the relay has been told, or after 2 s. :class:`Ended` follows."""
        driver = self._joined()
        driver.act(self._client.leave)
        if self._task is not None:
            await asyncio.wait({self._task})

    # How things stand. What is no longer there after the end raises `error_none`.

    @property
    def id(self) -> bytes:
        """One's own id."""
        return self._client.id

    @property
    def role(self) -> Role:
        """One's own role."""
        return self._client.role

    @property
    def status(self) -> Status:
        """Where the client stands."""
        return self._client.status

    @property
    def link(self) -> str:
        """The link to share, with the newest ticket this client knows."""
        return self._client.link

    @property
    def link_is_current(self) -> bool:
        """Whether the link admits."""
        return self._client.link_is_current

    @property
    def participants(self) -> Tuple[Participant, ...]:
        """Who is in the room, in join order."""
        return self._client.participants

    @property
    def codes(self) -> Verification:
        """The codes people compare."""
        return self._client.verification

    @property
    def epoch(self) -> Tuple[int, bytes]:
        """The version of the newest epoch whose key this client holds, and its id."""
        return self._client.epoch

    @property
    def capacity(self) -> int:
        """Seats."""
        return self._client.capacity

    @property
    def anyone_may_burn(self) -> bool:
        """Whether every participant may burn the room."""
        return self._client.anyone_may_burn

    @property
    def locked(self) -> bool:
        """Whether the room is locked for newcomers."""
        return self._client.locked

    @property
    def ends_at_ms(self) -> int:
        """When the room ends, in milliseconds since the Unix epoch by this machine's clock."""
        return self._client.ends_at_ms

    def seat_token(self) -> bytearray:
        """What takes this seat over after a restart of the program: a secret, to be kept in memory alone."""
        return self._client.seat_token()

    def _joined(self) -> Driver:
        if self._driver is None:
            raise BurnchatError(NOT_JOINED)
        return self._driver

    async def _finish(self) -> None:
        """Leaves if that has not happened yet, and frees the client."""
        try:
            if self._task is not None and self._driver is not None:
                if not self._task.done():
                    self._driver.act(self._client.leave)
                    await asyncio.wait({self._task})
                if not self._task.cancelled():
                    # Who iterates has been told, if it failed.
                    self._task.exception()
        finally:
            if self._task is not None and not self._task.done():
                # This task was cancelled while it waited. The driver still needs the client: it closes it when it stops.
                self._task.cancel()
                self._task.add_done_callback(lambda _: self._client.close())
            else:
                self._client.close()


def _of_end(ended: Ended) -> BurnchatError:
    if ended.code:
        return BurnchatError(ended.code, retry_after_ms=ended.retry_after_ms, attempts_left=ended.attempts_left)
    return BurnchatError(KICKED if ended.reason is EndReason.KICKED else ENDED)
