"""The machine among others, and under a relay that lies. Time is a number here."""

import dataclasses
import os
import unittest

from burnchat_minimal import crypto, epochs, link
from burnchat_minimal.client import Client, Status
from burnchat_minimal.crypto import draw_key, point
from burnchat_minimal.errors import Refused
from burnchat_minimal.frames import Frame
from burnchat_minimal.lines import read_command

from .hall import START, Hall, Person, joined


class Talking(unittest.TestCase):
    def setUp(self) -> None:
        self.hall = Hall()
        self.ana, self.ben = self.hall.join("ana"), self.hall.join("ben")

    def test_two_people_talk_and_see_the_same_codes(self) -> None:
        self.ana.says("hello")
        self.ben.says("hello yourself")
        self.assertEqual((self.ana.texts(), self.ben.texts()), (["hello yourself"], ["hello"]))
        self.assertEqual(self.ana.client.codes, self.ben.client.codes)

    def test_a_newcomer_reads_nothing_from_before(self) -> None:
        self.ana.says("before")
        self.hall.asking = False
        cleo = self.hall.join("cleo")
        self.ana.says("not yet")
        self.assertEqual(cleo.texts(), [])
        self.assertIn("unreadable", cleo.names())
        self.hall.asking = True
        self.hall.ask()
        self.hall.run()
        self.ana.says("now")
        self.assertEqual(cleo.texts(), ["now"])
        self.assertNotIn("missed", cleo.names())

    def test_what_is_written_in_a_hold_waits_for_the_next_key(self) -> None:
        cleo = self.hall.join("cleo")
        self.hall.asking = False
        self.hall.leave(cleo)
        before = len(self.hall.sent)
        self.ana.says("she is gone")
        self.assertEqual(len(self.hall.sent), before)
        self.hall.asking = True
        self.hall.ask()
        self.hall.run()
        self.assertEqual(self.ben.texts(), ["she is gone"])
        self.assertEqual(self.ana.names().count("accepted"), 1)

    def test_what_is_in_flight_at_a_departure_comes_once_in_the_next_epoch(self) -> None:
        cleo = self.hall.join("cleo")
        cleo.online = False  # away: the roster keeps her
        self.hall.tamper = lambda _, frame: None if frame["type"] == "message" else frame
        seq = self.hall.seq
        self.ana.client.send(self.hall.now, "is she gone?")
        lost = self.ana.client.outputs.pop()  # it never reaches the relay
        self.assertEqual(lost[0], "send")
        self.hall.tamper = lambda _, frame: frame
        self.assertEqual(self.hall.seq, seq)
        self.hall.leave(cleo, "timeout")
        self.assertEqual(self.ben.texts(), ["is she gone?"])
        sent = [f for p, f in self.hall.sent if p is self.ana and f["type"] == "message"]
        self.assertEqual([frame["n"] for frame in sent], [0])

    def test_a_text_is_not_given_to_somebody_who_was_not_there(self) -> None:
        cleo = self.hall.join("cleo")
        self.hall.asking = False
        self.hall.leave(cleo)
        self.ana.says("for the two of us")
        dora = self.hall.join("dora")
        self.hall.asking = True
        self.hall.ask()
        self.hall.run()
        self.assertEqual((self.ben.texts(), dora.texts()), ([], []))
        self.assertIn("unsent", self.ana.names())

    def test_who_is_alone_holds_no_key(self) -> None:
        self.hall.leave(self.ben)
        with self.assertRaisesRegex(Refused, "nobody_here"):
            self.ana.client.send(self.hall.now, "anybody?")
        assert self.ana.client.room
        self.assertTrue(all(epoch.chains is None for epoch in self.ana.client.room.epochs.values()))

    def test_a_kick_gives_the_rest_a_new_key_and_a_new_link(self) -> None:
        cleo = self.hall.join("cleo")
        self.ana.client.kick(self.hall.now, cleo.id)
        self.hall.run()
        self.assertEqual(cleo.events[-1], {"event": "ended", "reason": "kicked"})
        self.ana.says("she is out")
        self.assertEqual(self.ben.texts(), ["she is out"])
        self.assertNotEqual(self.ben.client.tickets.link, self.hall.link)
        self.assertEqual(self.ben.client.tickets.link, self.ana.client.tickets.link)

    def test_what_was_missed_comes_with_the_resume(self) -> None:
        self.ana.says("one")
        self.ben.client.disconnected(self.hall.now)
        self.ben.client.outputs.clear()
        self.ben.client.send(self.hall.now, "written while away")
        self.ben.client.connected(self.hall.now)
        self.assertEqual(self.ben.client.status, Status.RESUMING)
        self.ben.client.outputs.pop()  # `resume`
        self.hall.tell(self.ben, "resumed", seq=self.hall.seq, seconds_remaining=500)
        self.hall.run()
        self.assertEqual(self.ana.texts(), ["written while away"])

    def test_a_room_that_is_gone_at_the_resume_has_burned(self) -> None:
        self.ben.client.disconnected(self.hall.now)
        self.ben.client.outputs.clear()
        self.ben.client.connected(self.hall.now)
        self.hall.tell(self.ben, "error", code="room_not_found")
        self.hall.run()
        self.assertEqual(self.ben.events[-1], {"event": "ended", "reason": "expired"})

    def test_everything_is_over_when_the_room_burns(self) -> None:
        self.ana.client.burn(self.hall.now)
        self.hall.run()
        for person in (self.ana, self.ben):
            self.assertEqual(person.events[-1], {"event": "ended", "reason": "burned"})
            self.assertFalse(hasattr(person.client, "tickets"))
            for late in (
                lambda c: c.send(START, "anybody?"),
                lambda c: c.kick(START, bytes(16)),
                lambda c: c.renew(START),
            ):
                with self.assertRaisesRegex(Refused, "ended"):
                    late(person.client)

    def test_the_room_ends_by_the_countdown_without_the_relay(self) -> None:
        self.hall.after(599_999)
        self.assertTrue(joined(self.ana))
        self.hall.after(1)
        self.assertEqual(self.ana.events[-1], {"event": "ended", "reason": "expired"})

    def test_no_countdown_lengthens_the_room(self) -> None:
        self.hall.tell(self.ana, "countdown", seconds_remaining=9_999)
        self.hall.log("extended", seconds_remaining=999_999)
        self.assertEqual(self.ana.client.ends_at, self.hall.link.not_after_ms)
        self.hall.tell(self.ana, "countdown", seconds_remaining=5)
        self.hall.after(5_000)
        self.assertEqual(self.ana.client.status, Status.ENDED)

    def test_a_clock_that_steps_back_lengthens_nothing(self) -> None:
        self.hall.after(300_000)
        self.ana.client.timeout(START)
        self.assertEqual(self.ana.client.now, START + 300_000)

    def test_single_messages_burn_when_they_have_been_read(self) -> None:
        message = self.ana.client.send(self.hall.now, "read me", 10_000)
        self.hall.run()
        self.hall.after(10_000)
        self.assertIn("message_burned", self.ana.names())
        self.assertNotIn("message_burned", self.ben.names())
        self.ben.client.read(self.hall.now, self.ana.id, message)
        self.hall.after(10_000)
        self.assertIn("message_burned", self.ben.names())
        self.assertIn("read", self.ana.names())


