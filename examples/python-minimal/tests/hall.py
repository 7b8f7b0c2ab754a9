"""A relay in memory for a few clients: honest unless a test says otherwise, and with a clock that is a number."""

import os
from collections.abc import Callable

from burnchat_minimal import epochs, roster
from burnchat_minimal.client import Client, Status
from burnchat_minimal.crypto import H
from burnchat_minimal.frames import Frame, read_from_client, write
from burnchat_minimal.link import Link, room_id_of

START = 1_800_000_000_000
Tamper = Callable[["Person", Frame], Frame | None]


class Person:
    """A client, and what it has told."""

    def __init__(self, hall: "Hall", client: Client) -> None:
        self.hall, self.client = hall, client
        self.events: list[dict] = []
        self.id = b""
        self.online = False

    def names(self) -> list[str]:
        return [e["name"] if e["event"] == "error" else e["event"] for e in self.events]

    def texts(self) -> list[str]:
        return [e["text"].decode() for e in self.events if e["event"] == "message"]

    def says(self, text: str) -> None:
        self.client.send(self.hall.now, text)
        self.hall.run()


class Hall:
    def __init__(self) -> None:
        self.now = START
        seed = os.urandom(32)
        self.link = Link("http://hall", room_id_of(seed), False, START // 60_000 + 60, os.urandom(16), os.urandom(16))
        self.people: list[Person] = []
        self.entries: dict[bytes, Frame] = {}
        self.seq = self.version = self.joins = 0
        self.head = bytes(32)
        self.seconds = 600
        self.asking = True
        self.tamper: Tamper = lambda _, frame: frame
        self.sent: list[tuple[Person, Frame]] = []  # what came from clients
        self.kept_back: set[str] = set()  # types of frames that are taken and go no further

    def join(self, name: str, link: Link | None = None) -> Person:
        creator = None if self.people else os.urandom(32)
        person = Person(self, Client(link or self.link, name=name, creator_token=creator))
        self.people.append(person)
        self.run()
        return person

    def leave(self, person: Person, reason: str = "left") -> None:
        """The relay's word for it; the person itself is told nothing."""
        person.online = False
        del self.entries[person.id]
        self._change("participant_left", id=person.id, reason=reason)
        self.run()

    def log(self, kind: str, **members: object) -> None:
        self.seq += 1
        for person in self.present():
            self.tell(person, kind, seq=self.seq, **members)

    def tell(self, person: Person, kind: str, **members: object) -> None:
        frame = self.tamper(person, {"type": kind, **members})
        if frame is not None and person.online:
            members = {name: value for name, value in frame.items() if name != "type"}
            raw = write(frame["type"], **members)
            if members.get("wrapped", b"") is None:
                raw = raw[:-1] + b',"wrapped":null}'
            person.client.frame(self.now, raw)

    def present(self) -> list[Person]:
        return [p for p in self.people if p.online and p.id in self.entries]

    def ask(self) -> None:
        if len(self.entries) > 1 and self.asking:
            self.tell(self.present()[0], "key_wanted", version=self.version, head=self.head)

    def after(self, ms: int) -> None:
        self.now += ms
        for person in self.people:
            person.client.timeout(self.now)
        self.run()

    def run(self) -> None:
        """Until nobody has anything more to say."""
        busy = True
        while busy:
            busy = False
            for person in self.people:
                while person.client.outputs:
                    busy = True
                    kind, value = person.client.outputs.popleft()
                    if kind == "event":
                        person.events.append(value)
                    elif kind == "close":
                        person.online = False
                    elif kind == "connect":
                        person.online = True
                        person.client.connected(self.now)
                    elif person.online:
                        self._frame(person, read_from_client(value))

    def log_key(self, steward: Person, frame: Frame) -> None:
        wraps = {wrap["id"]: wrap["wrapped"] for wrap in frame["wraps"]}
        shared = {name: frame[name] for name in ("version", "roster_hash", "prev", "commit", "sig")}
        self.head = epochs.epoch_id_of(self.head, frame["roster_hash"], frame["commit"])
        self.seq += 1
        for other in self.present():
            key = {"wrapped": wraps.get(other.id), "steward": steward.id}
            self.tell(other, "session_key", seq=self.seq, **shared, **key)

    def last(self, person: Person, kind: str) -> Frame:
        """The newest frame of this type from a person, without its type."""
        frame = next(f for p, f in reversed(self.sent) if p is person and f["type"] == kind)
        return {name: value for name, value in frame.items() if name != "type"}

    def _change(self, kind: str, **members: object) -> None:
        self.version += 1
        self.log(kind, version=self.version, **members)
        self.ask()

    def _frame(self, person: Person, frame: Frame) -> None:
        self.sent.append((person, frame))
        kind = frame["type"]
        if kind in self.kept_back:
            return
        if kind == "join":
            self._join(person, frame)
        elif kind == "session_key":
            self.log_key(person, frame)
        elif kind == "message":
            self.log("message", sender=person.id, **{name: frame[name] for name in frame if name != "type"})
        elif kind == "kick":
            kicked = next(p for p in self.people if p.id == frame["id"])
            self.tell(kicked, "error", code="kicked")
            self.leave(kicked, "kicked")
            if "ticket_hash" in frame:
                self.log("renewed", ticket_hash=frame["ticket_hash"])
        elif kind == "burn":
            for other in self.present():
                self.tell(other, "destroyed", reason="burned")

    def _join(self, person: Person, frame: Frame) -> None:
        self.joins += 1
        replaced = person.id if person.id in self.entries else None
        if replaced:
            del self.entries[replaced]
        person.id = roster.participant_id(frame["kem_pub"], frame["sig_pub"])
        keys = ("kem_pub", "sig_pub", "sealed_name", "join_proof")
        role = "creator" if person is self.people[0] else "member"
        entry = {name: frame[name] for name in keys} | {"role": role, "number": self.joins}
        self.entries[person.id] = entry
        self.version += 1
        self.seq += 1
        for other in self.present():
            if other is not person:
                members = {"participant": entry, **({"replaces": replaced} if replaced else {})}
                self.tell(other, "participant_joined", seq=self.seq, version=self.version, **members)
        room = {"head": self.head, "seconds_remaining": self.seconds, "ticket_hash": H(self.link.ticket)}
        settings = {"history": False, "locked": False, "capacity": 50, "burn": "creator", "last_extended": 0}
        mine = {"role": role, "seat_token": person.id * 2, "participants": list(self.entries.values())}
        self.tell(person, "joined", seq=self.seq, version=self.version, **room, **settings, **mine)
        self.ask()


def joined(person: Person) -> bool:
    return person.client.status is Status.JOINED
