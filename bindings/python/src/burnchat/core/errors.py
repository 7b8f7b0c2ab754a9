"""What can go wrong."""

from __future__ import annotations

from typing import Optional

from ._library import lib, text_of, ffi
from .numbers import AbiError

#: Numbers of the registry that this package answers with itself.
KICKED, NOT_JOINED, ENDED, INVALID_PARAMETER = 206, 704, 705, 709


class BurnchatError(Exception):
    """Something was refused. Its text names no secret.

    ``code`` is a number of the protocol's error registry (section 15 of the spec), or of :class:`AbiError` if it is
    below 0; ``name`` is its name, such as ``room_not_found``.
    """

    code: int
    name: str
    #: When to try again, if the relay says so.
    retry_after_ms: Optional[int]
    #: How many PIN attempts are left, if the relay says so.
    attempts_left: Optional[int]

    def __init__(
        self, code: int, *, retry_after_ms: Optional[int] = None, attempts_left: Optional[int] = None
    ) -> None:
        super().__init__(code)
        self.code = int(code)
        self.name = code_name(code)
        self.retry_after_ms = retry_after_ms
        self.attempts_left = attempts_left

    @property
    def meaning(self) -> str:
        """What the code means, in English."""
        return code_meaning(self.code)

    def __str__(self) -> str:
        return f"{self.name} ({self.code}): {self.meaning}"


def code_name(code: int) -> str:
    """The name of a number of the registry or of this ABI, ``ok`` for 0; empty if there is none."""
    name = ffi.new("bc_slice *")
    lib.bc_code_name(code, name)
    return text_of(name[0])


def code_meaning(code: int) -> str:
    """What a number means, in English; empty if there is none."""
    meaning = ffi.new("bc_slice *")
    lib.bc_code_meaning(code, meaning)
    return text_of(meaning[0])


def check(code: int) -> None:
    """Raises what the library has answered."""
    if code:
        raise BurnchatError(code)


def check_call(code: int) -> int:
    """The same where numbers of the registry are no fault of the caller's."""
    if code < 0:
        raise BurnchatError(code)
    return code


def utf8(text: str) -> bytearray:
    """The bytes of a text, to be wiped by whoever asked for them."""
    try:
        return bytearray(text, "utf-8")
    except UnicodeEncodeError:
        # The exception would hold the text.
        raise BurnchatError(AbiError.UTF8) from None
