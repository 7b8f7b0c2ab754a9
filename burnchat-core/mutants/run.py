#!/usr/bin/env python3
"""Mutation testing of the core: breaks it in every way that cargo-mutants knows, and sees that a test notices.

  run.py                    all mutants of src/crypto, src/client, src/relay, src/wire and what they stand on
  run.py --only PATTERN     those whose name matches
  run.py --again            those that the last run left alive; the others' results stay
  run.py --quick            those without a result (or, too, those of --again), and no test that takes half a second
  run.py --sample N         so many of them, drawn with a fixed seed

All mutants are woven into one copy of the source (weave.py), which is built once; which one a test meets says the
variable BURNCHAT_MUTANT. First every test is run by itself and says which places it reaches. Then each mutant meets the
tests that reach it, the quickest first, until one fails. What can't be woven is built by itself.

Needs cargo-mutants, and from PyPI tree-sitter and tree-sitter-rust. Writes to CARGO_TARGET_DIR/core-mutants.
Fails if a mutant lives that survivors.toml doesn't give a reason for.
"""

import argparse
import functools
import json
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import time
import tomllib
from collections import Counter, defaultdict

import weave

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "core-mutants"
COPY = WORK / "source"
CORE = COPY / "burnchat-core"
# Mutants that are built by themselves, in a target folder of their own: in one and the same, cargo takes a package for
# another of its name wherever that lies.
ALONE = WORK / "alone"
BUILD = ["cargo", "test", "--no-run", "--tests", "--package", "burnchat-core", "--locked", "--message-format", "json"]
CHECK = ["cargo", "check", "--lib", *BUILD[4:]]
# One mutant by itself is compiled quickly, as it runs only once; most fall to the unit tests.
PLAIN = ["--config", "profile.test.package.burnchat-core.opt-level=0"]
BUILD_ALONE = [[*BUILD[:3], "--lib", *BUILD[4:], *PLAIN], [*BUILD, *PLAIN]]
# What is refused for what it is, and not for how it was woven: a type has no such value, a constant function calls no
# other, a `match` covers too little, and no condition holds both `let` and `||`.
UNVIABLE = ("E0004", "E0015", "E0061", "E0277", "E0599", "E0603", "E0624", weave.LET_AND_OR)
ENV = {**os.environ, "CARGO_INCREMENTAL": "1", "RUSTC_WORKSPACE_WRAPPER": str(HERE / "rustc.sh")}
TEST_ENV = {"RUST_BACKTRACE": "0", "PROPTEST_CASES": "16", "PROPTEST_RNG_SEED": "1"}
MEMORY = 4 << 30
# It reads the source, which is another one in the copy.
READS_SOURCE = ("comparisons", "sources::every_line_that_compares_and_names_a_secret_has_been_judged")
# A mutant meets a few quick tests first, as most fall to them; then more at once.
FIRST_SECONDS, GROWTH = 0.2, 6


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--again", action="store_true")
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--sample", type=int)
    arguments = arguments.parse_args()
    os.nice(19)
    WORK.mkdir(parents=True, exist_ok=True)

    mutants = list_mutants()
    texts = copy_repository()
    executables, alone = build_woven(mutants, texts)
    tests = trace(executables)
    woven = [mutant for mutant in mutants if "number" in mutant]
    print(f"{len(mutants)} mutants: {len(woven)} woven into one build, {len(alone)} by themselves; {len(tests)} tests")

    results = read_json("results.json", {})
    chosen = [m for m in mutants if re.search(arguments.only, m["name"])]
    if arguments.again:
        chosen = [m for m in chosen if results.get(m["name"], {}).get("verdict") not in ("caught", "unviable")]
    if arguments.quick:
        chosen = [m for m in chosen if arguments.again or m["name"] not in results]
        tests = [test for test in tests if test["seconds"] < 0.5]
    # Those that are known to live have to meet every test: last.
    chosen.sort(key=lambda mutant: without_place(mutant["name"]) in allowed())
    if arguments.sample:
        chosen = random.Random(1).sample(chosen, min(arguments.sample, len(chosen)))
    started = time.monotonic()
    reaching = defaultdict(list)
    for test in sorted(tests, key=lambda test: test["seconds"]):
        for place in test["places"]:
            reaching[place].append(test)
    for done, mutant in enumerate(m for m in chosen if "number" in m):
        results[mutant["name"]] = judge(executables, mutant["number"], reaching[mutant["place"]])
        if done % 25 == 0:
            write_json("results.json", results)
            print(f"\r{done}, {time.monotonic() - started:.0f} s", end="", flush=True)
    for mutant, why in () if arguments.quick else alone:
        if mutant in chosen:
            results[mutant["name"]] = judge_alone(mutant, why, texts, tests)
            write_json("results.json", results)
    results = {m["name"]: results[m["name"]] for m in mutants if m["name"] in results}
    write_json("results.json", results)
    print(f"\r{len(chosen)} in {time.monotonic() - started:.0f} s")
    sys.exit(report(mutants, results))


