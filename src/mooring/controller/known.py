"""What is remembered of a node from turn to turn, and how long what was refused rests."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mooring.core.npn.scarcity import Dryness
from mooring.core.npn.shortage import Shortage

REST = 300.0
"""Seconds after which a node is looked at although nothing changed."""
LATER = 30.0
"""Seconds to the next look at what was refused, twice as many each time, up to `REST`.

Also to the next search for an instance in the place of one that ends.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered of a node. One of another uid begins anew (RT-06).

    `instance` is the one that was found, where the node names none. `said` is what went wrong last,
    `failures` how often in a row; what was refused rests `until` a moment. `had`: it had an object.
    `odd` is what was told last of each label of ours whose value somebody made up.
    """

    uid: str = ""
    instance: str = ""
    dryness: Dryness = field(default_factory=Dryness)
    short: Shortage | None = None
    failures: int = 0
    said: str = ""
    until: float = 0.0
    had: bool = False
    odd: Mapping[str, str] = field(default_factory=dict)

    def refused(self, said: str, now: float) -> "Known":
        """Count a refusal; the same before its pause is over says nothing new.

        That is the echo of what is told of it at the node, or a change that mended nothing.
        """
        if said == self.said and now < self.until:
            return self
        failures = self.failures + 1 if said == self.said else 1
        pause = min(REST, LATER * 2 ** min(failures - 1, 8))
        return replace(self, failures=failures, said=said, until=now + pause)
