"""Which addresses can be handed out: what the cloud put on the VNICs, less the rest.

An offer is what a NativePodNetwork's status says is on a VNIC. Free is an offered
address that nobody holds and that is not cooling; the longest free one is first. An
address that the cloud took away simply is in no offer any more.

Each family of a VNIC has a queue of its own: a pod takes one address out of each, and whether
one runs out is nothing to the other. Which IPv6 address goes with which IPv4 one means
nothing.

Everything here is on the way of an ADD, so an address is looked up, never searched.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from mooring.core.linux.plan import Ip
from mooring.core.npn.record import Pair

K = TypeVar("K")
V = TypeVar("V")

VERSIONS = {"IPv4": 4, "IPv6": 6}


@dataclass(frozen=True, slots=True)
class Offer:
    """A VNIC's addresses for pods, and the families that a pod of it is to have.

    The first of `families` is the one without which there is no pod; the others are given
    as long as there are any. One that is `shut` gives none for now: what pods have they keep.
    """

    addresses: tuple[Ip, ...] = ()
    families: tuple[int, ...] = (4,)
    shut: bool = False


Offers = Mapping[str, Offer]
Queue = tuple[str, int]
"""A VNIC and a family."""


def offer(pairs: Iterable[Pair], families: Iterable[str]) -> Offer:
    """Read an offer off a status: only addresses of the VNIC's families count."""
    versions = tuple(VERSIONS[family] for family in families)
    found = (a for pair in pairs for a in parts(pair) if a.version in versions)
    return Offer(tuple(found), versions)


def parts(pair: Pair) -> tuple[Ip, ...]:
    """Give the one or two addresses of a pair."""
    v4, v6 = pair.v4, pair.v6
    if v6 is None:
        return () if v4 is None else (v4,)
    return (v6,) if v4 is None else (v4, v6)


def without(mapping: Mapping[K, V], keys: Iterable[K]) -> dict[K, V]:
    """Copy a mapping and leave these keys out; they must be there."""
    copy = dict(mapping)
    for key in keys:
        del copy[key]
    return copy


