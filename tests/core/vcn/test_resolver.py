"""What names mean inside of a VCN."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from builders_vcn import Cloud
from hypothesis import given
from hypothesis import strategies as st

from mooring.core.vcn.dns import AAAA, ANY, IN, PTR, A, Code, Question
from mooring.core.vcn.model import Ipv6, PrivateIp, Subnet, Vcn
from mooring.core.vcn.resolver import answer, hosts
from mooring.core.vcn.world import World

API = IPv4Address("198.19.0.2")
ECHO, ECHO6 = IPv4Address("198.51.100.10"), IPv6Address("2001:db8:ffff::10")
NODE, NODE6 = IPv4Address("10.0.1.5"), IPv6Address("2001:db8:4000::5")
COMMON = {
    "compartment_id": "c",
    "display_name": "n",
    "time_created": datetime(2026, 7, 12, tzinfo=UTC),
}
VCN = Vcn(
    id="vcn",
    cidr_blocks=(IPv4Network("10.0.0.0/16"),),
    default_route_table_id="r",
    default_security_list_id="s",
    default_dhcp_options_id="d",
    dns_label="Lab",
    **COMMON,
)
SUBNET = Subnet(
    id="subnet",
    vcn_id="vcn",
    ipv4_cidr_blocks=(IPv4Network("10.0.1.0/24"),),
    route_table_id="r",
    security_list_ids=(),
    dhcp_options_id="d",
    dns_label="workers",
    virtual_router_mac="00:00:17:00:00:01",
    **COMMON,
)
BARE = replace(SUBNET, id="bare", dns_label=None)
IP = PrivateIp(
    id="ip",
    subnet_id="subnet",
    vcn_id="vcn",
    ip_address=NODE,
    hostname_label="Node-1",
    **COMMON,
)
IP6 = Ipv6(
    id="ip6",
    subnet_id="subnet",
    vcn_id="vcn",
    ip_address=NODE6,
    hostname="node-1",
    **COMMON,
)
NAMELESS = replace(
    IP, id="other", ip_address=IPv4Address("10.0.1.6"), hostname_label=None
)
SIX = ".".join(reversed(NODE6.exploded.replace(":", ""))) + ".ip6.arpa"
FULL = "node-1.workers.lab.oraclevcn.com"


def a_world(*changed: object) -> World:
    world = World.empty()
    for record in (BARE, VCN, SUBNET, IP, IP6, NAMELESS, *changed):
        world = world.put(record)
    return world


def ask(
    name: str, kind: int = A, world: World | None = None, vcn: str = "vcn"
) -> tuple[Code, tuple[object, ...]]:
    question = Question(1, 0x0100, name, kind, IN, b"")
    return answer(world or a_world(), vcn, question)


@pytest.mark.parametrize("service", ["iaas", "identity", "auth", "limits"])
@pytest.mark.parametrize("domain", ["", "oci.", "ds.oci."])
def test_the_regions_services_are_the_local_vcn(service: str, domain: str) -> None:
    name = f"{service}.local-1.{domain}oraclecloud.com"

    assert ask(name) == (Code.FINE, (API,))
    assert name in hosts("local-1")


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("iaas.local-1.oraclecloud.com", AAAA, ()),
        ("objectstorage.local-1.oraclecloud.com", A, (IPv4Address("198.19.16.10"),)),
        ("echo.example.com", A, (ECHO,)),
        ("echo.example.com", AAAA, (ECHO6,)),
        ("echo.example.com", ANY, (ECHO, ECHO6)),
        (FULL, A, (NODE,)),
        (FULL, AAAA, (NODE6,)),
        (FULL, PTR, ()),
        ("lab.oraclevcn.com", A, ()),
        ("workers.lab.oraclevcn.com", A, ()),
        ("5.1.0.10.in-addr.arpa", PTR, (FULL,)),
        ("5.1.0.10.in-addr.arpa", A, ()),
        (SIX, PTR, (FULL,)),
    ],
)
def test_what_has_a_name_is_found(
    name: str, kind: int, found: tuple[object, ...]
) -> None:
    assert ask(name, kind) == (Code.FINE, found)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "oraclecloud.com",
        "iaas.us-ashburn-1.oraclecloud.com",
        "telemetry.local-1.oraclecloud.com",
        "www.example.com",
        "node-2.workers.lab.oraclevcn.com",
        "node-1.pods.lab.oraclevcn.com",
        "node-1.workers.other.oraclevcn.com",
        "x.node-1.workers.lab.oraclevcn.com",
        "node-1..lab.oraclevcn.com",
        "arpa",
        "10.in-addr.arpa",
        "6.1.0.10.in-addr.arpa",
        "7.1.0.10.in-addr.arpa",
        "256.1.0.10.in-addr.arpa",
        "5.1.0.10.in-addr.arpa.arpa",
        SIX.removeprefix("5."),
        SIX.replace("5", "6", 1),
        "0.0" + SIX,
    ],
)
def test_what_has_none_is_not(name: str) -> None:
    assert ask(name, ANY) == (Code.NO_SUCH_NAME, ())


def test_another_vcn_has_other_names() -> None:
    assert ask(FULL, vcn="other") == (Code.NO_SUCH_NAME, ())
    assert ask("5.1.0.10.in-addr.arpa", PTR, vcn="other")[0] is Code.NO_SUCH_NAME


@pytest.mark.parametrize(
    "changed", [replace(VCN, dns_label=None), replace(SUBNET, dns_label=None)]
)
@pytest.mark.parametrize("name", [FULL, "5.1.0.10.in-addr.arpa"])
def test_without_labels_hosts_have_no_names(changed: object, name: str) -> None:
    assert ask(name, ANY, a_world(changed)) == (Code.NO_SUCH_NAME, ())


def test_an_update_is_not_done_and_other_groups_are_refused() -> None:
    world = Cloud().world

    update = Question(1, 0x2800, FULL, A, IN, b"")
    assert answer(world, "vcn", update) == (Code.NOT_DONE, ())
    chaos = Question(1, 0, "version.bind", 16, 3, b"")
    assert answer(world, "vcn", chaos) == (Code.REFUSED, ())


names = st.text(st.characters(max_codepoint=255), max_size=80)


@given(names, st.sampled_from(["", ".in-addr.arpa", ".ip6.arpa", ".lab.oraclevcn.com"]))
def test_any_name_gets_an_answer(name: str, zone: str) -> None:
    assert ask(name + zone, ANY)[0] in (Code.FINE, Code.NO_SUCH_NAME)
