"""Joins a room and says again what the others say: python echo_bot.py LINK"""

import asyncio
import sys

from burnchat.aio import Room
from burnchat.core import BurnchatError, Ended, Message


async def main(link: str) -> None:
    async with Room.join(link, name="echo") as room:
        async for event in room:
            if isinstance(event, Message):
                try:
                    await room.send(f"{event.author.name} said: {event.text}")
                except BurnchatError as error:
                    print("Not sent:", error)  # everybody else has left meanwhile, or it is too long now
            elif isinstance(event, Ended):
                print("It is over:", event.reason.name)


asyncio.run(main(sys.argv[1]))
