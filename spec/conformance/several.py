#!/usr/bin/env python3
"""Runs the relay suite against several relays as if they were one (spec section 13.6).

  several.py [--relays N] [what `burnchat-conformance relay` takes besides --url]

Three of the reference relay share their rooms through a Redis of this run's own; each connection, and each request, comes
to the next of them. What NOT_LOOKED_AT names is left out.

Takes the programs from the target folder, and needs redis-server.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import pathlib
import shlex
import socket
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target")).resolve()
PROGRAMS = TARGET / "debug"
# Each relay counts for itself what is counted for a peer over all rooms (section 13.6). And what stands between lets no
# answer through to a request that is still coming, and holds so much that no reader is too slow.
NOT_LOOKED_AT = (
    "limits/16/joins-of-a-peer",
    "limits/16/rooms-of-a-peer",
    "frames/11.1/bodies-refused",
    "limits/13.1/slow-reader",
)


async def ask_suite(*words):
    """The lines it answers."""
    suite = await asyncio.create_subprocess_exec(
        PROGRAMS / "burnchat-conformance", *words, stdout=asyncio.subprocess.PIPE
    )
    text, _ = await suite.communicate()
    return text.decode().splitlines()


async def limits():
    """The environment the suite asks for."""
    words = (shlex.split(line, comments=True) for line in await ask_suite("limits"))
    return dict(word.split("=", 1) for line in words for word in line)


async def cases(options):
    """The cases to play, as options."""
    names = (line.split()[0] for line in await ask_suite("relay", "--url", "ws://none", "--list", *options) if line)
    return [word for name in names if name not in NOT_LOOKED_AT for word in ("--only", name)]


async def start_redis(folder, programs):
    path = pathlib.Path(folder) / "redis.sock"
    redis = await asyncio.create_subprocess_exec(
        "redis-server", "--port", "0", "--unixsocket", path, "--dir", folder,
        "--save", "", "--appendonly", "no",
        stdout=asyncio.subprocess.DEVNULL,
    )
    programs.callback(end, redis)
    while not path.exists():
        if redis.returncode is not None:
            sys.exit("redis-server has ended")
        await asyncio.sleep(0.01)
    return f"redis+unix://{path}"


async def start_relay(url, environment, programs):
    relay = await asyncio.create_subprocess_exec(
        PROGRAMS / "burnchat-relay", "--listen", "127.0.0.1:0", "--log", "warn", "--cluster", url,
        stdout=asyncio.subprocess.PIPE, env=environment,
    )
    programs.callback(end, relay)
    line = (await relay.stdout.readline()).decode()
    if not line:
        sys.exit("a relay has ended")
    return int(line.rsplit(":", 1)[1].strip().rstrip("/"))


def end(program):
    with contextlib.suppress(ProcessLookupError):
        program.kill()


def carry(source, sink):
    """Each way by itself: what one side still has to say comes through when the other hears nothing any more."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def take(stream, who, port):
    """Takes a connection to a relay, under the address it comes from."""
    with stream, contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), source_address=(who, 0)) as behind:
            back = threading.Thread(target=carry, args=(behind, stream), daemon=True)
            back.start()
            carry(stream, behind)
            back.join()


def balance(listener, ports):
    """Takes each connection to the next relay."""
    for port in itertools.cycle(ports):
        try:
            stream, (who, _) = listener.accept()
        except OSError:
            return
        threading.Thread(target=take, args=(stream, who, port), daemon=True).start()


async def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--relays", type=int, default=3)
    known, suite_options = options.parse_known_args()
    asked = await limits()
    environment = {**os.environ, **asked}
    async with contextlib.AsyncExitStack() as programs:
        folder = programs.enter_context(tempfile.TemporaryDirectory())
        url = await start_redis(folder, programs)
        ports = [await start_relay(url, environment, programs) for _ in range(known.relays)]
        listener = programs.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
        threading.Thread(target=balance, args=(listener, ports), daemon=True).start()
        port = listener.getsockname()[1]
        chosen = await cases(suite_options)
        suite = await asyncio.create_subprocess_exec(
            PROGRAMS / "burnchat-conformance", "relay", "--url", f"ws://127.0.0.1:{port}", *suite_options, *chosen,
            env=environment,
        )
        return await suite.wait()


sys.exit(asyncio.run(main()))
