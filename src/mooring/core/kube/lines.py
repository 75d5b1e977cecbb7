"""A watch's bytes, cut into its lines; each is one event as JSON."""

from mooring.core.net.fields import Unreadable

LONGEST = 16 << 20
"""Bytes of one line; the server takes objects of up to 3 MiB."""


class Lines:
    """Collects bytes as they come; what is no whole line yet waits."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._longest = longest

    def feed(self, data: bytes) -> list[bytes]:
        """Give the lines that `data` completes; raise Unreadable when one is too long."""
        *whole, rest = data.split(b"\n")
        lines = []
        for part in whole:
            self._keep(part)
            lines.append(b"".join(self._parts))
            self._parts, self._size = [], 0
        self._keep(rest)
        return [line for line in lines if line.strip()]

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._longest:
            raise Unreadable(
                "event", self._size, f"must be at most {self._longest} bytes"
            )
        if part:
            self._parts.append(part)
