"""Burnchat: ephemeral, end-to-end encrypted chat rooms.

:mod:`burnchat.aio` talks to a relay with asyncio; :mod:`burnchat.core` has the machines behind it, without I/O.
"""

from .core import BurnchatError, RoomSettings, version

__all__ = ["BurnchatError", "RoomSettings", "version"]
__version__ = version()
