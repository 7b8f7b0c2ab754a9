"""Rooms in memory, under a time of the tests' own."""

from __future__ import annotations

import gc
import threading
import unittest
from typing import Any, List

from burnchat.core import (
    Accepted,
    BurnchatError,
    Client,
    Ended,
    EndReason,
    Hub,
    Joined,
    Keyed,
    LinkChanged,
    Locked,
    Message,
    ParticipantLeft,
    Departure,
    Read,
    Resumed,
    Role,
    RoomSettings,
    Status,
    plan_room,
    read_created,
    read_link,
    read_problem,
)
from burnchat.core._handle import Handle
from burnchat.core._library import ffi, lib

from .world import World

SECRET = "the cellar door is open"


def refused(test: unittest.TestCase, code_name: str, call: Any, /, *arguments: Any, **named: Any) -> BurnchatError:
    """Sees that a call is refused with this code."""
    with test.assertRaises(BurnchatError) as caught:
        call(*arguments, **named)
    test.assertEqual(caught.exception.name, code_name)
    return caught.exception


class Rooms(unittest.TestCase):
    def setUp(self) -> None:
        self.world = world = World()
        self.addCleanup(world.close)
        self.ana = world.comes("ana", creator=True)
        self.ben = world.comes("ben")
        world.until(lambda: world.has("ana", Keyed)() and world.has("ben", Keyed)())

    def test_two_people_talk_compare_codes_and_burn_the_room(self) -> None:
        world, ana, ben = self.world, self.ana, self.ben
        sent = ana.send_text(world.now, SECRET)
        world.until(world.has("ben", Message))
        [message] = world.of("ben", Message)
        self.assertEqual((message.text, message.id, message.author.name), (SECRET, sent, "ana"))
        self.assertEqual(message.author.id, ana.id)
        self.assertFalse(message.from_history)
        self.assertEqual(world.of("ana", Accepted), [Accepted(sent)])

        ben.mark_read(world.now, [(message.author.id, message.id)])
        world.until(world.has("ana", Read))
        self.assertEqual(world.of("ana", Read), [Read(by=ben.id, author=ana.id, id=sent)])

        self.assertEqual(ana.verification, ben.verification)
        self.assertRegex(ana.verification.safety_number, r"^(\d{5} ){11}\d{5}$")
        self.assertEqual(len(ana.verification.emoji), 16)
        self.assertEqual((ana.role, ben.role), (Role.CREATOR, Role.MEMBER))
        self.assertEqual([(p.name, p.me, p.number) for p in ben.participants], [("ana", False, 1), ("ben", True, 2)])
        self.assertEqual(ana.epoch, ben.epoch)
        self.assertEqual((ben.capacity, ben.anyone_may_burn, ben.locked), (50, False, False))
        self.assertEqual(world.hub.stats.participants, 2)

        refused(self, "not_creator", ben.burn, world.now)
        ana.burn(world.now)
        world.until(lambda: world.has("ana", Ended)() and world.has("ben", Ended)())
        self.assertEqual([e.reason for e in world.of("ben", Ended)], [EndReason.BURNED])
        self.assertIs(ben.status, Status.ENDED)
        refused(self, "error_none", lambda: ben.link)
        refused(self, "ended", ben.send_text, world.now, "late")

    def test_the_room_burns_by_itself_when_its_time_is_over(self) -> None:
        ends = self.ana.ends_at_ms
        self.world.until(self.world.has("ben", Ended))
        self.assertEqual(self.world.of("ben", Ended)[0].reason, EndReason.EXPIRED)
        self.assertLessEqual(self.world.now, ends)
        self.assertEqual(self.world.hub.stats.rooms, 0)

    def test_a_seat_is_taken_up_again_and_nothing_was_missed(self) -> None:
        world = self.world
        world.breaks("ben")
        self.assertIs(self.ben.status, Status.AWAY)
        self.ana.send_text(world.now, SECRET)
        world.until(lambda: world.has("ben", Resumed)() and world.has("ben", Message)())
        self.assertEqual(world.of("ben", Message)[0].text, SECRET)

    def test_a_creator_locks_renews_kicks_and_extends(self) -> None:
        world, ana = self.world, self.ana
        ana.lock(world.now)
        world.until(world.has("ben", Locked))
        old = ana.link
        ana.renew(world.now)
        world.until(world.has("ben", LinkChanged))
        self.assertEqual(ana.link, self.ben.link)
        self.assertNotEqual(ana.link, old)
        self.assertTrue(self.ben.link_is_current)
        ends = ana.ends_at_ms
        ana.extend(world.now, 60)
        world.until(lambda: ana.ends_at_ms > ends)
        ana.kick(world.now, self.ben.id)
        world.until(lambda: world.has("ben", Ended)() and world.has("ana", ParticipantLeft)())
        self.assertEqual(world.of("ben", Ended)[0].reason, EndReason.KICKED)
        self.assertEqual(world.of("ana", ParticipantLeft)[0].reason, Departure.KICKED)

    def test_a_seat_token_shown_over_http_lets_its_participant_leave(self) -> None:
        world = self.world
        room = read_link(world.room.link)[1]
        self.assertEqual(world.hub.leave(world.now, room, b"x" * 32).code, 200)
        self.assertEqual(world.hub.leave(world.now, room, self.ben.seat_token()).status, 204)
        world.until(world.has("ana", ParticipantLeft))
        self.assertEqual(world.of("ana", ParticipantLeft)[0].reason, Departure.LEFT)

    def test_a_relay_short_of_memory_keeps_less(self) -> None:
        world = self.world
        world.hub.set_memory_full(True)
        kept = world.hub.stats.kept_bytes
        for n in range(20):
            self.ana.send_text(world.now, "x" * 1_000)
        world.until(world.has("ben", Message, 20))
        self.assertLess(world.hub.stats.kept_bytes, kept + 20_000)

    def test_what_a_repr_or_an_error_shows_is_no_secret(self) -> None:
        world = self.world
        self.ana.send_text(world.now, SECRET)
        world.until(world.has("ben", Message))
        shown = repr(
            [list(world.told.values()), self.ben.participants, self.ana.verification, world.room, self.ana]
            + [refused(self, "link_mistyped", Client, world.room.link[:-1] + "A")]
            + [refused(self, "name_too_long", Client, world.room.link, name="n" * 65)]
        )
        token = bytes(world.room.creator_token)
        safety_number = self.ana.verification.safety_number
        room_id = repr(read_link(world.room.link)[1])
        for secret in (SECRET, "ana", "ben", world.room.link, world.room.pin, repr(token), safety_number, room_id):
            self.assertNotIn(secret.strip("'"), shown)

    def test_the_same_seeds_give_the_same_room(self) -> None:
        again = World()
        self.addCleanup(again.close)
        again.comes("ana", creator=True)
        again.comes("ben")
        again.until(lambda: again.has("ana", Keyed)() and again.has("ben", Keyed)())
        self.assertEqual(again.people["ana"].verification, self.ana.verification)

    def test_a_hub_answers_http_by_the_registry(self) -> None:
        hub, now = self.world.hub, self.world.now
        answer = hub.create(now, b"p" * 16, b"{}")
        self.assertEqual((answer.status, answer.code), (400, 100))
        self.assertEqual(read_problem(answer.body).status, 400)
        room = read_link(self.world.room.link)[1]
        self.assertEqual(hub.info(now, room, b"x" * 16).status, 404)
        self.assertEqual(hub.burn(now, room, b"x" * 32).status, 404)
        self.assertEqual(hub.burn(now, room, self.world.room.creator_token).status, 204)
        self.world.until(self.world.has("ben", Ended))


