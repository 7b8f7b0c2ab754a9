"""Two people and a relay in one thread, with a time that jumps to the next thing that is due."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple, Type, TypeVar, Union

from burnchat.core import (
    Client,
    Close,
    Connect,
    CreatedRoom,
    Event,
    Hub,
    HubClose,
    HubSend,
    RoomSettings,
    Send,
    plan_room,
    read_created,
    read_link,
)

E = TypeVar("E", bound=Event)


class World:
    def __init__(self, settings: Optional[RoomSettings] = None) -> None:
        self.now = 1_800_000_000_000
        self.hub = Hub(seed=bytes([0xAA]) * 32)
        planned = plan_room("https://relay.example", settings or RoomSettings(), self.now, seed=bytes([0xBB]) * 32)
        answer = self.hub.create(self.now, b"p" * 16, planned.request)
        assert answer.status == 201, answer
        self.room: CreatedRoom = read_created(answer.body, planned.link)
        self.people: Dict[str, Client] = {}
        self.told: Dict[str, List[Event]] = {}
        self._connections: Dict[str, int] = {}
        self._next = 0

    def comes(self, name: str, creator: bool = False) -> Client:
        token = self.room.creator_token if creator else None
        client = Client(self.room.link, name=name, creator_token=token, seed=bytes([len(self.people)]) * 32)
        self.people[name], self.told[name] = client, []
        return client

    def breaks(self, name: str) -> None:
        """A connection breaks, and both sides notice."""
        self.hub.handle_disconnect(self.now, self._connections.pop(name), clean=False)
        self.people[name].handle_disconnected(self.now)

    def until(self, done: Callable[[], bool]) -> None:
        """Carries out all that is said, and lets time pass until something is so."""
        for _ in range(10_000):
            if self._carry():
                continue
            if done():
                return
            due = [at for at in (machine.poll_timeout() for machine in self._machines()) if at is not None]
            self.now = max(self.now, min(due))
            for machine in self._machines():
                machine.handle_timeout(self.now)
        raise AssertionError(f"it has not come to that; {self.told}")

    def has(self, name: str, kind: Type[E], count: int = 1) -> Callable[[], bool]:
        """Whether somebody has been told something so often."""
        return lambda: len(self.of(name, kind)) >= count

    def of(self, name: str, kind: Type[E]) -> List[E]:
        return [event for event in self.told[name] if isinstance(event, kind)]

    def close(self) -> None:
        for machine in self._machines():
            machine.close()

    def _machines(self) -> List[Union[Hub, Client]]:
        return [self.hub, *self.people.values()]

    def _carry(self) -> bool:
        busy = False
        for name, client in self.people.items():
            while (output := client.poll()) is not None:
                busy = True
                if isinstance(output, Connect):
                    self._next += 1
                    self._connections[name] = self._next
                    room_id = read_link(self.room.link)[1]
                    self.hub.handle_connect(self.now, self._next, b"p" * 16, room_id)
                    client.handle_connected(self.now)
                elif isinstance(output, Send):
                    self.hub.handle_frame(self.now, self._connections[name], output.frame)
                elif isinstance(output, Close):
                    # The hub may have closed it already.
                    connection = self._connections.pop(name, None)
                    if connection is not None:
                        self.hub.handle_disconnect(self.now, connection, clean=output.code == 1000)
                else:
                    self.told[name].append(output)
        while (said := self.hub.poll()) is not None:
            busy = True
            owners: List[Tuple[str, int]] = list(self._connections.items())
            if isinstance(said, HubSend):
                for name, connection in owners:
                    if connection in said.to:
                        self.people[name].handle_frame(self.now, said.frame)
            elif isinstance(said, HubClose):
                for name, connection in owners:
                    if connection == said.connection:
                        del self._connections[name]
                        self.people[name].handle_disconnected(self.now)
        return busy
