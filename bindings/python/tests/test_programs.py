"""The programs of this package, run as programs: the chat on plain lines, the echo bot, the README's example."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from burnchat.__main__ import harmless
from burnchat.aio import create_room
from burnchat.core import CreatedRoom, RoomSettings

from .hall import HERE, Program, Relay, chat, terminal


class Programs(unittest.TestCase):
    relay: Relay

    @classmethod
    def setUpClass(cls) -> None:
        cls.relay = Relay()
        cls.addClassCleanup(cls.relay.end)

    def program(self, program: Program) -> Program:
        self.addCleanup(program.end)
        return program

    def room(self) -> CreatedRoom:
        return asyncio.run(create_room(self.relay.url, RoomSettings(ttl_seconds=300, anyone_may_burn=True)))


class Chat(Programs):
    def test_two_of_them_and_a_rust_client_talk_until_one_burns_the_room(self) -> None:
        rust = self.program(terminal("create", "--relay", self.relay.url, "--ttl", "5m", "--name", "rust"))
        rust.write('{"cmd":"lock","locked":false}')
        link = rust.event("created")["link"]
        with patch.dict(os.environ, {"PYTHONIOENCODING": "ascii"}):
            ana = self.program(chat(link, "ana"))
        ana.line("* joined")
        ana.line("* keyed")
        # Not in the list of processes.
        ben = self.program(chat("-", "ben"))
        ben.write(link)
        ben.line("* joined")
        ben.line("* keyed")
        ana.line("* ben came")
        ana.line("* keyed")
        rust.event("keyed", version=3)

        # Two processes, two locales: the lines are UTF-8 in each.
        ana.write("hello, both of you ✓")
        ana.line("* sent")
        ben.line("ana: hello, both of you ✓")
        self.assertEqual(rust.event("message", name="ana")["text"], "hello, both of you ✓")
        rust.does("send", text="two lines\nand \u001b[2J a colour\u202e")
        for person in (ana, ben):
            person.line("rust: two lines and �[2J a colour�")

        ana.write("/codes")
        ben.write("/codes")
        code = ana.line_from("* code ")
        self.assertRegex(code, r"^\* code [0-9a-f]{6} (\d{5} ){11}\d{5}$")
        self.assertEqual(ben.line_from("* code "), code)
        rust.does("verify")
        rust.event("verification", number=code.split(" ", 3)[3])

        ben.write("/quit")
        self.assertEqual((ben.rest(), ben.status(), ben.complaints()), ([], 0, ""))
        ana.line("* ben left")
        # Rooms of the terminal client are burned by their creators. What is asked for next is answered after it.
        ana.write("/burn")
        ana.write("/codes")
        ana.line_from("* code ")
        rust.does("burn")
        self.assertEqual([line for line in ana.rest() if line != "* keyed"], ["* burned"])
        self.assertEqual(ana.status(), 0)
        self.assertIn("not_creator", ana.complaints())

    def test_anyone_may_burn_where_the_room_says_so(self) -> None:
        link = self.room().link
        ana, ben = self.program(chat(link, "ana")), self.program(chat(link, "ben"))
        ana.line("* keyed")
        ben.line("* keyed")
        ana.write("/burn")
        for person in (ana, ben):
            person.line("* burned")
            self.assertEqual((person.rest(), person.status(), person.complaints()), ([], 0, ""))

    def test_who_is_kicked_is_told_so(self) -> None:
        rust = self.program(terminal("create", "--relay", self.relay.url, "--ttl", "5m", "--name", "rust"))
        ana = self.program(chat(rust.event("created")["link"], "ana"))
        ana.line("* joined")
        rust.does("kick", id=rust.event("participant_joined", name="ana")["id"])
        ana.line("* kicked")
        self.assertEqual((ana.rest(), ana.status()), ([], 0))

    def test_the_end_of_input_and_a_signal_leave(self) -> None:
        link = self.room().link
        ana, ben, cem = (self.program(chat(link, name)) for name in ("ana", "ben", "cem"))
        for person in (ana, ben, cem):
            person.line("* keyed")
        assert ben.process.stdin
        ben.process.stdin.close()
        self.assertEqual(ben.status(), 0)
        ana.line("* ben left")
        cem.process.send_signal(signal.SIGTERM)
        self.assertEqual((cem.status(), cem.complaints()), (0, ""))
        ana.line("* cem left")

    def test_a_text_that_cannot_be_sent_ends_nothing(self) -> None:
        ana = self.program(chat(self.room().link, "ana"))
        ana.line("* joined")
        ana.write("is anybody here?")
        ana.write("x" * 100_000)
        ana.write("/codes")
        ana.line_from("* code ")
        ana.write("/quit")
        self.assertEqual(ana.status(), 0)
        self.assertIn("nobody_here", ana.complaints())
        self.assertNotIn("anybody", ana.complaints())

    def test_a_wrong_link_and_no_relay_end_with_their_names(self) -> None:
        link = self.room().link
        for wrong, name in [
            (link[:-4], "link_bad_length"),
            (re.sub(r"/r/.*#", "/r/" + "A" * 22 + "#", link), "link_mistyped"),
            (link.replace(self.relay.url, "http://127.0.0.1:1"), "unreachable"),
        ]:
            ana = self.program(chat(wrong))
            self.assertEqual(ana.rest(), [f"* ended: {name}"])
            self.assertEqual((ana.status(), ana.complaints()), (1, ""))

    def test_nothing_in_a_text_moves_a_cursor(self) -> None:
        self.assertEqual(harmless("a\x1b[2J\x9b\r\n\tb\u202e\u2028"), "a�[2J�� " + " b��")
        self.assertEqual(harmless("wölf 🐺 שלום"), "wölf 🐺 שלום")


class Examples(Programs):
    def test_the_echo_bot_echoes(self) -> None:
        link = self.room().link
        bot = self.program(Program(sys.executable, "-W", "error", str(HERE / "examples" / "echo_bot.py"), link))
        ana = self.program(chat(link, "ana"))
        ana.line("* keyed")
        ana.write("who is there?")
        ana.line("echo: ana said: who is there?")
        ana.write("/burn")
        bot.line("It is over: BURNED")
        self.assertEqual((bot.status(), bot.complaints()), (0, ""))

    def test_the_example_of_the_readme_runs(self) -> None:
        readme = (HERE / "README.md").read_text(encoding="utf-8")
        example = readme.split("```python\n", 1)[1].split("```", 1)[0]
        self.assertIn('"https://chat.example"', example)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "example.py"
            path.write_text(example.replace("https://chat.example", self.relay.url), encoding="utf-8")
            host = self.program(Program(sys.executable, "-W", "error", str(path)))
            link = host.line_from("Come to ")[len("Come to ") :]
            guest = self.program(chat(link, "guest"))
            guest.line("Ana: Hello!")
            guest.write("hello yourself")
            self.assertRegex(host.line_from("guest"), r"^guest·2·\w{4}: hello yourself$")


if __name__ == "__main__":
    unittest.main()
