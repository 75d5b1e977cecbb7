"""IPv6 and changing blocks as somebody would script them: the official SDK, unmodified, over signed HTTP."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

import oci
import pytest
from journeys.local_vcn import LocalVcn, an_instance, eventually, local_vcn
from oci.core import VirtualNetworkClientCompositeOperations
from oci.core import models as m
from oci.work_requests import WorkRequestClient


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as started:
        yield started


@pytest.fixture(scope="module")
def home(server: LocalVcn) -> str:
    compartment: str = server.init()["tenancy"]
    return compartment


@pytest.fixture(scope="module")
def composite(server: LocalVcn) -> VirtualNetworkClientCompositeOperations:
    """The SDK's calls that wait for their work requests."""
    works = server.client(WorkRequestClient)
    return VirtualNetworkClientCompositeOperations(server.network, works)


def a_vcn(server: LocalVcn, home: str, cidr: str, **more: object) -> m.Vcn:
    details = m.CreateVcnDetails(compartment_id=home, cidr_blocks=[cidr], **more)
    return server.network.create_vcn(details).data


def a_subnet(server: LocalVcn, vcn: m.Vcn, *cidrs: str, **more: object) -> m.Subnet:
    details = m.CreateSubnetDetails(
        compartment_id=vcn.compartment_id,
        vcn_id=vcn.id,
        ipv4_cidr_blocks=list(cidrs),
        prohibit_internet_ingress=True,
        **more,
    )
    return server.network.create_subnet(details).data


def prefix(vcn: m.Vcn, n: int) -> str:
    outer = IPv6Network(vcn.ipv6_cidr_blocks[0])
    return str(IPv6Network((int(outer[0]) + (n << 64), 64)))


QUICK = {"max_interval_seconds": 0.1}


def test_a_vcn_grows_while_its_calls_are_waited_for(
    server: LocalVcn, home: str, composite: VirtualNetworkClientCompositeOperations
) -> None:
    network = server.network
    vcn = a_vcn(server, home, "10.20.0.0/16")

    added = composite.add_vcn_cidr_and_wait_for_work_request(
        vcn.id, m.AddVcnCidrDetails(cidr_block="10.21.0.0/16"), waiter_kwargs=QUICK
    ).data
    subnet = a_subnet(server, vcn, "10.21.0.0/24")  # at once: the work is done
    composite.modify_vcn_cidr_and_wait_for_work_request(
        vcn.id,
        m.ModifyVcnCidrDetails(
            original_cidr_block="10.21.0.0/16", new_cidr_block="10.21.0.0/20"
        ),
        waiter_kwargs=QUICK,
    )
    composite.remove_vcn_cidr_and_wait_for_work_request(
        vcn.id, m.RemoveVcnCidrDetails(cidr_block="10.20.0.0/16"), waiter_kwargs=QUICK
    )
    composite.add_ipv6_vcn_cidr_and_wait_for_work_request(vcn.id, waiter_kwargs=QUICK)
    composite.add_ipv6_vcn_cidr_and_wait_for_work_request(
        vcn.id,
        operation_kwargs={
            "add_vcn_ipv6_cidr_details": m.AddVcnIpv6CidrDetails(
                ipv6_private_cidr_block="fd20::/48"
            )
        },
        waiter_kwargs=QUICK,
    )
    grown = network.get_vcn(vcn.id).data
    with pytest.raises(oci.exceptions.ServiceError) as used:
        network.remove_vcn_cidr(
            vcn.id, m.RemoveVcnCidrDetails(cidr_block="10.21.0.0/20")
        )
    composite.remove_ipv6_vcn_cidr_and_wait_for_work_request(
        vcn.id,
        operation_kwargs={
            "remove_vcn_ipv6_cidr_details": m.RemoveVcnIpv6CidrDetails(
                ipv6_cidr_block=grown.ipv6_cidr_blocks[0]
            )
        },
        waiter_kwargs=QUICK,
    )
    shrunk = network.get_vcn(vcn.id).data

    assert added.status == "SUCCEEDED"
    assert added.resources[0].identifier == vcn.id
    assert subnet.cidr_block == "10.21.0.0/24"
    assert grown.cidr_blocks == ["10.21.0.0/20"]
    assert IPv6Network(grown.ipv6_cidr_blocks[0]).prefixlen == 56
    assert grown.ipv6_private_cidr_blocks == shrunk.ipv6_private_cidr_blocks
    assert (used.value.status, used.value.code) == (409, "Conflict")
    assert shrunk.ipv6_cidr_blocks == []


