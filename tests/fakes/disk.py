"""A state directory in memory, which can be full."""

import errno

from mooring.core.ipam.port import DiskError


class FakeDisk:
    def __init__(self) -> None:
        self.journal = b""
        self.files: dict[str, str] = {}
        self.aside: dict[str, bytes] = {}
        self.shelf: dict[str, tuple[bytes, float]] = {}
        self.time = 0.0
        self.synced = 0
        self.full = False

    def close(self) -> None:
        """Nothing is open."""

    def read(self) -> bytes:
        return self.journal

    def append(self, data: bytes, *, durable: bool) -> None:
        self._room()
        self.journal += data
        if durable:
            self.synced = len(self.journal)

    def replace(self, data: bytes) -> None:
        self._room()
        self.journal = data
        self.synced = len(data)

    def set_aside(self) -> str:
        name = f"ledger.journal.damaged-{len(self.aside) + 1}"
        self.aside[name] = self.journal
        self.journal = b""
        return name

    def publish(self, name: str, text: str) -> None:
        self._room()
        self.files[name] = text

    def keep(self, name: str, text: str) -> None:
        self._room()
        self.shelf[name] = text.encode(), self.time

    def kept(self, name: str) -> tuple[bytes, float] | None:
        return self.shelf.get(name)

    def touch(self, name: str) -> None:
        if name not in self.shelf:
            raise DiskError(errno.ENOENT, f"{name}: no such file")
        self.shelf[name] = self.shelf[name][0], self.time

    def _room(self) -> None:
        if self.full:
            raise DiskError(errno.ENOSPC, "the fake disk is full")
