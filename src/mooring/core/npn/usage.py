"""What a node's agent says of its pool: how many addresses are used, free and cooling, or which.

And by which link and table each VNIC is served, which is for `mooring describe`.

The counts are for people and for the scheduler's sake. An elastic pool needs the lists as well: the
controller decides by them how large it has to be, and which objects of the cloud nobody uses.
`serial` names the status that the agent has followed: only what it says after an address was taken
off the status can prove that it hands that address out no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from mooring.core.cni.parse import fault_of_ifname
from mooring.core.npn.fields import Field

Address = IPv4Address | IPv6Address
MOST = 4096
MOST_VNICS = 64
"""As many as a status lists."""
TABLES = range(7001, 7127)
"""The numbers of VNICs' routing tables (`wiring.vnic.table` of `ipam.ledger.SLOTS`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many pods have an address, how many more could have one now, how many rest."""

    used: int = 0
    free: int = 0
    cooling: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class VnicLink:
    """By what a VNIC's pods are served: its link on the node, and the table that leaves by it."""

    vnic_id: str
    link: str
    table: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Addresses by what the agent does with them.

    Those that cool include those kept by a flow, and those of a VNIC that gives none for now.

    `counts` stands there instead of the lists where nobody needs them: the pool is not elastic.
    `links` are sorted, one for a VNIC; none where the agent has not told any (an older one).
    """

    serial: int = 0
    held: frozenset[Address] = frozenset()
    cooling: frozenset[Address] = frozenset()
    free: frozenset[Address] = frozenset()
    counts: Counts | None = None
    links: tuple[VnicLink, ...] = ()

    @property
    def busy(self) -> frozenset[Address]:
        """Give those that cannot be handed out now."""
        return self.held | self.cooling

    @property
    def known(self) -> frozenset[Address]:
        """Give all that the agent names."""
        return self.busy | self.free

    @property
    def tally(self) -> Counts:
        """Count: of two families the one that has fewer free, as a pod needs one of each."""
        if self.counts is not None:
            return self.counts
        versions = {a.version for a in self.known} or {4}
        free, version = min((_count(self.free, v), v) for v in versions)
        return Counts(
            used=max(_count(self.held, v) for v in versions),
            free=free,
            cooling=_count(self.cooling, version),
        )


def lists(usage: Usage | None) -> Usage | None:
    """Give what an elastic pool can be sized by: nothing when only counts were told.

    Links are left out: that one has changed is no news of the pool.
    """
    if usage is None or usage.counts is not None:
        return None
    return replace(usage, links=())


def read(document: object) -> Usage:
    """Read what stands below `usage`; raise Unreadable."""
    usage = Field("usage", document)
    serial = usage.at("serial").either(lambda f: f.whole(0, 2**63 - 1), 0)
    used, free, cooling = (
        usage.at(name).whole(0, MOST) for name in ("used", "free", "cooling")
    )
    links = _links(usage.at("vnics"))
    named = usage.at("addresses")
    if named.absent:
        counts = Counts(used=used, free=free, cooling=cooling)
        return Usage(serial=serial, counts=counts, links=links)
    return Usage(
        serial=serial,
        links=links,
        held=_addresses(named.at("held")),
        cooling=_addresses(named.at("cooling")),
        free=_addresses(named.at("free")),
    )


def write(usage: Usage) -> dict[str, Any]:
    """Give what stands below `usage`: the counts always, the lists where there are any."""
    tally = usage.tally
    always = {
        "serial": usage.serial,
        "used": tally.used,
        "free": tally.free,
        "cooling": tally.cooling,
        "vnics": [
            {"vnicId": each.vnic_id, "link": each.link, "table": each.table}
            for each in usage.links
        ],
    }
    if usage.counts is not None:
        # null takes away, in a merge patch, what an elastic pool's agent told before.
        return {**always, "addresses": None}
    return {
        **always,
        "addresses": {
            "held": _texts(usage.held),
            "cooling": _texts(usage.cooling),
            "free": _texts(usage.free),
        },
    }


def _count(addresses: Iterable[Address], version: int) -> int:
    return sum(address.version == version for address in addresses)


def _links(field: Field) -> tuple[VnicLink, ...]:
    found = sorted({_link(item) for item in field.items(MOST_VNICS)})
    if len({each.vnic_id for each in found}) < len(found):
        raise field.wrong("must not name two links or tables of one VNIC")
    return tuple(found)


def _link(field: Field) -> VnicLink:
    name = field.at("link")
    link = name.text(15)
    if fault := fault_of_ifname(link):
        raise name.wrong(fault)
    return VnicLink(
        vnic_id=field.at("vnicId").text(255),
        link=link,
        table=field.at("table").whole(TABLES[0], TABLES[-1]),
    )


def _addresses(field: Field) -> frozenset[Address]:
    return frozenset(_address(item) for item in field.items(MOST))


def _address(field: Field) -> Address:
    text = field.text(64)
    try:
        return ip_address(text)
    except ValueError:
        raise field.wrong("must be an IP address") from None


def _texts(addresses: frozenset[Address]) -> list[str]:
    return [str(a) for a in sorted(addresses, key=lambda a: (a.version, a))]
