#!/usr/bin/env python3
"""Claim, threat, mechanism, evidence and last result of every row of the threat model, in ../assurance.md.

    assurance.py check       fails if a row has no claim, a named test is not there, or assurance.md is not what would be written
    assurance.py write       writes assurance.md
    assurance.py read LOG…   takes the results out of logs of `./test.sh`, keeps them in results.json, and writes assurance.md

A log says nothing of the tree it was made from: read it on the commit that it was made on.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
SPEC = HERE.parent
ROOT = SPEC.parent
PAGE = SPEC / "assurance.md"
RESULTS = HERE / "results.json"

# Headings of the threat model, and the tables of claims.toml.
ADVERSARIES = {
    "The relay, its operator, or whoever broke into it": "relay",
    "The network": "network",
    "A participant": "participant",
    "A removed participant": "removed",
    "A link scanner or preview bot": "scanner",
    "A thief of a device": "thief",
    "Whoever can send a frame": "frame",
}
OUT_OF_REACH = "Out of reach"
# Cells that point at other rows: to all of the relay's, and to all of those about frames.
ABOVE = "those above"
BELOW = "the frames below"

CORE = "cargo test -p burnchat-core --features aws-lc"
# How a piece of evidence is written, the target in the log of the tests, and the command that runs it.
TARGETS = {
    "attacks": ("tests/attacks.rs", f"{CORE} --test attacks"),
    "rooms": ("tests/rooms.rs", f"{CORE} --test rooms"),
    "burned": ("tests/burned.rs", f"{CORE} --test burned"),
    "comparisons": ("tests/comparisons.rs", f"{CORE} --test comparisons"),
    "properties": ("tests/properties.rs", f"{CORE} --test properties"),
    "lib": ("unittests src/lib.rs (burnchat_core)", f"{CORE} --lib"),
    "relay": ("tests/relay/main.rs", "cargo test -p burnchat-relay --test relay"),
    "program": ("tests/program/main.rs", "cargo test -p burnchat-relay --test program"),
    "cluster": ("tests/cluster/main.rs", "cargo test -p burnchat-relay --test cluster"),
    "terminal": ("tests/end_to_end/main.rs", "cargo test -p burnchat-terminal --test end_to_end"),
}
SOURCES = {
    "attacks": "burnchat-core/tests/attacks",
    "rooms": "burnchat-core/tests/rooms.rs",
    "burned": "burnchat-core/tests/burned.rs",
    "comparisons": "burnchat-core/tests/comparisons.rs",
    "properties": "burnchat-core/tests/properties.rs",
    "relay": "burnchat-relay/tests/relay",
    "program": "burnchat-relay/tests/program",
    "cluster": "burnchat-relay/tests/cluster",
    "terminal": "examples/terminal/tests/end_to_end",
    "web": "examples/web/test/browser",
}


class Row:
    """One attack of the threat model."""

    def __init__(self, adversary, attack, cells):
        self.adversary = adversary
        self.attack = attack
        self.mechanism = cells["what stops it"]
        self.section = cells["section"]
        self.remains = cells.get("what remains", "")
        self.tests = cells["test"]


def tables(text):
    """Yields (heading, cells by column) for every row of every table."""
    heading, columns = None, None
    for line in text.splitlines():
        if line.startswith("## "):
            heading, columns = line[3:], None
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if columns is None:
                columns = cells
            elif not set(line) <= set("|- "):
                yield heading, dict(zip(columns, cells, strict=True))
        else:
            columns = None


def read_model():
    rows, out_of_reach = [], []
    for heading, cells in tables((SPEC / "threat-model.md").read_text()):
        if heading in ADVERSARIES and "attack" in cells:
            rows.append(Row(heading, cells["attack"], cells))
        elif heading == OUT_OF_REACH:
            out_of_reach.append((cells["what"], cells["why"]))
    return rows, out_of_reach


def evidence_of(rows, claims):
    """The pieces of evidence of each attack, in the threat model's order, then `also`."""
    evidence = {}
    previous = []
    for row in rows:
        if row.tests == ABOVE:
            named = list(previous)
        elif row.tests == BELOW:
            named = [name for other in rows if claimed_in(other) == "frame" for name in quoted(other.tests)]
        else:
            named = []
            prefix = "relay::" if row.tests.startswith("relay ") else ""
            for name in quoted(row.tests):
                named.append(prefix + name)
        if claimed_in(row) == "relay":
            previous += [name for name in named if name not in previous]
        evidence[row.attack] = named + claims["also"].get(row.attack, [])
    return evidence


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def claimed_in(row):
    return ADVERSARIES[row.adversary]


