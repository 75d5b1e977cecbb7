"""Where the ledger's journal is kept, as the agent sees it.

`adapters.disk.StateDirectory` is the real thing; `tests/fakes/disk.py` has the other.
"""

from typing import Protocol


class DiskError(Exception):
    """The disk refused (full, read-only, broken); nothing of the call was kept."""

    def __init__(self, errno: int, message: str) -> None:
        super().__init__(errno, message)
        self.errno = errno
        self.message = message

    def __str__(self) -> str:
        """Read as one line of a log."""
        return f"{self.message} (errno {self.errno})"


class Storage(Protocol):
    """One journal that is only added to or replaced, and files for others to read."""

    def read(self) -> bytes:
        """Give the whole journal; nothing when there is none."""

    def append(self, data: bytes, *, durable: bool) -> None:
        """Add to the journal; `durable` waits until a power cut could not undo it.

        Without `durable` a killed program still loses nothing. Raises DiskError.
        """

    def replace(self, data: bytes) -> None:
        """Put another journal in its place, at once or not at all. Raises DiskError."""

    def set_aside(self) -> str:
        """Move the journal away for a human to look at; give its new name."""

    def publish(self, name: str, text: str) -> None:
        """Write a file for readers, at once or not at all. Raises DiskError."""
