"""Wanted fabrics as text: nft tables and facts of a few worlds. `make golden` rewrites them."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from builders_gateways import (
    attach,
    drg,
    ipv6,
    labels,
    peering,
    prefixes,
    service_gateway,
    table,
    tunnel,
)
from builders_vcn import Cloud, a_world, allow, an_id

from mooring.core.linux import nft
from mooring.core.vcn.packets.fabric import Fabric, wanted
from mooring.core.vcn.packets.names import internet_space, vcn_space

GOLDEN = Path(__file__).parents[2] / "golden" / "fabric"
NAME = "lab"


def native() -> Cloud:
    """The example network of VCN-native pod networking: private pods, NAT, a public API."""
    cloud = Cloud()
    nat, internet = cloud.nat("nat", "198.18.0.1"), cloud.internet()
    private = cloud.table("private", ("0.0.0.0/0", nat))
    public = cloud.table("public", ("0.0.0.0/0", internet))
    api, workers, pods = "10.0.0.0/29", "10.0.1.0/24", "10.0.32.0/19"
    path = [allow("ingress", "icmp", icmp=(3, 4)), allow("egress", "icmp", icmp=(3, 4))]
    books = {
        "api": [
            *(
                allow("ingress", "tcp", peer, to=port)
                for peer in (workers, pods)
                for port in ("6443", "12250")
            ),
            allow("ingress", "tcp", to="6443"),
            allow("egress", "tcp", workers, to="10250"),
            allow("egress", peer=pods),
        ],
        "workers": [
            allow("ingress", "tcp", api, to="10250"),
            allow("ingress", peer=pods),
            allow("egress", peer=pods),
            allow("egress", "tcp", api, to="6443"),
            allow("egress", "tcp", to="1-65535"),
        ],
        "pods": [
            *(allow("ingress", peer=peer) for peer in (workers, api, pods)),
            allow("egress", peer=pods),
            allow("egress", "tcp", api, to="6443"),
            allow("egress", "tcp", to="443"),
        ],
    }
    blocks = {"api": api, "workers": workers, "pods": pods}
    subnets = {
        name: cloud.subnet(
            name,
            block,
            (cloud.security_list(name, *books[name], *path),),
            public if name == "api" else private,
        )
        for name, block in blocks.items()
    }
    cloud.vnic("api", subnets["api"], "10.0.0.2", public="198.18.0.9")
    for number in (1, 2):
        node = cloud.instance(f"node-{number}")
        cloud.vnic(
            f"primary-{number}", subnets["workers"], f"10.0.1.{10 + number}", on=node
        )
        vnic = cloud.vnic(
            f"pods-{number}", subnets["pods"], f"10.0.32.{10 + number}", on=node, slot=1
        )
        cloud.ip(vnic, f"10.0.{32 + number}.32/27")
    return cloud


def kinds() -> Cloud:
    """Rules of every kind: stateless, source ports, ICMP, groups, plain protocols."""
    cloud = a_world()
    group = cloud.group(
        "web",
        allow("ingress", "tcp", an_id("networksecuritygroup", "web"), to="80-90"),
        allow("ingress", "tcp", since="1000-2000", to="85-95"),
        allow("egress", "udp", "10.0.2.0/24", since="53", stateless=True),
        allow("egress", "icmp", icmp=(3, 4)),
        allow("egress", "icmp", icmp=(8, None)),
        allow("egress", "50"),
    )
    cloud.security_list(
        "open",
        allow("egress", peer="10.0.0.0/16"),
        allow("egress", "tcp", "10.0.1.6/32", to="22", stateless=True),
    )
    for name in "ab":
        cloud.change(an_id("vnic", name), nsg_ids=(group,))
    cloud.change(an_id("subnet", "two"), route_table_id="ocid1.routetable.gone")
    some = [
        allow("ingress", "tcp", to="1-9", stateless=True),
        allow("ingress", "50", stateless=True),
        allow("ingress"),
    ]
    cloud.change(an_id("vnic", "c"), nsg_ids=(cloud.group("all-but-some", *some),))
    return cloud


def hop() -> Cloud:
    """A VNIC that forwards, one whose gateway is closed, a subnet that refuses visitors."""
    cloud = a_world()
    cloud.internet()
    cloud.table(
        "none",
        ("0.0.0.0/0", an_id("internetgateway", "igw")),
        ("192.0.2.0/24", an_id("privateip", "10.0.2.7")),
        ("203.0.113.0/24", cloud.nat("shut", "198.18.0.2", blocked=True)),
    )
    cloud.change(an_id("vnic", "c"), skip_source_dest_check=True)
    cloud.vnic(
        "mute",
        cloud.subnet("mute", "10.0.3.0/29", (), an_id("routetable", "none")),
        "10.0.3.2",
    )
    shut = cloud.table("shut", ("0.0.0.0/0", an_id("natgateway", "shut")))
    cloud.change(an_id("vnic", "b"), route_table_id=shut)
    cloud.vnic("p", an_id("subnet", "two"), "10.0.2.99", public="198.18.0.7")
    cloud.change(an_id("subnet", "two"), prohibit_internet_ingress=True)
    return cloud


def dual() -> Cloud:
    """IPv6 beside IPv4: Oracle's prefix and one of its own, a block, a closed subnet, groups."""
    cloud = a_world()
    group = cloud.group("web")
    cloud.group("web", allow("ingress", "58", group, icmp=(128, 0)))
    cloud.security_list(
        "open",
        allow("egress", peer="::/0"),
        allow("egress"),
        allow("ingress", "tcp", "2001:db8::/32", to="80"),
        allow("ingress", "58", "::/0", icmp=(2, None), stateless=True),
    )
    prefixes(cloud, {"one": "2001:db8:4000::/64", "two": "fd00:1::/64"})
    cloud.change(an_id("subnet", "one"), prohibit_internet_ingress=True)
    for vnic, address in (
        ("a", "2001:db8:4000::a"),
        ("a", "2001:db8:4000::8000:0/112"),
        ("b", "2001:db8:4000::b"),
        ("c", "fd00:1::c"),
    ):
        ipv6(cloud, an_id("vnic", vnic), address)
    cloud.change(an_id("vnic", "a"), nsg_ids=(group,))
    cloud.table("none", ("::/0", cloud.internet()))
    return cloud


