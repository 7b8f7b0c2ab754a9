"""A participant in a room, with asyncio and the package ``websockets``.

``async with Room.join(link) as room`` joins; ``async for event in room`` tells what happens.

Behind it is one task for each room. A broken connection is opened again, after a wait that doubles from 250 ms to 8 s,
drawn anew between nothing and that; the seat is taken up again without a message lost (:class:`~burnchat.core.Resumed`),
or, if the relay no longer has it, afresh (:class:`~burnchat.core.Rejoining`). A relay that does not answer in 10 s, or is
silent for 25, is given up. The clock is taken from the time of day once and is not stepped after that.

It uses no proxy, follows no redirect, and logs nothing.
"""

from ._relay import Unreachable
from .room import Room, create_room

__all__ = ["Room", "Unreachable", "create_room"]
