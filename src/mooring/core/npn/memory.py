"""What the controller remembers of an object between turns.

Memory is a cache: losing it costs a call that is refused once more, never a wrong change.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mooring.core.npn.capacity import smaller
from mooring.core.npn.changes import (
    SEVERAL,
    AttachVnic,
    Change,
    CreateAddress,
    CreateAddressBlock,
    DeleteAddresses,
    Failed,
    Wait,
)
from mooring.core.npn.seen import Known, Made, Sighting
from mooring.core.npn.slots import lives

MOST_KNOWN = 1024
"""Objects given back that are remembered; lists lag by seconds, not by thousands."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
FRESH = 30.0
"""Seconds for which a whole look of an object that is being worked on is built upon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Giving:
    """Work that gives addresses back, and when it has taken too long."""

    work: str
    ids: frozenset[str]
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is known beyond the object and the cloud.

    `salt` goes into retry tokens and grows when one proved stale. `expected` was made by a
    call that succeeded and has not been seen yet. `caps` is the largest block worth asking
    for, by subnet and family (`cap_of`). `held` are the subjects refused since the last pause. `waited` counts the
    seconds of the present wait, that for the instance while it `starts`; `failures` the failed turns
    since the last good one.
    `slack_since` is when an elastic pool began to have too many free addresses, `given_back`
    are objects that it gave back. `stuck` counts the signs that changes succeed and change
    nothing: `last` was made again, what was made vanished, a token was stale. `known` is the last
    look, where the next one need only ask for what is new since (`keeping`); of an object that
    `rests` it is one that lists may confirm. `working` is the change whose work the cloud has accepted
    and not ended; `giving` are works that give addresses back, which nobody waits for.
    `missing_since` is when the cloud first said that it knows no such instance.
    """

    salt: int = 0
    expected: frozenset[Made] = frozenset()
    caps: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, Failed] = field(default_factory=dict)
    waited: float = 0.0
    starts: bool = False
    failures: int = 0
    last: Change | None = None
    stuck: int = 0
    slack_since: float | None = None
    given_back: frozenset[str] = frozenset()
    working: Change | None = None
    giving: tuple[Giving, ...] = ()
    missing_since: float | None = None
    known: Known | None = field(default=None, compare=False)
    rests: bool = field(default=False, compare=False)


def known_at(memory: Memory, now: float) -> Known | None:
    """Give the look that the next one may build on, if it is not too old."""
    known = memory.known
    return known if known and now - known.at < FRESH else None


def keeping(memory: Memory, known: Known, change: Change | None) -> Memory:
    """Let the next look build on this one, after a wait or a change that says what it made.

    After anything else, a refusal and a lost answer too, the next look is a whole one; while
    the instance itself is waited for, too.
    """
    says = change is None or goes_on(change)
    runs = known.seen.instance.state == "RUNNING"
    return replace(memory, known=known if says and runs else None)


def goes_on(decision: object) -> bool:
    """Tell whether a decision only adds to what is there, or waits for it."""
    return isinstance(decision, Wait | AttachVnic | CreateAddress | CreateAddressBlock)


def calm(memory: Memory, now: float) -> float:
    """Tell for how long an elastic pool has had too many free addresses."""
    return 0.0 if memory.slack_since is None else now - memory.slack_since


def after_pool(memory: Memory, *, slack: bool, now: float) -> Memory:
    """Remember since when an elastic pool has had too many free addresses."""
    since = memory.slack_since if memory.slack_since is not None else now
    return replace(memory, slack_since=since if slack else None)


def without_given_back(memory: Memory, seen: Sighting) -> Sighting:
    """Leave out what was given back and an old list still shows: it is not ours any more."""
    if not memory.given_back:
        return seen
    addresses = {
        vnic: tuple(a for a in on if a.id not in memory.given_back)
        for vnic, on in seen.addresses.items()
    }
    return replace(seen, addresses=addresses)


def after_look(memory: Memory, seen: Sighting) -> Memory:
    """Forget what was expected and is listed; a thing made and gone spoils its token.

    The wait for an instance is over when it runs: what is waited for then has its own patience.
    """
    starts = seen.instance.state != "RUNNING"
    here = {Made(kind="attachment", id=a.id): lives(a, seen) for a in seen.attachments}
    present = here.keys() | {
        Made(kind=a.kind, id=a.id) for on in seen.addresses.values() for a in on
    }
    lost = memory.expected & (
        seen.gone | {made for made, alive in here.items() if not alive}
    )
    return replace(
        memory,
        salt=memory.salt + bool(lost),
        stuck=memory.stuck + bool(lost),
        expected=memory.expected - (present - seen.unlisted) - lost,
        waited=0.0 if memory.starts and not starts else memory.waited,
        starts=starts,
        missing_since=None,
    )


