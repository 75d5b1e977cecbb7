"""What takes its time, by the official SDK: bulk addresses, public IPs, instances that change, inventory."""

from collections.abc import Iterator

import oci
import pytest
from journeys.local_vcn import SHAPE, LocalVcn, eventually, local_vcn
from oci.core import ComputeClientCompositeOperations as Compute
from oci.core import VirtualNetworkClientCompositeOperations as Network
from oci.core import models as m
from oci.work_requests import WorkRequestClient

FAST = {"max_interval_seconds": 0, "max_wait_seconds": 600}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalVcn]:
    with local_vcn(tmp_path_factory.mktemp("vcn")) as started:
        yield started


@pytest.fixture(scope="module")
def home(server: LocalVcn) -> str:
    compartment: str = server.init()["tenancy"]
    return compartment


@pytest.fixture(scope="module")
def vcn(server: LocalVcn, home: str) -> m.Vcn:
    details = m.CreateVcnDetails(
        compartment_id=home, cidr_blocks=["10.0.0.0/16"], is_ipv6_enabled=True
    )
    made = server.network.create_vcn(details).data
    get = server.network.get_vcn
    return eventually(lambda: get(made.id), "AVAILABLE").data


@pytest.fixture(scope="module")
def subnet(server: LocalVcn, home: str, vcn: m.Vcn) -> m.Subnet:
    return server.network.create_subnet(
        m.CreateSubnetDetails(
            compartment_id=home,
            vcn_id=vcn.id,
            ipv4_cidr_blocks=["10.0.0.0/24", "10.0.64.0/18"],
            ipv6_cidr_blocks=[vcn.ipv6_cidr_blocks[0].replace("/56", "/64")],
        )
    ).data


@pytest.fixture(scope="module")
def instance(server: LocalVcn, home: str, subnet: m.Subnet) -> m.Instance:
    details = m.LaunchInstanceDetails(
        compartment_id=home,
        availability_domain="moor:LOCAL-1-AD-1",
        shape=SHAPE,
        shape_config=m.LaunchInstanceShapeConfigDetails(ocpus=4),
        create_vnic_details=m.CreateVnicDetails(
            subnet_id=subnet.id, assign_public_ip=False
        ),
    )
    compute = Compute(server.compute, server.client(WorkRequestClient))
    done = compute.launch_instance_and_wait_for_work_request(
        details, waiter_kwargs=FAST
    ).data
    assert done.status == "SUCCEEDED"
    launched = server.compute.get_instance(done.resources[0].identifier).data
    assert launched.lifecycle_state == "RUNNING"
    return launched


@pytest.fixture(scope="module")
def vnic(server: LocalVcn, home: str, instance: m.Instance) -> m.Vnic:
    found = server.compute.list_vnic_attachments(home, instance_id=instance.id).data
    return server.network.get_vnic(found[0].vnic_id).data


@pytest.fixture
def network(server: LocalVcn) -> Network:
    return Network(server.network, server.client(WorkRequestClient))


def test_bulk_addresses_come_move_and_go(
    server: LocalVcn, network: Network, subnet: m.Subnet, vnic: m.Vnic
) -> None:
    items = [m.BulkCreatePrivateIpItem(display_name=f"pod-{n}") for n in range(5)]
    items += [m.BulkCreatePrivateIpItem(cidr_prefix_length=27)]
    done = network.bulk_create_private_ips_and_wait_for_work_request(
        m.BulkCreatePrivateIpsDetails(
            vnic_id=vnic.id, bulk_create_private_ip_item=items
        ),
        waiter_kwargs=FAST,
    ).data
    ips = server.network.list_private_ips(vnic_id=vnic.id).data[1:]

    assert (done.status, done.operation_type) == ("SUCCEEDED", "BulkCreatePrivateIps")
    assert len(ips) == 6
    assert {ip.id for ip in ips} <= {one.identifier for one in done.resources}

    chosen = [m.BulkDetachPrivateIpItem(private_ip_id=ip.id) for ip in ips]
    done = network.bulk_detach_private_ips_and_wait_for_work_request(
        m.BulkDetachPrivateIpsDetails(
            vnic_id=vnic.id, bulk_detach_private_ip_item=chosen
        ),
        waiter_kwargs=FAST,
    ).data
    assert done.status == "SUCCEEDED"
    again = [m.BulkUpdatePrivateIpItem(private_ip_id=ip.id) for ip in ips]
    network.bulk_update_private_ips_and_wait_for_work_request(
        m.BulkUpdatePrivateIpsDetails(
            vnic_id=vnic.id, bulk_update_private_ip_item=again
        ),
        waiter_kwargs=FAST,
    )
    assert len(server.network.list_private_ips(vnic_id=vnic.id).data) == 7
    gone = [m.BulkDeletePrivateIpItem(private_ip_id=ip.id) for ip in ips]
    network.bulk_delete_private_ips_and_wait_for_work_request(
        m.BulkDeletePrivateIpsDetails(
            subnet_id=subnet.id, bulk_delete_private_ip_item=gone
        ),
        waiter_kwargs=FAST,
    )
    assert len(server.network.list_private_ips(vnic_id=vnic.id).data) == 1


