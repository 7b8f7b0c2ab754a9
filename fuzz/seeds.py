#!/usr/bin/env python3
"""Makes the seeds and dictionaries of the fuzz targets from the vectors, transcripts and schemas of spec/.

    fuzz/seeds.py            says which dictionaries differ from what is in git, and fails if any does
    fuzz/seeds.py --write    writes them, and the seeds, which stay out of git

What comes out depends on nothing but spec/ and this file. Each seed is one well-formed input, or one that is refused for a
known reason: nobody finds a 65-byte key in base64url by chance.
"""

import hashlib
import json
import re
import struct
import sys
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
SPEC = FUZZ.parent / "spec"
# What is longer says nothing that a shorter one does not, and slows every run.
LONGEST = 8192


def read(path):
    return json.loads((SPEC / path).read_text("utf-8"))


def cases(file, *groups):
    """The cases of a file of vectors, those of the groups named or of all."""
    for group in read(f"vectors/{file}.json")["groups"]:
        if not groups or group["name"] in groups:
            yield from group["cases"]


def text_of(case):
    """The bytes of a frame, however the vectors tell them."""
    if "text" in case:
        return case["text"].encode()
    if "bytes" in case:
        return bytes.fromhex(case["bytes"])
    return "".join(piece * times for piece, times in case["pieces"]).encode()


def short(number):
    return struct.pack(">H", number)


def counted(data):
    return short(len(data)) + data


def name_of(case):
    """vectors/frames/client_frames_refused/too-large -> client_frames_refused-too-large"""
    return "-".join(case["id"].split("/")[1:])


class Seeds:
    def __init__(self):
        self.files = {}

    def add(self, target, name, data):
        if len(data) > LONGEST:
            return
        path = f"seeds/{target}/{name}"
        assert path not in self.files, path
        self.files[path] = data


def frames(seeds):
    """link, client_frame, relay_frame, schema."""
    kinds = {
        "client_frames": ("client_frame", 0),
        "relay_frames": ("relay_frame", 1),
        "request_bodies": (None, 2),
    }
    for case in cases("frames"):
        group = case["id"].split("/")[1].removesuffix("_refused")
        target, kind = kinds[group]
        text = text_of(case)
        if target:
            seeds.add(target, name_of(case), text)
        seeds.add("schema", name_of(case), bytes([kind]) + text)
    for number, frame in enumerate(one_of_each_frame()):
        seeds.add("relay_frame", f"transcripts-{number:02}", frame)
        seeds.add("schema", f"transcripts-{number:02}", b"\x01" + frame)
    answers = {
        3: {
            "room_id": "UUAYuVX4jGENflAM-rxqOA",
            "creator_token": "nQURfTOBKw4QT3Mfv50mxnrfoYSLhbKU_ovpm-XL6V8",
            "pin": "7K2Q9X",
            "seconds_remaining": 600,
        },
        4: {
            "seconds_remaining": 600,
            "participants": 2,
            "capacity": 50,
            "locked": False,
            "history": False,
            "burn": "creator",
        },
        5: {"code": "wrong_pin", "attempts_left": 2, "retry_after_ms": None, "status": 403},
    }
    for kind, answer in answers.items():
        seeds.add("schema", f"answer-{kind}", bytes([kind]) + json.dumps(answer).encode())
    for case in cases("link"):
        if "link" in case:
            seeds.add("link", name_of(case), case["link"].encode("utf-8", "surrogatepass"))


def one_of_each_frame():
    """The first frame of each type and transcript."""
    for path in sorted((SPEC / "transcripts").glob("*.json")):
        seen = set()
        for step in json.loads(path.read_text("utf-8"))["steps"]:
            if "frame" not in step:
                continue
            kind = json.loads(step["frame"])["type"]
            if kind not in seen:
                seen.add(kind)
                yield step["frame"].encode()


