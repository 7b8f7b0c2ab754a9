"""A shim (spec/shim.md) round a client that is still to be written."""
import json, os, queue, re, signal, sys, threading

LIMIT = 262_144
STATUS = {"left": 0, "usage": 2, "bad_link": 3, "refused": 4, "kicked": 5, "unreachable": 6, "failed": 7}
COMMANDS = {  # those you have; the members of each with type and range, and a third if they may be left out
    "send": {"text": (str, None), "burn_after_ms": (int, lambda ms: 0 <= ms < 2**32, "optional")},
    "kick": {"id": (str, re.compile("[A-Za-z0-9_-]{21}[AQgw]").fullmatch), "renew": (bool, None, "optional")},
    "leave": {},
}

class Refused(Exception): "With number and name of section 15 of the protocol: Refused(700, 'nobody_here')."
class Client:  # yours. `happen` takes the last event, from any thread: ("burned", {"reason": "expired"})
    def __init__(self, arguments, happen): raise NotImplementedError  # what `create` and `join` ask for
    def obey(self, cmd, **members): ...  # calls `tell`, raises `Refused`; until `joined` commands wait
    def leave(self): ...

def tell(event, **members):
    line = json.dumps({"event": event, **members}, ensure_ascii=False)  # escapes U+0000 to U+001F by itself
    os.write(1, re.sub("[\x7f-\x9f]", lambda found: f"\\u00{ord(found[0]):02X}", line).encode() + b"\n")

def once(pairs): return dict(pairs) if len(dict(pairs)) == len(pairs) else int("twice")  # a ValueError

def read_command(line):
    if len(line.rstrip(b"\r\n")) > LIMIT: raise Refused(101, "frame_too_large")
    try:
        given = json.loads(line.decode(), object_pairs_hook=once, parse_constant=int)  # NaN is no JSON
        json.dumps(given, ensure_ascii=False).encode()  # nor is half a surrogate pair UTF-8
        members = COMMANDS.get(given["cmd"] + "")
    except (ValueError, RecursionError, KeyError, TypeError): raise Refused(100, "malformed_frame") from None
    if members is None: raise Refused(102, "unknown_type")
    for name, (kind, fits, *optional) in members.items():
        if optional and given.get(name) is None: continue
        if type(given.get(name, kind())) is not kind: raise Refused(100, "malformed_frame")
        if name not in given or fits and not fits(given[name]): raise Refused(709, "invalid_parameter")
    return {name: given[name] for name in ["cmd", *members] if given.get(name) is not None}

def read_lines(happen, lines=open(0, "rb")):  # not sys.stdin, which may not be in use at the exit
    while line := lines.readline(LIMIT + 2):
        while line[-1:] != b"\n" and (more := lines.readline(LIMIT)): line = line[:LIMIT] + b"." + more[-1:]
        if line.strip(b"\r\n"): happen(line)
    happen(b"")

def main(arguments, client_class=Client):
    happenings = queue.SimpleQueue()  # lines, b"" where the client is to leave, or the last event
    try: client = client_class(arguments, happenings.put)
    except NotImplementedError: return 89  # before a line is printed
    tell("hello", shim=1, client="skeleton/0")
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(name, lambda *_: happenings.put(b""))
    threading.Thread(target=read_lines, args=[happenings.put], daemon=True).start()
    while isinstance(last := happenings.get(), bytes):
        try:
            command = read_command(last) if last else {"cmd": "leave"}
            if command["cmd"] == "leave": last = client.leave() or ("ended", {"reason": "left"}); break
            client.obey(**command)
        except Refused as refused: tell("error", code=refused.args[0], name=refused.args[1], message=refused.args[1])
    tell(last[0], **last[1])
    return STATUS.get(last[1]["reason"], 0)

if __name__ == "__main__": sys.exit(main(sys.argv[2:]) if sys.argv[1:2] == ["--json"] else 2)
