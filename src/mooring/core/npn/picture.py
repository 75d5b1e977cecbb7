"""What is wanted beside what is there: slots, their VNICs, and who uses which address."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mooring.core.npn import elastic
from mooring.core.npn.elastic import PoolPlan
from mooring.core.npn.families import IPV4, meant, served
from mooring.core.npn.holding import Holding, hold
from mooring.core.npn.policy import PoolPolicy
from mooring.core.npn.record import Npn
from mooring.core.npn.seen import Sighting, SubnetSeen
from mooring.core.npn.shelves import hold_listed, shelf
from mooring.core.npn.slots import Match, Slot, match, slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One object against one look.

    `holdings` has the slots whose VNIC is ready, and of each the families that are asked for
    and that its subnet has. With an elastic pool `pool` says what becomes of it, and why,
    and `slots` leaves out those that are not needed yet.
    """

    npn: Npn
    seen: Sighting
    slots: tuple[Slot, ...]
    match: Match
    holdings: Mapping[str, Mapping[str, Holding]]
    pool: PoolPlan | None = None

    def subnet(self, slot: Slot) -> SubnetSeen | None:
        """Give the subnet of a slot, None when it was not shown."""
        nic = self.match.placed.get(slot.key)
        place = nic.vnic.subnet_id if nic else slot.vnic.subnet_id
        return self.seen.subnets.get(place)

    def served(self, slot: Slot) -> tuple[str, ...]:
        """Give the families of a slot that its subnet has."""
        return served(slot.families, self.subnet(slot))

    def lacking(self, family: str) -> Iterator[Slot]:
        """Give the slots with a ready VNIC that lack addresses of a family."""
        for slot in self.slots:
            holding = self.holdings.get(slot.key, {}).get(family)
            if holding and holding.missing:
                yield slot

    def complete(self, family: str) -> bool:
        """Tell whether every slot that asks for the family has all of it, and one does."""
        asking = [slot for slot in self.slots if family in slot.families]
        held = [self.holdings.get(slot.key, {}).get(family) for slot in asking]
        return bool(asking) and all(h is not None and not h.missing for h in held)

    @property
    def families(self) -> tuple[str, ...]:
        """Give all families that the object asks for, the preferred one first."""
        wanted = [f for slot in self.slots for f in slot.families]
        said = self.npn.spec.ip_families
        both = len(said) > 1
        return tuple(dict.fromkeys([*(said if both else ()), *wanted]))


def draw(npn: Npn, seen: Sighting, calm: float = 0.0) -> Picture:
    """Put the object and the look beside each other.

    `calm` is for how long an elastic pool has had more free addresses than it should.
    """
    wanted = tuple(_known(slot, seen) for slot in slots(npn))
    found = match(npn, wanted, seen)
    before = {v.vnic_id: v for v in npn.status.vnics}
    holdings = {
        slot.key: {
            family: hold(
                slot,
                family,
                seen.addresses.get(nic.vnic.id, ()),
                before.get(nic.vnic.id),
            )
            for family in served(slot.families, seen.subnets.get(nic.vnic.subnet_id))
        }
        for slot in wanted
        if (nic := found.placed.get(slot.key)) and nic.ready
    }
    picture = Picture(npn=npn, seen=seen, slots=wanted, match=found, holdings=holdings)
    return picture if npn.policy is None else _elastic(picture, npn.policy, calm)


def _elastic(picture: Picture, policy: PoolPolicy, calm: float) -> Picture:
    """Hold only as many IPv4 addresses as the policy and the usage ask for."""
    npn, found = picture.npn, picture.match
    before = {v.vnic_id: v for v in npn.status.vnics}
    four = [slot for slot in picture.slots if IPV4 in picture.served(slot)]
    stock = {
        slot.key: (nic.vnic.id, picture.seen.addresses.get(nic.vnic.id, ()))
        for slot in four
        if (nic := found.placed.get(slot.key)) and nic.ready
    }
    shelves = {
        slot.key: shelf(
            slot, stock[slot.key][1], before.get(stock[slot.key][0]), npn.usage
        )
        if slot.key in stock
        else shelf(slot, None, None, None)
        for slot in four
    }
    demand = elastic.demand(policy, npn.usage, shelves.values())
    serial = npn.status.pool.serial if npn.status.pool else 0
    now = elastic.Moment(calm=calm, serial=serial)
    plan = elastic.plan(demand, shelves, npn.usage, now)
    holdings = dict(picture.holdings)
    for slot in four:
        if slot.key in stock:
            vnic, objects = stock[slot.key]
            told = npn.usage, plan
            held = hold_listed(slot, objects, before.get(vnic), told)
            holdings[slot.key] = {**holdings[slot.key], IPV4: held}
    needed = tuple(
        slot
        for slot in picture.slots
        if slot.host_on_primary
        or slot not in four
        or slot.key in found.placed
        or slot.key in plan.grow
    )
    return replace(picture, slots=needed, holdings=holdings, pool=plan)


def _known(slot: Slot, seen: Sighting) -> Slot:
    subnet = seen.subnets.get(slot.vnic.subnet_id)
    families = meant(slot.families, subnet, profiled=slot.host_on_primary)
    return slot if families == slot.families else replace(slot, families=families)