def gates() -> Cloud:
    """A VCN with a service gateway, a peer, a DRG; a table for what comes in, one for an address."""
    cloud = Cloud("10.1.0.0/16", "other")
    other = cloud.vcn_id
    mine = cloud.vcn("net", "10.0.0.0/16")
    hub = drg(cloud)
    peering(cloud, (mine, "lpg"), (other, "lpg-other"))
    book = cloud.security_list(
        "open", allow("egress"), allow("ingress", "tcp", to="443")
    )
    every, _ = labels(cloud)
    general = table(
        cloud,
        "general",
        (every, service_gateway(cloud)),
        ("10.1.0.0/16", an_id("localpeeringgateway", "lpg")),
        ("192.168.0.0/16", hub),
    )
    cloud.vnic("a", cloud.subnet("one", "10.0.1.0/24", (book,), general), "10.0.1.5")
    wall = cloud.ip(an_id("vnic", "a"), "10.0.1.6")
    cloud.change(an_id("vnic", "a"), skip_source_dest_check=True)
    cloud.change(wall, route_table_id=table(cloud, "own", ("192.168.0.0/16", hub)))
    into = table(cloud, "into", ("10.1.0.0/16", wall))
    attach(cloud, hub, mine, "attachment", ingress=into)
    tunnel(cloud, hub, "tunnel", "192.168.7.0/24")
    return cloud


WORLDS: dict[str, Callable[[], Cloud]] = {
    "dual": dual,
    "gates": gates,
    "native": native,
    "kinds": kinds,
    "hop": hop,
    "empty": Cloud,
}


def fabric(cloud: Cloud) -> Fabric:
    return wanted(cloud.world, NAME)


def facts(found: Fabric, space: str) -> str:
    """Facts in order, the settings before and the births behind."""
    lines: list[object] = [*found.settings[space], *found.facts[space]]
    for port, plan in found.births.get(space, {}).items():
        lines += (f"birth of {port}: {fact}" for fact in plan)
    return "".join(f"{line}\n" for line in lines)


def check(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("MOORING_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert path.read_text() == text


@pytest.mark.parametrize("world", WORLDS)
def test_golden_tables(world: str) -> None:
    cloud = WORLDS[world]()
    check(
        f"{world}.nft", nft.render(fabric(cloud).tables[vcn_space(NAME, cloud.vcn_id)])
    )


@pytest.mark.parametrize("world", WORLDS)
def test_golden_facts(world: str) -> None:
    cloud = WORLDS[world]()
    found = fabric(cloud)
    beside = (s for s in found.facts if re.search("-(drg|site|osn)-", s))
    spaces = vcn_space(NAME, cloud.vcn_id), internet_space(NAME), *beside
    check(f"{world}.txt", "\n".join(facts(found, space) for space in spaces))
