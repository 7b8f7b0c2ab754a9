"""The package's numbers and declarations beside the header they come from."""

from __future__ import annotations

import re
import unittest
from enum import IntEnum
from pathlib import Path
from typing import Dict, Type

from burnchat.core import code_meaning, code_name, errors, events, numbers
from burnchat.core._declarations import ffi
from burnchat.core._library import lib

HEADER = (Path(__file__).resolve().parents[2] / "c" / "include" / "burnchat.h").read_text(encoding="utf-8")
DEFINED: Dict[str, int] = {
    name: 2**64 - 1 if value == "UINT64_MAX" else int(value)
    for name, value in re.findall(r"^#define BC_(\w+) (-?\d+|UINT64_MAX)$", HEADER, flags=re.MULTILINE)
}

FUNCTIONS = set(re.findall(r"\b(bc_\w+)\(", re.sub(r"//.*", "", HEADER)))

#: Which numbers of the header an enumeration names.
ENUMS: Dict[str, Type[IntEnum]] = {
    "ERROR_": numbers.AbiError,
    "ROLE_": numbers.Role,
    "PARTICIPANT_": numbers.ParticipantFlag,  # type: ignore[dict-item] # an IntFlag has the same members
    "EVENT_": numbers.EventType,
    "LEFT_": numbers.Departure,
    "UNREADABLE_": numbers.WhyUnreadable,
    "ENDED_": numbers.EndReason,
    "OUTPUT_": numbers.OutputKind,
    "STATUS_": numbers.Status,
    "HUB_OUTPUT_": numbers.HubOutputKind,
}


class Numbers(unittest.TestCase):
    def test_every_number_of_the_header_is_named_here_and_no_other(self) -> None:
        named = {prefix + member.name: int(member) for prefix, enum in ENUMS.items() for member in enum}
        named |= {name: getattr(numbers, name) for name in ("UNSTATED", "NEVER", "LINK_MAX", "REQUEST_MAX", "PIN_MAX")}
        # These two are asked for where they are used: from the declarations, and as what is not an error.
        left = {name: value for name, value in DEFINED.items() if name not in ("ABI_VERSION", "OK")}
        self.assertEqual(named, left)

    def test_the_declarations_are_the_headers(self) -> None:
        for name, value in DEFINED.items():
            self.assertEqual(getattr(lib, "BC_" + name), value, name)
        self.assertGreater(len(FUNCTIONS), 40)
        for name in FUNCTIONS:
            self.assertTrue(callable(getattr(lib, name)), name)
        for name in re.findall(r"^} (bc_\w+);$", HEADER, flags=re.MULTILINE):
            self.assertGreater(ffi.sizeof(name), 0, name)

    def test_every_function_of_the_header_has_a_caller_here(self) -> None:
        package = Path(errors.__file__).parent
        source = "".join(file.read_text(encoding="utf-8") for file in package.glob("*.py"))
        called = set(re.findall(r"\blib(?:rary)?\.(bc_\w+)", source))
        self.assertEqual(FUNCTIONS - called, set())

    def test_every_event_of_the_header_can_be_told(self) -> None:
        self.assertEqual(set(events._EVENTS), set(numbers.EventType))
        blank = ffi.new("bc_event *")
        for number in numbers.EventType:
            blank.type, blank.reason = number, 1
            told = events.event_of(blank)
            self.assertEqual(type(told).__name__, number.name.title().replace("_", ""))
        blank.type = 1_000
        self.assertIsNone(events.event_of(blank))

    def test_codes_have_the_names_that_the_package_relies_on(self) -> None:
        names = [code_name(code) for code in (errors.KICKED, errors.NOT_JOINED, errors.ENDED, errors.INVALID_PARAMETER)]
        self.assertEqual(names, ["kicked", "not_joined", "ended", "invalid_parameter"])
        for error in numbers.AbiError:
            self.assertEqual(code_name(error), f"error_{error.name.lower()}")
            self.assertTrue(code_meaning(error))
        self.assertEqual(code_name(12_345), "")


if __name__ == "__main__":
    unittest.main()
