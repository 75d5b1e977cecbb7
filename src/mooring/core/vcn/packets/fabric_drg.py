"""Dynamic routing gateways in the kernel, and the premises behind their attachments.

A DRG is a namespace that forwards and judges nothing. Each attachment is a link; what comes
in by it gets a mark, the number of the attachment's DRG route table, which is a routing table
of the kernel. One map says the mark, so a packet costs the same whatever is attached. What no
route is for vanishes. The premises behind the tunnels of an IPSec connection, or behind a virtual
circuit, are a namespace with the first address of each of the site's networks, and everything it
sends goes to the DRG: by the first tunnel that is attached. It takes what comes by any.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mooring.core.linux.nft import Chain, Hook, NamedSet, Table, quote
from mooring.core.linux.plan import Address, Fact, Ip, LinkUp, Network, Route
from mooring.core.vcn.drg_routes import (
    REMOTE_PEERING,
    VCN,
    across,
    drg_routes,
    site_networks,
)
from mooring.core.vcn.model import Drg, DrgAttachment, IpSecTunnel
from mooring.core.vcn.packets import names
from mooring.core.vcn.packets.fabric_links import (
    EVERYWHERE,
    EVERYWHERE6,
    LOOPBACK,
    Cable,
    by_mark,
    cable,
    single,
)
from mooring.core.vcn.packets.messages import (
    SITE_MTU,
    VOICES,
    own_routes,
    tables_of,
)
from mooring.core.vcn.packets.router import LINK_LOCAL6
from mooring.core.vcn.world import World

ATTACHED = "ATTACHED"
FAMILY, TABLE = "inet", "mooring"


@dataclass(frozen=True, slots=True)
class Branches:
    """The attachments of all DRGs of a fabric that packets pass, as links."""

    fabric: str
    world: World

    def of(self, drg: Drg) -> Mapping[str, Cable]:
        """Give a DRG's links, by attachment."""
        found: dict[str, Cable] = {}
        for each in self.world.referring(DrgAttachment, drg.id):
            link = self.cable(each) if each.lifecycle_state == ATTACHED else None
            if link is not None:
                found[each.id] = link
        return found

    def cable(self, attachment: DrgAttachment) -> Cable | None:
        """Give the link of an attachment; None when there is nothing at its other end."""
        here = (
            names.drg_space(self.fabric, attachment.drg_id),
            names.branch_name(attachment.id),
        )
        if attachment.network_type == VCN:
            vcn = names.vcn_space(self.fabric, attachment.network_id)
            return cable(attachment.id, (vcn, names.gate_name(attachment.id)), here)
        if attachment.network_type == REMOTE_PEERING:
            return self._peering(attachment)
        first = self.companions(attachment)[0]
        link = names.UPLINK
        if first.id != attachment.id:
            link = names.gate_name(attachment.id)
        there = names.site_space(self.fabric, first.id), link
        return cable(attachment.id, here, there, SITE_MTU[attachment.network_type])

    def named(self, attachment_id: str) -> Cable | None:
        """Give the link of the attachment with this OCID."""
        attachment = self.world.find(DrgAttachment, attachment_id)
        return None if attachment is None else self.cable(attachment)

    def sites(self) -> Mapping[str, tuple[DrgAttachment, ...]]:
        """Give the namespaces of premises and the open attachments before them, the first tunnel's first."""
        found: dict[str, tuple[DrgAttachment, ...]] = {}
        for each in self.world.of(DrgAttachment):
            if each.lifecycle_state == ATTACHED and each.network_type in SITE_MTU:
                some = self.companions(each)
                space = names.site_space(self.fabric, some[0].id)
                open_ = (one for one in some if one.lifecycle_state == ATTACHED)
                found[space] = tuple(open_)
        return found

    def companions(self, attachment: DrgAttachment) -> tuple[DrgAttachment, ...]:
        """Give the attachments that lead to the same premises: those of a connection's tunnels, in order."""
        tunnel = self.world.find(IpSecTunnel, attachment.network_id)
        if tunnel is None:
            return (attachment,)
        beside = self.world.referring(IpSecTunnel, tunnel.ip_sec_connection_id)
        tunnels = sorted(beside, key=lambda each: each.number)
        # Also those that are shut: the premises are called after the first.
        found = [a for t in tunnels for a in self.world.referring(DrgAttachment, t.id)]
        return tuple(found) or (attachment,)

    def _peering(self, attachment: DrgAttachment) -> Cable | None:
        other = across(self.world, attachment)
        if other is None or other.drg_id == attachment.drg_id:
            return None
        one, two = sorted((attachment, other), key=lambda each: each.id)
        return cable(one.id, self._place(one), self._place(two))

    def _place(self, attachment: DrgAttachment) -> tuple[str, str]:
        space = names.drg_space(self.fabric, attachment.drg_id)
        return space, names.branch_name(attachment.id)


