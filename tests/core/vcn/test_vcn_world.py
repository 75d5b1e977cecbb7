"""The World's questions, and that its indexes follow from its records."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from vcn_cloud import START, Cloud

from mooring.core.vcn.indexes import listed
from mooring.core.vcn.limits import Settings
from mooring.core.vcn.model import (
    Instance,
    Ipv6,
    PrivateIp,
    Subnet,
    Vcn,
    Vnic,
    VnicAttachment,
)
from mooring.core.vcn.rows import to_row
from mooring.core.vcn.world import World


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def six(vnic: Vnic, number: int, **more: object) -> Ipv6:
    fields = {
        "id": f"ocid1.ipv6.oc1.local-1.{number}",
        "compartment_id": vnic.compartment_id,
        "display_name": "six",
        "time_created": START,
        "subnet_id": vnic.subnet_id,
        "vcn_id": vnic.vcn_id,
        "vnic_id": vnic.id,
        "ip_address": IPv6Address((0xFD00 << 112) + number),
    }
    return Ipv6(**{**fields, **more})


def test_an_empty_world_has_its_settings() -> None:
    settings = Settings(region="moon-1")

    assert World.empty(settings).settings.region == "moon-1"
    assert World.empty() == World.load([])
    assert World.load([], settings).settings is settings


def test_the_questions_that_are_asked_often(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    subnet, other = cloud.subnet(vcn), cloud.subnet(vcn, "10.0.2.0/24")
    instance = cloud.instance(subnet)
    vnic = cloud.attach(instance, other)
    block = cloud.ip(vnic, cidrPrefixLength=28)
    world = cloud.world
    primary = cloud.primary(instance)

    assert world.find(Vcn, vcn["id"]) is world.get(vcn["id"])
    assert world.find(Subnet, vcn["id"]) is None
    assert [s.id for s in world.subnets_of(vcn["id"])] == [subnet["id"], other["id"]]
    assert [v.id for v in world.vnics_of_vcn(vcn["id"])] == [primary["id"], vnic["id"]]
    assert [v.id for v in world.vnics_of_subnet(other["id"])] == [vnic["id"]]
    assert [a.slot for a in world.attachments_of(instance["id"])] == [0, 1]
    attachment = world.attachment_of_vnic(vnic["id"])
    assert attachment is not None
    assert attachment.instance_id == instance["id"]
    assert world.attachment_of_vnic("none") is None
    ips = world.private_ips_of(vnic["id"])
    assert [ip.is_primary for ip in ips] == [True, False]
    assert sorted(ip.id for ip in world.private_ips_in(other["id"])) == sorted(
        ip.id for ip in ips
    )
    inside = IPv4Address(block["ipAddress"]) + 3
    assert world.private_ip_at(other["id"], inside) is world.get(block["id"])
    assert world.private_ip_at(other["id"], IPv4Address("10.0.2.1")) is None
    assert world.private_ip_at("none", inside) is None


def test_all_of_a_kind(cloud: Cloud) -> None:
    vcn = cloud.vcn()
    instance = cloud.instance(cloud.subnet(vcn))
    world = cloud.world

    assert [i.id for i in world.of(Instance)] == [instance["id"]]
    assert len(list(world.of(VnicAttachment))) == 1
    assert [ip.is_primary for ip in world.of(PrivateIp)] == [True]
    assert list(world.of(Ipv6)) == []


def test_ipv6_objects_are_found_and_go_with_their_vnic(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    instance = cloud.instance(subnet)
    vnic = cloud.world.find(Vnic, cloud.primary(instance)["id"])
    assert vnic is not None
    single = six(vnic, 1 << 48)
    block = six(vnic, 1 << 49, cidr_prefix_length=80)
    cloud.world = cloud.world.put(single).put(block)

    assert cloud.world.ipv6s_of(vnic.id)[::-1] in ((single, block), (block, single))
    assert list(cloud.world.of(Ipv6)) == [single, block]
    assert (single.block.prefixlen, block.block.num_addresses) == (128, 1 << 48)
    assert cloud.get(f"/vnics/{vnic.id}")["ipv6Addresses"]
    assert World.load([to_row(r) for r in cloud.world.records.values()]) == cloud.world
    with pytest.raises(ValueError, match="overlaps"):
        cloud.world.put(six(vnic, (1 << 49) + 5))

    cloud.delete(f"/instances/{instance['id']}")
    cloud.wait()

    assert list(cloud.world.of(Ipv6)) == []


def test_a_taken_address_is_not_taken_twice(cloud: Cloud) -> None:
    subnet = cloud.subnet(cloud.vcn())
    made = cloud.post("/privateIps", {"subnetId": subnet["id"]})
    ip = cloud.world.find(PrivateIp, made["id"])
    assert ip is not None
    twin = PrivateIp(
        id="twin",
        compartment_id="c",
        display_name="twin",
        time_created=START,
        subnet_id=ip.subnet_id,
        vcn_id=ip.vcn_id,
        ip_address=ip.ip_address,
    )
    with pytest.raises(ValueError, match="overlaps"):
        cloud.world.put(twin)


def test_dropping_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        World.empty().drop("nothing")


def test_a_list_of_nothing_is_empty() -> None:
    assert list(World.empty().walk(Vcn, listed(Vcn))) == []
    assert World.empty().due() is None