def sealed(seeds):
    """What is in a seal, and public values. The first byte says what the rest is."""
    for case in cases("plaintexts"):
        n = bytes([min(case.get("n", 1), 255)])
        if "padded" in case and case["padded"] is not None:
            seeds.add("sealed", "padded-" + name_of(case), b"\x00" + n + bytes.fromhex(case["padded"]))
        if "plaintext" in case:
            plain = bytes.fromhex(case["plaintext"])
            seeds.add("sealed", "plain-" + name_of(case), b"\x01" + n + plain)
            seeds.add("sealed", "envelope-" + name_of(case), b"\x06" + short(1) + b"\x07" + short(0) + b"\0" + plain)
    for case in cases("names"):
        if "plaintext" in case:
            plain = bytes.fromhex(case["plaintext"])
            seeds.add("sealed", "name-" + name_of(case), b"\x02\x00" + plain[:65])
            if len(plain) > 65:
                seeds.add("sealed", "signed-" + name_of(case), b"\x02\x01" + plain)
        for key in ("name", "input"):
            if isinstance(case.get(key), str):
                seeds.add("sealed", f"own-{key}-{name_of(case)}", b"\x03" + case[key].encode())
    for case in cases("epochs"):
        if "wrapped" in case:
            wrapped = bytes.fromhex(case["wrapped"])
            key = bytes.fromhex(case.get("session_key") or case.get("older_session_key") or "00" * 32)
            seeds.add("sealed", "wrapped-" + name_of(case), b"\x04" + wrapped + key)
            seeds.add("sealed", "back-" + name_of(case), b"\x05" + wrapped + key + bytes(32))
    for part in range(8):
        seeds.add("sealed", f"altered-{part}", b"\x06" + short(3) + bytes([part]) + short(5) + b"\x80" + bytes(64))
    for case in cases("primitives"):
        if "public_key" in case and case["public_key"]:
            point = bytes.fromhex(case["public_key"])
            signature = bytes.fromhex(case.get("signature", ""))
            message = bytes.fromhex(case.get("message", ""))
            seeds.add("sealed", "point-" + name_of(case), b"\x07" + point + signature + message)


def client(seeds):
    """Rooms as they went, with something else in between."""
    for place, path in enumerate(sorted((SPEC / "transcripts").glob("*.json"))):
        steps = json.loads(path.read_text("utf-8"))["steps"]
        story, name = bytes([place]), path.stem
        seeds.add("client", f"{name}-as-it-went", story + bytes([len(steps)]))
        seeds.add("client", f"{name}-step-by-step", story + b"\0" + b"\x00" * len(steps))
        for lead in range(1, len(steps), 5):
            led = story + bytes([lead])
            seeds.add("client", f"{name}-{lead:02}-skips", led + b"\x03" + b"\0" * 8)
            again = b"".join(b"\x05" + bytes([step]) for step in range(min(lead + 2, len(steps))))
            fitted = again.replace(b"\x05", b"\x06")
            seeds.add("client", f"{name}-{lead:02}-repeats", led + again)
            seeds.add("client", f"{name}-{lead:02}-repeats-fitted", led + fitted)
            altered = b"\x04\x00" + short(9 + lead) + b"\x01"
            seeds.add("client", f"{name}-{lead:02}-alters", led + altered + b"\0" * 4)
            breaks = b"\x0a" + b"\x0b" + short(500) + b"\x09" + b"\x06\x08" + b"\0" * 4
            seeds.add("client", f"{name}-{lead:02}-breaks", led + breaks)
            app = (
                b"\x0e" + short(100) + counted(b"hello")
                + b"\x0f\x01"
                + b"\x10\x02\x00\x01"
                + b"\x11\x00\x00\x01" + b"\x11\x01\x01" + b"\x11\x02" + b"\x11\x03" + short(60) + b"\x11\x04"
                + b"\x0b" + short(2_000) + b"\x0c" + short(20) + b"\x0d" + short(1_000)
                + b"\x13"
            )
            seeds.add("client", f"{name}-{lead:02}-application", led + app)
            keys = b"\x08" + counted(b'{"type":"rekey","seq":1,"version":1}')
            wanted = b"\x08" + counted(b'{"type":"key_wanted","version":1,"head":"' + b"A" * 43 + b'"}')
            own = keys + wanted * 2 + b"\x11\x07" + b"\x0e" + short(0) + counted(b"mine") + b"\x11\x07"
            seeds.add("client", f"{name}-{lead:02}-keys", led + own)
        for lead, step in enumerate(steps):
            if "frame" not in step:
                continue
            kinds = {"joined": 12, "session_key": 9, "message": 7, "participant_joined": 5}
            for which in range(kinds.get(json.loads(step["frame"])["type"], 0)):
                if (lead + which) % 3 == 0:
                    bent = b"\x12" + bytes([which, 3, 1])
                    seeds.add("client", f"{name}-{lead:02}-bends-{which}", story + bytes([lead]) + bent + b"\0" * 3)
    for case in cases("frames", "relay_frames", "relay_frames_refused"):
        text = text_of(case)
        if len(text) > LONGEST // 2:
            continue
        seeds.add("client", "frame-" + name_of(case), b"\x09\x06" + b"\x07" + counted(text) + b"\x08" + counted(text))


