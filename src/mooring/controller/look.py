"""A look at one instance: all that deciding needs, in as few calls as will do."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from mooring.controller.again import Again
from mooring.controller.survey import Survey
from mooring.core.npn.errors import CloudError, NotFound, Unavailable
from mooring.core.npn.families import may_want_ipv6
from mooring.core.npn.memory import Memory
from mooring.core.npn.port import Cloud
from mooring.core.npn.record import Npn
from mooring.core.npn.seen import (
    DEAD,
    GOING,
    AddressSeen,
    AttachmentSeen,
    InstanceSeen,
    Known,
    Made,
    Sighting,
    SubnetSeen,
    VnicSeen,
)
from mooring.core.npn.slots import ours, slots

SUBNET_LIFE = 30.0
"""Seconds that a subnet is taken as it was: it hardly changes, and every node asks."""

MOST_PRIMARIES = 10_000

VANISHED = 300.0
"""Seconds that the cloud has to know no such instance: one that was just launched may take a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a look is for: one instance, and which of its VNICs may be ours.

    `listed` are the VNICs of the object's status, `expected` what earlier calls made and no
    list has shown yet: lists lag behind, so these are asked for by their id. `subnets` are
    of interest before a VNIC is in them; `ipv6` asks for IPv6 objects too. `known` is a look
    that this one may build on.
    """

    name: str
    instance_id: str
    listed: frozenset[str] = frozenset()
    expected: frozenset[Made] = frozenset()
    subnets: frozenset[str] = frozenset()
    ipv6: bool = False
    known: Sighting | None = None


def question(npn: Npn, memory: Memory, known: Known | None) -> Question:
    """Say what an object's look is for; it builds on `known`."""
    return Question(
        name=npn.name,
        instance_id=npn.spec.id,
        listed=frozenset(v.vnic_id for v in npn.status.vnics),
        expected=memory.expected,
        subnets=_subnets(npn),
        ipv6=may_want_ipv6(npn.spec),
        known=known.seen if known else None,
    )


def _subnets(npn: Npn) -> frozenset[str]:
    """Give the subnets whose families matter before there is a VNIC in them."""
    profiles = npn.spec.secondary_vnics
    if not profiles and not may_want_ipv6(npn.spec):
        return frozenset()
    return frozenset(slot.vnic.subnet_id for slot in slots(npn))


class Looker:
    """Looks at instances; remembers what stays: primary VNICs, and subnets for a while."""

    def __init__(
        self, cloud: Cloud, now: Callable[[], float], interval: float = 30.0
    ) -> None:
        self.cloud, self.now = cloud, now
        self.survey = Survey(cloud, now, interval)
        self._subnets: dict[str, tuple[float, SubnetSeen]] = {}
        self._primaries: dict[str, VnicSeen] = {}

    def look(self, question: Question) -> Sighting:
        """Show an instance; raise NotFound when there is none."""
        if question.known is not None:
            return _Look(self, question, question.known.instance).add(question.known)
        instance = self.cloud.instance(question.instance_id)
        if instance.state in GOING:
            return Sighting(instance=instance)
        return _Look(self, question, instance).take()

    def stands(self, known: Known | None) -> bool:
        """Tell whether a settled object's last look holds still, by lists of all."""
        return self.survey.stands(known)

    def vanished(self, npn: Npn, since: float | None) -> bool:
        """Tell whether an object is all that is left: no node, no owner, and no instance for a while.

        Behind a 404 the cloud hides, too, what may not be seen. So it has to list the compartment where
        the instance was: who may not see it there is refused the list as well.
        """
        compartment = npn.status.compartment
        if not npn.alone or not compartment or since is None:
            return False
        if self.now() - since < VANISHED:
            return False
        try:
            listed = self.cloud.instances_in(compartment)
        except CloudError:
            return False
        return all(i.id != npn.spec.id or i.state in GOING for i in listed)

    def subnet(self, subnet_id: str) -> SubnetSeen:
        """Show a subnet, one that is at rest for a while as it was."""
        until, seen = self._subnets.get(subnet_id, (0.0, None))
        if seen is None or self.now() >= until:
            seen = self.cloud.subnet(subnet_id)
            if seen.state == "AVAILABLE":
                self._subnets[subnet_id] = self.now() + SUBNET_LIFE, seen
        return seen

    def vnic(self, vnic_id: str) -> VnicSeen:
        """Show a VNIC; a primary one from memory, it stays what it is."""
        known = self._primaries.get(vnic_id)
        if known:
            return known
        seen = self.cloud.vnic(vnic_id)
        if seen.is_primary and seen.state == "AVAILABLE":
            if len(self._primaries) >= MOST_PRIMARIES:
                self._primaries.clear()
            self._primaries[vnic_id] = seen
        return seen


