"""Whether the README claims what the conformance suite has found: `claim.py REPORT…`, reports as `--json` writes them."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path


def main(reports: list[str]) -> int:
    cases = [case for report in reports for case in json.loads(Path(report).read_text())["cases"]]
    found = {case["name"]: case["verdict"] for case in cases}
    readme = Path(__file__).with_name("README.md").read_text()
    listed = set(re.findall(r"^[a-z]+/[0-9.]+/[a-z0-9_/-]+$", readme, re.MULTILINE))
    wrong = list(differences(found, listed))
    print(f"{len(found) - len(listed)} cases pass, {len(listed)} are not claimed" if not wrong else "\n".join(wrong))
    return 1 if wrong else 0


def differences(found: dict[str, str], listed: set[str]) -> Iterator[str]:
    for name, verdict in found.items():
        expected = "not-implemented" if name in listed else "pass"
        if verdict != expected:
            yield f"{name}: {verdict}, and the README says {expected}"
    for name in listed - found.keys():
        yield f"{name}: the README names it, and there is no such case"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