def masked(first, payload, length=None):
    mask = b"\xa1\xb2\xc3\xd4"
    body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    size = len(payload) if length is None else length
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 65536:
        head = bytes([first, 0xFE]) + short(size)
    else:
        head = bytes([first, 0xFF]) + struct.pack(">Q", size)
    return head + mask + body


def websocket(seeds):
    """Streams of RFC 6455: pieces, control frames in between, closes, and what is forbidden."""
    join = next(cases("frames", "client_frames"))["text"].encode()
    streams = {
        "text": masked(0x81, b'{"type":"burn"}'),
        "join": masked(0x81, join),
        "empty": masked(0x81, b""),
        "pieces": masked(0x01, b"in ") + masked(0x89, b"here?") + masked(0x00, b"-" * 200) + masked(0x80, b"pieces"),
        "pong": masked(0x8A, b"here") + masked(0x81, b"after"),
        "close": masked(0x88, b""),
        "close-1000": masked(0x88, b"\x03\xe8bye"),
        "close-4001": masked(0x88, short(4001)),
        "close-1004": masked(0x88, short(1004)),
        "close-1005": masked(0x88, short(1005)),
        "close-short": masked(0x88, b"\x03"),
        "close-not-utf-8": masked(0x88, b"\x03\xe8\xff"),
        "binary": masked(0x82, b"binary") + masked(0x81, b"too late") + masked(0x88, b""),
        "binary-pieces": masked(0x02, b"a") + masked(0x00, b"b") + masked(0x80, b"c") + masked(0x88, b""),
        "too-large": masked(0x81, b"", 70_000),
        "largest-of-all": masked(0x81, b"", 2**63),
        "too-large-in-pieces": masked(0x01, b"-" * 500) + masked(0x80, b"", 65_536),
        "unmasked": b"\x81\x01a",
        "reserved-bit": masked(0xC1, b"a"),
        "reserved-data": masked(0x83, b"a"),
        "reserved-control": masked(0x8B, b""),
        "continues-nothing": masked(0x80, b"a"),
        "begins-twice": masked(0x01, b"a") + masked(0x81, b"b"),
        "ping-in-pieces": masked(0x09, b"a"),
        "long-ping": masked(0x89, b"-" * 126),
        "long-length": b"\x81\xfe\x00\x01\xa1\xb2\xc3\xd4a",
        "longer-length": b"\x81\xff" + struct.pack(">Q", 126) + b"\xa1\xb2\xc3\xd4" + b"a" * 126,
        "many": masked(0x81, b"hello") * 12 + masked(0x89, b"") * 3,
    }
    for name, stream in streams.items():
        seeds.add("websocket", name, b"\x03\x00\x04\x0a" + short(0xFFFF) + stream)
        seeds.add("websocket", name + "-unheard", b"\x01\x06" + short(min(9, len(stream))) + stream)


# The steps of the target `hub`, as fuzz_targets/hub.rs reads them.


def create(life=2, seats=3, flags=2, owner=0):
    return bytes([0, life, seats, flags, owner])


def connect(room=0, peer=0):
    return bytes([1, room, peer])


def joins(line, who, held=0x01, which=0):
    return bytes([2, line, held, which, who])


def resumes(line, which=0, back=0):
    return bytes([4, line, which, back])


def offers(line, flags=0, salt=1):
    return bytes([5, line, flags, salt])


def keys(people=3, salt=1):
    """Who was asked is heard."""
    return b"".join(offers(line, 0, salt) for line in range(people))


def talks(line, flags=0, size=16):
    return bytes([7, line, flags]) + short(size)


def commands(line, which, byte=1, more=b""):
    return bytes([9, line, which, byte]) + more


def leaves(line, broken=0):
    return bytes([13, line, broken])


def after(millis):
    return b"\x0f" + short(millis)


def after_seconds(seconds):
    return b"\x10" + short(seconds)