def list_mutants():
    listed = subprocess.run(
        ["cargo", "mutants", "--list", "--json", "--package", "burnchat-core"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    mutants = json.loads(listed.stdout)
    write_json("mutants.json", mutants)
    return mutants


def copy_repository():
    """The repository's files; what has not changed keeps its time. Returns the texts of the core's sources."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    texts = {}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if not path.is_file():
            continue
        if name.startswith("burnchat-core/src/"):
            texts[name] = path.read_text()
        else:
            write_if_changed(COPY / name, path.read_bytes())
            write_if_changed(ALONE / name, path.read_bytes())
    return texts


def write_if_changed(path, content):
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def build_woven(mutants, texts):
    """Builds all that can be woven, and returns the others with the reason."""
    # What did not fit last time won't now, and meets its tests by itself in any case.
    refused = read_json("refused.json", {})
    while True:
        first = 1
        left_out = [(m, refused[m["name"]]) for m in mutants if m["name"] in refused]
        woven = {}
        for name, text in texts.items():
            of_file = [m for m in mutants if m["file"] == name and m["name"] not in refused]
            woven[name] = text
            if of_file:
                woven[name], more = weave.weave(text, of_file, first)
                left_out += more
                first += len(of_file) - len(more)
            if name == "burnchat-core/src/lib.rs":
                woven[name] = woven[name].replace(
                    "#![no_std]", "#![no_std]\n#![feature(core_intrinsics, const_eval_select)]"
                ) + weave.SWITCH
            write_if_changed(COPY / name, woven[name].encode())
        for mutant, _ in left_out:
            mutant.pop("number", None)
        errors, _ = build(CHECK)
        if not errors:
            break
        found = {}
        for error in errors:
            at_fault = blamed(error, woven, mutants)
            if not at_fault:
                sys.exit("the copy does not build:\n" + error["rendered"])
            for mutant in at_fault:
                found.setdefault(mutant["name"], f"{(error['code'] or {}).get('code')}: {error['message']}")
        refused.update(found)
        write_json("refused.json", refused)
        print(f"{len(found)} more do not fit", flush=True)
    errors, executables = build(BUILD)
    if errors:
        sys.exit("the copy does not build:\n" + errors[0]["rendered"])
    return executables, left_out


def build(command, source=COPY):
    """The compiler's errors, and the programs that it made, by name."""
    env = {**ENV, "CARGO_TARGET_DIR": str(WORK / ("target" if source == COPY else "target-alone"))}
    process = subprocess.run(command, cwd=source, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    executables = {
        message["target"]["name"]: message["executable"]
        for message in messages
        if message["reason"] == "compiler-artifact" and message["executable"]
    }
    errors = [m["message"] for m in messages if m["reason"] == "compiler-message" and m["message"]["level"] == "error"]
    errors = [error for error in errors if error["spans"]]
    if process.returncode and not errors:
        sys.exit(process.stderr)
    return errors, executables


def blamed(error, woven, mutants):
    """The mutants that an error is due to: the one whose number stands last before it, or, of a `match` that covers too
    little, those that take an arm away."""
    numbers = {str(m["number"]): m for m in mutants if "number" in m}
    spans = sorted(error["spans"], key=lambda span: not span["is_primary"])
    for span in spans:
        while span["expansion"]:
            span = span["expansion"]["span"]
        text = woven.get(span["file_name"]) or woven.get("burnchat-core/" + span["file_name"])
        if text is None:
            continue
        if (error["code"] or {}).get("code") == "E0004":
            arms = re.findall(r"(\d+) => false", weave.match_at(text, span["byte_start"]))
            return [numbers[arm] for arm in arms if numbers[arm]["genre"] == "MatchArm"]
        before = text.encode()[: span["byte_start"]].decode()
        arms = re.findall(r"(\d+) => ", before[-4000:])
        if arms and arms[-1] in numbers:
            return [numbers[arms[-1]]]
    return []


def trace(executables):
    """Runs every test by itself: how long it takes, and which places it reaches."""
    tests, folder = [], WORK / "trace"
    folder.mkdir(exist_ok=True)
    for program, executable in sorted(executables.items()):
        listed = subprocess.run([executable, "--list", "--format", "terse"], cwd=CORE, capture_output=True, text=True)
        for line in listed.stdout.splitlines():
            name, kind = line.rsplit(": ", 1)
            if kind != "test" or (program, name) == READS_SOURCE:
                continue
            path = folder / "reached"
            path.unlink(missing_ok=True)
            started = cpu_seconds()
            outcome = run(executable, [name], path, 600)
            if outcome != "passed":
                sys.exit(f"{program} {name} {outcome} without any mutant")
            places = [int(line) for line in path.read_text().split()] if path.exists() else []
            tests.append({"program": program, "name": name, "seconds": cpu_seconds() - started, "places": places})
    write_json("tests.json", tests)
    return tests


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(executable, names, mutant, seconds):
    """Runs some tests of a program: `passed`, `failed`, or `endless` if they take more processor time than that."""
    def bound():
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    before = cpu_seconds()
    process = subprocess.run(
        [executable, "--exact", "--test-threads=1", *names],
        cwd=CORE, env={**os.environ, **TEST_ENV, "BURNCHAT_MUTANT": str(mutant)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=bound,
    )
    if process.returncode < 0 and cpu_seconds() - before >= int(seconds):
        return "endless"
    return "failed" if process.returncode else "passed"


def judge(executables, number, tests):
    """Lets a mutant meet tests, the quickest first, until one fails."""
    if not tests:
        return {"verdict": "survived", "why": "no test reaches it"}
    rest, budget = list(tests), FIRST_SECONDS
    while rest:
        taken, seconds = defaultdict(list), defaultdict(float)
        spent = 0.0
        while rest and (not taken or spent + rest[0]["seconds"] <= budget):
            test = rest.pop(0)
            taken[test["program"]].append(test["name"])
            seconds[test["program"]] += test["seconds"]
            spent += test["seconds"]
        for program, names in taken.items():
            outcome = run(executables[program], names, number, 2 + 3 * seconds[program])
            if outcome != "passed":
                return {"verdict": "caught", "how": outcome, "by": f"{program}: {' '.join(names)}"[:300]}
        budget *= GROWTH
    return {"verdict": "survived", "why": f"none of {len(tests)} tests notices"}


def judge_alone(mutant, why, texts, tests):
    """Builds one mutant as cargo-mutants would, and lets it meet all tests: those of `src` first."""
    if why.startswith(UNVIABLE):
        return {"verdict": "unviable", "why": why}
    by_time = sorted(tests, key=lambda test: test["seconds"])
    name, text = mutant["file"], texts[mutant["file"]]
    file = weave.Source(text)
    start, end = file.offset(mutant["span"]["start"]), file.offset(mutant["span"]["end"])
    replacement = weave.qualified(mutant["replacement"])
    for other, original in texts.items():
        write_if_changed(ALONE / other, original.encode())
    broken = file.source[:start] + replacement.encode() + file.source[end:]
    write_if_changed(ALONE / name, broken)
    errors, _ = build(CHECK, ALONE)
    judged = set()
    for command in BUILD_ALONE if not errors else ():
        errors, executables = build(command, ALONE)
        if errors:
            break
        met = [test for test in by_time if test["program"] in executables and test["program"] not in judged]
        result = {**judge(executables, 0, met), "alone": why}
        if result["verdict"] == "caught":
            return result
        judged |= set(executables)
    if errors:
        return {"verdict": "unviable", "why": why, "error": errors[0]["message"]}
    return result


def report(mutants, results):
    """Prints the score by module and who lives; 1 if that isn't who may."""
    rows, living = defaultdict(Counter), Counter()
    for mutant in mutants:
        result = results.get(mutant["name"])
        module = mutant["file"].removeprefix("burnchat-core/src/").split("/")[0].removesuffix(".rs")
        for row in (module, "all"):
            rows[row]["mutants"] += 1
            rows[row][result["verdict"] if result else "not run"] += 1
            rows[row]["endless"] += bool(result) and result.get("how") == "endless"
        if result and result["verdict"] == "survived":
            living[without_place(mutant["name"])] += 1
            print("alive:", mutant["name"], "--", result["why"])
    columns = ("mutants", "unviable", "caught", "endless", "survived", "not run")
    print("\nmodule".ljust(13), *(column.rjust(9) for column in columns), "score".rjust(9))
    for module, row in sorted(rows.items(), key=lambda item: (item[0] == "all", item[0])):
        met = row["caught"] + row["survived"]
        score = f"{100 * row['caught'] / met:.1f} %" if met else "-"
        print(module.ljust(12), *(str(row[column]).rjust(9) for column in columns), score.rjust(9))
    for name in living - allowed():
        print("without a reason:", name)
    if not rows["all"]["not run"]:
        for name in allowed() - living:
            print("listed, and was caught:", name)
    return int(bool(living - allowed()))


@functools.cache
def allowed():
    """The names of the mutants that may live, as often as there are such."""
    listed = tomllib.loads((HERE / "survivors.toml").read_text())["survivor"]
    return Counter(mutant for entry in listed for mutant in entry["mutants"])


def without_place(name):
    """A mutant's name without line and column, which move."""
    return re.sub(r"^burnchat-core/src/([^:]*):\d+:\d+: ", r"\1: ", name)


def read_json(name, default):
    path = WORK / name
    return json.loads(path.read_text()) if path.exists() else default


def write_json(name, value):
    (WORK / name).write_text(json.dumps(value, indent=1))


if __name__ == "__main__":
    main()
