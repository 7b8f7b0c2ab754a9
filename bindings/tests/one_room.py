"""Five implementations in one room: the terminal client in Rust, the web client in JavaScript, and the chats in C, in
Python and on WebAssembly. They read each other, show the same codes, go on without one that was kicked, and burn.

Run by `./test.sh bindings`, which builds what is asked for here:

    BURNCHAT_BIN     the folder of the programs `burnchat-relay` and `burnchat`
    BURNCHAT_C_CHAT  the program of examples/c/chat.c
    BURNCHAT_PYTHON  a Python that has the package `burnchat`
    BURNCHAT_WASM_CHAT
                     bindings/wasm/examples/chat.mjs; empty where there is no compiler for WebAssembly
"""

import json
import os
import queue
import re
import subprocess
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ["BURNCHAT_BIN"])
PATIENCE = 60.0  # seconds, for one line: nothing here takes two on a machine at rest


class Program:
    """A process, its lines as they come."""

    def __init__(self, name, *command):
        self.name = name
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            cwd=ROOT,
        )
        self.lines = queue.Queue()
        self.passed = []  # what came and was not asked for, for the report
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def put(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, wanted):
        """The first line that is wanted. Those before it are passed over."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.name} said nothing of the kind: {self.passed}") from None
            if line is None:
                raise AssertionError(f"{self.name} has ended: {self.passed}")
            self.passed.append(line)
            found = wanted(line)
            if found:
                return found

    def ended(self):
        """Its exit status, when it has said its last."""
        return self.process.wait(PATIENCE)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Chat:
    """One of the bindings' chats: plain lines."""

    def __init__(self, name, *command):
        self.name, self.program = name, Program(name, *command)

    def joined(self):
        self.program.until(lambda line: line == "* joined")

    def keyed(self):
        self.program.until(lambda line: line == "* keyed")

    def say(self, text):
        self.program.put(text)

    def reads(self, name, text):
        self.program.until(lambda line: line == f"{name}: {text}")

    def codes(self):
        self.program.put("/codes")
        return self.program.until(lambda line: re.fullmatch(r"\* code (\S+) (.*)", line)).groups()

    def burned(self):
        self.program.until(lambda line: line == "* burned")
        return self.program.ended()


class Shim:
    """A client that speaks spec/shim.md."""

    def __init__(self, name, *command):
        self.name, self.program = name, Program(name, *command)

    def event(self, kind, **members):
        def wanted(line):
            event = json.loads(line)
            if event["event"] == kind and all(event.get(key) == value for key, value in members.items()):
                return event
            return None

        return self.program.until(wanted)

    def put(self, **command):
        self.program.put(json.dumps(command))

    def joined(self):
        return self.event("joined")

    def keyed(self):
        self.event("keyed")

    def say(self, text):
        self.put(cmd="send", text=text)

    def reads(self, name, text):
        self.event("message", name=name, text=text)

    def codes(self):
        # What changes of the roster brought up is passed over: the answer comes after the list that is asked for first.
        self.put(cmd="who")
        self.put(cmd="verify")
        self.event("participants")
        event = self.event("verification")
        return event["short"], event["number"]

    def burned(self):
        self.event("burned", reason="burned")
        return self.program.ended()


class OneRoom(unittest.TestCase):
    def setUp(self):
        self.relay = Program("relay", BIN / "burnchat-relay", "--listen", "127.0.0.1:0")
        self.addCleanup(self.relay.stop)
        self.base = self.relay.until(lambda line: re.search(r"http://127\.0\.0\.1:\d+", line)).group()

    def enter(self, kind, name, *command):
        client = kind(name, *command)
        self.addCleanup(client.program.stop)
        client.joined()
        client.keyed()
        return client

    def everybody_reads(self, people, speaker, text):
        speaker.say(text)
        for one in people:
            if one is not speaker:
                one.reads(speaker.name, text)

    def test_everybody_understands_everybody(self):
        ana = Shim("ana", BIN / "burnchat", "--json", "create", "--relay", self.base, "--name", "ana")
        self.addCleanup(ana.program.stop)
        link = ana.event("created")["link"]
        ana.joined()
        ben = self.enter(Shim, "ben", "node", "examples/web/shim/main.js", "--json", "join", link, "--name", "ben")
        cem = self.enter(Chat, "cem", os.environ["BURNCHAT_C_CHAT"], link, "cem")
        dora = self.enter(Chat, "dora", os.environ["BURNCHAT_PYTHON"], "-m", "burnchat", link, "dora")
        everybody = [ana, ben, cem, dora]
        if os.environ["BURNCHAT_WASM_CHAT"]:
            everybody.append(self.enter(Chat, "eva", "node", os.environ["BURNCHAT_WASM_CHAT"], link, "eva"))

        for one in everybody:
            self.everybody_reads(everybody, one, f"I am {one.name}, ünïcödé ✓")
        codes = {one.name: one.codes() for one in everybody}
        self.assertEqual(len(set(codes.values())), 1, codes)

        # One is put out: the others take a new key, which it never sees.
        ana.put(cmd="who")
        [kicked] = [one["id"] for one in ana.event("participants")["participants"] if one["name"] == "dora"]
        ana.put(cmd="kick", id=kicked)
        dora.program.until(lambda line: line == "* kicked")
        self.assertEqual(dora.program.ended(), 0)
        rest = [one for one in everybody if one is not dora]
        for one in rest[1:]:
            one.keyed()
        for one in rest:
            self.everybody_reads(rest, one, f"{one.name} goes on")
        self.assertEqual(len({one.codes() for one in rest}), 1)
        self.assertNotIn(ana.codes(), codes.values())

        ana.put(cmd="burn")
        for one in rest:
            self.assertEqual(one.burned(), 0, one.name)


if __name__ == "__main__":
    unittest.main()
