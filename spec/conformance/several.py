#!/usr/bin/env python3
"""Runs the relay suite against several relays as if they were one (spec section 13.6).

  several.py [--relays N] [what `burnchat-conformance relay` takes besides --url]

Three of the reference relay share their rooms through a Redis of this run's own; each connection, and each request, comes
to the next of them. A limit that each relay counts for itself is not looked at: the cases in EACH_FOR_ITSELF.

Takes the programs from the target folder, and needs redis-server.
"""

import argparse
import asyncio
import contextlib
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parents[1] / "target")).resolve()
PROGRAMS = TARGET / "debug"
# Section 13.6: what is counted for a peer over all rooms, and for a relay over all peers.
EACH_FOR_ITSELF = ()


async def limits():
    """The environment the suite asks for."""
    suite = await asyncio.create_subprocess_exec(
        PROGRAMS / "burnchat-conformance", "limits", stdout=asyncio.subprocess.PIPE
    )
    text, _ = await suite.communicate()
    lines = (line.removeprefix("export ").strip() for line in text.decode().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: value.strip("'\"") for name, value in pairs}


async def start_redis(folder, programs):
    socket = pathlib.Path(folder) / "redis.sock"
    redis = await asyncio.create_subprocess_exec(
        "redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder,
        "--save", "", "--appendonly", "no",
        stdout=asyncio.subprocess.DEVNULL,
    )
    programs.callback(end, redis)
    while not socket.exists():
        if redis.returncode is not None:
            sys.exit("redis-server has ended")
        await asyncio.sleep(0.01)
    return f"redis+unix://{socket}"


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


async def carry(reader, writer):
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        # Its other half may still speak.
        if writer.can_write_eof():
            writer.write_eof()


def balancer(ports):
    """Takes each connection to the next relay, under the address it comes from."""
    turn = 0

    async def take(reader, writer):
        nonlocal turn
        port = ports[turn % len(ports)]
        turn += 1
        try:
            who = (writer.get_extra_info("peername")[0], 0)
            to_read, to_write = await asyncio.open_connection("127.0.0.1", port, local_addr=who)
            await asyncio.gather(carry(reader, to_write), carry(to_read, writer))
            to_write.close()
        except OSError:
            pass
        finally:
            writer.close()

    return take


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
        server = await programs.enter_async_context(await asyncio.start_server(balancer(ports), "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        suite = await asyncio.create_subprocess_exec(
            PROGRAMS / "burnchat-conformance", "relay", "--url", f"ws://127.0.0.1:{port}", *suite_options,
            env=environment,
        )
        code = await suite.wait()
        return code


sys.exit(asyncio.run(main()))
