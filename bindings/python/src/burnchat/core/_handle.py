"""Handles of the library, each used by one thread at a time."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Optional, Type

from ._library import ffi
from .errors import BurnchatError
from .numbers import AbiError


class Handle:
    """Owns a ``bc_client`` or ``bc_hub``, and frees it once: when it is closed, or else when nobody holds it any more.

    What a call lends is valid until the next call, so a call and the copying of what it lends are one step here. A
    thread that comes in between is answered as the library does it: ``error_busy``.
    """

    def __init__(self, pointer: Any, free: Any) -> None:
        self._pointer: Optional[Any] = ffi.gc(pointer, free)
        self._in_use = threading.Lock()

    def __enter__(self) -> Any:
        """The pointer, for one step."""
        if not self._in_use.acquire(blocking=False):
            raise BurnchatError(AbiError.BUSY)
        if self._pointer is None:
            self._in_use.release()
            raise BurnchatError(AbiError.FREED)
        return self._pointer

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._in_use.release()

    def close(self) -> None:
        """Frees what is held, which wipes it. A second time it does nothing."""
        if not self._in_use.acquire(blocking=False):
            raise BurnchatError(AbiError.BUSY)
        try:
            pointer, self._pointer = self._pointer, None
            if pointer is not None:
                ffi.release(pointer)
        finally:
            self._in_use.release()
