"""Flows whose way out changes under them begin anew there at once; large packets find their way."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address

import pytest
from builders_gateways import public_ip
from builders_vcn import OPEN, Cloud, an_id
from fabric_field import Field, a_field
from fabric_guests import Served, a_socket, at, pings, served, who
from patience import until
from wiretap import checksum, ip_packet

from mooring.core.vcn.packets.fabric import SERVER
from mooring.core.vcn.packets.packet import udp
from mooring.localvcn.internet import ECHO

A, B, C, D = (an_id("vnic", name) for name in "abcd")
NAT, OTHER = "198.18.0.1", "198.18.0.2"
PUBLIC, SECOND = "198.18.0.10", "198.18.0.11"
HOST = str(SERVER)


def a_cloud() -> Cloud:
    """`a` and `b` behind a NAT gateway, `c` and `d` with public addresses."""
    cloud = Cloud()
    book = cloud.security_list("open", *OPEN)
    private = cloud.table("private", ("0.0.0.0/0", cloud.nat("nat", NAT)))
    cloud.nat("other", OTHER)
    public = cloud.table("public", ("0.0.0.0/0", cloud.internet()))
    one = cloud.subnet("one", "10.0.1.0/24", (book,), private)
    two = cloud.subnet("two", "10.0.2.0/24", (book,), public)
    cloud.vnic("a", one, "10.0.1.5")
    cloud.vnic("b", one, "10.0.1.6")
    cloud.vnic("c", two, "10.0.2.7", public=PUBLIC)
    cloud.vnic("d", two, "10.0.2.8", public=SECOND)
    return cloud


@pytest.fixture(scope="module")
def field() -> Iterator[Field]:
    with a_field(a_cloud()) as made:
        yield made


@pytest.fixture(scope="module")
def servers(field: Field) -> Iterator[Served]:
    with served(field) as made:
        yield made


@pytest.fixture(autouse=True)
def as_it_was(field: Field, servers: Served) -> Iterator[None]:
    world = field.cloud.world
    yield
    field.cloud.world = world
    field.weave()
    at(field.router, "conntrack -F")


@contextmanager
def a_flow(field: Field, vnic_id: str) -> Iterator[socket.socket]:
    """A UDP socket that the internet has answered."""
    with a_socket(field, field.node(vnic_id), HOST, socket.SOCK_DGRAM) as ours:
        ours.bind(("", 5555))
        ours.connect((HOST, ECHO))
        assert answered(ours, b"before")
        yield ours


def answered(ours: socket.socket, word: bytes) -> bool:
    ours.send(word)
    return ours.recv(100) == word


def seen_behind(field: Field) -> set[str]:
    """The addresses to which the internet's answers to port 5555 go."""
    shown = at(field.router, "conntrack -L -p udp --orig-port-src 5555 2>/dev/null")
    return {
        word.removeprefix("dst=")
        for line in shown.splitlines()
        for word in line.split()[-10:]
        if word.startswith("dst=198.18.")
    }


def test_a_route_to_another_nat_gateway_takes_flows_along(field: Field) -> None:
    with a_flow(field, A) as ours:
        field.cloud.table("private", ("0.0.0.0/0", an_id("natgateway", "other")))
        field.weave()

        assert answered(ours, b"after")
        assert seen_behind(field) == {NAT, OTHER}


def test_a_deleted_nat_gateway_leaves_no_flow_stuck(field: Field) -> None:
    with a_flow(field, A) as ours:
        field.cloud.world = field.cloud.world.drop(an_id("natgateway", "nat"))
        field.cloud.table(
            "private", ("0.0.0.0/0", field.cloud.nat("new", "198.18.0.3"))
        )
        field.weave()

        assert answered(ours, b"after")


def test_a_flow_follows_its_vnics_new_public_address(field: Field) -> None:
    with a_flow(field, C) as ours:
        field.cloud.change(C, public_ip=IPv4Address("198.18.0.12"))
        field.weave()

        assert answered(ours, b"after")
        assert "198.18.0.12" in seen_behind(field)


def test_two_vnics_that_swap_addresses_both_go_on(field: Field) -> None:
    with a_flow(field, C) as one, a_flow(field, D) as two:
        field.cloud.change(C, public_ip=IPv4Address(SECOND))
        field.cloud.change(D, public_ip=IPv4Address(PUBLIC))
        field.weave()

        assert answered(one, b"after")
        assert answered(two, b"after")
        assert answered(one, b"again")


def test_what_comes_to_a_moved_address_arrives_at_its_new_vnic(field: Field) -> None:
    doors = {v: a_socket(field, field.node(v), HOST, socket.SOCK_DGRAM) for v in (C, D)}
    for each in doors.values():
        each.bind(("", 7777))
    with a_socket(field, field.internet, HOST, socket.SOCK_DGRAM) as sender:
        sender.bind((HOST, 7777))
        sender.sendto(b"first", (PUBLIC, 7777))
        first = doors[C].recv(100)
        field.cloud.change(C, public_ip=None)
        field.cloud.change(D, public_ip=IPv4Address(PUBLIC))
        field.weave()
        sender.sendto(b"second", (PUBLIC, 7777))
        second = doors[D].recv(100)
    for each in doors.values():
        each.close()

    assert (first, second) == (b"first", b"second")