def test_bulk_ipv6_addresses(server: LocalVcn, network: Network, vnic: m.Vnic) -> None:
    items = [m.BulkCreateIpv6sItem(), m.BulkCreateIpv6sItem(cidr_prefix_length=96)]
    network.bulk_create_ipv6s_and_wait_for_work_request(
        m.BulkCreateIpv6sDetails(vnic_id=vnic.id, bulk_create_ipv6s_item=items),
        waiter_kwargs=FAST,
    )
    made = server.network.list_ipv6s(vnic_id=vnic.id).data
    assert {ip.cidr_prefix_length for ip in made} == {None, 96}

    gone = [m.BulkDeleteIpv6sItem(ipv6_id=ip.id) for ip in made]
    done = network.bulk_delete_ipv6s_and_wait_for_work_request(
        m.BulkDeleteIpv6sDetails(vnic_id=vnic.id, bulk_delete_ipv6s_item=gone),
        waiter_kwargs=FAST,
    ).data
    assert {one.action_type for one in done.resources} == {"DELETED", "RELATED"}


def test_what_fails_of_a_bulk_is_told_by_its_work_request(
    server: LocalVcn, home: str, vnic: m.Vnic
) -> None:
    requests = server.client(WorkRequestClient)
    details = m.BulkCreatePrivateIpsDetails(
        vnic_id=vnic.id,
        bulk_create_private_ip_item=[
            m.BulkCreatePrivateIpItem(ip_address="10.0.0.77"),
            m.BulkCreatePrivateIpItem(ip_address="10.0.0.77"),
        ],
    )
    first, second = (
        server.network.bulk_create_private_ips(details, opc_retry_token="once")
        for _ in range(2)
    )
    id = first.headers["opc-work-request-id"]
    assert second.headers["opc-work-request-id"] == id
    assert first.data is None

    done = oci.wait_until(
        requests, requests.get_work_request(id), "status", "FAILED", **FAST
    ).data

    assert done.percent_complete == 50
    (error,) = requests.list_work_request_errors(id).data
    assert error.code == "Conflict"
    assert "10.0.0.77" in error.message
    assert len(requests.list_work_request_logs(id).data) >= 3
    listed = requests.list_work_requests(home, resource_id=vnic.id).data
    assert id in {one.id for one in listed}


