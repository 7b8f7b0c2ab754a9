#!/usr/bin/env python3
"""Runs the relay suite against several relays as if they were one (spec section 13.6).

  several.py [--relays N] [--nodes N] [what `burnchat-conformance relay` takes besides --url]

Three of the reference relay share their rooms through a Redis of this run's own, or a Redis Cluster of so many nodes; each
connection, and each request, comes to the next of them. What NOT_LOOKED_AT names is left out.

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


async def ask_redis(port, *words):
    """What a node answers."""
    node = await asyncio.create_subprocess_exec(
        "redis-cli", "-p", str(port), *map(str, words), stdout=asyncio.subprocess.PIPE
    )
    text, _ = await node.communicate()
    return text.decode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


async def start_cluster(folder, count, programs):
    nodes = []
    for number in range(count):
        port, bus = free_port(), free_port()
        place = pathlib.Path(folder) / str(number)
        place.mkdir()
        redis = await asyncio.create_subprocess_exec(
            "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", place, "--save", "", "--appendonly", "no",
            "--cluster-enabled", "yes", "--cluster-port", str(bus),
            stdout=asyncio.subprocess.DEVNULL,
        )
        programs.callback(end, redis)
        while "PONG" not in await ask_redis(port, "PING"):
            if redis.returncode is not None:
                sys.exit("redis-server has ended")
        first, last = 16384 * number // count, 16384 * (number + 1) // count - 1
        await ask_redis(port, "CLUSTER", "ADDSLOTSRANGE", first, last)
        await ask_redis(port, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        nodes.append((port, bus))
    for port, bus in nodes[1:]:
        await ask_redis(nodes[0][0], "CLUSTER", "MEET", "127.0.0.1", port, bus)
    for port, _ in nodes:
        whole = ("cluster_state:ok", f"cluster_known_nodes:{count}\r")
        while not all(words in info for info in [await ask_redis(port, "CLUSTER", "INFO")] for words in whole):
            await asyncio.sleep(0.1)
    return f"redis://127.0.0.1:{nodes[0][0]}"


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
    options.add_argument("--nodes", type=int, default=1)
    known, suite_options = options.parse_known_args()
    asked = await limits()
    environment = {**os.environ, **asked}
    async with contextlib.AsyncExitStack() as programs:
        folder = programs.enter_context(tempfile.TemporaryDirectory())
        if known.nodes > 1:
            url = await start_cluster(folder, known.nodes, programs)
        else:
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
