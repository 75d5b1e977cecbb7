"""A guest's kernel learns its router over IPv6 by itself, from what the router advertises."""

from collections.abc import Iterator

import pytest
from builders_gateways import ipv6, prefixes
from builders_vcn import OPEN, Cloud, allow, an_id
from fabric_field import Field, a_field
from fabric_guests import at, pings, served
from patience import until

from mooring.core.vcn.advertisement import LIFETIME, PERIOD
from mooring.core.vcn.packets.fabric import SERVER6
from mooring.localvcn.advertise import Advertising

A, B, C = (an_id("vnic", name) for name in "abc")
A6, B6 = "2001:db8:4000::a", "2001:db8:4000::b"
# As an image's kernel has it, but that its address is there at once and asks for a router.
ANEW = f"""
ip -6 route flush dev ens3
sysctl -qw net.ipv6.conf.ens3.accept_ra=2 net.ipv6.conf.ens3.disable_ipv6=1
sysctl -qw net.ipv6.conf.ens3.disable_ipv6=0
ip addr add {A6}/128 dev ens3 nodad
"""


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    cloud = Cloud()
    every6 = (allow("ingress", peer="::/0"), allow("egress", peer="::/0"))
    rules = cloud.security_list("open", *OPEN, *every6)
    out = cloud.table("out", ("::/0", cloud.internet()))
    one = cloud.subnet("one", "10.0.1.0/24", (rules,), out)
    old = cloud.subnet("old", "10.0.2.0/24", (rules,), out)
    prefixes(cloud, {"one": "2001:db8:4000::/64"})
    ipv6(cloud, cloud.vnic("a", one, "10.0.1.5"), A6)
    ipv6(cloud, cloud.vnic("b", one, "10.0.1.6"), B6)
    cloud.vnic("c", old, "10.0.2.7")
    with a_field(cloud) as made, served(made, Advertising(made.name)):
        yield made


def learnt(field: Field, vnic_id: str) -> str:
    """What the kernel has learnt about routers."""
    return at(field.node(vnic_id), "ip -6 route show proto ra")


def test_a_guest_that_asks_learns_its_router_and_no_prefix(field: Field) -> None:
    router = field.port(A).subnet.ipv6_router
    at(field.node(A), ANEW)

    until(lambda: learnt(field, A) != "", "nobody advertised")

    assert f"default via {router} dev ens3" in learnt(field, A)
    assert len(learnt(field, A).splitlines()) == 1
    assert pings(field.node(A), B6)
    assert pings(field.node(A), str(SERVER6))


def test_the_router_that_a_guest_has_from_its_first_boot_stays(field: Field) -> None:
    shown = at(field.node(B), "ip -6 route show default")

    assert len(shown.splitlines()) == 1


def test_without_prefixes_nobody_advertises(field: Field) -> None:
    at(field.node(C), "sysctl -qw net.ipv6.conf.ens3.disable_ipv6=0")
    at(field.node(A), ANEW)
    until(lambda: learnt(field, A) != "", "nobody advertised")

    assert learnt(field, C) == ""


def test_what_is_advertised_is_told_again_before_it_is_over() -> None:
    assert 2 * PERIOD < LIFETIME