def kind_and_name(piece):
    """('attacks', 'name'), ('relay', 'http::name'), ('web', 'title'), ('lib', 'link::tests'), ('run', 'sim')."""
    if ": " in piece:
        return tuple(piece.split(": ", 1))
    if piece == "properties":
        return "properties", ""
    if piece.endswith(".rs"):
        module = re.fullmatch(r"burnchat-core/src/(.+)\.rs", piece).group(1)
        return "lib", module.replace("/", "::")
    if "::" in piece:
        return tuple(piece.split("::", 1))
    return "attacks", piece


def command(piece, claims):
    kind, name = kind_and_name(piece)
    if kind == "web":
        return "./test.sh browser"
    if kind == "run":
        return claims["run"][name]["command"]
    return f"{TARGETS[kind][1]} {name}".strip()


def exists(piece, claims):
    kind, name = kind_and_name(piece)
    if kind == "run":
        return name in claims["run"]
    if kind == "lib":
        return (ROOT / piece).exists()
    if kind == "properties":
        return (ROOT / SOURCES[kind]).exists()
    place = ROOT / SOURCES[kind]
    files = [place] if place.is_file() else sorted(place.rglob("*.*"))
    sought = f"test('{name}'" if kind == "web" else f"fn {name.rsplit('::', 1)[-1]}("
    return any(sought in file.read_text() for file in files if file.is_file())


def is_of(piece, key, claims):
    """Whether a line of a log, by its key, is about this piece of evidence."""
    kind, name = kind_and_name(piece)
    if kind == "run":
        kind, name = "step", claims["run"][name].get("step", "")
    if kind in ("lib", "properties"):
        return key.startswith(f"{kind}::{name}")
    key_kind, key_name = key.split("::", 1)
    return key_kind == kind and f"::{key_name}".endswith(f"::{name}")


def find_result(piece, results, claims):
    """(whether it passed, when and on what it was seen), or None."""
    kind, name = kind_and_name(piece)
    if kind == "run" and "result" in claims["run"][name]:
        return True, claims["run"][name]["result"]
    found = [result for key, result in results.items() if is_of(piece, key, claims)]
    if not found:
        return None
    passed = all(result["passed"] for result in found)
    latest = found[0]
    return passed, f"{latest['date']}, {latest['commit']}"


def render(claims, results):
    rows, out_of_reach = read_model()
    evidence = evidence_of(rows, claims)
    lines = [PREFACE]
    adversary = None
    for row in rows:
        if row.adversary != adversary:
            adversary = row.adversary
            lines += [f"\n## {adversary}\n", "| claim | threat | mechanism | shown by | last result |", "|---|---|---|---|---|"]
        claim = claims[claimed_in(row)][row.attack]
        shown, outcomes = [], []
        for piece in evidence[row.attack]:
            shown.append(f"`{piece}`")
            result = find_result(piece, results, claims)
            outcomes.append("not run" if result is None else f"{'ok' if result[0] else '**failed**'}, {result[1]}")
        if not shown:
            shown, outcomes = ["**no command**"], ["—"]
        elif row.tests == ABOVE:
            shown = ["all that shows the rows above"]
        remains = f"; what remains: {row.remains}" if row.remains else ""
        # The same result is said once.
        said = "<br>".join(outcomes if len(set(outcomes)) > 1 else outcomes[:1])
        lines.append(f"| {claim} | {row.attack} | {row.mechanism} ({row.section}){remains} | {'<br>'.join(shown)} | {said} |")
    lines += ["\n## Runs\n", "| evidence | what it is | command | more | last result |", "|---|---|---|---|---|"]
    for name, run in claims["run"].items():
        result = find_result(f"run: {name}", results, claims)
        said = "not run" if result is None else f"{'ok' if result[0] else '**failed**'}, {result[1]}"
        more = run["more"]
        lines.append(f"| `run: {name}` | {run['what']} | `{run['command']}` | [{more}](../{more}) | {said} |")
    lines += ["\n## Not claimed\n", "Out of reach, and without a command for that reason:\n", "| what | why |", "|---|---|"]
    lines += [f"| {what} | {why} |" for what, why in out_of_reach]
    return "\n".join(lines) + "\n"


