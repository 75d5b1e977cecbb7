"""Earlier worlds, as far back as somebody wants to see: late lists and old metadata.

A World shares almost everything with the one before, so keeping some costs little. Time
is divided into slots, and of the worlds of a slot only the last is kept: what is shown is
as old as wished, or at most one slot older.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mooring.core.vcn.world import World

SLOTS = 50  # into which the time that is kept is divided
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Past:
    """Worlds in the order of the times since which they were so."""

    keeps: timedelta = timedelta(0)
    worlds: tuple[tuple[datetime, World], ...] = ()

    def keeping(self, keeps: timedelta, world: World) -> "Past":
        """Keep as much as is wanted from now on; nothing when nothing is."""
        if not keeps:
            return Past()
        return Past(keeps, self.worlds or ((_EPOCH, world),))

    def saw(self, now: datetime, world: World) -> "Past":
        """Remember that the world is this one since now."""
        if not self.keeps:
            return self
        first = max(bisect_right(self.worlds, now - self.keeps, key=_since) - 1, 0)
        kept = self.worlds[first:]
        slot = self.keeps / SLOTS
        # the first one stands for all that was before
        if len(kept) > 1 and (kept[-1][0] - _EPOCH) // slot == (now - _EPOCH) // slot:
            kept = kept[:-1]
        return Past(self.keeps, (*kept, (now, world)))

    def at(self, when: datetime, present: World) -> World:
        """Give the world of a time; the oldest that is known for one before it."""
        if not self.worlds:
            return present
        n = bisect_right(self.worlds, when, key=_since)
        return self.worlds[max(n - 1, 0)][1]


def _since(kept: tuple[datetime, World]) -> datetime:
    return kept[0]
