"""Section 8.5, counting and repeated texts: what a client remembers of those it hears."""

from collections import OrderedDict

from .epochs import Epoch, Plaintext

REMEMBERED = 4_096


class Inbox:
    def __init__(self) -> None:
        # How many envelopes of a sender the log holds; absent where the first count is still to be read.
        self._counts: dict[bytes, int] = {}
        # Texts that were shown, with their burn_after, of each sender.
        self._shown: dict[bytes, OrderedDict[bytes, int]] = {}

    def joined(self, sender: bytes) -> None:
        """Seen to join after this client: counted from 0."""
        self._counts[sender] = 0

    def start_over(self) -> None:
        """A fresh join: whoever is here was here before. What has been shown stays known."""
        self._counts.clear()

    def passed_over(self, sender: bytes, skipped: int) -> None:
        """An envelope whose count can't be read, with so many missing before it."""
        if sender in self._counts:
            self._counts[sender] += 1 + skipped

    def count(self, sender: bytes, plain: Plaintext, skipped: int, earlier: Epoch | None) -> tuple[int, bool]:
        """How many are missing before this one, and whether its count was used before.

        `skipped` is by how much n was ahead, `earlier` the epoch of `last_version`, if it was seen whole.
        """
        missing, repeated = skipped, False
        known = self._counts.get(sender)
        if known is not None and plain.count <= known:
            repeated = True
        else:
            if known is not None:
                missing = max(missing, plain.count - known - 1)
            self._counts[sender] = plain.count
        if earlier is not None:
            missing = max(missing, abs(plain.last_count - earlier.next_n.get(sender, 0)))
        return missing, repeated

    def show(self, sender: bytes, message_id: bytes, burn_after: int) -> bool:
        """Remembers a text; False if it has been shown already."""
        shown = self._shown.setdefault(sender, OrderedDict())
        if message_id in shown:
            return False
        shown[message_id] = burn_after
        if len(shown) > REMEMBERED:
            shown.popitem(last=False)
        return True

    def burn_after(self, sender: bytes, message_id: bytes) -> int | None:
        """None for a text that was never shown."""
        return self._shown[sender].get(message_id) if sender in self._shown else None

    def wipe(self) -> None:
        self._counts.clear()
        self._shown.clear()