@dataclass
class _Look:
    """One look; `gone` and `unlisted` are what it finds out about the expected."""

    looker: Looker
    question: Question
    instance: InstanceSeen
    gone: set[Made] = field(default_factory=set)
    unlisted: set[Made] = field(default_factory=set)

    def take(self) -> Sighting:
        """Look at everything."""
        attachments = self._attachments()
        vnics = {v.id: v for v in self._vnics(attachments)}
        self._may_see(attachments, vnics)
        self._check(vnics)
        mine = self._mine(vnics)
        subnets = self._subnets(mine)
        addresses = self._addresses(mine, subnets)
        for kind, ask in (
            ("address", self.looker.cloud.address),
            ("ipv6", self.looker.cloud.ipv6),
        ):
            self._add(addresses, kind, ask)
        return Sighting(
            instance=self.instance,
            attachments=attachments,
            vnics=vnics,
            addresses=addresses,
            subnets=subnets,
            gone=frozenset(self.gone),
            unlisted=frozenset(self.unlisted),
        )

    def add(self, before: Sighting) -> Sighting:
        """Look at what is new since the look before."""
        again = Again(self.looker.cloud, before, self.question.expected)
        attachments = again.attachments()
        vnics = again.vnics(attachments)
        mine = self._mine(vnics)
        subnets = self._subnets(mine)
        known = before.addresses
        addresses = {v.id: known[v.id] for v in mine if v.id in known}
        new = [v for v in mine if v.id not in known and v.state == "AVAILABLE"]
        addresses |= self._addresses(new, subnets)
        again.add(addresses)
        return Sighting(
            instance=self.instance,
            attachments=attachments,
            vnics=vnics,
            addresses=addresses,
            subnets=subnets,
            gone=frozenset(again.gone),
            unlisted=again.unlisted(),
        )

    def _mine(self, vnics: dict[str, VnicSeen]) -> list[VnicSeen]:
        name, listed = self.question.name, self.question.listed
        return [v for v in vnics.values() if ours(name, v, listed)]

    def _attachments(self) -> tuple[AttachmentSeen, ...]:
        cloud = self.looker.cloud
        found = list(cloud.attachments(self.instance))
        for made in self._expected("attachment", {a.id for a in found}):
            try:
                seen = cloud.attachment(made.id)
            except NotFound:
                self.gone.add(made)
                continue
            (self.gone if seen.state in DEAD else self.unlisted).add(made)
            found.append(seen)
        return tuple(found)

    def _vnics(self, attachments: tuple[AttachmentSeen, ...]) -> Iterator[VnicSeen]:
        for attachment in attachments:
            if attachment.vnic_id and attachment.state not in DEAD:
                with suppress(NotFound):
                    yield self.looker.vnic(attachment.vnic_id)

    def _may_see(
        self, attachments: tuple[AttachmentSeen, ...], vnics: dict[str, VnicSeen]
    ) -> None:
        """Raise NotFound where that a VNIC cannot be seen is a matter of rights.

        Every instance has a VNIC, its primary one. But what is remembered of that one says nothing of
        today's rights: it is asked for again where another is lost to sight that the status
        lists and whose attachment did not end.
        """
        there = [a.vnic_id for a in attachments if a.vnic_id and a.state == "ATTACHED"]
        if there and not vnics:
            self.looker.cloud.vnic(there[0])
        ended = {a.vnic_id for a in attachments if a.state in DEAD}
        if self.question.listed - vnics.keys() - ended:
            for primary in [v.id for v in vnics.values() if v.is_primary]:
                self.looker.cloud.vnic(primary)

    def _check(self, vnics: dict[str, VnicSeen]) -> None:
        """Refuse a list that leaves out a VNIC that is there: it is an old one.

        Believing it would take the VNIC from the node and attach another (RT-21).
        """
        for vnic_id in sorted(self.question.listed - vnics.keys()):
            with suppress(NotFound):
                if self.looker.vnic(vnic_id).state not in GOING:
                    raise Unavailable(
                        "ListVnicAttachments",
                        "Inconsistent",
                        f"VNIC {vnic_id} exists and is not in the list",
                    )

    def _subnets(self, mine: list[VnicSeen]) -> dict[str, SubnetSeen]:
        """Show the subnets of VNICs, and wanted ones as far as they are there."""
        found = {v.subnet_id: self.looker.subnet(v.subnet_id) for v in mine}
        for subnet_id in sorted(self.question.subnets - found.keys()):
            with suppress(NotFound):  # attaching a VNIC to it will tell
                found[subnet_id] = self.looker.subnet(subnet_id)
        return found

    def _addresses(
        self, mine: list[VnicSeen], subnets: dict[str, SubnetSeen]
    ) -> dict[str, tuple[AddressSeen, ...]]:
        cloud = self.looker.cloud
        found = {v.id: cloud.addresses(v.id) for v in mine}
        for vnic in mine:
            # Without IPv6 to be had, or wanted, a look does not ask for it.
            subnet = subnets[vnic.subnet_id]
            if subnet.v6 and (self.question.ipv6 or not subnet.v4):
                found[vnic.id] += cloud.ipv6s(vnic.id)
        return found

    def _add(
        self,
        found: dict[str, tuple[AddressSeen, ...]],
        kind: str,
        ask: Callable[[str], AddressSeen],
    ) -> None:
        """Add what was made, is there, and stands in no list yet."""
        listed = {a.id for on in found.values() for a in on}
        for made in self._expected(kind, listed):
            try:
                seen = ask(made.id)
            except NotFound:
                self.gone.add(made)
                continue
            if seen.vnic_id not in found:
                self.gone.add(made)
                continue
            self.unlisted.add(made)
            found[seen.vnic_id] += (seen,)

    def _expected(self, kind: str, listed: set[str]) -> list[Made]:
        return [
            made
            for made in sorted(self.question.expected, key=lambda m: m.id)
            if made.kind == kind and made.id not in listed
        ]
