"""The C library, and what its pointers hold as Python values."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Union

from ._declarations import ffi as ffi

Bytes = Union[bytes, bytearray, memoryview]

_NAME = {"darwin": "libburnchat.dylib", "win32": "burnchat.dll"}.get(sys.platform, "libburnchat.so")


def _load() -> Any:
    library = ffi.dlopen(str(Path(__file__).with_name(_NAME)))
    asked, running = library.BC_ABI_VERSION, library.bc_abi_version()
    if running >> 16 != asked >> 16 or running & 0xFFFF < asked & 0xFFFF:
        raise ImportError(f"{_NAME} has version {running:#x} of the C ABI, the declarations are of {asked:#x}")
    return library


lib: Any = _load()


def version() -> str:
    """The version of the library."""
    found: bytes = ffi.string(lib.bc_version())
    return found.decode()


def text_of(value: Any) -> str:
    """The text of a ``bc_slice``, copied."""
    return str(ffi.buffer(value.ptr, value.len), "utf-8") if value.len else ""


def bytes_of(value: Any) -> bytes:
    """The bytes of a ``bc_slice`` or an array of bytes, copied."""
    if ffi.typeof(value) is _SLICE:
        return bytes(ffi.buffer(value.ptr, value.len)) if value.len else b""
    return bytes(ffi.buffer(value))


def id_of(value: Any) -> bytes:
    """The bytes of a ``bc_id``, copied."""
    return bytes(ffi.buffer(value.bytes))


_SLICE = ffi.typeof("bc_slice")


def wipe(memory: Any) -> None:
    """Overwrites memory of cffi's, or a bytearray."""
    view = memoryview(memory if isinstance(memory, bytearray) else ffi.buffer(memory)).cast("B")
    view[:] = bytes(len(view))
