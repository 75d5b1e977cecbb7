"""Addresses that are in two places: of one node, and of several nodes."""

from collections.abc import Iterable, Iterator, Mapping

from mooring.core.ipam.pool import parts
from mooring.core.linux.plan import Ip
from mooring.core.wiring.audit.difference import Difference
from mooring.core.wiring.audit.kinds import By, Code
from mooring.core.wiring.audit.sides import Side, Sides
from mooring.core.wiring.names import host_link, read_alias
from mooring.core.wiring.strays import host_ends

Places = Mapping[Ip, tuple[str, ...]]


def compare(sides: Sides) -> Iterator[Difference]:
    """Find addresses that one side of a node has twice."""
    known = {host_link(a) for a in sides.believed.leases} if sides.believed else set()
    for one, links in _links(sides).items():
        says = {Side.KERNEL: f"has it by the aliases of {', '.join(links)}"}
        if len(known & set(links)) == 1:
            yield Difference(
                Code.ADDRESS_TWICE,
                str(one),
                says,
                advice="the agent deletes the link that has no lease",
                whose=By.AGENT,
            )
        else:
            yield Difference(Code.ADDRESS_TWICE, str(one), says)
    for one, pods in _pods(sides).items():
        says = {Side.PODS: f"{', '.join(pods)} run with it"}
        yield Difference(Code.ADDRESS_TWICE, str(one), says)
    for one, vnics in _offers(sides).items():
        says = {Side.NPN: f"lists it on {', '.join(vnics)}"}
        yield Difference(
            Code.ADDRESS_TWICE,
            str(one),
            says,
            because="it was moved from one VNIC to the other while the controller looked",
            advice="the controller compares the object with the cloud again",
            whose=By.CONTROLLER,
        )


def across(nodes: Mapping[str, Sides]) -> dict[str, tuple[Difference, ...]]:
    """Find addresses that are held on two nodes; told of each of them."""
    holders = _several(
        (address, name)
        for name, sides in nodes.items()
        for lease in (sides.believed.leases.values() if sides.believed else ())
        for address in parts(lease.addresses)
    )
    found: dict[str, tuple[Difference, ...]] = dict.fromkeys(nodes, ())
    for one, names in holders.items():
        says = {Side.LEDGER: f"it is held on {', '.join(names)}"}
        because = "the address was moved to another VNIC while a pod held it"
        for name in names:
            found[name] += (Difference(Code.ADDRESS_TWICE, str(one), says, because),)
    return found


def _links(sides: Sides) -> Places:
    links = sides.kernel.seen.links if sides.kernel else {}
    aliases = {name: read_alias(links[name].alias) for name in host_ends(links)}
    return _several(
        (address, name)
        for name, alias in aliases.items()
        if alias is not None
        for address in parts(alias.addresses)
    )


def _pods(sides: Sides) -> Places:
    return _several(
        (address, pod.name)
        for pod in sides.pods or ()
        if pod.running
        for address in pod.addresses
    )


def _offers(sides: Sides) -> Places:
    npn = sides.npn.npn if sides.npn else None
    return _several(
        (address, vnic.vnic_id)
        for vnic in (npn.status.vnics if npn else ())
        for pair in vnic.pod_addresses
        for address in parts(pair)
    )


def _several(found: Iterable[tuple[Ip, str]]) -> Places:
    """Give what was found more than once, and where."""
    places: dict[Ip, tuple[str, ...]] = {}
    for address, where in found:
        places[address] = (*places.get(address, ()), where)
    return {address: names for address, names in places.items() if len(names) > 1}