def asks(which, room=0, byte=0):
    return bytes([18, which, room, byte])


def hub(seeds):
    """Rooms at a relay, and every frame of the vectors at one."""
    # The first by creator token, the others by ticket.
    opened = create() + connect() + joins(0, 0, 0x10) + connect(0, 1) + joins(1, 9) + connect(0, 2) + joins(2, 18)
    keyed = opened + after(300) + keys()
    talked = keyed + talks(0) + talks(1) + talks(2) + talks(1)
    kept = opened.replace(create(), create(flags=0x48), 1) + after(300) + keys() + talks(0) * 3
    stories = {
        "talk": talked,
        "late-join": talked + connect(0, 3) + joins(3, 27) + after(300) + keys(4, 2) + talks(0),
        "history": kept + connect(0, 3) + joins(3, 27) + after(300) + keys(4, 2) + talks(3),
        "history-without-a-way-back": kept + commands(0, 6, 0) + offers(0, 0x40, 3) + offers(1, 0x40, 3) + connect(0, 3) + joins(3, 27),
        "resume": talked + leaves(1, 1) + talks(0) * 2 + connect(0, 1) + resumes(2, 1, 2) + talks(2),
        "resume-too-late": talked + leaves(1, 1) + after_seconds(40) + connect(0, 1) + resumes(2, 1, 2),
        "gap": talked + leaves(1, 1) + after_seconds(20) + talks(0, 0, 40_000) * 3 + connect(0, 1) + resumes(2, 1, 9),
        "leave": talked + leaves(1) + talks(0) + after(300) + keys(4, 2) + talks(0),
        "take-over": talked + connect(0, 1) + joins(3, 28, 0x40) + connect(0, 1) + joins(3, 29, 0x80, 1),
        "creator-again": talked + connect(0, 1) + joins(3, 30, 0x10) + after(300) + keys(4, 2),
        "kick": talked + commands(0, 0, 1) + after(300) + keys(4, 2) + connect(0, 1) + joins(2, 31, 0x02),
        "kick-and-keep-the-link": talked + commands(0, 1, 2) + connect(0, 2) + joins(2, 31, 0x80, 2),
        "renew": talked + commands(0, 3, 5) + commands(0, 3, 0x85, b"\0") + connect(0, 1) + joins(3, 31, 0x02),
        "lock": talked + commands(0, 2, 1) + connect(0, 1) + joins(3, 31) + commands(0, 2, 0) + connect(0, 1) + joins(3, 32),
        "extend": talked + commands(0, 4, 60, b"\0") + commands(0, 4, 60, b"\1") + commands(0, 4, 255, b"\0"),
        "burn": talked + commands(0, 5, 8),
        "members-command": talked + b"".join(commands(1, which, 8, b"\0") for which in range(6)),
        "burn-by-anyone": talked.replace(create(), create(flags=0x82), 1) + commands(1, 5, 8),
        "expiry": talked + after_seconds(540) + after_seconds(30) + after_seconds(31),
        "nobody-keys": opened + after(300) + after_seconds(2) * 6 + after_seconds(10) * 2,
        "declines": opened + after(300) + commands(0, 7, 0) + commands(1, 7, 0) + commands(2, 7, 0),
        "needs-a-key": keyed + commands(1, 6, 0) + after(300) + keys(4, 2) + commands(1, 6, 0) + after_seconds(6),
        "bad-offers": opened + after(300) + b"".join(offers(0, flags) for flags in (0x80, 0x10, 0x20, 0x30, 3, 12, 0)),
        "pin": opened + connect(0, 3) + joins(3, 33, 0x05) + connect(0, 3) + joins(4, 34, 0x09),
        "wrong-pins": opened + (connect(0, 3) + joins(3, 33, 0x0D)) * 4 + connect(0, 3) + joins(3, 34, 0x05)
        + after_seconds(600) + connect(0, 3) + joins(3, 35, 0x05),
        "wrong-pins-of-many": create(life=3) + b"".join((connect(0, peer) + joins(0, 33, 0x0D)) * 3 for peer in range(4)),
        "nothing-to-show": opened + connect(0, 1) + joins(3, 40, 0x00) + connect(0, 1) + joins(3, 40, 0x03)
        + connect(4, 1) + joins(3, 40, 0xFF),
        "same-keys": opened + connect(0, 1) + joins(3, 9) + connect(0, 1) + joins(3, 255),
        "full": create(seats=0) + connect() + joins(0, 0) + connect() + joins(1, 1) + connect() + joins(2, 2, 0x10),
        "handshake": create() + connect() * 3 + after_seconds(11),
        "speaks-first": create() + connect() + talks(0) + connect() + commands(0, 5, 8),
        "wrong-n": keyed + talks(1, 8) + talks(1, 12) + b"\x05" + talks(1, 8),
        "old-epoch": talked + connect(0, 3) + joins(3, 27) + after(300) + keys(4, 2) + after_seconds(31) + talks(0, 3) + b"\x01",
        "several": create() + create(1, 2, 0xC3, 1) + create(0, 1, 2, 2) + connect(1, 1) + joins(0, 1, 0x10)
        + connect(2, 2) + joins(1, 2) + connect(0, 0) + joins(2, 3) + after(300) + keys() + after_seconds(70),
        "http": talked + asks(0) + asks(0, 0, 1) + asks(3, 0, 1) + asks(3, 0, 9) + asks(1, 0, 1) + asks(1),
        "take-down": talked + asks(2) + asks(2, 4),
        "memory-is-full": talked + asks(5) + talks(0, 0, 8_000) * 3 + asks(5, 0, 1) + talks(0),
        "clock-steps-back": talked + b"\x11" + short(60_000) + talks(0) + after_seconds(60) + talks(1),
        "flood": talked + talks(1) * 40,
    }
    for name, story in stories.items():
        for limits in range(4):
            seeds.add("hub", f"{name}-{limits}", bytes([limits]) + story)
    for case in cases("frames", "client_frames", "client_frames_refused"):
        text = text_of(case)
        if len(text) <= LONGEST // 2:
            seated = keyed + b"\x0c\x01" + counted(text)
            seeds.add("hub", "frame-" + name_of(case), b"\0" + seated + connect() + b"\x0c\xff" + counted(text))


