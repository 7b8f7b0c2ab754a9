"""Section 2 and 3 of spec/shim.md: lines in, lines out, and which commands there are."""

import json
import os
import queue
import re
import threading
from collections.abc import Callable
from typing import Any

from .crypto import from_base64url, to_base64url
from .errors import Refused
from .frames import UnusualNumber, parse_object

LINE_BYTES = 262_144
WAITING_LINES = 64

# Commands with their members: a type, and what is taken where a member is left out. `bytes` is an id.
REQUIRED = object()
COMMANDS: dict[str, dict[str, tuple[type, Any]]] = {
    "send": {"text": (str, REQUIRED), "burn_after_ms": (int, 0)},
    "read": {"author": (bytes, REQUIRED), "id": (bytes, REQUIRED)},
    "typing": {"typing": (bool, REQUIRED)},
    "kick": {"id": (bytes, REQUIRED), "renew": (bool, True)},
    "lock": {"locked": (bool, REQUIRED)},
    "renew": {},
    "extend": {"seconds": (int, REQUIRED)},
    "burn": {},
    "verify": {},
    "who": {},
    "link": {},
    "leave": {},
    "clock": {"advance_ms": (int, REQUIRED)},
}
RANGES = {"burn_after_ms": (0, 2**32 - 1), "seconds": (1, 1_800), "advance_ms": (0, 2**31 - 1)}


def read_command(line: bytes) -> dict[str, Any]:
    """Strictly. Raises `Refused`, with `cmd` where it is known."""
    try:
        value = parse_object(line, LINE_BYTES, depth=64)
        to_json(value).encode()  # half a surrogate pair has no UTF-8
    except UnicodeEncodeError:
        raise Refused("malformed_frame") from None
    except Refused as refused:
        raise Refused("frame_too_large" if refused.name == "frame_too_large" else "malformed_frame") from None
    cmd = value.get("cmd")
    if not isinstance(cmd, str):
        raise Refused("malformed_frame")
    if cmd not in COMMANDS:
        raise Refused("unknown_type", cmd=cmd)
    command: dict[str, Any] = {"cmd": cmd}
    value = {name: x for name, x in value.items() if x is not None or COMMANDS[cmd].get(name, (0, 0))[1] is REQUIRED}
    # Types first: what is malformed is so wherever it stands.
    for name, (kind, _) in COMMANDS[cmd].items():
        right = str if kind is bytes else kind
        if name in value and not (
            type(value[name]) is right or (kind is int and isinstance(value[name], UnusualNumber))
        ):
            raise Refused("malformed_frame", cmd=cmd)
    for name, (kind, default) in COMMANDS[cmd].items():
        command[name] = _in_range(cmd, name, kind, value[name]) if name in value else default
        if command[name] is REQUIRED:
            raise Refused("invalid_parameter", cmd=cmd)
    return command


def _in_range(cmd: str, name: str, kind: type, value: Any) -> Any:
    if isinstance(value, UnusualNumber):
        # An integer is one also where no frame would hold it; 1.0 and 1e3 are not.
        raise Refused("invalid_parameter" if value.is_integer else "malformed_frame", cmd=cmd)
    if kind is int and not RANGES[name][0] <= value <= RANGES[name][1]:
        raise Refused("invalid_parameter", cmd=cmd)
    if kind is bytes:
        try:
            value = from_base64url(value)
        except Refused:
            value = b""
        if len(value) != 16:
            raise Refused("invalid_parameter", cmd=cmd)
    return value


def to_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    return to_base64url(value) if isinstance(value, (bytes, bytearray)) else str(value)


class Output:
    """Writes from a thread of its own: a reader that is slow must not hold up the end of the room."""

    def __init__(self, when_broken: Callable[[], None]) -> None:
        self._when_broken = when_broken
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def event(self, event: str, **members: Any) -> None:
        # json escapes U+0000 to U+001F; DEL and U+0080 to U+009F do something to terminals too.
        text = re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04X}", to_json({"event": event, **members}))
        self._lines.put(text.encode() + b"\n")

    def drop(self) -> None:
        """What has not been printed yet never will be (rule 9 of section 5 there)."""
        while not self._lines.empty():
            self._lines.get()

    def close(self) -> None:
        self._lines.put(None)
        self._thread.join(timeout=5)

    def _write(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                while line:
                    line = line[os.write(1, line) :]
        except OSError:
            self._when_broken()


class Input(threading.Thread):
    """Reads lines, and no more of them than are looked at: `tell` gets each, and None at the end."""

    def __init__(self, tell: Callable[[bytes | None], None]) -> None:
        super().__init__(daemon=True)
        self._tell = tell
        self._free = threading.Semaphore(WAITING_LINES)

    def done(self) -> None:
        """One line has been looked at."""
        self._free.release()

    def run(self) -> None:
        rest = b""
        while chunk := self._chunk():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self._line(line)
            rest = rest[: LINE_BYTES + 2]  # of a line that is too long enough to see that it is
        self._line(rest)
        self._tell(None)

    def _chunk(self) -> bytes:
        try:
            return os.read(0, 65_536)
        except OSError:
            return b""

    def _line(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        if line:
            self._free.acquire()
            self._tell(line)