@dataclass(frozen=True, slots=True)
class Pool:
    """The addresses that no lease holds; `cooling` says until when each one rests.

    `homes` is `offers` the other way round: the VNIC of each address.
    """

    offers: Offers = field(default_factory=dict)
    homes: Mapping[Ip, str] = field(default_factory=dict)
    free: Mapping[Queue, tuple[Ip, ...]] = field(default_factory=dict)
    cooling: Mapping[Ip, float] = field(default_factory=dict)

    def offered(self, offers: Offers, held: Container[Ip]) -> "Pool":
        """Take over what the cloud has now; an address counts where it stands first."""
        homes: dict[Ip, str] = {}
        clean: dict[str, Offer] = {}
        free: dict[Queue, tuple[Ip, ...]] = {}
        for vnic, given in offers.items():
            kept = [a for a in dict.fromkeys(given.addresses) if a not in homes]
            homes.update(dict.fromkeys(kept, vnic))
            clean[vnic] = replace(given, addresses=tuple(kept))
            for version in given.families:
                usable = {
                    a: None
                    for a in kept
                    if a.version == version and a not in held and a not in self.cooling
                }
                if given.shut:
                    usable.clear()
                queue = self.free.get((vnic, version), ())
                known = [a for a in queue if a in usable]
                free[vnic, version] = tuple(dict.fromkeys((*known, *usable)))
        return replace(self, offers=clean, homes=homes, free=free)

    def first(self) -> tuple[str, Pair] | None:
        """Choose: of each family of a VNIC the longest free address.

        The VNIC is one with all families that it should have, and with most free addresses.
        """
        fit = [v for v, given in self.offers.items() if self.free[v, given.families[0]]]
        if not fit:
            return None
        vnic = fit[0] if len(fit) == 1 else max(fit, key=self._worth)
        pair = self._taken_from(vnic)
        if self.lacks(vnic, pair):
            vnic = max(fit, key=self._worth_with_resting)
            pair = self._taken_from(vnic)
        return vnic, pair

    def oldest(self, held_back: Container[Ip] = frozenset()) -> tuple[str, Pair] | None:
        """Choose when `first` has nothing: what would be free next, and what is free beside it.

        Those `held_back` come last: somebody speaks with them.
        It is of a family without which there is no pod.
        """
        resting = [
            (until, address)
            for address, until in self.cooling.items()
            if self._required(address)
        ]
        if not resting:
            return None
        _, address = min(resting, key=lambda r: (r[1] in held_back, r[0]))
        vnic = self.homes[address]
        return vnic, paired((address, *parts(self._taken_from(vnic))))

    def lacks(self, vnic: str, pair: Pair) -> bool:
        """Tell whether a pod of the VNIC should have more families than these."""
        had = (pair.v4 is not None) + (pair.v6 is not None)
        return had < len(self.offers[vnic].families)

    def completed(
        self, vnic: str, pair: Pair, held_back: Container[Ip] = frozenset()
    ) -> Pair:
        """Add, of each family that the pair lacks, what would be free next on that VNIC.

        What a pod lacks when it begins it lacks until it ends.
        """
        known = {address.version for address in parts(pair)}
        resting = sorted(
            (address in held_back, until, address.version, address)
            for address, until in self.cooling.items()
            if self.homes.get(address) == vnic and address.version not in known
        )
        return paired((*parts(pair), *(address for *_, address in resting)))

    def taken(self, addresses: Iterable[Ip]) -> "Pool":
        """Give away these addresses: they are not free any more."""
        free = dict(self.free)
        for address in addresses:
            where = self.homes.get(address, ""), address.version
            queue = free.get(where, ())
            if queue and queue[0] == address:
                free[where] = queue[1:]
            elif address in queue:
                free[where] = tuple(other for other in queue if other != address)
        return Pool(self.offers, self.homes, free, self.cooling)

    def cooled(self, addresses: Iterable[Ip], until: float) -> "Pool":
        """Let these addresses, which are not free, rest until then."""
        resting = dict.fromkeys(addresses, until)
        cooling = {**self.cooling, **resting}
        return Pool(self.offers, self.homes, self.free, cooling)

    def reclaimed(self, now: float, held: Container[Ip]) -> "Pool":
        """End the rest of those whose time has come."""
        if not self.cooling:
            return self
        due = [address for address, until in self.cooling.items() if until <= now]
        if not due:
            return self
        free = dict(self.free)
        for address in due:
            vnic = self.homes.get(address, "")
            where = vnic, address.version
            if where in free and address not in held and not self.offers[vnic].shut:
                free[where] = (*free[where], address)
        return replace(self, free=free, cooling=without(self.cooling, due))

    def rested(self, addresses: Iterable[Ip], now: float) -> "Pool":
        """End the rest of those of the addresses whose time has come, of no others."""
        if not self.cooling:
            return self
        due = [a for a in addresses if self.cooling.get(a, now + 1) <= now]
        return replace(self, cooling=without(self.cooling, due)) if due else self

    def has(self, vnic: str, addresses: Iterable[Ip]) -> bool:
        """Tell whether the cloud has all these addresses on that VNIC."""
        return all(self.homes.get(address) == vnic for address in addresses)

    def count(self, version: int) -> "Count":
        """Count the offered addresses of a family."""
        return Count(
            offered=sum(a.version == version for a in self.homes),
            free=sum(len(q) for (_, v), q in self.free.items() if v == version),
            resting=tuple(
                until
                for address, until in self.cooling.items()
                if address.version == version and address in self.homes
            ),
        )

    def withheld(self, held: Container[Ip]) -> frozenset[Ip]:
        """Give the addresses that are there for pods and that nobody gets, for their VNIC is shut."""
        return frozenset(
            address
            for given in self.offers.values()
            if given.shut
            for address in given.addresses
            if address not in held and address not in self.cooling
        )

    @property
    def families(self) -> tuple[int, ...]:
        """Give the families that pods are to have, the required ones first."""
        firsts = [given.families[0] for given in self.offers.values()]
        every = [v for given in self.offers.values() for v in given.families]
        return tuple(dict.fromkeys((*firsts, *every)))

    def _required(self, address: Ip) -> bool:
        vnic = self.homes.get(address)
        if vnic is None or self.offers[vnic].shut:
            return False
        return self.offers[vnic].families[0] == address.version

    def _worth(self, vnic: str) -> tuple[bool, int]:
        families = self.offers[vnic].families
        whole = all(self.free[vnic, version] for version in families)
        return whole, len(self.free[vnic, families[0]])

    def _worth_with_resting(self, vnic: str) -> tuple[int, int]:
        families = self.offers[vnic].families
        resting = {a.version for a in self.cooling if self.homes.get(a) == vnic}
        had = sum(bool(self.free[vnic, v]) or v in resting for v in families)
        return had, len(self.free[vnic, families[0]])

    def _taken_from(self, vnic: str) -> Pair:
        free = self.free
        return paired((*free.get((vnic, 4), ())[:1], *free.get((vnic, 6), ())[:1]))


@dataclass(frozen=True, slots=True)
class Count:
    """How many addresses of a family there are; `resting`: when those that cool are free."""

    offered: int
    free: int
    resting: tuple[float, ...]


def paired(addresses: Sequence[Ip]) -> Pair:
    """Put addresses into a pair, the first of each family."""
    v4: IPv4Address | None = None
    v6: IPv6Address | None = None
    for address in addresses:
        if isinstance(address, IPv4Address):
            v4 = v4 or address
        else:
            v6 = v6 or address
    return Pair(v4, v6)