def insider(seeds):
    """A room with Eve in it, who has every key. The steps are those of fuzz_targets/insider.rs."""

    def raw(padded):
        return b"\0" + counted(padded)

    def plain(data):
        return b"\1" + counted(data)

    def parts(kind, body, how=2, more=b"", number=1):
        return bytes([how, kind, number]) + more + counted(body)

    def says(content, flags=0, more=b""):
        return bytes([0, flags]) + more + content

    def keys(flags=0, key=1, more=b""):
        return bytes([7, flags, key]) + more

    me = bytes(16)
    bodies = {
        "text": parts(1, "hé".encode()),
        "text-empty": parts(1, b""),
        "text-not-utf-8": parts(1, b"\xff\xfe"),
        "text-longest": parts(1, b"x" * 4_000),
        "text-that-burns": parts(1, b"soon", 0x22, struct.pack(">I", 1_000)),
        "typing": parts(2, b"\1") + says(parts(2, b"\0", number=2)),
        "read": parts(3, me + me),
        "read-many": parts(3, me * 128),
        "read-too-many": parts(3, me * 130),
        "ticket": parts(4, bytes(16)),
        "ticket-wanted": parts(5, bytes(32)),
        "of-no-kind": parts(6, b"later"),
        "count-ahead": parts(1, b"x", 0x12, b"\x09"),
        "count-far": parts(1, b"x", 0x1A, b"\xff" * 8),
        "count-again": parts(1, b"x") + says(parts(1, b"y", 0x1A, bytes(7) + b"\1", 2)),
        "last-of-nothing": parts(1, b"x", 0x82),
        "last-far": parts(1, b"x", 0xC2, b"\xff" * 16),
        "id-again": parts(1, b"x") + says(parts(1, b"x")),
    }
    for name, body in bodies.items():
        seeds.add("insider", f"says-{name}", b"\0" + says(body) + says(parts(1, b"then", number=9)))
        # In a history room, and before the client came.
        seeds.add("insider", f"said-{name}", b"\1\1" + body.split(says(b""))[0] + keys() + says(parts(1, b"then", number=9)))
    for case in cases("plaintexts"):
        if case.get("padded") and len(case["padded"]) < 2_000:
            content = raw(bytes.fromhex(case["padded"]))
            at = b"\x02" if case.get("n", 1) == 0 else b"\0"
            lead = b"" if case.get("n", 1) == 0 else says(parts(1, b"first"))
            seeds.add("insider", "padded-" + name_of(case), b"\0" + lead + says(content) + at)
        if case.get("plaintext"):
            seeds.add("insider", "plain-" + name_of(case), b"\0" + says(plain(bytes.fromhex(case["plaintext"]))))
    for case in cases("names"):
        if case.get("plaintext"):
            name = bytes.fromhex(case["plaintext"])[:65].ljust(65, b"\0")
            seeds.add("insider", "name-" + name_of(case), b"\0\x0a\x01" + name + keys() + b"\x0b\0")
    for change in range(8):
        changed = says(parts(1, b"x"), change << 4)
        seeds.add("insider", f"changed-{change}", b"\0" + changed + says(parts(1, b"y", number=2)) + b"\6")
    for wrong in range(8):
        for also in range(8):
            story = keys(wrong | also << 3, 2, b"\1" * 41) + says(parts(1, b"x")) + keys(0, 3) + b"\x12\1"
            seeds.add("insider", f"key-{wrong}-{also}", b"\0" + story)
            seeds.add("insider", f"history-key-{wrong}-{also}", b"\x09\1" + parts(1, b"before") + story)
    stories = {
        "skips": says(parts(1, b"x")) + says(parts(1, b"y", number=2), 8, b"\3"),
        "far-ahead": says(parts(1, b"x"), 12, short(8_191)) + says(parts(1, b"y", number=2), 12, short(8_192)),
        "mallory": b"\x0a\0" + keys() + says(parts(1, b"x")) + b"\x0b\0" + keys() + says(parts(1, b"y")),
        "mallory-unproved": b"\x0a\4\5" + keys() + b"\x0b\0",
        "mallory-no-point": b"\x0a\x08\7" + keys() + b"\x0b\0",
        "mallory-replaces-eve": b"\x0a\x20" + b"\x11" + b"\x0d\0",
        "eve-leaves": says(parts(1, b"x")) + b"\x0b\2" + says(parts(1, b"y")) + b"\x0c\0" + counted(b"anyone?"),
        "client-talks": b"\x0c\0" + counted(b"hello") + b"\0" + b"\x0d\0" + b"\x0c\3" + b"\x0d\0",
        "client-is-refused": b"\x0c\0" + counted(b"hello") + b"\0" + b"\x0d\3" + b"\x0f" + short(2_000) + b"\x0d\0",
        "client-keys": b"\x09" + b"\x11" + b"\x0d\0" + says(parts(1, b"x")) + b"\x0c\0" + counted(b"hello"),
        "client-reads": says(parts(1, b"soon", 0x22, struct.pack(">I", 500))) + b"\x0c\4" + b"\x0f" + short(600),
        "client-commands": b"".join(b"\x0c" + bytes([which]) + b"\1" for which in range(5, 10)) + b"\x0d\0" * 6,
        "breaks": says(parts(1, b"x")) + b"\x12\0" + says(parts(1, b"y", number=2)),
        "old-keys": keys(0, 1) + keys(0, 2) + says(parts(1, b"x"), 3, b"\0") + b"\x10\xff\x10\xff" + says(parts(1, b"y"), 3, b"\0"),
    }
    for name, story in stories.items():
        for flags in (0, 1, 2, 4, 5, 7):
            past = b"\1" + parts(1, b"before") if flags & 5 == 1 else b""
            seeds.add("insider", f"{name}-{flags}", bytes([flags]) + past + story)


