"""The node's nft table: who may send what, which VNIC it leaves by, and one SNAT.

    map pods4, pods6   (host end, source address) -> mark of the VNIC; not in it: dropped
    map hosts4, hosts6 the VNICs' host addresses -> mark, for what the node itself sends
    set uplinks        the links of the VNICs

The source check stands ahead of connection tracking (priority raw), so a spoofed packet
costs one look-up and leaves no trace. The one address translation is for the instance
metadata, which answers primary addresses only; nothing inside the VCN is translated.

A NAT chain makes the kernel track every connection of the node, also those that nobody
translates. Unless `tracked`, packets of pods are excepted; what goes to the metadata
service is tracked always. Who else has a table on the node may need the tracking
(kube-proxy does): `others` tells. `docs/decisions/0023` has the choice.

What somebody translated on its way to a pod (a hostPort, a NodePort) was asked of an
address of the node, and is answered by it: such an answer leaves by the VNIC that has that
address, and not by the pod's. `docs/decisions/0028`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from mooring.core.ipam.ledger import Lease
from mooring.core.ipam.pool import parts
from mooring.core.linux import nft
from mooring.core.linux.nft import Chain, Element, Hook, NamedSet, SetPath, Table
from mooring.core.linux.plan import Ip
from mooring.core.wiring.names import PREFIX, host_link
from mooring.core.wiring.node import METADATA, Primary
from mooring.core.wiring.vnic import MARK_MASK, Uplink, mark

FAMILY, NAME, MEMO = "inet", "mooring", "mooring_memo"
PODS4 = SetPath(FAMILY, NAME, "pods4")
PODS6 = SetPath(FAMILY, NAME, "pods6")
Sources = Mapping[tuple[str, Ip], int]
"""Which mark a packet of (host end, source address) gets."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the table depends on besides the pods."""

    primary: Primary
    uplinks: tuple[Uplink, ...]
    tracked: bool


def table(ground: Ground, sources: Sources) -> Table:
    """Write the whole table."""
    return Table(
        FAMILY,
        NAME,
        sets=(
            _map(PODS4.name, "ifname . ipv4_addr", _pods(sources, 4)),
            _map(PODS6.name, "ifname . ipv6_addr", _pods(sources, 6)),
            _map("hosts4", "ipv4_addr", _hosts(ground.uplinks, 4)),
            _map("hosts6", "ipv6_addr", _hosts(ground.uplinks, 6)),
            NamedSet("uplinks", "ifname", elements=_links(ground.uplinks)),
        ),
        chains=(
            Chain(
                "prerouting", _prerouting(ground), Hook("filter", "prerouting", "raw")
            ),
            Chain("from_pod", _FROM_POD),
            Chain("permitted4", _permitted(ground, 4)),
            Chain("permitted6", _permitted(ground, 6)),
            *(_ANSWERS if ground.tracked else ()),
            Chain("output", _OUTPUT, Hook("route", "output", "mangle")),
            Chain("postrouting", _snat(ground), Hook("nat", "postrouting", "srcnat")),
        ),
    )


