"""What the fast path's maps hold."""

import struct
from dataclasses import replace
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Network,
    ip_address,
)

from core.wiring.cables import V4, V6, a_lease, a_pod, an_uplink

from mooring.core.linux.plan import HOST, Address, Route
from mooring.core.linux.rtnetlink import mac_bytes
from mooring.core.linux.seen import Seen
from mooring.core.npn.record import Pair
from mooring.core.wiring import carrying
from mooring.core.wiring.carrying import Change
from mooring.core.wiring.names import macs
from mooring.core.wiring.node import Primary

PRIMARY = Primary("ens3", IPv4Address("10.0.2.7"))


def way(prefix: str, *, carried: bool) -> tuple[bytes, bytes]:
    address, _, length = prefix.partition("/")
    key = struct.pack("=I", int(length)) + ip_address(address).packed
    return key, struct.pack("=I", carried)


def test_a_pod_stands_under_each_of_its_addresses() -> None:
    cargo = carrying.pod(a_lease(addresses=Pair(V4, V6)), link=17, mtu=9000)

    assert cargo.keys() == {"pods4", "pods6"}
    value = cargo["pods4"][V4.packed]
    assert cargo["pods6"] == {V6.packed: value}
    link, slot, mtu = struct.unpack_from("=III", value)
    assert (link, slot, mtu) == (17, 1, 9000)
    # A frame's head: to the pod's end, from the host's.
    near, far = map(mac_bytes, macs(a_pod()))
    assert value[12:] == far + near
    assert carrying.keys(a_lease(addresses=Pair(V4, V6))) == {
        "pods4": V4.packed,
        "pods6": V6.packed,
    }


def test_the_subnets_are_carried_and_what_the_node_knows_better_not() -> None:
    own = [V4, ip_address("fd00:8::77")]
    cargo = carrying.ground([an_uplink(v6=True)], {"ens5": 3}, own)

    assert cargo["ways4"] == dict(
        [
            way("10.0.8.0/22", carried=True),
            way(f"{V4}/32", carried=False),
            way("10.0.8.2/32", carried=False),
        ]
    )
    assert cargo["ways6"] == dict(
        [
            way("fd00:8::/64", carried=True),
            way("fd00:8::2/128", carried=False),
            way("fd00:8::77/128", carried=False),
        ]
    )


def test_the_node_knows_its_addresses_and_its_routes_to_single_ones() -> None:
    seen = Seen(
        HOST,
        addresses=frozenset({Address(HOST, "ens4", IPv4Interface("10.0.8.99/22"))}),
        routes=frozenset(
            {
                Route(HOST, IPv4Network("169.254.169.254/32"), "ens3"),
                Route(HOST, IPv6Network("fd00:8::77/128"), None, kind="blackhole"),
                Route(HOST, IPv4Network("10.0.8.5/32"), "moor0"),
                Route(HOST, IPv4Network("10.0.8.6/32"), "ens3", table=7001),
                Route(HOST, IPv4Network("10.7.0.0/16"), "ens3"),
            }
        ),
    )

    assert set(map(str, carrying.exact(PRIMARY, seen))) == {
        "10.0.2.7",
        "10.0.8.99",
        "169.254.169.254",
        "fd00:8::77",
    }


def test_more_prefixes_may_be_carried() -> None:
    more = [IPv4Network("10.1.0.0/16"), IPv6Network("fd00:9::/64")]

    assert carrying.ways(more) == {
        "ways4": dict([way("10.1.0.0/16", carried=True)]),
        "ways6": dict([way("fd00:9::/64", carried=True)]),
    }


def test_what_pods_have_or_may_get_is_known_beforehand() -> None:
    status = an_uplink().status
    pairs = (Pair(V4, None), Pair(None, V6), Pair(None, None))
    uplink = replace(an_uplink(), status=replace(status, pod_addresses=pairs))

    assert carrying.offered([uplink]) == {V4, V6}
    assert carrying.spared([V4, V6]) == {
        "ways4": dict([way(f"{V4}/32", carried=False)]),
        "ways6": dict([way(f"{V6}/128", carried=False)]),
    }


def test_what_is_not_carried_is_said_first() -> None:
    more = carrying.ways([IPv4Network("10.1.0.0/16"), IPv4Network(f"{V4}/32")])
    ground = carrying.ground([an_uplink()], {"ens5": 3}, [V4])
    whole = carrying.together(more, ground)

    said = [value[0] for value in whole["ways4"].values()]
    assert said == [0, 0, 1, 1]
    assert whole["ways4"].items() >= dict([way(f"{V4}/32", carried=False)]).items()
    # A pod is told of when all is said that it may not do.
    assert list(whole)[:2] == ["ways4", "ways6"]


def test_a_vnic_stands_under_its_slot_with_its_routers() -> None:
    four, both = an_uplink(1, "ens5"), an_uplink(2, "ens6", v6=True)
    absent = an_uplink(3, "ens7")
    none = replace(
        four, slot=4, link="ens8", status=replace(four.status, router=Pair(None, None))
    )
    indices = {"ens5": 3, "ens6": 4, "ens8": 5}
    vnics = carrying.ground([four, both, absent, none], indices, [])["vnics"]

    found = {
        struct.unpack("=I", key)[0]: struct.unpack("=III4s16s", value)
        for key, value in vnics.items()
    }
    router4, router6 = (
        ip_address("10.0.8.1").packed,
        ip_address("fe80::200:17ff:fe00:1"),
    )
    assert found == {
        1: (3, 9000, 1, router4, bytes(16)),
        2: (4, 9000, 3, router4, router6.packed),
        4: (5, 9000, 0, bytes(4), bytes(16)),
    }


def test_connections_are_tracked_unless_somebody_says_otherwise() -> None:
    assert carrying.choices(tracked=True) == {"choices": {}}
    assert carrying.choices(tracked=False) == {"choices": {bytes(4): b"\1\0\0\0"}}


def test_several_cargoes_are_one_with_every_map_named() -> None:
    one = carrying.pod(a_lease(), link=17, mtu=9000)
    whole = carrying.together({"vnics": {b"k": b"v"}}, one)

    assert whole.keys() == {"pods4", "pods6", "vnics", "ways4", "ways6"}
    assert whole["pods4"] == one["pods4"]
    assert whole["vnics"] == {b"k": b"v"}
    assert whole["pods6"] == {}


def test_only_the_difference_is_made() -> None:
    found = {b"same": b"1", b"old": b"1", b"moved": b"1"}
    wanted = {b"same": b"1", b"moved": b"2", b"new": b"3"}

    assert carrying.difference("pods4", wanted, found) == Change(
        "pods4", {b"moved": b"2", b"new": b"3"}, (b"old",)
    )
    assert carrying.difference("pods4", found, found) is None