def test_a_tcp_connection_whose_way_changed_ends_instead_of_hanging(
    field: Field,
) -> None:
    with a_socket(field, field.node(A), HOST) as ours:
        ours.connect((HOST, ECHO))
        assert answered(ours, b"before")
        field.cloud.table("private", ("0.0.0.0/0", an_id("natgateway", "other")))
        field.weave()
        ours.send(b"after")
        with pytest.raises(ConnectionResetError):
            ours.recv(100)


def test_a_way_that_comes_back_finds_its_flows(field: Field) -> None:
    with a_socket(field, field.node(A), HOST) as ours:
        ours.connect((HOST, ECHO))
        field.cloud.table("private")
        field.weave()
        ours.send(b"during")
        field.cloud.table("private", ("0.0.0.0/0", an_id("natgateway", "nat")))
        field.weave()

        assert ours.recv(6, socket.MSG_WAITALL) == b"during"


def test_behind_a_vnic_that_forwards_a_gateway_may_translate(field: Field) -> None:
    """As through a firewall: the packet passes the router twice, in two zones."""
    cloud = field.cloud
    cloud.change(B, skip_source_dest_check=True)
    own = cloud.table("own", ("0.0.0.0/0", an_id("natgateway", "nat")))
    cloud.change(B, route_table_id=own)
    cloud.table("private", ("0.0.0.0/0", an_id("privateip", "10.0.1.6")))
    field.weave()
    at(field.node(B), "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0")
    seen = who(field, field.node(A), HOST)
    at(field.node(B), "sysctl -qw net.ipv4.ip_forward=0")

    assert seen == NAT


def test_a_secondary_address_has_a_public_one_of_its_own(field: Field) -> None:
    address = field.cloud.ip(C, "10.0.2.70")
    public_ip(field.cloud, "198.18.0.70", address)
    field.weave()
    at(field.node(C), "ip addr add 10.0.2.70/24 dev ens3")
    reached = pings(field.internet, "198.18.0.70", f"-I {HOST}")
    with a_socket(field, field.node(C), HOST) as ours:
        ours.bind(("10.0.2.70", 0))
        ours.connect((HOST, 80))
        ours.sendall(b"GET / HTTP/1.0\r\n\r\n")
        seen = b""
        while part := ours.recv(4096):
            seen += part
    at(field.node(C), "ip addr del 10.0.2.70/24 dev ens3")

    assert reached
    assert b"198.18.0.70" in seen


# What a gateway must wait at least (RFC 5382, 4787, 5508), in seconds.
LEAST = {"tcp_timeout_established": 7440, "udp_timeout": 120, "icmp_timeout": 60}


@pytest.mark.parametrize("name", LEAST)
def test_silence_is_borne_for_as_long_as_gateways_must(field: Field, name: str) -> None:
    word = f"net.netfilter.nf_conntrack_{name}"
    at(field.router, f"sysctl -qw {word}=7")
    field.weave(look=True)

    assert at(field.router, f"sysctl -n {word}").split() == [str(LEAST[name])]


def test_a_silent_flow_is_forgotten(field: Field) -> None:
    """Sooner than in life: the answer to a forgotten question is nobody's."""
    with a_socket(field, field.node(A), HOST, socket.SOCK_DGRAM) as ours:
        ours.connect((HOST, 7777))
        ours.send(b"anybody?")
        assert known(field, 7777)
        at(field.router, "sysctl -qw net.netfilter.nf_conntrack_udp_timeout=1")
        for _ in range(2):
            # One of the two goes out: the other meets what was said of the first.
            with suppress(ConnectionRefusedError):
                ours.send(b"nobody?")
        until(lambda: not known(field, 7777))
    field.weave(look=True)


def known(field: Field, port: int) -> bool:
    shown = at(field.router, f"conntrack -L -p udp --orig-port-dst {port} 2>/dev/null")
    return bool(shown.strip())


# -- large packets


@pytest.mark.parametrize("vnic_id", [A, C], ids=["NAT gateway", "public address"])
def test_fragments_are_translated_both_ways(field: Field, vnic_id: str) -> None:
    with a_flow(field, vnic_id) as ours:
        large = bytes(range(256)) * 80
        ours.send(large)

        assert ours.recv(1 << 16) == large


def test_a_fragmented_question_from_the_internet_arrives(field: Field) -> None:
    assert pings(field.internet, PUBLIC, f"-s6000 -I {HOST}")


def test_the_internet_may_say_that_a_packet_was_too_big(field: Field) -> None:
    """A path of 1300 bytes somewhere out there: its message reaches behind the address."""
    with a_flow(field, A):
        say_too_big(field, NAT, 1300)
        words = f"ip route get {HOST} sport 5555 ipproto udp"
        until(lambda: "mtu 1300" in at(field.node(A), words))


def say_too_big(field: Field, face: str, mtu: int) -> None:
    """Say from the internet's server that what came from an address's port 5555 was too big."""
    inner = ip_packet(
        udp(face, 5555, HOST, ECHO), struct.pack("!4H", 5555, ECHO, 8, 0), 1
    )
    body = struct.pack("!HH", 0, mtu) + inner
    summed = checksum(struct.pack("!BBH", 3, 4, 0) + body)
    with field.inside(field.internet):
        out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with out:
        out.bind((HOST, 0))
        out.sendto(struct.pack("!BBH", 3, 4, summed) + body, (face, 0))