def http(seeds):
    """Requests, as fuzz_targets/http.rs puts them together."""
    headers = [
        "burnchat-ticket", "burnchat-creator", "authorization", "cookie", "accept-token", "last-event-id", "origin",
        "host", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
        "access-control-request-method", "access-control-request-headers", "sec-websocket-protocol", "content-length",
    ]
    token = "nQURfTOBKw4QT3Mfv50mxnrfoYSLhbKU_ovpm-XL6V8"
    ticket = "OTo7PD0-P0BBQkNERUZHSA"

    def request(method, path, body=b"", places=b"", **given):
        data = bytes([method, path]) + places + bytes([len(given)])
        for name, value in given.items():
            data += bytes([headers.index(name.replace("_", "-"))]) + counted(value.encode("latin-1"))
        return data + b"\0" + body

    get, post, delete, options, head = range(5)
    creates = [text_of(case) for case in cases("frames", "request_bodies", "request_bodies_refused")]
    joins = [text_of(case) for case in cases("frames", "client_frames")]
    requests = {f"create-{number:02}": request(post, 0, body) for number, body in enumerate(creates)}
    requests |= {f"frame-{number:02}": request(post, 6, body, b"\1\1", authorization=f"Bearer {token}")
                 for number, body in enumerate(joins)}
    requests |= {f"join-{number:02}": request(post, 3, body, b"\1") for number, body in enumerate(joins[:8])}
    requests |= {
        "info": request(get, 1, b"", b"\1", burnchat_ticket=ticket),
        "info-without": request(get, 1, b"", b"\1"),
        "info-elsewhere": request(get, 1, b"", b"\0" + counted(b"no-room")),
        "burn": request(delete, 1, b"", b"\1", burnchat_creator=token),
        "websocket": request(get, 2, b"", b"\1", sec_websocket_protocol="burnchat.v1"),
        "events": request(get, 5, b"", b"\1\1", authorization=f"bearer {token}", last_event_id="7"),
        "events-by-cookie": request(get, 5, b"", b"\1\1", cookie=f"a=b; burnchat_seat={token}; c"),
        "events-from-the-end": request(get, 5, b"", b"\1\1", cookie=f"burnchat_seat={token}", last_event_id="9007199254740992"),
        "leave": request(delete, 4, b"", b"\1\1", authorization=f"Bearer {token}"),
        "join-anew": request(post, 4, joins[0], b"\1\1", authorization=f"Bearer {token}", accept_token="bearer"),
        "openapi": request(get, 7), "page": request(get, 8, b"", b"\1"), "head": request(head, 7),
        "preflight": request(options, 0, origin="https://chat.example", access_control_request_method="POST",
                             access_control_request_headers="burnchat-ticket"),
        "foreign": request(post, 0, creates[0], origin="https://evil.example", host="chat.example"),
        "own": request(post, 0, creates[0], origin="https://chat.example:443", host="chat.example"),
        "null-origin": request(post, 0, creates[0], origin="null"),
        "long-path": request(get, 255, b"", counted(b"/api/rooms/a/b/c/d?e=f")),
    }
    forwarded = [
        "for=192.0.2.60;proto=http;by=203.0.113.43", 'for="[2001:db8::1]:4711", for=10.0.0.2', "for=unknown", 'for="_gazonk"',
        'for="a\\"b', "for=192.0.2.1;for=192.0.2.2", 'for=192.0.2.1, for="10.0.0.1', ";;,,==", 'proto=https;host="chat.example:443"',
    ]
    for number, value in enumerate(forwarded):
        requests[f"forwarded-{number}"] = request(post, 0, creates[0], forwarded=value, origin="https://chat.example")
    for number, value in enumerate(["192.0.2.1", "192.0.2.1, 10.0.0.2", "[::1]:80", "192.0.2.1:a_b", "bad,\xff", ", ,"]):
        requests[f"x-forwarded-{number}"] = request(
            post, 0, creates[0], x_forwarded_for=value, x_forwarded_proto="https", x_forwarded_host="chat.example")
    for name, data in requests.items():
        for relay in (0, 1):
            seeds.add("http", f"{name}-{relay}", bytes([relay]) + data)


