"""Which addresses can be handed out: what the cloud put on the VNICs, less the rest.

An offer is what a NativePodNetwork's status says is on a VNIC. Free is an offered
address that nobody holds and that is not cooling; the longest free one is first. An
address that the cloud took away simply is in no offer any more.

Everything here is on the way of an ADD, so an address is looked up, never searched.
"""

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mooring.core.linux.plan import Ip
from mooring.core.npn.record import Pair

K = TypeVar("K")
V = TypeVar("V")

Offers = Mapping[str, tuple[Pair, ...]]
"""Per VNIC its addresses, an IPv4 and an IPv6 one in pairs."""


def parts(pair: Pair) -> tuple[Ip, ...]:
    """Give the one or two addresses of a pair."""
    return tuple(address for address in (pair.v4, pair.v6) if address is not None)


def without(mapping: Mapping[K, V], keys: Iterable[K]) -> dict[K, V]:
    """Copy a mapping and leave these keys out; they must be there."""
    copy = dict(mapping)
    for key in keys:
        del copy[key]
    return copy


@dataclass(frozen=True, slots=True)
class Pool:
    """The addresses that no lease holds; `cooling` says until when each one rests.

    `homes` is `offers` the other way round: the VNIC and the pair of each address.
    """

    offers: Offers = field(default_factory=dict)
    homes: Mapping[Ip, tuple[str, Pair]] = field(default_factory=dict)
    free: Offers = field(default_factory=dict)
    cooling: Mapping[Ip, float] = field(default_factory=dict)

    def offered(self, offers: Offers, held: Container[Ip]) -> "Pool":
        """Take over what the cloud has now; an address counts where it stands first."""
        homes: dict[Ip, tuple[str, Pair]] = {}
        clean: dict[str, tuple[Pair, ...]] = {}
        for vnic, pairs in offers.items():
            kept = []
            for pair in pairs:
                if parts(pair) and not any(a in homes for a in parts(pair)):
                    homes.update(dict.fromkeys(parts(pair), (vnic, pair)))
                    kept.append(pair)
            clean[vnic] = tuple(kept)
        free = {}
        for vnic, pairs in clean.items():
            usable = {p: None for p in pairs if _unused(p, held, self.cooling)}
            queue = [pair for pair in self.free.get(vnic, ()) if pair in usable]
            free[vnic] = tuple(dict.fromkeys((*queue, *usable)))
        return replace(self, offers=clean, homes=homes, free=free)

    def first(self) -> tuple[str, Pair] | None:
        """Choose: the VNIC with most free addresses, there the longest free one."""
        vnic = max(self.free, key=lambda v: len(self.free[v]), default=None)
        if vnic is None or not self.free[vnic]:
            return None
        return vnic, self.free[vnic][0]

    def taken(self, addresses: Iterable[Ip]) -> "Pool":
        """Give away these addresses: they are not free any more."""
        free = dict(self.free)
        for vnic, pair in {self.homes[a] for a in addresses if a in self.homes}:
            queue = free[vnic]
            if queue and queue[0] == pair:
                free[vnic] = queue[1:]
            elif pair in queue:
                free[vnic] = tuple(other for other in queue if other != pair)
        return replace(self, free=free)

    def cooled(self, addresses: Iterable[Ip], until: float) -> "Pool":
        """Let these addresses, which are not free, rest until then."""
        resting = dict.fromkeys(addresses, until)
        return replace(self, cooling={**self.cooling, **resting})

    def reclaimed(self, now: float, held: Container[Ip]) -> "Pool":
        """End the rest of those whose time has come."""
        due = [address for address, until in self.cooling.items() if until <= now]
        if not due:
            return self
        cooling = without(self.cooling, due)
        free = dict(self.free)
        for vnic, pair in dict.fromkeys(self.homes[a] for a in due if a in self.homes):
            if _unused(pair, held, cooling):
                free[vnic] = (*free[vnic], pair)
        return replace(self, free=free, cooling=cooling)

    def has(self, vnic: str, addresses: Iterable[Ip]) -> bool:
        """Tell whether the cloud has all these addresses on that VNIC."""
        homes = (self.homes.get(address) for address in addresses)
        return all(home is not None and home[0] == vnic for home in homes)

    def resting(self) -> tuple[float, ...]:
        """Give the times when offered pairs that rest now will be free."""
        pairs = dict.fromkeys(self.homes[a] for a in self.cooling if a in self.homes)
        return tuple(
            max(self.cooling[a] for a in parts(pair) if a in self.cooling)
            for _, pair in pairs
        )


def _unused(pair: Pair, held: Container[Ip], cooling: Collection[Ip]) -> bool:
    return not any(a in held or a in cooling for a in parts(pair))
