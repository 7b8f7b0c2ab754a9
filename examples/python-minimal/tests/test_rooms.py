"""Rooms on a real relay, with the terminal client of this repository as the other side.

The programs are those of a cargo build: `target/debug` or what BURNCHAT_BIN names.
"""

import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
BIN = Path(
    os.environ.get("BURNCHAT_BIN") or Path(os.environ.get("CARGO_TARGET_DIR") or HERE.parents[1] / "target") / "debug"
)
PATIENCE_S = 60


class Person:
    """A shim that runs. Whatever is waited for has to come, in the order in which it is waited for."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.events: queue.Queue[dict | None] = queue.Queue()
        self.seen: list[dict] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def does(self, cmd: str, **members: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"cmd": cmd, **members}).encode() + b"\n")
        self.process.stdin.flush()

    def until(self, event: str, **members: Any) -> dict:
        """The next event of this name with these members."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                told = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                told = None
            if told is None:
                raise AssertionError(f"{event} {members} did not come; {[e['event'] for e in self.seen]} did")
            self.seen.append(told)
            if told["event"] == event and members.items() <= told.items():
                return told

    def status(self) -> int:
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


class Wire:
    """A TCP proxy before a relay, that can be cut."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets: list[socket.socket] = []
        self.whole = threading.Event()
        self.whole.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Until it is mended whoever connects is refused."""
        self.whole.clear()
        for end in self.sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.whole.set()

    def close(self) -> None:
        self.cut()
        for end in (self.listener, *self.sockets):
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                if not self.whole.is_set():
                    near.close()
                    continue
                far = socket.create_connection(self.target)
                self.sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=[one, other], daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while read := one.recv(65_536):
                other.sendall(read)
            other.shutdown(socket.SHUT_RDWR)


