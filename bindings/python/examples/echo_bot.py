"""Joins a room and says again what the others say: python echo_bot.py LINK"""

import asyncio
import sys

from burnchat.aio import Room
from burnchat.core import Ended, Message


async def main(link: str) -> None:
    async with Room.join(link, name="echo") as room:
        async for event in room:
            if isinstance(event, Message) and not event.author.me:
                await room.mark_read(event)
                await room.send(f"{event.author.name} said: {event.text}")
            elif isinstance(event, Ended):
                print("It is over:", event.reason.name)


asyncio.run(main(sys.argv[1]))
