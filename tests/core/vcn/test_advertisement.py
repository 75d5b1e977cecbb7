"""What subnets' routers advertise."""

from builders_gateways import prefixes
from builders_vcn import Cloud, a_world, an_id

from mooring.core.vcn.advertisement import advertisement, advertisers
from mooring.core.vcn.packets.names import port_name

MAC = "00:00:17:0a:0b:0c"


def test_an_advertisement_says_that_addresses_come_by_dhcp() -> None:
    found = advertisement(MAC)

    assert found[:2] == bytes((134, 0))
    assert found[5] == 0xC0
    assert int.from_bytes(found[6:8]) == 1800
    assert found[16:] == b"\x01\x01" + bytes.fromhex("0000170a0b0c")


def told(cloud: Cloud) -> dict[str, bytes]:
    return dict(advertisers(cloud.world, cloud.vcn_id))


def test_only_where_there_is_ipv6_a_router_is_advertised() -> None:
    cloud = a_world()
    prefixes(cloud, {"two": "2001:db8:4000::/64"})

    assert set(told(cloud)) == {port_name(an_id("vnic", "c"))}


def test_a_vcn_that_is_gone_says_nothing() -> None:
    assert advertisers(a_world().world, "gone") == {}