def after_change(memory: Memory, change: Change, made: Made | None) -> Memory:
    """Expect what was made; the wait and the failures before it are over."""
    return replace(
        memory,
        expected=memory.expected | {made} if made else memory.expected,
        waited=0.0,
        failures=0,
        last=change,
        stuck=memory.stuck + (change == memory.last),
        given_back=_given_back(memory, change),
    )


def _given_back(memory: Memory, change: Change) -> frozenset[str]:
    if not isinstance(change, DeleteAddresses):
        return memory.given_back
    before = memory.given_back if len(memory.given_back) < MOST_KNOWN else frozenset()
    return before | frozenset(change.ids)


def after_giving(
    memory: Memory, change: DeleteAddresses, work: str, until: float
) -> Memory:
    """Go on while the cloud gives addresses back: they are ours no more, unless the work fails."""
    giving = Giving(work=work, ids=frozenset(change.ids), until=until)
    return replace(after_change(memory, change, None), giving=(*memory.giving, giving))


def after_given(memory: Memory, giving: Giving, left: frozenset[str]) -> Memory:
    """Learn that a work is over, and which of its addresses are there still."""
    return replace(
        memory,
        giving=tuple(each for each in memory.giving if each != giving),
        given_back=memory.given_back - left,
    )


def after_stale(memory: Memory) -> Memory:
    """Use other tokens from now on."""
    return replace(memory, salt=memory.salt + 1, stuck=memory.stuck + 1)


def cap_of(subnet_id: str, family: str) -> str:
    """Name a subnet's addresses of a family."""
    return subnet_id if family == "IPv4" else f"{subnet_id} {family}"


def after_no_block(memory: Memory, change: CreateAddressBlock) -> Memory:
    """Ask this subnet for smaller blocks of the family from now on."""
    place = cap_of(change.subnet_id, change.family)
    size = smaller(change.size, change.family)
    return replace(memory, caps={**memory.caps, place: size})


def after_refusal(memory: Memory, subject: str, failed: Failed) -> Memory:
    """Hold the subject back until the next pause is over, and go on with the others.

    Work that failed would be answered with the same work again: the next try is another.
    """
    return replace(
        memory,
        held={**memory.held, subject: failed},
        salt=memory.salt + subject.startswith(SEVERAL),
    )


def after_wait(memory: Memory, seconds: float) -> Memory:
    """Count the wait."""
    return replace(memory, waited=memory.waited + seconds)


def after_missing(memory: Memory, now: float) -> Memory:
    """Remember since when there has been no such instance."""
    since = memory.missing_since if memory.missing_since is not None else now
    return replace(memory, missing_since=since)


def after_trouble(memory: Memory) -> Memory:
    """Count a failure that says nothing about what was asked for."""
    return replace(memory, failures=memory.failures + 1)


def after_failure(memory: Memory) -> Memory:
    """Count the failure; after the pause everything may be tried again."""
    return replace(memory, held={}, caps={}, failures=memory.failures + 1)


def settled(memory: Memory, known: Known | None = None) -> Memory:
    """Keep the salt, what concerns an elastic pool, and the last whole look."""
    return Memory(
        salt=memory.salt,
        known=known,
        rests=True,
        slack_since=memory.slack_since,
        given_back=memory.given_back,
        giving=memory.giving,
    )


def next_pause(memory: Memory) -> float:
    """Give the next look's distance: soon at first, later every five seconds."""
    return min(max(FIRST_PAUSE, memory.waited), LONGEST_PAUSE)


def pause_between(memory: Memory, chance: float) -> float:
    """Give the pause after a change: none, unless changes seem to change nothing."""
    return pause_after(memory.stuck - 1, chance) if memory.stuck > 1 else 0.0


def pause_after(failures: int, chance: float) -> float:
    """Give the pause after so many failures: 1 s doubling to 60 s, less up to a half.

    `chance` from 0 to 1 spreads the objects that failed together.
    """
    return min(math.pow(2, min(max(failures - 1, 0), 6)), 60.0) * (1 - chance / 2)
