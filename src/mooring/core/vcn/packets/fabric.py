"""The whole wanted fabric as a value: namespaces, links, routes and rules of all VCNs.

One namespace is a VCN's router, one plays an instance, one the internet; one is a DRG, one
plays the premises behind a DRG's attachment, one Oracle's services behind a service gateway.

What is inside of an instance is the guest's. Its first boot is played once, when the
primary interface is made, and never repaired.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mooring.core.linux.nft import Table
from mooring.core.linux.plan import Ip, Plan
from mooring.core.vcn.model import Drg, Instance, ServiceGateway, Vcn
from mooring.core.vcn.packets import fabric_nft, names
from mooring.core.vcn.packets.fabric_drg import (
    Branches,
    drg_facts,
    drg_ruleset,
    site_facts,
    site_hosts,
)
from mooring.core.vcn.packets.fabric_links import QUIET, ROUTING, Cable, cable, settings
from mooring.core.vcn.packets.fabric_outside import (
    SERVER,
    SERVER6,
    SERVICES_SERVER,
    internet_facts,
    services_facts,
)
from mooring.core.vcn.packets.fabric_router import ANSWERING, Place
from mooring.core.vcn.packets.router import (
    POWERED,
    Gate,
    Peer,
    Services,
    forget,
    router,
)
from mooring.core.vcn.packets.router import Drg as ToDrg
from mooring.core.vcn.world import World

__all__ = ["SERVER", "SERVER6", "Fabric", "hosts", "wanted"]

STANDS = frozenset({*POWERED, "STOPPED", "TERMINATING"})


@dataclass(frozen=True, slots=True)
class Fabric:
    """Everything that should be, by namespace.

    `settings` are written at each look, `facts` are kept, `tables` are the routers' nft. `births` are
    what is done once for a new port, by router's namespace and port's name.
    """

    spaces: tuple[str, ...]
    settings: Mapping[str, Plan]
    facts: Mapping[str, Plan]
    tables: Mapping[str, Table]
    births: Mapping[str, Mapping[str, Plan]]


def wanted(world: World, fabric: str) -> Fabric:
    """Compute the fabric of a World; what is remembered of VCNs that have gone is forgotten."""
    forget(world)
    fabric_nft.forget(world)
    places = {place.space: place for place in _places(world, fabric)}
    nodes = [
        names.node_space(fabric, instance.id)
        for instance in world.of(Instance)
        if instance.lifecycle_state in STANDS
    ]
    parts = _Parts(world, fabric)
    drgs, ends = dict(parts.drgs()), dict(parts.ends(places))
    internet = names.internet_space(fabric)
    return Fabric(
        spaces=(internet, *places, *drgs, *ends, *nodes),
        settings={
            internet: settings(internet, ROUTING),
            **{s: settings(s, ROUTING | ANSWERING) for s in places},
            **{s: settings(s, ROUTING) for s in drgs},
            **{s: settings(s, QUIET) for s in ends},
        },
        # The internet comes last: its links are made with the routers'.
        facts={
            **{s: tuple(p.facts()) for s, p in places.items()},
            **{s: facts for s, (facts, _) in drgs.items()},
            **ends,
            internet: tuple(internet_facts(internet, places.values())),
        },
        tables={
            **{s: fabric_nft.ruleset(world, p.router) for s, p in places.items()},
            **{s: table for s, (_, table) in drgs.items()},
        },
        births={s: dict(p.births()) for s, p in places.items()},
    )


def hosts(world: World, fabric: str) -> Mapping[str, tuple[Ip, ...]]:
    """Give the addresses outside of the VCNs at which somebody answers, by namespace."""
    branches = Branches(fabric, world)
    return {
        names.internet_space(fabric): (SERVER, SERVER6, SERVICES_SERVER),
        **{
            names.services_space(fabric, gateway.id): (SERVICES_SERVER,)
            for gateway in world.of(ServiceGateway)
        },
        **{s: site_hosts(world, before) for s, before in branches.sites().items()},
    }


def _places(world: World, fabric: str) -> Iterator[Place]:
    branches = Branches(fabric, world)
    for vcn in world.of(Vcn):
        found = router(world, vcn)
        space = names.vcn_space(fabric, vcn.id)
        gates = {
            id: link
            for id, gate in found.gates.items()
            if (link := _gate(gate, space, branches)) is not None
        }
        yield Place(fabric, space, found, gates)


def _gate(gate: Gate, space: str, branches: Branches) -> Cable | None:
    """Lay the link that leads through a gateway."""
    here = space, names.gate_name(gate.id)
    match gate.way:
        case Services():
            osn = names.services_space(branches.fabric, gate.id)
            return cable(gate.id, here, (osn, names.UPLINK))
        case Peer(_, vcn_id, peer_id):
            other = names.vcn_space(branches.fabric, vcn_id), names.gate_name(peer_id)
            if gate.id < peer_id:
                return cable(gate.id, here, other)
            return cable(peer_id, other, here)
        case ToDrg():
            return branches.named(gate.id)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What there is beside the VCNs, by namespace."""

    world: World
    fabric: str

    def drgs(self) -> Iterator[tuple[str, tuple[Plan, Table]]]:
        branches = Branches(self.fabric, self.world)
        for drg in self.world.of(Drg):
            space, links = names.drg_space(self.fabric, drg.id), branches.of(drg)
            facts = tuple(drg_facts(self.world, space, links))
            yield space, (facts, drg_ruleset(self.world, links, space))

    def ends(self, places: Mapping[str, Place]) -> Iterator[tuple[str, Plan]]:
        """Give the services networks and the premises."""
        for gateway in self.world.of(ServiceGateway):
            space = names.services_space(self.fabric, gateway.id)
            place = places.get(names.vcn_space(self.fabric, gateway.vcn_id))
            yield space, tuple(services_facts(space, gateway.id, place))
        branches = Branches(self.fabric, self.world)
        for space, before in branches.sites().items():
            links = [link for each in before if (link := branches.cable(each))]
            hosts = site_hosts(self.world, before)
            yield space, tuple(site_facts(space, hosts, links))
