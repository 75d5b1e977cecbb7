"""Whose turn it is: objects share one budget of calls, and none waits for ever.

Objects that are not settled come in the order in which they came up, so that the first nodes of a
fleet are ready soon and not all at the very end. Who made `QUANTUM` changes and is not settled goes
behind the others (a node of many VNICs). Waits cost little and do not count. Settled objects, which
are only compared, yield to all of them, and so do those whose status says that they were settled when
they come: after a start, or a change of leader, a whole fleet comes at once. Whoever waits behind
others moves up, a round for every `AGE` seconds, to those who have used up nothing, and they use up
their quantum: nobody starves.

    rank = rounds used up (+ YIELD when settled) - seconds overdue / AGE, at least 0;
    then who is not settled, then who came first
"""

from dataclasses import dataclass, replace

QUANTUM = 8
"""Changes: those of a node with 110 pods on four VNICs."""
AGE = 60.0
YIELD = 5
"""The round of what is settled: it is compared as soon as nobody else waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an object stands: the how manyth it was to come, rounds and changes used up."""

    number: int = 0
    rounds: int = 0
    changes: int = 0
    settled: bool = False


def rank(place: Place, due: float, now: float) -> tuple[float, bool, int]:
    """Give what the queue is sorted by; the smallest is next."""
    base = place.rounds + (YIELD if place.settled else 0)
    risen = max(0.0, base - max(0.0, now - due) // AGE)
    return risen, place.settled, place.number


def after_turn(place: Place, *, settled: bool, waits: bool, rounds: int) -> Place:
    """Take note of a turn; `rounds` are those of who has used up the fewest."""
    if settled:
        return replace(place, rounds=rounds, changes=0, settled=True)
    changes = place.changes + (not waits)
    if changes < QUANTUM:
        return replace(place, changes=changes, settled=False)
    behind = max(place.rounds, rounds) + 1
    return replace(place, rounds=behind, changes=0, settled=False)


def anew(place: Place, *, rounds: int, settled: bool = False) -> Place:
    """Let an object queue with a whole quantum before it; one that is served already yields."""
    return replace(place, rounds=rounds, changes=0, settled=settled)
