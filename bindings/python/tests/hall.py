"""What the tests of whole rooms have in common: a relay, a wire that can be cut, and programs that talk in lines.

The programs are those of a cargo build: ``target/debug`` or what BURNCHAT_BIN names.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Type, TypeVar

from burnchat.aio import Room
from burnchat.core import Event

HERE = Path(__file__).resolve().parents[1]
BIN = Path(
    os.environ.get("BURNCHAT_BIN") or Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parents[1] / "target") / "debug"
)
PATIENCE_S = 60.0

E = TypeVar("E", bound=Event)


class Program:
    """A program that runs. Whatever is waited for has to come, in the order in which it is waited for."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._lines: queue.Queue[Optional[str]] = queue.Queue()
        self._seen: List[str] = []
        self._complaints: List[str] = []
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._hear)]
        for reader in self._readers:
            reader.start()

    def write(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, wanted: Callable[[str], bool], what: str) -> str:
        """The next line that is wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"{what} did not come; {self._seen} did, and {self._complaints}")
            self._seen.append(line)
            if wanted(line):
                return line

    def line(self, text: str) -> str:
        """The next line that is this."""
        return self.until(lambda line: line == text, text)

    def line_from(self, start: str) -> str:
        """The next line that begins so."""
        return self.until(lambda line: line.startswith(start), start)

    def event(self, event: str, /, **members: Any) -> Dict[str, Any]:
        """The next event of a program that speaks the shim, of this name and with these members."""

        def wanted(line: str) -> bool:
            told = json.loads(line)
            return bool(told["event"] == event and members.items() <= told.items())

        found: Dict[str, Any] = json.loads(self.until(wanted, f"{event} {members}"))
        return found

    def does(self, cmd: str, **members: Any) -> None:
        """Gives a command to a program that speaks the shim."""
        self.write(json.dumps({"cmd": cmd, **members}))

    def status(self) -> int:
        return self.process.wait(PATIENCE_S)

    def rest(self) -> List[str]:
        """What it still says until its end."""
        self.status()
        for reader in self._readers:
            reader.join(PATIENCE_S)
        rest = []
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            rest.append(line)
        return rest

    def complaints(self) -> str:
        """Its standard error, once it has ended."""
        self.status()
        self._readers[1].join(PATIENCE_S)
        return "".join(self._complaints)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _hear(self) -> None:
        assert self.process.stderr
        self._complaints.extend(self.process.stderr)


class Relay(Program):
    """The reference relay on a free port."""

    def __init__(self, *options: str) -> None:
        super().__init__(str(BIN / "burnchat-relay"), "--listen", "127.0.0.1:0", *options)
        self.url = self.line_from("listening on ").split()[-1]


class Wire:
    """A TCP proxy before a relay, that can be cut."""

    def __init__(self, url: str) -> None:
        host, port = url[len("http://") :].split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: List[socket.socket] = []
        self._whole = True
        self._threads: List[threading.Thread] = []
        self._start(self._accept)

    def cut(self) -> None:
        """Until it is mended whoever connects is refused."""
        self._whole = False
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            # Wakes the thread that accepts.
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for end in (self._listener, *self._sockets):
            end.close()

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    self._start(self._carry, one, other)

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while read := one.recv(65_536):
                other.sendall(read)
            other.shutdown(socket.SHUT_RDWR)


def terminal(*arguments: str) -> Program:
    """The Rust terminal client, speaking the shim."""
    return Program(str(BIN / "burnchat"), "--json", *arguments)


def chat(*arguments: str) -> Program:
    """The chat program of this package."""
    return Program(sys.executable, "-W", "error", "-m", "burnchat", *arguments)


async def until(room: Room, kind: Type[E], wanted: Callable[[E], bool] = lambda _: True) -> E:
    """The next event of this kind that is wanted; what comes before it is passed over."""
    seen: List[Event] = []

    async def search() -> E:
        async for event in room:
            seen.append(event)
            if isinstance(event, kind) and wanted(event):
                return event
        raise AssertionError(f"it ended before {kind.__name__}; {seen} came")

    try:
        return await asyncio.wait_for(search(), PATIENCE_S)
    except asyncio.TimeoutError:
        raise AssertionError(f"{kind.__name__} did not come; {seen} did") from None
