"""spec/transcripts: the machine is led through whole rooms, told of frames and time and nothing else."""

import json
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from burnchat_minimal import link
from burnchat_minimal.client import Client, Status
from burnchat_minimal.roster import Entry

TRANSCRIPTS = Path(__file__).parents[3] / "spec" / "transcripts"
LEFT_OUT = {"history"}


def drawn(follower: dict) -> Callable[[int], bytes]:
    """What the follower draws; more would not be passive."""
    draws = iter([follower["kem_scalar"], follower["sig_scalar"], follower["name_iv"]])
    return lambda _: bytes.fromhex(next(draws))


class Led:
    def __init__(self, transcript: dict) -> None:
        follower = transcript["follower"]
        self.client = Client(link.parse(transcript["link"]), name=follower["name"], draw=drawn(follower))
        self.join: dict[str, Any] = {}
        self.client.outputs.clear()

    def step(self, step: dict) -> tuple[list[str], list[dict], list[str]]:
        """Types of frames sent, events, and errors."""
        act = {
            "connected": self.client.connected,
            "disconnected": self.client.disconnected,
            "timeout": self.client.timeout,
            "frame": lambda now: self.client.frame(now, self.own_values(step["frame"])),
        }[step["input"]]
        if step["input"] == "timeout":
            assert self.client.next_timeout() == step["at"], "a time has come that the client waits for"
        act(step["at"])
        sent, events, errors = [], [], []
        for kind, value in self.client.outputs:
            if kind == "send":
                frame = json.loads(value)
                sent.append(frame["type"])
                self.join = frame if frame["type"] == "join" else self.join
            elif kind == "event" and value["event"] == "error":
                errors.append(value["name"])
            elif kind == "event":
                events.append(self.as_told(value))
        self.client.outputs.clear()
        return sent, events, errors

    def own_values(self, frame: str) -> bytes:
        """The follower's own sealed name and proof hold a signature that is not ours."""
        value = json.loads(frame)
        if value["type"] != "joined":
            return frame.encode()
        value["participants"][-1] |= {name: self.join[name] for name in ("sealed_name", "join_proof")}
        return json.dumps(value).encode()

    def as_told(self, event: dict) -> dict:
        """An event of the machine, as transcripts tell it."""
        told = {name: value.hex() if isinstance(value, bytes) else value for name, value in event.items()}
        if event["event"] == "joined":
            del told["seconds_remaining"]
        if isinstance(event.get("text"), bytes):
            told["text"] = event["text"].decode()
            told["from_history"] = False
        if "sender" in event:
            told["from"] = told.pop("sender").id.hex()
        if event["event"] == "participant_joined":
            told["participant"] = self.participant(told.pop("entry"))
        elif "entry" in event:
            told["id"] = told.pop("entry").id.hex()
        return told

    def participant(self, entry: Entry) -> dict:
        return {
            "id": entry.id.hex(),
            "label": entry.label,
            "role": entry.role,
            "name_clash": self.client.clashes(entry),
            "me": self.client.is_me(entry),
        }

    def state(self) -> dict:
        client, room, codes = self.client, self.client.room, self.client.codes
        state: dict[str, Any] = {"status": client.status.name.lower()}
        if room is None or codes is None:
            return state
        epoch = room.epoch
        return state | {
            "version": room.roster.version,
            "roster_hash": room.roster.hash.hex(),
            "participants": [self.participant(entry) for entry in room.roster],
            "short_code": codes.short,
            "emoji": codes.emoji,
            "safety_number": codes.number,
            "head": room.head.hex(),
            "epoch": {"version": epoch.version, "id": epoch.id.hex()} if epoch else None,
            "link": str(client.tickets.link),
            "link_is_current": client.tickets.current,
            "locked": client.locked,
            "ends_at": client.ends_at,
        }


class Transcripts(unittest.TestCase):
    maxDiff = None

    def transcripts(self) -> Iterator[tuple[str, dict]]:
        for path in sorted(TRANSCRIPTS.glob("*.json")):
            if path.stem not in LEFT_OUT:
                with self.subTest(path.stem):
                    yield path.stem, json.loads(path.read_text())

    def test_every_room_goes_as_the_file_says(self) -> None:
        for _, transcript in self.transcripts():
            led, expected = Led(transcript), {}
            for number, step in enumerate(transcript["steps"]):
                sent, events, errors = led.step(step)
                self.assertEqual(sent, step.get("sends", []), number)
                self.assertEqual(events, step.get("events", []), number)
                over = led.client.status is Status.ENDED
                self.assertTrue(over or errors == ([step["error"]] if "error" in step else []), number)
                expected |= step.get("state", {})
                state = led.state()
                # After the end nothing else counts.
                self.assertEqual(
                    state, {"status": "ended"} if over else {k: v for k, v in expected.items() if k in state}, number
                )

    def test_a_room_with_history_is_not_joined(self) -> None:
        transcript = json.loads((TRANSCRIPTS / "history.json").read_text())
        with self.assertRaises(NotImplementedError):
            Led(transcript)


if __name__ == "__main__":
    unittest.main()
