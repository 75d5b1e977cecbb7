"""The last known object, kept where a restart finds it: the API server may be away then.

What the cloud had put on the VNICs does not change because nobody can ask for it. So an agent
that starts and reaches no store serves by what its former life had read, and says of when that
is. The file's own time is when the store was last heard; what the status says is inside.
"""

import asyncio
import json
from datetime import UTC, datetime
from typing import Protocol

from mooring.agent.host import Host
from mooring.core.ipam.port import DiskError
from mooring.core.npn.codec import parse_status, render_status
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.record import NpnStatus

FILE = "npn.json"
HEARD_SECONDS = 60.0


class Shelf(Protocol):
    """Where a file outlives the agent and a power cut. Each call may raise DiskError."""

    def keep(self, name: str, text: str) -> None:
        """Write a file durably, at once or not at all."""

    def kept(self, name: str) -> tuple[bytes, float] | None:
        """Read it, and when it was written or touched (seconds since 1970)."""

    def touch(self, name: str) -> None:
        """Say that what stands there is true now."""


class Remembered:
    """The status of one object as it was last read."""

    def __init__(self, host: Host, shelf: Shelf, name: str) -> None:
        self.since: datetime | None = None
        self._host = host
        self._shelf = shelf
        self._name = name
        self._written: NpnStatus | None = None
        self._touched = float("-inf")
        self._refused = ""

    def recall(self) -> NpnStatus | None:
        """Read what was kept and say how old it is; nothing when it is not of this object."""
        try:
            found = self._shelf.kept(FILE)
            status = None if found is None else self._read(found[0])
        except (DiskError, Unreadable, ValueError) as why:
            self._host.say("memory-unreadable", why=why, next="wait for the store")
            return None
        if found is None or status is None:
            return None
        self.since = datetime.fromtimestamp(found[1], UTC)
        age = (self._host.clock.wall() - self.since).total_seconds()
        self._host.say(
            "remembered",
            npn=self._name,
            at=f"{self.since:%Y-%m-%dT%H:%M:%SZ}",
            seconds=f"{age:.0f}",
        )
        self._written = status
        return status

    def holds(self, status: NpnStatus | None) -> bool:
        """Tell whether this is what stands on the disk."""
        return status is not None and status == self._written

    async def keep(self, status: NpnStatus) -> None:
        """Keep what the store has just said; the disk is waited for beside the loop."""
        self.since = None
        now = self._host.clock.now()
        if status == self._written and now - self._touched < HEARD_SECONDS:
            return
        try:
            if status == self._written:
                await asyncio.to_thread(self._shelf.touch, FILE)
            else:
                await asyncio.to_thread(self._shelf.keep, FILE, self._text(status))
        except DiskError as why:
            if str(why) != self._refused:
                self._host.say("memory-refused", why=why)
            self._refused = str(why)
            return
        self._written, self._touched, self._refused = status, now, ""

    def _text(self, status: NpnStatus) -> str:
        document = {"name": self._name, "status": render_status(status)}
        return json.dumps(document) + "\n"

    def _read(self, data: bytes) -> NpnStatus | None:
        document = json.loads(data)
        if not isinstance(document, dict) or document.get("name") != self._name:
            return None
        return parse_status(document.get("status"))
