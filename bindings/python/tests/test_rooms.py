"""Rooms on the real relay, with asyncio and with the Rust terminal client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import subprocess
import tempfile
import time
import unittest
from typing import AsyncIterator, List, Optional, Tuple
from unittest.mock import patch

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from burnchat.aio import Room, Unreachable, create_room
from burnchat.aio._clock import Clock
from burnchat.aio._driver import Backoff
from burnchat.core import (
    Accepted,
    BurnchatError,
    CreatedRoom,
    Departure,
    Ended,
    EndReason,
    Event,
    Keyed,
    LinkChanged,
    Locked,
    Message,
    MessageBurned,
    Output,
    ParticipantJoined,
    ParticipantLeft,
    Read,
    Reconnecting,
    Resumed,
    Role,
    RoomSettings,
    Send,
    Status,
    Typing,
    plan_room,
)

from .hall import PATIENCE_S, Program, Relay, Wire, terminal, until

SETTINGS = RoomSettings(ttl_seconds=300)


class OnARelay(unittest.IsolatedAsyncioTestCase):
    relay: Relay

    @classmethod
    def setUpClass(cls) -> None:
        cls.relay = Relay()
        cls.addClassCleanup(cls.relay.end)

    @contextlib.asynccontextmanager
    async def two(self, base: str = "", settings: RoomSettings = SETTINGS) -> AsyncIterator[List[Room]]:
        """Ana, who made the room, and Ben, who came by a wire at `base`; they can read one another."""
        created = await create_room(self.relay.url, settings)
        async with Room.join(created.link, name="ana", creator_token=created.creator_token) as ana:
            link = created.link.replace(self.relay.url, base) if base else created.link
            async with Room.join(link, name="ben") as ben:
                await until(ana, Keyed, lambda keyed: keyed.version == 2)
                await until(ben, Keyed)
                yield [ana, ben]

    def program(self, program: Program) -> Program:
        self.addCleanup(program.end)
        return program

    async def refused(self, name: str, room: Room) -> BurnchatError:
        with self.assertRaises(BurnchatError) as caught:
            async with room:
                self.fail("the relay let it in")
        self.assertEqual(caught.exception.name, name)
        # And nothing of it is left.
        with self.assertRaises(BurnchatError) as freed:
            room.status
        self.assertEqual(freed.exception.name, "error_freed")
        return caught.exception


class TwoPeople(OnARelay):
    async def test_they_talk_and_one_of_them_burns_the_room(self) -> None:
        async with self.two() as [ana, ben]:
            self.assertEqual((ana.role, ben.role), (Role.CREATOR, Role.MEMBER))
            self.assertEqual(ana.codes, ben.codes)
            sent = await ana.send("hello ben")
            heard = await until(ben, Message)
            self.assertEqual((heard.id, heard.text, heard.author.name), (sent, "hello ben", "ana"))
            self.assertEqual(await until(ana, Accepted), Accepted(sent))
            await ben.mark_read(heard)
            self.assertEqual(await until(ana, Read), Read(by=ben.id, author=ana.id, id=sent))
            await ben.typing()
            self.assertEqual(await until(ana, Typing), Typing(ben.id, True))

            passing = await ben.send("gone when read", burn_after=0.05)
            await ana.mark_read(await until(ana, Message))
            self.assertEqual((await until(ana, MessageBurned)).id, passing)

            with self.assertRaises(BurnchatError) as caught:
                await ben.burn()
            self.assertEqual(caught.exception.name, "not_creator")
            await ana.burn()
            for room in (ana, ben):
                self.assertIs((await until(room, Ended)).reason, EndReason.BURNED)
                with self.assertRaises(StopAsyncIteration):
                    await room.__anext__()
                self.assertIs(room.status, Status.ENDED)

    async def test_a_creator_locks_renews_extends_and_kicks(self) -> None:
        async with self.two() as [ana, ben]:
            await ana.lock()
            self.assertTrue((await until(ben, Locked)).locked)
            await self.refused("room_locked", Room.join(ben.link, name="cem"))
            await ana.lock(False)
            old = ben.link
            await ana.renew()
            await until(ben, LinkChanged)
            self.assertEqual(ana.link, ben.link)
            await self.refused("link_expired", Room.join(old, name="cem"))
            ends = ben.ends_at_ms
            await ana.extend(60)
            await until(ana, Event, lambda _: ana.ends_at_ms > ends)
            await ana.kick(ben.id)
            self.assertIs((await until(ben, Ended)).reason, EndReason.KICKED)
            self.assertIs((await until(ana, ParticipantLeft)).reason, Departure.KICKED)

    async def test_who_leaves_is_seen_to_leave_and_can_do_nothing_more(self) -> None:
        async with self.two() as [ana, ben]:
            await ben.leave()
            self.assertIs((await until(ben, Ended)).reason, EndReason.LEFT)
            self.assertIs((await until(ana, ParticipantLeft)).reason, Departure.LEFT)
            with self.assertRaises(BurnchatError) as caught:
                await ben.send("still there?")
            self.assertEqual(caught.exception.name, "ended")
        for use in (lambda: ben.link, lambda: ben.status, lambda: ben.codes):
            with self.assertRaises(BurnchatError) as caught:
                use()
            self.assertEqual(caught.exception.name, "error_freed")
        with self.assertRaises(BurnchatError) as caught:
            await ben.send("and now?")
        self.assertEqual(caught.exception.name, "error_freed")

    async def test_what_was_asked_for_before_leaving_is_done(self) -> None:
        async with self.two() as [ana, ben]:
            await ana.burn()
            await ana.leave()
            self.assertIs((await until(ben, Ended)).reason, EndReason.BURNED)

    async def test_what_nobody_has_read_before_the_end_nobody_will(self) -> None:
        async with self.two() as [ana, ben]:
            await ana.send("too late")
            await until(ana, Accepted)
            await ana.burn()
            assert ben._task
            await asyncio.wait({ben._task}, timeout=PATIENCE_S)
            left = [event async for event in ben]
            self.assertEqual([type(event) for event in left], [Ended])

    async def test_who_reads_slowly_holds_little_and_misses_nothing(self) -> None:
        texts = [str(n) for n in range(50)]
        with patch("burnchat.aio._driver.WAITING", 4):
            async with self.two() as [ana, ben]:
                for text in texts:
                    await ana.send(text)
                for _ in texts:
                    await until(ana, Accepted)
                assert ben._driver
                self.assertLessEqual(len(ben._driver._events), 8)
                self.assertEqual([(await until(ben, Message)).text for _ in texts], texts)

    async def test_a_frame_that_was_sent_is_wiped(self) -> None:
        async with self.two() as [ana, _]:
            frames: List[bytearray] = []
            poll = ana._client.poll

            def watched() -> Optional[Output]:
                output = poll()
                if isinstance(output, Send):
                    frames.append(output.frame)
                return output

            with patch.object(ana._client, "poll", watched):
                await ana.send("hello")
                await until(ana, Accepted)
            self.assertTrue(frames)
            self.assertEqual([any(frame) for frame in frames], [False] * len(frames))

    async def test_an_error_in_the_application_leaves_the_room(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            async with self.two() as [ana, ben]:
                async with Room.join(ana.link, name="cem") as cem:
                    1 / 0
        self.assertIsNotNone(cem)

    async def test_a_cancelled_application_leaves_too(self) -> None:
        async with self.two() as [ana, ben]:

            async def wait_for_ever() -> None:
                async with Room.join(ana.link, name="cem") as cem:
                    async for _ in cem:
                        pass

            task = asyncio.ensure_future(wait_for_ever())
            cem = (await until(ana, ParticipantJoined)).participant
            await until(ana, Keyed)
            task.cancel()
            left = await until(ana, ParticipantLeft)
            self.assertEqual((left.participant.id, left.reason), (cem.id, Departure.LEFT))
            with self.assertRaises(asyncio.CancelledError):
                await task

    async def test_a_seat_is_taken_up_again_after_the_connection_was_cut(self) -> None:
        wire = Wire(self.relay.url)
        try:
            async with self.two(wire.url) as [ana, ben]:
                wire.cut()
                await until(ben, Reconnecting)
                self.assertIs(ben.status, Status.AWAY)
                first = await ana.send("did you get this?")
                await until(ana, Accepted)
                second = await ben.send("written without a connection")
                wire.mend()
                self.assertEqual((await until(ben, Message)).id, first)
                await until(ben, Resumed)
                self.assertEqual((await until(ana, Message)).id, second)
        finally:
            await asyncio.to_thread(wire.close)

    async def test_a_room_burns_on_time_without_a_connection(self) -> None:
        # The shortest life there is takes too long for a test: the clock is put on.
        wire = Wire(self.relay.url)
        try:
            async with self.two(wire.url) as [_, ben]:
                wire.cut()
                await until(ben, Reconnecting)
                assert ben._driver
                ben._driver._clock._wall_ns += 300 * 10**9
                self.assertIs((await until(ben, Ended)).reason, EndReason.EXPIRED)
        finally:
            await asyncio.to_thread(wire.close)

    async def test_nothing_of_it_is_logged_and_the_loop_has_nothing_to_complain_of(self) -> None:
        written: List[logging.LogRecord] = []
        handler = logging.Handler()
        handler.emit = written.append  # type: ignore[method-assign, assignment]
        root = logging.getLogger()
        before = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        complaints: List[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        try:
            async with self.two() as [ana, ben]:
                room_id = ana.link.split("/r/")[1][:22]
                await ana.send("hello")
                await until(ben, Message)
        finally:
            root.removeHandler(handler)
            root.setLevel(before)
        # The loop itself, in its debug mode, tells of sockets.
        self.assertEqual([record for record in written if record.name != "asyncio"], [])
        self.assertNotIn(room_id, " ".join(record.getMessage() for record in written))
        self.assertEqual(complaints, [])


class Doors(OnARelay):
    async def test_a_wrong_link_admits_nobody(self) -> None:
        created = await create_room(self.relay.url, SETTINGS)
        with self.assertRaises(BurnchatError) as caught:
            Room.join(created.link.split("#")[0])
        self.assertEqual((caught.exception.code, caught.exception.name), (601, "link_no_fragment"))

        other = Relay()
        try:
            gone = await create_room(other.url, SETTINGS)
            error = await self.refused("room_not_found", Room.join(gone.link.replace(other.url, self.relay.url)))
            self.assertEqual(error.code, 200)
        finally:
            await asyncio.to_thread(other.end)
        self.assertIsInstance(await self.refused("unreachable", Room.join(gone.link)), Unreachable)

    async def test_a_pin_makes_a_creator_and_a_wrong_one_is_counted(self) -> None:
        created = await create_room(self.relay.url, SETTINGS)
        error = await self.refused("wrong_pin", Room.join(created.link, pin="AAAAAA"))
        self.assertEqual(error.attempts_left, 2)
        async with Room.join(created.link, pin=created.pin) as room:
            self.assertIs(room.role, Role.CREATOR)

    async def test_a_seat_token_takes_the_seat_over(self) -> None:
        async with self.two() as [ana, ben]:
            token, before = ben.seat_token(), ben.id
            async with Room.join(ana.link, name="ben", seat_token=token) as again:
                left = await until(ana, ParticipantLeft)
                self.assertEqual((left.participant.id, left.reason), (before, Departure.REPLACED))
                ended = await until(ben, Ended)
                self.assertEqual((ended.reason, ended.name), (EndReason.REFUSED, "displaced"))
                self.assertEqual(len(again.participants), 2)

    async def test_what_cannot_be_a_room_is_refused_before_anybody_is_asked(self) -> None:
        with self.assertRaises(BurnchatError) as caught:
            await create_room(self.relay.url, RoomSettings(ttl_seconds=1))
        self.assertEqual(caught.exception.name, "invalid_parameter")

    async def test_what_is_no_relay_is_unreachable_and_no_redirect_is_followed(self) -> None:
        asked: List[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[0])
            writer.write(
                b"HTTP/1.1 307 Temporary Redirect\r\nConnection: close\r\nContent-Length: 0\r\n"
                b"Location: " + target.encode() + b"\r\n\r\n"
            )
            await writer.drain()
            writer.close()

        created = await create_room(self.relay.url, SETTINGS)
        room_id = created.link.split("/r/")[1][:22]
        target = self.relay.url.replace("http:", "ws:") + f"/api/rooms/{room_id}/ws"
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with self.assertRaises(Unreachable):
                await create_room(url, SETTINGS)
            link = created.link.replace(self.relay.url, url)
            error = await self.refused("unreachable", Room.join(link))
            self.assertNotIn("127.0.0.1", str(error))
        self.assertEqual(asked, [b"POST", b"GET"])


class OverTls(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.certificate, key = f"{folder.name}/certificate.pem", f"{folder.name}/key.pem"
        asks_for = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=relay"
        names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate]
        subprocess.run(["openssl", *asks_for.split(), *names], check=True, stderr=subprocess.DEVNULL)
        self.relay = Relay("--tls-cert", self.certificate, "--tls-key", key)
        self.addCleanup(self.relay.end)

    async def test_a_relay_is_believed_by_its_certificate_alone(self) -> None:
        self.assertTrue(self.relay.url.startswith("https://"))
        tls = ssl.create_default_context(cafile=self.certificate)
        created = await create_room(self.relay.url, SETTINGS, tls=tls)
        async with Room.join(created.link, tls=tls) as room:
            self.assertIs(room.status, Status.JOINED)
        for attempt in (create_room(self.relay.url, SETTINGS), Room.join(created.link).__aenter__()):
            with self.assertRaises(Unreachable) as caught:
                await attempt
            self.assertEqual(caught.exception.why, "the certificate is not good")


class OnAStrangeRelay(unittest.IsolatedAsyncioTestCase):
    async def test_a_frame_above_the_limit_is_not_read_and_nothing_is_compressed(self) -> None:
        seen: asyncio.Future[Tuple[object, object, object]] = asyncio.get_running_loop().create_future()

        async def answer(socket: ServerConnection) -> None:
            assert socket.request
            join = await socket.recv()
            await socket.send("x" * (1_048_576 + 1))
            await socket.wait_closed()
            if not seen.done():
                seen.set_result((socket.request.headers.get("Sec-WebSocket-Extensions"), type(join), socket.close_code))

        async with serve(answer, "127.0.0.1", 0, subprotocols=[Subprotocol("burnchat.v1")]) as server:
            joining = await self.joins(next(iter(server.sockets)).getsockname()[1])
            self.assertEqual(await asyncio.wait_for(seen, PATIENCE_S), (None, str, 1009))
            await self.gives_up(joining)

    async def test_without_the_subprotocol_nothing_is_said(self) -> None:
        said: List[object] = []

        async def answer(socket: ServerConnection) -> None:
            with contextlib.suppress(ConnectionClosed):
                said.append(await socket.recv())

        async with serve(answer, "127.0.0.1", 0) as server:
            joining = await self.joins(next(iter(server.sockets)).getsockname()[1])
            with self.assertRaises(Unreachable):
                await asyncio.wait_for(joining, PATIENCE_S)
        self.assertEqual(said, [])

    async def joins(self, port: int) -> asyncio.Future[Room]:
        link = plan_room(f"http://127.0.0.1:{port}", SETTINGS, Clock().now_ms()).link
        return asyncio.ensure_future(Room.join(link).__aenter__())

    async def gives_up(self, joining: asyncio.Future[Room]) -> None:
        joining.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await joining


class WithTheTerminalClient(OnARelay):
    async def test_python_and_rust_talk_in_a_room_of_each_others(self) -> None:
        rust = self.program(terminal("create", "--relay", self.relay.url, "--ttl", "5m", "--name", "rust"))
        link = (await asyncio.to_thread(rust.event, "created"))["link"]
        async with Room.join(link, name="python") as room:
            await until(room, Keyed)
            await asyncio.to_thread(rust.event, "keyed", version=2)
            sent = await room.send("hello from Python ✓")
            heard = await asyncio.to_thread(rust.event, "message", name="python")
            self.assertEqual(heard["text"], "hello from Python ✓")
            self.assertEqual((await until(room, Accepted)).id, sent)
            rust.does("send", text="hello from Rust")
            self.assertEqual((await until(room, Message)).text, "hello from Rust")
            rust.does("verify")
            codes = await asyncio.to_thread(rust.event, "verification", number=room.codes.safety_number)
            self.assertEqual(
                (codes["short"], codes["emoji"], codes["qr"]),
                (room.codes.short_code, "".join(room.codes.emoji), room.codes.qr_text),
            )
            rust.does("burn")
            self.assertIs((await until(room, Ended)).reason, EndReason.BURNED)
        self.assertEqual(await asyncio.to_thread(rust.status), 0)


class Parts(unittest.TestCase):
    def test_waits_double_from_a_quarter_of_a_second_to_eight(self) -> None:
        backoff = Backoff()
        ceilings = []
        for _ in range(7):
            ceilings.append(backoff.ceiling)
            self.assertLessEqual(backoff.next(), ceilings[-1])
        self.assertEqual(ceilings, [0.25, 0.5, 1, 2, 4, 8, 8])
        backoff.reset()
        self.assertEqual(backoff.ceiling, 0.25)

    def test_the_clock_begins_at_the_time_of_day_and_does_not_follow_it(self) -> None:
        clock = Clock()
        first = clock.now_ms()
        self.assertLess(abs(first - time.time() * 1_000), 5_000)
        with patch("time.time_ns", return_value=0):
            self.assertGreaterEqual(clock.now_ms(), first)

    def test_a_created_room_shows_no_secret(self) -> None:
        created = CreatedRoom("LINK", "PIN", bytearray(b"TOKEN"), 1)
        self.assertEqual(repr(created), "CreatedRoom(seconds_remaining=1)")


if __name__ == "__main__":
    unittest.main()