class Lies(unittest.TestCase):
    """What a relay may try, and what comes of it."""

    def setUp(self) -> None:
        self.hall = Hall()
        self.ana, self.ben = self.hall.join("ana"), self.hall.join("ben")

    def lies_once(self, to: Person, kind: str, **members: object) -> None:
        """The next frame of this type to one person is altered."""
        done = []

        def tamper(person: Person, frame: Frame) -> Frame:
            if person is to and frame["type"] == kind and not done:
                done.append(frame)
                return frame | members
            return frame

        self.hall.tamper = tamper

    def forked(self, person: Person) -> None:
        self.assertIn({"event": "gap", "name": "fork"}, person.events)

    def test_a_hole_in_the_log_is_a_fork(self) -> None:
        self.lies_once(self.ben, "message", seq=99)
        self.ana.says("hello")
        self.forked(self.ben)
        self.assertTrue(joined(self.ben))
        self.ana.says("again")
        self.assertEqual(self.ben.texts(), ["again"])

    def test_a_wrong_version_is_a_fork(self) -> None:
        self.hall.asking = False
        self.lies_once(self.ana, "participant_joined", version=9)
        self.hall.join("cleo")
        self.forked(self.ana)

    def test_another_head_is_a_fork(self) -> None:
        self.lies_once(self.ben, "session_key", prev=bytes(32))
        self.hall.join("cleo")
        self.forked(self.ben)

    def test_somebody_else_s_roster_is_a_fork(self) -> None:
        self.lies_once(self.ben, "session_key", roster_hash=bytes(32))
        self.hall.join("cleo")
        self.forked(self.ben)

    def test_another_commit_is_a_fork_for_its_maker_and_no_key_for_others(self) -> None:
        for person in (self.ana, self.ben):
            self.lies_once(person, "session_key", commit=bytes(32))
            self.hall.join("somebody")
            self.forked(person)  # the signature is over the commit too

    def test_an_altered_echo_is_a_fork_and_the_text_is_unknown(self) -> None:
        self.lies_once(self.ana, "message", sig=bytes(64))
        self.ana.says("hello")
        self.forked(self.ana)
        self.assertIn("unknown", self.ana.names())
        self.assertNotIn("accepted", self.ana.names())

    def test_a_third_fork_in_a_row_ends_it(self) -> None:
        self.hall.asking = False
        for _ in range(3):
            self.hall.tell(self.ana, "rekey", seq=self.hall.seq + 7, version=1)
            self.hall.run()
        self.assertEqual(self.ana.events[-1], {"event": "ended", "reason": "fork"})

    def test_a_replayed_envelope_is_refused(self) -> None:
        self.ana.says("once")
        self.hall.seq += 1
        replayed = self.hall.last(self.ana, "message")
        self.hall.tell(self.ben, "message", seq=self.hall.seq, sender=self.ana.id, **replayed)
        self.hall.run()
        self.assertEqual(self.ben.texts(), ["once"])
        self.assertIn("replayed", self.ben.names())

    def test_a_forged_envelope_moves_nothing(self) -> None:
        self.lies_once(self.ben, "message", ciphertext=bytes(80))
        self.ana.says("hello")
        self.assertIn("bad_envelope_signature", self.ben.names())
        self.hall.tamper = lambda _, frame: frame
        self.ana.says("again")
        self.assertEqual(self.ben.texts(), ["again"])
        self.assertIn(
            {"event": "missed", "count": 1}, [{k: e[k] for k in ("event", "count") if k in e} for e in self.ben.events]
        )

    def test_who_has_left_is_not_heard(self) -> None:
        cleo = self.hall.join("cleo")
        cleo.says("hello")
        self.hall.leave(cleo)
        self.hall.log("message", sender=cleo.id, **self.hall.last(cleo, "message"))
        self.hall.run()
        self.assertIn("not_a_participant", self.ben.names())

    def test_a_wrap_that_does_not_open_is_complained_of(self) -> None:
        self.lies_once(self.ben, "session_key", wrapped=bytes(40))
        self.hall.join("cleo")
        self.assertIn("bad_wrap", self.ben.names())
        complaints = [f for p, f in self.hall.sent if p is self.ben and f["type"] == "need_key"]
        self.assertEqual(complaints, [{"type": "need_key", "version": 3}])
        self.hall.after(5_000)
        self.assertEqual(len([f for p, f in self.hall.sent if p is self.ben and f["type"] == "need_key"]), 2)
        self.hall.after(5_000)
        self.assertIn("rekey_stalled", self.ben.names())

    def seen_without_proof(self, by: Person) -> Person:
        """Cleo joins; one person is shown a join proof that is not hers. The roster hash does not tell."""

        def tamper(person: Person, frame: Frame) -> Frame:
            if person is by and frame["type"] == "participant_joined":
                return frame | {"participant": frame["participant"] | {"join_proof": bytes(32)}}
            return frame

        self.hall.tamper = tamper
        return self.hall.join("cleo")

    def test_who_is_not_verified_is_not_heard(self) -> None:
        self.hall.asking = False
        cleo = self.seen_without_proof(self.ben)
        self.hall.asking = True
        self.hall.tell(cleo, "key_wanted", version=self.hall.version, head=self.hall.head)
        self.hall.run()
        self.assertIn("bad_wrap", self.ben.names())  # the wrap is good; its maker is not
        self.assertIn("keyed", self.ana.names()[-2:])
        cleo.says("hello")
        self.assertEqual((self.ana.texts(), self.ben.texts()), (["hello"], []))
        self.assertNotIn("unreadable", self.ben.names())

    def test_a_key_that_is_not_the_one_committed_to_is_not_used(self) -> None:
        self.hall.kept_back = {"session_key"}
        self.hall.join("cleo")
        frame = self.hall.last(self.ana, "session_key")
        room, ben = self.ana.client.room, self.ben.client.room
        assert room and ben and ben.roster.get(self.ben.id)
        kem = ben.roster.entries[self.ben.id].kem
        assert kem
        wrap_key = self.ana.client.keys.wrap_key
        kek = epochs.shared_kek(wrap_key, room.me.kem, kem, frame["roster_hash"], self.ana.id, self.ben.id)
        for listed in frame["wraps"]:
            if listed["id"] == self.ben.id:
                listed["wrapped"] = crypto.wrap(kek, bytes(32))
        self.hall.log_key(self.ana, frame)
        self.hall.run()
        self.assertIn("bad_wrap", self.ben.names())

    def test_a_key_frame_for_somebody_who_has_left_is_a_fork(self) -> None:
        self.hall.kept_back = {"session_key"}
        cleo = self.hall.join("cleo")
        late = self.hall.last(self.ana, "session_key")
        self.hall.leave(cleo)
        self.hall.log_key(self.ana, late)
        self.hall.run()
        self.forked(self.ben)

    def test_an_envelope_of_an_epoch_that_has_ended_is_refused(self) -> None:
        cleo = self.hall.join("cleo")
        self.hall.kept_back = {"message"}
        self.ana.says("to the three of us")
        late = self.hall.last(self.ana, "message")
        self.hall.leave(cleo)
        self.hall.seq += 1
        self.hall.tell(self.ben, "message", seq=self.hall.seq, sender=self.ana.id, **late)
        self.hall.run()
        self.assertEqual(self.ben.texts(), [])
        self.assertIn("ended_epoch", self.ben.names())

    def test_a_member_the_relay_invents_gets_no_key_and_no_hearing(self) -> None:
        stranger = {
            "kem_pub": point(draw_key(os.urandom)), "sig_pub": point(draw_key(os.urandom)), "sealed_name": bytes(157),
            "join_proof": bytes(32), "role": "creator", "number": 7,
        }  # fmt: skip
        self.hall.entries[b"stranger"] = stranger
        self.hall.version += 1
        self.hall.log("participant_joined", version=self.hall.version, participant=stranger)
        self.hall.run()
        self.assertIn("unverified_participant", self.ana.names())
        self.hall.ask()
        self.hall.run()
        frame = next(f for _, f in reversed(self.hall.sent) if f["type"] == "session_key")
        self.assertEqual([wrap["id"] for wrap in frame["wraps"]], [self.ben.id])
        self.ana.says("not for strangers")
        self.assertEqual(self.ben.texts(), ["not for strangers"])

    def test_who_has_left_does_not_come_back_as_the_same(self) -> None:
        cleo = self.hall.join("cleo")
        entry = self.hall.entries[cleo.id]
        self.hall.leave(cleo)
        self.hall.entries[cleo.id] = entry
        self.hall.version += 1
        self.hall.log("participant_joined", version=self.hall.version, participant=entry)
        self.hall.run()
        self.assertIn("unverified_participant", self.ana.names())

    def test_what_makes_no_sense_is_reported_and_moves_nothing(self) -> None:
        self.hall.tell(self.ana, "resumed", seq=self.hall.seq, seconds_remaining=1)
        self.hall.tell(self.ana, "history_end", complete=True)
        self.ana.client.frame(self.hall.now, b'{"type":"countdown","seconds_remaining":1.0}')
        self.ana.client.frame(self.hall.now, b'{"type":"sunshine"}')
        self.hall.run()
        self.assertEqual(self.ana.names()[-3:], ["unexpected_from_relay"] * 2 + ["malformed_from_relay"])
        self.ana.says("still here")
        self.assertEqual(self.ben.texts(), ["still here"])


