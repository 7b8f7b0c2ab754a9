"""The shim skeleton of spec/IMPLEMENTING.md: it runs, it is what the guide shows, and it is as strict as it says."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).parents[1]
SKELETON = HERE / "skeleton.py"
GUIDE = HERE.parents[1] / "spec" / "IMPLEMENTING.md"

# A client for the skeleton: it tells what it was asked, and burns when told to.
ECHO = """
import sys
sys.path.insert(0, ".")
import skeleton

class Echo(skeleton.Client):
    def __init__(self, arguments, happen): self.happen = happen
    def obey(self, cmd, **members):
        if members.get("text") == "": raise skeleton.Refused(702, "text_empty")
        if members.get("text") == "burn": return self.happen(("burned", {"reason": "burned"}))
        skeleton.tell("obeyed", cmd=cmd, **members)

sys.exit(skeleton.main(["join"], Echo))
"""
ID = "A" * 22


def run(*command: str, lines: bytes = b"") -> tuple[int, bytes]:
    done = subprocess.run([sys.executable, *command], input=lines, cwd=HERE, stdout=subprocess.PIPE, timeout=30)
    return done.returncode, done.stdout


class Skeleton(unittest.TestCase):
    def test_the_guide_shows_it_whole(self) -> None:
        text = SKELETON.read_text()
        self.assertIn(f"```python\n{text}```\n", GUIDE.read_text())
        self.assertLessEqual(len(text.splitlines()), 60)

    def test_as_it_stands_it_says_that_nothing_is_implemented(self) -> None:
        self.assertEqual(run("skeleton.py", "--json", "join", "https://relay.example/r/x#y"), (89, b""))
        self.assertEqual(run("skeleton.py", "join"), (2, b""))

    def told(self, *lines: bytes) -> tuple[int, list[dict]]:
        status, out = run("-c", ECHO, lines=b"".join(line + b"\n" for line in lines))
        return status, [json.loads(line) for line in out.splitlines()]

    def test_the_end_of_the_input_is_to_leave(self) -> None:
        hello = {"event": "hello", "shim": 1, "client": "skeleton/0"}
        self.assertEqual(self.told(), (0, [hello, {"event": "ended", "reason": "left"}]))
        self.assertEqual(
            self.told(b'{"cmd":"leave"}', b'{"cmd":"send","text":"late"}')[1][1:],
            [{"event": "ended", "reason": "left"}],
        )

    def test_what_can_not_be_obeyed_is_answered_and_ends_nothing(self) -> None:
        for line, code in (
            (b"", None),
            (b"\r", None),
            (b'{"cmd":"send","text":"x"}\r', None),
            (b'{"cmd":"send","text":"x","later":[{}]}', None),
            (b'{"cmd":"kick","id":"' + ID.encode() + b'","renew":false}', None),
            (b'{"cmd":"send","text":"x","burn_after_ms":null}', None),
            (b'{"cmd":"send","text":null}', 100),
            (b"{", 100),
            (b"\xff", 100),
            (b"[]", 100),
            (b"null", 100),
            (b'{"cmd":1}', 100),
            (b'{"text":"x"}', 100),
            (b'{"cmd":"send","text":"x","text":"x"}', 100),
            (b'{"cmd":"send","text":1}', 100),
            (b'{"cmd":"send","text":"\\ud800"}', 100),
            (b'{"cmd":"send","text":"x","burn_after_ms":true}', 100),
            (b'{"cmd":"send","text":"x","burn_after_ms":1.0}', 100),
            (b'{"cmd":"send","text":"x","burn_after_ms":NaN}', 100),
            (b'{"cmd":"send","text":"x","x":' + b"[" * 100_000 + b"}", 100),
            (b'{"cmd":"send","text":"x","burn_after_ms":-1}', 709),
            (b'{"cmd":"send"}', 709),
            (b'{"cmd":"kick","id":"' + b"A" * 21 + b'B"}', 709),
            (b'{"cmd":"dance"}', 102),
            (b'{"cmd":"send","text":""}', 702),
            (b'{"cmd":"send","text":"' + b"x" * (262_144 - 24) + b'"}', None),
            (b'{"cmd":"send","text":"' + b"x" * (262_144 - 23) + b'"}', 101),
            (b"x" * 1_000_000, 101),
        ):
            with self.subTest(line[:60]):
                status, events = self.told(line, b'{"cmd":"send","text":"on"}')
                self.assertEqual([e["code"] for e in events if e["event"] == "error"], [] if code is None else [code])
                self.assertEqual(events[-2], {"event": "obeyed", "cmd": "send", "text": "on"})
                self.assertEqual(status, 0)

    def test_nothing_it_prints_does_anything_to_a_terminal(self) -> None:
        text = "a\n\x1b[2J\x7f\x85\x9b31m 🔥"
        _, out = run("-c", ECHO, lines=json.dumps({"cmd": "send", "text": text}).encode())
        line = out.splitlines()[1]
        self.assertEqual([c for c in line.decode() if c < " " or "\x7f" <= c <= "\x9f"], [])
        self.assertIn("🔥".encode(), line)
        self.assertEqual(json.loads(line)["text"], text)

    def test_a_client_that_burns_has_the_last_word(self) -> None:
        status, events = self.told(b'{"cmd":"send","text":"burn"}')
        self.assertEqual(status, 0)
        # The end of the input may come first; one of them is the last line, and only one.
        self.assertEqual(len([e for e in events if e["event"] in ("burned", "ended")]), 1)


if __name__ == "__main__":
    unittest.main()
