"""Service limits: how many there may be of what, by the names that the cloud's limits service has.

A limit of a region or of an availability domain is counted from the World and kept by the calls that
make things; who serves may choose another number. Those of a single VCN, group or policy are told,
and kept likewise, but nobody counts them for a compartment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mooring.core.vcn import shapes
from mooring.core.vcn.iam.tree import lineage
from mooring.core.vcn.indexes import ENDED, listed
from mooring.core.vcn.limits import (
    PEERINGS_PER_VCN,
    RULES_PER_NSG,
    STATEMENTS_PER_POLICY,
    Settings,
)
from mooring.core.vcn.model import (
    DhcpOptions,
    Drg,
    Instance,
    LocalPeeringGateway,
    NetworkSecurityGroup,
    PublicIp,
    Resource,
    RouteTable,
    SecurityList,
    Subnet,
    Vcn,
)
from mooring.core.vcn.world import World

GLOBAL, REGION, AD = "GLOBAL", "REGION", "AD"
VCN, COMPUTE, IDENTITY = "vcn", "compute", "identity"
SERVICES = {COMPUTE: "Compute", IDENTITY: "Identity", VCN: "Virtual Cloud Network"}
CORES_PER_DOMAIN = 100_000
RESERVED = "RESERVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimit:
    """One limit; `kind` is what is counted, in a VCN when it is `per_vcn`."""

    service: str
    name: str
    description: str
    value: int
    scope: str = REGION
    kind: type[Resource] | None = None
    per_vcn: bool = False

    @property
    def is_counted(self) -> bool:
        """Tell whether usage is known for a compartment."""
        return self.kind is not None and not self.per_vcn


@cache
def _series(shape: str) -> tuple[str, str] | None:
    """Give the limit's name and what it counts, of the processors that a shape is made of."""
    found = _SERIES.match(shape)
    if found is None:
        return None
    words = found[1].replace("DenseIO", "dense-io").replace(".", "-").lower()
    if words.startswith("gpu"):
        return f"{words}-count", "GPUs"
    micro = "-micro" if shape.endswith(".Micro") else ""
    return f"{words}{micro}-core-count", "Cores"


_SERIES = re.compile(r"(?:VM|BM)\.([A-Za-z]+\d*(?:\.[A-Z]+\d+)?)(?=\.|$)")

# name, what it is, how many
_REGIONAL: tuple[tuple[str, str, int, type[Resource]], ...] = (
    ("vcn-count", "Virtual Cloud Networks Count", 1000, Vcn),
    ("drg-count", "Dynamic Routing Gateways Count", 1000, Drg),
    ("reserved-public-ip-count", "Reserved Public IP Count", 1000, PublicIp),
)
_OF_A_VCN: tuple[tuple[str, str, int, type[Resource] | None], ...] = (
    ("dhcp-option-count", "DHCP Options", 300, DhcpOptions),
    ("internet-gateway-count", "Internet Gateways", 1, None),
    (
        "local-peering-gateway-count",
        "Local Peering Gateways",
        PEERINGS_PER_VCN,
        LocalPeeringGateway,
    ),
    (
        "networksecuritygroups-count",
        "Network Security Groups",
        1000,
        NetworkSecurityGroup,
    ),
    ("route-table-count", "Route Tables", 300, RouteTable),
    ("security-list-count", "Security Lists", 300, SecurityList),
    ("service-gateway-count", "Service Gateways", 1, None),
    ("subnet-count", "Subnets", 300, Subnet),
)


def _rows() -> Iterator[ServiceLimit]:
    for name, what, value, kind in _REGIONAL:
        yield ServiceLimit(
            service=VCN, name=name, description=what, value=value, kind=kind
        )
    for name, what, value, counted in _OF_A_VCN:
        yield ServiceLimit(
            service=VCN,
            name=name,
            description=f"{what} (per VCN)",
            value=value,
            kind=counted,
            per_vcn=True,
        )
    yield ServiceLimit(
        service=VCN,
        name="securityrules-per-networksecuritygroup-count",
        description="Security Rules (per Network Security Group)",
        value=RULES_PER_NSG,
    )
    yield ServiceLimit(
        service=IDENTITY,
        name="statements-count",
        description="Statements (per policy)",
        value=STATEMENTS_PER_POLICY,
        scope=GLOBAL,
    )
    for name, what in sorted({found for s in shapes.SHAPES if (found := _series(s))}):
        yield ServiceLimit(
            service=COMPUTE,
            name=name,
            description=f"{what} of {name.removesuffix('-count').removesuffix('-core')} (per availability domain)",
            value=CORES_PER_DOMAIN,
            scope=AD,
            kind=Instance,
        )


LIMITS: dict[str, ServiceLimit] = {row.name: row for row in _rows()}
CHOSEN = frozenset(name for name, row in LIMITS.items() if row.kind is not None)
"""Those of which who serves may choose the number."""


def value(settings: Settings, row: ServiceLimit) -> int:
    """Give how many there may be."""
    return dict(settings.limits).get(row.name, row.value)


def cores(shape: str, ocpus: float) -> tuple[ServiceLimit, float] | None:
    """Give the limit that an instance of a size counts for, and how much."""
    series, known = _series(shape), shapes.find(shape)
    row = None if series is None else LIMITS.get(series[0])
    if row is None or known is None:
        return None
    return row, known.gpus or ocpus


def in_vcn(world: World, row: ServiceLimit, vcn_id: str) -> int:
    """Count what a VCN has."""
    assert row.kind is not None  # noqa: S101 - the table promises it
    return world.space(listed(row.kind, vcn_id)).count


def used(
    world: World, row: ServiceLimit, domain: str | None, within: tuple[str, str] | None
) -> float:
    """Count what there is in all, or within a compartment of a tenancy and those below it."""
    if within is None and row.kind is Instance:
        return _room(world, row, domain)
    total = 0.0
    for record, amount in _counted(world, row, domain):
        if within is None or within[0] in lineage(
            world, record.compartment_id, within[1]
        ):
            total += amount
    return total


def _room(world: World, row: ServiceLimit, domain: str | None) -> float:
    """Count what all instances of a domain take, without a walk over them."""
    total = 0.0
    for (place, shape), (count, ocpus) in world.sizes.items():
        size = cores(shape, 0.0)
        if place == domain and size is not None and size[0] is row:
            total += count * size[1] or float(ocpus)
    return total


def _counted(
    world: World, row: ServiceLimit, domain: str | None
) -> Iterator[tuple[Resource, float]]:
    """Give what counts for a limit, and for how much."""
    if row.kind is Instance:
        for instance in world.of(Instance):
            size = cores(instance.shape, instance.ocpus)
            is_there = instance.lifecycle_state not in ENDED
            if (
                size
                and is_there
                and size[0] is row
                and instance.availability_domain == domain
            ):
                yield instance, size[1]
    elif row.kind is PublicIp:
        mine = (ip for ip in world.of(PublicIp) if ip.lifetime == RESERVED)
        yield from ((ip, 1) for ip in mine)
    elif row.kind is not None:
        yield from ((record, 1) for record in world.of(row.kind))