class Refusals(unittest.TestCase):
    def refusal(self, **members: object) -> str:
        hall = Hall()
        hall.tamper = lambda _, frame: frame | members if frame["type"] == "joined" else frame
        return str(hall.join("ana").events[-1]["reason"])

    def test_a_relay_that_contradicts_the_link(self) -> None:
        self.assertEqual(self.refusal(history=True), "history_mismatch")
        self.assertEqual(self.refusal(participants=[]), "fork")
        self.assertEqual(self.refusal(role="member"), "fork")
        hall = Hall()
        hall.now = hall.link.not_after_ms
        self.assertEqual(hall.join("ana").events[-1]["reason"], "clock_skew")

    def test_a_link_nobody_else_holds(self) -> None:
        hall = Hall()
        hall.join("ana")
        other = dataclasses.replace(hall.link, secret=bytes(16))
        self.assertEqual(hall.join("ben", other).events[-1]["reason"], "bad_link")

    def test_a_room_with_history_is_not_implemented(self) -> None:
        with self.assertRaises(NotImplementedError):
            Client(dataclasses.replace(Hall().link, history=True))

    def test_links_and_secrets_do_not_print_themselves(self) -> None:
        hall = Hall()
        ana = hall.join("ana")
        assert ana.client.room
        for secret in (hall.link, ana.client.keys, ana.client.room.me):
            self.assertNotIn(hall.link.secret.hex(), repr(secret))
            self.assertLess(len(repr(secret)), 100)
        self.assertEqual(link.parse(str(hall.link)), hall.link)

    def test_a_command_is_read_strictly(self) -> None:
        participant = b"A" * 22
        for line, outcome in (
            (b'{"cmd":"who","later":[[]]}', {"cmd": "who"}),
            (b'{"cmd":"send","text":"x","burn_after_ms":null}', {"cmd": "send", "text": "x", "burn_after_ms": 0}),
            (b'{"cmd":"kick","id":"%s"}' % participant, {"cmd": "kick", "id": bytes(16), "renew": True}),
            (b'{"cmd":"kick","id":"%sB"}' % participant[1:], "invalid_parameter"),
            (b'{"cmd":"extend","seconds":0}', "invalid_parameter"),
            (b'{"cmd":"extend","seconds":-1}', "invalid_parameter"),
            (b'{"cmd":"extend","seconds":1e1}', "malformed_frame"),
            (b'{"cmd":"extend","seconds":true}', "malformed_frame"),
            (b'{"cmd":"send","text":null}', "malformed_frame"),
            (b'{"cmd":"send","text":"\\ud800"}', "malformed_frame"),
            (b'{"cmd":"dance"}', "unknown_type"),
        ):
            with self.subTest(line):
                try:
                    self.assertEqual(read_command(line), outcome)
                except Refused as refused:
                    self.assertEqual(refused.name, outcome)

    def test_no_nesting_and_no_string_makes_reading_slow(self) -> None:
        for line in (b'{"a":' * 50_000, b'"' + b'\\"' * 120_000, b'"' * 262_144):
            with self.assertRaisesRegex(Refused, "malformed_frame"):
                read_command(line[:262_144])


if __name__ == "__main__":
    unittest.main()