def drg_facts(world: World, space: str, links: Mapping[str, Cable]) -> Iterator[Fact]:
    """Give what a DRG's namespace has."""
    yield LinkUp(space, LOOPBACK)
    for voice in VOICES.values():
        yield Address(space, LOOPBACK, single(voice))
    for link in links.values():
        yield from link.at(space)
    tables = tables_of(world, links)
    for table in tables:
        number = names.table_number(table.id)
        yield from by_mark(space, number)
        found = {to: _nowhere(space, to, number) for to in (EVERYWHERE, EVERYWHERE6)}
        for to, attachment_id in drg_routes(world, table):
            if attachment_id not in links:
                found[to] = _nowhere(space, to, number)
                continue
            over = links[attachment_id]
            found[to] = over.route(space, to, table=number)
        yield from found.values()
    for to, attachment_id in own_routes(world, tables, links).items():
        yield links[attachment_id].route(space, to)


def drg_ruleset(world: World, links: Mapping[str, Cable], space: str) -> Table:
    """Give the marks of what comes in, as nft."""
    marks = tuple(
        f"{quote(link.name_in(space))} : {names.table_number(attachment.drg_route_table_id):#010x}"
        for id, link in links.items()
        if (attachment := world.find(DrgAttachment, id)) is not None
    )
    return Table(
        FAMILY,
        TABLE,
        (NamedSet("tables", "ifname", "mark", elements=marks),),
        (
            Chain(
                "prerouting",
                (
                    'iifname "lo" accept',
                    f"ip6 saddr {LINK_LOCAL6} drop",
                    f"ip6 daddr {{ ::, {LINK_LOCAL6} }} drop",
                    "meta mark set iifname map @tables accept",
                ),
                Hook("filter", "prerouting", "raw", "drop"),
            ),
            Chain("input", (), Hook("filter", "input", "filter", "drop")),
        ),
    )


def site_facts(
    space: str, hosts: Sequence[Ip], links: Sequence[Cable]
) -> Iterator[Fact]:
    """Give what premises have: their addresses, and by the first link the way to the DRG for all else."""
    yield LinkUp(space, LOOPBACK)
    for host in hosts:
        yield Address(space, LOOPBACK, single(host))
    for link in links:
        yield from link.at(space)
    for network in (EVERYWHERE, EVERYWHERE6) if links else ():
        source = next((h for h in hosts if h.version == network.version), None)
        yield links[0].route(space, network, source=source)


def site_hosts(world: World, before: Iterable[DrgAttachment]) -> tuple[Ip, ...]:
    """Give the addresses that a site has: the first usable one of each of its networks."""
    networks = (each for site in before for each in site_networks(world, site))
    return tuple(dict.fromkeys(first_usable(each) for each in networks))


def first_usable(network: Network) -> Ip:
    """Give a network's first usable address; where there are only one or two, the first of all."""
    return network[0] if network.num_addresses <= 2 else network[1]


def _nowhere(space: str, to: Network, table: int) -> Route:
    return Route(space, to, table=table, kind="blackhole")