def test_a_subnet_that_grows_refuses_addresses_meanwhile(tmp_path: Path) -> None:
    with local_vcn(tmp_path, flags=("--delay", "subnet-update=1h")) as server:
        vcn = a_vcn(server, server.init()["tenancy"], "10.25.0.0/16")
        subnet = a_subnet(server, vcn, "10.25.0.0/25")
        network = server.network
        network.add_ipv4_subnet_cidr(
            subnet.id, m.AddIpv4SubnetCidrDetails(ipv4_cidr_block="10.25.4.0/24")
        )
        with pytest.raises(oci.exceptions.ServiceError) as early:
            network.create_private_ip(m.CreatePrivateIpDetails(subnet_id=subnet.id))

    assert (early.value.status, early.value.code) == (409, "IncorrectState")


def test_a_subnet_grows_and_shrinks(
    server: LocalVcn, home: str, composite: VirtualNetworkClientCompositeOperations
) -> None:
    network = server.network
    vcn = a_vcn(server, home, "10.22.0.0/16", is_ipv6_enabled=True)
    subnet = a_subnet(server, vcn, "10.22.0.0/25", ipv6_cidr_block=prefix(vcn, 1))

    network.add_ipv4_subnet_cidr(
        subnet.id, m.AddIpv4SubnetCidrDetails(ipv4_cidr_block="10.22.4.0/24")
    )
    eventually(lambda: network.get_subnet(subnet.id), "AVAILABLE")
    block = network.create_private_ip(
        m.CreatePrivateIpDetails(subnet_id=subnet.id, cidr_prefix_length=27)
    ).data
    composite.modify_ipv4_subnet_cidr_and_wait_for_work_request(
        subnet.id,
        m.ModifyIpv4SubnetCidrDetails(
            ipv4_cidr_block="10.22.0.0/25", updated_ipv4_cidr_block="10.22.0.0/24"
        ),
        waiter_kwargs=QUICK,
    )
    composite.add_ipv6_subnet_cidr_and_wait_for_work_request(
        subnet.id,
        m.AddSubnetIpv6CidrDetails(ipv6_cidr_block=prefix(vcn, 2)),
        waiter_kwargs=QUICK,
    )
    composite.remove_ipv6_subnet_cidr_and_wait_for_work_request(
        subnet.id,
        m.RemoveSubnetIpv6CidrDetails(ipv6_cidr_block=prefix(vcn, 1)),
        waiter_kwargs=QUICK,
    )
    composite.remove_ipv4_subnet_cidr_and_wait_for_work_request(
        subnet.id,
        m.RemoveIpv4SubnetCidrDetails(ipv4_cidr_block="10.22.0.0/24"),
        waiter_kwargs=QUICK,
    )
    changed = network.get_subnet(subnet.id).data

    assert IPv4Address(block.ip_address) in IPv4Network("10.22.4.0/24")
    assert changed.ipv4_cidr_blocks == ["10.22.4.0/24"]
    assert changed.ipv6_cidr_blocks == [prefix(vcn, 2)]
    assert IPv6Address(changed.ipv6_virtual_router_ip).is_link_local


