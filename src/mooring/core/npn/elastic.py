"""How many addresses an elastic pool has, and which objects of the cloud they are.

    have     pod addresses that the status lists      want   in use + warm target, within
    in use   held or cooling, as the agent says               minimum and maximum
    free     have - in use

    free below the target ........ grow, in steps that are aligned blocks
    free far above it, for a while drain: take whole objects that nobody uses off the status
    off the status, and the agent
      says that it has let go .... give back

Cooling addresses are not free. An address is listed as long as its object is; an object is given
back only when the agent, having followed the status without it, names none of its addresses. So
none is handed out that the cloud does not have, whoever is restarted when. A grow after a shrink takes
back first what is still there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network

from mooring.core.npn.capacity import MOST_OBJECTS
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import NpnSpec
from mooring.core.npn.usage import Address, Usage

PATIENCE = 60.0
"""Seconds that too many addresses have to be free before any is given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An object of the cloud on a VNIC of ours. `listed`: the status offers its addresses."""

    id: str
    block: IPv4Network
    listed: bool
    host: bool = False

    @property
    def pods(self) -> int:
        """Count its addresses that are for pods."""
        return self.block.num_addresses - self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A VNIC's pieces and how many pods it may serve; one that is not `there` may come.

    `hostless`: its host has no address yet, and is to have one beside the pods'.
    """

    most: int
    pieces: tuple[Piece, ...] = ()
    hostless: bool = False
    there: bool = True

    @property
    def have(self) -> int:
        """Count the pod addresses that are listed."""
        return sum(piece.pods for piece in self.pieces if piece.listed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is wanted of a pool of IPv4 addresses, in numbers.

    `have` is what the status lists, `room` what it could list, `told` whether the agent has said
    how many are held and cooling.
    """

    policy: PoolPolicy
    have: int
    room: int
    step: int
    held: int = 0
    cooling: int = 0
    told: bool = True

    @property
    def most(self) -> int:
        """Give the maximum in force."""
        return min(self.policy.maximum or self.room, self.room)

    @property
    def want(self) -> int:
        """Say how many pod addresses there are to be."""
        need = self.held + self.cooling + self.policy.warm_target
        return min(max(need, self.policy.minimum), self.most)

    @property
    def free(self) -> int:
        """Count what could be handed out."""
        return max(self.have - self.held - self.cooling, 0)

    @property
    def excess(self) -> int:
        """Count what may be given back without being asked for again at once."""
        margin = max(self.step // 2, 1) if self.have <= self.most else 0
        return max(self.have - self.want - margin, 0)

    def because(self) -> str:
        """Say what the numbers are."""
        if not self.told:
            return "the agent has not told its usage yet"
        numbers = f"(held {self.held}, cooling {self.cooling})"
        target = self.policy.warm_target
        if self.have < self.policy.minimum:
            return f"{self.have} below the minimum of {self.policy.minimum} {numbers}"
        side = "below" if self.free < target else "above"
        return f"free {self.free} {side} warm target {target} {numbers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When it is decided: for how long too many have been free, the serial of the status."""

    calm: float = 0.0
    serial: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPlan:
    """What becomes of the pool: the pieces to list, by slot; what to take; what to give back.

    `why` is a sentence when something changes, "" otherwise. `slack`: too many are free. `back`
    are pieces that were not listed and are now: a list that lags may show what is gone.
    """

    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    grow: Mapping[str, int] = field(default_factory=dict)
    leave: tuple[Piece, ...] = ()
    back: frozenset[str] = frozenset()
    word: str = "Steady"
    why: str = ""
    slack: bool = False


def room(spec: NpnSpec) -> int:
    """Count the pods that an object asks for at most."""
    profiles = spec.secondary_vnics
    return sum(p.ip_count for p in profiles) if profiles else spec.max_pod_count


def presses(
    policy: PoolPolicy, most: int, before: Usage | None, usage: Usage | None
) -> bool:
    """Tell whether what an agent told should be looked at now, and not in its turn.

    It is when too few are free and more may be had, and when the agent follows another status.
    """
    if usage is None:
        return False
    if before is None or before.serial != usage.serial:
        return True
    free, busy = _count(usage.free), _count(usage.busy)
    most = min(policy.maximum or most, most)
    return free < policy.warm_target and free + busy < most


def step_of(policy: PoolPolicy, most: int) -> int:
    """Give the size in which a pool grows: a block, and never too many of them on a VNIC."""
    target = min(policy.warm_target, most)
    least = -(-most * 2 // MOST_OBJECTS)
    return 1 << (max(target, least, 1).bit_length() - 1)


def demand(policy: PoolPolicy, usage: Usage | None, shelves: Iterable[Shelf]) -> Demand:
    """Say what is wanted, given what is there."""
    known = tuple(shelves)
    most = max((shelf.most for shelf in known), default=1)
    return Demand(
        policy=policy,
        have=sum(shelf.have for shelf in known),
        room=sum(shelf.most for shelf in known),
        step=step_of(policy, most),
        held=_count(usage.held) if usage else 0,
        cooling=_count(usage.cooling) if usage else 0,
        told=usage is not None,
    )


def plan(
    wanted: Demand, shelves: Mapping[str, Shelf], usage: Usage | None, now: Moment
) -> PoolPlan:
    """Decide."""
    busy = usage.busy if usage else frozenset()
    idle = _idle(wanted, shelves, busy) if usage else ()
    if wanted.want > wanted.have:
        made = _more(wanted, shelves, busy)
    elif idle and now.calm >= PATIENCE:
        made = _fewer(wanted, shelves, idle, now.calm)
    else:
        made = replace(_stay(wanted, shelves), slack=bool(idle))
    off = [
        (piece, piece.id in made.listed[key])
        for key, shelf in shelves.items()
        for piece in shelf.pieces
        if not piece.listed
    ]
    return replace(
        made,
        leave=tuple(p for p, on in off if not on and _let_go(p, usage, now.serial)),
        back=frozenset(piece.id for piece, on in off if on),
        grow={**_hosts(shelves), **made.grow},
    )


def _stay(wanted: Demand, shelves: Mapping[str, Shelf]) -> PoolPlan:
    listed = {key: _listed(shelf) for key, shelf in shelves.items()}
    target = wanted.policy.warm_target
    if not wanted.told or wanted.free >= target or wanted.have < wanted.most:
        return PoolPlan(listed=listed)
    why = f"free below warm target {target}: there are {wanted.have}, all that may be"
    return PoolPlan(listed=listed, word="AtMaximum", why=why)


def _more(
    wanted: Demand, shelves: Mapping[str, Shelf], busy: frozenset[Address]
) -> PoolPlan:
    """List again what is still there, then ask the cloud for what is short, in steps."""
    short = wanted.want - wanted.have
    listed = {key: set(_listed(shelf)) for key, shelf in shelves.items()}
    idle = [
        (not _used(piece, busy), -piece.pods, key, piece)
        for key, shelf in shelves.items()
        for piece in shelf.pieces
        if not piece.listed
    ]
    back = 0
    for unused, _, key, piece in sorted(idle, key=lambda found: found[:3]):
        fits = back < short and wanted.have + back + piece.pods <= wanted.most
        if fits or not unused:
            listed[key].add(piece.id)
            back += piece.pods
    grow = _spread(wanted, shelves, listed, short - back)
    taken = sum(grow.values())
    words = [f"take back {back}"] if back else []
    words += [f"grow {taken}"] if taken else []
    return PoolPlan(
        listed={key: frozenset(ids) for key, ids in listed.items()},
        grow=grow,
        word="Growing" if taken else "Restoring",
        why=f"{', '.join(words)}: {wanted.because()}" if words else "",
    )


def _spread(
    wanted: Demand,
    shelves: Mapping[str, Shelf],
    listed: Mapping[str, set[str]],
    short: int,
) -> dict[str, int]:
    """Share out what is to be taken: VNIC by VNIC, in steps, not beyond any bound."""
    grow: dict[str, int] = {}
    left = wanted.most - sum(
        p.pods for k, s in shelves.items() for p in s.pieces if p.id in listed[k]
    )
    for key, shelf in shelves.items():
        if short <= 0:
            break
        have = sum(p.pods for p in shelf.pieces if p.id in listed[key])
        need = short + shelf.hostless
        whole = -(-need // wanted.step) * wanted.step - shelf.hostless
        pods = min(whole, shelf.most - have, left)
        if pods > 0:
            grow[key] = pods + shelf.hostless
            short, left = short - pods, left - pods
    return grow


def _fewer(
    wanted: Demand,
    shelves: Mapping[str, Shelf],
    idle: Iterable[tuple[str, Piece]],
    calm: float,
) -> PoolPlan:
    """Take whole objects off the status, small ones first: they are what splinters a subnet."""
    listed = {key: set(_listed(shelf)) for key, shelf in shelves.items()}
    shed = 0
    for key, piece in idle:
        if shed + piece.pods <= wanted.excess:
            listed[key].discard(piece.id)
            shed += piece.pods
    return PoolPlan(
        listed={key: frozenset(ids) for key, ids in listed.items()},
        word="Draining",
        why=f"shrink {shed}: {wanted.because()} for {calm:.0f} s",
    )


def _idle(
    wanted: Demand, shelves: Mapping[str, Shelf], busy: frozenset[Address]
) -> Sequence[tuple[str, Piece]]:
    """Give the listed objects that nobody uses and that are not too large to go."""
    found = [
        (piece.pods, -order, piece.block, key, piece)
        for order, (key, shelf) in enumerate(shelves.items())
        for piece in shelf.pieces
        if piece.listed
        and not piece.host
        and piece.pods <= wanted.excess
        and not _used(piece, busy)
    ]
    return [(key, piece) for *_, key, piece in sorted(found, key=lambda f: f[:3])]


def _hosts(shelves: Mapping[str, Shelf]) -> dict[str, int]:
    """Let every VNIC that is there have its host's address, if nothing else."""
    return {key: 1 for key, shelf in shelves.items() if shelf.hostless and shelf.there}


def _listed(shelf: Shelf) -> frozenset[str]:
    return frozenset(piece.id for piece in shelf.pieces if piece.listed)


def _let_go(piece: Piece, usage: Usage | None, serial: int) -> bool:
    """Tell whether the agent, knowing that the piece is not listed, does nothing with it."""
    if usage is None or usage.serial != serial:
        return False
    return not _used(piece, usage.busy | usage.free)


def _used(piece: Piece, addresses: Iterable[Address]) -> bool:
    return any(address in piece.block for address in addresses)


def _count(addresses: Iterable[Address]) -> int:
    return sum(address.version == 4 for address in addresses)