def test_a_reserved_public_ip_is_assigned_moved_and_given_back(
    server: LocalVcn, network: Network, home: str, vnic: m.Vnic
) -> None:
    primary = server.network.list_private_ips(vnic_id=vnic.id).data[0]
    second = server.network.create_private_ip(
        m.CreatePrivateIpDetails(vnic_id=vnic.id)
    ).data
    public = network.create_public_ip_and_wait_for_state(
        m.CreatePublicIpDetails(
            compartment_id=home, lifetime="RESERVED", private_ip_id=primary.id
        ),
        wait_for_states=["ASSIGNED"],
        waiter_kwargs=FAST,
    ).data
    assert server.network.get_vnic(vnic.id).data.public_ip == public.ip_address

    network.update_public_ip_and_wait_for_state(
        public.id,
        m.UpdatePublicIpDetails(private_ip_id=second.id),
        wait_for_states=["ASSIGNED"],
        waiter_kwargs=FAST,
    )
    details = m.GetPublicIpByPrivateIpIdDetails(private_ip_id=second.id)
    found = server.network.get_public_ip_by_private_ip_id(details).data
    assert (found.id, found.private_ip_id) == (public.id, second.id)
    assert server.network.get_vnic(vnic.id).data.public_ip is None

    network.update_public_ip_and_wait_for_state(
        public.id,
        m.UpdatePublicIpDetails(private_ip_id=""),
        wait_for_states=["AVAILABLE"],
        waiter_kwargs=FAST,
    )
    listed = server.network.list_public_ips("REGION", home, lifetime="RESERVED").data
    assert [one.id for one in listed] == [public.id]
    server.network.delete_public_ip(public.id)
    address = m.GetPublicIpByIpAddressDetails(ip_address=public.ip_address)
    with pytest.raises(oci.exceptions.ServiceError) as error:
        server.network.get_public_ip_by_ip_address(address)
    assert error.value.status == 404


def test_an_instance_grows_and_is_moved(server: LocalVcn, instance: m.Instance) -> None:
    compute = Compute(server.compute, server.client(WorkRequestClient))
    config = m.UpdateInstanceShapeConfigDetails(ocpus=8)
    compute.update_instance_and_wait_for_work_request(
        instance.id,
        m.UpdateInstanceDetails(shape_config=config),
        waiter_kwargs=FAST,
    )
    grown = server.compute.get_instance(instance.id).data
    assert (grown.shape_config.ocpus, grown.shape_config.max_vnic_attachments) == (8, 8)

    for action, details in (
        ("SOFTRESET", m.SoftResetActionDetails()),
        ("REBOOTMIGRATE", m.RebootMigrateActionDetails(delete_local_storage=False)),
        ("RESET", None),
    ):
        more = {} if details is None else {"instance_power_action_details": details}
        server.compute.instance_action(instance.id, action, **more)
        eventually(lambda: server.compute.get_instance(instance.id), "RUNNING")


def test_shapes_tell_how_many_vnics_they_carry(server: LocalVcn, home: str) -> None:
    (shape,) = server.compute.list_shapes(home, shape=SHAPE).data

    options = shape.max_vnic_attachment_options
    assert (options.min, options.max, options.default_per_ocpu) == (2, 24, 1)
    assert shape.memory_options.default_per_ocpu_in_g_bs == 16


def test_inventory_and_topologies(
    server: LocalVcn, home: str, vcn: m.Vcn, subnet: m.Subnet, vnic: m.Vnic
) -> None:
    where = {"region_list": ["local-1"], "compartment_list": [home]}
    listed = server.network.list_ip_inventory(m.ListIpInventoryDetails(**where)).data
    (found,) = listed.inventory_vcn_collection
    (part,) = found.inventory_subnetcollection
    assert (found.vcn_id, part.subnet_id) == (vcn.id, subnet.id)
    assert part.inventory_resource_summary[0].mac_address == vnic.mac_address

    ips = server.network.get_subnet_ip_inventory(subnet.id).data
    known = {one.ip_address for one in ips.ip_inventory_subnet_resource_summary}
    assert vnic.private_ip in known
    parts = server.network.get_subnet_cidr_utilization(subnet.id).data
    assert parts.ip_inventory_cidr_utilization_summary[0].utilization > 0
    overlaps = server.network.get_vcn_overlap(
        vcn.id, m.GetIpInventoryVcnOverlapDetails(**where)
    ).data
    assert overlaps.overlap_count == 0
    one = server.network.get_resource_ip_inventory(vcn.id).data
    assert one.inventory_vcn_collection[0].vcn_id == vcn.id

    regional = server.network.get_networking_topology(home).data
    assert vcn.id in {entity["id"] for entity in regional.entities}
    inner = server.network.get_vcn_topology(home, vcn.id).data
    pairs = {(e.id1, e.id2) for e in inner.relationships if e.type == "CONTAINS"}
    assert (vcn.id, subnet.id) in pairs
    low = server.network.get_subnet_topology(home, subnet.id).data
    assert (low.subnet_id, low.type) == (subnet.id, "SUBNET")