def abi(seeds):
    """Calls in any order: the target takes its choices from both ends of an input, so any bytes are a story."""
    for number in range(32):
        blocks = (hashlib.sha256(bytes([number, block])).digest() for block in range(2 + number % 8))
        seeds.add("abi", f"any-{number:02}", b"".join(blocks))


def dictionaries(seeds):
    """The words of frames and links, for libFuzzer's -dict."""
    words = set()

    def walk(schema):
        if isinstance(schema, dict):
            words.update(schema.get("properties", {}) if isinstance(schema.get("properties"), dict) else ())
            words.update(schema.get("enum", ()))
            words.update(value for key, value in schema.items() if key == "const" and isinstance(value, str))
            for value in schema.values():
                walk(value)
        elif isinstance(schema, list):
            for value in schema:
                walk(value)

    for path in sorted((SPEC / "schema").rglob("*.json")):
        walk(json.loads(path.read_text("utf-8")))
    codes = {case["name"] for case in cases("errors") if "name" in case}
    quoted = sorted(f'"{word}"' for word in words | codes if isinstance(word, str))
    numbers = ["0", "1", "-0", "7.0", "7e0", "255", "256", "65535", "65536", "4294967295", "4294967296", "8191", "8192"]
    numbers += ["9007199254740991", "9007199254740992", "18446744073709551615", "18446744073709551616", "1e400"]
    syntax = ["true", "false", "null", "{}", "[]", '""', ",", ":", "\\u0041", "\\ud800", "\\ud83d\\ude00", "\\\\", '\\"', "\u202e"]
    keys = sorted({match for case in cases("frames", "client_frames", "relay_frames")
                   for match in re.findall(r'"[A-Za-z0-9_-]{22,87}"', case.get("text", ""))})[:24]
    members = sorted(f'"type":"{word}"' for word in frame_types())
    seeds.files["dictionaries/frames.dict"] = dictionary(quoted + members + numbers + syntax + keys)
    link = ["https://", "http://", "/r/", "#", "?", "@", "[::1]", ":8443", "%2F", "relay.example", "AQAB", "AQEB", "=", "\n"]
    link += ["UUAYuVX4jGENflAM-rxqOA", "AQABxzWQ0G7pQUVE9pNWj_esdYYgt1usFLRQUEY4Ywk7OjaMyg35FLcO"]
    seeds.files["dictionaries/link.dict"] = dictionary(link)
    marks = [chr(0x202E), chr(0xAD), chr(0x200B), chr(0x2066), chr(0xE0001), chr(0x3000), chr(0xA0), chr(0x1160), chr(0x301), chr(0x212B)]
    seeds.files["dictionaries/sealed.dict"] = dictionary(marks + ["\x80", "\x00" * 8, "\xff" * 8, "\x04"], "latin-1")
    words = ["for=", "proto=https", "host=", "by=", '"', ";", ",", "[::1]", ":443", "_hidden", "unknown", "10.0.0.1", "192.0.2.1"]
    words += ["burnchat_seat=", "Bearer ", "https://chat.example", "null", "burnchat.v1", "bearer", "9007199254740991", "%2F", ".."]
    seeds.files["dictionaries/http.dict"] = dictionary(words)
    heads = [b"\x81\xfe", b"\x81\xff", b"\x01\x80", b"\x00\x80", b"\x80\x80", b"\x88\x80", b"\x88\x82", b"\x89\x80", b"\x8a\x80", b"\x82\x80", b"\x03\xe8"]
    seeds.files["dictionaries/websocket.dict"] = dictionary([head.decode("latin-1") for head in heads], "latin-1")


