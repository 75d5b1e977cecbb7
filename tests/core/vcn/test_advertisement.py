"""What subnets' routers advertise."""

from builders_gateways import prefixes
from builders_vcn import Cloud, a_world, an_id

from mooring.core.vcn.advertisement import Answers, advertised, advertisement, links
from mooring.core.vcn.packets.names import port_name

MAC = "00:00:17:0a:0b:0c"


def test_an_advertisement_says_that_addresses_come_by_dhcp() -> None:
    found = advertisement(MAC)

    assert found[:2] == bytes((134, 0))
    assert found[5] == 0xC0
    assert int.from_bytes(found[6:8]) == 1800
    assert found[16:] == b"\x01\x01" + bytes.fromhex("0000170a0b0c")


def told(cloud: Cloud) -> dict[str, bytes | None]:
    there = links(cloud.world, cloud.vcn_id)
    return {name: advertised(cloud.world, id) for name, id in there.items()}


def test_only_where_there_is_ipv6_a_router_is_advertised() -> None:
    cloud = a_world()
    prefixes(cloud, {"two": "2001:db8:4000::/64"})

    found = told(cloud)
    router = found.pop(port_name(an_id("vnic", "c")))

    assert router is not None
    assert set(found.values()) == {None}


def test_a_vcn_that_is_gone_says_nothing() -> None:
    assert links(a_world().world, "gone") == {}
    assert advertised(a_world().world, "gone") is None


def test_who_asks_without_end_is_answered_every_three_seconds() -> None:
    answers = Answers()
    times = [n / 8 for n in range(8 * 7)]

    waits = [(now, answers.wait(1, now)) for now in times]

    assert [now + wait for now, wait in waits if wait is not None] == [
        0.0,
        3.0,
        6.0,
        9.0,
    ]


def test_each_link_is_answered_by_itself() -> None:
    answers = Answers()

    assert [answers.wait(link, 1.0) for link in range(3)] == [0.0] * 3
    assert answers.wait(0, 2.0) == 2.0
    assert answers.wait(0, 3.0) is None
    assert [answers.wait(link, 4.0) for link in range(1, 3)] == [0.0] * 2
    assert answers.wait(0, 100.0) == 0.0