def others(tables: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Name the tables that are not ours."""
    ours = {(FAMILY, NAME), (FAMILY, MEMO)}
    return tuple(sorted(f"{f} {n}" for f, n in tables if (f, n) not in ours))


def memo(ground: Ground, frame: str) -> Table:
    """Say in a table's name what was wanted, pods aside, and how nft listed it.

    By it the next life of the agent knows that the table which stands there is its own and
    untouched. Replacing it would lose a packet that is being judged at that moment: sets
    are asked as of now, rules as of the packet's arrival.
    """
    wanted = nft.render(table(ground, {}))
    raw = hashlib.sha256(f"{wanted}\0{frame}".encode()).hexdigest()
    return Table(FAMILY, MEMO, (), (Chain(f"made_{raw[:24]}", ()),))


def sources(leases: Iterable[Lease]) -> dict[tuple[str, Ip], int]:
    """Say what these leases' pods may send."""
    return {
        (host_link(lease.attachment), address): mark(lease.slot)
        for lease in leases
        for address in parts(lease.addresses)
    }


def elements(wanted: Sources) -> dict[SetPath, list[Element]]:
    """Pack sources for the fast path, by map."""
    packed: dict[SetPath, list[Element]] = {}
    for (link, address), value in wanted.items():
        where, element = _element(link, address, value)
        packed.setdefault(where, []).append(element)
    return packed


def elements_of(lease: Lease) -> list[tuple[SetPath, Element]]:
    """Pack what a lease's pod may send: an element for each of its addresses."""
    link, value = host_link(lease.attachment), mark(lease.slot)
    return [_element(link, address, value) for address in parts(lease.addresses)]


def _element(link: str, address: Ip, value: int) -> tuple[SetPath, Element]:
    where = PODS4 if isinstance(address, IPv4Address) else PODS6
    return where, (nft.key(link, address), nft.mark(value))


def listed(listing: str) -> tuple[str, dict[tuple[str, Ip], int]]:
    """Split what nft lists into the table without its pods, and the pods.

    The first is to be compared with what was listed right after the table was written.
    """
    pods = {
        (link, ip_address(address)): int(value, 16)
        for link, address, value in _POD_ELEMENT.findall(listing)
    }
    return _POD_ELEMENTS.sub("", listing), pods


def _map(name: str, key: str, items: tuple[str, ...]) -> NamedSet:
    return NamedSet(name, key, "mark", elements=items)


def _pods(wanted: Sources, version: int) -> tuple[str, ...]:
    return tuple(
        f"{nft.quote(link)} . {address} : {_hex(value)}"
        for (link, address), value in wanted.items()
        if address.version == version
    )


def _hosts(uplinks: tuple[Uplink, ...], version: int) -> tuple[str, ...]:
    return tuple(
        f"{address} : {_hex(mark(uplink.slot))}"
        for uplink in uplinks
        for address in parts(uplink.status.host)
        if address.version == version
    )


def _links(uplinks: tuple[Uplink, ...]) -> tuple[str, ...]:
    return tuple(nft.quote(uplink.link) for uplink in uplinks)


def _prerouting(ground: Ground) -> tuple[str, ...]:
    check = f'iifname "{PREFIX}*" goto from_pod'
    return (check,) if ground.tracked else (check, "iifname @uplinks notrack")


def _permitted(ground: Ground, version: int) -> tuple[str, ...]:
    if ground.tracked:
        return ()
    return ("notrack",) if version == 6 else (f"ip daddr != {METADATA} notrack",)


def _snat(ground: Ground) -> tuple[str, ...]:
    link, address = nft.quote(ground.primary.link), ground.primary.address
    asked = f"ip daddr {METADATA} oifname {link} ip saddr != {address}"
    return (f"{asked} snat ip to {address}",)


def _hex(value: int) -> str:
    return f"0x{value:08x}"


_FROM_POD = (
    "meta mark set iifname . ip saddr map @pods4 goto permitted4",
    "meta mark set iifname . ip6 saddr map @pods6 goto permitted6",
    "drop",
)
_ANSWERS = (
    Chain(
        "answers",
        (f'iifname "{PREFIX}*" ct direction reply ct status dnat goto answered',),
        Hook("filter", "prerouting", "mangle"),
    ),
    Chain(
        "answered",
        (
            f"meta mark set meta mark & 0x{~MARK_MASK & 0xFFFFFFFF:08x}",
            "meta mark set ct original ip daddr map @hosts4",
            "meta mark set ct original ip6 daddr map @hosts6",
        ),
    ),
)
"""The primary's addresses are in no map: without a mark, `main` decides."""

_OUTPUT = (
    "meta mark set ip saddr map @hosts4",
    "meta mark set ip6 saddr map @hosts6",
)
_POD_ELEMENT = re.compile(rf'"({PREFIX}\w+)" \. ([0-9a-f.:]+) : (0x[0-9a-f]+)')
_POD_ELEMENTS = re.compile(
    rf'^\t\telements = {{ "{PREFIX}[^}}]*}}\n', re.MULTILINE | re.DOTALL
)
