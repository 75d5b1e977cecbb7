"""The node's NativePodNetwork object: its status, when it has changed."""

from collections.abc import Callable

from mooring.agent.remember import Remembered
from mooring.core.npn.fields import Unreadable
from mooring.core.npn.port import Objects, Token
from mooring.core.npn.record import NpnStatus

Trouble = Callable[[], OSError | None]

SLOW_SECONDS = 10.0
"""How long a store may be silent before it counts as one that is away."""

GONE = NpnStatus(state="GONE")
"""What is followed when the store has no such object: no VNIC gives addresses."""


def well() -> None:
    """Know of no trouble: a store without a cache says so when it is asked."""


class Source:
    """Follows the status of one object. `trouble` says why there is none.

    `heard` tells whether the store answered the last time. `memory` is asked once, when nothing
    was ever read and `trouble` says of the store that it stays away for `patience` seconds; one
    that is only slow has a while more.
    """

    def __init__(
        self,
        objects: Objects,
        name: str,
        memory: Remembered | None = None,
        trouble: Trouble = well,
    ) -> None:
        self.name = name
        self.trouble = self._nothing = f"there is no NativePodNetwork {name} yet"
        self.heard = False
        self.latest: NpnStatus | None = None
        self.patience = 1.0
        self._objects = objects
        self.away: OSError | None = None
        self._memory = memory
        self._look = trouble
        self._token: Token = {}
        self._asked_at: float | None = None
        self._recalled_once = False
        self._only_recalled = False

    def changed(self, now: float) -> NpnStatus | None:
        """Give the status if it changed since the last time, and could be read.

        What was read once stays true while the store is out of reach.
        """
        if self._asked_at is None:
            self._asked_at = now
        self.heard = False
        try:
            token, names = self._objects.changes(self._token)
            status = (
                self._objects.read_status(self.name) if self.name in names else None
            )
        except (OSError, Unreadable) as why:
            self.trouble = f"NativePodNetwork {self.name} cannot be read: {why}"
            self.away = why if isinstance(why, OSError) else None
            return self._recalled(now)
        self._token, self.away = token, self._look()
        self.heard = self.away is None
        if status is None and self._only_recalled:
            # There is none (any more): what was recalled of it holds no longer.
            self.latest, status = None, GONE
        elif status is not None:
            self.latest = status
            self.trouble = explain(self.name, status)
        self._only_recalled = False
        if self.latest is None:
            self.trouble = self._nothing
        return status

    async def remember(self) -> None:
        """Keep what was read last for another life, while the store answers."""
        known = self.latest
        if self._memory is not None and self.heard and known and known.state:
            await self._memory.keep(known)

    def kept(self) -> bool:
        """Tell whether a restart would know what was read last; without a memory it asks anew."""
        return self._memory is None or self._memory.holds(self.latest)

    def _recalled(self, now: float) -> NpnStatus | None:
        waited = now - (now if self._asked_at is None else self._asked_at)
        if self._memory is None or self._recalled_once or self.latest is not None:
            return None
        if waited < (self.patience if self._look() else SLOW_SECONDS):
            return None
        self._recalled_once = True
        self.latest = self._memory.recall()
        self._only_recalled = self.latest is not None
        return self.latest


def explain(name: str, status: NpnStatus) -> str:
    """Say how far the object is; nothing when all that was wanted is reached."""
    if status.state == "SUCCESS":
        return ""
    state = status.state or "not begun"
    because = " ".join(word for word in (status.reason, status.message) if word)
    return f"NativePodNetwork {name} is {state}" + (f": {because}" if because else "")
