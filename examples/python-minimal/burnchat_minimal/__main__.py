"""`python3 -m burnchat_minimal --json create|join|compute …`: the command line of section 1 of spec/shim.md."""

import argparse
import asyncio
import re
import sys

from .errors import Refused
from .functions import compute
from .lines import to_json
from .link import parse
from .shim import HELLO, Arguments, NotImplementedHere, Shim

NOT_IMPLEMENTED = 89


def duration(text: str) -> int:
    """Seconds: `90`, `45s`, `1h30m`."""
    if text.isdecimal() and text.isascii():
        return int(text)
    if len(text) > 32 or re.fullmatch(r"(?:[0-9]+[smhd])+", text, re.ASCII) is None:
        raise argparse.ArgumentTypeError("a number of seconds, or numbers with s, m, h, d")
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"([0-9]+)([smhd])", text))


def asks_for_history(text: str) -> bool:
    try:
        return parse(text).history
    except Refused:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="burnchat_minimal", description="A minimal Burnchat client behind the shim.")
    parser.add_argument("--json", action="store_true", required=True, help="JSON lines, the only way it speaks")
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="makes a room, then joins it")
    create.add_argument("--relay", required=True, metavar="URL")
    create.add_argument("--ttl", type=duration, default=600, metavar="TIME")
    create.add_argument("--extend", type=duration, default=1_800, metavar="TIME")
    create.add_argument("--capacity", type=int, default=50, metavar="N")
    create.add_argument("--history", action="store_true", help="not implemented")
    create.add_argument("--anyone-may-burn", action="store_true")
    create.add_argument("--name")
    join = actions.add_parser("join", help="joins the room of a link")
    join.add_argument("link", metavar="LINK")
    join.add_argument("--pin")
    join.add_argument("--name")
    actions.add_parser("compute", help="computes pure functions")
    given = vars(parser.parse_args())
    given.pop("json")
    if given["action"] == "compute":
        print(to_json(HELLO), flush=True)
        compute(sys.stdin.buffer, lambda answer: print(to_json(answer), flush=True))
        return 0
    if given.pop("history", False) or asks_for_history(given.get("link", "")):
        return NOT_IMPLEMENTED
    args = Arguments(**given)

    async def run() -> int:
        return await Shim(args).run()

    try:
        return asyncio.run(run())
    except NotImplementedHere:
        return NOT_IMPLEMENTED


if __name__ == "__main__":
    sys.exit(main())
