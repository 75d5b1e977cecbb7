"""What names mean inside of a VCN: the answers of its resolver at 169.254.169.254.

The region's services are the cloud's own API; hosts are called by their labels, as
`node-1.workers.vlab.oraclevcn.com` (host, subnet, VCN), and found by address likewise; the servers
outside have names too. Nothing else has one: this cloud is not on the Internet.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from mooring.core.vcn.dns import AAAA, ANY, IN, PTR, A, Code, Datum, Question
from mooring.core.vcn.indexes import hostname
from mooring.core.vcn.model import Ipv6, PrivateIp, Subnet, Vcn
from mooring.core.vcn.oracle_services import ZONE
from mooring.core.vcn.packets.fabric_outside import (
    API_SERVER,
    SERVER,
    SERVER6,
    SERVICES_SERVER,
)
from mooring.core.vcn.world import World

PORT = 53
SERVICES = ("iaas", "identity", "auth", "limits")
"""What of the cloud the local VCN serves, by the first label of its hosts."""
DOMAINS = ("oraclecloud.com", "oci.oraclecloud.com", "ds.oci.oraclecloud.com")
OUTSIDE = "echo.example.com"  # RFC 2606: nobody's

Address = IPv4Address | IPv6Address
Found = tuple[Datum, ...]
Names = Mapping[str, Found]


def hosts(region: str) -> tuple[str, ...]:
    """Give the names of the cloud's API in a region, as SDKs build them."""
    return tuple(
        f"{service}.{region}.{domain}" for service in SERVICES for domain in DOMAINS
    )


def answer(world: World, vcn_id: str, question: Question) -> tuple[Code, Found]:
    """Answer a question that came from within a VCN."""
    if not question.is_plain:
        return Code.NOT_DONE, ()
    if question.group != IN:
        return Code.REFUSED, ()
    found = _meant(world, vcn_id, question.name)
    if found is None:
        return Code.NO_SUCH_NAME, ()
    return Code.FINE, tuple(each for each in found if _fits(each, question.kind))


def _meant(world: World, vcn_id: str, name: str) -> Found | None:
    """Give all that a name stands for; None when there is no such name."""
    known = _fixed(world.settings.region)
    if name in known:
        return known[name]
    if name.endswith(".arpa"):
        address = _reversed(name)
        return None if address is None else _called(world, vcn_id, address)
    return _host(world, vcn_id, name)


def _fixed(region: str) -> Names:
    storage = (f"objectstorage.{region}.{domain}" for domain in DOMAINS)
    return {
        **dict.fromkeys(hosts(region), (API_SERVER,)),
        **dict.fromkeys(storage, (SERVICES_SERVER,)),
        OUTSIDE: (SERVER, SERVER6),
    }


def _host(world: World, vcn_id: str, name: str) -> Found | None:
    """Find a host by its labels; a subnet or VCN by itself is a name without addresses."""
    vcn = world.find(Vcn, vcn_id)
    if vcn is None or vcn.dns_label is None:
        return None
    zone = f"{vcn.dns_label}.{ZONE}".lower()
    if name == zone:
        return ()
    if not name.endswith(f".{zone}"):
        return None
    host, _, label = name.removesuffix(f".{zone}").rpartition(".")
    for subnet in world.subnets_of(vcn_id):
        if (subnet.dns_label or "").lower() == label:
            return _in_subnet(world, subnet, host)
    return None


def _in_subnet(world: World, subnet: Subnet, host: str) -> Found | None:
    if not host:
        return ()
    name = hostname(subnet.id, host)
    ips: tuple[PrivateIp | Ipv6, ...] = (
        *world.referring(PrivateIp, name),
        *world.referring(Ipv6, name),
    )
    return tuple(ip.ip_address for ip in ips) or None


def _called(world: World, vcn_id: str, address: Address) -> Found | None:
    """Find the name of an address of the VCN."""
    for subnet in world.subnets_of(vcn_id):
        host = _host_at(world, subnet, address)
        if host is not None:
            return _full(world, subnet, host)
    return None


def _host_at(world: World, subnet: Subnet, address: Address) -> str | None:
    if isinstance(address, IPv4Address):
        ip = world.private_ip_at(subnet.id, address)
        return None if ip is None else ip.hostname_label
    ipv6 = world.ipv6_at(subnet.id, address)
    return None if ipv6 is None else ipv6.hostname


def _reversed(name: str) -> Address | None:
    """Read the address of a reverse question (RFC 1035 3.5, RFC 3596 2.5)."""
    labels = name.split(".")[-3::-1]
    try:
        if name.endswith(".in-addr.arpa"):
            return IPv4Address(".".join(labels))
        if name.endswith(".ip6.arpa") and all(len(label) == 1 for label in labels):
            groups = ("".join(labels[at : at + 4]) for at in range(0, len(labels), 4))
            return IPv6Address(":".join(groups))
    except ValueError:
        return None
    return None


def _full(world: World, subnet: Subnet, host: str) -> Found | None:
    vcn = world.find(Vcn, subnet.vcn_id)
    if vcn is None or vcn.dns_label is None or subnet.dns_label is None:
        return None
    return (f"{host}.{subnet.dns_label}.{vcn.dns_label}.{ZONE}".lower(),)


def _fits(datum: Datum, kind: int) -> bool:
    kinds = {IPv4Address: A, IPv6Address: AAAA, str: PTR}
    return kind in (ANY, kinds[type(datum)])