def frame_types():
    for side in ("client", "relay"):
        for path in (SPEC / "schema" / side).glob("*.json"):
            yield path.stem


def dictionary(words, encoding="utf-8"):
    """In the form of libFuzzer: one word in quotes on each line."""
    lines = ["# Made by fuzz/seeds.py."]
    for word in words:
        try:
            data = word.encode(encoding)
        except UnicodeEncodeError:
            data = word.encode("utf-8")
        escaped = "".join(
            chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02X}" for byte in data
        )
        lines.append(f'"{escaped}"')
    return ("\n".join(lines) + "\n").encode()


def main():
    seeds = Seeds()
    for make in (frames, sealed, client, websocket, hub, insider, http, abi, dictionaries):
        make(seeds)
    writes = "--write" in sys.argv[1:]
    # Seeds stay out of git: they are made where they are wanted.
    there = {
        str(path.relative_to(FUZZ)): path
        for folder in ("dictionaries", "seeds")[: 1 + writes]
        for path in sorted((FUZZ / folder).rglob("*"))
        if path.is_file()
    }
    if writes:
        for name in there.keys() - seeds.files.keys():
            there[name].unlink()
        for name, data in seeds.files.items():
            path = FUZZ / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
        print(len(seeds.files), "files")
        return
    wanted = {name: data for name, data in seeds.files.items() if name.startswith("dictionaries/")}
    different = there.keys() ^ wanted.keys()
    different |= {name for name in there.keys() & wanted.keys() if there[name].read_bytes() != wanted[name]}
    for name in sorted(different):
        print("differs:", name)
    if different:
        sys.exit("not what spec/ makes: fuzz/seeds.py --write")


if __name__ == "__main__":
    main()
