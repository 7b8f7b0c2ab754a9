#!/usr/bin/env python3
"""Tests the relay suite itself: breaks the reference relay in many ways, and sees that each is noticed.

  run.py             each mutant against the cases that are to catch it, and the whole suite against the right relay
  run.py --all       each mutant against the whole suite
  run.py NAME…       these mutants only

The mutants stand in relay.toml, as edits of the source. All of them are made in one copy of the source, under
target/mutants, which is built once; which one a relay is says the variable BURNCHAT_FAULT. So nothing of it is in the
source, and nothing of it can get into a release.

Prints the matrix: which cases caught which mutant. Fails if one is caught by none of its cases, or the right relay by
any.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
COPY = TARGET / "mutants"
PROGRAMS = COPY / "programs"
# The broken relay's program has a name of its own: under the other's it would stand where others look for that.
RENAMED = ('[[bin]]\nname = "burnchat-relay"', '[[bin]]\nname = "faulty-relay"')
FAULT = """
/// Whether this is the mutant of this name.
#[doc(hidden)]
pub fn fault(name: &str) -> bool {
    extern crate std;
    std::env::var("BURNCHAT_FAULT").is_ok_and(|chosen| chosen == name)
}
"""


def edits(mutant):
    yield mutant
    for more in mutant.get("and", []):
        yield more


def make_copy(mutants):
    """The repository's files, with the edits; what has not changed keeps its time."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    texts = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file():
            texts[name] = path.read_bytes()
        elif path.is_dir():  # a link to a folder
            for below in path.iterdir():
                texts[f"{name}/{below.name}"] = below.read_bytes()
    faulty = {"burnchat-core/src/lib.rs": [(None, FAULT)]}
    for mutant in mutants:
        for edit in edits(mutant):
            crate = "crate" if edit["file"].startswith("burnchat-core/") else "burnchat_core"
            call = f'{crate}::fault("{mutant["name"]}")'
            replacement = edit["replace"].lstrip("\n").replace("FAULT", call)
            faulty.setdefault(edit["file"], []).append((mutant["name"], edit["find"], replacement))
    for name, changes in faulty.items():
        texts[name] = edited(name, texts[name].decode(), changes).encode()

    for name in ("Cargo.toml", "Cargo.lock"):
        texts[name] = apart(texts[name].decode()).encode()
    manifest = "burnchat-relay/Cargo.toml"
    texts[manifest] = edited(manifest, texts[manifest].decode(), [("the program", *RENAMED)]).encode()

    for name, text in texts.items():
        path = COPY / name
        if not path.is_file() or path.read_bytes() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
    for path in COPY.rglob("*.rs"):
        if str(path.relative_to(COPY)) not in texts:
            path.unlink()


def apart(text):
    """Our own packages under another version. Cargo tells packages in one target folder apart by name and version, not by
    where they are: it would take what is broken on purpose for the real thing, and the other way round."""
    ours = re.compile(r'^(\[workspace\.package\]\n|name = "burnchat[a-z-]*"\n)version = "(\d+\.\d+)\.(\d+)"$', re.MULTILINE)
    return ours.sub(lambda found: f'{found[1]}version = "{found[2]}.{int(found[3]) + 1}"', text)


def edited(name, text, changes):
    places = []
    for change in changes:
        if change[0] is None:
            places.append((len(text), len(text), change[1]))
            continue
        mutant, find, replacement = change
        if text.count(find) != 1:
            sys.exit(f"mutant {mutant}: what it edits stands {text.count(find)} times in {name}")
        start = text.index(find)
        places.append((start, start + len(find), replacement))
    places.sort(reverse=True)
    for (start, _, _), (_, end, _) in zip(places, places[1:]):
        if end > start:
            sys.exit(f"two mutants edit the same place of {name}")
    for start, end, replacement in places:
        text = text[:start] + replacement + text[end:]
    return text


def build(manifest, *programs):
    """Builds programs, with the features they have in the tests, so that what is not ours is not compiled again."""
    command = [
        *os.environ.get("CARGO", "cargo").split(), "build", "--locked", "--manifest-path", manifest,
        "--profile", "test", "--workspace", "--features", "burnchat-core/aws-lc", "--test", "idle_room",
    ]
    for name in programs:
        command += ["--bin", name]
    subprocess.run(command, check=True, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)})
    # What is built next may not change what runs.
    PROGRAMS.mkdir(exist_ok=True)
    for name in programs:
        shutil.copy2(TARGET / "debug" / name, PROGRAMS / name)


def limits(suite):
    printed = subprocess.run([suite, "limits"], check=True, capture_output=True, text=True)
    pairs = (line.split(" #")[0].split("=", 1) for line in printed.stdout.splitlines())
    return dict(pairs)


def run(program, fault, cases, jobs):
    """The verdicts on a relay with this fault."""
    suite = PROGRAMS / "burnchat-conformance"
    environment = {**os.environ, **limits(suite), "BURNCHAT_FAULT": fault}
    relay = subprocess.Popen(
        [PROGRAMS / program, "--listen", "127.0.0.1:0", "--log", "off", "--workers", "2"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    try:
        url = relay.stdout.readline().split()[-1]
        command = [suite, "relay", "--url", url, "--jobs", str(jobs), "--json"]
        for case in cases:
            command += ["--only", case]
        printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
        report = json.loads(printed.stdout)
    finally:
        relay.kill()
        relay.wait()
    return {case["name"]: case for case in report["cases"]}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--all", action="store_true", help="the whole suite against each mutant")
    arguments.add_argument("--at-once", type=int, default=12, help="relays at once")
    arguments.add_argument("names", nargs="*", metavar="NAME")
    options = arguments.parse_args()

    mutants = tomllib.loads((HERE / "relay.toml").read_text())["mutant"]
    names = [mutant["name"] for mutant in mutants]
    if len(set(names)) != len(names):
        sys.exit("two mutants have one name")
    make_copy(mutants)
    build(COPY / "Cargo.toml", "faulty-relay")
    build(ROOT / "Cargo.toml", "burnchat-relay", "burnchat-conformance")
    chosen = [mutant for mutant in mutants if not options.names or mutant["name"] in options.names]

    wrong = []
    if not options.names:
        verdicts = run("burnchat-relay", "", [], 24)
        failed = [name for name, case in verdicts.items() if case["verdict"] == "fail"]
        print(f"the right relay: {len(verdicts)} cases, {len(failed)} failed")
        for name in failed:
            case = verdicts[name]
            wrong.append(f"the right relay fails {name}: expected {case['expected']}; got {case['got']}")

    def look(mutant):
        return run("faulty-relay", mutant["name"], [] if options.all else mutant["cases"], 24 if options.all else 6)

    width = max(len(name) for name in names)
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        for mutant, verdicts in zip(chosen, pool.map(look, chosen)):
            caught = [name for name, case in verdicts.items() if case["verdict"] == "fail"]
            by_its_own = [name for name in mutant["cases"] if name in caught]
            unknown = [name for name in mutant["cases"] if name not in verdicts]
            if not by_its_own:
                wrong.append(f"mutant {mutant['name']} lives: {mutant['what']}")
            wrong += [f"mutant {mutant['name']} names a case that is not there: {name}" for name in unknown]
            print(f"{mutant['name']:{width}}  {' '.join(caught) or '—'}", flush=True)

    print(f"{len(chosen)} mutants")
    for line in wrong:
        print(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
