"""spec/shim.md: one participation, driven by commands and told in events."""

import asyncio
import signal
from collections import deque
from dataclasses import dataclass
from typing import Any

from . import link, names, net
from .client import Client, Status
from .errors import NUMBERS, Refused
from .lines import Input, Output, read_command
from .roster import Entry

HELLO: dict[str, Any] = {"event": "hello", "shim": 1, "client": "burnchat-python-minimal/0.1.0"}
BURNED = {"expired", "burned", "shutdown"}
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 250, 5_000
GREETING_MS = 30_000  # a connection that has brought neither `joined` nor `resumed` by then is given up (13.1)


class NotImplementedHere(Exception):
    """Exit status 89."""


@dataclass
class Arguments:
    """The command line, as far as it can be read without knowing what is in it."""

    action: str
    link: str = ""
    pin: str | None = None
    name: str | None = None
    relay: str = ""
    ttl: int = 600
    extend: int = 1_800
    capacity: int = 50
    anyone_may_burn: bool = False


class Shim:
    def __init__(self, args: Arguments) -> None:
        self.args = args
        self.loop = asyncio.get_running_loop()
        self.happenings: asyncio.Queue[tuple[Any, Any]] = asyncio.Queue()
        self.out = Output(lambda: self._happens("broken"))
        self.input = Input(lambda line: self._happens("line", line))
        self.clock = net.Clock()
        self.client: Client | None = None
        self.connection: net.Connection | None = None
        self.connect_at: int | None = None
        self.greet_by: int | None = None
        self.pause = 0
        self.ended: dict[str, Any] = {}
        self.broken = False  # standard output is closed
        self.commands: deque[dict[str, Any] | Refused] = deque()  # until `joined` they wait

    def _happens(self, what: str, value: Any = None) -> None:
        self.loop.call_soon_threadsafe(self.happenings.put_nowait, (what, value))

    async def run(self) -> int:
        """The exit status."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.loop.add_signal_handler(name, self._happens, "leave")
        self.out.event(**HELLO)
        self.input.start()
        try:
            self.client = await self._begin()
            self._carry_out()
            while self.client.status is not Status.ENDED:
                await self._wait()
                self._carry_out()
                self._obey()
            status = self._last()
        except Refused as refused:
            status = self._failed(refused.name, refused.members)
        if self.connection:
            await self.connection.finished()
        self.out.close()
        return 1 if self.broken else status

    async def _begin(self) -> Client:
        """The link, and a machine for it. What is wrong with the arguments ends it before anybody is asked."""
        args = self.args
        if args.name is not None:
            self._usable(lambda: names.own_name(args.name or ""))
        if args.action == "create":
            base = args.relay.removesuffix("/")
            right = (
                link.is_base(base)
                and 30 <= args.ttl <= 259_200
                and 0 <= args.extend <= 86_400
                and 2 <= args.capacity <= 256
            )
            if not right:
                raise Refused("invalid_parameter", usage=True)
            now = self.clock.now()
            room, created = await asyncio.to_thread(
                net.create_room, base, now, args.ttl, args.extend, args.capacity, args.anyone_may_burn
            )
            seconds = created["seconds_remaining"]
            expires_at = self.clock.now() + seconds * 1_000
            self.out.event(
                "created", link=str(room), pin=created["pin"], expires_at=expires_at, seconds_remaining=seconds
            )
            return Client(room, name=args.name, creator_token=created["creator_token"])
        if args.pin is not None and len(args.pin.encode("utf-8", "surrogatepass")) > 32:
            raise Refused("invalid_parameter", usage=True)
        room = link.parse(args.link if args.link != "-" else await self._first_line())
        if room.history:
            self.out.close()
            raise NotImplementedHere
        return Client(room, name=args.name, pin=args.pin)

    def _usable(self, check: Any) -> None:
        try:
            check()
        except Refused as refused:
            raise Refused(refused.name, usage=True) from None

    async def _first_line(self) -> str:
        what, value = await self.happenings.get()
        if what != "line" or value is None:
            raise Refused("left")
        self.input.done()
        return bytes(value).decode("utf-8", "replace")

    # What the machine says, carried out.

    def _carry_out(self) -> None:
        client = self.client
        assert client is not None
        if client.status is Status.ENDED:
            self.out.drop()
        while client.outputs:
            kind, value = client.outputs.popleft()
            if kind == "connect":
                self.connect_at = self.clock.now() + max(value, self.pause)
            elif kind == "close" and self.connection:
                self.connection.close(value)
                self.connection = self.connection if client.status is Status.ENDED else None
            elif kind == "send" and self.connection:
                self.connection.send(value)
            elif kind == "event" and value["event"] == "ended":
                self.ended = value
            elif kind == "event" and client.status is not Status.ENDED:
                self._tell(**value)

    async def _wait(self) -> None:
        """For whatever happens next, and what it means to the machine."""
        client, now = self.client, self.clock.now()
        assert client is not None
        if self.connect_at is not None and self.connect_at <= now:
            self.connect_at, self.greet_by = None, now + GREETING_MS
            self.connection = net.Connection(client.tickets.link, lambda c, m: self.happenings.put_nowait((c, m)))
        greeted = client.status is Status.JOINED or self.connection is None
        if not greeted and self.greet_by is not None and self.greet_by <= now and self.connection:
            self.connection.close(net.GIVEN_UP)
            return self._disconnected()
        times = [client.next_timeout(), self.connect_at, None if greeted else self.greet_by]
        until = min((at for at in times if at is not None), default=None)
        try:
            what, value = await asyncio.wait_for(
                self.happenings.get(), None if until is None else max(0, until - now) / 1_000
            )
        except TimeoutError:
            return client.timeout(self.clock.now())
        now = self.clock.now()
        if what == "line":
            self.commands.append(self._read(value))
        elif what in ("leave", "broken"):
            self.broken |= what == "broken"
            client.leave(now)
        elif what is not self.connection:
            pass  # nothing more is read from a connection that was given up
        elif value == "open":
            client.connected(now)
        elif value is None:
            self._disconnected()
        else:
            client.frame(now, value)
            if client.status is Status.JOINED:
                self.pause = 0
        return None

    def _disconnected(self) -> None:
        client, connection = self.client, self.connection
        assert client is not None and connection is not None
        self.connection = None
        if not connection.opened and client.ends_at is None:
            raise Refused("unreachable")  # nobody has ever been there
        self.pause = min(max(2 * self.pause, FIRST_PAUSE_MS), LONGEST_PAUSE_MS)
        if connection.opened:
            client.disconnected(self.clock.now())
        else:
            self.connect_at = self.clock.now() + self.pause

    # Commands.

    def _read(self, line: bytes | None) -> dict[str, Any] | Refused:
        if line is None:
            return {"cmd": "leave"}  # the end of the input
        self.input.done()
        try:
            return read_command(line)
        except Refused as refused:
            return refused

    def _obey(self) -> None:
        client = self.client
        assert client is not None
        while self.commands and client.status is not Status.ENDED:
            if client.room is None:
                return  # they wait until `joined`
            command = self.commands.popleft()
            try:
                if isinstance(command, Refused):
                    raise command
                self._command(**command)
            except Refused as refused:
                about = {"cmd": command["cmd"]} if isinstance(command, dict) else {}
                self._error(refused.name, **about | refused.members)
            self._carry_out()

    def _command(self, cmd: str, **members: Any) -> None:
        client, now = self.client, self.clock.now()
        assert client is not None
        if cmd == "clock":
            self.clock.advance(members["advance_ms"])
            client.timeout(self.clock.now())
        elif cmd == "verify":
            self._tell("verification_changed")
        elif cmd == "who":
            self.out.event("participants", participants=self._participants())
        elif cmd == "link":
            self.out.event("link", link=str(client.tickets.link), current=client.tickets.current)
        elif cmd == "read":
            client.read(now, members["author"], members["id"])
        elif cmd == "kick":
            client.kick(now, members["id"], members["renew"])
        else:
            getattr(client, cmd)(now, *members.values())

    # Events.

    def _tell(self, event: str, **members: Any) -> None:
        """An event of the machine, as section 4 of the shim tells it."""
        client, out = self.client, self.out
        assert client is not None
        sender: Entry | None = members.pop("sender", None)
        entry: Entry | None = members.pop("entry", None)
        if isinstance(members.get("text"), bytes):
            members["text"] = members["text"].decode()
        if event == "error":
            self._error(**members)
        elif event == "joined":
            out.event(
                event, **members, participants=self._participants(), locked=client.locked, capacity=client.capacity
            )
        elif event == "verification_changed":
            codes = client.codes
            if codes:
                pictures = {"emoji": codes.emoji, "emoji_names": codes.emoji_names}
                out.event("verification", short=codes.short, **pictures, number=codes.number, qr=codes.qr)
        elif event == "participant_joined" and entry:
            out.event(event, **self._participant(entry))
        elif event == "participant_left" and entry:
            out.event(event, id=entry.id, name=entry.name, label=entry.label, **members)
        elif event in ("message", "written") and sender:
            of = {"from": sender.id, "name": sender.name, "label": sender.label}
            out.event("message", **of, **members, history=False, mine=event == "written")
        elif event == "gap":
            out.event(event, code=NUMBERS[members["name"]], **members)
        elif event == "link_changed":
            out.event(event, link=str(client.tickets.link))
        else:
            out.event(event, **({"from": sender.id} if sender else {}), **members)

    def _error(self, name: str, **members: Any) -> None:
        self.out.event("error", code=NUMBERS[name], **{"name": name}, message=name.replace("_", " "), **members)

    def _participants(self) -> list[dict[str, Any]]:
        room = self.client.room if self.client else None
        return [self._participant(entry) for entry in room.roster] if room else []

    def _participant(self, entry: Entry) -> dict[str, Any]:
        client = self.client
        assert client is not None
        return {
            "id": entry.id, "name": entry.name, "label": entry.label, "number": entry.number, "role": entry.role,
            "name_clash": client.clashes(entry), "me": client.is_me(entry),
        }  # fmt: skip

    # The end.

    def _last(self) -> int:
        reason = self.ended["reason"]
        if reason in BURNED:
            self.out.event("burned", reason=reason)
            return 0
        return self._failed(reason, {k: v for k, v in self.ended.items() if k not in ("event", "reason")})

    def _failed(self, name: str, members: dict[str, Any]) -> int:
        """Section 6 of the shim."""
        usage = members.pop("usage", False)
        if name != "left":
            self._error(name, **members)
        code = NUMBERS.get(name, 0)
        if name == "left":
            reason, status = "left", 0
        elif usage:
            reason, status = "usage", 2
        elif 600 <= code <= 607 or name == "bad_link":
            reason, status = "bad_link", 3
        elif name == "kicked":
            reason, status = "kicked", 5
        elif name == "unreachable":
            reason, status = "unreachable", 6
        elif 100 <= code <= 599:
            reason, status = "refused", 4
        else:
            reason, status = "failed", 7
        self.out.event("ended", reason=reason)
        return status