class Misuse(unittest.TestCase):
    LINK = plan_room("https://relay.example", RoomSettings(), 1_800_000_000_000).link

    def test_a_wrong_link_is_told_by_its_number(self) -> None:
        for link, name in [
            ("", "link_not_a_link"),
            ("https://relay.example/r/AAAA#A", "link_bad_room_id"),
            (self.LINK.split("#")[0], "link_no_fragment"),
            (self.LINK[:-4], "link_bad_length"),
            ("https://relay.example\ud800", "error_utf8"),
        ]:
            error = refused(self, name, Client, link)
            self.assertNotIn("relay.example", str(error))

    def test_what_is_out_of_range_is_refused(self) -> None:
        base = "https://relay.example"
        refused(self, "invalid_parameter", plan_room, base, RoomSettings(ttl_seconds=1), 0)
        refused(self, "invalid_parameter", plan_room, base, RoomSettings(capacity=-1), 0)
        refused(self, "link_not_a_link", plan_room, "relay.example", RoomSettings(), 0)
        refused(self, "malformed_frame", read_created, b"[]", self.LINK)
        refused(self, "malformed_frame", read_problem, b"")
        refused(self, "error_length", Client, self.LINK, creator_token=b"short")
        with Client(self.LINK) as client:
            refused(self, "invalid_parameter", client.extend, 0, -1)
            refused(self, "not_joined", client.send_text, 0, "x")
            refused(self, "error_none", lambda: client.id)
            with self.assertRaises(ValueError):
                client.kick(0, b"short")

    def test_use_after_close_is_answered(self) -> None:
        client, hub = Client(self.LINK), Hub()
        client.close()
        client.close()
        hub.close()
        for call in (client.poll, client.poll_timeout, lambda: client.status, lambda: client.leave(0), hub.poll):
            refused(self, "error_freed", call)

    def test_a_second_thread_is_told_that_the_client_is_busy(self) -> None:
        client = Client(self.LINK)
        answers = []

        def intrude() -> None:
            for call in (client.poll, client.close):
                try:
                    call()
                except BurnchatError as error:
                    answers.append(error.name)

        with client._handle:
            thread = threading.Thread(target=intrude)
            thread.start()
            thread.join(20)
        self.assertEqual(answers, ["error_busy", "error_busy"])
        # And no harm was done.
        client.close()

    def test_who_forgets_to_close_leaks_nothing(self) -> None:
        made = ffi.new("bc_hub **")
        self.assertEqual(lib.bc_hub_new(ffi.NULL, ffi.NULL, made), 0)
        freed: List[int] = []
        handle = Handle(made[0], lambda pointer: freed.append(lib.bc_hub_free(pointer)))
        del handle
        gc.collect()
        self.assertEqual(freed, [0])

    def test_a_frame_that_is_none_is_refused_and_the_client_goes_on(self) -> None:
        with Client(self.LINK) as client:
            while client.poll() is not None:
                pass
            client.handle_connected(1_800_000_000_000)
            self.assertGreater(client.handle_frame(1_800_000_000_000, "no frame"), 0)
            self.assertGreater(client.handle_frame(1_800_000_000_000, b""), 0)
            self.assertIs(client.status, Status.JOINING)


if __name__ == "__main__":
    unittest.main()