class Rooms(unittest.TestCase):
    def setUp(self) -> None:
        relay = subprocess.Popen(
            [BIN / "burnchat-relay", "--listen", "127.0.0.1:0", "--log", "off"], stdout=subprocess.PIPE
        )
        assert relay.stdout
        self.url = relay.stdout.readline().decode().removeprefix("listening on ").strip()
        self.addCleanup(relay.stdout.close)
        self.addCleanup(relay.wait)
        self.addCleanup(relay.kill)

    def person(self, *command: str) -> Person:
        person = Person(*command)
        self.addCleanup(person.end)
        return person

    def python(self, *arguments: str) -> Person:
        return self.person(sys.executable, "-m", "burnchat_minimal", "--json", *arguments)

    def terminal(self, *arguments: str) -> Person:
        return self.person(str(BIN / "burnchat"), "--json", *arguments)

    def both_ways(self, one: Person, other: Person) -> None:
        for writer, reader, text in ((one, other, "hello 🔥"), (other, one, "I hear you\n\x7f\x9b")):
            writer.does("send", text=text)
            written = writer.until("message", mine=True)
            writer.until("accepted", id=written["id"])
            self.assertEqual(reader.until("message", mine=False)["text"], text)

    def same_codes(self, people: list[Person], listed: int) -> None:
        codes = []
        for person in people:
            person.does("who")
            self.assertEqual(len(person.until("participants")["participants"]), listed)
            person.does("verify")
            codes.append(person.until("verification"))
        for code in codes[1:]:
            self.assertEqual(code, codes[0])

    def test_python_creates_and_the_terminal_client_joins(self) -> None:
        ana = self.python("create", "--relay", self.url, "--ttl", "5m", "--name", "ana")
        link = ana.until("created")["link"]
        ana.until("joined", role="creator")
        ben = self.terminal("join", link, "--name", "ben")
        self.assertEqual(ana.until("participant_joined")["name"], "ben")
        self.assertEqual(ana.until("keyed")["version"], ben.until("keyed")["version"])
        self.same_codes([ana, ben], 2)
        self.both_ways(ana, ben)

        mia = self.terminal("join", link, "--name", "mia")
        mia_id = ana.until("participant_joined")["id"]
        epoch = ana.until("keyed")["epoch"]
        for person in (ben, mia):
            self.assertEqual(person.until("keyed", epoch=epoch)["epoch"], epoch)
        ana.does("kick", id=mia_id)
        mia.until("ended", reason="kicked")
        self.assertEqual(mia.status(), 5)
        ben.until("participant_left", id=mia_id, reason="kicked")
        after = ana.until("keyed")["epoch"]
        self.assertNotEqual(after, epoch)
        ben.until("keyed", epoch=after)
        new_link = next(e["link"] for e in reversed(ana.seen) if e["event"] == "link_changed")
        self.assertEqual(ben.until("link_changed")["link"], new_link)
        self.both_ways(ben, ana)
        self.assertEqual(self.python("join", link).until("ended")["reason"], "refused")

        ana.does("lock", locked=True)
        ben.until("locked", locked=True)
        ana.does("extend", seconds=60)
        ben.until("extended")
        ana.does("burn")
        for person in (ana, ben):
            person.until("burned", reason="burned")
            self.assertEqual(person.status(), 0)

    def test_the_terminal_client_creates_and_python_joins(self) -> None:
        ana = self.terminal("create", "--relay", self.url, "--ttl", "5m", "--name", "ana")
        created = ana.until("created")
        ana_id = ana.until("joined")["id"]
        ben = self.python("join", created["link"], "--name", "ana")
        self.assertTrue(ben.until("joined")["participants"][-1]["name_clash"])
        for person in (ana, ben):
            person.until("keyed")
        self.same_codes([ana, ben], 2)
        self.both_ways(ben, ana)
        ben.does("kick", id=ana_id)
        ben.until("error", code=300, cmd="kick")

        cleo = self.python("join", created["link"], "--pin", created["pin"].lower(), "--name", "cleo")
        cleo.until("joined", role="creator")
        cleo.until("keyed")
        ana.does("leave")
        self.assertEqual(ana.status(), 0)
        for person in (ben, cleo):
            person.until("participant_left", reason="left")
            person.until("keyed")
        self.both_ways(ben, cleo)
        ben.process.stdin.close()
        ben.until("ended", reason="left")
        self.assertEqual(ben.status(), 0)
        cleo.until("participant_left", reason="left")
        cleo.does("send", text="nobody hears this")
        cleo.until("error", code=700, cmd="send")

    def test_what_was_missed_and_what_was_written_comes_when_the_wire_is_mended(self) -> None:
        ana = self.terminal("create", "--relay", self.url, "--ttl", "5m", "--name", "ana")
        link = ana.until("created")["link"]
        wire = Wire(self.url)
        self.addCleanup(wire.close)
        ben = self.python("join", link.replace(self.url, wire.url), "--name", "ben")
        for person in (ana, ben):
            person.until("keyed")
        self.both_ways(ana, ben)
        wire.cut()
        ben.until("reconnecting")
        ben.does("send", text="written in the dark")
        ben.until("message", mine=True)
        ana.does("send", text="do you hear me?")
        ana.until("accepted")
        wire.mend()
        self.assertEqual(ben.until("message", mine=False)["text"], "do you hear me?")
        ben.until("resumed")
        ben.until("accepted")
        self.assertEqual(ana.until("message", mine=False)["text"], "written in the dark")
        self.assertEqual([e for e in ben.seen if e["event"] in ("missed", "gap", "error")], [])

    def test_a_room_ends_by_the_clients_own_clock(self) -> None:
        ana = self.python("create", "--relay", self.url, "--ttl", "45s")
        ana.until("joined")
        ana.does("clock", advance_ms=45_000)
        ana.until("burned", reason="expired")
        self.assertEqual(ana.status(), 0)

    def test_who_closes_the_output_leaves(self) -> None:
        ana = self.terminal("create", "--relay", self.url, "--ttl", "5m")
        command = [sys.executable, "-m", "burnchat_minimal", "--json", "join", ana.until("created")["link"]]
        with subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ben:
            assert ben.stdin and ben.stdout
            ana.until("participant_joined")
            while json.loads(ben.stdout.readline())["event"] != "verification":
                pass
            ben.stdout.close()
            ben.stdin.write(b'{"cmd":"verify"}\n')
            ben.stdin.flush()
            ana.until("participant_left", reason="left")
            self.assertEqual(ben.wait(PATIENCE_S), 1)

    def test_what_can_not_be_obeyed_is_answered_and_ends_nothing(self) -> None:
        ana = self.python("create", "--relay", self.url, "--ttl", "45s")
        ana.until("joined")
        assert ana.process.stdin
        for line, code in (
            (b"{", 100),
            (b'{"cmd":"send","text":1}', 100),
            (b'{"cmd":"who","cmd":"who"}', 100),
            (b'{"cmd":"dance"}', 102),
            (b'{"cmd":"send"}', 709),
            (b'{"cmd":"extend","seconds":1801}', 709),
            (b'{"cmd":"extend","seconds":-1}', 709),
            (b'{"cmd":"send","text":""}', 702),
            (b'{"cmd":"send","text":"' + b"x" * 300_000 + b'"}', 101),
        ):
            ana.process.stdin.write(line + b"\r\n\n")
            ana.process.stdin.flush()
            ana.until("error", code=code)
        ana.does("leave")
        ana.until("ended", reason="left")


class Refusals(unittest.TestCase):
    def status(self, *arguments: str) -> tuple[int, list[dict]]:
        command = [sys.executable, "-m", "burnchat_minimal", "--json", *arguments]
        # Its standard input stays open: at its end the client would leave.
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, cwd=HERE, **streams) as program:
            assert program.stdout
            lines = [json.loads(line) for line in program.stdout]
        return program.returncode, lines

    def test_exit_statuses_and_last_lines(self) -> None:
        link = "http://127.0.0.1:9/r/bZcl0qGEz1or4CuNKnwa5g#AQABxzsQsMMW2mOPTLR0jG1wi9wYZiFSVPB3Xo5ahb8yOvc-ymtXxY8A"
        history = (
            "https://relay.example/r/bZcl0qGEz1or4CuNKnwa5g#AQEBxzsQsMMW2mOPTLR0jG1wi9wYZiFSVPB3Xo5ahb8yOvc-ymtVIrXF"
        )
        for arguments, status, reason in (
            (["join", link], 6, "unreachable"),
            (["join", link[:-1]], 3, "bad_link"),
            (["join", link, "--name", "a\nb"], 2, "usage"),
            (["create", "--relay", "ftp://relay.example"], 2, "usage"),
            (["dance"], 2, None),
            (["join", history], 89, None),
            (["create", "--relay", "http://127.0.0.1:9", "--history"], 89, None),
        ):
            with self.subTest(arguments[-1]):
                returned, lines = self.status(*arguments)
                self.assertEqual((returned, lines[-1]["reason"] if lines else None), (status, reason))


if __name__ == "__main__":
    unittest.main()