def test_a_node_with_two_vnics_gets_addresses_and_a_block(
    server: LocalVcn, home: str, composite: VirtualNetworkClientCompositeOperations
) -> None:
    network, compute = server.network, server.compute
    vcn = a_vcn(server, home, "10.23.0.0/16", is_ipv6_enabled=True)
    block = prefix(vcn, 7)
    subnet = a_subnet(server, vcn, "10.23.0.0/24", ipv6_cidr_block=block)
    reserved = network.create_private_ip(
        m.CreatePrivateIpDetails(subnet_id=subnet.id, display_name="kept")
    ).data
    node = an_instance(
        server,
        subnet.id,
        assign_ipv6_ip=True,
        private_ip_id=reserved.id,
        assign_public_ip=False,
    )
    place = compute.attach_vnic(
        m.AttachVnicDetails(
            instance_id=node.id,
            create_vnic_details=m.CreateVnicDetails(
                subnet_id=subnet.id,
                ipv6_address_ipv6_subnet_cidr_pair_details=[
                    m.Ipv6AddressIpv6SubnetCidrPairDetails(
                        ipv6_subnet_cidr=block, ipv6_address=str(IPv6Network(block)[77])
                    )
                ],
            ),
        )
    ).data
    place = eventually(lambda: compute.get_vnic_attachment(place.id), "ATTACHED").data
    first = next(
        network.get_vnic(a.vnic_id).data
        for a in compute.list_vnic_attachments(home, instance_id=node.id).data
        if a.id != place.id
    )
    second = network.get_vnic(place.vnic_id).data

    pods = composite.create_ipv6_and_wait_for_state(
        m.CreateIpv6Details(vnic_id=second.id, cidr_prefix_length=120),
        wait_for_states=["AVAILABLE"],
    ).data
    kept = network.create_ipv6(
        m.CreateIpv6Details(vnic_id=second.id, lifetime="RESERVED")
    ).data
    moved = network.update_ipv6(
        kept.id, m.UpdateIpv6Details(vnic_id=first.id, display_name="moved")
    ).data
    loose = network.ipv6_vnic_detach(kept.id).data
    listed = network.list_ipv6s(vnic_id=second.id).data
    found = network.list_ipv6s(subnet_id=subnet.id, ip_address=kept.ip_address).data
    composite.delete_ipv6_and_wait_for_state(pods.id, wait_for_states=["TERMINATED"])
    compute.detach_vnic(place.id)
    eventually(lambda: compute.get_vnic_attachment(place.id), "DETACHED")
    left = network.list_ipv6s(subnet_id=subnet.id).data

    assert first.private_ip == reserved.ip_address
    assert IPv6Address(first.ipv6_addresses[0]) in IPv6Network(block)
    assert second.ipv6_addresses == [str(IPv6Network(block)[77])]
    assert IPv6Network(f"{pods.ip_address}/120").subnet_of(IPv6Network(block))
    assert (moved.vnic_id, moved.display_name) == (first.id, "moved")
    assert (loose.ip_state, loose.vnic_id) == ("AVAILABLE", None)
    assert pods.id in {six.id for six in listed}
    assert [six.id for six in found] == [kept.id]
    assert {six.ip_address for six in left} == {
        first.ipv6_addresses[0],
        kept.ip_address,
    }


def test_a_wish_that_cannot_be_is_told_by_field(server: LocalVcn, home: str) -> None:
    network = server.network
    vcn = a_vcn(server, home, "10.24.0.0/16", is_ipv6_enabled=True)
    subnet = a_subnet(
        server, vcn, "10.24.0.0/24", ipv6_cidr_blocks=[prefix(vcn, 1), prefix(vcn, 2)]
    )
    wrong = {
        "ipv6SubnetCidr": m.CreateIpv6Details(subnet_id=subnet.id),
        "cidrPrefixLength": m.CreateIpv6Details(
            subnet_id=subnet.id, cidr_prefix_length=97
        ),
        "ipAddress": m.CreateIpv6Details(
            subnet_id=subnet.id,
            ip_address="2001:db8::1",
            ipv6_subnet_cidr=prefix(vcn, 1),
        ),
    }
    for field, details in wrong.items():
        with pytest.raises(oci.exceptions.ServiceError) as refusal:
            network.create_ipv6(details)
        assert refusal.value.status == 400
        assert field in refusal.value.message
    assert network.list_ipv6s(subnet_id=subnet.id).data == []