PREFACE = """# Assurance

What Burnchat claims, against which threat, by which mechanism, and what shows it. Every row of the [threat model](threat-model.md) is here; a row without a command says so. Sections are those of [`burnchat-1.md`](burnchat-1.md).

This page is written by [`assurance/assurance.py`](assurance/assurance.py), out of the threat model, [`assurance/claims.toml`](assurance/claims.toml) and the results of the last whole run of `./test.sh`, which runs all of the tests named here; `./test.sh assurance` fails if a row has no claim or a test is not there. A result is a date and the commit it was seen on. How to run one piece of evidence:

| evidence | command |
|---|---|
""" + "\n".join(
    f"| {written} | `{how}` |"
    for written, how in [
        ("`name`", f"{CORE} --test attacks name"),
        ("`rooms::name`, `burned::name`, `comparisons::name`", f"{CORE} --test rooms name"),
        ("`properties`", f"{CORE} --test properties"),
        ("`relay::file::name`, `program::file::name`", "cargo test -p burnchat-relay --test relay file::name"),
        ("`terminal::file::name`", "cargo test -p burnchat-terminal --test end_to_end file::name"),
        ("`burnchat-core/src/link/tests.rs`", f"{CORE} --lib link::tests"),
        ("`web: title`", "./test.sh browser"),
    
    ]
)


def read_log(text):
    """Results by `kind::name` of a log of ./test.sh: libtest's lines, node's, and the summary of steps."""
    kinds = {target: kind for kind, (target, _) in TARGETS.items()}
    # Of steps that run side by side, each row has its own mark in front of its lines, or none.
    found, kind_of_row = {}, {}
    for line in text.splitlines():
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        row = line[:2] if line[:2] in ("| ", ": ") else ""
        line = line.removeprefix(row)
        kind = kind_of_row.get(row)
        if running := re.match(r"\s*Running (unittests )?(\S+) \(\S*?/deps/(\w+)-[0-9a-f]+\)", line):
            target = running[2] if not running[1] else f"unittests {running[2]} ({running[3]})"
            kind_of_row[row] = kinds.get(target)
        elif line.startswith("==> "):
            kind_of_row[row] = "web" if line == "==> browser" else None
        elif kind == "web" and (test := re.match(r"(not )?ok \d+ - (.+)", line)):
            found[f"web::{test[2]}"] = not test[1]
        elif kind and (test := re.match(r"test (\S+)(?: - should panic)? \.\.\. (ok|FAILED)", line)):
            key = f"{kind}::{test[1]}"
            # The core's tests run with both kinds of crypto: both count.
            found[key] = found.get(key, True) and test[2] == "ok"
        elif step := re.match(r"([a-z-]+) +(ok|FAILED) +\d+ s$", line):
            found[f"step::{step[1]}"] = step[2] == "ok"
    return found


def main(arguments):
    claims = tomllib.loads((HERE / "claims.toml").read_text())
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    match arguments:
        case ["check"]:
            return check(claims, results)
        case ["write"]:
            pass
        case ["read", *logs] if logs:
            commit = subprocess.run(["git", "rev-parse", "--short=9", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True)
            seen = {"date": datetime.date.today().isoformat(), "commit": commit.stdout.strip()}
            for log in logs:
                for key, passed in read_log(pathlib.Path(log).read_text(errors="replace")).items():
                    results[key] = {"passed": passed, **seen}
            rows, _ = read_model()
            pieces = {piece for named in evidence_of(rows, claims).values() for piece in named}
            pieces |= {f"run: {name}" for name in claims["run"]}
            results = {key: result for key, result in results.items() if any(is_of(piece, key, claims) for piece in pieces)}
            RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
        case _:
            print(__doc__)
            return 2
    PAGE.write_text(render(claims, results))
    return 0


def check(claims, results):
    rows, _ = read_model()
    evidence = evidence_of(rows, claims)
    attacks = {row.attack for row in rows}
    faults = [f"no claim: {row.attack}" for row in rows if row.attack not in claims.get(claimed_in(row), {})]
    for table in [*ADVERSARIES.values(), "also"]:
        faults += [f"no such attack in the threat model: {attack}" for attack in claims[table] if attack not in attacks]
    for attack, pieces in evidence.items():
        faults += [f"no such evidence: {piece} ({attack})" for piece in pieces if not exists(piece, claims)]
    if not faults and PAGE.read_text() != render(claims, results):
        faults.append("assurance.md is not what would be written: `python3 spec/assurance/assurance.py write`")
    for fault in faults:
        print(fault)
    bare = [attack for attack, pieces in evidence.items() if not pieces]
    failed = [piece for pieces in evidence.values() for piece in pieces if (find_result(piece, results, claims) or (True,))[0] is False]
    print(f"{len(rows)} rows, {len(bare)} without a command, {len(set(failed))} pieces of evidence that failed when last seen")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
