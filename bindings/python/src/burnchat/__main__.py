"""``python -m burnchat LINK [NAME]``: a chat on plain lines, for scripts and for terminals.

Lines of standard input are texts; ``/codes`` asks for the codes, ``/burn`` burns the room, ``/quit`` or the end of input
leaves. Lines of standard output are

    * joined                      the seat is taken
    * keyed                       an epoch has been installed
    * NAME came, * NAME left
    NAME: TEXT                    somebody else's text
    * sent                        a text of one's own was accepted
    * code SHORT SAFETY-NUMBER    the answer to /codes
    * burned, * kicked            the end
    * ended: CODE_NAME            any other end

The exit status is 0 after a burn, a kick and a clean leave, 1 after anything else. With ``-`` as LINK the link is the
first line of standard input, so that it does not show in the list of processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import unicodedata
from typing import Optional

from .aio import Room
from .core import (
    Accepted,
    BurnchatError,
    Ended,
    EndReason,
    Event,
    Keyed,
    Joined,
    Message,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
)

#: A longer line is no text that could be sent.
LONGEST_LINE = 65_536
#: Embeddings, overrides and isolates turn around what stands beside a text.
STEERING = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029)}


class Lines:
    """The lines of standard input, read by a thread of their own: not everything it can be is fit for the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[Optional[str]] = asyncio.Queue()
        # The reader waits while this many lines wait.
        self._free = threading.Semaphore(64)
        threading.Thread(target=self._read, daemon=True).start()

    async def next(self) -> Optional[str]:
        """The next line; None at the end of input."""
        line = await self._lines.get()
        self._free.release()
        return line

    def _read(self) -> None:
        held, skipping = b"", False
        # Not `sys.stdin`: a thread that waits in it holds a lock that the end of the program needs.
        while chunk := os.read(sys.stdin.fileno(), 65_536):
            *lines, held = (held + chunk).split(b"\n")
            for line in lines:
                if not skipping:
                    self._put(line)
                skipping = False
            if len(held) > LONGEST_LINE:
                held, skipping = b"", True
        if held and not skipping:
            self._put(held)
        self._give(None)

    def _put(self, line: bytes) -> None:
        if len(line) <= LONGEST_LINE:
            self._give(line.decode("utf-8", "replace").rstrip("\r"))

    def _give(self, line: Optional[str]) -> None:
        self._free.acquire()
        try:
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
        except RuntimeError:
            # The program has ended meanwhile.
            pass


def harmless(text: str) -> str:
    """A text of somebody else as one line that does nothing to a terminal."""
    return "".join(
        " " if c in "\n\t" else "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" or c in STEERING else c
        for c in text
    )


def say(line: str) -> None:
    """A line of output, now, in UTF-8 whatever the locale is."""
    sys.stdout.buffer.write(line.encode("utf-8") + b"\n")
    sys.stdout.buffer.flush()


def name_of(participant: Participant) -> str:
    """How somebody is called here: with number and tag where the name alone could be taken for another's."""
    if participant.name is None or participant.name_clash:
        return harmless(participant.label)
    return harmless(participant.name)


def show(event: Event) -> None:
    """Tells of an event, if it is one that this program tells of."""
    if isinstance(event, Joined):
        say("* joined")
    elif isinstance(event, Keyed):
        say("* keyed")
    elif isinstance(event, ParticipantJoined):
        say(f"* {name_of(event.participant)} came")
    elif isinstance(event, ParticipantLeft):
        say(f"* {name_of(event.participant)} left")
    elif isinstance(event, Message):
        say(f"{name_of(event.author)}: {harmless(event.text)}")
    elif isinstance(event, Accepted):
        say("* sent")


def farewell(ended: Ended) -> int:
    """Tells of the end; the exit status."""
    if ended.reason.room_burned:
        say("* burned")
    elif ended.reason is EndReason.KICKED:
        say("* kicked")
    elif ended.reason is not EndReason.LEFT:
        say(f"* ended: {ended.name or ended.reason.name.lower()}")
        return 1
    return 0


async def listen(room: Room) -> int:
    """Tells what happens until the end."""
    status = 1
    async for event in room:
        show(event)
        if isinstance(event, Ended):
            status = farewell(event)
    return status


async def obey(room: Room, lines: Lines) -> None:
    """Does what the lines ask for, until they ask to leave."""
    while (line := await lines.next()) not in (None, "/quit"):
        try:
            if line == "/codes":
                codes = room.codes
                say(f"* code {codes.short_code} {codes.safety_number}")
            elif line == "/burn":
                await room.burn()
            elif line:
                await room.send(line)
        except BurnchatError as error:
            print(f"burnchat: {error}", file=sys.stderr, flush=True)
    await room.leave()


async def chat(link: str, name: Optional[str]) -> int:
    """One participation, from its start to its end."""
    lines = Lines()
    if link == "-":
        link = await lines.next() or ""
    try:
        async with Room.join(link, name=name) as room:
            obeying, listening = asyncio.ensure_future(obey(room, lines)), asyncio.ensure_future(listen(room))
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                # Windows has none of this: there Ctrl-C ends the program, and the relay waits 30 s for it.
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(number, obeying.cancel)
            try:
                await asyncio.wait({obeying, listening}, return_when=asyncio.FIRST_COMPLETED)
                if obeying.cancelled():
                    await room.leave()
                elif obeying.done():
                    obeying.result()
                return await listening
            finally:
                obeying.cancel()
    except BurnchatError as error:
        # The same ends as later, before there was a seat: `ended` is a room that burned meanwhile.
        known = {"kicked": "* kicked", "ended": "* burned"}
        say(known.get(error.name, f"* ended: {error.name}"))
        return 0 if error.name in known else 1


def main() -> int:
    """The program."""
    arguments = sys.argv[1:]
    if not 1 <= len(arguments) <= 2 or arguments[0] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 2
    return asyncio.run(chat(arguments[0], arguments[1] if len(arguments) == 2 else None))


if __name__ == "__main__":
    sys.exit(main())
